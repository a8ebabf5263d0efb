//! A call under way, in a task of its own.
//!
//! A connection's task goes through its whole protocol machine whenever it is woken, which costs more than what most
//! steps of a call do. From a task of its own a call wakes it only once, when there is something to hand over. Always:
//! dropping it drops the call there and then, as if it were awaited in place; a panic in it goes on in who awaits it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

use actix_web::rt::task::JoinHandle;
use futures::future::LocalBoxFuture;

use crate::gateway::{Granted, Refused};
use crate::waits::{Wait, Waits};

type Ended = Result<Granted, Refused>;

/// What a call comes to; nothing goes on once it is dropped.
pub struct Running {
    shared: Rc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    call: RefCell<Option<LocalBoxFuture<'static, Ended>>>,
    ended: Cell<Option<thread::Result<Ended>>>,
    waiter: Cell<Option<Waker>>,
    waits: Waits,
    wait: Cell<Option<Wait>>,
    /// Every piece of an upload wakes it: its steps are not told from its waits, which would cost looks at the clock.
    uploads: bool,
    has_paused: Cell<bool>,
}

impl Running {
    /// Begins at once. The time between its steps counts as waits.
    pub fn start(call: impl Future<Output = Ended> + 'static, waits: Waits, uploads: bool) -> Self {
        let shared = Rc::new(Shared {
            call: RefCell::new(Some(Box::pin(call))),
            ended: Cell::new(None),
            waiter: Cell::new(None),
            waits,
            wait: Cell::new(None),
            uploads,
            has_paused: Cell::new(false),
        });
        let of_task = shared.clone();
        Self { shared, task: actix_web::rt::spawn(poll_fn(move |cx| of_task.step(cx))) }
    }
}

impl Shared {
    fn step(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut call = self.call.borrow_mut();
        let Some(running) = call.as_mut() else { return Poll::Ready(()) };
        if !self.uploads {
            self.wait.take();
        }
        let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
        let ended = match polled {
            Ok(Poll::Ready(ended)) => Ok(ended),
            Ok(Poll::Pending) => {
                self.pause();
                return Poll::Pending;
            }
            Err(panic) => Err(panic),
        };
        self.wait.take();
        *call = None;
        self.ended.set(Some(ended));
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
        Poll::Ready(())
    }

    /// The first pause is for the provider's actor, on this very thread: that is ours, not a wait.
    fn pause(&self) {
        let wait = self.wait.take();
        if self.has_paused.replace(true) {
            self.wait.set(wait.or_else(|| Some(self.waits.begin())));
        }
    }
}

impl Future for Running {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        match self.shared.ended.take() {
            Some(Ok(ended)) => Poll::Ready(ended),
            Some(Err(panic)) => resume_unwind(panic),
            None => {
                self.shared.waiter.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The books are closed right after this: what the call notes when it is dropped belongs in them.
        let call = self.shared.call.try_borrow_mut().ok().and_then(|mut call| call.take());
        if call.is_some() {
            self.shared.wait.take();
            self.task.abort();
        }
    }
}
