//! Conversations and streams that nobody recorded, through Gemini and Converse: whatever these formats can say comes
//! back out of them, any bytes give events or an error, and what a provider wants back survives other clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use dialects::conversation::{Delta, Event, Finish, Opaque, Opened};
use dialects::translate::{self, Context, Hints, MAX_EVENT, Reader, Stream, Target, Writer};
use dialects::{Output, Usage, Wire};
use serde_json::{Value, json};
use support::gather::Gather;
use support::{Random, heard_converse};

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), include_usage: true, created: 7, ..Context::default() }
}

fn array() -> Context {
    Context { array: true, ..context() }
}

/// Texts that are hard on writers: quotes, line ends, other alphabets.
const TEXTS: [&str; 7] =
    ["Hello", " there\n\n", "\"quoted\\\"", "日本語 🚀", "data: x\n\nevent: y", "\u{2028}\0", "]},\r\n["];
const ARGUMENTS: [&[&str]; 4] = [
    &["{}"],
    &["{\"city\":", " \"Par", "is\"}"],
    &["{\"a\"", ":{\"b\":[1,", "2,\"}\"]},\"c\":\"\\\"", "{\"}"],
    &["{\"x\": 1.50, ", "\"x2\": 1e3}"],
];

/// A stream of the neutral model as an upstream may send it. `state`: whose signatures it bears.
fn stream(random: &mut Random, state: Option<Wire>) -> Vec<Event<'static>> {
    let mut events = vec![
        Event::Start { id: Some("answer_1".into()), model: Some("upstream".into()), created: Some(5) },
        Event::Usage(Usage { input: 9, ..Usage::default() }),
    ];
    let mut part = 0;
    let mut say = |events: &mut Vec<_>, opened: Opened<'static>, deltas: Vec<Delta<'static>>| {
        events.push(Event::Open { part, opened });
        events.extend(deltas.into_iter().map(|delta| Event::Delta { part, delta }));
        events.push(Event::Close { part });
        part += 1;
    };
    let texts = |random: &mut Random| -> Vec<Delta<'static>> {
        (0..1 + random.below(3)).map(|_| Delta::Text(TEXTS[random.below(TEXTS.len())].into())).collect()
    };
    if random.below(2) == 0 {
        let mut deltas = texts(random);
        deltas.extend(state.map(|from| Delta::Opaque(Opaque::signature(from, "c2ln/+==".into()))));
        say(&mut events, Opened::Thinking, deltas);
        // Gemini redacts nothing.
        if let Some(from) = state.filter(|from| *from != Wire::Gemini && random.below(2) == 0) {
            say(&mut events, Opened::Thinking, vec![Delta::Opaque(Opaque::redacted(from, "cmVk".into()))]);
        }
    }
    if random.below(4) > 0 {
        say(&mut events, Opened::Text, texts(random));
    }
    let calls = random.below(4);
    for n in 0..calls {
        let opaque = state.map(|from| Opaque::signature(from, format!("Y2FsbA{n}").into()));
        let (id, name) = (format!("call-{n}").into(), ["weather", "search"][n % 2].into());
        let pieces = ARGUMENTS[random.below(ARGUMENTS.len())].iter().map(|piece| Delta::Arguments((*piece).into()));
        say(&mut events, Opened::Call { id, name, free_form: false, opaque }, pieces.collect());
    }
    let reason = if calls > 0 { Finish::ToolCalls } else { [Finish::Stop, Finish::Length][random.below(2)] };
    events.push(Event::Finish { reason, stop_sequence: None });
    events.push(Event::Usage(Usage { input: 9, output: 20, cached_input: 4, ..Usage::default() }));
    events.push(Event::Done);
    events
}

