//! The way from a record to its series, without locks and without allocation in the usual case.
//!
//! The registry's own way takes a lock and a hash over all labels for each of a request's half dozen series. Each
//! thread keeps the handles that it used lately in small tables, compared by content; only a miss goes
//! to the registry. What always holds: a table never grows, and a wrong slot is a miss, never a wrong series.

use std::cell::RefCell;

use dialects::{Endpoint, Usage};
use prometheus::{Histogram, IntCounter};

use super::families::{Families, OTHER};
use crate::record::Record;

/// Sets of a table; a power of two. A few dozen series carry nearly all of an installation's traffic.
const SETS: usize = 32;

/// Everything of a request that hangs on endpoint, model and status.
pub(super) struct RequestSeries {
    endpoint: Option<Endpoint>,
    status: &'static str,
    model: Box<str>,
    pub(super) requests: IntCounter,
    pub(super) duration: Histogram,
    pub(super) first_byte: Histogram,
    pub(super) overhead: Histogram,
    pub(super) fallbacks: IntCounter,
}

struct AttemptSeries {
    deployment: Box<str>,
    outcome: &'static str,
    attempts: IntCounter,
}

/// Tokens of a model at a deployment, by kind.
pub(super) struct TokenSeries {
    model: Box<str>,
    deployment: Box<str>,
    input: IntCounter,
    output: IntCounter,
    cached_input: IntCounter,
    cache_write: IntCounter,
    reasoning: IntCounter,
    estimated_input: IntCounter,
    estimated_output: IntCounter,
}

impl TokenSeries {
    pub(super) fn add(&self, usage: &Usage) {
        let (input, output) =
            if usage.estimated { (&self.estimated_input, &self.estimated_output) } else { (&self.input, &self.output) };
        for (counter, tokens) in [
            (input, usage.input),
            (output, usage.output),
            (&self.cached_input, usage.cached_input),
            (&self.cache_write, usage.cache_write),
            (&self.reasoning, usage.reasoning),
        ] {
            if tokens > 0 {
                counter.inc_by(tokens);
            }
        }
    }
}

struct Tables {
    requests: Table<RequestSeries>,
    attempts: Table<AttemptSeries>,
    tokens: Table<TokenSeries>,
}

thread_local! {
    static TABLES: RefCell<Tables> = const {
        RefCell::new(Tables { requests: Table::new(), attempts: Table::new(), tokens: Table::new() })
    };
}

/// This thread's tables over the families.
pub(super) struct Cache<'a> {
    families: &'a Families,
    tables: &'a mut Tables,
}

pub(super) fn with(families: &Families, observe: impl FnOnce(&mut Cache<'_>)) {
    TABLES.with(|tables| {
        // Nothing in here calls back; a record is not worth a panic if that ever changes.
        if let Ok(mut tables) = tables.try_borrow_mut() {
            observe(&mut Cache { families, tables: &mut tables });
        }
    });
}

impl Cache<'_> {
    pub(super) fn request(&mut self, record: &Record) -> &RequestSeries {
        let families = self.families;
        let endpoint = record.endpoint;
        let status = status_label(record.status);
        let model = super::model_label(record);
        self.tables.requests.get(
            mix(mix(u64::from(record.status), status), model) ^ endpoint.map_or(0, |endpoint| endpoint as u64 + 1),
            |slot| slot.endpoint == endpoint && slot.status == status && *slot.model == *model,
            || {
                let path = endpoint.map_or(OTHER, Endpoint::label);
                let counted = if families.request_series.admits((path, model, status)) { model } else { OTHER };
                let timed = if families.timing_series.admits((path, model)) { model } else { OTHER };
                RequestSeries {
                    endpoint,
                    status,
                    model: model.into(),
                    requests: families.requests.with_label_values(&[path, counted, status]),
                    duration: families.duration.with_label_values(&[path, timed]),
                    first_byte: families.first_byte.with_label_values(&[path, timed]),
                    overhead: families.overhead.with_label_values(&[path]),
                    fallbacks: families.fallbacks.with_label_values(&[counted]),
                }
            },
        )
    }

    pub(super) fn attempt(&mut self, deployment: &str, outcome: &'static str) -> &IntCounter {
        let families = self.families;
        let series = self.tables.attempts.get(
            mix(mix(0, outcome), deployment),
            |slot| slot.outcome == outcome && *slot.deployment == *deployment,
            || {
                let admitted = families.attempt_series.admits((deployment, outcome));
                let label = if admitted { deployment } else { OTHER };
                AttemptSeries {
                    deployment: deployment.into(),
                    outcome,
                    attempts: families.attempts.with_label_values(&[label, outcome]),
                }
            },
        );
        &series.attempts
    }

    pub(super) fn tokens(&mut self, model: &str, deployment: &str) -> &TokenSeries {
        let families = self.families;
        self.tables.tokens.get(
            mix(mix(0, model), deployment),
            |slot| *slot.model == *model && *slot.deployment == *deployment,
            || {
                let admitted = families.token_series.admits((model, deployment));
                let (m, d) = if admitted { (model, deployment) } else { (OTHER, OTHER) };
                let of = |kind| families.tokens.with_label_values(&[m, d, kind]);
                TokenSeries {
                    model: model.into(),
                    deployment: deployment.into(),
                    input: of("input"),
                    output: of("output"),
                    cached_input: of("cached_input"),
                    cache_write: of("cache_write"),
                    reasoning: of("reasoning"),
                    estimated_input: of("estimated_input"),
                    estimated_output: of("estimated_output"),
                }
            },
        )
    }
}

/// A table of sets of two slots: the one that did not serve last gives way. Two that fall into one set and take turns,
/// as the deployments of a round robin do, still both stay.
struct Table<T> {
    sets: [[Option<T>; 2]; SETS],
}

impl<T> Table<T> {
    const fn new() -> Self {
        Self { sets: [const { [const { None }; 2] }; SETS] }
    }

    fn get(&mut self, hash: u64, is: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &T {
        // Fibonacci hashing: the product's high bits depend on every bit of the hash.
        let index = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SETS;
        #[allow(clippy::indexing_slicing)] // taken modulo the length just above
        let [first, second] = &mut self.sets[index];
        if second.as_ref().is_some_and(&is) {
            std::mem::swap(first, second);
        } else if !first.as_ref().is_some_and(&is) {
            *second = first.take();
        }
        first.get_or_insert_with(make)
    }
}

/// FNV-1a, eight bytes a step. Content that collides costs a miss, so nothing is gained by an attacker's choice.
fn mix(hash: u64, text: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut hash = hash ^ 0xcbf2_9ce4_8422_2325;
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    }
    hash ^ (hash >> 29)
}

/// The statuses that say something by themselves; all others by their class. A bounded set: upstreams choose statuses.
pub(super) fn status_label(status: u16) -> &'static str {
    match status {
        200 => "200",
        400 => "400",
        401 => "401",
        402 => "402",
        403 => "403",
        404 => "404",
        408 => "408",
        413 => "413",
        422 => "422",
        429 => "429",
        431 => "431",
        499 => "499",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        529 => "529",
        100..=199 => "1xx",
        201..=299 => "2xx",
        300..=399 => "3xx",
        405..=498 => "4xx",
        501..=599 => "5xx",
        _ => OTHER,
    }
}
