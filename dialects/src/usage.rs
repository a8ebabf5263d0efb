//! Tokens that a request cost, as the many vendors report them.
//!
//! One meaning for all: `input` holds everything that was read, cached or not, and `output` everything that was
//! written, reasoning included. Vendors differ: DeepSeek counts cache hits beside, Together and Hugging Face put
//! `cached_tokens` at the top, Anthropic leaves cached tokens out of `input_tokens`, xAI and Gemini leave reasoning out
//! of `completion_tokens` and count it in `total_tokens` alone, Voyage reports nothing but a total.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json::scan::Scan;
use crate::json::{Scalar, keys};

/// Tokens of one request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Read: the whole prompt, what came from a cache included.
    pub input: u64,
    /// Written: the whole answer, reasoning included.
    pub output: u64,
    /// Of `input`, what came from a cache.
    pub cached_input: u64,
    /// Of `input`, what was written to a cache.
    pub cache_write: u64,
    /// Of `output`, what was reasoning.
    pub reasoning: u64,
    /// Nobody reported it: these are guesses of ours.
    pub estimated: bool,
}

impl Usage {
    /// A guess from bytes of text, marked as one.
    pub fn guess(request_bytes: u64, answer_bytes: u64) -> Self {
        let tokens = crate::watch::tokens;
        Self { input: tokens(request_bytes), output: tokens(answer_bytes), estimated: true, ..Self::default() }
    }

    /// A later report of the same answer, which leaves out what an earlier one told: Anthropic counts the prompt at the
    /// beginning and the answer at its end.
    pub(crate) fn after(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(earlier) if self.input == 0 => Self {
                input: earlier.input,
                cached_input: earlier.cached_input,
                cache_write: earlier.cache_write,
                ..self
            },
            Some(_) | None => self,
        }
    }
}

/// What stood after the key `usage`.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// And where its object ends, counted from the key's end.
    Usage(Usage, usize),
    /// Null, or an object without a token count in it.
    Nothing,
    /// The bytes end before one can tell.
    More,
}

/// Reads a usage object; None where there is no token count in it.
pub(crate) fn read(json: &str) -> Option<Usage> {
    let mut counts = Counts::default();
    if counts.walk(&mut Scan::new(json.as_bytes()), Part::Top).is_none() {
        counts = Counts::default();
        let mut json = serde_json::Deserializer::from_str(json);
        (Level { counts: &mut counts, part: Part::Top }).deserialize(&mut json).ok()?;
    }
    counts.settle()
}

/// Reads what follows `"usage"`: a colon and an object. Bytes after the object do not matter.
pub(crate) fn after_key(bytes: &[u8]) -> Found {
    let Some((colon, rest)) = bytes.trim_ascii_start().split_first() else {
        return Found::More;
    };
    if *colon != b':' {
        return Found::Nothing;
    }
    let rest = rest.trim_ascii_start();
    match rest.first() {
        None => return Found::More,
        Some(b'{') => {}
        Some(_) => return Found::Nothing,
    }
    let before = bytes.len() - rest.len();
    let found =
        |counts: Counts, len: usize| counts.settle().map_or(Found::Nothing, |usage| Found::Usage(usage, before + len));
    let (mut counts, mut scan) = (Counts::default(), Scan::new(rest));
    if counts.walk(&mut scan, Part::Top).is_some() {
        return found(counts, scan.at());
    }
    let mut counts = Counts::default();
    let mut json = serde_json::Deserializer::from_slice(rest);
    match (Level { counts: &mut counts, part: Part::Top }).deserialize(&mut json) {
        Ok(()) => {
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
            values.next();
            found(counts, values.byte_offset())
        }
        Err(error) if error.is_eof() || is_cut_number(rest, &error) => Found::More,
        Err(_) => Found::Nothing,
    }
}

/// A number that was cut in the middle is an error of its own: of the last byte, and of none before it.
fn is_cut_number(bytes: &[u8], error: &serde_json::Error) -> bool {
    let (line, before) = match memchr::memrchr(b'\n', bytes) {
        Some(at) => (memchr::memchr_iter(b'\n', bytes).count() + 1, at + 1),
        None => (1, 0),
    };
    matches!(bytes.last(), Some(b'.' | b'e' | b'E' | b'+' | b'-'))
        && (error.line(), error.column()) == (line, bytes.len() - before)
}

