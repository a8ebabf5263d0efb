//! A successful answer on its way to the client: handed on as it comes, event by event, and watched.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_http::error::PayloadError;
use actix_http::{HttpMessage, Payload};
use bytes::Bytes;
use dialects::error::{self, ErrorKind};
use dialects::watch::{Cut, Watch};
use dialects::{Dialect, Usage};
use futures::Stream;
use futures::future::poll_fn;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Exchange, Framing, Response};
use crate::alarm::{self, Alarm};
use crate::error::{Cause, ErrorAnswer, Failure};
use crate::headers;
use crate::provider::Permit;

/// Before content comes at most this much is held back; an upstream that says more before its first content is
/// handed on as it is, and no longer retried.
const MAX_HELD: usize = 64 * 1024;

/// The head of an answer, and its body to come.
pub struct Answer {
    pub status: StatusCode,
    /// Only those that may pass.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Bytes of the body, where the upstream told.
    pub length: Option<u64>,
    pub body: Box<AnswerBody>,
}

/// The body: a stream of pieces that ends with None only if the answer is whole.
pub struct AnswerBody {
    /// Without the head, whose map of headers is the larger part of an answer.
    payload: Payload,
    framing: Framing,
    watch: Watch,
    /// Pieces that may go to the client.
    ready: VecDeque<Bytes>,
    /// The beginning of an event whose end has not come.
    partial: VecDeque<Bytes>,
    held: usize,
    alarm: Alarm,
    idle: Duration,
    /// By the alarms' clock.
    moved: Instant,
    started: Instant,
    /// From sending to the first byte of the body.
    first_byte: Option<Duration>,
    /// What the request's tokens are guessed from.
    request_bytes: u64,
    /// Content has come: from here on the answer is the client's.
    content: bool,
    ended: Option<Result<(), Cause>>,
    /// The upstream's own error event was its last word.
    told: bool,
    permit: Option<Permit>,
}

impl Answer {
    pub(super) fn new(mut response: Response, exchange: Exchange, started: Instant) -> Self {
        let Exchange { endpoint, timeouts, strip_usage, permit, request_bytes, .. } = exchange;
        let framing = Framing::of(&response);
        let mut watch = Watch::new(endpoint, super::content_type(&response), super::is_encoded(&response));
        if strip_usage {
            watch.strip_usage();
        }
        if framing == Framing::Close {
            watch.ends_with_connection();
        }
        Self {
            status: response.status(),
            headers: headers::answer(response.headers()),
            length: match framing {
                Framing::Length(length) if !strip_usage => Some(length),
                _ => None,
            },
            body: Box::new(AnswerBody {
                framing,
                watch,
                ready: VecDeque::new(),
                partial: VecDeque::new(),
                held: 0,
                alarm: Alarm::default(),
                idle: timeouts.idle,
                moved: alarm::now(),
                started,
                first_byte: None,
                request_bytes,
                content: false,
                ended: None,
                told: false,
                permit: Some(permit),
                payload: response.take_payload(),
            }),
        }
    }
}

impl AnswerBody {
    /// The error that stood inside a 200, as an answer of its own.
    fn told_error(&self, cause: Cause) -> Option<Box<ErrorAnswer>> {
        let Cause::InBand(_) = cause else { return None };
        let failure = self.watch.failure()?;
        let status = failure.status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.filter(|status| status.is_client_error() || status.is_server_error());
        let body = error::body(Dialect::OpenAi, ErrorKind::InvalidRequest, &failure.message, None, "");
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Some(Box::new(ErrorAnswer { status: status.unwrap_or(StatusCode::BAD_REQUEST), headers, body: body.into() }))
    }

    /// It never had content: an attempt that failed.
    pub(super) fn failed(&mut self, failure: &Failure) {
        if let Some(permit) = &mut self.permit {
            permit.failed(failure.cause, failure.retry_after_ms);
        }
    }

