//! The circuit breaker of a deployment: closed it admits, open it refuses, half-open it admits one canary.
//!
//! It counts requests in a row that failed by the deployment's own fault (connection, time-out, 5xx, a broken stream);
//! what is the client's or a key's fault is not for here. But a 500, a reset or a time-out may be the request's doing:
//! a server that chokes on one image says so of a prompt that nobody else would send. So what is no sure sign is counted
//! only where nothing else worked there lately; a request counts once, however often it is tried; and what one client
//! alone has met closes the deployment to that client alone, until another has met it too.
//!
//! Always: at most one canary at a time, a wait between `open` and `max_open`, and late outcomes of requests from before
//! it opened change nothing.

use std::time::Duration;

use super::gate::{Gate, State as GateState};
use super::moment::millis;
use super::{Admission, Moment};

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
}

impl State {
    /// The word for /health, the log and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// What worked within this time, in milliseconds, speaks for a deployment: longer than a server takes to start again.
const LATELY: u64 = 10_000;

/// Who asks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Tells clients apart; nothing else is read out of it.
    pub client: u64,
    /// The same request has failed here before.
    pub again: bool,
    /// Keys that have refused it, by their place: a bit each, as far as they go.
    pub barred: u64,
}

/// What a failure is worth.
#[derive(Copy, Clone, Debug)]
pub struct Evidence {
    pub asker: Asker,
    pub sent: Moment,
    /// No request can have brought it about: there was no connection.
    pub sure: bool,
}

/// Whose requests failed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    Nobodys,
    One(u64),
    Everybodys,
}

/// Who asks where there is but one client: what it meets is everybody's.
pub const EVERYBODY: u64 = 0;

impl Whose {
    /// This client's.
    #[must_use]
    pub const fn of(client: u64) -> Self {
        if client == EVERYBODY { Self::Everybodys } else { Self::One(client) }
    }

    /// With one more.
    #[must_use]
    pub fn and(self, client: u64) -> Self {
        match self {
            _ if client == EVERYBODY => Self::Everybodys,
            Self::Nobodys => Self::One(client),
            Self::One(one) if one == client => self,
            Self::One(_) | Self::Everybodys => Self::Everybodys,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Breaker {
    gate: Gate,
    /// Failures in a row that open it.
    threshold: u32,
    /// Milliseconds.
    open: u64,
    max_open: u64,
    failures: u32,
    /// Whose the failures are; while it is open, to whom it is closed.
    whose: Whose,
    /// When a request last ended well.
    worked: Option<Moment>,
    /// Milliseconds of the present or next opening.
    wait: u64,
}

impl Breaker {
    /// `lease`: how long a canary may stay silent before another may try; longer than an answer's first byte may take.
    #[must_use]
    pub fn new(config: &config::Breaker, lease: Duration) -> Self {
        let mut breaker = Self {
            gate: Gate::new(millis(lease)),
            threshold: 1,
            open: 1,
            max_open: 1,
            failures: 0,
            whose: Whose::Nobodys,
            worked: None,
            wait: 1,
        };
        breaker.reconfigure(config, lease);
        breaker
    }

    /// Other settings from now on; what it has seen stays, and a wait that has begun ends as it was begun.
    pub fn reconfigure(&mut self, config: &config::Breaker, lease: Duration) {
        self.threshold = config.failures.max(1);
        self.open = millis(config.open).max(1);
        self.max_open = millis(config.max_open).max(self.open);
        self.wait = self.wait.clamp(self.open, self.max_open);
        self.gate.set_lease(millis(lease));
        self.check();
    }

    /// Errors: open, or the canary is out; the moment at which asking again makes sense.
    pub fn try_admit(&mut self, now: Moment, client: u64) -> Result<Admission, Moment> {
        if self.is_anothers(client) { Ok(self.gate.let_through()) } else { self.gate.try_admit(now) }
    }

    /// It is open, and only to those who are not asking.
    fn is_anothers(&self, client: u64) -> bool {
        self.gate.state() != GateState::Passing && matches!(self.whose, Whose::One(one) if one != client)
    }

    /// It answered as it should. Tells the new state if that changed it.
    pub fn success(&mut self, admission: Admission, now: Moment) -> Option<State> {
        self.worked = Some(now);
        // Whom it is closed to alone may never come back to find out: the wait being over, another's success will do.
        let others = matches!(self.whose, Whose::One(_)) && self.gate.is_of_closure(admission);
        if self.gate.open_by(admission) || (others && self.gate.open_after_wait(now)) {
            (self.failures, self.whose) = (0, Whose::Nobodys);
            self.wait = self.open;
            self.check();
            return Some(State::Closed);
        }
        if self.gate.is_current(admission) {
            (self.failures, self.whose) = (0, Whose::Nobodys);
        }
        self.check();
        None
    }

    /// It failed by its own fault. Tells the new state if that changed it.
    pub fn failure(&mut self, admission: Admission, now: Moment, evidence: &Evidence) -> Option<State> {
        let Evidence { asker, sent, sure } = *evidence;
        // What was let through beside the one client that it is closed to has met the same.
        let anothers = self.is_anothers(asker.client) && self.gate.is_of_closure(admission);
        if !anothers && !self.gate.is_current(admission) {
            return None;
        }
        if !admission.is_canary() && (asker.again || (self.has_worked(sent, now) && !sure)) {
            return None;
        }
        self.whose = match admission {
            _ if sure => Whose::Everybodys,
            // It has connected, which disproves what may have closed it; what this request has met is its client's to wait for.
            Admission::Canary(_) => Whose::of(asker.client),
            Admission::Normal(_) => self.whose.and(asker.client),
        };
        if anothers {
            return Some(State::Open);
        }
        match admission {
            Admission::Normal(_) => {
                self.failures += 1;
                if self.failures < self.threshold {
                    return None;
                }
                self.wait = self.open;
            }
            Admission::Canary(_) => {
                self.wait = self.wait.saturating_mul(2).min(self.max_open);
            }
        }
        self.failures = 0;
        self.gate.close(now.after_ms(self.wait));
        self.check();
        Some(State::Open)
    }

    /// Whether something worked there lately, or since this was sent: it speaks for the deployment.
    #[must_use]
    pub fn has_worked(&self, sent: Moment, now: Moment) -> bool {
        let since = sent.0.min(now.0.saturating_sub(LATELY));
        self.worked.is_some_and(|worked| worked.0 >= since)
    }

    /// Neither the one nor the other: never sent, or its end tells nothing of the deployment.
    pub fn give_back(&mut self, admission: Admission) {
        self.gate.give_back(admission);
    }

    /// When it may admit; None: now, if not everybody. While a canary is out, the end of its lease.
    #[must_use]
    pub const fn ready_at(&self) -> Option<Moment> {
        match self.whose {
            Whose::One(_) => None,
            Whose::Nobodys | Whose::Everybodys => self.gate.ready_at(),
        }
    }

    /// Closed to one client alone it is half open: others come through.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.gate.state() {
            GateState::Waiting { .. } if matches!(self.whose, Whose::One(_)) => State::HalfOpen,
            GateState::Passing => State::Closed,
            GateState::Waiting { .. } => State::Open,
            GateState::Trying { .. } => State::HalfOpen,
        }
    }

    fn check(&self) {
        debug_assert!(self.failures < self.threshold || self.threshold == 1 && self.failures == 0);
        debug_assert!((self.open..=self.max_open).contains(&self.wait));
        debug_assert!(self.failures == 0 || self.state() == State::Closed);
    }
}

#[cfg(test)]
mod tests;
