//! A walk over JSON that is faster than a parser because it may give up.
//!
//! A gateway reads a little of every body, and for that the general parser costs several thousand instructions a
//! request. This walk takes the straight way through what nearly all bodies are made of. Every method answers None for
//! whatever is not plain (an error, the end of the bytes, nesting beyond 64, a key with escapes), and the caller then
//! asks serde_json, which has the last word on everything. What holds: what this walk takes, serde_json takes too, with
//! the same meaning. Tests hold the two against each other.

/// A position in JSON text.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were taken.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Takes this byte, white space before it aside.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Begins an object: true where it has a member.
    pub fn open(&mut self) -> Option<bool> {
        self.eat(b'{')?;
        let any = self.peek()? != b'}';
        self.at += usize::from(!any);
        Some(any)
    }

    /// After a member: true where another one follows.
    pub fn more(&mut self) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// A key of plain ASCII and the colon after it.
    #[inline]
    pub fn key(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let rest = self.bytes.get(self.at..)?;
        let len = plain_run(rest)?;
        let (key, after) = rest.split_at_checked(len)?;
        (after.first() == Some(&b'"') && key.is_ascii()).then(|| self.at += len + 1)?;
        self.eat(b':')?;
        Some(key)
    }

    /// A whole number without sign, fraction or exponent.
    pub fn whole(&mut self) -> Option<u64> {
        self.peek()?;
        let from = self.at;
        let mut n = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            n = n.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        let len = self.at - from;
        let leading_zero = len > 1 && self.bytes.get(from) == Some(&b'0');
        let ends = !matches!(self.bytes.get(self.at)?, b'.' | b'e' | b'E');
        (len > 0 && !leading_zero && ends).then_some(n)
    }

    /// Any value; its text.
    pub fn value(&mut self) -> Option<&'a [u8]> {
        self.peek()?;
        let from = self.at;
        self.skip()?;
        self.bytes.get(from..self.at)
    }

    /// Nothing but white space is left.
    pub fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Passes over any value.
    pub fn skip(&mut self) -> Option<()> {
        // One bit a level: set for an object.
        let (mut objects, mut depth) = (0_u64, 0_u32);
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                open @ (b'{' | b'[') => {
                    self.at += 1;
                    // In ASCII a closing bracket is two beyond its opening one.
                    if self.peek()? == open + 2 {
                        self.at += 1;
                    } else {
                        (depth < 64).then(|| depth += 1)?;
                        objects = objects << 1 | u64::from(open == b'{');
                        if open == b'{' {
                            self.member()?;
                        }
                        continue;
                    }
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            loop {
                if depth == 0 {
                    return Some(());
                }
                let object = objects & 1 == 1;
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        if object {
                            self.member()?;
                        }
                        break;
                    }
                    b'}' if object => {}
                    b']' if !object => {}
                    _ => return None,
                }
                self.at += 1;
                (objects, depth) = (objects >> 1, depth - 1);
            }
        }
    }

    fn member(&mut self) -> Option<()> {
        (self.peek()? == b'"').then_some(())?;
        self.string()?;
        self.eat(b':')
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// A string with its quotes, at the first of which this stands.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let len = plain_run(rest)?;
            self.at += len + 1;
            if *rest.get(len)? == b'"' {
                return Some(());
            }
            // A backslash.
            match rest.get(len + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                b'u' => {
                    let hex = rest.get(len + 2..len + 6)?;
                    hex.iter().all(u8::is_ascii_hexdigit).then(|| self.at += 5)?;
                }
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let mut rest = self.bytes.get(self.at..)?;
        let before = rest.len();
        if let [b'-', tail @ ..] = rest {
            rest = tail;
        }
        rest = match rest {
            [b'0', tail @ ..] => tail,
            _ => digits(rest)?,
        };
        if let [b'.', tail @ ..] = rest {
            rest = digits(tail)?;
        }
        if let [b'e' | b'E', b'+' | b'-', tail @ ..] | [b'e' | b'E', tail @ ..] = rest {
            rest = digits(tail)?;
        }
        self.at += before - rest.len();
        Some(())
    }
}

/// What follows one digit or more.
fn digits(bytes: &[u8]) -> Option<&[u8]> {
    let len = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.get(len..).filter(|_| len > 0)
}

