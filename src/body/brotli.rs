//! brotli (RFC 7932): windows up to 16 MiB, no larger ones.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::decode::{Step, Wrong};

/// Output of one step.
const ROOM: usize = 64 * 1024;
/// Its tables, at the most.
const TABLES: usize = 1024 * 1024;

pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    total: usize,
    ended: bool,
    /// Where it writes: cleared once, and not for each step.
    space: Box<[u8]>,
}

impl Default for Brotli {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            total: 0,
            ended: false,
            space: vec![0; ROOM].into(),
        }
    }
}

impl Brotli {
    pub fn is_whole(&self) -> bool {
        self.ended
    }

    pub fn held(&self) -> usize {
        usize::try_from(self.state.ringbuffer_size).unwrap_or(0) + TABLES + ROOM
    }

    pub fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step, Wrong> {
        if self.ended {
            return if input.is_empty() { Ok(Step { consumed: 0, more: false }) } else { Err(Wrong::Damaged) };
        }
        let (mut left, mut consumed) = (input.len(), 0);
        let (mut room, mut made) = (ROOM, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut consumed,
            input,
            &mut room,
            &mut made,
            &mut self.space,
            &mut self.total,
            &mut self.state,
        );
        out.extend_from_slice(self.space.get(..made).unwrap_or_default());
        match result {
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput => {}
            BrotliResult::NeedsMoreOutput => return Ok(Step { consumed, more: true }),
            BrotliResult::ResultFailure => return Err(Wrong::Damaged),
        }
        Ok(Step { consumed, more: false })
    }
}
