//! A worker's connections, and the look through them.
//!
//! The clock counts ticks and is set by the look: what it is asked for on a request's way costs one cell. Always: while
//! there is a connection there is a look every [`TICK`]; without one nothing wakes the thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Connection, End};

/// How exact a limit is.
const TICK: Duration = Duration::from_millis(250);

/// Connections of all workers, for the metrics.
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// All that ever came.
static CAME: AtomicUsize = AtomicUsize::new(0);

struct List {
    places: RefCell<Vec<Option<Rc<Connection>>>>,
    free: RefCell<Vec<usize>>,
    looks: Cell<bool>,
}

thread_local! {
    /// Bytes of connections of nobody known.
    static STRANGE: Cell<u64> = const { Cell::new(0) };
    /// Ticks of this thread; never 0, which stands for never.
    static NOW: Cell<u32> = const { Cell::new(1) };
    static LIST: List = const {
        List { places: RefCell::new(Vec::new()), free: RefCell::new(Vec::new()), looks: Cell::new(false) }
    };
}

/// The present, at most a tick behind.
pub(super) fn now() -> u32 {
    NOW.get()
}

/// The time since that tick.
pub(super) fn waited(since: u32) -> Duration {
    TICK * now().wrapping_sub(since)
}

pub(super) fn strange() -> u64 {
    STRANGE.get()
}

/// What is taken off is added as its complement.
pub(super) fn add_strange(bytes: u64) {
    STRANGE.set(STRANGE.get().wrapping_add(bytes));
}

#[cfg(test)]
pub(super) fn pass(time: Duration) {
    NOW.set(now() + (time.as_millis() / TICK.as_millis()) as u32);
}

/// Connections that are open now, probes' own address left out.
pub fn open_now() -> usize {
    OPEN.load(Ordering::Relaxed)
}

/// Connections that have come so far, those that went again included.
pub fn came() -> usize {
    CAME.load(Ordering::Relaxed)
}

/// A connection's place in the list, given back when it is dropped.
pub(super) struct Place(usize);

impl Place {
    pub(super) fn take(connection: Rc<Connection>, keep_alive: Duration) -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        CAME.fetch_add(1, Ordering::Relaxed);
        LIST.with(|list| {
            let mut places = list.places.borrow_mut();
            let free = list.free.borrow_mut().pop();
            let place = match free.and_then(|free| places.get_mut(free).map(|place| (free, place))) {
                Some((free, place)) => {
                    *place = Some(connection);
                    free
                }
                None => {
                    places.push(Some(connection));
                    places.len() - 1
                }
            };
            if !list.looks.replace(true) {
                actix_web::rt::spawn(look(keep_alive));
            }
            Self(place)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
        LIST.with(|list| {
            let gone = list.places.borrow_mut().get_mut(self.0).and_then(Option::take);
            list.free.borrow_mut().push(self.0);
            drop(gone);
        });
    }
}

/// Every connection of the thread, without the list being held: a look may wake, and what is woken may end.
fn connections() -> Vec<Rc<Connection>> {
    LIST.with(|list| list.places.borrow().iter().flatten().cloned().collect())
}

async fn look(keep_alive: Duration) {
    let began = Instant::now();
    let first = now();
    loop {
        tokio::time::sleep(TICK).await;
        let ticks = began.elapsed().as_millis() / TICK.as_millis();
        NOW.set(first.wrapping_add(u32::try_from(ticks).unwrap_or(u32::MAX)).max(1));
        let connections = connections();
        for connection in &connections {
            connection.look(keep_alive);
        }
        if connections.is_empty() {
            // Taken in the same step in which it was found empty: whoever comes next starts another.
            LIST.with(|list| list.looks.set(false));
            return;
        }
    }
}

/// Takes this thread's place from the one that can best spare it: nobody known's first, the longest held first.
pub(super) fn make_room(moment: Duration) -> bool {
    let spare =
        connections().into_iter().filter_map(|one| Some((one.spare(moment)?, one))).max_by_key(|(spare, _)| *spare);
    match spare {
        Some((_, connection)) => {
            connection.end(End::Cut("full"));
            true
        }
        None => false,
    }
}
