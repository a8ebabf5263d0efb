//! How much a translation will hold, told before anything of it is built.
//!
//! A body of a few bytes an element (`{},{},{}`) would become hundreds of bytes an element. One pass over the raw bytes
//! counts what would be built, without an allocation; what would take more than [`allowed`] is refused by the name of
//! what there is too much of. The walk asks only by which key a thing stands and not in which format: what it takes for
//! a message where it is none only makes the sum greater. What is handed on as it came (arguments, long schemas) is
//! passed over, for it is never built: who looks into it keeps no more than what it names.
//! Always holds: linear in the bytes; whatever the parser takes, the walk goes through to its end; where the walk stops
//! early the parser stops too.

mod count;
mod key;
mod walk;

use crate::Dialect;
use crate::Wire;
use crate::translate::{Bad, Malformed};
use crate::watch::Failure;
use count::{Costs, Sums};

/// Small bodies may take this much, whatever is in them: tens of thousands of messages.
const ALWAYS: usize = 12 * 1024 * 1024;
/// A body of fewer bytes holds no more than that, whatever is in it: the worst are some 300 for each.
const SMALL: usize = 32 * 1024;

/// A longer schema is read by nobody, but left as it is: as Gemini's writer and reader see one, it takes many times its
/// length.
pub(crate) const LONGEST_SCHEMA: usize = 256 * 1024;

/// More of something than is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// In the plural: `messages`, `parts`, `tools`.
    pub what: &'static str,
    /// So many there may be, in a body of this size.
    pub limit: usize,
    /// The parameter to blame, where it was a request.
    pub param: Option<&'static str>,
}

impl TooMany {
    /// For the client.
    pub fn text(&self) -> String {
        format!("There are too many {} for the size of the body: at most {} are translated.", self.what, self.limit)
    }
}

impl TooMany {
    /// What is said of an upstream that answers so.
    pub fn failure(&self) -> Box<Failure> {
        Box::new(Failure::ours("the provider's answer has too many parts for its size"))
    }
}

impl From<TooMany> for Bad {
    fn from(many: TooMany) -> Self {
        Self { message: "", param: many.param, at: None, many: Some(many) }
    }
}

impl From<TooMany> for Malformed {
    fn from(many: TooMany) -> Self {
        Self::Failed(many.failure())
    }
}

/// The bytes that a translation may hold beside a body of this length.
pub const fn allowed(length: usize) -> usize {
    let by_length = length.saturating_mul(3);
    if by_length > ALWAYS { by_length } else { ALWAYS }
}

/// What translating a request holds at most beside the body: what is read of it, and what is written.
///
/// # Errors
/// Where that is more than a body of its size may take.
pub fn request(_: Wire, body: &[u8]) -> Result<usize, TooMany> {
    weigh(body, &count::REQUEST)
}

/// What translating a whole answer holds at most beside it.
///
/// # Errors
/// As [`request`].
pub fn answer(_: Wire, body: &[u8]) -> Result<usize, TooMany> {
    weigh(body, &count::ANSWER)
}

/// What translating a request for embeddings holds at most beside the body.
///
/// # Errors
/// As [`request`].
pub fn embed_request(_: Dialect, body: &[u8]) -> Result<usize, TooMany> {
    weigh(body, &count::EMBED_REQUEST)
}

/// What translating an answer of embeddings holds at most beside it.
///
/// # Errors
/// As [`request`].
pub fn embed_answer(_: Dialect, body: &[u8]) -> Result<usize, TooMany> {
    weigh(body, &count::EMBED_ANSWER)
}

fn weigh(body: &[u8], costs: &'static Costs) -> Result<usize, TooMany> {
    let mut sums = Sums::new(costs, allowed(body.len()), body.len());
    walk::Walk::new(body).top(&mut sums)?;
    sums.total(body.len())
}

/// For readers: refuses what is too much, and spares small bodies the walk.
pub(crate) fn check(body: &[u8], of: Of) -> Result<(), TooMany> {
    if body.len() <= SMALL {
        return Ok(());
    }
    let costs = match of {
        Of::Request => &count::REQUEST,
        Of::Answer => &count::ANSWER,
        Of::Event => &count::EVENT,
        Of::EmbedRequest => &count::EMBED_REQUEST,
        Of::EmbedAnswer => &count::EMBED_ANSWER,
    };
    weigh(body, costs).map(|_| ())
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    Request,
    Answer,
    Event,
    EmbedRequest,
    EmbedAnswer,
}

#[cfg(test)]
mod tests;
