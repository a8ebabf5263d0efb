//! Writes a stream of chunks.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use super::super::answer::{annotation, free_form_text, picture};
use super::super::request::client_id;
use super::super::{detail, words};
use crate::Usage;
use crate::conversation::{Citation, Delta, Event, Finish, Kind, Opaque, Opened, Part};
use crate::json::put::{Object, append, grow_for, string};
use crate::translate::{Context, MAX_EVENT};

/// What a part of the conversation is here.
#[derive(Debug)]
enum Place {
    Text {
        start: u64,
    },
    Thinking {
        detail: u32,
    },
    Refusal,
    Call {
        index: u32,
        free_form: FreeForm,
    },
    /// Has no place, or was written whole.
    Nothing,
}

/// A call whose client takes it for a free-form one.
#[derive(Debug, PartialEq, Eq)]
enum FreeForm {
    No,
    /// Its arguments are the text.
    Text,
    /// Its arguments are JSON around the text, which is told when it is whole.
    Json(String),
}

/// Writes one stream.
#[derive(Debug)]
pub struct Write {
    request_id: String,
    model: String,
    created: u64,
    include_usage: bool,
    free_form: Arc<BTreeSet<String>>,
    /// Every chunk up to its delta; made when the answer starts.
    head: Vec<u8>,
    places: Vec<Place>,
    calls: u32,
    details: u32,
    images: u64,
    annotations: u64,
    /// Characters of text written.
    chars: u64,
    /// Bytes of arguments that wait for their end.
    held: usize,
    usage: Option<Usage>,
}

impl Write {
    /// Bytes of arguments that are kept until they are whole, and read then.
    pub fn waiting(&self) -> usize {
        self.held
    }

