//! From one wire format into another: requests, whole answers, streams, errors. The one surface of it.
//!
//! A request is read in the client's format ([`read`]) and written in the upstream's ([`write()`]); the same reading may
//! be written for several upstreams. An answer is read in the upstream's format and written in the client's, whole
//! ([`answer`]) or as it comes ([`Stream`]). In the middle stands [`crate::conversation`]; what is lost on the way is
//! named by [`crate::loss`]. Within one format nothing is translated: the relay hands the bytes on.
//!
//! Always holds: no clock, no random number, no panic on any bytes; no error carries text of a body; what is held of a
//! stream is one unfinished event and little more.

mod blame;
mod context;
mod error;
mod event_stream;
mod framing;
mod remote;
mod stream;
mod target;

pub(crate) use blame::named as param_named;
pub use context::{Context, FREE_FORM, Hints};
pub use error::{Bad, Malformed, Refused, Said, error, kind_of};
pub use framing::{Broken, Frame, Frames, MAX_EVENT};
pub use remote::{Inline, Medium, Remote, put_in};
pub use stream::{MAX_KEPT, MAX_PARTS, Progress, Reader, Stream, Writer, answer_as_stream};
pub use target::{Quirks, ReasoningStyle, Target, Written};

use crate::bounds::{self, Of};
use crate::conversation::{Answer, LONG, Request};
use crate::loss::{Fidelity, Losses, carries};
use crate::{Usage, Wire};
use crate::{anthropic, bedrock, gemini, openai};

/// Reads a client's request.
///
/// # Errors
/// Where it is no request of this format, or holds more of something than is translated ([`bounds`]).
pub fn read<'a>(wire: Wire, body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    bounds::check(body, Of::Request)?;
    let mut request = match wire {
        Wire::Chat => openai::chat::request::read(body, hints),
        Wire::Responses => openai::responses::request::read(body, hints),
        Wire::Messages => anthropic::messages::request::read(body, hints),
        Wire::Gemini => gemini::generate::request::read(body, hints),
        Wire::Converse => bedrock::converse::request::read(body, hints),
    }?;
    request.length = body.len();
    Ok(request)
}

/// Writes a request for an upstream.
pub fn write(wire: Wire, request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    if request.wire == Wire::Responses && wire != Wire::Responses {
        openai::responses::request::only_here(request)?;
    }
    let mut losses = request.lost;
    // To grow takes a second copy of what is written so far.
    let long = if request.length < LONG { 0 } else { request.length + request.length / 16 + 1_024 };
    let target = &Target { room: target.room.max(long), ..*target };
    let body = match wire {
        Wire::Chat => openai::chat::request::write(request, target, &mut losses)?,
        Wire::Responses => openai::responses::request::write(request, target, &mut losses)?,
        Wire::Messages => anthropic::messages::request::write(request, target, &mut losses)?,
        Wire::Gemini => gemini::generate::request::write(request, target, &mut losses)?,
        Wire::Converse => bedrock::converse::request::write(request, target, &mut losses)?,
    };
    if losses.is_empty() {
        return Ok(Written { body, losses });
    }
    debug_assert!(losses.fields().all(|field| carries(wire, field) != Fidelity::Carried), "{losses:?}");
    let refused = losses.only(|field| match carries(wire, field) {
        Fidelity::Refused => true,
        Fidelity::Dropped => target.refuse,
        Fidelity::Approximated | Fidelity::Carried => false,
    });
    if refused.is_empty() { Ok(Written { body, losses }) } else { Err(Refused::Lost(refused)) }
}

/// A whole answer in the client's format, and what the relay wants to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    pub body: Vec<u8>,
    pub usage: Option<Usage>,
    pub losses: Losses,
}

/// Translates a whole answer (a 200 with a document in it).
pub fn answer(from: Wire, to: Wire, body: &[u8], context: &Context) -> Result<Translated, Malformed> {
    let answer = read_answer(from, body)?;
    let mut losses = Losses::default();
    let body = write_answer(to, &answer, context, &mut losses);
    Ok(Translated { body, usage: answer.usage, losses })
}

/// Reads a whole answer of an upstream.
///
/// # Errors
/// Where it is none of this format, or holds more of something than is translated ([`bounds`]).
pub fn read_answer(wire: Wire, body: &[u8]) -> Result<Answer<'_>, Malformed> {
    bounds::check(body, Of::Answer)?;
    let mut answer = match wire {
        Wire::Chat => openai::chat::answer::read(body),
        Wire::Responses => openai::responses::answer::read(body),
        Wire::Messages => anthropic::messages::answer::read(body),
        Wire::Gemini => gemini::generate::answer::read(body),
        Wire::Converse => bedrock::converse::answer::read(body),
    }?;
    answer.length = body.len();
    Ok(answer)
}

/// Writes a whole answer for a client.
pub fn write_answer(wire: Wire, answer: &Answer<'_>, context: &Context, losses: &mut Losses) -> Vec<u8> {
    match wire {
        Wire::Chat => openai::chat::answer::write(answer, context, losses),
        Wire::Responses => openai::responses::answer::write(answer, context, losses),
        Wire::Messages => anthropic::messages::answer::write(answer, context, losses),
        Wire::Gemini => gemini::generate::answer::write(answer, context, losses),
        Wire::Converse => bedrock::converse::answer::write(answer, context, losses),
    }
}
