//! What the writer of a stream holds of the answer until its last event.

use super::super::response::Status;
use super::super::write_item::{self, Called, annotation};
use super::write::{Spot, say};
use crate::conversation::{Citation, Delta, Opaque};
use crate::json::put::{List, Object, grow, inside};
use crate::openai::chat::answer::free_form_text;
use crate::output::{LONG, Longs, Output};

/// An item of the output. Its place there is its number.
#[derive(Debug)]
pub struct Item {
    pub id: String,
    pub state: State,
}

#[derive(Debug)]
pub enum State {
    Message(Message),
    Thought(Thought),
    Call(Call),
    /// Its JSON.
    Done(Output),
}

/// Where a part of the conversation is in the output.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    Item(usize),
    /// An item, and a part of its content.
    Content(usize, usize),
    /// This format has no place for it, or it is done.
    Nowhere,
}

#[derive(Debug, Default)]
pub struct Message {
    pub contents: Vec<Content>,
    /// Another item has begun: there will be no more parts.
    pub sealed: bool,
}

/// A text as JSON, held as it is written: it grows while it is open, and is then said several times.
#[derive(Debug, Default)]
pub struct Text {
    /// But for the last quote.
    open: Output,
    whole: Output,
}

/// A part of a message's content.
#[derive(Debug)]
pub struct Content {
    refusal: bool,
    text: Text,
    /// Characters of it.
    chars: u64,
    /// A JSON list, while it is open but for its last bracket.
    annotations: Vec<u8>,
    cited: u64,
    cites: Output,
    pub open: bool,
}

#[derive(Debug, Default)]
pub struct Thought {
    pub text: Text,
    pub opaque: Option<Opaque<'static>>,
}

#[derive(Debug)]
pub struct Call {
    /// Without what hangs on it.
    pub bare: String,
    pub id: String,
    pub name: String,
    pub arguments: Text,
    pub free_form: bool,
    /// The arguments so far, where they are JSON around the text that the client waits for: it is said when they are
    /// whole.
    pub hidden: Option<Vec<u8>>,
}

impl Text {
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes more, and says it in an event.
    pub fn delta(&mut self, more: &str, event: &mut Object<'_>, longs: &mut Longs) {
        let Output { bytes, longs: kept } = &mut self.open;
        if bytes.is_empty() {
            bytes.push(b'"');
        }
        if more.len() <= LONG {
            let from = bytes.len();
            inside(bytes, more);
            event.inside("delta", bytes.get(from..).unwrap_or_default());
        } else {
            let mut long = Vec::new();
            inside(&mut long, more);
            let long = Output::from(long).kept();
            long.say(bytes, kept);
            event.kept_inside("delta", &long, longs);
        }
    }

    /// There is no more.
    pub fn end(&mut self) {
        let mut json = std::mem::take(&mut self.open);
        json.bytes.extend_from_slice(if json.is_empty() { b"\"\"" } else { b"\"" });
        self.whole = json.kept();
    }
}

impl Item {
    /// Its JSON when it begins. What comes at once begins as it ends.
    pub fn begin(&self, event: &mut Object<'_>, longs: &mut Longs) {
        let status = Status::InProgress;
        if let State::Done(json) = &self.state {
            event.kept("item", json, longs);
            return;
        }
        let mut entry = event.object("item");
        match &self.state {
            State::Message(_) => {
                write_item::message(&mut entry, &self.id, status.word());
                entry.raw("content", "[]");
            }
            State::Thought(_) => write_item::reasoning(&mut entry, &self.id, None::<fn(&mut Object<'_>)>, None),
            State::Call(call) => {
                let name = write_item::call(&mut entry, &call.called(&self.id, status));
                entry.text(name, "");
            }
            State::Done(_) => {}
        }
    }

    /// Its JSON when it is done, with all its texts ended.
    pub fn whole(&self, status: Status) -> Output {
        let mut whole = Output::default();
        let Output { bytes, longs } = &mut whole;
        let mut entry = Object::open(bytes);
        match &self.state {
            State::Message(message) => {
                write_item::message(&mut entry, &self.id, status.word());
                let mut contents = entry.list("content");
                message.contents.iter().for_each(|content| content.write(&mut contents.object(), longs));
            }
            State::Thought(Thought { text, opaque }) => {
                let shown = (!text.whole.is_empty()).then_some(|summary: &mut Object<'_>| {
                    summary.kept("text", &text.whole, longs);
                });
                write_item::reasoning(&mut entry, &self.id, shown, opaque.as_ref());
            }
            State::Call(call) => {
                let name = write_item::call(&mut entry, &call.called(&self.id, status));
                entry.kept(name, &call.arguments.whole, longs);
            }
            State::Done(_) => {}
        }
        drop(entry);
        whole.kept()
    }
}

impl Content {
    pub fn new(refusal: bool) -> Self {
        Self {
            refusal,
            text: Text::default(),
            chars: 0,
            annotations: Vec::new(),
            cited: 0,
            cites: Output::default(),
            open: true,
        }
    }

