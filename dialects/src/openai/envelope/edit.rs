//! The bytes of a body that must differ for an upstream, as edits beside it: the body is never built anew.

use std::ops::Range;

use super::{Envelope, EnvelopeError, Options};

/// One replacement: the body's bytes at `at` give way to `with`. An empty `at` inserts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub at: Range<usize>,
    pub with: Vec<u8>,
}

/// At most two edits, in the order of the body, not overlapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    first: Option<Edit>,
    second: Option<Edit>,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Edit> {
        self.first.iter().chain(&self.second)
    }

    /// The edited body's length for a body of `len` bytes.
    pub fn edited_len(&self, len: usize) -> usize {
        self.iter().fold(len, |len, edit| len.saturating_sub(edit.at.len()).saturating_add(edit.with.len()))
    }

    /// The edited body, copied out. Whoever can send pieces, walks [`Edits::iter`] instead.
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.edited_len(body.len()));
        let mut from = 0;
        for edit in self.iter() {
            out.extend_from_slice(body.get(from..edit.at.start).unwrap_or_default());
            out.extend_from_slice(&edit.with);
            from = edit.at.end;
        }
        out.extend_from_slice(body.get(from..).unwrap_or_default());
        out
    }
}

impl IntoIterator for Edits {
    type Item = Edit;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Edit>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        [self.first, self.second].into_iter().flatten()
    }
}

impl Envelope<'_> {
    /// What must change for `upstream_model`. With `inject_usage`, a streaming body that does not ask for usage is made
    /// to ask; a body that does not stream is left alone. Empty where nothing differs.
    pub fn edits(&self, upstream_model: &str, inject_usage: bool) -> Edits {
        let model = (self.model != upstream_model && !self.model_span.is_empty())
            .then(|| Edit { at: self.model_span.clone(), with: json_string(upstream_model) });
        let usage = if inject_usage && self.stream && !self.include_usage { self.usage_edit() } else { None };
        match (model, usage) {
            (Some(model), Some(usage)) if model.at.start < usage.at.start => {
                Edits { first: Some(model), second: Some(usage) }
            }
            (Some(model), Some(usage)) => Edits { first: Some(usage), second: Some(model) },
            (one, other) => Edits { first: one.or(other), second: None },
        }
    }

    fn usage_edit(&self) -> Option<Edit> {
        let (at, with): (_, &[u8]) = match &self.stream_options {
            // There is a model, so the object is not empty and the comma is right.
            Options::Absent(at) => (*at..*at, br#""stream_options":{"include_usage":true},"#),
            Options::Replace { at, whole: true } => (at.clone(), br#"{"include_usage":true}"#),
            Options::Replace { at, whole: false } => (at.clone(), b"true"),
            Options::Inside { at, empty: true } => (*at..*at, br#""include_usage":true"#),
            Options::Inside { at, empty: false } => (*at..*at, br#""include_usage":true,"#),
            Options::Foreign => return None,
        };
        Some(Edit { at, with: with.to_vec() })
    }
}

/// A copy of a body that asks for this model: its name takes the place of another one, or goes first where there is none.
///
/// # Errors
/// As [`super::parse`], but for a body without a model.
pub fn naming(body: &[u8], model: &str) -> Result<Vec<u8>, EnvelopeError> {
    match super::parse(body) {
        Ok(envelope) => Ok(envelope.edits(model, false).apply(body)),
        Err(EnvelopeError::NoModel) => {
            // That far it was read: the brace is there, and something closes it.
            let brace = body.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
            let (head, rest) = body.split_at_checked(brace).unwrap_or((body, &[]));
            let empty = rest.trim_ascii_start().starts_with(b"}");
            let name = json_string(model);
            let comma: &[u8] = if empty { b"" } else { b"," };
            Ok([head, br#""model":"#, &name, comma, rest].concat())
        }
        Err(error) => Err(error),
    }
}

/// A JSON string with its quotes. Upstream names come from the configuration and hardly ever need an escape.
fn json_string(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    // Writing a string into a Vec cannot fail; were it to, the upstream would refuse the empty value.
    let _ = serde_json::to_writer(&mut out, text);
    out
}
