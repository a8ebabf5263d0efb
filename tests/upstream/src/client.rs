//! A client that says exactly what a test tells it to, and tells exactly how the answer ended.
//!
//! HTTP/1.1 on a bare socket. It never retries, never follows, never decompresses, and it knows the
//! difference between an answer that was whole and one that merely stopped.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{PATIENCE, find, header_values};

/// How an answer's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As its framing promised: the length was reached, the last chunk came, or there was no body.
    Whole,
    /// The connection ended with a FIN before the framing said so.
    Cut,
    /// The connection ended with a RST.
    Reset,
    /// The connection's end is the framing, and it came.
    AtClose,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers.
    pub head: Vec<u8>,
    /// With chunked framing taken off.
    pub body: Vec<u8>,
    pub ended: Ended,
}

impl Answer {
    /// Every value of a header.
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<String> {
        header_values(&self.head, name)
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).into_iter().next()
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the body in view when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("no JSON ({error}) in a {}: {:?}", self.status, self.text()),
        }
    }

    /// `error.code` of an OpenAI error body.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        self.json().pointer("/error/code").and_then(|c| c.as_str()).map(str::to_owned)
    }
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct Ask {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    /// A POST with a JSON body and a bearer token.
    #[must_use]
    pub fn post(target: &str, token: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target)
            .header("authorization", &format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(body)
    }

    /// A GET with a bearer token.
    #[must_use]
    pub fn get(target: &str, token: &str) -> Self {
        Self::new("GET", target).header("authorization", &format!("Bearer {token}"))
    }

    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Head and body as they go on the wire; a `host`, where none is given, and the `content-length` are added.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            head.push_str("host: proxy.test\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.method != "GET" || !self.body.is_empty() {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The same for a large body that may be refused before its end.
    pub async fn send_large(&self, port: u16) -> Answer {
        let mut wire = Wire::connect(port).await;
        wire.patience = Duration::from_secs(60);
        wire.write_large(&self.bytes()).await;
        wire.answer().await
    }

    /// Over a connection of its own; patient, but not for ever.
    pub async fn send(&self, port: u16) -> Answer {
        self.open(port).await.answer().await
    }

    /// Sends it and leaves the answer to be read.
    pub async fn open(&self, port: u16) -> Wire {
        let mut wire = Wire::connect(port).await;
        wire.write(&self.bytes()).await.unwrap();
        wire
    }
}

#[derive(Debug, Clone, Copy)]
enum Left {
    Length(usize),
    Chunk(usize),
    /// Between chunks: a size line comes next.
    Size,
    ToClose,
    Done(Ended),
}

/// A connection to the proxy.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
    left: Left,
    /// How long a read may take.
    pub patience: Duration,
}

