//! A successful answer on its way to the client: handed on as it comes, event by event, and watched.

mod blame;
mod observer;

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_http::error::PayloadError;
use actix_http::{HttpMessage, Payload};
use bytes::Bytes;
use dialects::fault::is_pause;
use dialects::watch::{self, Asked, Cut, Watch};
use dialects::{Output, Usage};
use futures::Stream;
use futures::future::poll_fn;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};

use super::translated::{Came, Halt, Taken, Translated};
use super::{Exchange, Framing, Response, failed};
use blame::late;
use observer::Observer;

use crate::alarm::{self, Alarm};
use crate::connection;
use crate::error::{Cause, Failure};
use crate::headers;
use crate::pieces::{AT_ONCE, Pieces};
use crate::provider::{Permit, Streaming, Veil};
use crate::share::Share;
use crate::spell::Spell;

/// Before content comes at most this much is held back; an upstream that says more before its first content is
/// handed on as it is, and no longer retried.
const MAX_HELD: usize = 64 * 1024;

/// After the last event of a stream its framing's end is waited for no longer than this: the answer is whole, and some
/// upstreams keep the connection open in silence.
const MAX_AFTERMATH: Duration = Duration::from_secs(1);

/// The head of an answer, and its body to come.
pub struct Answer {
    pub status: StatusCode,
    /// Only those that may pass.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Bytes of the body, where the upstream told. Never of a stream, which an error event of ours may have to follow.
    pub length: Option<u64>,
    pub body: Box<AnswerBody>,
}

/// The body: a stream of pieces that ends with None only if the answer is whole.
pub struct AnswerBody {
    /// Without the head, whose map of headers is the larger part of an answer.
    payload: Payload,
    framing: Framing,
    seen_by: Observer,
    /// Pieces that may go to the client.
    ready: Pieces,
    /// The beginning of an event whose end has not come.
    partial: Pieces,
    held: usize,
    /// The most that went on at one time: both connections' buffers stay as wide as that.
    widest: usize,
    /// What of these is more than a little, and what all may hold together.
    share: Share,
    budget: u64,
    alarm: Alarm,
    spell: Spell,
    idle: Duration,
    /// From `started` on.
    to_first_byte: Duration,
    /// By the alarms' clock; what comes after the last event does not count.
    moved: Instant,
    /// The last event has come: the answer is whole, whatever becomes of the connection.
    terminal: bool,
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
    /// What the connection broke with.
    lost: Option<Box<str>>,
    /// When the answer's head says to come back, in milliseconds.
    pub(super) in_header: Option<u64>,
    /// It ended at a limit of ours.
    limited: bool,
    veil: Veil,
    permit: Option<Permit>,
}

impl Answer {
    pub(super) fn new(mut response: Response, exchange: Exchange, started: Instant) -> Self {
        let Exchange {
            endpoint,
            streaming,
            timeouts,
            strip_usage,
            budget,
            translation,
            permit,
            veil,
            request_bytes,
            ..
        } = exchange;
        let framing = Framing::of(&response);
        let mut headers = headers::answer(response.headers());
        veil.drop_telling(&mut headers, false);
        let (content_type, encoded) = (super::content_type(&response), super::is_encoded(&response));
        let may_change = strip_usage || translation.is_some() || streaming != Streaming::No;
        let seen_by = match translation {
            Some(translation) => {
                headers.retain(|(name, _)| name != CONTENT_TYPE && name != CONTENT_ENCODING);
                headers.push((CONTENT_TYPE, HeaderValue::from_static(translation.content_type())));
                Observer::Translated(Box::new(Translated::new(*translation, content_type, encoded, budget)))
            }
            None => {
                let mut watch = Watch::new(endpoint, content_type, encoded);
                watch.asked(match streaming {
                    Streaming::No => Asked::Whole,
                    Streaming::Events => Asked::Events,
                    Streaming::Array => Asked::Any,
                });
                if strip_usage {
                    watch.strip_usage();
                }
                Observer::Watch(watch)
            }
        };
        Self {
            status: response.status(),
            headers,
            length: match framing {
                Framing::Length(length) if !may_change => Some(length),
                _ => None,
            },
            body: Box::new(AnswerBody {
                framing,
                seen_by,
                ready: Pieces::default(),
                partial: Pieces::default(),
                held: 0,
                widest: 0,
                share: Share::none(),
                budget,
                alarm: Alarm::default(),
                spell: Spell::default(),
                idle: timeouts.idle,
                to_first_byte: timeouts.first_byte,
                moved: alarm::now(),
                terminal: false,
                started,
                first_byte: None,
                request_bytes,
                content: false,
                ended: None,
                told: false,
                lost: None,
                in_header: None,
                limited: false,
                veil,
                permit: Some(permit),
                payload: response.take_payload(),
            }),
        }
    }
}

