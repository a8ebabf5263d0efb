//! Observes an answer as it passes through, byte for byte: has content come, has it failed, is it whole, what did it
//! cost.
//!
//! The relay pushes each chunk as it arrives and forwards what [`Seen::upto`] lets through, so that a client always
//! has whole events and an error event can follow at any time. Nothing is changed and hardly anything is copied: an
//! event that came in one chunk is looked at where it lies, only the pieces of a split one are kept, and never more
//! than a bound; what is longer passes through and is only scanned. After content has come, an event costs a few
//! substring searches and no parse.
//!
//! Always holds: the same bytes give the same answers however they were cut into chunks (but for events beyond the
//! bound, which may commit earlier), and no input panics.

use std::borrow::Cow;
use std::ops::Range;

use crate::fault::{Fault, is_pause};
use crate::{Endpoint, Usage, date, quota};

mod array;
pub(crate) mod balance;
pub(crate) mod bounds;
mod elements;
mod events;
pub(crate) mod flat;
pub(crate) mod foreign;
pub(crate) mod frame;
mod hide;
mod kind;
pub(crate) mod lines;
pub(crate) mod long;
pub(crate) mod needle;
pub(crate) mod progress;
mod spot;
mod sse;
pub(crate) mod tally;
mod top;
mod whole;

use array::Array;
pub use foreign::OTHER;
use kind::{Kind, Label};
use sse::Sse;
pub(crate) use tally::tokens;
use whole::Whole;

/// What a chunk brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Bytes of this chunk up to and including the last event boundary. Forward what was held and `chunk[..upto]`, hold
    /// the rest. For everything but SSE and arrays that stream always the whole chunk.
    pub upto: usize,
    /// By now content has come, or something that commits to this answer. Until then another one may take its place.
    /// A JSON answer commits when it looks complete, or is longer than 16 KiB.
    pub content: bool,
    /// This chunk told that the answer has failed.
    pub failed: Option<Box<Failure>>,
    /// By now the last event has come: the answer is whole, whatever becomes of the connection.
    pub terminal: bool,
    /// The events of nothing but usage in their order, as ranges of the bytes held so far followed by this chunk; only
    /// after [`Watch::strip_usage`], and always within what `upto` lets through.
    pub strip: Vec<Range<usize>>,
    /// This is no answer of the endpoint that was asked, and what it is instead. Nothing of it is to be forwarded.
    pub foreign: Option<&'static str>,
    /// The failure is told by an event beyond the bound, which nobody could mask: nothing from `upto` on is to be
    /// forwarded, and nothing of what comes.
    pub cut: bool,
}

/// An error that came inside an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub fault: Fault,
    /// The status that the error names for itself, or that its kind stands for.
    pub status: Option<u16>,
    /// Its code, for a client whose SDK knows it: one word.
    pub code: Option<Box<str>>,
    /// When it says to come back, where it is about that.
    pub wait: quota::Told,
    /// In the upstream's own words: for nobody's eyes before [`Failure::veiled`].
    pub message: String,
}

/// Why an ended answer is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The connection broke before the last event, or before the promised length.
    Broken,
    /// It ended cleanly, but the last event (or the closing brace) never came.
    NoTerminal,
    /// It ended in an error event that the client has got and whose meaning its SDK knows: nothing more to be said.
    Told,
    /// It was no answer of the endpoint that was asked; what it was instead.
    Foreign(&'static str),
}

/// The observer of one answer.
#[derive(Debug)]
pub struct Watch {
    mode: Mode,
    endpoint: Endpoint,
    label: Label,
    /// The first letters of what may be events or bare text.
    begun: Vec<u8>,
    strip: bool,
    asked: Asked,
}

/// How the client wants its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    /// As it comes.
    #[default]
    Any,
    /// As one document.
    Whole,
    Events,
}

#[derive(Debug)]
enum Mode {
    Sse(Box<Sse>),
    Array(Box<Array>),
    Json(Whole),
    /// Not to be understood: binary, or encoded.
    Opaque {
        bytes: u64,
    },
    /// Nothing but white space has come, this many bytes.
    Blank {
        bytes: usize,
    },
    /// Not what was asked for.
    Foreign(&'static str),
}

impl Watch {
    /// For an answer of this content type (empty where there is none). `encoded`: it has a content encoding other than
    /// identity.
    pub fn new(endpoint: Endpoint, content_type: &str, encoded: bool) -> Self {
        let label = Label::of(content_type);
        let mode = match encoded {
            false => Mode::Blank { bytes: 0 },
            // What it holds is not seen, and transcripts alone are ever labelled so.
            true if label == Label::Page && !kind::may_be_empty(endpoint, label) => Mode::Foreign(foreign::PAGE),
            true => Mode::Opaque { bytes: 0 },
        };
        Self { mode, endpoint, label, begun: Vec::new(), strip: false, asked: Asked::Any }
    }

    /// From now on [`Seen::strip`] names events that hold nothing but usage: the client did not ask for them.
    pub fn strip_usage(&mut self) {
        self.strip = true;
    }

