//! A provider at run time: its settings, its health, where it is, and the actors that do its exchanges.
//!
//! [`Provider`] is shared by all threads and never changes after it was built, but for its health and what was
//! discovered. [`actor::ProviderActor`] lives once on each web worker thread.

mod actor;
mod credential;
mod permit;
mod request;
mod urls;
mod veil;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use config::{Content, Kind};
use http::{HeaderName, HeaderValue};

use crate::clock;
use crate::connection::Dialer;
use crate::health::{
    DeploymentHealth, DeploymentState, KeyHealth, KeyState, LastError, ProviderHealth, ReadyAt, Short,
};
use crate::policy::breaker::Breaker;
use crate::policy::cooldown::Cooldown;
use crate::policy::limits::Windows;
use crate::policy::pause::Pause;
use crate::table::{Deployment, MAX_UNLISTED, Receipt};

pub use actor::{Admit, Ask, ProviderActor};
pub(crate) use actor::{IDLE_KEPT, Resting};
pub(crate) use credential::{Credential, Tokens};
pub use permit::Permit;
pub(crate) use request::Sending;
pub use request::{RequestBody, Rest, Upload};
pub use urls::Streaming;
pub(crate) use veil::Veil;

/// A provider, ready to be called.
#[derive(Debug)]
pub struct Provider {
    pub config: config::Provider,
    pub health: Arc<ProviderHealth>,
    pub(crate) dialer: Dialer,
    pub(crate) urls: urls::Urls,
    /// How each key proves itself, in their order.
    pub(crate) credentials: Vec<Credential>,
    pub(crate) extra_headers: Vec<(HeaderName, HeaderValue)>,
    /// What `SSL_CERT_FILE` held when it was made ready; None where TLS is not spoken or there is no such file.
    trusted: Option<Content>,
    /// What `GET /models` answered; None while it has not.
    discovered: ArcSwapOption<Vec<Box<str>>>,
    /// How it was asked for that last; see [`Unlisted`].
    unlisted: AtomicU8,
    /// Health of the deployments that were ever named; outlives a reload with its provider.
    deployments: Deployments,
}

/// Why a provider that was asked for its models named none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlisted {
    /// Nobody answered: it may have a list.
    Unreached = 1,
    /// It answered, and not with a list.
    Answered = 2,
}

type Deployments = Arc<Mutex<HashMap<Box<str>, Arc<DeploymentHealth>>>>;

impl Provider {
    /// Makes a provider ready. `old` is the same provider (name and base URL) of the configuration before, whose
    /// health is carried over, and unchanged until [`Provider::take_up`]; `demo` is where the demo provider listens.
    ///
    /// # Errors
    /// When its CA file, its host or a header cannot be used.
    pub fn new(config: config::Provider, old: Option<&Provider>, demo: Option<SocketAddr>) -> io::Result<Self> {
        let urls = urls::Urls::new(&config, demo)?;
        // Before it is read: what changes in between makes another one at the next reload.
        let trusted = if urls.tls { crate::trust::of_environment() } else { None };
        let tls = if urls.tls { Some(crate::trust::of_provider(&config)?) } else { None };
        let dialer = Dialer::new(&urls.host, urls.port, config.timeouts.connect, tls)?;
        let credentials = Credential::all(&config, old)?;
        let extra_headers = urls::extra_headers(&config)?;
        let fingerprints: Vec<u64> =
            if config.keys.is_empty() { vec![0] } else { config.keys.iter().map(|key| key.fingerprint).collect() };
        let (health, deployments) = carried_over(&config, old, &fingerprints);
        let discovered = ArcSwapOption::from(old.and_then(|old| old.discovered.load_full()));
        let unlisted = AtomicU8::new(old.map_or(0, |old| old.unlisted.load(Ordering::Relaxed)));
        Ok(Self {
            config,
            health,
            dialer,
            urls,
            credentials,
            extra_headers,
            trusted,
            discovered,
            unlisted,
            deployments,
        })
    }

    /// Whether a new one of these settings would be no other: then this one stays, and with it its connections.
    pub fn is_as(&self, settings: &config::Provider, trusted: Option<Content>) -> bool {
        self.config == *settings && (!self.urls.tls || self.trusted == trusted)
    }