/// The counters as they came; None where a vendor has none.
#[derive(Default)]
struct Counts {
    prompt: Option<u64>,
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl Usage {
    /// What a later report of the same answer adds: counts only grow, and a later report may leave some out.
    pub(crate) fn and_later(self, later: Self) -> Self {
        Self {
            input: self.input.max(later.input),
            output: self.output.max(later.output),
            cached_input: self.cached_input.max(later.cached_input),
            cache_write: self.cache_write.max(later.cache_write),
            reasoning: self.reasoning.max(later.reasoning),
            estimated: self.estimated || later.estimated,
        }
    }
}

impl Counts {
    fn settle(self) -> Option<Usage> {
        let reported = self.prompt.or(self.input).or(self.output).or(self.total);
        reported?;
        let cached_beside = self.cache_read.unwrap_or(0);
        let cache_write = self.cache_write.unwrap_or(0);
        let cached_input = self.cached.unwrap_or(0).max(cached_beside);
        let mut input = match (self.prompt, self.input) {
            (Some(prompt), _) => prompt,
            // Anthropic alone says `cache_read_input_tokens` beside `input_tokens`, and does not count the one in the other.
            (None, Some(input)) if self.cached.is_none() => {
                let cached = if self.cache_read.is_some() { cached_beside.saturating_add(cache_write) } else { 0 };
                input.saturating_add(cached)
            }
            (None, Some(input)) => input,
            (None, None) => 0,
        };
        let mut output = self.output.unwrap_or(0);
        // What only the total counts is reasoning where there is an answer (xAI, Gemini), else it is the prompt (Voyage).
        let beyond = self.total.unwrap_or(0).saturating_sub(input.saturating_add(output));
        if self.output.is_some() {
            output = output.saturating_add(beyond);
        } else if input == 0 {
            input = beyond;
        }
        Some(Usage {
            input,
            output,
            cached_input,
            cache_write,
            reasoning: self.reasoning.unwrap_or(0),
            estimated: false,
        })
    }
}

impl Counts {
    /// Where the count of a key belongs.
    fn slot(&mut self, key: Key, part: Part) -> Option<&mut Option<u64>> {
        let top = part == Part::Top;
        Some(match key {
            Key::Prompt if top => &mut self.prompt,
            Key::Input if top => &mut self.input,
            Key::Output if top => &mut self.output,
            Key::Total if top => &mut self.total,
            Key::CacheHit if top => &mut self.cached,
            Key::CacheRead if top => &mut self.cache_read,
            Key::Cached if part != Part::OutputDetails => &mut self.cached,
            Key::CacheCreation | Key::CacheWrite if part != Part::OutputDetails => &mut self.cache_write,
            Key::Reasoning if part != Part::InputDetails => &mut self.reasoning,
            _ => return None,
        })
    }

    /// The quick way; None where the parser must be asked.
    fn walk(&mut self, scan: &mut Scan<'_>, part: Part) -> Option<()> {
        let mut more = scan.open()?;
        while more {
            let key = Key::of(scan.key()?);
            let byte = scan.peek()?;
            match (key.details(), self.slot(key, part)) {
                (Some(details), _) if part == Part::Top && byte == b'{' => self.walk(scan, details)?,
                (None, Some(slot)) if byte.is_ascii_digit() => note(slot, Some(scan.whole()?)),
                (_, None) => scan.skip()?,
                (_, Some(_)) if byte == b'n' => scan.skip()?,
                (_, Some(_)) => return None,
            }
            more = scan.more()?;
        }
        Some(())
    }
}

/// The same count may come twice under two names: the larger is the one that was filled in.
fn note(slot: &mut Option<u64>, count: Option<u64>) {
    *slot = (*slot).max(count);
}

/// Where in the object one is: the details repeat names of the top with another meaning.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Top,
    InputDetails,
    OutputDetails,
}

keys! { Key {
    Prompt = "prompt_tokens" | "promptTokenCount",
    Input = "input_tokens",
    Output = "completion_tokens" | "output_tokens" | "candidatesTokenCount",
    Total = "total_tokens" | "totalTokenCount",
    Cached = "cached_tokens",
    CacheHit = "prompt_cache_hit_tokens" | "cachedContentTokenCount",
    CacheRead = "cache_read_input_tokens",
    CacheCreation = "cache_creation_input_tokens",
    CacheWrite = "cache_write_tokens",
    Reasoning = "reasoning_tokens" | "thinking_tokens" | "thoughtsTokenCount",
    InputDetails = "prompt_tokens_details" | "input_tokens_details",
    OutputDetails = "completion_tokens_details" | "output_tokens_details",
} }

impl Key {
    fn details(self) -> Option<Part> {
        match self {
            Self::InputDetails => Some(Part::InputDetails),
            Self::OutputDetails => Some(Part::OutputDetails),
            _ => None,
        }
    }
}

struct Level<'c> {
    counts: &'c mut Counts,
    part: Part,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token counts")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            if let Some(part) = key.details().filter(|_| self.part == Part::Top) {
                map.next_value_seed(Level { counts: &mut *self.counts, part })?;
                continue;
            }
            match self.counts.slot(key, self.part) {
                Some(slot) => note(slot, map.next_value::<Scalar>()?.number()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
