//! What goes to an upstream: its URLs, its credential, the body with the model's name put in its place.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_http::body::{BodySize, MessageBody};
use bytes::Bytes;
use config::Kind;
use dialects::Endpoint;
use dialects::envelope::Edit;
use futures::Stream;
use futures::stream::LocalBoxStream;
use http::Uri;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

/// Where a provider's endpoints are. Made once; asking for one clones two reference counts.
#[derive(Debug)]
pub struct Urls {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// For the `host` header: without the scheme's default port.
    pub host_header: HeaderValue,
    /// One for each of `Endpoint::ALL`; empty where the URL holds the model (Azure's deployment paths).
    endpoints: Vec<Uri>,
    models: Uri,
    /// `http://host:port/prefix/openai/deployments/` and `?api-version=...`.
    azure: Option<(String, String)>,
}

impl Urls {
    pub fn new(config: &config::Provider, demo: Option<SocketAddr>) -> io::Result<Self> {
        let base = &config.base_url;
        let (tls, host, port) = match (config.kind, demo) {
            (Kind::Demo, Some(address)) => (false, address.ip().to_string(), address.port()),
            _ => (base.is_tls(), base.host().to_owned(), base.port()),
        };
        let authority = match (config.kind, demo) {
            (Kind::Demo, Some(address)) => address.to_string(),
            _ => base.authority().to_owned(),
        };
        let host_header = HeaderValue::from_str(&authority).map_err(io::Error::other)?;
        // awc is always told http: TLS is the dialer's. The port is always there, so it cannot be mistaken.
        let bracketed = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.clone() };
        let origin = format!("http://{bracketed}:{port}");
        let root = format!("{origin}{}", base.prefix());
        let uri = |text: String| text.parse::<Uri>().map_err(io::Error::other);
        let (stem, azure) = match (config.kind, &config.api_version) {
            (Kind::Azure, Some(version)) => (
                format!("{root}/openai"),
                Some((format!("{root}/openai/deployments/"), format!("?api-version={version}"))),
            ),
            (Kind::Azure, None) => (format!("{root}/openai/v1"), None),
            (Kind::Demo, _) => (format!("{origin}/v1"), None),
            _ => (format!("{origin}{}", base.root("v1")), None),
        };
        let endpoints = Endpoint::ALL
            .iter()
            .map(|endpoint| uri(format!("{stem}{}", endpoint.path())))
            .collect::<io::Result<_>>()?;
        let query = azure.as_ref().map_or("", |(_, query)| query.as_str());
        let models = uri(format!("{stem}/models{query}"))?;
        Ok(Self { tls, host, port, host_header, endpoints, models, azure })
    }

    /// The URL of an endpoint for a model.
    ///
    /// # Errors
    /// When the model's name cannot stand in a URL that needs it.
    pub fn endpoint(&self, endpoint: Endpoint, model: &str) -> Option<Uri> {
        match &self.azure {
            // The v1-style body carries the model; Responses has no deployment path at Azure.
            Some((stem, query)) if endpoint != Endpoint::Responses => {
                if !dialects::safe_model_name(model) || model.contains('/') {
                    return None;
                }
                format!("{stem}{}{}{query}", encode(model), endpoint.path()).parse().ok()
            }
            Some((_, query)) => format!("{}{query}", self.endpoints.get(endpoint as usize)?).parse().ok(),
            None => self.endpoints.get(endpoint as usize).cloned(),
        }
    }

    pub fn models(&self) -> Uri {
        self.models.clone()
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986, 2.3).
fn encode(model: &str) -> String {
    let mut out = String::with_capacity(model.len());
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The credential header of each key: `api-key` at Azure, a bearer token elsewhere. None for a provider without keys.
pub fn credentials(config: &config::Provider) -> io::Result<Vec<Option<(HeaderName, HeaderValue)>>> {
    if config.keys.is_empty() {
        return Ok(vec![None]);
    }
    let credential = |key: &config::Key| {
        let (name, text) = match config.kind {
            Kind::Azure => (HeaderName::from_static("api-key"), key.secret.expose().to_owned()),
            _ => (AUTHORIZATION, format!("Bearer {}", key.secret.expose())),
        };
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| io::Error::other("a key holds a character that no header may"))?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    };
    config.keys.iter().map(credential).collect()
}

pub fn extra_headers(config: &config::Provider) -> io::Result<Vec<(HeaderName, HeaderValue)>> {
    let header = |(name, value): &(String, config::Secret)| {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| io::Error::other(format!("header {name}: not a header value")))?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    config.headers.iter().map(header).collect()
}

