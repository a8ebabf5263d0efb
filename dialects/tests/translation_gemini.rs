//! Recorded Gemini traffic through the translation, held against a plain reading of the same bytes.
//!
//! The recordings and the captured clients are no part of the project: where the folders are not there, these tests say
//! so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use dialects::loss::{Fidelity, Losses, carries};
use dialects::translate::{self, Context, Hints, Malformed, Stream, Target};
use dialects::{Output, Wire};
use serde_json::{Value, json};
use support::heard::{self, Heard, normal};
use support::{Exchange, Random, heard_gemini, recordings};

const OTHERS: [Wire; 2] = [Wire::Chat, Wire::Messages];
const PART: &str = "__gemini.generateContent__";

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), include_usage: true, created: 7, ..Context::default() }
}

fn hints() -> Hints<'static> {
    Hints { model: Some("gemini-2.5-flash"), stream: Some(false) }
}

fn stream_of(wire: Wire, body: &str) -> Heard {
    if wire == Wire::Gemini { heard_gemini::stream(body) } else { heard::stream(wire, body) }
}

fn whole_of(wire: Wire, body: &str) -> Heard {
    if wire == Wire::Gemini { heard_gemini::whole(body) } else { heard::whole(wire, body) }
}

/// Recorded requests and those of captured clients.
fn requests() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = recordings(PART)
        .into_iter()
        .filter_map(|exchange| Some((exchange.name.clone(), exchange.request_value()?)))
        .collect();
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/clients"));
    let Ok(clients) = std::fs::read_dir(folder) else {
        println!("skipped: there are no captured clients beside the checkout");
        return all;
    };
    for client in clients.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&client).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(capture) = serde_json::from_str::<Value>(&std::fs::read_to_string(&file).unwrap_or_default()) else {
                continue;
            };
            if capture["path"].as_str().is_some_and(|path| path.contains("enerateContent")) {
                all.push((file.display().to_string(), capture["body"].clone()));
            }
        }
    }
    all
}

#[test]
fn requests_come_back_in_their_own_format() {
    let mut same = 0;
    for (name, value) in requests() {
        let body = value.to_string();
        let request = translate::read(Wire::Gemini, body.as_bytes(), &hints())
            .unwrap_or_else(|bad| panic!("{name}: {}", bad.text()));
        let target = Target { model: "gemini-2.5-flash", ..Target::default() };
        let written = translate::write(Wire::Gemini, &request, &target).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert!(written.losses.is_empty(), "{name}: {:?}", written.losses);
        let back: Value = serde_json::from_slice(&written.body).unwrap();
        let (before, after) = (heard_gemini::request(&value), heard_gemini::request(&back));
        assert_eq!(before, after, "{name}\n{before}\n{after}");
        same += 1;
    }
    println!("{same} requests come back the same");
}

/// Every text that somebody said or that a tool answered.
fn said(value: &Value) -> Vec<String> {
    let contents = value["contents"].as_array().into_iter().flatten().chain([&value["systemInstruction"]]);
    let mut said = Vec::new();
    for part in contents.flat_map(|content| content["parts"].as_array().into_iter().flatten()) {
        if part["thought"] != true {
            said.extend(part["text"].as_str().map(str::to_owned));
        }
        let response = &part["functionResponse"]["response"];
        said.extend(response["result"].as_str().or(response["output"].as_str()).map(str::to_owned));
    }
    said.retain(|text| !text.is_empty());
    said
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            into.push(text.clone());
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                strings(&inner, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(members) => members.values().for_each(|value| strings(value, into)),
        _ => {}
    }
}

/// Names and arguments of calls, in whichever of the formats.
fn calls(value: &Value) -> Vec<(String, Value)> {
    let mut calls = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for message in value["messages"].as_array().or(value["contents"].as_array()).unwrap() {
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let arguments = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
            calls.push((text(&call["function"]["name"]), arguments));
        }
        for part in message["content"].as_array().or(message["parts"].as_array()).into_iter().flatten() {
            if part["type"] == "tool_use" {
                calls.push((text(&part["name"]), part["input"].clone()));
            }
            for key in ["functionCall", "function_call"] {
                if part[key].is_object() {
                    let args = &part[key]["args"];
                    calls.push((text(&part[key]["name"]), if args.is_null() { json!({}) } else { args.clone() }));
                }
            }
        }
    }
    calls.into_iter().map(|(name, arguments)| (name, normal(&arguments))).collect()
}

