#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::access::Line;
use super::sink::{CAPACITY, Sink};
use super::{escape, line};
use crate::record::{Attempt, Outcome, Record};

const LONG: Duration = Duration::from_secs(20);

fn record() -> Record {
    Record {
        request_id: "r-1".into(),
        client: Some("alice".into()),
        address: Some([192, 0, 2, 7].into()),
        endpoint: Some(dialects::Endpoint::Chat),
        method: "POST",
        path: "/v1/chat/completions".into(),
        model: Some("fast".into()),
        listed: true,
        deployment: Some("local/qwen3:8b".into()),
        attempts: vec![
            Attempt { deployment: "groq/llama".into(), outcome: "429", why: None },
            Attempt { deployment: "local/qwen3:8b".into(), outcome: "ok", why: None },
        ],
        reason: None,
        asked: None,
        why: None,
        status: 200,
        outcome: Outcome::Answered,
        stream: true,
        bytes_in: 1024,
        bytes_out: 2048,
        usage: Some(dialects::Usage { input: 12, output: 34, cached_input: 5, estimated: true, ..Default::default() }),
        first_byte: Some(Duration::from_micros(12_345)),
        total: Duration::from_micros(1_000_007),
        overhead: Duration::from_micros(90),
    }
}

fn text(record: &Record) -> String {
    Line { record, json: false }.to_string()
}

fn json(record: &Record) -> serde_json::Value {
    serde_json::from_str(&Line { record, json: true }.to_string()).expect("one JSON object")
}

/// A line without its instant.
fn rest(line: &str) -> &str {
    assert!(line.as_bytes()[23] == b'Z' && line.as_bytes()[10] == b'T', "{line}");
    &line[25..]
}

#[test]
fn why_something_failed_is_told_and_forges_no_line() {
    let attempts = vec![
        Attempt { deployment: "a/m".into(), outcome: "connect", why: Some("connection refused".into()) },
        Attempt { deployment: "b/m".into(), outcome: "500", why: Some("x\" status=200\nINFO \u{1b}[31m".into()) },
    ];
    let (reason, asked, why) = (Some("cut"), Some("a\nb".into()), Some("connection reset".into()));
    let failed = Record { attempts, reason, asked, why, ..record() };
    let line = text(&failed);
    assert!(line.contains(" asked=\"a\\nb\" reason=cut "), "{line}");
    assert!(line.contains(" why=\"a/m: connection refused; b/m: x\\\" status=200\\nINFO "), "{line}");
    assert!(line.contains("; connection reset\" "), "{line}");
    assert!(!line.contains('\n') && !line.contains('\u{1b}'), "{line}");
    let told = json(&failed);
    assert_eq!(told["attempts"][0]["why"], "connection refused");
    assert_eq!(told["attempts"][1]["why"].as_str().map(|why| why.starts_with("x\" status=200\nINFO ")), Some(true));
    assert_eq!((told["reason"].as_str(), told["why"].as_str()), (Some("cut"), Some("connection reset")));
    assert_eq!(told["asked"], "a\nb");
    let again =
        |name: &str| Attempt { deployment: name.into(), outcome: "connect", why: Some("name not found".into()) };
    let attempts = vec![again("a/m"), again("b/m"), again("a/m"), again("a/m")];
    let line = text(&Record { attempts, ..record() });
    assert!(line.contains(" why=\"a/m: name not found (3 times); b/m: name not found\" "), "{line}");
    let plain = text(&record());
    assert!(["why=", "reason=", "asked="].iter().all(|absent| !plain.contains(absent)), "{plain}");
}

