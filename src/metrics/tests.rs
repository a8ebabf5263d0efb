#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
//! The families are the process's, shared by all tests: each test uses names of its own and looks at these.

use std::collections::HashSet;
use std::time::Duration;

use dialects::{Endpoint, Usage};

use super::families::{Bound, Families};
use super::*;
use crate::record::Attempt;

fn record(model: &str) -> Record {
    Record {
        request_id: "r".into(),
        client: None,
        address: None,
        endpoint: Some(Endpoint::Chat),
        method: "POST",
        path: "/v1/chat/completions".into(),
        model: Some(model.into()),
        listed: true,
        deployment: None,
        attempts: Vec::new(),
        reason: None,
        asked: None,
        why: None,
        status: 200,
        outcome: Outcome::Answered,
        stream: false,
        bytes_in: 0,
        bytes_out: 0,
        usage: None,
        first_byte: Some(Duration::from_millis(40)),
        total: Duration::from_millis(300),
        overhead: Duration::from_micros(60),
    }
}

/// The value of one series.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).map(|value| value.parse().unwrap())
}

fn attempt(deployment: &str, outcome: &'static str) -> Attempt {
    Attempt { deployment: deployment.into(), outcome, why: None }
}

#[test]
fn a_request_is_counted_in_every_family() {
    let attempts = vec![attempt("a/t1", "429"), attempt("a/t1", "503"), attempt("b/t1", "ok")];
    let usage = Usage { input: 10, output: 5, cached_input: 3, cache_write: 2, reasoning: 1, estimated: false };
    let full = Record { attempts, deployment: Some("b/t1".into()), usage: Some(usage), ..record("t1") };
    for _ in 0..3 {
        observe(&full);
    }
    let text = render(&[]);
    for (series, expected) in [
        ("ai_proxy_requests_total{endpoint=\"chat\",model=\"t1\",status=\"200\"}", 3.0),
        ("ai_proxy_request_duration_seconds_count{endpoint=\"chat\",model=\"t1\"}", 3.0),
        ("ai_proxy_request_duration_seconds_bucket{endpoint=\"chat\",model=\"t1\",le=\"0.25\"}", 0.0),
        ("ai_proxy_request_duration_seconds_bucket{endpoint=\"chat\",model=\"t1\",le=\"0.5\"}", 3.0),
        ("ai_proxy_request_duration_seconds_bucket{endpoint=\"chat\",model=\"t1\",le=\"600\"}", 3.0),
        ("ai_proxy_time_to_first_byte_seconds_bucket{endpoint=\"chat\",model=\"t1\",le=\"0.05\"}", 3.0),
        ("ai_proxy_attempts_total{deployment=\"a/t1\",outcome=\"429\"}", 3.0),
        ("ai_proxy_attempts_total{deployment=\"b/t1\",outcome=\"ok\"}", 3.0),
        ("ai_proxy_fallbacks_total{model=\"t1\"}", 3.0),
        ("ai_proxy_tokens_total{deployment=\"b/t1\",kind=\"input\",model=\"t1\"}", 30.0),
        ("ai_proxy_tokens_total{deployment=\"b/t1\",kind=\"cached_input\",model=\"t1\"}", 9.0),
        ("ai_proxy_tokens_total{deployment=\"b/t1\",kind=\"estimated_input\",model=\"t1\"}", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    }
}

#[test]
fn guessed_tokens_are_not_mixed_with_reported_ones() {
    let usage = Some(Usage { input: 10, output: 5, estimated: true, ..Usage::default() });
    observe(&Record { deployment: Some("b/t2".into()), usage, ..record("t2") });
    let text = render(&[]);
    let of = |kind: &str| {
        value(&text, &format!("ai_proxy_tokens_total{{deployment=\"b/t2\",kind=\"{kind}\",model=\"t2\"}}"))
    };
    assert_eq!((of("input"), of("estimated_input"), of("estimated_output")), (Some(0.0), Some(10.0), Some(5.0)));
}

#[test]
fn each_way_to_end_is_counted() {
    let before = render(&[]);
    observe(&Record { outcome: Outcome::Cut, ..record("t3") });
    observe(&Record { outcome: Outcome::ClientGone, status: 499, ..record("t3") });
    reloaded(true);
    reloaded(false);
    let after = render(&[]);
    for series in [
        "ai_proxy_cut_streams_total",
        "ai_proxy_client_cancels_total",
        "ai_proxy_reloads_total{result=\"ok\"}",
        "ai_proxy_reloads_total{result=\"refused\"}",
    ] {
        assert_eq!(value(&after, series).unwrap(), value(&before, series).unwrap() + 1.0, "{series}");
    }
    let gone = "ai_proxy_requests_total{endpoint=\"chat\",model=\"t3\",status=\"499\"}";
    assert_eq!(value(&after, gone), Some(1.0));
}

#[test]
fn in_flight_ends_with_the_guard() {
    let (one, two) = (enter(), enter());
    assert!(in_flight() >= 2);
    drop(one);
    drop(two);
    assert_eq!(in_flight(), 0);
}

#[test]
fn hostile_traffic_cannot_grow_it() {
    let families = Families::new();
    let deployments: HashSet<String> = (0..5000).map(|n| format!("h/{n}")).collect();
    for deployment in &deployments {
        for status in [200, 418, 599, 999, 0] {
            let bad = Record {
                status,
                attempts: vec![attempt(deployment, "ok")],
                deployment: Some(deployment.as_str().into()),
                usage: Some(Usage { input: 1, ..Usage::default() }),
                ..record(deployment)
            };
            cache::with(&families, |cache| {
                cache.request(&bad).requests.inc();
                cache.attempt(&bad.attempts[0].deployment, "ok").inc();
                cache.tokens(deployment, deployment).add(bad.usage.as_ref().unwrap());
            });
        }
    }
    let text = prometheus::TextEncoder::new().encode_to_string(&families.registry.gather()).unwrap();
    assert!(text.lines().count() < 40_000, "{} lines", text.lines().count());
    let counted: f64 = text
        .lines()
        .filter(|line| line.starts_with("ai_proxy_requests_total{"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum();
    assert_eq!(counted, 25_000.0, "nothing is lost, only its name");
    assert!(text.contains("model=\"other\""));
}

#[test]
fn names_that_no_table_lists_become_no_labels() {
    let usage = Some(Usage { input: 1, ..Usage::default() });
    let made_up = |name: &str| Record {
        listed: false,
        attempts: vec![attempt(name, "ok")],
        deployment: Some(name.into()),
        usage,
        ..record(name)
    };
    for nth in 0..3000 {
        observe(&made_up(&format!("made/up-{nth}")));
    }
    let attempts = vec![attempt("a/t5", "ok")];
    observe(&Record { attempts, deployment: Some("a/t5".into()), usage, ..record("t5") });
    let text = render(&[]);
    assert!(!text.contains("made/up"), "a client's names are labels");
    for series in [
        "ai_proxy_requests_total{endpoint=\"chat\",model=\"t5\",status=\"200\"}",
        "ai_proxy_attempts_total{deployment=\"a/t5\",outcome=\"ok\"}",
        "ai_proxy_tokens_total{deployment=\"a/t5\",kind=\"input\",model=\"t5\"}",
    ] {
        assert_eq!(value(&text, series), Some(1.0), "{series}");
    }
    assert!(value(&text, "ai_proxy_attempts_total{deployment=\"other\",outcome=\"ok\"}").unwrap() >= 3000.0);
}

#[test]
fn a_bound_admits_what_it_knows() {
    let bound = Bound::new(2);
    assert!(bound.admits("a") && bound.admits("b"));
    assert!(!bound.admits("c"));
    assert!(bound.admits("a"));
}

#[test]
fn states_are_shown_as_they_stand() {
    let text = render(&[ProviderGauges {
        provider: "gr\"oq".into(),
        in_flight: 3,
        keys: vec![KeyGauges {
            fingerprint: 0xab,
            cooldown: Duration::from_millis(1500),
            quota_left: vec![("requests_per_minute", 29)],
        }],
        unlisted_in_flight: Some(4),
        deployments: vec![DeploymentGauges {
            deployment: "groq/llama".into(),
            keys: Vec::new(),
            breaker: BreakerState::Open,
            in_flight: 1,
            cooldown: Duration::ZERO,
        }],
    }]);
    for (series, expected) in [
        ("ai_proxy_provider_in_flight{provider=\"gr\\\"oq\"}", 3.0),
        ("ai_proxy_key_cooldown_seconds{provider=\"gr\\\"oq\",key=\"00000000000000ab\"}", 1.5),
        ("ai_proxy_quota_left{provider=\"gr\\\"oq\",key=\"00000000000000ab\",window=\"requests_per_minute\"}", 29.0),
        ("ai_proxy_breaker_state{deployment=\"groq/llama\"}", 2.0),
        ("ai_proxy_deployment_in_flight{deployment=\"groq/llama\"}", 1.0),
        ("ai_proxy_deployment_in_flight{deployment=\"other\"}", 4.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}");
    }
}

#[test]
fn every_line_is_a_comment_or_a_series() {
    observe(&record("t4"));
    let text = render(&[]);
    let mut named = HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(named.insert(rest.split(' ').next().unwrap().to_owned()), "{line} stands twice");
        } else if !line.starts_with("# HELP ") {
            let (series, number) = line.rsplit_once(' ').unwrap();
            assert!(series.starts_with("ai_proxy_") || series.starts_with("process_"), "{line}");
            number.parse::<f64>().expect(line);
        }
    }
    let rss = value(&text, "process_resident_memory_bytes").unwrap();
    assert!(rss > 1e5 && value(&text, "process_open_fds").unwrap() > 2.0);
    let started = value(&text, "process_start_time_seconds").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - started).abs() < 3600.0, "{started} {now}");
}
