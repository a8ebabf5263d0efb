//! From exec to the first healthy answer, three providers configured.

use std::time::{Duration, Instant};

use crate::sides::{self, Broken, Kind, Sides, Under};
use crate::stats;
use crate::table::{Row, Target};

/// A start that takes longer than this has failed.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) fn measure(sides: &Sides<'_>) -> Result<Vec<Row>, Broken> {
    let mut millis = Vec::new();
    for _ in 0..sides.plan.rounds * 2 + 1 {
        let port = sides::free_port()?;
        let start = Instant::now();
        let mut process = sides.launch(Kind::Proxy, 2, &Under::Plain, port, 3)?;
        while !sides::healthy(port) {
            if start.elapsed() > LIMIT || process.ended() {
                return Err(Broken::NotReady(Kind::Proxy.name()));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(vec![Row::value("from exec to the first healthy answer, ms", stats::median(&millis), Target::Value(50.0))])
}
