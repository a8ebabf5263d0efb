//! Finds the reported usage in bytes that come in pieces and are not kept.

use std::ops::Range;

use super::needle;
use crate::usage::{Found, after_key};
use crate::{Dialect, Usage};

/// The longest usage object that is waited for, in bytes; the longest of the field has about 1,000.
const MAX_OBJECT: usize = 8 * 1024;

/// Looks for the key over piece borders, and keeps only the beginning of an object that is not yet whole.
#[derive(Debug)]
pub struct Spot {
    dialect: Dialect,
    usage: Option<Usage>,
    /// Where that stands in the last piece, its key included; empty where nobody knows.
    at: Range<usize>,
    /// The end of what came: what may be the beginning of a key, or a key and what followed it so far.
    held: Vec<u8>,
}

/// The last usage that one whole piece of JSON reports.
pub fn in_whole(json: &[u8], dialect: Dialect) -> Option<Usage> {
    let mut usage = None;
    look(json, json.len(), dialect, &mut usage);
    usage
}

impl Spot {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, usage: None, at: 0..0, held: Vec::new() }
    }

    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Where it stands in the last piece, its key included; empty where that is not known without much ado.
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    pub fn push(&mut self, piece: &[u8]) {
        self.at = 0..0;
        let key = needle::usage(self.dialect);
        let len = key.needle().len();
        let mut joined = std::mem::take(&mut self.held);
        let border = joined.len();
        let mut from = 0;
        if border > 0 {
            let upto = |near: usize| piece.get(..near.min(piece.len())).unwrap_or_default();
            joined.extend_from_slice(upto(len - 1));
            // Most ends of pieces are the beginning of no key, and then this was all that is copied.
            if border >= len || key.find(&joined).is_some() {
                joined.truncate(border);
                joined.extend_from_slice(upto(MAX_OBJECT + len));
            }
            let all = joined.len() == border + piece.len();
            let before = if all { joined.len() } else { border };
            let went = look(&joined, before, self.dialect, &mut self.usage);
            if all {
                joined.drain(..went.kept(joined.len(), len));
                self.held = joined;
                return;
            }
            from = went.at.saturating_sub(border);
        }
        let rest = piece.get(from..).unwrap_or_default();
        let went = look(rest, rest.len(), self.dialect, &mut self.usage);
        let kept = went.kept(rest.len(), len);
        self.at = if from == 0 { went.usage } else { 0..0 };
        joined.clear();
        joined.extend_from_slice(rest.get(kept..).unwrap_or_default());
        self.held = joined;
    }
}

/// How far a look went.
struct Went {
    /// Up to here all is judged.
    at: usize,
    /// Here is a key whose value is not yet whole.
    waits: bool,
    /// The last usage.
    usage: Range<usize>,
}

impl Went {
    /// Where that begins which must be kept for the next piece.
    fn kept(&self, bytes: usize, key: usize) -> usize {
        if self.waits { self.at } else { self.at.max(bytes.saturating_sub(key - 1)).min(bytes) }
    }
}

/// Judges the values of the keys that begin before `before`. What is decided depends on no more than [`MAX_OBJECT`] bytes
/// after a key, so that no cut decides otherwise; keys inside of a usage that was read are a part of it.
fn look(bytes: &[u8], before: usize, dialect: Dialect, usage: &mut Option<Usage>) -> Went {
    let key = needle::usage(dialect);
    let (mut at, mut told) = (0, 0..0);
    while let Some(begin) = bytes.get(at..).and_then(|rest| key.find(rest)).map(|found| at + found) {
        if begin >= before {
            break;
        }
        at = begin + key.needle().len();
        let rest = bytes.get(at..).unwrap_or_default();
        let value = rest.get(..MAX_OBJECT).unwrap_or(rest);
        match after_key(value) {
            Found::Usage(found, end) => {
                *usage = Some(found);
                at += end;
                told = begin..at;
            }
            Found::More if rest.len() < MAX_OBJECT => return Went { at: begin, waits: true, usage: told },
            Found::Nothing | Found::More => {}
        }
    }
    Went { at, waits: false, usage: told }
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
    fn keys_within_a_value_that_is_waited_for_are_read_alike_however_it_is_cut() {
        let long = format!(r#"{{"usage":{{"a":"{}"}},"usage":{{"total_tokens":3}}}}"#, "x".repeat(MAX_OBJECT));
        for (body, input) in [
            (r#"{"usage":{"prompt_tokens":1,"usage":{"prompt_tokens":5}},"end":1}"#, Some(1)),
            (r#"{"usage":{"prompt_tokens":1,"usage":{"prompt_tokens":5}} "usage":{"total_tokens":7}"#, Some(7)),
            (r#"{"usage":{"a":1,"usage":{"prompt_tokens":5}},"end":1}"#, Some(5)),
            (r#"{"usage":{"prompt_tokens":1,"usage":{"prompt_tokens":5},]"usage":"usage":{"a":1"#, Some(5)),
            (r#"{"usage":{"prompt_tokens":1,"usage":{"prompt_tokens":5},"#, None),
            (&long, Some(3)),
        ] {
            let body = body.as_bytes();
            let want = in_whole(body, Dialect::OpenAi).map(|usage| usage.input);
            assert_eq!(want, input);
            for size in 1..=body.len().min(200) {
                let mut spot = Spot::new(Dialect::OpenAi);
                body.chunks(size).for_each(|piece| spot.push(piece));
                assert_eq!(spot.usage().map(|usage| usage.input), want, "{size}");
            }
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
            assert!(spot.held.len() <= MAX_OBJECT + 7);
        }
        assert!(spot.held.len() < 7);
        spot.push(br#""}, "usage":{"total_tokens":3}"#);
        assert_eq!(spot.usage().map(|u| u.input), Some(3));
    }
}
