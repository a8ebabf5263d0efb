//! Time by the length of what is read and written, and not by its square: for every reader and writer, whole and in
//! streams, and for what looks for secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::time::Duration;

use dialects::embed::{self, Method, Shape};
use dialects::multipart::{Finder, Step};
use dialects::translate::{self, Context, Hints, Stream, Target};
use dialects::watch::Watch;
use dialects::{Endpoint, Output, Usage, Wire, bounds, mask};
use support::shapes;

const CLIENTS: [Wire; 4] = [Wire::Chat, Wire::Responses, Wire::Messages, Wire::Gemini];
/// One size, twice, four times and eight times as much: each takes as long as so many of the first, or a few times that;
/// by the square eight times as much would take eight times as long as eight of the first.
const TIMES: [usize; 4] = [1, 2, 4, 8];
const SIZE: usize = 24_000;
const MOST: u32 = 5;
/// What takes less is not worth a judgement: by the square the least of the units would take seconds.
const SHORT: Duration = Duration::from_millis(20);

/// The time for which this thread was at work.
fn timed(times: usize, work: &mut dyn FnMut()) -> Duration {
    let at = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let from = at();
    (0..times).for_each(|_| work());
    at() - from
}

/// `run` does the work in one of the [`TIMES`]. One of several runs will do: a busy machine makes each as long as it
/// likes.
fn judge(what: &str, run: &mut dyn FnMut(usize), bad: &mut Vec<String>) {
    for (size, times) in TIMES.into_iter().enumerate().skip(1) {
        let (mut one, mut many) = (Duration::ZERO, Duration::ZERO);
        let fits = (0..5).any(|_| {
            one = timed(1, &mut || run(size));
            one < SHORT || {
                many = timed(times, &mut || run(0));
                one <= many * MOST
            }
        });
        if !fits {
            bad.push(format!("{what}: {one:?}, and {many:?} for {times} times a part of {times}"));
        }
    }
}

/// What is made, in each of the sizes.
fn sizes<T>(make: impl Fn(usize) -> Vec<T>) -> Vec<[T; 4]> {
    let [one, two, four, eight] = TIMES.map(|times| make(times * SIZE));
    let all = one.into_iter().zip(two).zip(four).zip(eight);
    all.map(|(((one, two), four), eight)| [one, two, four, eight]).collect()
}

#[test]
fn a_square_is_told() {
    let mut bad = Vec::new();
    let mut square = |size: usize| {
        let steps = (TIMES[size] * 400).pow(2);
        for step in 0..steps {
            std::hint::black_box(step);
        }
    };
    judge("a square", &mut square, &mut bad);
    assert!(bad.iter().any(|line| line.ends_with("for 8 times a part of 8")), "{bad:?}");
}

