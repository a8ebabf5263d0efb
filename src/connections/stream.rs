//! A client's byte stream, with or without TLS, that tells its connection what passes.
//!
//! Always: a connection that has been ended reads the end of the stream, after a 408 where a head was late.

use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::greeting::Greeting;
use super::{Connection, End, Wait, refuse};

/// How a client's bytes come. One type for both, so that the server's machine is in the binary once.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<Greeting>>),
}

/// What the HTTP server is given.
pub struct Owned {
    stream: Stream,
    pub(super) connection: Rc<Connection>,
    /// Nothing has come yet, and it is not settled what it will be.
    fresh: bool,
    /// What is still to be said before the end.
    words: &'static [u8],
    /// Nothing that comes is listened to.
    deaf: bool,
    /// Bytes that were read in this turn.
    turn: usize,
}

/// The server reads until nothing more is there, or its buffer holds 128 KiB, and keeps that buffer: it has less at a
/// time, and takes it apart in between.
const TURN: usize = 32 * 1024;

impl Owned {
    pub(super) fn new(stream: Stream, connection: Rc<Connection>) -> Self {
        let fresh = connection.http2().is_none();
        Self { stream, connection, fresh, words: b"", deaf: false, turn: 0 }
    }

    /// What came first tells whether this is HTTP/1 at all.
    fn first(&mut self, came: &[u8]) {
        self.fresh = false;
        if came.starts_with(refuse::PREFACE) {
            self.connection.waits(Wait::Refused);
            self.connection.wrote(true);
            self.words = refuse::GO_AWAY;
            self.deaf = true;
            refuse::http2(&self.connection);
        } else if came.starts_with(refuse::HANDSHAKE) {
            self.connection.handshake.set(true);
        }
    }

    /// What is still to be said, as far as it is taken.
    fn say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.words.is_empty() {
            let words = self.words;
            let taken = ready!(self.pinned().poll_write(cx, words))?;
            self.words = words.get(taken..).unwrap_or_default();
        }
        self.pinned().poll_flush(cx)
    }

    fn pinned(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream),
            Stream::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }

    #[inline]
    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }

    /// Whether the client has closed its side, whatever of it is still unread.
    fn is_left(&self) -> bool {
        let stream = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.get_ref().0.socket,
        };
        let ready = pin!(stream.ready(Interest::READABLE)).poll(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    /// Reads what nobody listens to, so that what was said is not lost with a reset, until the client goes too.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.say(cx))?;
        let mut room = [std::mem::MaybeUninit::uninit(); 8 * 1024];
        loop {
            let mut buf = ReadBuf::uninit(&mut room);
            ready!(self.read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncRead for Owned {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.connection.end.get() {
            None => {}
            Some(End::Late) if !this.deaf => {
                this.deaf = true;
                this.words = refuse::LATE;
                refuse::late(&this.connection);
                let _said = this.say(cx);
                return Poll::Ready(Ok(()));
            }
            Some(End::Late | End::Close(_) | End::Cut(_)) => return Poll::Ready(Ok(())),
        }
        if this.deaf {
            return this.drain(cx);
        }
        if this.connection.is_paused() && !this.is_left() {
            return Poll::Pending;
        }
        if this.turn >= TURN {
            this.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let Poll::Ready(read) = this.read(cx, buf) else {
            this.turn = 0;
            return Poll::Pending;
        };
        read?;
        this.turn += buf.filled().len() - before;
        let came = buf.filled().get(before..).unwrap_or_default();
        if !came.is_empty() {
            this.connection.came(came);
            if this.fresh {
                this.first(came);
                if this.deaf {
                    buf.set_filled(before);
                    return this.drain(cx);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Owned {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        };
        this.connection.wrote(polled.is_ready());
        if let (Some(http2), Poll::Ready(Ok(taken))) = (this.connection.http2(), &polled) {
            http2.used(*taken as u64 / 8); // a client says 13 bytes for each piece that it took
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.stream {
            // Nothing is held back before the kernel.
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Tls(stream) => {
                let polled = Pin::new(stream.as_mut()).poll_flush(cx);
                this.connection.wrote(polled.is_ready());
                polled
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().pinned().poll_shutdown(cx)
    }
}
