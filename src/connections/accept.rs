//! From an accepted socket to the HTTP server's machine, and to its end.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, map_config};
use actix_web::dev::AppConfig;
use actors::supervisor::Handle;
use futures::future::LocalBoxFuture;
use rustls::server::Acceptor;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

use super::greeting::Greeting;
use super::list::{self, Place};
use super::room::Full;
use super::stream::{Owned, Stream};
use super::watch::Watched;
use super::{Connection, End, FAREWELL, Room, http2, refuse};
use crate::drain::Drain;
use crate::metrics;

/// From the first byte of a TLS handshake to its last.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What a listener's connections are held to.
#[derive(Clone)]
pub struct Rules {
    pub room: Arc<Room>,
    /// Between two requests of a client that has shown its key.
    pub keep_alive: Duration,
    /// Before somebody unknown whose head is on its way makes place for another, where places are short.
    pub moment: Duration,
    pub http2: bool,
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// None: its answers do not say that the port is about to close.
    pub drain: Option<Drain>,
    /// Whose configuration names the trusted proxies; None: nobody is one.
    pub supervisor: Option<Handle>,
}

impl Rules {
    fn trusts(&self, peer: IpAddr) -> bool {
        let trusts = |supervisor: &Handle| {
            supervisor.table().config.server.trusted_proxies.iter().any(|network| network.contains(peer))
        };
        self.supervisor.as_ref().is_some_and(trusts)
    }
}

/// An application as a service of accepted sockets. `stopping`: ready when the server begins to stop.
pub fn service<I, S, B, W>(
    app: I,
    rules: Rules,
    stopping: impl Fn() -> W + 'static,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()>
where
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = actix_web::dev::ServiceResponse<B>> + 'static,
    S::Error: Into<actix_web::Error>,
    S::InitError: std::fmt::Debug,
    S::Service: 'static,
    B: MessageBody + 'static,
    W: Future<Output = ()> + 'static,
{
    let app = app
        .into_factory()
        .map(Response::from)
        .map_err(|error: S::Error| -> Response<BoxBody> { error.into().error_response().into() });
    // Nothing here asks for the name or the scheme under which it is reached.
    let app = Watched { app: map_config(app, |()| AppConfig::default()), drain: rules.drain.clone() };
    let http = HttpService::build()
        .graceful_shutdown_signal(stopping)
        .keep_alive(KeepAlive::Os) // its connection's owner ends it: a timer for each answer would cost more
        .client_request_timeout(Duration::ZERO) // likewise
        .client_disconnect_timeout(FAREWELL)
        .h1_allow_half_closed(false) // a client that half-closes has gone: its exchange is cancelled within milliseconds
        .h2_initial_window_size(http2::STREAM_WINDOW)
        .h2_initial_connection_window_size(http2::CONNECTION_WINDOW)
        .on_connect_ext(|stream: &Owned, data| {
            data.insert(stream.connection.clone());
        })
        .finish(app);
    Accept { http, rules }
}

struct Accept<H> {
    http: H,
    rules: Rules,
}

type Arrived = (Owned, Protocol, Option<SocketAddr>);

impl<H> ServiceFactory<TcpStream> for Accept<H>
where
    H: ServiceFactory<Arrived, Config = (), Response = (), Error = DispatchError, InitError = ()>,
    H::Service: 'static,
    H::Future: 'static,
{
    type Response = ();
    type Error = ();
    type Config = ();
    type Service = Accepting<H::Service>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Service, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (http, rules) = (self.http.new_service(()), self.rules.clone());
        Box::pin(
            async move { Ok(Accepting { http: Rc::new(http.await?), tls: rules.tls.clone().map(Tls::new), rules }) },
        )
    }
}

struct Accepting<H> {
    http: Rc<H>,
    tls: Option<Tls>,
    rules: Rules,
}

