//! Reads a stream of events.
//!
//! The type of an event stands in its data and in its name; the data's counts. Usage comes in two pieces: what was read
//! with `message_start`, what was written with `message_delta`, whose counts are the whole ones so far.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::block::{citation, part};
use super::super::words;
use crate::conversation::{Delta, Event, Finish, Kind, Maybe, Opaque, Opened, Str};
use crate::json::Scalar;
use crate::json::object::object;
use crate::loss::Losses;
use crate::translate::Context;
use crate::watch::Failure;
use crate::watch::frame::Frame;
use crate::{Usage, Wire};

object! {
    struct Data<'a> {
        kind: Maybe<'a> = "type",
        index: Scalar = "index",
        message: Message<'a> = "message",
        block: &'a RawValue = "content_block",
        delta: RawDelta<'a> = "delta",
        usage: &'a RawValue = "usage",
    }
}

object! {
    struct Message<'a> {
        id: Maybe<'a> = "id",
        model: Maybe<'a> = "model",
        usage: &'a RawValue = "usage",
    }
}

object! {
    struct RawDelta<'a> {
        kind: Maybe<'a> = "type",
        text: Str<'a> = "text" | "thinking",
        json: Str<'a> = "partial_json",
        signature: Str<'a> = "signature",
        citation: &'a RawValue = "citation",
        stop_reason: Maybe<'a> = "stop_reason",
        stop_sequence: Maybe<'a> = "stop_sequence",
    }
}

/// More blocks in one answer are no answer.
const MAX_BLOCKS: usize = 4_096;

/// The part that a block has become, and which pieces it takes: those of another kind are none of it.
#[derive(Debug, Clone, Copy)]
struct Block {
    part: u32,
    kind: Pieces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pieces {
    Text,
    Thought,
    Arguments,
    /// It came whole.
    None,
}

/// Reads one stream.
#[derive(Debug)]
pub struct Read {
    started: bool,
    done: bool,
    /// The blocks by their index: the part each has become, while it is open. None for what no other format knows.
    blocks: Vec<Option<Block>>,
    next: u32,
    usage: Option<Usage>,
    finish: Option<Finish>,
    stop_sequence: Option<String>,
    /// Nearly all events differ from the one before in their text alone, and are known without a parse.
    frame: Frame,
    /// The part whose pieces those are, while it is open.
    framed: Option<u32>,
}

impl Read {
    pub fn new(_context: &Context) -> Self {
        Self {
            started: false,
            done: false,
            blocks: Vec::new(),
            next: 0,
            usage: None,
            finish: None,
            stop_sequence: None,
            frame: Frame::default(),
            framed: None,
        }
    }

