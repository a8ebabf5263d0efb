//! Responses: recorded and captured requests, answers and streams, into it and out of it, held against a plain reading
//! of the same bytes.
//!
//! The recordings and the captured clients are no part of the project: where the folders are not there, these tests say
//! so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use dialects::Wire;
use dialects::conversation::{Delta, Event, Kind, Opened};
use dialects::loss::{Fidelity, carries};
use dialects::translate::{self, Context, Hints, Malformed, Reader, Refused, Stream, Target};
use serde_json::{Value, json};
use support::heard::{self, Heard};
use support::{Exchange, Random, events_of, recordings, responses};

const PART: &str = "__openai.responses__";
const OTHERS: [(Wire, &str); 2] = [(Wire::Chat, "__openai.chat__"), (Wire::Messages, "__anthropic.messages__")];

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), include_usage: true, created: 7, ..Context::default() }
}

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

/// Through the stream, in these pieces.
fn through(from: Wire, to: Wire, pieces: &[&[u8]], context: &Context) -> (Vec<u8>, Stream, bool) {
    let mut stream = Stream::new(from, to, context);
    let mut out = Vec::new();
    for piece in pieces {
        stream.push(piece, &mut out);
    }
    let ended = stream.end(true, &mut out).is_ok();
    (out, stream, ended)
}

fn heard_stream(wire: Wire, body: &str) -> Heard {
    match wire {
        Wire::Responses => responses::written(body),
        Wire::Chat | Wire::Messages | Wire::Gemini | Wire::Converse => heard::stream(wire, body),
    }
}

fn said_stream(wire: Wire, body: &str) -> Heard {
    match wire {
        Wire::Responses => responses::recorded(body),
        Wire::Chat | Wire::Messages | Wire::Gemini | Wire::Converse => heard::stream(wire, body),
    }
}

fn heard_whole(wire: Wire, body: &str) -> Heard {
    match wire {
        Wire::Responses => responses::whole(&serde_json::from_str(body).unwrap()),
        Wire::Chat | Wire::Messages | Wire::Gemini | Wire::Converse => heard::whole(wire, body),
    }
}

fn alike(said: &Heard, heard: &Heard, name: &str) {
    assert_eq!(said.text.clone() + &said.refusal, heard.text.clone() + &heard.refusal, "{name}");
    assert_eq!(said.thinking, heard.thinking, "{name}");
    assert_eq!(said.finish, heard.finish, "{name}");
    assert_eq!(said.calls.len(), heard.calls.len(), "{name}: {:?} {:?}", said.calls, heard.calls);
    for (one, other) in said.calls.iter().zip(&heard.calls) {
        assert!(one.0.is_empty() && other.0.starts_with("call_") || other.0.starts_with(&one.0), "{name}: {other:?}");
        assert_eq!(one.1, other.1, "{name}");
        let kept = json!({"arguments": one.2});
        assert!(heard::normal(&one.2) == heard::normal(&other.2) || kept == other.2, "{name}: {one:?} {other:?}");
    }
    let counted = |usage: Option<dialects::Usage>| {
        // Where there must be a usage and nobody counted, it says nothing.
        let usage = usage.filter(|usage| *usage != dialects::Usage::default())?;
        let cached_input = usage.cached_input.min(usage.input);
        Some(dialects::Usage { cached_input, ..usage })
    };
    assert_eq!(counted(said.usage), counted(heard.usage), "{name}");
}

/// The recording is an error inside a 200.
fn fails(from: Wire, exchange: &Exchange) -> bool {
    let mut out = Vec::new();
    let mut stream = Stream::new(from, from, &context());
    if exchange.stream {
        stream.push(exchange.body.as_bytes(), &mut out).failure.is_some()
    } else {
        let value: Value = serde_json::from_str(&exchange.body).unwrap();
        !value["error"].is_null() || value["choices"][0]["finish_reason"] == "error"
    }
}

