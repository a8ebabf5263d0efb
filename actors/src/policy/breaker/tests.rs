#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::policy::testing::Dice;

const LEASE: Duration = Duration::from_secs(60);

/// There was no connection: whoever asked has not brought it about.
fn sure(at: Moment) -> Evidence {
    Evidence { asker: asker(1), sent: at, sure: true }
}

/// A 500, or a time-out: it may be the request's doing.
fn doubtful(client: u64, at: Moment) -> Evidence {
    Evidence { asker: asker(client), sent: at, sure: false }
}

fn asker(client: u64) -> Asker {
    Asker { client, again: false, barred: 0 }
}

/// One request of this client that fails so.
fn poison(breaker: &mut Breaker, client: u64, at: Moment) -> Option<State> {
    let admission = breaker.try_admit(at, client).unwrap();
    breaker.failure(admission, at, &doubtful(client, at))
}

fn works(breaker: &mut Breaker, client: u64, at: Moment) {
    let admission = breaker.try_admit(at, client).unwrap();
    breaker.success(admission, at);
}

fn config() -> config::Breaker {
    config::Breaker { failures: 3, open: Duration::from_secs(10), max_open: Duration::from_secs(35) }
}

fn opened(at: Moment) -> Breaker {
    let mut breaker = Breaker::new(&config(), LEASE);
    for _ in 0..3 {
        let admission = breaker.try_admit(at, 1).unwrap();
        breaker.failure(admission, at, &sure(at));
    }
    assert_eq!(breaker.state(), State::Open);
    breaker
}

#[test]
fn opens_at_failures_in_a_row_and_a_success_starts_the_count_anew() {
    let mut breaker = Breaker::new(&config(), LEASE);
    let now = Moment(1_000);
    let admission = breaker.try_admit(now, 1).unwrap();
    assert!(!admission.is_canary());
    for _ in 0..4 {
        assert_eq!(breaker.failure(admission, now, &sure(now)), None);
        assert_eq!(breaker.failure(admission, now, &sure(now)), None);
        assert_eq!(breaker.success(admission, now), None);
    }
    assert_eq!(breaker.failure(admission, now, &sure(now)), None);
    assert_eq!(breaker.failure(admission, now, &sure(now)), None);
    assert_eq!(breaker.ready_at(), None);
    assert_eq!(breaker.failure(admission, now, &sure(now)), Some(State::Open));
    assert_eq!(breaker.ready_at(), Some(Moment(11_000)));
    assert_eq!(breaker.try_admit(Moment(10_999), 1), Err(Moment(11_000)));
}

#[test]
fn one_canary_decides() {
    let mut breaker = opened(Moment(0));
    let canary = breaker.try_admit(Moment(10_000), 1).unwrap();
    assert!(canary.is_canary());
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.try_admit(Moment(10_000), 1), Err(Moment(11_000)));
    assert_eq!(breaker.success(canary, Moment(10_000)), Some(State::Closed));
    assert!(!breaker.try_admit(Moment(10_001), 1).unwrap().is_canary());
}

#[test]
fn failed_canaries_double_the_wait_up_to_its_cap_and_a_good_one_forgets_it() {
    let mut breaker = opened(Moment(0));
    let mut now = Moment(10_000);
    for wait in [20, 35, 35] {
        let canary = breaker.try_admit(now, 1).unwrap();
        assert_eq!(breaker.failure(canary, now, &sure(now)), Some(State::Open));
        assert_eq!(breaker.ready_at(), Some(now.after_ms(wait * 1_000)));
        now = now.after_ms(wait * 1_000);
    }
    let canary = breaker.try_admit(now, 1).unwrap();
    breaker.success(canary, Moment(10_000));
    for _ in 0..3 {
        let admission = breaker.try_admit(now, 1).unwrap();
        breaker.failure(admission, now, &sure(now));
    }
    assert_eq!(breaker.ready_at(), Some(now.after_ms(10_000)));
}

