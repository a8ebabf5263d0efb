//! The access line: one a request, from its [`Record`].
//!
//! Text is `name=value` in a fixed order, what is not known is left out; JSON has the same names (attempts and
//! tokens as structures). It is logged under the target `access` at info, so `RUST_LOG=info,access=off` silences it,
//! and costs nothing then. Built in a buffer that its thread keeps: no allocation for a line.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{escape, line};
use crate::record::{Attempt, Outcome, Record};

/// What `RUST_LOG` calls it.
pub const TARGET: &str = "access";
/// Attempts told in a line; a retry policy that makes more is told by the count of the rest.
const MOST_ATTEMPTS: usize = 16;

static JSON: AtomicBool = AtomicBool::new(false);

pub(super) fn set_json(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Logs a request that has ended.
pub fn access(record: &Record) {
    let json = JSON.load(Ordering::Relaxed);
    let Some(sink) = super::SINK.get() else {
        log::info!(target: TARGET, "{}", Line { record, json });
        return;
    };
    // Past the logger, which would format what is a line already.
    if log::log_enabled!(target: TARGET, log::Level::Info) {
        LINE.with(|out| {
            if let Ok(mut out) = out.try_borrow_mut() {
                build(&mut out, record, json);
                out.push('\n');
                sink.push(out.as_bytes());
            }
        });
    }
}

fn build(out: &mut String, record: &Record, json: bool) {
    out.clear();
    if json {
        self::json(out, record);
    } else {
        text(out, record);
    }
}

/// The whole line, with its instant, without its end.
pub(super) struct Line<'a> {
    pub(super) record: &'a Record,
    pub(super) json: bool,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        LINE.with(|out| {
            let mut out = out.try_borrow_mut().map_err(|_| fmt::Error)?;
            build(&mut out, self.record, self.json);
            f.write_str(&out)
        })
    }
}

fn text(out: &mut String, record: &Record) {
    line::stamp(out);
    out.push_str(" INFO  access id=");
    escape::word(out, &record.request_id);
    out.push_str(" method=");
    out.push_str(record.method);
    out.push_str(" path=");
    escape::word(out, &record.path);
    out.push_str(" status=");
    number(out, record.status.into());
    out.push_str(" outcome=");
    out.push_str(outcome(record.outcome));
    if let Some(from) = record.address {
        out.push_str(" from=");
        address(out, from);
    }
    for (name, value) in
        [(" client=", &record.client), (" model=", &record.model), (" deployment=", &record.deployment)]
    {
        if let Some(value) = value {
            out.push_str(name);
            escape::word(out, value);
        }
    }
    if let Some(asked) = &record.asked {
        out.push_str(" asked=");
        escape::word(out, asked);
    }
    if let Some(reason) = record.reason {
        out.push_str(" reason=");
        out.push_str(reason);
    }
    if !record.attempts.is_empty() {
        out.push_str(" attempts=\"");
        for (nth, attempt) in record.attempts.iter().take(MOST_ATTEMPTS).enumerate() {
            if nth > 0 {
                out.push_str(" -> ");
            }
            escape::json_inner(out, &attempt.deployment);
            out.push(':');
            out.push_str(attempt.outcome);
        }
        if let Some(more) = record.attempts.len().checked_sub(MOST_ATTEMPTS).filter(|more| *more > 0) {
            out.push_str(" -> +");
            number(out, more as u64);
        }
        out.push('"');
    }
    whys(out, record);
    if record.stream {
        out.push_str(" stream=true");
    }
    out.push_str(" bytes_in=");
    number(out, record.bytes_in);
    out.push_str(" bytes_out=");
    number(out, record.bytes_out);
    if let Some(usage) = &record.usage {
        // `~` says that the upstream did not report it; what of it came from a cache nobody can guess.
        out.push_str(if usage.estimated { " tokens_in=~" } else { " tokens_in=" });
        number(out, usage.input);
        out.push_str(if usage.estimated { " tokens_out=~" } else { " tokens_out=" });
        number(out, usage.output);
        if !usage.estimated {
            out.push_str(" tokens_cached=");
            number(out, usage.cached_input);
        }
    }
    if let Some(first_byte) = record.first_byte {
        out.push_str(" first_byte_ms=");
        millis(out, first_byte);
    }
    out.push_str(" total_ms=");
    millis(out, record.total);
    out.push_str(" overhead_ms=");
    millis(out, record.overhead);
}

