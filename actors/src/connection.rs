//! One connection to an upstream, and how it is made.
//!
//! awc takes an end of file in the middle of a chunked body for the end of the body. Here every end of file is an
//! error, so awc hands it on, and [`crate::exchange`] decides by the answer's framing whether it was allowed.
//! TLS is done here too, below awc's sight, so that this holds whether or not the peer said `close_notify`. And awc
//! gives a connection back to its pool whose answer is still to come, or has only begun: [`heads`] keeps it from that.
//!
//! Always: `TCP_NODELAY` is set; HTTP/1.1 only (FIELD-NOTES: cold HTTP/2 opens a connection a request).

mod addresses;
mod heads;
pub mod why;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_http::error::PayloadError;
use actix_rt::net::{ActixStream, Ready};
use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use config::Network;
use futures::future::LocalBoxFuture;
use http::Uri;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use addresses::Addresses;
use heads::Heads;

/// The error inside an [`io::Error`] of a connection that had served before and was closed by the upstream while
/// the next request was on its way, or that must not carry another one: nothing of an answer came, so a fresh
/// connection may be tried in silence.
#[derive(Debug, derive_more::Display, derive_more::Error)]
#[display("a kept-alive connection could not be used again")]
pub struct Stale;

/// The error inside an [`io::Error`] where the address that was connected to is one of this machine's.
#[derive(Debug, derive_more::Display, derive_more::Error)]
#[display("the address is one of this machine's own")]
pub struct Ours;

/// Who closes an idle connection has not seen the request, so we hear of it within about a round trip. Whoever needed
/// longer may have worked on it, and must not be asked twice in silence.
const RACE: Duration = Duration::from_millis(100);

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What awc reads and writes.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    /// Anything was read since it was opened.
    used: bool,
    /// Something was written and nothing read since: when that began.
    asked: Option<Instant>,
    /// It had been used when it was last written to: a failure now may be the race of an idle close.
    reused: bool,
    heads: Heads,
}

impl Socket {
    fn new(stream: Stream) -> Self {
        Self { stream, used: false, asked: None, reused: false, heads: Heads::default() }
    }

