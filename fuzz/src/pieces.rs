//! Cuts of the bytes into pieces, drawn from the bytes themselves: a finding is one file and nothing beside it.

use crate::support::Random;

/// One byte at a time, in small pieces, and in large ones.
pub fn cuts(bytes: &[u8]) -> [Vec<&[u8]>; 3] {
    let mut random = Random(seed(bytes));
    [bytes.chunks(1).collect(), random.pieces(bytes, 9), random.pieces(bytes, 200)]
}

/// One of several, so that not every run does all there is to do.
pub fn choice<T: Copy, const N: usize>(bytes: &[u8], of: [T; N]) -> T {
    of[Random(seed(bytes)).below(N)]
}

/// FNV-1a, and never 0, of which nothing random comes.
fn seed(bytes: &[u8]) -> u64 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash | 1
}
