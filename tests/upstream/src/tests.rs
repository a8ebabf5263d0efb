//! The tools must tell the truth before they may judge anything.

use std::time::Duration;

use super::*;
use crate::client::{Ask, Ended};

fn port(upstream: &Upstream) -> u16 {
    upstream.addr().port()
}

#[tokio::test]
async fn a_whole_answer_a_cut_one_and_a_reset_are_told_apart() {
    let whole = answers(Reply::sse(canned::stream(3), Duration::ZERO)).await;
    let answer = Ask::get("/", "t").send(port(&whole)).await;
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
    assert_eq!(answer.body, canned::stream(3).concat());

    for framing in [Framing::Length, Framing::Chunked] {
        let cut = ends_early(framing, "text/plain", vec![b"some".to_vec()]).await;
        let answer = Ask::get("/", "t").send(port(&cut)).await;
        assert_eq!((answer.body.as_slice(), answer.ended), (&b"some"[..], Ended::Cut));
    }
    let until_close = ends_early(Framing::UntilClose, "text/plain", vec![b"some".to_vec()]).await;
    assert_eq!(Ask::get("/", "t").send(port(&until_close)).await.ended, Ended::AtClose);

    let reset = resets(ResetAt::Body(vec![canned::role()])).await;
    let answer = Ask::get("/", "t").send(port(&reset)).await;
    assert_eq!((answer.body, answer.ended), (canned::role(), Ended::Reset));
}

#[tokio::test]
async fn what_was_asked_and_when_the_asker_left_is_recorded() {
    let upstream = silent().await;
    let wire = Ask::post("/v1/x?y=1", "t", "{\"a\":1}").header("x-one", "1").open(port(&upstream)).await;
    let request = upstream.request(0).await;
    assert_eq!((request.target().as_str(), request.body.as_slice()), ("/v1/x?y=1", &b"{\"a\":1}"[..]));
    assert_eq!(request.header("X-One"), ["1"]);
    assert_eq!(upstream.open(), 1);
    let left = wire.leave();
    assert!(upstream.closed(0).await >= left);
    assert_eq!(upstream.open(), 0);
}

#[tokio::test]
async fn a_connection_is_kept_and_closed_as_named() {
    let upstream = closes_in_race_window(true).await;
    let mut wire = Ask::post("/", "t", "1").open(port(&upstream)).await;
    assert_eq!(wire.answer().await.status, 200);
    wire.write(&Ask::post("/", "t", "2").bytes()).await.unwrap();
    assert!(wire.try_head().await.is_none());
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn a_full_queue_leaves_connects_hanging() {
    let deaf = never_accepts().await;
    let addr = deaf.base_url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let connect = tokio::net::TcpStream::connect(addr);
    assert!(tokio::time::timeout(Duration::from_millis(200), connect).await.is_err());
}

#[tokio::test]
async fn a_port_that_refuses_stays_taken_until_somebody_listens_there() {
    let upstream = refuses();
    let addr = upstream.base_url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let refused = tokio::net::TcpStream::connect(&addr).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(tokio::net::TcpListener::bind(&addr).await.is_err(), "another server could be given the port");
    let _late = Upstream::start_on(upstream.listens(), |mut connection| async move { connection.until_closed().await });
    assert!(tokio::net::TcpStream::connect(&addr).await.is_ok());
}

#[test]
fn odd_pieces_lose_nothing() {
    let bytes: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let pieces = odd_pieces(&bytes, 7);
    assert!(pieces.len() > 100);
    assert_eq!(pieces.concat(), bytes);
}
