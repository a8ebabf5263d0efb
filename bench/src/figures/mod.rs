//! The figures, one file each, and the run that goes through them.
//!
//! A figure that cannot be measured is told with its reason and counts as
//! missed; the others are measured all the same.

mod cpu;
mod instr;
mod latency;
mod memory;
mod soak;
mod startup;
mod syscalls;
mod translated;

use std::fmt;
use std::fs;

use crate::machine;
use crate::plan::{Figure, Plan};
use crate::sides::{Broken, Sides};
use crate::table::{Row, Table, Target};

/// Everything that a run found out.
pub struct Outcome {
    pub machine: String,
    pub rows: Vec<Row>,
    /// Reasons of what could not be measured.
    pub broken: Vec<String>,
}

impl Outcome {
    /// Whether every target that was measured was met.
    #[must_use]
    pub fn met(&self) -> bool {
        self.broken.is_empty() && self.rows.iter().all(|row| row.met() != Some(false))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}", self.machine, Table(&self.rows))?;
        for reason in &self.broken {
            write!(f, "\nnot measured: {reason}")?;
        }
        Ok(())
    }
}

/// Measures what the plan says and writes the result into its folder.
///
/// # Errors
/// [`Broken`] when not even the upstream comes up or nothing can be written.
pub fn run(plan: &Plan) -> Result<Outcome, Broken> {
    let sides = Sides::start(plan)?;
    let mut outcome = Outcome { machine: machine::describe(plan), rows: Vec::new(), broken: Vec::new() };
    for figure in Figure::ALL {
        if !plan.figures.contains(&figure) {
            continue;
        }
        eprintln!("measuring {} ...", figure.name());
        match measure(&sides, figure) {
            Ok(rows) => outcome.rows.extend(rows),
            Err(why) => {
                eprintln!("  {why}");
                outcome.broken.push(format!("{}: {why}", figure.name()));
            }
        }
    }
    fs::write(plan.out.join("result.txt"), format!("{outcome}\n"))
        .map_err(|why| Broken::Io("the result".to_owned(), why))?;
    Ok(outcome)
}

fn measure(sides: &Sides<'_>, figure: Figure) -> Result<Vec<Row>, Broken> {
    match figure {
        Figure::Cpu => cpu::requests(sides),
        Figure::Streams => cpu::streams(sides),
        Figure::Instr => instr::measure(sides),
        Figure::Syscalls => syscalls::measure(sides),
        Figure::Latency => latency::measure(sides),
        Figure::Memory => memory::measure(sides),
        Figure::Translated => translated::measure(sides),
        Figure::Soak => soak::measure(sides),
        Figure::Startup => startup::measure(sides),
        Figure::Size => size(sides.plan),
    }
}

/// The binary as it ships; the release profile strips it.
fn size(plan: &Plan) -> Result<Vec<Row>, Broken> {
    let metadata = fs::metadata(&plan.proxy).map_err(|why| Broken::Io(plan.proxy.display().to_string(), why))?;
    let megabytes = metadata.len() as f64 / 1e6;
    Ok(vec![Row::value("release binary, stripped, MB", Some(megabytes), Target::Value(12.0))])
}
