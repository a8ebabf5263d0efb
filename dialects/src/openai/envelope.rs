//! What the gateway must know of a JSON request body, found in one borrowed pass.
//!
//! The body itself goes out as it came in: [`Envelope::edits`] names the few bytes that differ. Values that do not
//! matter here are skipped without recursion, and their meaning is the upstream's to judge. A duplicate `model` or
//! `stream`, also in another case, is an error, because two readers of one body could otherwise disagree about what was
//! asked for; of other duplicate keys the last counts. A byte order mark is not JSON (RFC 8259, 8.1) and is refused as such.

use std::borrow::Cow;
use std::ops::Range;

mod edit;
mod failure;
mod read;

pub use edit::{Edit, Edits, naming};
pub use failure::EnvelopeError;

/// What a body says about itself.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// Never empty; not yet checked with [`crate::safe_model_name`].
    pub model: Cow<'a, str>,
    /// Where in the body the model's JSON string stands, quotes included.
    pub model_span: Range<usize>,
    pub stream: bool,
    /// The client asked for `stream_options.include_usage`.
    pub include_usage: bool,
    /// What `store` says: whether the upstream is to keep the answer. Of Responses it keeps them unless it says false.
    pub store: Option<bool>,
    /// The largest of `max_tokens`, `max_completion_tokens` and `max_output_tokens`; None where none is a whole number.
    pub max_tokens: Option<u64>,
    stream_options: Options,
}

/// Where an `include_usage: true` would go.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Options {
    /// No `stream_options`: right after the object's brace, at this offset.
    Absent(usize),
    /// Replaces this value (a null, or an `include_usage` that is not true).
    Replace { at: Range<usize>, whole: bool },
    /// Into the object after its brace at this offset.
    Inside { at: usize, empty: bool },
    /// Not an object: the upstream's to refuse.
    Foreign,
}

impl Envelope<'static> {
    /// Of a request whose path names the model: nothing of its body is to be changed.
    pub fn of_path(model: String, stream: bool) -> Self {
        Self {
            model: Cow::Owned(model),
            model_span: 0..0,
            stream,
            include_usage: false,
            store: None,
            max_tokens: None,
            stream_options: Options::Foreign,
        }
    }
}

impl Envelope<'_> {
    /// The same, without the body that it was read from.
    pub fn into_owned(self) -> Envelope<'static> {
        Envelope { model: Cow::Owned(self.model.into_owned()), ..self }
    }
}

/// Reads a request body. Costs one pass and, unless the model's name holds escapes, no allocation.
pub fn parse(body: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    read::parse(body)
}

#[cfg(test)]
mod tests;
