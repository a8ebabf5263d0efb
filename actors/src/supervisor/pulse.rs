//! The supervisor's pulse: one that hangs is as good as dead, and both are told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Many beats.
const LIFE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct Pulse {
    began: Instant,
    /// Milliseconds since then.
    last: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Pulse {
    pub fn beat(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    pub fn is_felt(&self) -> bool {
        Duration::from_millis(self.now().saturating_sub(self.last.load(Ordering::Relaxed))) < LIFE
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_lost_after_a_while() {
        let mut pulse = Pulse::default();
        assert!(pulse.is_felt());
        pulse.began = pulse.began.checked_sub(LIFE).unwrap();
        assert!(!pulse.is_felt());
        pulse.beat();
        assert!(pulse.is_felt());
    }
}
