//! Upstreams that break the connection in every way there is, before an answer or in the middle of one.
//!
//! For the client: a clear error of ours or the next deployment's answer, in bounded time, and nothing about
//! where upstreams live. For the operator: the attempt with its reason, and the breaker that saw it.

use std::time::{Duration, Instant};

use upstream::client::{Answer, Ended};
use upstream::harness::{Proxy, one, two};
use upstream::*;

use crate::{plan, proxy, proxy_without_retries};

const SHORT: &str = "timeouts: { connect: 300ms, first_byte: 400ms, idle: 400ms }";

/// An error of ours that gives nothing away, and is said within a few seconds.
fn is_ours(answer: &Answer, statuses: &[u16], base_url: &str) {
    assert!(statuses.contains(&answer.status), "{} is none of {statuses:?}: {}", answer.status, answer.text());
    let error = &answer.json()["error"];
    assert!(error["message"].is_string() && error["type"] == "server_error", "{error}");
    let host = base_url.trim_start_matches("http://").trim_end_matches("/v1");
    let all = format!("{}{}", String::from_utf8_lossy(&answer.head), answer.text());
    assert!(!all.contains(host), "the client is told where the upstream lives: {all}");
    if answer.status == 503 {
        assert!(answer.header("retry-after").is_some(), "a 503 of ours says when to come again");
    }
}

