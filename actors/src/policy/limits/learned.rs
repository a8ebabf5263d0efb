//! What a provider's headers say is left, and how far that is believed.
//!
//! Always: it can refuse, never admit what a configured limit refuses. The number is counted down by what we reserve
//! ourselves and forgotten when its reset comes. A word that nothing is left is believed for a while (the patience);
//! then one request may try, again and again after the same while, until the provider says something new, or the try
//! comes through, or the reset comes. So a wrong or a distant reset costs one request in that while, not a day.

use super::share;
use crate::policy::Moment;

/// Resets further off than that are nonsense, or so far that the patience decides anyway. Milliseconds.
const HORIZON: u64 = 26 * 3_600_000;
/// How long a number without a reset is worth comparing keys by. Milliseconds.
const UNDATED: u64 = 60_000;

/// One family of rate limit headers (requests, or tokens), as plain numbers. What was not there is None.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// Milliseconds until the provider starts anew.
    pub reset_in_ms: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Hint {
    limit: Option<u64>,
    remaining: u64,
    until: Moment,
    /// Without a reset nobody could say for how long to refuse: then it only guides the choice of keys.
    binding: bool,
    /// From then on one request may try although nothing is left.
    probe_at: Moment,
    /// The number of the reservation that is trying.
    probe: Option<u64>,
    /// The number of the reservation whose answer told this: what came later is counted here.
    told_by: u64,
}

/// Takes up what the answer to reservation `number` said; `since`: what was reserved after it.
pub(super) fn learn(slot: &mut Option<Hint>, learned: Learned, number: u64, since: u64, now: Moment, patience: u64) {
    let Some(remaining) = learned.remaining else {
        return;
    };
    // A limit of zero is a provider's way of saying that it does not count this.
    if learned.limit == Some(0) || slot.as_ref().is_some_and(|hint| number < hint.told_by) {
        return;
    }
    let (until, binding) = match learned.reset_in_ms {
        Some(0) => {
            *slot = None;
            return;
        }
        Some(reset) => (now.after_ms(reset.min(HORIZON)), true),
        None => (now.after_ms(UNDATED), false),
    };
    let remaining = remaining.min(learned.limit.unwrap_or(u64::MAX));
    *slot = Some(Hint {
        limit: learned.limit,
        remaining: remaining.saturating_sub(since),
        until,
        binding,
        probe_at: now.after_ms(patience),
        probe: None,
        told_by: number,
    });
}

impl Hint {
    /// What the provider said is left, less what was reserved since.
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    pub fn is_over(&self, now: Moment) -> bool {
        now >= self.until
    }

    /// When so much is left, or may be tried; None: now.
    pub fn ready_at(&self, now: Moment, amount: u64) -> Option<Moment> {
        let moment = self.until.min(self.probe_at);
        (self.binding && !self.fits(amount) && now < moment).then_some(moment)
    }

    fn fits(&self, amount: u64) -> bool {
        amount.min(self.limit.unwrap_or(u64::MAX)) <= self.remaining
    }

    /// Counts reservation `number`, which may be the one that tries.
    pub fn take(&mut self, now: Moment, amount: u64, patience: u64, number: u64) {
        debug_assert!(self.ready_at(now, amount).is_none());
        if self.binding && !self.fits(amount) {
            self.probe_at = now.after_ms(patience);
            self.probe = Some(number);
        }
        self.remaining = self.remaining.saturating_sub(amount);
    }

    pub fn is_probe(&self, number: u64) -> bool {
        self.probe == Some(number)
    }

    pub fn give_back(&mut self, number: u64, amount: u64) {
        if self.is_probe(number) {
            // Its take counted down what was less than asked: nothing comes back but the turn.
            self.probe = None;
            self.probe_at = Moment::ZERO;
        } else if number > self.told_by {
            self.put(amount);
        }
    }

    /// Of a reservation that the provider's number does not know yet, the difference to the estimate.
    pub fn settle(&mut self, number: u64, reserved: u64, used: u64) {
        if number <= self.told_by {
            return;
        }
        match used.checked_sub(reserved) {
            Some(more) => self.remaining = self.remaining.saturating_sub(more),
            None => self.put(reserved - used),
        }
    }

    fn put(&mut self, amount: u64) {
        let limit = self.limit.unwrap_or(u64::MAX);
        self.remaining = self.remaining.saturating_add(amount).min(limit);
        debug_assert!(self.remaining <= limit);
    }

    /// Without a limit only "nothing left" means something.
    pub fn room(&self) -> f32 {
        match self.limit {
            Some(limit) => share(self.remaining, limit),
            None if self.remaining == 0 => 0.0,
            None => 1.0,
        }
    }
}
