//! An answer that is one JSON document, watched without being kept.
//!
//! A short one (16 KiB) commits only when it looks complete, so that one that was cut, or holds an error under a 200,
//! can still be replaced by another; half a document is of no use to anybody. White space that servers send ahead to
//! keep the connection alive does not commit.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::balance::Balance;
use super::needle::ERROR;
use super::spot::Spot;
use super::{Cut, Failure, Seen, foreign, long, tally};
use crate::json::{Weight, keys};
use crate::{Endpoint, Usage};

/// Bytes that may be held back before committing.
pub const HOLD: usize = 16 * 1024;
/// Bytes of an error in the place of an answer that are waited for.
const MAX_ERROR: u64 = 48 * 1024;
/// What surrounds the text of a chat answer, about.
const FRAME: u64 = 400;

#[derive(Debug)]
pub struct Whole {
    endpoint: Endpoint,
    bytes: u64,
    /// The first and the last byte that is not white space; 0 before there is one.
    first: u8,
    last: u8,
    spot: Spot,
    /// Where the framing tells nothing.
    balance: Option<Balance>,
    content: bool,
    failure: Option<Box<Failure>>,
    foreign: bool,
    /// What came before content, where it came in more than one chunk.
    kept: Vec<u8>,
}

impl Whole {
    /// `blank`: bytes of white space that came ahead of it.
    pub fn new(endpoint: Endpoint, to_close: bool, blank: u64) -> Self {
        Self {
            endpoint,
            bytes: blank,
            first: 0,
            last: 0,
            spot: Spot::new(endpoint.dialect()),
            balance: to_close.then(Balance::default),
            content: false,
            failure: None,
            foreign: false,
            kept: Vec::new(),
        }
    }

    pub fn push(&mut self, chunk: &[u8]) -> Seen {
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        if let Some(last) = chunk.trim_ascii_end().last() {
            self.last = *last;
            if self.first == 0 {
                self.first = chunk.trim_ascii_start().first().copied().unwrap_or(*last);
            }
        }
        self.spot.push(chunk);
        if let Some(balance) = &mut self.balance {
            balance.push(chunk);
        }
        let failed = if self.content { None } else { self.commit(chunk) };
        let foreign = self.foreign.then_some(foreign::OTHER);
        Seen { upto: chunk.len(), content: self.content, failed, foreign, ..Seen::default() }
    }

    fn closed(&self) -> bool {
        matches!((self.first, self.last), (b'{', b'}') | (b'[', b']'))
            && self.balance.as_ref().is_none_or(Balance::closed)
    }

    /// Decides whether there is enough to commit, or to refuse.
    fn commit(&mut self, chunk: &[u8]) -> Option<Box<Failure>> {
        if self.failure.is_some() || self.foreign || (self.first == 0 && self.bytes <= HOLD as u64) {
            return None;
        }
        if self.bytes > HOLD as u64 || !matches!(self.first, b'{' | b'[') {
            let begun = if self.kept.is_empty() { chunk } else { &self.kept };
            if self.first != b'{' || !long::begins_as_error(begun) {
                self.content = true;
                self.kept = Vec::new();
                return None;
            }
            // Nobody is answered with that, and as it comes it could not be masked.
            if self.bytes > MAX_ERROR {
                let failure = Box::new(Failure::read(begun));
                self.failure = Some(failure.clone());
                self.kept = Vec::new();
                return Some(failure);
            }
        }
        let together = !self.kept.is_empty();
        if together || !self.closed() {
            self.kept.extend_from_slice(chunk);
        }
        if !self.closed() {
            return None;
        }
        let body = if self.kept.is_empty() { chunk } else { &self.kept };
        match verdict(body) {
            // Who tells its usage has answered.
            Verdict::Answer if self.spot.usage().is_none() && foreign::is_foreign(self.endpoint, body) => {
                self.foreign = true;
                self.kept = Vec::new();
                None
            }
            Verdict::Answer => {
                self.content = true;
                self.kept = Vec::new();
                None
            }
            Verdict::Error => {
                let failure = Box::new(Failure::read(body));
                self.failure = Some(failure.clone());
                self.kept = Vec::new();
                Some(failure)
            }
            // A brace that was not the last one.
            Verdict::Open => {
                if self.kept.is_empty() {
                    self.kept.extend_from_slice(chunk);
                }
                None
            }
        }
    }

    pub fn end(&mut self, framing_clean: bool) -> Result<(), Cut> {
        if self.failure.is_some() {
            return Err(Cut::Told);
        }
        if self.foreign {
            return Err(Cut::Foreign(foreign::OTHER));
        }
        if !framing_clean {
            return Err(Cut::Broken);
        }
        // What is no document at all is only as long as HTTP says.
        if self.closed() || !matches!(self.first, 0 | b'{' | b'[') { Ok(()) } else { Err(Cut::NoTerminal) }
    }

    pub fn usage(&self) -> Option<Usage> {
        self.spot.usage()
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }

    pub fn estimate(&self) -> u64 {
        match self.endpoint {
            Endpoint::Chat
            | Endpoint::Completions
            | Endpoint::Responses
            | Endpoint::AudioTranscriptions
            | Endpoint::AudioTranslations
            | Endpoint::Messages
            | Endpoint::GenerateContent => tally::tokens(self.bytes.saturating_sub(FRAME)),
            // What comes back is not made of tokens.
            Endpoint::Embeddings
            | Endpoint::Moderations
            | Endpoint::Rerank
            | Endpoint::ImagesGenerations
            | Endpoint::ImagesEdits
            | Endpoint::ImagesVariations
            | Endpoint::AudioSpeech
            | Endpoint::CountTokens
            | Endpoint::GeminiCountTokens
            | Endpoint::EmbedContent
            | Endpoint::BatchEmbedContents
            | Endpoint::Converse => 0,
        }
    }
}

enum Verdict {
    Answer,
    Error,
    Open,
}

/// Whether a document that seems complete is an error in place of an answer.
fn verdict(body: &[u8]) -> Verdict {
    if ERROR.find(body).is_none() {
        return Verdict::Answer;
    }
    match serde_json::Deserializer::from_slice(body).deserialize_map(Read) {
        Ok(true) => Verdict::Error,
        Ok(false) => Verdict::Answer,
        Err(error) if error.is_eof() => Verdict::Open,
        Err(_) => Verdict::Answer,
    }
}

keys! { Key {
    Error = "error",
    Object = "object",
    Payload = "choices" | "data" | "output" | "results" | "text" | "embeddings" | "embedding" | "content" | "candidates",
} }

/// True where there is an error and nothing of an answer.
struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let (mut error, mut payload) = (false, false);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Error => error |= map.next_value::<Weight>()?.0,
                Key::Payload => payload |= map.next_value::<Weight>()?.0,
                Key::Object => error |= map.next_value::<IsError>()?.0,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(error && !payload)
    }
}

/// Mistral: `"object": "error"`.
struct IsError(bool);

impl<'de> serde::de::Deserialize<'de> for IsError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        keys! { Word { Error = "error" } }
        Ok(Self(Word::deserialize(deserializer)? == Word::Error))
    }
}
