//! Answers and streams of responses, into it and out of it, held against a plain reading of the same bytes.
//!
//! The recordings are no part of the project: where the folder is not there, these tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use dialects::conversation::{Delta, Event, Kind, Opened};
use dialects::loss::{Fidelity, carries};
use dialects::translate::{self, Context, Hints, Malformed, Reader, Stream, Target};
use dialects::{Output, Wire};
use serde_json::{Value, json};
use support::heard::{self, Heard};
use support::{Exchange, Random, events_of, recordings, responses};

const PART: &str = "__openai.responses__";
const OTHERS: [(Wire, &str); 2] = [(Wire::Chat, "__openai.chat__"), (Wire::Messages, "__anthropic.messages__")];

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), include_usage: true, created: 7, ..Context::default() }
}

/// Through the stream, in these pieces.
fn through(from: Wire, to: Wire, pieces: &[&[u8]], context: &Context) -> (Vec<u8>, Stream, bool) {
    let mut stream = Stream::new(from, to, context);
    let mut out = Output::default();
    for piece in pieces {
        stream.push(piece, &mut out);
    }
    let ended = stream.end(true, &mut out).is_ok();
    (out.whole(), stream, ended)
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
    let mut out = Output::default();
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
                // It is yet to be made: no other format can say so.
                Err(Malformed::Foreign) if exchange.body.contains("\"status\":\"queued\"") => continue,
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

    let context = Context { free_form: Arc::new(["apply_patch".into()].into()), ..context() };
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
    let request = translate::read(Wire::Responses, next.as_bytes(), &Hints::default()).unwrap();
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

/// What is long is held once and said in all its places.
#[test]
fn long_texts_are_said_in_all_their_places() {
    let context = Context { free_form: Arc::new(["apply_patch".into()].into()), ..context() };
    let long = "a \"line\"\n\u{1}".repeat(20_000);
    let delta = |delta: Value| json!({"index": 0, "delta": delta});
    let input = json!({"input": long}).to_string();
    let called = |index: u32, name: &str, arguments: &str| {
        let function = json!({"name": name, "arguments": arguments});
        delta(
            json!({"tool_calls": [{"index": index, "id": format!("c{index}"), "type": "function", "function": function}]}),
        )
    };
    let body = chat(&[
        delta(json!({"role": "assistant", "reasoning_content": "so "})),
        delta(json!({"reasoning_content": long})),
        delta(json!({"content": long})),
        delta(json!({"content": " and "})),
        delta(json!({"content": long})),
        called(0, "f", &input),
        called(1, "apply_patch", &input),
        json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}),
    ]);
    for pieces in [vec![&body[..]], body.chunks(16 * 1024).collect()] {
        let (out, _, ended) = through(Wire::Chat, Wire::Responses, &pieces, &context);
        let heard = responses::written(std::str::from_utf8(&out).unwrap());
        assert!(ended && heard.text == format!("{long} and {long}"), "{} bytes", heard.text.len());
        assert!(heard.thinking == format!("so {long}"), "{} bytes", heard.thinking.len());
        let calls = [("f", json!({"input": long})), ("apply_patch", json!(long))];
        for (heard, said) in heard.calls.iter().zip(calls) {
            assert!((&*heard.1, &heard.2) == (said.0, &said.1), "{}", said.0);
        }
        assert_eq!(heard.calls.len(), 2);
    }
    let picture = "iVBO".repeat(50_000);
    let chunk = json!({"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": picture}}]}, "finishReason": "STOP"}]});
    let (out, _, ended) = through(Wire::Gemini, Wire::Responses, &[format!("data: {chunk}\n\n").as_bytes()], &context);
    let text = String::from_utf8(out).unwrap();
    responses::written(&text);
    assert!(ended);
    assert_eq!(text.matches(&*picture).count(), 3, "as it begins, as it ends, and in the response");
}

/// Beyond its bound an answer ends for the client as one that was cut, and the stream is one all the same.
#[test]
fn an_answer_without_end_is_ended() {
    let piece = "x".repeat(1 << 20);
    let mut stream = Stream::new(Wire::Chat, Wire::Responses, &context());
    let (mut out, mut all, mut ended) = (Output::default(), String::new(), 0);
    for _ in 0..20 {
        let chunk = json!({"choices": [{"index": 0, "delta": {"content": piece}}]});
        stream.push(format!("data: {chunk}\n\n").as_bytes(), &mut out);
        ended += usize::from(out.is_empty());
        all.push_str(std::str::from_utf8(&std::mem::take(&mut out).whole()).unwrap());
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
