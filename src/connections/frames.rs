//! The frames of an HTTP/2 connection, as far as they can be counted without being read (RFC 9113, section 4.1).
//!
//! Two kinds cost their sender nothing and the server's library memory without a limit: a head in ever more pieces, and
//! DATA without a byte. Always: what is here sees every frame's head, however the bytes are cut.

use super::refuse::PREFACE_LENGTH;

/// A head as it comes, compressed: a byte of it may stand for a header of a hundred.
const HEAD_BLOCK: u32 = 32 * 1024;
/// DATA frames without a byte that do not end their stream; no client has a reason for one.
const EMPTY: u32 = 1000;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

#[derive(Debug)]
pub(super) struct Frames {
    /// Of what is passing, up to the next frame's head.
    skip: u32,
    head: [u8; 9],
    /// Of the head.
    have: usize,
    /// Of the present request's head, compressed.
    block: u32,
    empty: u32,
}

impl Default for Frames {
    fn default() -> Self {
        Self { skip: PREFACE_LENGTH, head: [0; 9], have: 0, block: 0, empty: 0 }
    }
}

impl Frames {
    /// Some bytes have come. False: they are of a kind that is not to go on.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let skipped = bytes.len().min(self.skip as usize);
            self.skip -= u32::try_from(skipped).unwrap_or(self.skip);
            bytes = bytes.get(skipped..).unwrap_or_default();
            for byte in bytes.iter().take(9 - self.have) {
                if let Some(place) = self.head.get_mut(self.have) {
                    *place = *byte;
                }
                self.have += 1;
                bytes = bytes.get(1..).unwrap_or_default();
            }
            if self.have == 9 {
                self.have = 0;
                if !self.frame() {
                    return false;
                }
            }
        }
        true
    }

    fn frame(&mut self) -> bool {
        let [a, b, c, kind, flags, ..] = self.head;
        self.skip = u32::from_be_bytes([0, a, b, c]);
        match kind {
            HEADERS => self.block = self.skip,
            CONTINUATION => self.block = self.block.saturating_add(self.skip.max(9)),
            DATA if self.skip == 0 && flags & END_STREAM == 0 => self.empty += 1,
            _ => {}
        }
        self.block <= HEAD_BLOCK && self.empty <= EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut frame = (length as u32).to_be_bytes().get(1..).unwrap_or_default().to_vec();
        frame.extend([kind, flags, 0, 0, 0, 1]);
        frame.extend(vec![0; length]);
        frame
    }

    /// How many of them pass.
    fn passed(frames: &[Vec<u8>], cut: usize) -> usize {
        let mut one = Frames::default();
        assert!(one.pass(&[b'x'; PREFACE_LENGTH as usize]));
        frames.iter().take_while(|frame| frame.chunks(cut).all(|piece| one.pass(piece))).count()
    }

    #[test]
    fn heads_and_empty_frames_have_a_bound_however_they_are_cut() {
        for cut in [1, 7, 10, 100_000] {
            let mut head = vec![frame(HEADERS, 0, 100)];
            head.extend((0..100).map(|_| frame(CONTINUATION, 0, 1000)));
            assert_eq!(passed(&head, cut), 33);
            let tiny: Vec<_> =
                [frame(HEADERS, 0, 0)].into_iter().chain((0..9999).map(|_| frame(CONTINUATION, 0, 0))).collect();
            assert_eq!(passed(&tiny, cut), 1 + 32 * 1024 / 9);
            assert_eq!(passed(&vec![frame(DATA, 0, 0); 5000], cut), 1000);
            let requests: Vec<_> = (0..5000)
                .flat_map(|_| [frame(HEADERS, 4, 500), frame(DATA, 0, 20), frame(DATA, END_STREAM, 0)])
                .collect();
            assert_eq!(passed(&requests, cut), 15_000);
        }
    }
}
