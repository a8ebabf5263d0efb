//! What is learned from headers.

use super::*;

const NONE: Learned = Learned { limit: None, remaining: None, reset_in_ms: None };

fn told(limit: u64, remaining: u64, reset_in_ms: u64) -> Learned {
    Learned { limit: Some(limit), remaining: Some(remaining), reset_in_ms: Some(reset_in_ms) }
}

#[test]
fn nothing_left_means_wait_until_the_reset() {
    let mut windows = windows(&Limits::default());
    let reservation = windows.reserve(NOW, 0).unwrap();
    windows.learn(&reservation, told(100, 0, 5_000), NONE, NOW);
    assert_eq!(windows.reserve(NOW, 0).unwrap_err(), NOW.after_ms(5_000));
    assert!(windows.room(NOW) < f32::EPSILON);
    let again = NOW.after_ms(5_000);
    assert!((windows.room(again) - 1.0).abs() < f32::EPSILON);
    for _ in 0..1_000 {
        drop(windows.reserve(again, 0).unwrap());
    }
}

#[test]
fn what_is_left_is_counted_down_and_unsent_requests_come_back() {
    let mut windows = windows(&Limits::default());
    let first = windows.reserve(NOW, 0).unwrap();
    windows.learn(&first, told(10, 3, 20_000), NONE, NOW);
    let mut out: Vec<_> = (0..3).map(|_| windows.reserve(NOW, 0).unwrap()).collect();
    assert!(windows.reserve(NOW, 0).is_err());
    windows.give_back(out.pop().unwrap());
    drop(windows.reserve(NOW, 0).unwrap());
    assert!(windows.reserve(NOW, 0).is_err());
    // The one whose answer told the number was never part of it.
    windows.give_back(first);
    assert!(windows.reserve(NOW, 0).is_err());
}

#[test]
fn the_number_does_not_know_what_is_still_on_its_way() {
    let mut windows = windows(&Limits::default());
    let first = windows.reserve(NOW, 0).unwrap();
    let out: Vec<_> = (0..4).map(|_| windows.reserve(NOW, 0).unwrap()).collect();
    windows.learn(&first, told(10, 5, 20_000), NONE, NOW);
    drop(windows.reserve(NOW, 0).unwrap());
    assert!(windows.reserve(NOW, 0).is_err(), "five left, four on their way");
    // The newest answer counts, an older one that comes after it does not.
    windows.learn(&out[3], told(10, 7, 20_000), NONE, NOW);
    windows.learn(&out[1], told(10, 0, 20_000), NONE, NOW);
    for _ in 0..6 {
        drop(windows.reserve(NOW, 0).unwrap());
    }
    assert!(windows.reserve(NOW, 0).is_err());
}

#[test]
fn headers_tighten_and_never_loosen() {
    let mut windows = windows(&per_minute(2));
    let first = windows.reserve(NOW, 0).unwrap();
    windows.learn(&first, told(1_000, 1_000, 60_000), NONE, NOW);
    drop(windows.reserve(NOW, 0).unwrap());
    assert_eq!(windows.reserve(NOW, 0).unwrap_err(), NOW.after_ms(60_500));
}

#[test]
fn tokens_left_must_hold_the_estimate() {
    let mut windows = windows(&Limits::default());
    let first = windows.reserve(NOW, 100).unwrap();
    windows.learn(&first, NONE, told(6_000, 500, 8_000), NOW);
    assert_eq!(windows.reserve(NOW, 501).unwrap_err(), NOW.after_ms(8_000));
    let second = windows.reserve(NOW, 400).unwrap();
    assert!(windows.reserve(NOW, 200).is_err());
    windows.settle(second, 50, NOW);
    let third = windows.reserve(NOW, 450).unwrap();
    assert!(windows.reserve(NOW, 1).is_err());
    // What the number knew already is not settled against it.
    windows.settle(first, 0, NOW);
    assert!(windows.reserve(NOW, 1).is_err());
    windows.settle(third, 440, NOW);
    assert!(windows.reserve(NOW, 10).is_ok());
}

