//! Time limits by the score: one timer a thread for all that its requests wait for, to a fifth of a second.
//!
//! A timer of the runtime's own costs its place in a wheel and often a system call, and a request waits under several
//! limits of which hardly any is ever reached. Here a limit is an entry in its thread's list, and one task looks
//! through the list every [`TICK`] while there are entries. Always: an alarm fires no earlier than it is due and at most
//! about a tick later; dropping it takes it off the list; [`rouse`] has everything that waits polled once more.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How exact an alarm is.
pub const TICK: Duration = Duration::from_millis(200);
/// For so many ticks without an entry the task goes on: a thread with one request after the other keeps it.
const LINGER: u32 = 20;

/// Each call of [`rouse`] changes it.
static ROUSED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LIST: List = const {
        List { places: RefCell::new(Places { entries: Vec::new(), free: Vec::new() }), ticked: Cell::new(None) }
    };
}

struct List {
    places: RefCell<Places>,
    /// When the task last looked; None while there is no task.
    ticked: Cell<Option<Instant>>,
}

struct Places {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
}

struct Entry {
    due: Option<Instant>,
    waker: Waker,
    fired: bool,
}

/// The present, at most about a [`TICK`] behind; for what is measured in seconds. While alarms are set it costs no look
/// at the clock.
pub fn now() -> Instant {
    LIST.with(|list| list.ticked.get()).unwrap_or_else(Instant::now)
}

/// Has all tasks of the process that wait for an alarm polled again, within a [`TICK`].
pub fn rouse() {
    ROUSED.fetch_add(1, Ordering::Release);
}

/// The time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late;

/// What the future comes to, if it does so in time.
///
/// # Errors
/// When the time is up first.
pub async fn within<F: Future>(due: Instant, future: F) -> Result<F::Output, Late> {
    let mut future = pin!(future);
    let mut alarm = Alarm::default();
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => alarm.poll(due, cx).map(|()| Err(Late)),
    })
    .await
}

/// A limit that something waits under. It stays on its thread.
#[derive(Debug, Default)]
pub struct Alarm {
    place: Option<usize>,
    /// The list is its thread's.
    _stays: std::marker::PhantomData<*const ()>,
}

impl Alarm {
    /// Ready once `due` has passed; it may be another one at each call. To be polled within a task of a `LocalSet`, as
    /// all of actix's are.
    pub fn poll(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.wait(Some(due), cx)
    }

    /// Has the task polled again after the next [`rouse`], and not before.
    pub fn listen(&mut self, cx: &mut Context<'_>) {
        let _pending = self.wait(None, cx);
    }

    fn wait(&mut self, due: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        LIST.with(|list| {
            let mut places = list.places.borrow_mut();
            if let Some(entry) = self.place.and_then(|place| places.entries.get_mut(place)?.as_mut()) {
                if std::mem::take(&mut entry.fired) && due.is_some_and(|due| due <= now()) {
                    entry.due = None;
                    return Poll::Ready(());
                }
                entry.due = due;
                let old = (!entry.waker.will_wake(cx.waker()))
                    .then(|| std::mem::replace(&mut entry.waker, cx.waker().clone()));
                drop(places);
                drop(old); // what hangs on it may hold alarms itself
                return Poll::Pending;
            }
            if due.is_some_and(|due| due <= now()) {
                return Poll::Ready(());
            }
            self.place = Some(places.add(Entry { due, waker: cx.waker().clone(), fired: false }));
            drop(places);
            if list.ticked.get().is_none() {
                start(list);
            }
            Poll::Pending
        })
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // At the end of a thread the list may be gone before its last alarm.
            let _entry = LIST.try_with(|list| list.places.borrow_mut().remove(place));
        }
    }
}

impl Places {
    fn add(&mut self, entry: Entry) -> usize {
        match self.free.pop() {
            Some(place) => {
                if let Some(slot) = self.entries.get_mut(place) {
                    *slot = Some(entry);
                }
                place
            }
            None => {
                self.entries.push(Some(entry));
                self.entries.len() - 1
            }
        }
    }

    fn remove(&mut self, place: usize) -> Option<Entry> {
        self.free.push(place);
        self.entries.get_mut(place)?.take()
    }
}

/// Starts the thread's task.
fn start(list: &List) {
    list.ticked.set(Some(Instant::now()));
    let running = Running;
    // Before anything can go on that a rouse is to tell of.
    let mut roused = ROUSED.load(Ordering::Acquire);
    actix::spawn(async move {
        let _running = running;
        let mut quiet = 0;
        while quiet < LINGER {
            tokio::time::sleep(TICK).await;
            let all = std::mem::replace(&mut roused, ROUSED.load(Ordering::Acquire)) != roused;
            quiet = if tick(all) { 0 } else { quiet + 1 };
        }
    });
}

/// Wakes what is due, or everything. False where there is no entry.
fn tick(all: bool) -> bool {
    let now = Instant::now();
    LIST.with(|list| {
        list.ticked.set(Some(now));
        let mut places = list.places.borrow_mut();
        for entry in places.entries.iter_mut().flatten() {
            let fires = !entry.fired && entry.due.is_some_and(|due| due <= now);
            entry.fired |= fires;
            if fires || all {
                // Only schedules a task: nothing of it runs in here.
                entry.waker.wake_by_ref();
            }
        }
        let any = places.entries.len() > places.free.len();
        if !any {
            // What a rush has left behind is given back.
            *places = Places { entries: Vec::new(), free: Vec::new() };
        }
        any
    })
}

/// The task runs; if it ends, or is dropped with its runtime, the next alarm starts another.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = LIST.try_with(|list| list.ticked.set(None));
    }
}

#[cfg(test)]
mod tests;
