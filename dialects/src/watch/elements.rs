//! Where the elements of a JSON array end that comes in pieces.

use super::balance::Balance;

#[derive(Debug, Default)]
pub struct Elements {
    balance: Balance,
}

/// Where something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Bytes up to there.
    pub end: usize,
    /// It is the end of the array.
    pub closes: bool,
}

impl Elements {
    /// For bytes that begin between two elements.
    pub fn between() -> Self {
        Self { balance: Balance::within(1) }
    }

    /// The next end of an element, or of the array. What comes after the array has none.
    pub fn find(&mut self, bytes: &[u8]) -> Option<Bound> {
        for (at, byte) in bytes.iter().enumerate() {
            self.balance.step(*byte);
            let closes = match (byte, self.balance.depth()) {
                (b'}', Some(1)) => false,
                (b']', Some(0)) => true,
                _ => continue,
            };
            return Some(Bound { end: at + 1, closes });
        }
        None
    }
}

/// An element without what stands before it: the bracket that opens the array, or a comma.
pub fn bare(element: &[u8]) -> &[u8] {
    let from = element.iter().position(|byte| *byte == b'{').unwrap_or(element.len());
    element.get(from..).unwrap_or_default()
}