    /// Reads on until there is content, or the answer ends whole without any.
    pub(super) async fn first_content(&mut self, deadline: Instant) -> Result<(), Failure> {
        let body = &mut *self;
        let reading = poll_fn(|cx| {
            loop {
                match body.poll_upstream(cx) {
                    Poll::Ready(Step::Moved) if body.content || body.held > MAX_HELD => {
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Ready(Step::Moved) => {}
                    Poll::Ready(Step::Whole) => return Poll::Ready(Ok(())),
                    Poll::Ready(Step::Broken(Cause::Cut)) => {
                        return Poll::Ready(Err(Cause::CutEarly));
                    }
                    Poll::Ready(Step::Broken(cause)) => return Poll::Ready(Err(cause)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        match alarm::within(deadline, reading).await {
            Err(_) => Err(Cause::Deadline.into()),
            Ok(Err(cause)) => Err(Failure { answer: body.told_error(cause), ..cause.into() }),
            Ok(Ok(())) => {
                if let (Some(permit), Some(first)) = (&mut body.permit, body.first_byte) {
                    permit.answered(first);
                }
                Ok(())
            }
        }
    }
}

/// What the client has read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastEvent {
    Whole,
    /// An event too long to be held back is in the air.
    Unfinished,
    /// An error event of the upstream's own.
    Error,
}

enum Step {
    Moved,
    Whole,
    Broken(Cause),
}

impl AnswerBody {
    /// Is it a stream of events?
    pub fn is_sse(&self) -> bool {
        self.watch.is_sse()
    }

    /// From sending the request to the first byte of its answer.
    pub fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// What the upstream reported, or, once it has ended, an estimate marked as such.
    pub fn usage(&self) -> Option<Usage> {
        self.watch.usage()
    }

    fn used(&self) -> Usage {
        self.usage().unwrap_or_else(|| self.estimate(self.request_bytes))
    }

    /// A guess at the usage, marked as one, for an answer that reported none.
    pub fn estimate(&self, request_bytes: u64) -> Usage {
        self.watch.estimate(request_bytes)
    }

    /// The client has got the upstream's own error event, or an event that an error event cannot follow as it is.
    pub fn last_event(&self) -> LastEvent {
        match self.told {
            true => LastEvent::Error,
            false if self.watch.mid_event() => LastEvent::Unfinished,
            false => LastEvent::Whole,
        }
    }

    /// Takes one piece from the upstream into `ready` and `partial`.
    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(ended) = self.ended {
            return Poll::Ready(ended.map_or_else(Step::Broken, |()| Step::Whole));
        }
        let step = match Pin::new(&mut self.payload).poll_next(cx) {
            Poll::Ready(Some(Ok(piece))) => self.take(piece),
            Poll::Ready(Some(Err(error))) => self.lost(&error),
            Poll::Ready(None) => self.end(true),
            Poll::Pending => {
                // What moved last did so up to a tick later than that clock says.
                std::task::ready!(self.alarm.poll(self.moved + self.idle + alarm::TICK, cx));
                self.broken(Cause::Idle)
            }
        };
        Poll::Ready(step)
    }

    fn take(&mut self, piece: Bytes) -> Step {
        self.moved = alarm::now();
        if self.first_byte.is_none() {
            self.first_byte = Some(self.started.elapsed());
        }
        if let Framing::Length(left) = &mut self.framing {
            *left = left.saturating_sub(piece.len() as u64);
        }
        let before = self.content;
        let seen = self.watch.push(&piece);
        self.content = seen.content;
        if let Some(failure) = seen.failed {
            // Before content it is an attempt's failure; after it the client reads the upstream's own error event.
            if !before && !seen.content {
                return self.broken(Cause::InBand(failure.fault));
            }
            if let Some(permit) = &mut self.permit {
                permit.failed(Cause::FailedLate, None);
            }
        }
        self.held += piece.len();
        let upto = seen.upto.min(piece.len());
        if upto == 0 {
            self.partial.push_back(piece);
            return Step::Moved;
        }
        let stays = piece.slice(upto..);
        self.partial.push_back(piece.slice(..upto));
        match seen.strip {
            None => self.ready.append(&mut self.partial),
            Some(range) => self.forward_without(&range),
        }
        if !stays.is_empty() {
            self.partial.push_back(stays);
        }
        Step::Moved
    }

    /// Forwards what was held but for a range of it.
    fn forward_without(&mut self, range: &Range<usize>) {
        let mut at = 0;
        for piece in self.partial.drain(..) {
            let (from, to) = (at, at + piece.len());
            at = to;
            let before = piece.slice(..range.start.clamp(from, to) - from);
            let after = piece.slice(range.end.clamp(from, to) - from..);
            self.ready.extend([before, after].into_iter().filter(|part| !part.is_empty()));
        }
    }

    fn lost(&mut self, error: &PayloadError) -> Step {
        let at_end = matches!(error, PayloadError::Io(error) | PayloadError::Incomplete(Some(error))
            if error.kind() == io::ErrorKind::UnexpectedEof);
        self.end(at_end && self.framing == Framing::Close)
    }

    fn end(&mut self, clean: bool) -> Step {
        let clean = clean && !matches!(self.framing, Framing::Length(left) if left > 0);
        match self.watch.end(clean) {
            Ok(()) => {
                self.ready.append(&mut self.partial);
                self.ended = Some(Ok(()));
                if let Some(permit) = self.permit.take() {
                    permit.finish(self.used());
                }
                Step::Whole
            }
            Err(cut) => {
                self.told = cut == Cut::Told;
                self.broken(Cause::Cut)
            }
        }
    }

    fn broken(&mut self, cause: Cause) -> Step {
        self.ended = Some(Err(cause));
        if self.content
            && let Some(mut permit) = self.permit.take()
        {
            permit.failed(cause, None);
            permit.finish(self.used());
        }
        Step::Broken(cause)
    }
}

impl Stream for AnswerBody {
    type Item = Result<Bytes, Cause>;

    /// Pieces up to the last whole event. An error is the last item, and what the client has then ends with an event.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            match self.poll_upstream(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Step::Moved) => {}
                Poll::Ready(Step::Whole) if self.ready.is_empty() => return Poll::Ready(None),
                Poll::Ready(Step::Whole) => {}
                Poll::Ready(Step::Broken(cause)) => return Poll::Ready(Some(Err(cause))),
            }
        }
    }
}
