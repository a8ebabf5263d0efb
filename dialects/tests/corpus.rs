//! Recorded traffic of two dozen vendors through every part that reads it.
//!
//! The recordings are no part of the project: where the folder is not there, these tests say so and pass. What is
//! expected of them is read from the same bytes by plain means (`serde_json::Value`), not by the code under test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;

use dialects::fault::{self, Fault};
use dialects::watch::{Cut, Watch};
use dialects::{Endpoint, Usage, envelope, mask, models, quota};
use serde_json::Value;
use support::{Choices, Exchange, Random, corpus, events_of, reported};

/// What a run over a stream comes to.
#[derive(Debug, PartialEq)]
struct Outcome {
    content: bool,
    failed: bool,
    terminal: bool,
    usage: Option<Usage>,
    end: Result<(), Cut>,
}

/// Pushes the pieces and checks on the way what must hold for each of them.
fn run(exchange: &Exchange, endpoint: Endpoint, pieces: &[&[u8]], clean: bool) -> Outcome {
    let mut watch = Watch::new(endpoint, exchange.content_type(), false);
    let (mut held, mut total) = (0, 0);
    let mut out = Outcome { content: false, failed: false, terminal: false, usage: None, end: Ok(()) };
    for piece in pieces {
        let seen = watch.push(piece);
        assert!(seen.upto <= piece.len());
        assert!(seen.content || !out.content, "content is taken back");
        held = if seen.upto == 0 { held + piece.len() } else { piece.len() - seen.upto };
        total += piece.len();
        let passed = &exchange.body.as_bytes()[..total - held];
        if exchange.stream && !passed.is_empty() && !watch.mid_event() {
            assert!(
                passed.ends_with(b"\n\n")
                    || passed.ends_with(b"\n\r\n")
                    || passed.ends_with(b"\r")
                    || passed.iter().all(|b| *b == b'\n'),
                "{}",
                exchange.name
            );
        }
        (out.content, out.terminal) = (seen.content, seen.terminal);
        out.failed |= seen.failed.is_some();
        if let Some(failure) = seen.failed {
            assert!(failure.veiled(&[]).message.len() <= 500);
        }
    }
    out.usage = watch.usage();
    out.end = watch.end(clean);
    out
}