    /// As it is once it has ended.
    fn write(&self, entry: &mut Object<'_>, longs: &mut Longs) {
        let name = write_item::content(entry, self.refusal);
        if !self.refusal {
            entry.kept("annotations", &self.cites, longs);
        }
        entry.kept(name, &self.text.whole, longs);
    }

    pub fn delta(&mut self, delta: &Delta<'_>, spot: &Spot<'_>, sequence: &mut u64, out: &mut Output) {
        match delta {
            Delta::Text(text) if text.is_empty() => {}
            Delta::Text(text) => {
                self.chars += text.chars().count() as u64;
                let kind = if self.refusal { "response.refusal.delta" } else { "response.output_text.delta" };
                say(out, sequence, kind, |event, longs| {
                    spot.write(event);
                    self.text.delta(text, event, longs);
                    if !self.refusal {
                        event.raw("logprobs", "[]");
                    }
                });
            }
            Delta::Citation(citation) if !self.refusal => self.cite(citation, spot, sequence, out),
            // A text has no place for what its provider wants back.
            Delta::Citation(_) | Delta::Opaque(_) | Delta::Arguments(_) | Delta::Native(_) => {}
        }
    }

    fn cite(&mut self, citation: &Citation<'_>, spot: &Spot<'_>, sequence: &mut u64, out: &mut Output) {
        let mut json = Vec::new();
        let length = if citation.end.is_none() { self.chars } else { 0 };
        if !annotation(&mut List::open(&mut json), citation, length) {
            return;
        }
        let json = json.strip_prefix(b"[").and_then(|json| json.strip_suffix(b"]")).unwrap_or_default();
        grow(&mut self.annotations, json.len());
        self.annotations.push(if self.annotations.is_empty() { b'[' } else { b',' });
        self.annotations.extend_from_slice(json);
        say(out, sequence, "response.output_text.annotation.added", |event, _| {
            spot.write(event);
            event.whole("annotation_index", self.cited).raw("annotation", &String::from_utf8_lossy(json));
        });
        self.cited = self.cited.saturating_add(1);
    }

    pub fn finish(&mut self, spot: &Spot<'_>, sequence: &mut u64, out: &mut Output) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        self.text.end();
        let mut cites = std::mem::take(&mut self.annotations);
        cites.extend_from_slice(if cites.is_empty() { b"[]" } else { b"]" });
        self.cites = Output::from(cites).kept();
        let text = &self.text.whole;
        if self.refusal {
            say(out, sequence, "response.refusal.done", |event, longs| {
                spot.write(event);
                event.kept("refusal", text, longs);
            });
        } else {
            say(out, sequence, "response.output_text.done", |event, longs| {
                spot.write(event);
                event.kept("text", text, longs).raw("logprobs", "[]");
            });
        }
        say(out, sequence, "response.content_part.done", |event, longs| {
            spot.write(event);
            self.write(&mut event.object("part"), longs);
        });
    }
}

impl Thought {
    pub fn finish(&mut self, id: &str, at: usize, sequence: &mut u64, out: &mut Output) {
        if self.text.is_empty() {
            return;
        }
        self.text.end();
        let text = &self.text.whole;
        let summary = |event: &mut Object<'_>| {
            event.text("item_id", id).whole("output_index", at as u64).whole("summary_index", 0);
        };
        say(out, sequence, "response.reasoning_summary_text.done", |event, longs| {
            summary(event);
            event.kept("text", text, longs);
        });
        say(out, sequence, "response.reasoning_summary_part.done", |event, longs| {
            summary(event);
            event.object("part").text("type", "summary_text").kept("text", text, longs);
        });
    }
}

impl Call {
    fn called<'c>(&'c self, item: &'c str, status: Status) -> Called<'c> {
        Called { item, id: &self.id, name: &self.name, free_form: self.free_form, status: status.word() }
    }

    /// A piece of the arguments.
    pub fn say(&mut self, id: &str, at: usize, piece: &str, sequence: &mut u64, out: &mut Output) {
        let kind = match self.free_form {
            true => "response.custom_tool_call_input.delta",
            false => "response.function_call_arguments.delta",
        };
        say(out, sequence, kind, |event, longs| {
            event.text("item_id", id).whole("output_index", at as u64);
            self.arguments.delta(piece, event, longs);
        });
    }

    pub fn finish(&mut self, id: &str, at: usize, sequence: &mut u64, out: &mut Output) {
        if let Some(hidden) = self.hidden.take() {
            let hidden = String::from_utf8(hidden).unwrap_or_default();
            let text = free_form_text(&hidden);
            if !text.is_empty() {
                self.say(id, at, &text, sequence, out);
            }
        } else if self.arguments.is_empty() && !self.free_form {
            // None are an empty object.
            self.say(id, at, "{}", sequence, out);
        }
        self.arguments.end();
        let arguments = &self.arguments.whole;
        if self.free_form {
            say(out, sequence, "response.custom_tool_call_input.done", |event, longs| {
                event.text("item_id", id).whole("output_index", at as u64).kept("input", arguments, longs);
            });
        } else {
            say(out, sequence, "response.function_call_arguments.done", |event, longs| {
                event.text("item_id", id).whole("output_index", at as u64);
                event.text("name", &self.name).kept("arguments", arguments, longs);
            });
        }
    }
}
