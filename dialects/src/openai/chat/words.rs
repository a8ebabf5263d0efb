//! Words that requests, answers and streams have in common.

use crate::Usage;
use crate::conversation::{Finish, Str};
use crate::json::put::Object;

/// Why an answer ended, as a vendor says it. None for what is no reason: an empty one stands for null.
pub fn finish(reason: &str) -> Option<Finish> {
    Some(match reason {
        "" => return None,
        "stop" | "eos" | "end_turn" => Finish::Stop,
        "length" | "max_tokens" => Finish::Length,
        "tool_calls" | "function_call" | "tool_use" => Finish::ToolCalls,
        "content_filter" => Finish::Filter,
        _ => Finish::Other,
    })
}

/// What the rest of the answer says about its end. Vendors end with `stop` though there are calls to be answered, vLLM
/// tells the stop sequence beside, and OpenAI a refusal by its text alone.
pub fn settle(finish: Finish, calls: bool, refused: bool, sequence: bool) -> Finish {
    match finish {
        Finish::Stop if calls => Finish::ToolCalls,
        Finish::Stop if refused => Finish::Refusal,
        Finish::Stop if sequence => Finish::StopSequence,
        other => other,
    }
}

pub const fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::Pause | Finish::MalformedCall | Finish::Other => "stop",
        Finish::Length | Finish::ContextFull => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Filter | Finish::Refusal => "content_filter",
    }
}

pub fn usage(object: &mut Object<'_>, usage: &Usage) {
    object.whole("prompt_tokens", usage.input).whole("completion_tokens", usage.output);
    object.whole("total_tokens", usage.input.saturating_add(usage.output));
    let mut details = object.object("prompt_tokens_details");
    details.whole("cached_tokens", usage.cached_input);
    if usage.cache_write > 0 {
        // OpenRouter's name; OpenAI has none.
        details.whole("cache_write_tokens", usage.cache_write);
    }
    drop(details);
    object.object("completion_tokens_details").whole("reasoning_tokens", usage.reasoning);
}

/// The id as this format's clients know them.
pub fn answer_id(id: Option<&Str<'_>>, request_id: &str) -> String {
    match id {
        Some(id) => id.to_string(),
        None => format!("chatcmpl-{request_id}"),
    }
}
