//! The body that a client reads: an upstream's answer as it passes, or the wait for one.
//!
//! Always: it ends cleanly only if the upstream's answer was whole, or the last thing in it says that it is not. Whatever
//! else happens, an SSE client gets an error event in its dialect and then a broken connection; who reads a JSON array of
//! what streams gets the error as its last element; any other client gets the broken connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use actors::alarm::{self, Alarm};
use actors::error::Cause;
use actors::exchange::{AnswerBody, LastEvent};
use dialects::error::{self, ErrorKind};
use dialects::{Dialect, Endpoint, Usage, translate};
use futures::Stream;

use crate::connections::Farewell;
use crate::drain::Cut;
use crate::entry::Entry;
use crate::gateway::{self, Granted, Refused};
use crate::record::Outcome;
use crate::running::Running;
use crate::signs::Signs;

enum Stage {
    /// The head is out, comments flow, and the call goes on behind them.
    Waiting(Running),
    Relaying(Box<AnswerBody>),
    /// The last words, and then the end of the connection. `flushed`: they have left for the socket. `whole`: they
    /// finish what the client reads.
    Breaking {
        words: Option<Bytes>,
        flushed: bool,
        whole: bool,
    },
    Ended,
}

pub struct Relay {
    stage: Stage,
    entry: Entry,
    dialect: Dialect,
    endpoint: Endpoint,
    sse: bool,
    /// The client reads one array of what streams.
    array: bool,
    length: Option<u64>,
    /// Signs of life fill the silence between events, for an SSE client.
    tick: Option<Tick>,
    signs: Signs,
    /// Its connection ends behind an answer that is cut at a limit of ours: what reads to the end of the connection sees
    /// that end as well.
    farewell: Option<Farewell>,
    cut: Option<Cut>,
}

/// Ready when nothing has gone to the client for a while.
struct Tick {
    every: Duration,
    due: Instant,
    alarm: Alarm,
}

impl Tick {
    /// `first`: when the first one is due.
    fn new(every: Duration, first: Instant) -> Self {
        Self { every, due: first, alarm: Alarm::default() }
    }

    fn moved(&mut self) {
        self.due = alarm::now() + self.every;
    }
}

impl Relay {
    /// An answer that has come.
    pub fn answer(
        granted: Granted,
        entry: Entry,
        endpoint: Endpoint,
        keepalive: Duration,
        farewell: Option<Farewell>,
        cut: impl FnOnce() -> Cut,
    ) -> Self {
        let sse = granted.answer.body.is_sse();
        // Nothing can follow what is as long as was said.
        let array = granted.answer.body.is_array() && granted.answer.length.is_none();
        let dialect = endpoint.dialect();
        Self {
            length: granted.answer.length,
            stage: Stage::Relaying(granted.answer.body),
            entry,
            dialect,
            endpoint,
            sse,
            array,
            tick: sse.then(|| Tick::new(keepalive, alarm::now() + keepalive)),
            signs: Signs::new(dialect),
            farewell,
            cut: (sse || array).then(cut),
        }
    }

    /// An answer that has not come yet, for a client that waits for a stream of events.
    pub fn waiting(
        call: Running,
        entry: Entry,
        endpoint: Endpoint,
        keepalive: Duration,
        farewell: Option<Farewell>,
        cut: Cut,
    ) -> Self {
        // The first comment goes out with the head.
        let tick = Tick::new(keepalive, alarm::now());
        let dialect = endpoint.dialect();
        Self {
            stage: Stage::Waiting(call),
            entry,
            dialect,
            endpoint,
            sse: true,
            array: false,
            length: None,
            tick: Some(tick),
            signs: Signs::new(dialect),
            farewell,
            cut: Some(cut),
        }
    }

    /// Ends with an error event, where the client reads events; with an error among them, where it reads an array.
    #[cold]
    fn break_off(&mut self, kind: ErrorKind, message: &str, outcome: Outcome) {
        let (mut last, mut words) = (LastEvent::Whole, Vec::new());
        if let Stage::Relaying(body) = &mut self.stage {
            self.entry.record.usage = Some(used(body, self.entry.record.bytes_in));
            last = body.last_event();
            if self.sse || self.array {
                words = body.rest();
            }
        }
        let whole = self.array && last != LastEvent::Unfinished;
        if self.array {
            let first = self.entry.record.bytes_out == 0 && words.is_empty();
            match last {
                LastEvent::Whole => words.extend(error::last_element(kind, message, first)),
                LastEvent::Error => words.push(b']'),
                LastEvent::Unfinished | LastEvent::Bracket => {}
            }
        } else if self.sse && last != LastEvent::Error {
            if last == LastEvent::Unfinished {
                words.extend_from_slice(b"\n\n");
            }
            words.extend(error::event(self.dialect, self.endpoint, kind, message, &self.entry.record.request_id));
        }
        let words = (!words.is_empty()).then(|| self.signs.pass(Bytes::from(words)));
        self.stage = Stage::Breaking { words, flushed: false, whole };
        self.entry.close(outcome);
    }

    #[cold]
    fn called(&mut self, ended: Result<Granted, Refused>) {
        match ended {
            Ok(granted) => self.answered(granted),
            Err(refused) => self.refused(refused),
        }
    }

    /// The upstream's answer has broken off.
    #[cold]
    fn broke(&mut self, cause: Cause) {
        let Stage::Relaying(body) = &self.stage else { return };
        // What the upstream said of itself was in a format that the client does not read.
        let told = if cause == Cause::FailedLate { body.said() } else { None };
        let said = told.map(|failure| (translate::kind_of(&failure), failure.message));
        let (kind, message) = said.unwrap_or_else(|| {
            let (kind, message) = last_words(cause);
            (kind, message.to_owned())
        });
        (self.entry.record.reason, self.entry.record.why) = (Some(cause.label()), body.why(cause));
        self.break_off(kind, &message, Outcome::Cut);
    }