impl<H> Service<TcpStream> for Accepting<H>
where
    H: Service<Arrived, Response = (), Error = DispatchError> + 'static,
{
    type Response = ();
    type Error = ();
    type Future = LocalBoxFuture<'static, Result<(), ()>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.http.poll_ready(cx).map_err(|_| ())
    }

    fn call(&self, stream: TcpStream) -> Self::Future {
        let address = stream.peer_addr().ok();
        let peer = address.map(|address| address.ip().to_canonical());
        let trusted = peer.is_some_and(|peer| self.rules.trusts(peer));
        let seat = match self.rules.room.enter(peer.filter(|_| !trusted)) {
            // The place that somebody else is about to leave.
            Err(Full::InAll) if list::make_room(self.rules.moment) => {
                self.rules.room.replace(peer.filter(|_| !trusted))
            }
            entered => entered,
        };
        let seat = match seat {
            Ok(seat) => seat,
            Err(full) => {
                refuse::full(peer, full);
                let clear = self.tls.is_none();
                return Box::pin(async move {
                    if clear {
                        refuse::say_full(stream, full).await;
                    }
                    Ok(())
                });
            }
        };
        let (http, tls, rules) = (self.http.clone(), self.tls.clone(), self.rules.clone());
        Box::pin(async move {
            let _seat = seat;
            let _ = stream.set_nodelay(true); // without it a first token waits 40 ms for an acknowledgement
            let connection = Rc::new(Connection::new(peer, trusted));
            // From here on: one that is silent before it is known what it speaks can be ended as well.
            let _place = Place::take(connection.clone(), rules.keep_alive);
            let mut serving = pin!(async {
                let Some((stream, protocol)) = begin(stream, tls, rules.http2, peer).await else { return Ok(()) };
                if protocol == Protocol::Http2 {
                    connection.http2.get_or_init(Default::default);
                }
                http.call((Owned::new(stream, connection.clone()), protocol, address)).await
            });
            // A task of its own: all polls come with one waker.
            connection.waker.set(Some(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await));
            let ended = poll_fn(|cx| {
                if let Some(End::Cut(_)) = connection.end.get() {
                    return Poll::Ready(None);
                }
                serving.as_mut().poll(cx).map(Some)
            });
            if let Some(Err(error)) = ended.await {
                refuse::given_up(&connection, &error);
            }
            match connection.end.get() {
                Some(End::Close(why) | End::Cut(why)) => metrics::connection_ended(why),
                Some(End::Late) => metrics::connection_ended("late"),
                None => {}
            }
            Ok(())
        })
    }
}

/// The stream with its TLS, and what is spoken on it. None: nothing, which has been told.
async fn begin(stream: TcpStream, tls: Option<Tls>, http2: bool, peer: Option<IpAddr>) -> Option<(Stream, Protocol)> {
    match tls {
        Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.shake(stream)).await {
            Ok(Ok(shaken)) => Some(shaken),
            Ok(Err(why)) => {
                if let Some(why) = why {
                    refuse::no_handshake(peer, why);
                }
                None
            }
            Err(_) => {
                refuse::no_handshake(peer, "the handshake did not come in time");
                None
            }
        },
        None if http2 => {
            let preface = tokio::time::timeout(super::HEAD, has_preface(&stream)).await;
            Some((Stream::Plain(stream), if preface == Ok(true) { Protocol::Http2 } else { Protocol::Http1 }))
        }
        None => Some((Stream::Plain(stream), Protocol::Http1)),
    }
}

/// Whether HTTP/2 is what a connection begins with, once what came is enough to tell.
async fn has_preface(stream: &TcpStream) -> bool {
    let mut first = [0; refuse::PREFACE.len()];
    let mut closed = false;
    loop {
        let Ok(came) = stream.peek(&mut first).await else { return false };
        let begun = first.get(..came).unwrap_or_default();
        if closed || came == 0 || begun.len() == first.len() || !refuse::PREFACE.starts_with(begun) {
            return begun == refuse::PREFACE;
        }
        // What was looked at is still there, and the next look would not wait: not before more has come is there one.
        let _ = stream.try_io(Interest::READABLE, || Err::<(), _>(std::io::ErrorKind::WouldBlock.into()));
        let Ok(ready) = stream.ready(Interest::READABLE).await else { return false };
        closed = ready.is_read_closed();
    }
}

/// The two sides that a handshake may see.
#[derive(Clone)]
struct Tls {
    config: Arc<rustls::ServerConfig>,
    /// For clients that offer nothing of ours: without a protocol they hear why, by a GOAWAY.
    silent: Arc<rustls::ServerConfig>,
}

impl Tls {
    fn new(config: Arc<rustls::ServerConfig>) -> Self {
        let mut silent = rustls::ServerConfig::clone(&config);
        silent.alpn_protocols.clear();
        Self { config, silent: Arc::new(silent) }
    }

    async fn shake(&self, stream: TcpStream) -> Result<(Stream, Protocol), Option<&'static str>> {
        let start =
            LazyConfigAcceptor::new(Acceptor::default(), Greeting::new(stream)).await.map_err(|error| why(&error))?;
        let known = |name: &[u8]| self.config.alpn_protocols.iter().any(|ours| ours == name);
        let nothing = start.client_hello().alpn().is_some_and(|mut offered| !offered.any(known));
        let config = if nothing { &self.silent } else { &self.config };
        let mut stream = start.into_stream(config.clone()).await.map_err(|error| why(&error))?;
        stream.get_mut().0.is_over();
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Stream::Tls(Box::new(stream)), if http2 { Protocol::Http2 } else { Protocol::Http1 }))
    }
}

/// In words of ours. None: the client went away, as checks that only connect do.
fn why(error: &std::io::Error) -> Option<&'static str> {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return (error.kind() == std::io::ErrorKind::InvalidData).then_some("the handshake is too long");
    };
    Some(match tls {
        rustls::Error::NoCertificatesPresented => "the client shows no certificate",
        rustls::Error::InvalidCertificate(_) => "the client's certificate is not of the client authority",
        rustls::Error::AlertReceived(_) => "the client refuses the certificate",
        rustls::Error::PeerIncompatible(_) => "there is no version or cipher that both take",
        rustls::Error::InvalidMessage(_) => "what came is not TLS",
        _ => "the handshake is malformed",
    })
}
