//! Reads a stream of chunks.
//!
//! The finish reason is kept until the end is sure: vendors repeat it, give it before the last piece, or in one chunk
//! with content. Usage comes in a chunk of its own, with the last choice, in `x_groq`, or in every chunk.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::answer::{Image, content_part};
use super::super::detail::Detail;
use super::super::request::{Annotation, Content, RawCall};
use super::super::words;
use super::calls::{Calls, Piece};
use crate::Usage;
use crate::conversation::{Delta, Event, Finish, Kind, Maybe, Opened, Part, Str};
use crate::json::object::object;
use crate::json::{Filled, Scalar};
use crate::loss::Losses;
use crate::translate::Context;
use crate::watch::Failure;
use crate::watch::frame::Frame;
use crate::watch::tally::padding;

object! {
    struct Chunk<'a> {
        id: Maybe<'a> = "id",
        model: Maybe<'a> = "model",
        created: Scalar = "created",
        choices: Vec<Choice<'a>> = "choices",
        usage: &'a RawValue = "usage",
        groq: Groq<'a> = "x_groq",
        error: Filled = "error",
    }
}

object! { struct Groq<'a> { usage: &'a RawValue = "usage", error: Filled = "error", } }

object! {
    struct Choice<'a> {
        index: Scalar = "index",
        delta: RawDelta<'a> = "delta",
        /// Perplexity repeats the whole answer so far; others answer with it in place of a delta.
        message: RawDelta<'a> = "message",
        finish: Maybe<'a> = "finish_reason",
        stop: Maybe<'a> = "stop_reason",
        error: Filled = "error",
    }
}

object! {
    struct RawDelta<'a> {
        role: Maybe<'a> = "role",
        content: Content<'a> = "content",
        refusal: Maybe<'a> = "refusal",
        reasoning: Maybe<'a> = "reasoning_content" | "reasoning",
        reasoning_details: Vec<Detail<'a>> = "reasoning_details",
        tool_calls: Vec<RawCall<'a>> = "tool_calls",
        function_call: super::super::request::Function<'a> = "function_call",
        annotations: Vec<Annotation<'a>> = "annotations",
        images: Vec<Image<'a>> = "images",
        audio: Audio<'a> = "audio",
    }
}

impl RawDelta<'_> {
    /// Whether it has a part of an answer.
    fn says(&self) -> bool {
        let told =
            |text: &Option<Maybe<'_>>| text.as_ref().and_then(|text| text.0.as_ref()).is_some_and(|t| !t.is_empty());
        let content = match &self.content {
            Some(Content::Text(text)) => !text.is_empty(),
            Some(Content::Parts(parts)) => !parts.is_empty(),
            None => false,
        };
        let calls = self.function_call.is_some() || self.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty());
        content || calls || told(&self.refusal) || told(&self.reasoning)
    }
}

object! { struct Audio<'a> { transcript: Maybe<'a> = "transcript", data: &'a RawValue = "data", } }

/// The part that text goes to, until something else begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text(u32),
    Thinking(u32),
    Refusal(u32),
}

impl Open {
    const fn part(self) -> u32 {
        match self {
            Self::Text(part) | Self::Thinking(part) | Self::Refusal(part) => part,
        }
    }
}

/// Reads one stream.
#[derive(Debug)]
pub struct Read {
    started: bool,
    done: bool,
    next: u32,
    open: Option<Open>,
    calls: Calls,
    finish: Option<Finish>,
    refused: bool,
    stop_sequence: Option<String>,
    usage: Option<Usage>,
    /// Nearly all events differ from the one before in their text alone, and are known without a parse.
    frame: Frame,
}

impl Read {
    pub fn new(context: &Context) -> Self {
        Self {
            started: false,
            done: false,
            next: 0,
            open: None,
            calls: Calls::new(context),
            finish: None,
            refused: false,
            stop_sequence: None,
            usage: None,
            frame: Frame::default(),
        }
    }

