//! Conversations and streams that nobody recorded: whatever a format can say comes back out of it, any bytes give
//! events or an error, and what a provider wants back survives a client of another dialect.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use dialects::conversation::{Delta, Event, Finish, Opaque, Opened, Str};
use dialects::translate::{self, Context, Hints, Quirks, ReasoningStyle, Stream, Target, Writer};
use dialects::{Output, Usage, Wire};
use serde_json::{Value, json};
use support::Random;
use support::gather::Gather;

const WIRES: [Wire; 3] = [Wire::Chat, Wire::Messages, Wire::Responses];

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), include_usage: true, created: 7, ..Context::default() }
}

/// Texts that are hard on writers: quotes, line ends, other alphabets, nothing.
const TEXTS: [&str; 8] =
    ["Hello", " there\n\n", "\"quoted\\\"", "日本語 🚀", "data: x\n\nevent: y", "\u{2028}\0", "</think>", "a"];

fn text(random: &mut Random) -> &'static str {
    TEXTS[random.below(TEXTS.len())]
}

/// Arguments in pieces.
fn arguments(random: &mut Random) -> Vec<&'static str> {
    const WHOLE: [&[&str]; 4] = [
        &["{}"],
        &["{\"city\":", " \"Par", "is\"}"],
        &["{\"a\"", ":{\"b\":[1,", "2,\"}\"]},\"c\":\"\\\"", "{\"}"],
        &["{\"x\": 1.50, ", "\"x2\": 1e3}"],
    ];
    WHOLE[random.below(WHOLE.len())].to_vec()
}

/// A stream of the neutral model as an upstream may send it. `state`: whose signatures it bears.
fn stream(random: &mut Random, state: Option<Wire>, mixed: bool) -> Vec<Event<'static>> {
    let mut events = vec![
        Event::Start { id: Some("answer_1".into()), model: Some("upstream".into()), created: Some(5) },
        Event::Usage(Usage { input: 9, ..Usage::default() }),
    ];
    let mut part = 0;
    let mut say = |events: &mut Vec<Event<'static>>, opened: Opened<'static>, texts: Vec<&'static str>, opaque| {
        events.push(Event::Open { part, opened });
        for text in texts {
            events.push(Event::Delta { part, delta: Delta::Text(text.into()) });
        }
        if let Some(opaque) = opaque {
            events.push(Event::Delta { part, delta: Delta::Opaque(opaque) });
        }
        events.push(Event::Close { part });
        part += 1;
    };
    for _ in 0..random.below(3) {
        let signature = state.map(|from| Opaque::signature(from, "c2ln/+==".into()));
        let texts = (0..1 + random.below(3)).map(|_| text(random)).collect();
        say(&mut events, Opened::Thinking, texts, signature);
        if let Some(from) = state.filter(|_| random.below(3) == 0) {
            say(&mut events, Opened::Thinking, Vec::new(), Some(Opaque::redacted(from, "cmVk".into())));
        }
        // Two thoughts without a mark between them are one to chat.
        if state.is_none() {
            break;
        }
    }
    if random.below(4) > 0 {
        let texts = (0..1 + random.below(4)).map(|_| text(random)).collect();
        say(&mut events, Opened::Text, texts, None);
    }
    let mut calls: Vec<(u32, Vec<&str>)> = Vec::new();
    for n in 0..random.below(4) {
        let opaque = state.map(|from| Opaque::signature(from, format!("Y2FsbA{n}").into()));
        let opened = Opened::Call {
            id: format!("call-{n}").into(),
            name: ["weather", "search"][n % 2].into(),
            free_form: false,
            opaque,
        };
        let mut pieces = arguments(random);
        events.push(Event::Open { part, opened });
        if mixed {
            pieces.reverse();
            calls.push((part, pieces));
        } else {
            events.extend(pieces.into_iter().map(|p| Event::Delta { part, delta: Delta::Arguments(p.into()) }));
            events.push(Event::Close { part });
        }
        part += 1;
    }
    let any = calls.len();
    while let Some(at) = (!calls.is_empty()).then(|| random.below(calls.len())) {
        let (part, pieces) = &mut calls[at];
        match pieces.pop() {
            Some(piece) => events.push(Event::Delta { part: *part, delta: Delta::Arguments(piece.into()) }),
            None => {
                events.push(Event::Close { part: *part });
                calls.remove(at);
            }
        }
    }
    let called = any > 0 || events.iter().any(|e| matches!(e, Event::Open { opened: Opened::Call { .. }, .. }));
    let reasons = [Finish::Stop, Finish::Length];
    let reason = if called { Finish::ToolCalls } else { reasons[random.below(2)] };
    events.push(Event::Finish { reason, stop_sequence: None });
    let usage = Usage { input: 9, output: 20, cached_input: 4, cache_write: 1, reasoning: 3, estimated: false };
    events.push(Event::Usage(usage));
    events.push(Event::Done);
    events
}

