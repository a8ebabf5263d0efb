//! One exchange with an upstream: send, wait for the first content, hand on the rest. No policy.
//!
//! Always: dropping an [`Exchange`] run or an [`Answer`] closes the upstream connection at once and gives back what
//! the permit holds. Nothing is buffered but what came before the first content (bounded) and an event's head
//! until its end has come (bounded by the watch).

mod answer;
mod collected;
mod failed;
mod translated;

use std::sync::Arc;
use std::time::{Duration, Instant};

use awc::FrozenClientRequest;
use awc::error::SendRequestError;
use config::Timeouts;
use dialects::Endpoint;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};

use crate::alarm;
use crate::connection;
use crate::error::{Cause, Failure};
use crate::provider::{Permit, RequestBody, Rest, Sending, Streaming, Tokens, Veil};

pub use answer::{Answer, AnswerBody, LastEvent};
pub use translated::Translation;

/// A request that was admitted and not yet sent. Opaque: who holds it knows nothing of the HTTP client.
pub struct Exchange {
    pub(crate) request: FrozenClientRequest,
    /// Taken when it is sent.
    pub(crate) body: Option<RequestBody>,
    /// The same body once more, for the silent retry on a fresh connection.
    pub(crate) again: Option<RequestBody>,
    /// What the request's tokens are guessed from where the answer reports none.
    pub(crate) request_bytes: u64,
    pub(crate) endpoint: Endpoint,
    /// How the client wants the answer.
    pub(crate) streaming: Streaming,
    pub(crate) timeouts: Timeouts,
    /// The first content must have come by then.
    pub(crate) deadline: Instant,
    /// Drop the usage event that was asked for on the client's behalf.
    pub(crate) strip_usage: bool,
    /// What all requests may hold together.
    pub(crate) budget: u64,
    pub(crate) translation: Option<Box<Translation>>,
    /// Over what the upstream may repeat of the request's secrets.
    pub(crate) veil: Veil,
    /// There was no access token yet when it was admitted: it is waited for.
    pub(crate) awaited: Option<Arc<Tokens>>,
    pub(crate) permit: Permit,
}

/// How soon a kept-alive connection shows that it was closed already.
const STALE_WITHIN: Duration = Duration::from_secs(5);

type Response = awc::ClientResponse;

impl Exchange {
    /// The place of the key it is sent with among the provider's.
    pub fn key(&self) -> usize {
        self.permit.key()
    }

    /// Sends, and waits until the answer is worth handing on: its first content for a success.
    ///
    /// # Errors
    /// Every other end, told to the health of who was to blame.
    pub async fn run(mut self: Box<Self>) -> Result<Answer, Failure> {
        let authorization = match self.awaited.take() {
            None => None,
            // Boxed: it is rare, and would make every exchange larger.
            Some(tokens) => match Box::pin(tokens.wait(self.deadline)).await {
                Ok(value) => {
                    self.veil.sends(value.clone());
                    Some(value)
                }
                Err(cause) => {
                    self.permit.failed(cause, None);
                    let mut failure = Failure::from(cause);
                    self.permit.told(&mut failure);
                    return Err(failure);
                }
            },
        };
        let started = Instant::now();
        let mut sent = self.send(None, authorization.as_ref()).await;
        // What is closed as it is written to is closed at once. Later the request may be at work, and would be paid twice.
        if matches!(sent, Err(Lost::Stale))
            && started.elapsed() < STALE_WITHIN
            && let Some(again) = self.again.take()
        {
            sent = self.send(Some(again), authorization.as_ref()).await;
        }
        let mut failure = match sent {
            Err(lost) => lost.failure(),
            Ok(response) => {
                self.permit.sent().mark(); // a body of no length is never asked for
                let in_header = self.permit.learn(response.headers());
                if response.status().is_success() {
                    return self.content(response, started, in_header).await;
                }
                // Boxed: errors are rare, and what reads them would make every exchange larger.
                Box::pin(failed::read(response, self.endpoint.dialect(), self.timeouts, self.deadline, &self.veil))
                    .await
            }
        };
        self.permit.failed(failure.cause, failure.retry_after_ms);
        self.permit.told(&mut failure);
        Err(failure)
    }

    async fn content(
        self: Box<Self>,
        response: Response,
        started: Instant,
        in_header: Option<u64>,
    ) -> Result<Answer, Failure> {
        let deadline = self.deadline;
        let mut answer = Answer::new(response, *self, started);
        answer.body.in_header = in_header;
        match answer.body.first_content(deadline).await {
            Ok(()) => {
                answer.relabel();
                Ok(answer)
            }
            Err(mut failure) => {
                answer.body.failed(&mut failure);
                Err(failure)
            }
        }
    }

