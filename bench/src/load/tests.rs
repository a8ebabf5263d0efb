#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The load against the upstream, over real sockets, and against servers that
//! get it wrong.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::{upstream, wire};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

async fn against_upstream(mode: Mode) -> Report {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    tokio::task::spawn_local(upstream::serve(listener));
    let load = Load {
        to,
        dialect: wire::Dialect::Chat,
        token: wire::TOKEN.to_owned(),
        mode,
        deadline: Duration::from_secs(20),
    };
    run(&load).await.unwrap()
}

/// Answers one request with these bytes and closes.
async fn against(answer: &'static [u8]) -> Report {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buf = [0; 4096];
        let _seen = stream.read(&mut buf).await.unwrap();
        stream.write_all(answer).await.unwrap();
    });
    let load = Load {
        to,
        dialect: wire::Dialect::Chat,
        token: wire::TOKEN.to_owned(),
        mode: Mode::Requests { connections: 1, requests: 3 },
        deadline: Duration::from_secs(20),
    };
    run(&load).await.unwrap()
}

fn shape(gap: u64) -> Stream {
    Stream { events: 5, gap: Duration::from_millis(gap) }
}

#[test]
fn every_request_is_answered_and_counted() {
    let report = block_on(against_upstream(Mode::Requests { connections: 7, requests: 100 }));
    assert_eq!((report.right, report.wrong), (100, 0));
}

#[test]
fn streams_come_whole_with_and_without_gaps() {
    for gap in [0, 2] {
        let report = block_on(against_upstream(Mode::Streams { streams: 10, batches: 2, shape: shape(gap) }));
        assert_eq!((report.right, report.wrong), (20, 0), "{:?}", report.reason);
    }
}

#[test]
fn streams_are_left_and_the_upstream_lives_on() {
    let report = block_on(against_upstream(Mode::Cancel { connections: 4, streams: 40, shape: shape(20) }));
    assert_eq!((report.right, report.wrong), (40, 0));
}

#[test]
fn each_request_is_timed() {
    let mut report = block_on(against_upstream(Mode::Latency { requests: 30 }));
    let json = report.json();
    assert_eq!(report.times.len(), 30);
    assert!(json.get("p50_us").unwrap().as_f64().unwrap() > 0.0);
}

#[test]
fn a_wrong_answer_is_told_and_nothing_is_lost_from_the_count() {
    let cases: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nbusy", "status 503: busy"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "not the upstream's bytes"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "the connection ended"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}{}", "bytes behind the end"),
    ];
    for (answer, why) in cases {
        let report = block_on(against(answer));
        let reason = report.reason.expect("a reason");
        assert!(reason.starts_with(why), "{reason}");
        assert_eq!((report.right, report.wrong), (0, 3));
    }
}
