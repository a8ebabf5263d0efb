//! What vendors do differently in their streams and answers, and what it means all the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use dialects::translate::{self, Context, Stream};
use dialects::{Output, Wire};
use serde_json::{Value, json};
use support::heard::{self, Heard};

fn context() -> Context {
    Context { model: "public".into(), request_id: "r1".into(), created: 7, ..Context::default() }
}

/// A chat stream of these chunks, as a client of messages hears it.
fn heard(chunks: &[Value], done: bool) -> Heard {
    let mut body: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    if done {
        body += "data: [DONE]\n\n";
    }
    let mut stream = Stream::new(Wire::Chat, Wire::Messages, &context());
    let mut out = Output::default();
    stream.push(body.as_bytes(), &mut out);
    stream.end(true, &mut out).unwrap_or_else(|cut| panic!("{cut:?}: {body}"));
    heard::stream(Wire::Messages, std::str::from_utf8(&out.whole()).unwrap())
}

fn delta(delta: Value) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn call(id: &str, name: &str, arguments: Value) -> (String, String, Value) {
    (id.into(), name.into(), arguments)
}

#[test]
fn the_pieces_of_calls_find_each_other() {
    let piece = |call: Value| delta(json!({"tool_calls": [call]}));
    let begin = |index: Value, id: Value, arguments: &str| {
        piece(json!({"index": index, "id": id, "type": "function", "function": {"name": "f", "arguments": arguments}}))
    };
    let more = |index: Value, arguments: &str| piece(json!({"index": index, "function": {"arguments": arguments}}));
    let two = [call("a", "f", json!({"x": 1})), call("b", "f", json!({"x": 2}))];
    let tables: [(&str, Vec<Value>); 6] = [
        (
            "in order",
            vec![
                begin(json!(0), json!("a"), ""),
                more(json!(0), r#"{"x":1}"#),
                begin(json!(1), json!("b"), r#"{"x":2}"#),
            ],
        ),
        (
            "mixed",
            vec![
                begin(json!(0), json!("a"), r#"{"x""#),
                begin(json!(1), json!("b"), r#"{"x""#),
                more(json!(0), ":1}"),
                more(json!(1), ":2}"),
            ],
        ),
        (
            "without an index",
            vec![
                begin(Value::Null, json!("a"), r#"{"x""#),
                more(Value::Null, ":1}"),
                begin(Value::Null, json!("b"), r#"{"x":2}"#),
            ],
        ),
        (
            "one index for all",
            vec![begin(json!(0), json!("a"), r#"{"x":1}"#), begin(json!(0), json!("b"), r#"{"x":2}"#)],
        ),
        (
            "all in one chunk",
            vec![delta(json!({"tool_calls": [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"x\":1}"}},
                {"index": 1, "id": "b", "function": {"name": "f", "arguments": "{\"x\":2}"}}]}))],
        ),
        (
            "id and name repeated, arguments as an object",
            vec![
                begin(json!(0), json!("a"), ""),
                piece(json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}})),
                piece(json!({"index": 1, "id": "b", "function": {"name": "f", "arguments": {"x": 2}}})),
            ],
        ),
    ];
    for (what, mut chunks) in tables {
        // Some end with `stop` all the same.
        chunks.push(finish(if what == "mixed" { "stop" } else { "tool_calls" }));
        let heard = heard(&chunks, true);
        assert_eq!(heard.calls, two, "{what}");
        assert_eq!(heard.finish, "tool_calls");
    }
}

#[test]
fn calls_without_an_id_get_one_of_ours() {
    let chunks = [
        delta(json!({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]})),
        delta(json!({"tool_calls": [{"id": "", "function": {"name": "g", "arguments": "{}"}}]})),
        delta(json!({"function_call": {"name": "h", "arguments": "{}"}})),
        finish("tool_calls"),
    ];
    let ids: Vec<_> = heard(&chunks, true).calls.into_iter().map(|(id, name, _)| (id, name)).collect();
    let want = [("call_r1_0", "f"), ("call_r1_1", "g"), ("call_r1_2", "h")];
    assert_eq!(ids, want.map(|(id, name)| (id.to_owned(), name.to_owned())));
}

/// Snowflake.
#[test]
fn an_empty_call_is_none() {
    let empty = json!({"content": "Hi", "function_call": {"arguments": "", "name": ""}});
    let streamed = heard(&[delta(empty.clone()), finish("stop")], true);
    assert_eq!((&*streamed.text, &*streamed.finish, streamed.calls.len()), ("Hi", "stop", 0));
    let body = json!({"choices": [{"message": empty, "finish_reason": "stop"}]}).to_string();
    let whole = translate::answer(Wire::Chat, Wire::Messages, body.as_bytes(), &context()).unwrap();
    let whole = heard::whole(Wire::Messages, std::str::from_utf8(&whole.body).unwrap());
    assert_eq!((&*whole.finish, whole.calls.len()), ("stop", 0));
}

#[test]
fn an_end_comes_in_many_ways() {
    let text = delta(json!({"role": "assistant", "content": "Hi"}));
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    let ends: [(&str, Vec<Value>, bool); 7] = [
        ("as OpenAI", vec![text.clone(), finish("stop"), json!({"choices": [], "usage": usage})], true),
        (
            "without [DONE]",
            vec![text.clone(), json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage})],
            false,
        ),
        ("without a reason", vec![text.clone(), json!({"choices": [], "usage": usage})], true),
        (
            "the reason twice",
            vec![text.clone(), finish("stop"), finish("stop"), json!({"choices": [], "usage": usage})],
            true,
        ),
        (
            "an empty reason, and usage in every chunk",
            vec![
                json!({"choices": [{"delta": {"content": "Hi"}, "finish_reason": ""}], "usage": usage}),
                finish("eos"),
            ],
            true,
        ),
        (
            "Groq's usage",
            vec![
                text.clone(),
                json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": usage}}),
            ],
            true,
        ),
        (
            "content with the reason",
            vec![
                json!({"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage}),
            ],
            true,
        ),
    ];
    for (what, chunks, done) in ends {
        let heard = heard(&chunks, done);
        assert_eq!((&*heard.text, &*heard.finish, heard.ended), ("Hi", "stop", true), "{what}");
        assert_eq!(heard.usage.map(|usage| (usage.input, usage.output)), Some((3, 2)), "{what}");
    }
}

#[test]
fn thoughts_have_many_names() {
    for thought in [
        json!({"reasoning_content": "Hm."}),
        json!({"reasoning": "Hm."}),
        json!({"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": 0}]}),
        json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm.", "index": 0}]}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
    ] {
        let mut both = thought.clone();
        both["role"] = json!("assistant");
        let heard = heard(&[delta(both), delta(json!({"content": "So."})), finish("stop")], true);
        assert_eq!((&*heard.thinking, &*heard.text), ("Hm.", "So."), "{thought}");
        let mut message = thought.clone();
        if message["content"].is_array() {
            message["content"].as_array_mut().unwrap().push(json!({"type": "text", "text": "So."}));
        } else {
            message["content"] = json!("So.");
        }
        let body = json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string();
        let whole = translate::answer(Wire::Chat, Wire::Messages, body.as_bytes(), &context()).unwrap();
        let whole = heard::whole(Wire::Messages, std::str::from_utf8(&whole.body).unwrap());
        assert_eq!((&*whole.thinking, &*whole.text), ("Hm.", "So."), "{thought}");
    }
}