#[test]
fn streams_say_the_same_in_every_format() {
    let mut random = Random(11);
    let mut pairs = vec![(Wire::Responses, Wire::Responses, PART)];
    pairs.extend(
        OTHERS.into_iter().flat_map(|(wire, part)| [(Wire::Responses, wire, PART), (wire, Wire::Responses, part)]),
    );
    for (from, to, part) in pairs {
        let (mut streams, mut failed, mut cuts, mut most) = (0, 0, 0, 0);
        for exchange in recordings(part).iter().filter(|exchange| exchange.stream && exchange.status == 200) {
            let body = exchange.body.as_bytes();
            if fails(from, exchange) {
                failed += 1;
                continue;
            }
            let name = format!("{} to {}", exchange.name, to.label());
            let (whole, stream, ended) = through(from, to, &[body], &context());
            assert!(ended && stream.progress().content, "{name}");
            let text = std::str::from_utf8(&whole).unwrap();
            let (said, heard) = (said_stream(from, &exchange.body), heard_stream(to, text));
            assert!(heard.ended, "{name}");
            alike(&said, &heard, &name);
            assert_eq!(stream.progress().usage, said.usage, "{name}");
            for round in 0..6 {
                let pieces = random.pieces(body, [1, 9, 80, 700, 1_400, 20_000][round]);
                let (split, _, ended) = through(from, to, &pieces, &context());
                assert!(ended && split == whole, "{name} in pieces");
                cuts += 1;
            }
            streams += 1;
            most = most.max(whole.len() * 100 / body.len().max(1));
        }
        println!(
            "{} to {}: {streams} streams, {failed} with an error, cut in {cuts} ways; at most {most} % of the bytes",
            from.label(),
            to.label()
        );
    }
}

#[test]
fn whole_answers_say_the_same_in_every_format() {
    let mut pairs = vec![(Wire::Responses, Wire::Responses, PART)];
    pairs.extend(
        OTHERS.into_iter().flat_map(|(wire, part)| [(Wire::Responses, wire, PART), (wire, Wire::Responses, part)]),
    );
    for (from, to, part) in pairs {
        let (mut count, mut losses): (u32, BTreeMap<&str, u32>) = Default::default();
        for exchange in recordings(part).iter().filter(|exchange| !exchange.stream && exchange.status == 200) {
            let answer = match translate::answer(from, to, exchange.body.as_bytes(), &context()) {
                Ok(answer) => answer,
                Err(Malformed::Failed(_)) if fails(from, exchange) => continue,
                Err(error) => panic!("{}: {error:?}", exchange.name),
            };
            let text = std::str::from_utf8(&answer.body).unwrap();
            let name = format!("{} to {}", exchange.name, to.label());
            let (said, heard) = (heard_whole(from, &exchange.body), heard_whole(to, text));
            alike(&said, &heard, &name);
            assert_eq!(answer.usage, said.usage, "{name}");
            assert_eq!(serde_json::from_str::<Value>(text).unwrap()["model"], "public");
            assert!(answer.losses.fields().all(|field| carries(to, field) != Fidelity::Carried));
            answer.losses.names().for_each(|loss| *losses.entry(loss).or_default() += 1);
            count += 1;
        }
        println!("{} to {}: {count} answers; losses: {losses:?}", from.label(), to.label());
    }
}

/// Azure encrypts a thought anew each time it is told.
const STATE: &str = "and what is wanted back";

fn sorted(json: &str) -> String {
    serde_json::from_str::<Value>(json).unwrap().to_string()
}

/// A part of an answer in one line.
fn line(kind: &str, text: &str, more: &str) -> String {
    format!("{kind} {text} {more}")
}

