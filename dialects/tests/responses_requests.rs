//! Requests of responses, recorded, captured and made: back in their own format, into others and out of them.
//!
//! The recordings and the captured clients are no part of the project: where the folders are not there, these tests say
//! so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use dialects::Wire;
use dialects::translate::{self, Hints, Refused, Target};
use serde_json::{Value, json};
use support::{Random, heard, recordings};

const PART: &str = "__openai.responses__";
const OTHERS: [(Wire, &str); 2] = [(Wire::Chat, "__openai.chat__"), (Wire::Messages, "__anthropic.messages__")];

fn captured(path: &str) -> Vec<(String, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/clients"));
    let Ok(clients) = std::fs::read_dir(folder) else {
        println!("skipped: there are no captured clients beside the checkout");
        return Vec::new();
    };
    let mut found = Vec::new();
    for client in clients.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&client).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(capture) = serde_json::from_str::<Value>(&std::fs::read_to_string(&file).unwrap_or_default()) else {
                continue;
            };
            if capture["path"].as_str().is_some_and(|p| p.ends_with(path)) && capture["body"].is_object() {
                found.push((file.display().to_string(), capture["body"].to_string()));
            }
        }
    }
    found.sort();
    found
}

/// Requests that were answered, and those of captured clients.
fn requests() -> Vec<(String, String)> {
    let answered = recordings(PART).into_iter().filter(|exchange| exchange.status != 400);
    let mut all: Vec<_> = answered.filter_map(|exchange| Some((exchange.name, exchange.request?))).collect();
    all.extend(captured("/responses"));
    all
}

fn read<'a>(name: &str, body: &'a str) -> dialects::conversation::Request<'a> {
    translate::read(Wire::Responses, body.as_bytes(), &Hints::default())
        .unwrap_or_else(|bad| panic!("{name}: {}", bad.text()))
}

/// What means the same, written the same: see the head of the module under test.
fn plain(value: &Value) -> Value {
    let mut value = heard::normal(value);
    let members = value.as_object_mut().unwrap();
    if let Some(text) = members.get("input").and_then(Value::as_str) {
        let message = json!([{"role": "user", "content": text}]);
        members.insert("input".into(), message);
    }
    for key in ["include", "tools", "metadata"] {
        if members.get(key).is_some_and(|value| *value == json!([]) || *value == json!({})) {
            members.remove(key);
        }
    }
    for key in ["reasoning", "text"] {
        if members.get(key) == Some(&json!({})) {
            members.remove(key);
        }
    }
    if members.get("stream") == Some(&json!(false)) {
        members.remove("stream");
    }
    for item in members.get_mut("input").and_then(Value::as_array_mut).into_iter().flatten() {
        let item = item.as_object_mut().unwrap();
        if item.contains_key("role") {
            item.entry("type").or_insert("message".into());
        }
        if matches!(item["type"].as_str(), Some("message" | "function_call" | "function_call_output")) {
            item.remove("id");
            item.remove("status");
        }
        for key in ["content", "output"] {
            if let Some(text) = item.get(key).and_then(Value::as_str) {
                item.insert(key.into(), json!([{"type": "text", "text": text}]));
            }
            for part in item.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                let part = part.as_object_mut().unwrap();
                part.retain(|key, value| !matches!(&**key, "annotations" | "logprobs") || *value != json!([]));
                if part["type"] == "input_text" || part["type"] == "output_text" {
                    part.insert("type".into(), "text".into());
                }
            }
            if item.get(key) == Some(&json!([])) && item["type"] == "reasoning" {
                item.remove(key);
            }
        }
    }
    value
}

#[test]
fn requests_come_back_in_their_own_format() {
    let (mut same, mut losses): (u32, BTreeMap<&str, u32>) = Default::default();
    for (name, body) in requests() {
        let value: Value = serde_json::from_str(&body).unwrap();
        let request = read(&name, &body);
        let target = Target { model: &request.model, ..Target::default() };
        let written = translate::write(Wire::Responses, &request, &target).unwrap();
        written.losses.names().for_each(|loss| *losses.entry(loss).or_default() += 1);
        let back: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(plain(&value), plain(&back), "{name}\n{}\n{}", plain(&value), plain(&back));
        same += 1;
    }
    println!("responses: {same} requests come back the same; losses: {losses:?}");
    assert!(losses.is_empty());
}

