//! An answer piece by piece.
//!
//! Always holds: `Start` comes first and once; a part is opened once, and its deltas come after; parts are numbered
//! from 0 in the order of their opening; several may be open at once, and their deltas may be mixed, as far as the
//! upstream mixes them; every part is closed before `Finish`; `Usage` may come at any time after `Start` and more than
//! once, each time as a whole; `Done` is the last and comes only where the answer is whole.

use serde_json::value::RawValue;

use super::{Citation, Finish, Opaque, Part, Str};
use crate::Usage;

/// One step of a streamed answer.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    Start {
        id: Option<Str<'a>>,
        model: Option<Str<'a>>,
        created: Option<u64>,
    },
    Open {
        part: u32,
        opened: Opened<'a>,
    },
    Delta {
        part: u32,
        delta: Delta<'a>,
    },
    Close {
        part: u32,
    },
    /// `stop_sequence`: the one that was hit, where the upstream says it.
    Finish {
        reason: Finish,
        stop_sequence: Option<Str<'a>>,
    },
    Usage(Usage),
    Done,
}

/// What begins.
#[derive(Debug, Clone)]
pub enum Opened<'a> {
    Text,
    Thinking,
    Refusal,
    /// `opaque`: what the provider wants back with the call.
    Call {
        id: Str<'a>,
        name: Str<'a>,
        free_form: bool,
        opaque: Option<Opaque<'a>>,
    },
    /// Comes whole at once and has no deltas: a medium, or something that only the upstream's format knows.
    Whole(Box<Part<'a>>),
}

/// What is added to an open part.
#[derive(Debug, Clone)]
pub enum Delta<'a> {
    /// To a text, a thought or a refusal.
    Text(Str<'a>),
    /// To a call: a piece of the arguments' JSON text.
    Arguments(Str<'a>),
    /// To any part: what the provider wants back with it. Whole, and the last one counts.
    Opaque(Opaque<'a>),
    /// To a text.
    Citation(Citation<'a>),
    /// To any part: something that only the upstream's format knows.
    Native(&'a RawValue),
}

impl Opened<'_> {
    /// Whether the opening alone is part of the answer: an empty text is not yet.
    pub const fn is_content(&self) -> bool {
        match self {
            Self::Text | Self::Thinking | Self::Refusal => false,
            Self::Call { .. } | Self::Whole(_) => true,
        }
    }
}