/// The parts that the events of a stream come to.
fn gathered(body: &str) -> Vec<String> {
    let mut reader = Reader::new(Wire::Responses, &context());
    let mut parts: Vec<(&str, String, String)> = Vec::new();
    let (mut closed, mut done) = (0, false);
    let mut take = |event: Event<'_>| match event {
        Event::Open { part, opened } => {
            assert_eq!(part as usize, parts.len());
            parts.push(match opened {
                Opened::Text => ("text", String::new(), String::new()),
                Opened::Thinking => ("thinking", String::new(), String::new()),
                Opened::Refusal => ("refusal", String::new(), String::new()),
                Opened::Call { id, name, .. } => ("call", String::new(), format!("{} {}", &*id, &*name)),
                Opened::Whole(part) => match part.kind {
                    Kind::Native(native) => ("native", sorted(native.raw.get()), String::new()),
                    other => panic!("{other:?}"),
                },
            });
        }
        Event::Delta { part, delta } => match delta {
            Delta::Text(text) | Delta::Arguments(text) => parts[part as usize].1 += &text,
            Delta::Opaque(_) => parts[part as usize].2 = STATE.into(),
            Delta::Citation(citation) => parts[part as usize].2 += citation.raw.unwrap().get(),
            Delta::Native(_) => {}
        },
        Event::Close { .. } => closed += 1,
        Event::Start { .. } | Event::Finish { .. } | Event::Usage(_) => {}
        Event::Done => done = true,
    };
    for event in events_of(body) {
        if let Some(data) = event.data() {
            reader.event(b"", data.to_string().as_bytes(), &mut take).unwrap();
        }
    }
    assert!(done && closed == parts.len());
    parts.into_iter().map(|(kind, text, more)| line(kind, &text, &more)).collect()
}

/// What only this format knows comes when it is done, which need not be in the order of the output.
fn settled(mut parts: Vec<String>) -> Vec<String> {
    parts.sort_by_key(|part| part.strip_prefix("native").map(str::to_owned));
    parts
}

#[test]
fn a_stream_comes_to_what_its_last_event_says() {
    let (mut same, mut without) = (0, 0);
    for exchange in recordings(PART).iter().filter(|exchange| exchange.stream && exchange.status == 200) {
        if fails(Wire::Responses, exchange) {
            continue;
        }
        let last = events_of(&exchange.body).iter().rev().find_map(|event| {
            event
                .data()
                .map(|data| data["response"].clone())
                .filter(|response| response["status"] != "in_progress" && response.is_object())
        });
        let last = last.unwrap();
        if last["output"] == json!([]) {
            without += 1;
            continue;
        }
        let text = last.to_string();
        let answer = translate::read_answer(Wire::Responses, text.as_bytes()).unwrap();
        let parts: Vec<String> = answer
            .parts
            .iter()
            .map(|part| {
                let state = if part.opaque.is_some() { STATE } else { "" };
                match &part.kind {
                    Kind::Text { text, citations } => {
                        let cited: String = citations.iter().map(|citation| citation.raw.unwrap().get()).collect();
                        line("text", text, &cited)
                    }
                    Kind::Thinking { text } => line("thinking", text, state),
                    Kind::Refusal(text) => line("refusal", text, ""),
                    Kind::Call(call) => line("call", &call.arguments, &format!("{} {}", &*call.id, &*call.name)),
                    Kind::Native(native) => line("native", &sorted(native.raw.get()), ""),
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        assert_eq!(settled(gathered(&exchange.body)), settled(parts.clone()), "{}", exchange.name);
        // And where nothing but the last event comes.
        let only = format!("data: {}\n\n", json!({"type": "response.completed", "response": last}));
        assert_eq!(gathered(&only), parts, "{}", exchange.name);
        same += 1;
    }
    println!("{same} streams come to what their last event says, {without} whose last event says nothing");
}

#[test]
fn a_stream_that_was_cut_is_never_ended() {
    let mut cut = 0;
    for exchange in recordings(PART).iter().filter(|exchange| exchange.stream && exchange.status == 200) {
        let Some(end) =
            ["response.completed", "response.incomplete"].iter().filter_map(|word| exchange.body.find(word)).min()
        else {
            continue;
        };
        for part in 1..10 {
            for to in [Wire::Responses, Wire::Chat, Wire::Messages] {
                let (out, _, ended) =
                    through(Wire::Responses, to, &[&exchange.body.as_bytes()[..end * part / 10]], &context());
                assert!(!ended, "{}", exchange.name);
                let text = String::from_utf8(out).unwrap();
                assert!(!["[DONE]", "message_stop", "response.completed"].iter().any(|end| text.contains(end)));
                cut += 1;
            }
        }
    }
    println!("{cut} streams cut before their end");
}

fn chat(chunks: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in chunks {
        let data =
            json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [chunk]});
        body.extend_from_slice(format!("data: {data}\n\n").as_bytes());
    }
    body.extend_from_slice(b"data: [DONE]\n\n");
    body
}

fn call(name: &str, arguments: &str) -> Vec<Value> {
    let first = json!({"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": ""}});
    let mut chunks = vec![json!({"index": 0, "delta": {"role": "assistant", "tool_calls": [first]}})];
    for piece in arguments.split_inclusive(' ') {
        chunks.push(json!({"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}}));
    }
    chunks.push(json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}));
    chunks
}

/// The tool that Codex declares in a namespace is called under its own name again, and one that takes text gets text.
#[test]
fn codex_is_called_as_it_declared_its_tools() {
    let body = chat(&call("multi_agent_v1__ns__spawn_agent", r#"{"message": "hi"}"#));
    let (out, ..) = through(Wire::Chat, Wire::Responses, &[&body], &context());
    let text = String::from_utf8(out).unwrap();
    responses::written(&text);
    let done = events_of(&text)
        .iter()
        .filter_map(|event| event.data())
        .find(|data| data["type"] == "response.output_item.done");
    let item = &done.unwrap()["item"];
    assert_eq!((&item["namespace"], &item["name"]), (&json!("multi_agent_v1"), &json!("spawn_agent")));

    let context = Context { free_form: vec!["apply_patch".into()], ..context() };
    let body = chat(&call("apply_patch", r#"{"input": "*** Begin Patch\n*** End Patch"}"#));
    let (out, ..) = through(Wire::Chat, Wire::Responses, &[&body], &context);
    let text = String::from_utf8(out).unwrap();
    let heard = responses::written(&text);
    assert_eq!(heard.calls, [("c1".into(), "apply_patch".into(), json!("*** Begin Patch\n*** End Patch"))]);
    let whole = json!({"id": "x", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "apply_patch", "arguments": "{\"input\": \"*** Begin Patch\\n*** End Patch\"}"}}]}}]});
    let answer = translate::answer(Wire::Chat, Wire::Responses, whole.to_string().as_bytes(), &context).unwrap();
    assert_eq!(responses::whole(&serde_json::from_slice(&answer.body).unwrap()).calls, heard.calls);
}

