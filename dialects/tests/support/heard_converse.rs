//! What a Converse answer says, and requests with what means the same written the same.

use dialects::Usage;
use serde_json::{Value, json};

use super::heard::{Heard, normal};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn finish(reason: &str, heard: &Heard) -> String {
    match reason {
        "tool_use" => "tool_calls",
        "end_turn" if !heard.calls.is_empty() => "tool_calls",
        "max_tokens" | "model_context_window_exceeded" => "length",
        "guardrail_intervened" | "content_filtered" => "content_filter",
        _ => "stop",
    }
    .into()
}

fn usage(usage: &Value) -> Option<Usage> {
    let n = |key: &str| usage[key].as_u64().unwrap_or(0);
    usage["inputTokens"].as_u64()?;
    Some(Usage {
        input: n("totalTokens") - n("outputTokens"),
        output: n("outputTokens"),
        cached_input: n("cacheReadInputTokens"),
        cache_write: n("cacheWriteInputTokens"),
        ..Usage::default()
    })
}

pub fn whole(body: &str) -> Heard {
    let value: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    let mut heard = Heard { ended: true, ..Heard::default() };
    for block in value["output"]["message"]["content"].as_array().unwrap() {
        heard.text += text(&block["text"]);
        for words in block["citationsContent"]["content"].as_array().into_iter().flatten() {
            heard.text += text(&words["text"]);
        }
        heard.thinking += text(&block["reasoningContent"]["reasoningText"]["text"]);
        let call = &block["toolUse"];
        if call.is_object() && call["type"] != "server_tool_use" {
            heard.calls.push((text(&call["toolUseId"]).into(), text(&call["name"]).into(), call["input"].clone()));
        }
    }
    heard.finish = finish(text(&value["stopReason"]), &heard);
    heard.usage = usage(&value["usage"]);
    heard
}

/// The messages of an event stream: type and payload. Checksums are for the code under test.
pub fn messages(mut bytes: &[u8]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    while !bytes.is_empty() {
        let (length, headers) = (number(bytes), number(&bytes[4..]));
        let (mut head, payload) = (&bytes[12..12 + headers], &bytes[12 + headers..length - 4]);
        let mut kind = String::new();
        while !head.is_empty() {
            let name = &head[1..1 + head[0] as usize];
            head = &head[1 + name.len()..];
            assert_eq!(head[0], 7, "a string");
            let value = &head[3..3 + u16::from_be_bytes([head[1], head[2]]) as usize];
            head = &head[3 + value.len()..];
            if name == b":event-type" {
                kind = String::from_utf8(value.to_vec()).unwrap();
            }
        }
        found.push((kind, serde_json::from_slice(payload).unwrap()));
        bytes = &bytes[length..];
    }
    found
}

pub fn stream(bytes: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let mut calls: Vec<(u64, String, String, String)> = Vec::new();
    let mut reason = String::new();
    for (kind, data) in messages(bytes) {
        let index = data["contentBlockIndex"].as_u64().unwrap_or(0);
        match &*kind {
            "contentBlockStart" => {
                let call = &data["start"]["toolUse"];
                if call.is_object() && call["type"] != "server_tool_use" {
                    let (id, name) = (text(&call["toolUseId"]), text(&call["name"]));
                    calls.push((index, id.into(), name.into(), String::new()));
                }
            }
            "contentBlockDelta" => {
                let delta = &data["delta"];
                heard.text += text(&delta["text"]);
                heard.thinking += text(&delta["reasoningContent"]["text"]);
                if let Some(call) = calls.iter_mut().find(|call| call.0 == index) {
                    call.3 += text(&delta["toolUse"]["input"]);
                }
            }
            "messageStop" => reason = text(&data["stopReason"]).into(),
            "metadata" => {
                heard.usage = usage(&data["usage"]);
                heard.ended = true;
            }
            "messageStart" | "contentBlockStop" => {}
            other => panic!("{other}"),
        }
    }
    for (_, id, name, arguments) in calls {
        let arguments =
            if arguments.is_empty() { json!({}) } else { serde_json::from_str(&arguments).unwrap_or(json!(arguments)) };
        heard.calls.push((id, name, arguments));
    }
    heard.finish = finish(&reason, &heard);
    heard
}

/// A request in one spelling.
pub fn request(value: &Value) -> Value {
    let mut value = normal(value);
    tidy(&mut value);
    value.as_object_mut().unwrap().retain(|_, value| *value != json!({}) && *value != json!([]));
    value
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // How it is without the word.
            if members.contains_key("toolUseId") && members.get("status") == Some(&json!("success")) {
                members.remove("status");
            }
            // JSON that a tool said is as good as its text.
            if members.len() == 1
                && let Some(json) = members.remove("json")
            {
                let schema = json["type"] == "object" && json["properties"].is_object();
                let said = if schema { json } else { normal(&json) };
                members.insert(if schema { "json" } else { "text" }.into(), said);
            }
            if let Some(Value::String(text)) = members.get("text")
                && members.len() == 1
                && let Ok(json @ Value::Object(_)) = serde_json::from_str(text)
            {
                members.insert("text".into(), normal(&json));
            }
            if members.get("stopSequences") == Some(&json!([])) {
                members.remove("stopSequences");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
