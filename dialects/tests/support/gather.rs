//! The events of a stream, gathered into the answer that they make; checks on the way what must hold for them.

use dialects::Wire;
use dialects::conversation::{Answer, Call, Delta, Event, Finish, Kind, Opaque, Opened, Part, Str};
use dialects::translate::{Context, Reader};
use dialects::{Usage, conversation::Citation};

use super::events_of;

#[derive(Debug, Default)]
pub struct Gather {
    started: bool,
    id: Option<String>,
    parts: Vec<Gathered>,
    finish: Option<(Finish, Option<String>)>,
    usage: Option<Usage>,
    pub done: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Gathered {
    open: bool,
    what: What,
    text: String,
    opaque: Option<Opaque<'static>>,
    citations: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Text,
    Thinking,
    Refusal,
    Call { id: String, name: String },
    Whole,
}

impl Gather {
    pub fn event(&mut self, event: &Event<'_>) {
        assert!(!self.done, "an event after the last: {event:?}");
        assert!(self.started || matches!(event, Event::Start { .. }), "before the start: {event:?}");
        match event {
            Event::Start { id, .. } => {
                assert!(!std::mem::replace(&mut self.started, true), "two starts");
                self.id = id.as_ref().map(|id| id.to_string());
            }
            Event::Open { part, opened } => {
                assert!(self.finish.is_none() && *part as usize == self.parts.len(), "{event:?}");
                let (what, opaque) = match opened {
                    Opened::Text => (What::Text, None),
                    Opened::Thinking => (What::Thinking, None),
                    Opened::Refusal => (What::Refusal, None),
                    Opened::Call { id, name, opaque, .. } => {
                        (What::Call { id: id.to_string(), name: name.to_string() }, opaque.clone())
                    }
                    Opened::Whole(_) => (What::Whole, None),
                };
                let opaque = opaque.map(Opaque::into_owned);
                self.parts.push(Gathered { open: true, what, text: String::new(), opaque, citations: 0 });
            }
            Event::Delta { part, delta } => {
                let part = &mut self.parts[*part as usize];
                assert!(part.open, "a piece of a closed part");
                let fits = match (delta, &part.what) {
                    (_, What::Whole) => false,
                    (Delta::Text(_), what) => matches!(what, What::Text | What::Thinking | What::Refusal),
                    (Delta::Arguments(_), what) => matches!(what, What::Call { .. }),
                    (Delta::Citation(_), what) => *what == What::Text,
                    (Delta::Opaque(_) | Delta::Native(_), _) => true,
                };
                assert!(fits, "{event:?} of {:?}", part.what);
                match delta {
                    Delta::Text(text) | Delta::Arguments(text) => part.text += text,
                    Delta::Opaque(opaque) => part.opaque = Some(opaque.clone().into_owned()),
                    Delta::Citation(_) => part.citations += 1,
                    Delta::Native(_) => {}
                }
            }
            Event::Close { part } => {
                assert!(std::mem::replace(&mut self.parts[*part as usize].open, false), "closed twice");
            }
            Event::Finish { reason, stop_sequence } => {
                assert!(self.parts.iter().all(|part| !part.open) && self.finish.is_none());
                self.finish = Some((*reason, stop_sequence.as_ref().map(|text| text.to_string())));
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => {
                assert!(self.finish.is_some());
                self.done = true;
            }
        }
    }

    /// The events of a whole stream of this format.
    pub fn of(wire: Wire, body: &str, context: &Context) -> Self {
        let mut gather = Self::default();
        let mut reader = Reader::new(wire, context);
        for event in events_of(body) {
            let Some(data) = event.raw_data() else { continue };
            let name = event.name().unwrap_or_default();
            let told = reader.event(name.as_bytes(), data.as_bytes(), &mut |event| gather.event(&event));
            if told.is_err() || gather.done {
                return gather;
            }
        }
        reader.end(&mut |event| gather.event(&event));
        gather
    }

    pub fn answer(&self, wire: Wire) -> Answer<'_> {
        let parts = self.parts.iter().map(|part| {
            let text = Str::from(&*part.text);
            let citation = Citation { url: None, title: None, quote: None, start: None, end: None, raw: None };
            let kind = match &part.what {
                What::Text | What::Whole => Kind::Text { text, citations: vec![citation; part.citations] },
                What::Thinking => Kind::Thinking { text },
                What::Refusal => Kind::Refusal(text),
                What::Call { id, name } => Kind::Call(Box::new(Call {
                    id: Str::from(&**id),
                    name: Str::from(&**name),
                    arguments: text,
                    free_form: false,
                })),
            };
            Part { opaque: part.opaque.clone().map(Box::new), ..kind.into() }
        });
        Answer {
            id: self.id.as_deref().map(Str::from),
            parts: parts.collect(),
            finish: self.finish.as_ref().map(|finish| finish.0),
            stop_sequence: self.finish.as_ref().and_then(|finish| finish.1.as_deref()).map(Str::from),
            usage: self.usage,
            ..Answer::new(wire)
        }
    }

    /// What was said, in the order in which it was begun: what must survive a format.
    pub fn said(&self) -> Vec<(String, String, Option<Opaque<'static>>)> {
        let said = self.parts.iter().filter(|part| part.what != What::Whole);
        said.map(|part| (format!("{:?}", part.what), part.text.clone(), part.opaque.clone())).collect()
    }

    pub fn finish(&self) -> Option<Finish> {
        self.finish.as_ref().map(|finish| finish.0)
    }

    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }
}
