//! `model` (and `stream`) in the first parts of a multipart body that is still coming in.
//!
//! An upload passes through without being held, so only its head is looked at: at most [`WINDOW`] bytes. Clients that
//! put the file first (as the Node SDK does when asked to) hide the model behind it; they name it in a header instead.
//! Source: RFC 7578, RFC 2046 section 5.1.

use std::ops::Range;

use memchr::memmem;

/// How much of a body is looked at, in bytes.
pub const WINDOW: usize = 64 * 1024;

/// A model that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The value as it stands; not empty, not yet checked with [`crate::safe_model_name`].
    pub model: String,
    /// Where in the body the value stands. Another name there changes the body's length.
    pub span: Range<usize>,
    /// `stream`, where it was among the parts looked at.
    pub stream: bool,
}

/// What a further piece of the body brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    NeedMore,
    Found(Found),
    /// Not within the window, or not a body of that boundary, or more than one model.
    NotHere,
}

/// The boundary of a `multipart/form-data` content type; None for another type or an impossible boundary.
pub fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';');
    if !parts.next()?.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value.trim())
    })?;
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    // RFC 2046 allows 70 characters; a little more does no harm.
    (!value.is_empty() && value.len() <= 128 && value.is_ascii()).then_some(value)
}

/// Looks for the model piece by piece. Holds at most [`WINDOW`] bytes.
#[derive(Debug)]
pub struct Finder {
    /// CR LF, two dashes, the boundary. The first delimiter lacks the line end: the buffer begins with one for it.
    delimiter: Vec<u8>,
    seen: Vec<u8>,
    /// Where in `seen` the next part's delimiter begins.
    at: usize,
    model: Option<(String, Range<usize>)>,
    twice: bool,
    stream: bool,
}

/// The line end that is put in front of the body.
const LEAD: usize = 2;

impl Finder {
    pub fn new(boundary: &str) -> Self {
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        Self { delimiter, seen: b"\r\n".to_vec(), at: 0, model: None, twice: false, stream: false }
    }

    /// Takes the next piece of the body. After `Found` or `NotHere` the finder has no more to say.
    pub fn push(&mut self, piece: &[u8]) -> Step {
        let room = (WINDOW + LEAD).saturating_sub(self.seen.len());
        self.seen.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        match self.walk() {
            Walk::Ended => self.finish(),
            Walk::More if piece.len() >= room => self.finish(),
            Walk::More => Step::NeedMore,
        }
    }

    /// What there is when the body has ended.
    pub fn finish(&mut self) -> Step {
        match self.model.take() {
            Some((model, span)) if !self.twice => Step::Found(Found { model, span, stream: self.stream }),
            _ => Step::NotHere,
        }
    }

    fn walk(&mut self) -> Walk {
        loop {
            let Some(rest) = self.seen.get(self.at..) else {
                return Walk::Ended;
            };
            if rest.len() < self.delimiter.len() + 2 {
                return if rest.starts_with(&self.delimiter) || self.delimiter.starts_with(rest) {
                    Walk::More
                } else {
                    Walk::Ended
                };
            }
            if !rest.starts_with(&self.delimiter) {
                return Walk::Ended;
            }
            let head = self.at + self.delimiter.len();
            // `--` ends the body, a line end begins a part.
            if self.seen.get(head..head + 2) != Some(b"\r\n") {
                return Walk::Ended;
            }
            let Some(after) = self.seen.get(head..) else {
                return Walk::More;
            };
            let Some(head_len) = memmem::find(after, b"\r\n\r\n") else {
                return Walk::More;
            };
            let part = Part::read(after.get(..head_len).unwrap_or_default());
            // A file is what the upload is about: nobody waits for its end once the model is known.
            if part == Part::File && self.model.is_some() {
                return Walk::Ended;
            }
            let start = head + head_len + 4;
            let Some(len) = self.seen.get(start..).and_then(|value| memmem::find(value, &self.delimiter)) else {
                return Walk::More;
            };
            self.note(part, start..start + len);
            self.at = start + len;
        }
    }

    fn note(&mut self, part: Part, at: Range<usize>) {
        let value = self.seen.get(at.clone()).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        match part {
            Part::Model => {
                self.twice |= self.model.is_some();
                if !value.is_empty() {
                    self.model = Some((value.to_owned(), at.start - LEAD..at.end - LEAD));
                }
            }
            Part::Stream => self.stream = matches!(value.trim(), "true" | "True" | "1"),
            Part::File | Part::Other => {}
        }
    }
}

enum Walk {
    More,
    Ended,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Model,
    Stream,
    File,
    Other,
}

impl Part {
    fn read(head: &[u8]) -> Self {
        let Ok(head) = std::str::from_utf8(head) else {
            return Self::Other;
        };
        let Some(disposition) = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        }) else {
            return Self::Other;
        };
        let mut name = "";
        for parameter in disposition.split(';') {
            let Some((key, value)) = parameter.split_once('=') else {
                continue;
            };
            match key.trim() {
                "filename" | "filename*" => return Self::File,
                "name" => name = value.trim().trim_matches('"'),
                _ => {}
            }
        }
        match name {
            "model" => Self::Model,
            "stream" => Self::Stream,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
