//! A streamed answer, translated as it comes.
//!
//! Bytes go in, in any pieces; events are read out of them and written in the client's format at once. A [`Reader`]
//! and a [`Writer`] are state machines of one format each, and know nothing of each other.

use super::framing::{Broken, Frame, Frames};
use super::{Context, Malformed, read_answer};
use crate::bounds::{self, Of};
use crate::conversation::{Citation, Delta, Event, Opened};
use crate::watch::{Cut, Failure};
use crate::{Output, Usage, Wire};
use crate::{anthropic, bedrock, gemini, openai};

/// More parts in one answer are no answer: a writer keeps where each of them is.
pub const MAX_PARTS: u32 = 1 << 16;
/// Bytes of ids, names, sources and what providers want back, of one answer: writers keep some of them until its end.
pub const MAX_KEPT: usize = 16 * 1024 * 1024;

/// Reads the events of a stream.
#[derive(Debug)]
pub enum Reader {
    Chat(Box<openai::chat::stream::Read>),
    Responses(Box<openai::responses::stream::Read>),
    Messages(Box<anthropic::messages::stream::Read>),
    Gemini(Box<gemini::generate::stream::Read>),
    Converse(Box<bedrock::converse::stream::Read>),
}

impl Reader {
    pub fn new(wire: Wire, context: &Context) -> Self {
        match wire {
            Wire::Chat => Self::Chat(Box::new(openai::chat::stream::Read::new(context))),
            Wire::Responses => Self::Responses(Box::new(openai::responses::stream::Read::new(context))),
            Wire::Messages => Self::Messages(Box::new(anthropic::messages::stream::Read::new(context))),
            Wire::Gemini => Self::Gemini(Box::new(gemini::generate::stream::Read::new(context))),
            Wire::Converse => Self::Converse(Box::new(bedrock::converse::stream::Read::new(context))),
        }
    }

    /// Takes one event of the wire: its name (empty where it has none) and its data. An error that it carries ends the
    /// answer: nothing is to be pushed after it.
    pub fn event(&mut self, name: &[u8], data: &[u8], emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Box<Failure>> {
        match self {
            Self::Chat(read) => read.event(name, data, emit),
            Self::Responses(read) => read.event(name, data, emit),
            Self::Messages(read) => read.event(name, data, emit),
            Self::Gemini(read) => read.event(name, data, emit),
            Self::Converse(read) => read.event(name, data, emit),
        }
    }

    /// The stream has ended in order without its last event. Where the answer is whole all the same, what is missing
    /// is emitted, `Done` at last.
    pub fn end(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        match self {
            Self::Chat(read) => read.end(emit),
            Self::Responses(read) => read.end(emit),
            Self::Messages(read) => read.end(emit),
            Self::Gemini(read) => read.end(emit),
            Self::Converse(read) => read.end(emit),
        }
    }
}

/// Writes the events of a stream.
#[derive(Debug)]
pub enum Writer {
    Chat(Box<openai::chat::stream::Write>),
    Responses(Box<openai::responses::stream::Write>),
    Messages(Box<anthropic::messages::stream::Write>),
    Gemini(Box<gemini::generate::stream::Write>),
    Converse(Box<bedrock::converse::stream::Write>),
}

impl Writer {
    pub fn new(wire: Wire, context: &Context) -> Self {
        match wire {
            Wire::Chat => Self::Chat(Box::new(openai::chat::stream::Write::new(context))),
            Wire::Responses => Self::Responses(Box::new(openai::responses::stream::Write::new(context))),
            Wire::Messages => Self::Messages(Box::new(anthropic::messages::stream::Write::new(context))),
            Wire::Gemini => Self::Gemini(Box::new(gemini::generate::stream::Write::new(context))),
            Wire::Converse => Self::Converse(Box::new(bedrock::converse::stream::Write::new(context))),
        }
    }

    /// Appends the bytes of one event. What it appends are whole events of the wire.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Output) {
        match self {
            Self::Chat(write) => write.event(event, &mut out.bytes),
            Self::Responses(write) => write.event(event, out),
            Self::Messages(write) => write.event(event, &mut out.bytes),
            Self::Gemini(write) => write.event(event, &mut out.bytes),
            Self::Converse(write) => write.event(event, &mut out.bytes),
        }
    }

