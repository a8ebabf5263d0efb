//! An answer that is one JSON document, watched without being kept.
//!
//! A short one (16 KiB) commits only when it looks complete, so that one that was cut, or holds an error under a 200,
//! can still be replaced by another; half a document is of no use to anybody. A longer one commits once it begins as an
//! answer. White space that servers send ahead to keep the connection alive does not commit. Always: one whose brackets
//! are not closed is not whole, however orderly HTTP has ended it; who stands in between often does so with half of one.

use super::balance::Balance;
use super::foreign::Verdict;
use super::needle::{said_why, tells_error};
use super::spot::Spot;
use super::{Cut, Failure, Seen, foreign, long, tally};
use crate::{Endpoint, Usage};

/// Bytes that may be held back before committing.
pub const HOLD: usize = 16 * 1024;
/// Bytes of an error in the place of an answer, or of what does not begin as one, that are waited for.
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
    content: bool,
    failure: Option<Box<Failure>>,
    /// An upstream's own words have come with the last chunk.
    pub words: bool,
    /// What it is where it is no answer.
    foreign: Option<&'static str>,
    /// What came before content, where it came in more than one chunk: it is read only where its brackets are closed, and
    /// not for each brace that is not the last one.
    kept: Vec<u8>,
    /// The brackets of what is kept, and of all that comes after content: no framing vouches for them. One that was read
    /// in one piece has closed them.
    open: Balance,
}

impl Whole {
    /// `blank`: bytes of white space that came ahead of it.
    pub fn new(endpoint: Endpoint, blank: u64) -> Self {
        Self {
            endpoint,
            bytes: blank,
            first: 0,
            last: 0,
            spot: Spot::new(endpoint.dialect()),
            content: false,
            failure: None,
            words: false,
            foreign: None,
            kept: Vec::new(),
            open: Balance::default(),
        }
    }

    pub fn push(&mut self, chunk: &[u8]) -> Seen {
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        if let Some(last) = chunk.trim_ascii_end().last() {
            self.last = *last;
            if self.first == 0 {
                self.first = foreign::bare(chunk).first().copied().unwrap_or_default();
            }
        }
        self.spot.push(chunk);
        // What a call of the others holds is an object, and not a text, and may have an error of its own.
        self.words = said_why(self.endpoint, chunk) || self.endpoint == Endpoint::Responses && tells_error(chunk);
        let failed = if self.content {
            self.open.push(chunk);
            None
        } else {
            self.commit(chunk)
        };
        Seen { upto: chunk.len(), content: self.content, failed, foreign: self.foreign, ..Seen::default() }
    }

    /// Whether it may be whole: the first bracket and the last fit together.
    const fn seems_closed(&self) -> bool {
        matches!((self.first, self.last), (b'{', b'}') | (b'[', b']'))
    }

    /// Decides whether there is enough to commit, or to refuse.
    fn commit(&mut self, chunk: &[u8]) -> Option<Box<Failure>> {
        if self.failure.is_some() || self.foreign.is_some() || (self.first == 0 && self.bytes <= HOLD as u64) {
            return None;
        }
        match self.first {
            b'{' | b'[' if self.is_beyond(chunk) => {
                let begun = if self.kept.is_empty() { chunk } else { &self.kept };
                // Nobody is answered with that, and as it comes it could not be masked.
                if self.bytes > MAX_ERROR && long::begins_as_error(begun) {
                    return self.fail(chunk);
                }
                self.open.push(chunk);
                self.settle(true, None);
            }
            b'{' | b'[' => return self.judge(chunk),
            // So much white space is held no longer.
            0 => self.settle(true, None),
            b'<' => self.settle(false, Some(foreign::PAGE)),
            _ => self.settle(false, Some(foreign::TEXT)),
        }
        None
    }

    /// Whether it is too long to be waited for: it begins as an answer, or no end of it is in sight.
    fn is_beyond(&self, chunk: &[u8]) -> bool {
        if self.bytes <= HOLD as u64 || self.bytes > MAX_ERROR {
            return self.bytes > HOLD as u64;
        }
        // Asked once, where it grows beyond the bound.
        let begins = |bytes: &[u8]| foreign::begins(self.endpoint, bytes);
        self.bytes.saturating_sub(chunk.len() as u64) <= HOLD as u64
            && if self.kept.is_empty() { begins(chunk) } else { begins(&self.kept) || begins(&self.with(chunk)) }
    }

    fn with(&self, chunk: &[u8]) -> Vec<u8> {
        [&self.kept, chunk].concat()
    }

    /// Judges it where it seems to be whole, and keeps it where it is not.
    fn judge(&mut self, chunk: &[u8]) -> Option<Box<Failure>> {
        let together = !self.kept.is_empty();
        if together || !self.seems_closed() {
            self.keep(chunk);
        }
        if !self.seems_closed() || together && !self.open.closed() {
            return None;
        }
        self.read(chunk)
    }

    fn keep(&mut self, chunk: &[u8]) {
        self.kept.extend_from_slice(chunk);
        self.open.push(chunk);
    }

    /// What is kept, or the one chunk that there is.
    fn read(&mut self, chunk: &[u8]) -> Option<Box<Failure>> {
        // Of what came in pieces nobody knows where a usage stands.
        let (body, at) = match self.kept.is_empty() {
            true => (chunk, self.spot.at()),
            false => (&*self.kept, 0..0),
        };
        match foreign::judge(self.endpoint, body, self.spot.usage(), at) {
            Verdict::Answer => {
                self.open = Balance::default();
                self.settle(true, None);
            }
            Verdict::Foreign => self.settle(false, Some(foreign::OTHER)),
            Verdict::Error => return self.fail(chunk),
            // A brace that was not the last one.
            Verdict::Open if self.kept.is_empty() => self.keep(chunk),
            Verdict::Open => {}
        }
        None
    }

    fn fail(&mut self, chunk: &[u8]) -> Option<Box<Failure>> {
        let body = if self.kept.is_empty() { chunk } else { &self.kept };
        self.failure = Some(Box::new(Failure::read(foreign::bare(body))));
        self.kept = Vec::new();
        self.failure.clone()
    }

    fn settle(&mut self, content: bool, foreign: Option<&'static str>) {
        (self.content, self.foreign, self.kept) = (content, foreign, Vec::new());
    }

    pub fn end(&mut self, framing_clean: bool) -> Result<(), Cut> {
        // Where the brackets do not fit together nobody has read it yet.
        if framing_clean && self.seems_closed() && !self.kept.is_empty() {
            self.read(&[]);
        }
        if self.failure.is_some() {
            return Err(Cut::Told);
        }
        if let Some(what) = self.foreign {
            return Err(Cut::Foreign(what));
        }
        if !framing_clean {
            return Err(Cut::Broken);
        }
        match self.first {
            0 | b'{' | b'[' if self.content && self.seems_closed() && self.open.closed() => Ok(()),
            0 | b'{' | b'[' => Err(Cut::NoTerminal),
            // What is no document at all is only as long as HTTP says.
            _ => Ok(()),
        }
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
