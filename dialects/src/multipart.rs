//! `model` (and `stream`) in the first parts of a multipart body that is still coming in.
//!
//! An upload passes through without being held, so only its head is looked at: at most [`WINDOW`] bytes. Clients that
//! put the file first (as the Node SDK does when asked to) hide the model behind it; they name it in a header instead.
//! All of it is watched as it passes ([`Watch`]), so that no second model slips by behind the one that was looked at, and
//! no part that another reader would take for a model.
//! Source: RFC 7578, RFC 2046 section 5.1.

mod boundary;
mod part;
mod watch;

use std::ops::Range;

pub use boundary::{Form, content_type, form};
use memchr::memmem;
use part::Part;
use watch::MAX_HEAD;
pub use watch::{Seen, Watch};

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
    /// Not within the window, or not a body of that boundary.
    NotHere,
    /// More than one part is called `model`, or a file is: who reads the form next may take another one than we do.
    Several,
    /// A head that two readers could take for different parts.
    Odd,
}

/// Looks for the model piece by piece. Holds at most [`WINDOW`] bytes.
#[derive(Debug)]
pub struct Finder<'b> {
    boundary: &'b str,
    /// CR LF, two dashes, the boundary. The first delimiter lacks the line end: the buffer begins with one for it.
    delimiter: Vec<u8>,
    seen: Vec<u8>,
    /// Where in `seen` the next part's delimiter begins.
    at: usize,
    /// That part, once its head has come, and where its value begins.
    part: Option<(Part, usize)>,
    /// Up to here what is searched for does not begin.
    searched: usize,
    model: Option<(String, Range<usize>)>,
    several: bool,
    odd: bool,
    stream: bool,
    found: bool,
}

/// Whether letters in it are what their bytes say: Apache's client for Java labels every field ISO-8859-1.
fn is_ascii_based(charset: &str) -> bool {
    const KNOWN: [&str; 7] = ["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"];
    KNOWN.iter().any(|known| charset.eq_ignore_ascii_case(known))
}

/// The line end that is put in front of the body.
const LEAD: usize = 2;

impl<'b> Finder<'b> {
    pub fn new(boundary: &'b str) -> Self {
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        let seen = b"\r\n".to_vec();
        Self {
            boundary,
            delimiter,
            seen,
            at: 0,
            part: None,
            searched: 0,
            model: None,
            several: false,
            odd: false,
            stream: false,
            found: false,
        }
    }

    /// Takes the next piece of the body. After anything but `NeedMore` the finder has no more to say.
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
            _ if self.odd => Step::Odd,
            _ if self.several => Step::Several,
            Some((model, span)) => {
                self.found = true;
                Step::Found(Found { model, span, stream: self.stream })
            }
            None => Step::NotHere,
        }
    }

    /// A watch over the whole form, `beginning` (all pieces that were pushed) included. Of models it tells only those that
    /// come behind the one that was found.
    pub fn watch(self, beginning: &[u8]) -> Watch {
        let mut watch = Watch::new(self.boundary, self.found);
        watch.push(beginning);
        watch
    }

    fn walk(&mut self) -> Walk {
        // An empty preamble (RFC 2046): one line end, which every reader passes over.
        if self.at == 0 {
            match self.seen.get(LEAD..) {
                Some(b"\r") => return Walk::More,
                Some([b'\r', b'\n', ..]) => self.at = LEAD,
                _ => {}
            }
        }
        loop {
            let (part, start) = match self.part.map_or_else(|| self.head(), Ok) {
                Ok(known) => known,
                Err(walk) => return walk,
            };
            self.part = Some((part, start));
            let Some(end) = find(&self.seen, &self.delimiter, start, &mut self.searched) else {
                return Walk::More;
            };
            self.part = None;
            if !self.note(part, start..end) {
                return Walk::Ended;
            }
            self.at = end;
        }
    }

    /// The next part that is looked at, and where its value begins.
    fn head(&mut self) -> Result<(Part, usize), Walk> {
        let rest = self.seen.get(self.at..).ok_or(Walk::Ended)?;
        if rest.len() < self.delimiter.len() + 2 {
            let begins = rest.starts_with(&self.delimiter) || self.delimiter.starts_with(rest);
            return Err(if begins { Walk::More } else { Walk::Ended });
        }
        if !rest.starts_with(&self.delimiter) {
            return Err(Walk::Ended);
        }
        let head = self.at + self.delimiter.len();
        // `--` ends the body, a line end begins a part.
        if self.seen.get(head..head + 2) != Some(b"\r\n") {
            return Err(Walk::Ended);
        }
        let end = find(&self.seen, b"\r\n\r\n", head, &mut self.searched);
        let end = end.filter(|end| end + 4 - head <= MAX_HEAD);
        // The watch does not wait for it either, and tells.
        if end.is_none() && self.seen.len() - head >= MAX_HEAD {
            return Err(Walk::Ended);
        }
        let end = end.ok_or(Walk::More)?;
        let part = Part::read(self.seen.get(head..end).unwrap_or_default());
        // A file is what the upload is about: nobody waits for its end once the model is known.
        if part == Part::File && self.model.is_some() {
            return Err(Walk::Ended);
        }
        if part == Part::Odd {
            self.odd = true;
            return Err(Walk::Ended);
        }
        if part == Part::ModelFile || (part == Part::Model && self.model.is_some()) {
            self.several = true;
            return Err(Walk::Ended);
        }
        Ok((part, end + 4))
    }

    /// False: a model that cannot be used, which is left for the watch.
    fn note(&mut self, part: Part, at: Range<usize>) -> bool {
        let value = self.seen.get(at.clone()).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        match part {
            Part::Model if value.is_empty() => return false,
            Part::Model => self.model = Some((value.to_owned(), at.start - LEAD..at.end - LEAD)),
            Part::Stream => self.stream = matches!(value.trim(), "true" | "True" | "1"),
            Part::File | Part::ModelFile | Part::Odd | Part::Other => {}
        }
        true
    }
}

/// Where this begins in `seen`, at or behind `from`. What was `searched` in vain is not searched again.
fn find(seen: &[u8], what: &[u8], from: usize, searched: &mut usize) -> Option<usize> {
    let from = from.max(*searched);
    let found = memmem::find(seen.get(from..).unwrap_or_default(), what).map(|at| from + at);
    *searched = found.unwrap_or_else(|| from.max((seen.len() + 1).saturating_sub(what.len())));
    found
}

enum Walk {
    More,
    Ended,
}

#[cfg(test)]
mod tests;
