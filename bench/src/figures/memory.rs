//! Anonymous resident memory: at rest, after load, with 1,000 streams open.

use std::process::Stdio;
use std::time::Duration;

use crate::sides::{self, Broken, Kind, Side, Sides, Under};
use crate::table::{Row, Target};

/// How often memory is looked at while the streams run.
const LOOK: Duration = Duration::from_millis(50);

/// MiB in the three states.
struct Memory {
    rest: f64,
    loaded: f64,
    streams: f64,
}

pub(super) fn measure(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let ours = states(sides, Kind::Proxy)?;
    let theirs = states(sides, Kind::Nginx)?;
    let row = |state: &str, ours, theirs, most| {
        Row::value(format!("memory (RssAnon) {state}, MiB"), Some(ours), Target::Value(most))
            .beside(Kind::Nginx.name(), Some(theirs))
    };
    Ok(vec![
        row("at rest", ours.rest, theirs.rest, 12.0),
        row("after load", ours.loaded, theirs.loaded, 22.0),
        row("with 1,000 streams", ours.streams, theirs.streams, 60.0),
    ])
}

fn states(sides: &Sides<'_>, kind: Kind) -> Result<Memory, Broken> {
    let settle = || std::thread::sleep(Duration::from_secs(1));
    let side = sides.side(kind, 2, &Under::Plain)?;
    settle();
    let rest = side.process.anonymous_mib();
    let count = sides.plan.count(100_000).to_string();
    sides.load(side.port, &["requests", "--connections", "64", "--requests", &count])?;
    settle();
    let loaded = side.process.anonymous_mib();
    let streams = open(sides, &side, &[])?;
    Ok(Memory { rest, loaded, streams })
}

/// The most MiB that are seen while 1,000 streams are open.
pub(super) fn open(sides: &Sides<'_>, side: &Side, more: &[&str]) -> Result<f64, Broken> {
    let open = ["streams", "--streams", "1000", "--events", "100", "--gap-ms", "20"];
    let mut load = sides
        .load_command(side.port, &[open.as_slice(), more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|why| Broken::Io("load".into(), why))?;
    let mut streams = 0f64;
    while matches!(load.try_wait(), Ok(None)) {
        streams = streams.max(side.process.anonymous_mib());
        std::thread::sleep(LOOK);
    }
    let output = load.wait_with_output().map_err(|why| Broken::Io("load".into(), why))?;
    sides::report(&output.stdout, &output.stderr)?;
    Ok(streams)
}
