//! Bytes that nobody meant: nothing panics, nothing is held without bound, and a cut changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use dialects::watch::Watch;
use dialects::{Endpoint, envelope, fault, mask, models, multipart, quota, safe_model_name};
use support::Random;

/// Pieces of real traffic, which reach further into a reader than noise does.
const WORDS: [&str; 40] = [
    "data: ",
    "data:",
    "event: error\n",
    "event: response.completed\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    ": c",
    "[DONE]",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "\\",
    "\"usage\":",
    "\"usage\":{\"prompt_tokens\":",
    "7",
    "1e9",
    "-0.",
    "null",
    "true",
    "\"error\":",
    "\"choices\":[",
    "\"delta\":{\"content\":\"",
    "\"finish_reason\":",
    "\"stop\"",
    "\"type\":\"response.failed\"",
    "\"model\":",
    "\"stream\":",
    "\"stream_options\":",
    "sk-abcdef",
    "--b\r\n",
    "Content-Disposition: form-data; name=\"model\"",
    "\r\n\r\n",
    "\u{feff}",
    "é",
];

fn bytes(random: &mut Random, words: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..random.below(words) {
        match random.below(8) {
            0 => out.push(random.next() as u8),
            _ => out.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes()),
        }
    }
    out
}

#[test]
fn a_watch_says_the_same_of_any_bytes_however_they_are_cut() {
    let mut random = Random(3);
    let kinds = ["text/event-stream", "application/json", "", "audio/mpeg"];
    for round in 0..20_000 {
        let body = bytes(&mut random, 60);
        let endpoint = Endpoint::ALL[random.below(Endpoint::ALL.len())];
        let kind = kinds[random.below(kinds.len())];
        let mut ends = Vec::new();
        for pieces in [vec![&body[..]], random.pieces(&body, 5), random.pieces(&body, 40)] {
            let mut watch = Watch::new(endpoint, kind, false);
            let (mut content, mut terminal, mut failed) = (false, false, false);
            for piece in pieces {
                let seen = watch.push(piece);
                assert!(seen.upto <= piece.len());
                assert!(seen.content || !content, "content is taken back");
                (content, terminal) = (seen.content, seen.terminal);
                failed |= seen.failed.is_some();
            }
            // A document that looks whole in the middle commits there: of those only SSE is the same for any cut.
            let sse = watch.is_sse();
            ends.push((
                sse && content,
                terminal,
                sse && failed,
                watch.usage(),
                watch.estimate(9).input,
                sse.then(|| watch.end(true)),
            ));
        }
        assert!(
            ends.windows(2).all(|two| two[0] == two[1]),
            "round {round}: {ends:?} {:?}",
            String::from_utf8_lossy(&body)
        );
    }
}

#[test]
fn edits_of_any_body_that_is_read_lead_to_one_that_says_so() {
    let (mut random, mut read) = (Random(5), 0);
    for _ in 0..50_000 {
        let mut body = b"{\"model\":\"m\",\"stream\":true".to_vec();
        body.extend_from_slice(&bytes(&mut random, 6));
        body.push(b'}');
        let Ok(envelope) = envelope::parse(&body) else { continue };
        read += 1;
        let edited = envelope.edits("other", true).apply(&body);
        let again = envelope::parse(&edited).unwrap();
        assert_eq!(again.model, "other");
        assert!(again.edits("other", true).is_empty());
    }
    assert!(read > 100, "{read}");
}

#[test]
fn no_reader_panics_on_any_bytes() {
    let mut random = Random(9);
    for _ in 0..20_000 {
        let body = bytes(&mut random, 30);
        let _ = envelope::parse(&body);
        for status in [200, 400, 401, 403, 404, 413, 429, 500] {
            let _ = fault::judge(status, &body);
        }
        let masked = mask::mask(&body);
        assert!(
            !masked.windows(9).any(|w| w == b"sk-abcdef")
                || body.windows(10).any(|w| w.ends_with(b"sk-abcdef") && w[0].is_ascii_alphanumeric())
        );
        let _ = models::parse(&body);
        let mut finder = multipart::Finder::new("b");
        for piece in random.pieces(&body, 9) {
            let _ = finder.push(piece);
        }
        let text = String::from_utf8_lossy(&body);
        let _ = safe_model_name(&text);
        let _ = multipart::form([text.as_bytes()].into_iter());
        for name in [
            "retry-after",
            "retry-after-ms",
            "x-ratelimit-reset-requests",
            "anthropic-ratelimit-tokens-reset",
            "x-ratelimit-limit-tokens",
        ] {
            let hints = quota::scan([(name, &*text)], random.next());
            assert!(hints.retry_after_ms.unwrap_or(0) <= quota::MAX_WAIT_MS);
        }
    }
}