#[test]
fn requests() {
    let mut bad = Vec::new();
    for (at, bodies) in sizes(shapes::requests).into_iter().enumerate() {
        let (from, name) = (bodies[0].0, bodies[0].1);
        let hints = Hints { model: Some("m"), stream: Some(false) };
        let read = |size: usize| translate::read(from, &bodies[size].2, &hints);
        judge(&format!("{from:?} {name}"), &mut |size| drop(std::hint::black_box(read(size))), &mut bad);
        let requests: Vec<_> = (0..TIMES.len()).map_while(|size| read(size).ok()).collect();
        if requests.len() < TIMES.len() {
            continue;
        }
        // Each shape in two of the formats, in turn.
        for to in [Wire::ALL[at % 5], Wire::ALL[(at + 2) % 5]] {
            let target = Target { model: "u", ..Target::default() };
            let mut write = |size: usize| drop(std::hint::black_box(translate::write(to, &requests[size], &target)));
            judge(&format!("{from:?} to {to:?} {name}"), &mut write, &mut bad);
        }
        let mut weigh = |size: usize| {
            let _ = std::hint::black_box(bounds::request(from, &bodies[size].2));
        };
        judge(&format!("bounds {name}"), &mut weigh, &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// What lies deep in a schema is read once, and not once a level.
#[test]
fn a_deep_schema_takes_no_longer_than_a_flat_one() {
    let mut bad = Vec::new();
    for (from, to) in [(Wire::Gemini, Wire::Messages), (Wire::Chat, Wire::Gemini)] {
        let bodies = [1, 31].map(|depth| shapes::schema(from, depth, 200_000));
        let hints = Hints { model: Some("m"), stream: Some(false) };
        let target = Target { model: "u", ..Target::default() };
        let mut whole = |size: usize| {
            let request = translate::read(from, &bodies[size.min(1)], &hints).unwrap();
            drop(std::hint::black_box(translate::write(to, &request, &target)));
        };
        judge(&format!("{from:?} to {to:?}"), &mut whole, &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn answers() {
    let mut bad = Vec::new();
    let context = Context { model: "m".into(), request_id: "r".into(), ..Context::default() };
    for (at, bodies) in sizes(shapes::answers).into_iter().enumerate() {
        let (from, name) = (bodies[0].0, bodies[0].1);
        for to in [CLIENTS[at % 4], CLIENTS[(at + 1) % 4]] {
            let mut answer =
                |size: usize| drop(std::hint::black_box(translate::answer(from, to, &bodies[size].2, &context)));
            judge(&format!("{from:?} to {to:?} {name}"), &mut answer, &mut bad);
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
    let bodies = sizes(|size| [shapes::events(size), shapes::streams(size)].concat());
    for (at, bodies) in bodies.into_iter().enumerate() {
        let (from, name) = (bodies[0].0, bodies[0].1);
        for to in [CLIENTS[at % 4], CLIENTS[(at + 1) % 4]] {
            judge(&format!("{from:?} to {to:?} {name}"), &mut |size| run(from, to, &bodies[size].2), &mut bad);
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// However many lines stand before its name, and however short the pieces are that come of it.
#[test]
fn an_error_that_is_waited_for_is_known_by_one_look() {
    let mut bad = Vec::new();
    let lines = "id\n".repeat(21_000);
    let begun = [format!("event: error\n{lines}data: "), format!("{lines}event: error\ndata: ")];
    let mut run = |size: usize| {
        let mut watch = Watch::new(Endpoint::Chat, "text/event-stream", false);
        watch.push(begun[size.min(1)].as_bytes());
        for _ in 0..20_000 {
            assert_eq!(watch.push(b"a").upto, 0);
        }
    };
    judge("an error's name", &mut run, &mut bad);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Each of its pieces may be the last one.
#[test]
fn documents_that_come_in_pieces() {
    let mut bad = Vec::new();
    for (begin, piece) in [(r#"{"a":[{}"#, ",{}"), (r#"{"a":""#, "}"), ("[[]", ",[]")] {
        let mut run = |size: usize| {
            let mut watch = Watch::new(Endpoint::Chat, "application/json", false);
            watch.push(begin.as_bytes());
            for _ in 0..TIMES[size] * 5_900 / piece.len() {
                assert_eq!(watch.push(piece.as_bytes()).failed, None);
            }
        };
        judge(begin, &mut run, &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// A head, and a value that might end at every piece.
#[test]
fn forms_that_come_in_pieces() {
    let mut bad = Vec::new();
    let value = "--B\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n";
    for (begin, unit, most) in [("--B\r\n", "a:\r\n", 2_000), (value, "\r\n--", 8_000)] {
        let bodies = TIMES.map(|times| [begin, &unit.repeat(times * most / unit.len())].concat());
        let mut find = |size: usize| {
            let mut finder = Finder::new("B");
            for piece in bodies[size].as_bytes().chunks(1) {
                assert_eq!(finder.push(piece), Step::NeedMore);
            }
        };
        judge(&format!("finds in {unit:?}"), &mut find, &mut bad);
        let mut watch = |size: usize| {
            let mut watch = Finder::new("B").watch(b"");
            bodies[size].as_bytes().chunks(1).for_each(|piece| watch.push(piece));
            std::hint::black_box(watch.seen());
        };
        judge(&format!("watches {unit:?}"), &mut watch, &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn embeddings() {
    let mut bad = Vec::new();
    let texts =
        TIMES.map(|times| format!(r#"{{"model":"m","input":[{}]}}"#, vec![r#""a""#; times * SIZE / 4].join(",")));
    let mut ask = |size: usize| {
        let ask = embed::read_openai(texts[size].as_bytes()).unwrap();
        std::hint::black_box(embed::write_gemini(&ask, "m", Method::Batch)).unwrap();
    };
    judge("texts", &mut ask, &mut bad);
    let vectors =
        TIMES.map(|times| format!(r#"{{"embedding":{{"values":[{}]}}}}"#, vec!["0.25"; times * SIZE / 5].join(",")));
    let mut answer = |size: usize| {
        let vectors = embed::read_gemini_answer(vectors[size].as_bytes()).unwrap();
        let shape = Shape { one: false, packed: true, count: 1 };
        let packed = embed::write_openai_answer(&vectors, shape, "m", Usage::default()).unwrap();
        let vectors = embed::read_openai_answer(&packed).unwrap();
        std::hint::black_box(embed::write_gemini_answer(&vectors, shape)).unwrap();
    };
    judge("a vector", &mut answer, &mut bad);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn secrets() {
    let mut bad = Vec::new();
    for unit in ["sk-", "AQ.", "hf_", "bearer ", "eyJ.", "r8_.", "a-", "\\u0041", "Key0123456789", "Key01"] {
        let texts = TIMES.map(|times| unit.repeat(times * SIZE / unit.len()));
        let mut run = |size: usize| {
            std::hint::black_box(mask::mask(texts[size].as_bytes()));
            std::hint::black_box(mask::hide(texts[size].as_bytes(), &["Key0123456789", "AAAAAAAAAAAAAAAB"]));
        };
        judge(unit, &mut run, &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