impl Answer {
    /// Says what the body is, where the upstream said something else: SDKs believe it.
    pub(super) fn relabel(&mut self) {
        let Observer::Watch(watch) = &self.body.seen_by else { return };
        if watch.is_sse() || watch.is_array() {
            self.length = None;
        }
        if let Some(content_type) = watch.relabel() {
            self.headers.retain(|(name, _)| name != CONTENT_TYPE);
            self.headers.push((CONTENT_TYPE, HeaderValue::from_static(content_type)));
        }
    }
}

impl AnswerBody {
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
            Ok(Err(cause)) => {
                let failure = body.seen_by.failure().filter(|failure| is_pause(failure.status, failure.fault));
                let retry_after_ms = failure.and_then(|failure| failed::pause(failure.wait, body.in_header));
                let (answer, why) = (body.told_error(cause), body.why(cause));
                Err(Failure { answer, retry_after_ms, why, ..cause.into() })
            }
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
    /// The last bracket of an array.
    Bracket,
}

enum Step {
    Moved,
    Whole,
    Broken(Cause),
}

impl AnswerBody {
    /// Is what the client reads a stream of events?
    pub fn is_sse(&self) -> bool {
        self.seen_by.is_sse()
    }

    /// Is what the client reads one JSON array of what streams?
    pub fn is_array(&self) -> bool {
        self.seen_by.is_array()
    }

    /// Has it ended at a limit of ours, with the upstream in the middle of it?
    pub fn is_limited(&self) -> bool {
        self.limited
    }

    /// What may go to the client and has not gone yet: whole events. Nothing else comes of it any more.
    pub fn rest(&mut self) -> Vec<u8> {
        self.ready.take()
    }

    /// From sending the request to the first byte of its answer.
    pub fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// What the upstream reported.
    pub fn usage(&self) -> Option<Usage> {
        self.seen_by.usage()
    }

    /// A guess at the usage, marked as one, for an answer that reported none.
    pub fn estimate(&self, request_bytes: u64) -> Usage {
        self.seen_by.estimate(request_bytes)
    }

    fn used(&self) -> Usage {
        self.usage().unwrap_or_else(|| self.estimate(self.request_bytes))
    }

    /// The client has got the upstream's own error event, or an event that an error event cannot follow as it is.
    pub fn last_event(&self) -> LastEvent {
        let array = self.is_array();
        match &self.seen_by {
            _ if array && self.terminal => LastEvent::Bracket,
            Observer::Watch(watch) if array && watch.mid_event() => LastEvent::Unfinished,
            // What was cut off before it was told.
            Observer::Watch(watch) if self.ended == Some(Err(Cause::FailedLate)) && !watch.mid_event() => {
                LastEvent::Whole
            }
            Observer::Watch(watch) if self.told || array && watch.failure().is_some() => LastEvent::Error,
            Observer::Watch(watch) if watch.mid_event() => LastEvent::Unfinished,
            Observer::Watch(_) | Observer::Translated(_) => LastEvent::Whole,
        }
    }