#[test]
fn the_access_line_says_what_happened() {
    assert_eq!(
        rest(&text(&record())),
        "INFO  access id=r-1 method=POST path=/v1/chat/completions status=200 outcome=answered from=192.0.2.7 client=alice model=fast \
         deployment=local/qwen3:8b attempts=\"groq/llama:429 -> local/qwen3:8b:ok\" stream=true bytes_in=1024 bytes_out=2048 \
         tokens_in=~12 tokens_out=~34 first_byte_ms=12.345 total_ms=1000.007 overhead_ms=0.090"
    );
    let line = json(&record());
    assert_eq!(line["attempts"][0], serde_json::json!({"deployment": "groq/llama", "outcome": "429"}));
    assert_eq!(line["tokens"], serde_json::json!({"input": 12, "output": 34, "cached": 5, "estimated": true}));
    assert_eq!(line["total_ms"], serde_json::json!(1000.007));
}

#[test]
fn what_is_not_known_is_left_out() {
    let bare = Record {
        client: None,
        address: None,
        model: None,
        deployment: None,
        attempts: Vec::new(),
        usage: None,
        first_byte: None,
        stream: false,
        status: 404,
        outcome: Outcome::Refused,
        ..record()
    };
    let line = text(&bare);
    for absent in ["client=", "model=", "deployment=", "attempts=", "tokens", "first_byte", "stream"] {
        assert!(!line.contains(absent), "{absent} in {line}");
    }
    assert!(json(&bare).get("model").is_none());
}

#[test]
fn many_attempts_are_bounded() {
    let attempts = (0..40).map(|_| Attempt { deployment: "a/b".into(), outcome: "503", why: None }).collect();
    let line = text(&Record { attempts, ..record() });
    assert_eq!(line.matches("a/b:503").count(), 16);
    assert!(line.contains(" -> +24\""), "{line}");
}

#[test]
fn a_client_cannot_forge_a_line_or_a_field() {
    for hostile in [
        "x\n2026-01-01T00:00:00.000Z INFO  access status=200",
        "x status=200",
        "x\" status=200 \"",
        "x\",\"status\":500,\"y\":\"",
        "\\",
        "\x1b[2J\u{9b}2J",
        "\u{2028}\u{202e}evil",
        "\0\r\x08\x7f",
        "status=200",
        "",
    ] {
        let bad = Record {
            path: hostile.into(),
            model: Some(hostile.into()),
            client: Some(hostile.into()),
            request_id: hostile.into(),
            ..record()
        };
        let line = text(&bad);
        assert!(!line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}')), "{line:?}");
        // Read as a machine would: outside quotes there is exactly one status.
        let mut quoted = false;
        let mut escaped = false;
        let outside: String = line
            .chars()
            .filter(|c| {
                let before = quoted;
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => quoted = !quoted,
                    _ => {}
                }
                !before && !quoted
            })
            .collect();
        assert_eq!(outside.matches(" status=").count(), 1, "{line}");
        assert!(!quoted, "{line}");
        let parsed = json(&bad);
        assert_eq!(parsed["status"], 200);
        assert_eq!(parsed["path"], hostile, "JSON gives back what was asked");
    }
}

#[test]
fn any_message_stays_one_line() {
    let args = format_args!("a \"b\"\nc\u{1b}[0m\u{85}");
    let message = log::Record::builder().args(args).level(log::Level::Warn).target("x y").build();
    let mut out = Vec::new();
    line::write(&mut out, &message, false).unwrap();
    assert_eq!(rest(&String::from_utf8(out).unwrap()), "WARN  \"x y\" a \"b\"\\nc\\u001b[0m\\u0085\n");
    let mut out = Vec::new();
    line::write(&mut out, &message, true).unwrap();
    let parsed: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(parsed["message"], "a \"b\"\nc\u{1b}[0m\u{85}");
    assert_eq!(parsed["level"], "WARN");
}

#[test]
fn a_long_message_is_cut_and_stays_valid() {
    for filler in ["x", "\n", "é\0", "\u{1f600}"] {
        let long = filler.repeat(200_000);
        let mut out = Vec::new();
        let args = format_args!("{long}");
        line::write(&mut out, &log::Record::builder().args(args).level(log::Level::Info).target("t").build(), true)
            .unwrap();
        assert!(out.len() < 66_000, "{}", out.len());
        serde_json::from_slice::<serde_json::Value>(&out).expect("still JSON");
    }
}

