//! One kept connection, and what an answer on it must be.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{self, Bad, Body};

/// How one answer was not what it must be.
#[derive(Debug)]
pub enum Wrong {
    /// The connection failed.
    Io(io::Error),
    /// The connection ended inside an answer, or before one.
    Cut,
    /// The answer is no HTTP.
    Http(Bad),
    /// Another status than 200, with the start of what was said.
    Status(u16, String),
    /// The body is not what the upstream sent; lengths seen and expected.
    Body(usize, usize),
    /// Bytes came behind the end of the answer.
    Surplus,
    /// A translated answer does not say what the upstream said.
    Meaning,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(why) => write!(f, "connection: {why}"),
            Self::Cut => f.write_str("the connection ended before the answer did"),
            Self::Http(bad) => bad.fmt(f),
            Self::Status(status, said) => write!(f, "status {status}: {said}"),
            Self::Body(seen, meant) => {
                write!(f, "not the upstream's bytes: {seen} came, {meant} were sent")
            }
            Self::Meaning => f.write_str("a translated answer says something else"),
            Self::Surplus => f.write_str("bytes behind the end of the answer"),
        }
    }
}

impl std::error::Error for Wrong {}

impl From<io::Error> for Wrong {
    fn from(why: io::Error) -> Self {
        Self::Io(why)
    }
}

impl From<Bad> for Wrong {
    fn from(bad: Bad) -> Self {
        Self::Http(bad)
    }
}

/// A kept connection and its buffers, which are used again and again.
pub struct Connection {
    stream: TcpStream,
    raw: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    /// Opens it, without Nagle's delay.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn open(to: SocketAddr) -> Result<Self, Wrong> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, raw: Vec::with_capacity(16 * 1024), body: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for the whole answer, which must have status
    /// 200 and exactly the body `expected`.
    ///
    /// # Errors
    /// [`Wrong`] otherwise; the connection is of no use after that.
    pub async fn ask(&mut self, request: &[u8], expected: &[u8]) -> Result<(), Wrong> {
        let body = self.learn(request).await?;
        if body != expected {
            return Err(Wrong::Body(body.len(), expected.len()));
        }
        Ok(())
    }

    /// Sends a request and waits for the whole answer, which must have status
    /// 200; its body.
    ///
    /// # Errors
    /// [`Wrong`] otherwise.
    pub async fn learn(&mut self, request: &[u8]) -> Result<&[u8], Wrong> {
        self.stream.write_all(request).await?;
        let status = self.answer().await?;
        if status != 200 {
            let said = String::from_utf8_lossy(self.body.get(..300).unwrap_or(&self.body));
            return Err(Wrong::Status(status, said.into_owned()));
        }
        if !self.raw.is_empty() {
            return Err(Wrong::Surplus);
        }
        Ok(&self.body)
    }

    /// Sends a request and leaves: at once, or when the first bytes came.
    ///
    /// # Errors
    /// [`Wrong`] if the answer did not begin with status 200.
    pub async fn leave(mut self, request: &[u8], at_once: bool) -> Result<(), Wrong> {
        self.stream.write_all(request).await?;
        if at_once {
            return Ok(());
        }
        match self.head().await? {
            (200, _) => Ok(()),
            (status, _) => Err(Wrong::Status(status, String::new())),
        }
    }

    /// Reads up to the end of a head and takes it off the buffer.
    async fn head(&mut self) -> Result<(u16, Body), Wrong> {
        loop {
            if let Some(head) = http::head(&self.raw)? {
                let read = (head.status()?, Body::new(head.framing));
                let len = head.len;
                self.raw.drain(..len);
                return Ok(read);
            }
            self.more().await?;
        }
    }

    async fn answer(&mut self) -> Result<u16, Wrong> {
        self.raw.clear();
        self.body.clear();
        let (status, mut body) = self.head().await?;
        loop {
            let taken = body.feed(&self.raw, &mut self.body)?;
            self.raw.drain(..taken);
            if body.done() {
                return Ok(status);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Wrong> {
        match self.stream.read_buf(&mut self.raw).await? {
            0 => Err(Wrong::Cut),
            _ => Ok(()),
        }
    }
}