#[test]
fn requests_are_translated_with_all_that_must_carry() {
    for to in OTHERS {
        let (mut count, mut refused, mut losses): (u32, u32, BTreeMap<&str, u32>) = Default::default();
        for (name, value) in requests() {
            let body = value.to_string();
            let request = translate::read(Wire::Gemini, body.as_bytes(), &hints()).unwrap();
            let target = Target { model: "upstream", ..Target::default() };
            let Ok(written) = translate::write(to, &request, &target) else {
                refused += 1;
                continue;
            };
            count += 1;
            written.losses.names().for_each(|loss| *losses.entry(loss).or_default() += 1);
            let there: Value = serde_json::from_slice(&written.body).unwrap();
            assert_eq!(there["model"], "upstream");
            let mut all = Vec::new();
            strings(&there, &mut all);
            let all = all.join("\n\n");
            for text in said(&value) {
                assert!(all.contains(&text), "{name}: {text}\n{there}");
            }
            assert_eq!(calls(&value), calls(&there), "{name}");
            for tool in value["tools"].as_array().into_iter().flatten() {
                for function in tool["functionDeclarations"].as_array().into_iter().flatten() {
                    let written = there["tools"].to_string();
                    assert!(written.contains(&function["name"].to_string()), "{name}: {written}");
                }
            }
            // What is written can be read, and written as Gemini again.
            let again = translate::read(to, &written.body, &Hints::default()).unwrap();
            let back = translate::write(Wire::Gemini, &again, &Target { model: "gemini-3-pro", ..target }).unwrap();
            let back: Value = serde_json::from_slice(&back.body).unwrap();
            assert_eq!(calls(&back), calls(&there), "{name}");
        }
        println!("gemini to {}: {count} requests, {refused} refused; losses: {losses:?}", to.label());
    }
}

#[test]
fn requests_of_others_are_translated_into_it() {
    for (from, part) in [(Wire::Chat, "__openai.chat__"), (Wire::Messages, "__anthropic.messages__")] {
        let (mut count, mut refused, mut losses): (u32, u32, BTreeMap<&str, u32>) = Default::default();
        for exchange in recordings(part).into_iter().filter(|e| e.status < 400) {
            let Some(value) = exchange.request_value() else { continue };
            let body = value.to_string();
            let Ok(request) = translate::read(from, body.as_bytes(), &Hints::default()) else { continue };
            for model in ["gemini-2.5-flash", "gemini-3-pro-preview"] {
                let written = match translate::write(Wire::Gemini, &request, &Target { model, ..Target::default() }) {
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
                let same = |(name, arguments): (String, Value)| {
                    // What is no object is the one member of one.
                    if arguments.is_object() { (name, arguments) } else { (name, json!({})) }
                };
                if value["functions"].is_null() && !body.contains("\"custom\"") {
                    let (before, after): (Vec<_>, Vec<_>) = (
                        calls_of(&value).into_iter().map(same).collect(),
                        calls(&there).into_iter().map(same).collect(),
                    );
                    assert_eq!(before, after, "{}", exchange.name);
                }
            }
        }
        println!("{} to gemini: {count} requests, {refused} refused; losses: {losses:?}", from.label());
    }
}

/// [`calls`], of requests that may hold broken arguments.
fn calls_of(value: &Value) -> Vec<(String, Value)> {
    let mut value = value.clone();
    for message in value["messages"].as_array_mut().unwrap() {
        for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
            let fine = serde_json::from_str::<Value>(arguments).is_ok_and(|arguments| arguments.is_object());
            if !fine {
                call["function"]["arguments"] = json!("{}");
            }
        }
    }
    calls(&value)
}

/// What Gemini demands of a body: contents with parts, turns that alternate, results right after their calls and as
/// many of them.
fn accepted(body: &Value, name: &str) {
    let contents = body["contents"].as_array().unwrap();
    assert!(!contents.is_empty(), "{name}");
    for pair in contents.windows(2) {
        assert_ne!(pair[0]["role"], pair[1]["role"], "{name}");
    }
    let has = |part: &Value, key: &str| part[key].is_object();
    for content in contents {
        let parts = content["parts"].as_array().unwrap();
        assert!(!parts.is_empty(), "{name}");
        for part in parts {
            let members = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];
            assert_eq!(members.iter().filter(|key| !part[**key].is_null()).count(), 1, "{name}: {part}");
            assert!(!has(part, "functionCall") || part["functionCall"]["args"].is_object(), "{name}");
            let response = &part["functionResponse"];
            assert!(response.is_null() || response["name"].is_string() && response["response"].is_object(), "{name}");
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        for function in tool["functionDeclarations"].as_array().into_iter().flatten() {
            assert!(function["parameters"].is_null() || function["parametersJsonSchema"].is_null(), "{name}");
        }
    }
}

