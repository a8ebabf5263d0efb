//! The upstream: as cheap as a server can be, so that it gets out of the way.
//!
//! `POST` with `"stream":true` is answered with an event stream of the shape
//! that the prompt asks for, any other `POST` with one prepared
//! completion in one write, `GET` with a list of models. Connections are kept.
//! A stream's head goes out together with its first event, and the end of the
//! stream together with the last one, so a stream of 50 events is 50 writes.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::http::{self, Framing};
use crate::wire::{self, Stream};

/// The longest body that is taken, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// The longest stream that one request can ask for.
const EVENTS_LIMIT: u32 = 100_000;

/// The answers that never change, made once.
struct Prepared {
    completion: Vec<u8>,
    models: Vec<u8>,
    stream_head: &'static str,
}

/// Serves for as long as the process lives, each connection in a task of its
/// own on the calling thread.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let models = format!(
        r#"{{"object":"list","data":[{{"id":"{}","object":"model","created":0,"owned_by":"bench"}}]}}"#,
        wire::UPSTREAM_MODEL
    );
    let prepared = Rc::new(Prepared {
        completion: with_head(&wire::completion()),
        models: with_head(models.as_bytes()),
        stream_head: concat!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n",
            "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
        ),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let prepared = Rc::clone(&prepared);
        tokio::task::spawn_local(async move {
            // A peer that goes away is what cancelled streams are about: the
            // connection ends and there is nobody to tell.
            let _gone = connection(stream, &prepared).await;
        });
    }
}

fn with_head(body: &[u8]) -> Vec<u8> {
    let mut all =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes();
    all.extend_from_slice(body);
    all
}

async fn connection(mut stream: TcpStream, prepared: &Prepared) -> io::Result<()> {
    let mut buf: Vec<u8> = Vec::with_capacity(8 * 1024);
    loop {
        let asked = loop {
            if let Some(asked) = asked(&buf)? {
                break asked;
            }
            if stream.read_buf(&mut buf).await? == 0 {
                return Ok(());
            }
        };
        buf.drain(..asked.len);
        match asked.what {
            What::Models => stream.write_all(&prepared.models).await?,
            What::Completion => stream.write_all(&prepared.completion).await?,
            What::Stream(shape) => streamed(&mut stream, shape, prepared.stream_head).await?,
        }
    }
}

/// A whole request.
struct Asked {
    what: What,
    /// Its bytes, head and body.
    len: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Models,
    Completion,
    Stream(Stream),
}

/// The request at the start of `buf`, once all of it is there.
fn asked(buf: &[u8]) -> io::Result<Option<Asked>> {
    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let Some(head) = http::head(buf).map_err(|bad| refused(&bad.to_string()))? else {
        return Ok(None);
    };
    let length = match head.framing {
        Framing::Length(n) if n <= BODY_LIMIT => n,
        Framing::Length(_) => return Err(refused("the body is too long")),
        Framing::Chunked => return Err(refused("the body has no length")),
    };
    let len = head.len + length;
    let Some(body) = buf.get(head.len..len) else {
        return Ok(None);
    };
    let what = if head.first.0 == "POST" { what(body) } else { What::Models };
    Ok(Some(Asked { what, len }))
}

fn what(body: &[u8]) -> What {
    if memchr::memmem::find(body, br#""stream":true"#).is_none() {
        return What::Completion;
    }
    let events = number(body, wire::EVENTS).unwrap_or(50);
    let gap = number(body, wire::GAP).unwrap_or(20);
    What::Stream(Stream {
        events: u32::try_from(events).map_or(EVENTS_LIMIT, |n| n.clamp(1, EVENTS_LIMIT)),
        gap: Duration::from_millis(gap),
    })
}

/// The digits behind `name`.
fn number(body: &[u8], name: &str) -> Option<u64> {
    let at = memchr::memmem::find(body, name.as_bytes())? + name.len();
    let rest = body.get(at..)?;
    let end = memchr::memchr(b' ', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

async fn streamed(stream: &mut TcpStream, shape: Stream, head: &str) -> io::Result<()> {
    let start = Instant::now();
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(head.as_bytes());
    for n in 0..shape.events {
        chunk(&mut out, wire::event(n, shape.events).as_bytes());
        if n + 1 == shape.events {
            chunk(&mut out, wire::DONE.as_bytes());
            out.extend_from_slice(b"0\r\n\r\n");
        }
        stream.write_all(&out).await?;
        out.clear();
        // Laid on the stream's own clock: a late wake-up does not shift the rest.
        if n + 1 < shape.events && !shape.gap.is_zero() {
            sleep_until(start + shape.gap * (n + 1)).await;
        }
    }
    Ok(())
}

fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::Dialect;

    #[test]
    fn a_request_is_taken_only_when_it_is_whole() {
        let request = wire::request(Dialect::Chat, wire::TOKEN, None);
        for cut in [0, 10, 200, request.len() - 1] {
            assert!(asked(request.get(..cut).unwrap()).unwrap().is_none());
        }
        let asked = asked(&request).unwrap().unwrap();
        assert_eq!(asked.len, request.len());
        assert_eq!(asked.what, What::Completion);
    }

    #[test]
    fn the_stream_has_the_shape_that_was_asked_for() {
        let shape = Stream { events: 7, gap: Duration::from_millis(3) };
        for dialect in [Dialect::Chat, Dialect::Messages] {
            let request = wire::request(dialect, wire::TOKEN, Some(shape));
            assert_eq!(asked(&request).unwrap().unwrap().what, What::Stream(shape));
        }
    }

    #[test]
    fn a_body_without_a_bound_is_refused() {
        assert!(asked(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(asked(b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n").is_err());
    }
}