    /// To be called first where it is known how the client wants its conversation: in another way it cannot read it.
    pub fn asked(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// Takes the next chunk.
    pub fn push(&mut self, chunk: &[u8]) -> Seen {
        if let Mode::Sse(sse) = &mut self.mode {
            return sse.push(chunk);
        }
        let Mode::Blank { bytes } = &self.mode else { return self.look(chunk) };
        if !self.begun.is_empty() {
            return self.go_on(chunk);
        }
        let beginning = chunk.trim_ascii_start();
        let blank = chunk.len() - beginning.len();
        if !beginning.is_empty() && kind::is_open(self.endpoint, self.label, beginning) {
            self.begun.extend_from_slice(beginning);
            return Seen { upto: blank, ..Seen::default() };
        }
        let bytes = bytes.saturating_add(blank);
        if beginning.is_empty() && bytes <= whole::HOLD {
            self.mode = Mode::Blank { bytes };
            return Seen { upto: chunk.len(), ..Seen::default() };
        }
        let document = |bytes: usize| Mode::Json(Whole::new(self.endpoint, bytes as u64));
        self.mode = match kind::of(self.endpoint, self.label, beginning) {
            // It is held no longer.
            _ if beginning.is_empty() && self.label == Label::Events => self.sse(),
            _ if beginning.is_empty() => document(bytes),
            Kind::Document => document(bytes),
            Kind::Array if self.asked != Asked::Any => Mode::Foreign(foreign::JSON),
            Kind::Events if self.asked == Asked::Whole && self.is_conversation() => Mode::Foreign(foreign::EVENTS),
            Kind::Array => Mode::Array(Box::new(Array::new(self.endpoint))),
            Kind::Events => self.sse(),
            Kind::Bytes => Mode::Opaque { bytes: 0 },
            Kind::Foreign(what) => Mode::Foreign(what),
        };
        let mut seen = self.look(beginning);
        seen.upto += blank;
        for strip in &mut seen.strip {
            *strip = strip.start + blank..strip.end + blank;
        }
        seen
    }

    /// Looks at the first letters again, with what has come behind them.
    #[cold]
    fn go_on(&mut self, chunk: &[u8]) -> Seen {
        let mut begun = std::mem::take(&mut self.begun);
        let before = begun.len();
        begun.extend_from_slice(chunk);
        let mut seen = self.push(&begun);
        seen.upto = seen.upto.saturating_sub(before);
        seen
    }

    fn look(&mut self, chunk: &[u8]) -> Seen {
        match &mut self.mode {
            Mode::Sse(sse) => sse.push(chunk),
            Mode::Array(array) => array.push(chunk),
            Mode::Json(whole) => whole.push(chunk),
            Mode::Opaque { bytes } => {
                *bytes = bytes.saturating_add(chunk.len() as u64);
                Seen { upto: chunk.len(), content: *bytes > 0, ..Seen::default() }
            }
            Mode::Foreign(what) => Seen { foreign: Some(what), ..Seen::default() },
            Mode::Blank { .. } => Seen::default(),
        }
    }

    /// The answer has ended. `framing_clean`: as HTTP has it, all of it came (the length was reached, the last chunk
    /// was seen, or there was neither and the connection was closed in order). After an `Ok` what is still held belongs
    /// to the answer and is to be forwarded; after an `Err` it is to be dropped.
    pub fn end(&mut self, framing_clean: bool) -> Result<(), Cut> {
        match &mut self.mode {
            Mode::Sse(sse) => sse.end(framing_clean),
            Mode::Array(array) => array.end(framing_clean),
            Mode::Json(whole) => whole.end(framing_clean),
            Mode::Opaque { .. } if framing_clean => Ok(()),
            Mode::Opaque { .. } => Err(Cut::Broken),
            Mode::Foreign(what) => Err(Cut::Foreign(what)),
            Mode::Blank { .. } if !framing_clean => Err(Cut::Broken),
            Mode::Blank { .. } if !self.begun.is_empty() || kind::may_be_empty(self.endpoint, self.label) => Ok(()),
            Mode::Blank { .. } => Err(Cut::Foreign(foreign::EMPTY)),
        }
    }

    /// After [`Watch::end`]: what is still held is an event of nothing but usage, and is not to be forwarded.
    pub fn strips_rest(&self) -> bool {
        matches!(&self.mode, Mode::Sse(sse) if sse.strips_rest)
    }

    /// The tokens that the answer reported, by now.
    pub fn usage(&self) -> Option<Usage> {
        match &self.mode {
            Mode::Sse(sse) => sse.usage(),
            Mode::Array(array) => array.usage(),
            Mode::Json(whole) => whole.usage(),
            Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => None,
        }
    }

    /// A guess at the tokens of a request of so many bytes and of what has come by now; marked as one.
    pub fn estimate(&self, request_bytes: u64) -> Usage {
        let output = match &self.mode {
            Mode::Sse(sse) => sse.estimate(),
            Mode::Array(array) => array.estimate(),
            Mode::Json(whole) => whole.estimate(),
            Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => 0,
        };
        Usage { input: tally::tokens(request_bytes), output, estimated: true, ..Usage::default() }
    }

    /// An unfinished event has been let through (it was beyond the bound): an event of one's own must begin with a
    /// blank line, and an element can have no place.
    pub fn mid_event(&self) -> bool {
        match &self.mode {
            Mode::Sse(sse) => sse.mid_event(),
            Mode::Array(array) => array.mid_element(),
            Mode::Json(_) | Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => false,
        }
    }

    /// Whether the last chunk held what an upstream says in its own words: an error by now, a comment, a reason for its
    /// end. Then what goes out is to be looked through ([`Watch::hide_in_words`]).
    pub fn has_words(&self) -> bool {
        match &self.mode {
            Mode::Sse(sse) => sse.words() || sse.failure().is_some(),
            Mode::Array(array) => array.words() || array.failure().is_some(),
            Mode::Json(whole) => whole.words || whole.failure().is_some(),
            Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => false,
        }
    }

    /// The answer is a stream of events: an error event may follow it, keep-alive comments may be put between.
    pub fn is_sse(&self) -> bool {
        matches!(self.mode, Mode::Sse(_))
    }

    /// The content type that the answer should have had, where it has a wrong one.
    pub fn relabel(&self) -> Option<&'static str> {
        match self.mode {
            Mode::Sse(_) if self.label != Label::Events => Some("text/event-stream"),
            Mode::Json(_) | Mode::Array(_) if self.label != Label::Json => Some("application/json"),
            _ => None,
        }
    }

