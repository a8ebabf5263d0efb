//! The response object around an answer's items.
//!
//! Its members are those that the Open Responses specification requires and the official SDKs' types ask for. What it
//! repeats of a request in OpenAI's own answers (instructions, tools, sampling) is not known where an answer is
//! written, and stands at its default.

use crate::Usage;
use crate::conversation::Finish;
use crate::json::put::Object;

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    InProgress,
    Completed,
    /// Cut, and why.
    Incomplete(&'static str),
}

/// The limit was reached.
pub const LENGTH: &str = "max_output_tokens";
const FILTER: &str = "content_filter";

impl Status {
    /// `refused`: the answer says so itself, in a part for it.
    pub const fn of(finish: Finish, refused: bool) -> Self {
        match finish {
            Finish::Stop
            | Finish::StopSequence
            | Finish::ToolCalls
            | Finish::Pause
            | Finish::MalformedCall
            | Finish::Other => Self::Completed,
            Finish::Refusal if refused => Self::Completed,
            Finish::Length | Finish::ContextFull => Self::Incomplete(LENGTH),
            Finish::Filter | Finish::Refusal => Self::Incomplete(FILTER),
        }
    }

    /// For the response and its items.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
        }
    }

    /// The last event of its stream.
    pub const fn event(self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Incomplete(_) => "response.incomplete",
        }
    }
}

/// Whether a whole response of this status is an answer: others broke, or are yet to be made.
pub fn is_over(status: Option<&str>) -> bool {
    !matches!(status, Some("failed" | "cancelled" | "queued" | "in_progress"))
}

/// Why an answer ended, as a response says it.
pub fn finish(status: Option<&str>, reason: Option<&str>, calls: bool, refused: bool) -> Finish {
    match (status, reason) {
        (Some("incomplete"), Some("max_output_tokens" | "max_tokens" | "length")) => Finish::Length,
        (Some("incomplete"), Some(FILTER)) => Finish::Filter,
        (Some("incomplete" | "cancelled" | "queued" | "in_progress"), _) => Finish::Other,
        _ if calls => Finish::ToolCalls,
        _ if refused => Finish::Refusal,
        _ => Finish::Stop,
    }
}

/// What a response says of itself.
#[derive(Debug)]
pub struct Head<'h> {
    pub id: &'h str,
    pub created: u64,
    pub model: &'h str,
    pub status: Status,
    pub usage: Option<&'h Usage>,
    pub service_tier: Option<&'h str>,
}

/// Writes a response but for its `output`.
pub fn write(object: &mut Object<'_>, head: &Head<'_>) {
    object.text("id", head.id).text("object", "response").whole("created_at", head.created);
    object.text("status", head.status.word()).flag("background", false);
    match head.status {
        // No clock here: an answer is finished when it was begun.
        Status::Completed => object.whole("completed_at", head.created),
        Status::InProgress | Status::Incomplete(_) => object.raw("completed_at", "null"),
    };
    object.raw("error", "null");
    match head.status {
        Status::Incomplete(reason) => {
            object.object("incomplete_details").text("reason", reason);
        }
        Status::InProgress | Status::Completed => {
            object.raw("incomplete_details", "null");
        }
    }
    object.text("model", head.model);
    for key in ["instructions", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt_cache_key"] {
        object.raw(key, "null");
    }
    object.raw("safety_identifier", "null").raw("user", "null");
    object.flag("parallel_tool_calls", true).raw("reasoning", r#"{"effort":null,"summary":null}"#);
    object.flag("store", false).raw("temperature", "1.0").raw("top_p", "1.0");
    object.raw("presence_penalty", "0.0").raw("frequency_penalty", "0.0").whole("top_logprobs", 0);
    object.raw("text", r#"{"format":{"type":"text"}}"#).text("tool_choice", "auto").raw("tools", "[]");
    object.text("truncation", "disabled").raw("metadata", "{}");
    object.text("service_tier", head.service_tier.unwrap_or("default"));
    match head.usage {
        Some(usage) => write_usage(&mut object.object("usage"), usage),
        None => {
            object.raw("usage", "null");
        }
    }
}

fn write_usage(object: &mut Object<'_>, usage: &Usage) {
    object.whole("input_tokens", usage.input);
    let mut details = object.object("input_tokens_details");
    details.whole("cached_tokens", usage.cached_input).whole("cache_write_tokens", usage.cache_write);
    drop(details);
    object.whole("output_tokens", usage.output);
    object.object("output_tokens_details").whole("reasoning_tokens", usage.reasoning);
    object.whole("total_tokens", usage.input.saturating_add(usage.output));
}
