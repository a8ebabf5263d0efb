//! A thread for what may block: files on a mount that hangs, a disk that is full of other things.
//!
//! Always: who hands it a job waits for nothing but the answer, and may stop waiting; jobs run one after another; a
//! job that panics costs its own answer. The thread is nobody's to join: a process that ends does not wait for a disk.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Ends with its last handle, once the jobs that it was handed are done.
#[derive(Debug, Clone)]
pub struct Beside {
    jobs: mpsc::Sender<Job>,
    /// Since when the present job runs.
    since: Arc<Mutex<Option<Instant>>>,
}

impl Beside {
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(name: &str) -> io::Result<Self> {
        let (jobs, handed) = mpsc::channel::<Job>();
        let since = Arc::new(Mutex::new(None));
        let told = since.clone();
        let set = move |at| *told.lock().unwrap_or_else(PoisonError::into_inner) = at;
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            for job in handed {
                set(Some(Instant::now()));
                // A panic has been told by the hook; whoever waits hears that there is no answer.
                let _ = catch_unwind(AssertUnwindSafe(job));
                set(None);
            }
        })?;
        Ok(Self { jobs, since })
    }

    /// Hands over a job. What it comes to; None if it panicked.
    pub fn run<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        job: F,
    ) -> impl Future<Output = Option<T>> + use<T, F> {
        let (tell, told) = oneshot::channel();
        // The thread lives as long as a handle does.
        let _ = self.jobs.send(Box::new(move || {
            let _ = tell.send(job());
        }));
        async move { told.await.ok() }
    }

    /// How long the present job has taken by now.
    pub fn busy_for(&self) -> Duration {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn jobs_run_in_their_order_and_a_panic_is_its_own() {
        let beside = Beside::start("test").unwrap();
        let first = beside.run(|| 1);
        #[allow(clippy::panic)]
        let broken = beside.run(|| -> u8 { panic!("a test's own") });
        let last = beside.run(|| 3);
        assert_eq!((first.await, broken.await, last.await), (Some(1), None, Some(3)));
        // The last job is told before the thread has put it down.
        while beside.busy_for() > Duration::ZERO {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_that_blocks_is_seen_and_keeps_nobody() {
        let beside = Beside::start("test").unwrap();
        let (release, held) = mpsc::channel::<()>();
        let blocked = beside.run(move || held.recv().is_ok());
        let waited = tokio::time::timeout(Duration::from_millis(50), blocked).await;
        assert!(waited.is_err() && beside.busy_for() >= Duration::from_millis(40));
        release.send(()).unwrap();
        assert_eq!(beside.run(|| 2).await, Some(2));
    }
}