    /// Takes one piece from the upstream into `ready` and `partial`.
    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(ended) = self.ended {
            return Poll::Ready(ended.map_or_else(Step::Broken, |()| Step::Whole));
        }
        if let Observer::Translated(translated) = &mut self.seen_by
            && translated.is_beside()
        {
            let came = std::task::ready!(translated.poll_beside(cx));
            self.moved = alarm::now(); // we were slow, not the upstream
            return Poll::Ready(match came {
                Ok(Came::Piece(taken)) => self.taken(taken),
                Ok(Came::End(ended)) => self.written(ended),
                Err(halt) => self.halted(&halt),
            });
        }
        // An upstream that goes on after its last event is not listened to for ever.
        if self.terminal && alarm::now() > self.moved + MAX_AFTERMATH + alarm::TICK {
            return Poll::Ready(self.end(false));
        }
        std::task::ready!(self.spell.poll(cx));
        let step = match Pin::new(&mut self.payload).poll_next(cx) {
            Poll::Ready(Some(Ok(piece))) => self.take(piece),
            Poll::Ready(Some(Err(error))) => self.lost(&error),
            Poll::Ready(None) => self.end(true),
            Poll::Pending => {
                self.spell.over();
                let due = match self.first_byte {
                    _ if self.terminal => self.moved + self.idle.min(MAX_AFTERMATH),
                    // A head that comes before the first token is no sign that the token will come sooner.
                    None => (self.moved + self.idle).max(self.started + self.to_first_byte),
                    Some(_) => self.moved + self.idle,
                };
                // What moved last did so up to a tick later than that clock says.
                std::task::ready!(self.alarm.poll(due + alarm::TICK, cx));
                if self.terminal { self.end(false) } else { self.broken(Cause::Idle) }
            }
        };
        Poll::Ready(step)
    }

    fn take(&mut self, mut piece: Bytes) -> Step {
        if !self.terminal {
            self.moved = alarm::now();
        }
        if self.first_byte.is_none() {
            self.first_byte = Some(self.started.elapsed());
        }
        if let Framing::Length(left) = &mut self.framing {
            *left = left.saturating_sub(piece.len() as u64);
        }
        self.spell.worked(piece.len());
        let before = self.content;
        let seen = match &mut self.seen_by {
            Observer::Watch(watch) => watch.push(&piece),
            Observer::Translated(translated) => {
                return match translated.push(&piece) {
                    Ok(taken) => self.taken(taken),
                    Err(halt) => self.halted(&halt),
                };
            }
        };
        if let Some(what) = seen.foreign {
            return self.broken(Cause::NotAnAnswer(what));
        }
        self.content = seen.content;
        self.terminal = seen.terminal;
        if let Some(failure) = seen.failed {
            // Before content it is an attempt's failure; after it the client reads the upstream's own error event.
            if !before && !seen.content {
                return self.broken(Cause::InBand(failure.fault));
            }
            if !seen.cut {
                self.failed_late(late(failure.fault));
            }
        }
        self.held += piece.len();
        self.widest = self.widest.max((self.partial.len() + piece.len()).min(AT_ONCE));
        if seen.upto >= piece.len() {
            self.settle(piece, &seen.strip);
        } else if seen.upto > 0 {
            let begins = piece.split_off(seen.upto);
            self.settle(piece, &seen.strip);
            self.partial.push(begins);
        } else {
            self.partial.push(piece);
        }
        if seen.cut {
            // Told by the relay in the client's dialect.
            return self.broken(Cause::FailedLate);
        }
        // Who watches holds an unfinished event as well, and both of them grow by doubling.
        let holds = 3 * self.partial.len() + self.ready.len() + 2 * self.widest;
        if self.share.cover(holds as u64, self.budget).is_err() {
            return self.broken(Cause::NoRoom);
        }
        Step::Moved
    }

    /// The end of an event, or of several, has come: they may go to the client.
    #[inline(always)]
    fn settle(&mut self, end: Bytes, strip: &[Range<usize>]) {
        let has_words = self.seen_by.has_words();
        if self.partial.is_empty() && strip.is_empty() && !has_words {
            self.ready.push(end);
        } else {
            self.put_together(end, strip, has_words);
        }
    }

    #[cold]
    fn put_together(&mut self, end: Bytes, strip: &[Range<usize>], has_words: bool) {
        self.partial.push(end);
        if !strip.is_empty() {
            self.partial.cut(strip);
        }
        if has_words {
            self.veil_words();
        }
        self.ready.append(&mut self.partial);
    }

    /// What the upstream has told of its failure goes to the client as it is, but for the secrets it may repeat.
    fn veil_words(&mut self) {
        let Observer::Watch(watch) = &self.seen_by else { return };
        let events = self.partial.take();
        let veiled = self.veil.over_words(watch, &events);
        self.partial.push(veiled.unwrap_or(events).into());
    }

    /// What a piece has become in the client's format.
    fn taken(&mut self, Taken { out, content, terminal, limited, failed }: Taken) -> Step {
        self.content |= content;
        self.terminal = terminal;
        self.held += out.len();
        out.pour(|piece| self.ready.push(piece));
        if limited {
            // The client has its last event: the upstream is left at once, or it would go on to be paid.
            self.limited = true;
            return self.end(false);
        }
        let Some(fault) = self.seen_by.failure().filter(|_| failed).map(|failure| failure.fault) else {
            return Step::Moved;
        };
        // After content it is for the relay to say it in the client's dialect.
        self.broken(if self.content { Cause::FailedLate } else { Cause::InBand(fault) })
    }

    /// Nothing has become of a piece, or not yet.
    fn halted(&mut self, halt: &Halt) -> Step {
        match halt {
            Halt::Beside => Step::Moved,
            Halt::Foreign => self.broken(Cause::NotAnAnswer(watch::OTHER)),
            Halt::NoRoom => self.broken(Cause::NoRoom),
            Halt::Panic => self.broken(Cause::Panic),
        }
    }

    /// The last of what is translated.
    fn written(&mut self, ended: Result<Output, Cut>) -> Step {
        let ended = ended.map(|last| last.pour(|piece| self.ready.push(piece)));
        self.over(ended)
    }

    fn lost(&mut self, error: &PayloadError) -> Step {
        let ends = self.framing == Framing::Close && connection::is_end(error);
        if !ends && let PayloadError::Io(error) | PayloadError::Incomplete(Some(error)) = error {
            self.lost = Some(connection::why::of_io(error).into());
        }
        self.end(ends)
    }

    fn end(&mut self, clean: bool) -> Step {
        let clean = clean && !matches!(self.framing, Framing::Length(left) if left > 0);
        let ended = match &mut self.seen_by {
            Observer::Watch(watch) => watch.end(clean),
            Observer::Translated(translated) => {
                return match translated.end(clean) {
                    Ok(ended) => self.written(ended),
                    Err(halt) => self.halted(&halt),
                };
            }
        };
        self.over(ended)
    }

    fn over(&mut self, ended: Result<(), Cut>) -> Step {
        match ended {
            Ok(()) => {
                if matches!(&self.seen_by, Observer::Watch(watch) if watch.strips_rest()) {
                    self.partial = Pieces::default();
                }
                // Such as a last comment without its blank line.
                if self.seen_by.has_words() {
                    self.veil_words();
                }
                self.ready.append(&mut self.partial);
                self.ended = Some(Ok(()));
                // Whose framing has not ended is closed now, not when the client has read all.
                self.payload = Payload::None;
                if let Some(permit) = self.permit.take() {
                    permit.finish(self.used());
                }
                Step::Whole
            }
            Err(cut) => {
                self.told = cut == Cut::Told;
                self.broken(match (self.seen_by.failure().filter(|_| !self.content), cut) {
                    (Some(failure), _) => Cause::InBand(failure.fault),
                    (None, Cut::Foreign(what)) => Cause::NotAnAnswer(what),
                    (None, Cut::Broken | Cut::NoTerminal | Cut::Told) => Cause::Cut,
                })
            }
        }
    }

    fn broken(&mut self, cause: Cause) -> Step {
        self.ended = Some(Err(cause));
        if self.content {
            let is_told = self.told || cause == Cause::FailedLate;
            let told = self.seen_by.failure().map(|failure| late(failure.fault)).filter(|_| is_told);
            self.failed_late(told.unwrap_or(cause));
            if let Some(permit) = self.permit.take() {
                permit.finish(self.used());
            }
        }
        Step::Broken(cause)
    }
}

impl Stream for AnswerBody {
    type Item = Result<Bytes, Cause>;

    /// Pieces up to the last whole event. An error is the last item, and what the client has then ends with an event.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(piece) = self.ready.pop() {
                return Poll::Ready(Some(Ok(piece)));
            }
            match self.poll_upstream(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Step::Moved) => {}
                Poll::Ready(Step::Whole) if self.ready.is_empty() => return Poll::Ready(None),
                Poll::Ready(Step::Whole) => {}
                // What came before it is the client's.
                Poll::Ready(Step::Broken(_)) if !self.ready.is_empty() => {}
                Poll::Ready(Step::Broken(cause)) => return Poll::Ready(Some(Err(cause))),
            }
        }
    }
}
