//! What the demo says, and how it counts: the few rules that all endpoints share.

use serde_json::Value;

/// Seconds since 1970 of everything the demo "creates": it is deterministic. 2026-01-01.
pub(super) const CREATED: u64 = 1_767_225_600;
/// Most bytes of a request that are said back: a stream of one event a word stays short.
const MOST_ECHO: usize = 4096;
/// Most pieces of a text: an event has some 300 bytes around a word.
const MOST_PIECES: usize = 1000;

/// The answer to a text: it shows a newcomer that the text arrived.
pub(super) fn echo(said: &str) -> String {
    if said.trim().is_empty() { "You said nothing.".into() } else { format!("You said: {}", cut(said)) }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MOST_ECHO)).unwrap_or(text)
}

/// What the demo thinks where it is asked to think: any effort but `none`, as providers that show their thoughts do.
pub(super) fn thought(effort: &str, said: &str) -> Option<String> {
    (!matches!(effort, "" | "none")).then(|| format!("The user said {} words.", tokens(said)))
}

/// Words with the space behind them, which is what streams are made of; together they are the text. The last holds
/// the rest where there are more than [`MOST_PIECES`].
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces: Vec<_> = text.split_inclusive(char::is_whitespace).take(MOST_PIECES).collect();
    let said = pieces.iter().map(|piece| piece.len()).sum();
    pieces.extend(text.get(said..).filter(|rest| !rest.is_empty()));
    pieces
}

/// Tokens of a text: a token is a word here.
pub(super) fn tokens(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// What a message's `content` says: a string, or parts, of which those that are not text are told by their type.
pub(super) fn content(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let said: Vec<_> = parts
                .iter()
                .map(|part| match part.get("text").and_then(Value::as_str) {
                    Some(text) => text.to_owned(),
                    None => format!("[{}]", part.get("type").and_then(Value::as_str).unwrap_or("part")),
                })
                .collect();
            said.join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// FNV-1a: ids that are the same for the same request.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// An id for what is made of a request.
pub(super) fn id(prefix: &str, request: &Value) -> String {
    format!("{prefix}{:016x}", hash(&request.to_string()))
}

/// A text within a limit of tokens and up to a stop sequence; false where the limit cut it.
pub(super) fn bounded(text: String, most: Option<u64>, stop: &Value) -> (String, bool) {
    let stops: Vec<&str> = match stop {
        Value::String(stop) => vec![stop],
        Value::Array(stops) => stops.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let end = stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop)).min();
    let text = end.and_then(|end| text.get(..end)).map_or(text.clone(), str::to_owned);
    match most.and_then(|most| usize::try_from(most).ok()) {
        Some(most) if most < pieces(&text).len() => (pieces(&text).into_iter().take(most).collect(), false),
        _ => (text, true),
    }
}

/// An event of a stream without a name.
pub(super) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// An event of a stream that has one; OpenAI repeats it as `type`.
pub(super) fn event(value: &Value) -> String {
    let name = value.get("type").and_then(Value::as_str).unwrap_or("message");
    format!("event: {name}\ndata: {value}\n\n")
}

/// Sets a key of an object.
pub(super) fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.into(), value);
    }
}

/// Sets all keys of another object.
pub(super) fn extend(object: &mut Value, more: &Value) {
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
}