/// What is known of each failure, in the order of the attempts; what a deployment failed with again and again once.
fn whys(out: &mut String, record: &Record) {
    let told = record.attempts.get(..MOST_ATTEMPTS.min(record.attempts.len())).unwrap_or_default();
    let same = |a: &Attempt, b: &Attempt| a.why == b.why && a.deployment == b.deployment;
    let attempts = told.iter().enumerate().filter_map(|(nth, attempt)| {
        let why = attempt.why.as_deref()?;
        let is_first = !told.iter().take(nth).any(|before| same(before, attempt));
        let times = told.iter().filter(|other| same(other, attempt)).count();
        is_first.then_some((Some(&attempt.deployment), why, times))
    });
    let mut open = false;
    for (deployment, why, times) in attempts.chain(record.why.as_deref().map(|why| (None, why, 1))) {
        out.push_str(if open { "; " } else { " why=\"" });
        open = true;
        if let Some(deployment) = deployment {
            escape::json_inner(out, deployment);
            out.push_str(": ");
        }
        escape::json_inner(out, why);
        if times > 1 {
            out.push_str(" (");
            number(out, times as u64);
            out.push_str(" times)");
        }
    }
    if open {
        out.push('"');
    }
}

fn json(out: &mut String, record: &Record) {
    out.push_str("{\"ts\":\"");
    line::stamp(out);
    out.push_str("\",\"level\":\"INFO\",\"target\":\"access\",\"id\":");
    escape::json(out, &record.request_id);
    out.push_str(",\"method\":");
    escape::json(out, record.method);
    out.push_str(",\"path\":");
    escape::json(out, &record.path);
    out.push_str(",\"status\":");
    number(out, record.status.into());
    out.push_str(",\"outcome\":\"");
    out.push_str(outcome(record.outcome));
    out.push('"');
    if let Some(from) = record.address {
        out.push_str(",\"from\":\"");
        address(out, from);
        out.push('"');
    }
    for (name, value) in
        [(",\"client\":", &record.client), (",\"model\":", &record.model), (",\"deployment\":", &record.deployment)]
    {
        if let Some(value) = value {
            out.push_str(name);
            escape::json(out, value);
        }
    }
    out.push_str(",\"attempts\":[");
    for (nth, attempt) in record.attempts.iter().take(MOST_ATTEMPTS).enumerate() {
        out.push_str(if nth > 0 { ",{\"deployment\":" } else { "{\"deployment\":" });
        escape::json(out, &attempt.deployment);
        out.push_str(",\"outcome\":\"");
        out.push_str(attempt.outcome);
        out.push('"');
        if let Some(why) = &attempt.why {
            out.push_str(",\"why\":");
            escape::json(out, why);
        }
        out.push('}');
    }
    out.push(']');
    if let Some(asked) = &record.asked {
        out.push_str(",\"asked\":");
        escape::json(out, asked);
    }
    if let Some(reason) = record.reason {
        out.push_str(",\"reason\":\"");
        out.push_str(reason);
        out.push('"');
    }
    if let Some(why) = &record.why {
        out.push_str(",\"why\":");
        escape::json(out, why);
    }
    out.push_str(",\"stream\":");
    out.push_str(if record.stream { "true" } else { "false" });
    out.push_str(",\"bytes_in\":");
    number(out, record.bytes_in);
    out.push_str(",\"bytes_out\":");
    number(out, record.bytes_out);
    if let Some(usage) = &record.usage {
        out.push_str(",\"tokens\":{\"input\":");
        number(out, usage.input);
        out.push_str(",\"output\":");
        number(out, usage.output);
        out.push_str(",\"cached\":");
        number(out, usage.cached_input);
        out.push_str(",\"estimated\":");
        out.push_str(if usage.estimated { "true}" } else { "false}" });
    }
    if let Some(first_byte) = record.first_byte {
        out.push_str(",\"first_byte_ms\":");
        millis(out, first_byte);
    }
    out.push_str(",\"total_ms\":");
    millis(out, record.total);
    out.push_str(",\"overhead_ms\":");
    millis(out, record.overhead);
    out.push('}');
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Refused => "refused",
        Outcome::Cut => "cut",
        Outcome::ClientGone => "client_gone",
    }
}

/// An address has no character that needs an escape. Display would cost a quarter of the line.
fn address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (nth, octet) in address.octets().into_iter().enumerate() {
                if nth > 0 {
                    out.push('.');
                }
                number(out, octet.into());
            }
        }
        IpAddr::V6(address) => {
            let _ = write!(out, "{address}");
        }
    }
}

fn number(out: &mut String, value: u64) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Milliseconds to the microsecond: `12.345`.
fn millis(out: &mut String, time: Duration) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    number(out, micros / 1000);
    let rest = micros % 1000;
    out.push('.');
    for digit in [rest / 100, rest / 10 % 10, rest % 10] {
        out.push(char::from(b'0' + digit as u8));
    }
}