/// Text, calls, results and tools of a request, by plain means.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    texts: Vec<String>,
    calls: Vec<(String, String, Value)>,
    results: Vec<String>,
    tools: Vec<String>,
    images: usize,
}

fn arguments(text: &Value) -> Value {
    let text = text.as_str().unwrap_or_default();
    if text.is_empty() { json!({}) } else { heard::normal(&serde_json::from_str(text).unwrap_or(json!(text))) }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn content(value: &Value, asked: &mut Asked) {
    match value {
        Value::String(text) => asked.texts.push(text.clone()),
        Value::Array(parts) => {
            for part in parts {
                match part["type"].as_str().unwrap_or_default() {
                    "text" | "input_text" | "output_text" => asked.texts.push(text_of(&part["text"])),
                    "image" | "image_url" | "input_image" => asked.images += 1,
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn asked(wire: Wire, value: &Value) -> Asked {
    let mut asked = Asked::default();
    content(&value["instructions"], &mut asked);
    content(&value["system"], &mut asked);
    if wire == Wire::Responses {
        content(&value["input"].as_str().map_or(Value::Null, |text| json!(text)), &mut asked);
        for item in value["input"].as_array().into_iter().flatten() {
            match item["type"].as_str().unwrap_or("message") {
                "message" => content(&item["content"], &mut asked),
                "function_call" => {
                    let space = item["namespace"].as_str().map(|space| format!("{space}__ns__")).unwrap_or_default();
                    let name = space + item["name"].as_str().unwrap();
                    asked.calls.push((text_of(&item["call_id"]), name, arguments(&item["arguments"])));
                }
                "function_call_output" => {
                    asked.results.push(text_of(&item["call_id"]));
                    content(&item["output"], &mut asked);
                }
                _ => {}
            }
        }
    }
    for message in value["messages"].as_array().into_iter().flatten() {
        content(&message["content"], &mut asked);
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            asked.calls.push((text_of(&call["id"]), text_of(&function["name"]), arguments(&function["arguments"])));
        }
        asked.results.extend(message["tool_call_id"].as_str().map(str::to_owned));
        for block in message["content"].as_array().into_iter().flatten() {
            if block["type"] == "tool_use" {
                asked.calls.push((text_of(&block["id"]), text_of(&block["name"]), heard::normal(&block["input"])));
            }
            if block["type"] == "tool_result" {
                asked.results.push(text_of(&block["tool_use_id"]));
                content(&block["content"], &mut asked);
            }
        }
    }
    for tool in value["tools"].as_array().into_iter().flatten() {
        match (tool["type"].as_str(), tool["name"].as_str()) {
            (Some("function"), None) => asked.tools.push(text_of(&tool["function"]["name"])),
            (Some("namespace"), Some(space)) => {
                let inner = tool["tools"].as_array().unwrap().iter();
                asked.tools.extend(inner.map(|tool| format!("{space}__ns__{}", tool["name"].as_str().unwrap())));
            }
            (Some("function" | "custom") | None, Some(name)) => asked.tools.push(name.into()),
            _ => {}
        }
    }
    asked.texts.retain(|text| !text.is_empty());
    asked
}

/// Ids as every provider takes them.
fn ids(asked: &Asked) -> (Vec<(String, String, Value)>, Vec<String>) {
    let plain = |id: &str| id.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
    let calls = asked.calls.iter().map(|(id, name, arguments)| (plain(id), name.clone(), arguments.clone())).collect();
    (calls, asked.results.iter().map(|id| plain(id)).collect())
}

fn translated(from: Wire, to: Wire, requests: Vec<(String, String)>) {
    let (mut count, mut refused, mut losses): (u32, u32, BTreeMap<&str, u32>) = Default::default();
    for (name, body) in requests {
        let value: Value = serde_json::from_str(&body).unwrap();
        let Ok(request) = translate::read(from, body.as_bytes(), &Hints::default()) else {
            continue;
        };
        let target = Target { model: "upstream", ..Target::default() };
        let written = match translate::write(to, &request, &target) {
            Ok(written) => written,
            Err(error) => {
                println!("{name}: {}", error.text());
                refused += 1;
                continue;
            }
        };
        count += 1;
        written.losses.names().for_each(|loss| *losses.entry(loss).or_default() += 1);
        let there: Value = serde_json::from_slice(&written.body).unwrap();
        let (here, there) = (asked(from, &value), asked(to, &there));
        let all = there.texts.join("\n\n");
        for text in &here.texts {
            assert!(all.contains(text), "{name}: {text}");
        }
        if value["functions"].is_null() {
            assert_eq!(ids(&here), ids(&there), "{name}");
            assert_eq!(here.tools, there.tools, "{name}");
            let kept_elsewhere = written.losses.names().any(|loss| loss == "file_ids");
            assert!(here.images == there.images || kept_elsewhere, "{name}");
        }
        assert!(translate::read(to, &written.body, &Hints::default()).is_ok(), "{name}");
    }
    println!("{} to {}: {count} requests, {refused} refused; losses: {losses:?}", from.label(), to.label());
}

#[test]
fn requests_are_translated_into_other_formats() {
    for (to, _) in OTHERS {
        translated(Wire::Responses, to, requests());
    }
}

#[test]
fn requests_of_other_formats_are_translated() {
    for ((from, part), path) in OTHERS.into_iter().zip(["/chat/completions", "/v1/messages"]) {
        let answered = recordings(part).into_iter().filter(|exchange| exchange.status != 400);
        let mut all: Vec<_> = answered.filter_map(|exchange| Some((exchange.name, exchange.request?))).collect();
        all.extend(captured(path));
        translated(from, Wire::Responses, all);
    }
}

/// What is kept by the provider, or done later, cannot be asked of another format.
#[test]
fn what_only_responses_can_do_is_refused_by_name() {
    for (body, param) in [
        (r#"{"model":"m","input":"a","previous_response_id":"resp_1"}"#, "previous_response_id"),
        (r#"{"model":"m","input":"a","conversation":"conv_1"}"#, "conversation"),
        (r#"{"model":"m","prompt":{"id":"pmpt_1"}}"#, "prompt"),
        (r#"{"model":"m","input":"a","background":true}"#, "background"),
        (r#"{"model":"m","input":[{"type":"item_reference","id":"msg_1"}]}"#, "input"),
    ] {
        let request = read(param, body);
        let target = Target { model: "m", ..Target::default() };
        for (to, _) in OTHERS {
            let Err(Refused::Impossible { param: blamed, .. }) = translate::write(to, &request, &target) else {
                panic!("{body}");
            };
            assert_eq!(blamed, Some(param));
        }
        let own = translate::write(Wire::Responses, &request, &target).unwrap();
        assert_eq!(plain(&serde_json::from_slice(&own.body).unwrap()), plain(&serde_json::from_str(body).unwrap()));
    }
}

#[test]
fn every_form_comes_back() {
    let body = json!({
        "model": "m", "instructions": "be brief",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                {"type": "input_image", "file_id": "file_1"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                {"type": "input_other", "x": 1}]},
            {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA",
             "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}],
             "content": [{"type": "reasoning_text", "text": "raw"}]},
            {"type": "message", "role": "assistant", "phase": "commentary", "content": [
                {"type": "output_text", "text": "so", "annotations": [{"type": "file_citation", "file_id": "f", "index": 1}]},
                {"type": "refusal", "refusal": "no"}]},
            {"type": "function_call", "call_id": "c1", "namespace": "ns", "name": "f", "arguments": "{\"a\": 1}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin\n"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
            {"type": "function_call_output", "call_id": "c1", "output": [
                {"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "https://example.com/a.png"}]},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
            {"type": "local_shell_call_output", "id": "l1", "output": "x"},
            {"type": "item_reference", "id": "msg_2"}],
        "tools": [
            {"type": "function", "name": "g", "description": "d", "parameters": {"type": "object"}, "strict": true},
            {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}},
            {"type": "namespace", "name": "ns", "description": "n", "tools": [
                {"type": "function", "name": "f", "parameters": {}}, {"type": "function", "name": "h"}]},
            {"type": "web_search", "search_context_size": "low"}],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [
            {"type": "function", "name": "g"}, {"type": "custom", "name": "patch"}]},
        "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}, "verbosity": "low", "x": 1},
        "reasoning": {"effort": "xhigh", "summary": "auto", "context": "all_turns"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "max_output_tokens": 5, "temperature": 0.5, "top_p": 0.25, "top_logprobs": 3, "metadata": {"a": "b"},
        "store": false, "stream": true, "service_tier": "flex", "prompt_cache_key": "k", "user": "u",
        "truncation": "auto", "previous_response_id": "resp_1", "client_metadata": {"c": "d"}
    });
    let text = body.to_string();
    let request = read("forms", &text);
    let written = translate::write(Wire::Responses, &request, &Target { model: "m", ..Target::default() }).unwrap();
    assert_eq!(plain(&serde_json::from_slice(&written.body).unwrap()), plain(&body));
    assert!(written.losses.is_empty(), "{:?}", written.losses);
    for choice in [
        json!("auto"),
        json!("none"),
        json!("required"),
        json!({"type": "function", "name": "g"}),
        json!({"type": "custom", "name": "patch"}),
        json!({"type": "web_search"}),
        json!({"type": "mcp", "server_label": "s"}),
    ] {
        let mut body = body.clone();
        body["tool_choice"] = choice;
        let text = body.to_string();
        let request = read("forms", &text);
        let written = translate::write(Wire::Responses, &request, &Target { model: "m", ..Target::default() }).unwrap();
        assert_eq!(plain(&serde_json::from_slice(&written.body).unwrap()), plain(&body));
    }
}

#[test]
fn bad_requests_are_told_what_is_wrong() {
    for (body, param) in [
        (r#"{"input":"a"}"#, Some("model")),
        (r#"{"model":"m","input":5}"#, Some("input")),
        (r#"{"model":"m","input":["a"]}"#, Some("input")),
        (r#"{"model":"m","input":[{}]}"#, Some("input")),
        (r#"{"model":"m","input":[{"role":"x","content":"a"}]}"#, Some("input")),
        (r#"{"model":"m","input":[{"role":"user","content":5}]}"#, Some("input")),
        (r#"{"model":"m","input":[{"type":"function_call","arguments":"{}"}]}"#, Some("input")),
        (r#"{"model":"m","input":[{"type":"function_call_output","output":"a"}]}"#, Some("input")),
    ] {
        let bad = translate::read(Wire::Responses, body.as_bytes(), &Hints::default()).unwrap_err();
        assert_eq!(bad.param, param, "{body}");
    }
    assert!(translate::read(Wire::Responses, b"{", &Hints::default()).is_err());
}

/// One of these, or nothing.
fn some(random: &mut Random, values: &[Value]) -> Value {
    values.get(random.below(values.len() + 1)).cloned().unwrap_or(Value::Null)
}

/// A request as a client could send it, out of all that the format has.
fn made(random: &mut Random) -> Value {
    const TEXTS: [&str; 6] = ["Hello", "\"quoted\\\"", "日本語 🚀", "\u{2028}\0", "data: x\n\n", "a"];
    let text = |random: &mut Random| json!(TEXTS[random.below(TEXTS.len())]);
    let mut input = Vec::new();
    for turn in 0..1 + random.below(4) {
        let role = ["user", "developer", "system"][random.below(3)];
        let mut content = vec![json!({"type": "input_text", "text": text(random)})];
        // Instructions with pictures are nothing that other formats know.
        if role == "user" && random.below(3) == 0 {
            content.push(json!({"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}));
        }
        if random.below(4) == 0 {
            content.push(
                json!({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}),
            );
        }
        input.push(json!({"type": "message", "role": role, "content": content}));
        if random.below(3) == 0 {
            let id = format!("rs_{turn}");
            input.push(json!({"type": "reasoning", "id": id, "encrypted_content": "gAAA",
                "summary": [{"type": "summary_text", "text": text(random)}]}));
        }
        if random.below(2) == 0 {
            let phase = some(random, &[json!("commentary"), json!("final_answer")]);
            input.push(json!({"type": "message", "role": "assistant", "phase": phase,
                "content": [{"type": "output_text", "text": text(random)}]}));
        }
        let calls = random.below(3);
        for call in 0..calls {
            let (id, space) = (format!("call_{turn}_{call}"), some(random, &[json!("space")]));
            input.push(json!({"type": "function_call", "call_id": id, "name": "f", "namespace": space,
                "arguments": json!({"a": text(random)}).to_string()}));
        }
        for call in 0..calls {
            let output = [text(random), json!([{"type": "input_image", "image_url": "https://example.com/a.png"}])];
            input.push(json!({"type": "function_call_output", "call_id": format!("call_{turn}_{call}"),
                "output": output[random.below(2)]}));
        }
    }
    let function = json!({"type": "function", "name": "f", "description": text(random), "parameters": {"type": "object"},
        "strict": some(random, &[json!(true), json!(false)])});
    json!({
        "model": "m", "input": input, "instructions": some(random, &[json!("be brief")]),
        "tools": [function, {"type": "namespace", "name": "space", "description": "d", "tools": [function]}],
        "tool_choice": some(random, &[json!("auto"), json!("none"), json!("required"), json!({"type": "function", "name": "f"})]),
        "parallel_tool_calls": some(random, &[json!(true), json!(false)]),
        "text": some(random, &[json!({"format": {"type": "json_object"}}), json!({"verbosity": "low"})]),
        "reasoning": some(random, &[json!({"effort": "minimal"}), json!({"summary": "auto", "effort": "max"})]),
        "include": some(random, &[json!(["reasoning.encrypted_content"])]),
        "temperature": some(random, &[json!(0.5)]), "top_p": some(random, &[json!(0.25)]),
        "max_output_tokens": some(random, &[json!(16), json!(4_000)]), "store": some(random, &[json!(true), json!(false)]),
        "stream": some(random, &[json!(true)]), "metadata": some(random, &[json!({"a": "b"})]),
        "prompt_cache_key": some(random, &[json!("k")]), "user": some(random, &[json!("u")]),
    })
}

#[test]
fn whatever_can_be_asked_comes_back_and_goes_through_other_formats() {
    let mut random = Random(47);
    for round in 0..3_000 {
        let value = made(&mut random);
        let text = value.to_string();
        let request = read("made", &text);
        let target = Target { model: "m", ..Target::default() };
        let own = translate::write(Wire::Responses, &request, &target).unwrap();
        assert!(own.losses.is_empty());
        assert_eq!(plain(&serde_json::from_slice(&own.body).unwrap()), plain(&value));

        let (there, _) = OTHERS[round % 2];
        let written = translate::write(there, &request, &target).unwrap();
        let middle = translate::read(there, &written.body, &Hints::default()).unwrap();
        let back = translate::write(Wire::Responses, &middle, &target).unwrap();
        let (asked, back) =
            (asked(Wire::Responses, &value), asked(Wire::Responses, &serde_json::from_slice(&back.body).unwrap()));
        assert_eq!(ids(&asked), ids(&back), "{text}");
        assert_eq!((&asked.tools, asked.images), (&back.tools, back.images), "{text}");
        let all = back.texts.join("\n\n");
        asked.texts.iter().for_each(|text| assert!(all.contains(text), "{text:?} {all}"));
    }
}

/// What the vendor's own types demand of a request: an image says its detail, and a tier is one of theirs.
#[test]
fn an_image_and_a_tier_of_another_dialect_are_as_the_vendor_has_them() {
    for (tier, there) in [("flex", json!("flex")), ("on_demand", Value::Null)] {
        let image = json!({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}});
        let body = json!({"model": "m", "service_tier": tier, "messages": [{"role": "user", "content": [image]}]});
        let body = body.to_string();
        let request = translate::read(Wire::Chat, body.as_bytes(), &Hints::default()).unwrap();
        let written = translate::write(Wire::Responses, &request, &Target { model: "m", ..Target::default() }).unwrap();
        let back: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(back["service_tier"], there);
        assert_eq!(written.losses.names().any(|name| name == "service_tier"), there.is_null());
        assert_eq!(back["input"][0]["content"][0]["detail"], "auto", "{back}");
    }
}
