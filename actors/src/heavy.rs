//! Work that would hold a worker for too long is done beside the workers: large bodies are read and written anew here.
//!
//! A worker serves all its connections in turns; what takes 100 ms of one keeps all others waiting, health probes among
//! them. A hand-over costs some 20 us, so only what is large comes here. Always: as many threads as cores and no more, so
//! that only so much is built at one time; first come, first served; what nobody waits for any more is dropped before it
//! is begun; a panic costs the one who waits; the queue is bounded.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use tokio::sync::oneshot;

use crate::share::Full;

/// What is longer is translated beside the workers, in bytes. At the slowest (JSON of nothing but small values) a body
/// of this length takes about 10 ms.
pub const LARGE: usize = 256 * 1024;
/// What is longer is not even read through on a worker.
pub const LONG: usize = 4 * 1024 * 1024;
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
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

/// The result of a piece of work, to come. Dropped, it drops what was not begun.
pub struct Work<T> {
    job: Job,
    result: oneshot::Receiver<thread::Result<T>>,
}

/// Has `work` done beside the workers.
///
/// # Errors
/// When the queue is full, or there is no thread to be had.
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<Work<T>, Full> {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(Pool::default).run(work)
}

impl Pool {
    fn run<T: Send + 'static>(&'static self, work: impl FnOnce() -> T + Send + 'static) -> Result<Work<T>, Full> {
        let (tell, result) = oneshot::channel();
        // What the work owns may be broken by a panic in it, and is dropped with it.
        let job = move || drop(tell.send(catch_unwind(AssertUnwindSafe(work))));
        let job: Job = Arc::new(Mutex::new(Some(Box::new(job))));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.jobs.len() >= MAX_WAITING {
            return Err(Full);
        }
        let most = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        if waiting.idle <= waiting.jobs.len() && waiting.threads < most {
            let begun = thread::Builder::new().name("heavy".to_owned()).spawn(|| self.serve());
            match begun {
                Ok(_) => waiting.threads += 1,
                Err(_) if waiting.threads == 0 => return Err(Full),
                Err(_) => {}
            }
        }
        waiting.jobs.push_back(job.clone());
        drop(waiting);
        self.more.notify_one();
        Ok(Work { job, result })
    }

    fn serve(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                drop(waiting);
                let begun = job.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(work) = begun {
                    work();
                }
                waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
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
        assert_eq!(run(|| 6 * 7).unwrap().await.unwrap(), 42);
        let broken: Work<()> = run(|| panic!("on purpose")).unwrap();
        assert!(broken.await.is_err());
        assert_eq!(run(|| "goes on").unwrap().await.unwrap(), "goes on");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_dropped_before_it_is_begun() {
        let pool: &'static Pool = Box::leak(Box::default());
        let (release, gates): (Vec<_>, Vec<_>) = (0..MAX_THREADS).map(|_| mpsc::channel::<()>()).unzip();
        let blocked: Vec<_> = gates.into_iter().map(|gate| pool.run(move || gate.recv().is_ok()).unwrap()).collect();
        let held = Arc::new(());
        let of_job = held.clone();
        let unwanted = pool.run(move || drop(of_job)).unwrap();
        assert_eq!(Arc::strong_count(&held), 2);
        drop(unwanted);
        assert_eq!(Arc::strong_count(&held), 1, "what it held is free at once");
        let mut waiting = Vec::new();
        let full = loop {
            match pool.run(|| ()) {
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
}
