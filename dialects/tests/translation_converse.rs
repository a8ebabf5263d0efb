//! Recorded Converse traffic through the translation, held against a plain reading of the same bytes.
//!
//! The recordings are no part of the project: where the folder is not there, these tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dialects::loss::{Fidelity, Losses, carries};
use dialects::translate::{self, Context, Hints, Malformed, Stream, Target};
use dialects::{Output, Wire};
use serde_json::{Value, json};
use support::heard::{self, Heard, normal};
use support::{Exchange, Random, heard_converse, heard_gemini, recordings};

const PART: &str = "__bedrock.converse__";
const CLIENTS: [Wire; 3] = [Wire::Chat, Wire::Messages, Wire::Gemini];

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), include_usage: true, created: 7, ..Context::default() }
}

fn hints() -> Hints<'static> {
    Hints { model: Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), stream: Some(false) }
}

fn bytes(exchange: &Exchange) -> Vec<u8> {
    STANDARD.decode(&exchange.body).unwrap()
}

fn stream_of(wire: Wire, body: &[u8]) -> Heard {
    match wire {
        Wire::Converse => heard_converse::stream(body),
        Wire::Gemini => heard_gemini::stream(std::str::from_utf8(body).unwrap()),
        Wire::Chat | Wire::Messages | Wire::Responses => heard::stream(wire, std::str::from_utf8(body).unwrap()),
    }
}

fn whole_of(wire: Wire, body: &str) -> Heard {
    match wire {
        Wire::Converse => heard_converse::whole(body),
        Wire::Gemini => heard_gemini::whole(body),
        Wire::Chat | Wire::Messages | Wire::Responses => heard::whole(wire, body),
    }
}

/// What may differ: ids that were left out are ours, a refusal may be a text.
fn alike(said: &Heard, heard: &Heard, name: &str) {
    assert_eq!(said.text.clone() + &said.refusal, heard.text.clone() + &heard.refusal, "{name}");
    assert_eq!(said.thinking, heard.thinking, "{name}");
    assert!(said.finish == heard.finish || !said.refusal.is_empty(), "{name}: {} {}", said.finish, heard.finish);
    assert_eq!(said.calls.len(), heard.calls.len(), "{name}: {:?} {:?}", said.calls, heard.calls);
    for (one, other) in said.calls.iter().zip(&heard.calls) {
        assert!(one.0.is_empty() || other.0.starts_with(&one.0), "{name}: {other:?}");
        assert_eq!(one.1, other.1, "{name}");
        let kept = json!({"arguments": one.2});
        assert!(normal(&one.2) == normal(&other.2) || kept == other.2, "{name}: {one:?} {other:?}");
    }
    // Gemini and chat do not count what was written to a cache, Converse not what was thought.
    let bare = |usage: dialects::Usage| dialects::Usage {
        cache_write: 0,
        reasoning: 0,
        cached_input: usage.cached_input.min(usage.input),
        ..usage
    };
    if let Some(usage) = said.usage {
        assert_eq!(Some(bare(usage)), heard.usage.map(bare), "{name}");
    }
}

fn fails(exchange: &Exchange) -> bool {
    exchange.body.contains("\"error\":{") || exchange.body.contains("\"error\": {")
}

#[test]
fn requests_come_back_in_their_own_format() {
    let mut same = 0;
    for exchange in recordings(PART) {
        let Some(value) = exchange.request_value() else { continue };
        let body = value.to_string();
        let request = translate::read(Wire::Converse, body.as_bytes(), &hints())
            .unwrap_or_else(|bad| panic!("{}: {}", exchange.name, bad.text()));
        let target = Target { model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", ..Target::default() };
        let written = translate::write(Wire::Converse, &request, &target).unwrap();
        assert!(written.losses.is_empty(), "{}: {:?}", exchange.name, written.losses);
        let back: Value = serde_json::from_slice(&written.body).unwrap();
        let (before, after) = (heard_converse::request(&value), heard_converse::request(&back));
        assert_eq!(before, after, "{}\n{before}\n{after}", exchange.name);
        same += 1;
    }
    println!("{same} requests come back the same");
}

/// What Converse demands: turns that alternate, contents that are not empty, results of the calls before them.
fn accepted(body: &Value, name: &str) {
    let messages = body["messages"].as_array().unwrap();
    let mut open: Vec<Value> = Vec::new();
    for pair in messages.windows(2) {
        assert_ne!(pair[0]["role"], pair[1]["role"], "{name}");
    }
    for message in messages {
        let content = message["content"].as_array().unwrap();
        assert!(!content.is_empty(), "{name}");
        for block in content {
            assert_eq!(block.as_object().unwrap().len(), 1, "{name}: {block}");
            assert!(block["text"].as_str().is_none_or(|text| !text.trim().is_empty()), "{name}");
            let call = &block["toolUse"];
            if call.is_object() {
                assert!(call["input"].is_object() && call["toolUseId"].as_str().unwrap().len() <= 64, "{name}");
                open.push(call["toolUseId"].clone());
                assert!(body["toolConfig"]["tools"].is_array(), "{name}");
            }
            if block["toolResult"].is_object() {
                let answered = open.contains(&block["toolResult"]["toolUseId"]);
                // One recording answers a call that nobody made.
                assert!(answered || name.ends_with("43942e1702"), "{name}: {block}");
            }
        }
    }
    for tool in body["toolConfig"]["tools"].as_array().into_iter().flatten() {
        let spec = &tool["toolSpec"];
        assert!(tool["cachePoint"].is_object() || spec["inputSchema"]["json"].is_object(), "{name}: {tool}");
    }
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(members) => members.values().for_each(|value| strings(value, into)),
        _ => {}
    }
}

