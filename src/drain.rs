//! Stopping: readiness goes first, then what is in flight may finish, then what is left is cut with an error event.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use actors::alarm::{self, Alarm};
use futures::future::poll_fn;

const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const CUTTING: u8 = 2;

/// The switch, held by who stops the process.
#[derive(Debug)]
pub struct Switch(Arc<AtomicU8>);

/// What the handlers see of it.
#[derive(Debug, Clone)]
pub struct Drain(Arc<AtomicU8>);

pub fn switch() -> (Switch, Drain) {
    let phase = Arc::new(AtomicU8::new(SERVING));
    (Switch(phase.clone()), Drain(phase))
}

impl Switch {
    /// Not ready any more.
    pub fn drain(&self) {
        self.0.fetch_max(DRAINING, Ordering::Release);
    }

    /// The grace is over.
    pub fn cut(&self) {
        self.0.store(CUTTING, Ordering::Release);
        alarm::rouse();
    }
}

impl Drain {
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Acquire) >= DRAINING
    }

    fn is_cutting(&self) -> bool {
        self.0.load(Ordering::Acquire) == CUTTING
    }

    /// What the future comes to, unless it is cut before.
    ///
    /// # Errors
    /// When what is in flight is to end.
    pub async fn unless_cut<F: Future>(&self, mut future: Pin<&mut F>) -> Result<F::Output, Cutting> {
        let mut cut = self.cut();
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => cut.poll(cx).map(|()| Err(Cutting)),
        })
        .await
    }

    /// Becomes ready when what is in flight is to be cut.
    pub fn cut(&self) -> Cut {
        Cut { drain: self.clone(), alarm: Alarm::default() }
    }
}

/// The grace is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutting;

/// Waits for the cut, which it hears of within an alarm's tick.
pub struct Cut {
    drain: Drain,
    alarm: Alarm,
}

impl Cut {
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // In this order, or a cut between the two would be missed.
        self.alarm.listen(cx);
        if self.drain.is_cutting() { Poll::Ready(()) } else { Poll::Pending }
    }
}
