//! The circuit breaker of a deployment: closed it admits, open it refuses, half-open it admits one canary.
//!
//! It counts failures in a row that are the deployment's own (connection, time-out, 5xx, a broken stream); what is the
//! client's or a key's fault is not for here. Always: at most one canary at a time, a wait between `open` and
//! `max_open`, and late outcomes of requests from before it opened change nothing.

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

#[derive(Clone, Debug)]
pub struct Breaker {
    gate: Gate,
    /// Failures in a row that open it.
    threshold: u32,
    /// Milliseconds.
    open: u64,
    max_open: u64,
    failures: u32,
    /// Milliseconds of the present or next opening.
    wait: u64,
}

impl Breaker {
    /// `lease`: how long a canary may stay silent before another may try; longer than an answer's first byte may take.
    #[must_use]
    pub fn new(config: &config::Breaker, lease: Duration) -> Self {
        let mut breaker =
            Self { gate: Gate::new(millis(lease)), threshold: 1, open: 1, max_open: 1, failures: 0, wait: 1 };
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
    pub fn try_admit(&mut self, now: Moment) -> Result<Admission, Moment> {
        self.gate.try_admit(now)
    }

    /// It answered as it should. Tells the new state if that changed it.
    pub fn success(&mut self, admission: Admission) -> Option<State> {
        if self.gate.open_by(admission) {
            self.failures = 0;
            self.wait = self.open;
            self.check();
            return Some(State::Closed);
        }
        if self.gate.is_current(admission) {
            self.failures = 0;
        }
        self.check();
        None
    }

    /// It failed by its own fault. Tells the new state if that changed it.
    pub fn failure(&mut self, admission: Admission, now: Moment) -> Option<State> {
        if !self.gate.is_current(admission) {
            return None;
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

    /// Neither the one nor the other: never sent, or its end tells nothing of the deployment.
    pub fn give_back(&mut self, admission: Admission) {
        self.gate.give_back(admission);
    }

    /// When it may admit; None: now. While a canary is out, the end of its lease.
    #[must_use]
    pub const fn ready_at(&self) -> Option<Moment> {
        self.gate.ready_at()
    }

    #[must_use]
    pub const fn state(&self) -> State {
        match self.gate.state() {
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
