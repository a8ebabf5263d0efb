#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::policy::testing::Dice;

fn candidate() -> Candidate {
    Candidate { available: true, weight: 1, in_flight: 0, latency: None, price: None }
}

fn ordered(strategy: Strategy, candidates: &[Candidate], random: f64, counter: u64) -> Vec<usize> {
    let mut buffer = Order::from_slice(&[7; 3]);
    order(strategy, candidates, random, counter, &mut buffer);
    buffer.to_vec()
}

#[test]
fn priority_keeps_the_order_and_leaves_out_what_is_not_available() {
    let mut candidates = [candidate(); 4];
    candidates[1].available = false;
    assert_eq!(ordered(Strategy::Priority, &candidates, 0.5, 3), [0, 2, 3]);
}

#[test]
fn round_robin_shares_evenly_whoever_is_available() {
    let mut candidates = [candidate(); 4];
    candidates[2].available = false;
    let firsts: Vec<_> = (0..6).map(|turn| ordered(Strategy::RoundRobin, &candidates, 0.0, turn)[0]).collect();
    assert_eq!(firsts, [0, 1, 3, 0, 1, 3]);
    assert_eq!(ordered(Strategy::RoundRobin, &candidates, 0.0, u64::MAX).len(), 3);
    assert_eq!(ordered(Strategy::RoundRobin, &candidates, 0.0, 1), [1, 3, 0]);
}

#[test]
fn least_in_flight_turns_its_ties() {
    let mut candidates = [candidate(); 4];
    for (one, in_flight) in candidates.iter_mut().zip([2, 1, 1, 0]) {
        one.in_flight = in_flight;
    }
    assert_eq!(ordered(Strategy::LeastInFlight, &candidates, 0.0, 0), [3, 1, 2, 0]);
    assert_eq!(ordered(Strategy::LeastInFlight, &candidates, 0.0, 2), [3, 2, 1, 0]);
    let firsts: Vec<_> = (0..4).map(|turn| ordered(Strategy::LeastInFlight, &[candidate(); 4], 0.0, turn)[0]).collect();
    assert_eq!(firsts, [0, 1, 2, 3]);
}

#[test]
fn lowest_latency_sends_one_explorer_to_the_unmeasured() {
    let mut candidates = [candidate(); 4];
    for (one, latency) in candidates.iter_mut().zip([Some(900), Some(300), None, Some(300)]) {
        one.latency = latency;
        one.in_flight = 5;
    }
    candidates[2].in_flight = 0;
    assert_eq!(ordered(Strategy::LowestLatency, &candidates, 0.0, 0), [2, 1, 3, 0]);
    candidates[2].in_flight = 1;
    assert_eq!(ordered(Strategy::LowestLatency, &candidates, 0.0, 0), [1, 3, 0, 2]);
}

#[test]
fn cheapest_takes_no_price_for_no_bargain() {
    let mut candidates = [candidate(); 5];
    for (one, price) in candidates.iter_mut().zip([None, Some(2.0), Some(0.0), Some(f64::NAN), Some(2.0)]) {
        one.price = price;
    }
    assert_eq!(ordered(Strategy::Cheapest, &candidates, 0.0, 0), [2, 1, 4, 0, 3]);
}

#[test]
fn weighted_draws_by_weight_first_and_next() {
    let mut candidates = [candidate(); 3];
    for (one, weight) in candidates.iter_mut().zip([6, 3, 1]) {
        one.weight = weight;
    }
    let mut dice = Dice(11);
    let (mut first, mut second_after_0) = ([0_u32; 3], [0_u32; 3]);
    for _ in 0..100_000 {
        let drawn = ordered(Strategy::Weighted, &candidates, dice.unit(), 0);
        first[drawn[0]] += 1;
        if drawn[0] == 0 {
            second_after_0[drawn[1]] += 1;
        }
    }
    for (count, expected) in first.iter().zip([60_000, 30_000, 10_000]) {
        assert!(count.abs_diff(expected) < 800, "{first:?}");
    }
    // Of those 60,000 three quarters fall to weight 3 and one quarter to weight 1.
    assert!(second_after_0[1].abs_diff(45_000) < 1_000, "{second_after_0:?}");
    assert!(second_after_0[2].abs_diff(15_000) < 1_000, "{second_after_0:?}");
}

#[test]
fn weighted_draws_the_tail_of_a_long_route_evenly_too() {
    let candidates = [candidate(); 12];
    let mut dice = Dice(5);
    let mut last = [0_u32; 12];
    for _ in 0..60_000 {
        last[ordered(Strategy::Weighted, &candidates, dice.unit(), 0)[11]] += 1;
    }
    assert!(last.iter().all(|count| count.abs_diff(5_000) < 400), "{last:?}");
}

#[test]
fn weight_zero_comes_last_and_odd_numbers_break_nothing() {
    let mut candidates = [candidate(); 4];
    candidates[0].weight = 0;
    candidates[2].weight = 0;
    for random in [0.0, 0.5, 0.999_999, 1.0, 2.0, -1.0, f64::NAN, f64::INFINITY] {
        let drawn = ordered(Strategy::Weighted, &candidates, random, 0);
        assert_eq!(drawn[2..], [0, 2], "{random}");
    }
}

#[test]
fn every_available_candidate_once_and_sixteen_without_the_heap() {
    let strategies = [
        Strategy::Priority,
        Strategy::Weighted,
        Strategy::RoundRobin,
        Strategy::LeastInFlight,
        Strategy::LowestLatency,
        Strategy::Cheapest,
    ];
    let mut dice = Dice(21);
    for _ in 0..3_000 {
        let candidates: Vec<_> = (0..dice.below(40))
            .map(|_| Candidate {
                available: dice.below(4) > 0,
                weight: u32::try_from(dice.roll() >> (32 + dice.below(32))).unwrap(),
                in_flight: u32::try_from(dice.below(3)).unwrap(),
                latency: (dice.below(3) > 0).then(|| u32::try_from(dice.below(5)).unwrap()),
                price: (dice.below(3) > 0).then(|| dice.unit()),
            })
            .collect();
        let available: Vec<_> = (0..candidates.len()).filter(|&at| candidates[at].available).collect();
        for strategy in strategies {
            let mut buffer = Order::new();
            order(strategy, &candidates, dice.unit(), dice.roll(), &mut buffer);
            assert_eq!(buffer.spilled(), available.len() > INLINE);
            let mut sorted = buffer.to_vec();
            if strategy == Strategy::LeastInFlight {
                assert!(sorted.is_sorted_by_key(|&at| candidates[at].in_flight));
            }
            sorted.sort_unstable();
            assert_eq!(sorted, available);
        }
    }
}