#[test]
fn instants_are_spelled_in_utc() {
    let mut stamp = String::new();
    line::stamp(&mut stamp);
    let at: jiff::Timestamp = stamp.parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(at).abs() < jiff::SignedDuration::from_secs(5));
    assert_eq!(stamp.len(), 24);
}

#[test]
fn quoting_is_only_for_what_needs_it() {
    let mut out = String::new();
    escape::word(&mut out, "gpt-5:nano/x");
    escape::word(&mut out, "a b");
    escape::word(&mut out, "é");
    assert_eq!(out, "gpt-5:nano/x\"a b\"\"é\"");
}

/// A writer that says what it got, and waits at each write until it may go on.
struct Slow {
    seen: Arc<Mutex<Vec<u8>>>,
    writes: Sender<usize>,
    go: Receiver<()>,
}

impl Write for Slow {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.writes.send(data.len()).map_err(io::Error::other)?;
        self.go.recv().map_err(io::Error::other)?;
        self.seen.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[allow(clippy::type_complexity)]
fn slow() -> (Arc<Sink>, Arc<Mutex<Vec<u8>>>, Receiver<usize>, Sender<()>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (writes, written) = channel();
    let (go, may_go) = channel();
    let sink = Sink::start(Slow { seen: Arc::clone(&seen), writes, go: may_go }, line::dropped_text).unwrap();
    (sink, seen, written, go)
}

#[test]
fn lines_are_written_in_batches_and_in_order() {
    let (sink, seen, written, go) = slow();
    let begun = Instant::now();
    for n in 0..1000 {
        sink.push(format!("{n}\n").as_bytes());
    }
    written.recv_timeout(LONG).expect("written without being asked");
    assert!(begun.elapsed() >= Duration::from_millis(100), "gathered first");
    go.send(()).unwrap();
    assert!(sink.flush(LONG));
    let expected: String = (0..1000).map(|n| format!("{n}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&seen.lock().unwrap()), expected);
    assert!(written.try_recv().is_err(), "one write for all");
}

#[test]
fn an_error_does_not_wait_for_its_batch() {
    let (sink, _, written, go) = slow();
    go.send(()).unwrap();
    // Waiting out a whole GATHER for each of 20 would take three seconds.
    let begun = Instant::now();
    for _ in 0..20 {
        sink.hurry();
        sink.push(b"error\n");
        written.recv_timeout(LONG).expect("written");
        go.send(()).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn a_stuck_reader_costs_lines_but_neither_memory_nor_time() {
    let (sink, seen, written, go) = slow();
    sink.push(b"first\n");
    written.recv_timeout(LONG).expect("the writer is in its write");
    let line = [b'x'; 1023];
    let fits = CAPACITY / line.len();
    for _ in 0..fits + 77 {
        sink.push(&line);
    }
    assert_eq!(sink.dropped_lines(), 77);
    assert!(!sink.flush(Duration::from_millis(10)), "does not wait for ever");
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert!(sink.flush(LONG));
    let seen = seen.lock().unwrap();
    let told = String::from_utf8_lossy(&seen[seen.len() - 200..]).into_owned();
    assert!(told.contains("WARN  log 77 lines were dropped"), "{told}");
}

#[test]
fn a_second_init_is_harmless() {
    let settings = config::Log { filter: "info,access=off".into(), json: false };
    drop(super::init(&settings));
    drop(super::init(&settings));
    super::access(&record());
    super::flush();
    assert_eq!(super::dropped_lines(), 0);
}

#[test]
fn the_filter_is_what_was_asked_for_over_our_defaults() {
    let error = |target| log::Metadata::builder().target(target).level(log::Level::Error).build();
    let shown = |filter, target| log::Log::enabled(&super::filtered(filter).build(), &error(target));
    assert!(shown("info", "actors::supervisor") && shown("info", "access"));
    assert!(!shown("info", "actix_http::h1::dispatcher"));
    assert!(shown("info,actix_http=error", "actix_http::h1::dispatcher"));
    assert!(!shown("info,access=off", "access"));
}
