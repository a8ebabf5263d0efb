//! The quotas of a day: fixed between two resets, because that is how vendors count it.
//!
//! Always: what is reserved within one day does not exceed its limits. Both counts are kept where either is limited.

use config::{DayReset, Limits};

use super::share;
use crate::policy::Moment;

/// The longest day there is (clocks go back an hour) with an hour to spare. Milliseconds.
const LONGEST_DAY: u64 = 26 * 3_600_000;

/// What was used of a day: the form in which it outlives the process.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct DayUse {
    pub requests: u64,
    pub tokens: u64,
    /// When the day ends.
    pub resets_at: Moment,
}

#[derive(Clone, Debug)]
pub(super) struct Day {
    requests: Option<u64>,
    tokens: Option<u64>,
    reset: DayReset,
    used: DayUse,
}

impl Day {
    /// None where no day is limited.
    pub fn new(limits: &Limits) -> Option<Self> {
        let requests = limits.requests_per_day.map(u64::from);
        let tokens = limits.tokens_per_day;
        (requests.is_some() || tokens.is_some()).then(|| Self {
            requests,
            tokens,
            reset: limits.day_resets_at.clone(),
            used: DayUse { requests: 0, tokens: 0, resets_at: Moment::ZERO },
        })
    }

    /// One that limits nothing and goes on counting until it is over: its limit may be back before that.
    pub fn unlimited(self) -> Self {
        Self { requests: None, tokens: None, ..self }
    }

    pub const fn is_limited(&self) -> bool {
        self.requests.is_some() || self.tokens.is_some()
    }

    /// What is known of a day that nothing limits here; None: it cannot be the present one.
    pub fn known(used: DayUse, now: Moment) -> Option<Self> {
        is_present(used, now).then(|| Self { requests: None, tokens: None, reset: DayReset::default(), used })
    }

    pub fn is_over(&self, now: Moment) -> bool {
        now >= self.used.resets_at
    }

    /// Requests, tokens, and when a day begins.
    pub fn limits(&self) -> (Option<u64>, Option<u64>, DayReset) {
        (self.requests, self.tokens, self.reset.clone())
    }

    pub fn advance(&mut self, now: Moment) {
        if self.is_over(now) {
            // A reset that is not ahead would spin: a day without a next reset is one of 24 hours.
            let next = self.reset.next_after(now.0);
            debug_assert!(next > now.0);
            let next = if next > now.0 { next } else { now.0.saturating_add(86_400_000) };
            self.used = DayUse { requests: 0, tokens: 0, resets_at: Moment(next) };
        }
    }

    /// When there is room again; None: now.
    pub fn ready_at(&self, tokens: u64) -> Option<Moment> {
        let full = |used: u64, limit: Option<u64>, amount: u64| {
            limit.is_some_and(|limit| limit == 0 || used.saturating_add(amount.min(limit)) > limit)
        };
        (full(self.used.requests, self.requests, 1) || full(self.used.tokens, self.tokens, tokens))
            .then_some(self.used.resets_at)
    }

    /// Counts one request; tells to which day, and how many tokens.
    pub fn take(&mut self, tokens: u64) -> (Moment, u64) {
        let tokens = tokens.min(self.tokens.unwrap_or(u64::MAX));
        self.used.requests = self.used.requests.saturating_add(1);
        self.used.tokens = self.used.tokens.saturating_add(tokens);
        debug_assert!(self.requests.is_none_or(|limit| self.used.requests <= limit));
        debug_assert!(self.tokens.is_none_or(|limit| self.used.tokens <= limit));
        (self.used.resets_at, tokens)
    }

    /// Of a day that is over nothing is taken back.
    pub fn take_back(&mut self, day: Moment, requests: u64, tokens: u64) {
        if day == self.used.resets_at {
            self.used.requests = self.used.requests.saturating_sub(requests);
            self.used.tokens = self.used.tokens.saturating_sub(tokens);
        }
    }

    pub fn settle(&mut self, day: Moment, reserved: u64, used: u64) {
        match used.checked_sub(reserved) {
            // As for a minute: a lie fills one day and no more.
            Some(more) => {
                let more = more.min(self.tokens.unwrap_or(u64::MAX));
                self.used.tokens = self.used.tokens.saturating_add(more);
            }
            None => self.take_back(day, 0, reserved - used),
        }
    }

    pub fn room(&self) -> f32 {
        let left = |used: u64, limit: Option<u64>| limit.map_or(1.0, |limit| share(limit.saturating_sub(used), limit));
        left(self.used.requests, self.requests).min(left(self.used.tokens, self.tokens))
    }

    pub const fn counts(&self) -> DayUse {
        self.used
    }

    /// Takes over what is known of the present day from elsewhere, were it more than the limit: that may be raised again.
    /// The larger count wins. The day ends when this configuration says, whatever was said before.
    pub fn restore(&mut self, counts: DayUse, now: Moment) {
        if is_present(counts, now) {
            self.used.requests = self.used.requests.max(counts.requests);
            self.used.tokens = self.used.tokens.max(counts.tokens);
        }
    }

    /// Goes on from a day under other limits.
    pub fn inherit(&mut self, old: &Self, now: Moment) {
        self.advance(now);
        self.restore(old.used, now);
    }
}

/// Neither over nor further off than a day can last.
fn is_present(used: DayUse, now: Moment) -> bool {
    now < used.resets_at && used.resets_at <= now.after_ms(LONGEST_DAY)
}
