//! `/chat/completions`.
//!
//! Source of the shapes: <https://platform.openai.com/docs/api-reference/chat>.

use serde_json::{Value, json};

use super::request::{Answer, Refusal, Request};
use super::schema;
use super::text::{self, CREATED};
use super::tools::{self, Call};

pub(super) fn answer(request: &Request) -> Result<Answer, Refusal> {
    let messages = request.get("messages").as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Refusal::param("messages", "'messages' must be a list of messages."))?;
    let reply = reply(request, messages);
    let prompt = messages.iter().map(|message| text::tokens(&text::content(content_of(message)))).sum();
    let n = request.n(8);
    let usage = usage(prompt, reply.tokens() * n, reply.thoughts() * n);
    let id = text::id("chatcmpl-demo-", &request.body);
    if request.is("stream") {
        return Ok(Answer::Events(stream(request, &reply, n, &usage, &id)));
    }
    let choices: Vec<_> = (0..n)
        .map(|index| json!({"index": index, "message": reply.message(&id), "logprobs": null, "finish_reason": reply.finish_reason}))
        .collect();
    Ok(Answer::Json(json!({
        "id": id, "object": "chat.completion", "created": CREATED, "model": request.model(), "choices": choices,
        "usage": usage, "service_tier": "default", "system_fingerprint": "fp_demo",
    })))
}

fn content_of(message: &Value) -> &Value {
    message.get("content").unwrap_or(&Value::Null)
}

struct Reply {
    /// Where the request asks for reasoning.
    thought: Option<String>,
    text: String,
    calls: Vec<Call>,
    finish_reason: &'static str,
}

fn reply(request: &Request, messages: &[Value]) -> Reply {
    let role = |message: &Value, role: &str| message.get("role").and_then(Value::as_str) == Some(role);
    let after_tool = messages.last().filter(|message| role(message, "tool"));
    let user = messages.iter().rev().find(|message| role(message, "user"));
    let said = user.map(|message| text::content(content_of(message))).unwrap_or_default();
    let calls = tools::calls(request, &said, after_tool.is_some());
    let thought = text::thought(request.text("reasoning_effort"), &said);
    if !calls.is_empty() {
        return Reply { thought, text: String::new(), calls, finish_reason: "tool_calls" };
    }
    let full = match (after_tool, structured(request.get("response_format"), &said)) {
        (_, Some(json)) => json,
        (Some(result), None) => text::echo(&text::content(content_of(result))).replacen("You", "The tool", 1),
        (None, None) => text::echo(&said),
    };
    let most = request.number("max_completion_tokens").or_else(|| request.number("max_tokens"));
    let (text, whole) = text::bounded(full, most, request.get("stop"));
    Reply { thought, text, calls, finish_reason: if whole { "stop" } else { "length" } }
}

/// What `response_format` asks for, as JSON text.
fn structured(format: &Value, said: &str) -> Option<String> {
    match format.get("type").and_then(Value::as_str)? {
        "json_object" => Some(json!({"you_said": said}).to_string()),
        "json_schema" => {
            let schema = format.pointer("/json_schema/schema").unwrap_or(&Value::Null);
            Some(schema::instance(schema, "answer").to_string())
        }
        _ => None,
    }
}

impl Reply {
    fn tokens(&self) -> u64 {
        let calls: usize = self.calls.iter().map(|call| 1 + call.arguments.len() / 4).sum();
        self.thoughts() + text::tokens(&self.text) + calls as u64
    }

    fn thoughts(&self) -> u64 {
        self.thought.as_deref().map_or(0, text::tokens)
    }

    fn message(&self, id: &str) -> Value {
        let content = if self.calls.is_empty() { json!(self.text) } else { Value::Null };
        let mut message = json!({"role": "assistant", "content": content, "refusal": null, "annotations": []});
        if let Some(thought) = &self.thought {
            text::set(&mut message, "reasoning_content", json!(thought));
        }
        if !self.calls.is_empty() {
            let calls = self.calls.iter().enumerate().map(|(index, call)| {
                json!({
                    "id": call_id(id, index), "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                })
            });
            text::set(&mut message, "tool_calls", calls.collect());
        }
        message
    }

    /// The deltas of one choice, without its role.
    fn deltas(&self, id: &str) -> Vec<Value> {
        let thought = text::pieces(self.thought.as_deref().unwrap_or_default());
        let mut deltas: Vec<_> = thought.into_iter().map(|piece| json!({"reasoning_content": piece})).collect();
        deltas.extend(text::pieces(&self.text).into_iter().map(|piece| json!({"content": piece})));
        for (index, call) in self.calls.iter().enumerate() {
            deltas.push(json!({"tool_calls": [{
                "index": index, "id": call_id(id, index), "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }]}));
            for piece in text::pieces(&call.arguments) {
                deltas.push(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}));
            }
        }
        deltas
    }
}

fn call_id(id: &str, index: usize) -> String {
    format!("call_{:016x}", text::hash(id).wrapping_add(index as u64))
}

pub(super) fn usage(prompt: u64, completion: u64, reasoning: u64) -> Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

/// Whether a stream is to end with its usage.
pub(super) fn wants_usage(request: &Request) -> bool {
    request.get("stream_options").get("include_usage") == Some(&Value::Bool(true))
}

fn stream(request: &Request, reply: &Reply, n: u64, usage: &Value, id: &str) -> Vec<String> {
    let wants_usage = wants_usage(request);
    let chunk = |choices: Value, usage: &Value| {
        let mut chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": CREATED, "model": request.model(),
            "service_tier": "default", "system_fingerprint": "fp_demo", "choices": choices,
        });
        if wants_usage {
            text::set(&mut chunk, "usage", usage.clone());
        }
        text::data(&chunk)
    };
    let mut events = Vec::new();
    for index in 0..n {
        let mut send = |delta: Value, finish_reason: Value| {
            let choice = json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
            events.push(chunk(json!([choice]), &Value::Null));
        };
        send(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null);
        for delta in reply.deltas(id) {
            send(delta, Value::Null);
        }
        send(json!({}), json!(reply.finish_reason));
    }
    if wants_usage {
        events.push(chunk(json!([]), usage));
    }
    events.push("data: [DONE]\n\n".into());
    events
}