/// Through the stream, in these pieces.
fn through(from: Wire, to: Wire, array: bool, pieces: &[&[u8]]) -> (Vec<u8>, Stream, bool) {
    let mut stream = Stream::new(from, to, &Context { array, ..context() });
    let mut out = Output::default();
    for piece in pieces {
        stream.push(piece, &mut out);
    }
    let ended = stream.end(true, &mut out).is_ok();
    (out.whole(), stream, ended)
}

/// What may differ from what the upstream said: ids that it left out are ours, and a refusal is a text here.
fn alike(said: &Heard, heard: &Heard, name: &str) {
    assert_eq!(said.text.clone() + &said.refusal, heard.text.clone() + &heard.refusal, "{name}");
    assert_eq!(said.thinking, heard.thinking, "{name}");
    assert!(said.finish == heard.finish || !said.refusal.is_empty(), "{name}: {} {}", said.finish, heard.finish);
    assert_eq!(said.calls.len(), heard.calls.len(), "{name}: {:?} {:?}", said.calls, heard.calls);
    for (one, other) in said.calls.iter().zip(&heard.calls) {
        let made = |id: &str| id.starts_with("call_r1_");
        let same = other.0.starts_with(&one.0) || made(&one.0) && made(&other.0);
        assert!(one.0.is_empty() && made(&other.0) || same, "{name}: {other:?}");
        assert_eq!(one.1, other.1, "{name}");
        let kept = json!({"arguments": one.2});
        assert!(normal(&one.2) == normal(&other.2) || kept == other.2, "{name}: {one:?} {other:?}");
    }
    // Tokens written to a cache are not counted here, and reasoning is among what was written.
    let bare = |usage: dialects::Usage| dialects::Usage {
        cache_write: 0,
        reasoning: usage.reasoning.min(usage.output),
        ..usage
    };
    if let Some(usage) = said.usage {
        assert_eq!(Some(bare(usage)), heard.usage.map(bare), "{name}");
    }
}

/// Whether the recording is an answer at all; some streams carry an error.
fn fails(exchange: &Exchange) -> bool {
    exchange.body.contains("\"error\":{") || exchange.body.contains("\"error\": {")
}

#[test]
fn streams_say_the_same_however_they_are_cut_and_in_every_format() {
    let mut random = Random(23);
    let (mut streams, mut cuts) = (0, 0);
    for exchange in recordings(PART).iter().filter(|e| e.stream && e.status == 200) {
        let body = exchange.body.as_bytes();
        let said = heard_gemini::stream(&exchange.body);
        streams += 1;
        for (to, array) in [(Wire::Chat, false), (Wire::Messages, false), (Wire::Gemini, false), (Wire::Gemini, true)] {
            let (whole, stream, ended) = through(Wire::Gemini, to, array, &[body]);
            assert!(stream.progress().failure.is_none(), "{}: {:?}", exchange.name, stream.progress());
            assert!(ended, "{}", exchange.name);
            let text = std::str::from_utf8(&whole).unwrap();
            let heard = stream_of(to, text);
            assert!(heard.ended, "{}", exchange.name);
            alike(&said, &heard, &exchange.name);
            assert_eq!(stream.progress().usage, said.usage, "{}", exchange.name);
            for round in 0..6 {
                let pieces = random.pieces(body, [1, 9, 80, 700, 1_400, 20_000][round]);
                let (split, _, ended) = through(Wire::Gemini, to, array, &pieces);
                assert!(ended && split == whole, "{} to {} in pieces", exchange.name, to.label());
                cuts += 1;
            }
        }
    }
    println!("{streams} streams of gemini to 4 forms, cut in {cuts} ways");
}

