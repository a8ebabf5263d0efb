//! Recorded requests and answers through the translation, held against a plain reading of the same bytes.
//!
//! The recordings and the captured clients are no part of the project: where the folders are not there, these tests say
//! so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use dialects::loss::{Fidelity, Losses, carries};
use dialects::translate::{self, Context, Hints, Malformed, Quirks, ReasoningStyle, Stream, Target};
use dialects::{Output, Usage, Wire};
use serde_json::Value;
use support::gather::Gather;
use support::heard::{self, Heard, normal};
use support::{Exchange, Random, recordings};

const WIRES: [(Wire, &str, &str); 2] = [
    (Wire::Chat, "__openai.chat__", "/v1/chat/completions"),
    (Wire::Messages, "__anthropic.messages__", "/v1/messages"),
];

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), include_usage: true, created: 7, ..Context::default() }
}

/// What this request's upstream was seen to take.
fn quirks(request: &Value) -> Quirks {
    let has = |key: &str| !request[key].is_null();
    let in_messages = |key: &str| request["messages"].as_array().into_iter().flatten().any(|m| !m[key].is_null());
    let reasoning = match (has("reasoning"), has("thinking")) {
        (true, _) => ReasoningStyle::Object,
        (_, true) => ReasoningStyle::Switch,
        (false, false) => ReasoningStyle::Effort,
    };
    Quirks {
        max_completion_tokens: has("max_completion_tokens"),
        reasoning,
        reasoning_content: in_messages("reasoning_content") || in_messages("reasoning"),
        reasoning_details: in_messages("reasoning_details"),
        ..Quirks::default()
    }
}

/// Requests of captured clients: name and body.
fn captured(path: &str) -> Vec<(String, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/clients"));
    let Ok(clients) = std::fs::read_dir(folder) else {
        println!("skipped: there are no captured clients beside the checkout");
        return Vec::new();
    };
    let mut found = Vec::new();
    for client in clients.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&client).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(Value::Object(capture)) = serde_json::from_str(&std::fs::read_to_string(&file).unwrap_or_default())
            else {
                continue;
            };
            if capture.get("path").and_then(Value::as_str) == Some(path) && capture["method"] == "POST" {
                let body = &capture["body"];
                let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                found.push((file.display().to_string(), text));
            }
        }
    }
    found
}

/// Requests that were answered, and those of captured clients. What a provider refused may be no request at all.
fn requests(part: &str, path: &str) -> Vec<(String, String)> {
    let answered = recordings(part).into_iter().filter(|exchange| exchange.status != 400);
    let mut all: Vec<_> = answered.filter_map(|exchange| Some((exchange.name, exchange.request?))).collect();
    all.extend(captured(path));
    all
}

/// What this writer says otherwise on purpose: usage is always asked for, and `false` is how it is without the word.
fn without_asides(value: &Value) -> Value {
    let mut value = normal(value);
    let members = value.as_object_mut().unwrap();
    members.remove("stream_options");
    if members.get("tools") == Some(&Value::Array(Vec::new())) {
        members.remove("tools");
        members.remove("parallel_tool_calls");
    }
    if members.get("stream") == Some(&Value::Bool(false)) {
        members.remove("stream");
    }
    if let Some(one) = members.get_mut("stop").filter(|stop| stop.is_string()) {
        *one = Value::Array(vec![one.take()]);
    }
    if let Some(choice) = members.get_mut("tool_choice").and_then(Value::as_object_mut) {
        choice.entry("type").or_insert("function".into());
    }
    for message in members.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        // Echoed by clients, and empty.
        if let Some(message) = message.as_object_mut() {
            message.retain(|key, value| {
                !(matches!(&**key, "annotations" | "tool_calls") && *value == Value::Array(Vec::new()))
            });
            if message["role"] == "assistant" && message.get("content") == Some(&Value::String(String::new())) {
                message.remove("content");
            }
            if let Some(thought) = message.remove("reasoning") {
                message.insert("reasoning_content".into(), thought);
            }
            for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
                call.as_object_mut().unwrap().remove("index");
            }
            for block in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
                if block["type"] == "tool_result" && block["is_error"] == Value::Bool(false) {
                    block.as_object_mut().unwrap().remove("is_error");
                }
            }
        }
    }
    value
}