#[test]
fn a_canary_given_back_leaves_everything_as_it_was() {
    let mut breaker = opened(Moment(0));
    let canary = breaker.try_admit(Moment(12_000), 1).unwrap();
    breaker.give_back(canary);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.ready_at(), Some(Moment(10_000)));
    // Twice is no more than once, and what it meets afterwards is no news.
    breaker.give_back(canary);
    assert_eq!(breaker.failure(canary, Moment(12_000), &sure(Moment(12_000))), None);
    let canary = breaker.try_admit(Moment(12_000), 1).unwrap();
    assert!(canary.is_canary());
    breaker.failure(canary, Moment(12_000), &sure(Moment(12_000)));
    assert_eq!(breaker.ready_at(), Some(Moment(32_000)), "doubled once, not twice");
}

#[test]
fn a_silent_canary_blocks_for_its_lease_and_no_longer() {
    let mut breaker = opened(Moment(0));
    let silent = breaker.try_admit(Moment(10_000), 1).unwrap();
    assert_eq!(breaker.try_admit(Moment(10_999), 1), Err(Moment(11_000)));
    let next = breaker.try_admit(Moment(11_000), 1).unwrap();
    assert!(next.is_canary() && next != silent);
    assert_eq!(breaker.failure(silent, Moment(11_001), &sure(Moment(11_001))), None, "the next one decides");
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.give_back(silent);
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.success(silent, Moment(11_001)), Some(State::Closed), "slow is not dead");
    assert_eq!(breaker.success(next, Moment(11_001)), None);
}

#[test]
fn each_silent_canary_gives_the_next_more_time_up_to_the_whole_lease() {
    let mut breaker = opened(Moment(0));
    let mut now = Moment(10_000);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(breaker.try_admit(now, 1).unwrap().is_canary());
        let next = now.after_ms(seconds * 1_000);
        assert_eq!(breaker.try_admit(now, 1), Err(next));
        now = next;
    }
    let canary = breaker.try_admit(now, 1).unwrap();
    breaker.success(canary, now);
    for _ in 0..3 {
        let admission = breaker.try_admit(now, 1).unwrap();
        breaker.failure(admission, now, &sure(now));
    }
    let now = now.after_ms(10_000);
    assert!(breaker.try_admit(now, 1).is_ok());
    assert_eq!(breaker.try_admit(now, 1), Err(now.after_ms(1_000)), "forgotten");
}

#[test]
fn what_was_sent_before_the_breaker_moved_is_late() {
    let mut breaker = Breaker::new(&config(), LEASE);
    let early = breaker.try_admit(Moment(0), 1).unwrap();
    for _ in 0..3 {
        breaker.failure(early, Moment(0), &sure(Moment(0)));
    }
    assert_eq!(breaker.success(early, Moment(0)), None, "an old success does not close it");
    assert_eq!(breaker.failure(early, Moment(1), &sure(Moment(1))), None);
    assert_eq!(breaker.ready_at(), Some(Moment(10_000)), "an old failure does not lengthen it");
    let canary = breaker.try_admit(Moment(10_000), 1).unwrap();
    breaker.success(canary, Moment(10_000));
    for _ in 0..9 {
        assert_eq!(breaker.failure(early, Moment(10_001), &sure(Moment(10_001))), None);
    }
    assert_eq!(breaker.state(), State::Closed);
    // The same for a canary of an earlier opening.
    let admission = breaker.try_admit(Moment(10_001), 1).unwrap();
    for _ in 0..3 {
        breaker.failure(admission, Moment(10_001), &sure(Moment(10_001)));
    }
    assert_eq!(breaker.success(canary, Moment(10_000)), None);
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
    let canary = breaker.try_admit(Moment(10_000), 1).unwrap();
    breaker.success(canary, Moment(10_000));
    let admission = breaker.try_admit(Moment(10_000), 1).unwrap();
    assert_eq!(breaker.failure(admission, Moment(10_000), &sure(Moment(10_000))), Some(State::Open), "never below one");
    assert_eq!(breaker.ready_at(), Some(Moment(11_000)));
}

