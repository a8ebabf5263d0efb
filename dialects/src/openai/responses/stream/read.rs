//! Reads a stream.
//!
//! Source: the streaming section of OpenAI's API reference. Upstreams differ: some name no event beside the data
//! (OpenRouter), give an item another id in each of its events (Copilot), have no deltas, or nothing but the last
//! event. So items are found by their place in the output, an event's type is taken from its data, and whatever comes
//! whole at the end is compared with what has come before.

use serde_json::value::RawValue;

use super::super::answer::Response;
use super::super::item::{Item, filled};
use super::super::response;
use super::open::{Open, Parts, Said, said};
use crate::conversation::{Event, Maybe};
use crate::json::object::object;
use crate::json::{Filled, Scalar, Weight};
use crate::translate::Context;
use crate::watch::Failure;

/// The most items that are open at once.
const MAX_OPEN: usize = 256;
/// The most items of one answer: a part of it is known by a number of 32 bits.
const MAX_ITEMS: u64 = 1 << 20;

object! {
    struct Data<'a> {
        kind: Maybe<'a> = "type",
        output_index: Scalar = "output_index",
        content_index: Scalar = "content_index",
        summary_index: Scalar = "summary_index",
        item_id: Maybe<'a> = "item_id",
        delta: Maybe<'a> = "delta",
        text: Maybe<'a> = "text",
        refusal: Maybe<'a> = "refusal",
        arguments: Maybe<'a> = "arguments",
        input: Maybe<'a> = "input",
        item: &'a RawValue = "item",
        part: &'a RawValue = "part",
        annotation: &'a RawValue = "annotation",
        response: &'a RawValue = "response",
        error: Filled = "error",
        /// In nearly every event, and of no use here.
        sequence: Scalar = "sequence_number",
        logprobs: Weight = "logprobs",
        obfuscation: Weight = "obfuscation",
    }
}

/// Reads one stream.
#[derive(Debug)]
pub struct Read {
    parts: Parts,
    started: bool,
    done: bool,
    open: Vec<Open>,
    /// Items of the output up to here have been seen.
    seen: u64,
}

type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

impl Read {
    pub fn new(context: &Context) -> Self {
        let parts = Parts { context: context.clone(), next: 0, calls: false, refused: false };
        Self { parts, started: false, done: false, open: Vec::new(), seen: 0 }
    }

