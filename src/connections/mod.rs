//! A client's connection and who answers for it: what it waits for, since when, and when that must end.
//!
//! The HTTP server times a connection's first head and the pause behind an answer, and nothing else: the next head, a lone
//! line end, the rest of a body that was answered early, a window that stays shut would be waited for as long as the
//! client likes. So its stream, its requests and its answers report here ([`stream`], [`watch`]), one look a
//! quarter of a second goes through a worker's connections ([`list`]), and [`accept`] drops what is overdue. Always: no
//! state of a connection is without an end, what costs on the way of a request is a few cells, and no lock.

mod accept;
mod frames;
mod greeting;
mod http2;
mod list;
mod refuse;
mod room;
mod stream;
#[cfg(test)]
mod tests;
mod watch;

use std::cell::{Cell, OnceCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::HttpRequest;

pub use accept::{Rules, service};
pub use list::{came, open_now};
pub use room::Room;

use http2::Http2;
use list::{now, waited};

/// From the first byte of a head to its last, and from a connection's opening to its first byte: short enough to end slow
/// heads, long enough for clients that open connections ahead (FIELD-NOTES: actix's 5 s answers 408 to them).
const HEAD: Duration = Duration::from_secs(30);
/// Between two requests, before one of them has shown whose it is. Balancers keep theirs for 60 s or 75 s.
const ANONYMOUS: Duration = Duration::from_secs(90);
/// For the rest of a body that nobody reads any more.
const REST: Duration = Duration::from_secs(2);
/// A client that takes nothing of an answer for so long has gone; a provider's `idle` may make it less.
const UNREAD: Duration = Duration::from_secs(120);
/// The same before it is known whose connection it is.
const UNREAD_ANONYMOUS: Duration = Duration::from_secs(30);
/// For a head that is on its way, or what else is left to come of somebody unknown, before another is let in instead.
pub const MOMENT: Duration = REST;
/// Before a known client's idle connection is taken from it where places are short.
const SPARED: Duration = Duration::from_secs(10);
/// What a client may send ahead of what is read of it: requests before the one at hand is answered, pieces of a body.
const AHEAD: u64 = 16 * 1024;
const AHEAD_OF_BODY: u64 = 64 * 1024;
/// What connections of nobody known may send in all before no more is read of those that sent more than [`AHEAD`]; for
/// each worker.
const STRANGE: u64 = 16 * 1024 * 1024;
/// A head from here on is counted, with what is held beside it; smaller ones are among what `max_in_flight` bounds.
const LARGE: u64 = 16 * 1024;
const BESIDE: u64 = 40 * 1024;
/// Between two requests of who has sent one.
const WIDE: Duration = Duration::from_secs(5);
/// Answers that are written together: the server writes when it finds nothing more to do, and one that was sent thousands
/// of small requests would answer them all before.
const MOST_UNSENT: u32 = 16;
/// Between the end that a client is told of and the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a connection waits for from its client, while no request is being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Its first byte.
    Opened,
    /// The rest of a head.
    Head,
    /// A further request.
    Idle,
    /// The rest of a body that was answered without it.
    Rest,
    /// That it has heard that this is no place for it.
    Refused,
}

/// With what a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With a blank line, as all do but those whose body has a length.
    Blank,
    /// With its body, of which these are the last eight bytes, or all.
    Bytes { mask: u64, bytes: u64 },
    /// With a body that nobody has looked at.
    Unknown,
}

