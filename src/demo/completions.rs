//! `/completions`, the older form without messages.

use serde_json::{Value, json};

use super::chat::{usage, wants_usage};
use super::request::{Answer, Refusal, Request};
use super::text::{self, CREATED};

/// Prompts in one request.
const MOST_PROMPTS: usize = 16;

pub(super) fn answer(request: &Request) -> Result<Answer, Refusal> {
    let prompts: Vec<String> = match request.get("prompt") {
        Value::String(prompt) => vec![prompt.clone()],
        Value::Array(prompts) if prompts.iter().all(Value::is_string) => {
            prompts.iter().filter_map(Value::as_str).take(MOST_PROMPTS).map(str::to_owned).collect()
        }
        // Token numbers: there is no vocabulary here to read them with.
        Value::Array(prompts) => vec![format!("[{} tokens]", prompts.len())],
        _ => {
            return Err(Refusal::param("prompt", "'prompt' must be a text or a list of texts."));
        }
    };
    let most = request.number("max_tokens");
    let replies: Vec<_> =
        prompts.iter().map(|prompt| text::bounded(text::echo(prompt), most, request.get("stop"))).collect();
    let read = prompts.iter().map(|prompt| text::tokens(prompt)).sum();
    let usage = usage(read, replies.iter().map(|(reply, _)| text::tokens(reply)).sum(), 0);
    let id = text::id("cmpl-demo-", &request.body);
    let body = |choices: Value| json!({"id": id, "object": "text_completion", "created": CREATED, "model": request.model(), "choices": choices, "system_fingerprint": "fp_demo"});
    let choice = |index: usize, text: &str, finish_reason: Option<&str>| json!({"text": text, "index": index, "logprobs": null, "finish_reason": finish_reason});
    let finish = |whole: bool| if whole { "stop" } else { "length" };
    if !request.is("stream") {
        let choices =
            replies.iter().enumerate().map(|(index, (text, whole))| choice(index, text, Some(finish(*whole))));
        let mut body = body(choices.collect());
        text::set(&mut body, "usage", usage);
        return Ok(Answer::Json(body));
    }
    let mut events = Vec::new();
    for (index, (reply, whole)) in replies.iter().enumerate() {
        for piece in text::pieces(reply) {
            events.push(text::data(&body(json!([choice(index, piece, None)]))));
        }
        events.push(text::data(&body(json!([choice(index, "", Some(finish(*whole)))]))));
    }
    if wants_usage(request) {
        let mut last = body(json!([]));
        text::set(&mut last, "usage", usage);
        events.push(text::data(&last));
    }
    events.push("data: [DONE]\n\n".into());
    Ok(Answer::Events(events))
}
