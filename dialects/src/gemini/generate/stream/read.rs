//! Reads a stream: each event is a whole answer of what is new.
//!
//! There is no last event. A reason to end may come early, with parts and counts still to follow (recorded of
//! `gemini-2.5-flash` with code execution, and of the 1.5 models with each event), so that the end of the stream alone
//! tells the end of the answer, and only where a reason was given.

use super::super::answer::{Body, Candidate};
use super::super::{content, grounding, words};
use crate::Usage;
use crate::conversation::{Delta, Event, Finish, Kind, Maybe, Opaque, Opened, Part, Str};
use crate::date;
use crate::translate::Context;
use crate::watch::Failure;

/// Reads one stream.
#[derive(Debug)]
pub struct Read {
    context: Context,
    started: bool,
    /// The part that further text is added to.
    open: Option<Open>,
    /// So many have been opened.
    parts: u32,
    calls: bool,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    part: u32,
    thought: bool,
    /// It has its signature: what follows is another part.
    signed: bool,
    /// Nothing but ASCII has come: bytes are characters.
    ascii: bool,
}

type Emit<'e> = dyn FnMut(Event<'_>) + 'e;

impl Read {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone(), started: false, open: None, parts: 0, calls: false, finish: None, usage: None }
    }

    pub fn event(&mut self, _name: &[u8], data: &[u8], emit: &mut Emit<'_>) -> Result<(), Box<Failure>> {
        if data.trim_ascii().is_empty() {
            return Ok(());
        }
        let body: Body<'_> = crate::json::from_bytes(data).map_err(|_| failure(data))?;
        if body.error.as_ref().is_some_and(|error| error.0) {
            return Err(Box::new(Failure::read(data)));
        }
        if !body.is_answer() && crate::gemini::chunk::look(data).failed {
            return Err(Box::new(Failure::read(data)));
        }
        let finish = body.finish();
        if !std::mem::replace(&mut self.started, true) {
            let created = body.created.and_then(Maybe::filled);
            emit(Event::Start {
                id: body.id.and_then(Maybe::filled),
                model: body.model.and_then(Maybe::filled),
                created: created.and_then(|time| date::rfc3339_ms(&time)).map(|ms| ms / 1000),
            });
        }
        if let Some(now) = body.usage.and_then(|counts| counts.usage()) {
            // Each is whole: what an earlier one counted may be gone where a built-in tool made it several answers.
            if self.usage.replace(now) != Some(now) {
                emit(Event::Usage(now));
            }
        }
        // Others were not asked for: one request gets one answer.
        if let Some(candidate) = body.candidates.into_iter().flatten().next() {
            self.candidate(candidate, emit).map_err(|_| failure(data))?;
        }
        self.finish = finish.or(self.finish);
        Ok(())
    }

    fn candidate(&mut self, candidate: Candidate<'_>, emit: &mut Emit<'_>) -> Result<(), serde_json::Error> {
        for raw in candidate.content.unwrap_or_default().parts.unwrap_or_default().0 {
            self.part(content::part(raw)?, emit);
        }
        for mut found in grounding::read(candidate.grounding, candidate.recited) {
            let Some(open) = self.open.filter(|open| !open.thought) else { break };
            if !open.ascii {
                (found.citation.start, found.citation.end) = (None, None);
            }
            emit(Event::Delta { part: open.part, delta: Delta::Citation(found.citation) });
        }
        Ok(())
    }

    fn part(&mut self, part: Part<'_>, emit: &mut Emit<'_>) {
        let Part { kind, cache, opaque, extra } = part;
        match kind {
            Kind::Text { text, .. } => self.text(text, false, opaque.map(|opaque| *opaque), emit),
            Kind::Thinking { text } => self.text(text, true, opaque.map(|opaque| *opaque), emit),
            Kind::Call(call) => {
                self.calls = true;
                let number = self.next(emit);
                let id = if call.id.is_empty() { self.context.id("call_", number).into() } else { call.id };
                let opaque = opaque.map(|opaque| *opaque);
                let opened = Opened::Call { id, name: call.name, free_form: false, opaque };
                emit(Event::Open { part: number, opened });
                let arguments = if call.arguments.is_empty() { Str::from("{}") } else { call.arguments };
                emit(Event::Delta { part: number, delta: Delta::Arguments(arguments) });
                emit(Event::Close { part: number });
            }
            kind @ (Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Result(_)
            | Kind::Refusal(_)
            | Kind::Native(_)) => {
                let number = self.next(emit);
                let whole = Box::new(Part { kind, cache, opaque, extra });
                emit(Event::Open { part: number, opened: Opened::Whole(whole) });
                emit(Event::Close { part: number });
            }
        }
    }

    fn text(&mut self, text: Str<'_>, thought: bool, opaque: Option<Opaque<'_>>, emit: &mut Emit<'_>) {
        let empty = text.is_empty();
        if empty && opaque.is_none() {
            return;
        }
        // A signature that comes with an empty text belongs to what was said before.
        let goes_on = |open: &Open| !open.signed && (empty || open.thought == thought);
        let mut open = match self.open.filter(goes_on) {
            Some(open) => open,
            None => {
                let part = self.next(emit);
                emit(Event::Open { part, opened: if thought { Opened::Thinking } else { Opened::Text } });
                Open { part, thought, signed: false, ascii: true }
            }
        };
        open.ascii &= text.is_ascii();
        open.signed |= opaque.is_some();
        self.open = Some(open);
        if !empty {
            emit(Event::Delta { part: open.part, delta: Delta::Text(text) });
        }
        if let Some(opaque) = opaque {
            emit(Event::Delta { part: open.part, delta: Delta::Opaque(opaque) });
        }
    }

    /// Closes what is open, and numbers what comes next.
    fn next(&mut self, emit: &mut Emit<'_>) -> u32 {
        if let Some(open) = self.open.take() {
            emit(Event::Close { part: open.part });
        }
        let number = self.parts;
        self.parts = self.parts.saturating_add(1);
        number
    }

    pub fn end(&mut self, emit: &mut Emit<'_>) {
        let Some(finish) = self.finish.take() else { return };
        if let Some(open) = self.open.take() {
            emit(Event::Close { part: open.part });
        }
        emit(Event::Finish { reason: words::settle(finish, self.calls), stop_sequence: None });
        emit(Event::Done);
    }
}

/// What cannot be read is an error of another shape, or nothing of this format.
fn failure(data: &[u8]) -> Box<Failure> {
    let told = Failure::read(data);
    let ours = || Failure::ours("an event of the provider's answer cannot be read");
    Box::new(if told.status.is_some() { told } else { ours() })
}
