//! The memory that all requests hold together: what counts in `server.buffer_budget`.
//!
//! Whoever is about to hold something takes its share first; without room there is none. Always: one count for the
//! process, and what was taken is given back when its share is dropped, however the request ends.

use std::sync::atomic::{AtomicU64, Ordering};

/// What of an answer, or of a request that is written anew, is so small that nobody counts it: a count costs an atomic
/// operation on a line that all threads share. What is larger is counted in steps of this.
const STEP: u64 = 16 * 1024;

/// Bytes that are held now.
static HELD: AtomicU64 = AtomicU64::new(0);

/// What all of them hold now.
pub fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}

/// There is no room: everything together would be more than the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A part of the budget, held as long as what it stands for.
#[derive(Debug, Default)]
pub struct Share(u64);

impl Share {
    pub const fn none() -> Self {
        Self(0)
    }

    pub fn bytes(&self) -> u64 {
        self.0
    }

    /// # Errors
    /// When everything together would be more than the budget.
    pub fn grow(&mut self, bytes: u64, budget: u64) -> Result<(), Full> {
        let fits = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= budget);
        HELD.fetch_update(Ordering::AcqRel, Ordering::Relaxed, fits).map_err(|_| Full)?;
        self.0 += bytes;
        Ok(())
    }

    /// Gives so many bytes of it back.
    pub fn shrink(&mut self, bytes: u64) {
        drop(Self(bytes.min(self.0)));
        self.0 = self.0.saturating_sub(bytes);
    }

    /// Makes it as large as what is held by now, in coarse steps: what is small is not counted at all.
    ///
    /// # Errors
    /// When everything together would be more than the budget; the share stays as it is.
    pub fn cover(&mut self, bytes: u64, budget: u64) -> Result<(), Full> {
        let bytes = if bytes <= STEP { 0 } else { bytes.div_ceil(STEP).saturating_mul(STEP) };
        match bytes.checked_sub(self.0) {
            Some(0) => Ok(()),
            Some(more) => self.grow(more, budget),
            None => {
                self.shrink(self.0 - bytes);
                Ok(())
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Most hold nothing beside the request's own body: all threads share that count.
        if self.0 > 0 {
            HELD.fetch_sub(self.0, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test, for the count is the process's.
    #[test]
    fn what_is_small_is_not_counted_and_what_is_taken_comes_back() {
        const ROOMY: u64 = 1 << 40;
        let mut share = Share::none();
        share.cover(STEP, ROOMY).unwrap();
        assert_eq!(share.bytes(), 0);
        for (bytes, counted) in
            [(STEP + 1, 2 * STEP), (2 * STEP, 2 * STEP), (5 * STEP - 1, 5 * STEP), (STEP + 7, 2 * STEP), (9, 0)]
        {
            share.cover(bytes, ROOMY).unwrap();
            assert_eq!(share.bytes(), counted, "{bytes}");
        }
        share.grow(10, ROOMY).unwrap();
        share.shrink(11);
        assert_eq!(share.bytes(), 0);
        assert_eq!(share.cover(u64::MAX - 9, u64::MAX - STEP), Err(Full));
        assert_eq!((share.grow(u64::MAX, u64::MAX - 1), share.bytes()), (Err(Full), 0));
    }
}
