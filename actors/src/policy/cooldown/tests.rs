#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::policy::testing::Dice;

const LEASE: Duration = Duration::from_secs(30);
const CAP: Duration = Duration::from_secs(60);

fn cooled(hint: Option<u64>) -> Cooldown {
    let mut cooldown = Cooldown::new(LEASE);
    let admission = cooldown.try_admit(Moment(0)).unwrap();
    let until = cooldown.cool(admission, Moment(0), hint, CAP);
    assert_eq!(cooldown.ready_at(), Some(until));
    assert!(!cooldown.is_clear());
    cooldown
}

#[test]
fn hints_are_believed_between_soon_and_the_cap() {
    assert_eq!(cooled(Some(0)).ready_at(), Some(Moment(250)));
    assert_eq!(cooled(Some(2_000)).ready_at(), Some(Moment(2_000)));
    assert_eq!(cooled(Some(1_555_200_000)).ready_at(), Some(Moment(60_000)));
    assert_eq!(cooled(Some(u64::MAX)).ready_at(), Some(Moment(60_000)));
    assert_eq!(cooled(None).ready_at(), Some(Moment(1_000)));
}

#[test]
fn without_hints_failed_canaries_double_the_wait_up_to_the_cap() {
    let mut cooldown = cooled(None);
    let mut now = Moment(1_000);
    for wait in [2, 4, 8, 16, 32, 60, 60] {
        let canary = cooldown.try_admit(now).unwrap();
        assert!(canary.is_canary());
        assert_eq!(cooldown.cool(canary, now, None, CAP), now.after_ms(wait * 1_000));
        now = now.after_ms(wait * 1_000);
    }
    let canary = cooldown.try_admit(now).unwrap();
    assert!(cooldown.success(canary));
    assert!(cooldown.is_clear());
    let admission = cooldown.try_admit(now).unwrap();
    assert_eq!(cooldown.cool(admission, now, None, CAP), now.after_ms(1_000), "forgotten");
}

#[test]
fn a_provider_that_always_says_at_once_is_asked_less_and_less_often() {
    let mut cooldown = cooled(Some(0));
    let mut now = cooldown.ready_at().unwrap();
    for wait in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
        let canary = cooldown.try_admit(now).unwrap();
        let until = cooldown.cool(canary, now, Some(0), CAP);
        assert_eq!(until, now.after_ms(wait));
        now = until;
    }
    for _ in 0..100 {
        let canary = cooldown.try_admit(now).unwrap();
        now = cooldown.cool(canary, now, Some(0), Duration::from_secs(86_400 * 365));
    }
}

#[test]
fn those_who_fail_together_cool_once() {
    let mut cooldown = Cooldown::new(LEASE);
    let all: Vec<_> = (0..20).map(|_| cooldown.try_admit(Moment(0)).unwrap()).collect();
    for admission in &all {
        assert_eq!(cooldown.cool(*admission, Moment(5), None, CAP), Moment(1_005));
    }
    // One of them brought a hint after all: it can only lengthen.
    assert_eq!(cooldown.cool(all[3], Moment(6), Some(3_000), CAP), Moment(3_006));
    assert_eq!(cooldown.cool(all[4], Moment(7), Some(10), CAP), Moment(3_006));
    assert!(!cooldown.success(all[5]), "an old success ends nothing");
    let canary = cooldown.try_admit(Moment(3_006)).unwrap();
    assert_eq!(cooldown.cool(all[6], Moment(3_010), Some(50_000), CAP), Moment(4_006), "the canary decides");
    assert!(cooldown.success(canary));
    cooldown.cool(all[7], Moment(3_020), None, CAP);
    assert!(cooldown.is_clear());
}

#[test]
fn a_canary_given_back_makes_way_for_the_next() {
    let mut cooldown = cooled(Some(2_000));
    let canary = cooldown.try_admit(Moment(2_500)).unwrap();
    assert_eq!(cooldown.try_admit(Moment(2_500)), Err(Moment(3_500)));
    cooldown.give_back(canary);
    assert!(cooldown.try_admit(Moment(2_500)).unwrap().is_canary());
}

#[test]
fn a_silent_canary_blocks_for_its_lease_and_no_longer() {
    let mut cooldown = cooled(None);
    let silent = cooldown.try_admit(Moment(1_000)).unwrap();
    assert_eq!(cooldown.try_admit(Moment(1_999)), Err(Moment(2_000)), "a slow answer is no outage");
    let next = cooldown.try_admit(Moment(2_000)).unwrap();
    assert_ne!(silent, next);
    assert_eq!(cooldown.try_admit(Moment(2_000)), Err(Moment(4_000)));
    assert!(cooldown.success(next));
    assert!(!cooldown.success(silent));
}

#[test]
fn a_cap_below_soon_is_soon() {
    let mut cooldown = Cooldown::new(LEASE);
    let admission = cooldown.try_admit(Moment(0)).unwrap();
    assert_eq!(cooldown.cool(admission, Moment(0), Some(9_000), Duration::ZERO), Moment(250));
}

#[test]
fn whatever_happens_the_wait_is_bounded_and_one_canary_is_out() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut cooldown = Cooldown::new(LEASE);
        let mut now = Moment(0);
        let mut out: Vec<Admission> = Vec::new();
        let mut lease = Moment::ZERO;
        for _ in 0..300 {
            now = now.after_ms(dice.below(3_000));
            if dice.below(2) == 0 || out.is_empty() {
                match cooldown.try_admit(now) {
                    Ok(admission) if admission.is_canary() => {
                        assert!(now >= lease, "seed {seed}");
                        lease = cooldown.ready_at().unwrap();
                        out.push(admission);
                    }
                    Ok(admission) => out.push(admission),
                    Err(retry) => assert!(retry > now && retry <= now.after(CAP), "seed {seed}"),
                }
                continue;
            }
            let place = usize::try_from(dice.below(out.len() as u64)).unwrap();
            let admission = out.swap_remove(place);
            let before = cooldown.ready_at();
            match dice.below(4) {
                0 => drop(cooldown.success(admission)),
                1 => cooldown.give_back(admission),
                2 => drop(cooldown.cool(admission, now, None, CAP)),
                _ => drop(cooldown.cool(admission, now, Some(dice.roll() >> dice.below(64)), CAP)),
            }
            if admission.is_canary() && cooldown.ready_at() != before {
                lease = Moment::ZERO;
            }
        }
    }
}
