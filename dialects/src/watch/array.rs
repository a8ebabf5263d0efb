//! A stream that comes as one JSON array: Gemini's, where nobody asks for events.
//!
//! Its elements are what events are elsewhere: each passes when it is whole, so that the array can be closed after any
//! of them; what is longer than the bound passes as it comes. Always: only its last bracket makes it whole.

use super::elements::{Elements, bare};
use super::events::Answer;
use super::foreign::OTHER;
use super::long::{Long, MAX_EVENT};
use super::{Cut, Failure, Seen};
use crate::{Endpoint, Usage};

#[derive(Debug)]
pub struct Array {
    endpoint: Endpoint,
    elements: Elements,
    answer: Answer,
    /// The beginning of an element whose end has not come.
    held: Vec<u8>,
    /// In place of `held`: an element that was too long.
    long: Option<Box<Long>>,
    /// So much of the last chunk was the rest of such.
    passed: usize,
    /// An upstream's own words have come with the last chunk.
    words: bool,
    closed: bool,
}

/// What becomes of the beginning of an element.
enum Held {
    Kept,
    /// It is too long for that.
    Passes,
    /// And it tells an error.
    Fails,
}

impl Array {
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            elements: Elements::default(),
            answer: Answer::new(endpoint),
            held: Vec::new(),
            long: None,
            passed: 0,
            words: false,
            closed: false,
        }
    }

    pub fn push(&mut self, chunk: &[u8]) -> Seen {
        let mut seen = Seen::default();
        (self.words, self.passed) = (false, 0);
        let mut rest = chunk;
        while !self.closed
            && let Some(bound) = self.elements.find(rest)
        {
            let (element, after) = rest.split_at_checked(bound.end).unwrap_or((rest, &[]));
            if self.long.as_mut().is_some_and(|long| long.grows_to_error(element)) {
                return self.cut(seen);
            }
            if self.long.is_some() {
                self.passed = bound.end;
            }
            rest = after;
            seen.upto += bound.end;
            self.closed = bound.closes;
            if !self.closed {
                self.element(element);
            }
        }
        if self.closed {
            (self.held, self.long) = (Vec::new(), None);
            seen.upto = chunk.len();
        } else if !rest.is_empty() {
            match self.hold(rest) {
                Held::Kept => {}
                Held::Passes => seen.upto = chunk.len(),
                Held::Fails => return self.cut(seen),
            }
        }
        // What commits nobody to this answer may be all of it: its usage.
        if self.closed && self.answer.failure.is_none() {
            self.answer.content |= self.answer.ours;
            self.answer.foreign = !self.answer.content;
        }
        self.told(seen)
    }

    /// An error that is too long to be masked ends the answer.
    fn cut(&mut self, mut seen: Seen) -> Seen {
        self.answer.fail_silently(b"");
        seen.cut = true;
        self.told(seen)
    }

    fn told(&mut self, mut seen: Seen) -> Seen {
        (seen.content, seen.terminal) = (self.answer.content, self.closed);
        seen.foreign = self.answer.foreign.then_some(OTHER);
        self.words = std::mem::take(&mut self.answer.words);
        if std::mem::take(&mut self.answer.fresh) {
            seen.failed = self.answer.failure.clone();
        }
        seen
    }

    fn element(&mut self, end: &[u8]) {
        if let Some(long) = self.long.take() {
            long.judge(b"", bare(&long.head), &mut self.answer);
        } else if self.held.is_empty() {
            self.answer.event(b"", bare(end));
        } else {
            self.held.extend_from_slice(end);
            self.answer.event(b"", bare(&std::mem::take(&mut self.held)));
        }
    }

    /// Keeps the beginning of an element, unless it is too long for that.
    fn hold(&mut self, rest: &[u8]) -> Held {
        if let Some(long) = &mut self.long {
            self.passed = rest.len();
            return if long.grows_to_error(rest) { Held::Fails } else { Held::Passes };
        }
        self.held.extend_from_slice(rest);
        if self.held.len() <= MAX_EVENT {
            return Held::Kept;
        }
        let long = Box::new(Long::new(self.endpoint, &std::mem::take(&mut self.held)));
        if long.tells() {
            return Held::Fails;
        }
        self.long = Some(long);
        self.answer.content = true;
        Held::Passes
    }

    pub fn end(&self, framing_clean: bool) -> Result<(), Cut> {
        match (self.failure(), self.closed) {
            _ if self.answer.foreign => Err(Cut::Foreign(OTHER)),
            (Some(_), _) => Err(Cut::Told),
            (None, true) => Ok(()),
            (None, false) if framing_clean => Err(Cut::NoTerminal),
            (None, false) => Err(Cut::Broken),
        }
    }

    pub fn usage(&self) -> Option<Usage> {
        self.answer.usage
    }

    pub fn estimate(&self) -> u64 {
        self.answer.tally.tokens()
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.answer.failure.as_deref()
    }

    /// A part of an element has been let through.
    pub fn mid_element(&self) -> bool {
        self.long.is_some()
    }

    pub fn words(&self) -> bool {
        self.words
    }

    pub fn passed(&self) -> usize {
        self.passed
    }

    pub fn closed(&self) -> bool {
        self.closed
    }
}
