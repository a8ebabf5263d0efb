//! System calls a request and a stream, counted by strace, as the difference
//! of two runs over one connection.

use std::fs;

use crate::sides::{Broken, Kind, Sides, Under};
use crate::table::{Row, Target};

pub(super) fn measure(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let a_request = |kind| difference(sides, kind, "requests", "--requests", (100, 900));
    let a_stream = |kind| difference(sides, kind, "streams", "--batches", (2, 12));
    let nginx = Kind::Nginx.name();
    let relay = |calls| Row::value("  the bare relay beside it", Some(calls), Target::None);
    Ok(vec![
        Row::value("system calls a request", Some(a_request(Kind::Proxy)?), Target::Value(7.5))
            .beside(nginx, Some(a_request(Kind::Nginx)?)),
        relay(a_request(Kind::Relay)?),
        Row::value("system calls a stream of 50 events", Some(a_stream(Kind::Proxy)?), Target::Value(155.0))
            .beside(nginx, Some(a_stream(Kind::Nginx)?)),
        relay(a_stream(Kind::Relay)?),
    ])
}

fn difference(sides: &Sides<'_>, kind: Kind, mode: &str, count: &str, (few, many): (u64, u64)) -> Result<f64, Broken> {
    let calls = |n: u64| -> Result<f64, Broken> {
        let file = sides.plan.out.join("strace.out");
        let mut side = sides.side(kind, 1, &Under::Strace(file.clone()))?;
        let n = n.to_string();
        let one = ["--connections", "1", "--streams", "1", "--gap-ms", "2"];
        sides.load(side.port, &[[mode, count, &n].as_slice(), &one].concat())?;
        side.process.stop();
        let text = fs::read_to_string(&file).map_err(|why| Broken::Io("strace".into(), why))?;
        total(&text).ok_or_else(|| Broken::Output("strace told no total".into()))
    };
    Ok((calls(many)? - calls(few)?) / (many - few) as f64)
}

/// The number of calls in the last line of `strace -c`: its fourth column.
fn total(text: &str) -> Option<f64> {
    let line = text.lines().rev().find(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        let text = "% time     seconds  usecs/call     calls    errors syscall\n\
                    100.00    0.000123           6       175        21 total\n";
        assert_eq!(total(text), Some(175.0));
        assert_eq!(total("nothing"), None);
    }
}
