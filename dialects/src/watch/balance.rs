//! Whether the brackets of a JSON document are closed that comes in pieces, without keeping any.
//!
//! Nothing else tells half a document from a whole one, nor where the elements of an array end that streams. Of a long
//! document most is text or numbers, which are passed over many bytes at a time.

use memchr::memchr2;

#[derive(Debug, Default)]
pub struct Balance {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Balance {
    /// Inside of so many brackets.
    pub fn within(depth: u64) -> Self {
        Self { depth, ..Self::default() }
    }

    pub fn push(&mut self, mut bytes: &[u8]) {
        loop {
            let plain = match self.in_string {
                true if self.escaped => 0,
                true => memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len()),
                false => before_mark(bytes),
            };
            bytes = match bytes.get(plain..) {
                Some([b'\\', _, rest @ ..]) if self.in_string && !self.escaped => rest,
                Some([byte, rest @ ..]) => {
                    self.step(*byte);
                    rest
                }
                Some([]) | None => return,
            };
        }
    }

    #[inline]
    pub fn step(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// How many brackets are open; None within a string.
    pub fn depth(&self) -> Option<u64> {
        (!self.in_string).then_some(self.depth)
    }

    pub fn closed(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}

/// How many bytes there are before the first quote or bracket.
#[inline]
fn before_mark(bytes: &[u8]) -> usize {
    /// Between two strings stand one byte or two, and only among numbers many.
    const NEAR: usize = 8;
    // In ASCII, square brackets and braces differ in one bit.
    let is_mark = |byte: &u8| (*byte == b'"') | (*byte | 0x20 == b'{') | (*byte | 0x20 == b'}');
    if let Some(at) = bytes.iter().take(NEAR).position(is_mark) {
        return at;
    }
    let mut at = NEAR.min(bytes.len());
    // Without an early exit the compiler takes sixteen bytes at a time.
    let is_plain = |block: &[u8; 64]| block.iter().fold(0, |marks, byte| marks | u8::from(is_mark(byte))) == 0;
    while bytes.get(at..).and_then(<[u8]>::first_chunk).is_some_and(is_plain) {
        at += 64;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(is_mark).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::Balance;

    #[test]
    fn only_the_last_brace_closes() {
        let body = br#"{"a":"} \" \\","b":[{},"["],"c":{"d":1}}"#;
        for size in [1, 2, 7, 100] {
            let mut balance = Balance::default();
            let mut closed = Vec::new();
            for (index, piece) in body.chunks(size).enumerate() {
                balance.push(piece);
                closed.extend(balance.closed().then_some(index));
            }
            assert_eq!(closed, [body.len().div_ceil(size) - 1], "{size}");
        }
    }

    /// Many bytes at a time, as one by one.
    #[test]
    fn nothing_is_passed_over_that_counts() {
        let numbers = "-0.125, 1e9,".repeat(20);
        for at in 0..numbers.len() {
            for mark in ["{", "}", "[", "]", "[[", "\"\\\"{", "\"[\\\\\"]", "\"é{\"", "Y_y"] {
                let text = format!("[{}{mark}{}", &numbers[..at], &numbers[at..]);
                let (mut whole, mut steps) = (Balance::default(), Balance::default());
                whole.push(text.as_bytes());
                text.bytes().for_each(|byte| steps.step(byte));
                assert_eq!((whole.depth(), whole.closed()), (steps.depth(), steps.closed()), "{text}");
            }
        }
    }
}