#[test]
fn requests_come_back_in_their_own_format() {
    for (wire, part, path) in WIRES {
        let (mut same, mut differing, mut losses): (u32, u32, BTreeMap<&str, u32>) = Default::default();
        for (name, body) in requests(part, path) {
            let value: Value = serde_json::from_str(&body).unwrap();
            if value["messages"].is_null() || value["model"].is_null() {
                assert!(translate::read(wire, body.as_bytes(), &Hints::default()).is_err(), "{name}");
                continue;
            }
            let request = translate::read(wire, body.as_bytes(), &Hints::default())
                .unwrap_or_else(|bad| panic!("{name}: {}", bad.text()));
            assert_eq!(request.model, *value["model"].as_str().unwrap());
            let target = Target { model: &request.model, quirks: quirks(&value), ..Target::default() };
            let written = translate::write(wire, &request, &target).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            let back: Value = serde_json::from_slice(&written.body).unwrap();
            written.losses.names().for_each(|loss| *losses.entry(loss).or_default() += 1);
            if without_asides(&value) == without_asides(&back) {
                same += 1;
            } else {
                differing += 1;
                if std::env::var_os("SHOW").is_some() {
                    println!(
                        "{name} {:?}\n{}\n{}",
                        written.losses.names().collect::<Vec<_>>(),
                        without_asides(&value),
                        without_asides(&back)
                    );
                }
                let old = value.get("functions").is_some() || value.get("function_call").is_some();
                let declared = !written.losses.is_empty() || old || value.get("output_format").is_some();
                assert!(declared, "{name}\n{}\n{}", without_asides(&value), without_asides(&back));
            }
        }
        println!("{}: {same} requests come back the same, {differing} with declared losses: {losses:?}", wire.label());
    }
}

/// Every string of messages that is text or what a tool was called with or said.
fn said(value: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let mut content = |value: &Value| match value {
        Value::String(text) => said.push(text.clone()),
        Value::Array(parts) => {
            for part in parts.iter().filter(|part| part["type"] == "text") {
                said.push(part["text"].as_str().unwrap().to_owned());
            }
        }
        _ => {}
    };
    content(&value["system"]);
    for message in value["messages"].as_array().unwrap() {
        content(&message["content"]);
        for block in message["content"].as_array().into_iter().flatten().filter(|block| block["type"] == "tool_result")
        {
            content(&block["content"]);
        }
    }
    said.retain(|text| !text.is_empty());
    said
}

/// Ids, names and arguments of calls.
fn calls(value: &Value) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut calls = Vec::new();
    for message in value["messages"].as_array().unwrap() {
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let arguments = text(&call["function"]["arguments"]);
            let arguments = if arguments.is_empty() { "{}" } else { &arguments };
            calls.push((
                text(&call["id"]),
                text(&call["function"]["name"]),
                serde_json::from_str(arguments).unwrap_or(Value::Null),
            ));
        }
        for block in message["content"].as_array().into_iter().flatten().filter(|block| block["type"] == "tool_use") {
            calls.push((text(&block["id"]), text(&block["name"]), block["input"].clone()));
        }
    }
    calls
}

/// Ids that results answer.
fn answered(value: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    for message in value["messages"].as_array().unwrap() {
        ids.extend(message["tool_call_id"].as_str().map(str::to_owned));
        for block in message["content"].as_array().into_iter().flatten().filter(|block| block["type"] == "tool_result")
        {
            ids.push(block["tool_use_id"].as_str().unwrap().to_owned());
        }
    }
    ids
}

