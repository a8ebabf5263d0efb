//! The framing of an event stream: which bytes are whole events, and which wait for the rest of one.

use serde::de::IgnoredAny;

use super::bounds::Bounds;
use super::events::Answer;
use super::foreign::OTHER;
use super::lines::{Line, Lines};
use super::long::{Long, MAX_EVENT, is_named_error};
use super::{Cut, Failure, Seen};
use crate::{Endpoint, Usage};

/// Before content a response's first events repeat instructions and tools; to let one through would commit. And one that
/// tells an error, as a response's last event may, is masked only if it is whole.
const MAX_FIRST_EVENT: usize = 256 * 1024;
/// Bytes without content after which an answer commits all the same, so that nobody has to hold an endless prelude.
const MAX_PRELUDE: u64 = 1024 * 1024;

#[derive(Debug)]
pub struct Sse {
    endpoint: Endpoint,
    bounds: Bounds,
    answer: Answer,
    /// The beginning of an event whose end has not come.
    held: Vec<u8>,
    /// In place of `held`: an event that was too long, let through as it comes.
    long: Option<Box<Long>>,
    /// So much of the last chunk was the rest of such.
    passed: usize,
    /// An upstream's own words have come with the last chunk.
    words: bool,
    /// What is left over at the end is nothing but usage that nobody asked for.
    pub strips_rest: bool,
    started: bool,
    /// Bytes that came before content.
    prelude: u64,
    /// It has committed without any content: so much has come, or some of an event that is too long to be held.
    waited: bool,
    pub strip: bool,
}

