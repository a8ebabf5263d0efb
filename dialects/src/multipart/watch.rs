//! Looks for further `model` parts in a form as it passes.
//!
//! One search for the boundary in each piece; no byte is copied but those of heads and of a model's value, and of those
//! at most [`MAX_HEAD`] and [`MAX_VALUE`] are held. Always: a form passes only where every reader finds the same parts in
//! it. What some would take for a boundary and others not (line ends of one character, blanks behind it, a longer one
//! that begins alike, one behind the last) is [`Seen::Odd`].

use memchr::memmem;

use super::part::Part;

/// Longest head of a part that is waited for.
pub(super) const MAX_HEAD: usize = 16 * 1024;
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
    /// Readers may find different parts in it.
    Odd,
}

#[derive(Debug)]
pub struct Watch {
    /// Two dashes and the boundary.
    delimiter: memmem::Finder<'static>,
    state: State,
    /// Data: what may be the beginning of a delimiter, and the line end before it. Otherwise: all of it so far.
    held: Vec<u8>,
    /// The first model is known already.
    skip: bool,
    model: Option<Vec<u8>>,
    /// The last boundary has come.
    closed: bool,
    conflict: bool,
    odd: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but the first boundary may come, or a line end before it.
    Start,
    Data,
    Head,
    Value,
    Over,
}

impl Watch {
    pub(super) fn new(boundary: &str, skip: bool) -> Self {
        let delimiter = memmem::Finder::new(format!("--{boundary}").as_bytes()).into_owned();
        let (state, held) = (State::Start, Vec::new());
        Self { delimiter, state, held, skip, model: None, closed: false, conflict: false, odd: false }
    }

    /// What was seen, the piece pushed last included.
    pub fn seen(&self) -> Seen<'_> {
        match (self.state, &self.model) {
            _ if self.odd => Seen::Odd,
            _ if self.conflict => Seen::Conflict,
            (State::Start | State::Head | State::Value, _) => Seen::Undecided,
            (State::Data | State::Over, Some(model)) => Seen::Model(model),
            (State::Data | State::Over, None) => Seen::Nothing,
        }
    }

    /// Takes the next piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() && !self.conflict && !self.odd {
            let used = match self.state {
                State::Start => self.start(rest),
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
        match self.state {
            State::Value => self.note(self.held.len()),
            // Where a head has no end some see none, and some see one that we do not.
            State::Start | State::Head => self.odd |= !self.conflict,
            State::Data | State::Over => {}
        }
        self.state = State::Over;
    }

    fn delimiter_len(&self) -> usize {
        self.delimiter.needle().len()
    }

    /// The first delimiter at the beginning of a line, and whether that line is told from the one before as it should.
    fn find(&self, bytes: &[u8]) -> Option<(usize, bool)> {
        self.delimiter.find_iter(bytes).find_map(|at| {
            let before = bytes.get(..at)?;
            matches!(before.last()?, b'\r' | b'\n').then(|| (at, before.ends_with(b"\r\n")))
        })
    }

    /// Each of these tells how much of `rest` it has used.
    fn start(&mut self, rest: &[u8]) -> usize {
        let before = self.held.len();
        let room = (self.delimiter_len() + 2 - before).min(rest.len());
        self.held.extend_from_slice(rest.get(..room).unwrap_or_default());
        let line = self.held.strip_prefix(b"\r\n").unwrap_or(&self.held);
        let needle = self.delimiter.needle();
        if line.starts_with(needle) {
            let used = self.held.len() - line.len() + needle.len() - before;
            return self.enter(State::Head, &[], used);
        }
        self.odd = !needle.starts_with(line) && self.held != b"\r";
        room
    }

    fn data(&mut self, rest: &[u8]) -> usize {
        let needle = self.delimiter_len();
        // A delimiter that began in the piece before, or whose line did.
        let before = self.held.len();
        self.held.extend_from_slice(rest.get(..(needle + 1).min(rest.len())).unwrap_or_default());
        if let Some((at, strict)) = self.find(&self.held) {
            return self.delimit(strict, (at + needle).saturating_sub(before));
        }
        self.held.truncate(before);
        if let Some((at, strict)) = self.find(rest) {
            return self.delimit(strict, at + needle);
        }
        let keep = needle + 1;
        self.held.extend_from_slice(rest.get(rest.len().saturating_sub(keep)..).unwrap_or_default());
        let old = self.held.len().saturating_sub(keep);
        self.held.drain(..old);
        rest.len()
    }

    fn delimit(&mut self, strict: bool, used: usize) -> usize {
        // Some read on behind the last one.
        self.odd |= !strict || self.closed;
        self.enter(State::Head, &[], used)
    }

    fn head(&mut self, rest: &[u8]) -> usize {
        let before = self.held.len();
        let room = (MAX_HEAD - before).min(rest.len());
        self.held.extend_from_slice(rest.get(..room).unwrap_or_default());
        match self.held.as_slice() {
            [] | [b'\r' | b'-'] => return room,
            [b'\r', b'\n', ..] => {}
            [b'-', b'-', ..] => {
                self.closed = true;
                return self.enter(State::Data, &[], 2_usize.saturating_sub(before));
            }
            _ => {
                self.odd = true;
                return room;
            }
        }
        // Its end is not in what came before.
        let from = before.saturating_sub(3);
        let end = memmem::find(self.held.get(from..).unwrap_or_default(), b"\r\n\r\n");
        let Some(end) = end.map(|at| from + at + 4) else {
            self.odd |= self.held.len() >= MAX_HEAD;
            return room;
        };
        // Whether the line feed that ended the head may begin a delimiter, readers do not agree.
        match Part::read(self.held.get(..end).unwrap_or_default()) {
            Part::Model => self.enter(State::Value, b"\n", end - before),
            Part::ModelFile => {
                self.conflict = true;
                room
            }
            Part::Odd => {
                self.odd = true;
                room
            }
            Part::Stream | Part::File | Part::Other => self.enter(State::Data, b"\n", end - before),
        }
    }

    fn value(&mut self, rest: &[u8]) -> usize {
        let before = self.held.len();
        // Behind it come its line end and the delimiter.
        let room = (MAX_VALUE + 3 + self.delimiter_len()).saturating_sub(before).min(rest.len());
        self.held.extend_from_slice(rest.get(..room).unwrap_or_default());
        match self.find(&self.held) {
            Some((at, strict)) => {
                let used = at + self.delimiter_len() - before;
                self.odd |= !strict;
                self.note(at.saturating_sub(2));
                self.enter(State::Head, &[], used)
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

    /// A value is whole: what is held up to `end`, but for the line feed before it.
    fn note(&mut self, end: usize) {
        if std::mem::take(&mut self.skip) {
            return;
        }
        let value = self.held.get(1..end).unwrap_or_default();
        match &self.model {
            Some(known) => self.conflict |= known != value,
            None => self.model = Some(value.to_vec()),
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