#[test]
fn what_one_client_meets_is_no_outage_while_others_are_served() {
    let mut breaker = Breaker::new(&config(), LEASE);
    works(&mut breaker, 2, Moment(100_000));
    for nth in 0..20 {
        assert_eq!(poison(&mut breaker, 1, Moment(100_100 + nth * 100)), None, "another was served a moment ago");
    }
    // A time-out that began before the last success says nothing either, however long ago that was.
    let admission = breaker.try_admit(Moment(99_000), 1).unwrap();
    for _ in 0..9 {
        assert_eq!(breaker.failure(admission, Moment(700_000), &doubtful(1, Moment(99_000))), None);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn what_one_client_alone_meets_closes_it_to_that_client_alone() {
    let mut breaker = Breaker::new(&config(), LEASE);
    works(&mut breaker, 2, Moment(0));
    let now = Moment(100_000);
    assert_eq!(poison(&mut breaker, 1, now), None);
    assert_eq!(poison(&mut breaker, 1, now), None);
    assert_eq!(poison(&mut breaker, 1, now), Some(State::Open));
    assert_eq!(breaker.try_admit(now, 1), Err(Moment(110_000)));
    assert_eq!(breaker.ready_at(), None, "the router is not told to look away");
    works(&mut breaker, 2, now);
    assert_eq!(breaker.try_admit(now, 1), Err(Moment(110_000)), "that it works for others is no news");
    // Its canary decides for it, and shuts nobody else out.
    let canary = breaker.try_admit(Moment(110_000), 1).unwrap();
    assert!(canary.is_canary());
    assert!(!breaker.try_admit(Moment(110_000), 2).unwrap().is_canary());
    assert_eq!(breaker.failure(canary, Moment(110_000), &doubtful(1, Moment(110_000))), Some(State::Open));
    assert_eq!(breaker.try_admit(Moment(129_999), 1), Err(Moment(130_000)));
    // What another client meets as well is the deployment's.
    assert_eq!(poison(&mut breaker, 2, Moment(128_000)), Some(State::Open));
    assert_eq!(breaker.ready_at(), Some(Moment(130_000)));
    assert_eq!(breaker.try_admit(Moment(129_000), 3), Err(Moment(130_000)));
    let canary = breaker.try_admit(Moment(130_000), 3).unwrap();
    assert_eq!(breaker.success(canary, Moment(130_000)), Some(State::Closed));
    assert!(!breaker.try_admit(Moment(130_001), 1).unwrap().is_canary());
}

#[test]
fn whom_alone_it_was_closed_to_need_not_come_back_to_open_it() {
    let mut breaker = Breaker::new(&config(), LEASE);
    for _ in 0..3 {
        poison(&mut breaker, 1, Moment(100_000));
    }
    works(&mut breaker, 2, Moment(109_999));
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.try_admit(Moment(109_999), 1), Err(Moment(110_000)));
    works(&mut breaker, 2, Moment(110_000));
    assert_eq!(breaker.state(), State::Closed);
    assert!(!breaker.try_admit(Moment(110_000), 1).unwrap().is_canary());
}

#[test]
fn where_nothing_works_any_more_it_opens_for_all() {
    let mut breaker = Breaker::new(&config(), LEASE);
    works(&mut breaker, 1, Moment(0));
    assert_eq!(poison(&mut breaker, 1, Moment(9_000)), None, "too soon to be counted");
    assert_eq!(poison(&mut breaker, 1, Moment(10_001)), None);
    assert_eq!(poison(&mut breaker, 2, Moment(10_002)), None);
    assert_eq!(poison(&mut breaker, 3, Moment(10_003)), Some(State::Open));
    assert_eq!(breaker.try_admit(Moment(10_004), 4), Err(Moment(20_003)));
}

#[test]
fn a_request_counts_once_however_often_it_is_tried() {
    let mut breaker = Breaker::new(&config(), LEASE);
    let now = Moment(1_000);
    let again = Evidence { asker: Asker { again: true, ..asker(1) }, ..sure(now) };
    let admission = breaker.try_admit(now, 1).unwrap();
    for _ in 0..9 {
        assert_eq!(breaker.failure(admission, now, &again), None);
    }
    assert_eq!(breaker.failure(admission, now, &sure(now)), None);
    assert_eq!(breaker.failure(admission, now, &sure(now)), None);
    assert_eq!(breaker.failure(admission, now, &sure(now)), Some(State::Open));
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
                0..=3 => match breaker.try_admit(now, 1) {
                    Ok(admission) => {
                        if admission.is_canary() {
                            assert!(canary.is_none_or(|(_, lease)| now >= lease), "seed {seed}");
                            canary = Some((admission, breaker.ready_at().unwrap()));
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
                        4 => drop(breaker.success(admission, now)),
                        5 | 6 => drop(breaker.failure(admission, now, &sure(now))),
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
        assert!(breaker.try_admit(now, 1).is_ok(), "seed {seed}");
    }
}