/// An upload on its way through: its bytes as they come, never held as a whole. Clones share what is still to come.
#[derive(Clone)]
pub struct Upload {
    /// Bytes of all of it, where the client told.
    pub length: Option<u64>,
    /// Its beginning, which was looked at and may have been edited.
    pub beginning: VecDeque<Bytes>,
    pub rest: Rest,
}

/// What of an upload has not been looked at.
#[derive(Clone)]
pub struct Rest(Rc<Shared>);

struct Shared {
    stream: RefCell<LocalBoxStream<'static, Result<Bytes, io::Error>>>,
    /// A byte was asked for: from here on it can be sent only once.
    begun: Cell<bool>,
    /// When its last piece was taken.
    moved: Cell<Instant>,
    /// The next piece is still to come from the client.
    awaited: Cell<bool>,
    too_large: Cell<bool>,
}

impl Rest {
    /// A stream that ends with an error of the kind [`io::ErrorKind::FileTooLarge`] was longer than it may be.
    pub fn new(stream: impl Stream<Item = Result<Bytes, io::Error>> + 'static) -> Self {
        Self(Rc::new(Shared {
            stream: RefCell::new(Box::pin(stream)),
            begun: Cell::new(false),
            moved: Cell::new(Instant::now()),
            awaited: Cell::new(false),
            too_large: Cell::new(false),
        }))
    }

    pub(crate) fn last_moved(&self) -> Instant {
        self.0.moved.get()
    }

    /// Whether it is the client that keeps everyone waiting.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.awaited.get()
    }

    /// Whether more came than may.
    pub(crate) fn is_too_large(&self) -> bool {
        self.0.too_large.get()
    }

    /// Whether a part of the upload has been sent: then no other attempt can send it again.
    pub fn has_begun(&self) -> bool {
        self.0.begun.get()
    }
}

impl Upload {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let shared = &self.rest.0;
        shared.begun.set(true);
        let piece = match self.beginning.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None => shared.stream.borrow_mut().as_mut().poll_next(cx),
        };
        shared.awaited.set(piece.is_pending());
        match &piece {
            Poll::Ready(Some(Err(error))) => shared.too_large.set(error.kind() == io::ErrorKind::FileTooLarge),
            Poll::Ready(_) => shared.moved.set(Instant::now()),
            Poll::Pending => {}
        }
        piece
    }
}

/// The body of one exchange.
pub enum RequestBody {
    Pieces { pieces: std::vec::IntoIter<Bytes>, length: u64 },
    Upload(Upload),
}

impl RequestBody {
    /// The client's body with `edits` (ordered, not overlapping) made: slices of it, nothing is copied.
    pub fn edited(body: &Bytes, edits: impl IntoIterator<Item = Edit>) -> Self {
        let mut pieces = Vec::with_capacity(3);
        let mut from = 0;
        for edit in edits {
            debug_assert!(from <= edit.at.start && edit.at.end <= body.len());
            if from < edit.at.start {
                pieces.push(body.slice(from..edit.at.start));
            }
            from = edit.at.end;
            pieces.push(Bytes::from(edit.with));
        }
        if from < body.len() {
            pieces.push(body.slice(from..));
        }
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self::Pieces { pieces: pieces.into_iter(), length }
    }
}

impl RequestBody {
    /// What its tokens can be guessed from: its bytes, or nothing for a file, whose bytes tell nothing of them.
    pub(crate) fn text_bytes(&self) -> u64 {
        match self {
            Self::Pieces { length, .. } => *length,
            Self::Upload(_) => 0,
        }
    }

    /// The same body once more, where it can be sent twice.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Pieces { pieces, length } => Some(Self::Pieces { pieces: pieces.clone(), length: *length }),
            Self::Upload(_) => None,
        }
    }
}

/// Whether something of a request has been sent. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Rc<Cell<bool>>);

impl Sent {
    pub fn get(&self) -> bool {
        self.0.get()
    }

    pub fn mark(&self) {
        self.0.set(true);
    }
}

/// A body that marks when it is asked for: awc asks once the connection is there, and not before.
pub(crate) struct Sending {
    pub body: RequestBody,
    pub sent: Sent,
}

impl MessageBody for Sending {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = self.get_mut();
        this.sent.mark();
        Pin::new(&mut this.body).poll_next(cx)
    }
}

impl MessageBody for RequestBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        match self {
            Self::Pieces { length, .. } => BodySize::Sized(*length),
            Self::Upload(upload) => upload.length.map_or(BodySize::Stream, BodySize::Sized),
        }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        match self.get_mut() {
            Self::Pieces { pieces, .. } => Poll::Ready(pieces.next().map(Ok)),
            Self::Upload(upload) => upload.poll_piece(cx),
        }
    }
}
