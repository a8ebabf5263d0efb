//! What is known of a provider: one truth for the process, shared by its actors on all worker threads.
//!
//! Only [`crate::provider`] changes it. Counts that stand alone are atomics; what must be decided together is one
//! short mutex each, never held across an await. The router reads the `ready_at` atomics and takes no lock.
//!
//! What is known of whom:
//! - a deployment: breaker, a pause (overloaded, by its `retry-after`), its latency, what is in flight;
//! - a key: a cooldown (its own fault: invalid, no credit) and its configured quota windows;
//! - a key at a deployment: a cooldown (429) and the windows that the provider's headers or the listed model's limits
//!   speak of; vendors count these a model, so one model's 429 must not silence the key for the others.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dialects::fault::Fault;

use crate::policy::Moment;
use crate::policy::breaker::{Breaker, EVERYBODY, Whose};
use crate::policy::cooldown::Cooldown;
use crate::policy::ewma::AtomicEwma;
use crate::policy::limits::Windows;
use crate::policy::pause::Pause;

/// A mutex around plain state: a panic while it was held leaves numbers, not broken invariants.
#[derive(Debug, Default)]
pub struct Short<T>(Mutex<T>);

impl<T> Short<T> {
    pub fn new(state: T) -> Self {
        Self(Mutex::new(state))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When something may serve again; zero: now. Read by the router without a lock.
#[derive(Debug, Default)]
pub struct ReadyAt(AtomicU64);

impl ReadyAt {
    pub fn get(&self) -> Moment {
        Moment(self.0.load(Ordering::Relaxed))
    }

    pub fn set(&self, at: Option<Moment>) {
        self.0.store(at.map_or(0, |moment| moment.0), Ordering::Relaxed);
    }
}

/// Its parts are shared where a reload changes the keys: what is in flight, and who failed last, stays known.
#[derive(Debug)]
pub struct ProviderHealth {
    pub in_flight: Arc<AtomicU32>,
    /// In the order of the configured keys; one without a fingerprint for a provider that takes no key.
    pub keys: Vec<Arc<KeyHealth>>,
    /// The last failure, for /health.
    pub last_error: Arc<Short<Option<LastError>>>,
}

/// How an attempt failed last.
#[derive(Debug, Clone)]
pub struct LastError {
    /// A static word of ours.
    pub what: &'static str,
    pub at: Moment,
    /// What the socket, the certificate or the provider said; masked and short.
    pub why: Option<Box<str>>,
}

#[derive(Debug)]
pub struct KeyHealth {
    pub fingerprint: u64,
    pub ready_at: ReadyAt,
    pub state: Short<KeyState>,
}

impl KeyHealth {
    /// Tells the router anew. Called with the lock held, after each change: whoever changed last has the last word.
    pub(crate) fn refresh(&self, state: &mut KeyState, now: Moment) {
        // One token: where a smaller request would still fit, the router is not told to look away.
        self.ready_at.set(state.cooldown.ready_at().max(state.windows.ready_at(now, 1)));
    }
}

/// A doubt that lasts as long with nothing that works is no request's doing any more. Milliseconds.
const DOUBT: u64 = 10_000;
/// So long a key is out for a client that alone has doubted it for that long. Milliseconds.
const BARRED: u64 = 60_000;

impl KeyHealth {
    /// Gives a key back that one request has said is bad, as it said of another before: the request is the suspect.
    /// `sure`: the words alone would do to believe it, had the key never worked. False: it stays out. A doubt that lasts
    /// is believed where several clients have it; where it is one's alone, the key is out for that one alone.
    pub fn acquit(&self, sure: bool, client: u64, now: Moment) -> bool {
        let mut state = self.state.lock();
        if sure && !state.proven {
            return false;
        }
        if state.barred.is_some_and(|(one, _)| one == client) {
            state.barred = None;
        }
        let (since, whose) = state.doubted.unwrap_or((now, Whose::Nobodys));
        let whose = whose.and(client);
        state.doubted = Some((since, whose));
        if now.0.saturating_sub(since.0) >= DOUBT {
            if client != EVERYBODY && whose != Whose::One(client) {
                return false;
            }
            state.barred = Some((client, now.after_ms(BARRED)));
        }
        state.cooldown.acquit();
        self.refresh(&mut state, now);
        true
    }

    /// When this client may have it; zero: now.
    pub fn ready_at_for(&self, client: u64) -> Moment {
        let barred = self.state.lock().barred_to(client, Moment(0));
        self.ready_at.get().max(barred.unwrap_or(Moment(0)))
    }

    /// Whether this client alone may not have it.
    pub fn is_barred_to(&self, client: u64, now: Moment) -> bool {
        self.state.lock().barred_to(client, now).is_some()
    }
}

impl KeyState {
    /// Until when this client alone may not have it.
    pub(crate) fn barred_to(&self, client: u64, now: Moment) -> Option<Moment> {
        let (_, until) = self.barred.filter(|(one, until)| *one == client && *until > now)?;
        Some(until)
    }
}

#[derive(Debug)]
pub struct KeyState {
    pub cooldown: Cooldown,
    /// Whose fault it was that it was last taken out.
    pub fault: Option<Fault>,
    /// It has served since it was last out for longer than a cooldown.
    pub proven: bool,
    /// When a request that may itself be to blame first said that it is, and nothing has worked since; and who says so.
    pub doubted: Option<(Moment, Whose)>,
    /// Whom alone it is out for, and until when.
    pub barred: Option<(u64, Moment)>,
    pub windows: Windows,
}

/// Its parts are shared as [`ProviderHealth`]'s are.
#[derive(Debug)]
pub struct DeploymentHealth {
    pub in_flight: Arc<AtomicU32>,
    /// Time to first byte.
    pub latency: Arc<AtomicEwma>,
    /// Content came from it at least once: there is such a model.
    pub served: Arc<AtomicBool>,
    pub ready_at: Arc<ReadyAt>,
    pub state: Arc<Short<DeploymentState>>,
    /// One for each key of the provider, in the same order.
    pub keys: Vec<Arc<KeyHealth>>,
}

#[derive(Debug)]
pub struct DeploymentState {
    pub breaker: Breaker,
    pub pause: Pause,
}

impl DeploymentHealth {
    /// As [`KeyHealth::refresh`].
    pub(crate) fn refresh(&self, state: &DeploymentState) {
        self.ready_at.set(state.breaker.ready_at().max(state.pause.ready_at()));
    }

    /// The soonest moment at which the deployment and one of its keys could serve; `Moment(0)`-like when now.
    pub fn ready_at(&self, provider: &ProviderHealth) -> Moment {
        let key = self
            .keys
            .iter()
            .zip(&provider.keys)
            .map(|(at_model, key)| at_model.ready_at.get().max(key.ready_at.get()))
            .min();
        self.ready_at.get().max(key.unwrap_or(Moment(0)))
    }

    /// The same for this client, for which alone a pause may be kept and keys may be out.
    pub fn ready_at_for(&self, client: u64, provider: &ProviderHealth) -> Moment {
        let pause = self.state.lock().pause.ready_at_for(client).unwrap_or(Moment(0));
        let keys = self.keys.iter().zip(&provider.keys);
        let key = keys.map(|(at_model, key)| at_model.ready_at_for(client).max(key.ready_at_for(client))).min();
        self.ready_at.get().max(pause).max(key.unwrap_or(Moment(0)))
    }

    /// The fault of its keys, where that is all that keeps it from this client: each of them is wrong or without credit.
    pub fn fault_of_keys(&self, client: u64, provider: &ProviderHealth, now: Moment) -> Option<Fault> {
        let at_fault = |key: &Arc<KeyHealth>| {
            let state = key.state.lock();
            let is_out = key.ready_at.get() > now && !state.cooldown.is_clear();
            state.fault.filter(|_| is_out || state.barred_to(client, now).is_some())
        };
        if self.ready_at.get() > now {
            return None;
        }
        let mut faults = provider.keys.iter().map(at_fault);
        let first = faults.next()??;
        faults.all(|fault| fault.is_some()).then_some(first)
    }

    /// The keys that may serve now, by their place.
    pub fn ready_keys<'a>(&'a self, provider: &'a ProviderHealth, now: Moment) -> impl Iterator<Item = usize> + 'a {
        let keys = self.keys.iter().zip(&provider.keys).enumerate();
        keys.filter(move |(_, (at_model, key))| at_model.ready_at.get().max(key.ready_at.get()) <= now)
            .map(|(place, _)| place)
    }
}