fn written(wire: Wire, context: &Context, events: &[Event<'_>]) -> Vec<u8> {
    let mut writer = Writer::new(wire, context);
    let mut out = Output::default();
    events.iter().for_each(|event| writer.event(event, &mut out));
    out.whole()
}

fn gathered(events: &[Event<'_>]) -> Gather {
    let mut gather = Gather::default();
    events.iter().for_each(|event| gather.event(event));
    gather
}

fn read_back(wire: Wire, body: &[u8]) -> Gather {
    if wire != Wire::Converse {
        return Gather::of(wire, std::str::from_utf8(body).unwrap(), &context());
    }
    let (mut gather, mut reader) = (Gather::default(), Reader::new(wire, &context()));
    for (name, data) in heard_converse::messages(body) {
        reader.event(name.as_bytes(), data.to_string().as_bytes(), &mut |event| gather.event(&event)).unwrap();
    }
    if !gather.done {
        reader.end(&mut |event| gather.event(&event));
    }
    gather
}

#[test]
fn a_stream_comes_back_out_of_both_formats() {
    let mut random = Random(47);
    let mut count = 0;
    for round in 0..2_000 {
        let state = [None, Some(Wire::Gemini), Some(Wire::Messages), Some(Wire::Responses)][round % 4];
        let events = stream(&mut random, state);
        let said = gathered(&events);
        for wire in [Wire::Gemini, Wire::Converse] {
            let out = written(wire, &context(), &events);
            let back = read_back(wire, &out);
            assert_eq!(back.said(), said.said(), "{}\n{}", wire.label(), String::from_utf8_lossy(&out));
            assert_eq!((back.finish(), back.usage(), back.done), (said.finish(), said.usage(), true));
            count += 1;
        }
        // The array holds what the events hold.
        let list: Vec<Value> = serde_json::from_slice(&written(Wire::Gemini, &array(), &events)).unwrap();
        let text = String::from_utf8(written(Wire::Gemini, &context(), &events)).unwrap();
        let events: Vec<Value> = support::events_of(&text).iter().filter_map(|event| event.data()).collect();
        assert_eq!(list, events);
    }
    println!("{count} streams came back");
}

const WIRES: [Wire; 4] = [Wire::Chat, Wire::Messages, Wire::Gemini, Wire::Converse];

#[test]
fn a_stream_goes_through_two_formats_in_any_pieces() {
    let mut random = Random(53);
    let mut count = 0;
    for _ in 0..300 {
        let events = stream(&mut random, None);
        for from in [Wire::Gemini, Wire::Converse] {
            let body = written(from, &context(), &events);
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
                assert_eq!(read_back(to, &outs[0]).said(), gathered(&events).said(), "{}", to.label());
                count += 1;
            }
        }
    }
    println!("{count} ways through two formats");
}

/// Pieces of real traffic, which reach further into a reader than noise does.
const WORDS: [&str; 32] = [
    "data: ",
    "\r\n\r\n",
    "\n\n",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    "null",
    "7",
    "\u{feff}",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\",\"thought\":true}]}}]}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]}}]}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}},{\"functionCall\":{\"name\":\"g\"}}]}}]}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"}},{\"executableCode\":{}}]}}]}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3,\"totalTokenCount\":9}}\r\n\r\n",
    "data: {\"candidates\":[{\"finishReason\":4}]}\r\n\r\n",
    "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\r\n\r\n",
    "data: {\"candidates\":[{\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"u\"}}],\"groundingSupports\":[{\"segment\":{\"endIndex\":1},\"groundingChunkIndices\":[0,9]}]}}]}\r\n\r\n",
    "data: {\"candidates\":[]}\r\n\r\n",
    "data: {\"candidates\":{}}\r\n\r\n",
    "data: {\"error\":{\"code\":503,\"message\":\"overloaded\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n",
    "\"contents\":[",
    "{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]}",
    "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]}",
    "{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"x\"}}},{\"file_data\":{}}]}",
    "\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":-1},\"topK\":4.0,\"responseSchema\":{\"type\":\"OBJECT\"}},",
    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{\"type\":6,\"properties\":{\"a\":{\"nullable\":true}}}}],\"googleSearch\":{}}],",
    "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\",\"g\"]}},",
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"},{\"cachePoint\":{\"type\":\"default\"}}]}]",
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

/// Messages of an event stream, some of them broken, with odd payloads.
fn frames(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..random.below(6) {
        let state = [None, Some(Wire::Gemini)][random.below(2)];
        let events = stream(random, state);
        let mut whole = written(Wire::Converse, &context(), &events);
        match random.below(4) {
            0 => whole.truncate(random.below(whole.len())),
            1 => {
                let at = random.below(whole.len());
                whole[at] ^= 1 << random.below(8);
            }
            2 => {
                let from = random.below(whole.len());
                whole.drain(..from);
            }
            _ => {}
        }
        out.extend_from_slice(&whole);
    }
    out
}

#[test]
fn any_bytes_give_events_or_an_error_however_they_are_cut() {
    let mut random = Random(59);
    let (mut whole, mut failed, mut events) = (0, 0, 0);
    for round in 0..6_000 {
        let (from, to) = ([Wire::Gemini, Wire::Converse][round % 2], WIRES[round / 2 % 4]);
        let body = match (from, random.below(4)) {
            (Wire::Converse, 1..) => frames(&mut random),
            _ => bytes(&mut random, 30),
        };
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
            let end = stream.end(true, &mut out).is_ok();
            ends.push((out.whole(), end, stream.progress().clone()));
        }
        assert!(ends.windows(2).all(|two| two[0] == two[1]), "{}", String::from_utf8_lossy(&body));
        let (out, end, progress) = &ends[0];
        let gather = read_back(to, out);
        // These two are taken for whole when the reason for the end has come, though counts and a last word have not;
        // what tells their client otherwise is the error that the caller appends.
        let odd = matches!(to, Wire::Converse | Wire::Chat) && gather.done && progress.failure.is_some();
        assert!(gather.done == *end || odd, "{}", String::from_utf8_lossy(&body));
        (whole, failed) = (whole + u32::from(*end), failed + u32::from(progress.failure.is_some()));
        events += usize::from(!out.is_empty());
    }
    println!("{whole} whole, {failed} failed, {events} with events");
    assert!(whole > 500 && failed > 500 && events > 1_500);
}

