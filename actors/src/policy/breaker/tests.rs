#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::policy::testing::Dice;

const LEASE: Duration = Duration::from_secs(60);

fn config() -> config::Breaker {
    config::Breaker { failures: 3, open: Duration::from_secs(10), max_open: Duration::from_secs(35) }
}

fn opened(at: Moment) -> Breaker {
    let mut breaker = Breaker::new(&config(), LEASE);
    for _ in 0..3 {
        let admission = breaker.try_admit(at).unwrap();
        breaker.failure(admission, at);
    }
    assert_eq!(breaker.state(), State::Open);
    breaker
}

#[test]
fn opens_at_failures_in_a_row_and_a_success_starts_the_count_anew() {
    let mut breaker = Breaker::new(&config(), LEASE);
    let now = Moment(1_000);
    let admission = breaker.try_admit(now).unwrap();
    assert!(!admission.is_canary());
    for _ in 0..4 {
        assert_eq!(breaker.failure(admission, now), None);
        assert_eq!(breaker.failure(admission, now), None);
        assert_eq!(breaker.success(admission), None);
    }
    assert_eq!(breaker.failure(admission, now), None);
    assert_eq!(breaker.failure(admission, now), None);
    assert_eq!(breaker.ready_at(), None);
    assert_eq!(breaker.failure(admission, now), Some(State::Open));
    assert_eq!(breaker.ready_at(), Some(Moment(11_000)));
    assert_eq!(breaker.try_admit(Moment(10_999)), Err(Moment(11_000)));
}

#[test]
fn one_canary_decides() {
    let mut breaker = opened(Moment(0));
    let canary = breaker.try_admit(Moment(10_000)).unwrap();
    assert!(canary.is_canary());
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.try_admit(Moment(10_000)), Err(Moment(70_000)));
    assert_eq!(breaker.success(canary), Some(State::Closed));
    assert!(!breaker.try_admit(Moment(10_001)).unwrap().is_canary());
}

#[test]
fn failed_canaries_double_the_wait_up_to_its_cap_and_a_good_one_forgets_it() {
    let mut breaker = opened(Moment(0));
    let mut now = Moment(10_000);
    for wait in [20, 35, 35] {
        let canary = breaker.try_admit(now).unwrap();
        assert_eq!(breaker.failure(canary, now), Some(State::Open));
        assert_eq!(breaker.ready_at(), Some(now.after_ms(wait * 1_000)));
        now = now.after_ms(wait * 1_000);
    }
    let canary = breaker.try_admit(now).unwrap();
    breaker.success(canary);
    for _ in 0..3 {
        let admission = breaker.try_admit(now).unwrap();
        breaker.failure(admission, now);
    }
    assert_eq!(breaker.ready_at(), Some(now.after_ms(10_000)));
}

#[test]
fn a_canary_given_back_leaves_everything_as_it_was() {
    let mut breaker = opened(Moment(0));
    let canary = breaker.try_admit(Moment(12_000)).unwrap();
    breaker.give_back(canary);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.ready_at(), Some(Moment(10_000)));
    // Twice is no more than once, and what it meets afterwards is no news.
    breaker.give_back(canary);
    assert_eq!(breaker.failure(canary, Moment(12_000)), None);
    let canary = breaker.try_admit(Moment(12_000)).unwrap();
    assert!(canary.is_canary());
    breaker.failure(canary, Moment(12_000));
    assert_eq!(breaker.ready_at(), Some(Moment(32_000)), "doubled once, not twice");
}

#[test]
fn a_silent_canary_blocks_for_its_lease_and_no_longer() {
    let mut breaker = opened(Moment(0));
    let silent = breaker.try_admit(Moment(10_000)).unwrap();
    assert_eq!(breaker.try_admit(Moment(69_999)), Err(Moment(70_000)));
    let next = breaker.try_admit(Moment(70_000)).unwrap();
    assert!(next.is_canary() && next != silent);
    assert_eq!(breaker.failure(silent, Moment(70_001)), None, "the next one decides");
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.give_back(silent);
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.success(silent), Some(State::Closed), "slow is not dead");
    assert_eq!(breaker.success(next), None);
}

