//! The client goes away: the upstream is let go at once, and nothing of the request stays behind.

use std::time::Duration;

use upstream::client::{Ask, Wire};
use upstream::harness::{Proxy, TOKEN, chat_body, one};
use upstream::*;

use crate::proxy;

const TIMES: usize = 100;
/// What the 95th of a hundred may take from the client's close to the upstream seeing it.
const AT_MOST: Duration = Duration::from_millis(50);

/// Descriptors once every worker has served: what a worker opens lazily is no leak.
async fn warm(proxy: &Proxy) -> usize {
    for _ in 0..50 {
        assert_eq!(proxy.get("/v1/models").await.status, 200);
    }
    proxy.fds()
}

/// Judges how long each took, and that nothing stayed.
async fn judge(what: &str, proxy: &Proxy, upstream: &Upstream, mut took: Vec<Duration>, descriptors: usize) {
    took.sort();
    let p95 = took[took.len() * 95 / 100 - 1];
    println!(
        "{what}: upstream closed after p50 {:?}, p95 {p95:?}, worst {:?}",
        took[took.len() / 2],
        took[took.len() - 1]
    );
    assert!(p95 <= AT_MOST, "{what}: the upstream was held for {p95:?} at the 95th percentile");
    assert_eq!(upstream.open(), 0, "{what}: upstream connections stay open");
    proxy.metric_is("ai_proxy_client_cancels_total", &[], |n| n == took.len() as f64).await;
    proxy.idle().await;
    for nth in 0..took.len() {
        let line = proxy.access(nth).await;
        assert_eq!(line.outcome(), "client_gone", "{what}: {}", line.0);
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while proxy.fds() > descriptors + 4 {
        assert!(std::time::Instant::now() < deadline, "{what}: {} descriptors, {descriptors} before", proxy.fds());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(proxy.health().await["status"], "ok", "{what}: the client's leaving counts against nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_head() {
    let upstream = silent().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let descriptors = warm(&proxy).await;
    let mut took = Vec::new();
    for nth in 0..TIMES {
        let stream = nth % 2 == 0;
        let wire = proxy.open("/v1/chat/completions", chat_body("m", stream)).await;
        upstream.request(nth).await;
        let left = wire.leave();
        took.push(upstream.closed(nth).await.saturating_duration_since(left));
    }
    assert_eq!(proxy.access(0).await.status(), 499);
    judge("before the head", &proxy, &upstream, took, descriptors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_stream() {
    let upstream = stalls_after(canned::stream(2)[..3].to_vec()).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let descriptors = warm(&proxy).await;
    let mut took = Vec::new();
    for nth in 0..TIMES {
        let mut wire = proxy.stream("m").await;
        wire.head().await;
        wire.until(b"word1").await;
        let left = wire.leave();
        took.push(upstream.closed(nth).await.saturating_duration_since(left));
    }
    judge("in mid-stream", &proxy, &upstream, took, descriptors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_busy_stream() {
    let upstream = answers(Reply::sse(canned::stream(100_000), Duration::from_millis(1))).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let descriptors = warm(&proxy).await;
    let mut took = Vec::new();
    for nth in 0..20 {
        let mut wire = proxy.stream("m").await;
        wire.head().await;
        wire.until(b"word5").await;
        let left = wire.leave();
        took.push(upstream.closed(nth).await.saturating_duration_since(left));
    }
    judge("in a busy stream", &proxy, &upstream, took, descriptors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_attempt_waits_for_a_second() {
    let upstream = status(500, &[], b"{}").await;
    let yaml = one(&upstream.base_url(), "breaker: { failures: 1000 }")
        + "retry: { max_retries: 10, base_delay: 30s, max_delay: 30s }\n";
    let proxy = crate::plan(&yaml).env("RETRY_BASE_DELAY", "").start().await;
    let wire = proxy.open("/v1/chat/completions", chat_body("m", false)).await;
    upstream.request(0).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _ = wire.leave();
    assert_eq!(proxy.access(0).await.outcome(), "client_gone");
    assert_eq!(upstream.count(), 1);
    proxy.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_body_is_still_coming() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let descriptors = warm(&proxy).await;
    for _ in 0..20 {
        let mut wire = Wire::connect(proxy.port).await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{{\"model\":\"m\""
        );
        wire.write(head.as_bytes()).await.unwrap();
        let _ = wire.leave();
    }
    proxy.idle().await;
    assert_eq!(upstream.count(), 0, "half a request went out");
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while proxy.fds() > descriptors + 2 {
        assert!(std::time::Instant::now() < deadline, "{} descriptors, {descriptors} before", proxy.fds());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What is sent ahead of its turn stays in the socket, and the end behind it is seen all the same.
#[tokio::test(flavor = "multi_thread")]
async fn with_more_sent_ahead_than_is_read() {
    let upstream = silent().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let ask = Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).bytes();
    let mut wire = Wire::connect(proxy.port).await;
    wire.write(&ask).await.unwrap();
    upstream.request(0).await;
    wire.write(&ask.repeat(60_000 / ask.len())).await.unwrap();
    let left = wire.leave();
    let took = upstream.closed(0).await.saturating_duration_since(left);
    assert!(took < Duration::from_secs(2), "the upstream was held for {took:?}");
    assert_eq!(proxy.access(0).await.outcome(), "client_gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_close_counts_as_gone() {
    let upstream = silent().await;
    let streaming = stalls_after(canned::stream(2)[..3].to_vec()).await;
    let first = proxy(&one(&upstream.base_url(), "")).await;
    let mut wire = first.open("/v1/chat/completions", chat_body("m", false)).await;
    upstream.request(0).await;
    wire.shut().await;
    upstream.closed(0).await;
    assert_eq!(first.access(0).await.outcome(), "client_gone");

    let second = proxy(&one(&streaming.base_url(), "")).await;
    let mut wire = second.stream("m").await;
    wire.head().await;
    wire.until(b"word1").await;
    wire.shut().await;
    streaming.closed(0).await;
    assert_eq!(second.access(0).await.outcome(), "client_gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_reads_a_byte_a_second_holds_no_memory() {
    let upstream = floods(true).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let before = proxy.rss();
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::connect_narrow(proxy.port).await;
        wire.write(&Ask::post("/v1/chat/completions", TOKEN, chat_body("m", true)).bytes()).await.unwrap();
        slow.push(wire);
    }
    let mut peak = 0;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for wire in &mut slow {
            assert_eq!(wire.raw(1).await.unwrap().len(), 1);
        }
        peak = peak.max(proxy.rss());
    }
    assert!(peak < before + 16 * 1024, "{before} KiB before, {peak} with eight slow readers");
    // The others do not wait for them.
    assert_eq!(proxy.get("/livez").await.status, 200);
    drop(slow);
    for nth in 0..8 {
        upstream.closed(nth).await;
    }
}
