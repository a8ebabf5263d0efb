//! Random interleavings against a plain record of what happened.

use super::*;
use crate::policy::testing::Dice;

type Limit = fn(&Limits) -> Option<u64>;

/// Milliseconds, and the limit of requests within them.
const WINDOWS: [(u64, Limit); 2] = [
    (60_000, |limits| limits.requests_per_minute.map(u64::from)),
    (3_600_000, |limits| limits.requests_per_hour.map(u64::from)),
];

/// What a careful bookkeeper would have written: when, how many tokens, or None when it was given back.
#[derive(Default)]
struct Book(Vec<(Moment, Option<u64>)>);

impl Book {
    fn within(&self, now: Moment, window: u64) -> impl Iterator<Item = u64> {
        self.0.iter().filter(move |(at, _)| at.0 + window > now.0).filter_map(|(_, tokens)| *tokens)
    }
}

fn limits(dice: &mut Dice) -> Limits {
    let mut some = |most: u64| (dice.below(4) > 0).then(|| 1 + dice.below(most));
    let small = |value: Option<u64>| value.map(|value| u32::try_from(value).unwrap());
    Limits {
        requests_per_minute: small(some(20)),
        requests_per_hour: small(some(200)),
        requests_per_day: small(some(2_000)),
        tokens_per_minute: some(5_000),
        tokens_per_day: some(300_000),
        ..Limits::default()
    }
}

#[test]
fn no_interleaving_overruns_any_sliding_window() {
    for seed in 0..150 {
        let mut dice = Dice(seed);
        let limits = limits(&mut dice);
        let mut windows = windows(&limits);
        let mut now = NOW;
        let (mut book, mut extra) = (Book::default(), Book::default());
        let mut out: Vec<(Reservation, usize)> = Vec::new();
        for _ in 0..1_500 {
            now = now.after_ms(dice.below(2_500) * dice.below(4));
            match dice.below(5) {
                0..=2 => {
                    let tokens = dice.below(1_500);
                    let before = windows.ready_at(now, tokens);
                    match windows.reserve(now, tokens) {
                        Ok(reservation) => {
                            assert_eq!(before, None);
                            let counted = tokens.min(limits.tokens_per_minute.unwrap_or(u64::MAX));
                            book.0.push((now, Some(counted)));
                            out.push((reservation, book.0.len() - 1));
                            check(&book, &extra, &limits, now, counted, seed);
                        }
                        Err(again) => {
                            assert_eq!(before, Some(again));
                            assert!(again > now, "seed {seed}");
                            assert!(again <= now.after_ms(86_400_000));
                            if dice.below(2) == 0 {
                                // Nobody else took it: it is there.
                                now = again;
                                let reservation = windows.reserve(now, tokens).unwrap();
                                windows.give_back(reservation);
                            }
                        }
                    }
                }
                _ if out.is_empty() => {}
                3 => {
                    let place = usize::try_from(dice.below(out.len() as u64)).unwrap();
                    let (reservation, line) = out.swap_remove(place);
                    windows.give_back(reservation);
                    book.0[line].1 = None;
                }
                _ => {
                    let place = usize::try_from(dice.below(out.len() as u64)).unwrap();
                    let (reservation, line) = out.swap_remove(place);
                    let used = dice.below(2_000);
                    // Another thread, which read its clock earlier than the last one that was here.
                    let late = Moment(now.0 - dice.below(20));
                    windows.settle(reservation, used, late);
                    let reserved = book.0[line].1.unwrap();
                    book.0[line].1 = Some(used.min(reserved));
                    extra.0.push((late, Some(used.saturating_sub(reserved))));
                }
            }
            let room = windows.room(now);
            assert!((0.0..=1.0).contains(&room));
        }
    }
}

fn check(book: &Book, extra: &Book, limits: &Limits, now: Moment, counted: u64, seed: u64) {
    for (window, limit) in WINDOWS {
        if let Some(limit) = limit(limits) {
            let count = book.within(now, window).count() as u64;
            assert!(count <= limit, "seed {seed}: {count} of {limit} in {window} ms");
        }
    }
    if let (Some(limit), 1..) = (limits.tokens_per_minute, counted) {
        // More than a limit at once counts as one limit.
        let more: u64 = extra.within(now, 60_000).map(|tokens| tokens.min(limit)).sum();
        let tokens = book.within(now, 60_000).sum::<u64>() + more;
        assert!(tokens <= limit, "seed {seed}: {tokens} of {limit} tokens");
    }
    if let Some(limit) = limits.requests_per_day.map(u64::from) {
        let today = now.0 / 86_400_000;
        let count = book.0.iter().filter(|(at, tokens)| at.0 / 86_400_000 == today && tokens.is_some()).count();
        assert!(count as u64 <= limit, "seed {seed}");
    }
}

#[test]
fn whatever_headers_say_nobody_waits_longer_than_the_patience() {
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let mut windows = windows(&Limits::default());
        let mut now = NOW;
        let mut out = Vec::new();
        for _ in 0..400 {
            now = now.after_ms(dice.below(9_000));
            match windows.reserve(now, dice.below(3_000)) {
                Ok(reservation) => out.push(reservation),
                Err(again) => {
                    assert!(again > now && again <= now.after(PATIENCE), "seed {seed}");
                }
            }
            if dice.below(2) == 0 && !out.is_empty() {
                let place = usize::try_from(dice.below(out.len() as u64)).unwrap();
                let reservation = out.swap_remove(place);
                let mut word = || Learned {
                    limit: (dice.below(3) > 0).then(|| dice.roll() >> dice.below(64)),
                    remaining: (dice.below(3) > 0).then(|| dice.below(3)),
                    reset_in_ms: (dice.below(3) > 0).then(|| dice.roll() >> dice.below(64)),
                };
                let (requests, tokens) = (word(), word());
                windows.learn(&reservation, requests, tokens, now);
                match dice.below(3) {
                    0 => windows.give_back(reservation),
                    1 => windows.settle(reservation, dice.below(9_000), now),
                    _ => out.push(reservation),
                }
            }
        }
        // Then everything goes through again, sooner or later.
        assert!(windows.reserve(now.after_ms(27 * 3_600_000), 0).is_ok());
    }
}
