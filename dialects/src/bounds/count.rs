//! What the things that are counted take in memory, and their sum.

use std::mem::size_of;

use super::key::What;
use super::{LONGEST_SCHEMA, TooMany};
use crate::conversation::{Call, Citation, Message, Part, Str, Tool};

/// A list that grows by doubling holds, while it moves, three times what is in it.
const GROWING: usize = 3;
/// One that grows by a quarter.
const fn grown(size: usize) -> usize {
    size * 9 / 4
}

/// A borrowed piece of JSON, and the key that it stands under.
const RAW: usize = 16;
const MEMBER: usize = RAW + size_of::<Str<'static>>();
/// A schema of the shortest members (`"":1,`), for each of its bytes.
const SCHEMA: usize = 34;

/// Bytes that one of each takes, by the place in [`What::ALL`]: read, and what is written around it.
#[derive(Debug)]
pub struct Costs([usize; 9]);

/// A part is pointed at while its message is sorted out for the writer.
const PART: usize = size_of::<Part<'static>>() + grown(RAW) + 8 * GROWING;
const MESSAGE: usize = grown(size_of::<Message<'static>>());
/// As it is read, it is larger than as it is kept.
const CALL: usize = PART + size_of::<Call<'static>>() + 480;
const TOOL: usize = size_of::<Tool<'static>>() + RAW * GROWING + 400;
const CITATION: usize = size_of::<Citation<'static>>() * GROWING;
const TEXT: usize = size_of::<Str<'static>>() * GROWING;
/// Gemini's are kept by the path at which they stood.
const MEMBERS: usize = MEMBER * GROWING + 48;

pub static REQUEST: Costs =
    Costs([MESSAGE + 80, PART + 64, CALL + 128, TOOL + 96, CITATION + 64, TEXT + 8, PART, PART, MEMBERS]);

pub static ANSWER: Costs =
    Costs([PART + 160, PART + 160, CALL + 288, TOOL, CITATION + 192, TEXT + 8, PART * GROWING, PART, MEMBERS]);

/// Of a stream's event each part becomes events of its own, which are not kept.
pub static EVENT: Costs =
    Costs([PART + 512, grown(RAW) + 640, CALL + 1_024, TOOL, CITATION + 640, TEXT + 8, PART * GROWING, PART, MEMBERS]);

pub static EMBED_REQUEST: Costs = Costs([TEXT + 160, TEXT + 16, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT * 6 + 400, MEMBERS]);

pub static EMBED_ANSWER: Costs = Costs([RAW, RAW, RAW, RAW, RAW, RAW, RAW, MEMBER * 6 + 64, MEMBERS]);

/// The sums of one body.
#[derive(Debug)]
pub struct Sums {
    costs: &'static Costs,
    allowed: usize,
    /// Of that, what is left for what is counted.
    room: usize,
    weight: usize,
    counts: [usize; 9],
    /// The first name of the top under which most was found.
    param: Option<&'static str>,
    /// Bytes of strings with escapes, which are copied, and of the longest one, which the parser copies too.
    pub escaped: usize,
    pub longest: usize,
    /// Bytes that the schema takes that takes most: one is built after the other.
    schema: usize,
    /// Quotes and backslashes in what is handed on as it came: where it goes into a string, each takes one more.
    pub quotes: usize,
}

impl Sums {
    /// `length`: the body's, which is written in any case.
    pub fn new(costs: &'static Costs, allowed: usize, length: usize) -> Self {
        Self {
            costs,
            allowed,
            room: allowed.saturating_sub(length),
            weight: 0,
            counts: [0; 9],
            param: None,
            escaped: 0,
            longest: 0,
            schema: 0,
            quotes: 0,
        }
    }

    /// One more of these.
    pub fn one(&mut self, what: What) -> Result<(), TooMany> {
        let at = what as usize;
        let (Some(count), Some(cost)) = (self.counts.get_mut(at), self.costs.0.get(at)) else { return Ok(()) };
        *count += 1;
        self.weight += cost;
        if self.weight > self.room { Err(self.too_many(self.weight - self.room)) } else { Ok(()) }
    }

    /// A schema of this length.
    pub fn schema(&mut self, length: usize) {
        if length <= LONGEST_SCHEMA {
            self.schema = self.schema.max(length * SCHEMA);
        }
    }

    /// The name of the top that is walked through now.
    pub fn at(&mut self, key: &[u8]) {
        self.param = crate::translate::param_named(key);
    }

    /// What of them there is most of, by what it takes, and how many of it would do beside all else that came.
    fn too_many(&self, over: usize) -> TooMany {
        let taken = |what: &What| {
            let at = *what as usize;
            self.counts.get(at).zip(self.costs.0.get(at)).map_or(0, |(count, cost)| count * cost)
        };
        let most = What::ALL.into_iter().max_by_key(taken).unwrap_or(What::Parts);
        let cost = self.costs.0.get(most as usize).copied().unwrap_or(1).max(1);
        let count = self.counts.get(most as usize).copied().unwrap_or(0);
        TooMany { what: most.label(), limit: count.saturating_sub(over.div_ceil(cost)), param: self.param }
    }

    /// All that is held at most, beside a body of this length.
    pub fn total(&self, length: usize) -> Result<usize, TooMany> {
        // What is written is about as long as what came, and the parser's copy of a string is gone by then.
        let written = length.saturating_add(self.quotes);
        let flat = self.escaped.saturating_add(written.max(self.longest.saturating_mul(2)));
        let total = flat.saturating_add(self.weight).saturating_add(self.schema);
        // A single text that fills the body is taken, however the parser's copy of it grew.
        let counted = self.escaped.saturating_add(written).saturating_add(self.weight);
        if counted > self.allowed || total > self.allowed && self.weight > self.allowed / 16 {
            let most = if counted > self.allowed { counted } else { total };
            return Err(self.too_many(most - self.allowed));
        }
        Ok(total)
    }
}
