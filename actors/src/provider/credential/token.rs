//! The access token of one key: fetched in the background, kept for all threads, renewed well before it expires.
//!
//! Always: one fetch of a key at a time in the process; what serves is never waited for; a failure changes nothing
//! while the token at hand is good, and is tried again less and less often.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use config::ProviderId;
use http::HeaderValue;
use tokio::sync::Notify;

use super::fetch::{self, TIME};
use super::grant::{Grant, Granted, Place};
use crate::alarm;
use crate::connection::Dialer;
use crate::error::Cause;

/// So long before it expires a token is renewed, or after half its life. Google's own libraries have 3:45, because the
/// metadata server hands out the old token until four minutes before its end:
/// https://github.com/googleapis/google-auth-library-python/blob/main/google/auth/_helpers.py.
const AHEAD: Duration = Duration::from_secs(225);
/// A token is not used any more when so little of its life is left: it has to reach the upstream and be checked there.
const LAST: Duration = Duration::from_secs(5);
/// The pause after the first failure; doubles with each in a row up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// A token that an upstream refused is renewed, and not more often than this: the refusal may have other reasons.
const DOUBT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Tokens {
    provider: ProviderId,
    fingerprint: u64,
    grant: Grant,
    place: Place,
    dialer: Dialer,
    current: ArcSwapOption<Token>,
    state: Mutex<State>,
    /// A fetch has ended.
    changed: Notify,
}

struct Token {
    /// `Bearer ...`, sensitive.
    value: HeaderValue,
    fetched: Instant,
    good_until: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

#[derive(Debug)]
struct State {
    fetching: bool,
    /// When the next fetch is due.
    due: Instant,
    failures: u32,
    /// What was told of the last failure: only news is told.
    told: Option<String>,
}

impl Tokens {
    pub(super) fn new(config: &config::Provider, fingerprint: u64, grant: Grant) -> io::Result<Self> {
        let place = grant.place();
        let tls = if place.tls { Some(crate::trust::client_config(config.ca_file.as_deref())?) } else { None };
        let dialer = Dialer::new(&place.host, place.port, config.timeouts.connect, tls)?;
        let state = State { fetching: false, due: Instant::now(), failures: 0, told: None };
        Ok(Self {
            provider: config.id.clone(),
            fingerprint,
            grant,
            place,
            dialer,
            current: ArcSwapOption::empty(),
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    /// Whether these are the tokens of that key, from the same place.
    pub(super) fn is_of(&self, fingerprint: u64, grant: &Grant) -> bool {
        self.fingerprint == fingerprint && self.place == grant.place()
    }

    /// The token, while it is good.
    pub fn current(&self) -> Option<HeaderValue> {
        let token = self.current.load();
        token.as_ref().filter(|token| Instant::now() < token.good_until).map(|token| token.value.clone())
    }

    /// Begins a fetch if one is due; to be called within an actix system. It goes on by itself.
    pub fn renew(self: &Arc<Self>) {
        let mut state = self.state();
        if state.fetching || Instant::now() < state.due {
            return;
        }
        state.fetching = true;
        drop(state);
        let fetching = Fetching(self.clone());
        actix_rt::spawn(async move {
            let Fetching(tokens) = &fetching;
            let fetched = fetch::fetch(&tokens.grant, &tokens.place, &tokens.dialer).await;
            tokens.take(fetched);
        });
    }

    fn take(&self, fetched: Result<Granted, String>) {
        let now = Instant::now();
        let fetched = fetched.and_then(|Granted { value, lifetime }| {
            let value = super::sensitive(&value).map_err(|_| "the token holds a character that no header may")?;
            Ok((value, lifetime))
        });
        let mut state = self.state();
        match fetched {
            Ok((value, lifetime)) => {
                if state.told.take().is_some() {
                    log::info!("{}: has an access token again", self.provider);
                }
                state.failures = 0;
                state.due = now + lifetime.saturating_sub(AHEAD.min(lifetime / 2));
                let good_until = now + lifetime.saturating_sub(LAST.min(lifetime / 4));
                self.current.store(Some(Arc::new(Token { value, fetched: now, good_until })));
            }
            Err(why) => {
                let pause = PAUSE.saturating_mul(1 << state.failures.min(16)).min(MAX_PAUSE);
                state.failures = state.failures.saturating_add(1);
                state.due = now + pause;
                if state.told.as_deref() != Some(&*why) {
                    log::warn!("{}: no access token from {}: {why}; asking again", self.provider, self.place.host);
                    state.told = Some(why);
                }
            }
        }
    }

    /// Why there is none, as it was told last.
    pub fn why(&self) -> Option<String> {
        self.state().told.as_ref().map(|why| format!("no access token from {}: {why}", self.place.host))
    }

    /// The upstream refused the token.
    pub fn doubt(&self) {
        let now = Instant::now();
        let fresh = self.current.load().as_ref().is_some_and(|token| now < token.fetched + DOUBT);
        let mut state = self.state();
        if !fresh && state.failures == 0 {
            state.due = state.due.min(now);
        }
    }

    /// The token, waited for where there is none yet: until the fetch under way has ended, and no longer than that may
    /// take.
    ///
    /// # Errors
    /// When there is none to be had now, or the deadline has passed.
    pub async fn wait(self: &Arc<Self>, deadline: Instant) -> Result<HeaderValue, Cause> {
        let until = deadline.min(Instant::now() + TIME);
        loop {
            // Before the look: it hears of what ends in between.
            let changed = self.changed.notified();
            self.renew();
            if let Some(value) = self.current() {
                return Ok(value);
            }
            if !self.state().fetching {
                return Err(Cause::NoToken);
            }
            if alarm::within(until, changed).await.is_err() {
                return Err(if Instant::now() >= deadline { Cause::Deadline } else { Cause::NoToken });
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fetch is under way; also when its thread ends with it, the next may begin.
struct Fetching(Arc<Tokens>);

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.state().fetching = false;
        self.0.changed.notify_waiters();
    }
}
