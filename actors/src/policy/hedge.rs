//! The budget of extra calls: every request pays in a share, an extra call takes out a whole.
//!
//! Always: it starts empty and never holds more than [`SAVED`] calls, so extra calls are at most the configured share
//! of all requests from the first on, and a burst of slow answers is at most ten extra calls, not a doubling.

use std::sync::atomic::{AtomicU32, Ordering};

/// One call, in millionths: what a percentage in the configuration says is exact.
const CALL: u32 = 1_000_000;
/// Calls that can be saved up.
const SAVED: u32 = 10;

/// The bucket of one model. Shared between threads without a lock.
#[derive(Debug)]
pub struct Bucket {
    credit: AtomicU32,
    /// Millionths of a call that a request pays in.
    share: u32,
}

impl Bucket {
    /// `max_extra`: extra calls a request, 0 to 1.
    #[must_use]
    pub fn new(max_extra: f64) -> Self {
        let share = (max_extra.clamp(0.0, 1.0) * f64::from(CALL)).round() as u32;
        debug_assert!(share <= CALL);
        Self { credit: AtomicU32::new(0), share }
    }

    /// A request came: it pays its share.
    pub fn earn(&self) {
        self.add(self.share);
    }

    /// Takes one extra call out; false: there is none.
    #[must_use]
    pub fn take(&self) -> bool {
        self.credit.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |credit| credit.checked_sub(CALL)).is_ok()
    }

    /// The extra call was not made after all (no permit, no quota).
    pub fn give_back(&self) {
        self.add(CALL);
    }

    fn add(&self, credit: u32) {
        // A full bucket is only read: no thread takes the cache line from another.
        let _ = self.credit.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |held| {
            debug_assert!(held <= SAVED * CALL);
            let next = held.saturating_add(credit).min(SAVED * CALL);
            (next != held).then_some(next)
        });
    }
}

#[cfg(test)]
mod tests;
