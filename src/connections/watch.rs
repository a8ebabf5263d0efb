//! Around the application: each request and each answer, as its connection sees them.
//!
//! Here an answer also gets what only its connection knows of: an HTTP/1.0 client reads no chunks, so an answer without
//! a length ends with its connection; so does one to a request whose body nobody has read, and any while the port is about
//! to close.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::body::{BodySize, MessageBody};
use actix_http::error::PayloadError;
use actix_http::header::CONTENT_LENGTH;
use actix_http::{BoxedPayloadStream, ConnectionType, HttpMessage, Payload, Request, Response, Version};
use actix_service::{Service, ServiceFactory};
use bytes::Bytes;
use futures::Stream;
use futures::future::LocalBoxFuture;
use pin_project_lite::pin_project;

use super::{Connection, End};
use crate::drain::Drain;

/// Headers of a request over HTTP/2: as many as the server takes over HTTP/1, where a head of many small ones is refused
/// before it is built.
const HEADERS: usize = 96;

pub(super) struct Watched<F> {
    pub(super) app: F,
    pub(super) drain: Option<Drain>,
}

impl<F, B> ServiceFactory<Request> for Watched<F>
where
    F: ServiceFactory<Request, Config = (), Response = Response<B>>,
    F::Future: 'static,
    F::InitError: 'static,
    B: MessageBody,
{
    type Response = Response<Answer<B>>;
    type Error = F::Error;
    type Config = ();
    type Service = Watched<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (app, drain) = (self.app.new_service(()), self.drain.clone());
        Box::pin(async move { Ok(Watched { app: app.await?, drain }) })
    }
}

impl<S, B> Service<Request> for Watched<S>
where
    S: Service<Request, Response = Response<B>>,
    B: MessageBody,
{
    type Response = Response<Answer<B>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.app.poll_ready(cx)
    }

    fn call(&self, mut request: Request) -> Self::Future {
        let connection = request.conn_data::<Rc<Connection>>().cloned();
        let mut unread = None;
        if let Some(connection) = &connection {
            let body = !matches!(request.payload(), Payload::None);
            let length = if body { length(&request) } else { Some(0) };
            // The server refuses what has both.
            let chunked = length.is_none() && request.chunked().unwrap_or(false);
            connection.begins(length);
            connection.has_head(|| length_of_head(&request));
            if connection.http2().is_some() && request.headers().len() > HEADERS {
                connection.end(End::Cut("http2_headers"));
            }
            if chunked || body && connection.http2().is_some() {
                unread = watch_body(&mut request, connection);
            }
        }
        let old = request.version() == Version::HTTP_10;
        // Who offers another protocol (h2c, or nginx with `Connection upgrade` for everything) is served as if it had not;
        // the server would repeat that header, and close without a word.
        let offers = request.head().connection_type() == ConnectionType::Upgrade;
        let closes = offers || self.drain.as_ref().is_some_and(Drain::is_draining);
        Answering { busy: connection.map(Busy), begun: false, unread, old, closes, answer: self.app.call(request) }
    }
}

fn length_of_head(request: &Request) -> u64 {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    (headers.sum::<usize>() + request.uri().path_and_query().map_or(0, |path| path.as_str().len())) as u64
}

fn length(request: &Request) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the body is read to its end can only be seen where it is asked for. One that has a length needs no look: the
/// server itself closes where such a one was left.
fn watch_body(request: &mut Request, connection: &Rc<Connection>) -> Option<Rc<Cell<bool>>> {
    let unread = Rc::new(Cell::new(true));
    let body = Body { body: request.take_payload(), unread: unread.clone(), connection: connection.clone() };
    let body: BoxedPayloadStream = Box::pin(body);
    *request.payload() = Payload::Stream { payload: body };
    connection.http2().is_none().then_some(unread)
}

/// A body that tells how far it was read.
struct Body {
    body: Payload,
    unread: Rc<Cell<bool>>,
    connection: Rc<Connection>,
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(http2) = self.connection.http2()
            && self.unread.get()
            && self.connection.known.get()
        {
            http2.left();
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Poll::Ready(piece) = Pin::new(&mut this.body).poll_next(cx) else {
            this.connection.is_read(false);
            return Poll::Pending;
        };
        match (&piece, this.connection.http2()) {
            (None, _) => {
                this.unread.set(false);
                this.connection.is_read(true);
            }
            (Some(Ok(piece)), Some(http2)) => http2.used(piece.len() as u64),
            (Some(_), _) => {}
        }
        Poll::Ready(piece)
    }
}

/// The connection answers one request more, until this is dropped.
struct Busy(Rc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.is_answered();
    }
}

pin_project! {
    /// A request that has no answer yet.
    pub struct Answering<A> {
        busy: Option<Busy>,
        begun: bool,
        unread: Option<Rc<Cell<bool>>>,
        old: bool,
        closes: bool,
        #[pin]
        answer: A,
    }
}

impl<A, B, E> Future for Answering<A>
where
    A: Future<Output = Result<Response<B>, E>>,
    B: MessageBody,
{
    type Output = Result<Response<Answer<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !*this.begun {
            if let Some(Busy(connection)) = this.busy {
                ready!(connection.poll_begin(cx));
            }
            *this.begun = true;
        }
        let mut response = ready!(this.answer.poll(cx))?;
        let rest = this.unread.as_ref().is_some_and(|unread| unread.get());
        let endless = *this.old && matches!(response.body().size(), BodySize::Stream);
        if endless {
            response.head_mut().no_chunking(true);
        }
        if endless || rest || *this.closes {
            response.head_mut().set_connection_type(ConnectionType::Close);
            if let Some(Busy(connection)) = this.busy {
                connection.rest.set(rest || connection.rest.get());
                connection.last.set(true);
            }
        }
        let busy = this.busy.take();
        Poll::Ready(Ok(response.map_body(|_, body| {
            let handed = busy.as_ref().and_then(|Busy(connection)| connection.http2().map(|http2| http2.hand()));
            Answer { body, handed, _busy: busy }
        })))
    }
}

pin_project! {
    /// The body of an answer.
    pub struct Answer<B> {
        #[pin]
        body: B,
        handed: Option<Rc<Cell<u32>>>,
        _busy: Option<Busy>,
    }
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        let Some(handed) = this.handed else { return this.body.poll_next(cx) };
        let polled = this.body.poll_next(cx);
        handed.set(if matches!(polled, Poll::Ready(Some(_))) { super::list::now() } else { 0 });
        polled
    }
}