    pub fn event(&mut self, name: &[u8], data: &[u8], emit: Emit<'_>) -> Result<(), Box<Failure>> {
        if self.done || data.trim_ascii().is_empty() || data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let Ok(read) = crate::json::from_bytes::<Data<'_>>(data) else {
            let failure = if name == b"error" { Failure::read(data) } else { Failure::ours(NOT_JSON) };
            return Err(Box::new(failure));
        };
        let kind = said(read.kind.as_ref()).or(std::str::from_utf8(name).ok()).unwrap_or_default();
        let index = read.output_index.and_then(Scalar::number);
        let content = read.content_index.and_then(Scalar::number);
        let piece = said(read.delta.as_ref()).map(Said::Piece);
        match kind {
            "error" | "response.error" | "response.failed" => return Err(Box::new(Failure::read(data))),
            "response.created" | "response.in_progress" | "response.queued" => self.start(read.response, emit),
            "response.completed" | "response.incomplete" | "response.done" => return self.end_with(&read, data, emit),
            "response.output_item.added" => {
                if let Some(item) = read.item.and_then(Item::read) {
                    self.start(None, emit);
                    self.add(index, item, emit)?;
                }
            }
            "response.output_item.done" => {
                self.start(None, emit);
                let found = self.find(index, read.item.and_then(Item::read).and_then(|item| item.id).as_ref(), false);
                match (found, read.item) {
                    (Some(at), json) => self.open.remove(at).finish(json, &mut self.parts, emit),
                    (None, Some(json)) => self.whole(index, json, emit),
                    (None, None) => {}
                }
            }
            "response.content_part.added" | "response.content_part.done" => {
                if let (Some(open), Some(json)) = (self.at(index, &read, emit), read.part) {
                    open.0.content(content, json, kind.ends_with("done"), open.1, emit);
                }
            }
            "response.output_text.delta" | "response.output_text.done" => {
                if let (Some(open), Some(said)) = (self.at(index, &read, emit), piece.or(whole(read.text.as_ref()))) {
                    open.0.text(content, false, said, open.1, emit);
                }
            }
            "response.refusal.delta" | "response.refusal.done" => {
                if let (Some(open), Some(said)) = (self.at(index, &read, emit), piece.or(whole(read.refusal.as_ref())))
                {
                    open.0.text(content, true, said, open.1, emit);
                }
            }
            "response.output_text.annotation.added" => {
                if let (Some(open), Some(json)) = (self.at(index, &read, emit), read.annotation) {
                    open.0.citation(content, json, open.1, emit);
                }
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_summary_text.done" => {
                let number = read.summary_index.and_then(Scalar::number).unwrap_or(0);
                if let (Some(open), Some(said)) = (self.at(index, &read, emit), piece.or(whole(read.text.as_ref()))) {
                    open.0.think((false, number), said, open.1, emit);
                }
            }
            "response.reasoning_text.delta" | "response.reasoning_text.done" => {
                let number = content.unwrap_or(0);
                if let (Some(open), Some(said)) = (self.at(index, &read, emit), piece.or(whole(read.text.as_ref()))) {
                    open.0.think((true, number), said, open.1, emit);
                }
            }
            "response.function_call_arguments.delta" | "response.function_call_arguments.done" => {
                let said = piece.or(whole(read.arguments.as_ref()));
                if let (Some(open), Some(said)) = (self.at(index, &read, emit), said) {
                    open.0.arguments(said, emit);
                }
            }
            "response.custom_tool_call_input.delta" | "response.custom_tool_call_input.done" => {
                if let (Some(open), Some(said)) = (self.at(index, &read, emit), piece.or(whole(read.input.as_ref()))) {
                    open.0.arguments(said, emit);
                }
            }
            // An error without a type, as some vendors end.
            _ if read.error.is_some_and(|error| error.0) => return Err(Box::new(Failure::read(data))),
            // Or one of another shape.
            _ if !kind.starts_with("response.") && crate::openai::chunk::look(data).failed => {
                return Err(Box::new(Failure::read(data)));
            }
            // Progress of built-in tools, whose items come whole, and whatever else there will be.
            _ => {}
        }
        Ok(())
    }

    pub fn end(&mut self, _emit: Emit<'_>) {
        // Only the last event says that an answer is whole.
    }

    fn start(&mut self, json: Option<&RawValue>, emit: Emit<'_>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let response = json.and_then(|json| serde_json::from_str::<Response<'_>>(json.get()).ok()).unwrap_or_default();
        emit(Event::Start {
            id: filled(response.id),
            model: filled(response.model),
            created: response.created.and_then(Scalar::number),
        });
    }

    /// The open item that an event is about; a message or a thought that was not announced begins now.
    fn at(&mut self, index: Option<u64>, read: &Data<'_>, emit: Emit<'_>) -> Option<(&mut Open, &mut Parts)> {
        self.start(None, emit);
        if let Some(at) = self.find(index, read.item_id.as_ref(), true) {
            return Some((self.open.get_mut(at)?, &mut self.parts));
        }
        if self.open.len() >= MAX_OPEN || index.is_some_and(|index| index < self.seen) {
            return None;
        }
        let kind = said(read.kind.as_ref()).unwrap_or_default();
        let made = if kind.starts_with("response.reasoning") { "reasoning" } else { "message" };
        if kind.contains("call") {
            return None;
        }
        let item = Item { kind: Some(Maybe(Some(made.into()))), id: read.item_id.clone(), ..Item::default() };
        self.note(index);
        self.open.push(Open::new(index, item, &mut self.parts, emit));
        Some((self.open.last_mut()?, &mut self.parts))
    }

    /// Where an open item is: by its place, else by its id, else (`last`) it is the last one.
    fn find(&self, index: Option<u64>, id: Option<&Maybe<'_>>, last: bool) -> Option<usize> {
        if let Some(index) = index {
            return self.open.iter().rposition(|open| open.index == Some(index));
        }
        let id = said(id).filter(|id| !id.is_empty());
        match id.and_then(|id| self.open.iter().rposition(|open| open.id == id)) {
            Some(at) => Some(at),
            None if last || id.is_none() => self.open.len().checked_sub(1),
            None => None,
        }
    }

    fn note(&mut self, index: Option<u64>) {
        self.seen = self.seen.max(index.map_or(self.seen.saturating_add(1), |index| index.saturating_add(1)));
    }

    fn add(&mut self, index: Option<u64>, item: Item<'_>, emit: Emit<'_>) -> Result<(), Box<Failure>> {
        if self.open.len() >= MAX_OPEN || u64::from(self.parts.next) >= MAX_ITEMS {
            return Err(Box::new(Failure::ours("the provider's answer has too many items")));
        }
        self.note(index);
        let open = Open::new(index, item, &mut self.parts, emit);
        self.open.push(open);
        Ok(())
    }

    /// An item that comes at once.
    fn whole(&mut self, index: Option<u64>, json: &RawValue, emit: Emit<'_>) {
        let Some(item) = Item::read(json) else { return };
        // Said before.
        if index.is_some_and(|index| index < self.seen) {
            return;
        }
        self.note(index);
        Open::new(index, item, &mut self.parts, emit).finish(Some(json), &mut self.parts, emit);
    }

    /// The last event: what has not come yet comes out of it.
    fn end_with(&mut self, read: &Data<'_>, data: &[u8], emit: Emit<'_>) -> Result<(), Box<Failure>> {
        let Some(json) = read.response else { return Err(Box::new(Failure::ours(NO_RESPONSE))) };
        let Ok(response) = serde_json::from_str::<Response<'_>>(json.get()) else {
            return Err(Box::new(Failure::ours(NO_RESPONSE)));
        };
        let status = filled(response.status);
        if response.error.is_some_and(|error| error.0) || matches!(status.as_deref(), Some("failed" | "cancelled")) {
            return Err(Box::new(Failure::read(data)));
        }
        self.start(Some(json), emit);
        let output = response.output.unwrap_or_default();
        for open in std::mem::take(&mut self.open) {
            let place = open.index.and_then(|index| usize::try_from(index).ok());
            let json = place.and_then(|place| output.0.get(place)).copied();
            open.finish(json, &mut self.parts, emit);
        }
        let seen = usize::try_from(self.seen).unwrap_or(usize::MAX);
        for json in output.0.into_iter().skip(seen) {
            self.whole(None, json, emit);
        }
        if let Some(usage) = response.usage.and_then(|usage| crate::usage::read(usage.get())) {
            emit(Event::Usage(usage));
        }
        // The event names it where the response does not.
        let told = match said(read.kind.as_ref()) {
            Some("response.incomplete") => Some("incomplete"),
            _ => status.as_deref(),
        };
        let reason = response.incomplete.and_then(|details| filled(details.reason));
        let reason = response::finish(told, reason.as_deref(), self.parts.calls, self.parts.refused);
        emit(Event::Finish { reason, stop_sequence: None });
        emit(Event::Done);
        self.done = true;
        Ok(())
    }
}

const NOT_JSON: &str = "an event of the provider's answer is not valid JSON";
const NO_RESPONSE: &str = "the last event of the provider's answer holds no response";

fn whole<'s>(text: Option<&'s Maybe<'_>>) -> Option<Said<'s>> {
    said(text).map(Said::Whole)
}
