//! Pieces of a body that wait until they may go on.
//!
//! A piece is a part of the buffer that it was read into, and keeps all of that buffer: a byte may hold a thousand. Always:
//! what waits holds one such buffer and some twice its own size. What goes on at once, as nearly all does, is not copied.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Buf as _, Bytes};

/// The server and the client copy what they are given, to the last byte, before they send any of it: what is long goes to
/// them in parts.
pub const AT_ONCE: usize = 32 * 1024;
/// What is at least so long does not keep much more than itself: what is read at one time has 32 KiB at most.
const LARGE: usize = 16 * 1024;

/// Bytes in a row.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Often all there is; empty only where nothing waits.
    first: Bytes,
    behind: VecDeque<Bytes>,
    /// Small ones behind those, put together.
    small: Vec<u8>,
    len: usize,
}

impl Pieces {
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn push(&mut self, piece: Bytes) {
        let first = self.is_empty();
        self.len += piece.len();
        if first {
            self.first = piece;
        } else if !piece.is_empty() {
            self.push_behind(piece);
        }
    }

    fn push_behind(&mut self, piece: Bytes) {
        if piece.len() >= LARGE {
            self.seal();
            return self.behind.push_back(piece);
        }
        self.small.extend_from_slice(&piece);
        if self.small.len() >= AT_ONCE {
            self.seal();
        }
    }

    fn seal(&mut self) {
        if !self.small.is_empty() {
            self.behind.push_back(std::mem::take(&mut self.small).into());
        }
    }

    /// The next one, no longer than [`AT_ONCE`].
    #[inline]
    pub fn pop(&mut self) -> Option<Bytes> {
        if self.is_empty() {
            return None;
        }
        if self.first.len() > AT_ONCE {
            self.len -= AT_ONCE;
            return Some(self.first.split_to(AT_ONCE));
        }
        let piece = std::mem::take(&mut self.first);
        self.len -= piece.len();
        if !self.is_empty() {
            self.moves_up();
        }
        Some(piece)
    }

    /// The next one is the first one now.
    fn moves_up(&mut self) {
        if self.behind.is_empty() {
            self.seal();
        }
        self.first = self.behind.pop_front().unwrap_or_default();
    }

    /// Takes all of the other's behind its own.
    pub fn append(&mut self, other: &mut Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            return std::mem::swap(self, other);
        }
        other.rows().into_iter().for_each(|piece| self.push(piece));
    }

    /// Takes ranges out, which are in their order.
    pub fn cut(&mut self, ranges: &[Range<usize>]) {
        let (mut at, mut ranges) = (0, ranges.iter().peekable());
        for mut piece in self.rows() {
            let end = at + piece.len();
            while let Some(range) = ranges.next_if(|range| range.end <= end) {
                self.push(piece.split_to(range.start.saturating_sub(at)));
                piece.advance(range.end - range.start.max(at));
                at = range.end;
            }
            // The rest of it is in what comes next.
            let kept = ranges.peek().map_or(end, |range| range.start.clamp(at, end)) - at;
            piece.truncate(kept);
            self.push(piece);
            at = end;
        }
    }

    /// All of it in one row; nothing waits any more.
    pub fn take(&mut self) -> Vec<u8> {
        self.rows().into_iter().flatten().collect()
    }

    /// All of it, as it lies; nothing waits any more.
    fn rows(&mut self) -> VecDeque<Bytes> {
        self.seal();
        self.len = 0;
        let mut rows = std::mem::take(&mut self.behind);
        rows.push_front(std::mem::take(&mut self.first));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(pieces: &Pieces) -> usize {
        usize::from(!pieces.first.is_empty()) + pieces.behind.len() + usize::from(!pieces.small.is_empty())
    }

    #[test]
    fn what_waits_is_what_came_and_holds_no_more_than_it_must() {
        for (length, step) in [(0, 1), (9, 9), (70_000, 1), (200_000, LARGE), (200_000, LARGE - 1), (300_000, 300_000)]
        {
            let text: Vec<u8> = (0..length).map(|nth| (nth % 251) as u8).collect();
            let (whole, mut waits) = (Bytes::from(text.clone()), Pieces::default());
            for from in (0..length).step_by(step) {
                waits.push(whole.slice(from..length.min(from + step)));
            }
            assert!(buffers(&waits) <= 2 + length / LARGE, "{length} in steps of {step}: {}", buffers(&waits));
            assert_eq!((waits.len(), waits.is_empty()), (length, length == 0));
            let mut behind = Pieces::default();
            behind.push(Bytes::from_static(b"<"));
            behind.append(&mut waits);
            behind.push(Bytes::from_static(b">"));
            assert!(waits.is_empty() && waits.pop().is_none());
            behind.cut(&[0..1, length / 3 + 1..length / 2 + 1, length / 2 + 1..length / 2 + 1]);
            let last = behind.len() - 1;
            behind.cut(&[last / 2..last / 2, last..last]);
            let mut out = Vec::new();
            while let Some(piece) = behind.pop() {
                assert!((1..=AT_ONCE).contains(&piece.len()));
                out.extend_from_slice(&piece);
            }
            assert!(out == [&text[..length / 3], &text[length / 2..], b">"].concat(), "{length} in steps of {step}");
            assert!(behind.is_empty() && behind.take().is_empty());
        }
    }

    #[test]
    fn what_goes_on_at_once_is_not_copied() {
        let (piece, mut waits, mut ready) = (Bytes::from(vec![7; 100]), Pieces::default(), Pieces::default());
        waits.push(piece.clone());
        ready.append(&mut waits);
        assert_eq!(ready.pop().map(|out| out.as_ptr()), Some(piece.as_ptr()));
    }
}
