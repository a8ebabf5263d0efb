//! An answer in another format than the client's: what comes is translated as it comes.
//!
//! Always: what is appended for the client are whole events, or one whole document; of a stream nothing is held but one
//! unfinished event and what a call's arguments have been so far, of a document no more than [`MAX_DOCUMENT`]. What is
//! held beyond a little is counted in the buffer budget before it is; what is long is translated beside the workers, and
//! nothing more is taken up meanwhile.

use std::task::{Context as Waking, Poll};

use bytes::Bytes;
use dialects::bounds::TooMany;
use dialects::embed::{self, Shape};
use dialects::translate::{self, Context, Malformed};
use dialects::watch::{self, Cut, Failure};
use dialects::{Dialect, Output, Usage, Wire, bounds};

use super::collected::Collected;
use crate::heavy::{self, LARGE, Work};
use crate::pieces::AT_ONCE;
use crate::share::{Full, Share};

/// The longest document that is translated, in bytes: many times what a model writes, and what a whole request for
/// embeddings is answered with (2,048 texts, 3,072 numbers of up to 24 characters each).
const MAX_DOCUMENT: usize = 160 * 1024 * 1024;
const _: () = assert!(MAX_DOCUMENT > 2_048 * 3_072 * 25);

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
    /// The most that was read at one time: both connections' buffers stay as wide as that.
    widest: usize,
    /// What is held, and what all may hold together.
    held: Share,
    budget: u64,
}

#[derive(Debug)]
enum Mode {
    /// It is not labelled as what was asked for: its first byte decides.
    Open,
    Stream(Box<translate::Stream>),
    Document(Box<Collected>),
    /// Not what was asked for; or nothing can come of it any more.
    Foreign,
    Beside(Work<Worked>),
}

/// A document in the client's format, and the usage that it told.
type Document = Result<(Vec<u8>, Option<Usage>), Malformed>;

/// What was done beside the workers.
struct Worked {
    held: Share,
    done: Done,
}

enum Done {
    /// A piece, or the end, of a stream.
    Stream {
        stream: Box<translate::Stream>,
        out: Output,
        ended: Option<Result<(), Cut>>,
    },
    Document(Result<Document, Full>),
}

/// What a piece came to.
pub(super) struct Taken {
    pub out: Output,
    pub content: bool,
    /// By now the last event has come, and all of the answer has been written.
    pub terminal: bool,
    /// It was ended by a limit of ours: the upstream is not to go on.
    pub limited: bool,
    /// The upstream told an error: nothing more comes of it.
    pub failed: bool,
}

/// Why there is nothing of a piece, or of the end.
pub(super) enum Halt {
    /// It is nothing that could be translated.
    Foreign,
    NoRoom,
    /// Our own code failed.
    Panic,
    /// Not yet: [`Translated::poll_beside`] tells.
    Beside,
}

impl From<Full> for Halt {
    fn from(Full: Full) -> Self {
        Self::NoRoom
    }
}

/// What came of the work beside the workers: of a piece, or of the end.
pub(super) enum Came {
    Piece(Taken),
    End(Result<Output, Cut>),
}

