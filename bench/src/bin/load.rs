//! The load as a program: one mode, one line of JSON, exit code 1 if an
//! answer was wrong.
//!
//! `load MODE --port N [--token T] [--connections N] [--requests N]
//! [--streams N] [--batches N] [--events N] [--gap-ms N] [--deadline-s N]
//! [--messages]`, where MODE is `requests`, `streams`, `cancel` or `latency`;
//! with `--messages` the client speaks Anthropic's format.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bench::load::{Load, Mode, run};
use bench::wire::{self, Dialect, Stream};
use lexopt::prelude::*;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let load = arguments()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = tokio::task::LocalSet::new().block_on(&runtime, run(&load))?;
    println!("{}", report.json());
    Ok(if report.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn arguments() -> Result<Load, Box<dyn Error>> {
    let mut mode = None;
    let mut port = 0u16;
    let mut token = wire::TOKEN.to_owned();
    let mut dialect = Dialect::Chat;
    let (mut connections, mut requests, mut streams, mut batches) = (64usize, 1000u64, 500u64, 1);
    let (mut events, mut gap, mut deadline) = (50u32, 20u64, 120u64);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Value(name) if mode.is_none() => mode = Some(name.string()?),
            Long("port") => port = args.value()?.parse()?,
            Long("messages") => dialect = Dialect::Messages,
            Long("token") => token = args.value()?.string()?,
            Long("connections") => connections = args.value()?.parse()?,
            Long("requests") => requests = args.value()?.parse()?,
            Long("streams") => streams = args.value()?.parse()?,
            Long("batches") => batches = args.value()?.parse()?,
            Long("events") => events = args.value()?.parse()?,
            Long("gap-ms") => gap = args.value()?.parse()?,
            Long("deadline-s") => deadline = args.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let shape = Stream { events, gap: Duration::from_millis(gap) };
    let mode = match mode.as_deref() {
        Some("requests") => Mode::Requests { connections, requests },
        Some("streams") => Mode::Streams { streams: usize::try_from(streams)?, batches, shape },
        Some("cancel") => Mode::Cancel { connections, streams, shape },
        Some("latency") => Mode::Latency { requests },
        _ => return Err("which mode? requests, streams, cancel or latency".into()),
    };
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(Load { to, dialect, token, mode, deadline: Duration::from_secs(deadline) })
}