fn functions(value: &Value) -> Vec<String> {
    let tools = value["tools"].as_array().into_iter().flatten();
    tools
        .filter_map(|tool| match tool["type"].as_str() {
            Some("function") => tool["function"]["name"].as_str(),
            None | Some("custom") => tool["name"].as_str(),
            Some(_) => None,
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn requests_are_translated_with_all_that_must_carry() {
    for (from, part, path) in WIRES {
        for (to, ..) in WIRES {
            if from == to {
                continue;
            }
            let (mut count, mut refused, mut losses): (u32, u32, BTreeMap<&str, u32>) = Default::default();
            for (name, body) in requests(part, path) {
                let value: Value = serde_json::from_str(&body).unwrap();
                let Ok(request) = translate::read(from, body.as_bytes(), &Hints::default()) else { continue };
                let target = Target { model: "upstream", ..Target::default() };
                let written = match translate::write(to, &request, &target) {
                    Ok(written) => written,
                    Err(_) => {
                        refused += 1;
                        continue;
                    }
                };
                count += 1;
                written.losses.names().for_each(|loss| *losses.entry(loss).or_default() += 1);
                let there: Value = serde_json::from_slice(&written.body).unwrap();
                assert_eq!(there["model"], "upstream");
                let all = said(&there).join("\n\n");
                for text in said(&value) {
                    assert!(all.contains(&text), "{name}: {text}\n{there}");
                }
                let same = |id: &str| id.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
                let plain = |calls: Vec<(String, String, Value)>| -> Vec<_> {
                    calls.into_iter().map(|(id, name, arguments)| (same(&id), name, normal(&arguments))).collect()
                };
                if value["functions"].is_null() {
                    assert_eq!(plain(calls(&value)), plain(calls(&there)), "{name}");
                    assert_eq!(functions(&value), functions(&there), "{name}");
                    let ids = |value| answered(value).iter().map(|id| same(id)).collect::<Vec<_>>();
                    assert_eq!(ids(&value), ids(&there), "{name}");
                }
                // What is written can be read, and is then the same conversation.
                let again = translate::read(to, &written.body, &Hints::default()).unwrap();
                let back = translate::write(from, &again, &target).unwrap();
                let back: Value = serde_json::from_slice(&back.body).unwrap();
                assert_eq!(plain(calls(&back)), plain(calls(&there)), "{name}");
            }
            println!("{} to {}: {count} requests, {refused} refused; losses: {losses:?}", from.label(), to.label());
        }
    }
}

/// Through the stream, in these pieces.
fn through(from: Wire, to: Wire, pieces: &[&[u8]]) -> (Vec<u8>, Stream, bool) {
    let mut stream = Stream::new(from, to, &context());
    let mut out = Output::default();
    for piece in pieces {
        stream.push(piece, &mut out);
    }
    let ended = stream.end(true, &mut out).is_ok();
    (out.whole(), stream, ended)
}

/// What may differ from what the upstream said: ids that it left out are ours, and a client's text can hold a thought
/// or a picture that the other format has no place for.
fn alike(said: &Heard, heard: &Heard, name: &str) {
    assert_eq!(said.text.clone() + &said.refusal, heard.text.clone() + &heard.refusal, "{name}");
    assert_eq!(said.thinking, heard.thinking, "{name}");
    assert_eq!(said.finish, heard.finish, "{name}");
    assert_eq!(said.calls.len(), heard.calls.len(), "{name}: {:?} {:?}", said.calls, heard.calls);
    for (one, other) in said.calls.iter().zip(&heard.calls) {
        assert!(one.0.is_empty() && other.0.starts_with("call_") || other.0.starts_with(&one.0), "{name}: {other:?}");
        assert_eq!(one.1, other.1, "{name}");
        let kept = serde_json::json!({"arguments": one.2});
        assert!(normal(&one.2) == normal(&other.2) || kept == other.2, "{name}: {one:?} {other:?}");
    }
    assert_eq!(possible(said.usage), possible(heard.usage), "{name}");
}

/// Grok on Azure has read more from its cache than it has read.
fn possible(usage: Option<Usage>) -> Option<Usage> {
    // In messages there must be a usage: where nobody counted, it says nothing.
    let usage = usage.filter(|usage| *usage != Usage::default())?;
    Some(Usage { cached_input: usage.cached_input.min(usage.input), ..usage })
}

/// Whether the recording is an answer at all; some streams carry an error.
fn fails(exchange: &Exchange) -> bool {
    exchange.body.contains("\"error\":{") || exchange.body.contains("\"error\": {")
}

#[test]
fn streams_say_the_same_however_they_are_cut_and_in_every_format() {
    let mut random = Random(17);
    for (from, part, _) in WIRES {
        let (mut streams, mut cuts, mut failed, mut largest) = (0, 0, 0, 0_usize);
        for exchange in recordings(part).iter().filter(|e| e.stream && e.status == 200) {
            let body = exchange.body.as_bytes();
            streams += 1;
            for (to, ..) in WIRES {
                let (whole, stream, ended) = through(from, to, &[body]);
                if fails(exchange) {
                    assert!(stream.progress().failure.is_some() && !ended, "{}", exchange.name);
                    failed += 1;
                    continue;
                }
                assert!(stream.progress().failure.is_none(), "{}: {:?}", exchange.name, stream.progress());
                assert!(ended && stream.progress().content, "{}", exchange.name);
                let text = std::str::from_utf8(&whole).unwrap();
                let heard = heard::stream(to, text);
                let said = heard::stream(from, &exchange.body);
                assert!(heard.ended, "{}", exchange.name);
                alike(&said, &heard, &exchange.name);
                assert_eq!(stream.progress().usage, said.usage, "{}", exchange.name);
                for event in support::events_of(text) {
                    assert!(event.data().is_none_or(|data| data["model"].as_str().unwrap_or("public") == "public"));
                }
                for round in 0..6 {
                    let pieces = random.pieces(body, [1, 9, 80, 700, 1_400, 20_000][round]);
                    let (split, _, ended) = through(from, to, &pieces);
                    assert!(ended && split == whole, "{} to {} in pieces", exchange.name, to.label());
                    cuts += 1;
                }
                largest = largest.max(whole.len() * 100 / body.len().max(1));
            }
        }
        println!(
            "{}: {streams} streams to {} formats, {failed} with an error, cut in {cuts} ways; at most {largest} % of the bytes",
            from.label(),
            WIRES.len()
        );
    }
}

#[test]
fn a_stream_and_its_whole_answer_say_the_same() {
    let mut count = 0;
    for (from, part, _) in WIRES {
        for exchange in recordings(part).iter().filter(|e| e.stream && e.status == 200 && !fails(e)) {
            let gather = Gather::of(from, &exchange.body, &context());
            assert!(gather.done, "{}", exchange.name);
            for (to, ..) in WIRES {
                let whole = translate::write_answer(to, &gather.answer(from), &context(), &mut Losses::default());
                let whole = heard::whole(to, std::str::from_utf8(&whole).unwrap());
                let (out, ..) = through(from, to, &[exchange.body.as_bytes()]);
                let stream = heard::stream(to, std::str::from_utf8(&out).unwrap());
                // Arguments that were cut off are a text in a stream, and inside of an object in a whole answer.
                alike(&stream, &whole, &format!("{} to {}", exchange.name, to.label()));
                count += 1;
            }
        }
    }
    println!("{count} streams against their whole answers");
}

/// What servers that cannot stream answer with in a stream's place.
#[test]
fn a_whole_answer_says_the_same_as_a_stream() {
    let mut count = 0;
    for (from, part, _) in WIRES {
        for exchange in recordings(part).iter().filter(|e| !e.stream && e.status == 200) {
            for (to, ..) in WIRES {
                let body = exchange.body.as_bytes();
                let (out, usage) = match translate::answer_as_stream(from, to, body, &context()) {
                    Ok(stream) => stream,
                    Err(Malformed::Foreign) if matches!(from, Wire::Messages | Wire::Converse) => continue,
                    Err(Malformed::Failed(_)) if fails(exchange) => continue,
                    Err(error) => panic!("{}: {error:?}", exchange.name),
                };
                let said = heard::whole(from, &exchange.body);
                let heard = heard::stream(to, std::str::from_utf8(&out.whole()).unwrap());
                assert!(heard.ended, "{}", exchange.name);
                alike(&said, &heard, &format!("{} to {}", exchange.name, to.label()));
                assert_eq!(usage, said.usage, "{}", exchange.name);
                count += 1;
            }
        }
    }
    println!("{count} whole answers as streams");
    for from in [Wire::Chat, Wire::Responses, Wire::Gemini] {
        let told = |body: &str| translate::answer_as_stream(from, Wire::Messages, body.as_bytes(), &context());
        assert!(matches!(told(r#"{"status":"ok"}"#), Err(Malformed::Foreign)), "{from:?}");
        assert!(matches!(told(r#"{"error":{"message":"m"}}"#), Err(Malformed::Failed(_))), "{from:?}");
        assert!(told("{").is_err() && told("").is_err(), "{from:?}");
    }
    // A message has no event for all of it; its errors are told all the same.
    let told = |body: &str| translate::answer_as_stream(Wire::Messages, Wire::Chat, body.as_bytes(), &context());
    let error = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}}"#;
    assert!(matches!(told(error), Err(Malformed::Failed(_))));
    assert!(matches!(told(r#"{"type":"message","content":[]}"#), Err(Malformed::Foreign)));
}

#[test]
fn a_stream_that_was_cut_is_never_ended() {
    let mut cut = 0;
    for (from, part, _) in WIRES {
        for exchange in recordings(part).iter().filter(|e| e.stream && e.status == 200 && !fails(e)) {
            let body = exchange.body.as_bytes();
            let finish = ["\"finish_reason\":\"", "\"finish_reason\": \"", "\"stop_reason\":\"", "\"stop_reason\": \""];
            let Some(finish) = finish.iter().filter_map(|word| exchange.body.find(word)).min() else { continue };
            for part in 1..10 {
                let at = finish * part / 10;
                for (to, ..) in WIRES {
                    let (out, _, ended) = through(from, to, &[&body[..at]]);
                    assert!(!ended, "{} at {at}", exchange.name);
                    let text = String::from_utf8(out).unwrap();
                    assert!(!text.contains("[DONE]") && !text.contains("message_stop"), "{}", exchange.name);
                    cut += 1;
                }
            }
        }
    }
    println!("{cut} streams cut before their end");
}

#[test]
fn whole_answers_say_the_same_in_every_format() {
    for (from, part, _) in WIRES {
        let (mut count, mut losses) = (0, Losses::default());
        for exchange in recordings(part).iter().filter(|e| !e.stream && e.status == 200) {
            for (to, ..) in WIRES {
                let answer = match translate::answer(from, to, exchange.body.as_bytes(), &context()) {
                    Ok(answer) => answer,
                    Err(Malformed::Failed(_)) if fails(exchange) => continue,
                    Err(error) => panic!("{}: {error:?}", exchange.name),
                };
                let text = std::str::from_utf8(&answer.body).unwrap();
                let (said, heard) = (heard::whole(from, &exchange.body), heard::whole(to, text));
                alike(&said, &heard, &exchange.name);
                assert_eq!(answer.usage, said.usage, "{}", exchange.name);
                assert_eq!(serde_json::from_str::<Value>(text).unwrap()["model"], "public");
                assert!(answer.losses.fields().all(|field| carries(to, field) != Fidelity::Carried));
                losses = losses.with(answer.losses);
                count += 1;
            }
        }
        println!("{}: {count} answers; losses: {:?}", from.label(), losses.names().collect::<Vec<_>>());
    }
}

#[test]
fn recorded_errors_have_a_kind_and_words() {
    let mut table: BTreeMap<(u16, &str), u32> = BTreeMap::new();
    for (_, part, _) in WIRES {
        for exchange in recordings(part).iter().filter(|e| e.status >= 400) {
            let said = translate::error(exchange.status, exchange.body.as_bytes());
            assert!(!said.message.is_empty(), "{}: {}", exchange.name, exchange.body);
            *table.entry((exchange.status, said.kind.anthropic_type())).or_default() += 1;
        }
    }
    println!("{table:?}");
}