    fn lost(&self, error: io::Error) -> io::Error {
        let raced = self.reused && self.asked.is_some_and(|asked| asked.elapsed() < RACE);
        if raced { io::Error::new(error.kind(), Stale) } else { error }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        loop {
            if let Some(kept) = this.heads.kept(buf.remaining()) {
                buf.put_slice(&kept);
                return Poll::Ready(Ok(()));
            }
            let read = match &mut this.stream {
                Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
                Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
            };
            match ready!(read) {
                Ok(()) if buf.filled().len() > before => {
                    this.used = true;
                    this.asked = None;
                    let came = this.heads.came(buf.filled_mut().get_mut(before..).unwrap_or_default());
                    buf.set_filled(before + *came.as_ref().unwrap_or(&0));
                    match came {
                        // Nothing that awc may see yet.
                        Ok(0) => {}
                        Ok(_) => return Poll::Ready(Ok(())),
                        Err(error) => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error))),
                    }
                }
                Ok(()) if buf.remaining() == 0 => return Poll::Ready(Ok(())),
                Ok(()) => return Poll::Ready(Err(this.lost(io::ErrorKind::UnexpectedEof.into()))),
                Err(error) => return Poll::Ready(Err(this.lost(error))),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.asked.is_none() {
            if !this.heads.ask() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, Stale)));
            }
            this.asked = Some(Instant::now());
            this.reused = this.used;
        }
        let written = match &mut this.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        };
        written.map_err(|error| this.lost(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

impl ActixStream for Socket {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        match &self.stream {
            Stream::Tcp(stream) => ActixStream::poll_read_ready(stream, cx),
            Stream::Tls(stream) => ActixStream::poll_read_ready(stream.get_ref().0, cx),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        match &self.stream {
            Stream::Tcp(stream) => ActixStream::poll_write_ready(stream, cx),
            Stream::Tls(stream) => ActixStream::poll_write_ready(stream.get_ref().0, cx),
        }
    }
}

/// Opens connections to one provider. The URI that awc hands over names the same host and port each time and is
/// not looked at: where to connect was fixed when the provider was configured.
#[derive(Clone)]
pub struct Dialer(Arc<Target>);

struct Target {
    host: String,
    port: u16,
    addresses: Addresses,
    fixed: Option<Fixed>,
    /// For one connection, its name looked up, TLS and all.
    time: Duration,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Where it connects to, whatever the name may lead to.
struct Fixed {
    addresses: Vec<SocketAddr>,
    /// Of this machine's addresses only these: which are its own shows once a connection stands.
    allow: Vec<Network>,
}

impl Dialer {
    /// `time`: what a connection may take; it is shared out among the host's addresses, the limit itself is awc's.
    ///
    /// # Errors
    /// When the host is no name that TLS can verify.
    pub fn new(host: &str, port: u16, time: Duration, tls: Option<Arc<rustls::ClientConfig>>) -> io::Result<Self> {
        Self::build(host, port, None, time, tls)
    }

    /// Connects to these addresses and no others: `host` is never looked up, and is only what TLS verifies. Nothing is sent
    /// to an address of this machine that is not in `allow`.
    ///
    /// # Errors
    /// As above.
    pub fn to(
        host: &str,
        addresses: Vec<SocketAddr>,
        allow: Vec<Network>,
        time: Duration,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> io::Result<Self> {
        Self::build(host, 0, Some(Fixed { addresses, allow }), time, tls)
    }

    fn build(
        host: &str,
        port: u16,
        fixed: Option<Fixed>,
        time: Duration,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> io::Result<Self> {
        // A literal IPv6 address stands in brackets in a URL and without them everywhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match tls {
            None => None,
            Some(config) => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a host name TLS can verify"))?;
                Some((TlsConnector::from(config), name))
            }
        };
        Ok(Self(Arc::new(Target { host, port, addresses: Addresses::default(), fixed, time, tls })))
    }

    async fn dial(self) -> io::Result<Socket> {
        let target = self.0;
        let started = Instant::now();
        let look_up = async {
            match &target.fixed {
                Some(fixed) => Ok(fixed.addresses.clone()),
                None => Ok(tokio::net::lookup_host((target.host.as_str(), target.port)).await?.collect()),
            }
        };
        let addresses = target.addresses.get(started, target.time / 2, look_up).await?;
        let tcp = target.addresses.connect(&addresses, started + target.time).await?;
        if let Some(fixed) = &target.fixed {
            let peer = tcp.peer_addr()?.ip();
            if tcp.local_addr()?.ip() == peer && !fixed.allow.iter().any(|network| network.contains(peer)) {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, Ours));
            }
        }
        tcp.set_nodelay(true)?;
        Ok(Socket::new(match &target.tls {
            None => Stream::Tcp(tcp),
            Some((connector, name)) => Stream::Tls(Box::new(connector.connect(name.clone(), tcp).await?)),
        }))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("host", &self.0.host)
            .field("port", &self.0.port)
            .field("tls", &self.0.tls.is_some())
            .finish()
    }
}

impl Service<ConnectInfo<Uri>> for Dialer {
    type Response = Connection<Uri, Socket>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    actix_service::always_ready!();

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let socket = dialer.dial().await.map_err(ConnectError::Io)?;
            Ok(Connection::new(info.request().clone(), socket))
        })
    }
}

/// Whether the connection was no good, and another one may be tried in silence: see [`Stale`].
pub fn is_stale(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stale>())
}

/// Whether nothing was sent because it would have gone to this machine: see [`Ours`].
pub fn is_ours(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Ours>())
}

/// Whether it is our own doing that there is no connection: the process, or its machine, has no file left for one.
pub fn is_out_of_files(error: &io::Error) -> bool {
    matches!(rustix::io::Errno::from_io_error(error), Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}

/// Whether a body broke off because the connection ended in good order: for some framings that is its end.
pub fn is_end(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) | PayloadError::Incomplete(Some(error))
        if error.kind() == io::ErrorKind::UnexpectedEof)
}

#[cfg(test)]
mod tests;
