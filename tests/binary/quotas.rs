//! Limits are kept to the request, under any concurrency and over a restart.

use std::time::Duration;

use upstream::client::Ask;
use upstream::harness::{Plan, Proxy, TOKEN, chat_body, one};
use upstream::*;

use crate::{plan, proxy};

/// Asks `n` times at once, and counts what came back by status.
async fn at_once(proxy: &Proxy, n: usize) -> std::collections::BTreeMap<u16, usize> {
    let port = proxy.port;
    let asking: Vec<_> = (0..n)
        .map(|_| {
            tokio::spawn(
                async move { Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).send(port).await },
            )
        })
        .collect();
    let mut counts = std::collections::BTreeMap::new();
    for ask in asking {
        let answer = ask.await.unwrap();
        if answer.status != 200 {
            let after =
                answer.header("retry-after").unwrap_or_else(|| panic!("a {} without retry-after", answer.status));
            assert!(after.parse::<u64>().is_ok(), "retry-after: {after}");
            assert!(answer.json()["error"]["message"].is_string());
        }
        *counts.entry(answer.status).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_against_fifty_a_minute() {
    let upstream = answers(Reply::chat().after(Duration::from_millis(20))).await;
    let proxy = proxy(&one(&upstream.base_url(), "limits: { requests_per_minute: 50 }")).await;
    let counts = at_once(&proxy, 200).await;
    assert_eq!(upstream.count(), 50, "{counts:?}");
    assert_eq!((counts[&200], counts[&429]), (50, 150), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_has_its_own() {
    let upstream = records().await;
    let extra = "api_keys: [sk-key-number-one-000, sk-key-number-two-000, sk-key-number-three-0]\nlimits: { requests_per_minute: 10 }";
    let proxy = proxy(&one(&upstream.base_url(), extra)).await;
    let counts = at_once(&proxy, 60).await;
    assert_eq!((counts[&200], counts[&429]), (30, 30), "{counts:?}");
    for key in ["one", "two", "three"] {
        let used = upstream.requests().iter().filter(|r| r.header("authorization")[0].contains(key)).count();
        assert_eq!(used, 10, "key {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_models_limit_stands_beside_its_keys() {
    let upstream = records().await;
    let extra = "limits: { requests_per_minute: 100 }\nmodels: { canned-model: { limits: { requests_per_minute: 4 } }, other: {} }";
    let proxy = proxy(&one(&upstream.base_url(), extra)).await;
    let counts = at_once(&proxy, 10).await;
    assert_eq!((counts[&200], counts[&429]), (4, 6), "{counts:?}");
    assert_eq!(proxy.chat("up/other").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_reserved_by_estimate_and_settled_by_usage() {
    let upstream = records().await;
    // The canned answer reports 18 tokens; the estimate of a small request is more, as it must allow for its answer.
    let proxy = proxy(&one(&upstream.base_url(), "limits: { tokens_per_minute: 400 }")).await;
    let mut served = 0;
    for _ in 0..40 {
        let body = r#"{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
        if proxy.post("/v1/chat/completions", body).await.status == 200 {
            served += 1;
        }
    }
    // 400 / 18 is 22: never more, and not so few that the estimates were kept.
    assert!((16..=22).contains(&served), "{served} of 40 were served with 400 tokens at 18 each");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reserved_and_not_sent_is_given_back() {
    let upstream = refuses();
    let extra = "limits: { requests_per_minute: 5 }\nbreaker: { failures: 10000 }";
    let proxy = plan(&one(&upstream.base_url(), extra)).env("RETRY_MAX_RETRIES", "0").start().await;
    for _ in 0..12 {
        let status = proxy.chat("m").await.status;
        assert!(matches!(status, 502 | 503), "{status}");
    }
    let _upstream = Upstream::start_on(upstream.listens(), |mut connection| async move {
        while connection.request().await?.is_some() {
            connection.send(&canned::json(200, &[], &canned::chat())).await?;
        }
        Ok(())
    });
    let counts = at_once(&proxy, 20).await;
    assert_eq!(counts.get(&200), Some(&5), "connects that failed used up the quota: {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_says_is_learned() {
    let headers =
        ["x-ratelimit-limit-requests: 100", "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 20s"];
    let upstream = answers(Reply::json(200, &headers, &canned::chat())).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    let refused = proxy.chat("m").await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((15..=21).contains(&after), "{after}");
    assert_eq!(upstream.count(), 1);
    // Nonsense is no news.
    let headers = [
        "x-ratelimit-remaining-requests: -3",
        "x-ratelimit-reset-requests: tomorrow",
        "x-ratelimit-limit-requests: many",
    ];
    let upstream = answers(Reply::json(200, &headers, &canned::chat())).await;
    let proxy = crate::proxy(&one(&upstream.base_url(), "")).await;
    for _ in 0..3 {
        assert_eq!(proxy.chat("m").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_flight_is_bounded_and_full_means_now() {
    let upstream = answers(Reply::chat().after(Duration::from_millis(600))).await;
    let proxy = plan(&one(&upstream.base_url(), "max_in_flight: 3")).env("RETRY_MAX_RETRIES", "0").start().await;
    let counts = at_once(&proxy, 10).await;
    assert_eq!(counts.get(&200), Some(&3), "{counts:?}");
    assert_eq!(counts.keys().filter(|s| **s != 200).copied().collect::<Vec<_>>().len(), 1, "{counts:?}");
    assert!(counts.keys().all(|s| matches!(s, 200 | 429 | 503)), "{counts:?}");
    assert_eq!(proxy.chat("m").await.status, 200, "the places came back");

    let yaml = one(&upstream.base_url(), "") + "server: { max_in_flight: 2 }\n";
    let proxy = crate::proxy(&yaml).await;
    let counts = at_once(&proxy, 6).await;
    assert_eq!((counts.get(&200), counts.get(&503)), (Some(&2), Some(&4)), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_holds_its_place_until_its_end() {
    let upstream = stalls_after(canned::stream(2)[..3].to_vec()).await;
    let proxy = proxy(&one(&upstream.base_url(), "max_in_flight: 1")).await;
    let mut wire = proxy.stream("m").await;
    wire.head().await;
    wire.until(b"word1").await;
    assert!(matches!(proxy.chat("m").await.status, 429 | 503));
    let _ = wire.leave();
    upstream.closed(0).await;
    let mut wire = proxy.stream("m").await;
    assert_eq!(wire.head().await.0, 200);
}

fn with_state(upstream: &Upstream, state: &std::path::Path) -> Plan {
    plan(&one(&upstream.base_url(), "limits: { requests_per_day: 5 }")).env("STATE_DIR", &state.display().to_string())
}

/// A file that is half written when it is read lacks the provider, or its limit, for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_days_quota_survives_its_absence() {
    let state = std::env::temp_dir().join(format!("ai-proxy-state-absent-{}", std::process::id()));
    let upstream = records().await;
    let whole = one(&upstream.base_url(), "limits: { requests_per_day: 5 }");
    let other = harness::provider("other", &upstream.base_url(), "");
    let without = format!("providers:\n{other}models:\n  m: {{ targets: [other/canned-model] }}\n");
    let mut first = with_state(&upstream, &state).start().await;
    for _ in 0..3 {
        assert_eq!(first.chat("m").await.status, 200);
    }
    let unlimited = one(&upstream.base_url(), "");
    for (nth, yaml) in [&without, &whole, &unlimited, &whole, &without].into_iter().enumerate() {
        first.rewrite(yaml);
        first.hangup();
        first.metric_is("ai_proxy_reloads_total", &[("result", "ok")], |n| n > nth as f64).await;
        if *yaml == whole {
            assert_eq!(first.health().await["providers"][0]["keys"][0]["quota_left"][0][1], 2, "{nth}");
        }
    }
    first.terminate();
    assert!(first.ended(Duration::from_secs(10)).await.success());

    let second = plan(&without).env("STATE_DIR", &state.display().to_string()).start().await;
    second.rewrite(&whole);
    second.hangup();
    second.metric_is("ai_proxy_reloads_total", &[("result", "ok")], |n| n >= 1.0).await;
    let counts = at_once(&second, 6).await;
    assert_eq!((counts[&200], counts[&429]), (2, 4), "{counts:?}");
    drop(second);
    std::fs::remove_dir_all(&state).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_days_quota_survives_a_restart() {
    use std::os::unix::fs::PermissionsExt as _;
    let state = std::env::temp_dir().join(format!("ai-proxy-state-{}", std::process::id()));
    std::fs::create_dir_all(&state).unwrap();
    let upstream = records().await;
    let mut first = with_state(&upstream, &state).start().await;
    for _ in 0..3 {
        assert_eq!(first.chat("m").await.status, 200);
    }
    first.terminate();
    assert!(first.ended(Duration::from_secs(10)).await.success());
    let files: Vec<_> = std::fs::read_dir(&state).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(!files.is_empty(), "no state was written");
    for file in &files {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert!(!text.contains(harness::KEY), "the key stands in {}", file.display());
    }

    let second = with_state(&upstream, &state).start().await;
    let counts = at_once(&second, 6).await;
    assert_eq!((counts[&200], counts[&429]), (2, 4), "{counts:?}");
    assert_eq!(upstream.count(), 5);
    drop(second);

    // Broken, it is a warning and no more.
    for file in std::fs::read_dir(&state).unwrap() {
        std::fs::write(file.unwrap().path(), b"{\"half").unwrap();
    }
    let third = with_state(&upstream, &state).start().await;
    assert_eq!(third.chat("m").await.status, 200);
    third.log_line("the broken state", |l| l.contains("\"WARN\"")).await;
    drop(third);
    // A folder that is not there or may not be written: the same.
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::write(&state, b"a file where the folder should be").unwrap();
    let fourth = with_state(&upstream, &state).start().await;
    assert_eq!(fourth.chat("m").await.status, 200);
    fourth.log_line("the folder that is none", |l| l.contains("\"WARN\"")).await;
    std::fs::remove_file(&state).unwrap();
}
