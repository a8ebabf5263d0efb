//! Clients that take their time over a request: a 408 or a closed connection, in bounded time.

use std::time::{Duration, Instant};

use upstream::client::Wire;
use upstream::harness::{TOKEN, one};
use upstream::records;

use crate::proxy;

/// The longest that a slow request may hold a connection. Generous: what is tested is that there is an end.
const BOUND: Duration = Duration::from_secs(60);

async fn ends_in_time(mut wire: Wire, drip: &[u8]) -> Option<u16> {
    let begun = Instant::now();
    let mut drip = drip.iter().cycle();
    loop {
        assert!(begun.elapsed() < BOUND, "still held after {BOUND:?}");
        match tokio::time::timeout(Duration::from_secs(1), wire.try_head()).await {
            Ok(head) => return head.map(|(status, _)| status),
            // Nothing yet: one byte more, where there is one.
            Err(_) => {
                if let Some(byte) = drip.next() {
                    let _ = wire.write(&[*byte]).await;
                }
            }
        }
    }
}

async fn begun(port: u16, bytes: &str) -> Wire {
    let mut wire = Wire::connect(port).await;
    wire.patience = BOUND * 2;
    wire.write(bytes.as_bytes()).await.unwrap();
    wire
}

/// A connection that was answered once, and on which something has begun since.
async fn held_behind(port: u16, first: &str, then: &str, drip: &'static [u8]) -> impl Future<Output = Option<u16>> {
    let mut wire = begun(port, first).await;
    assert_eq!(wire.answer().await.status, 200);
    wire.write(then.as_bytes()).await.unwrap();
    ends_in_time(wire, drip)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_slow_bodies_end_in_bounded_time() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for _ in 0..50 {
        // What a worker opens lazily is no leak.
        assert_eq!(proxy.get("/v1/models").await.status, 200);
    }
    let before = proxy.fds();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
    );
    let stalled_head = begun(proxy.port, &head).await;
    let dripping_head = begun(proxy.port, &format!("{head}x-drip: ")).await;
    let stalled_body = begun(proxy.port, &format!("{head}content-length: 1000\r\n\r\n{{\"model\"")).await;
    let dripping_body = begun(proxy.port, &format!("{head}content-length: 1000000\r\n\r\n{{\"model\"")).await;
    let next = format!("GET /livez HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    let next_head = held_behind(proxy.port, &next, "GET / HTTP/1.1\r\nx: ", b"").await;
    let next_drips = held_behind(proxy.port, &next, "GET / HTTP/1.1\r\nx: ", b"x").await;
    let blank_line = held_behind(proxy.port, &next, "\r\n", b"").await;
    let both = format!("{next}GET / HTTP/1.1\r\n");
    let together = held_behind(proxy.port, &both, "", b"").await;
    let next = async { tokio::join!(next_head, next_drips, blank_line, together) };
    let (a, b, c, d, next) = tokio::join!(
        ends_in_time(stalled_head, b""),
        ends_in_time(dripping_head, b"x"),
        ends_in_time(stalled_body, b""),
        ends_in_time(dripping_body, b" "),
        next,
    );
    assert_eq!(next, (Some(408), Some(408), Some(408), Some(408)), "behind an answer");
    for (what, status) in [("a stalled head", a), ("a dripping head", b), ("a stalled body", c), ("a dripping body", d)]
    {
        assert_eq!(status, Some(408), "{what}");
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(proxy.chat("m").await.status, 200);
    // A few stay for the upstream's pooled connection and such.
    assert!(proxy.fds() <= before + 4, "{} descriptors, {before} before", proxy.fds());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_opened_ahead_is_not_told_off() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let mut wire = Wire::connect(proxy.port).await;
    // Longer than actix's own five seconds: pooled clients do this.
    tokio::time::sleep(Duration::from_secs(7)).await;
    wire.write(
        &upstream::client::Ask::post("/v1/chat/completions", TOKEN, upstream::harness::chat_body("m", false)).bytes(),
    )
    .await
    .unwrap();
    assert_eq!(wire.answer().await.status, 200);
}