/// Why and how a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing is owed: the client sees the end of the stream.
    Close(&'static str),
    /// A head that did not come in time: 408, then the end.
    Late,
    /// There and then.
    Cut(&'static str),
}

/// One connection of a client. It stays on its worker's thread.
pub struct Connection {
    peer: Option<IpAddr>,
    opened: u32,
    /// A client key has been seen on it, or a trusted proxy holds it.
    known: Cell<bool>,
    /// Requests being answered.
    in_flight: Cell<u32>,
    wait: Cell<Wait>,
    /// Since when it waits so.
    since: Cell<u32>,
    /// Since when the client takes nothing of what is to be written; 0: it does.
    stuck: Cell<u32>,
    patience: Cell<Duration>,
    /// The last eight bytes that came.
    tail: Cell<u64>,
    /// With what the request ends that came last.
    ends: Cell<Ends>,
    /// Bytes that came up to the end of the head of the request at hand, with whatever came together with it.
    came: Cell<u64>,
    /// What its head holds, if it is large.
    head: Cell<u64>,
    /// One was: what it was read into stays as wide while the connection does.
    wide: Cell<bool>,
    /// Bytes that came since a request's head was whole, or all that came of its body had been read.
    ahead: Cell<u64>,
    /// So many of them may.
    may_be_ahead: Cell<u64>,
    /// Bytes of a connection of nobody known that may still be held.
    strange: Cell<u64>,
    /// No more is read for now.
    paused: Cell<bool>,
    /// Answers since the server had a chance to write them.
    unsent: Cell<u32>,
    /// A request has come that is not begun before something of the answers in front of it has left.
    held_back: Cell<bool>,
    /// The client has been told that an answer is the last one, or only the end of the connection ends it.
    last: Cell<bool>,
    /// A body is on its way that nobody will read.
    rest: Cell<bool>,
    /// It began like a TLS handshake.
    handshake: Cell<bool>,
    /// Set where that is what it speaks.
    http2: OnceCell<Http2>,
    end: Cell<Option<End>>,
    ended: Cell<u32>,
    /// Of the task that serves it.
    waker: Cell<Option<Waker>>,
}

impl Connection {
    fn new(peer: Option<IpAddr>, known: bool) -> Self {
        Self {
            peer,
            opened: now(),
            known: Cell::new(known),
            in_flight: Cell::new(0),
            wait: Cell::new(Wait::Opened),
            since: Cell::new(now()),
            stuck: Cell::new(0),
            patience: Cell::new(UNREAD),
            tail: Cell::new(0),
            ends: Cell::new(Ends::Unknown),
            came: Cell::new(0),
            head: Cell::new(0),
            wide: Cell::new(false),
            ahead: Cell::new(0),
            may_be_ahead: Cell::new(AHEAD),
            strange: Cell::new(0),
            paused: Cell::new(false),
            unsent: Cell::new(0),
            held_back: Cell::new(false),
            last: Cell::new(false),
            rest: Cell::new(false),
            handshake: Cell::new(false),
            http2: OnceCell::new(),
            end: Cell::new(None),
            ended: Cell::new(0),
            waker: Cell::new(None),
        }
    }

    fn http2(&self) -> Option<&Http2> {
        self.http2.get()
    }

    fn waits(&self, wait: Wait) {
        self.wait.set(wait);
        self.since.set(now());
    }

    /// Bytes have come.
    fn came(&self, bytes: &[u8]) {
        match self.http2() {
            Some(http2) => {
                if let Some(end) = http2.came(bytes, self.known.get()) {
                    self.end(end);
                }
            }
            None => {
                self.ahead.set(self.ahead.get() + bytes.len() as u64);
                if !self.known.get() {
                    self.strange.set(self.strange.get() + bytes.len() as u64);
                    list::add_strange(bytes.len() as u64);
                }
                self.tail.set(match bytes.last_chunk() {
                    Some(last) => u64::from_be_bytes(*last),
                    None => bytes.iter().fold(self.tail.get(), |tail, byte| tail << 8 | u64::from(*byte)),
                });
                if self.in_flight.get() == 0 && matches!(self.wait.get(), Wait::Opened | Wait::Idle) {
                    self.waits(Wait::Head);
                }
            }
        }
    }

    /// Whether nothing more is to be read for now: what is held of its bytes is counted nowhere. Its task is woken when
    /// that ends.
    fn is_paused(&self) -> bool {
        let ahead = self.in_flight.get() > 0 && self.ahead.get() >= self.may_be_ahead.get();
        let strange = self.strange.get() >= AHEAD && list::strange() >= STRANGE;
        let deaf = self.held_back.get() || self.stuck.get() != 0 && self.in_flight.get() == 0;
        self.paused.set((ahead || strange || deaf) && self.http2().is_none());
        self.paused.get()
    }

    /// Ready when a request may be begun. What was answered before it leaves first, or answers would pile up: one for each
    /// request that was sent ahead. Behind the last answer none is begun: its answer would be read as a part of that one.
    fn poll_begin(&self, cx: &Context<'_>) -> Poll<()> {
        if self.http2().is_some() {
            return Poll::Ready(());
        }
        let is_last = self.last.get();
        if is_last && self.unsent.get() == 0 && self.stuck.get() == 0 {
            self.end(End::Close("last"));
            return Poll::Pending;
        }
        let is_turn = self.unsent.get() >= MOST_UNSENT;
        if is_turn {
            self.unsent.set(0);
            cx.waker().wake_by_ref();
        }
        let waits = is_turn || is_last || self.stuck.get() != 0;
        self.held_back.set(waits);
        if waits {
            return Poll::Pending;
        }
        self.goes_on();
        Poll::Ready(())
    }

    fn goes_on(&self) {
        if self.paused.get() && !self.is_paused() {
            self.wake();
        }
    }

    /// All that came of the body at hand has been read; `whole`: all of it has come.
    fn is_read(&self, whole: bool) {
        self.ahead.set(0);
        if whole {
            self.may_be_ahead.set(AHEAD);
        }
        self.goes_on();
    }

    /// What it sent is held no longer, or by somebody known.
    fn is_no_stranger(&self) {
        list::add_strange(self.strange.replace(0).wrapping_neg());
        self.goes_on();
    }

    /// Whether what came last is the end of a request, and not in the middle of the next one's head.
    fn is_at_an_end(&self) -> bool {
        let tail = self.tail.get();
        let blank = tail & 0xffff_ffff == 0x0d0a_0d0a || tail & 0xffff == 0x0a0a;
        let one_more = tail & 0xffff_ffff_ffff == 0x0d0a_0d0a_0d0a
            || tail & 0x00ff_ffff == 0x000a_0a0a
            || tail & 0x00ff_ffff_ffff == 0x000d_0a0d_0a0a;
        match self.ends.get() {
            Ends::Blank => blank && !one_more,
            Ends::Bytes { mask, bytes } => tail & mask == bytes,
            Ends::Unknown => true,
        }
    }

    /// A request's head is whole. `length`: of its body; None where only its end will tell.
    fn begins(&self, length: Option<u64>) {
        let ends_blank = length.is_none_or(|length| length == 0) && self.http2().is_none();
        self.came.set(self.ahead.replace(0));
        self.may_be_ahead.set(length.map_or(AHEAD_OF_BODY, |length| length.saturating_add(AHEAD)));
        self.ends.set(if ends_blank { Ends::Blank } else { Ends::Unknown });
        let in_flight = self.in_flight.get() + 1;
        self.in_flight.set(in_flight);
        if let Some(http2) = self.http2()
            && let Some(end) = http2.begins(in_flight)
        {
            self.end(end);
        }
    }

    /// Counts the head of the request at hand, where it is a large one.
    fn has_head(&self, head: impl FnOnce() -> u64) {
        let may_be = self.came.get() >= LARGE && self.http2().is_none();
        let head = if may_be { Some(head()).filter(|head| *head >= LARGE) } else { None };
        self.head.set(head.map_or(0, |head| head + BESIDE));
        self.wide.set(self.wide.get() || head.is_some());
    }

    /// The body of the request at hand, which has a length.
    fn ends_with(&self, body: &[u8]) {
        if self.ends.get() == Ends::Unknown && self.http2().is_none() {
            let last = body.get(body.len().saturating_sub(8)..).unwrap_or_default();
            let (mask, bytes) =
                last.iter().fold((0, 0), |(mask, bytes), byte| (mask << 8 | 0xff, bytes << 8 | u64::from(*byte)));
            self.ends.set(Ends::Bytes { mask, bytes });
        }
    }

    /// An answer is over.
    fn is_answered(&self) {
        let in_flight = self.in_flight.get().saturating_sub(1);
        self.in_flight.set(in_flight);
        self.unsent.set(self.unsent.get() + 1);
        if in_flight == 0 {
            self.waits(match self.rest.get() {
                true => Wait::Rest,
                false if self.is_at_an_end() => {
                    self.ahead.set(0);
                    Wait::Idle
                }
                false => Wait::Head,
            });
            // Of what it sent no more is left than a part of its next head.
            self.is_no_stranger();
        }
    }

    /// Something was written, or could not be.
    #[inline]
    fn wrote(&self, taken: bool) {
        self.unsent.set(0);
        if !taken {
            if self.stuck.get() == 0 {
                self.stuck.set(now());
            }
        } else if self.stuck.get() != 0 || self.paused.get() || self.held_back.get() {
            self.is_taken_again();
        }
    }

    #[cold]
    fn is_taken_again(&self) {
        self.stuck.set(0);
        if self.held_back.get() {
            self.wake();
        }
        self.goes_on();
    }

    /// Why it should be over by now.
    fn overdue(&self, keep_alive: Duration) -> Option<End> {
        let known = self.known.get();
        let patience = if known { self.patience.get() } else { UNREAD_ANONYMOUS };
        if self.stuck.get() != 0 && waited(self.stuck.get()) >= patience {
            return Some(End::Cut("unread"));
        }
        if let Some(http2) = self.http2()
            && let Some(end) = http2.overdue(self.opened, known, patience)
        {
            return Some(end);
        }
        if self.in_flight.get() > 0 {
            return None;
        }
        let idle = if known { keep_alive } else { keep_alive.min(ANONYMOUS) };
        let idle = if self.wide.get() { idle.min(WIDE) } else { idle };
        let (limit, end) = match self.wait.get() {
            Wait::Opened if self.http2().is_some() => (HEAD, End::Cut("idle")),
            Wait::Opened => (HEAD, End::Close("idle")),
            Wait::Head => (HEAD, End::Late),
            Wait::Idle if self.http2().is_some() => (idle, End::Cut("idle")),
            Wait::Idle => (idle, End::Close("idle")),
            Wait::Rest => (REST, End::Close("unread_body")),
            Wait::Refused => (REST, End::Close("http2")),
        };
        (waited(self.since.get()) >= limit).then_some(end)
    }

    /// One look: ends it where it is overdue, and lets go of it where its end was not enough.
    fn look(&self, keep_alive: Duration) {
        match self.end.get() {
            None => match self.overdue(keep_alive) {
                Some(end) => self.end(end),
                // Also to see whether its client is still there.
                None if self.paused.get() => self.wake(),
                None => {}
            },
            Some(End::Cut(_)) => self.wake(),
            Some(End::Close(why)) if waited(self.ended.get()) >= FAREWELL => self.end(End::Cut(why)),
            Some(End::Late) if waited(self.ended.get()) >= FAREWELL => self.end(End::Cut("late")),
            Some(End::Close(_) | End::Late) => {}
        }
    }

    fn end(&self, end: End) {
        self.end.set(Some(end));
        self.ended.set(now());
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake_by_ref();
            self.waker.set(Some(waker));
        }
    }

    /// How long it has held its place without a request of anybody known; None where it is not to be taken from it.
    fn spare(&self, moment: Duration) -> Option<(bool, Duration)> {
        let spare = self.end.get().is_none() && self.in_flight.get() == 0 && self.stuck.get() == 0;
        let (known, held) = (self.known.get(), waited(self.since.get()));
        let spare = spare
            && match self.wait.get() {
                Wait::Idle if known => held >= SPARED,
                Wait::Idle => true,
                Wait::Opened | Wait::Head | Wait::Rest | Wait::Refused => !known && held >= moment,
            };
        spare.then_some((!known, held))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        list::add_strange(self.strange.get().wrapping_neg());
    }
}

