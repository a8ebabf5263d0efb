//! Writes a stream.
//!
//! Source: the streaming section of OpenAI's API reference, and what Codex and the official SDKs read. The last event
//! repeats the whole answer, and each item and text is repeated when it is done, so the answer is held until then:
//! up to [`MAX_OUTPUT`] bytes of it. Beyond, the stream ends for the client as cut by its limit
//! (`response.incomplete`, `max_output_tokens`) with all that was said until then, and nothing more is written.
//!
//! Always holds: sequence numbers rise by one from 0; an item is added before anything is said of it and done before
//! the last event; the texts of the done events are the sums of their deltas; ids are those of [`Context::id`].

use super::super::answer::{answer_id, call_id};
use super::super::item::is_item;
use super::super::response::{self, Head, LENGTH, Status};
use super::super::write_item;
use super::held::{Call, Content, Item, Message, Place, State, Text, Thought};
use crate::Usage;
use crate::conversation::{Citation, Delta, Event, Finish, Kind, Opened, Part};
use crate::json::put::{List, Object, escaped, grow};
use crate::output::{Longs, Output};
use crate::translate::Context;

/// The most bytes of an answer that are held for its last event.
pub const MAX_OUTPUT: usize = 16 * 1024 * 1024;
/// What an item or a part of one costs beside its text: what is held of it while it is open, its JSON when it is done,
/// and its place in the last event.
const OVERHEAD: usize = 1_024;

/// Writes one stream.
#[derive(Debug)]
pub struct Write {
    context: Context,
    id: String,
    created: u64,
    sequence: u64,
    started: bool,
    ended: bool,
    items: Vec<Item>,
    /// Where each part is.
    places: Vec<Place>,
    held: usize,
    /// Bytes of arguments that are not said before they are whole.
    hidden: usize,
    usage: Option<Usage>,
    finish: Finish,
    refused: bool,
}