    /// Health that was carried over takes up the settings of now. Not done by [`Provider::new`]: what is shared with a
    /// provider that serves may change only once the whole configuration is taken up.
    pub fn take_up(&self) {
        let (none, lease, now) = (config::Limits::default(), lease(&self.config), clock::now());
        let take_up = |key: &KeyHealth, limits: &config::Limits| {
            let mut state = key.state.lock();
            state.cooldown.set_lease(lease);
            state.windows.reconfigure(limits, self.config.max_retry_after);
            key.refresh(&mut state, now);
        };
        for key in &self.health.keys {
            take_up(key, &self.config.limits);
        }
        for (model, health) in self.deployments() {
            let mut state = health.state.lock();
            state.breaker.reconfigure(&self.config.breaker, lease);
            state.pause.set_lease(lease);
            health.refresh(&state);
            drop(state);
            let limits = self.listed(&model).and_then(|listed| listed.limits.as_ref()).unwrap_or(&none);
            for key in &health.keys {
                take_up(key, limits);
            }
        }
    }

    /// The tokens of those keys that are exchanged for one.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &Arc<Tokens>> {
        self.credentials.iter().filter_map(Credential::tokens)
    }

    /// What the operator calls a key: the variable that holds it, and which of several it is.
    pub(crate) fn key_name(&self, place: usize) -> Option<String> {
        let keys = &self.config.keys;
        let key = keys.get(place)?;
        let name = if key.name.is_empty() { "its key" } else { &key.name };
        let (nth, all) = (place + 1, keys.len());
        Some(if all > 1 { format!("{name} (key {nth} of {all})") } else { name.to_owned() })
    }

    /// Why a key that is exchanged for a token has none.
    pub(crate) fn why_no_token(&self, place: usize) -> Option<String> {
        self.credentials.get(place).and_then(Credential::tokens)?.why()
    }

    fn listed(&self, model: &str) -> Option<&config::ListedModel> {
        self.config.models.iter().find(|listed| listed.name.as_str() == model)
    }

    /// Names that the upstream listed; empty while it has not answered.
    pub fn discovered(&self) -> Arc<Vec<Box<str>>> {
        self.discovered.load_full().unwrap_or_default()
    }

    /// Takes up what `GET /models` answered. True when it differs from what was known.
    pub fn set_discovered(&self, mut names: Vec<Box<str>>) -> bool {
        names.sort();
        names.dedup();
        let differs = self.discovered.load().as_deref() != Some(&names);
        self.discovered.store(Some(Arc::new(names)));
        self.unlisted.store(0, Ordering::Relaxed);
        differs
    }

    /// Takes up that there was no list.
    pub fn set_undiscovered(&self, how: Unlisted) {
        self.unlisted.store(how as u8, Ordering::Relaxed);
    }

    /// Leaves it for /health why it could not even be asked for its list.
    pub(crate) fn unreached(&self, why: &str) {
        let told = LastError { what: "not_listed", at: clock::now(), why: Some(why.into()) };
        *self.health.last_error.lock() = Some(told);
    }

    /// Why there is no list, once it was asked for one: then only names that look like its own, or that it served
    /// before, are taken for its own. None: it has one, or has not been asked, or takes any name.
    pub fn undiscovered(&self) -> Option<Unlisted> {
        if !self.takes_unlisted() || self.config.allow_unlisted {
            return None;
        }
        let how = self.unlisted.load(Ordering::Relaxed);
        [Unlisted::Unreached, Unlisted::Answered].into_iter().find(|known| *known as u8 == how)
    }

    /// Whether a model of that name has answered here before.
    pub fn has_served(&self, model: &str) -> bool {
        let deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        deployments.get(model).is_some_and(|health| health.served.load(Ordering::Relaxed))
    }

    /// Are names passed on that it has not listed?
    pub fn takes_unlisted(&self) -> bool {
        self.config.allow_unlisted || (self.config.models.is_empty() && self.discovered.load().is_none())
    }

    /// The deployment of one of its models; the same health for the same name, always.
    pub fn deployment(self: &Arc<Self>, model: &str) -> Arc<Deployment> {
        let listed = self.listed(model);
        let mut deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        if deployments.len() > self.config.models.len() + self.discovered().len() + MAX_UNLISTED {
            // Names that only tables before this one knew: nobody holds their health any more.
            deployments.retain(|_, health| Arc::strong_count(health) > 1);
        }
        let health = deployments
            .entry(model.into())
            .or_insert_with(|| Arc::new(self.deployment_health(listed.and_then(|listed| listed.limits.as_ref()))))
            .clone();
        drop(deployments);
        let name = format!("{}/{model}", self.config.id);
        Arc::new(Deployment {
            receipt: Receipt::new(&name),
            name: name.into(),
            model: model.into(),
            provider: self.clone(),
            price: listed.and_then(|listed| listed.price),
            health,
        })
    }

    /// Lets the health of a name go that nobody holds any more.
    pub(crate) fn forget(&self, model: &str) {
        let mut deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        if deployments.get(model).is_some_and(|health| Arc::strong_count(health) == 1) {
            deployments.remove(model);
        }
    }

    fn deployment_health(&self, limits: Option<&config::Limits>) -> DeploymentHealth {
        let none = config::Limits::default();
        let lease = lease(&self.config);
        DeploymentHealth {
            in_flight: Arc::default(),
            latency: Arc::default(),
            served: Arc::default(),
            ready_at: Arc::default(),
            state: Arc::new(Short::new(DeploymentState {
                breaker: Breaker::new(&self.config.breaker, lease),
                pause: Pause::new(lease),
            })),
            keys: self
                .health
                .keys
                .iter()
                .map(|key| {
                    let windows = Windows::new(limits.unwrap_or(&none), self.config.max_retry_after);
                    Arc::new(key_health(key.fingerprint, windows, lease))
                })
                .collect(),
        }
    }

    /// The health of each deployment that was ever named, by model.
    pub fn deployments(&self) -> Vec<(Box<str>, Arc<DeploymentHealth>)> {
        let deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        deployments.iter().map(|(model, health)| (model.clone(), health.clone())).collect()
    }

    /// The same without their names, which cost more to hand out.
    pub fn healths(&self) -> Vec<Arc<DeploymentHealth>> {
        let deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        deployments.values().cloned().collect()
    }

    /// Azure's answer names no deployments, the clouds list elsewhere, and what the demo lists is known: whether
    /// `GET /models` is worth asking.
    pub fn is_discoverable(&self) -> bool {
        let lists = !matches!(self.config.kind, Kind::Azure | Kind::Vertex | Kind::Bedrock | Kind::Demo);
        self.config.discover && self.config.models.is_empty() && lists
    }
}