    fn answered(&mut self, granted: Granted) {
        self.entry.answered();
        self.entry.record.deployment = Some(granted.deployment.name.clone());
        if granted.answer.body.is_sse() {
            self.stage = Stage::Relaying(granted.answer.body);
        } else {
            self.break_off(
                ErrorKind::BadGateway,
                "the provider answered a request for a stream without one",
                Outcome::Cut,
            );
        }
    }

    fn refused(&mut self, refused: Refused) {
        match refused {
            Refused::Ours { kind, message, .. } => self.break_off(kind, &message, Outcome::Refused),
            Refused::Relayed(answer) => {
                let kind = translate::error(answer.status.as_u16(), &answer.body).kind;
                self.break_off(kind, &gateway::words(&answer), Outcome::Refused);
            }
        }
    }

    /// A sign of life, when it is time for one.
    #[inline]
    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let Some(tick) = &mut self.tick else { return Poll::Pending };
        std::task::ready!(tick.alarm.poll(tick.due, cx));
        if let Stage::Relaying(body) = &self.stage
            && body.last_event() != LastEvent::Whole
        {
            // It stays due until the event's end has come.
            return Poll::Pending;
        }
        tick.moved();
        Poll::Ready(Some(Ok(self.signs.give())))
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        loop {
            if let Some(cut) = &mut self.cut
                && matches!(self.stage, Stage::Waiting(_) | Stage::Relaying(_))
                && cut.poll(cx).is_ready()
            {
                self.cut = None;
                self.break_off(ErrorKind::Unavailable, "the gateway is shutting down", Outcome::Cut);
            }
            match &mut self.stage {
                Stage::Waiting(call) => {
                    if let Poll::Ready(ended) = Pin::new(call).poll(cx) {
                        self.called(ended);
                        continue;
                    }
                    return self.poll_tick(cx);
                }
                Stage::Relaying(body) => match Pin::new(body.as_mut()).poll_next(cx) {
                    Poll::Pending => return self.poll_tick(cx),
                    Poll::Ready(Some(Ok(piece))) => {
                        self.entry.record.bytes_out += piece.len() as u64;
                        if let Some(tick) = &mut self.tick {
                            tick.moved();
                        }
                        if !self.signs.begun() {
                            return Poll::Ready(Some(Ok(piece)));
                        }
                        let piece = self.signs.pass(piece);
                        if !piece.is_empty() {
                            return Poll::Ready(Some(Ok(piece)));
                        }
                        // Nothing is left of it, and an empty piece would end a chunked body.
                    }
                    Poll::Ready(Some(Err(cause))) => self.broke(cause),
                    Poll::Ready(None) => {
                        if let Some(end) = self.signs.end() {
                            return Poll::Ready(Some(Ok(end)));
                        }
                        self.entry.record.usage = Some(used(body, self.entry.record.bytes_in));
                        if let Some(farewell) = self.farewell.as_ref().filter(|_| body.is_limited()) {
                            farewell.say();
                        }
                        self.stage = Stage::Ended;
                        self.entry.close(Outcome::Answered);
                        return Poll::Ready(None);
                    }
                },
                Stage::Breaking { words, flushed, whole } => {
                    if let Some(words) = words.take() {
                        return Poll::Ready(Some(Ok(words)));
                    }
                    if *whole {
                        self.stage = Stage::Ended;
                        return Poll::Ready(None);
                    }
                    if !*flushed {
                        // An error would end the connection before the server has written what it was given.
                        *flushed = true;
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    self.stage = Stage::Ended;
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                Stage::Ended => return Poll::Ready(None),
            }
        }
    }
}

/// The usage reported, else an estimate marked as such.
fn used(body: &AnswerBody, request_bytes: u64) -> Usage {
    body.usage().unwrap_or_else(|| body.estimate(request_bytes))
}

/// What a client is told of an answer that broke off after its beginning had reached it.
fn last_words(cause: Cause) -> (ErrorKind, &'static str) {
    match cause {
        Cause::Idle | Cause::FirstByteTimeout | Cause::Deadline | Cause::ConnectTimeout => (
            ErrorKind::UpstreamTimeout,
            "the provider stalled in the middle of its answer; what came before this is not whole",
        ),
        Cause::NoRoom => (
            ErrorKind::Unavailable,
            "the gateway holds as much of requests and answers as it may; what came before this is not whole",
        ),
        Cause::Connect
        | Cause::NoFiles
        | Cause::Reset
        | Cause::UploadBroken
        | Cause::UploadEnded
        | Cause::UploadStalled
        | Cause::UploadTooLarge
        | Cause::Protocol
        | Cause::NoToken
        | Cause::Redirect
        | Cause::Status(..)
        | Cause::InBand(_)
        | Cause::NotAnAnswer(_)
        | Cause::CutEarly
        | Cause::Cut
        | Cause::FailedLate
        | Cause::Panic => (
            ErrorKind::BadGateway,
            "the provider broke off in the middle of its answer; what came before this is not whole",
        ),
    }
}

impl Drop for Relay {
    /// The client left: what it has cost until then is booked.
    fn drop(&mut self) {
        if let Stage::Relaying(body) = &self.stage {
            self.entry.record.usage = Some(used(body, self.entry.record.bytes_in));
        }
    }
}

impl MessageBody for Relay {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.length.map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = self.get_mut();
        let polled = this.poll_step(cx);
        if let Poll::Ready(Some(Ok(_))) = &polled {
            this.entry.first_byte();
        }
        polled
    }
}
