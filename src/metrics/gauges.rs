//! What is a state and not an event: written as it stands at the moment of the scrape.
//!
//! Series of providers, keys or deployments that are gone after a reload vanish with it, because nothing is kept.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::families::OTHER;

/// Most deployments told of one provider: some list thousands of models.
const MOST_DEPLOYMENTS: usize = 1000;

/// A provider's health as the scrape shows it; the same snapshot that /health draws from.
#[derive(Debug, Clone, Default)]
pub struct ProviderGauges {
    pub provider: Arc<str>,
    pub in_flight: u64,
    pub keys: Vec<KeyGauges>,
    /// Those that the routing table lists and that have been used; the first 1,000 are shown.
    pub deployments: Vec<DeploymentGauges>,
    /// Exchanges with those that it does not list, if there were any; their names are the clients'.
    pub unlisted_in_flight: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct KeyGauges {
    /// Names the key, never shows it.
    pub fingerprint: u64,
    /// What is left of its cooldown; zero where it is in use.
    pub cooldown: Duration,
    /// By window (`requests_per_minute`, `tokens_per_day`, ...): what is left of it.
    pub quota_left: Vec<(&'static str, u64)>,
}

#[derive(Debug, Clone)]
pub struct DeploymentGauges {
    /// `provider/upstream-model`.
    pub deployment: Arc<str>,
    pub breaker: BreakerState,
    /// What is left for it at each key: limits of the listed model, and what the provider's headers told.
    pub keys: Vec<KeyGauges>,
    pub in_flight: u64,
    /// What is left of its cooldown; zero where it is in use.
    pub cooldown: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BreakerState {
    #[default]
    Closed,
    HalfOpen,
    Open,
}

impl BreakerState {
    /// As a number that grows with trouble.
    const fn level(self) -> u64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// A label value as the text format wants it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

pub(super) fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// The process's own states.
pub(super) fn own(out: &mut String) {
    head(out, "ai_proxy_build_info", "gauge", "Always 1; the version is its label.");
    let _ = writeln!(out, "ai_proxy_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    head(out, "ai_proxy_connections", "gauge", "Connections of clients that are open.");
    let _ = writeln!(out, "ai_proxy_connections {}", crate::connections::open_now());
    head(out, "ai_proxy_log_lines_dropped_total", "counter", "Log lines lost because stderr was not read fast enough.");
    let _ = writeln!(out, "ai_proxy_log_lines_dropped_total {}", crate::log::dropped_lines());
}

pub(super) fn providers(out: &mut String, providers: &[ProviderGauges]) {
    head(out, "ai_proxy_provider_in_flight", "gauge", "Exchanges in flight with a provider.");
    for p in providers {
        let _ = writeln!(out, "ai_proxy_provider_in_flight{{provider=\"{}\"}} {}", Escaped(&p.provider), p.in_flight);
    }
    keys(out, providers);
    deployments(out, providers);
}

fn keys(out: &mut String, providers: &[ProviderGauges]) {
    let all = || providers.iter().flat_map(|p| p.keys.iter().map(move |key| (Escaped(&p.provider), key)));
    head(
        out,
        "ai_proxy_key_cooldown_seconds",
        "gauge",
        "What is left of a key's cooldown, named by its fingerprint; 0 where it is in use.",
    );
    for (provider, key) in all() {
        let (name, value) = (key.fingerprint, key.cooldown.as_secs_f64());
        let _ = writeln!(out, "ai_proxy_key_cooldown_seconds{{provider=\"{provider}\",key=\"{name:016x}\"}} {value}");
    }
    head(out, "ai_proxy_quota_left", "gauge", "What is left of a key's quota, by window.");
    for (provider, key) in all() {
        for (window, left) in &key.quota_left {
            let name = key.fingerprint;
            let window = Escaped(window);
            let _ = writeln!(
                out,
                "ai_proxy_quota_left{{provider=\"{provider}\",key=\"{name:016x}\",window=\"{window}\"}} {left}"
            );
        }
    }
}

fn deployments(out: &mut String, providers: &[ProviderGauges]) {
    let all = || providers.iter().flat_map(|p| p.deployments.iter().take(MOST_DEPLOYMENTS));
    let what = "What is left of a key's quota for one model, by window; told_* is what the provider's headers said.";
    head(out, "ai_proxy_deployment_quota_left", "gauge", what);
    for (d, key) in all().flat_map(|d| d.keys.iter().map(move |key| (d, key))) {
        for (window, left) in &key.quota_left {
            let (deployment, name, window) = (Escaped(&d.deployment), key.fingerprint, Escaped(window));
            let _ = writeln!(
                out,
                "ai_proxy_deployment_quota_left{{deployment=\"{deployment}\",key=\"{name:016x}\",window=\"{window}\"}} {left}"
            );
        }
    }
    head(out, "ai_proxy_breaker_state", "gauge", "A deployment's circuit breaker: 0 closed, 1 half-open, 2 open.");
    for d in all() {
        let _ =
            writeln!(out, "ai_proxy_breaker_state{{deployment=\"{}\"}} {}", Escaped(&d.deployment), d.breaker.level());
    }
    head(out, "ai_proxy_deployment_in_flight", "gauge", "Exchanges in flight with a deployment.");
    for d in all() {
        let _ =
            writeln!(out, "ai_proxy_deployment_in_flight{{deployment=\"{}\"}} {}", Escaped(&d.deployment), d.in_flight);
    }
    let unlisted = providers.iter().filter_map(|p| p.unlisted_in_flight).reduce(|a, b| a + b);
    if let Some(in_flight) = unlisted {
        let _ = writeln!(out, "ai_proxy_deployment_in_flight{{deployment=\"{OTHER}\"}} {in_flight}");
    }
    head(
        out,
        "ai_proxy_deployment_cooldown_seconds",
        "gauge",
        "What is left of a deployment's cooldown; 0 where it is in use.",
    );
    for d in all() {
        let _ = writeln!(
            out,
            "ai_proxy_deployment_cooldown_seconds{{deployment=\"{}\"}} {}",
            Escaped(&d.deployment),
            d.cooldown.as_secs_f64()
        );
    }
}