#[test]
fn errors_within_a_stream_are_told_apart_from_its_end() {
    for error in [
        "data: {\"error\":{\"message\":\"Rate limit reached\",\"type\":\"rate_limit_error\",\"code\":\"rate_limit_exceeded\"}}\n\n",
        "event: error\ndata: {\"error\":{\"message\":\"Rate limit reached\",\"code\":429}}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],\"error\":{\"code\":429,\"message\":\"Rate limit reached\"}}\n\n",
        "error: {\"code\":429,\"message\":\"Rate limit reached\"}\n\n",
    ] {
        let mut stream = Stream::new(Wire::Chat, Wire::Messages, &context());
        let mut out = Output::default();
        stream.push(format!("data: {}\n\n", delta(json!({"content": "Hi"}))).as_bytes(), &mut out);
        let before = out.len();
        let failure = stream.push(error.as_bytes(), &mut out).failure.clone().expect(error);
        assert_eq!(failure.message, "Rate limit reached", "{error}");
        assert_eq!(translate::kind_of(&failure).anthropic_type(), "rate_limit_error", "{error}");
        // Nothing after it counts, and nothing ends.
        stream.push(b"data: [DONE]\n\n", &mut out);
        assert!(stream.end(true, &mut out).is_err() && out.len() == before);
    }
}

#[test]
fn an_error_under_a_200_is_one() {
    let body = br#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#;
    for wire in [Wire::Chat, Wire::Messages] {
        let Err(translate::Malformed::Failed(failure)) = translate::answer(wire, Wire::Chat, body, &context()) else {
            panic!("{wire:?}");
        };
        assert_eq!(translate::kind_of(&failure).code(), Some("model_not_found"));
    }
    assert_eq!(translate::answer(Wire::Chat, Wire::Chat, b"<html>", &context()), Err(translate::Malformed::Foreign));
}

