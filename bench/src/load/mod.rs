//! The load: asks, checks every byte of every answer, and reports.
//!
//! A closed loop: each connection has one request on its way and sends the
//! next when the answer is whole, so that no queue builds up that would be
//! measured instead of the server. Everything is bounded by a count and by a
//! deadline. One answer that is not exactly what it must be makes the whole run
//! worthless, so it is counted and its reason is told.

mod connection;
mod modes;
mod reference;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

pub use connection::{Connection, Wrong};

use crate::stats;
use crate::wire::{Dialect, Stream};

/// What is asked, and how often.
#[derive(Clone, Debug)]
pub enum Mode {
    /// So many requests over so many kept connections.
    Requests { connections: usize, requests: u64 },
    /// So many streams side by side, each on a connection of its own, and that
    /// a number of times over the same connections.
    Streams { streams: usize, batches: u64, shape: Stream },
    /// So many streams that are left: every other one before its answer has
    /// begun, the rest after the first bytes of it.
    Cancel { connections: usize, streams: u64, shape: Stream },
    /// So many requests, one after the other on one connection, each timed.
    Latency { requests: u64 },
}

/// Where the load goes.
#[derive(Clone, Debug)]
pub struct Load {
    pub to: SocketAddr,
    /// What the client speaks.
    pub dialect: Dialect,
    pub token: String,
    pub mode: Mode,
    /// The run fails when it has not ended by then.
    pub deadline: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Answers that were whole and right; for cancelled streams, streams left.
    pub right: u64,
    /// Answers that were not.
    pub wrong: u64,
    /// The first reason of a wrong one.
    pub reason: Option<String>,
    /// Wall time of the asking alone.
    pub took: Duration,
    /// Nanoseconds of each request, in latency mode.
    pub times: Vec<u64>,
}

/// The whole run failed, not one answer.
#[derive(Debug)]
pub enum Failed {
    /// The deadline passed.
    Deadline(Duration),
    /// No answer was to be had.
    Wrong(Wrong),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(after) => write!(f, "not done after {} s", after.as_secs()),
            Self::Wrong(wrong) => wrong.fmt(f),
        }
    }
}

impl std::error::Error for Failed {}

impl From<Wrong> for Failed {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl Report {
    fn add(&mut self, answer: Result<(), Wrong>) {
        match answer {
            Ok(()) => self.right += 1,
            Err(wrong) => {
                self.wrong += 1;
                if self.reason.is_none() {
                    self.reason = Some(wrong.to_string());
                }
            }
        }
    }

    /// One line of JSON, which is how the figures read it.
    #[must_use]
    pub fn json(&mut self) -> Value {
        self.times.sort_unstable();
        let micros = |of: u32| stats::percentile(&self.times, of).map(|ns| ns as f64 / 1e3);
        json!({
            "right": self.right,
            "wrong": self.wrong,
            "reason": self.reason,
            "seconds": self.took.as_secs_f64(),
            "p50_us": micros(50),
            "p99_us": micros(99),
        })
    }
}

/// Runs the load on the calling thread, inside a `LocalSet`.
///
/// # Errors
/// [`Failed`] when the deadline passed or a connection could not be opened.
pub async fn run(load: &Load) -> Result<Report, Failed> {
    let work = async {
        match load.mode {
            Mode::Requests { connections, requests } => modes::requests(load, connections, requests).await,
            Mode::Streams { streams, batches, shape } => modes::streams(load, streams, batches, shape).await,
            Mode::Cancel { connections, streams, shape } => modes::cancel(load, connections, streams, shape).await,
            Mode::Latency { requests } => modes::latency(load, requests).await,
        }
    };
    tokio::time::timeout(load.deadline, work).await.map_err(|_| Failed::Deadline(load.deadline))?.map_err(Failed::from)
}

#[cfg(test)]
mod tests;
