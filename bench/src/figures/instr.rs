//! User instructions, counted by callgrind.
//!
//! They repeat on a busy machine as on an idle one. Start-up and stop drop out
//! as the difference of two runs; one worker and one connection leave nothing
//! to chance but the timers. nginx is not counted: the yardstick is what the
//! same libraries need without a gateway in them.

use std::fs;

use crate::sides::{Broken, Kind, Sides, Under};
use crate::table::{Row, Target};

pub(super) fn measure(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let requests = |kind| a_request(sides, kind, &[]);
    let streams = |kind| a_stream(sides, kind, &[]);
    let relay = Kind::Relay.name();
    Ok(vec![
        Row::value("user instructions a request", Some(requests(Kind::Proxy)?), Target::Ratio(1.2))
            .beside(relay, Some(requests(Kind::Relay)?)),
        Row::value("user instructions a stream of 50 events", Some(streams(Kind::Proxy)?), Target::None)
            .beside(relay, Some(streams(Kind::Relay)?)),
    ])
}

/// Instructions of one request; `more`: for the load.
pub(super) fn a_request(sides: &Sides<'_>, kind: Kind, more: &[&str]) -> Result<f64, Broken> {
    difference(sides, kind, ["requests", "--requests"], (100, 900), more)
}

/// Instructions of one stream of 50 events.
pub(super) fn a_stream(sides: &Sides<'_>, kind: Kind, more: &[&str]) -> Result<f64, Broken> {
    difference(sides, kind, ["streams", "--batches"], (2, 12), more)
}

/// What one more of them costs. The larger run comes last, so that its file is
/// the one that is left for `callgrind_annotate`.
fn difference(
    sides: &Sides<'_>,
    kind: Kind,
    [mode, count]: [&str; 2],
    (few, many): (u64, u64),
    more: &[&str],
) -> Result<f64, Broken> {
    let file = format!("callgrind.{}{}.{mode}", kind.name().replace(' ', "-"), more.concat());
    let file = sides.plan.out.join(file);
    let instructions = |n: u64| -> Result<f64, Broken> {
        let mut side = sides.side(kind, 1, &Under::Callgrind(file.clone()))?;
        let n = n.to_string();
        let one = ["--connections", "1", "--streams", "1", "--events", "50", "--gap-ms", "2"];
        sides.load(side.port, &[[mode, count, &n].as_slice(), &one, more].concat())?;
        side.process.stop();
        let text = fs::read_to_string(&file).map_err(|why| Broken::Io("callgrind".into(), why))?;
        totals(&text).ok_or_else(|| Broken::Output("callgrind told no total".into()))
    };
    let few_cost = instructions(few)?;
    Ok((instructions(many)? - few_cost) / (many - few) as f64)
}

/// The `totals:` line of a callgrind file.
fn totals(text: &str) -> Option<f64> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        assert_eq!(totals("fn=(1) x\n1 2\n\ntotals: 90210\n"), Some(90210.0));
        assert_eq!(totals("fn=(1) x\n"), None);
    }
}
