//! What a permit takes comes back, and the router hears of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::policy::breaker::Whose;
use crate::testing::{ANYBODY, provider};

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
    let first = Permit::take(&deployment, ANYBODY, 10_000, 0).unwrap();
    first.sent().mark();
    assert!(matches!(Permit::take(&deployment, ANYBODY, 100, 1), Err(Refusal::Quota(_))));
    assert!(!is_ready(&deployment));
    first.finish(used(10));
    assert!(is_ready(&deployment), "settled by 10 tokens of 6000");
    assert!(Permit::take(&deployment, ANYBODY, 100, 2).is_ok());
}

#[test]
fn what_is_given_back_unsent_opens_the_window_too() {
    let deployment = deployment("api_key: none\nlimits: { requests_per_minute: 1 }");
    let first = Permit::take(&deployment, ANYBODY, 1, 0).unwrap();
    assert!(matches!(Permit::take(&deployment, ANYBODY, 1, 1), Err(Refusal::Quota(_))));
    drop(first);
    assert!(is_ready(&deployment));
    let second = Permit::take(&deployment, ANYBODY, 1, 2).unwrap();
    second.sent().mark();
    drop(second);
    assert!(matches!(Permit::take(&deployment, ANYBODY, 1, 3), Err(Refusal::Quota(_))), "what was sent stays counted");
}

/// Opens the breaker, and waits until a canary may go.
fn canary(deployment: &Arc<Deployment>) -> Permit {
    let mut first = Permit::take(deployment, ANYBODY, 1, 0).unwrap();
    first.failed(Cause::Connect, None);
    drop(first);
    assert!(matches!(Permit::take(deployment, ANYBODY, 1, 0), Err(Refusal::Open(_))));
    loop {
        match Permit::take(deployment, ANYBODY, 1, 1) {
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
    assert!(matches!(Permit::take(&deployment, ANYBODY, 1, 1), Err(Refusal::Open(_))), "one at a time");
    assert!(!is_ready(&deployment), "until its lease ends");
    drop(canary);
    assert!(is_ready(&deployment));
    assert!(Permit::take(&deployment, ANYBODY, 1, 1).is_ok());
}

#[test]
fn a_canary_that_no_key_would_have_makes_room_too() {
    let deployment = deployment(&format!("api_key: none\nlimits: {{ tokens_per_minute: 100 }}\n{BREAKER}"));
    drop(canary(&deployment));
    let key = &deployment.provider.health.keys[0];
    let held = key.state.lock().windows.reserve(clock::now(), 60).unwrap();
    // Refused by the key, after the breaker had admitted it.
    assert!(matches!(Permit::take(&deployment, ANYBODY, 60, 1), Err(Refusal::Quota(_))));
    assert!(deployment.health.ready_at.get() <= clock::now());
    key.state.lock().windows.give_back(held);
}

#[test]
fn usage_that_an_upstream_invents_does_no_harm() {
    let deployment = deployment("api_key: none\nlimits: { tokens_per_minute: 6000 }");
    let permit = Permit::take(&deployment, ANYBODY, 10, 0).unwrap();
    permit.sent().mark();
    permit.finish(Usage { input: u64::MAX, output: 5, ..Usage::default() });
    assert!(matches!(Permit::take(&deployment, ANYBODY, 1, 0), Err(Refusal::Quota(_))));
}

#[test]
fn who_gives_up_teaches_what_it_waited() {
    let deployment = deployment("api_key: none");
    let latency = |deployment: &Deployment| deployment.health.latency.estimate(clock::now(), 1).unwrap_or(0);
    let unsent = Permit::take(&deployment, ANYBODY, 1, 0).unwrap();
    drop(unsent);
    assert_eq!(latency(&deployment), 0);
    let waits = |ms: u64| {
        let mut permit = Permit::take(&deployment, ANYBODY, 1, 0).unwrap();
        permit.sent().mark();
        permit.taken = Moment(permit.taken.0 - ms);
        permit
    };
    drop(waits(4_000));
    assert!((4_000_000..5_000_000).contains(&latency(&deployment)), "{}", latency(&deployment));
    drop(waits(100));
    assert!(latency(&deployment) > 3_000_000, "a shorter wait says nothing");
    // What has answered, or failed, is measured by that.
    let mut answered = waits(60_000);
    answered.answered(Duration::from_millis(20));
    drop(answered);
    let mut failed = waits(60_000);
    failed.failed(Cause::Reset, None);
    drop(failed);
    assert!(latency(&deployment) < 5_000_000, "{}", latency(&deployment));
}

#[test]
fn a_key_that_one_request_says_is_bad_is_given_back_once() {
    let deployment = deployment("api_keys: [sk-the-first-one-00000, sk-the-second-one-0000]");
    let keys = &deployment.provider.health.keys;
    let refused = || {
        let mut permit = Permit::take(&deployment, ANYBODY, 1, 0).unwrap();
        permit.failed(Cause::InBand(Fault::Key), None);
        permit.key()
    };
    let now = clock::now();
    let (one, other) = (refused(), refused());
    assert_ne!(one, other);
    assert!(!is_ready(&deployment));
    assert!(!keys[one].acquit(true, 1, now), "a 401 of a key that never worked is believed");
    assert!(keys[one].acquit(false, 1, now) && keys[other].acquit(false, 1, now));
    assert!(is_ready(&deployment));
    let again = refused();
    assert!(!keys[again].acquit(false, 2, now.after_ms(60_000)), "what nothing has worked with since is bad");
    // Once it has worked, the doubt is over.
    let mut works = Permit::take(&deployment, ANYBODY, 1, 0).unwrap();
    works.answered(Duration::ZERO);
    let proven = works.key();
    drop(works);
    let mut permit = Permit::take(&deployment, Asker { barred: 1 << again, ..ANYBODY }, 1, 0).unwrap();
    assert_eq!(permit.key(), proven);
    permit.failed(Cause::InBand(Fault::Key), None);
    drop(permit);
    assert!(keys[proven].acquit(true, 1, now.after_ms(120_000)));
}

#[test]
fn what_one_client_alone_says_of_a_key_holds_for_that_client_alone() {
    let deployment = deployment("api_key: sk-the-only-one-000000");
    let key = &deployment.provider.health.keys[0];
    let doubt = |ago| key.state.lock().doubted = Some((Moment(clock::now().0 - ago), Whose::One(1)));
    let ask = |client| Permit::take(&deployment, Asker { client, ..ANYBODY }, 1, 0);
    let refused = |client| {
        let mut permit = ask(client).unwrap();
        permit.failed(Cause::InBand(Fault::Credit), None);
    };
    doubt(60_000);
    refused(1);
    assert!(key.acquit(false, 1, clock::now()));
    assert!(matches!(ask(1), Err(Refusal::Cooling(_))) && key.is_barred_to(1, clock::now()));
    // Another has met it too.
    refused(2);
    assert!(!key.acquit(false, 2, clock::now()));
    assert!(matches!(ask(3), Err(Refusal::Cooling(_))));
    // Or it works for another.
    key.state.lock().cooldown.acquit();
    let mut works = ask(2).unwrap();
    works.answered(Duration::ZERO);
    drop(works);
    assert!(ask(1).is_ok());
}

#[test]
fn who_is_refused_by_a_key_is_not_given_it_again() {
    let deployment = deployment("api_keys: [sk-the-first-one-00000, sk-the-second-one-0000]");
    for turn in 0..4 {
        let asker = Asker { barred: 0b01, ..ANYBODY };
        assert_eq!(Permit::take(&deployment, asker, 1, turn).unwrap().key(), 1);
    }
}
