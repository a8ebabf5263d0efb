//! CPU time a request and of many streams, side by side.
//!
//! All sides are up at once and take turns, each round in another order, so
//! that what the machine does to one it does to all. The bare relay runs in
//! the same rounds: its ratio to nginx tells what the two libraries cost by
//! themselves on this machine on this day.

use std::time::Duration;

use crate::sides::{Broken, Kind, Side, Sides, Under};
use crate::stats;
use crate::table::{Row, Target};

const KINDS: [Kind; 3] = [Kind::Nginx, Kind::Relay, Kind::Proxy];

/// What one side used, round by round.
struct Measured {
    kind: Kind,
    side: Side,
    micros: Vec<f64>,
}

/// About one kilobyte there and back over 64 connections.
pub(super) fn requests(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let count = sides.plan.count(60_000);
    let asked = count / 10 + count * sides.plan.rounds as u64;
    let load = ["requests", "--connections", "64", "--requests"];
    let full = count.to_string();
    let warm = (count / 10).to_string();
    let measured =
        alternate(sides, &[load.as_slice(), &[&warm]].concat(), &[load.as_slice(), &[&full]].concat(), count)?;
    let mut rows = rows("CPU a request, us", &measured, Target::Ratio(1.7));
    // A log that drops lines under load is cheap, and not what was promised.
    let missing = asked.saturating_sub(sides.access_lines()?);
    rows.push(Row::value("  access lines missing of these requests", Some(missing as f64), Target::Value(0.0)));
    Ok(rows)
}

/// 500 streams side by side, 50 events each, 20 ms apart.
pub(super) fn streams(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let batches: u64 = if sides.plan.quick { 1 } else { 3 };
    let load = ["streams", "--streams", "500", "--events", "50"];
    let full = ["--gap-ms", "20", "--batches", &batches.to_string()].map(str::to_owned);
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let measured = alternate(
        sides,
        &[load.as_slice(), &["--gap-ms", "1"]].concat(),
        &[load.as_slice(), &full].concat(),
        batches * 1000,
    )?;
    Ok(rows("CPU of 500 streams of 50 events, ms", &measured, Target::Ratio(1.05)))
}

/// Lets the sides take turns and divides what each used by `per`.
fn alternate(sides: &Sides<'_>, warm: &[&str], load: &[&str], per: u64) -> Result<Vec<Measured>, Broken> {
    let mut measured = Vec::new();
    for kind in KINDS {
        let side = sides.side(kind, 2, &Under::Plain)?;
        sides.load(side.port, warm)?;
        measured.push(Measured { kind, side, micros: Vec::new() });
    }
    for round in 0..sides.plan.rounds {
        let order = measured.len();
        measured.rotate_left(round % order);
        for one in &mut measured {
            let before = one.side.process.cpu();
            sides.load(one.side.port, load)?;
            // What the last answers leave to be done, the log's lines for one.
            std::thread::sleep(Duration::from_millis(250));
            let used = one.side.process.cpu().since(&before);
            one.micros.push(used.as_secs_f64() * 1e6 / per as f64);
        }
    }
    Ok(measured)
}

fn rows(figure: &str, measured: &[Measured], target: Target) -> Vec<Row> {
    let of = |kind: Kind| measured.iter().find(|one| one.kind == kind);
    let Some(nginx) = of(Kind::Nginx) else {
        return Vec::new();
    };
    [Kind::Proxy, Kind::Relay]
        .into_iter()
        .filter_map(|kind| {
            let one = of(kind)?;
            let judged = kind == Kind::Proxy;
            let figure = if judged { figure.to_owned() } else { "  the bare relay beside it".to_owned() };
            let target = if judged { target } else { Target::None };
            let mut row = Row::value(figure, stats::median(&one.micros), target)
                .beside(Kind::Nginx.name(), stats::median(&nginx.micros));
            row.ratio = paired(&one.micros, &nginx.micros);
            Some(row)
        })
        .collect()
}

/// The median of the paired ratios, with the least and the greatest of them.
pub(super) fn paired(ours: &[f64], theirs: &[f64]) -> Option<(f64, Option<(f64, f64)>)> {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
    let least = ratios.iter().copied().min_by(f64::total_cmp)?;
    let most = ratios.iter().copied().max_by(f64::total_cmp)?;
    Some((stats::paired_ratio(ours, theirs)?, Some((least, most))))
}
