//! Time added to one request at a time, over asking the upstream directly.
//!
//! A virtual core that falls asleep between two requests wakes up late, and
//! how late depends on the neighbours; a spinner of the idle class on each core
//! keeps it awake and gives way to any real work. The 99th percentile below a
//! millisecond is the machine's own: it is told, not judged.

use std::path::Path;

use serde_json::Value;

use super::cpu::paired;
use crate::process::{self, Process};
use crate::sides::{Broken, Kind, Sides, Under};
use crate::stats;
use crate::table::{Row, Target};

/// Microseconds of each round.
#[derive(Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Times {
    /// What was added over `direct`, never less than the clock can tell.
    fn added(&self, direct: &Self) -> Vec<f64> {
        let both = self.p50.iter().zip(&direct.p50);
        both.map(|(ours, bare)| (ours - bare).max(0.1)).collect()
    }
}

pub(super) fn measure(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let _awake = spinners()?;
    let nginx = sides.side(Kind::Nginx, 2, &Under::Plain)?;
    let proxy = sides.side(Kind::Proxy, 2, &Under::Plain)?;
    let count = sides.plan.count(20_000).to_string();
    let (mut direct, mut theirs, mut ours) = (Times::default(), Times::default(), Times::default());
    for round in 0..sides.plan.rounds {
        let mut turns = [(sides.upstream_port(), &mut direct), (nginx.port, &mut theirs), (proxy.port, &mut ours)];
        turns.rotate_left(round % 3);
        for (port, times) in turns {
            // The first requests of a connection warm it up.
            sides.load(port, &["latency", "--requests", "500"])?;
            let report = sides.load(port, &["latency", "--requests", &count])?;
            times.p50.push(micros(&report, "p50_us")?);
            times.p99.push(micros(&report, "p99_us")?);
        }
    }
    let (added, added_by_nginx) = (ours.added(&direct), theirs.added(&direct));
    let mut p50 = Row::value("time added at one connection, p50, us", stats::median(&added), Target::Ratio(1.5))
        .beside(Kind::Nginx.name(), stats::median(&added_by_nginx));
    p50.ratio = paired(&added, &added_by_nginx);
    Ok(vec![
        p50,
        Row::value("whole time at one connection, p50, us", stats::median(&ours.p50), Target::None)
            .beside("direct", stats::median(&direct.p50)),
        Row::value("whole time at one connection, p99, us", stats::median(&ours.p99), Target::None)
            .beside(Kind::Nginx.name(), stats::median(&theirs.p99)),
    ])
}

fn micros(report: &Value, name: &str) -> Result<f64, Broken> {
    let value = report.get(name).and_then(Value::as_f64);
    value.ok_or_else(|| Broken::Output(format!("the load told no {name}")))
}

/// One spinner a core, which runs only when nothing else wants to.
fn spinners() -> Result<Vec<Process>, Broken> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (0..cores)
        .map(|core| {
            let mut command = process::command(Path::new("chrt"));
            command.args(["-i", "0", "taskset", "-c", &core.to_string()]);
            command.args(["sh", "-c", "while :; do :; done"]);
            Process::spawn(&mut command).map_err(|why| Broken::Io("a spinner".into(), why))
        })
        .collect()
}