    pub fn new(context: &Context) -> Self {
        Self {
            request_id: context.request_id.clone(),
            model: context.model.clone(),
            created: context.created,
            include_usage: context.include_usage,
            free_form: context.free_form.clone(),
            head: Vec::new(),
            places: Vec::new(),
            calls: 0,
            details: 0,
            images: 0,
            annotations: 0,
            chars: 0,
            held: 0,
            usage: None,
        }
    }

    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, created, .. } => {
                let id = words::answer_id(id.as_ref(), &self.request_id);
                self.begin(&id, created.unwrap_or(self.created));
                self.chunk(out, None, |delta| {
                    delta.text("role", "assistant").text("content", "");
                });
            }
            Event::Open { part, opened } => self.open(*part, opened, out),
            Event::Delta { part, delta } => self.delta(*part, delta, out),
            Event::Close { part } => self.close(*part, out),
            Event::Finish { reason, .. } => self.chunk(out, Some(*reason), |_| {}),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => self.done(out),
        }
    }

    fn begin(&mut self, id: &str, created: u64) {
        let head = &mut self.head;
        head.clear();
        head.extend_from_slice(b"data: {\"id\":");
        string(head, id);
        let _ = write!(head, ",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":");
        string(head, &self.model);
        head.extend_from_slice(b",\"choices\":[");
    }

    fn chunk(&self, out: &mut Vec<u8>, finish: Option<Finish>, delta: impl FnOnce(&mut Object<'_>)) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"index\":0,\"delta\":");
        delta(&mut Object::open(out));
        match finish {
            None => out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":null}]}\n\n"),
            Some(finish) => {
                let _ = write!(out, ",\"logprobs\":null,\"finish_reason\":\"{}\"}}]}}\n\n", words::finish_word(finish));
            }
        }
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            words::usage(&mut Object::open(out), &usage);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn place(&mut self, part: u32, place: Place) {
        let at = part as usize;
        // Parts come numbered without a gap.
        if at == self.places.len() {
            self.places.push(place);
        } else if let Some(old) = self.places.get_mut(at) {
            *old = place;
        }
    }

    fn open(&mut self, part: u32, opened: &Opened<'_>, out: &mut Vec<u8>) {
        let place = match opened {
            Opened::Text => Place::Text { start: self.chars },
            Opened::Thinking => {
                self.details += 1;
                Place::Thinking { detail: self.details - 1 }
            }
            Opened::Refusal => Place::Refusal,
            Opened::Whole(whole) => {
                self.whole(whole, out);
                Place::Nothing
            }
            Opened::Call { id, name, free_form, opaque } => {
                let index = self.calls;
                self.calls += 1;
                let declared = self.free_form.contains(&**name);
                let id = client_id(id, opaque.as_ref());
                self.chunk(out, None, |delta| {
                    let mut list = delta.list("tool_calls");
                    let mut call = list.object();
                    call.whole("index", u64::from(index)).text("id", &id);
                    if *free_form || declared {
                        call.text("type", "custom").object("custom").text("name", name).text("input", "");
                    } else {
                        call.text("type", "function").object("function").text("name", name).text("arguments", "");
                    }
                });
                let free_form = match (*free_form, declared) {
                    (true, _) => FreeForm::Text,
                    (false, true) => FreeForm::Json(String::new()),
                    (false, false) => FreeForm::No,
                };
                Place::Call { index, free_form }
            }
        };
        self.place(part, place);
    }

    fn whole(&mut self, part: &Part<'_>, out: &mut Vec<u8>) {
        match &part.kind {
            Kind::Image(media) => {
                let index = self.images;
                self.images += 1;
                self.chunk(out, None, |delta| picture(&mut delta.list("images").object(), media, index));
            }
            Kind::Text { text, .. } => {
                self.chars += text.chars().count() as u64;
                self.chunk(out, None, |delta| {
                    delta.text("content", text);
                });
            }
            Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Result(_)
            | Kind::Thinking { .. }
            | Kind::Refusal(_)
            | Kind::Native(_) => {}
        }
    }

    fn delta(&mut self, part: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(place) = self.places.get_mut(part as usize) else { return };
        match (place, delta) {
            (Place::Text { .. }, Delta::Text(text)) => {
                self.chars += text.chars().count() as u64;
                self.chunk(out, None, |delta| {
                    delta.text("content", text);
                });
            }
            (Place::Thinking { detail }, Delta::Text(text)) => {
                let index = *detail;
                grow_for(out, text, 2);
                self.chunk(out, None, |delta| {
                    delta.text("reasoning_content", text);
                    detail::write(&mut delta.list("reasoning_details").object(), index, text, None);
                });
            }
            (Place::Refusal, Delta::Text(text)) => self.chunk(out, None, |delta| {
                delta.text("refusal", text);
            }),
            (Place::Thinking { detail }, Delta::Opaque(opaque)) => {
                let index = *detail;
                self.state(index, opaque, out);
            }
            (Place::Text { .. }, Delta::Opaque(opaque)) => {
                let index = self.details;
                self.details += 1;
                self.state(index, opaque, out);
            }
            (Place::Text { start }, Delta::Citation(citation)) => {
                let start = *start;
                self.cite(citation, start, out);
            }
            (Place::Call { index, free_form: FreeForm::No }, Delta::Arguments(text)) => {
                let index = *index;
                self.arguments(index, "function", "arguments", text, out);
            }
            (Place::Call { index, free_form: FreeForm::Text }, Delta::Arguments(text)) => {
                let index = *index;
                self.arguments(index, "custom", "input", text, out);
            }
            (Place::Call { index, free_form }, Delta::Arguments(text)) => {
                let FreeForm::Json(held) = free_form else { return };
                append(held, text);
                self.held = self.held.saturating_add(text.len());
                if self.held > MAX_EVENT {
                    // Too long to be taken out of its JSON: it goes as it comes.
                    let (index, held) = (*index, std::mem::take(held));
                    self.held = self.held.saturating_sub(held.len());
                    *free_form = FreeForm::Text;
                    self.arguments(index, "custom", "input", &held, out);
                }
            }
            // No place for it: a signature after its call has begun, a citation of something else than a text.
            (
                Place::Text { .. } | Place::Thinking { .. } | Place::Refusal | Place::Call { .. } | Place::Nothing,
                Delta::Text(_) | Delta::Arguments(_) | Delta::Opaque(_) | Delta::Citation(_) | Delta::Native(_),
            ) => {}
        }
    }

    fn arguments(&self, index: u32, kind: &str, member: &str, text: &str, out: &mut Vec<u8>) {
        self.chunk(out, None, |delta| {
            let mut list = delta.list("tool_calls");
            list.object().whole("index", u64::from(index)).object(kind).text(member, text);
        });
    }

    fn state(&self, index: u32, opaque: &Opaque<'_>, out: &mut Vec<u8>) {
        self.chunk(out, None, |delta| {
            detail::write(&mut delta.list("reasoning_details").object(), index, "", Some(opaque));
        });
    }

    /// Anthropic cites before the text that quotes: what is cited then ends where it begins, which is all one knows.
    fn cite(&mut self, citation: &Citation<'_>, start: u64, out: &mut Vec<u8>) {
        if citation.url.is_none() {
            return;
        }
        let number = self.annotations;
        self.annotations += 1;
        let end = citation.end.unwrap_or(self.chars);
        let start = citation.start.unwrap_or(start);
        self.chunk(out, None, |delta| {
            let mut list = delta.list("annotations");
            let mut entry = list.object();
            // The SDKs join what streams by its index.
            entry.whole("index", number);
            annotation(&mut entry, citation, start, end);
        });
    }

    fn close(&mut self, part: u32, out: &mut Vec<u8>) {
        if let Some(Place::Call { index, free_form: FreeForm::Json(held) }) = self.places.get_mut(part as usize) {
            let (index, held) = (*index, std::mem::take(held));
            self.held = self.held.saturating_sub(held.len());
            let text = free_form_text(&held);
            self.arguments(index, "custom", "input", &text, out);
        }
    }
}
