//! What is written is whole events, in the order that an official SDK insists on.

use dialects::Wire;
use serde::de::IgnoredAny;

use crate::support::heard::{self as read, Heard};
use crate::support::{heard_converse, heard_gemini, responses};

/// A stream as it went out; `ended`: the client was told that it is whole. None where it cannot be read so strictly.
pub fn stream(from: Wire, to: Wire, array: bool, out: &[u8], ended: bool) -> Option<Heard> {
    let text = std::str::from_utf8(out).expect("UTF-8");
    if array {
        let closed = if ended || text.is_empty() { text.to_owned() } else { format!("{text}]") };
        assert!(text.is_empty() || is_json(&closed), "no array: {text}");
    } else {
        text.split_terminator(if to == Wire::Gemini { "\r\n\r\n" } else { "\n\n" }).for_each(event);
    }
    // What a provider says in words of its own goes as it came to a client that speaks the same, in whatever order.
    if array && !ended || is_deep(out) || (from, to) == (Wire::Responses, Wire::Responses) {
        return None;
    }
    let heard = match to {
        Wire::Chat | Wire::Messages => read::stream(to, text),
        Wire::Responses => responses::followed(text),
        Wire::Gemini | Wire::Converse => heard_gemini::stream(text),
    };
    assert_eq!(heard.ended, ended, "what the client takes for the end: {text}");
    Some(heard)
}

/// A whole answer as it went out.
pub fn whole(to: Wire, text: &str) -> Heard {
    match to {
        Wire::Chat | Wire::Messages | Wire::Responses => read::whole(to, text),
        Wire::Gemini => heard_gemini::whole(text),
        Wire::Converse => heard_converse::whole(text),
    }
}

/// One event: a name or none, and one line of data.
fn event(text: &str) {
    let data = match text.strip_prefix("event: ").and_then(|rest| rest.split_once('\n')) {
        Some((_, data)) => data,
        None => text,
    };
    let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("no event: {text:?}"));
    assert!(data == "[DONE]" || is_json(data) && !data.contains(['\n', '\r']), "no data: {data:?}");
}

pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Bytes of words, of thoughts, and how many calls: what no format may lose. A refusal is a text to some of them.
pub fn measure(heard: &Heard) -> (usize, usize, usize) {
    (heard.text.len() + heard.refusal.len(), heard.thinking.len(), heard.calls.len())
}

/// Nested deeper than the plain reading of the tests goes. Brackets in texts count too: then it is not read so strictly.
pub fn is_deep(json: &[u8]) -> bool {
    let mut depth = 0_usize;
    json.iter().any(|byte| {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > 100
    })
}
