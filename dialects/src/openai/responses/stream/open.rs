//! Items of a stream that are still open.

use serde_json::value::RawValue;

use super::super::content::{self, RawPart};
use super::super::item::{BETWEEN, Item, Sort, filled};
use super::tail::Sent;
use crate::conversation::{Delta, Event, Kind, Maybe, Opened, Str};
use crate::translate::Context;

/// What all open items share.
#[derive(Debug)]
pub struct Parts {
    pub context: Context,
    /// The number of the next part.
    pub next: u32,
    pub calls: bool,
    pub refused: bool,
}

type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

impl Parts {
    fn open(&mut self, opened: Opened<'_>, emit: Emit<'_>) -> u32 {
        let part = self.next;
        self.next = part.saturating_add(1);
        self.refused |= matches!(opened, Opened::Refusal);
        self.calls |= matches!(opened, Opened::Call { .. });
        emit(Event::Open { part, opened });
        part
    }

    /// Something that comes at once.
    pub fn whole(&mut self, part: crate::conversation::Part<'_>, emit: Emit<'_>) {
        let part = self.open(Opened::Whole(Box::new(part)), emit);
        emit(Event::Close { part });
    }
}

fn text(part: u32, text: &str, emit: Emit<'_>) {
    if !text.is_empty() {
        emit(Event::Delta { part, delta: Delta::Text(text.into()) });
    }
}

/// An open item.
#[derive(Debug)]
pub struct Open {
    /// Its place in the output, where the upstream counts.
    pub index: Option<u64>,
    /// Of its first event: some upstreams (Copilot) give it another one in each. None beyond [`MAX_ID`].
    pub id: String,
    pub state: State,
}

#[derive(Debug)]
pub enum State {
    Message(Vec<Text>),
    Thought(Thought),
    Call {
        part: u32,
        free_form: bool,
        sent: Sent,
    },
    /// Comes whole when it is done.
    Native,
}

/// A part of a message's content.
#[derive(Debug)]
pub struct Text {
    index: u64,
    part: u32,
    /// It is a refusal, in which nothing is cited.
    refusal: bool,
    sent: Sent,
    cited: usize,
    open: bool,
}

/// A thought: all its texts are one part, which opens with the first of them.
#[derive(Debug, Default)]
pub struct Thought {
    part: Option<u32>,
    /// Of the text that came last: whether it is the thought's own (else its summary's), and its number.
    last: Option<(bool, u64)>,
    sent: Sent,
}

/// The longest id that is kept, in bytes.
const MAX_ID: usize = 4 * 1024;
/// The most parts of one message's content.
const MAX_CONTENTS: usize = 1_024;

impl Open {
    /// Begins an item.
    pub fn new(index: Option<u64>, item: Item<'_>, parts: &mut Parts, emit: Emit<'_>) -> Self {
        let id = filled(item.id.clone()).filter(|id| id.len() <= MAX_ID).map(|id| id.to_string()).unwrap_or_default();
        let state = match item.sort() {
            Sort::Message => State::Message(Vec::new()),
            Sort::Reasoning => State::Thought(Thought::default()),
            sort @ (Sort::Call | Sort::FreeFormCall) => {
                let free_form = sort == Sort::FreeFormCall;
                let part = item.call(free_form);
                let part = match part.kind {
                    Kind::Call(call) => {
                        let number = parts.next;
                        let id = if call.id.is_empty() { parts.context.id("call_", number).into() } else { call.id };
                        let opaque = part.opaque.map(|opaque| *opaque);
                        parts.open(Opened::Call { id, name: call.name, free_form, opaque }, emit)
                    }
                    Kind::Text { .. }
                    | Kind::Image(_)
                    | Kind::Document(_)
                    | Kind::Audio(_)
                    | Kind::Video(_)
                    | Kind::Result(_)
                    | Kind::Thinking { .. }
                    | Kind::Refusal(_)
                    | Kind::Native(_) => parts.next,
                };
                State::Call { part, free_form, sent: Sent::default() }
            }
            Sort::Result | Sort::FreeFormResult | Sort::Native => State::Native,
        };
        Self { index, id, state }
    }