#[test]
fn streams_of_others_become_gemini() {
    let mut random = Random(29);
    for (from, part) in [(Wire::Chat, "__openai.chat__"), (Wire::Messages, "__anthropic.messages__")] {
        let mut streams = 0;
        for exchange in recordings(part).iter().filter(|e| e.stream && e.status == 200 && !fails(e)) {
            let body = exchange.body.as_bytes();
            let said = heard::stream(from, &exchange.body);
            for array in [false, true] {
                let (whole, _, ended) = through(from, Wire::Gemini, array, &[body]);
                assert!(ended, "{}", exchange.name);
                let heard = heard_gemini::stream(std::str::from_utf8(&whole).unwrap());
                alike(&said, &heard, &exchange.name);
                let pieces = random.pieces(body, 700);
                assert!(through(from, Wire::Gemini, array, &pieces).0 == whole, "{}", exchange.name);
                streams += 1;
            }
        }
        println!("{}: {streams} streams become gemini", from.label());
    }
}

#[test]
fn whole_answers_say_the_same_in_every_format() {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut losses = Losses::default();
    let all = [(Wire::Gemini, PART), (Wire::Chat, "__openai.chat__"), (Wire::Messages, "__anthropic.messages__")];
    for (from, part) in all {
        for exchange in recordings(part).iter().filter(|e| !e.stream && e.status == 200) {
            for to in [Wire::Gemini, Wire::Chat, Wire::Messages] {
                if from != Wire::Gemini && to != Wire::Gemini {
                    continue;
                }
                let answer = match translate::answer(from, to, exchange.body.as_bytes(), &context()) {
                    Ok(answer) => answer,
                    Err(Malformed::Failed(_)) if fails(exchange) => continue,
                    Err(error) => panic!("{}: {error:?}", exchange.name),
                };
                let text = std::str::from_utf8(&answer.body).unwrap();
                let (said, heard) = (whole_of(from, &exchange.body), whole_of(to, text));
                alike(&said, &heard, &exchange.name);
                assert_eq!(answer.usage, said.usage, "{}", exchange.name);
                assert!(answer.losses.fields().all(|field| carries(to, field) != Fidelity::Carried));
                losses = losses.with(answer.losses);
                *counts.entry((from.label(), to.label())).or_default() += 1;
            }
        }
    }
    println!("answers: {counts:?}; losses: {:?}", losses.names().collect::<Vec<_>>());
}

/// Signatures of a stream or an answer, in their order.
fn signatures(body: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in body.split("\"thoughtSignature\"").skip(1) {
        found.push(piece.split('"').nth(1).unwrap().to_owned());
    }
    found
}

#[test]
fn a_stream_and_its_whole_twin_say_the_same() {
    let mut twins = 0;
    for exchange in recordings(PART).iter().filter(|e| e.stream && e.status == 200 && e.body.starts_with("data:")) {
        let pieces: Vec<Value> = support::events_of(&exchange.body).iter().filter_map(|event| event.data()).collect();
        let whole = Value::Array(pieces).to_string();
        for to in [Wire::Chat, Wire::Messages, Wire::Gemini] {
            let streamed = through(Wire::Gemini, to, false, &[exchange.body.as_bytes()]).0;
            let answer = translate::answer(Wire::Gemini, to, whole.as_bytes(), &context()).unwrap();
            let (streamed, answered) = (String::from_utf8(streamed).unwrap(), String::from_utf8(answer.body).unwrap());
            alike(&stream_of(to, &streamed), &whole_of(to, &answered), &exchange.name);
            // Native parts have no place in a translated stream.
            let native = ["\"toolCall\"", "\"toolResponse\"", "\"executableCode\"", "\"codeExecutionResult\""];
            if to == Wire::Gemini && !native.iter().any(|key| whole.contains(key)) {
                assert_eq!(signatures(&exchange.body), signatures(&streamed), "{}", exchange.name);
                assert_eq!(signatures(&whole), signatures(&answered), "{}", exchange.name);
            }
            twins += 1;
        }
    }
    println!("{twins} twins");
}

#[test]
fn a_stream_that_was_cut_is_never_ended() {
    let mut cut = 0;
    for exchange in recordings(PART).iter().filter(|e| e.stream && e.status == 200) {
        let Some(finish) = exchange.body.find("\"finishReason\"") else { continue };
        for part in 1..10 {
            for to in [Wire::Chat, Wire::Messages, Wire::Gemini] {
                let (_, _, ended) =
                    through(Wire::Gemini, to, false, &[&exchange.body.as_bytes()[..finish * part / 10]]);
                assert!(!ended, "{} at {part}", exchange.name);
                cut += 1;
            }
        }
    }
    println!("{cut} streams cut before their end");
}

