//! An answer in another format than the client's: what comes is translated as it comes.
//!
//! Always: what is appended for the client are whole events, or one whole document; of a stream nothing is held but one
//! unfinished event, of a document no more than [`MAX_DOCUMENT`].

use bytes::Bytes;
use dialects::embed::{self, Shape};
use dialects::translate::{self, Context, Malformed};
use dialects::watch::{self, Cut, Failure};
use dialects::{Usage, Wire};

/// The longest document that is translated, in bytes: many times what a model writes.
const MAX_DOCUMENT: usize = 64 * 1024 * 1024;

/// What an answer is translated into, and what it needs beside what the upstream says.
#[derive(Debug, Clone)]
pub enum Translation {
    Conversation {
        /// The upstream's format.
        from: Wire,
        /// The client's.
        to: Wire,
        streams: bool,
        context: Context,
    },
    /// `model`: as an OpenAI client calls it; None for a client of Gemini's.
    Embeddings { shape: Shape, model: Option<String>, request_bytes: u64 },
}

impl Translation {
    /// What the upstream is to answer with.
    pub(crate) fn accept(&self) -> &'static str {
        match self {
            Self::Conversation { streams: true, from: Wire::Converse, .. } => "application/vnd.amazon.eventstream",
            Self::Conversation { streams: true, .. } => "text/event-stream",
            Self::Conversation { streams: false, .. } | Self::Embeddings { .. } => "application/json",
        }
    }

    /// What the client is answered with.
    pub(crate) fn content_type(&self) -> &'static str {
        if self.is_sse() { "text/event-stream" } else { "application/json" }
    }

    /// Whether the client reads events.
    fn is_sse(&self) -> bool {
        matches!(self, Self::Conversation { streams: true, context, .. } if !context.array)
    }

    fn is_array(&self) -> bool {
        matches!(self, Self::Conversation { streams: true, context, .. } if context.array)
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
        let mode = match &translation {
            _ if encoded => Mode::Foreign,
            Translation::Conversation { streams: true, from, to, context } if events => {
                Mode::Stream(Box::new(translate::Stream::new(*from, *to, context)))
            }
            Translation::Conversation { streams: false, .. } | Translation::Embeddings { .. } if !events => {
                Mode::Document(Vec::new())
            }
            Translation::Conversation { .. } | Translation::Embeddings { .. } => Mode::Foreign,
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
    /// When it is not whole, or not to be understood ([`Cut::Foreign`]), or tells an error.
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
            Mode::Document(document) => match self.translation.document(document) {
                Ok((body, usage)) => {
                    self.usage = usage;
                    out = body;
                }
                Err(Malformed::Foreign) => return Err(Cut::Foreign(watch::OTHER)),
                Err(Malformed::Failed(failure)) => {
                    self.failure = Some(failure);
                    return Err(Cut::NoTerminal);
                }
            },
            Mode::Foreign => return Err(Cut::Foreign(watch::OTHER)),
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
        self.translation.is_sse()
    }

    /// Whether the client reads one array of what streams.
    pub fn is_array(&self) -> bool {
        self.translation.is_array()
    }
}

impl Translation {
    /// A whole answer in the client's format.
    fn document(&self, body: &[u8]) -> Result<(Vec<u8>, Option<Usage>), Malformed> {
        match self {
            Self::Conversation { from, to, context, .. } => {
                let translated = translate::answer(*from, *to, body, context)?;
                Ok((translated.body, translated.usage))
            }
            Self::Embeddings { shape, model: Some(model), request_bytes } => {
                let vectors = embed::read_gemini_answer(body)?;
                // OpenAI's format has a place for a count and none for its absence.
                let usage = vectors.usage.unwrap_or_else(|| Usage::guess(*request_bytes, 0));
                Ok((embed::write_openai_answer(&vectors, *shape, model, usage)?, vectors.usage))
            }
            Self::Embeddings { shape, model: None, .. } => {
                let vectors = embed::read_openai_answer(body)?;
                Ok((embed::write_gemini_answer(&vectors, *shape)?, vectors.usage))
            }
        }
    }
}
