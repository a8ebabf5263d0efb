//! Time by the length of what is read and written, and not by its square: for every reader and writer, whole and in
//! streams, and for what looks for secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::time::{Duration, Instant};

use dialects::embed::{self, Method, Shape};
use dialects::translate::{self, Context, Hints, Stream, Target};
use dialects::{Output, Usage, Wire, bounds, mask};
use support::shapes;

const CLIENTS: [Wire; 4] = [Wire::Chat, Wire::Responses, Wire::Messages, Wire::Gemini];
/// Eight times as much takes as long as eight times a little; by the square it would be eight times as long as that.
const SMALL: usize = 24_000;
const LARGE: usize = 8 * SMALL;
const TIMES: u32 = 5;
/// What takes less is not worth a judgement.
const SHORT: Duration = Duration::from_millis(5);

/// The time that this thread was at work; where the system does not tell it, the time that went by.
fn worked() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn timed(times: usize, work: &mut dyn FnMut()) -> Duration {
    let (at, began) = (worked(), Instant::now());
    (0..times).for_each(|_| work());
    at.zip(worked()).map_or_else(|| began.elapsed(), |(from, to)| to.saturating_sub(from))
}

/// One of several runs will do: a busy machine makes each as long as it likes.
fn judge(what: &str, small: &mut dyn FnMut(), large: &mut dyn FnMut(), bad: &mut Vec<String>) {
    let (mut one, mut eight) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..5 {
        one = timed(1, large);
        if one < SHORT {
            return;
        }
        eight = timed(8, small);
        // A clock that stands still judges nothing.
        if eight.is_zero() || one <= eight * TIMES {
            return;
        }
    }
    bad.push(format!("{what}: {one:?}, and {eight:?} for eight times an eighth"));
}

fn pairs<T>(make: impl Fn(usize) -> Vec<T>) -> impl Iterator<Item = (T, T)> {
    make(SMALL).into_iter().zip(make(LARGE))
}

#[test]
fn requests() {
    let mut bad = Vec::new();
    for (at, (small, large)) in pairs(shapes::requests).enumerate() {
        let (from, name) = (large.0, large.1);
        let hints = Hints { model: Some("m"), stream: Some(false) };
        let read = |body: &[u8]| drop(std::hint::black_box(translate::read(from, body, &hints)));
        judge(&format!("{from:?} {name}"), &mut || read(&small.2), &mut || read(&large.2), &mut bad);
        let (Ok(few), Ok(many)) = (translate::read(from, &small.2, &hints), translate::read(from, &large.2, &hints))
        else {
            continue;
        };
        // Each shape in two of the formats, in turn.
        for to in [Wire::ALL[at % 5], Wire::ALL[(at + 2) % 5]] {
            let target = Target { model: "u", ..Target::default() };
            let write = |request| drop(std::hint::black_box(translate::write(to, request, &target)));
            judge(&format!("{from:?} to {to:?} {name}"), &mut || write(&few), &mut || write(&many), &mut bad);
        }
        let weigh = |body: &[u8]| {
            let _ = std::hint::black_box(bounds::request(from, body));
        };
        judge(&format!("bounds {name}"), &mut || weigh(&small.2), &mut || weigh(&large.2), &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn answers() {
    let mut bad = Vec::new();
    let context = Context { model: "m".into(), request_id: "r".into(), ..Context::default() };
    for (at, (small, large)) in pairs(shapes::answers).enumerate() {
        let (from, name) = (large.0, large.1);
        for to in [CLIENTS[at % 4], CLIENTS[(at + 1) % 4]] {
            let answer = |body: &[u8]| drop(std::hint::black_box(translate::answer(from, to, body, &context)));
            judge(&format!("{from:?} to {to:?} {name}"), &mut || answer(&small.2), &mut || answer(&large.2), &mut bad);
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// One long event, and as many bytes of short ones.
#[test]
fn streams() {
    let mut bad = Vec::new();
    let context = Context { model: "m".into(), request_id: "r".into(), ..Context::default() };
    let run = |from, to, body: &[u8]| {
        let (mut stream, mut out) = (Stream::new(from, to, &context), Output::default());
        for piece in body.chunks(1_000) {
            stream.push(piece, &mut out);
            drop(std::mem::take(&mut out));
        }
        let _ = stream.end(true, &mut out);
    };
    for (at, (small, large)) in pairs(|size| [shapes::events(size), shapes::streams(size)].concat()).enumerate() {
        let (from, name) = (large.0, large.1);
        for to in [CLIENTS[at % 4], CLIENTS[(at + 1) % 4]] {
            let what = format!("{from:?} to {to:?} {name}");
            judge(&what, &mut || run(from, to, &small.2), &mut || run(from, to, &large.2), &mut bad);
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn embeddings() {
    let mut bad = Vec::new();
    let texts = |size| format!(r#"{{"model":"m","input":[{}]}}"#, vec![r#""a""#; size / 4].join(","));
    let ask = |body: &str| {
        let ask = embed::read_openai(body.as_bytes()).unwrap();
        std::hint::black_box(embed::write_gemini(&ask, "m", Method::Batch)).unwrap();
    };
    judge("texts", &mut || ask(&texts(SMALL)), &mut || ask(&texts(LARGE)), &mut bad);
    let vector = |size| format!(r#"{{"embedding":{{"values":[{}]}}}}"#, vec!["0.25"; size / 5].join(","));
    let answer = |body: &str| {
        let vectors = embed::read_gemini_answer(body.as_bytes()).unwrap();
        let shape = Shape { one: false, packed: true, count: 1 };
        let packed = embed::write_openai_answer(&vectors, shape, "m", Usage::default()).unwrap();
        let vectors = embed::read_openai_answer(&packed).unwrap();
        std::hint::black_box(embed::write_gemini_answer(&vectors, shape)).unwrap();
    };
    judge("a vector", &mut || answer(&vector(SMALL)), &mut || answer(&vector(LARGE)), &mut bad);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn secrets() {
    let mut bad = Vec::new();
    for unit in ["sk-", "AQ.", "hf_", "bearer ", "eyJ.", "r8_.", "a-", "\\u0041", "Key0123456789", "Key01"] {
        let text = |size: usize| unit.repeat(size / unit.len());
        let (small, large) = (text(SMALL), text(LARGE));
        let run = |text: &str| {
            std::hint::black_box(mask::mask(text.as_bytes()));
            std::hint::black_box(mask::hide(text.as_bytes(), &["Key0123456789", "AAAAAAAAAAAAAAAB"]));
        };
        judge(unit, &mut || run(&small), &mut || run(&large), &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
