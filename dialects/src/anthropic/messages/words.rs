//! Words that requests, answers and streams have in common.

use std::borrow::Cow;

use crate::Usage;
use crate::conversation::{Call, Finish, Str};
use crate::json::put::Object;
use crate::openai::chat::request::free_form_json;

pub fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence,
        "max_tokens" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "pause_turn" => Finish::Pause,
        "refusal" => Finish::Refusal,
        "model_context_window_exceeded" => Finish::ContextFull,
        _ => Finish::Other,
    }
}

pub const fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::MalformedCall | Finish::Other => "end_turn",
        Finish::StopSequence => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::ContextFull => "model_context_window_exceeded",
        Finish::ToolCalls => "tool_use",
        Finish::Filter | Finish::Refusal => "refusal",
        Finish::Pause => "pause_turn",
    }
}

/// Here `input_tokens` are those that no cache had to do with. (Some upstreams report more of the cache than they read.)
pub fn usage(object: &mut Object<'_>, usage: &Usage) {
    let cached = usage.cached_input.min(usage.input);
    let written = usage.cache_write.min(usage.input - cached);
    object.whole("input_tokens", usage.input - cached - written).whole("output_tokens", usage.output);
    object.whole("cache_creation_input_tokens", written).whole("cache_read_input_tokens", cached);
    if usage.reasoning > 0 {
        object.object("output_tokens_details").whole("thinking_tokens", usage.reasoning);
    }
}

pub fn answer_id(id: Option<&Str<'_>>, request_id: &str) -> String {
    match id {
        Some(id) => id.to_string(),
        None => format!("msg_{request_id}"),
    }
}

/// The arguments of a call as the object that they must be here. Text that is none (a call that was cut off, or that a
/// client made up) is kept inside of one.
pub fn input<'c>(call: &'c Call<'_>) -> Cow<'c, str> {
    if call.free_form {
        return free_form_json(&call.arguments).into();
    }
    let text = call.arguments.trim();
    if text.is_empty() {
        return "{}".into();
    }
    if text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return text.into();
    }
    let mut json = Vec::new();
    Object::open(&mut json).text("arguments", &call.arguments);
    String::from_utf8(json).unwrap_or_default().into()
}

/// An id as this API takes it: letters, digits, `_` and `-`. Call and result are changed alike, so they still meet.
pub fn id(id: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if id.bytes().all(fits) {
        return id.into();
    }
    id.chars().map(|char| if char.is_ascii_alphanumeric() || matches!(char, '_' | '-') { char } else { '_' }).collect()
}