fn written(wire: Wire, events: &[Event<'_>]) -> Vec<u8> {
    let mut writer = Writer::new(wire, &context());
    let mut out = Output::default();
    events.iter().for_each(|event| writer.event(event, &mut out));
    out.whole()
}

fn gathered(events: &[Event<'_>]) -> Gather {
    let mut gather = Gather::default();
    events.iter().for_each(|event| gather.event(event));
    gather
}

/// A thought of responses has an id, gets one where it has none, and is one thing with and without a text.
fn without_ids(gather: &Gather) -> Vec<(String, String, Option<Opaque<'static>>)> {
    let mut said = gather.said();
    for opaque in said.iter_mut().filter_map(|part| part.2.as_mut()) {
        opaque.id = None;
        opaque.redacted &= opaque.from != Wire::Responses;
    }
    said
}

#[test]
fn a_stream_comes_back_out_of_every_format() {
    let mut random = Random(23);
    let mut count = 0;
    for round in 0..1_500 {
        // A client's signatures of another provider are marked, and the mark is taken off.
        let state = [None, Some(Wire::Gemini), Some(Wire::Messages), Some(Wire::Responses)][round % 4];
        let events = stream(&mut random, state, round % 3 == 0);
        let said = gathered(&events);
        for wire in WIRES {
            let out = written(wire, &events);
            let text = String::from_utf8(out).unwrap();
            let back = Gather::of(wire, &text, &context());
            assert_eq!(without_ids(&back), without_ids(&said), "{}\n{text}", wire.label());
            assert_eq!((back.finish(), back.usage(), back.done), (said.finish(), said.usage(), true), "{text}");
            count += 1;
        }
    }
    println!("{count} streams came back");
}

#[test]
fn a_stream_goes_through_two_formats_in_any_pieces() {
    let mut random = Random(29);
    for round in 0..600 {
        let events = stream(&mut random, [None, Some(Wire::Gemini)][round % 2], round % 3 == 0);
        for from in WIRES {
            let body = written(from, &events);
            for to in WIRES {
                let mut outs = Vec::new();
                for pieces in [vec![&body[..]], random.pieces(&body, 3), random.pieces(&body, 50)] {
                    let mut stream = Stream::new(from, to, &context());
                    let mut out = Output::default();
                    for piece in pieces {
                        stream.push(piece, &mut out);
                    }
                    assert!(stream.end(true, &mut out).unwrap().terminal);
                    outs.push(out.whole());
                }
                assert!(outs.windows(2).all(|two| two[0] == two[1]));
                let back = Gather::of(to, std::str::from_utf8(&outs[0]).unwrap(), &context());
                assert_eq!(without_ids(&back), without_ids(&gathered(&events)));
            }
        }
    }
}

/// Pieces of real traffic, which reach further into a reader than noise does.
const WORDS: [&str; 70] = [
    "data: ",
    "data:",
    "event: error\n",
    "event: message_start\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    ": c",
    "[DONE]",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "\\",
    "null",
    "true",
    "7",
    "-0.",
    "1e9",
    "\u{feff}",
    "é",
    "\"error\":",
    "\"usage\":{\"prompt_tokens\":3}",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"reasoning\":\"h\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"s\"}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"x\":1}]}}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
    "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n",
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":3}}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"d\"}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":9000000000000,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n",
    "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n",
    "data: {\"type\":\"message_stop\"}\n\n",
    "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n",
    "error: {\"message\":\"x\"}\n\n",
    "\"model\":\"m\",",
    "\"messages\":[",
    "{\"role\":\"user\",\"content\":\"x\"}",
    "{\"role\":\"assistant\",\"content\":[",
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],",
    "\"tool_choice\":",
    "\"system\":[",
    "\"thinking\":{\"type\":\"enabled\"},",
    "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":",
    "\"input\":[",
    "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}",
    "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"e\"}",
    "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\"}}\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":\"function_call\",\"name\":\"f\"}}\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"x\"}\n\n",
    "data: {\"type\":\"response.reasoning_text.delta\",\"output_index\":2,\"delta\":\"h\"}\n\n",
    "data: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":1,\"delta\":\"{}\"}\n\n",
    "data: {\"type\":\"response.output_item.done\",\"output_index\":0}\n\n",
    "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
    "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"no\"}}}\n\n",
];

fn bytes(random: &mut Random, words: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..random.below(words) {
        match random.below(12) {
            0 => out.push(random.next() as u8),
            _ => out.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes()),
        }
    }
    out
}

