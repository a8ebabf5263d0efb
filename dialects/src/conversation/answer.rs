//! What a model answers.

use super::{Extra, Part, Str};
use crate::{Usage, Wire};

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
    /// Members unknown to the reader.
    pub extra: Extra<'a>,
}

impl Answer<'_> {
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
            extra: Extra::new(),
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
