//! An answer in another format than the client's: what comes is translated as it comes.
//!
//! Always: what is appended for the client are whole events, or one whole document; of a stream nothing is held but one
//! unfinished event, of a document no more than [`MAX_DOCUMENT`].

use bytes::Bytes;
use dialects::translate::{self, Context, Malformed};
use dialects::watch::{Cut, Failure};
use dialects::{Usage, Wire};

/// The longest document that is translated, in bytes: many times what a model writes.
const MAX_DOCUMENT: usize = 64 * 1024 * 1024;

/// From which format into which, and what the answer needs beside what the upstream says.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The upstream's.
    pub from: Wire,
    /// The client's.
    pub to: Wire,
    pub streams: bool,
    pub context: Context,
}

impl Translation {
    /// What the upstream is to answer with.
    pub(crate) fn accept(&self) -> &'static str {
        match (self.streams, self.from) {
            (true, Wire::Converse) => "application/vnd.amazon.eventstream",
            (true, Wire::Chat | Wire::Responses | Wire::Messages | Wire::Gemini) => "text/event-stream",
            (false, _) => "application/json",
        }
    }

    /// What the client is answered with.
    pub(crate) fn content_type(&self) -> &'static str {
        if self.streams && !self.context.array { "text/event-stream" } else { "application/json" }
    }
}

/// The answer, so far.
#[derive(Debug)]
pub(super) struct Translated {
    translation: Translation,
    mode: Mode,
    usage: Option<Usage>,
    failure: Option<Box<Failure>>,
    /// Bytes that went to the client.
    written: u64,
}

#[derive(Debug)]
enum Mode {
    Stream(Box<translate::Stream>),
    Document(Vec<u8>),
    /// Not what was asked for.
    Foreign,
}

/// What a piece came to.
pub(super) struct Taken {
    pub out: Bytes,
    pub content: bool,
    /// By now the last event has come, and all of the answer has been written.
    pub terminal: bool,
    /// The upstream told an error: nothing more comes of it.
    pub failed: bool,
    /// It is nothing that could be translated.
    pub foreign: bool,
}

impl Translated {
    /// `content_type`: the upstream's; `encoded`: it is compressed, though nobody asked for that.
    pub fn new(translation: Translation, content_type: &str, encoded: bool) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let events = essence.eq_ignore_ascii_case("text/event-stream")
            || essence.eq_ignore_ascii_case("application/vnd.amazon.eventstream");
        let mode = match (encoded, translation.streams, events) {
            (false, true, true) => {
                let Translation { from, to, context, .. } = &translation;
                Mode::Stream(Box::new(translate::Stream::new(*from, *to, context)))
            }
            (false, false, false) => Mode::Document(Vec::new()),
            (true, _, _) | (false, true, false) | (false, false, true) => Mode::Foreign,
        };
        Self { translation, mode, usage: None, failure: None, written: 0 }
    }

    pub fn push(&mut self, piece: &[u8]) -> Taken {
        let mut out = Vec::new();
        let (mut content, mut terminal, mut foreign) = (false, false, false);
        match &mut self.mode {
            Mode::Stream(stream) => {
                let progress = stream.push(piece, &mut out);
                content = progress.content;
                terminal = progress.terminal;
                self.usage = progress.usage;
                if self.failure.is_none() {
                    self.failure = progress.failure.clone();
                }
            }
            Mode::Document(document) => {
                foreign = document.len() + piece.len() > MAX_DOCUMENT;
                if !foreign {
                    document.extend_from_slice(piece);
                }
            }
            Mode::Foreign => foreign = true,
        }
        self.written += out.len() as u64;
        Taken { out: out.into(), content, terminal, failed: self.failure.is_some(), foreign }
    }

    /// The upstream's answer has ended; `clean`: as HTTP has it, all of it came.
    ///
    /// # Errors
    /// When it is not whole, or not to be understood ([`Cut::NoTerminal`]), or tells an error.
    pub fn end(&mut self, clean: bool) -> Result<Bytes, Cut> {
        let mut out = Vec::new();
        match &mut self.mode {
            Mode::Stream(stream) => {
                let ended = stream.end(clean, &mut out).map(|_| ());
                let progress = stream.progress();
                self.usage = progress.usage;
                if self.failure.is_none() {
                    self.failure = progress.failure.clone();
                }
                ended?;
            }
            Mode::Document(_) if !clean => return Err(Cut::Broken),
            Mode::Document(document) => {
                let Translation { from, to, context, .. } = &self.translation;
                match translate::answer(*from, *to, document, context) {
                    Ok(translated) => {
                        self.usage = translated.usage;
                        out = translated.body;
                    }
                    Err(Malformed::Foreign) => return Err(Cut::NoTerminal),
                    Err(Malformed::Failed(failure)) => {
                        self.failure = Some(failure);
                        return Err(Cut::NoTerminal);
                    }
                }
            }
            Mode::Foreign => return Err(Cut::NoTerminal),
        }
        self.written += out.len() as u64;
        Ok(out.into())
    }

    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    pub fn estimate(&self, request_bytes: u64) -> Usage {
        Usage::guess(request_bytes, self.written)
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }

    /// Whether the client reads events.
    pub fn is_sse(&self) -> bool {
        self.translation.streams && !self.translation.context.array
    }
}
