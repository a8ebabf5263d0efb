//! The log: every line of the process goes through here, and none of them makes a request wait.
//!
//! `env_logger` decides what is logged (`RUST_LOG`) and hands over whole lines; they are gathered in memory and
//! written to stderr by a thread of their own, in batches, so a request pays for formatting its line and nothing
//! else: no system call, no wait for whoever reads stderr. What always holds: a line is one line (text from outside
//! is escaped, it can forge neither a line nor a field), the memory held is bounded, and lines that had to be
//! dropped are counted and told.

mod access;
mod escape;
mod line;
mod sink;
#[cfg(test)]
mod tests;

use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use access::{TARGET as ACCESS_TARGET, access};
use sink::Sink;

/// Longest wait for the last lines at shutdown: a reader of stderr that has stopped reading must not hold the process.
const FLUSH_AT_EXIT: Duration = Duration::from_secs(2);
/// Longest wait after a panic: it happens on a web worker, whose other requests wait too.
const FLUSH_AT_PANIC: Duration = Duration::from_millis(100);

static SINK: OnceLock<Arc<Sink>> = OnceLock::new();

/// Writes out what is still gathered when it is dropped; hold it until the end of `main`.
#[must_use = "the lines gathered last are written when the guard is dropped"]
#[derive(Debug)]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        flush();
    }
}

/// Sets up the process's log. A second call changes nothing (a logger can be set only once) and is harmless.
pub fn init(settings: &config::Log) -> Guard {
    let (json, note) = if settings.json {
        (true, line::dropped_json as sink::Note)
    } else {
        (false, line::dropped_text as sink::Note)
    };
    let mut builder = filtered(&settings.filter);
    builder.format(move |out, record| {
        if record.level() == log::Level::Error
            && let Some(sink) = SINK.get()
        {
            sink.hurry();
        }
        line::write(out, record, json)
    });
    // Without a thread (the system refuses one) lines go to stderr directly: slower, but not lost.
    let sink = Sink::start(std::io::stderr(), note).ok();
    if let Some(sink) = &sink {
        builder.target(env_logger::Target::Pipe(Box::new(sink::Pipe::new(Arc::clone(sink)))));
    }
    access::set_json(json);
    if builder.try_init().is_ok() {
        if let Some(sink) = sink {
            let _ = SINK.set(sink);
        }
        std::panic::set_hook(Box::new(on_panic));
    }
    Guard(())
}

/// What `RUST_LOG` says, over two defaults of ours that a module's name in it overrides.
fn filtered(filter: &str) -> env_logger::Builder {
    let mut builder = env_logger::Builder::new();
    // What the HTTP server says of its own starting and stopping is noise, unless it is asked for by name.
    builder.filter_module("actix_server", log::LevelFilter::Warn);
    // Each answer that we cut on purpose is an error to it; the access line has told it already (`outcome=cut`).
    builder.filter_module("actix_http", log::LevelFilter::Off);
    builder.parse_filters(filter);
    builder
}

/// Writes out what is gathered, now; waits for it, but not for ever.
pub fn flush() {
    if let Some(sink) = SINK.get() {
        sink.flush(FLUSH_AT_EXIT);
    }
}

/// Lines that were lost since the start because stderr was not read fast enough.
pub fn dropped_lines() -> u64 {
    SINK.get().map_or(0, |sink| sink.dropped_lines())
}

/// A panic is told as a line like any other, so that it is escaped, has a time, and is JSON where JSON was asked for.
fn on_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(at) => {
            log::error!(target: "panic", "thread {thread} panicked at {}:{}: {message}", at.file(), at.line())
        }
        None => log::error!(target: "panic", "thread {thread} panicked: {message}"),
    }
    if let Some(sink) = SINK.get() {
        sink.flush(FLUSH_AT_PANIC);
    }
}