#[test]
fn recorded_errors_have_a_kind_and_words() {
    let mut table: BTreeMap<(u16, &str), u32> = BTreeMap::new();
    for exchange in recordings(PART).iter().filter(|e| e.status >= 400) {
        let said = translate::error(exchange.status, exchange.body.as_bytes());
        assert!(!said.message.is_empty(), "{}: {}", exchange.name, exchange.body);
        *table.entry((exchange.status, said.kind.anthropic_type())).or_default() += 1;
    }
    println!("{table:?}");
}

#[test]
fn recorded_embeddings_go_both_ways() {
    use dialects::embed::{self, Method};
    let (mut to_openai, mut to_gemini) = (0, 0);
    for exchange in recordings("__gemini.embedContent__").into_iter().filter(|e| e.status == 200) {
        let Some(value) = exchange.request_value() else { continue };
        let method = if value["requests"].is_array() { Method::Batch } else { Method::One };
        let body = value.to_string();
        let Ok(ask) = embed::read_gemini(body.as_bytes(), method, &hints()) else {
            assert!(body.contains("inline"), "{}", exchange.name);
            continue;
        };
        let there = embed::write_openai(&ask, "up");
        let back = embed::read_openai(&there).unwrap();
        assert_eq!((&back.texts, back.dimensions), (&ask.texts, ask.dimensions));
        let vectors = embed::read_gemini_answer(exchange.body.as_bytes()).unwrap();
        let usage = vectors.usage.unwrap_or_default();
        let openai = embed::write_openai_answer(&vectors, back.shape(), "public", usage).unwrap();
        let again = embed::read_openai_answer(&openai).unwrap();
        let mut said: Value = serde_json::from_str(&exchange.body).unwrap();
        let heard: Value = serde_json::from_slice(&embed::write_gemini_answer(&again, ask.shape()).unwrap()).unwrap();
        for key in ["embedding", "embeddings"] {
            assert_eq!(said[key].take(), heard[key], "{}", exchange.name);
        }
        to_openai += 1;
    }
    for exchange in recordings("__openai.embeddings__").into_iter().filter(|e| e.status == 200) {
        let Some(body) = &exchange.request else { continue };
        let Ok(ask) = embed::read_openai(body.as_bytes()) else { continue };
        let there = embed::write_gemini(&ask, "up", Method::Batch).unwrap();
        let back = embed::read_gemini(&there, Method::Batch, &hints()).unwrap();
        assert_eq!((&back.texts, back.dimensions), (&ask.texts, ask.dimensions));
        let vectors =
            embed::read_openai_answer(exchange.body.as_bytes()).unwrap_or_else(|e| panic!("{}: {e:?}", exchange.name));
        let Ok(gemini) = embed::write_gemini_answer(&vectors, back.shape()) else {
            // It packs bytes, not floats, and nobody asked it for those.
            assert_eq!(exchange.provider, "perplexity");
            continue;
        };
        let again = embed::read_gemini_answer(&gemini).unwrap();
        assert_eq!(again.len(), vectors.len());
        let packed = embed::Ask { packed: true, ..ask.clone() };
        let once = embed::write_openai_answer(&again, packed.shape(), "m", Default::default()).unwrap();
        let twice = embed::write_openai_answer(&vectors, packed.shape(), "m", Default::default()).unwrap();
        assert_eq!(once, twice, "{}", exchange.name);
        to_gemini += 1;
    }
    println!("embeddings: {to_openai} of gemini through openai, {to_gemini} of openai through gemini");
}

#[test]
fn recorded_counts_are_guessed_about() {
    let mut ratios = Vec::new();
    for (wire, part) in [(Wire::Gemini, "__gemini.countTokens__"), (Wire::Messages, "__anthropic.count_tokens__")] {
        for exchange in recordings(part).into_iter().filter(|e| e.status == 200) {
            let Some(body) = &exchange.request else { continue };
            let request = dialects::count::read(wire, body.as_bytes(), &hints()).unwrap();
            let told: Value = serde_json::from_str(&exchange.body).unwrap();
            let told = told["totalTokens"].as_u64().or(told["input_tokens"].as_u64()).unwrap();
            let ratio = dialects::count::estimate(&request) as f64 / told as f64;
            // Anthropic counts what it says itself of tools and thinking, which outweighs a short request.
            let least = if wire == Wire::Gemini { 0.5 } else { 0.0 };
            assert!((least..2.0).contains(&ratio), "{}: {ratio}", exchange.name);
            ratios.push(ratio);
        }
    }
    println!("{} counts, guessed over told: {ratios:.2?}", ratios.len());
}
