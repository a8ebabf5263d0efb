//! What bounds an HTTP/2 connection, where HTTP/2 is on.
//!
//! The server's HTTP/2 (h2 0.3) sets no limit to streams, to the heads it holds or to frames that cost no window
//! (RUSTSEC-2026-0258), and lets nobody else set one. From outside it can be seen what comes in, how many requests
//! it has become, and which answers are not taken: that is bounded here, and a connection beyond a bound is cut.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::End;
use super::frames::Frames;
use super::list::{now, waited};

/// Requests of a connection at one time; clients keep to 100 before they are told anything.
const STREAMS: u32 = 200;
/// Of a body: what a client may send ahead.
pub(super) const STREAM_WINDOW: u32 = 256 * 1024;
pub(super) const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes that have become nothing: no head, no read body. A head has this much, and so have small frames.
const IDLE_BYTES: u64 = 128 * 1024;
/// Of bodies that are not read: a client that is refused for being one too many has as much on its way.
const LEFT_BYTES: i64 = 4 * 1024 * 1024;
/// How old a connection may become on which no client key was seen.
const ANONYMOUS_AGE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Http2 {
    /// Bytes that have come and become nothing yet; less than 0 by what may still come of bodies that nobody reads.
    idle: Cell<i64>,
    frames: RefCell<Frames>,
    /// Since when each answer waits for its client to take a piece; 0: it does not.
    handed: RefCell<Vec<Rc<Cell<u32>>>>,
}

impl Http2 {
    pub(super) fn came(&self, bytes: &[u8], known: bool) -> Option<End> {
        if !self.frames.borrow_mut().pass(bytes) {
            return Some(End::Cut("http2_flood"));
        }
        let idle = self.idle.get().saturating_add(whole(bytes.len() as u64));
        self.idle.set(idle);
        let window = if known { CONNECTION_WINDOW } else { STREAM_WINDOW };
        (idle > whole(IDLE_BYTES) + i64::from(window)).then_some(End::Cut("http2_flood"))
    }

    /// So many of the bytes have become something.
    pub(super) fn used(&self, bytes: u64) {
        let idle = self.idle.get();
        self.idle.set(idle.saturating_sub(whole(bytes)).max(idle.min(0)));
    }

    /// A body of a known client was answered without it: what of it is on its way is no flood.
    pub(super) fn left(&self) {
        self.idle.set(self.idle.get().saturating_sub(i64::from(STREAM_WINDOW)).max(-LEFT_BYTES));
    }

    pub(super) fn begins(&self, in_flight: u32) -> Option<End> {
        self.used(IDLE_BYTES / 2);
        (in_flight > STREAMS).then_some(End::Cut("http2_streams"))
    }

    /// A cell for an answer: set to the present with each piece handed on, to 0 when the next one is asked for.
    pub(super) fn hand(&self) -> Rc<Cell<u32>> {
        let mut handed = self.handed.borrow_mut();
        handed.retain(|one| Rc::strong_count(one) > 1);
        let cell = Rc::new(Cell::new(now()));
        handed.push(cell.clone());
        cell
    }

    pub(super) fn overdue(&self, opened: u32, known: bool, patience: Duration) -> Option<End> {
        if !known && waited(opened) >= ANONYMOUS_AGE {
            return Some(End::Cut("http2_anonymous"));
        }
        let mut handed = self.handed.borrow_mut();
        handed.retain(|one| Rc::strong_count(one) > 1);
        let unread = handed.iter().any(|one| one.get() != 0 && waited(one.get()) >= patience);
        unread.then_some(End::Cut("unread"))
    }
}

fn whole(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
