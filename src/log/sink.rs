//! Where lines wait to be written: a bounded buffer, and a thread that empties it.
//!
//! A line costs its copy under a short lock. The writer thread sleeps without a timer while there is nothing to
//! write; the first line after a quiet time wakes it (one system call for a whole batch), it then lets lines gather
//! for [`GATHER`] and writes them at once. What always holds: at most [`CAPACITY`] bytes wait and as many are being
//! written; beyond that lines are dropped, counted, and the count is told in a line of its own.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most bytes that wait. About 16,000 access lines.
pub(super) const CAPACITY: usize = 4 * 1024 * 1024;
/// A batch of this size does not wait for the end of [`GATHER`]: memory stays small however many lines come.
const ENOUGH: usize = 256 * 1024;
/// How long lines gather: the oldest of a batch is at most this old when it is written.
const GATHER: Duration = Duration::from_millis(150);
/// Buffers are kept between batches up to this size.
const KEEP: usize = 2 * ENOUGH;

/// Appends the line that tells how many lines were dropped.
pub(super) type Note = fn(u64, &mut Vec<u8>);

/// The buffer, shared by the logger, the writer thread and who flushes.
#[derive(Debug, Default)]
pub(super) struct Sink {
    state: Mutex<State>,
    /// To the writer thread: there is something to do.
    wake: Condvar,
    /// From the writer thread: a batch has been written.
    written: Condvar,
    /// The next line is to be written promptly.
    hurry: AtomicBool,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Since they were last told.
    dropped: u64,
    /// The writer thread waits without a timer and must be woken.
    asleep: bool,
    urgent: bool,
    /// Bytes taken in and bytes written, since the start: a flush waits for its own bytes, not for an idle moment.
    taken: u64,
    done: u64,
}

impl Sink {
    /// Starts the writer thread.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start(out: impl Write + Send + 'static, note: Note) -> io::Result<Arc<Self>> {
        let sink = Arc::new(Self { state: Mutex::new(State { asleep: true, ..State::default() }), ..Self::default() });
        let writer = Arc::clone(&sink);
        std::thread::Builder::new().name("log".into()).spawn(move || writer.run(out, note))?;
        Ok(sink)
    }

    /// The next line is not to wait for its batch (it tells of an error).
    pub(super) fn hurry(&self) {
        self.hurry.store(true, Ordering::Relaxed);
    }

    /// Takes a line, or drops it when too much waits already.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.lines.len() + line.len() > CAPACITY {
            state.dropped += 1;
            drop(state);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.lines.extend_from_slice(line);
        state.taken += line.len() as u64;
        let hurry = self.hurry.load(Ordering::Relaxed) && self.hurry.swap(false, Ordering::Relaxed);
        let press = !state.urgent && (hurry || state.lines.len() >= ENOUGH);
        state.urgent |= press;
        let wake = press || state.asleep;
        state.asleep = false;
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits until all lines taken so far are written; false when `limit` has passed first.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        let target = state.taken;
        if state.done >= target {
            return true;
        }
        state.urgent = true;
        state.asleep = false;
        self.wake.notify_one();
        let (state, _) = self
            .written
            .wait_timeout_while(state, limit, |state| state.done < target)
            .unwrap_or_else(PoisonError::into_inner);
        state.done >= target
    }

    pub(super) fn dropped_lines(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn run(&self, mut out: impl Write, note: Note) {
        let mut batch = Vec::new();
        let mut state = self.lock();
        loop {
            if state.lines.is_empty() {
                state.asleep = true;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.asleep = false;
            let waited = self.wake.wait_timeout_while(state, GATHER, |state| !state.urgent);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut state.lines, &mut batch);
            let target = state.taken;
            let dropped = std::mem::take(&mut state.dropped);
            state.urgent = false;
            drop(state);
            if dropped > 0 {
                note(dropped, &mut batch);
            }
            // Whoever closed stderr does not want to read: there is nobody left to tell.
            let _ = out.write_all(&batch).and_then(|()| out.flush());
            batch.clear();
            batch.shrink_to(KEEP);
            state = self.lock();
            state.done = target;
            self.written.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that `env_logger` writes to: one call a line.
pub(super) struct Pipe(Arc<Sink>);

impl Pipe {
    pub(super) fn new(sink: Arc<Sink>) -> Self {
        Self(sink)
    }
}

impl Write for Pipe {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    /// `env_logger` flushes after every line; that is what this sink is there to avoid.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