/// Alone it fails clearly; with a good second deployment the client notices nothing.
async fn alone_and_with_a_second(base_url: &str, statuses: &[u16], what: &str) {
    let proxy = proxy_without_retries(&one(base_url, SHORT)).await;
    let begun = Instant::now();
    is_ours(&proxy.chat("m").await, statuses, base_url);
    assert!(begun.elapsed() < Duration::from_secs(3), "{what}: took {:?}", begun.elapsed());
    let line = proxy.access(0).await;
    assert_eq!(line.outcome(), "refused", "{what}: {}", line.0);
    assert_eq!(line.attempts().len(), 1, "{what}: {}", line.0);
    assert!(!line.attempts()[0].ends_with(":ok"), "{what}: {}", line.0);
    let attempts = proxy.metrics().await.sum("ai_proxy_attempts_total", &[("deployment", "up/canned-model")]);
    assert_eq!(attempts, 1.0, "{what}: attempts counted");
    proxy.idle().await;
    proxy.said_nothing_of(&["confidential prompt"]);
    drop(proxy);

    for stream in [false, true] {
        let good = if stream { answers(Reply::sse(canned::stream(2), Duration::ZERO)).await } else { records().await };
        let proxy: Proxy = crate::proxy(&two(base_url, &good.base_url(), SHORT)).await;
        let answer = if stream { proxy.stream("m").await.answer().await } else { proxy.chat("m").await };
        assert_eq!((answer.status, answer.ended), (200, Ended::Whole), "{what}, stream {stream}: {}", answer.text());
        let whole = if stream { canned::stream(2).concat() } else { canned::chat() };
        assert!(
            answer.text().contains(&*String::from_utf8_lossy(&whole)),
            "{what}, stream {stream}: {}",
            answer.text()
        );
        assert_eq!(answer.header("x-ai-proxy-deployment").as_deref(), Some("second/canned-model"), "{what}");
        let route = answer.header("x-ai-proxy-route").unwrap_or_default();
        assert!(route.contains("first/canned-model:") && route.ends_with("second/canned-model:ok"), "{what}: {route}");
        assert_eq!(good.count(), 1);
        let line = proxy.access(0).await;
        assert_eq!(
            (line.outcome().as_str(), line.text("deployment").as_str()),
            ("answered", "second/canned-model"),
            "{what}"
        );
        assert!(
            proxy.metrics().await.sum("ai_proxy_fallbacks_total", &[]) >= 1.0,
            "{what}: the fallback is not counted"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses() {
    let upstream = refuses();
    alone_and_with_a_second(&upstream.base_url(), &[502, 503], "refuses").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_never_accepts() {
    let upstream = never_accepts().await;
    alone_and_with_a_second(&upstream.base_url(), &[502, 504], "never accepts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_silent() {
    let upstream = silent().await;
    alone_and_with_a_second(&upstream.base_url(), &[504], "silent").await;
    // Given up on is closed: nothing goes on generating.
    for nth in 0..upstream.count() {
        upstream.closed(nth).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_resets() {
    for at in
        [ResetAt::Accept, ResetAt::Request, ResetAt::Head, ResetAt::Body(vec![]), ResetAt::Body(vec![canned::role()])]
    {
        let upstream = resets(at.clone()).await;
        alone_and_with_a_second(&upstream.base_url(), &[502], &format!("resets at {at:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_before_the_first_content() {
    for framing in [Framing::Length, Framing::Chunked] {
        for pieces in [vec![], vec![canned::role()]] {
            let upstream = ends_early(framing, "text/event-stream", pieces.clone()).await;
            let proxy = proxy_without_retries(&one(&upstream.base_url(), SHORT)).await;
            let answer = proxy.stream("m").await.answer().await;
            is_ours(&answer, &[502], &upstream.base_url());
        }
    }
    // The end of the connection is the framing, and no terminal event came.
    let upstream = ends_early(Framing::UntilClose, "text/event-stream", vec![canned::role()]).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), SHORT)).await;
    is_ours(&proxy.stream("m").await.answer().await, &[502], &upstream.base_url());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_json_answer_is_never_taken_for_a_whole_one() {
    let whole = canned::chat();
    for framing in [Framing::Length, Framing::Chunked, Framing::UntilClose] {
        for cut in [1, whole.len() / 2, whole.len() - 1] {
            let upstream = ends_early(framing, "application/json", vec![whole[..cut].to_vec()]).await;
            let proxy = proxy_without_retries(&one(&upstream.base_url(), SHORT)).await;
            let answer = proxy.chat("m").await;
            let told = answer.status >= 500 || !matches!(answer.ended, Ended::Whole);
            assert!(
                told,
                "{framing:?} cut at {cut} of {}: {} {:?} {}",
                whole.len(),
                answer.status,
                answer.ended,
                answer.text()
            );
            let line = proxy.access(0).await;
            assert!(matches!(line.outcome().as_str(), "cut" | "refused"), "{framing:?} cut at {cut}: {}", line.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stalls_before_content_and_after_it() {
    let upstream = stalls_after(vec![b"{\"id\":\"x\",".to_vec()]).await;
    alone_and_with_a_second(&upstream.base_url(), &[504], "stalls before content").await;

    let upstream = stalls_after(vec![canned::role()]).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), SHORT)).await;
    is_ours(&proxy.stream("m").await.answer().await, &[504], &upstream.base_url());

    let upstream = stalls_after(canned::stream(2)[..2].to_vec()).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), SHORT)).await;
    let begun = Instant::now();
    let answer = proxy.stream("m").await.answer().await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(&canned::stream(2)[..2].concat()));
    assert!(answer.text().contains("data: {\"error\":"), "{}", answer.text());
    assert!(!answer.text().contains("[DONE]"), "{}", answer.text());
    assert_eq!(proxy.access(0).await.outcome(), "cut");
    assert_eq!(proxy.metrics().await.sum("ai_proxy_cut_streams_total", &[]), 1.0);
    upstream.closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stalls_in_a_json_answer() {
    let whole = canned::chat();
    let half = whole[..whole.len() / 2].to_vec();
    let length = format!("content-length: {}", whole.len());
    let upstream = Upstream::start(move |mut connection| {
        let (half, length) = (half.clone(), length.clone());
        async move {
            connection.request().await?;
            connection.send(&canned::head(200, &["content-type: application/json", &length])).await?;
            connection.send(&half).await?;
            connection.until_closed().await
        }
    })
    .await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), SHORT)).await;
    let begun = Instant::now();
    let answer = proxy.chat("m").await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(answer.status >= 500 || answer.ended != Ended::Whole, "{} {:?}", answer.status, answer.ended);
    upstream.closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_byte_by_byte_is_a_head() {
    let upstream = byte_by_byte_head(Duration::from_millis(1)).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert_eq!((answer.status, answer.body), (200, canned::chat()));

    // And one that takes for ever is given up on: the limit is on the head, not on the gap between its bytes.
    let upstream = byte_by_byte_head(Duration::from_millis(100)).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), SHORT)).await;
    let begun = Instant::now();
    is_ours(&proxy.chat("m").await, &[504], &upstream.base_url());
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_closes_as_it_is_used_costs_nobody_an_error() {
    for reset in [false, true] {
        let upstream = closes_in_race_window(reset).await;
        let proxy = proxy(&one(&upstream.base_url(), "breaker: { failures: 1000 }")).await;
        for nth in 0..20 {
            let answer = proxy.chat("m").await;
            assert_eq!(
                (answer.status, &answer.body),
                (200, &canned::chat()),
                "request {nth}, reset {reset}: {}",
                answer.text()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unhealthy_deployment_is_left_alone_until_a_canary_comes_back() {
    let mut replies = vec![Reply::json(500, &[], b"{}"); 3];
    replies.push(Reply::chat());
    let upstream = sequence(replies).await;
    let yaml = one(&upstream.base_url(), "breaker: { failures: 3, open: 1s, max_open: 1s }");
    let proxy = plan(&yaml).env("RETRY_MAX_RETRIES", "0").start().await;
    for _ in 0..3 {
        assert!(proxy.chat("m").await.status >= 500);
    }
    let refused = proxy.chat("m").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(upstream.count(), 3, "an open breaker lets nothing out");
    let health = proxy.health().await;
    assert!(health.to_string().contains("open"), "{health}");
    assert_ne!(health["status"], "ok");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    assert_eq!(proxy.health().await["status"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_holds_over_all_attempts() {
    let upstream = silent().await;
    let yaml = one(&upstream.base_url(), "timeouts: { first_byte: 60s }") + "server: { request_timeout: 1s }\n";
    let proxy = proxy(&yaml).await;
    let begun = Instant::now();
    is_ours(&proxy.chat("m").await, &[504], &upstream.base_url());
    assert!((900..2500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    upstream.closed(0).await;
}
