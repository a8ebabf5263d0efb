//! Growth of memory over a million requests.
//!
//! The first 200,000 fill what is meant to be filled: pools, arenas, buffers.
//! From there on to 1,000,000, with 20,000 cancelled streams among them,
//! nothing may be kept.

use std::process::Stdio;
use std::time::Duration;

use crate::sides::{self, Broken, Kind, Sides, Under};
use crate::table::{Row, Target};

pub(super) fn measure(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let side = sides.side(Kind::Proxy, 2, &Under::Plain)?;
    let requests = |count: u64| {
        let count = sides.plan.count(count).to_string();
        sides.load(side.port, &["requests", "--requests", &count, "--deadline-s", "1200"])
    };
    let cancelled = sides.plan.count(20_000).to_string();
    let leave = || {
        let streams = ["cancel", "--streams", &cancelled, "--connections", "50"];
        sides
            .load_command(side.port, &[streams.as_slice(), &["--deadline-s", "1200"]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|why| Broken::Io("load".into(), why))
    };
    // Both kinds before the first look, or the growth would be the warm-up of
    // the paths that a cancelled stream takes.
    sides.load(side.port, &["cancel", "--streams", "1000", "--connections", "50"])?;
    requests(199_000)?;
    let before = settled(&side.process);
    let leaving = leave()?;
    requests(780_000)?;
    let left = leaving.wait_with_output().map_err(|why| Broken::Io("load".into(), why))?;
    sides::report(&left.stdout, &left.stderr)?;
    let after = settled(&side.process);
    Ok(vec![
        Row::value("growth of RssAnon, 200,000 to 1,000,000 requests, MiB", Some(after - before), Target::Below(1.0)),
        Row::value("  RssAnon after them, MiB", Some(after), Target::None),
    ])
}

/// Memory once what was cancelled has been cleared away.
fn settled(process: &crate::process::Process) -> f64 {
    std::thread::sleep(Duration::from_secs(2));
    process.anonymous_mib()
}
