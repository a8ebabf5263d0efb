//! Reads a stream: messages of an AWS event stream, each with a type and a JSON payload.
//!
//! Only blocks of calls say that they begin; all others begin with their first piece. The counts follow the end of the
//! message, so the answer ends with them.

use serde_json::value::RawValue;

use super::super::answer::settle;
use super::super::block::{self, ToolUse};
use super::super::words::{self, Counts};
use crate::Wire;
use crate::conversation::{Delta, Event, Finish, Kind, Maybe, Media, Opaque, Opened, Source, Str};
use crate::fault::judge;
use crate::json::Scalar;
use crate::json::object::object;
use crate::translate::Context;
use crate::watch::{Failure, kept};

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Read {
    request_id: String,
    started: bool,
    /// Blocks that have begun and not ended.
    open: Vec<Open>,
    parts: u32,
    calls: bool,
    finish: Option<Finish>,
    done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    /// As the upstream counts.
    index: u64,
    part: u32,
    kind: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Text,
    Thought,
    Call,
    /// A tool of the provider's own, which nobody else knows.
    Ignored,
}

/// So many blocks at once are no answer.
const MAX_OPEN: usize = 1_024;

object! {
    struct Payload<'a> {
        index: Scalar = "contentBlockIndex",
        start: Start<'a> = "start",
        delta: Piece<'a> = "delta",
        stop: Maybe<'a> = "stopReason",
        usage: Counts<'a> = "usage",
    }
}

object! { struct Start<'a> { call: ToolUse<'a> = "toolUse", said: &'a RawValue = "text" | "reasoningContent", ..extra: bool, } }

object! {
    struct Piece<'a> {
        text: Str<'a> = "text",
        call: Input<'a> = "toolUse",
        reasoning: Thought<'a> = "reasoningContent",
        citation: &'a RawValue = "citation",
        image: Image<'a> = "image",
    }
}
object! { struct Input<'a> { input: Str<'a> = "input", } }
object! {
    struct Thought<'a> {
        text: Str<'a> = "text",
        signature: Str<'a> = "signature",
        redacted: Str<'a> = "redactedContent",
    }
}
object! { struct Image<'a> { format: Str<'a> = "format", source: Bytes<'a> = "source", } }
object! { struct Bytes<'a> { bytes: Str<'a> = "bytes", } }

type Emit<'e> = dyn FnMut(Event<'_>) + 'e;

impl Read {
    pub fn new(context: &Context) -> Self {
        Self { request_id: context.request_id.clone(), ..Self::default() }
    }

    pub fn event(&mut self, name: &[u8], data: &[u8], emit: &mut Emit<'_>) -> Result<(), Box<Failure>> {
        if let Some(failure) = exception(name, data) {
            return Err(Box::new(failure));
        }
        let known = [
            b"messageStart".as_slice(),
            b"contentBlockStart",
            b"contentBlockDelta",
            b"contentBlockStop",
            b"messageStop",
            b"metadata",
        ];
        if self.done || !known.contains(&name) {
            return Ok(());
        }
        let broken = || Box::new(Failure::ours("an event of the provider's answer cannot be read"));
        let payload: Payload<'_> = crate::json::from_bytes(data).map_err(|_| broken())?;
        if !std::mem::replace(&mut self.started, true) {
            emit(Event::Start { id: None, model: None, created: None });
        }
        let index = payload.index.and_then(Scalar::number).unwrap_or(0);
        match name {
            b"contentBlockStart" => self.start(index, payload.start.unwrap_or_default(), emit),
            b"contentBlockDelta" => self.delta(index, payload.delta.unwrap_or_default(), emit),
            b"contentBlockStop" => self.close(index, emit),
            b"messageStop" => {
                self.close_all(emit);
                let reason = payload.stop.and_then(Maybe::filled);
                let finish = settle(reason.as_deref().map_or(Finish::Stop, words::finish), self.calls);
                if self.finish.replace(finish).is_none() {
                    emit(Event::Finish { reason: finish, stop_sequence: None });
                }
            }
            b"metadata" => {
                if let Some(usage) = payload.usage.and_then(|counts| counts.usage()) {
                    emit(Event::Usage(usage));
                }
                self.end(emit);
            }
            _ => {}
        }
        if self.open.len() > MAX_OPEN { Err(broken()) } else { Ok(()) }
    }

    fn start(&mut self, index: u64, start: Start<'_>, emit: &mut Emit<'_>) {
        self.close(index, emit);
        if self.finish.is_some() {
            return;
        }
        // A block that says nothing of itself is what its pieces are: emulators begin texts so.
        if start.call.is_none() && !start.extra {
            return;
        }
        let Some(call) = start.call.filter(|call| !call.of_provider()) else {
            self.open.push(Open { index, part: 0, kind: Content::Ignored });
            return;
        };
        self.calls = true;
        let part = self.next(index, Content::Call);
        let (id, opaque) = Opaque::off_id(call.id.unwrap_or_default());
        let id = if id.is_empty() { format!("call_{}_{part}", self.request_id).into() } else { id };
        let opened = Opened::Call { id, name: call.name.unwrap_or_default(), free_form: false, opaque };
        emit(Event::Open { part, opened });
    }