#[test]
fn what_has_no_end_is_given_up() {
    let piece = [b'x'; 64 * 1024];
    for (wire, begin) in [(Wire::Gemini, &b"data: {\"candidates\":["[..]), (Wire::Converse, &[0, 0xFF, 0xFF, 0xFF][..])]
    {
        let mut stream = Stream::new(wire, Wire::Messages, &context());
        let mut out = Output::default();
        stream.push(begin, &mut out);
        for _ in 0..MAX_EVENT / piece.len() + 2 {
            stream.push(&piece, &mut out);
        }
        assert!(stream.progress().failure.is_some() && out.is_empty(), "{}", wire.label());
    }
    // A call of pieces without end is not kept whole.
    let mut stream = Stream::new(Wire::Chat, Wire::Gemini, &context());
    let mut out = Output::default();
    let text = "x".repeat(1024 * 1024);
    for n in 0..24 {
        let call = json!({"index": 0, "id": (n == 0).then_some("c"), "function": {"name": "f", "arguments": text}});
        let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
        stream.push(format!("data: {chunk}\n\n").as_bytes(), &mut out);
    }
    let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    stream.push(format!("data: {finish}\n\ndata: [DONE]\n\n").as_bytes(), &mut out);
    assert!(out.len() <= MAX_EVENT + 4_096);
}

#[test]
fn any_request_is_read_or_refused_and_what_is_read_can_be_written() {
    let mut random = Random(61);
    let mut read = 0;
    let hints = Hints { model: Some("m"), stream: Some(true) };
    for round in 0..20_000 {
        let wire = [Wire::Gemini, Wire::Converse][round % 2];
        let begin = ["", "{", "{\"contents\":[", "{\"messages\":["][random.below(4)];
        let mut body = begin.as_bytes().to_vec();
        body.extend_from_slice(&bytes(&mut random, 6));
        body.extend_from_slice(["", "}", "]}"][random.below(3)].as_bytes());
        let _ = dialects::count::read(wire, &body, &hints);
        let _ = dialects::embed::read_openai(&body);
        let _ = dialects::embed::read_gemini(&body, dialects::embed::Method::Batch, &hints);
        let _ = translate::read_answer(wire, &body);
        let Ok(request) = translate::read(wire, &body, &hints) else { continue };
        read += 1;
        for to in WIRES {
            for model in ["gemini-2.5-pro", "gemini-3-flash", "us.anthropic.claude-x", "us.amazon.nova-2-lite"] {
                if let Ok(written) = translate::write(to, &request, &Target { model, ..Target::default() }) {
                    let value: Value = serde_json::from_slice(&written.body).unwrap();
                    assert!(value.is_object());
                }
            }
        }
    }
    println!("{read} requests were read");
    assert!(read > 50);
}