/// The state of another provider comes back to it through a client of responses.
#[test]
fn what_a_provider_wants_back_survives_the_client() {
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "stop_reason": "tool_use", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}],
        "usage": {"input_tokens": 1, "output_tokens": 2}});
    let told = translate::answer(Wire::Messages, Wire::Responses, answer.to_string().as_bytes(), &context()).unwrap();
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    let mut input = told["output"].as_array().unwrap().clone();
    input.insert(0, json!({"role": "user", "content": "q"}));
    input.push(json!({"type": "function_call_output", "call_id": "toolu_1", "output": "r"}));
    let next = json!({"model": "m", "input": input, "reasoning": {"effort": "high"}}).to_string();
    let request = read("next", &next);
    let written = translate::write(Wire::Messages, &request, &Target { model: "c", ..Target::default() }).unwrap();
    let back: Value = serde_json::from_slice(&written.body).unwrap();
    let turn = back["messages"].as_array().unwrap().iter().find(|message| message["role"] == "assistant").unwrap();
    assert_eq!(turn["content"], answer["content"]);
    // No other provider ever sees it.
    for to in [Wire::Chat, Wire::Responses] {
        let written = translate::write(to, &request, &Target { model: "c", ..Target::default() }).unwrap();
        assert!(!String::from_utf8(written.body).unwrap().contains("aip1:"));
        assert!(written.losses.names().any(|name| name == "foreign_state"));
    }
}