    fn delta(&mut self, index: u64, piece: Piece<'_>, emit: &mut Emit<'_>) {
        if self.finish.is_some() {
            return;
        }
        if let Some(text) = piece.text {
            if let Some(part) = self.opened(index, Content::Text, emit) {
                emit(Event::Delta { part, delta: Delta::Text(text) });
            }
        } else if let Some(input) = piece.call.and_then(|call| call.input) {
            let open = self.open.iter().find(|open| open.index == index && open.kind == Content::Call);
            if let Some(open) = open {
                emit(Event::Delta { part: open.part, delta: Delta::Arguments(input) });
            }
        } else if let Some(thought) = piece.reasoning {
            self.think(index, thought, emit);
        } else if let Some(citation) = piece.citation.and_then(block::citation) {
            if let Some(part) = self.opened(index, Content::Text, emit) {
                emit(Event::Delta { part, delta: Delta::Citation(citation) });
            }
        } else if let Some(Image { format, source: Some(Bytes { bytes: Some(data), .. }), .. }) = piece.image {
            let media_type = super::super::formats::Medium::Image.media_type(format.as_deref().unwrap_or("png"));
            let media: Box<Media<'_>> = Source::Base64 { media_type: Str(media_type), data }.into();
            self.close(index, emit);
            let part = self.parts;
            self.parts = self.parts.saturating_add(1);
            emit(Event::Open { part, opened: Opened::Whole(Box::new(Kind::Image(media).into())) });
            emit(Event::Close { part });
        }
    }

    fn think(&mut self, index: u64, thought: Thought<'_>, emit: &mut Emit<'_>) {
        let signature = thought.signature.and_then(|text| Opaque::unpack(Wire::Converse, false, text));
        let text = thought.text.filter(|text| !text.is_empty());
        if (text.is_some() || signature.is_some())
            && let Some(part) = self.opened(index, Content::Thought, emit)
        {
            if let Some(text) = text {
                emit(Event::Delta { part, delta: Delta::Text(text) });
            }
            if let Some(state) = signature {
                emit(Event::Delta { part, delta: Delta::Opaque(state) });
            }
        }
        let Some(state) = thought.redacted.and_then(|data| Opaque::unpack(Wire::Converse, true, data)) else { return };
        // A redacted thought stands alone.
        if !self.open.iter().any(|open| open.index == index && open.kind == Content::Ignored) {
            self.close(index, emit);
            if let Some(part) = self.opened(index, Content::Thought, emit) {
                emit(Event::Delta { part, delta: Delta::Opaque(state) });
                self.close(index, emit);
            }
        }
    }

    /// The part of a block that is of this kind, begun if need be; None where it is of a tool of the provider's.
    fn opened(&mut self, index: u64, kind: Content, emit: &mut Emit<'_>) -> Option<u32> {
        match self.open.iter().find(|open| open.index == index) {
            Some(open) if open.kind == Content::Ignored => return None,
            Some(open) if open.kind == kind => return Some(open.part),
            Some(_) => self.close(index, emit),
            None => {}
        }
        let part = self.next(index, kind);
        let opened = if kind == Content::Thought { Opened::Thinking } else { Opened::Text };
        emit(Event::Open { part, opened });
        Some(part)
    }

    fn next(&mut self, index: u64, kind: Content) -> u32 {
        let part = self.parts;
        self.parts = self.parts.saturating_add(1);
        self.open.push(Open { index, part, kind });
        part
    }

    fn close(&mut self, index: u64, emit: &mut Emit<'_>) {
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            let open = self.open.remove(at);
            if open.kind != Content::Ignored {
                emit(Event::Close { part: open.part });
            }
        }
    }

    fn close_all(&mut self, emit: &mut Emit<'_>) {
        while let Some(open) = self.open.first() {
            self.close(open.index, emit);
        }
    }

    /// The counts may be missing where the message has ended.
    pub fn end(&mut self, emit: &mut Emit<'_>) {
        if self.finish.is_some() && !std::mem::replace(&mut self.done, true) {
            emit(Event::Done);
        }
    }
}

/// The error that an event tells, by its type. Source: the ConverseStreamOutput page of the API reference.
fn exception(name: &[u8], data: &[u8]) -> Option<Failure> {
    let status = match name {
        b"throttlingException" => 429,
        b"validationException" => 400,
        b"internalServerException" => 500,
        b"serviceUnavailableException" => 503,
        b"modelStreamErrorException" => 424,
        b"modelTimeoutException" => 408,
        _ if name.ends_with(b"Exception") || name == b"error" => 500,
        _ => return None,
    };
    object! { struct Told<'a> { message: Maybe<'a> = "message" | "Message", } }
    let told: Told<'_> = crate::json::from_bytes(data).unwrap_or_default();
    let message = told.message.and_then(Maybe::filled);
    // A stream that breaks off within the model is nobody's fault but the model's.
    let judged = if status == 424 { 500 } else { status };
    Some(Failure {
        fault: judge(judged, data),
        status: Some(judged),
        code: None,
        wait: crate::quota::Told::default(),
        message: kept(message.as_deref().unwrap_or("the upstream reported an error")),
    })
}
