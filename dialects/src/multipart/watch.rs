//! Looks for further `model` parts in what of a form passes without being looked at.
//!
//! One search for the boundary in each piece; no byte is copied but those of heads and of a model's value, and of those
//! at most [`MAX_HEAD`] and [`MAX_VALUE`] are held. Always: more lenient than any reader behind it (bare line feeds,
//! blanks behind the boundary, no last boundary), so what it does not see nobody else sees either.

use memchr::memmem;

use super::part::Part;

/// Longest head of a part that is waited for.
const MAX_HEAD: usize = 16 * 1024;
/// Longest value of a model; no model has a longer name.
const MAX_VALUE: usize = 512;

/// What has been seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// No model.
    Nothing,
    /// A head or a model's value is not whole yet: what has just come should wait until it is.
    Undecided,
    /// One value of a model, perhaps several times.
    Model(&'a [u8]),
    /// Several values, or one that is none.
    Conflict,
}

#[derive(Debug)]
pub struct Watch {
    /// Line feed, two dashes, the boundary.
    delimiter: memmem::Finder<'static>,
    state: State,
    /// Data: what may be the beginning of a delimiter. Head and value: all of it so far.
    held: Vec<u8>,
    model: Option<Vec<u8>>,
    conflict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Head,
    Value,
    Over,
}

impl Watch {
    pub(super) fn new(boundary: &str) -> Self {
        let delimiter = memmem::Finder::new(format!("\n--{boundary}").as_bytes()).into_owned();
        Self { delimiter, state: State::Data, held: Vec::new(), model: None, conflict: false }
    }

    /// What was seen, the piece pushed last included.
    pub fn seen(&self) -> Seen<'_> {
        match (self.state, &self.model) {
            _ if self.conflict => Seen::Conflict,
            (State::Head | State::Value, _) => Seen::Undecided,
            (State::Data | State::Over, Some(model)) => Seen::Model(model),
            (State::Data | State::Over, None) => Seen::Nothing,
        }
    }

    /// Takes the next piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() && !self.conflict {
            let used = match self.state {
                State::Data => self.data(rest),
                State::Head => self.head(rest),
                State::Value => self.value(rest),
                State::Over => return,
            };
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// The body has ended.
    pub fn finish(&mut self) {
        if self.state == State::Value {
            self.note();
        }
        self.state = State::Over;
    }

    fn delimiter_len(&self) -> usize {
        self.delimiter.needle().len()
    }

    /// Each of these tells how much of `rest` it has used.
    fn data(&mut self, rest: &[u8]) -> usize {
        let overlap = self.delimiter_len() - 1;
        // A delimiter that began in the piece before.
        let before = self.held.len();
        if before > 0 {
            self.held.extend_from_slice(rest.get(..overlap.min(rest.len())).unwrap_or_default());
            if let Some(at) = self.delimiter.find(&self.held) {
                return self.enter(State::Head, &[], at + self.delimiter_len() - before);
            }
            self.held.truncate(before);
        }
        if let Some(at) = self.delimiter.find(rest) {
            return self.enter(State::Head, &[], at + self.delimiter_len());
        }
        self.held.extend_from_slice(rest.get(rest.len().saturating_sub(overlap)..).unwrap_or_default());
        let old = self.held.len().saturating_sub(overlap);
        self.held.drain(..old);
        rest.len()
    }

    fn head(&mut self, rest: &[u8]) -> usize {
        let before = self.held.len();
        let room = (MAX_HEAD - before).min(rest.len());
        self.held.extend_from_slice(rest.get(..room).unwrap_or_default());
        // Blanks may follow the boundary, then a line's end. Otherwise it is the last boundary, or none; some read on
        // behind a last one, so nothing ends here. Without a line feed in it no delimiter has begun in what was held.
        match self.held.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) {
            Some(b'\n') => {}
            Some(_) => return self.enter(State::Data, &[], 0),
            None => {
                self.conflict |= self.held.len() >= MAX_HEAD;
                return room;
            }
        }
        let ends = [&b"\n\r\n"[..], b"\n\n"].map(|end| memmem::find(&self.held, end).map(|at| at + end.len()));
        let Some(end) = ends.into_iter().flatten().min() else {
            self.conflict |= self.held.len() >= MAX_HEAD;
            return room;
        };
        let part = Part::read(self.held.get(..end).unwrap_or_default());
        // The line feed that ended the head may begin a delimiter.
        match part {
            Part::Model => self.enter(State::Value, b"\n", end - before),
            Part::ModelFile => {
                self.conflict = true;
                room
            }
            Part::Stream | Part::File | Part::Other => self.enter(State::Data, b"\n", end - before),
        }
    }

    fn value(&mut self, rest: &[u8]) -> usize {
        let before = self.held.len();
        // Behind it come its line end and the delimiter.
        let room = (MAX_VALUE + 2 + self.delimiter_len()).saturating_sub(before).min(rest.len());
        self.held.extend_from_slice(rest.get(..room).unwrap_or_default());
        match self.delimiter.find(&self.held) {
            Some(at) => {
                self.held.truncate(at);
                self.note();
                self.enter(State::Head, &[], at + self.delimiter_len() - before)
            }
            None => {
                self.conflict |= room < rest.len();
                room
            }
        }
    }

    fn enter(&mut self, state: State, held: &[u8], used: usize) -> usize {
        self.state = state;
        self.held.clear();
        self.held.extend_from_slice(held);
        used
    }

    /// A value is whole: what is held, but for the line ends before and behind it.
    fn note(&mut self) {
        let value = self.held.get(1..).unwrap_or_default();
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        match &self.model {
            Some(known) => self.conflict |= known != value,
            None => self.model = Some(value.to_vec()),
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
