//! What a translation holds at its peak: for every reader and writer, in the shapes that cost most, no more than three
//! times the body beside the body itself, or what small bodies may take.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

#[allow(dead_code)]
mod support;

use dialects::translate::{self, Context, Hints, Stream, Target};
use dialects::{Output, Wire, bounds};
use support::memory::{Counting, Meter};
use support::shapes;

#[global_allocator]
static COUNTING: Counting = Counting;

const CLIENTS: [Wire; 4] = [Wire::Chat, Wire::Responses, Wire::Messages, Wire::Gemini];

/// Without optimization most of the time of this test goes by in the parser: `BYTES=16000000` asks for large bodies.
fn asked() -> bool {
    std::env::var("BYTES").is_ok()
}

/// Of large bodies each run tries some shapes, and of all shapes some writers, unless it is asked for.
fn tried(size: usize, shape: usize, writer: usize) -> bool {
    asked() || if size > 1_000_000 { shape % 20 == 1 && writer == shape / 20 % 4 } else { shape % 4 == writer }
}

fn sizes() -> Vec<usize> {
    match std::env::var("BYTES") {
        Ok(bytes) => bytes.split(',').map(|bytes| bytes.parse().unwrap()).collect(),
        Err(_) => vec![100_000, 5_000_000],
    }
}

fn judge(what: &str, length: usize, told: Option<usize>, peak: usize, bad: &mut Vec<String>) {
    let most = bounds::allowed(length) + 512 * 1024;
    let line = format!(
        "{what}: {length} bytes, peak {:.2} of them and {:.2} of what is allowed, told {:?}",
        1.0 + peak as f64 / length as f64,
        peak as f64 / most as f64,
        told.map(|told| told as f64 / peak as f64)
    );
    if peak > most || std::env::var("SHOW").is_ok() {
        eprintln!("{line}");
    }
    if peak > most {
        bad.push(line);
    }
}

/// One test, for all that is allocated is counted together.
#[test]
fn what_a_translation_holds_is_bounded() {
    let mut bad = Vec::new();
    for size in sizes() {
        for (at, (from, name, body)) in shapes::requests(size).into_iter().enumerate() {
            for (_, to) in Wire::ALL.into_iter().enumerate().filter(|(n, _)| tried(size, at, *n)) {
                let meter = Meter::start();
                let told = bounds::request(from, &body).ok();
                let hints = Hints { model: Some("m"), stream: Some(false) };
                let written = translate::read(from, &body, &hints)
                    .map(|request| translate::write(to, &request, &Target { model: "u", ..Target::default() }).is_ok());
                judge(&format!("{from:?} to {to:?}, {name} {written:?}"), body.len(), told, meter.peak(), &mut bad);
            }
        }
        let context = Context { model: "m".into(), request_id: "r".into(), ..Context::default() };
        for (at, (from, name, body)) in shapes::answers(size).into_iter().enumerate() {
            for (_, to) in CLIENTS.into_iter().enumerate().filter(|(n, _)| tried(size, at, *n)) {
                let meter = Meter::start();
                let told = bounds::answer(from, &body).ok();
                let written = translate::answer(from, to, &body, &context).map(|answer| answer.body.len());
                let written = written.map_err(|_| ());
                judge(
                    &format!("answer {from:?} to {to:?}, {name} {written:?}"),
                    body.len(),
                    told,
                    meter.peak(),
                    &mut bad,
                );
            }
        }
        for (at, (from, name, body)) in shapes::events(size.min(15_000_000)).into_iter().enumerate() {
            for (_, to) in CLIENTS.into_iter().enumerate().filter(|(n, _)| tried(size, at, *n)) {
                let meter = Meter::start();
                let mut stream = Stream::new(from, to, &context);
                let mut out = Output::default();
                stream.push(&body, &mut out);
                let _ = stream.end(true, &mut out);
                let failed = stream.progress().failure.is_some();
                judge(
                    &format!("event {from:?} to {to:?}, {name} {failed} {}", out.len()),
                    body.len(),
                    None,
                    meter.peak(),
                    &mut bad,
                );
            }
        }
        // Many events: what is written goes as it comes, and what a writer keeps of it stays.
        for (at, (from, name, body)) in shapes::streams(size).into_iter().enumerate() {
            for (_, to) in CLIENTS.into_iter().enumerate().filter(|(n, _)| tried(size, at, *n)) {
                let meter = Meter::start();
                let mut stream = Stream::new(from, to, &context);
                for piece in body.chunks(16 * 1024) {
                    stream.push(piece, &mut Output::default());
                }
                let mut out = Output::default();
                let whole = stream.end(true, &mut out).is_ok();
                let what = format!("stream {from:?} to {to:?}, {name} {whole} {}", out.len());
                judge(&what, body.len(), None, meter.peak(), &mut bad);
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