/// Every text of the messages, in whichever of the formats.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "text" || key == "content" => into.push(text.clone()),
                    // Thoughts and what was called go their own ways.
                    Value::Object(_) | Value::Array(_) if key != "input" && key != "reasoning_details" => {
                        texts(value, into);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[test]
fn requests_of_others_are_translated_into_it() {
    let models = [
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.amazon.nova-2-lite-v1:0",
        "openai.gpt-oss-120b-1:0",
        "meta.llama3-70b-instruct-v1:0",
    ];
    let all = [
        (Wire::Chat, "__openai.chat__"),
        (Wire::Messages, "__anthropic.messages__"),
        (Wire::Gemini, "__gemini.generateContent__"),
    ];
    for (from, part) in all {
        let (mut count, mut refused, mut losses): (u32, u32, BTreeMap<&str, u32>) = Default::default();
        for exchange in recordings(part).into_iter().filter(|e| e.status < 400) {
            let Some(value) = exchange.request_value() else { continue };
            let body = value.to_string();
            let named = Hints { model: Some("m"), stream: None };
            let Ok(request) = translate::read(from, body.as_bytes(), &named) else { continue };
            for model in models {
                let written = match translate::write(Wire::Converse, &request, &Target { model, ..Target::default() }) {
                    Ok(written) => written,
                    Err(_) => {
                        refused += 1;
                        continue;
                    }
                };
                count += 1;
                written.losses.names().for_each(|loss| *losses.entry(loss).or_default() += 1);
                let there: Value = serde_json::from_slice(&written.body).unwrap();
                accepted(&there, &exchange.name);
                if from != Wire::Gemini {
                    let (mut said, mut all) = (Vec::new(), Vec::new());
                    texts(&value["messages"], &mut said);
                    strings(&there, &mut all);
                    let all = all.join("\n");
                    for text in said.iter().filter(|text| !text.trim().is_empty()) {
                        // Documents of text come in base64, and search results are Anthropic's own.
                        let other =
                            ["\"text/plain\"", "search_result", "\"document\""].iter().any(|word| body.contains(word));
                        let held = all.contains(text) || other;
                        assert!(held, "{}: {text}", exchange.name);
                    }
                }
                // What is written can be read, and is then the same conversation.
                let again = translate::read(Wire::Converse, &written.body, &hints()).unwrap();
                let back = translate::write(Wire::Converse, &again, &Target { model, ..Target::default() }).unwrap();
                let back: Value = serde_json::from_slice(&back.body).unwrap();
                assert_eq!(heard_converse::request(&there), heard_converse::request(&back), "{}", exchange.name);
            }
        }
        println!("{} to converse: {count} requests, {refused} refused; losses: {losses:?}", from.label());
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

#[test]
fn streams_say_the_same_however_they_are_cut_and_in_every_format() {
    let mut random = Random(41);
    let (mut streams, mut cuts) = (0, 0);
    for exchange in recordings(PART).iter().filter(|e| e.stream && e.status == 200) {
        let body = bytes(exchange);
        let said = heard_converse::stream(&body);
        streams += 1;
        for to in [Wire::Chat, Wire::Messages, Wire::Gemini, Wire::Converse] {
            let (whole, stream, ended) = through(Wire::Converse, to, &[&body]);
            assert!(stream.progress().failure.is_none(), "{}: {:?}", exchange.name, stream.progress());
            assert!(ended && stream.progress().content, "{}", exchange.name);
            alike(&said, &stream_of(to, &whole), &exchange.name);
            assert_eq!(stream.progress().usage, said.usage, "{}", exchange.name);
            for round in 0..6 {
                let pieces = random.pieces(&body, [1, 9, 80, 700, 1_400, 20_000][round]);
                let (split, _, ended) = through(Wire::Converse, to, &pieces);
                assert!(ended && split == whole, "{} to {} in pieces", exchange.name, to.label());
                cuts += 1;
            }
            for part in 1..10 {
                let (_, _, ended) = through(Wire::Converse, to, &[&body[..body.len() * part / 10]]);
                // The counts alone may be missing.
                let told = body[..body.len() * part / 10].windows(10).any(|window| window == b"stopReason");
                assert!(!ended || told, "{} cut at {part}", exchange.name);
            }
        }
    }
    println!("{streams} streams of converse to 4 formats, cut in {cuts} ways");
}

#[test]
fn streams_of_others_go_through_it() {
    let all = [
        (Wire::Chat, "__openai.chat__"),
        (Wire::Messages, "__anthropic.messages__"),
        (Wire::Gemini, "__gemini.generateContent__"),
    ];
    for (from, part) in all {
        let mut streams = 0;
        for exchange in recordings(part).iter().filter(|e| e.stream && e.status == 200 && !fails(e)) {
            let said = stream_of(from, exchange.body.as_bytes());
            let (there, _, ended) = through(from, Wire::Converse, &[exchange.body.as_bytes()]);
            assert!(ended, "{}", exchange.name);
            alike(&said, &heard_converse::stream(&there), &exchange.name);
            for to in CLIENTS {
                let (back, _, ended) = through(Wire::Converse, to, &[&there]);
                assert!(ended, "{}", exchange.name);
                alike(&said, &stream_of(to, &back), &exchange.name);
            }
            streams += 1;
        }
        println!("{}: {streams} streams through converse", from.label());
    }
}

#[test]
fn whole_answers_say_the_same_in_every_format() {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut losses = Losses::default();
    let all = [
        (Wire::Converse, PART),
        (Wire::Chat, "__openai.chat__"),
        (Wire::Messages, "__anthropic.messages__"),
        (Wire::Gemini, "__gemini.generateContent__"),
    ];
    for (from, part) in all {
        for exchange in recordings(part).iter().filter(|e| !e.stream && e.status == 200) {
            for to in [Wire::Converse, Wire::Chat, Wire::Messages, Wire::Gemini] {
                if from != Wire::Converse && to != Wire::Converse {
                    continue;
                }
                let answer = match translate::answer(from, to, exchange.body.as_bytes(), &context()) {
                    Ok(answer) => answer,
                    Err(Malformed::Failed(_)) if fails(exchange) => continue,
                    Err(error) => panic!("{}: {error:?}", exchange.name),
                };
                let text = std::str::from_utf8(&answer.body).unwrap();
                alike(&whole_of(from, &exchange.body), &whole_of(to, text), &exchange.name);
                assert!(answer.losses.fields().all(|field| carries(to, field) != Fidelity::Carried));
                losses = losses.with(answer.losses);
                *counts.entry((from.label(), to.label())).or_default() += 1;
            }
        }
    }
    println!("answers: {counts:?}; losses: {:?}", losses.names().collect::<Vec<_>>());
}

#[test]
fn recorded_requests_of_converse_go_to_other_upstreams() {
    for to in CLIENTS {
        let (mut count, mut refused) = (0, 0);
        for exchange in recordings(PART) {
            let Some(value) = exchange.request_value() else { continue };
            let body = value.to_string();
            let request = translate::read(Wire::Converse, body.as_bytes(), &hints()).unwrap();
            match translate::write(to, &request, &Target { model: "upstream", ..Target::default() }) {
                Ok(written) => {
                    let mut said = Vec::new();
                    texts(&value["messages"], &mut said);
                    let (mut all, there) = (Vec::new(), serde_json::from_slice::<Value>(&written.body).unwrap());
                    strings(&there, &mut all);
                    let all = all.join("\n");
                    for text in said.iter().filter(|text| {
                        !body.contains("guardContent") && !body.contains("searchResult") && !text.is_empty()
                    }) {
                        assert!(all.contains(text), "{}: {text}\n{there}", exchange.name);
                    }
                    count += 1;
                }
                Err(_) => refused += 1,
            }
        }
        println!("converse to {}: {count} requests, {refused} refused", to.label());
    }
}

#[test]
fn errors_before_and_within_a_stream_have_a_kind_and_words() {
    let mut table: BTreeMap<(u16, &str), u32> = BTreeMap::new();
    for exchange in recordings(PART).iter().filter(|e| e.status >= 400) {
        let said = translate::error(exchange.status, exchange.body.as_bytes());
        assert!(!said.message.is_empty(), "{}: {}", exchange.name, exchange.body);
        *table.entry((exchange.status, said.kind.anthropic_type())).or_default() += 1;
    }
    println!("{table:?}");
}
