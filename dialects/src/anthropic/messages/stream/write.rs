//! Writes a stream of events.
//!
//! Blocks are numbered as they begin, and their pieces bear the number, so that calls which the upstream mixes may stay
//! mixed. A thought begins with its first piece, because only that tells a redacted one. Stop reason and usage go
//! together in one event here, so the reason waits for the end.

use std::io::Write as _;

use super::super::answer::{redacted, write_citation};
use super::super::words;
use crate::conversation::media::data_url;
use crate::conversation::{Delta, Event, Finish, Kind, Opaque, Opened, Part, Source};
use crate::json::put::{Object, strings};
use crate::translate::Context;
use crate::{Usage, Wire};

/// What a part of the conversation is here.
#[derive(Debug)]
enum Place {
    /// A text, and what is to be handed back with it once it has ended.
    Text {
        block: u32,
        state: Option<Opaque<'static>>,
    },
    /// A thought of which nothing has come.
    Thought,
    Thinking(u32),
    Call(u32),
    /// A redacted thought, or a part that came whole: written and ended.
    Over,
}

/// Writes one stream.
#[derive(Debug)]
pub struct Write {
    request_id: String,
    model: String,
    places: Vec<Place>,
    blocks: u32,
    usage: Usage,
    finish: Finish,
    stop_sequence: Option<String>,
}