    /// Sends `again`, or the body itself, and waits for the head of the answer.
    async fn send(
        &mut self,
        again: Option<RequestBody>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, Lost> {
        let Some(body) = again.or_else(|| self.body.take()) else { return Err(Lost::Stale) };
        let started = Instant::now();
        // An upload may take as long as it moves: the first byte is waited for from its last piece on.
        let (upload, large) = match &body {
            RequestBody::Upload(upload) => (Some(upload.rest.clone()), true),
            RequestBody::Pieces { length, .. } => (None, *length > 64 * 1024),
        };
        let first_byte = || upload.as_ref().map_or(started, Rest::last_moved) + self.timeouts.first_byte;
        let sending = Sending { body, sent: self.permit.sent() };
        let mut sent = match authorization {
            None => self.request.send_body(sending),
            Some(value) => self.request.extra_header((AUTHORIZATION, value.clone())).send_body(sending),
        };
        loop {
            let until = first_byte().min(self.deadline);
            match alarm::within(until, &mut sent).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(_)) if upload.as_ref().is_some_and(Rest::is_too_large) => {
                    return Err(Lost::Cause(Cause::UploadTooLarge));
                }
                Ok(Err(error)) => return Err(classify(&error, large)),
                Err(_) if until < self.deadline && first_byte() > Instant::now() => {}
                Err(_) if upload.as_ref().is_some_and(Rest::is_awaited) => {
                    return Err(Lost::Cause(Cause::UploadStalled));
                }
                Err(_) if Instant::now() >= self.deadline => return Err(Lost::Cause(Cause::Deadline)),
                Err(_) => {
                    let why = format!("no answer within {} s", self.timeouts.first_byte.as_secs_f32());
                    return Err(Lost::Told(Cause::FirstByteTimeout, why));
                }
            }
        }
    }
}

/// Why there is no head of an answer.
enum Lost {
    /// A kept-alive connection was closed as we wrote to it: nothing of an answer came.
    Stale,
    Cause(Cause),
    /// And what the socket or the certificate said.
    Told(Cause, String),
}

impl Lost {
    fn failure(self) -> Failure {
        let (cause, why) = match self {
            Self::Stale => (Cause::Reset, Some("a kept-alive connection was closed".to_owned())),
            Self::Cause(cause) => (cause, None),
            Self::Told(cause, why) => (cause, Some(why)),
        };
        Failure { why: why.map(String::into_boxed_str), ..cause.into() }
    }
}

fn classify(error: &SendRequestError, large: bool) -> Lost {
    match kind(error, large) {
        Lost::Cause(cause) => Lost::Told(cause, connection::why::of_request(error)),
        lost => lost,
    }
}

fn kind(error: &SendRequestError, large: bool) -> Lost {
    use actix_http::error::ParseError;
    use awc::error::ConnectError;
    let io = |error: &std::io::Error| {
        if crate::connection::is_stale(error) {
            Lost::Stale
        } else if large {
            Lost::Cause(Cause::UploadBroken)
        } else {
            Lost::Cause(Cause::Reset)
        }
    };
    match error {
        SendRequestError::Connect(ConnectError::Timeout) => Lost::Cause(Cause::ConnectTimeout),
        SendRequestError::Connect(ConnectError::Disconnected) => Lost::Cause(Cause::Reset),
        SendRequestError::Connect(ConnectError::Io(error)) if crate::connection::is_out_of_files(error) => {
            Lost::Cause(Cause::NoFiles)
        }
        SendRequestError::Connect(_) => Lost::Cause(Cause::Connect),
        SendRequestError::Send(error) => io(error),
        SendRequestError::Response(ParseError::Io(error)) if crate::connection::is_stale(error) => Lost::Stale,
        // The connection stands, and what comes over it is no answer: heads without an end, a broken TLS record.
        SendRequestError::Response(ParseError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
            Lost::Cause(Cause::Protocol)
        }
        SendRequestError::Response(ParseError::Io(_)) => Lost::Cause(Cause::Reset),
        SendRequestError::Timeout => Lost::Cause(Cause::FirstByteTimeout),
        SendRequestError::Body(_) => Lost::Cause(Cause::UploadEnded),
        _ => Lost::Cause(Cause::Protocol),
    }
}

/// How the end of an answer's body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Bytes that are still to come.
    Length(u64),
    Chunked,
    /// By the end of the connection: an end of file is the end.
    Close,
}

impl Framing {
    pub fn of(response: &Response) -> Self {
        let headers = response.headers();
        // `identity` says nothing, and awc reads it so.
        if headers.get(TRANSFER_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Self::Chunked;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        match length {
            Some(length) => Self::Length(length),
            None if response.status() == http::StatusCode::NO_CONTENT => Self::Length(0),
            None => Self::Close,
        }
    }
}

fn text(response: &Response, name: http::HeaderName) -> &str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

pub(crate) fn is_encoded(response: &Response) -> bool {
    !matches!(text(response, CONTENT_ENCODING), "" | "identity")
}

pub(crate) fn content_type(response: &Response) -> &str {
    text(response, CONTENT_TYPE)
}
