//! An event that is too long to be held: it passes as it comes, and is known by its beginning, its end and its usage.

use super::events::Answer;
use super::spot::Spot;
use crate::Endpoint;

/// The longest event that is held back until it is whole, in bytes.
pub const MAX_EVENT: usize = 64 * 1024;
/// What is kept of its beginning.
const HEAD: usize = 1_024;
/// What is kept of its end.
const TAIL: usize = 512;

#[derive(Debug)]
pub struct Long {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    bytes: u64,
    spot: Spot,
}

impl Long {
    /// `begun`: what has come of it.
    pub fn new(endpoint: Endpoint, begun: &[u8]) -> Self {
        let mut long = Self { head: Vec::new(), tail: Vec::new(), bytes: 0, spot: Spot::new(endpoint.dialect()) };
        long.push(begun);
        long
    }

    pub fn push(&mut self, piece: &[u8]) {
        self.spot.push(piece);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        self.tail.extend_from_slice(piece.get(piece.len().saturating_sub(TAIL)..).unwrap_or_default());
        let beyond = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..beyond);
    }

    /// It has come to its end. `data`: how its data begins.
    pub fn judge(&self, name: &[u8], data: &[u8], answer: &mut Answer) {
        answer.tally.note_bytes(self.bytes);
        answer.long_event(name, data, &self.tail, self.spot.usage());
    }
}