#[test]
fn deep_json_is_no_danger() {
    let deep = 200_000;
    let schema = format!("{}{{}}{}", "{\"items\":".repeat(deep), "}".repeat(deep));
    let body = format!(
        r#"{{"contents":[{{"parts":[{{"functionCall":{{"name":"f","args":{schema}}}}}]}}],"tools":[{{"functionDeclarations":[{{"name":"f","parameters":{schema}}}]}}]}}"#
    );
    let hints = Hints { model: Some("m"), stream: None };
    let request = translate::read(Wire::Gemini, body.as_bytes(), &hints).unwrap();
    for to in WIRES {
        let _ = translate::write(to, &request, &Target { model: "m", ..Target::default() });
    }
}

/// The turn after an answer: what a client sends back of it, with results of all calls.
fn next_turn(answer: &Value) -> Value {
    let content = &answer["candidates"][0]["content"];
    let results: Vec<Value> = content["parts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|part| part["functionCall"].is_object())
        .map(|part| {
            let call = &part["functionCall"];
            json!({"functionResponse": {"id": call["id"], "name": call["name"], "response": {"output": "22"}}})
        })
        .collect();
    json!({"contents": [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        content,
        {"role": "user", "parts": results},
    ], "generationConfig": {"thinkingConfig": {"thinkingBudget": 2000}}})
}

#[test]
fn claudes_thoughts_survive_a_gemini_client() {
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2}, "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "EqQB+/=="},
            {"type": "redacted_thinking", "data": "cmVk"},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}},
            {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"city": "Rome"}}]});
    let there =
        translate::answer(Wire::Messages, Wire::Gemini, answer.to_string().as_bytes(), &context()).unwrap().body;
    let body = next_turn(&serde_json::from_slice(&there).unwrap()).to_string();
    let hints = Hints { model: Some("m"), stream: None };
    let request = translate::read(Wire::Gemini, body.as_bytes(), &hints).unwrap();
    let written = translate::write(Wire::Messages, &request, &Target { model: "claude", ..Target::default() }).unwrap();
    let back: Value = serde_json::from_slice(&written.body).unwrap();
    assert_eq!(back["messages"][1]["content"], answer["content"]);
    assert_eq!(back["messages"][2]["content"][1]["tool_use_id"], "toolu_2");
    // On Bedrock too, and never to Gemini.
    let model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let written = translate::write(Wire::Converse, &request, &Target { model, ..Target::default() }).unwrap();
    let back: Value = serde_json::from_slice(&written.body).unwrap();
    let content = &back["messages"][1]["content"];
    assert_eq!(content[0]["reasoningContent"]["reasoningText"], json!({"text": "Hm.", "signature": "EqQB+/=="}));
    assert_eq!(content[1]["reasoningContent"]["redactedContent"], "cmVk");
    assert_eq!(back["additionalModelRequestFields"]["thinking"]["budget_tokens"], 2000);
    let target = Target { model: "gemini-3-pro-preview", ..Target::default() };
    let written = translate::write(Wire::Gemini, &request, &target).unwrap();
    assert!(written.losses.names().eq(["foreign_state"]));
    assert!(!Opaque::marks(Wire::Gemini, &written.body));
}

