//! Providers' health as it is told: one snapshot that /health and /metrics both draw from.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::clock;
use actors::health::{DeploymentHealth, KeyHealth};
use actors::policy::Moment;
use actors::policy::breaker;
use actors::provider::Unlisted as Undiscovered;
use actors::table::Table;
use serde::Serialize;

use crate::metrics::{BreakerState, DeploymentGauges, KeyGauges, ProviderGauges};

/// A provider, as /health shows it to the operator.
#[derive(Debug, Serialize)]
pub struct Provider {
    pub name: Arc<str>,
    pub in_flight: u32,
    pub keys: Vec<Key>,
    /// Those that the routing table lists.
    pub deployments: Vec<Deployment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Unlisted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    #[serde(skip)]
    condition: Condition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// No good key, or every deployment that was ever used is out.
    Out,
    Partly,
    Whole,
}

/// Deployments whose names clients made up: told together, or a client could make the list as long as it likes.
#[derive(Debug, Serialize)]
pub struct Unlisted {
    pub known: usize,
    /// Their breaker is not closed.
    pub out: usize,
    pub in_flight: u32,
}

#[derive(Debug, Serialize)]
pub struct Key {
    /// The first bytes of its SHA-256: names it, never shows it.
    pub fingerprint: String,
    /// The variable that holds it, or its place in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip)]
    id: u64,
    /// False while its own fault keeps it out (refused, no credit).
    pub good: bool,
    pub cooldown_s: f64,
    pub quota_left: Vec<(&'static str, u64)>,
}

#[derive(Debug, Serialize)]
pub struct Deployment {
    pub name: Arc<str>,
    pub breaker: &'static str,
    #[serde(skip)]
    state: breaker::State,
    pub in_flight: u32,
    pub cooldown_s: f64,
    /// Milliseconds to the first byte, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
    /// 429s and the provider's own counts, by key.
    pub keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
pub struct LastError {
    pub what: &'static str,
    pub seconds_ago: u64,
    /// For the operator: what the socket, the certificate or the provider said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Box<str>>,
}

pub fn take(table: &Table) -> Vec<Provider> {
    let now = clock::now();
    table.providers.iter().map(|provider| of(table, provider, now)).collect()
}

fn of(table: &Table, provider: &actors::provider::Provider, now: Moment) -> Provider {
    let health = &provider.health;
    let name =
        |place: usize| provider.config.keys.get(place).map(|key| key.name.clone()).filter(|name| !name.is_empty());
    let keys: Vec<Key> =
        health.keys.iter().enumerate().map(|(place, health)| Key { name: name(place), ..key(health, now) }).collect();
    let all: Vec<Deployment> = provider
        .deployments()
        .iter()
        .map(|(model, health)| deployment(&format!("{}/{model}", provider.config.id), health, now))
        .collect();
    let unreached = provider.undiscovered() == Some(Undiscovered::Unreached);
    let condition = condition(all.iter().map(|one| one.state), keys.iter().any(|key| key.good), unreached);
    let (mut deployments, unlisted): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| table.lists(&one.name));
    deployments.sort_by(|a, b| a.name.cmp(&b.name));
    Provider {
        name: provider.config.id.as_str().into(),
        in_flight: health.in_flight.load(Ordering::Relaxed),
        keys,
        deployments,
        unlisted: (!unlisted.is_empty()).then(|| Unlisted {
            known: unlisted.len(),
            out: unlisted.iter().filter(|one| one.state != breaker::State::Closed).count(),
            in_flight: unlisted.iter().map(|one| one.in_flight).sum(),
        }),
        condition,
        last_error: health.last_error.lock().clone().map(|last| LastError {
            what: last.what,
            seconds_ago: now.since(last.at).as_secs(),
            why: last.why,
        }),
    }
}

fn key(health: &KeyHealth, now: Moment) -> Key {
    let mut state = health.state.lock();
    Key {
        fingerprint: format!("{:016x}", health.fingerprint),
        name: None,
        id: health.fingerprint,
        good: state.cooldown.is_clear(),
        cooldown_s: left(state.cooldown.ready_at(), now),
        quota_left: state.windows.left(now),
    }
}

fn deployment(name: &str, health: &DeploymentHealth, now: Moment) -> Deployment {
    let in_flight = health.in_flight.load(Ordering::Relaxed);
    let state = health.state.lock();
    Deployment {
        name: name.into(),
        breaker: state.breaker.state().as_str(),
        state: state.breaker.state(),
        in_flight,
        cooldown_s: left(state.pause.ready_at().max(state.breaker.ready_at()), now),
        first_byte_ms: health.latency.estimate(now, 0).map(|micros| f64::from(micros) / 1000.0),
        // Those with nothing to tell would make the list long and say nothing.
        keys: health
            .keys
            .iter()
            .map(|health| key(health, now))
            .filter(|key| !key.good || !key.quota_left.is_empty())
            .collect(),
    }
}

fn left(ready_at: Option<Moment>, now: Moment) -> f64 {
    ready_at.map_or(0.0, |at| at.since(now).as_secs_f64())
}

/// How a provider is: it has a good key and a deployment that is not out, and no breaker is anything but closed; nor was it
/// out of reach when it was asked for its models.
fn condition(all: impl Iterator<Item = breaker::State>, has_good_key: bool, unreached: bool) -> Condition {
    let (mut any, mut serves, mut is_whole) = (false, false, !unreached);
    for state in all {
        any = true;
        serves |= state != breaker::State::Open;
        is_whole &= state == breaker::State::Closed;
    }
    match (has_good_key && (serves || !any), is_whole) {
        (false, _) => Condition::Out,
        (true, false) => Condition::Partly,
        (true, true) => Condition::Whole,
    }
}

/// `ok`: every provider can serve; `degraded`: some cannot; `down`: none can.
fn status_of(conditions: impl Iterator<Item = Condition>) -> &'static str {
    let (mut any, mut out, mut partly) = (false, false, false);
    for condition in conditions {
        any |= condition != Condition::Out;
        out |= condition == Condition::Out;
        partly |= condition == Condition::Partly;
    }
    match (any, out || partly) {
        (false, _) => "down",
        (true, true) => "degraded",
        (true, false) => "ok",
    }
}

