//! What a client has heard of an answer, read by plain means as its SDK would: the measure of every translation.

use dialects::{Usage, Wire};
use serde_json::{Map, Value, json};

use super::{Event, events_of, reported};

/// An answer as far as every dialect can say it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    pub text: String,
    pub thinking: String,
    pub refusal: String,
    /// Id, name, arguments.
    pub calls: Vec<(String, String, Value)>,
    /// In chat's words, which are the fewest.
    pub finish: String,
    pub usage: Option<Usage>,
    /// A stream's own end was seen.
    pub ended: bool,
}

pub fn whole(wire: Wire, body: &str) -> Heard {
    let value: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    match wire {
        Wire::Chat => chat_message(&value),
        Wire::Messages => messages_message(&value),
        Wire::Responses => super::responses::whole(&value),
        Wire::Gemini | Wire::Converse => panic!("not read here"),
    }
}

pub fn stream(wire: Wire, body: &str) -> Heard {
    match wire {
        Wire::Chat => chat_stream(body),
        Wire::Messages => messages_stream(body),
        Wire::Responses => super::responses::recorded(body),
        Wire::Gemini | Wire::Converse => panic!("not read here"),
    }
}

fn arguments(text: &str) -> Value {
    if text.trim().is_empty() { json!({}) } else { serde_json::from_str(text).unwrap_or_else(|_| json!(text)) }
}

fn str_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn chat_finish(reason: &str, heard: &Heard) -> String {
    match reason {
        "eos" | "stop" | "" if !heard.calls.is_empty() => "tool_calls".into(),
        "eos" | "stop" | "" if !heard.refusal.is_empty() => "content_filter".into(),
        "eos" | "" => "stop".into(),
        "function_call" => "tool_calls".into(),
        other => other.into(),
    }
}

fn messages_finish(reason: &str) -> String {
    match reason {
        "tool_use" => "tool_calls",
        "max_tokens" | "model_context_window_exceeded" => "length",
        "refusal" => "content_filter",
        "end_turn" | "stop_sequence" | "pause_turn" => "stop",
        other => panic!("{other}"),
    }
    .into()
}

/// Content that may be a list of parts (Mistral).
fn content(value: &Value, heard: &mut Heard) {
    match value {
        Value::String(text) => heard.text += text,
        Value::Array(parts) => {
            for part in parts {
                heard.text += str_of(&part["text"]);
                for thought in part["thinking"].as_array().into_iter().flatten() {
                    heard.thinking += str_of(&thought["text"]);
                }
            }
        }
        _ => {}
    }
}

fn thought(delta: &Value) -> String {
    let text = str_of(&delta["reasoning_content"]).to_owned() + str_of(&delta["reasoning"]);
    if !text.is_empty() {
        return text;
    }
    let details = delta["reasoning_details"].as_array().into_iter().flatten();
    details.map(|detail| str_of(&detail["text"]).to_owned() + str_of(&detail["summary"])).collect()
}

fn chat_message(value: &Value) -> Heard {
    let choice = &value["choices"][0];
    let message = &choice["message"];
    let mut heard = Heard { ended: true, ..Heard::default() };
    content(&message["content"], &mut heard);
    heard.text += str_of(&message["audio"]["transcript"]);
    heard.thinking += &thought(message);
    heard.refusal += str_of(&message["refusal"]);
    let mut calls: Vec<&Value> = message["tool_calls"].as_array().into_iter().flatten().collect();
    let old = json!({"id": "", "function": message["function_call"]});
    if message["function_call"]["name"].as_str().is_some_and(|name| !name.is_empty()) {
        calls.push(&old);
    }
    for call in calls {
        let function = &call["function"];
        let text = function["arguments"].as_str().map_or_else(|| function["arguments"].to_string(), str::to_owned);
        heard.calls.push((str_of(&call["id"]).into(), str_of(&function["name"]).into(), arguments(&text)));
    }
    heard.finish = chat_finish(str_of(&choice["finish_reason"]), &heard);
    heard.usage = reported(&value["usage"]);
    heard
}

fn chat_stream(body: &str) -> Heard {
    let mut heard = Heard::default();
    let (mut finish, mut calls): (String, Vec<(Value, String, String, String)>) = (String::new(), Vec::new());
    for event in events_of(body) {
        heard.ended |= event.is_done();
        let Some(data) = event.data() else { continue };
        for usage in [&data["x_groq"]["usage"], &data["usage"]] {
            heard.usage = reported(usage).or(heard.usage);
        }
        let choice = &data["choices"][0];
        if !choice.is_object() || choice["index"].as_u64().unwrap_or(0) != 0 {
            continue;
        }
        let delta = &choice["delta"];
        content(&delta["content"], &mut heard);
        heard.thinking += &thought(delta);
        heard.refusal += str_of(&delta["refusal"]);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let (index, id, function) = (&call["index"], str_of(&call["id"]), &call["function"]);
            let known = calls.iter().rposition(|known| {
                if index.is_null() {
                    id.is_empty() || known.1 == id
                } else {
                    known.0 == *index && (id.is_empty() || known.1 == id)
                }
            });
            let at = known.unwrap_or_else(|| {
                calls.push((index.clone(), id.into(), str_of(&function["name"]).into(), String::new()));
                calls.len() - 1
            });
            calls[at].3 += &function["arguments"].as_str().map_or_else(String::new, str::to_owned);
        }
        if let Some(reason) = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty()) {
            finish = reason.into();
        }
    }
    heard.calls = calls.into_iter().map(|(_, id, name, text)| (id, name, arguments(&text))).collect();
    heard.finish = chat_finish(&finish, &heard);
    heard
}