    /// It has ended the answer by itself: what would come after its limit has no place in it.
    pub fn ended(&self) -> bool {
        match self {
            Self::Responses(write) => write.ended(),
            Self::Chat(_) | Self::Messages(_) | Self::Gemini(_) | Self::Converse(_) => false,
        }
    }
}

impl Writer {
    /// Bytes of texts that are kept for later events.
    fn held(&self) -> usize {
        match self {
            Self::Responses(write) => write.held(),
            Self::Chat(_) | Self::Gemini(_) | Self::Messages(_) | Self::Converse(_) => self.waiting(),
        }
    }

    /// Bytes of JSON that are kept until it is whole, and read then.
    fn waiting(&self) -> usize {
        match self {
            Self::Chat(write) => write.waiting(),
            Self::Responses(write) => write.waiting(),
            Self::Gemini(write) => write.waiting(),
            Self::Messages(_) | Self::Converse(_) => 0,
        }
    }
}

/// How far an answer has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// By now content has come: until then another answer may take the place of this one, and what was written so far
    /// is to be thrown away.
    pub content: bool,
    /// The answer is whole, and all of it has been written.
    pub terminal: bool,
    /// It is so because of a limit of ours: the upstream has more to say, which nobody will read.
    pub limited: bool,
    /// The tokens reported by now.
    pub usage: Option<Usage>,
    /// The upstream told an error, by now. Nothing was written about it: the caller says it in the client's dialect.
    pub failure: Option<Box<Failure>>,
}

/// One streamed answer.
#[derive(Debug)]
pub struct Stream {
    frames: Frames,
    reader: Reader,
    writer: Writer,
    progress: Progress,
    kept: usize,
}

impl Stream {
    pub fn new(from: Wire, to: Wire, context: &Context) -> Self {
        Self {
            frames: Frames::new(from),
            reader: Reader::new(from, context),
            writer: Writer::new(to, context),
            progress: Progress::default(),
            kept: 0,
        }
    }

    /// Takes the next bytes of the upstream and appends what they come to for the client: always whole events.
    pub fn push(&mut self, bytes: &[u8], out: &mut Output) -> &Progress {
        let Self { frames, reader, writer, progress, kept } = self;
        if progress.failure.is_none() {
            let told = frames.push(bytes, |frame| step(frame, reader, &mut Sink { writer, progress, kept, out }));
            // What follows the last event changes nothing any more.
            if let Err(broken) = told
                && !progress.terminal
            {
                progress.failure = Some(Box::new(Failure::ours(match broken {
                    Broken::TooLong => "an event of the provider's answer is too long",
                    Broken::Corrupt => "the provider's answer is damaged",
                })));
            }
        }
        &self.progress
    }