#[test]
fn what_was_sent_before_the_breaker_moved_is_late() {
    let mut breaker = Breaker::new(&config(), LEASE);
    let early = breaker.try_admit(Moment(0)).unwrap();
    for _ in 0..3 {
        breaker.failure(early, Moment(0));
    }
    assert_eq!(breaker.success(early), None, "an old success does not close it");
    assert_eq!(breaker.failure(early, Moment(1)), None);
    assert_eq!(breaker.ready_at(), Some(Moment(10_000)), "an old failure does not lengthen it");
    let canary = breaker.try_admit(Moment(10_000)).unwrap();
    breaker.success(canary);
    for _ in 0..9 {
        assert_eq!(breaker.failure(early, Moment(10_001)), None);
    }
    assert_eq!(breaker.state(), State::Closed);
    // The same for a canary of an earlier opening.
    let admission = breaker.try_admit(Moment(10_001)).unwrap();
    for _ in 0..3 {
        breaker.failure(admission, Moment(10_001));
    }
    assert_eq!(breaker.success(canary), None);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn other_settings_keep_what_was_seen() {
    let mut breaker = opened(Moment(0));
    let mut wider = config();
    wider.open = Duration::from_secs(1);
    wider.failures = 0;
    breaker.reconfigure(&wider, LEASE);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.ready_at(), Some(Moment(10_000)));
    let canary = breaker.try_admit(Moment(10_000)).unwrap();
    breaker.success(canary);
    let admission = breaker.try_admit(Moment(10_000)).unwrap();
    assert_eq!(breaker.failure(admission, Moment(10_000)), Some(State::Open), "never below one");
    assert_eq!(breaker.ready_at(), Some(Moment(11_000)));
}

/// Random requests, outcomes, losses and steps of time, against what must always hold.
#[test]
fn never_two_canaries_at_once() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut breaker = Breaker::new(&config(), LEASE);
        let mut now = Moment(1_000_000);
        let mut out: Vec<Admission> = Vec::new();
        // The canary that is out, and until when nobody else may be.
        let mut canary: Option<(Admission, Moment)> = None;
        for _ in 0..400 {
            now = now.after_ms(dice.below(4_000));
            match dice.below(8) {
                0..=3 => match breaker.try_admit(now) {
                    Ok(admission) => {
                        if admission.is_canary() {
                            assert!(canary.is_none_or(|(_, lease)| now >= lease), "seed {seed}");
                            canary = Some((admission, now.after(LEASE)));
                        } else {
                            assert_eq!(breaker.state(), State::Closed);
                        }
                        out.push(admission);
                    }
                    Err(retry) => {
                        assert!(retry > now, "seed {seed}");
                        assert!(retry <= now.after(LEASE.max(config().max_open)));
                        assert_eq!(breaker.ready_at(), Some(retry));
                    }
                },
                what if !out.is_empty() => {
                    let place = usize::try_from(dice.below(out.len() as u64)).unwrap();
                    let admission = out.swap_remove(place);
                    match what {
                        4 => drop(breaker.success(admission)),
                        5 | 6 => drop(breaker.failure(admission, now)),
                        _ if dice.below(2) == 0 => breaker.give_back(admission),
                        // Lost: never reported.
                        _ => continue,
                    }
                    if canary.is_some_and(|(one, _)| one == admission) {
                        canary = None;
                    }
                }
                _ => {}
            }
            if breaker.state() == State::Closed {
                canary = None;
            }
        }
        // However it ended, it is not jammed.
        now = now.after(Duration::from_secs(120));
        assert!(breaker.try_admit(now).is_ok(), "seed {seed}");
    }
}