    /// A piece of a text or of a refusal, or the whole of it.
    pub fn text(&mut self, index: Option<u64>, refusal: bool, said: Said<'_>, parts: &mut Parts, emit: Emit<'_>) {
        let State::Message(texts) = &mut self.state else { return };
        let Some(slot) = slot(texts, index, refusal, parts, emit) else { return };
        match said {
            Said::Piece(piece) => {
                slot.sent.piece(piece);
                text(slot.part, piece, emit);
            }
            Said::Whole(whole) => {
                if let Some(rest) = slot.sent.rest(whole) {
                    text(slot.part, rest, emit);
                }
            }
        }
    }

    /// A part of a message's content begins (`done`: ends), told by its JSON.
    pub fn content(&mut self, index: Option<u64>, json: &RawValue, done: bool, parts: &mut Parts, emit: Emit<'_>) {
        let State::Message(texts) = &mut self.state else { return };
        let Ok(raw) = serde_json::from_str::<RawPart<'_>>(json.get()) else { return };
        let refusal = match filled(raw.kind).as_deref() {
            Some("output_text" | "text") => false,
            Some("refusal") => true,
            Some(_) | None => return,
        };
        let Some(slot) = slot(texts, index, refusal, parts, emit) else { return };
        if done {
            let whole = if refusal { raw.refusal } else { raw.text }.and_then(|text| text.0);
            slot.finish(whole.as_deref(), raw.annotations, emit);
        }
    }

    pub fn citation(&mut self, index: Option<u64>, json: &RawValue, parts: &mut Parts, emit: Emit<'_>) {
        let State::Message(texts) = &mut self.state else { return };
        let Some(slot) = slot(texts, index, false, parts, emit) else { return };
        if slot.refusal {
            return;
        }
        slot.cited = slot.cited.saturating_add(1);
        emit(Event::Delta { part: slot.part, delta: Delta::Citation(content::citation(json)) });
    }

    /// A piece of a thought, or the whole of one of its texts.
    pub fn think(&mut self, which: (bool, u64), said: Said<'_>, parts: &mut Parts, emit: Emit<'_>) {
        let State::Thought(thought) = &mut self.state else { return };
        thought.think(which, said, parts, emit);
    }

    /// A piece of a call's arguments or input, or the whole.
    pub fn arguments(&mut self, said: Said<'_>, emit: Emit<'_>) {
        let State::Call { part, sent, .. } = &mut self.state else { return };
        let piece = match said {
            Said::Piece(piece) => {
                sent.piece(piece);
                piece
            }
            Said::Whole(whole) => sent.rest(whole).unwrap_or_default(),
        };
        if !piece.is_empty() {
            emit(Event::Delta { part: *part, delta: Delta::Arguments(piece.into()) });
        }
    }

    /// The item is done: what has not come yet comes now, and all that is open is closed.
    pub fn finish(mut self, json: Option<&RawValue>, parts: &mut Parts, emit: Emit<'_>) {
        let item = json.and_then(Item::read);
        match &mut self.state {
            State::Message(_) => {
                let contents = item.and_then(|item| item.content).and_then(content::list).unwrap_or_default();
                for (index, json) in contents.into_iter().enumerate() {
                    self.content(Some(index as u64), json, true, parts, emit);
                }
                let State::Message(texts) = &mut self.state else { return };
                texts.iter_mut().for_each(|slot| slot.finish(None, None, emit));
            }
            State::Thought(thought) => thought.finish(item, parts, emit),
            State::Call { part, free_form, sent } => {
                let raw = item.and_then(|item| if *free_form { item.input } else { item.arguments });
                let whole = raw.map(Str::json_text).unwrap_or_default();
                if let Some(rest) = sent.rest(&whole) {
                    emit(Event::Delta { part: *part, delta: Delta::Arguments(rest.into()) });
                }
                emit(Event::Close { part: *part });
            }
            State::Native => {
                if let Some(json) = json {
                    parts.whole(super::super::item::native(json), emit);
                }
            }
        }
    }
}

