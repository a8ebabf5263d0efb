//! What comes faster than it is worked on gives its worker back now and then.
//!
//! A task that only yields is polled again before the runtime looks at any socket, some sixty times over: all others of
//! the worker wait meanwhile. One that sleeps is not.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// So long is worked on end.
const SPELL: Duration = Duration::from_millis(3);
/// So long the others have their turn.
const PAUSE: Duration = Duration::from_millis(1);
/// Bytes of work that nobody looks at a clock for.
const LITTLE: usize = 16 * 1024;
/// What a piece costs however short it is, in bytes.
const PIECE: usize = 64;

/// Others have their turn.
pub async fn turn() {
    tokio::time::sleep(PAUSE).await;
}

/// Work on a stream since others had their turn.
#[derive(Default)]
pub(crate) struct Spell {
    bytes: usize,
    began: Option<Instant>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Spell {
    /// A piece of so many bytes more is worked on.
    #[inline]
    pub fn worked(&mut self, bytes: usize) {
        self.bytes += bytes + PIECE;
        if self.bytes < LITTLE {
            return;
        }
        self.look();
    }

    #[cold]
    fn look(&mut self) {
        self.bytes = 0;
        let now = Instant::now();
        if now - *self.began.get_or_insert(now) >= SPELL {
            self.over();
            self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
        }
    }

    /// Nothing is there to be worked on: others have their turn anyway.
    pub fn over(&mut self) {
        self.bytes = 0;
        self.began = None;
    }

    /// Ready where more may be worked on.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn what_has_worked_for_long_pauses_once() {
        let mut spell = Spell::default();
        let paused = async |spell: &mut Spell| {
            let mut pending = false;
            poll_fn(|cx| {
                let now = spell.poll(cx);
                pending |= now.is_pending();
                now
            })
            .await;
            pending
        };
        for (bytes, waits, over, pauses) in [
            (LITTLE - PIECE - 1, 2 * SPELL, false, false),
            (1, 2 * SPELL, false, false), // from here on the clock runs
            (1, 2 * SPELL, false, false),
            (LITTLE, 2 * SPELL, false, true),
            (LITTLE, 2 * SPELL, true, false),
            (LITTLE, 2 * SPELL, false, false),
            (LITTLE, Duration::ZERO, false, true),
        ] {
            spell.worked(bytes);
            assert_eq!(paused(&mut spell).await, pauses, "{bytes} bytes");
            std::thread::sleep(waits);
            if over {
                spell.over();
            }
        }
    }
}
