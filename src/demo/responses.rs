//! `/responses`, whole and as its sequence of events.
//!
//! Source of the shapes: <https://platform.openai.com/docs/api-reference/responses> and
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

use serde_json::{Value, json};

use super::request::{Answer, Refusal, Request};
use super::schema;
use super::text::{self, CREATED};
use super::tools;

pub(super) fn answer(request: &Request) -> Result<Answer, Refusal> {
    let (said, result) = match request.get("input") {
        Value::String(text) => (text.clone(), None),
        Value::Array(items) => heard(items),
        _ => {
            return Err(Refusal::param("input", "'input' must be a text or a list of items."));
        }
    };
    let id = text::id("resp_", &request.body);
    let calls = tools::calls(request, &said, result.is_some());
    let mut whole = true;
    let thought =
        text::thought(request.get("reasoning").get("effort").and_then(Value::as_str).unwrap_or_default(), &said);
    let thinks = thought.iter().map(|thought| {
        json!({
            "id": named("rs_", &id, 0), "type": "reasoning", "status": "completed",
            "summary": [{"type": "summary_text", "text": thought}],
        })
    });
    let mut output: Vec<Value> = thinks.collect();
    output.extend(if calls.is_empty() {
        let full = match (structured(request, &said), result) {
            (Some(json), _) => json,
            (None, Some(result)) => text::echo(&result).replacen("You", "The tool", 1),
            (None, None) => text::echo(&said),
        };
        let (reply, within) = text::bounded(full, request.number("max_output_tokens"), &Value::Null);
        whole = within;
        vec![json!({
            "id": named("msg_", &id, 0), "type": "message", "status": status(whole), "role": "assistant",
            "content": [part(&reply)],
        })]
    } else {
        let call = |(index, call): (usize, &tools::Call)| {
            json!({
                "id": named("fc_", &id, index), "type": "function_call", "status": "completed",
                "call_id": named("call_", &id, index), "name": call.name, "arguments": call.arguments,
            })
        };
        calls.iter().enumerate().map(call).collect()
    });
    let thoughts = thought.as_deref().map_or(0, text::tokens);
    let read = text::tokens(&said) + text::tokens(request.text("instructions"));
    let written: u64 = thoughts + output.iter().map(written).sum::<u64>();
    let usage = json!({
        "input_tokens": read, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written, "output_tokens_details": {"reasoning_tokens": thoughts},
        "total_tokens": read + written,
    });
    let response = |status: &str, output: &[Value], usage: &Value| response(request, &id, status, output, usage);
    let last = response(status(whole), &output, &usage);
    if !request.is("stream") {
        return Ok(Answer::Json(last));
    }
    let mut stream = Sequence(Vec::new());
    for kind in ["response.created", "response.in_progress"] {
        stream.push(json!({"type": kind, "response": response("in_progress", &[], &Value::Null)}));
    }
    for (index, item) in output.iter().enumerate() {
        stream.item(index, item);
    }
    let end = if whole { "response.completed" } else { "response.incomplete" };
    stream.push(json!({"type": end, "response": last}));
    Ok(Answer::Events(stream.0))
}

/// The last thing a user said, and a tool's result where that is the last item.
fn heard(items: &[Value]) -> (String, Option<String>) {
    let text_of = |item: &Value, key| item.get(key).map(text::content);
    let user = items.iter().rev().find(|item| item.get("role").and_then(Value::as_str) == Some("user"));
    let said = user.and_then(|item| text_of(item, "content")).unwrap_or_default();
    let last = items.last().filter(|item| item.get("type").and_then(Value::as_str) == Some("function_call_output"));
    (said, last.and_then(|item| text_of(item, "output")))
}

fn structured(request: &Request, said: &str) -> Option<String> {
    let format = request.get("text").get("format")?;
    match format.get("type").and_then(Value::as_str)? {
        "json_object" => Some(json!({"you_said": said}).to_string()),
        "json_schema" => Some(schema::instance(format.get("schema").unwrap_or(&Value::Null), "answer").to_string()),
        _ => None,
    }
}

