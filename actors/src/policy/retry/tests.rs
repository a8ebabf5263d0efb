#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::policy::testing::Dice;

fn retry(jitter: f64) -> config::Retry {
    config::Retry { max_retries: 3, base_delay: Duration::from_millis(250), max_delay: Duration::from_secs(30), jitter }
}

#[test]
fn doubles_up_to_the_cap() {
    let waits: Vec<_> = (0..9).map(|attempt| backoff(attempt, &retry(0.0), 0.9, None).as_millis()).collect();
    assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert_eq!(backoff(u32::MAX, &retry(0.0), 0.0, None), Duration::from_secs(30));
}

#[test]
fn the_share_of_jitter_is_random_and_taken_off() {
    assert_eq!(backoff(2, &retry(0.2), 0.0, None), Duration::from_millis(1_000));
    assert_eq!(backoff(2, &retry(0.2), 0.5, None), Duration::from_millis(900));
    assert_eq!(backoff(2, &retry(0.2), 1.0, None), Duration::from_millis(800));
    assert_eq!(backoff(2, &retry(1.0), 1.0, None), Duration::ZERO, "full jitter");
}

#[test]
fn a_hint_is_the_least_and_the_cap_the_most() {
    assert_eq!(backoff(0, &retry(0.2), 0.0, Some(2_000)), Duration::from_secs(2));
    assert_eq!(backoff(0, &retry(0.2), 1.0, Some(2_000)), Duration::from_millis(2_050));
    assert_eq!(backoff(0, &retry(0.0), 0.0, Some(0)), Duration::from_millis(250));
    assert_eq!(backoff(0, &retry(0.2), 0.5, Some(1_555_200_000)), Duration::from_secs(30));
    assert_eq!(backoff(0, &retry(0.2), 0.5, Some(u64::MAX)), Duration::from_secs(30));
}

#[test]
fn no_number_breaks_it() {
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 7.0] {
        assert!(backoff(1, &retry(wrong), wrong, None) <= Duration::from_millis(500));
    }
    let mut dice = Dice(1);
    for _ in 0..10_000 {
        let attempt = u32::try_from(dice.below(40)).unwrap();
        let jitter = dice.unit();
        let wait = backoff(attempt, &retry(jitter), dice.unit(), None);
        let full = backoff(attempt, &retry(0.0), 0.0, None);
        assert!(wait <= full && wait >= full.mul_f64((1.0 - jitter) * 0.999_999));
    }
}
