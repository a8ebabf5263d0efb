#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod headers;
mod properties;

use std::sync::Mutex;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);
/// A Tuesday in 2025, an hour before midnight UTC, within a minute and within a second.
const NOW: Moment = Moment(1_754_434_830_500);
const MIDNIGHT: Moment = Moment(1_754_438_400_000);

fn windows(limits: &Limits) -> Windows {
    Windows::new(limits, PATIENCE)
}

fn per_minute(requests: u32) -> Limits {
    Limits { requests_per_minute: Some(requests), ..Limits::default() }
}

#[test]
fn what_is_not_limited_is_not_kept() {
    let mut free = windows(&Limits::default());
    for _ in 0..10_000 {
        drop(free.reserve(NOW, u64::MAX).unwrap());
    }
    assert!(free.minute.is_none() && free.hour.is_none() && free.day.is_none());
    assert!((free.room(NOW) - 1.0).abs() < f32::EPSILON);
    assert_eq!(free.day_counts(NOW), None);
}

#[test]
fn two_hundred_at_once_let_exactly_fifty_out() {
    let shared = Mutex::new(windows(&per_minute(50)));
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|thread| {
                let shared = &shared;
                // The clocks of threads are read in another order than the lock is taken.
                let now = Moment(NOW.0 + 7 * (thread % 5));
                scope.spawn(move || (0..10).filter(|_| shared.lock().unwrap().reserve(now, 100).is_ok()).count())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 50);
}

#[test]
fn the_window_slides_and_is_never_early() {
    let mut windows = windows(&per_minute(3));
    for at in [0, 10_000, 20_000] {
        drop(windows.reserve(NOW.after_ms(at), 0).unwrap());
    }
    // The first came half a second into its slot: it leaves with the end of that slot, sixty slots later.
    let again = NOW.after_ms(60_500);
    assert_eq!(windows.reserve(NOW.after_ms(20_001), 0).unwrap_err(), again);
    assert_eq!(windows.reserve(NOW.after_ms(60_499), 0).unwrap_err(), again);
    drop(windows.reserve(again, 0).unwrap());
    assert_eq!(windows.reserve(again, 0).unwrap_err(), NOW.after_ms(70_500));
}

#[test]
fn a_clock_read_before_the_lock_was_taken_does_no_harm() {
    let mut windows = windows(&per_minute(2));
    drop(windows.reserve(NOW.after_ms(1_000), 0).unwrap());
    let late = windows.reserve(NOW, 0).unwrap();
    assert_eq!(
        windows.reserve(NOW, 0).unwrap_err(),
        NOW.after_ms(61_500),
        "counted where it was put, not where it says"
    );
    windows.give_back(late);
    drop(windows.reserve(NOW, 0).unwrap());
}

#[test]
fn the_hour_holds_when_the_minute_has_room() {
    let mut windows =
        windows(&Limits { requests_per_minute: Some(2), requests_per_hour: Some(5), ..Limits::default() });
    let mut now = NOW;
    for _ in 0..5 {
        drop(windows.reserve(now, 0).unwrap());
        now = now.after_ms(61_000);
    }
    let again = windows.reserve(now, 0).unwrap_err();
    assert!(again >= NOW.after_ms(3_600_000) && again <= NOW.after_ms(3_660_000));
    drop(windows.reserve(again, 0).unwrap());
}

#[test]
fn unsent_requests_leave_no_trace() {
    let mut windows = windows(&Limits {
        requests_per_minute: Some(1),
        requests_per_hour: Some(1),
        requests_per_day: Some(1),
        tokens_per_minute: Some(100),
        tokens_per_day: Some(100),
        ..Limits::default()
    });
    for step in 0..100 {
        let reservation = windows.reserve(NOW.after_ms(step * 400), 100).unwrap();
        assert!(windows.reserve(NOW.after_ms(step * 400), 0).is_err());
        assert!(windows.room(NOW) < f32::EPSILON);
        windows.give_back(reservation);
    }
    assert!((windows.room(NOW) - 1.0).abs() < f32::EPSILON);
    // Of a slot that has left the window, and of a day that is over, nothing comes back twice.
    let old = windows.reserve(NOW, 50).unwrap();
    let tomorrow = MIDNIGHT.after_ms(3_600_000);
    let new = windows.reserve(tomorrow, 50).unwrap();
    windows.give_back(old);
    assert!(windows.reserve(tomorrow, 0).is_err());
    drop(new);
}