/// The connection that a request came over; none in tests.
pub fn of(request: &HttpRequest) -> Option<&Rc<Connection>> {
    request.conn_data::<Rc<Connection>>()
}

/// A request has shown a token that we know.
pub fn known(request: &HttpRequest) {
    if let Some(connection) = of(request) {
        connection.known.set(true);
        connection.is_no_stranger();
    }
}

/// The body of the request at hand came as it is here. Tells how much its head holds in memory, where that is much: 0 for a usual
/// one.
pub fn has_read(connection: Option<&Rc<Connection>>, body: &[u8]) -> u64 {
    let Some(connection) = connection else { return 0 };
    connection.ends_with(body);
    connection.head.get()
}

/// How long the client of an answer may take nothing of it.
pub fn may_pause(connection: Option<&Rc<Connection>>, idle: Duration) {
    if let Some(connection) = connection {
        connection.patience.set(idle.clamp(Duration::from_secs(1), UNREAD));
    }
}

/// A connection that is to end behind the answer that it carries.
pub struct Farewell(Option<Rc<Connection>>);

impl Farewell {
    pub fn of(request: &HttpRequest) -> Self {
        Self(of(request).filter(|connection| connection.http2().is_none()).cloned())
    }

    /// No further request is waited for, but for a moment.
    pub fn say(&self) {
        if let Some(connection) = &self.0 {
            connection.rest.set(true);
        }
    }
}