/// How many bytes there are before the first quote or backslash; None where a control character stands among them.
#[inline]
fn plain_run(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Keys and words are short: a few machine words are cheaper than a call.
    let mut at = 0;
    while at < 32 {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else { break };
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5C);
        // The lowest bit that is set here marks the first such byte; those above it may be false.
        let hit = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & HIGH;
        if hit != 0 {
            let len = at + (hit.trailing_zeros() / 8) as usize;
            return bytes.get(len).filter(|byte| **byte >= 0x20).map(|_| len);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    let len = memchr::memchr2(b'"', b'\\', rest)?;
    // Without an early exit the compiler takes sixteen bytes at a time.
    let clean = rest.get(..len)?.iter().fold(true, |clean, byte| clean & (*byte >= 0x20));
    clean.then_some(at + len)
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn parses(bytes: &[u8]) -> bool {
        serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
    }

    fn walked(bytes: &[u8]) -> Option<usize> {
        let mut scan = Scan::new(bytes);
        scan.skip().map(|()| scan.at)
    }

    #[test]
    fn plain_json_is_taken() {
        for text in [
            r#"{"a":[1,-2.5e-3,0,true,false,null,"x\n\u00e9\\\""],"b":{},"c":[],"d":{"e":{"f":[[]]}}} "#,
            r#""a long string that takes more than sixteen bytes, and é, and \" a quote""#,
            "0 ",
            "-1 ",
            "[ ]",
            "{ }",
            " { \"a\" : [ 1 , 2 ] } ",
        ] {
            assert_eq!(walked(text.as_bytes()), Some(text.trim_end().len()), "{text}");
            assert!(parses(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn nothing_is_taken_that_the_parser_refuses() {
        let words: [&[u8]; 34] = [
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"\"",
            b"\\",
            b"\"a\"",
            b"\"b\":",
            b"1",
            b"0",
            b"-",
            b".",
            b"e",
            b"+",
            b"true",
            b"null",
            b"fals",
            b" ",
            b"\n",
            b"\x01",
            b"\xff",
            b"\\u00e",
            b"9",
            b"\\n",
            b"long enough for two words",
            b"\"long enough for two words\"",
            b"{\"k\":",
            b"[1",
            b"]}",
            b"\xc3\xa9",
            b"\t",
            b"\0",
        ];
        let mut seed = 77_u64;
        let mut next = |n: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % n as u64) as usize
        };
        let mut taken = 0;
        for _ in 0..300_000 {
            let mut text = Vec::new();
            for _ in 0..1 + next(12) {
                text.extend_from_slice(words[next(words.len())]);
            }
            text.push(b' ');
            if let Some(end) = walked(&text) {
                assert!(parses(&text[..end]), "{}", String::from_utf8_lossy(&text));
                taken += 1;
            }
        }
        assert!(taken > 20_000, "{taken}");
    }

    #[test]
    fn every_byte_in_every_place_of_a_string_is_judged_alike() {
        for place in [0, 3, 7, 8, 15, 16, 17, 31, 32, 33, 40] {
            for byte in 0..=255_u8 {
                let mut text = format!("\"{}\"", "x".repeat(48)).into_bytes();
                text[1 + place] = byte;
                text.push(b' ');
                match byte {
                    b'"' => assert_eq!(walked(&text), Some(place + 2)),
                    _ => assert_eq!(walked(&text).is_some(), parses(&text), "{byte} at {place}"),
                }
            }
        }
    }

    #[test]
    fn too_deep_is_left_to_the_parser() {
        for (depth, taken) in [(65, true), (66, false), (100_000, false)] {
            let text = "[".repeat(depth) + &"]".repeat(depth);
            assert_eq!(walked(text.as_bytes()).is_some(), taken, "{depth}");
        }
    }

    #[test]
    fn whole_numbers() {
        for (text, n) in [
            ("7,", Some(7)),
            (" 0}", Some(0)),
            ("18446744073709551615 ", Some(u64::MAX)),
            ("18446744073709551616 ", None),
            ("01 ", None),
            ("1.0 ", None),
            ("1e3 ", None),
            ("-1 ", None),
            ("7", None),
            ("x", None),
        ] {
            assert_eq!(Scan::new(text.as_bytes()).whole(), n, "{text}");
        }
    }
}