#[test]
fn tokens_are_settled_by_what_was_used() {
    let limits = Limits { tokens_per_minute: Some(1_000), ..Limits::default() };
    let mut windows = windows(&limits);
    let reservation = windows.reserve(NOW, 800).unwrap();
    assert!(windows.reserve(NOW, 300).is_err());
    windows.settle(reservation, 100, NOW.after_ms(2_000));
    let reservation = windows.reserve(NOW.after_ms(2_000), 900).unwrap();
    // More than estimated counts from when it is known.
    windows.settle(reservation, 1_100, NOW.after_ms(30_000));
    assert_eq!(windows.ready_at(NOW.after_ms(30_000), 1), Some(NOW.after_ms(62_500)));
    assert_eq!(windows.ready_at(NOW.after_ms(62_500), 800), None);
    assert_eq!(windows.ready_at(NOW.after_ms(62_500), 801), Some(NOW.after_ms(90_500)));
}

#[test]
fn an_estimate_beyond_the_whole_limit_passes_alone() {
    let mut windows =
        windows(&Limits { tokens_per_minute: Some(6_000), tokens_per_day: Some(50_000), ..Limits::default() });
    let large = windows.reserve(NOW, 1_000_000).unwrap();
    assert!(windows.reserve(NOW, 1).is_err());
    // What an upstream claims fills one window, not a year of them.
    windows.settle(large, u64::MAX, NOW);
    let again = windows.ready_at(NOW, 1).unwrap();
    assert_eq!(again, MIDNIGHT);
    drop(windows.reserve(again, 6_000).unwrap());
}

#[test]
fn a_limit_of_zero_admits_nobody_and_does_not_spin() {
    for limits in [
        per_minute(0),
        Limits { tokens_per_minute: Some(0), ..Limits::default() },
        Limits { requests_per_day: Some(0), ..Limits::default() },
    ] {
        let mut windows = windows(&limits);
        let again = windows.reserve(NOW, 0).unwrap_err();
        assert!(again >= NOW.after_ms(60_000));
        assert!(windows.reserve(again, 0).is_err());
    }
}

#[test]
fn two_sets_are_reserved_together_or_not_at_all() {
    let (mut key, mut model) = (windows(&per_minute(10)), windows(&per_minute(1)));
    let (of_key, of_model) = key.reserve_both(&mut model, NOW, 0).unwrap();
    assert_eq!(key.reserve_both(&mut model, NOW, 0).unwrap_err(), NOW.after_ms(60_500));
    assert!((key.room(NOW) - 0.9).abs() < 0.001);
    key.give_back(of_key);
    model.give_back(of_model);
    assert!(key.reserve_both(&mut model, NOW, 0).is_ok());
}

#[test]
fn the_room_is_that_of_the_scarcest_window() {
    let mut windows =
        windows(&Limits { requests_per_minute: Some(10), tokens_per_day: Some(1_000), ..Limits::default() });
    drop(windows.reserve(NOW, 50).unwrap());
    assert!((windows.room(NOW) - 0.9).abs() < 0.001);
    drop(windows.reserve(NOW, 700).unwrap());
    assert!((windows.room(NOW) - 0.25).abs() < 0.001);
}

fn daily() -> Limits {
    Limits { requests_per_day: Some(5), tokens_per_day: Some(1_000), ..Limits::default() }
}

#[test]
fn a_day_ends_when_the_vendor_says_and_not_after_so_many_hours() {
    let mut windows = windows(&daily());
    for _ in 0..5 {
        drop(windows.reserve(NOW, 10).unwrap());
    }
    assert_eq!(windows.reserve(NOW, 0).unwrap_err(), MIDNIGHT);
    for _ in 0..5 {
        drop(windows.reserve(MIDNIGHT, 10).unwrap());
    }
    assert_eq!(windows.reserve(MIDNIGHT, 0).unwrap_err(), MIDNIGHT.after_ms(86_400_000));
}

#[test]
fn yesterdays_requests_are_settled_without_touching_today() {
    let mut windows = windows(&daily());
    let late = windows.reserve(NOW, 300).unwrap();
    drop(windows.reserve(MIDNIGHT, 100).unwrap());
    windows.settle(late, 10, MIDNIGHT.after_ms(5));
    let counts = windows.day_counts(MIDNIGHT).unwrap();
    assert_eq!((counts.requests, counts.tokens), (1, 100));
}

