//! Words that answers and streams have in common: why an answer ended, and what it cost.

use crate::Usage;
use crate::conversation::Finish;
use crate::json::Scalar;
use crate::json::object::object;
use crate::json::put::Object;

pub fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence,
        "tool_use" => Finish::ToolCalls,
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextFull,
        "guardrail_intervened" | "content_filtered" => Finish::Filter,
        "malformed_tool_use" => Finish::MalformedCall,
        // Of Claude, where the API passes on what the model's own says.
        "refusal" => Finish::Refusal,
        "pause_turn" => Finish::Pause,
        // `malformed_model_output`, and what is newer.
        _ => Finish::Other,
    }
}

pub const fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Pause | Finish::Other => "end_turn",
        Finish::StopSequence => "stop_sequence",
        Finish::ToolCalls => "tool_use",
        Finish::Length => "max_tokens",
        Finish::ContextFull => "model_context_window_exceeded",
        Finish::Filter | Finish::Refusal => "content_filtered",
        Finish::MalformedCall => "malformed_tool_use",
    }
}

object! {
    /// `usage`. `inputTokens` are those that no cache had to do with, the total counts them all.
    pub struct Counts<'a> {
        input: Scalar = "inputTokens",
        output: Scalar = "outputTokens",
        total: Scalar = "totalTokens",
        cached: Scalar = "cacheReadInputTokens",
        written: Scalar = "cacheWriteInputTokens",
    }
}

impl Counts<'_> {
    /// None where it holds no count.
    pub fn usage(&self) -> Option<Usage> {
        let count = |scalar: Option<Scalar>| scalar.and_then(Scalar::number);
        count(self.input).or(count(self.output)).or(count(self.total))?;
        let n = |scalar: Option<Scalar>| count(scalar).unwrap_or(0);
        let output = n(self.output);
        let read = n(self.input).saturating_add(n(self.cached)).saturating_add(n(self.written));
        let input = count(self.total).map_or(read, |total| total.saturating_sub(output)).max(n(self.input));
        Some(Usage {
            input,
            output,
            cached_input: n(self.cached),
            cache_write: n(self.written),
            reasoning: 0,
            estimated: false,
        })
    }
}

pub fn usage(object: &mut Object<'_>, usage: &Usage) {
    let cached = usage.cached_input.min(usage.input);
    let written = usage.cache_write.min(usage.input - cached);
    object.whole("inputTokens", usage.input - cached - written).whole("outputTokens", usage.output);
    object.whole("totalTokens", usage.input.saturating_add(usage.output));
    if cached > 0 || written > 0 {
        object.whole("cacheReadInputTokens", cached).whole("cacheWriteInputTokens", written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_counted_beside_the_input() {
        let read = |json: &str| serde_json::from_str::<Counts<'_>>(json).unwrap().usage();
        let cached = Usage { input: 3185, output: 16, cached_input: 2752, ..Usage::default() };
        assert_eq!(
            read(r#"{"cacheReadInputTokens":2752,"inputTokens":433,"outputTokens":16,"totalTokens":3201}"#),
            Some(cached)
        );
        assert_eq!(read(r#"{"cacheReadInputTokens":2752,"inputTokens":433,"outputTokens":16}"#), Some(cached));
        assert_eq!(read("{}"), None);
        let mut out = Vec::new();
        usage(&mut Object::open(&mut out), &cached);
        assert_eq!(read(std::str::from_utf8(&out).unwrap()), Some(cached));
    }
}
