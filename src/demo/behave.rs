//! How the demo behaves for one request: from its settings and the name of the model.

use std::time::Duration;

use config::Demo;

/// Longest time to the first byte, whatever is asked.
const MOST_DELAY: Duration = Duration::from_secs(60);
/// Longest time between two events.
const MOST_EVENT_DELAY: Duration = Duration::from_secs(10);

/// What `GET /models` lists: each behaviour by an example.
pub(super) const MODELS: [&str; 8] = [
    "demo",
    "demo-slow",
    "demo-delay-500ms",
    "demo-error-429",
    "demo-error-500",
    "demo-stall",
    "demo-cut",
    "demo-stream-error",
];

/// What goes wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// This status instead of an answer.
    Status(u16),
    /// Begins and falls silent.
    Stall,
    /// The connection drops in the middle.
    Cut,
    /// An error event in the middle of a stream.
    StreamError,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Behaviour {
    /// To the first byte.
    pub(super) delay: Duration,
    /// Between two events.
    pub(super) event_delay: Duration,
    pub(super) fault: Fault,
}

/// `asked` counts the requests before this one: with a failure rate of 0.25 every fourth fails, not a random quarter.
pub(super) fn behaviour(settings: &Demo, model: &str, asked: u64) -> Behaviour {
    let mut behaviour = Behaviour { delay: settings.delay, event_delay: settings.event_delay, fault: Fault::None };
    if fails(settings.failure_rate, asked) {
        behaviour.fault = Fault::Status(500);
    }
    match model.strip_prefix("demo-") {
        Some("slow") => {
            behaviour.delay = Duration::from_secs(2);
            behaviour.event_delay = Duration::from_millis(100);
        }
        Some("stall") => behaviour.fault = Fault::Stall,
        Some("cut") => behaviour.fault = Fault::Cut,
        Some("stream-error") => behaviour.fault = Fault::StreamError,
        Some(other) => {
            if let Some(delay) = other.strip_prefix("delay-").and_then(duration) {
                behaviour.delay = delay;
            } else if let Some(status) = other.strip_prefix("error-").and_then(status) {
                behaviour.fault = Fault::Status(status);
            }
        }
        None => {}
    }
    behaviour.delay = behaviour.delay.min(MOST_DELAY);
    behaviour.event_delay = behaviour.event_delay.min(MOST_EVENT_DELAY);
    behaviour
}

fn fails(rate: f64, asked: u64) -> bool {
    let rate = rate.clamp(0.0, 1.0);
    // 2^52 requests later the sum loses its fraction; the demo will have been restarted.
    let asked = asked as f64;
    ((asked + 1.0) * rate).floor() > (asked * rate).floor()
}

/// `1500ms`, `3s`.
fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (400..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(model: &str) -> Behaviour {
        behaviour(&Demo::default(), model, 0)
    }

    #[test]
    fn names_say_how_it_behaves() {
        assert_eq!(of("demo"), Behaviour { delay: Duration::ZERO, event_delay: Duration::ZERO, fault: Fault::None });
        assert_eq!(of("gpt-5"), of("demo"));
        assert_eq!(of("demo-delay-1500ms").delay, Duration::from_millis(1500));
        assert_eq!(of("demo-delay-99999999s").delay, MOST_DELAY);
        assert_eq!(of("demo-delay--1s"), of("demo"));
        assert_eq!(of("demo-error-429").fault, Fault::Status(429));
        assert_eq!(of("demo-error-200"), of("demo"));
        assert_eq!(of("demo-cut").fault, Fault::Cut);
    }

    #[test]
    fn the_failure_rate_is_kept_exactly() {
        for (rate, expected) in [(0.0, 0), (0.25, 25), (1.0, 100), (f64::NAN, 0), (7.0, 100)] {
            let settings = Demo { failure_rate: rate, ..Demo::default() };
            let failed =
                (0..100).filter(|asked| behaviour(&settings, "demo", *asked).fault == Fault::Status(500)).count();
            assert_eq!(failed, expected, "{rate}");
        }
    }
}