#[test]
fn a_day_outlives_the_process_within_reason() {
    let mut before = windows(&daily());
    drop(before.reserve(NOW, 300).unwrap());
    let counts = before.day_counts(NOW).unwrap();
    assert_eq!(counts, DayUse { requests: 1, tokens: 300, resets_at: MIDNIGHT });
    let mut after = windows(&daily());
    after.restore(counts, NOW.after_ms(1));
    assert_eq!(after.day_counts(NOW.after_ms(1)), Some(counts));
    // Less than is counted already changes nothing.
    drop(after.reserve(NOW, 100).unwrap());
    after.restore(counts, NOW);
    assert_eq!(after.day_counts(NOW).unwrap().tokens, 400);
    // More than the limit is kept, for the limit may be raised again.
    let absurd = DayUse { requests: u64::MAX, tokens: u64::MAX, ..counts };
    after.restore(absurd, NOW);
    assert_eq!(after.day_counts(NOW).unwrap().requests, u64::MAX);
    assert_eq!(after.reserve(NOW, 0).unwrap_err(), MIDNIGHT);
    for resets_at in [Moment(0), NOW, NOW.after_ms(27 * 3_600_000), Moment(u64::MAX)] {
        let mut fresh = windows(&daily());
        fresh.restore(DayUse { resets_at, ..absurd }, NOW);
        assert_eq!(fresh.day_counts(NOW).unwrap().requests, 0, "{resets_at:?}");
    }
    // Where no day is limited it shuts nobody out, and is known until the day is over.
    let mut free = windows(&per_minute(3));
    free.restore(absurd, NOW);
    assert!(free.reserve(NOW, 0).is_ok());
    assert_eq!(free.day_counts(NOW).unwrap().requests, u64::MAX);
    assert_eq!(free.day_counts(MIDNIGHT), None);
}

#[test]
fn what_was_used_of_a_day_outlives_other_limits_and_none() {
    let limited = |requests| Limits { requests_per_day: Some(requests), ..daily() };
    let mut windows = windows(&limited(100));
    (0..50).for_each(|_| drop(windows.reserve(NOW, 1).unwrap()));
    windows.reconfigure(&limited(10), PATIENCE);
    assert_eq!((windows.reserve(NOW, 0).unwrap_err(), windows.left(NOW)[0].1), (MIDNIGHT, 0));
    windows.reconfigure(&limited(100), PATIENCE);
    assert_eq!(windows.day_counts(NOW).unwrap().requests, 50);
    windows.reconfigure(&per_minute(1000), PATIENCE);
    assert_eq!(windows.left(NOW), [("requests_per_minute", 1000)]);
    drop(windows.reserve(NOW, 0).unwrap());
    windows.reconfigure(&limited(100), PATIENCE);
    assert_eq!(windows.day_counts(NOW).unwrap().requests, 51, "what was used without a limit counts too");
    windows.reconfigure(&per_minute(1000), PATIENCE);
    assert_eq!(windows.day_counts(MIDNIGHT), None, "the day is over");
}

#[test]
fn other_limits_keep_what_was_used() {
    let mut windows = windows(&Limits { requests_per_minute: Some(5), ..daily() });
    let out: Vec<_> = (0..4).map(|_| windows.reserve(NOW, 10).unwrap()).collect();
    windows.reconfigure(&Limits { requests_per_minute: Some(3), requests_per_hour: Some(100), ..daily() }, PATIENCE);
    assert_eq!(windows.day_counts(NOW).unwrap().requests, 4);
    assert_eq!(windows.reserve(NOW, 0).unwrap_err(), NOW.after_ms(60_500));
    // What is out was not counted in the new hour, and takes nothing out of it.
    drop(windows.reserve(NOW.after_ms(60_500), 10).unwrap());
    for reservation in out {
        windows.give_back(reservation);
    }
    assert_eq!(windows.hour.as_ref().unwrap().used(), 1);
    windows.reconfigure(&Limits::default(), PATIENCE);
    assert!(windows.reserve(NOW, 0).is_ok());
}

#[test]
fn a_reload_that_changes_no_limit_changes_nothing() {
    let limits = Limits { requests_per_minute: Some(2), ..daily() };
    let mut windows = windows(&limits);
    let out = windows.reserve(NOW, 10).unwrap();
    windows.reconfigure(&limits, PATIENCE);
    windows.give_back(out);
    assert!((windows.room(NOW) - 1.0).abs() < f32::EPSILON);
}