    pub fn event(&mut self, name: &[u8], data: &[u8], emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Box<Failure>> {
        if data.starts_with(b"[DONE]") {
            // No choice has come. What was counted is no answer.
            if !self.started {
                return Err(Box::new(Failure::ours("the provider's answer holds nothing")));
            }
            // Without a finish reason: some servers end so, and the protocol's own end has the last word.
            self.finish = self.finish.or(Some(Finish::Stop));
            self.finish(emit);
            return Ok(());
        }
        if name == b"error" {
            return Err(Box::new(Failure::read(data)));
        }
        let unpadded = data.get(..data.len() - padding(data)).unwrap_or(data);
        if let Some(Open::Text(part)) = self.open
            && let Some(Ok(text)) = self.frame.text(unpadded).map(std::str::from_utf8)
            && is_plain(text)
        {
            emit(Event::Delta { part, delta: Delta::Text(text.into()) });
            return Ok(());
        }
        let unreadable = |_| Box::new(Failure::ours("a piece of the provider's answer cannot be read"));
        let chunk: Chunk<'_> = crate::json::from_bytes(data).map_err(unreadable)?;
        let within = chunk.groq.as_ref().and_then(|groq| groq.error).is_some_and(|error| error.0);
        if within || chunk.error.is_some_and(|error| error.0) {
            return Err(Box::new(Failure::read(data)));
        }
        // An error of another shape.
        if chunk.choices.as_ref().is_none_or(Vec::is_empty) && crate::openai::chunk::look(data).failed {
            return Err(Box::new(Failure::read(data)));
        }
        let choices = chunk.choices.unwrap_or_default();
        if chunk.usage.is_none() && chunk.groq.is_none() && choices.len() == 1 && choices.iter().all(Choice::is_text) {
            self.frame.learn(unpadded);
        }
        if !self.started && !choices.is_empty() {
            self.started = true;
            emit(Event::Start {
                id: chunk.id.and_then(Maybe::filled),
                model: chunk.model.and_then(Maybe::filled),
                created: chunk.created.and_then(Scalar::number).filter(|created| *created > 0),
            });
        }
        for choice in choices {
            // Only one answer was asked for.
            if choice.index.and_then(Scalar::number).unwrap_or(0) == 0 {
                self.choice(choice, data, emit)?;
            }
        }
        let usage = chunk.usage.or(chunk.groq.and_then(|groq| groq.usage));
        if let Some(usage) = usage.and_then(|usage| crate::usage::read(usage.get())) {
            self.usage = Some(usage);
            if self.started {
                emit(Event::Usage(usage));
            }
        }
        Ok(())
    }

    /// The stream has ended in order. Servers that send no `[DONE]` have at least given a reason.
    pub fn end(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        if self.finish.is_some() {
            self.finish(emit);
        }
    }

    fn finish(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        if !self.started {
            emit(Event::Start { id: None, model: None, created: None });
            if let Some(usage) = self.usage {
                emit(Event::Usage(usage));
            }
        }
        self.close(emit);
        self.calls.close(&mut self.next, emit);
        let stop_sequence = self.stop_sequence.take();
        let reason = words::settle(
            self.finish.unwrap_or(Finish::Stop),
            !self.calls.is_empty(),
            self.refused,
            stop_sequence.is_some(),
        );
        emit(Event::Finish { reason, stop_sequence: stop_sequence.map(Str::from) });
        emit(Event::Done);
    }

    fn choice(&mut self, choice: Choice<'_>, data: &[u8], emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Box<Failure>> {
        if choice.error.is_some_and(|error| error.0) {
            return Err(Box::new(Failure::read(data)));
        }
        let reason = choice.finish.and_then(Maybe::filled);
        // Perplexity writes an empty delta beside an answer that comes at once.
        let says = choice.delta.as_ref().map(RawDelta::says);
        let at_once = self.next == 0 && (says.is_none() || says == Some(false) && reason.is_some());
        if let Some(delta) = choice.message.filter(|_| at_once).or(choice.delta) {
            self.delta(delta, emit)?;
        }
        if let Some(reason) = reason {
            // OpenRouter: the upstream behind it broke.
            if &*reason == "error" {
                return Err(Box::new(Failure::read(data)));
            }
            self.finish = words::finish(&reason).or(self.finish);
        }
        if let Some(stop) = choice.stop.and_then(Maybe::filled) {
            self.stop_sequence = Some(stop.into_owned().0.into_owned());
        }
        Ok(())
    }

    fn delta(&mut self, delta: RawDelta<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Box<Failure>> {
        self.think(delta.reasoning.and_then(Maybe::filled), delta.reasoning_details.unwrap_or_default(), emit);
        match delta.content {
            Some(Content::Text(text)) => self.text(text, emit),
            Some(Content::Parts(parts)) => {
                for json in parts {
                    self.part(content_part(json), emit);
                }
            }
            None => {}
        }
        if let Some(text) = delta.audio.and_then(|audio| audio.transcript).and_then(Maybe::filled) {
            self.text(text, emit);
        }
        if let Some(text) = delta.refusal.and_then(Maybe::filled) {
            self.refused = true;
            let part = match self.open {
                Some(Open::Refusal(part)) => part,
                Some(Open::Text(_) | Open::Thinking(_)) | None => self.begin(Open::Refusal, Opened::Refusal, emit),
            };
            emit(Event::Delta { part, delta: Delta::Text(text) });
        }
        for citation in delta.annotations.into_iter().flatten().filter_map(Annotation::citation) {
            if let Some(Open::Text(part)) = self.open {
                emit(Event::Delta { part, delta: Delta::Citation(citation) });
            }
        }
        for part in delta.images.into_iter().flatten().filter_map(Image::part) {
            self.part(part, emit);
        }
        let calls = delta.tool_calls.into_iter().flatten();
        for call in calls.chain(delta.function_call.and_then(RawCall::old)) {
            self.close(emit);
            self.calls.piece(piece(call), &mut self.next, emit)?;
        }
        Ok(())
    }

    fn think(&mut self, text: Option<Str<'_>>, details: Vec<Detail<'_>>, emit: &mut dyn FnMut(Event<'_>)) {
        let told = text.is_some();
        if let Some(text) = text {
            let part = self.thinking(emit);
            emit(Event::Delta { part, delta: Delta::Text(text) });
        }
        for mut detail in details {
            let opaque = detail.opaque();
            if let Some(text) = detail.text.filter(|text| !told && !text.is_empty()) {
                let part = self.thinking(emit);
                emit(Event::Delta { part, delta: Delta::Text(text) });
            }
            if let Some(opaque) = opaque {
                // A redacted thought stands alone; a signature ends its thought.
                if opaque.redacted {
                    self.close(emit);
                }
                let part = self.thinking(emit);
                emit(Event::Delta { part, delta: Delta::Opaque(opaque) });
                self.close(emit);
            }
        }
    }

    fn thinking(&mut self, emit: &mut dyn FnMut(Event<'_>)) -> u32 {
        match self.open {
            Some(Open::Thinking(part)) => part,
            Some(Open::Text(_) | Open::Refusal(_)) | None => self.begin(Open::Thinking, Opened::Thinking, emit),
        }
    }

    fn text(&mut self, text: Str<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        if text.is_empty() {
            return;
        }
        let part = match self.open {
            Some(Open::Text(part)) => part,
            Some(Open::Thinking(_) | Open::Refusal(_)) | None => self.begin(Open::Text, Opened::Text, emit),
        };
        emit(Event::Delta { part, delta: Delta::Text(text) });
    }

    /// A part that comes as one piece.
    fn part(&mut self, part: Part<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        match part.kind {
            Kind::Text { text, .. } => self.text(text, emit),
            Kind::Thinking { text } => self.think(Some(text).filter(|text| !text.is_empty()), Vec::new(), emit),
            Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Result(_)
            | Kind::Refusal(_)
            | Kind::Native(_) => {
                self.close(emit);
                let number = self.number();
                emit(Event::Open { part: number, opened: Opened::Whole(Box::new(part)) });
                emit(Event::Close { part: number });
            }
        }
    }

    fn begin(&mut self, open: fn(u32) -> Open, opened: Opened<'_>, emit: &mut dyn FnMut(Event<'_>)) -> u32 {
        self.close(emit);
        let part = self.number();
        self.open = Some(open(part));
        emit(Event::Open { part, opened });
        part
    }

    fn close(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        if let Some(open) = self.open.take() {
            emit(Event::Close { part: open.part() });
        }
    }

    fn number(&mut self) -> u32 {
        let part = self.next;
        self.next += 1;
        part
    }
}

/// Text that stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte < 0x20)
}

impl Choice<'_> {
    /// Nothing but a piece of text without escapes.
    fn is_text(&self) -> bool {
        let nothing = |text: &Option<Maybe<'_>>| text.as_ref().is_none_or(|text| text.0.is_none());
        let Some(delta) = self.delta.as_ref().filter(|_| self.message.is_none()) else { return false };
        matches!(&delta.content, Some(Content::Text(Str(Cow::Borrowed(text)))) if !text.is_empty())
            && nothing(&self.finish)
            && nothing(&self.stop)
            && nothing(&delta.refusal)
            && nothing(&delta.reasoning)
            && delta.reasoning_details.is_none()
            && delta.tool_calls.is_none()
            && delta.function_call.is_none()
            && delta.annotations.is_none()
            && delta.images.is_none()
            && delta.audio.is_none()
            && matches!(self.index, None | Some(Scalar::Number(0)))
    }
}

fn piece(call: RawCall<'_>) -> Piece<'_> {
    let index = call.index.and_then(|index| index.get().parse().ok());
    // Extra members of a piece are vendors' notes; what they want back is taken out of them.
    let part = call.part(&mut Losses::default());
    let Kind::Call(call) = part.kind else {
        return Piece {
            index,
            id: Str::default(),
            name: Str::default(),
            arguments: Str::default(),
            free_form: false,
            opaque: None,
        };
    };
    Piece {
        index,
        id: call.id,
        name: call.name,
        arguments: call.arguments,
        free_form: call.free_form,
        opaque: part.opaque.map(|opaque| *opaque),
    }
}
