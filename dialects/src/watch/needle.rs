//! The names that are searched for in passing.
//!
//! Inside a JSON string a quote is escaped, so `"usage"` followed by a colon is a key wherever it is found: a substring
//! search that needs no parse. Building a searcher costs as much as a short search, so each is built once.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::Dialect;

static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
static USAGE_METADATA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usageMetadata\""));
pub static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));
static FINISH_REASON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finishReason\""));
pub static CANDIDATES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"candidates\""));
static FINISH_MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finishMessage\""));
static BLOCK_MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"blockReasonMessage\""));
pub static CHOICES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"choices\""));

/// What a dialect calls the object that tells what an answer cost.
pub fn usage(dialect: Dialect) -> &'static Finder<'static> {
    match dialect {
        Dialect::OpenAi | Dialect::Anthropic => &USAGE,
        Dialect::Gemini => &USAGE_METADATA,
    }
}

/// Whether some choice has a finish reason.
pub fn finished(data: &[u8]) -> bool {
    reasoned(data, &FINISH)
}

/// The same of Gemini's candidates.
pub fn candidate_finished(data: &[u8]) -> bool {
    reasoned(data, &FINISH_REASON)
}

/// Whether Gemini says in words why it has finished, or has not begun.
pub fn said_why(data: &[u8]) -> bool {
    FINISH_MESSAGE.find(data).is_some() || BLOCK_MESSAGE.find(data).is_some()
}

fn reasoned(data: &[u8], name: &Finder<'_>) -> bool {
    name.find_iter(data).any(|at| {
        let value = data.get(at + name.needle().len()..).unwrap_or_default();
        let value = value.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii_start();
        value.first() == Some(&b'"') && value.get(1) != Some(&b'"')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reason_that_is_given_counts() {
        assert!(finished(br#"{"choices":[{"finish_reason":null},{"finish_reason" : "stop"}]}"#));
        for data in [
            r#"{"finish_reason":null}"#,
            r#"{"finish_reason":""}"#,
            r#"{"x":"\"finish_reason\":\"stop\""}"#,
            r#"{"finish_reason":"#,
        ] {
            assert!(!finished(data.as_bytes()), "{data}");
        }
        assert!(candidate_finished(br#"{"candidates": [{"finishReason": "STOP"}]}"#));
        assert!(!candidate_finished(br#"{"candidates": [{"finish_reason": "STOP"}]}"#));
    }
}
