//! A socket before its client is known: what it may send to agree on TLS is bounded.
//!
//! rustls holds a client's first message, up to 64 KiB of it, for as long as its end is waited for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The longest hellos have some 2 KB (with post-quantum shares), chains of client certificates a few more.
const MOST: usize = 16 * 1024;

pub(super) struct Greeting {
    pub(super) socket: TcpStream,
    /// What may still come; None: whatever comes, the handshake being over.
    left: Option<usize>,
}

impl Greeting {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, left: Some(MOST) }
    }

    pub(super) fn is_over(&mut self) {
        self.left = None;
    }

    fn socket(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().socket)
    }
}

impl AsyncRead for Greeting {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.as_mut().socket().poll_read(cx, buf))?;
        if let Some(left) = &mut self.left {
            let came = buf.filled().len() - before;
            *left = left.checked_sub(came).ok_or(io::ErrorKind::InvalidData)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Greeting {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket().poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }
}
