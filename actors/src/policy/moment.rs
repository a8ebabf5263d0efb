//! Time as the policies see it.

use std::time::Duration;

/// Milliseconds: the process's monotonic clock laid over the Unix epoch, so that one number serves both as a distance
/// and as a date (the day a quota resets, the date in a file).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// Before everything: what has this for a date is due.
    pub const ZERO: Self = Self(0);

    /// So much later; at the end of time it stays there.
    #[must_use]
    pub fn after(self, distance: Duration) -> Self {
        self.after_ms(millis(distance))
    }

    /// [`Moment::after`] in milliseconds.
    #[must_use]
    pub const fn after_ms(self, distance: u64) -> Self {
        Self(self.0.saturating_add(distance))
    }

    /// The time that has passed since `earlier`; none if that is yet to come.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Whole milliseconds; what does not fit in 64 bits (584 million years) is cut off.
pub(super) fn millis(distance: Duration) -> u64 {
    u64::try_from(distance.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_saturate_at_both_ends() {
        assert_eq!(Moment(5).since(Moment(9)), Duration::ZERO);
        assert_eq!(Moment(9).since(Moment(5)), Duration::from_millis(4));
        assert_eq!(Moment(u64::MAX).after(Duration::MAX), Moment(u64::MAX));
        assert_eq!(Moment(1).after(Duration::from_secs(2)), Moment(2001));
    }
}
