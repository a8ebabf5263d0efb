//! When a lost connection may be tried again in silence.
#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A connection over which one exchange went well and another was asked for `ago`; then the upstream is gone.
async fn lost(used: bool, ago: Duration) -> io::Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut socket = Dialer::new("127.0.0.1", port, Duration::from_secs(5), None).unwrap().dial().await.unwrap();
    let (mut upstream, _) = listener.accept().await.unwrap();
    let mut byte = [0];
    if used {
        let mut answer = *b"HTTP/1.1 204 No Content\r\n\r\n";
        socket.write_all(b"1").await.unwrap();
        upstream.read_exact(&mut byte).await.unwrap();
        upstream.write_all(&answer).await.unwrap();
        socket.read_exact(&mut answer).await.unwrap();
    }
    socket.write_all(b"2").await.unwrap();
    upstream.read_exact(&mut byte).await.unwrap();
    socket.asked = socket.asked.and_then(|asked| asked.checked_sub(ago));
    drop(upstream);
    socket.read_exact(&mut byte).await.unwrap_err()
}

#[tokio::test]
async fn only_a_loss_at_once_on_a_kept_connection_is_the_race_of_an_idle_close() {
    assert!(is_stale(&lost(true, Duration::ZERO).await));
    assert!(!is_stale(&lost(true, Duration::from_millis(700)).await), "it may have worked on it");
    assert!(!is_stale(&lost(false, Duration::ZERO).await), "a fresh one has no such race");
}

#[tokio::test]
async fn addresses_that_were_judged_are_the_ones_connected_to_whatever_the_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = listener.local_addr().unwrap();
    let dialer = |name, to| {
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        Dialer::to(name, to, allow, Duration::from_secs(5), None).unwrap()
    };
    for name in ["no-such-name.invalid", "localhost", "[::1]"] {
        let (dialed, accepted) = tokio::join!(dialer(name, vec![there]).dial(), listener.accept());
        assert!(dialed.is_ok() && accepted.is_ok(), "{name}: {dialed:?}");
    }
    assert!(dialer("localhost", Vec::new()).dial().await.is_err(), "nothing was judged, and nothing is looked up");
}

#[tokio::test]
async fn nothing_is_sent_to_this_machine_by_whichever_address_unless_it_is_allowed() {
    // Loopback stands in for a public address: it is the same on both sides, as any of this machine's is.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = listener.local_addr().unwrap();
    let dial = |allow: &str| {
        let allow = vec![allow.parse().unwrap()];
        Dialer::to("a.example", vec![there], allow, Duration::from_secs(5), None).unwrap().dial()
    };
    assert!(is_ours(&dial("10.0.0.0/8").await.unwrap_err()));
    let (mut peer, _) = listener.accept().await.unwrap();
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0, "not a byte");
    assert!(dial("127.0.0.1").await.is_ok());
}

#[tokio::test]
async fn a_connection_whose_answer_has_not_ended_takes_no_other_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut socket = Dialer::new("127.0.0.1", port, Duration::from_secs(5), None).unwrap().dial().await.unwrap();
    let (mut upstream, _) = listener.accept().await.unwrap();
    socket.write_all(b"1").await.unwrap();
    upstream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n").await.unwrap();
    let mut head = *b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    let wanted = head;
    head.fill(0);
    socket.read_exact(&mut head).await.unwrap();
    assert_eq!(head, wanted, "the interim answer is nobody's to see");
    let refused = socket.write_all(b"2").await.unwrap_err();
    assert!(is_stale(&refused), "a fresh one may be tried");
    upstream.write_all(b"hi").await.unwrap();
    socket.read_exact(&mut [0; 2]).await.unwrap();
    socket.write_all(b"2").await.unwrap();
}
