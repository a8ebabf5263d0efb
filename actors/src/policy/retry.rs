//! How long to wait before the next attempt.
//!
//! Exponential, so that a provider in trouble gets air; jittered, so that those who failed together do not come back
//! together; capped, so that a client's deadline is not slept away.

use std::time::Duration;

/// The pause after failure number `attempt` (0: the first).
///
/// It doubles from `base_delay` up to `max_delay`; of that the share `jitter` is random and taken off (1: anything
/// from zero up, known as full jitter). A `hint` (milliseconds, from the provider) is the least, with a jitter of its
/// own on top: nobody gains by coming early, all who were told the same number must not come at once. `max_delay`
/// caps that as well. `random`: 0 to 1.
#[must_use]
pub fn backoff(attempt: u32, retry: &config::Retry, random: f64, hint: Option<u64>) -> Duration {
    let doubled = 2_u32.checked_pow(attempt).unwrap_or(u32::MAX);
    let delay = retry.base_delay.saturating_mul(doubled).min(retry.max_delay);
    let share = share(retry.jitter) * share(random);
    let jittered = delay.saturating_sub(delay.mul_f64(share));
    let hinted =
        hint.map_or(Duration::ZERO, |ms| Duration::from_millis(ms).saturating_add(retry.base_delay.mul_f64(share)));
    let wait = jittered.max(hinted).min(retry.max_delay);
    debug_assert!(wait <= retry.max_delay);
    wait
}

/// 0 to 1, whatever comes in; what is no number is 0.
fn share(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests;
