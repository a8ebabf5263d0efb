//! What a reload keeps, and what a refused one leaves alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::atomic::Ordering;

use super::*;
use crate::error::{Cause, Refusal};
use crate::testing::{ANYBODY, provider, settings};

const LIMITS: &str = "limits: { requests_per_day: 10 }\nbreaker: { failures: 1, open: 60s, max_open: 60s }";

fn keys(names: &str, limits: &str) -> String {
    format!("api_keys: [{names}]\n{limits}")
}

/// Requests that the nth key may still make today.
fn left(provider: &Provider, nth: usize) -> u64 {
    let left = provider.health.keys[nth].state.lock().windows.left(clock::now());
    left.into_iter().find(|(name, _)| *name == "requests_per_day").unwrap().1
}

fn reloaded(old: &Arc<Provider>, extra: &str) -> Arc<Provider> {
    let provider = Provider::new(settings(extra), Some(old), None).unwrap();
    provider.take_up();
    Arc::new(provider)
}

#[test]
fn what_is_known_survives_a_key_that_comes_and_one_that_goes() {
    let old = provider(&keys("sk-the-first-one-00000", LIMITS));
    let deployment = old.deployment("m");
    let mut running = Permit::take(&deployment, ANYBODY, 1, 0).unwrap();
    running.sent().mark();
    running.failed(Cause::Reset, None);

    let more = reloaded(&old, &keys("sk-the-second-one-0000, sk-the-first-one-00000", LIMITS));
    assert_eq!((left(&more, 0), left(&more, 1)), (10, 9), "each key keeps its own day");
    let again = more.deployment("m");
    assert!(matches!(Permit::take(&again, ANYBODY, 1, 0), Err(Refusal::Open(_))), "the breaker is still open");
    assert_eq!(again.health.in_flight.load(Ordering::Relaxed), 1);
    assert_eq!(more.health.in_flight.load(Ordering::Relaxed), 1);
    drop(running);
    assert_eq!(again.health.in_flight.load(Ordering::Relaxed), 0, "what ends on the old one is told to the new one");
    assert_eq!(more.health.in_flight.load(Ordering::Relaxed), 0);
    assert!(more.health.last_error.lock().is_some());

    let fewer = reloaded(&more, &keys("sk-the-first-one-00000", LIMITS));
    assert_eq!(left(&fewer, 0), 9);
    assert!(matches!(Permit::take(&fewer.deployment("m"), ANYBODY, 1, 0), Err(Refusal::Open(_))));
}

#[test]
fn only_what_is_taken_up_changes_what_serves() {
    let with = |limit: u32| keys("sk-the-first-one-00000", &format!("limits: {{ requests_per_day: {limit} }}"));
    let old = provider(&with(1));
    let permit = Permit::take(&old.deployment("m"), ANYBODY, 1, 0).unwrap();
    permit.sent().mark();
    drop(permit);
    assert!(matches!(Permit::take(&old.deployment("m"), ANYBODY, 1, 0), Err(Refusal::Quota(_))));
    let next = Provider::new(settings(&with(3)), Some(&old), None).unwrap();
    assert_eq!(left(&old, 0), 0, "the configuration may yet be refused");
    next.take_up();
    let next = Arc::new(next);
    assert_eq!(left(&next, 0), 2);
    assert!(next.deployment("m").is_ready(clock::now()), "there is room at once");
}