#[test]
fn geminis_signatures_survive_other_clients() {
    let answer = json!({"candidates": [{"content": {"role": "model", "parts": [
        {"text": "Hm.", "thought": true},
        {"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "CiQB/+=="},
        {"functionCall": {"name": "weather", "args": {"city": "Rome"}}},
    ]}, "finishReason": "STOP"}]});
    for client in [Wire::Chat, Wire::Messages] {
        let there = translate::answer(Wire::Gemini, client, answer.to_string().as_bytes(), &context()).unwrap().body;
        let there: Value = serde_json::from_slice(&there).unwrap();
        let (turn, results): (Value, Vec<Value>) = if client == Wire::Chat {
            let message = there["choices"][0]["message"].clone();
            let calls = message["tool_calls"].as_array().unwrap();
            let result = |call: &Value| json!({"role": "tool", "tool_call_id": call["id"], "content": "22"});
            (message.clone(), calls.iter().map(result).collect())
        } else {
            let blocks = there["content"].as_array().unwrap();
            let result = |block: &Value| json!({"type": "tool_result", "tool_use_id": block["id"], "content": "22"});
            let results: Vec<_> = blocks.iter().filter(|block| block["type"] == "tool_use").map(result).collect();
            (json!({"role": "assistant", "content": blocks}), vec![json!({"role": "user", "content": results})])
        };
        let mut messages = vec![json!({"role": "user", "content": "Weather?"}), turn];
        messages.extend(results);
        let body = json!({"model": "m", "max_tokens": 99, "messages": messages}).to_string();
        let request = translate::read(client, body.as_bytes(), &Hints::default()).unwrap();
        let target = Target { model: "gemini-3-pro-preview", ..Target::default() };
        let written = translate::write(Wire::Gemini, &request, &target).unwrap();
        let back: Value = serde_json::from_slice(&written.body).unwrap();
        let calls: Vec<_> =
            back["contents"][1]["parts"].as_array().unwrap().iter().filter(|p| p["functionCall"].is_object()).collect();
        assert_eq!(calls[0]["thoughtSignature"], "CiQB/+==", "{back}");
        assert_eq!(calls[1]["thoughtSignature"], Value::Null);
        let results = back["contents"][2]["parts"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        for (call, result) in calls.iter().zip(results) {
            assert_eq!(call["functionCall"]["id"], result["functionResponse"]["id"]);
            assert_eq!(result["functionResponse"]["name"], "weather");
            assert_eq!(result["functionResponse"]["response"], json!({"output": "22"}));
        }
    }
}

fn chat(body: Value) -> impl Fn(Wire, &str) -> (Value, Vec<&'static str>) {
    let body = body.to_string();
    move |to, model| {
        let request = translate::read(Wire::Chat, body.as_bytes(), &Hints::default()).unwrap();
        let written = translate::write(to, &request, &Target { model, ..Target::default() }).unwrap();
        (serde_json::from_slice(&written.body).unwrap(), written.losses.names().collect())
    }
}

#[test]
fn each_model_is_told_to_think_in_its_own_words() {
    let ask = |effort: &str| {
        let body = json!({"model": "m", "reasoning_effort": effort, "messages": [{"role": "user", "content": "x"}]});
        chat(body)
    };
    let gemini =
        |effort: &str, model: &str| ask(effort)(Wire::Gemini, model).0["generationConfig"]["thinkingConfig"].clone();
    assert_eq!(gemini("medium", "gemini-2.5-flash"), json!({"includeThoughts": true, "thinkingBudget": 8192}));
    assert_eq!(gemini("none", "gemini-2.5-flash"), json!({"includeThoughts": false, "thinkingBudget": 0}));
    assert_eq!(gemini("xhigh", "gemini-2.5-flash")["thinkingBudget"], 24_576);
    assert_eq!(gemini("none", "gemini-2.5-pro")["thinkingBudget"], 128);
    assert_eq!(gemini("low", "gemini-3-pro-preview"), json!({"includeThoughts": true, "thinkingLevel": "low"}));
    assert_eq!(gemini("high", "gemini-3-flash"), json!({"includeThoughts": true, "thinkingLevel": "high"}));
    assert_eq!(gemini("high", "gemini-2.0-flash"), Value::Null);
    assert_eq!(ask("high")(Wire::Gemini, "gemini-2.0-flash").1, ["reasoning_effort"]);
    let fields =
        |effort: &str, model: &str| ask(effort)(Wire::Converse, model).0["additionalModelRequestFields"].clone();
    assert_eq!(
        fields("low", "us.anthropic.claude-3-7-sonnet"),
        json!({"thinking": {"type": "enabled", "budget_tokens": 1024}})
    );
    let nova = json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}});
    assert_eq!(fields("high", "us.amazon.nova-2-lite-v1:0"), nova);
    assert_eq!(fields("high", "openai.gpt-oss-120b-1:0"), json!({"reasoning_effort": "high"}));
    assert_eq!(ask("high")(Wire::Converse, "meta.llama3-70b-instruct-v1:0").1, ["reasoning_effort"]);
}

#[test]
fn a_call_that_another_model_made_bears_a_stand_in_for_its_signature() {
    let body = json!({"model": "m", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"n\":1}"}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "not json"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "{\"ok\":true}"},
        {"role": "tool", "tool_call_id": "b", "content": "plain"},
        {"role": "system", "content": "Still."},
    ]});
    let (there, losses) = chat(body)(Wire::Gemini, "gemini-3-pro-preview");
    assert_eq!(losses, ["system_position"]);
    assert_eq!(there["systemInstruction"], json!({"parts": [{"text": "Be brief."}, {"text": "Still."}]}));
    assert_eq!(
        there["contents"],
        json!([
            {"role": "user", "parts": [{"text": "x"}]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "a", "name": "f", "args": {"n": 1}}, "thoughtSignature": "skip_thought_signature_validator"},
                {"functionCall": {"id": "b", "name": "g", "args": {"arguments": "not json"}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "a", "name": "f", "response": {"ok": true}}},
                {"functionResponse": {"id": "b", "name": "g", "response": {"output": "plain"}}}]},
        ])
    );
}