impl Write {
    /// Bytes of the answer that are kept for later events.
    pub fn held(&self) -> usize {
        self.held
    }

    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            id: String::new(),
            created: context.created,
            sequence: 0,
            started: false,
            ended: false,
            items: Vec::new(),
            places: Vec::new(),
            held: 0,
            hidden: 0,
            usage: None,
            finish: Finish::Stop,
            refused: false,
        }
    }

    /// Bytes of arguments that are kept until they are whole, and read then.
    pub fn waiting(&self) -> usize {
        self.hidden
    }

    /// The last event has been written, whatever is still to come.
    pub const fn ended(&self) -> bool {
        self.ended
    }

    pub fn event(&mut self, event: &Event<'_>, out: &mut Output) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, created, .. } => self.start(id.as_deref(), *created, out),
            Event::Open { opened, .. } => {
                self.start(None, None, out);
                self.open(opened, out);
            }
            Event::Delta { part, delta } => self.delta(*part, delta, out),
            Event::Close { part } => self.close(*part, out),
            Event::Finish { reason, .. } => self.finish = *reason,
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => self.done(Status::of(self.finish, self.refused), out),
        }
    }

    fn start(&mut self, id: Option<&str>, created: Option<u64>, out: &mut Output) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.id = answer_id(id, &self.context);
        self.created = created.unwrap_or(self.context.created);
        for kind in ["response.created", "response.in_progress"] {
            self.response(kind, Status::InProgress, out);
        }
    }

    /// An event that holds the response.
    fn response(&mut self, kind: &str, status: Status, out: &mut Output) {
        let Self { context, id, created, sequence, items, usage, .. } = self;
        say(out, sequence, kind, |event, longs| {
            let head = Head {
                id: &*id,
                created: *created,
                model: &context.model,
                status,
                usage: usage.as_ref().filter(|_| status != Status::InProgress),
                service_tier: None,
            };
            let mut object = event.object("response");
            response::write(&mut object, &head);
            let mut output = object.list("output");
            for item in items {
                if let State::Done(json) = &item.state {
                    output.kept(json, longs);
                }
            }
        });
    }

    fn done(&mut self, status: Status, out: &mut Output) {
        self.start(None, None, out);
        let last = self.items.len().saturating_sub(1);
        for at in 0..self.items.len() {
            self.finish_item(at, if at == last { status } else { Status::Completed }, out);
        }
        self.response(status.event(), status, out);
        self.ended = true;
        self.items = Vec::new();
        self.places = Vec::new();
    }

    /// Takes account of what is to be held; false where it is too much, and the answer has been ended.
    fn hold(&mut self, bytes: usize, out: &mut Output) -> bool {
        self.held = self.held.saturating_add(bytes);
        let fits = self.held <= MAX_OUTPUT;
        if !fits {
            self.done(Status::Incomplete(LENGTH), out);
        }
        fits
    }

    fn open(&mut self, opened: &Opened<'_>, out: &mut Output) {
        let bytes = match opened {
            Opened::Text | Opened::Thinking | Opened::Refusal => 0,
            Opened::Call { id, name, .. } => id.len().saturating_add(name.len()),
            Opened::Whole(part) => size(part),
        };
        if !self.hold(bytes.saturating_add(OVERHEAD), out) {
            return;
        }
        let place = match opened {
            Opened::Text => self.content(false, out),
            Opened::Refusal => {
                self.refused = true;
                self.content(true, out)
            }
            Opened::Thinking => self.add("rs_", State::Thought(Thought::default()), out),
            Opened::Call { id, name, free_form, opaque } => {
                let index = self.items.len() as u32;
                let hidden = !free_form && write_item::is_free_form(name, &self.context);
                let call = Call {
                    bare: call_id(id, None, index, &self.context),
                    id: call_id(id, opaque.as_ref(), index, &self.context),
                    name: name.to_string(),
                    arguments: Text::default(),
                    free_form: *free_form || hidden,
                    hidden: hidden.then(Vec::new),
                };
                self.add(if call.free_form { "ctc_" } else { "fc_" }, State::Call(call), out)
            }
            Opened::Whole(part) => self.whole(part, out),
        };
        self.places.push(place);
    }

    /// A part of a message's content: of the last item where that is a message, else of a new one.
    fn content(&mut self, refusal: bool, out: &mut Output) -> Place {
        let open = matches!(self.items.last().map(|item| &item.state), Some(State::Message(_)));
        let place = if open {
            Place::Content(self.items.len().saturating_sub(1), 0)
        } else {
            self.add("msg_", State::Message(Message::default()), out)
        };
        let (Place::Content(at, _) | Place::Item(at)) = place else { return Place::Nowhere };
        let Self { items, sequence, .. } = self;
        let Some(Item { id, state: State::Message(message), .. }) = items.get_mut(at) else { return Place::Nowhere };
        let content = message.contents.len();
        message.contents.push(Content::new(refusal));
        say(out, sequence, "response.content_part.added", |event, _| {
            event.text("item_id", id).whole("output_index", at as u64).whole("content_index", content as u64);
            write_item::plain_content(&mut event.object("part"), refusal, "");
        });
        Place::Content(at, content)
    }

    /// Begins an item.
    fn add(&mut self, prefix: &str, state: State, out: &mut Output) -> Place {
        // Where something else begins, no more is said in the message before it.
        let at = self.items.len();
        if let Some(last) = at.checked_sub(1)
            && let Some(Item { state: State::Message(message), .. }) = self.items.get_mut(last)
        {
            message.sealed = true;
            self.finish_message(last, out);
        }
        let id = self.context.id(prefix, at as u32);
        let item = Item { id, state };
        let Self { sequence, items, .. } = self;
        say(out, sequence, "response.output_item.added", |event, longs| {
            event.whole("output_index", at as u64);
            item.begin(event, longs);
        });
        items.push(item);
        Place::Item(at)
    }

    /// A message that is sealed is done when nothing of it is open any more.
    fn finish_message(&mut self, at: usize, out: &mut Output) {
        if let Some(Item { state: State::Message(message), .. }) = self.items.get(at)
            && message.sealed
            && !message.contents.iter().any(|content| content.open)
        {
            self.finish_item(at, Status::Completed, out);
        }
    }

    /// Something that comes at once.
    fn whole(&mut self, part: &Part<'_>, out: &mut Output) -> Place {
        let id = self.context.id("ig_", self.items.len() as u32);
        let mut json = Vec::new();
        let mut list = List::open(&mut json);
        let wrote = match &part.kind {
            Kind::Image(media) => write_item::picture(&mut list, &id, media),
            Kind::Native(native) if is_item(&native.raw) => {
                list.raw(native.raw.get());
                true
            }
            Kind::Native(_)
            | Kind::Text { .. }
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Result(_)
            | Kind::Thinking { .. }
            | Kind::Refusal(_) => false,
        };
        drop(list);
        // Without the brackets of the list.
        json.pop();
        if !wrote {
            return Place::Nowhere;
        }
        json.drain(..1);
        self.add("", State::Done(Output::from(json).kept()), out);
        let Self { sequence, items, .. } = self;
        say(out, sequence, "response.output_item.done", |event, longs| {
            event.whole("output_index", items.len().saturating_sub(1) as u64);
            if let Some(Item { state: State::Done(json), .. }) = items.last() {
                event.kept("item", json, longs);
            }
        });
        Place::Nowhere
    }

    fn delta(&mut self, part: u32, delta: &Delta<'_>, out: &mut Output) {
        let Some(place) = self.places.get(part as usize).copied() else { return };
        let bytes = match delta {
            // As it is held.
            Delta::Text(text) | Delta::Arguments(text) => escaped(text),
            Delta::Opaque(opaque) => opaque.data.len(),
            Delta::Citation(citation) => cited(citation),
            Delta::Native(_) => 0,
        };
        if matches!(place, Place::Nowhere) || !self.hold(bytes, out) {
            return;
        }
        let Self { items, sequence, .. } = self;
        let (at, content) = match place {
            Place::Item(at) => (at, 0),
            Place::Content(at, content) => (at, content),
            Place::Nowhere => return,
        };
        let Some(Item { id, state }) = items.get_mut(at) else { return };
        match (state, delta) {
            (State::Message(message), delta) => {
                if let Some(slot) = message.contents.get_mut(content).filter(|slot| slot.open) {
                    slot.delta(delta, &Spot { item: id, output: at, content }, sequence, out);
                }
            }
            (State::Thought(thought), Delta::Text(text)) if !text.is_empty() => {
                let summary = |event: &mut Object<'_>| {
                    event.text("item_id", id).whole("output_index", at as u64).whole("summary_index", 0);
                };
                if thought.text.is_empty() {
                    say(out, sequence, "response.reasoning_summary_part.added", |event, _| {
                        summary(event);
                        event.object("part").text("type", "summary_text").text("text", "");
                    });
                }
                say(out, sequence, "response.reasoning_summary_text.delta", |event, longs| {
                    summary(event);
                    thought.text.delta(text, event, longs);
                });
            }
            (State::Thought(thought), Delta::Opaque(opaque)) => thought.opaque = Some(opaque.clone().into_owned()),
            (State::Call(call), Delta::Arguments(text)) if !text.is_empty() => {
                if let Some(hidden) = &mut call.hidden {
                    self.hidden = self.hidden.saturating_add(text.len());
                    grow(hidden, text.len());
                    hidden.extend_from_slice(text.as_bytes());
                } else {
                    call.say(id, at, text, sequence, out);
                }
            }
            // What is known too late for the beginning of the call still comes with its end.
            (State::Call(call), Delta::Opaque(opaque)) => call.id = opaque.onto_id(&call.bare),
            (State::Thought(_) | State::Call(_) | State::Done(_), _) => {}
        }
    }

    fn close(&mut self, part: u32, out: &mut Output) {
        match self.places.get(part as usize).copied() {
            Some(Place::Content(at, content)) => {
                self.finish_content(at, content, out);
                self.finish_message(at, out);
            }
            Some(Place::Item(at)) => self.finish_item(at, Status::Completed, out),
            Some(Place::Nowhere) | None => {}
        }
    }

    fn finish_content(&mut self, at: usize, content: usize, out: &mut Output) {
        let Self { items, sequence, .. } = self;
        let Some(Item { id, state: State::Message(message), .. }) = items.get_mut(at) else { return };
        if let Some(slot) = message.contents.get_mut(content) {
            slot.finish(&Spot { item: id, output: at, content }, sequence, out);
        }
    }

    /// Ends an item: from now on only its JSON is held.
    fn finish_item(&mut self, at: usize, status: Status, out: &mut Output) {
        let contents = match self.items.get(at).map(|item| &item.state) {
            Some(State::Message(message)) => message.contents.len(),
            Some(State::Thought(_) | State::Call(_)) => 0,
            Some(State::Done(_)) | None => return,
        };
        for content in 0..contents {
            self.finish_content(at, content, out);
        }
        let Self { items, sequence, .. } = self;
        let Some(item) = items.get_mut(at) else { return };
        match &mut item.state {
            State::Thought(thought) => thought.finish(&item.id, at, sequence, out),
            State::Call(call) => {
                self.hidden = self.hidden.saturating_sub(call.hidden.as_ref().map_or(0, Vec::len));
                call.finish(&item.id, at, sequence, out);
            }
            State::Message(_) | State::Done(_) => {}
        }
        let json = item.whole(status);
        say(out, sequence, "response.output_item.done", |event, longs| {
            event.whole("output_index", at as u64).kept("item", &json, longs);
        });
        item.state = State::Done(json);
    }
}

