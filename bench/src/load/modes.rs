//! The four ways to ask.
//!
//! Connections are opened before the clock starts, except where leaving them
//! is the point. A connection whose answer was wrong is not used again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::reference::{Answer, expected};
use super::{Connection, Load, Report, Wrong};
use crate::wire::{self, Stream};

/// What the tasks of one run share; all of them live on one thread.
struct Shared {
    left: Cell<u64>,
    report: RefCell<Report>,
    request: Vec<u8>,
    expected: Vec<u8>,
}

impl Shared {
    fn new(count: u64, request: Vec<u8>, expected: Vec<u8>) -> Rc<Self> {
        Rc::new(Self { left: Cell::new(count), report: RefCell::new(Report::default()), request, expected })
    }

    /// Takes one of what is left to ask, as a running number; `None` when all
    /// is asked.
    fn take(&self) -> Option<u64> {
        let rest = self.left.get().checked_sub(1)?;
        self.left.set(rest);
        Some(rest)
    }

    async fn ask_until_done(&self, connection: &mut Connection) {
        while self.take().is_some() {
            let answer = connection.ask(&self.request, &self.expected).await;
            let broken = answer.is_err();
            self.report.borrow_mut().add(answer);
            if broken {
                return;
            }
        }
    }

    fn finish(&self, start: Instant) -> Report {
        let mut report = self.report.take();
        report.took = start.elapsed();
        // What nobody was left to ask is as wrong as a wrong answer.
        report.wrong += self.left.get();
        report
    }
}

async fn open(load: &Load, count: usize) -> Result<Vec<Connection>, Wrong> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(Connection::open(load.to).await?);
    }
    Ok(all)
}

async fn all_ask(shared: &Rc<Shared>, connections: Vec<Connection>) {
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let shared = Rc::clone(shared);
        tasks.spawn_local(async move { shared.ask_until_done(&mut connection).await });
    }
    tasks.join_all().await;
}

pub(super) async fn requests(load: &Load, connections: usize, n: u64) -> Result<Report, Wrong> {
    let request = wire::request(load.dialect, &load.token, None);
    let expected = expected(load, &request, Answer::Whole).await?;
    let shared = Shared::new(n, request, expected);
    let connections = open(load, connections).await?;
    let start = Instant::now();
    all_ask(&shared, connections).await;
    Ok(shared.finish(start))
}

pub(super) async fn streams(load: &Load, streams: usize, batches: u64, shape: Stream) -> Result<Report, Wrong> {
    let request = wire::request(load.dialect, &load.token, Some(shape));
    let expected = expected(load, &request, Answer::Stream(shape.events)).await?;
    let shared = Shared::new(streams as u64 * batches, request, expected);
    let connections = open(load, streams).await?;
    let start = Instant::now();
    all_ask(&shared, connections).await;
    Ok(shared.finish(start))
}

pub(super) async fn cancel(load: &Load, connections: usize, streams: u64, shape: Stream) -> Result<Report, Wrong> {
    let shared = Shared::new(streams, wire::request(load.dialect, &load.token, Some(shape)), Vec::new());
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let shared = Rc::clone(&shared);
        let to = load.to;
        tasks.spawn_local(async move {
            while let Some(n) = shared.take() {
                let left = match Connection::open(to).await {
                    Ok(connection) => connection.leave(&shared.request, n % 2 == 0).await,
                    Err(wrong) => Err(wrong),
                };
                shared.report.borrow_mut().add(left);
            }
        });
    }
    tasks.join_all().await;
    Ok(shared.finish(start))
}

pub(super) async fn latency(load: &Load, requests: u64) -> Result<Report, Wrong> {
    let request = wire::request(load.dialect, &load.token, None);
    let expected = expected(load, &request, Answer::Whole).await?;
    let mut connection = Connection::open(load.to).await?;
    let mut report = Report::default();
    let start = Instant::now();
    for _ in 0..requests {
        let sent = Instant::now();
        connection.ask(&request, &expected).await?;
        report.times.push(u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX));
        report.right += 1;
    }
    report.took = start.elapsed();
    Ok(report)
}
