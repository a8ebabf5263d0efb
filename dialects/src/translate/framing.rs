//! Events out of a stream of bytes that come in any pieces.
//!
//! For formats that stream as SSE an event is a name (empty where there is none) and its data. Only an event that is
//! not yet whole is held, and never more than [`MAX_EVENT`] bytes of it.

use super::event_stream::EventStream;
use crate::Wire;
use crate::watch::bounds::Bounds;
use crate::watch::lines::{Line, Lines};

/// The longest event that is waited for. A Gemini event may hold a whole image.
pub const MAX_EVENT: usize = 16 * 1024 * 1024;
/// A buffer that has grown beyond this is not kept for the next event.
const KEEP: usize = 8 * 1024;

/// What came of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    Event {
        name: &'a [u8],
        data: &'a [u8],
    },
    /// A line of JSON with an error in it, or `error: ...`: no field of an event stream, but some servers end so.
    Stray(&'a [u8]),
}

/// What cannot be cut any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// An event is longer than [`MAX_EVENT`].
    TooLong,
    /// Lengths and checksums do not fit.
    Corrupt,
}

/// Cuts a stream into events, in the way of the format that it is of.
#[derive(Debug)]
pub enum Frames {
    Sse(Sse),
    Aws(EventStream),
}

impl Frames {
    pub fn new(from: Wire) -> Self {
        match from {
            Wire::Chat | Wire::Responses | Wire::Messages | Wire::Gemini => Self::Sse(Sse::default()),
            Wire::Converse => Self::Aws(EventStream::default()),
        }
    }

    /// Takes the next piece. `each` says whether to go on.
    pub fn push(&mut self, bytes: &[u8], each: impl FnMut(Frame<'_>) -> bool) -> Result<(), Broken> {
        match self {
            Self::Sse(sse) => sse.push(bytes, each),
            Self::Aws(events) => events.push(bytes, each),
        }
    }

    /// The length of the held event that this piece brings to its end; 0 where it does not.
    pub fn due(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Sse(sse) => sse.due(bytes),
            Self::Aws(events) => events.due(bytes),
        }
    }

    /// Bytes of an event that is not yet whole.
    pub fn held(&self) -> usize {
        match self {
            Self::Sse(sse) => sse.held.len(),
            Self::Aws(events) => events.held(),
        }
    }

    /// The stream has ended in order: the last event may lack its blank line. A message of AWS's is whole or none.
    pub fn end(&mut self, each: impl FnMut(Frame<'_>) -> bool) {
        match self {
            Self::Sse(sse) => sse.end(each),
            Self::Aws(_) => {}
        }
    }
}

/// Keeps more of what is not whole. A long one grows by a quarter: to double would take three times its size.
pub fn append(held: &mut Vec<u8>, bytes: &[u8]) {
    crate::json::put::grow(held, bytes.len());
    held.extend_from_slice(bytes);
}

/// Cuts an SSE stream into events.
#[derive(Debug, Default)]
pub struct Sse {
    bounds: Bounds,
    held: Vec<u8>,
    started: bool,
}

impl Sse {
    /// Takes the next piece. `each` says whether to go on.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame<'_>) -> bool) -> Result<(), Broken> {
        let mut rest = bytes;
        while let Some(bound) = self.bounds.find(rest) {
            let (event, after) = rest.split_at_checked(bound.end).unwrap_or((rest, &[]));
            rest = after;
            let go_on = if self.held.is_empty() {
                self.event(event, &mut each)
            } else {
                let mut held = std::mem::take(&mut self.held);
                if held.len().saturating_add(event.len()) > MAX_EVENT {
                    return Err(Broken::TooLong);
                }
                append(&mut held, event);
                let go_on = self.event(&held, &mut each);
                held.clear();
                if held.capacity() <= KEEP {
                    self.held = held;
                }
                go_on
            };
            if !go_on {
                return Ok(());
            }
        }
        if self.held.len().saturating_add(rest.len()) > MAX_EVENT {
            return Err(Broken::TooLong);
        }
        append(&mut self.held, rest);
        Ok(())
    }

    fn due(&self, bytes: &[u8]) -> usize {
        if self.held.is_empty() {
            return 0;
        }
        let mut bounds = self.bounds;
        bounds.find(bytes).map_or(0, |bound| self.held.len() + bound.end)
    }

    /// The stream has ended in order: the last event may lack its blank line. Half an event is for the reader to refuse.
    pub fn end(&mut self, mut each: impl FnMut(Frame<'_>) -> bool) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.event(&held, &mut each);
        }
    }

    fn event(&mut self, event: &[u8], each: &mut impl FnMut(Frame<'_>) -> bool) -> bool {
        let event = if self.started { event } else { event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event) };
        self.started = true;
        let (mut name, mut data, mut joined): (&[u8], &[u8], Option<Vec<u8>>) = (b"", b"", None);
        let mut any = false;
        for line in Lines(event) {
            match Line::read(line) {
                Line::Event(text) => (name, any) = (text, any || text == b"error"),
                Line::Data(text) if data.is_empty() => (data, any) = (text, any || !text.is_empty()),
                Line::Data(text) => {
                    let joined = joined.get_or_insert_with(|| data.to_vec());
                    joined.push(b'\n');
                    joined.extend_from_slice(text);
                }
                Line::Error(text) => {
                    if !each(Frame::Stray(text)) {
                        return false;
                    }
                }
                Line::Other => {}
            }
        }
        !any || each(Frame::Event { name, data: joined.as_deref().unwrap_or(data) })
    }
}
