//! The timed exclusion of a key or a deployment: after 429, `retry-after`, no credit, a key that is refused.
//!
//! Always: a hint is believed up to the cap and no further, then one canary goes through: its success ends the
//! cooldown, its failure renews it. So nobody waits for days on a wrong hint, and what goes on failing is asked less
//! and less often, whatever its hints say.

use std::time::Duration;

use super::gate::{Gate, State};
use super::moment::millis;
use super::{Admission, Moment};

/// The shortest cooldown, for `retry-after: 0`: soon, but not in a loop that does nothing else. Milliseconds.
const SOON: u64 = 250;
/// The first cooldown where there is no hint; doubles with every failed canary. Milliseconds.
const FIRST: u64 = 1_000;
/// Doublings beyond this change nothing below the largest sensible cap, and the shift must not overflow.
const MAX_STEP: u32 = 20;

#[derive(Clone, Debug)]
pub struct Cooldown {
    gate: Gate,
    /// Canaries that failed in a row.
    step: u32,
}

impl Cooldown {
    /// `lease`: how long a canary may stay silent before another may try.
    #[must_use]
    pub fn new(lease: Duration) -> Self {
        Self { gate: Gate::new(millis(lease)), step: 0 }
    }

    pub fn set_lease(&mut self, lease: Duration) {
        self.gate.set_lease(millis(lease));
    }

    /// Errors: cooling, or the canary is out; the moment at which asking again makes sense.
    pub fn try_admit(&mut self, now: Moment) -> Result<Admission, Moment> {
        self.gate.try_admit(now)
    }

    /// Lets somebody through whom it does not concern.
    pub(super) const fn let_through(&self) -> Admission {
        self.gate.let_through()
    }

    /// The provider asked for a pause, or refused the key. `hint`: milliseconds that it named, None when it named none
    /// or nonsense; `cap`: how far a hint is believed. Tells when the cooldown ends.
    ///
    /// Of many requests that fail together the first begins the cooldown; the others can lengthen it by their hints,
    /// never escalate it, and say nothing once a canary is out.
    pub fn cool(&mut self, admission: Admission, now: Moment, hint: Option<u64>, cap: Duration) -> Moment {
        if self.gate.is_current(admission) {
            self.step = match admission {
                Admission::Normal(_) => 0,
                Admission::Canary(_) => (self.step + 1).min(MAX_STEP),
            };
            self.gate.close(now.after_ms(self.length(hint, cap)));
        } else if let (State::Waiting { until }, Some(_)) = (self.gate.state(), hint) {
            self.gate.close(until.max(now.after_ms(self.length(hint, cap))));
        }
        self.ready_at().unwrap_or(now)
    }

    /// It worked. True if that ended the cooldown.
    pub fn success(&mut self, admission: Admission) -> bool {
        let ended = self.gate.open_by(admission);
        if ended {
            self.step = 0;
        }
        ended
    }

    /// What began it was not its fault. What canaries have confirmed since stays.
    pub fn acquit(&mut self) {
        if self.step == 0 {
            self.gate.reopen();
        }
    }

    /// Never sent, or its end tells nothing of what is cooled (a 500 does not say whether the key is good again).
    pub fn give_back(&mut self, admission: Admission) {
        self.gate.give_back(admission);
    }

    /// When it may admit; None: now. While a canary is out, the end of its lease.
    #[must_use]
    pub const fn ready_at(&self) -> Option<Moment> {
        self.gate.ready_at()
    }

    /// False from the first failure until a canary has worked.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        matches!(self.gate.state(), State::Passing)
    }

    /// How long it would be if it began now: milliseconds, between [`SOON`] and the cap.
    #[must_use]
    pub fn length(&self, hint: Option<u64>, cap: Duration) -> u64 {
        let wait = match hint {
            Some(hint) => hint.max(SOON << self.step),
            None => FIRST << self.step,
        };
        let wait = wait.min(millis(cap).max(SOON));
        debug_assert!(wait >= SOON);
        wait
    }
}

#[cfg(test)]
mod tests;