impl Sse {
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            bounds: Bounds::default(),
            answer: Answer::new(endpoint),
            held: Vec::new(),
            long: None,
            passed: 0,
            words: false,
            strips_rest: false,
            started: false,
            prelude: 0,
            waited: false,
            strip: false,
        }
    }

    pub fn push(&mut self, chunk: &[u8]) -> Seen {
        let mut seen = Seen::default();
        (self.words, self.passed) = (false, 0);
        let before = self.held.len();
        let mut rest = chunk;
        if before > 0 || self.long.is_some() {
            let Some(bound) = self.bounds.find(chunk) else {
                self.hold(chunk, &mut seen, chunk.len());
                return self.told(seen, chunk.len());
            };
            let (end, after) = chunk.split_at_checked(bound.end).unwrap_or((chunk, &[]));
            if self.long.as_mut().is_some_and(|long| long.grows_to_error(end)) {
                self.cut(&mut seen);
                return self.told(seen, chunk.len());
            }
            self.passed = if self.long.is_some() { end.len() } else { 0 };
            if self.end_event(end) {
                seen.strip.push(0..before + bound.end);
            }
            (rest, seen.upto) = (after, bound.end);
        }
        while let Some(bound) = self.bounds.find(rest) {
            let (event, after) = rest.split_at_checked(bound.end).unwrap_or((rest, &[]));
            let usage_only = match bound.one_line.and_then(|end| event.get(..end)) {
                Some(line) if self.started => self.line(line),
                _ => self.event(event),
            };
            if usage_only && self.strip {
                let at = before + seen.upto;
                seen.strip.push(at..at + bound.end);
            }
            (rest, seen.upto) = (after, seen.upto + bound.end);
        }
        if !rest.is_empty() {
            self.hold(rest, &mut seen, chunk.len());
        }
        self.told(seen, chunk.len())
    }

    fn told(&mut self, mut seen: Seen, bytes: usize) -> Seen {
        if !self.is_committed() {
            self.prelude = self.prelude.saturating_add(bytes as u64);
            self.waited = self.prelude > MAX_PRELUDE && self.answer.failure.is_none();
        }
        seen.content = self.is_committed();
        seen.terminal = self.answer.terminal;
        seen.foreign = self.answer.foreign.then_some(OTHER);
        self.words |= std::mem::take(&mut self.answer.words);
        if std::mem::take(&mut self.answer.fresh) {
            seen.failed = self.answer.failure.clone();
        }
        seen
    }

    const fn is_committed(&self) -> bool {
        self.answer.content || self.waited
    }

    /// Keeps the beginning of an event, or lets it through where it is too long.
    fn hold(&mut self, rest: &[u8], seen: &mut Seen, chunk: usize) {
        if self.long.is_none() {
            let len = self.held.len() + rest.len();
            let first = self.endpoint == Endpoint::Responses && !self.is_committed();
            let named = || is_named_error(if self.held.is_empty() { rest } else { &self.held });
            // What is beyond the first bound was looked at when it grew beyond it.
            let stays = || self.held.len() > MAX_EVENT || first || named();
            if len <= MAX_EVENT || len <= MAX_FIRST_EVENT && stays() {
                self.held.extend_from_slice(rest);
                return;
            }
            let mut long = Box::new(Long::new(self.endpoint, &std::mem::take(&mut self.held)));
            if long.grows_to_error(rest) {
                return self.cut(seen);
            }
            self.long = Some(long);
            self.waited = true;
        } else if let Some(long) = &mut self.long {
            if long.grows_to_error(rest) {
                return self.cut(seen);
            }
            self.passed = rest.len();
        }
        seen.upto = chunk;
    }

    /// An error that is too long to be masked ends the answer.
    fn cut(&mut self, seen: &mut Seen) {
        self.answer.fail_silently(b"");
        seen.cut = true;
    }

    /// The rest of an event that came in pieces.
    fn end_event(&mut self, end: &[u8]) -> bool {
        if let Some(long) = self.long.take() {
            let (name, data) = told(&long);
            long.judge(name, data, &mut self.answer);
            return false;
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(end);
        let usage_only = self.event(&held);
        held.clear();
        // The buffer serves the next split event, unless it has grown beyond what most need.
        if held.capacity() <= 8 * 1_024 {
            self.held = held;
        }
        usage_only && self.strip
    }

    /// An event of one line, which nearly all are.
    #[inline]
    fn line(&mut self, line: &[u8]) -> bool {
        match Line::read(line) {
            Line::Data(data) if !data.is_empty() => self.answer.event(b"", data),
            Line::Error(text) => {
                self.answer.fail_silently(text);
                false
            }
            Line::Event(b"error") => {
                self.answer.fail_silently(b"");
                false
            }
            Line::Other => {
                self.words |= tells_words(line);
                false
            }
            Line::Data(_) | Line::Event(_) => false,
        }
    }

    /// Any event, its lines still to be told apart.
    fn event(&mut self, event: &[u8]) -> bool {
        let event = if self.started { event } else { event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event) };
        self.started = true;
        let (mut name, mut data, mut joined): (&[u8], &[u8], Option<Vec<u8>>) = (b"", b"", None);
        for line in Lines(event) {
            match Line::read(line) {
                Line::Event(text) => name = text,
                Line::Data(text) if data.is_empty() => data = text,
                Line::Data(text) => {
                    let joined = joined.get_or_insert_with(|| data.to_vec());
                    joined.push(b'\n');
                    joined.extend_from_slice(text);
                }
                Line::Error(text) => self.answer.fail_silently(text),
                Line::Other => self.words |= tells_words(line),
            }
        }
        let data = joined.as_deref().unwrap_or(data);
        if data.is_empty() {
            if name == b"error" {
                self.answer.fail_silently(b"");
            }
            return false;
        }
        self.answer.event(name, data)
    }

    pub fn end(&mut self, framing_clean: bool) -> Result<(), Cut> {
        // The last event may lack its blank line, if the upstream meant to end there: a client drops such an event, so
        // after a broken connection it is none. Half an event is none in any case.
        let held = std::mem::take(&mut self.held);
        // What is left may be words, whole or not.
        self.words |= !held.is_empty();
        self.passed = 0;
        if framing_clean && complete(&held) {
            self.strips_rest = self.event(&held) && self.strip;
        } else if !held.is_empty() && !self.answer.terminal {
            return Err(if framing_clean { Cut::NoTerminal } else { Cut::Broken });
        }
        if self.long.is_some() && !self.answer.terminal {
            return Err(if framing_clean { Cut::NoTerminal } else { Cut::Broken });
        }
        self.answer.end(framing_clean)
    }

    pub fn usage(&self) -> Option<Usage> {
        self.answer.usage
    }

    pub fn estimate(&self) -> u64 {
        self.answer.tally.tokens()
    }

    pub fn words(&self) -> bool {
        self.words
    }

    pub fn passed(&self) -> usize {
        self.passed
    }

    pub fn mid_event(&self) -> bool {
        self.long.is_some()
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.held.capacity() + self.long.as_ref().map_or(0, |long| long.head.capacity() + long.tail.capacity())
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.answer.failure.as_deref()
    }
}

/// A comment, or a line that is no field of an event, may be anything that an upstream has to say.
fn tells_words(line: &[u8]) -> bool {
    !(line.is_empty() || line == b":" || line.starts_with(b"id:") || line.starts_with(b"retry:"))
}

/// Its name and the beginning of its data. The name may stand in front of the data or, at some servers, behind it. The
/// first line of the tail is cut.
fn told(long: &Long) -> (&[u8], &[u8]) {
    let (mut name, mut data): (&[u8], &[u8]) = (b"", b"");
    for line in Lines(&long.head).chain(Lines(&long.tail).skip(1)) {
        match Line::read(line) {
            Line::Event(text) => name = text,
            Line::Data(text) if data.is_empty() => data = text,
            Line::Data(_) | Line::Error(_) | Line::Other => {}
        }
    }
    (name, data)
}

/// Whether what is left over only lacks its blank line: `[DONE]`, data that is whole JSON, comments.
fn complete(held: &[u8]) -> bool {
    let (mut data, mut named) = (false, false);
    for line in Lines(held) {
        match Line::read(line) {
            Line::Data(text) if text.starts_with(b"[DONE]") => data = true,
            Line::Data(text) if serde_json::from_slice::<IgnoredAny>(text).is_ok() => data = true,
            Line::Data(_) => return false,
            Line::Error(_) => data = true,
            Line::Event(_) => named = true,
            Line::Other => named |= !line.is_empty() && line.first() != Some(&b':'),
        }
    }
    data || !named
}
