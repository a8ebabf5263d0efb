//! What is written for a client: bytes in a row. Of long ones that are said more than once only one copy is held.
//!
//! The format of responses says each text of a stream four times. Long texts and items are therefore kept as they are
//! written, and what is written shares them.

use bytes::Bytes;

/// From here on a copy costs more than a share.
pub const LONG: usize = 64 * 1024;

/// Long pieces, each with its place among the bytes that are not shared.
pub type Longs = Vec<(usize, Bytes)>;

/// Bytes that are written one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub(crate) bytes: Vec<u8>,
    pub(crate) longs: Longs,
}

impl Output {
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.longs.is_empty()
    }

    pub fn len(&self) -> usize {
        self.bytes.len() + self.longs.iter().map(|(_, long)| long.len()).sum::<usize>()
    }

    /// Bytes that are held for it alone.
    pub fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// In order, in pieces of which none is empty.
    pub fn pour(self, mut each: impl FnMut(Bytes)) {
        let (mut rest, mut at) = (Bytes::from(self.bytes), 0);
        for (place, long) in self.longs {
            let before = rest.split_to(place - at);
            at = place;
            [before, long].into_iter().filter(|piece| !piece.is_empty()).for_each(&mut each);
        }
        if !rest.is_empty() {
            each(rest);
        }
    }

    /// All of it in one row.
    pub fn whole(self) -> Vec<u8> {
        if self.longs.is_empty() {
            return self.bytes;
        }
        let mut whole = Vec::with_capacity(self.len());
        self.pour(|piece| whole.extend_from_slice(&piece));
        whole
    }

    /// The same, to be said more than once.
    pub(crate) fn kept(mut self) -> Self {
        // To give back little room of a long one would take a copy of it.
        if self.bytes.len() <= LONG || self.bytes.capacity() - self.bytes.len() > self.bytes.len() / 8 {
            self.bytes.shrink_to_fit();
        }
        if self.bytes.len() <= LONG {
            return self;
        }
        let mut longs = Longs::new();
        self.pour(|piece| longs.push((0, piece)));
        Self { bytes: Vec::new(), longs }
    }

    /// Says it once more, behind `bytes` and what is shared of them.
    pub(crate) fn say(&self, bytes: &mut Vec<u8>, longs: &mut Longs) {
        let mut said = 0;
        for (place, long) in &self.longs {
            bytes.extend_from_slice(self.bytes.get(said..*place).unwrap_or_default());
            longs.push((bytes.len(), long.clone()));
            said = *place;
        }
        bytes.extend_from_slice(self.bytes.get(said..).unwrap_or_default());
    }
}

impl From<Vec<u8>> for Output {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, longs: Longs::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_said_in_its_place() {
        let long: Vec<u8> = (0..LONG + 1).map(|nth| (nth % 251) as u8).collect();
        for (text, shared) in [(&b""[..], false), (b"short", false), (&long[..LONG], false), (&long, true)] {
            let kept = Output::from(text.to_vec()).kept();
            assert_eq!(kept.longs.len(), usize::from(shared));
            let (mut out, mut expected) = (Output::default(), Vec::new());
            for before in [&b"<"[..], b"", b"and "] {
                out.bytes.extend_from_slice(before);
                kept.say(&mut out.bytes, &mut out.longs);
                expected.extend_from_slice(&[before, text].concat());
            }
            // What holds something shared is kept and said as well.
            let twice = out.clone().kept();
            twice.say(&mut out.bytes, &mut out.longs);
            out.bytes.push(b'>');
            let expected = [&expected[..], &expected, b">"].concat();
            assert_eq!(out.len(), expected.len());
            assert!(!shared || out.held() < 1_000, "{} bytes are copies", out.held());
            let mut pieces = Vec::new();
            out.clone().pour(|piece| pieces.push(piece));
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            assert!(pieces.concat() == expected && out.whole() == expected, "{} bytes", text.len());
        }
        assert!(Output::default().is_empty() && Output::default().whole().is_empty());
    }
}