    pub fn event(&mut self, name: &[u8], data: &[u8], emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Box<Failure>> {
        // Compatible servers of the OpenAI family end with it all the same.
        if name == b"error" {
            return Err(Box::new(Failure::read(data)));
        }
        if data.starts_with(b"[DONE]") {
            return Ok(());
        }
        if let Some(part) = self.framed
            && let Some(Ok(text)) = self.frame.text(data).map(std::str::from_utf8)
            && !text.is_empty()
            && !text.bytes().any(|byte| byte < 0x20)
        {
            emit(Event::Delta { part, delta: Delta::Text(text.into()) });
            return Ok(());
        }
        let unreadable = |_| Box::new(Failure::ours("a piece of the provider's answer cannot be read"));
        let event: Data<'_> = crate::json::from_bytes(data).map_err(unreadable)?;
        let at = event.index.and_then(Scalar::number).and_then(|index| usize::try_from(index).ok());
        match event.kind.and_then(Maybe::filled).as_deref() {
            Some("message_start") => self.start(event.message.unwrap_or_default(), emit),
            Some("content_block_start") => {
                self.begin(emit);
                if let (Some(at), Some(block)) = (at, event.block) {
                    self.open(at, block, emit)?;
                }
            }
            Some("content_block_delta") => {
                if let (Some(block), Some(delta)) = (self.block(at), event.delta) {
                    if delta.is_text() && matches!(block.kind, Pieces::Text | Pieces::Thought) {
                        // What is known is known of this part alone.
                        if self.framed.replace(block.part) != Some(block.part) {
                            self.frame = Frame::default();
                        }
                        self.frame.learn(data);
                    }
                    add(block, delta, emit);
                }
            }
            Some("content_block_stop") => {
                if let Some(Block { part, .. }) = at.and_then(|at| self.blocks.get_mut(at)).and_then(Option::take) {
                    self.framed = self.framed.filter(|framed| *framed != part);
                    emit(Event::Close { part });
                }
            }
            Some("message_delta") => {
                if let Some(delta) = event.delta {
                    let reason = delta.stop_reason.and_then(Maybe::filled);
                    self.finish = reason.map(|reason| words::finish(&reason)).or(self.finish);
                    let sequence = delta.stop_sequence.and_then(Maybe::filled);
                    self.stop_sequence = sequence.map(|text| text.to_string()).or(self.stop_sequence.take());
                }
                self.count(event.usage, emit);
            }
            Some("message_stop") if !self.started => {
                return Err(Box::new(Failure::ours("the provider's answer holds nothing")));
            }
            Some("message_stop") => self.finish(emit),
            Some("error") => return Err(Box::new(Failure::read(data))),
            // An error of another shape.
            Some(_) | None if crate::openai::chunk::look(data).failed => return Err(Box::new(Failure::read(data))),
            // `ping`, and what is newer than this.
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The stream has ended in order, without `message_stop`: a stop reason will do.
    pub fn end(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        if self.finish.is_some() {
            self.finish(emit);
        }
    }

    fn begin(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.started, true) {
            emit(Event::Start { id: None, model: None, created: None });
        }
    }

    fn start(&mut self, message: Message<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        emit(Event::Start {
            id: message.id.and_then(Maybe::filled),
            model: message.model.and_then(Maybe::filled),
            created: None,
        });
        self.count(message.usage, emit);
    }

    fn count(&mut self, usage: Option<&RawValue>, emit: &mut dyn FnMut(Event<'_>)) {
        if let Some(usage) = usage.and_then(|usage| crate::usage::read(usage.get())) {
            let usage = self.usage.map_or(usage, |before| before.and_later(usage));
            self.usage = Some(usage);
            self.begin(emit);
            emit(Event::Usage(usage));
        }
    }

    fn block(&self, at: Option<usize>) -> Option<Block> {
        self.blocks.get(at?).copied().flatten()
    }

    fn open(&mut self, at: usize, json: &RawValue, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Box<Failure>> {
        if at >= MAX_BLOCKS {
            return Err(Box::new(Failure::ours("the provider's answer has too many parts")));
        }
        let Some(block) = part(json, &mut Losses::default()) else {
            return Err(Box::new(Failure::ours("a part of the provider's answer cannot be read")));
        };
        let part = self.next;
        let redacted = block.opaque.as_ref().is_some_and(|opaque| opaque.redacted);
        let (opened, first) = match block.kind {
            Kind::Text { text, .. } => (Opened::Text, vec![Delta::Text(text)]),
            Kind::Thinking { text } => {
                let state = block.opaque.map(|opaque| Delta::Opaque(*opaque));
                (Opened::Thinking, [Delta::Text(text)].into_iter().chain(state).collect())
            }
            Kind::Call(call) => {
                // It comes in pieces, after an empty object; some servers give the whole of it at once.
                let whole = if call.arguments.trim() == "{}" { Str::default() } else { call.arguments };
                let opened = Opened::Call {
                    id: call.id,
                    name: call.name,
                    free_form: false,
                    opaque: block.opaque.map(|opaque| *opaque),
                };
                (opened, vec![Delta::Arguments(whole)])
            }
            kind @ (Kind::Image(_) | Kind::Document(_) | Kind::Audio(_) | Kind::Video(_)) => {
                (Opened::Whole(Box::new(kind.into())), Vec::new())
            }
            // Calls of built-in tools and their results, with all that is added to them.
            Kind::Result(_) | Kind::Refusal(_) | Kind::Native(_) => return Ok(()),
        };
        self.next += 1;
        let kind = match &opened {
            // It is all there is of a thought.
            _ if redacted => Pieces::None,
            Opened::Text | Opened::Refusal => Pieces::Text,
            Opened::Thinking => Pieces::Thought,
            Opened::Call { .. } => Pieces::Arguments,
            Opened::Whole(_) => Pieces::None,
        };
        if self.blocks.len() <= at {
            self.blocks.resize(at + 1, None);
        }
        let before = self.blocks.get_mut(at).and_then(|slot| slot.replace(Block { part, kind }));
        if let Some(before) = before {
            self.framed = None;
            emit(Event::Close { part: before.part });
        }
        emit(Event::Open { part, opened });
        for delta in first {
            match &delta {
                Delta::Text(text) | Delta::Arguments(text) if text.is_empty() => {}
                Delta::Text(_) | Delta::Arguments(_) | Delta::Opaque(_) | Delta::Citation(_) | Delta::Native(_) => {
                    emit(Event::Delta { part, delta })
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        self.begin(emit);
        for Block { part, .. } in self.blocks.iter_mut().filter_map(Option::take) {
            emit(Event::Close { part });
        }
        let reason = self.finish.unwrap_or(Finish::Stop);
        emit(Event::Finish { reason, stop_sequence: self.stop_sequence.take().map(Str::from) });
        emit(Event::Done);
    }
}

impl RawDelta<'_> {
    /// Nothing but a piece of text without escapes.
    fn is_text(&self) -> bool {
        matches!(&self.text, Some(Str(Cow::Borrowed(text))) if !text.is_empty())
            && self.json.is_none()
            && self.signature.is_none()
            && self.citation.is_none()
    }
}

fn add(Block { part, kind }: Block, delta: RawDelta<'_>, emit: &mut dyn FnMut(Event<'_>)) {
    let text = delta.text.filter(|text| !text.is_empty() && matches!(kind, Pieces::Text | Pieces::Thought));
    if let Some(text) = text {
        emit(Event::Delta { part, delta: Delta::Text(text) });
    }
    if let Some(json) = delta.json.filter(|json| !json.is_empty() && kind == Pieces::Arguments) {
        emit(Event::Delta { part, delta: Delta::Arguments(json) });
    }
    let signature = delta.signature.filter(|_| kind != Pieces::None);
    if let Some(opaque) = signature.and_then(|text| Opaque::unpack(Wire::Messages, false, text)) {
        emit(Event::Delta { part, delta: Delta::Opaque(opaque) });
    }
    if let Some(citation) = delta.citation.filter(|_| kind == Pieces::Text).and_then(citation) {
        emit(Event::Delta { part, delta: Delta::Citation(citation) });
    }
}