fn status(whole: bool) -> &'static str {
    if whole { "completed" } else { "incomplete" }
}

fn named(prefix: &str, id: &str, index: usize) -> String {
    format!("{prefix}{:016x}", text::hash(id).wrapping_add(index as u64))
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn written(item: &Value) -> u64 {
    let text = item.pointer("/content/0/text").and_then(Value::as_str).map_or(0, text::tokens);
    let arguments = item.get("arguments").and_then(Value::as_str).map_or(0, |arguments| 1 + arguments.len() / 4);
    text + arguments as u64
}

fn response(request: &Request, id: &str, status: &str, output: &[Value], usage: &Value) -> Value {
    let asked = |key: &str, default: Value| match request.get(key) {
        Value::Null => default,
        value => value.clone(),
    };
    let incomplete = if status == "incomplete" { json!({"reason": "max_output_tokens"}) } else { Value::Null };
    json!({
        "id": id, "object": "response", "created_at": CREATED, "status": status, "background": false, "error": null,
        "incomplete_details": incomplete, "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"), "model": request.model(), "output": output,
        "parallel_tool_calls": asked("parallel_tool_calls", json!(true)),
        "previous_response_id": request.get("previous_response_id"),
        "reasoning": asked("reasoning", json!({"effort": null, "summary": null})),
        "service_tier": "default", "store": asked("store", json!(true)),
        "temperature": asked("temperature", json!(1.0)), "text": asked("text", json!({"format": {"type": "text"}})),
        "tool_choice": asked("tool_choice", json!("auto")), "tools": asked("tools", json!([])),
        "top_p": asked("top_p", json!(1.0)), "truncation": asked("truncation", json!("disabled")),
        "usage": usage, "user": null, "metadata": asked("metadata", json!({})),
    })
}

/// The events so far; each gets the next number.
struct Sequence(Vec<String>);

impl Sequence {
    fn push(&mut self, mut event: Value) {
        text::set(&mut event, "sequence_number", json!(self.0.len()));
        self.0.push(text::event(&event));
    }

    fn item(&mut self, index: usize, item: &Value) {
        let mut begun = item.clone();
        text::set(&mut begun, "status", json!("in_progress"));
        let of = |kind: &str, more: Value| {
            let mut event = json!({"type": kind, "item_id": item.get("id"), "output_index": index});
            text::extend(&mut event, &more);
            event
        };
        if let Some(thought) = item.pointer("/summary/0/text").and_then(Value::as_str) {
            text::set(&mut begun, "summary", json!([]));
            self.push(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
            let part = |text: &str| json!({"summary_index": 0, "part": {"type": "summary_text", "text": text}});
            self.push(of("response.reasoning_summary_part.added", part("")));
            for piece in text::pieces(thought) {
                self.push(of("response.reasoning_summary_text.delta", json!({"summary_index": 0, "delta": piece})));
            }
            let done = json!({"summary_index": 0, "text": thought});
            self.push(of("response.reasoning_summary_text.done", done));
            self.push(of("response.reasoning_summary_part.done", part(thought)));
        } else if let Some(arguments) = item.get("arguments").and_then(Value::as_str) {
            text::set(&mut begun, "arguments", json!(""));
            self.push(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
            for piece in text::pieces(arguments) {
                self.push(of("response.function_call_arguments.delta", json!({"delta": piece})));
            }
            let done = json!({"arguments": arguments, "name": item.get("name")});
            self.push(of("response.function_call_arguments.done", done));
        } else {
            let said = item.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default();
            text::set(&mut begun, "content", json!([]));
            self.push(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
            self.push(of("response.content_part.added", json!({"content_index": 0, "part": part("")})));
            for piece in text::pieces(said) {
                let delta = json!({"content_index": 0, "delta": piece, "logprobs": []});
                self.push(of("response.output_text.delta", delta));
            }
            let done = json!({"content_index": 0, "text": said, "logprobs": []});
            self.push(of("response.output_text.done", done));
            self.push(of("response.content_part.done", json!({"content_index": 0, "part": part(said)})));
        }
        self.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
}
