//! A moving average of the time to the first byte that sees trouble at once and forgets it slowly.
//!
//! A sample above the average replaces it (a peak must steer traffic away now, not after twenty requests); one below
//! pulls it down by the time that has passed since the last. The idea is the peak EWMA of Finagle
//! (<https://twitter.github.io/finagle/guide/Clients.html>). The whole state is one 64-bit word, so that all worker
//! threads share it without a lock: microseconds in the upper half (0: nothing measured yet), ticks in the lower.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Moment;

/// After this long without a worse sample, 1/e of a peak is left. Milliseconds.
const DECAY: f64 = 30_000.0;
/// A tick is 16 ms: 32 bits of them span two years, and a deployment that was silent for so long was not forgotten
/// wrongly.
const TICK: u32 = 4;

/// The average after one more sample. Zero is the word with nothing in it.
#[must_use]
pub fn observe(word: u64, sample: Duration, now: Moment) -> u64 {
    let sample = u32::try_from(sample.as_micros()).unwrap_or(u32::MAX).max(1);
    let (value, stamp) = unpack(word);
    let stamp_now = ticks(now);
    if value == 0 || sample >= value {
        return pack(sample, newer(stamp, stamp_now, value));
    }
    let kept = decay(stamp, stamp_now);
    let next = f64::from(value) * kept + f64::from(sample) * (1.0 - kept);
    let next = rounded(next).clamp(sample, value);
    debug_assert!(next >= 1);
    pack(next, newer(stamp, stamp_now, value))
}

/// Microseconds to the first byte; None: nothing measured yet.
///
/// While nothing is in flight the figure ages, so that a deployment that was once slow is tried again some day. One
/// request in flight stops that: one explorer is enough, the crowd waits for what it finds.
#[must_use]
pub fn estimate(word: u64, now: Moment, in_flight: u32) -> Option<u32> {
    let (value, stamp) = unpack(word);
    if value == 0 {
        return None;
    }
    if in_flight > 0 {
        return Some(value);
    }
    Some(rounded(f64::from(value) * decay(stamp, ticks(now))).clamp(1, value))
}

/// The average after a wait that was given up before it ended: it would have been longer, so it raises
/// what is left of the average, and never pulls it down.
#[must_use]
pub fn at_least(word: u64, waited: Duration, now: Moment) -> u64 {
    let (value, stamp) = unpack(word);
    let waited_micros = u32::try_from(waited.as_micros()).unwrap_or(u32::MAX);
    // By then the average may have forgotten what was worse.
    let left = rounded(f64::from(value) * decay(stamp, ticks(now)));
    if waited_micros > left { pack(waited_micros, newer(stamp, ticks(now), value)) } else { word }
}

/// The average that threads share.
#[derive(Debug, Default)]
pub struct AtomicEwma(AtomicU64);

impl AtomicEwma {
    pub fn observe(&self, sample: Duration, now: Moment) {
        // Never gives up: the closure always has a next word.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| Some(observe(word, sample, now)));
    }

    /// See [`at_least`].
    pub fn at_least(&self, waited: Duration, now: Moment) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| Some(at_least(word, waited, now)));
    }

    /// See [`estimate`].
    pub fn estimate(&self, now: Moment, in_flight: u32) -> Option<u32> {
        estimate(self.0.load(Ordering::Relaxed), now, in_flight)
    }
}

const fn pack(value: u32, stamp: u32) -> u64 {
    (value as u64) << 32 | stamp as u64
}

const fn unpack(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

const fn ticks(now: Moment) -> u32 {
    (now.0 >> TICK) as u32
}

/// Ticks from `then` to `now`; none if threads came out of order.
const fn age(then: u32, now: u32) -> u32 {
    let age = now.wrapping_sub(then);
    if age > u32::MAX / 2 { 0 } else { age }
}

/// The later of two stamps; a first value has no stamp yet.
const fn newer(then: u32, now: u32, value: u32) -> u32 {
    if value != 0 && age(then, now) == 0 { then } else { now }
}

/// The share of the old average that is left, 0 to 1.
fn decay(then: u32, now: u32) -> f64 {
    (-f64::from(age(then, now)) * f64::from(1_u32 << TICK) / DECAY).exp()
}

fn rounded(value: f64) -> u32 {
    value.round() as u32
}

#[cfg(test)]
mod tests;