impl Wire {
    pub async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new(), left: Left::Done(Ended::Whole), patience: PATIENCE }
    }

    /// The same, with a receive buffer of a few kilobytes: a reader that lags is felt at once.
    pub async fn connect_narrow(port: u16) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        Self { stream, unread: Vec::new(), left: Left::Done(Ended::Whole), patience: PATIENCE }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Writes all of `bytes` while reading what comes meanwhile, until the head of an answer is there: a large body
    /// may be refused before its end. Says whether everything could be written.
    pub async fn write_large(&mut self, bytes: &[u8]) -> bool {
        let (mut read, mut write) = self.stream.split();
        let writing = write.write_all(bytes);
        tokio::pin!(writing);
        let mut written = None;
        let mut piece = vec![0; 64 * 1024];
        loop {
            tokio::select! {
                result = &mut writing, if written.is_none() => written = Some(result.is_ok()),
                n = tokio::time::timeout(self.patience, read.read(&mut piece)) => match n {
                    Ok(Ok(n)) if n > 0 => {
                        self.unread.extend_from_slice(&piece[..n]);
                        if find(&self.unread, b"\r\n\r\n").is_some() {
                            return written.unwrap_or(false);
                        }
                    }
                    _ => return written.unwrap_or(false),
                },
            }
        }
    }

    /// Half-closes: no more will be said, the answer may still come.
    pub async fn shut(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Leaves, and says when.
    #[must_use]
    pub fn leave(self) -> Instant {
        drop(self);
        Instant::now()
    }

    async fn more(&mut self) -> io::Result<usize> {
        let mut piece = vec![0; 64 * 1024];
        let n = match tokio::time::timeout(self.patience, self.stream.read(&mut piece)).await {
            Ok(n) => n?,
            Err(_) => {
                panic!("nothing came for {:?}; unread: {:?}", self.patience, String::from_utf8_lossy(&self.unread))
            }
        };
        self.unread.extend_from_slice(&piece[..n]);
        Ok(n)
    }

    /// Reads some raw bytes, at most `limit`, whatever they are. Empty at the end.
    pub async fn raw(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        if self.unread.is_empty() {
            let mut piece = vec![0; limit];
            let n = match tokio::time::timeout(self.patience, self.stream.read(&mut piece)).await {
                Ok(n) => n?,
                Err(_) => panic!("nothing came for {:?}", self.patience),
            };
            piece.truncate(n);
            return Ok(piece);
        }
        let n = limit.min(self.unread.len());
        Ok(self.unread.drain(..n).collect())
    }

    /// Reads the head. `None`: the connection ended before a whole head had come.
    pub async fn try_head(&mut self) -> Option<(u16, Vec<u8>)> {
        let head: Vec<u8> = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break self.unread.drain(..end + 4).collect();
            }
            if !matches!(self.more().await, Ok(n) if n > 0) {
                return None;
            }
        };
        let status = String::from_utf8_lossy(&head).split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        self.left = if header_values(&head, "transfer-encoding").iter().any(|v| v.eq_ignore_ascii_case("chunked")) {
            Left::Size
        } else if let Some(length) = header_values(&head, "content-length").first() {
            match length.parse() {
                Ok(0) => Left::Done(Ended::Whole),
                Ok(length) => Left::Length(length),
                Err(_) => panic!("a content-length of {length:?}"),
            }
        } else if status == 204 || status == 304 {
            Left::Done(Ended::Whole)
        } else {
            Left::ToClose
        };
        Some((status, head))
    }

    /// Reads the head, which must come.
    pub async fn head(&mut self) -> (u16, Vec<u8>) {
        self.try_head().await.expect("the connection ended before an answer's head")
    }

    /// The next piece of the body, as it comes; `None` at its end.
    pub async fn piece(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.left {
                Left::Done(_) => return None,
                Left::Length(0) => self.left = Left::Done(Ended::Whole),
                Left::Length(n) | Left::Chunk(n) if !self.unread.is_empty() && n > 0 => {
                    let take = n.min(self.unread.len());
                    let piece = self.unread.drain(..take).collect();
                    self.left = match self.left {
                        Left::Length(n) => Left::Length(n - take),
                        _ => Left::Chunk(n - take),
                    };
                    return Some(piece);
                }
                Left::Chunk(0) if self.unread.len() >= 2 => {
                    self.unread.drain(..2);
                    self.left = Left::Size;
                }
                Left::Size => {
                    if let Some(end) = find(&self.unread, b"\r\n") {
                        let line: Vec<u8> = self.unread.drain(..end + 2).collect();
                        let text = String::from_utf8_lossy(&line);
                        let size = usize::from_str_radix(text.trim(), 16)
                            .unwrap_or_else(|_| panic!("a chunk size of {text:?}"));
                        self.left = if size == 0 { Left::Done(Ended::Whole) } else { Left::Chunk(size) };
                        if size == 0 {
                            while self.unread.len() < 2 && matches!(self.more().await, Ok(n) if n > 0) {}
                            self.unread.drain(..2.min(self.unread.len()));
                        }
                    } else {
                        self.refill().await;
                    }
                }
                Left::ToClose if !self.unread.is_empty() => {
                    return Some(std::mem::take(&mut self.unread));
                }
                Left::Length(_) | Left::Chunk(_) | Left::ToClose => self.refill().await,
            }
        }
    }

    async fn refill(&mut self) {
        let at_close = matches!(self.left, Left::ToClose);
        match self.more().await {
            Ok(n) if n > 0 => {}
            Ok(_) => self.left = Left::Done(if at_close { Ended::AtClose } else { Ended::Cut }),
            Err(_) => self.left = Left::Done(Ended::Reset),
        }
    }

    /// How the body ended; asked after [`Self::piece`] gave `None`.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        if let Left::Done(ended) = self.left { Some(ended) } else { None }
    }

    /// Reads body pieces until `needle` has come, and gives all that came.
    pub async fn until(&mut self, needle: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        while find(&all, needle).is_none() {
            match self.piece().await {
                Some(piece) => all.extend_from_slice(&piece),
                None => panic!(
                    "ended ({:?}) before {:?} came: {:?}",
                    self.ended(),
                    String::from_utf8_lossy(needle),
                    String::from_utf8_lossy(&all)
                ),
            }
        }
        all
    }

    /// Reads what is left of the body.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await {
            all.extend_from_slice(&piece);
        }
        all
    }

    /// Reads a whole answer.
    pub async fn answer(&mut self) -> Answer {
        let (status, head) = self.head().await;
        let body = self.rest().await;
        Answer { status, head, body, ended: self.ended().unwrap_or(Ended::Cut) }
    }

    /// Whether the proxy closes this connection within `time`, saying nothing more.
    pub async fn closes_within(&mut self, time: Duration) -> bool {
        let mut byte = [0; 1];
        matches!(tokio::time::timeout(time, self.stream.read(&mut byte)).await, Ok(Ok(0) | Err(_)))
    }
}

/// The `data:` payloads of an event stream.
#[must_use]
pub fn data_lines(body: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(body)
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|data| data.trim().to_owned())
        .collect()
}
