//! What a permit takes comes back, and the router hears of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::testing::provider;

fn deployment(extra: &str) -> Arc<Deployment> {
    provider(extra).deployment("m")
}

fn used(input: u64) -> Usage {
    Usage { input, ..Usage::default() }
}

fn is_ready(deployment: &Deployment) -> bool {
    deployment.is_ready(clock::now())
}

#[test]
fn a_window_that_was_freed_is_open_again() {
    let deployment = deployment("api_key: none\nlimits: { tokens_per_minute: 6000 }");
    let first = Permit::take(&deployment, 10_000, 0).unwrap();
    first.sent().mark();
    assert!(matches!(Permit::take(&deployment, 100, 1), Err(Refusal::Quota(_))));
    assert!(!is_ready(&deployment));
    first.finish(used(10));
    assert!(is_ready(&deployment), "settled by 10 tokens of 6000");
    assert!(Permit::take(&deployment, 100, 2).is_ok());
}

#[test]
fn what_is_given_back_unsent_opens_the_window_too() {
    let deployment = deployment("api_key: none\nlimits: { requests_per_minute: 1 }");
    let first = Permit::take(&deployment, 1, 0).unwrap();
    assert!(matches!(Permit::take(&deployment, 1, 1), Err(Refusal::Quota(_))));
    drop(first);
    assert!(is_ready(&deployment));
    let second = Permit::take(&deployment, 1, 2).unwrap();
    second.sent().mark();
    drop(second);
    assert!(matches!(Permit::take(&deployment, 1, 3), Err(Refusal::Quota(_))), "what was sent stays counted");
}

/// Opens the breaker, and waits until a canary may go.
fn canary(deployment: &Arc<Deployment>) -> Permit {
    let mut first = Permit::take(deployment, 1, 0).unwrap();
    first.failed(Cause::Reset, None);
    drop(first);
    assert!(matches!(Permit::take(deployment, 1, 0), Err(Refusal::Open(_))));
    loop {
        match Permit::take(deployment, 1, 1) {
            Ok(canary) => return canary,
            Err(_) => std::thread::yield_now(),
        }
    }
}

const BREAKER: &str = "breaker: { failures: 1, open: 10ms, max_open: 10ms }";

#[test]
fn a_canary_whose_client_leaves_makes_room_for_the_next() {
    let deployment = deployment(&format!("api_key: none\n{BREAKER}"));
    let canary = canary(&deployment);
    assert!(matches!(Permit::take(&deployment, 1, 1), Err(Refusal::Open(_))), "one at a time");
    assert!(!is_ready(&deployment), "until its lease ends");
    drop(canary);
    assert!(is_ready(&deployment));
    assert!(Permit::take(&deployment, 1, 1).is_ok());
}

#[test]
fn a_canary_that_no_key_would_have_makes_room_too() {
    let deployment = deployment(&format!("api_key: none\nlimits: {{ tokens_per_minute: 100 }}\n{BREAKER}"));
    drop(canary(&deployment));
    let key = &deployment.provider.health.keys[0];
    let held = key.state.lock().windows.reserve(clock::now(), 60).unwrap();
    // Refused by the key, after the breaker had admitted it.
    assert!(matches!(Permit::take(&deployment, 60, 1), Err(Refusal::Quota(_))));
    assert!(deployment.health.ready_at.get() <= clock::now());
    key.state.lock().windows.give_back(held);
}

#[test]
fn usage_that_an_upstream_invents_does_no_harm() {
    let deployment = deployment("api_key: none\nlimits: { tokens_per_minute: 6000 }");
    let permit = Permit::take(&deployment, 10, 0).unwrap();
    permit.sent().mark();
    permit.finish(Usage { input: u64::MAX, output: 5, ..Usage::default() });
    assert!(matches!(Permit::take(&deployment, 1, 0), Err(Refusal::Quota(_))));
}
