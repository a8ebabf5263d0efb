//! The two forms of a line: text for people, JSON for machines.
//!
//! Both begin with the instant in UTC, to the millisecond. The second is spelled out once and kept for each thread;
//! what is left for a line are three digits.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use super::access;
use super::escape::Escaping;

/// `2026-11-23T18:46:12`.
const SECOND_LEN: usize = 19;
/// A line's buffer is kept for the next line, but not at the size of the longest ever seen.
const KEEP: usize = 16 * 1024;
/// A longer message is cut: no line may crowd out the others.
const LONGEST: usize = 64 * 1024;

thread_local! {
    static SECOND: Cell<(u64, [u8; SECOND_LEN])> = const { Cell::new((u64::MAX, [0; SECOND_LEN])) };
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Appends the present instant: `2026-11-23T18:46:12.345Z`.
pub(super) fn stamp(out: &mut String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut known, mut text) = SECOND.get();
    if known != now.as_secs() {
        known = now.as_secs();
        text = spell(known);
        SECOND.set((known, text));
    }
    out.push_str(std::str::from_utf8(&text).unwrap_or_default());
    let millis = now.subsec_millis();
    out.push('.');
    for digit in [millis / 100, millis / 10 % 10, millis % 10] {
        out.push(char::from(b'0' + digit as u8));
    }
    out.push('Z');
}

fn spell(second: u64) -> [u8; SECOND_LEN] {
    let mut text = [b'0'; SECOND_LEN];
    let spelled = i64::try_from(second)
        .ok()
        .and_then(|second| jiff::Timestamp::from_second(second).ok())
        .map(|at| at.to_string());
    if let Some(from) = spelled.as_deref().and_then(|spelled| spelled.as_bytes().get(..SECOND_LEN)) {
        text.copy_from_slice(from);
    }
    text
}

/// Writes one record as one line.
pub(super) fn write(out: &mut impl Write, record: &log::Record<'_>, json: bool) -> io::Result<()> {
    // The access line is built whole, with its instant, by its own module.
    if record.target() == access::TARGET {
        return writeln!(out, "{}", record.args());
    }
    LINE.with(|line| match line.try_borrow_mut() {
        Ok(mut line) => {
            line.clear();
            build(&mut line, record, json);
            let written = out.write_all(line.as_bytes());
            line.shrink_to(KEEP);
            written
        }
        // A message that logs while it is being formatted.
        Err(_) => {
            let mut line = String::new();
            build(&mut line, record, json);
            out.write_all(line.as_bytes())
        }
    })
}

fn build(line: &mut String, record: &log::Record<'_>, json: bool) {
    begin(line, record.level(), record.target(), json);
    let start = line.len();
    // A Display that fails leaves what it wrote; a log line is no place to fail over it.
    let _ = write!(Escaping { out: line, quoted: json }, "{}", record.args());
    if line.len() - start > LONGEST {
        let cut =
            (start + LONGEST - 8..=start + LONGEST).find(|at| line.is_char_boundary(*at) && !within_escape(line, *at));
        line.truncate(cut.unwrap_or(start));
        line.push_str("...");
    }
    line.push_str(if json { "\"}\n" } else { "\n" });
}

/// Whether a cut here would leave half an escape (`\u00`) behind; the longest is six bytes.
fn within_escape(line: &str, at: usize) -> bool {
    let tail = line.as_bytes().get(at.saturating_sub(6)..at).unwrap_or_default();
    tail.contains(&b'\\')
}

/// All up to the message.
pub(super) fn begin(line: &mut String, level: log::Level, target: &str, json: bool) {
    if json {
        line.push_str("{\"ts\":\"");
        stamp(line);
        line.push_str("\",\"level\":\"");
        line.push_str(level.as_str());
        line.push_str("\",\"target\":");
        super::escape::json(line, target);
        line.push_str(",\"message\":\"");
    } else {
        stamp(line);
        line.push_str(match level {
            log::Level::Error => " ERROR ",
            log::Level::Warn => " WARN  ",
            log::Level::Info => " INFO  ",
            log::Level::Debug => " DEBUG ",
            log::Level::Trace => " TRACE ",
        });
        super::escape::word(line, target);
        line.push(' ');
    }
}

/// The line that tells of dropped lines, as text.
pub(super) fn dropped_text(count: u64, out: &mut Vec<u8>) {
    dropped(count, out, false);
}

/// The same as JSON.
pub(super) fn dropped_json(count: u64, out: &mut Vec<u8>) {
    dropped(count, out, true);
}

fn dropped(count: u64, out: &mut Vec<u8>, json: bool) {
    let mut line = String::new();
    begin(&mut line, log::Level::Warn, "log", json);
    let _ = write!(line, "{count} lines were dropped: stderr is not read fast enough");
    line.push_str(if json { "\"}\n" } else { "\n" });
    out.extend_from_slice(line.as_bytes());
}
