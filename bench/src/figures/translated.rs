//! What a translation costs: an Anthropic client in front of an upstream that
//! speaks chat completions, beside a chat client in front of the same.
//!
//! One process of the gateway serves both, and they take turns.

use std::time::Duration;

use super::cpu::paired;
use super::{instr, memory};
use crate::sides::{Broken, Kind, Side, Sides, Under};
use crate::stats;
use crate::table::{Row, Target};

/// Turns the load into one of Anthropic's clients.
const MESSAGES: &[&str] = &["--messages"];
const PEER: &str = "untranslated";

pub(super) fn measure(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let (requests, streams) = (sides.plan.count(60_000), if sides.plan.quick { 500 } else { 1_500 });
    let requested = requests.to_string();
    let batches = (streams / 500).to_string();
    let request = ["requests", "--connections", "64", "--requests", &requested];
    let stream = ["streams", "--streams", "500", "--events", "50", "--gap-ms", "20", "--batches", &batches];
    let mut rows = vec![
        cpu(sides, "CPU a translated request, us", &request, requests, Target::Ratio(1.25))?,
        cpu(sides, "CPU a translated stream of 50 events, us", &stream, streams, Target::Ratio(1.5))?,
    ];
    let instructions = |figure: &str, measure: fn(&Sides<'_>, Kind, &[&str]) -> Result<f64, Broken>| {
        let ours = measure(sides, Kind::Proxy, MESSAGES)?;
        Ok(Row::value(figure, Some(ours), Target::None).beside(PEER, Some(measure(sides, Kind::Proxy, &[])?)))
    };
    rows.push(instructions("user instructions a translated request", instr::a_request)?);
    rows.push(instructions("user instructions a translated stream", instr::a_stream)?);
    // Each in a process of its own: memory that was given back by one is taken up by the other.
    let open = |more| memory::open(sides, &sides.side(Kind::Proxy, 2, &Under::Plain)?, more);
    let (ours, theirs) = (open(MESSAGES)?, open(&[])?);
    let more = Some((ours - theirs) * 1024.0 / 1000.0);
    rows.push(Row::value("memory a translated stream more, KiB", more, Target::Value(16.0)));
    Ok(rows)
}

/// CPU time of one of `per`, both kinds of clients taking turns.
fn cpu(sides: &Sides<'_>, figure: &str, load: &[&str], per: u64, target: Target) -> Result<Row, Broken> {
    let side = sides.side(Kind::Proxy, 2, &Under::Plain)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=sides.plan.rounds {
        let mut turns = [(MESSAGES, &mut ours), (&[], &mut theirs)];
        turns.rotate_left(round % 2);
        for (more, micros) in turns {
            let used = turn(sides, &side, &[load, more].concat())?;
            // The first round warms up.
            if round > 0 {
                micros.push(used.as_secs_f64() * 1e6 / per as f64);
            }
        }
    }
    let mut row = Row::value(figure, stats::median(&ours), target).beside(PEER, stats::median(&theirs));
    row.ratio = paired(&ours, &theirs);
    Ok(row)
}

fn turn(sides: &Sides<'_>, side: &Side, load: &[&str]) -> Result<Duration, Broken> {
    let before = side.process.cpu();
    sides.load(side.port, load)?;
    // What the last answers leave to be done, the log's lines for one.
    std::thread::sleep(Duration::from_millis(250));
    Ok(side.process.cpu().since(&before))
}