/// A text of a stream: a piece of it, or all of it when it is done.
#[derive(Debug, Clone, Copy)]
pub enum Said<'s> {
    Piece(&'s str),
    Whole(&'s str),
}

/// The part of a content under a number, opened where it is new; the last one where there is no number.
fn slot<'t>(
    texts: &'t mut Vec<Text>,
    index: Option<u64>,
    refusal: bool,
    parts: &mut Parts,
    emit: Emit<'_>,
) -> Option<&'t mut Text> {
    let at = match index {
        Some(index) => texts.iter().rposition(|text| text.index == index),
        None => texts.len().checked_sub(1),
    };
    let at = match at {
        Some(at) => at,
        None if texts.len() >= MAX_CONTENTS => return None,
        None => {
            let part = parts.open(if refusal { Opened::Refusal } else { Opened::Text }, emit);
            let index = index.unwrap_or(0);
            texts.push(Text { index, part, refusal, sent: Sent::default(), cited: 0, open: true });
            texts.len().saturating_sub(1)
        }
    };
    texts.get_mut(at).filter(|text| text.open)
}

impl Text {
    fn finish(&mut self, whole: Option<&str>, annotations: Option<&RawValue>, emit: Emit<'_>) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        if let Some(rest) = whole.and_then(|whole| self.sent.rest(whole)) {
            text(self.part, rest, emit);
        }
        let citations = annotations.filter(|_| !self.refusal).map(content::citations).unwrap_or_default();
        for citation in citations.into_iter().skip(self.cited) {
            emit(Event::Delta { part: self.part, delta: Delta::Citation(citation) });
        }
        emit(Event::Close { part: self.part });
    }
}

impl Thought {
    fn think(&mut self, which: (bool, u64), said: Said<'_>, parts: &mut Parts, emit: Emit<'_>) {
        let new = self.last != Some(which);
        let piece = match said {
            Said::Piece(piece) => piece,
            Said::Whole(whole) if new => whole,
            Said::Whole(whole) => self.sent.rest(whole).unwrap_or_default(),
        };
        if piece.is_empty() {
            return;
        }
        let begun = self.part.is_some();
        let part = *self.part.get_or_insert_with(|| parts.open(Opened::Thinking, emit));
        if new {
            if begun {
                text(part, BETWEEN, emit);
            }
            self.last = Some(which);
            self.sent = Sent::default();
        }
        // The rest of a whole is counted already.
        if new || matches!(said, Said::Piece(_)) {
            self.sent.piece(piece);
        }
        text(part, piece, emit);
    }

    fn finish(&mut self, item: Option<Item<'_>>, parts: &mut Parts, emit: Emit<'_>) {
        let thought = item.and_then(Item::thought);
        let whole = match thought.as_ref().map(|part| &part.kind) {
            Some(Kind::Thinking { text }) if self.part.is_none() => &**text,
            _ => "",
        };
        let opaque = thought.as_ref().and_then(|part| part.opaque.as_deref().cloned());
        if self.part.is_none() && whole.is_empty() && opaque.is_none() {
            return;
        }
        let part = *self.part.get_or_insert_with(|| parts.open(Opened::Thinking, emit));
        text(part, whole, emit);
        if let Some(opaque) = opaque {
            emit(Event::Delta { part, delta: Delta::Opaque(opaque) });
        }
        emit(Event::Close { part });
    }
}

/// What of a member is a text.
pub fn said<'s>(text: Option<&'s Maybe<'_>>) -> Option<&'s str> {
    text.and_then(|text| text.0.as_deref())
}