/// Anthropic counts what came from a cache beside the rest.
fn messages_usage(usage: &Value, before: Option<Usage>) -> Option<Usage> {
    let n = |key: &str| usage[key].as_u64();
    if n("input_tokens").or(n("output_tokens")).is_none() {
        return before;
    }
    let before = before.unwrap_or_default();
    let (read, written) = (n("cache_read_input_tokens").unwrap_or(0), n("cache_creation_input_tokens").unwrap_or(0));
    Some(Usage {
        input: before.input.max(n("input_tokens").map_or(0, |fresh| fresh + read + written)),
        output: before.output.max(n("output_tokens").unwrap_or(0)),
        cached_input: before.cached_input.max(read),
        cache_write: before.cache_write.max(written),
        reasoning: before.reasoning.max(usage["output_tokens_details"]["thinking_tokens"].as_u64().unwrap_or(0)),
        estimated: false,
    })
}

fn messages_message(value: &Value) -> Heard {
    let mut heard = Heard { ended: true, ..Heard::default() };
    for block in value["content"].as_array().unwrap() {
        messages_block(block, &mut heard);
    }
    heard.finish = messages_finish(str_of(&value["stop_reason"]));
    heard.usage = messages_usage(&value["usage"], None);
    heard
}

fn messages_block(block: &Value, heard: &mut Heard) {
    match str_of(&block["type"]) {
        "text" => heard.text += str_of(&block["text"]),
        "thinking" => heard.thinking += str_of(&block["thinking"]),
        "tool_use" => {
            heard.calls.push((str_of(&block["id"]).into(), str_of(&block["name"]).into(), block["input"].clone()));
        }
        _ => {}
    }
}

/// As the SDKs do it: blocks by their number, which must be begun, not ended, and in order.
fn messages_stream(body: &str) -> Heard {
    let mut heard = Heard::default();
    let mut blocks: Vec<(Value, String, bool)> = Vec::new();
    let mut started = false;
    for event in events_of(body) {
        let Some(data) = event.data() else { continue };
        let at = data["index"].as_u64().unwrap_or(0) as usize;
        let kind = str_of(&data["type"]);
        assert_eq!(event.name().unwrap_or(kind), kind);
        match kind {
            "message_start" => {
                assert!(!std::mem::replace(&mut started, true), "two starts");
                heard.usage = messages_usage(&data["message"]["usage"], heard.usage);
            }
            "content_block_start" => {
                assert!(started && at == blocks.len(), "block {at} after {}", blocks.len());
                blocks.push((data["content_block"].clone(), String::new(), true));
            }
            "content_block_delta" => {
                let (block, json, open) = &mut blocks[at];
                assert!(*open, "a piece of an ended block");
                let delta = &data["delta"];
                match str_of(&delta["type"]) {
                    "text_delta" => append(block, "text", &delta["text"]),
                    "thinking_delta" => append(block, "thinking", &delta["thinking"]),
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    "input_json_delta" => *json += str_of(&delta["partial_json"]),
                    "citations_delta" => {}
                    other => panic!("{other}"),
                }
            }
            "content_block_stop" => {
                assert!(std::mem::replace(&mut blocks[at].2, false), "ended twice");
            }
            "message_delta" => {
                heard.finish = messages_finish(str_of(&data["delta"]["stop_reason"]));
                heard.usage = messages_usage(&data["usage"], heard.usage);
            }
            "message_stop" => heard.ended = true,
            "ping" => {}
            other => panic!("{other}"),
        }
    }
    assert!(blocks.iter().all(|block| !block.2) || !heard.ended, "a block without an end");
    for (mut block, json, _) in blocks {
        if !json.is_empty() {
            block["input"] = arguments(&json);
        }
        messages_block(&block, &mut heard);
    }
    heard
}

fn append(block: &mut Value, key: &str, text: &Value) {
    let joined = str_of(&block[key]).to_owned() + str_of(text);
    block[key] = json!(joined);
}

/// A request with what means the same written the same: nulls are absent, numbers are floats, one text is a string.
pub fn normal(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut normal: Map<String, Value> =
                members.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), self::normal(v))).collect();
            if let Some(text) = normal.get("content").or(normal.get("system")).and_then(one_text) {
                let key = if normal.contains_key("content") { "content" } else { "system" };
                normal.insert(key.into(), json!(text));
            }
            Value::Object(normal)
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Number(n) => json!(n.as_f64()),
        other => other.clone(),
    }
}

fn one_text(content: &Value) -> Option<String> {
    match content.as_array()?.as_slice() {
        [part] if part["type"] == "text" && part.as_object()?.len() == 2 => Some(str_of(&part["text"]).into()),
        _ => None,
    }
}

impl Event<'_> {
    pub fn name(&self) -> Option<&str> {
        self.field("event:")
    }

    fn is_done(&self) -> bool {
        self.field("data:").is_some_and(|data| data.starts_with("[DONE]"))
    }
}
