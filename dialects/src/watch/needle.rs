//! The names that are searched for in passing.
//!
//! Inside a JSON string a quote is escaped, so `"usage"` followed by a colon is a key wherever it is found: a substring
//! search that needs no parse. Building a searcher costs as much as a short search, so each is built once.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::{Dialect, Endpoint};

static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
static USAGE_METADATA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usageMetadata\""));
pub static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
pub static INDEX: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"index\""));
pub static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));
pub static FINISH_REASON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finishReason\""));
pub static CANDIDATES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"candidates\""));
/// The end of Gemini's `finishMessage` and `blockReasonMessage`.
static MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"Message\""));
static ERRORS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"errors\""));
static INCOMPLETE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"incomplete_details\""));
static STOP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"stop_details\""));
pub static CHOICES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"choices\""));

/// What a dialect calls the object that tells what an answer cost.
pub fn usage(dialect: Dialect) -> &'static Finder<'static> {
    match dialect {
        Dialect::OpenAi | Dialect::Anthropic => &USAGE,
        Dialect::Gemini => &USAGE_METADATA,
    }
}

/// Whether an event is about the first choice, as nearly all are and tell at once. `list`: what stands behind the name of
/// the choices.
pub fn is_first(list: &[u8]) -> bool {
    list.starts_with(b":[{\"index\":0,") || list.starts_with(b": [{\"index\": 0,")
}

/// Whether an event may be about another choice than the first; calls of tools are counted likewise.
pub fn counts(list: &[u8]) -> bool {
    INDEX.find_iter(list).any(|at| matches!(value_behind(list, at, &INDEX).first(), Some(b'1'..=b'9')))
}

/// Whether an upstream says in its own words why an answer of this endpoint has ended, or has not begun.
pub fn said_why(endpoint: Endpoint, data: &[u8]) -> bool {
    match endpoint {
        Endpoint::GenerateContent => MESSAGE.find_iter(data).any(|at| {
            let before = data.get(..at).unwrap_or_default();
            before.ends_with(b"\"finish") || before.ends_with(b"\"blockReason")
        }),
        Endpoint::Responses => is_told(data, &INCOMPLETE),
        Endpoint::Messages => is_told(data, &STOP),
        _ => false,
    }
}

/// Whether an error is told anywhere in it, whatever else it tells: not that there is none.
pub fn tells_error(data: &[u8]) -> bool {
    is_told(data, &ERROR) || is_told(data, &ERRORS)
}

fn is_told(data: &[u8], name: &Finder<'_>) -> bool {
    name.find_iter(data).any(|at| !matches!(value_behind(data, at, name), [] | [b'n', ..] | [b'[', b']', ..]))
}

/// Whether a list of choices has one. `list`: what stands behind its name.
pub fn has_choice(list: &[u8]) -> bool {
    let inside = list.trim_ascii_start().strip_prefix(b":").and_then(|list| list.trim_ascii_start().strip_prefix(b"["));
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(b"{"))
}

/// Whether a value that begins so is a finish reason.
pub fn is_reason(value: &[u8]) -> bool {
    value.first() == Some(&b'"') && value.get(1) != Some(&b'"')
}

/// What stands behind a key, the first of that name.
pub fn behind<'a>(data: &'a [u8], name: &Finder<'_>) -> Option<&'a [u8]> {
    // Where it comes first it need not be searched for.
    let first = data.strip_prefix(b"{").and_then(|rest| rest.strip_prefix(name.needle()));
    first.or_else(|| data.get(name.find(data)? + name.needle().len()..))
}

/// What stands behind a key that begins there and its colon; nothing where it is no key.
pub fn value_behind<'a>(data: &'a [u8], key: usize, name: &Finder<'_>) -> &'a [u8] {
    let value = data.get(key + name.needle().len()..).unwrap_or_default();
    value.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_choice_than_the_first_is_told_by_its_index() {
        assert!(counts(br#":[{"x":{"index":0},"index" : 12}"#) && counts(br#":[{"index":1,"#));
        for list in [r#":[{"x":"index","y":"\"index\":1","index":null}"#, ":[]", r#":[{"index":0,"x":1}"#] {
            assert!(!counts(list.as_bytes()), "{list}");
        }
        assert!(is_first(b":[{\"index\":0,") && is_first(b": [{\"index\": 0, ") && !is_first(b":[{\"index\":0.5"));
        for data in [r#"{"choices":[]"#, r#"{"id":"x","choices":[]"#] {
            assert_eq!(behind(data.as_bytes(), &CHOICES), Some(&b":[]"[..]));
        }
        assert_eq!(behind(b"{}", &CHOICES), None);
    }
}