    /// The answer is a stream of the elements of one JSON array: an error may follow as the last of them.
    pub fn is_array(&self) -> bool {
        matches!(self.mode, Mode::Array(_))
    }

    /// The array's last bracket has come.
    pub fn closed(&self) -> bool {
        matches!(&self.mode, Mode::Array(array) if array.closed())
    }

    /// The failure that was seen, if any.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.mode {
            Mode::Sse(sse) => sse.failure(),
            Mode::Array(array) => array.failure(),
            Mode::Json(whole) => whole.failure(),
            Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => None,
        }
    }

    /// One whose request tells whether it is to be streamed.
    fn is_conversation(&self) -> bool {
        self.endpoint == Endpoint::Completions || self.endpoint.wire().is_some()
    }

    fn sse(&self) -> Mode {
        let mut sse = Sse::new(self.endpoint);
        sse.strip = self.strip;
        Mode::Sse(Box::new(sse))
    }
}

impl Failure {
    /// Bytes of a message that are shown.
    const MAX_MESSAGE: usize = 500;
    /// Bytes that are kept until it is: what hides secrets makes it shorter.
    const MAX_KEPT: usize = 4096;

    /// Something that we say of an upstream ourselves.
    pub(crate) fn ours(message: &str) -> Self {
        Self {
            fault: Fault::Upstream,
            status: None,
            code: None,
            wait: quota::Told::default(),
            message: message.to_owned(),
        }
    }

    /// Reads an error out of an event or a body.
    pub(crate) fn read(json: &[u8]) -> Self {
        let told = crate::fault::Told::read(json);
        let fault = crate::fault::judge_told(&told);
        let text = if told.message.is_empty() {
            told.code().unwrap_or("the upstream reported an error")
        } else {
            &told.message
        };
        let code = told.code().filter(|code| is_word(code)).map(Box::from);
        let status = told.any_status();
        let wait =
            if is_pause(status, fault) { quota::told(json, date::now_unix_ms()) } else { quota::Told::default() };
        Self { fault, status, code, wait, message: kept(text) }
    }

    /// What of it may be shown to a client and in a log: without these secrets, and without what looks like one.
    #[must_use]
    pub fn veiled(&self, secrets: &[&str]) -> Self {
        let message = crate::mask::hide(self.message.as_bytes(), secrets);
        let is_free = |code: &str| matches!(crate::mask::hide(code.as_bytes(), secrets), Cow::Borrowed(_));
        Self {
            code: self.code.clone().filter(|code| is_free(code)),
            message: shown(&String::from_utf8_lossy(&message)),
            ..self.clone()
        }
    }
}

/// A code as vendors write them, and nothing that could be more than that.
fn is_word(code: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    code.len() <= 64
        && code.bytes().all(letters)
        && code.bytes().any(|byte| byte.is_ascii_lowercase())
        && matches!(crate::mask::mask_str(code), Cow::Borrowed(_))
}

/// A message of an upstream as it may be shown, once what is known to be secret is out of it: masked and shortened.
pub(crate) fn shown(text: &str) -> String {
    cut(&crate::mask::mask_str(text), Failure::MAX_MESSAGE).to_owned()
}

/// As much of it as is kept until it is shown.
pub(crate) fn kept(text: &str) -> String {
    cut(text, Failure::MAX_KEPT).to_owned()
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