impl Translated {
    /// `content_type`: the upstream's; `encoded`: it is compressed, though nobody asked for that; `budget`: what all may
    /// hold together.
    pub fn new(translation: Translation, content_type: &str, encoded: bool, budget: u64) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let events = essence.eq_ignore_ascii_case("text/event-stream")
            || essence.eq_ignore_ascii_case("application/vnd.amazon.eventstream");
        let mode = match &translation {
            _ if encoded => Mode::Foreign,
            Translation::Conversation { streams: true, from, to, context } if events => {
                Mode::Stream(Box::new(translate::Stream::new(*from, *to, context)))
            }
            Translation::Conversation { streams: false, .. } | Translation::Embeddings { .. } if !events => {
                Mode::Document(Box::default())
            }
            Translation::Conversation { .. } | Translation::Embeddings { .. } => Mode::Open,
        };
        Self { translation, mode, usage: None, failure: None, written: 0, widest: 0, held: Share::none(), budget }
    }

    /// What an answer with another label is, by its first byte that is not white space.
    fn opened(&self, first: u8) -> Mode {
        match &self.translation {
            Translation::Conversation { streams: true, from, to, context } => {
                let events = match from {
                    // The upper half of a message's length.
                    Wire::Converse => first == 0,
                    Wire::Chat | Wire::Responses | Wire::Messages | Wire::Gemini => {
                        matches!(first, b'd' | b'e' | b'i' | b'r' | b':' | 0xEF)
                    }
                };
                match first {
                    _ if events => Mode::Stream(Box::new(translate::Stream::new(*from, *to, context))),
                    // All of it at once, of a server that does not stream.
                    b'{' => Mode::Document(Box::default()),
                    _ => Mode::Foreign,
                }
            }
            Translation::Conversation { .. } | Translation::Embeddings { .. } if first == b'{' => {
                Mode::Document(Box::default())
            }
            Translation::Conversation { .. } | Translation::Embeddings { .. } => Mode::Foreign,
        }
    }

    pub fn push(&mut self, piece: &Bytes) -> Result<Taken, Halt> {
        if matches!(self.mode, Mode::Open) {
            let Some(first) = piece.trim_ascii_start().first() else {
                return Ok(Taken {
                    out: Output::default(),
                    content: false,
                    terminal: false,
                    limited: false,
                    failed: false,
                });
            };
            self.mode = self.opened(*first);
        }
        match &mut self.mode {
            // Only what may be long is looked at for its end, once more than it is anyway. Short events may bring the
            // end of what others have told piece by piece.
            Mode::Stream(stream)
                if stream.waiting() <= LARGE
                    && (stream.pending() + piece.len() <= LARGE || stream.due(piece) <= LARGE) =>
            {
                self.widest = self.widest.max((stream.pending() + piece.len()).min(AT_ONCE));
                let mut out = Output::default();
                stream.push(piece, &mut out);
                self.pushed(out)
            }
            Mode::Stream(stream) => {
                self.widest = AT_ONCE;
                self.held.cover(peak(stream.due(piece), stream), self.budget)?;
                let (piece, length) = (piece.clone(), stream.due(piece).max(stream.waiting()));
                Err(self.stream_beside(length, move |stream, out| {
                    stream.push(&piece, out);
                    None
                }))
            }
            Mode::Document(document) => {
                if document.len() + piece.len() > MAX_DOCUMENT {
                    return Err(Halt::Foreign);
                }
                self.held.cover((document.held() + piece.len()) as u64, self.budget)?;
                document.push(piece);
                Ok(Taken { out: Output::default(), content: false, terminal: false, limited: false, failed: false })
            }
            Mode::Open | Mode::Foreign | Mode::Beside(_) => Err(Halt::Foreign),
        }
    }

    /// The upstream's answer has ended; `clean`: as HTTP has it, all of it came.
    ///
    /// # Errors
    /// [`Cut`] when it is not whole, or not to be understood ([`Cut::Foreign`]), or tells an error.
    pub fn end(&mut self, clean: bool) -> Result<Result<Output, Cut>, Halt> {
        match &mut self.mode {
            Mode::Stream(stream) if stream.pending().max(stream.waiting()) <= LARGE => {
                let mut out = Output::default();
                let ended = stream.end(clean, &mut out).map(drop);
                let taken = self.pushed(out)?;
                Ok(ended.map(|()| taken.out))
            }
            Mode::Stream(stream) => {
                self.held.cover(peak(stream.pending(), stream), self.budget)?;
                let length = stream.pending().max(stream.waiting());
                Err(self.stream_beside(length, move |stream, out| Some(stream.end(clean, out).map(drop))))
            }
            Mode::Document(_) if !clean => Ok(Err(Cut::Broken)),
            Mode::Document(document) => {
                let document = std::mem::take(document);
                if document.len() <= LARGE {
                    let translated = self.translation.document(document.whole());
                    return self.translated(translated);
                }
                let (translation, mut held, budget) = (self.translation.clone(), self.take_held(), self.budget);
                Err(self.beside(document.len(), move || {
                    let document = document.whole();
                    let done = match translation.peak(&document) {
                        Ok(bytes) => {
                            let room = held.cover((document.len() + bytes) as u64, budget);
                            room.map(|()| translation.document(document))
                        }
                        Err(many) => Ok(Err(many.into())),
                    };
                    Worked { held, done: Done::Document(done) }
                }))
            }
            Mode::Open | Mode::Foreign | Mode::Beside(_) => Ok(Err(Cut::Foreign(watch::OTHER))),
        }
    }

    /// Whether something is being translated beside the workers.
    pub fn is_beside(&self) -> bool {
        matches!(self.mode, Mode::Beside(_))
    }

    pub fn poll_beside(&mut self, cx: &mut Waking<'_>) -> Poll<Result<Came, Halt>> {
        let Mode::Beside(work) = &mut self.mode else { return Poll::Ready(Err(Halt::Foreign)) };
        let worked = std::task::ready!(std::pin::Pin::new(work).poll(cx));
        self.mode = Mode::Foreign;
        let Ok(Worked { held, done }) = worked else { return Poll::Ready(Err(Halt::Panic)) };
        self.held = held;
        Poll::Ready(match done {
            Done::Stream { stream, out, ended } => {
                self.mode = Mode::Stream(stream);
                self.pushed(out).map(|taken| match ended {
                    None => Came::Piece(taken),
                    Some(ended) => Came::End(ended.map(|()| taken.out)),
                })
            }
            Done::Document(Ok(translated)) => self.translated(translated).map(Came::End),
            Done::Document(Err(full)) => Err(full.into()),
        })
    }

    fn take_held(&mut self) -> Share {
        std::mem::take(&mut self.held)
    }

    fn beside(&mut self, length: usize, work: impl FnOnce() -> Worked + Send + 'static) -> Halt {
        match heavy::run(length, work) {
            Ok(work) => {
                self.mode = Mode::Beside(work);
                Halt::Beside
            }
            Err(full) => full.into(),
        }
    }

    fn stream_beside(
        &mut self,
        length: usize,
        step: impl FnOnce(&mut translate::Stream, &mut Output) -> Option<Result<(), Cut>> + Send + 'static,
    ) -> Halt {
        let held = self.take_held();
        let Mode::Stream(mut stream) = std::mem::replace(&mut self.mode, Mode::Foreign) else { return Halt::Foreign };
        self.beside(length, move || {
            let mut out = Output::default();
            let ended = step(&mut stream, &mut out);
            Worked { held, done: Done::Stream { stream, out, ended } }
        })
    }

    /// What a stream has written.
    fn pushed(&mut self, out: Output) -> Result<Taken, Halt> {
        let Mode::Stream(stream) = &self.mode else { return Err(Halt::Foreign) };
        let progress = stream.progress();
        self.usage = progress.usage;
        if self.failure.is_none() {
            self.failure.clone_from(&progress.failure);
        }
        let (content, terminal, limited) = (progress.content, progress.terminal, progress.limited);
        self.held.cover((stream.held() + out.held() + 2 * self.widest) as u64, self.budget)?;
        self.written += out.len() as u64;
        Ok(Taken { out, content, terminal, limited, failed: self.failure.is_some() })
    }

    /// What a document has become.
    fn translated(&mut self, translated: Document) -> Result<Result<Output, Cut>, Halt> {
        self.mode = Mode::Foreign;
        let mut out = match translated {
            Ok((out, usage)) => {
                self.usage = usage;
                out
            }
            Err(Malformed::Foreign) => return Ok(Err(Cut::Foreign(watch::OTHER))),
            Err(Malformed::Failed(failure)) => {
                self.failure = Some(failure);
                return Ok(Err(Cut::NoTerminal));
            }
        };
        if out.capacity() > LARGE {
            out.shrink_to_fit();
        }
        self.held.cover(out.capacity() as u64, self.budget)?;
        self.written += out.len() as u64;
        Ok(Ok(out.into()))
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
    /// What is held at most while a whole answer is translated, beside it.
    fn peak(&self, body: &[u8]) -> Result<usize, TooMany> {
        match self {
            Self::Conversation { from, streams: true, .. } => {
                bounds::answer(*from, body).map(|bytes| bytes.saturating_add(bounds::allowed(body.len())))
            }
            Self::Conversation { from, .. } => bounds::answer(*from, body),
            Self::Embeddings { model: Some(_), .. } => bounds::embed_answer(Dialect::Gemini, body),
            Self::Embeddings { model: None, .. } => bounds::embed_answer(Dialect::OpenAi, body),
        }
    }

    /// A whole answer in the client's format, as a document or as a stream.
    fn document(&self, body: Vec<u8>) -> Document {
        let body = body.as_slice();
        match self {
            Self::Conversation { from, to, context, streams: true } => {
                let (out, usage) = translate::answer_as_stream(*from, *to, body, context)?;
                Ok((out.whole(), usage))
            }
            Self::Conversation { from, to, context, streams: false } => {
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

/// What is held at most while an event of so many bytes is translated, all that the stream holds already included. What
/// waits is read and written, where a quote takes two bytes.
fn peak(event: usize, stream: &translate::Stream) -> u64 {
    let event = if event > LARGE { event + bounds::allowed(event) } else { 0 };
    (stream.held() + 3 * stream.waiting() + event) as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
