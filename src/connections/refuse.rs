//! What is said to a client that is not served: what the HTTP server answers by itself, and what is answered before it.
//!
//! Such a client has no request, so no record and no access line: it is counted with the others, and told in one line with
//! its address. Nothing of what it sent is in that line.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_http::error::{DispatchError, ParseError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Connection, room::Full};
use crate::metrics;

/// How HTTP/2 begins (RFC 9113, section 3.4), as far as it must be seen in one piece.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2";
pub(super) const PREFACE_LENGTH: u32 = 24;
/// A handshake record of TLS.
pub(super) const HANDSHAKE: &[u8] = b"\x16\x03";

/// An empty SETTINGS frame and a GOAWAY of HTTP_1_1_REQUIRED (0xd) for all streams, with words for who looks at it.
pub(super) const GO_AWAY: &[u8] =
    b"\0\0\0\x04\0\0\0\0\0\0\0\x23\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0dHTTP/2 is off: use HTTP/1.1";

/// To a client whose head did not come in time.
pub(super) const LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: application/json\r\ncontent-length: 123\r\n\r\n\
    {\"error\":{\"message\":\"the gateway is at its limit of connections\",\"type\":\"server_error\",\"param\":null,\"code\":\"unavailable\"}}\n";
const FULL_OF_ADDRESS: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: application/json\r\ncontent-length: 131\r\n\r\n\
    {\"error\":{\"message\":\"too many connections from this address\",\"type\":\"rate_limit_error\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}\n";
/// For a client that is not taken to read why.
const LISTENS: Duration = Duration::from_millis(500);
/// So many of those at one time are waited for: each has an open file, which a flood of them would take from all others.
pub(super) const LISTENERS: usize = 32;
static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// One of them.
struct Listener;

impl Listener {
    fn new() -> Option<Self> {
        let listener = Self; // which gives its number back
        (LISTENING.fetch_add(1, Ordering::Relaxed) < LISTENERS).then_some(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENING.fetch_sub(1, Ordering::Relaxed);
    }
}

fn tell(peer: Option<IpAddr>, status: u16, why: &str) {
    metrics::unread(status);
    match peer {
        Some(peer) => log::info!("refused before a request was read: status={status} from={peer} reason=\"{why}\""),
        None => log::info!("refused before a request was read: status={status} reason=\"{why}\""),
    }
}

pub(super) fn late(connection: &Connection) {
    tell(connection.peer, 408, "the head did not come in time");
}

pub(super) fn http2(connection: &Connection) {
    tell(connection.peer, 505, "HTTP/2 without negotiation, which server.http2 would take");
}

/// The HTTP server has given a connection up.
pub(super) fn given_up(connection: &Connection, error: &DispatchError) {
    let (status, why) = match error {
        DispatchError::Parse(ParseError::TooLarge) => (431, "more than 96 headers, or a head of more than 128 KiB"),
        DispatchError::Parse(_) if connection.handshake.get() => (400, "TLS on a port without it"),
        DispatchError::Parse(error) => (400, reason(error)),
        _ => return,
    };
    tell(connection.peer, status, why);
}

/// In words of ours: the parser's may hold what it stumbled over.
fn reason(error: &ParseError) -> &'static str {
    match error {
        ParseError::Method => "the method is none",
        ParseError::Uri(_) => "the target is none",
        ParseError::Version => "the version is neither HTTP/1.1 nor HTTP/1.0",
        ParseError::Header => "a header is malformed, missing (host) or contradicts another",
        _ => "the request or its framing is malformed",
    }
}

/// A TLS handshake that came to nothing.
pub(super) fn no_handshake(peer: Option<IpAddr>, why: &'static str) {
    metrics::connection_ended("tls");
    match peer {
        Some(peer) => log::info!("no TLS with {peer}: {why}"),
        None => log::info!("no TLS: {why}"),
    }
}

/// There is no place for it.
pub(super) fn full(peer: Option<IpAddr>, full: Full) {
    match full {
        Full::InAll => tell(peer, 503, "as many connections as there may be"),
        Full::OfAddress => tell(peer, 429, "as many connections as an address may have"),
    }
}

/// Says so, where it can be said in the clear, and does not wait for long.
pub(super) async fn say_full(mut stream: TcpStream, full: Full) {
    let words = match full {
        Full::InAll => FULL,
        Full::OfAddress => FULL_OF_ADDRESS,
    };
    let listener = Listener::new();
    let said = async {
        stream.write_all(words).await?;
        stream.shutdown().await?;
        // Closed with something unread, the client would see a reset instead of the words.
        let mut unread = [0; 4 * 1024];
        if listener.is_none() {
            let _ = stream.try_read(&mut unread); // as far as it has come
            return Ok(());
        }
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LISTENS, said).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_so_many_are_waited_for() {
        let mut waited: Vec<_> = (0..LISTENERS).map(|_| Listener::new().unwrap()).collect();
        assert!(Listener::new().is_none() && Listener::new().is_none());
        waited.pop();
        waited.push(Listener::new().unwrap());
        assert!(Listener::new().is_none());
    }

    #[test]
    fn what_is_said_is_as_long_as_it_says() {
        for words in [FULL, FULL_OF_ADDRESS] {
            let text = str::from_utf8(words).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(
                head.contains(&format!("content-length: {}\r\n", body.len()))
                    || head.ends_with(&format!("content-length: {}", body.len())),
                "{}",
                body.len()
            );
            serde_json::from_str::<serde_json::Value>(body).unwrap();
        }
        assert_eq!(GO_AWAY.len(), 9 + 9 + 0x23);
        assert_eq!(GO_AWAY.get(9..13), Some(&b"\0\0\x23\x07"[..]));
    }
}
