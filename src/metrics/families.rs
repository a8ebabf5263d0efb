//! The families: names, labels and buckets, once; and the bounds on how many series each may grow.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Models stream for minutes: up to 600 s.
const DURATION: [f64; 16] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// What this process adds: tens of microseconds on a good day.
const OVERHEAD: [f64; 12] =
    [0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];

/// What stands for all names beyond a bound.
pub(super) const OTHER: &str = "other";

/// Series by endpoint, model and status; beyond, the model is [`OTHER`].
const MOST_REQUEST_SERIES: usize = 2048;
/// Histograms by endpoint and model: one is 19 lines of a scrape, and there are two.
const MOST_TIMING_SERIES: usize = 512;
/// Series by deployment and outcome.
const MOST_ATTEMPT_SERIES: usize = 2048;
/// Pairs of model and deployment: seven counters each.
const MOST_TOKEN_SERIES: usize = 1024;

pub(super) struct Families {
    pub(super) registry: Registry,
    pub(super) requests: IntCounterVec,
    pub(super) duration: HistogramVec,
    pub(super) first_byte: HistogramVec,
    pub(super) overhead: HistogramVec,
    pub(super) attempts: IntCounterVec,
    pub(super) fallbacks: IntCounterVec,
    pub(super) tokens: IntCounterVec,
    pub(super) client_cancels: IntCounter,
    pub(super) cut_streams: IntCounter,
    pub(super) reloads: IntCounterVec,
    pub(super) connections_ended: IntCounterVec,
    pub(super) in_flight: IntGauge,
    pub(super) request_series: Bound,
    pub(super) timing_series: Bound,
    pub(super) attempt_series: Bound,
    pub(super) token_series: Bound,
}

impl Families {
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let r = &registry;
        let families = Self {
            requests: counters(
                r,
                "ai_proxy_requests_total",
                "Requests by endpoint, model and the status the client saw (499: it left first).",
                &["endpoint", "model", "status"],
            ),
            duration: histograms(
                r,
                "ai_proxy_request_duration_seconds",
                "From the head of a request to the end of its answer.",
                &["endpoint", "model"],
                &DURATION,
            ),
            first_byte: histograms(
                r,
                "ai_proxy_time_to_first_byte_seconds",
                "From the head of a request to the first byte of its answer.",
                &["endpoint", "model"],
                &DURATION,
            ),
            overhead: histograms(
                r,
                "ai_proxy_gateway_overhead_seconds",
                "From the head of a request until the head of its answer was ready, less the waits for its body, for providers and between attempts.",
                &["endpoint"],
                &OVERHEAD,
            ),
            attempts: counters(
                r,
                "ai_proxy_attempts_total",
                "Exchanges with a deployment, and refusals to try one, by how they went.",
                &["deployment", "outcome"],
            ),
            fallbacks: counters(
                r,
                "ai_proxy_fallbacks_total",
                "Times that a further deployment was tried for a request.",
                &["model"],
            ),
            tokens: counters(
                r,
                "ai_proxy_tokens_total",
                "Tokens as upstreams report them; estimated_* where they did not. Input holds the cached, output the reasoning.",
                &["model", "deployment", "kind"],
            ),
            client_cancels: counter(r, "ai_proxy_client_cancels_total", "Requests whose client left before the end."),
            cut_streams: counter(r, "ai_proxy_cut_streams_total", "Answers that broke after their first byte."),
            reloads: counters(r, "ai_proxy_reloads_total", "Reloads of the configuration by result.", &["result"]),
            connections_ended: counters(
                r,
                "ai_proxy_connections_ended_total",
                "Connections of clients that the gateway ended, by why.",
                &["reason"],
            ),
            in_flight: keep(r, IntGauge::new("ai_proxy_in_flight", "Requests in flight.")),
            request_series: Bound::new(MOST_REQUEST_SERIES),
            timing_series: Bound::new(MOST_TIMING_SERIES),
            attempt_series: Bound::new(MOST_ATTEMPT_SERIES),
            token_series: Bound::new(MOST_TOKEN_SERIES),
            registry,
        };
        // A series that is missing until the first event is easily taken for an error in a dashboard.
        for result in ["ok", "refused"] {
            families.reloads.with_label_values(&[result]);
        }
        for reason in ["idle", "late", "unread", "unread_body", "last", "full", "http2", "tls"] {
            families.connections_ended.with_label_values(&[reason]);
        }
        families
    }
}

/// How many different label sets a family has been given, and may be given.
pub(super) struct Bound {
    most: usize,
    hasher: RandomState,
    seen: Mutex<HashSet<u64>>,
}

impl Bound {
    pub(super) fn new(most: usize) -> Self {
        Self { most, hasher: RandomState::new(), seen: Mutex::new(HashSet::new()) }
    }

    /// Whether this label set may have a series of its own. Remembers its hash, not its text.
    pub(super) fn admits(&self, labels: impl Hash) -> bool {
        let hash = self.hasher.hash_one(labels);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&hash) {
            return true;
        }
        seen.len() < self.most && seen.insert(hash)
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    keep(registry, IntCounter::new(name, help))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    keep(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn histograms(registry: &Registry, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    keep(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
}

/// Names, labels and buckets are the constants above: they are sound or every test of this module fails.
#[allow(clippy::expect_used)]
fn keep<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect("a sound name");
    registry.register(Box::new(collector.clone())).expect("a name used once");
    collector
}