#[test]
fn a_picture_that_a_tool_gave_goes_where_the_model_takes_it() {
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    let result =
        json!({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "seen"}, picture]});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
        {"role": "user", "content": [result]},
    ]})
    .to_string();
    let request = translate::read(Wire::Messages, body.as_bytes(), &Hints::default()).unwrap();
    let blob = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
    for (model, nested) in [("gemini-3-flash", true), ("gemini-2.5-flash", false)] {
        let written = translate::write(Wire::Gemini, &request, &Target { model, ..Target::default() }).unwrap();
        assert!(written.losses.is_empty());
        let there: Value = serde_json::from_slice(&written.body).unwrap();
        let parts = &there["contents"][2]["parts"];
        assert_eq!(parts[0]["functionResponse"]["parts"], if nested { json!([blob]) } else { Value::Null });
        assert_eq!(parts[1], if nested { Value::Null } else { blob.clone() });
    }
}

#[test]
fn errors_within_an_event_stream_have_their_kind() {
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
    for (name, status, kind) in [
        ("throttlingException", Some(429), "rate_limit_error"),
        ("validationException", Some(400), "invalid_request_error"),
        ("serviceUnavailableException", Some(503), "overloaded_error"),
        ("modelStreamErrorException", Some(500), "api_error"),
        ("internalServerException", Some(500), "api_error"),
    ] {
        let message = Message::new(&br#"{"message":"Too many tokens, please wait."}"#[..])
            .add_header(Header::new(":message-type", HeaderValue::String("exception".into())))
            .add_header(Header::new(":exception-type", HeaderValue::String(name.into())));
        let mut bytes = Vec::new();
        write_message_to(&message, &mut bytes).unwrap();
        let mut stream = Stream::new(Wire::Converse, Wire::Messages, &context());
        let failure = stream.push(&bytes, &mut Output::default()).failure.clone().unwrap();
        assert_eq!((failure.status, &*failure.message), (status, "Too many tokens, please wait."));
        assert_eq!(translate::kind_of(&failure).anthropic_type(), kind, "{name}");
    }
}

#[test]
fn a_redacted_thought_stands_alone_among_others() {
    let (mut reader, mut gather) = (Reader::new(Wire::Converse, &context()), Gather::default());
    for data in [r#"{"text":"one"}"#, r#"{"redactedContent":"AAAA"}"#, r#"{"text":"two"}"#] {
        let data = format!(r#"{{"contentBlockIndex":0,"delta":{{"reasoningContent":{data}}}}}"#);
        reader.event(b"contentBlockDelta", data.as_bytes(), &mut |event| gather.event(&event)).unwrap();
    }
    let said = gather.said();
    let parts: Vec<_> =
        said.iter().map(|part| (&*part.1, part.2.as_ref().is_some_and(|opaque| opaque.redacted))).collect();
    assert_eq!(parts, [("one", false), ("", true), ("two", false)]);
}

#[test]
fn a_block_that_begins_without_a_word_is_what_its_pieces_are() {
    for start in ["{}", r#"{"text":""}"#] {
        let (mut reader, mut gather) = (Reader::new(Wire::Converse, &context()), Gather::default());
        let mut event = |name: &str, data: String| {
            reader.event(name.as_bytes(), data.as_bytes(), &mut |event| gather.event(&event)).unwrap();
        };
        event("contentBlockStart", format!(r#"{{"contentBlockIndex":0,"start":{start}}}"#));
        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hello"}}"#.to_owned());
        event("contentBlockStop", r#"{"contentBlockIndex":0}"#.to_owned());
        // What it names and we do not know stays out.
        event("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolResult":{"toolUseId":"a"}}}"#.to_owned());
        event("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"inner"}}"#.to_owned());
        assert_eq!(gather.said().iter().map(|part| &*part.1).collect::<Vec<_>>(), ["Hello"], "{start}");
    }
}
