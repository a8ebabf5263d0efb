//! Finds the reported usage in bytes that come in pieces and are not kept.

use super::needle::{self, LONGEST_USAGE};
use crate::usage::{Found, after_key};
use crate::{Dialect, Usage};

/// The longest usage object that is waited for, in bytes; the longest of the field has about 1,000.
const MAX_OBJECT: usize = 8 * 1024;
/// What of a key may stand in the piece before.
const TAIL: usize = LONGEST_USAGE - 1;

/// Looks for the key over piece borders, and keeps only the beginning of an object that is not yet whole.
#[derive(Debug)]
pub struct Spot {
    dialect: Dialect,
    usage: Option<Usage>,
    /// The last bytes of the piece before: a key may begin in them.
    tail: [u8; TAIL],
    tail_len: usize,
    /// What followed the key so far.
    open: Option<Vec<u8>>,
}

/// The last usage that one whole piece of JSON reports.
pub fn in_whole(json: &[u8], dialect: Dialect) -> Option<Usage> {
    let mut usage = None;
    let key = needle::usage(dialect);
    for at in key.find_iter(json) {
        if let Found::Usage(found) = after_key(json.get(at + key.needle().len()..).unwrap_or_default()) {
            usage = Some(found);
        }
    }
    usage
}

impl Spot {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, usage: None, tail: [0; TAIL], tail_len: 0, open: None }
    }

    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    pub fn push(&mut self, piece: &[u8]) {
        if let Some(mut open) = self.open.take() {
            let room = MAX_OBJECT.saturating_sub(open.len());
            open.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            self.judge(open, room > piece.len());
        } else if self.tail_len > 0 {
            self.over_the_border(piece);
        }
        let key = needle::usage(self.dialect);
        for at in key.find_iter(piece) {
            let rest = piece.get(at + key.needle().len()..).unwrap_or_default();
            match after_key(rest) {
                Found::Usage(usage) => self.usage = Some(usage),
                Found::Nothing => {}
                Found::More if rest.len() < MAX_OBJECT => self.open = Some(rest.to_vec()),
                Found::More => {}
            }
        }
        self.keep_tail(piece);
    }

    fn judge(&mut self, open: Vec<u8>, may_grow: bool) {
        match after_key(&open) {
            Found::Usage(usage) => self.usage = Some(usage),
            Found::More if may_grow => self.open = Some(open),
            Found::Nothing | Found::More => {}
        }
    }

    /// A key that begins in the piece before.
    fn over_the_border(&mut self, piece: &[u8]) {
        let key = needle::usage(self.dialect);
        let mut both = [0; 2 * TAIL];
        let old = self.tail.get(..self.tail_len).unwrap_or_default();
        let new = piece.get(..piece.len().min(TAIL)).unwrap_or_default();
        for (to, from) in both.iter_mut().zip(old.iter().chain(new)) {
            *to = *from;
        }
        let both = both.get(..old.len() + new.len()).unwrap_or_default();
        let over = |at: &usize| *at < old.len() && at + key.needle().len() > old.len();
        if let Some(at) = key.find_iter(both).find(over) {
            let used = (at + key.needle().len()).saturating_sub(old.len());
            let rest = piece.get(used..).unwrap_or_default();
            self.judge(rest.get(..rest.len().min(MAX_OBJECT)).unwrap_or_default().to_vec(), rest.len() < MAX_OBJECT);
        }
    }

    fn keep_tail(&mut self, piece: &[u8]) {
        let mut tail = [0; TAIL];
        let old = self.tail.get(..self.tail_len).unwrap_or_default();
        let all = old.len() + piece.len();
        let keep = all.min(TAIL);
        // The last `keep` bytes of what was kept and the piece together.
        let bytes = old.iter().chain(piece.get(piece.len().saturating_sub(TAIL)..).unwrap_or_default());
        let skip = old.len() + piece.len().min(TAIL) - keep;
        for (to, from) in tail.iter_mut().zip(bytes.skip(skip)) {
            *to = *from;
        }
        (self.tail, self.tail_len) = (tail, keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"text":"\"usage\": {\"prompt_tokens\": 99}","usage":null,"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}},"usage" : {"prompt_tokens":10,"completion_tokens":7,"d":{"a":1}},"end":1}"#;

    #[test]
    fn the_last_real_usage_counts_however_it_is_cut() {
        let want = in_whole(BODY, Dialect::OpenAi);
        assert_eq!(want.map(|u| (u.input, u.output)), Some((10, 7)));
        for size in 1..=BODY.len() {
            let mut spot = Spot::new(Dialect::OpenAi);
            BODY.chunks(size).for_each(|piece| spot.push(piece));
            assert_eq!(spot.usage(), want, "{size}");
        }
        for cut in 0..=BODY.len() {
            let mut spot = Spot::new(Dialect::OpenAi);
            spot.push(&BODY[..cut]);
            spot.push(&BODY[cut..]);
            assert_eq!(spot.usage(), want, "{cut}");
        }
    }

    #[test]
    fn gemini_calls_it_otherwise_and_each_is_counted_once() {
        let body = br#"[{"usageMetadata": {"promptTokenCount": 4,"candidatesTokenCount": 2,"thoughtsTokenCount": 5,"totalTokenCount": 11}}]"#;
        for size in 1..=body.len() {
            let mut spot = Spot::new(Dialect::Gemini);
            body.chunks(size).for_each(|piece| spot.push(piece));
            let usage = spot.usage().unwrap();
            assert_eq!((usage.input, usage.output, usage.reasoning), (4, 7, 5), "{size}");
        }
    }

    #[test]
    fn an_object_without_an_end_is_given_up() {
        let mut spot = Spot::new(Dialect::OpenAi);
        spot.push(br#"{"usage":{"a":""#);
        for _ in 0..100 {
            spot.push(&[b'x'; 1_000]);
            assert!(spot.open.as_ref().is_none_or(|open| open.len() <= MAX_OBJECT));
        }
        assert!(spot.open.is_none());
        spot.push(br#""}, "usage":{"total_tokens":3}"#);
        assert_eq!(spot.usage().map(|u| u.input), Some(3));
    }
}
