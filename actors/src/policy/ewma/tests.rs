#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::policy::testing::Dice;

const MS: u32 = 1_000;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn nothing_measured_is_told_as_such() {
    assert_eq!(estimate(0, Moment(1_000_000), 0), None);
    assert_eq!(AtomicEwma::default().estimate(Moment(0), 3), None);
    assert_eq!(estimate(observe(0, Duration::ZERO, Moment(0)), Moment(0), 1), Some(1), "measured, and fast");
}

#[test]
fn jumps_up_at_once_and_comes_down_with_time() {
    let now = Moment(1_700_000_000_000);
    let average = AtomicEwma::default();
    average.observe(ms(200), now);
    average.observe(ms(4_000), now.after_ms(10));
    assert_eq!(average.estimate(now.after_ms(10), 1), Some(4_000 * MS));
    // Good samples at once do not wash it away.
    for _ in 0..100 {
        average.observe(ms(200), now.after_ms(11));
    }
    assert!(average.estimate(now.after_ms(11), 1).unwrap() > 3_900 * MS);
    // After the decay time about 1/e of the difference is left, however many samples said so.
    for step in 1..=300 {
        average.observe(ms(200), now.after_ms(step * 100));
    }
    let left = average.estimate(now.after_ms(30_000), 1).unwrap() - 200 * MS;
    assert!((1_300 * MS..1_500 * MS).contains(&left), "{left}");
}

#[test]
fn ages_only_while_nobody_is_out_to_measure() {
    let word = observe(0, ms(1_000), Moment(0));
    assert_eq!(estimate(word, Moment(300_000), 1), Some(1_000 * MS));
    let aged = estimate(word, Moment(30_000), 0).unwrap();
    assert!((360 * MS..375 * MS).contains(&aged), "{aged}");
    assert_eq!(estimate(word, Moment(1_000_000_000), 0), Some(1), "never unmeasured again");
}

#[test]
fn threads_out_of_order_and_the_wrap_of_ticks_do_no_harm() {
    let late = Moment(u64::from(u32::MAX) << TICK);
    let word = observe(0, ms(500), late);
    assert_eq!(estimate(word, Moment(late.0 - 5_000), 0), Some(500 * MS));
    let word = observe(word, ms(500), Moment(late.0 - 5_000));
    let aged = estimate(word, late.after_ms(30_000), 0).unwrap();
    assert!((180 * MS..188 * MS).contains(&aged), "{aged}");
    let endless = observe(0, Duration::MAX, Moment(0));
    assert_eq!(estimate(endless, Moment(0), 1), Some(u32::MAX));
}

#[test]
fn stays_between_the_least_and_the_most_that_was_seen() {
    let mut dice = Dice(3);
    let (mut word, mut now) = (0, Moment(1_700_000_000_000));
    let (mut least, mut most) = (u32::MAX, 0);
    for _ in 0..20_000 {
        now = now.after_ms(dice.below(2_000));
        let sample = u32::try_from(dice.below(9_000_000)).unwrap().max(1);
        (least, most) = (least.min(sample), most.max(sample));
        word = observe(word, Duration::from_micros(sample.into()), now);
        let value = estimate(word, now, 1).unwrap();
        assert!((least..=most).contains(&value) && value >= sample);
    }
}

#[test]
fn threads_share_it() {
    let average = AtomicEwma::default();
    std::thread::scope(|scope| {
        for thread in 1..=4_u64 {
            let average = &average;
            scope.spawn(move || {
                for step in 0..1_000 {
                    average.observe(ms(thread * 100), Moment(step));
                }
            });
        }
    });
    let value = average.estimate(Moment(1_000), 1).unwrap();
    assert!((380 * MS..=400 * MS).contains(&value), "{value}");
}
