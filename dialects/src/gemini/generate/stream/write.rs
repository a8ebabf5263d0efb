//! Writes a stream: events of server-sent data, or the pieces of one JSON array.
//!
//! A call goes out when it is whole, since its arguments are an object here; the reason for the end, the counts and the
//! sources go out with the last event.

use std::collections::BTreeMap;

use super::super::answer::write_part;
use super::super::grounding::{self, Cited, MAX_CITATIONS};
use super::super::{put, words};
use crate::conversation::{Call, Citation, Delta, Event, Finish, Opaque, Opened, Str};
use crate::json::put::{Object, append};
use crate::loss::Losses;
use crate::translate::{Context, MAX_EVENT};
use crate::{Usage, Wire};

/// Writes one stream.
#[derive(Debug)]
pub struct Write {
    context: Context,
    id: String,
    /// Something has been written: a further piece of the array follows a comma.
    begun: bool,
    open: BTreeMap<u32, Open>,
    /// Bytes of arguments that are held.
    held: usize,
    usage: Option<Usage>,
    finish: Finish,
    citations: Vec<Citation<'static>>,
}

#[derive(Debug)]
enum Open {
    Text,
    Thought,
    Call { call: Call<'static>, opaque: Option<Opaque<'static>> },
    Whole,
}

impl Write {
    /// Bytes of arguments that are kept until they are whole, and read then.
    pub fn waiting(&self) -> usize {
        self.held
    }

    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            id: String::new(),
            begun: false,
            open: BTreeMap::new(),
            held: 0,
            usage: None,
            finish: Finish::Stop,
            citations: Vec::new(),
        }
    }

    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, .. } => self.id = id.as_deref().unwrap_or(&self.context.request_id).to_owned(),
            Event::Open { part, opened } => self.open(*part, opened, out),
            Event::Delta { part, delta } => self.delta(*part, delta, out),
            Event::Close { part } => self.close(*part, out),
            Event::Finish { reason, .. } => self.finish = *reason,
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => self.done(out),
        }
    }

    fn open(&mut self, part: u32, opened: &Opened<'_>, out: &mut Vec<u8>) {
        let open = match opened {
            Opened::Text | Opened::Refusal => Open::Text,
            Opened::Thinking => Open::Thought,
            Opened::Call { id, name, free_form, opaque } => Open::Call {
                call: Call {
                    id: id.clone().into_owned(),
                    name: name.clone().into_owned(),
                    arguments: Str::default(),
                    free_form: *free_form,
                },
                opaque: opaque.clone().map(Opaque::into_owned),
            },
            Opened::Whole(whole) => {
                // A stream has no place to say what is left out; the table says it.
                let mut lost = Losses::default();
                let (length, begun, mut any) = (out.len(), self.begun, false);
                let context = self.context.clone();
                self.piece(out, |candidate| {
                    let mut content = candidate.object("content");
                    let mut list = content.list("parts");
                    any = write_part(&mut list, whole, part as usize, false, &context, &mut lost);
                    drop(list);
                    content.text("role", "model");
                });
                // What has no place here was no piece.
                if !any {
                    out.truncate(length);
                    self.begun = begun;
                }
                Open::Whole
            }
        };
        self.open.insert(part, open);
    }

    fn delta(&mut self, part: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(open) = self.open.get_mut(&part) else { return };
        let thought = matches!(open, Open::Thought);
        match (delta, open) {
            (Delta::Text(text), Open::Text | Open::Thought) => {
                if !text.is_empty() {
                    self.words(text, thought, None, out);
                }
            }
            (Delta::Arguments(piece), Open::Call { call, .. }) => {
                self.held = self.held.saturating_add(piece.len());
                // What no event could hold is cut off, and then is no object.
                if self.held <= MAX_EVENT {
                    append(call.arguments.0.to_mut(), piece);
                }
            }
            (Delta::Opaque(opaque), Open::Text | Open::Thought) => {
                let packed = opaque.pack_base64(Wire::Gemini).into_owned();
                self.words("", thought, Some(&packed), out);
            }
            (Delta::Opaque(state), Open::Call { opaque, .. }) => *opaque = Some(state.clone().into_owned()),
            (Delta::Citation(citation), Open::Text) => {
                if self.citations.len() < MAX_CITATIONS {
                    self.citations.push(owned(citation));
                }
            }
            (
                Delta::Text(_) | Delta::Arguments(_) | Delta::Opaque(_) | Delta::Citation(_) | Delta::Native(_),
                Open::Text | Open::Thought | Open::Call { .. } | Open::Whole,
            ) => {}
        }
    }

    fn close(&mut self, part: u32, out: &mut Vec<u8>) {
        let Some(open) = self.open.remove(&part) else { return };
        match open {
            Open::Call { call, opaque } => {
                self.held = self.held.saturating_sub(call.arguments.len());
                let made = call.id.is_empty().then(|| self.context.id("call_", part));
                self.piece(out, |candidate| {
                    let mut content = candidate.object("content");
                    let mut parts = content.list("parts");
                    let mut object = parts.object();
                    let id = made.as_deref().unwrap_or(&call.id);
                    put::call(&mut object, id, &call, true, None);
                    let packed = opaque.as_ref().map(|opaque| opaque.pack_base64(Wire::Gemini));
                    object.text_if("thoughtSignature", packed.as_deref());
                    drop(object);
                    drop(parts);
                    content.text("role", "model");
                });
            }
            Open::Text | Open::Thought | Open::Whole => {}
        }
    }

    fn words(&mut self, text: &str, thought: bool, signature: Option<&str>, out: &mut Vec<u8>) {
        self.piece(out, |candidate| {
            let mut content = candidate.object("content");
            let mut parts = content.list("parts");
            let mut part = parts.object();
            part.text("text", text);
            if thought {
                part.flag("thought", true);
            }
            part.text_if("thoughtSignature", signature);
            drop(part);
            drop(parts);
            content.text("role", "model");
        });
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        let citations = std::mem::take(&mut self.citations);
        let cited: Vec<_> = citations.iter().map(|citation| Cited { part: 0, citation, span: None }).collect();
        let finish = words::finish_word(self.finish);
        let usage = self.usage;
        self.piece_with(out, usage, |candidate| {
            let mut content = candidate.object("content");
            // The SDKs take a content without parts for a broken one.
            content.list("parts").object().text("text", "");
            content.text("role", "model");
            drop(content);
            candidate.text("finishReason", finish);
            grounding::write(candidate, &cited);
        });
        if self.context.array {
            out.extend_from_slice(b"]");
        }
    }

    fn piece(&mut self, out: &mut Vec<u8>, candidate: impl FnOnce(&mut Object<'_>)) {
        self.piece_with(out, None, candidate);
    }

    /// One event, or one piece of the array.
    fn piece_with(&mut self, out: &mut Vec<u8>, usage: Option<Usage>, candidate: impl FnOnce(&mut Object<'_>)) {
        let first = !std::mem::replace(&mut self.begun, true);
        out.extend_from_slice(match (self.context.array, first) {
            (false, _) => b"data: ".as_slice(),
            (true, true) => b"[",
            (true, false) => b",\r\n",
        });
        let mut object = Object::open(out);
        let mut candidates = object.list("candidates");
        let mut entry = candidates.object();
        candidate(&mut entry);
        entry.whole("index", 0);
        drop(entry);
        drop(candidates);
        if let Some(usage) = usage {
            words::usage(&mut object.object("usageMetadata"), &usage);
        }
        object.text("modelVersion", &self.context.model).text("responseId", &self.id);
        drop(object);
        if !self.context.array {
            out.extend_from_slice(b"\r\n\r\n");
        }
    }
}

fn owned(citation: &Citation<'_>) -> Citation<'static> {
    let text = |text: &Option<Str<'_>>| text.clone().map(Str::into_owned);
    Citation { url: text(&citation.url), title: text(&citation.title), quote: None, start: None, end: None, raw: None }
}
