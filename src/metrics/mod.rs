//! The numbers of the process, for Prometheus.
//!
//! Counters and histograms are fed from the one [`Record`] that a request leaves ([`observe`]); what is a state and
//! not an event (breakers, cooldowns, quotas) is passed in as it stands when somebody asks ([`render`]), so there is
//! nothing to keep in step. What always holds: names begin with `ai_proxy_` (the process's own with `process_`, as
//! every Prometheus client calls them), the number of series is bounded whatever clients ask for, and a usual
//! request takes no lock and allocates nothing here.

mod cache;
mod families;
mod gauges;
mod process;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use gauges::{BreakerState, DeploymentGauges, KeyGauges, ProviderGauges};

use crate::record::{Outcome, Record};
use families::{Families, OTHER};

static FAMILIES: LazyLock<Families> = LazyLock::new(Families::new);

/// What a text answer of [`render`] is: `content-type` of the Prometheus text format 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counts a request that has ended.
pub fn observe(record: &Record) {
    cache::with(&FAMILIES, |cache| {
        let series = cache.request(record);
        series.requests.inc();
        series.duration.observe(record.total.as_secs_f64());
        series.overhead.observe(record.overhead.as_secs_f64());
        if let Some(first_byte) = record.first_byte {
            series.first_byte.observe(first_byte.as_secs_f64());
        }
        let fallbacks =
            record.attempts.windows(2).filter(|pair| matches!(pair, [a, b] if a.deployment != b.deployment)).count();
        if fallbacks > 0 {
            series.fallbacks.inc_by(fallbacks as u64);
        }
        for attempt in &record.attempts {
            cache.attempt(label(record, &attempt.deployment), attempt.outcome).inc();
        }
        if let (Some(usage), Some(deployment)) = (&record.usage, &record.deployment) {
            cache.tokens(model_label(record), label(record, deployment)).add(usage);
        }
    });
    match record.outcome {
        Outcome::Answered | Outcome::Refused => {}
        Outcome::Cut => FAMILIES.cut_streams.inc(),
        Outcome::ClientGone => FAMILIES.client_cancels.inc(),
    }
}

/// Where a request names no model.
const NONE: &str = "none";

fn model_label(record: &Record) -> &str {
    record.model.as_deref().map_or(NONE, |model| label(record, model))
}

/// A name of a request as a label. A route that no table lists has one deployment, whose name the client made up too.
fn label<'a>(record: &Record, name: &'a str) -> &'a str {
    if record.listed { name } else { OTHER }
}

/// Counts a request as in flight until the guard is dropped.
#[must_use = "the request counts as in flight until this is dropped"]
#[derive(Debug)]
pub struct InFlight(());

impl Drop for InFlight {
    fn drop(&mut self) {
        FAMILIES.in_flight.dec();
    }
}

/// A request has come in.
pub fn enter() -> InFlight {
    FAMILIES.in_flight.inc();
    InFlight(())
}

/// Requests in flight now.
pub fn in_flight() -> u64 {
    u64::try_from(FAMILIES.in_flight.get()).unwrap_or(0)
}

/// A client was answered before there was a request: it has no record.
pub fn unread(status: u16) {
    FAMILIES.requests.with_label_values(&[OTHER, NONE, cache::status_label(status)]).inc();
}

/// A client's connection was ended by us.
pub fn connection_ended(why: &str) {
    FAMILIES.connections_ended.with_label_values(&[why]).inc();
}

/// A reload has been carried out, or refused because the new configuration does not hold.
pub fn reloaded(ok: bool) {
    FAMILIES.reloads.with_label_values(&[if ok { "ok" } else { "refused" }]).inc();
}

/// All of it in the Prometheus text format, with the providers' present state.
pub fn render(providers: &[ProviderGauges]) -> String {
    let mut out = String::with_capacity(16 * 1024);
    let families = FAMILIES.registry.gather();
    // The encoder fails only for families without a metric, which a registry does not hand out.
    let _ = prometheus::TextEncoder::new().encode_utf8(&families, &mut out);
    gauges::own(&mut out);
    gauges::providers(&mut out, providers);
    process::append(&mut out);
    out
}
