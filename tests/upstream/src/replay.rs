//! Sends recorded bytes in odd-sized pieces, so that no reader can rely on where a piece ends.

use std::time::Duration;

use crate::answers::Reply;
use crate::server::Upstream;
use crate::{answers, canned};

/// Cuts `bytes` into pieces of 1 to 61 bytes or so, the same way for the same seed; large input in larger pieces.
#[must_use]
pub fn odd_pieces(bytes: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut state = seed | 1;
    let scale = bytes.len() / 20_000 + 1;
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        // xorshift64: deterministic, and good enough to be odd.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let size = ((state % 61) as usize * scale + 1).min(rest.len());
        let (piece, tail) = rest.split_at(size);
        pieces.push(piece.to_vec());
        rest = tail;
    }
    pieces
}

/// Gives every request the recorded status, headers (`name: value`) and body, chunked in odd pieces.
pub async fn replay(status: u16, headers: &[String], body: &[u8]) -> Upstream {
    let mut all: Vec<&str> = headers.iter().map(String::as_str).collect();
    all.push("transfer-encoding: chunked");
    answers(Reply {
        head: canned::head(status, &all),
        delay: Duration::ZERO,
        pieces: odd_pieces(body, body.len() as u64).into_iter().map(|p| (Duration::ZERO, p)).collect(),
        chunked: true,
    })
    .await
}