/// Where in the output a text is.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'s> {
    pub item: &'s str,
    pub output: usize,
    pub content: usize,
}

impl Spot<'_> {
    pub fn write(&self, event: &mut Object<'_>) {
        event.text("item_id", self.item).whole("output_index", self.output as u64);
        event.whole("content_index", self.content as u64);
    }
}

/// Writes one event.
pub fn say(out: &mut Output, sequence: &mut u64, kind: &str, body: impl FnOnce(&mut Object<'_>, &mut Longs)) {
    let Output { bytes, longs } = out;
    bytes.extend_from_slice(b"event: ");
    bytes.extend_from_slice(kind.as_bytes());
    bytes.extend_from_slice(b"\ndata: ");
    let mut event = Object::open(bytes);
    event.text("type", kind).whole("sequence_number", *sequence);
    body(&mut event, longs);
    drop(event);
    bytes.extend_from_slice(b"\n\n");
    *sequence = sequence.saturating_add(1);
}

/// Bytes of something that comes at once, about.
fn size(part: &Part<'_>) -> usize {
    use crate::conversation::Source;
    match &part.kind {
        Kind::Image(media) => match &media.source {
            Source::Base64 { data, .. } => data.len(),
            Source::Text(_) | Source::Url { .. } | Source::File(_) => 0,
        },
        Kind::Native(native) => native.raw.get().len(),
        Kind::Text { .. }
        | Kind::Document(_)
        | Kind::Audio(_)
        | Kind::Video(_)
        | Kind::Call(_)
        | Kind::Result(_)
        | Kind::Thinking { .. }
        | Kind::Refusal(_) => 0,
    }
}

fn cited(citation: &Citation<'_>) -> usize {
    let texts = [citation.url.as_deref(), citation.title.as_deref(), citation.raw.map(|raw| raw.get())];
    texts.into_iter().flatten().map(str::len).fold(OVERHEAD, usize::saturating_add)
}
