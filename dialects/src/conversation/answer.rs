//! What a model answers.

use super::{Part, Str};
use crate::{Usage, Wire};

/// From here on memory counts.
pub(crate) const LONG: usize = 64 * 1024;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The format that it was read from.
    pub wire: Wire,
    pub id: Option<Str<'a>>,
    /// As the upstream calls it.
    pub model: Option<Str<'a>>,
    /// Seconds since 1970.
    pub created: Option<u64>,
    pub parts: Vec<Part<'a>>,
    pub finish: Option<Finish>,
    /// The stop sequence that was hit, where the upstream says it.
    pub stop_sequence: Option<Str<'a>>,
    pub usage: Option<Usage>,
    pub service_tier: Option<Str<'a>>,
    /// There are members unknown to the reader.
    pub extra: bool,
    /// Bytes of the body that it was read from.
    pub length: usize,
}

impl Answer<'_> {
    /// About as many bytes will be written: a long answer takes them at once, for to grow takes a second copy.
    pub(crate) fn room(&self, wire: Wire) -> usize {
        if self.length < LONG {
            return 1_024;
        }
        // A thought comes twice to a client of chat.
        let more = match wire {
            Wire::Chat => self.parts.iter().filter_map(|part| part.kind.thought()).map(crate::json::put::escaped).sum(),
            // What another provider wants back comes to one of Gemini in base64.
            Wire::Gemini => self.parts.iter().filter_map(|part| part.opaque.as_ref()).map(|o| o.data.len() / 2).sum(),
            Wire::Responses | Wire::Messages | Wire::Converse => 0,
        };
        self.length + self.length / 16 + more + 1_024
    }

    pub fn new(wire: Wire) -> Self {
        Self {
            wire,
            id: None,
            model: None,
            created: None,
            parts: Vec::new(),
            finish: None,
            stop_sequence: None,
            usage: None,
            service_tier: None,
            extra: false,
            length: 0,
        }
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finish {
    /// It was done, or a stop sequence came.
    Stop,
    /// A stop sequence came, said expressly.
    StopSequence,
    /// `max_tokens`.
    Length,
    /// The context window is full.
    ContextFull,
    /// It waits for the results of its calls.
    ToolCalls,
    /// Cut or withheld by a filter of the provider.
    Filter,
    /// The model refused.
    Refusal,
    /// Stopped on the way, to be continued by sending it back (Anthropic's `pause_turn`).
    Pause,
    /// It wrote a call that cannot be read (Gemini).
    MalformedCall,
    /// Anything else.
    Other,
}
