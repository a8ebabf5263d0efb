//! The walk through the raw bytes.
//!
//! It checks no grammar: that is the parser's. Whatever is odd ends it, or is taken for what it looks like.

use super::TooMany;
use super::count::Sums;
use super::key::{Under, What, under};

/// No format nests what it knows any deeper. Beyond it nothing is read, only handed on.
const DEEPEST: u32 = 24;

/// Beyond so many members of one object each is counted, whatever its name is: a name that one format knows is kept where
/// another one stands, and one that is said again as well. Hardly anything that comes in numbers has more.
const FEW: u32 = 4;

#[derive(Debug)]
pub struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn top(mut self, sums: &mut Sums) -> Result<(), TooMany> {
        match self.peek() {
            Some(b'{') => self.object(What::Members, sums, 0),
            // Gemini's pieces in one list.
            Some(b'[') => self.list(What::Answers, sums, 0),
            _ => Ok(()),
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// An object whose members are read. `others`: what those that are not known come to.
    fn object(&mut self, others: What, sums: &mut Sums, depth: u32) -> Result<(), TooMany> {
        self.at += 1;
        let mut known = 0;
        loop {
            match self.peek() {
                Some(b'"') => {}
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => {
                    self.at = self.bytes.len();
                    return Ok(());
                }
            }
            let mut plain = [0; 32];
            let key = self.key(&mut plain);
            if depth == 0 {
                sums.at(key);
            }
            let under = match key {
                // Of the last event of a stream, and not of a tool.
                b"response" if depth == 0 => Under::Inside,
                key => under(key),
            };
            known += u32::from(under != Under::Unknown);
            if under == Under::Unknown || known > FEW {
                sums.one(others)?;
            }
            if self.peek() == Some(b':') {
                self.at += 1;
            }
            self.value(under, sums, depth + 1)?;
        }
    }

    /// A list whose elements are counted.
    fn list(&mut self, what: What, sums: &mut Sums, depth: u32) -> Result<(), TooMany> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'}' | b':') | None => {
                    self.at = self.bytes.len();
                    return Ok(());
                }
                Some(byte) => {
                    sums.one(what)?;
                    match byte {
                        b'{' | b'[' if depth >= DEEPEST => self.raw(sums),
                        b'{' => self.object(what.others(), sums, depth + 1)?,
                        b'[' => self.raw(sums),
                        _ => self.scalar(sums),
                    }
                }
            }
        }
    }

    fn value(&mut self, under: Under, sums: &mut Sums, depth: u32) -> Result<(), TooMany> {
        match (self.peek(), under) {
            (Some(b'{'), Under::Read(what)) if depth < DEEPEST => self.object(what.others(), sums, depth),
            (Some(b'{'), Under::Inside) if depth < DEEPEST => self.object(What::Members, sums, depth),
            (Some(b'['), Under::Inside) if depth < DEEPEST => self.list(What::Parts, sums, depth),
            (Some(b'['), Under::Read(what) | Under::List(what)) if depth < DEEPEST => self.list(what, sums, depth),
            (Some(b'{'), Under::Schema) => {
                let from = self.at;
                self.raw(sums);
                sums.schema(self.at - from);
                Ok(())
            }
            (Some(b'{' | b'['), _) => {
                self.raw(sums);
                Ok(())
            }
            // A text in place of a list is a part, too.
            (Some(b'"'), Under::Read(What::Parts)) => {
                self.scalar(sums);
                sums.one(What::Parts)
            }
            _ => {
                self.scalar(sums);
                Ok(())
            }
        }
    }

    /// A string, a number or a word; at least one byte of it.
    fn scalar(&mut self, sums: &mut Sums) {
        let from = self.at;
        if self.bytes.get(from) == Some(&b'"') {
            if self.string() > 0 {
                let length = self.at - from;
                sums.escaped += length;
                sums.longest = sums.longest.max(length);
            }
            return;
        }
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at)
            && !matches!(byte, b',' | b']' | b'}' | b':' | b'"' | b'[' | b'{')
        {
            self.at += 1;
        }
    }

    /// The string that begins here; how many backslashes it has.
    fn string(&mut self) -> usize {
        self.at += 1;
        let mut escapes = 0;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            // After an escape mostly comes another one, or a long text.
            let near = rest.iter().take(8).position(|byte| matches!(byte, b'"' | b'\\'));
            let Some(length) = near.or_else(|| memchr::memchr2(b'"', b'\\', rest)) else {
                self.at = self.bytes.len();
                return escapes;
            };
            self.at += length + 1;
            if rest.get(length) == Some(&b'"') {
                return escapes;
            }
            escapes += 1;
            self.at += 1;
        }
    }

    /// The key that begins here, without its escapes. What is too long for any key that is known is cut.
    fn key<'k>(&mut self, plain: &'k mut [u8; 32]) -> &'k [u8]
    where
        'a: 'k,
    {
        let from = self.at + 1;
        let escapes = self.string();
        let key = self.bytes.get(from..self.at.saturating_sub(1)).unwrap_or_default();
        if escapes == 0 {
            return key;
        }
        let mut length = 0;
        let mut rest = key;
        while let (Some((byte, after)), true) = (rest.split_first(), length < plain.len()) {
            let (byte, after) = match (byte, after) {
                (b'\\', [b'u', b'0', b'0', high, low, after @ ..]) => {
                    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as u8;
                    (digit(high) << 4 | digit(low), after)
                }
                // No key that is known has one of these.
                (b'\\', after) => (0, after.get(1..).unwrap_or_default()),
                (byte, after) => (*byte, after),
            };
            if let Some(place) = plain.get_mut(length) {
                *place = byte;
            }
            length += 1;
            rest = after;
        }
        plain.get(..length).unwrap_or_default()
    }

    /// What is handed on as it came.
    fn raw(&mut self, sums: &mut Sums) {
        let (mut depth, mut deepest) = (0_usize, 0);
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => {
                    sums.quotes += 2 + self.string();
                    continue;
                }
                b'{' | b'[' => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        break;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        // The parser keeps a byte for each level.
        sums.longest = sums.longest.max(deepest);
    }
}
