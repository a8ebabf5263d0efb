//! Whether the brackets of a JSON document are closed, byte by byte and without keeping any.
//!
//! Only for arrays that stream, whose elements nothing else bounds, and for answers that end with the connection: there
//! nothing else tells half a document from a whole one. Costs some instructions a byte, so whoever has a length or chunks
//! to go by does without.

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

    pub fn push(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.step(*byte));
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
}
