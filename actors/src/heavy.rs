//! Work that would hold a worker for too long is done beside the workers: large bodies are read and written anew here.
//!
//! A worker serves all its connections in turns; what takes 100 ms of one keeps all others waiting, health probes among
//! them. A hand-over costs some 20 us, so only what is large comes here. Always: as many threads as cores and no more (but
//! two at least), so that only so much is built at one time; what is long has one thread less, and takes turns with the
//! rest for the others; among its like first come, first served; what nobody waits for any more is dropped before it is
//! begun; a panic costs the one who waits; the queues are bounded.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use tokio::sync::oneshot;

use crate::share::Full;

/// What is longer is translated beside the workers, in bytes. At the slowest (JSON of nothing but empty objects) a body
/// or an event of this length takes some 15 ms.
pub const LARGE: usize = 128 * 1024;
/// What is longer is not even read through on a worker, which takes some 10 ms at the slowest; to translate it takes up to
/// seconds, where the rest takes a tenth of one.
pub const LONG: usize = 1024 * 1024;
/// The longest queue. What waits in it is held, and counted, all the while: the budget is full long before.
const MAX_WAITING: usize = 1024;
const MAX_THREADS: usize = 8;

/// Taken out by who does it, or by who does not want it any more.
type Job = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

#[derive(Default)]
struct Pool {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    short: VecDeque<Job>,
    long: VecDeque<Job>,
    /// Of what is long, what is being done.
    long_now: usize,
    /// What is long has been passed over.
    long_next: bool,
    threads: usize,
    idle: usize,
}

impl Waiting {
    /// What is to be done next, and whether it is long.
    fn next(&mut self) -> Option<(Job, bool)> {
        let long = self.long_now + 1 < most() && !self.long.is_empty() && (self.long_next || self.short.is_empty());
        self.long_next = !long;
        self.long_now += usize::from(long);
        let job = if long { self.long.pop_front() } else { self.short.pop_front() };
        job.map(|job| (job, long))
    }
}

/// As many threads as there may be.
fn most() -> usize {
    thread::available_parallelism().map_or(1, usize::from).clamp(2, MAX_THREADS)
}

/// The result of a piece of work, to come. Dropped, it drops what was not begun.
pub struct Work<T> {
    job: Job,
    result: oneshot::Receiver<thread::Result<T>>,
}

/// Has `work` done beside the workers. `length`: of what it reads, in bytes.
///
/// # Errors
/// When the queue is full, or there is no thread to be had.
pub fn run<T: Send + 'static>(length: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<Work<T>, Full> {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(Pool::default).run(length, work)
}

impl Pool {
    fn run<T: Send + 'static>(
        &'static self,
        length: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Work<T>, Full> {
        let (tell, result) = oneshot::channel();
        // What the work owns may be broken by a panic in it, and is dropped with it.
        let job = move || drop(tell.send(catch_unwind(AssertUnwindSafe(work))));
        let job: Job = Arc::new(Mutex::new(Some(Box::new(job))));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let queued = waiting.short.len() + waiting.long.len();
        if queued >= MAX_WAITING {
            return Err(Full);
        }
        if waiting.idle <= queued && waiting.threads < most() {
            let begun = thread::Builder::new().name("heavy".to_owned()).spawn(|| self.serve());
            match begun {
                Ok(_) => waiting.threads += 1,
                Err(_) if waiting.threads == 0 => return Err(Full),
                Err(_) => {}
            }
        }
        let queue = if length > LONG { &mut waiting.long } else { &mut waiting.short };
        queue.push_back(job.clone());
        drop(waiting);
        self.more.notify_one();
        Ok(Work { job, result })
    }

    fn serve(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((job, long)) = waiting.next() {
                drop(waiting);
                let begun = job.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(work) = begun {
                    work();
                }
                waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.long_now -= usize::from(long);
                continue;
            }
            waiting.idle += 1;
            waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.idle = waiting.idle.saturating_sub(1);
        }
    }
}

impl<T> Future for Work<T> {
    /// An error is a panic in it.
    type Output = thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let told = std::task::ready!(Pin::new(&mut self.result).poll(cx));
        Poll::Ready(told.unwrap_or_else(|gone| Err(Box::new(gone))))
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        let unbegun = self.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(unbegun);
    }
}

impl<T> std::fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_is_done_and_a_panic_in_it_is_told_to_who_waits() {
        assert_eq!(run(9, || 6 * 7).unwrap().await.unwrap(), 42);
        let broken: Work<()> = run(9, || panic!("on purpose")).unwrap();
        assert!(broken.await.is_err());
        assert_eq!(run(LONG + 1, || "goes on").unwrap().await.unwrap(), "goes on");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_dropped_before_it_is_begun() {
        let pool: &'static Pool = Box::leak(Box::default());
        let (release, gates): (Vec<_>, Vec<_>) = (0..MAX_THREADS).map(|_| mpsc::channel::<()>()).unzip();
        let blocked: Vec<_> = gates.into_iter().map(|gate| pool.run(9, move || gate.recv().is_ok()).unwrap()).collect();
        let held = Arc::new(());
        let of_job = held.clone();
        let unwanted = pool.run(9, move || drop(of_job)).unwrap();
        assert_eq!(Arc::strong_count(&held), 2);
        drop(unwanted);
        assert_eq!(Arc::strong_count(&held), 1, "what it held is free at once");
        let mut waiting = Vec::new();
        let full = loop {
            match pool.run(9, || ()) {
                Ok(work) => waiting.push(work),
                Err(full) => break full,
            }
        };
        assert!(full == Full && waiting.len() <= MAX_WAITING);
        drop(release);
        for work in blocked {
            work.await.unwrap();
        }
        for work in waiting {
            work.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_long_keeps_nothing_short_waiting_and_comes_to_its_turn() {
        let pool: &'static Pool = Box::leak(Box::default());
        let (release, gates): (Vec<_>, Vec<_>) = (0..2 * MAX_THREADS).map(|_| mpsc::channel::<()>()).unzip();
        let long = |gate: mpsc::Receiver<()>| pool.run(LONG + 1, move || gate.recv().is_ok()).unwrap();
        let blocked: Vec<_> = gates.into_iter().map(long).collect();
        for _ in 0..9 {
            assert_eq!(pool.run(LONG, || 7).unwrap().await.unwrap(), 7);
        }
        drop(release);
        for work in blocked {
            assert!(!work.await.unwrap());
        }
        let mut waiting = Waiting::default();
        let job = || Job::new(Mutex::new(None));
        waiting.short.extend([job(), job(), job(), job()]);
        waiting.long.extend([job(), job()]);
        let mut order = String::new();
        while let Some((_, long)) = waiting.next() {
            order.push(if long { 'l' } else { 's' });
            waiting.long_now = 0;
        }
        assert_eq!(order, "slslss");
    }
}
