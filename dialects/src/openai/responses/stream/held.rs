//! What the writer of a stream holds of the answer until its last event.

use std::borrow::Cow;

use super::super::response::Status;
use super::super::write_item::{self, Called, annotation};
use super::write::{Spot, say};
use crate::conversation::{Citation, Delta, Opaque};
use crate::json::put::{List, Object, grow_for};
use crate::openai::chat::answer::free_form_text;

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
    Done(String),
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

/// A part of a message's content.
#[derive(Debug)]
pub struct Content {
    refusal: bool,
    text: String,
    /// Characters of it.
    chars: u64,
    /// A JSON list but for its last bracket.
    annotations: Vec<u8>,
    cited: u64,
    pub open: bool,
}

#[derive(Debug)]
pub struct Thought {
    pub text: String,
    pub opaque: Option<Opaque<'static>>,
}

#[derive(Debug)]
pub struct Call {
    /// Without what hangs on it.
    pub bare: String,
    pub id: String,
    pub name: String,
    pub arguments: String,
    pub free_form: bool,
    /// The arguments are JSON around the text that the client waits for: it is said when they are whole.
    pub hidden: bool,
}

impl Item {
    /// Its JSON when it begins. What comes at once begins as it ends.
    pub fn begin(&self) -> Cow<'_, str> {
        let status = Status::InProgress;
        let made = match &self.state {
            State::Message(_) => json(|entry| {
                write_item::message(entry, &self.id, status.word());
                entry.raw("content", "[]");
            }),
            State::Thought(_) => json(|entry| write_item::reasoning(entry, &self.id, "", None)),
            State::Call(call) => json(|entry| write_item::call(entry, &call.called(&self.id, status), "")),
            State::Done(json) => return json.into(),
        };
        made.into()
    }

    /// Its JSON when it is done.
    pub fn whole(&self, status: Status) -> String {
        match &self.state {
            State::Message(message) => json(|entry| {
                write_item::message(entry, &self.id, status.word());
                let mut contents = entry.list("content");
                message.contents.iter().for_each(|content| content.write(&mut contents.object()));
            }),
            State::Thought(thought) => {
                json(|entry| write_item::reasoning(entry, &self.id, &thought.text, thought.opaque.as_ref()))
            }
            State::Call(call) => json(|entry| write_item::call(entry, &call.called(&self.id, status), &call.arguments)),
            State::Done(json) => json.clone(),
        }
    }
}

fn json(write: impl FnOnce(&mut Object<'_>)) -> String {
    let mut json = Vec::new();
    write(&mut Object::open(&mut json));
    String::from_utf8(json).unwrap_or_default()
}

impl Content {
    pub fn new(refusal: bool) -> Self {
        Self { refusal, text: String::new(), chars: 0, annotations: Vec::new(), cited: 0, open: true }
    }

    fn annotations(&self) -> String {
        format!("[{}]", String::from_utf8_lossy(&self.annotations))
    }

    fn write(&self, entry: &mut Object<'_>) {
        write_item::content(entry, self.refusal, &self.text, &self.annotations());
    }

    pub fn delta(&mut self, delta: &Delta<'_>, spot: &Spot<'_>, sequence: &mut u64, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) if text.is_empty() => {}
            Delta::Text(text) => {
                self.text.push_str(text);
                self.chars += text.chars().count() as u64;
                let kind = if self.refusal { "response.refusal.delta" } else { "response.output_text.delta" };
                say(out, sequence, kind, |event| {
                    spot.write(event);
                    event.text("delta", text);
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

    fn cite(&mut self, citation: &Citation<'_>, spot: &Spot<'_>, sequence: &mut u64, out: &mut Vec<u8>) {
        let mut json = Vec::new();
        let length = if citation.end.is_none() { self.chars } else { 0 };
        if !annotation(&mut List::open(&mut json), citation, length) {
            return;
        }
        let json = json.strip_prefix(b"[").and_then(|json| json.strip_suffix(b"]")).unwrap_or_default();
        if !self.annotations.is_empty() {
            self.annotations.push(b',');
        }
        self.annotations.extend_from_slice(json);
        say(out, sequence, "response.output_text.annotation.added", |event| {
            spot.write(event);
            event.whole("annotation_index", self.cited).raw("annotation", &String::from_utf8_lossy(json));
        });
        self.cited = self.cited.saturating_add(1);
    }

    pub fn finish(&mut self, spot: &Spot<'_>, sequence: &mut u64, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        // Here, in its part, in its item and in the response.
        grow_for(out, &self.text, 4);
        if self.refusal {
            say(out, sequence, "response.refusal.done", |event| {
                spot.write(event);
                event.text("refusal", &self.text);
            });
        } else {
            say(out, sequence, "response.output_text.done", |event| {
                spot.write(event);
                event.text("text", &self.text).raw("logprobs", "[]");
            });
        }
        say(out, sequence, "response.content_part.done", |event| {
            spot.write(event);
            self.write(&mut event.object("part"));
        });
    }
}

impl Thought {
    pub fn finish(&self, id: &str, at: usize, sequence: &mut u64, out: &mut Vec<u8>) {
        if self.text.is_empty() {
            return;
        }
        let summary = |event: &mut Object<'_>| {
            event.text("item_id", id).whole("output_index", at as u64).whole("summary_index", 0);
        };
        say(out, sequence, "response.reasoning_summary_text.done", |event| {
            summary(event);
            event.text("text", &self.text);
        });
        say(out, sequence, "response.reasoning_summary_part.done", |event| {
            summary(event);
            event.object("part").text("type", "summary_text").text("text", &self.text);
        });
    }
}

impl Call {
    fn called<'c>(&'c self, item: &'c str, status: Status) -> Called<'c> {
        Called { item, id: &self.id, name: &self.name, free_form: self.free_form, status: status.word() }
    }

    /// A piece of the arguments.
    pub fn say(&self, id: &str, at: usize, piece: &str, sequence: &mut u64, out: &mut Vec<u8>) {
        let kind = match self.free_form {
            true => "response.custom_tool_call_input.delta",
            false => "response.function_call_arguments.delta",
        };
        say(out, sequence, kind, |event| {
            event.text("item_id", id).whole("output_index", at as u64).text("delta", piece);
        });
    }

    pub fn finish(&mut self, id: &str, at: usize, sequence: &mut u64, out: &mut Vec<u8>) {
        if self.hidden {
            let text = free_form_text(&self.arguments).into_owned();
            self.arguments = text;
            if !self.arguments.is_empty() {
                self.say(id, at, &self.arguments, sequence, out);
            }
        } else if self.arguments.is_empty() && !self.free_form {
            // None are an empty object.
            "{}".clone_into(&mut self.arguments);
            self.say(id, at, &self.arguments, sequence, out);
        }
        if self.free_form {
            say(out, sequence, "response.custom_tool_call_input.done", |event| {
                event.text("item_id", id).whole("output_index", at as u64).text("input", &self.arguments);
            });
        } else {
            say(out, sequence, "response.function_call_arguments.done", |event| {
                event.text("item_id", id).whole("output_index", at as u64);
                event.text("name", &self.name).text("arguments", &self.arguments);
            });
        }
    }
}
