//! zstd (RFC 8878), one block at a time.
//!
//! Always: a frame's window is no larger than HTTP allows (RFC 9659: 8 MiB), or than a body may be where the whole frame
//! is one segment.

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::decode::{Step, Wrong};

const MAGIC: u32 = 0xFD2F_B528;
/// Frames that hold nothing of the content.
const SKIPPABLE: std::ops::RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;
const MAX_WINDOW: u64 = 8 * 1024 * 1024;
/// No block is larger, coded or not.
const MAX_BLOCK: usize = 128 * 1024;

enum At {
    /// Before a frame, or at the end.
    Between,
    /// So many bytes of a skippable frame.
    Skipping(usize),
    Blocks {
        checksum: bool,
    },
}

pub(super) struct Zstd {
    decoder: FrameDecoder,
    at: At,
    limit: u64,
    /// Input that no step has used: less than a block, and what came with its end.
    pending: Vec<u8>,
    used: usize,
    window: usize,
    made: usize,
    frames: u32,
}

impl Zstd {
    pub fn new(limit: u64) -> Self {
        Self {
            decoder: FrameDecoder::new(),
            at: At::Between,
            limit,
            pending: Vec::new(),
            used: 0,
            window: 0,
            made: 0,
            frames: 0,
        }
    }

    pub fn is_whole(&self) -> bool {
        matches!(self.at, At::Between) && self.frames > 0 && self.used == self.pending.len()
    }

    /// The ring that holds the window grows by doubling.
    pub fn held(&self) -> usize {
        2 * self.window.min(self.made) + self.pending.capacity() + 2 * MAX_BLOCK
    }

    pub fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step, Wrong> {
        if !input.is_empty() {
            self.pending.drain(..self.used);
            self.used = 0;
            self.pending.extend_from_slice(input);
        }
        let more = self.one(out)?;
        Ok(Step { consumed: input.len(), more })
    }

    /// A header, a block or what is to be skipped. False: it has not come as a whole.
    fn one(&mut self, out: &mut Vec<u8>) -> Result<bool, Wrong> {
        let rest = self.pending.get(self.used..).unwrap_or_default();
        match self.at {
            At::Between => self.header(),
            At::Skipping(left) => {
                let now = left.min(rest.len());
                self.used += now;
                self.at = if left == now { At::Between } else { At::Skipping(left - now) };
                Ok(left == now)
            }
            At::Blocks { checksum } => self.block(checksum, out),
        }
    }

    fn header(&mut self) -> Result<bool, Wrong> {
        let rest = self.pending.get(self.used..).unwrap_or_default();
        let Some(magic) = rest.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) else { return Ok(false) };
        if SKIPPABLE.contains(&magic) {
            let Some([.., a, b, c, d]) = rest.first_chunk::<8>() else { return Ok(false) };
            self.at = At::Skipping(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
            self.used += 8;
            self.frames += 1;
            return Ok(true);
        }
        if magic != MAGIC {
            return Err(Wrong::Damaged);
        }
        let Some(descriptor) = rest.get(4) else { return Ok(false) };
        let one_segment = descriptor & 0x20 != 0;
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
        let size = match descriptor >> 6 {
            0 => usize::from(one_segment),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let length = 5 + usize::from(!one_segment) + dictionary + size;
        let Some(mut head) = rest.get(..length) else { return Ok(false) };
        // Of what is one segment the window is the content, which is judged by the body's limit below.
        self.decoder.set_max_window_size(if one_segment { u64::MAX } else { MAX_WINDOW });
        if one_segment && content_size(head, size) > self.limit {
            return Err(Wrong::TooLarge);
        }
        self.decoder.reset(&mut head).map_err(|_| Wrong::Damaged)?;
        if self.decoder.content_size() > self.limit {
            return Err(Wrong::TooLarge);
        }
        self.window = if one_segment { self.decoder.content_size() as usize } else { MAX_WINDOW as usize };
        self.made = 0;
        self.at = At::Blocks { checksum: descriptor & 4 != 0 };
        self.used += length;
        Ok(true)
    }

    fn block(&mut self, checksum: bool, out: &mut Vec<u8>) -> Result<bool, Wrong> {
        let rest = self.pending.get(self.used..).unwrap_or_default();
        let Some([a, b, c]) = rest.first_chunk::<3>() else { return Ok(false) };
        let head = u32::from_le_bytes([*a, *b, *c, 0]);
        let (last, size) = (head & 1 != 0, (head >> 3) as usize);
        let body = match head >> 1 & 3 {
            0 | 2 if size <= MAX_BLOCK => size,
            1 if size <= MAX_BLOCK => 1,
            _ => return Err(Wrong::Damaged),
        };
        let length = 3 + body + if last && checksum { 4 } else { 0 };
        let Some(mut block) = rest.get(..length) else { return Ok(false) };
        let before = out.len();
        let one = BlockDecodingStrategy::UptoBlocks(1);
        let finished = self.decoder.decode_blocks(&mut block, one).map_err(|_| Wrong::Damaged)?;
        self.made += MAX_BLOCK;
        self.decoder.collect_to_writer(&mut *out).map_err(|_| Wrong::Damaged)?;
        debug_assert!(out.len() >= before);
        self.used += length;
        if finished {
            if checksum && self.decoder.get_checksum_from_data() != self.decoder.get_calculated_checksum() {
                return Err(Wrong::Damaged);
            }
            self.frames += 1;
            self.at = At::Between;
        }
        Ok(true)
    }
}

/// The last `size` bytes of a frame's header (RFC 8878, 3.1.1.1.4).
fn content_size(head: &[u8], size: usize) -> u64 {
    let bytes = head.get(head.len().saturating_sub(size)..).unwrap_or_default();
    let told = bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    if size == 2 { told + 256 } else { told }
}
