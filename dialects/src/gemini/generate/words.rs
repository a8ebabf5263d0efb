//! Words that answers and streams have in common: why an answer ended, and what it cost.

use serde_json::value::RawValue;

use super::number::Whole;
use crate::Usage;
use crate::conversation::{Finish, Str};
use crate::json::object::object;
use crate::json::put::Object;

/// `finishReason`. None where nothing is said yet.
///
/// As a number (which Vertex gives where it is asked for) the values beyond 5 differ between the two services: only
/// that something withheld the answer is common to 6, 7 and 8.
pub fn finish(raw: &RawValue) -> Option<Finish> {
    if !raw.get().starts_with('"') {
        return match serde_json::from_str::<Whole>(raw.get()).ok()?.0 {
            0 => None,
            1 => Some(Finish::Stop),
            2 => Some(Finish::Length),
            3 | 4 | 6 | 7 | 8 => Some(Finish::Filter),
            _ => Some(Finish::Other),
        };
    }
    Some(match &*Str::json_text(raw) {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::Filter,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => Finish::MalformedCall,
        // LANGUAGE, NO_IMAGE, IMAGE_OTHER, MISSING_THOUGHT_SIGNATURE, MALFORMED_RESPONSE, OTHER.
        _ => Finish::Other,
    })
}

/// An answer with calls ends with STOP all the same, or with UNEXPECTED_TOOL_CALL though the call can be read.
pub fn settle(finish: Finish, calls: bool) -> Finish {
    match finish {
        Finish::Stop | Finish::MalformedCall if calls => Finish::ToolCalls,
        other => other,
    }
}

pub const fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::ToolCalls => "STOP",
        Finish::Length | Finish::ContextFull => "MAX_TOKENS",
        Finish::Filter | Finish::Refusal => "SAFETY",
        Finish::MalformedCall => "MALFORMED_FUNCTION_CALL",
        Finish::Pause | Finish::Other => "OTHER",
    }
}

object! {
    /// `usageMetadata`. The total is the sum of prompt, tool use, thoughts and answer; a count of zero is left out.
    pub struct Counts<'a> {
        prompt: Whole = "promptTokenCount",
        answer: Whole = "candidatesTokenCount",
        thoughts: Whole = "thoughtsTokenCount",
        tool_use: Whole = "toolUsePromptTokenCount",
        cached: Whole = "cachedContentTokenCount",
        total: Whole = "totalTokenCount",
        service_tier: Str<'a> = "serviceTier",
    }
}

impl Counts<'_> {
    /// None where it holds no count.
    pub fn usage(&self) -> Option<Usage> {
        let count = |whole: Option<Whole>| whole.and_then(Whole::count).unwrap_or(0);
        self.prompt.or(self.answer).or(self.total)?;
        let input = count(self.prompt).saturating_add(count(self.tool_use));
        let reasoning = count(self.thoughts);
        let written = count(self.answer).saturating_add(reasoning);
        Some(Usage {
            input,
            output: written.max(count(self.total).saturating_sub(input)),
            cached_input: count(self.cached),
            cache_write: 0,
            reasoning,
            estimated: false,
        })
    }
}

pub fn usage(object: &mut Object<'_>, usage: &Usage) {
    // Some vendors count more reasoning than they count in all.
    let reasoning = usage.reasoning.min(usage.output);
    object.whole("promptTokenCount", usage.input);
    object.whole("candidatesTokenCount", usage.output.saturating_sub(reasoning));
    object.whole("totalTokenCount", usage.input.saturating_add(usage.output));
    if reasoning > 0 {
        object.whole("thoughtsTokenCount", reasoning);
    }
    if usage.cached_input > 0 {
        object.whole("cachedContentTokenCount", usage.cached_input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_and_tool_use_are_counted() {
        let counts: Counts<'_> = serde_json::from_str(
            r#"{"promptTokenCount":25,"candidatesTokenCount":29,"thoughtsTokenCount":"37","toolUsePromptTokenCount":81,"totalTokenCount":172,"cachedContentTokenCount":5}"#,
        )
        .unwrap();
        let want = Usage { input: 106, output: 66, cached_input: 5, reasoning: 37, ..Usage::default() };
        assert_eq!(counts.usage(), Some(want));
        assert_eq!(serde_json::from_str::<Counts<'_>>(r#"{"trafficType":"ON_DEMAND"}"#).unwrap().usage(), None);
        let mut out = Vec::new();
        usage(&mut Object::open(&mut out), &want);
        assert_eq!(serde_json::from_slice::<Counts<'_>>(&out).unwrap().usage(), Some(want));
    }
}
