//! What a client has read, held against a plain reading of the recording; and which differences there may be, each with
//! its reason. Any other is a failure.

use dialects::{Usage, Wire};
use serde_json::json;

use crate::support::heard::{Heard, normal};

/// What two readings can differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Text,
    Thinking,
    Calls,
    Finish,
    Usage,
    /// The SDK raised.
    Raised,
    /// The SDK raised nothing where the recording is an error.
    Silent,
}

#[derive(Debug)]
pub struct Difference {
    pub field: Field,
    pub what: String,
}

/// All that differs.
pub fn differences(said: &Heard, heard: &Heard) -> Vec<Difference> {
    let (text, told) = (said.text.clone() + &said.refusal, heard.text.clone() + &heard.refusal);
    let mut found = vec![
        differ(Field::Text, &text, &told, text == told),
        differ(Field::Thinking, &said.thinking, &heard.thinking, said.thinking == heard.thinking),
        differ(Field::Finish, &said.finish, &heard.finish, said.finish == heard.finish),
        differ(Field::Calls, &said.calls, &heard.calls, same_calls(said, heard)),
    ];
    let (counted, told) = (counts(said.usage), counts(heard.usage));
    found.push(differ(Field::Usage, &counted, &told, counted == told));
    found.into_iter().flatten().collect()
}

fn differ<T: std::fmt::Debug>(field: Field, said: &T, heard: &T, same: bool) -> Option<Difference> {
    (!same).then(|| Difference { field, what: format!("{said:?} became {heard:?}") })
}

/// Ids that the upstream left out are ours; arguments that are no object are kept in one.
fn same_calls(said: &Heard, heard: &Heard) -> bool {
    said.calls.len() == heard.calls.len()
        && said.calls.iter().zip(&heard.calls).all(|(one, other)| {
            let made = other.0.is_empty() || other.0.starts_with("call_");
            let id = if one.0.is_empty() { made } else { other.0.starts_with(&one.0) };
            let kept = json!({"arguments": one.2});
            id && one.1 == other.1 && (normal(&one.2) == normal(&other.2) || kept == other.2)
        })
}

/// Input, output, read from a cache, reasoning. Nobody has read more from a cache than he has read, nor reasoned more
/// than he has written; where nobody counted, formats that must have a usage say nothing of it.
fn counts(usage: Option<Usage>) -> Option<[u64; 4]> {
    let usage = usage.filter(|usage| *usage != Usage::default())?;
    Some([usage.input, usage.output, usage.cached_input.min(usage.input), usage.reasoning.min(usage.output)])
}

/// A difference that may be.
pub struct Declared {
    field: Field,
    /// None: whichever.
    from: Option<Wire>,
    to: Option<Wire>,
    reason: &'static str,
    /// Of what was said, and how the difference is told.
    when: fn(&Heard, &str) -> bool,
}

impl Declared {
    /// Within one dialect nothing is translated: what its SDK cannot read is between the two of them.
    const fn within(wire: Wire, field: Field, reason: &'static str, when: fn(&Heard, &str) -> bool) -> Self {
        Self { field, from: Some(wire), to: Some(wire), reason, when }
    }
}

const DECLARED: [Declared; 4] = [
    Declared {
        field: Field::Calls,
        from: None,
        to: Some(Wire::Messages),
        reason: "of arguments that were cut off, the SDKs keep what can be read",
        when: |said, _| said.finish == "length",
    },
    Declared::within(Wire::Chat, Field::Usage, "Groq counts where the SDKs do not look", |_, what| {
        what.ends_with("became None")
    }),
    Declared::within(Wire::Gemini, Field::Raised, "a finish reason as a number, which no SDK reads", |_, what| {
        what.contains("'int' object has no attribute")
    }),
    Declared::within(Wire::Responses, Field::Raised, "the vendor's ids change in mid-stream", |_, what| {
        what.contains("identity changed")
    }),
];

/// Why this difference may be, where it may.
pub fn declared(from: Wire, to: Wire, difference: &Difference, said: &Heard) -> Option<&'static str> {
    let found = DECLARED.iter().find(|declared| {
        declared.field == difference.field
            && declared.from.is_none_or(|wire| wire == from)
            && declared.to.is_none_or(|wire| wire == to)
            && (declared.when)(said, &difference.what)
    });
    found.map(|declared| declared.reason)
}