/// The word for all of them.
pub fn status(providers: &[Provider]) -> &'static str {
    status_of(providers.iter().map(|provider| provider.condition))
}

/// The word alone: nothing is named and nothing sorted, for there may be thousands of deployments.
pub fn word(table: &Table) -> &'static str {
    status_of(table.providers.iter().map(|provider| {
        let good = provider.health.keys.iter().any(|key| key.state.lock().cooldown.is_clear());
        let unreached = provider.undiscovered() == Some(Undiscovered::Unreached);
        condition(provider.healths().iter().map(|health| health.state.lock().breaker.state()), good, unreached)
    }))
}

impl Provider {
    pub fn gauges(&self) -> ProviderGauges {
        ProviderGauges {
            provider: self.name.clone(),
            in_flight: u64::from(self.in_flight),
            keys: self.keys.iter().map(Key::gauges).collect(),
            deployments: self.deployments.iter().map(Deployment::gauges).collect(),
            unlisted_in_flight: self.unlisted.as_ref().map(|unlisted| u64::from(unlisted.in_flight)),
        }
    }
}

impl Key {
    fn gauges(&self) -> KeyGauges {
        KeyGauges {
            fingerprint: self.id,
            cooldown: Duration::from_secs_f64(self.cooldown_s),
            quota_left: self.quota_left.clone(),
        }
    }
}

impl Deployment {
    fn gauges(&self) -> DeploymentGauges {
        let breaker = match self.state {
            breaker::State::Closed => BreakerState::Closed,
            breaker::State::HalfOpen => BreakerState::HalfOpen,
            breaker::State::Open => BreakerState::Open,
        };
        DeploymentGauges {
            deployment: self.name.clone(),
            keys: self.keys.iter().map(Key::gauges).collect(),
            breaker,
            in_flight: u64::from(self.in_flight),
            cooldown: Duration::from_secs_f64(self.cooldown_s),
        }
    }
}