impl Write {
    pub fn new(context: &Context) -> Self {
        Self {
            request_id: context.request_id.clone(),
            model: context.model.clone(),
            places: Vec::new(),
            blocks: 0,
            usage: Usage::default(),
            finish: Finish::Stop,
            stop_sequence: None,
        }
    }

    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, .. } => {
                let id = words::answer_id(id.as_ref(), &self.request_id);
                self.start(&id, out);
            }
            Event::Open { part, opened } => {
                let place = self.open(opened, out);
                // Parts come numbered without a gap.
                if *part as usize == self.places.len() {
                    self.places.push(place);
                }
            }
            Event::Delta { part, delta } => self.delta(*part, delta, out),
            Event::Close { part } => self.close(*part, out),
            Event::Finish { reason, stop_sequence } => {
                self.finish = *reason;
                self.stop_sequence = stop_sequence.as_ref().map(|text| text.to_string());
            }
            Event::Usage(usage) => self.usage = *usage,
            Event::Done => self.done(out),
        }
    }

    fn start(&self, id: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
        let mut message = Object::open(out);
        message.text("id", id).text("type", "message").text("role", "assistant").text("model", &self.model);
        message.raw("content", "[]").raw("stop_reason", "null").raw("stop_sequence", "null");
        words::usage(&mut message.object("usage"), &self.usage);
        drop(message);
        out.extend_from_slice(b"}\n\n");
    }

    fn open(&mut self, opened: &Opened<'_>, out: &mut Vec<u8>) -> Place {
        match opened {
            // The one place for a refusal is a text; what it is says the stop reason.
            Opened::Text | Opened::Refusal => {
                let block = self.begin(out, |block| {
                    block.text("type", "text").text("text", "");
                });
                Place::Text { block, state: None }
            }
            Opened::Thinking => Place::Thought,
            Opened::Call { id, name, opaque, .. } => {
                let id = opaque.as_ref().map_or_else(|| id.to_string(), |opaque| opaque.onto_id(id));
                Place::Call(self.begin(out, |block| {
                    block.text("type", "tool_use").text("id", &id).text("name", name).raw("input", "{}");
                }))
            }
            Opened::Whole(part) => {
                self.whole(part, out);
                Place::Over
            }
        }
    }

    /// Begins a block and gives its number.
    fn begin(&mut self, out: &mut Vec<u8>, content: impl FnOnce(&mut Object<'_>)) -> u32 {
        let block = self.blocks;
        self.blocks += 1;
        let _ = write!(
            out,
            "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":{block},\"content_block\":"
        );
        content(&mut Object::open(out));
        out.extend_from_slice(b"}\n\n");
        block
    }

    fn stop(block: u32, out: &mut Vec<u8>) {
        let _ =
            write!(out, "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{block}}}\n\n");
    }

    /// A piece of a block: its kind, and the member that holds it.
    fn piece(block: u32, kind: &str, member: &str, text: &str, out: &mut Vec<u8>) {
        Self::pieces(block, kind, member, &[text], out);
    }

    /// A text that comes in pieces, as one.
    fn pieces(block: u32, kind: &str, member: &str, text: &[&str], out: &mut Vec<u8>) {
        let _ = write!(
            out,
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{block},\"delta\":{{\"type\":\"{kind}\",\"{member}\":"
        );
        strings(out, text.iter().copied());
        out.extend_from_slice(b"}}\n\n");
    }

    fn delta(&mut self, part: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(place) = self.places.get_mut(part as usize) else { return };
        match (place, delta) {
            (Place::Text { block, .. }, Delta::Text(text)) => Self::piece(*block, "text_delta", "text", text, out),
            (Place::Text { block, .. }, Delta::Citation(citation)) => {
                let _ = write!(
                    out,
                    "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{block},\"delta\":{{\"type\":\"citations_delta\",\"citation\":"
                );
                write_citation(&mut Object::open(out), citation);
                out.extend_from_slice(b"}}\n\n");
            }
            (Place::Text { state, .. }, Delta::Opaque(opaque)) => *state = Some(opaque.clone().into_owned()),
            (Place::Thinking(block), Delta::Text(text)) => {
                Self::piece(*block, "thinking_delta", "thinking", text, out);
            }
            (Place::Thinking(block), Delta::Opaque(opaque)) => {
                Self::piece(*block, "signature_delta", "signature", &opaque.pack(Wire::Messages), out);
            }
            (Place::Thought, Delta::Opaque(opaque)) if opaque.redacted => {
                let opaque = opaque.clone();
                let block = self.begin(out, |block| redacted(block, &opaque));
                Self::stop(block, out);
                self.put(part, Place::Over);
            }
            (Place::Thought, Delta::Text(_) | Delta::Opaque(_)) => {
                let block = self.think(out);
                self.put(part, Place::Thinking(block));
                self.delta(part, delta, out);
            }
            (Place::Call(block), Delta::Arguments(text)) => {
                Self::piece(*block, "input_json_delta", "partial_json", text, out);
            }
            // No place for it: a signature after its call has begun, a citation of something else than a text.
            (
                Place::Text { .. } | Place::Thought | Place::Thinking(_) | Place::Call(_) | Place::Over,
                Delta::Text(_) | Delta::Arguments(_) | Delta::Opaque(_) | Delta::Citation(_) | Delta::Native(_),
            ) => {}
        }
    }

    fn put(&mut self, part: u32, place: Place) {
        if let Some(old) = self.places.get_mut(part as usize) {
            *old = place;
        }
    }

    fn think(&mut self, out: &mut Vec<u8>) -> u32 {
        self.begin(out, |block| {
            block.text("type", "thinking").text("thinking", "").text("signature", "");
        })
    }

    fn close(&mut self, part: u32, out: &mut Vec<u8>) {
        let Some(place) = self.places.get_mut(part as usize) else { return };
        match std::mem::replace(place, Place::Over) {
            Place::Text { block, state } => {
                Self::stop(block, out);
                if let Some(opaque) = state {
                    let block = self.begin(out, |block| redacted(block, &opaque));
                    Self::stop(block, out);
                }
            }
            Place::Thinking(block) | Place::Call(block) => Self::stop(block, out),
            Place::Thought => {
                let block = self.think(out);
                Self::stop(block, out);
            }
            Place::Over => {}
        }
    }

    /// What comes as one piece; a client of this format shows text and nothing else of it.
    fn whole(&mut self, part: &Part<'_>, out: &mut Vec<u8>) {
        let text = match &part.kind {
            Kind::Text { text, .. } | Kind::Refusal(text) => vec![&**text],
            Kind::Image(media) => match &media.source {
                Source::Base64 { media_type, data } => {
                    [&["![image]("], &data_url(media_type, data)[..], &[")"]].concat()
                }
                Source::Url { url, .. } => vec![&**url],
                Source::File(_) | Source::Text(_) => return,
            },
            Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Result(_)
            | Kind::Thinking { .. }
            | Kind::Native(_) => return,
        };
        let block = self.begin(out, |block| {
            block.text("type", "text").text("text", "");
        });
        Self::pieces(block, "text_delta", "text", &text, out);
        Self::stop(block, out);
    }

    fn done(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":");
        let mut delta = Object::open(out);
        delta.text("stop_reason", words::finish_word(self.finish));
        delta.text_or_null("stop_sequence", self.stop_sequence.as_deref());
        drop(delta);
        out.extend_from_slice(b",\"usage\":");
        words::usage(&mut Object::open(out), &self.usage);
        out.extend_from_slice(b"}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }
}