/// The health of a provider with these keys: what `old` knew of them, and of everything else. Changes nothing of it.
fn carried_over(
    config: &config::Provider,
    old: Option<&Provider>,
    fingerprints: &[u64],
) -> (Arc<ProviderHealth>, Deployments) {
    let lease = lease(config);
    let keys = |known: &[Arc<KeyHealth>], limits: &config::Limits| -> Vec<Arc<KeyHealth>> {
        let known = |fingerprint| known.iter().find(|key| key.fingerprint == fingerprint).cloned();
        let new = |fingerprint| Arc::new(key_health(fingerprint, Windows::new(limits, config.max_retry_after), lease));
        fingerprints.iter().map(|&fingerprint| known(fingerprint).unwrap_or_else(|| new(fingerprint))).collect()
    };
    let Some(old) = old else {
        let keys = keys(&[], &config.limits);
        let last_error = Arc::new(Short::new(None));
        return (Arc::new(ProviderHealth { in_flight: Arc::default(), keys, last_error }), Arc::default());
    };
    if old.health.keys.iter().map(|key| key.fingerprint).eq(fingerprints.iter().copied()) {
        return (old.health.clone(), old.deployments.clone());
    }
    let health = ProviderHealth {
        in_flight: old.health.in_flight.clone(),
        keys: keys(&old.health.keys, &config.limits),
        last_error: old.health.last_error.clone(),
    };
    let none = config::Limits::default();
    let deployment = |(model, health): (Box<str>, Arc<DeploymentHealth>)| {
        let listed = config.models.iter().find(|listed| *listed.name.as_str() == *model);
        let limits = listed.and_then(|listed| listed.limits.as_ref()).unwrap_or(&none);
        let health = DeploymentHealth {
            in_flight: health.in_flight.clone(),
            latency: health.latency.clone(),
            served: health.served.clone(),
            ready_at: health.ready_at.clone(),
            state: health.state.clone(),
            keys: keys(&health.keys, limits),
        };
        (model, Arc::new(health))
    };
    let deployments = old.deployments().into_iter().map(deployment).collect();
    (Arc::new(health), Arc::new(Mutex::new(deployments)))
}

fn key_health(fingerprint: u64, windows: Windows, lease: Duration) -> KeyHealth {
    KeyHealth {
        fingerprint,
        ready_at: ReadyAt::default(),
        state: Short::new(KeyState {
            cooldown: Cooldown::new(lease),
            fault: None,
            proven: false,
            doubted: None,
            barred: None,
            windows,
        }),
    }
}

/// How long a canary may stay silent at most: as long as a first byte may take, but no longer than this. One that thinks for
/// ten minutes is no reason to keep everybody out for ten minutes, and its success counts whenever it comes.
fn lease(config: &config::Provider) -> Duration {
    (config.timeouts.connect + config.timeouts.first_byte).min(Duration::from_secs(30))
}

#[cfg(test)]
mod tests;