#[test]
fn any_bytes_give_events_or_an_error_however_they_are_cut() {
    let mut random = Random(31);
    let (mut whole, mut failed, mut events) = (0, 0, 0);
    for round in 0..8_000 {
        let body = bytes(&mut random, 40);
        let (from, to) = (WIRES[round % WIRES.len()], WIRES[round / WIRES.len() % WIRES.len()]);
        let mut ends = Vec::new();
        for pieces in [vec![&body[..]], random.pieces(&body, 5), random.pieces(&body, 60)] {
            let mut stream = Stream::new(from, to, &context());
            let (mut out, mut content, mut terminal) = (Output::default(), false, false);
            for piece in pieces {
                let progress = stream.push(piece, &mut out);
                assert!(progress.content || !content, "content is taken back");
                assert!(progress.terminal || !terminal, "the end is taken back");
                (content, terminal) = (progress.content, progress.terminal);
            }
            assert!(out.is_empty() || out.clone().whole().ends_with(b"\n\n"), "half an event");
            let end = stream.end(true, &mut out).is_ok();
            ends.push((out.whole(), end, stream.progress().clone()));
        }
        assert!(ends.windows(2).all(|two| two[0] == two[1]), "{}", String::from_utf8_lossy(&body));
        let (out, end, progress) = &ends[0];
        // What is written is of the format: its own reader takes it, and never for more than it is.
        let gather = Gather::of(to, std::str::from_utf8(out).unwrap(), &context());
        assert_eq!(gather.done, *end, "{}", String::from_utf8_lossy(&body));
        (whole, failed) = (whole + u32::from(*end), failed + u32::from(progress.failure.is_some()));
        events += usize::from(!out.is_empty());
    }
    println!("{whole} whole, {failed} failed, {events} with events");
    assert!(whole > 400 && failed > 500 && events > 2_000);
}

#[test]
fn an_event_without_an_end_is_given_up() {
    let mut stream = Stream::new(Wire::Chat, Wire::Messages, &context());
    let mut out = Output::default();
    let piece = [b'x'; 64 * 1024];
    stream.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"", &mut out);
    for _ in 0..300 {
        stream.push(&piece, &mut out);
    }
    assert!(stream.progress().failure.is_some() && out.is_empty());
    assert!(stream.end(true, &mut out).is_err());
}

#[test]
fn any_request_is_read_or_refused_and_what_is_read_can_be_written() {
    let mut random = Random(37);
    let mut read = 0;
    for round in 0..20_000 {
        let wire = WIRES[round / 3 % WIRES.len()];
        let mut body = if round % 3 == 0 { Vec::new() } else { b"{\"model\":\"m\",\"messages\":[".to_vec() };
        body.extend_from_slice(&bytes(&mut random, 8));
        if round % 3 == 1 {
            body.extend_from_slice(b"]}");
        }
        let Ok(request) = translate::read(wire, &body, &Hints::default()) else { continue };
        read += 1;
        for to in WIRES {
            if let Ok(written) = translate::write(to, &request, &Target { model: "u", ..Target::default() }) {
                let value: Value = serde_json::from_slice(&written.body).unwrap();
                assert_eq!(value["model"], "u");
            }
        }
        let _ = translate::answer(wire, wire, &body, &context());
    }
    assert!(read > 100, "{read}");
}