/// Beyond its bound an answer ends for the client as one that was cut, and the stream is one all the same.
#[test]
fn an_answer_without_end_is_ended() {
    let piece = "x".repeat(1 << 20);
    let mut stream = Stream::new(Wire::Chat, Wire::Responses, &context());
    let (mut out, mut all, mut ended) = (Vec::new(), String::new(), 0);
    for _ in 0..20 {
        let chunk = json!({"choices": [{"index": 0, "delta": {"content": piece}}]});
        stream.push(format!("data: {chunk}\n\n").as_bytes(), &mut out);
        ended += usize::from(out.is_empty());
        all.push_str(std::str::from_utf8(&out).unwrap());
        out.clear();
    }
    assert!(ended >= 3, "{ended}");
    let heard = responses::written(&all);
    assert_eq!((heard.ended, &*heard.finish), (true, "length"));
    assert_eq!(heard.text.len() % piece.len(), 0);
    assert!(heard.text.len() <= 16 << 20 && heard.text.len() >= 15 << 20);
}

/// Pieces of real traffic, which reach further into a reader than noise does.
const WORDS: [&str; 34] = [
    "data: ",
    "event: response.created\n",
    "event: error\n",
    "\n\n",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "7",
    "\"type\":\"response.output_item.added\",",
    "\"type\":\"response.output_item.done\",",
    "\"type\":\"response.output_text.delta\",",
    "\"type\":\"response.content_part.done\",",
    "\"type\":\"response.reasoning_summary_text.delta\",",
    "\"type\":\"response.function_call_arguments.delta\",",
    "\"type\":\"response.completed\",",
    "\"type\":\"response.failed\",",
    "\"output_index\":0,",
    "\"output_index\":1,",
    "\"content_index\":0,",
    "\"delta\":\"é\"",
    "\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]}",
    "\"item\":{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"{}\"}",
    "\"item\":{\"type\":\"reasoning\",\"encrypted_content\":\"e\"}",
    "\"response\":{\"output\":[{\"type\":\"message\"}],\"usage\":{\"input_tokens\":1}}",
    "\"part\":{\"type\":\"output_text\",\"text\":\"ab\"}",
    "\"error\":{\"message\":\"m\"}",
    "[DONE]",
    "\u{feff}",
];

/// An event of a stream: most of them such as could be.
fn event(random: &mut Random) -> String {
    let mut text = String::from("data: {");
    for _ in 0..=random.below(3) {
        text.push_str(WORDS[14 + random.below(8)]);
        text.push_str(WORDS[22 + random.below(3)]);
        text.push_str(WORDS[25 + random.below(7)]);
        text.push(',');
    }
    text.pop();
    text.push_str("}\n\n");
    text
}

#[test]
fn any_bytes_are_events_or_an_error() {
    let mut random = Random(5);
    let (mut failed, mut written, mut ended) = (0, 0, 0);
    for round in 0..20_000 {
        let mut body = Vec::new();
        for _ in 0..random.below(12) {
            match random.below(6) {
                0 => body.push(random.next() as u8),
                1 => body.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes()),
                _ => body.extend_from_slice(event(&mut random).as_bytes()),
            }
        }
        let to = [Wire::Responses, Wire::Chat, Wire::Messages][round % 3];
        let (whole, stream, end) = through(Wire::Responses, to, &[&body], &context());
        let pieces = random.pieces(&body, 7);
        let (split, again, end_again) = through(Wire::Responses, to, &pieces, &context());
        assert_eq!((&whole, end, stream.progress()), (&split, end_again, again.progress()));
        if to == Wire::Responses {
            responses::written(std::str::from_utf8(&whole).unwrap());
        }
        failed += u32::from(stream.progress().failure.is_some());
        written += u32::from(!whole.is_empty());
        ended += u32::from(end);
        let _ = translate::read_answer(Wire::Responses, &body);
        let _ = translate::read(Wire::Responses, &body, &Hints { model: Some("m"), stream: None });
    }
    println!("of 20000 streams of noise {failed} told an error, {written} came to something, {ended} ended");
    assert!(failed > 100 && written > 1_000 && ended > 500);
}