#[test]
fn a_distant_reset_costs_one_try_in_a_while_and_not_a_day() {
    let mut windows = windows(&Limits::default());
    let first = windows.reserve(NOW, 0).unwrap();
    windows.learn(&first, told(1_000, 0, 6 * 3_600_000), NONE, NOW);
    assert_eq!(windows.reserve(NOW, 0).unwrap_err(), NOW.after_ms(60_000));
    let mut now = NOW.after_ms(60_000);
    // A try that is never heard of lets the next one go after the same while.
    drop(windows.reserve(now, 0).unwrap());
    assert_eq!(windows.reserve(now, 0).unwrap_err(), now.after_ms(60_000));
    now = now.after_ms(60_000);
    // One that is not sent gives its turn away.
    let unsent = windows.reserve(now, 0).unwrap();
    assert!(windows.reserve(now, 0).is_err());
    windows.give_back(unsent);
    // One that hears the same leaves it so.
    let refused = windows.reserve(now, 0).unwrap();
    windows.learn(&refused, told(1_000, 0, 5 * 3_600_000), NONE, now);
    windows.settle(refused, 0, now);
    assert_eq!(windows.reserve(now, 0).unwrap_err(), now.after_ms(60_000));
    now = now.after_ms(60_000);
    // One that comes through without a word proves the word wrong.
    let through = windows.reserve(now, 0).unwrap();
    windows.settle(through, 10, now);
    for _ in 0..10 {
        drop(windows.reserve(now, 0).unwrap());
    }
}

#[test]
fn plenty_left_of_a_long_day_is_not_cut_off_by_patience() {
    let mut windows = windows(&Limits::default());
    let first = windows.reserve(NOW, 0).unwrap();
    windows.learn(&first, told(1_000, 900, 6 * 3_600_000), NONE, NOW);
    let later = NOW.after_ms(3_600_000);
    for _ in 0..900 {
        drop(windows.reserve(later, 0).unwrap());
    }
    // Used up: one may try, as the patience with this word is over, and then nobody for as long again.
    drop(windows.reserve(later, 0).unwrap());
    assert_eq!(windows.reserve(later, 0).unwrap_err(), later.after_ms(60_000));
}

#[test]
fn words_that_say_nothing_bind_nobody() {
    let silent = [
        NONE,
        Learned { limit: Some(5), ..NONE },
        Learned { reset_in_ms: Some(9_000), ..NONE },
        told(0, 0, 60_000),
        told(10, 0, 0),
        Learned { remaining: Some(0), ..NONE },
        Learned { limit: Some(10), remaining: Some(0), reset_in_ms: None },
    ];
    for word in silent {
        let mut windows = windows(&Limits::default());
        let first = windows.reserve(NOW, 0).unwrap();
        windows.learn(&first, word, word, NOW);
        assert!(windows.reserve(NOW, 1_000).is_ok(), "{word:?}");
    }
    // Without a date the last two still say which key to prefer, for a while.
    let mut windows = windows(&Limits::default());
    let first = windows.reserve(NOW, 0).unwrap();
    windows.learn(&first, Learned { limit: Some(10), remaining: Some(1), reset_in_ms: None }, NONE, NOW);
    assert!(windows.room(NOW) < 0.2);
    assert!((windows.room(NOW.after_ms(60_000)) - 1.0).abs() < f32::EPSILON);
}

#[test]
fn absurd_numbers_are_bounded() {
    let mut windows = windows(&Limits::default());
    let first = windows.reserve(NOW, u64::MAX).unwrap();
    windows.learn(&first, told(u64::MAX, 0, u64::MAX), told(3, u64::MAX, u64::MAX), NOW);
    assert_eq!(windows.reserve(NOW, 0).unwrap_err(), NOW.after_ms(60_000));
    assert!(windows.reserve(NOW.after_ms(27 * 3_600_000), 9).is_ok());
}
