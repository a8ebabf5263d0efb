//! Reads a compressed body: within the same limits as any other, and in small steps.
//!
//! Always: what it becomes is counted while it grows, so a bomb is a 413 as soon as it is larger than a body may be; what
//! a decoder holds beside it is counted too; no step works on more than [`FEED`] bytes of input and some 128 KiB of output,
//! and after [`SPELL`] of work others have their turn.

use std::time::{Duration, Instant};

use actix_web::web::{Bytes, Payload};
use actors::spell::turn;

use super::brotli::Brotli;
use super::coding::Coding;
use super::fed::Fed;
use super::inflate::Inflate;
use super::zstd::Zstd;
use super::{BodyError, Share, Worked, count_beside, next};

/// Input of one step: at deflate's best ratio (1 : 1032) that is 4 MiB, which come in further steps; of blocks that make
/// nothing but their tables it is one or two milliseconds.
const FEED: usize = 4 * 1024;
/// So long is worked on end. Bytes would not tell: what makes nothing, as a million empty blocks do, takes longest.
const SPELL: Duration = Duration::from_millis(2);

/// What one step has done.
pub(super) struct Step {
    /// Bytes of the input that it has taken.
    pub consumed: usize,
    /// It has more to do, also without further input.
    pub more: bool,
}

/// Why a body cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Not what its coding says.
    Damaged,
    /// It says itself that it is larger than it may be.
    TooLarge,
}

enum Decoder {
    Inflate(Box<Inflate>),
    Zstd(Box<Zstd>),
    Brotli(Box<Brotli>),
}

impl Decoder {
    fn new(coding: Coding, limit: u64) -> Self {
        match coding {
            Coding::Gzip => Self::Inflate(Box::new(Inflate::gzip())),
            Coding::Deflate => Self::Inflate(Box::new(Inflate::deflate())),
            Coding::Zstd => Self::Zstd(Box::new(Zstd::new(limit))),
            Coding::Brotli => Self::Brotli(Box::default()),
        }
    }

    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step, Wrong> {
        match self {
            Self::Inflate(inflate) => inflate.step(input, out),
            Self::Zstd(zstd) => zstd.step(input, out),
            Self::Brotli(brotli) => brotli.step(input, out),
        }
    }

    /// Whether what has come is all of it.
    fn is_whole(&self) -> bool {
        match self {
            Self::Inflate(inflate) => inflate.is_whole(),
            Self::Zstd(zstd) => zstd.is_whole(),
            Self::Brotli(brotli) => brotli.is_whole(),
        }
    }

    /// Bytes that it holds beside what it has given out.
    fn held(&self) -> usize {
        match self {
            Self::Inflate(_) => Inflate::HELD,
            Self::Zstd(zstd) => zstd.held(),
            Self::Brotli(brotli) => brotli.held(),
        }
    }
}

/// A body on its way through its decoder.
struct Decoding {
    decoder: Decoder,
    out: Vec<u8>,
    limit: u64,
    budget: u64,
    share: Share,
    /// Work since others had their turn.
    spent: Duration,
    worked: Worked,
}

impl Decoding {
    async fn push(&mut self, piece: &[u8]) -> Result<(), BodyError> {
        self.worked.on(piece).await;
        let mut began = Instant::now();
        for feed in piece.chunks(FEED) {
            let mut feed = feed;
            loop {
                let before = self.out.len();
                let step = self.decoder.step(feed, &mut self.out).map_err(|wrong| match wrong {
                    Wrong::Damaged => BodyError::Undecodable,
                    Wrong::TooLarge => BodyError::TooLarge,
                })?;
                let (made, consumed) = (self.out.len() - before, step.consumed);
                feed = feed.get(consumed..).unwrap_or_default();
                self.count()?;
                if self.spent + began.elapsed() >= SPELL {
                    turn().await;
                    (self.spent, began) = (Duration::ZERO, Instant::now());
                }
                if !step.more && (feed.is_empty() || consumed + made == 0) {
                    break;
                }
            }
            if !feed.is_empty() {
                return Err(BodyError::Undecodable);
            }
        }
        self.spent += began.elapsed();
        Ok(())
    }

    fn count(&mut self) -> Result<(), BodyError> {
        if self.out.len() as u64 > self.limit {
            return Err(BodyError::TooLarge);
        }
        let held = (self.out.capacity() + self.decoder.held()) as u64;
        let more = held.saturating_sub(self.share.bytes());
        if more > 0 { Ok(self.share.grow(more, self.budget)?) } else { Ok(()) }
    }

    fn end(self) -> Result<(Bytes, Share), BodyError> {
        let Self { decoder, mut out, mut share, .. } = self;
        if !decoder.is_whole() {
            return Err(BodyError::Undecodable);
        }
        drop(decoder);
        out.shrink_to_fit();
        share.shrink(share.bytes().saturating_sub(out.capacity() as u64));
        Ok((Bytes::from(out), share))
    }
}

/// The whole body, decoded. `announced`: the Content-Length, which is of what comes over the wire.
///
/// # Errors
/// As [`BodyError`] says.
pub async fn read(
    coding: Coding,
    payload: Payload,
    announced: Option<u64>,
    limit: u64,
    budget: u64,
) -> Result<(Bytes, Share), BodyError> {
    if announced.is_some_and(|announced| announced > limit) {
        return Err(BodyError::TooLarge);
    }
    let decoder = Decoder::new(coding, limit);
    let started = Instant::now();
    let share = Share::none();
    let mut decoding =
        Decoding { decoder, out: Vec::new(), limit, budget, share, spent: Duration::ZERO, worked: Worked::default() };
    let mut payload = Fed::new(payload);
    let mut came = 0;
    while let Some(piece) = next(&mut payload, started, came).await? {
        came += piece.len() as u64;
        if came > limit {
            return Err(BodyError::TooLarge);
        }
        decoding.push(&piece).await?;
    }
    let (body, mut share) = decoding.end()?;
    count_beside(body.len() as u64, &mut share, budget)?;
    Ok((body, share))
}

#[cfg(test)]
mod tests;