#[test]
fn a_block_takes_no_pieces_of_another_kind() {
    let starts = [r#"{"type":"text","text":""}"#, r#"{"type":"tool_use","id":"c","name":"f","input":{}}"#];
    let pieces = [r#""text":"T""#, r#""partial_json":"{}""#, r#""citation":{"type":"char_location","cited_text":"a"}"#];
    let mut body = String::new();
    for (at, start) in starts.iter().enumerate() {
        body += &format!("data: {{\"type\":\"content_block_start\",\"index\":{at},\"content_block\":{start}}}\n\n");
        for _ in 0..4 {
            for piece in pieces {
                body += &format!("data: {{\"type\":\"content_block_delta\",\"index\":{at},\"delta\":{{{piece}}}}}\n\n");
            }
        }
    }
    body += "data: {\"type\":\"message_stop\"}\n\n";
    let gathered = support::gather::Gather::of(Wire::Messages, &body, &context());
    let said: Vec<_> = gathered.said().into_iter().map(|part| part.1).collect();
    assert_eq!(said, ["TTTT", "{}{}{}{}"]);
}

#[test]
fn nothing_is_cited_in_a_refusal() {
    let event = |kind: &str, rest: &str| {
        format!("data: {{\"type\":\"response.{kind}\",\"output_index\":0,\"content_index\":0,{rest}}}\n\n")
    };
    let annotation = r#"{"type":"url_citation","url":"https://a.example","title":"A","start_index":0,"end_index":1}"#;
    let body = event("refusal.delta", "\"delta\":\"No\"")
        + &event("output_text.annotation.added", &format!("\"annotation\":{annotation}"))
        + &event(
            "content_part.done",
            &format!("\"part\":{{\"type\":\"refusal\",\"refusal\":\"No\",\"annotations\":[{annotation}]}}"),
        )
        + &event("completed", "\"response\":{\"status\":\"completed\"}");
    let gathered = support::gather::Gather::of(Wire::Responses, &body, &context());
    assert!(gathered.done);
    assert_eq!(gathered.said(), [("Refusal".to_owned(), "No".to_owned(), None)]);
}

/// Metadata of its own is carried by responses, which knows nothing of a member that messages does not know.
#[test]
fn what_a_reader_leaves_out_is_told_for_every_upstream() {
    let body = br#"{"model":"m","max_tokens":1,"messages":[],"metadata":{"user_id":"u","team":"t"}}"#;
    let request = translate::read(Wire::Messages, body, &Hints::default()).unwrap();
    for to in Wire::ALL {
        let written = translate::write(to, &request, &Target { model: "u", ..Target::default() }).unwrap();
        assert!(written.losses.names().any(|name| name == "unknown_fields"), "{to:?}");
        let refused = translate::write(to, &request, &Target { model: "u", refuse: true, ..Target::default() });
        assert!(refused.is_err(), "{to:?}");
    }
}

#[test]
fn nesting_without_end_is_no_danger() {
    for (open, close) in [
        (r#"{"type":"tool_result","tool_use_id":"t","content":["#, "]}"),
        (r#"{"type":"document","source":{"type":"content","content":["#, "]}}"),
        ("[", "]"),
        (r#"{"a":"#, "}"),
    ] {
        let inside = open.repeat(100_000) + "1" + &close.repeat(100_000);
        for body in [
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{inside}]}}]}}"#),
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"tools":[{inside}],"extra":{inside}}}"#
            ),
        ] {
            for wire in WIRES {
                if let Ok(request) = translate::read(wire, body.as_bytes(), &Hints::default()) {
                    for to in WIRES {
                        let _ = translate::write(to, &request, &Target::default());
                    }
                }
                let _ = translate::answer(wire, wire, body.as_bytes(), &context());
            }
        }
    }
}

/// An answer of an upstream with all that it wants back, as a client of `wire` would send it in its next turn.
fn next_turn(wire: Wire, body: &[u8]) -> Value {
    let answer: Value = serde_json::from_slice(body).unwrap();
    if wire == Wire::Responses {
        let mut input = answer["output"].as_array().unwrap().clone();
        let id = input.iter().find(|item| item["type"] == "function_call").unwrap()["call_id"].clone();
        input.insert(0, json!({"role": "user", "content": "q"}));
        input.push(json!({"type": "function_call_output", "call_id": id, "output": "18 degrees"}));
        return json!({"model": "public", "input": input});
    }
    let message = match wire {
        Wire::Chat => answer["choices"][0]["message"].clone(),
        Wire::Messages => json!({"role": "assistant", "content": answer["content"]}),
        Wire::Responses | Wire::Gemini | Wire::Converse => panic!("not here"),
    };
    let id = match wire {
        Wire::Chat => message["tool_calls"][0]["id"].clone(),
        _ => answer["content"].as_array().unwrap().iter().find(|b| b["type"] == "tool_use").unwrap()["id"].clone(),
    };
    let result = match wire {
        Wire::Chat => json!({"role": "tool", "tool_call_id": id, "content": "18 degrees"}),
        _ => json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "18 degrees"}]}),
    };
    json!({"model": "public", "max_tokens": 4000, "messages": [{"role": "user", "content": "q"}, message, result]})
}