#[test]
fn request_bodies_are_read_and_edited() {
    let mut counts = BTreeMap::new();
    for exchange in corpus() {
        let (Some(body), Some(value)) = (&exchange.request, exchange.request_value()) else {
            continue;
        };
        let Some(model) = value["model"].as_str() else {
            continue;
        };
        let envelope = envelope::parse(body.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", exchange.name));
        assert_eq!(envelope.model, model);
        assert_eq!(envelope.stream, value["stream"] == Value::Bool(true));
        assert_eq!(envelope.store, value["store"].as_bool());
        assert_eq!(envelope.include_usage, value["stream_options"]["include_usage"] == Value::Bool(true));
        let most =
            ["max_tokens", "max_completion_tokens", "max_output_tokens"].iter().filter_map(|k| value[k].as_u64()).max();
        assert_eq!(envelope.max_tokens, most);
        assert!(envelope.edits(model, false).is_empty());

        let span = envelope.model_span.clone();
        let edited = envelope.edits("other/model", false).apply(body.as_bytes());
        assert_eq!(edited[..span.start], body.as_bytes()[..span.start]);
        assert_eq!(&edited[span.start..span.start + 13], b"\"other/model\"");
        assert_eq!(edited[span.start + 13..], body.as_bytes()[span.end..]);

        let asking: Value = serde_json::from_slice(&envelope.edits(model, true).apply(body.as_bytes())).unwrap();
        let mut want = value.clone();
        if envelope.stream {
            if !want["stream_options"].is_object() {
                want["stream_options"] = serde_json::json!({});
            }
            want["stream_options"]["include_usage"] = Value::Bool(true);
        }
        assert_eq!(asking, want, "{}", exchange.name);
        *counts.entry(exchange.api.clone()).or_insert(0) += 1;
    }
    println!("requests read: {counts:?}");
}

#[test]
fn streams_mean_the_same_however_they_are_cut() {
    let mut random = Random(7);
    let (mut streams, mut cuts, mut with_usage) = (0, 0, 0);
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for exchange in corpus().iter().filter(|e| e.stream && e.status == 200) {
        let Some(endpoint) = exchange.endpoint() else {
            continue;
        };
        let body = exchange.body.as_bytes();
        let whole = run(exchange, endpoint, &[body], true);
        assert!(whole.content, "{}", exchange.name);
        assert_eq!(whole.usage, exchange.usage(), "{}", exchange.name);
        with_usage += u32::from(whole.usage.is_some());
        *ends.entry(format!("{:?} failed={} terminal={}", whole.end, whole.failed, whole.terminal)).or_default() += 1;
        streams += 1;

        // Every position where the square of it is affordable.
        let step = if body.len() < 2_000 { 1 } else { body.len() / 60 };
        for cut in (1..body.len()).step_by(step) {
            let (a, b) = body.split_at(cut);
            assert_eq!(run(exchange, endpoint, &[a, b], true), whole, "{} at {cut}", exchange.name);
            cuts += 1;
        }
        for round in 0..12 {
            let longest = [1, 7, 61, 500, 1_400, 20_000][round % 6];
            let pieces = random.pieces(body, longest);
            assert_eq!(run(exchange, endpoint, &pieces, true), whole, "{} in pieces of {longest}", exchange.name);
            cuts += 1;
        }
    }
    println!("{streams} streams, {with_usage} of them report usage, cut in {cuts} ways; they end: {ends:#?}");
}

#[test]
fn a_cut_stream_is_never_taken_for_a_whole_one() {
    let (mut boundaries, mut inside, mut whole) = (0, 0, 0);
    for exchange in corpus().iter().filter(|e| e.stream && e.status == 200) {
        let Some(endpoint) = exchange.endpoint() else {
            continue;
        };
        let body = exchange.body.as_bytes();
        let events = events_of(&exchange.body);
        // A format that is none of ours has no end that anybody could know.
        if !events.iter().any(|event| event.is_ours()) {
            println!("foreign format: {}", exchange.name);
            continue;
        }
        let stride = 1 + events.len() / 60;
        let (mut ended, mut choices, mut finished, mut told) = (false, Choices::default(), false, false);
        for (index, event) in events.iter().enumerate() {
            if index % stride == 0 || index + 3 > events.len() {
                for cut in [event.start + 1, event.start + event.len() / 2, event.trimmed_end().saturating_sub(1)] {
                    if cut <= event.start || cut >= event.trimmed_end() {
                        continue;
                    }
                    let (clean, broken) = (
                        run(exchange, endpoint, &[&body[..cut]], true).end,
                        run(exchange, endpoint, &[&body[..cut]], false).end,
                    );
                    // Comments, and blank lines, are nothing to lose.
                    let idle = event.is_comment();
                    assert_eq!(
                        clean.is_ok(),
                        ended || (idle && finished && !told),
                        "{} at {cut}: {clean:?}",
                        exchange.name
                    );
                    assert_eq!(broken.is_ok(), ended, "{} at {cut}: {broken:?}", exchange.name);
                    inside += 1;
                }
            }
            ended |= event.ends(endpoint);
            if let Some(data) = event.data() {
                choices.note(&data);
            }
            finished = choices.finished();
            told |= event.data().is_some_and(|data| !data["error"].is_null());
            if index % stride == 0 || index + 3 > events.len() {
                let (clean, broken) = (
                    run(exchange, endpoint, &[&body[..event.end()]], true).end,
                    run(exchange, endpoint, &[&body[..event.end()]], false).end,
                );
                assert_eq!(broken.is_ok(), ended, "{} after event {index}: {broken:?}", exchange.name);
                assert_eq!(
                    clean.is_ok(),
                    ended || (finished && !told),
                    "{} after event {index}: {clean:?}",
                    exchange.name
                );
                boundaries += 1;
                whole += u32::from(clean.is_ok());
            }
        }
    }
    println!(
        "cut at {boundaries} boundaries ({whole} of them whole all the same) and {inside} times inside of an event"
    );
}

#[test]
fn documents_are_watched_without_being_kept() {
    let mut random = Random(11);
    let (mut documents, mut with_usage) = (0, 0);
    for exchange in corpus().iter().filter(|e| !e.stream && e.status == 200 && e.api != "openai.models") {
        let Some(endpoint) = exchange.endpoint() else {
            continue;
        };
        let body = exchange.body.as_bytes();
        let whole = run(exchange, endpoint, &[body], true);
        assert!(whole.content && !whole.failed && whole.end.is_ok(), "{}: {whole:?}", exchange.name);
        assert_eq!(whole.usage, exchange.usage(), "{}", exchange.name);
        (documents, with_usage) = (documents + 1, with_usage + u32::from(whole.usage.is_some()));
        for longest in [1, 9, 100, 1_400, 20_000] {
            let pieces = random.pieces(body, longest);
            assert_eq!(run(exchange, endpoint, &pieces, true), whole, "{}", exchange.name);
        }
        // The last bracket of an array that streams says that it is whole.
        let array = endpoint == Endpoint::GenerateContent && body.starts_with(b"[");
        assert_eq!(run(exchange, endpoint, &[body], false).end, if array { Ok(()) } else { Err(Cut::Broken) });
        // What ends as it should is what is taken for whole by mistake.
        let length = body.trim_ascii_end().len();
        let closes: Vec<usize> = (1..length).filter(|cut| matches!(body[cut - 1], b'}' | b']')).collect();
        let mut cuts: Vec<usize> = closes.iter().rev().take(20).copied().collect();
        cuts.extend((0..20).filter_map(|_| closes.get(random.below(closes.len()))));
        cuts.extend((0..20).map(|_| random.below(length)));
        for cut in cuts {
            let pieces = random.pieces(&body[..cut], 20_000);
            for pieces in [&[&body[..cut]], &*pieces] {
                assert!(run(exchange, endpoint, pieces, true).end.is_err(), "{} at {cut}", exchange.name);
            }
        }
    }
    println!("{documents} documents, {with_usage} of them report usage");
}

#[test]
fn recorded_errors_are_judged_and_masked() {
    let mut table: BTreeMap<(u16, &str), Vec<String>> = BTreeMap::new();
    for exchange in corpus().iter().filter(|e| e.status >= 400) {
        let body = exchange.body.as_bytes();
        let fault = fault::judge(exchange.status, body);
        table.entry((exchange.status, fault.label())).or_default().push(exchange.provider.clone());
        let text = exchange.body.to_lowercase();
        let want = match exchange.status {
            400 if text.contains("model")
                && (text.contains("does not exist")
                    || text.contains("not found")
                    || text.contains("model id")
                    || text.contains("supported api model names")) =>
            {
                Fault::ModelMissing
            }
            400 if text.contains("api key provided") || text.contains("api key not valid") => Fault::Key,
            400 => Fault::Client,
            401 => Fault::Key,
            403 if text.contains("cachedcontent not found") => Fault::Client,
            403 if text.contains("security token") => Fault::Key,
            // `Forbidden`, and no word of what or whom.
            403 => Fault::Forbidden,
            404 => Fault::ModelMissing,
            429 => Fault::RateLimited,
            501 => Fault::NotServed,
            _ => Fault::Upstream,
        };
        assert_eq!(fault, want, "{} {}", exchange.name, exchange.body);
        let masked = mask::mask(body);
        assert!(serde_json::from_slice::<Value>(&masked).is_ok(), "{}", exchange.name);
        let shown = String::from_utf8_lossy(&masked).into_owned();
        for secret in ["sk-", "invalid_key", "bad-key", "test-con", "user_xxx", "****"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    println!("{table:#?}");
}

#[test]
fn quota_headers_and_model_lists_are_understood() {
    let (mut hints, mut resets, mut lists) = (0, 0, 0);
    for exchange in corpus() {
        let headers = || exchange.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let read = quota::scan(headers(), 1_750_000_000_000);
        assert_eq!(read, quota::read(|name| exchange.headers.get(name).map(String::as_str), 1_750_000_000_000));
        hints += u32::from(!read.is_empty());
        for (name, value) in headers() {
            if name.starts_with("x-ratelimit-reset-") {
                let one = quota::scan([(name, value)], 1_750_000_000_000);
                assert!(!one.is_empty(), "{}: {name}: {value}", exchange.name);
                resets += 1;
            }
        }
        if exchange.api == "openai.models" && exchange.status == 200 {
            let names = models::parse(exchange.body.as_bytes()).unwrap();
            assert!(!names.is_empty());
            lists += 1;
        }
    }
    println!("{hints} answers with quota, {resets} resets, {lists} model lists");
}

#[test]
fn the_guess_at_tokens_is_near() {
    let mut ratios = Vec::new();
    for exchange in corpus().iter().filter(|e| e.stream && e.status == 200) {
        let Some(endpoint) = exchange.endpoint() else {
            continue;
        };
        let Some(usage) = exchange.usage().filter(|u| u.output >= 10 && u.reasoning == 0) else {
            continue;
        };
        let mut watch = Watch::new(endpoint, exchange.content_type(), false);
        watch.push(exchange.body.as_bytes());
        let guess = watch.estimate(1_000);
        assert!(guess.estimated);
        ratios.push(guess.output as f64 / usage.output as f64);
    }
    if ratios.is_empty() {
        return;
    }
    ratios.sort_by(f64::total_cmp);
    let at = |share: usize| ratios[(ratios.len() - 1) * share / 100];
    println!(
        "guessed/reported output over {} streams: p10 {:.2}, p50 {:.2}, p90 {:.2}",
        ratios.len(),
        at(10),
        at(50),
        at(90)
    );
    assert!((0.7..1.4).contains(&at(50)), "{}", at(50));
}

/// The independent reading of a usage object is checked on one by hand.
#[test]
fn the_reference_reads_usage() {
    let value = serde_json::json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 9, "prompt_tokens_details": {"cached_tokens": 2}});
    assert_eq!(reported(&value), Some(Usage { input: 3, output: 6, cached_input: 2, ..Usage::default() }));
}
