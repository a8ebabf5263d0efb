//! The time that a request spends waiting for others: what is left of its duration is ours.
//!
//! Always: a wait that is dropped in the middle, because the client has left, counts up to there.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The sum of a request's waits; clones add to the same one.
#[derive(Debug, Clone, Default)]
pub struct Waits(Rc<Cell<Duration>>);

impl Waits {
    /// A wait begins, and ends when the guard is dropped.
    #[must_use = "the wait ends when this is dropped"]
    pub fn begin(&self) -> Wait {
        Wait { began: Instant::now(), sum: self.0.clone() }
    }

    pub fn sum(&self) -> Duration {
        self.0.get()
    }
}

/// One wait.
#[derive(Debug)]
pub struct Wait {
    began: Instant,
    sum: Rc<Cell<Duration>>,
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.sum.set(self.sum.get() + self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up() {
        let waits = Waits::default();
        for _ in 0..2 {
            let wait = waits.begin();
            std::thread::sleep(Duration::from_millis(5));
            drop(wait);
        }
        assert!(waits.sum() >= Duration::from_millis(10));
    }
}