    /// The upstream's answer has ended. `clean`: as HTTP has it, all of it came. After an error nothing more is
    /// appended, and the caller says in the client's dialect that the answer broke off.
    pub fn end(&mut self, clean: bool, out: &mut Output) -> Result<&Progress, Cut> {
        let Self { frames, reader, writer, progress, kept } = self;
        if clean && progress.failure.is_none() && !progress.terminal {
            frames.end(|frame| step(frame, reader, &mut Sink { writer, progress, kept, out }));
            if progress.failure.is_none() && !progress.terminal {
                reader.end(&mut |event| Sink { writer, progress, kept, out }.take(&event));
            }
        }
        match (progress.terminal && progress.failure.is_none(), clean) {
            (true, _) => Ok(&self.progress),
            (false, true) => Err(Cut::NoTerminal),
            (false, false) => Err(Cut::Broken),
        }
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The length of the held event that these bytes would bring to its end: what is long takes long to translate.
    pub fn due(&self, bytes: &[u8]) -> usize {
        self.frames.due(bytes)
    }

    /// The length of the event that is held.
    pub fn pending(&self) -> usize {
        self.frames.held()
    }

    /// The length of the JSON that is kept until it is whole: any event, and the end of the answer, may have it read.
    pub fn waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// Bytes that are kept between two pieces.
    pub fn held(&self) -> usize {
        self.frames.held() + self.kept + self.writer.held()
    }
}

/// Writes a whole answer (a 200 with a document in it) as a stream: servers that cannot stream, and caches, answer with
/// one whatever they were asked for.
///
/// # Errors
/// Where it is no answer of this format, or of one that has no event for a whole answer.
pub fn answer_as_stream(
    from: Wire,
    to: Wire,
    body: &[u8],
    context: &Context,
) -> Result<(Output, Option<Usage>), Malformed> {
    let wrapped;
    let (event, last): (&[u8], &[u8]) = match from {
        // Some servers stream a whole message in a chunk's place.
        Wire::Chat => (body, b"[DONE]"),
        Wire::Gemini => (body, b""),
        Wire::Responses => {
            wrapped = [br#"{"type":"response.completed","response":"#, body, b"}"].concat();
            (&wrapped, b"")
        }
        // It may tell an error, though.
        Wire::Messages | Wire::Converse => return Err(Malformed::of(body)),
    };
    read_answer(from, body)?;
    let mut stream = Stream::new(from, to, context);
    let mut out = Output::default();
    let Stream { reader, writer, progress, kept, .. } = &mut stream;
    for data in [event, last].into_iter().filter(|data| !data.is_empty()) {
        step(Frame::Event { name: b"", data }, reader, &mut Sink { writer, progress, kept, out: &mut out });
    }
    let ended = stream.end(true, &mut out).map(|progress| progress.usage);
    match (ended, stream.progress.failure) {
        (_, Some(failure)) => Err(Malformed::Failed(failure)),
        (Ok(usage), None) => Ok((out, usage)),
        (Err(_), None) => Err(Malformed::Foreign),
    }
}

/// Where events go.
struct Sink<'s> {
    writer: &'s mut Writer,
    progress: &'s mut Progress,
    kept: &'s mut usize,
    out: &'s mut Output,
}

/// Reads one event and writes what it comes to; false where there is no sense in going on.
fn step(frame: Frame<'_>, reader: &mut Reader, sink: &mut Sink<'_>) -> bool {
    let told = match frame {
        // What follows the last event (usage of some vendors, noise of others) changes nothing any more.
        Frame::Event { .. } | Frame::Stray(_) if sink.progress.terminal => return true,
        Frame::Event { name, data } => match bounds::check(data, Of::Event) {
            Ok(()) => reader.event(name, data, &mut |event| sink.take(&event)),
            Err(many) => Err(many.failure()),
        },
        Frame::Stray(text) => Err(Box::new(Failure::read(text))),
    };
    if let Err(failure) = told {
        sink.progress.failure.get_or_insert(failure);
    }
    sink.progress.failure.is_none()
}

impl Sink<'_> {
    fn take(&mut self, event: &Event<'_>) {
        let Self { writer, progress, kept, out } = self;
        if progress.failure.is_some() {
            return;
        }
        **kept = kept.saturating_add(keeps(event));
        let beyond = **kept > MAX_KEPT || matches!(event, Event::Open { part, .. } if *part >= MAX_PARTS);
        if beyond {
            progress.failure = Some(Box::new(Failure::ours("the provider's answer has too many parts")));
            return;
        }
        match event {
            Event::Start { .. } | Event::Close { .. } => {}
            Event::Open { opened, .. } => progress.content |= opened.is_content(),
            Event::Delta { delta, .. } => {
                progress.content |= match delta {
                    Delta::Text(text) | Delta::Arguments(text) => !text.is_empty(),
                    Delta::Opaque(_) | Delta::Citation(_) | Delta::Native(_) => true,
                }
            }
            Event::Finish { .. } => progress.content = true,
            Event::Usage(usage) => progress.usage = Some(*usage),
            Event::Done => progress.terminal = true,
        }
        writer.event(event, out);
        if !progress.terminal && writer.ended() {
            (progress.terminal, progress.limited) = (true, true);
        }
    }
}

/// Bytes that a writer may keep of an event. Texts and arguments go on as they come, or are counted by who holds them.
fn keeps(event: &Event<'_>) -> usize {
    match event {
        Event::Open { opened: Opened::Call { id, name, opaque, .. }, .. } => {
            id.len() + name.len() + opaque.as_ref().map_or(0, |opaque| opaque.data.len())
        }
        Event::Delta { delta: Delta::Opaque(opaque), .. } => opaque.data.len(),
        Event::Delta { delta: Delta::Citation(Citation { url, title, .. }), .. } => {
            [url, title].into_iter().flatten().map(|text| text.len()).sum()
        }
        Event::Start { .. }
        | Event::Open { .. }
        | Event::Delta { .. }
        | Event::Close { .. }
        | Event::Finish { .. }
        | Event::Usage(_)
        | Event::Done => 0,
    }
}