#[test]
fn a_failure_in_any_shape_becomes_no_answer() {
    let broken = |response: &str| format!("data: {{\"type\":\"response.completed\",\"response\":{response}}}\n\n");
    for (wire, body) in [
        (Wire::Chat, "data: {\"code\":401,\"msg\":\"invalid token\",\"data\":null}\n\ndata: [DONE]\n\n".to_owned()),
        (Wire::Chat, "data: {\"message\":\"Unauthorized\"}\n\ndata: [DONE]\n\n".into()),
        (Wire::Chat, "data: {\"object\":\"error\",\"message\":\"m\",\"code\":\"3505\"}\n\ndata: [DONE]\n\n".into()),
        (Wire::Chat, "data: {\"detail\":\"m\"}\n\ndata: [DONE]\n\n".into()),
        (Wire::Chat, "data: {\"error_message\":\"m\"}\n\ndata: [DONE]\n\n".into()),
        (Wire::Chat, "data: {\"status\":\"ok\"}\n\ndata: [DONE]\n\n".into()),
        (Wire::Chat, "data: {\"choices\":[{\"delta\":{},\"error\":{\"code\":502}}]}\n\ndata: [DONE]\n\n".into()),
        (Wire::Chat, "data: {\"choices\":[]}\n\ndata: [DONE]\n\n".into()),
        (Wire::Chat, "data: [DONE]\n\n".into()),
        (Wire::Messages, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".into()),
        (Wire::Messages, "data: {\"message\":\"m\",\"code\":401}\n\n".into()),
        (Wire::Messages, "event: exception\ndata: {\"message\":\"m\"}\n\n".into()),
        (Wire::Gemini, "data: {\"code\":401,\"msg\":\"bad\"}\n\n".into()),
        (Wire::Responses, "data: {\"object\":\"error\",\"message\":\"m\"}\n\n".into()),
        (Wire::Responses, broken("{\"status\":\"failed\",\"error\":{\"message\":\"m\"},\"output\":[]}")),
        (Wire::Responses, broken("{\"status\":\"cancelled\",\"output\":[]}")),
    ] {
        let mut stream = Stream::new(wire, Wire::Messages, &context());
        let mut out = Output::default();
        assert!(!stream.push(body.as_bytes(), &mut out).content, "{body}");
        assert!(stream.end(true, &mut out).is_err() && stream.progress().failure.is_some(), "{body}");
    }
    for (wire, body) in [
        (Wire::Chat, r#"{"choices":[{}]}"#),
        (Wire::Chat, r#"{"choices":[{"error":{"code":502,"message":"m"},"message":{"content":""}}]}"#),
        (Wire::Responses, r#"{"output":[]}"#),
        (Wire::Responses, r#"{"status":"queued","output":[]}"#),
        (Wire::Responses, r#"{"status":"cancelled","output":[]}"#),
        (Wire::Responses, r#"{"status":"in_progress","output":[]}"#),
        (Wire::Messages, r#"{"content":[]}"#),
        (Wire::Gemini, r#"{"candidates":[]}"#),
        (Wire::Gemini, r#"{"candidates":[{}]}"#),
        (Wire::Converse, r#"{"output":{"message":{}}}"#),
    ] {
        assert!(translate::answer(wire, Wire::Chat, body.as_bytes(), &context()).is_err(), "{body}");
    }
}

#[test]
fn an_answer_of_nothing_is_one_where_its_end_is_told() {
    let silent = heard(&[finish("stop")], true);
    assert_eq!((silent.text.as_str(), silent.finish.as_str()), ("", "stop"));
    // Content filters and keep-alives first.
    let late = [
        json!({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
        json!({"code": 0, "msg": "success"}),
        delta(json!({"content": "Hi"})),
    ];
    assert_eq!(heard(&late, true).text, "Hi");
    for (wire, body) in [
        (Wire::Chat, r#"{"code":0,"msg":"success","error":null,"choices":[{"message":{},"finish_reason":"stop"}]}"#),
        (Wire::Responses, r#"{"status":"completed","output":[]}"#),
        (Wire::Messages, r#"{"content":[],"stop_reason":"end_turn"}"#),
        (Wire::Gemini, r#"{"candidates":[],"promptFeedback":{},"usageMetadata":{"promptTokenCount":3}}"#),
        (Wire::Gemini, r#"{"candidates":[{"finishReason":"STOP"}]}"#),
        (Wire::Converse, r#"{"output":{"message":{"content":[]}},"stopReason":"end_turn"}"#),
    ] {
        assert!(translate::answer(wire, Wire::Chat, body.as_bytes(), &context()).is_ok(), "{body}");
    }
}
