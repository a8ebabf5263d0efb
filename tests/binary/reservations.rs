//! What was reserved and never sent, or estimated and not used, is free again.

use std::time::Duration;

use upstream::harness::one;
use upstream::*;

use crate::{plan, proxy};

const ONE_A_MINUTE: &str = "limits: { requests_per_minute: 1 }";
const LEFT: (&str, &[(&str, &str)]) = ("ai_proxy_quota_left", &[("window", "requests_per_minute")]);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_before_there_is_a_connection_has_used_nothing() {
    let upstream = never_accepts().await;
    let proxy = proxy(&one(&upstream.base_url(), &format!("{ONE_A_MINUTE}\ntimeouts: {{ connect: 30s }}"))).await;
    let wire = proxy.stream("m").await;
    proxy.metric_is(LEFT.0, LEFT.1, |left| left == 0.0).await;
    let _ = wire.leave();
    proxy.metric_is(LEFT.0, LEFT.1, |left| left == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_during_the_connect_has_used_nothing() {
    let upstream = never_accepts().await;
    let yaml = one(&upstream.base_url(), &format!("{ONE_A_MINUTE}\ntimeouts: {{ connect: 30s }}"));
    let proxy = plan(&(yaml + "server: { request_timeout: 1s }\n")).start().await;
    assert_eq!(proxy.chat("m").await.status, 504);
    proxy.metric_is(LEFT.0, LEFT.1, |left| left == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_after_it_was_sent_has_used_one() {
    let upstream = silent().await;
    let proxy = proxy(&one(&upstream.base_url(), ONE_A_MINUTE)).await;
    let wire = proxy.stream("m").await;
    upstream.request(0).await;
    let _ = wire.leave();
    proxy.idle().await;
    assert_eq!(proxy.metrics().await.sum(LEFT.0, LEFT.1), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_in_flight_closes_the_window_only_until_it_has_ended() {
    let upstream = answers(Reply::chat().after(Duration::from_millis(700))).await;
    let proxy = proxy(&one(&upstream.base_url(), "limits: { tokens_per_minute: 6000 }")).await;
    let body = r#"{"model":"m","max_tokens":10000,"messages":[]}"#;
    let mut first = proxy.open("/v1/chat/completions", body).await;
    upstream.request(0).await;
    assert_eq!(proxy.chat("m").await.status, 429, "all of it is reserved");
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(proxy.chat("m").await.status, 200, "18 tokens of 6000 were used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_megabyte_of_speech_is_not_a_quarter_of_a_million_tokens() {
    let noise = vec![7; 1 << 20];
    let upstream = replay(200, &["content-type: audio/mpeg".to_owned()], &noise).await;
    let proxy = proxy(&one(&upstream.base_url(), "limits: { tokens_per_minute: 6000 }")).await;
    for _ in 0..3 {
        let answer = proxy.post("/v1/audio/speech", r#"{"model":"m","input":"x","voice":"alloy"}"#).await;
        assert_eq!((answer.status, answer.body.len()), (200, noise.len()), "{}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_reported_is_booked_with_the_request() {
    let said = br#"{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}"#;
    let upstream = answers(Reply::json(200, &[], said)).await;
    let proxy = proxy(&one(&upstream.base_url(), "limits: { tokens_per_minute: 100000 }")).await;
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(40_000));
    assert_eq!(proxy.post("/v1/chat/completions", body).await.status, 200);
    let tokens = [("window", "tokens_per_minute")];
    let left = proxy.metric_is(LEFT.0, &tokens, |left| left > 89_000.0 && left < 100_000.0).await;
    assert!((89_700.0..=90_000.0).contains(&left), "{left} are left of 100000 after some 10000");
}
