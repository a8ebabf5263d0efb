//! A sliding window over 60 slots, in fixed memory.
//!
//! Always: within any stretch of 60 slots' time, wherever it begins, no more than the limit is admitted. A slot does
//! not know when within it something came, so it is counted until the whole of it is out of the window: 61 slots are
//! kept, and room comes back up to one slot late, never early.

use crate::policy::Moment;

/// 60 that the window spans, and the one that is being left.
const SLOTS: u64 = 61;

#[derive(Clone, Debug)]
pub(super) struct Ring {
    limit: u64,
    /// Milliseconds of a slot.
    width: u64,
    /// Number of the newest slot, counted from the epoch.
    head: u64,
    total: u64,
    slots: [u64; SLOTS as usize],
}

impl Ring {
    pub fn new(limit: u64, width: u64) -> Self {
        debug_assert!(width > 0);
        Self { limit, width: width.max(1), head: 0, total: 0, slots: [0; SLOTS as usize] }
    }

    pub const fn limit(&self) -> u64 {
        self.limit
    }

    pub const fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    pub const fn used(&self) -> u64 {
        self.total
    }

    /// No more than the whole limit: what is larger can only ever pass alone.
    pub fn fitted(&self, amount: u64) -> u64 {
        amount.min(self.limit)
    }

    /// Forgets what is older than the window.
    pub fn advance(&mut self, now: Moment) {
        let head = now.0 / self.width;
        if head <= self.head {
            return;
        }
        if head - self.head >= SLOTS {
            self.slots.fill(0);
            self.total = 0;
        } else {
            for number in self.head + 1..=head {
                if let Some(slot) = self.slots.get_mut(index(number)) {
                    self.total -= *slot;
                    *slot = 0;
                }
            }
        }
        self.head = head;
        self.check();
    }

    /// When so much fits; None: now. A limit of zero never admits: then a window's time from now.
    pub fn ready_at(&self, amount: u64) -> Option<Moment> {
        let wanted = self.total.saturating_add(amount);
        let end = |number: u64| Moment(number.saturating_add(SLOTS).saturating_mul(self.width));
        if self.limit == 0 {
            return Some(end(self.head));
        }
        let mut excess = wanted.checked_sub(self.limit).filter(|excess| *excess > 0)?;
        for number in self.head.saturating_sub(SLOTS - 1)..=self.head {
            let held = self.slots.get(index(number)).copied().unwrap_or(0);
            if held >= excess {
                return Some(end(number));
            }
            excess -= held;
        }
        debug_assert!(false, "more wanted than fits into an empty window");
        Some(end(self.head))
    }

    /// Counts to the newest slot.
    pub fn add(&mut self, amount: u64) {
        // The total is what must not overflow: every slot is a part of it.
        let amount = amount.min(u64::MAX - self.total);
        if let Some(slot) = self.slots.get_mut(index(self.head)) {
            *slot += amount;
            self.total += amount;
        }
        self.check();
    }

    /// Takes out what was counted at that time; what has left the window already is out.
    pub fn take_back(&mut self, at: Moment, amount: u64) {
        let number = at.0 / self.width;
        if number > self.head || number.saturating_add(SLOTS) <= self.head {
            return;
        }
        if let Some(slot) = self.slots.get_mut(index(number)) {
            let amount = amount.min(*slot);
            *slot -= amount;
            self.total -= amount;
        }
        self.check();
    }

    /// What was reserved then has turned out to be so much. Usage that exceeds its estimate by more than a whole limit
    /// fills one window and no more, whatever an upstream claims.
    pub fn settle(&mut self, at: Moment, reserved: u64, used: u64) {
        match used.checked_sub(reserved) {
            Some(more) => self.add(more.min(self.limit)),
            None => self.take_back(at, reserved - used),
        }
    }

    fn check(&self) {
        debug_assert_eq!(self.slots.iter().sum::<u64>(), self.total);
    }
}

const fn index(number: u64) -> usize {
    (number % SLOTS) as usize
}
