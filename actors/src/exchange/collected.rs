//! A document as it comes, until it is whole.
//!
//! A buffer that doubles holds twice what came, and copies all of it with every step. Here a long document lies in pieces
//! of a fixed size, and is put together once, when it is whole, beside the workers. Always: no more room than one piece
//! is held beyond what came, also while it is put together.

use std::collections::VecDeque;

/// So long a document grows in one buffer: it is the only piece of nearly all.
const SMALL: usize = 64 * 1024;
/// Given back to the system at once when it is freed (see the allocator's settings in main.rs).
const PIECE: usize = 512 * 1024;

#[derive(Debug, Default)]
pub(super) struct Collected {
    first: Vec<u8>,
    more: VecDeque<Vec<u8>>,
    len: usize,
}

impl Collected {
    pub fn push(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len();
        if self.more.is_empty() {
            if self.len <= SMALL {
                return self.first.extend_from_slice(bytes);
            }
            self.more.push_back(Vec::with_capacity(PIECE));
        }
        while !bytes.is_empty() {
            let Some(last) = self.more.back_mut().filter(|last| last.len() < PIECE) else {
                self.more.push_back(Vec::with_capacity(PIECE));
                continue;
            };
            let (fits, rest) = bytes.split_at(bytes.len().min(PIECE - last.len()));
            last.extend_from_slice(fits);
            bytes = rest;
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// What is held for it.
    pub fn held(&self) -> usize {
        self.first.capacity() + self.more.len() * PIECE
    }

    /// All of it. A document of one piece is not copied.
    pub fn whole(self) -> Vec<u8> {
        let Self { mut first, more, len } = self;
        first.reserve_exact(len - first.len());
        for piece in more {
            first.extend_from_slice(&piece);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_what_came_however_it_came() {
        for (length, step) in
            [(0, 1), (10, 3), (SMALL, 1000), (SMALL + 1, 4096), (3 * PIECE, PIECE), (2 * PIECE + 7, 3 * PIECE)]
        {
            let text: Vec<u8> = (0..length).map(|nth| (nth % 251) as u8).collect();
            let mut collected = Collected::default();
            text.chunks(step).for_each(|piece| collected.push(piece));
            assert_eq!(collected.len(), length);
            assert!(collected.held() <= 2 * length.min(SMALL) + length + PIECE, "{length}: {}", collected.held());
            assert!(collected.whole() == text, "{length} in steps of {step}");
        }
    }
}