#[test]
fn what_anthropic_wants_back_survives_a_chat_client() {
    let content = json!([
        {"type": "thinking", "thinking": "Let me see.", "signature": "EqQB/+=="},
        {"type": "redacted_thinking", "data": "cmVk+/=="},
        {"type": "thinking", "thinking": "And again.", "signature": "RrQB"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}},
    ]);
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content,
        "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 2}});
    let there = translate::answer(Wire::Messages, Wire::Chat, answer.to_string().as_bytes(), &context()).unwrap().body;
    let mut next = next_turn(Wire::Chat, &there);
    next["reasoning_effort"] = json!("high");
    let body = next.to_string();
    let request = translate::read(Wire::Chat, body.as_bytes(), &Hints::default()).unwrap();
    let back = translate::write(Wire::Messages, &request, &Target { model: "claude", ..Target::default() }).unwrap();
    let back: Value = serde_json::from_slice(&back.body).unwrap();
    assert_eq!(back["messages"][1]["content"], content);
    assert_eq!(back["messages"][2]["content"][0]["tool_use_id"], "toolu_1");
    assert_eq!(back["thinking"]["type"], "enabled");

    // A client that keeps nothing but the calls: there can be no thinking now, and it is said.
    next["messages"][1].as_object_mut().unwrap().retain(|key, _| matches!(&**key, "role" | "tool_calls"));
    let body = next.to_string();
    let request = translate::read(Wire::Chat, body.as_bytes(), &Hints::default()).unwrap();
    let written = translate::write(Wire::Messages, &request, &Target { model: "claude", ..Target::default() }).unwrap();
    assert_eq!(written.losses.names().collect::<Vec<_>>(), ["reasoning_effort"]);
    assert_eq!(serde_json::from_slice::<Value>(&written.body).unwrap()["thinking"], Value::Null);

    // Another provider never sees a mark of ours.
    let chat = translate::write(Wire::Chat, &request, &Target { model: "gpt", ..Target::default() }).unwrap();
    assert!(!Opaque::marks(Wire::Gemini, &chat.body));
}

#[test]
fn what_openrouter_wants_back_survives_a_messages_client() {
    let details = json!([
        {"type": "reasoning.text", "text": "Hm.", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "ZW5j", "id": "tool_1", "format": "google-gemini-v1", "index": 1},
    ]);
    let answer = json!({"id": "gen-1", "model": "x", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": null, "reasoning": "Hm.", "reasoning_details": details,
        "tool_calls": [{"id": "tool_1", "type": "function", "index": 0, "function": {"name": "weather", "arguments": "{}"}}]}}]});
    let there = translate::answer(Wire::Chat, Wire::Messages, answer.to_string().as_bytes(), &context()).unwrap().body;
    let body = next_turn(Wire::Messages, &there).to_string();
    let request = translate::read(Wire::Messages, body.as_bytes(), &Hints::default()).unwrap();
    let quirks = Quirks { reasoning_details: true, reasoning: ReasoningStyle::Object, ..Quirks::default() };
    let target = Target { model: "x", quirks, ..Target::default() };
    let back = translate::write(Wire::Chat, &request, &target).unwrap();
    assert!(back.losses.is_empty(), "{:?}", back.losses.names().collect::<Vec<_>>());
    let back: Value = serde_json::from_slice(&back.body).unwrap();
    assert_eq!(back["messages"][1]["reasoning_details"], details);
}

#[test]
fn gemini_signatures_of_calls_hang_on_their_ids() {
    let events = [
        Event::Start { id: None, model: None, created: None },
        Event::Open {
            part: 0,
            opened: Opened::Call {
                id: "call_r1_0".into(),
                name: "weather".into(),
                free_form: false,
                opaque: Some(Opaque::signature(Wire::Gemini, "CiQB/+==".into())),
            },
        },
        Event::Delta { part: 0, delta: Delta::Arguments(Str::from("{}")) },
        Event::Close { part: 0 },
        Event::Finish { reason: Finish::ToolCalls, stop_sequence: None },
        Event::Done,
    ];
    for wire in WIRES {
        let gather = gathered(&events);
        let answer = gather.answer(Wire::Gemini);
        let there = translate::write_answer(wire, &answer, &context(), &mut Default::default());
        let next = next_turn(wire, &there).to_string();
        assert!(Opaque::marks(wire, next.as_bytes()));
        let request = translate::read(wire, next.as_bytes(), &Hints::default()).unwrap();
        let part = request.messages[1].parts.last().unwrap();
        assert_eq!(part.opaque.as_deref().cloned(), Some(Opaque::signature(Wire::Gemini, "CiQB/+==".into())), "{next}");
        // Every upstream gets the bare id, its own format's included.
        for to in WIRES {
            let written = translate::write(to, &request, &Target { model: "u", ..Target::default() }).unwrap();
            let text = String::from_utf8(written.body).unwrap();
            assert!(text.contains("\"call_r1_0\"") && !Opaque::marks(Wire::Gemini, text.as_bytes()), "{text}");
        }
    }
}
