//! The one clock: monotonic, laid over the Unix epoch.
//!
//! Always: never runs backwards. Wall-clock jumps are taken up by [`correct`], which the supervisor calls every
//! second, and only forwards (a machine that slept must not believe it is still yesterday).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::policy::Moment;

static START: LazyLock<(Instant, u64)> = LazyLock::new(|| (Instant::now(), wall()));
static AHEAD: AtomicU64 = AtomicU64::new(0);

fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Now.
pub fn now() -> Moment {
    at(Instant::now())
}

/// The moment of an instant that was read already.
pub fn at(instant: Instant) -> Moment {
    let (start, epoch) = *START;
    let since = instant.saturating_duration_since(start).as_millis();
    Moment(epoch + AHEAD.load(Ordering::Relaxed) + u64::try_from(since).unwrap_or(u64::MAX / 2))
}

/// Takes up a wall clock that has run ahead of the monotonic one by more than two seconds.
pub fn correct() {
    let ahead = wall().saturating_sub(now().0);
    if ahead > 2_000 {
        AHEAD.fetch_add(ahead, Ordering::Relaxed);
    }
}
