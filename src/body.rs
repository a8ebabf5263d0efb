//! Reads a JSON body: up to its limit, within the budget of all bodies together, and not for ever.

mod brotli;
mod coding;
mod decode;
mod fed;
mod inflate;
mod zstd;

use std::time::{Duration, Instant};

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actors::alarm;
pub use actors::share::Share;
use actors::share::{Full, held as all_held};
use actors::spell::turn;
pub use coding::{Coding, Unread};
pub use decode::read as decoded;
use fed::Fed;
use futures::{Stream, StreamExt};

/// Nothing for so long: the client has stalled.
const STALLED: Duration = Duration::from_secs(20);
/// A body may take this long whatever its size, and a second more for each [`PER_SECOND`] bytes of it: a client that
/// drips is not waited for.
const GRACE: Duration = Duration::from_secs(30);
const PER_SECOND: u64 = 16 * 1024;
/// Of room that nothing came into so much may stay.
const LOOSE: usize = 64 * 1024;
/// After so many bytes others have their [`turn`].
const TURN: usize = 1024 * 1024;
/// What a piece costs however short it is, in bytes.
const PIECE: usize = 256;
/// What is held of a large upload on its way.
const UPLOADED: u64 = 600 * 1024;

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// More than `body_limit`.
    TooLarge,
    /// All bodies together would be more than `buffer_budget`.
    NoRoom,
    TooSlow,
    /// The client broke off, or its framing is wrong.
    Broken,
    /// It is not what its content-encoding says, or not all of it.
    Undecodable,
}

impl From<Full> for BodyError {
    fn from(Full: Full) -> Self {
        Self::NoRoom
    }
}

/// The whole body. `announced`: the Content-Length. A body that came in one piece is not copied.
///
/// # Errors
/// As [`BodyError`] says.
pub async fn read(
    payload: Payload,
    announced: Option<u64>,
    limit: u64,
    budget: u64,
) -> Result<(Bytes, Share), BodyError> {
    if announced.is_some_and(|announced| announced > limit) {
        return Err(BodyError::TooLarge);
    }
    // What was announced is only believed as far as it has come: a lie costs no memory, and no part of the budget.
    let mut share = Share::none();
    let mut payload = Fed::new(payload);
    let started = Instant::now();
    let Some(first) = next(&mut payload, started, 0).await? else { return Ok((Bytes::new(), share)) };
    let mut held = first.len() as u64;
    check(held, limit, &mut share, budget)?;
    if announced == Some(held) {
        return Ok((first, share));
    }
    let mut body = Vec::with_capacity(first.len().max(8 * 1024));
    body.extend_from_slice(&first);
    let mut worked = Worked::default();
    while let Some(piece) = next(&mut payload, started, held).await? {
        held += piece.len() as u64;
        worked.on(&piece).await;
        check(held, limit, &mut share, budget)?;
        make_room(&mut body, piece.len(), announced);
        body.extend_from_slice(&piece);
    }
    if body.capacity() - body.len() > LOOSE {
        body.shrink_to_fit();
    }
    count_beside(held, &mut share, budget)?;
    Ok((Bytes::from(body), share))
}

/// Work on a body since others had their turn.
#[derive(Default)]
pub struct Worked(usize);

impl Worked {
    /// To be awaited for each piece.
    pub async fn on(&mut self, piece: &[u8]) {
        self.0 += piece.len() + PIECE;
        if self.0 >= TURN {
            self.0 = 0;
            turn().await;
        }
    }
}

/// Counts what is held beside a body that waits: its two connections' buffers, which it is read into and written from, and
/// all that a request holds without any body. Measured: twice a small body and 40 KiB, and some 256 KiB of any other. Where
/// nobody else holds anything a body never lacks it; how many that are hardly one there may be is `max_in_flight`'s.
fn count_beside(length: u64, share: &mut Share, budget: u64) -> Result<(), Full> {
    grow_among_others((2 * length + (2 * length).min(40 * 1024)).min(256 * 1024), share, budget)
}

/// The same of an upload on its way, of which nothing but its beginning is kept: its connections' buffers are filled by a
/// provider that takes it slowly. Measured: twice one of 60 KB, 540 KiB of one of 1 MB, 720 KiB of one of 10 MB.
pub fn count_beside_upload(length: Option<u64>, share: &mut Share, budget: u64) -> Result<(), Full> {
    let beside = length.map_or(UPLOADED, |length| (2 * length + 40 * 1024).min(UPLOADED));
    grow_among_others(beside, share, budget)
}

/// What is not there where nobody else holds anything is not lacked.
fn grow_among_others(bytes: u64, share: &mut Share, budget: u64) -> Result<(), Full> {
    match share.grow(bytes, budget) {
        Err(Full) if all_held() > share.bytes() => Err(Full),
        Ok(()) | Err(Full) => Ok(()),
    }
}

/// Room for the next piece: twice as much as there was, and all that was announced once a quarter of it is here, so that
/// the large half of a body is not copied again. Never more than was announced: room that nothing comes into would be
/// held and counted nowhere.
fn make_room(body: &mut Vec<u8>, piece: usize, announced: Option<u64>) {
    let needed = body.len() + piece;
    if needed <= body.capacity() {
        return;
    }
    let announced = announced.and_then(|announced| usize::try_from(announced).ok()).unwrap_or(usize::MAX);
    let room = if needed >= announced / 4 { announced } else { (2 * body.capacity()).min(announced) };
    body.reserve_exact(room.max(needed) - body.len());
}

fn check(held: u64, limit: u64, share: &mut Share, budget: u64) -> Result<(), BodyError> {
    if held > limit {
        return Err(BodyError::TooLarge);
    }
    if held > share.bytes() {
        share.grow(held - share.bytes(), budget)?;
    }
    Ok(())
}

/// The next piece of a body of which `held` bytes have come since `started`; None at its end.
pub async fn next(
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    started: Instant,
    held: u64,
) -> Result<Option<Bytes>, BodyError> {
    let latest = started + GRACE + Duration::from_secs(held / PER_SECOND);
    let until = latest.min(Instant::now() + STALLED);
    match alarm::within(until, payload.next()).await {
        Err(_) => Err(BodyError::TooSlow),
        Ok(None) => Ok(None),
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(Some(Err(PayloadError::Overflow))) => Err(BodyError::TooLarge),
        Ok(Some(Err(_))) => Err(BodyError::Broken),
    }
}
