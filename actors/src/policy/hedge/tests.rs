#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn starts_empty_and_pays_a_call_for_twenty_requests() {
    let bucket = Bucket::new(0.05);
    assert!(!bucket.take());
    for _ in 0..19 {
        bucket.earn();
    }
    assert!(!bucket.take());
    bucket.earn();
    assert!(bucket.take());
    assert!(!bucket.take());
}

#[test]
fn saves_ten_calls_and_no_more() {
    let bucket = Bucket::new(0.05);
    for _ in 0..100_000 {
        bucket.earn();
    }
    bucket.give_back();
    assert_eq!((0..1_000).filter(|_| bucket.take()).count(), 10);
}

#[test]
fn what_was_not_made_comes_back() {
    let bucket = Bucket::new(1.0);
    bucket.earn();
    assert!(bucket.take());
    bucket.give_back();
    assert!(bucket.take());
    assert!(!bucket.take());
}

#[test]
fn shares_that_make_no_sense_are_none_or_all() {
    for (share, calls) in [(0.0, 0), (-3.0, 0), (f64::NAN, 0), (7.0, 5), (1.0, 5)] {
        let bucket = Bucket::new(share);
        for _ in 0..5 {
            bucket.earn();
        }
        assert_eq!((0..20).filter(|_| bucket.take()).count(), calls, "{share}");
    }
}

#[test]
fn threads_together_never_exceed_the_share() {
    let bucket = Bucket::new(0.05);
    let extra: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..20_000)
                        .filter(|_| {
                            bucket.earn();
                            bucket.take()
                        })
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Nothing was ever lost to the cap: whoever can take, takes.
    assert_eq!(extra, 4_000);
}
