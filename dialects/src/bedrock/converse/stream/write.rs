//! Writes a stream as a server of this format would: messages of an AWS event stream.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

use super::super::words;
use crate::conversation::{Delta, Event, Opened};
use crate::json::put::Object;
use crate::translate::Context;
use crate::{Usage, Wire};

/// Writes one stream.
#[derive(Debug, Default)]
pub struct Write {
    request_id: String,
    usage: Option<Usage>,
    /// Parts whose pieces have no place here.
    silent: Vec<u32>,
    thoughts: Vec<u32>,
}

impl Write {
    pub fn new(context: &Context) -> Self {
        Self { request_id: context.request_id.clone(), ..Self::default() }
    }

    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { .. } => message("messageStart", out, |object| {
                object.text("role", "assistant");
            }),
            Event::Open { part, opened } => self.open(*part, opened, out),
            Event::Delta { part, delta } if !self.silent.contains(part) => self.delta(*part, delta, out),
            Event::Close { part } if !self.silent.contains(part) => message("contentBlockStop", out, |object| {
                object.whole("contentBlockIndex", u64::from(*part));
            }),
            Event::Delta { .. } | Event::Close { .. } => {}
            Event::Finish { reason, .. } => message("messageStop", out, |object| {
                object.text("stopReason", words::finish_word(*reason));
            }),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => {
                let usage = self.usage.unwrap_or_default();
                message("metadata", out, |object| {
                    words::usage(&mut object.object("usage"), &usage);
                    object.object("metrics").whole("latencyMs", 0);
                });
            }
        }
    }

    fn open(&mut self, part: u32, opened: &Opened<'_>, out: &mut Vec<u8>) {
        match opened {
            Opened::Text | Opened::Refusal => {}
            Opened::Thinking => self.thoughts.push(part),
            Opened::Call { id, name, opaque, .. } => {
                let made = id.is_empty().then(|| format!("tooluse_{}_{part}", self.request_id));
                let id = made.as_deref().unwrap_or(id);
                let id = opaque.as_ref().map_or_else(|| id.to_owned(), |opaque| opaque.onto_id(id));
                message("contentBlockStart", out, |object| {
                    object.whole("contentBlockIndex", u64::from(part));
                    object.object("start").object("toolUse").text("toolUseId", &id).text("name", name);
                });
            }
            Opened::Whole(_) => self.silent.push(part),
        }
    }

    fn delta(&self, part: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let thought = self.thoughts.contains(&part);
        let piece = |out: &mut Vec<u8>, write: &dyn Fn(&mut Object<'_>)| {
            message("contentBlockDelta", out, |object| {
                object.whole("contentBlockIndex", u64::from(part));
                write(&mut object.object("delta"));
            });
        };
        match delta {
            Delta::Text(text) if thought => piece(out, &|delta| {
                delta.object("reasoningContent").text("text", text);
            }),
            Delta::Text(text) => piece(out, &|delta| {
                delta.text("text", text);
            }),
            Delta::Arguments(text) => piece(out, &|delta| {
                delta.object("toolUse").text("input", text);
            }),
            Delta::Opaque(opaque) if thought => {
                let key = if opaque.redacted { "redactedContent" } else { "signature" };
                piece(out, &|delta| {
                    delta.object("reasoningContent").text(key, &opaque.pack(Wire::Converse));
                });
            }
            Delta::Opaque(_) | Delta::Citation(_) | Delta::Native(_) => {}
        }
    }
}

/// Appends one message.
fn message(kind: &'static str, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
    let mut payload = Vec::new();
    write(&mut Object::open(&mut payload));
    let header = |name: &'static str, value: &'static str| Header::new(name, HeaderValue::String(value.into()));
    let message = Message::new(payload)
        .add_header(header(":event-type", kind))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", "event"));
    // Fails for nothing but names and lengths that no message of ours has.
    let _ = write_message_to(&message, out);
}
