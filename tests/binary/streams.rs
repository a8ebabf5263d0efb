//! Streams tell the truth: what came is passed on at once and as it was, and what broke is said to have broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use upstream::client::{Ended, data_lines};
use upstream::harness::{chat_body, one, two};
use upstream::*;

use crate::{plan, proxy, proxy_without_retries};

/// The nth request gets the nth of `starts`, chunked, then a FIN without a last chunk.
async fn cuts(starts: Vec<Vec<u8>>) -> Upstream {
    let (starts, next) = (Arc::new(starts), Arc::new(AtomicUsize::new(0)));
    Upstream::start(move |mut connection| {
        let (starts, next) = (Arc::clone(&starts), Arc::clone(&next));
        async move {
            if connection.request().await?.is_none() {
                return Ok(());
            }
            let nth = next.fetch_add(1, Ordering::SeqCst);
            connection.send(&canned::sse_head()).await?;
            for piece in odd_pieces(&starts[nth], nth as u64) {
                connection.chunk(&piece).await?;
            }
            Ok(())
        }
    })
    .await
}

/// Whole events only: what a cut stream may hand on of `start`.
fn whole_events(start: &[u8]) -> usize {
    start.windows(2).rposition(|w| w == b"\n\n").map_or(0, |at| at + 2)
}

/// Cuts at every event boundary and in the middle of every event, under one proxy.
async fn cut_everywhere(path: &str, body: &str, events: Vec<Vec<u8>>, before_content: usize, error_marks: &[&str]) {
    let mut starts = Vec::new();
    for nth in 0..events.len() {
        let boundary = events[..nth].concat();
        starts.push(boundary.clone());
        for part in [1, events[nth].len() / 2, events[nth].len() - 1] {
            let mut middle = boundary.clone();
            middle.extend_from_slice(&events[nth][..part]);
            starts.push(middle);
        }
    }
    let content_at = events[..before_content].concat().len();
    let upstream = cuts(starts.clone()).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "breaker: { failures: 10000 }")).await;
    for (nth, start) in starts.iter().enumerate() {
        let answer = proxy.open(path, body).await.answer().await;
        let what = format!("cut {nth}, after {:?}", String::from_utf8_lossy(&start[start.len().saturating_sub(60)..]));
        let text = answer.text();
        let delivered = whole_events(start);
        if delivered <= content_at {
            assert_eq!(answer.status, 502, "{what}: nothing but a preamble had come: {text}");
            assert!(answer.json()["error"]["message"].is_string(), "{what}");
            continue;
        }
        assert_eq!(answer.status, 200, "{what}");
        assert!(text.as_bytes().starts_with(&start[..delivered]), "{what}: whole events are missing: {text}");
        let tail = &text[delivered..];
        assert!(error_marks.iter().all(|mark| tail.contains(mark)), "{what}: no error event in {tail:?}");
        assert!(!tail.contains("[DONE]") && !tail.contains("response.completed"), "{what}: a false end in {tail:?}");
        assert!(tail.starts_with("data:") || tail.starts_with("event:"), "{what}: half an event went out: {tail:?}");
        let line = proxy.access(nth).await;
        assert_eq!((line.status(), line.outcome().as_str()), (200, "cut"), "{what}: {}", line.0);
    }
    proxy.idle().await;
    assert_eq!(upstream.open(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_stream_cut_anywhere_ends_in_an_error_event() {
    let mut events = canned::stream(3);
    // The finish reason and what follows are a matter of their own, below.
    events.truncate(4);
    cut_everywhere("/v1/chat/completions", &chat_body("m", true), events, 1, &["data: {\"error\":{", "\"message\""])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responses_stream_cut_anywhere_ends_in_an_error_event() {
    let body = r#"{"model":"m","input":"hi","stream":true}"#;
    cut_everywhere("/v1/responses", body, canned::responses_stream(3), 2, &["event: error", "\"message\""]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_after_the_finish_reason_is_still_a_cut() {
    let events = canned::stream(2);
    let upto_finish = events[..4].concat();
    let upto_usage = events[..5].concat();
    let upstream = cuts(vec![upto_finish, upto_usage]).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    for nth in 0..2 {
        let answer = proxy.stream("m").await.answer().await;
        assert!(answer.text().contains("data: {\"error\":{"), "cut {nth}: {}", answer.text());
        assert!(!answer.text().contains("[DONE]"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_done_and_a_clean_end_is_a_whole_answer_and_stays_as_it_is() {
    let events = canned::stream(2)[..5].to_vec();
    let upstream = answers(Reply::sse(events.clone(), Duration::ZERO)).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!((answer.body, answer.ended), (events.concat(), Ended::Whole));
    assert_eq!(proxy.access(0).await.outcome(), "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_end_in_the_middle_of_an_answer_is_a_cut() {
    let events = canned::stream(2)[..3].to_vec();
    let upstream = answers(Reply::sse(events.clone(), Duration::ZERO)).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    assert!(answer.body.starts_with(&events.concat()));
    assert!(answer.text().contains("data: {\"error\":{"), "no finish reason, no [DONE], no error: {}", answer.text());
    assert_eq!(proxy.access(0).await.outcome(), "cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_event_no_end_of_the_framing_is_needed() {
    let chat = (chat_body("m", true), canned::stream(2));
    let responses = (r#"{"model":"m","input":"hi","stream":true}"#.to_owned(), canned::responses_stream(2));
    for (path, (body, events)) in [("/v1/chat/completions", chat), ("/v1/responses", responses)] {
        let (silent, reset) = (stalls_after(events.clone()).await, resets(ResetAt::Body(events.clone())).await);
        for (upstream, idle) in [(&silent, "60s"), (&silent, "300ms"), (&reset, "60s")] {
            let yaml = one(&upstream.base_url(), &format!("timeouts: {{ idle: {idle} }}"));
            let proxy = proxy_without_retries(&yaml).await;
            let before = upstream.count();
            // As many as open a breaker.
            for nth in 0..5 {
                let begun = Instant::now();
                let answer = proxy.open(path, body.clone()).await.answer().await;
                let what = format!("{path}, idle {idle}: {}", answer.text());
                assert_eq!((answer.status, answer.ended), (200, Ended::Whole), "{what}");
                assert_eq!(answer.body, events.concat(), "{what}");
                assert!(begun.elapsed() < Duration::from_secs(3), "{what}: took {:?}", begun.elapsed());
                upstream.closed(before + nth).await;
                assert_eq!(proxy.access(nth).await.outcome(), "answered", "{what}");
            }
            assert_eq!(proxy.health().await["status"], "ok");
            assert_eq!(proxy.metrics().await.sum("ai_proxy_cut_streams_total", &[]), 0.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upstream_says_after_its_last_event_keeps_nobody_waiting() {
    let events = canned::stream(2);
    let theirs = events.clone();
    let upstream = Upstream::start(move |mut connection| {
        let events = theirs.clone();
        async move {
            connection.request().await?;
            connection.send(&canned::sse_head()).await?;
            connection.chunk(&events.concat()).await?;
            loop {
                connection.pause(Duration::from_millis(100)).await?;
                connection.chunk(b": still here\n\n").await?;
            }
        }
    })
    .await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let mut wire = proxy.stream("m").await;
    let answer = tokio::time::timeout(Duration::from_secs(4), wire.answer()).await.expect("it ends");
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
    assert!(answer.body.starts_with(&events.concat()), "{}", answer.text());
    upstream.closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_translated_answer_needs_no_end_of_the_framing_either() {
    let upstream = stalls_after(canned::stream(2)).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "timeouts: { idle: 300ms }")).await;
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let answer = proxy.open("/v1/messages", body).await.answer().await;
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole), "{}", answer.text());
    assert!(answer.text().contains("event: message_stop") && !answer.text().contains("event: error"));
    assert_eq!(proxy.access(0).await.outcome(), "answered");
    upstream.closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_passed_on_when_it_comes() {
    let pause = Duration::from_millis(120);
    let events = canned::stream(5);
    let upstream = answers(Reply::sse(events.clone(), pause)).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let begun = Instant::now();
    let mut wire = proxy.stream("m").await;
    let (status, head) = wire.head().await;
    assert_eq!(status, 200);
    let header = |name| server::header_values(&head, name).join(",");
    assert!(header("content-type").starts_with("text/event-stream"));
    assert_eq!(header("cache-control"), "no-cache");
    assert_eq!(header("x-accel-buffering"), "no");
    assert_eq!(header("content-encoding"), "");
    assert_eq!(header("x-ai-proxy-deployment"), "up/canned-model");
    let mut came = Vec::new();
    while let Some(piece) = wire.piece().await {
        came.push((begun.elapsed(), piece));
    }
    assert_eq!(came.iter().flat_map(|(_, p)| p.clone()).collect::<Vec<u8>>(), events.concat());
    assert!(came.len() >= 6, "{} pieces for {} events", came.len(), events.len());
    // Deltas 1 to 5 were sent 120 ms apart; each came before the next was sent.
    let word =
        |n: usize| came.iter().find(|(_, p)| server::find(p, format!("word{n} ").as_bytes()).is_some()).unwrap().0;
    assert!(word(4) - word(1) >= pause * 2, "the events came bunched together");
    assert!(word(1) < word(2) && word(2) < word(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_filled_with_comments_and_fallback_still_works_behind_them() {
    let (first, second) = (silent().await, answers(Reply::sse(canned::stream(2), Duration::ZERO)).await);
    let yaml =
        two(&first.base_url(), &second.base_url(), "timeouts: { first_byte: 2500ms }") + "server: { keepalive: 1s }\n";
    let proxy = proxy(&yaml).await;
    let mut wire = proxy.stream("m").await;
    let begun = Instant::now();
    assert_eq!(wire.head().await.0, 200);
    assert!((800..1800).contains(&begun.elapsed().as_millis()), "the head came after {:?}", begun.elapsed());
    let body = wire.rest().await;
    let text = String::from_utf8_lossy(&body);
    assert!(text.starts_with(": keepalive\n\n: keepalive\n\n"), "{text}");
    assert!(body.ends_with(&canned::stream(2).concat()), "{text}");
    assert_eq!(proxy.access(0).await.attempts().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_behind_a_comment_is_an_event() {
    let first = silent().await;
    let yaml = one(&first.base_url(), "timeouts: { first_byte: 1500ms }") + "server: { keepalive: 1s }\n";
    let proxy = proxy_without_retries(&yaml).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().starts_with(": keepalive\n\n"));
    assert!(answer.text().contains("data: {\"error\":{"), "{}", answer.text());
    assert!(!answer.text().contains("[DONE]"));
    // Without streaming there is no head to send ahead.
    assert_eq!(proxy.chat("m").await.status, 504);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_in_the_middle_is_filled_too() {
    let mut reply = Reply::sse(canned::stream(2), Duration::ZERO);
    reply.pieces[2].0 = Duration::from_millis(2300);
    let upstream = answers(reply).await;
    let proxy = proxy(&(one(&upstream.base_url(), "") + "server: { keepalive: 1s }\n")).await;
    let answer = proxy.stream("m").await.answer().await;
    let text = answer.text();
    assert!(text.matches(": keepalive\n\n").count() >= 1, "{text}");
    assert_eq!(text.replace(": keepalive\n\n", "").into_bytes(), canned::stream(2).concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_accounted_as_reported_or_marked_as_an_estimate() {
    let mut without = canned::stream(40);
    without.remove(without.len() - 2);
    let upstream =
        sequence(vec![Reply::sse(canned::stream(2), Duration::ZERO), Reply::sse(without, Duration::ZERO)]).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    proxy.stream("m").await.answer().await;
    assert_eq!(proxy.access(0).await.tokens(), Some((11, 7, false)));
    proxy.stream("m").await.answer().await;
    let (input, output, estimated) = proxy.access(1).await.tokens().expect("an estimate");
    assert!(estimated && (1..200).contains(&input) && (20..400).contains(&output), "{input} {output} {estimated}");
    assert!(proxy.metrics().await.sum("ai_proxy_tokens_total", &[]) >= 18.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_we_asked_for_is_stripped_again_for_who_did_not_ask() {
    let upstream = answers(Reply::sse(canned::stream(2), Duration::ZERO)).await;
    let proxy = proxy(&one(&upstream.base_url(), "inject_usage: true")).await;
    let answer = proxy.stream("m").await.answer().await;
    let mut expected = canned::stream(2);
    expected.remove(expected.len() - 2);
    assert_eq!(String::from_utf8_lossy(&answer.body), String::from_utf8_lossy(&expected.concat()));
    let sent: serde_json::Value = serde_json::from_slice(&upstream.request(0).await.body).unwrap();
    assert_eq!(sent["stream_options"]["include_usage"], true);
    assert_eq!(proxy.access(0).await.tokens(), Some((11, 7, false)));
    // Several of them at once as well, and a last one that ends without its blank line.
    let usage = canned::stream(2)[expected.len() - 1].clone();
    let cut = usage.len() - 1;
    for last in [[&usage[..], &usage, b"data: [DONE]\n\n"].concat(), [b"data: [DONE]\n\n", &usage[..cut]].concat()] {
        let chunks = [&expected[..expected.len() - 1], &[last]].concat();
        let upstream = answers(Reply::sse(chunks, Duration::ZERO)).await;
        let proxy = crate::proxy(&one(&upstream.base_url(), "inject_usage: true")).await;
        let answer = proxy.stream("m").await.answer().await;
        assert_eq!(String::from_utf8_lossy(&answer.body), String::from_utf8_lossy(&expected.concat()));
    }
    // Who asked gets it.
    let asked = r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
    let answer = proxy.post("/v1/chat/completions", asked).await;
    assert_eq!(answer.body, canned::stream(2).concat());
    assert_eq!(upstream.request(1).await.body, asked.replacen("\"m\"", "\"canned-model\"", 1).into_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn quirks_of_real_streams_pass_through() {
    let quirks: Vec<Vec<u8>> = vec![
        b"\xef\xbb\xbf: welcome\r\n\r\n".to_vec(),
        b"data: {\"choices\":[],\"prompt_filter_results\":[]}\r\n\r\n".to_vec(),
        b": OPENROUTER PROCESSING\n\n".to_vec(),
        b"data:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"no space\"}}]}\n\n".to_vec(),
        b"id: 7\nretry: 100\nevent: message\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"two lines\"}}]}\n\n".to_vec(),
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"error: not one\"}}]}\r\r".to_vec(),
        canned::finish(),
        b"data: [DONE]\n\n".to_vec(),
    ];
    let upstream = answers(Reply::sse(odd_pieces(&quirks.concat(), 3), Duration::from_millis(1))).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
    assert_eq!(String::from_utf8_lossy(&answer.body), String::from_utf8_lossy(&quirks.concat()));
    assert_eq!(data_lines(&answer.body).last().map(String::as_str), Some("[DONE]"));
    assert_eq!(proxy.access(0).await.outcome(), "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_stream_to_who_asked_for_one_passes_as_it_is() {
    let upstream = records().await;
    let proxy = plan(&one(&upstream.base_url(), "")).start().await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!((answer.status, answer.body), (200, canned::chat()));
    assert_eq!(proxy.access(0).await.tokens(), Some((11, 7, false)));
}

/// Caches and small gateways send a stream in one piece and tell its length: an error event has to follow all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_a_told_length_that_lacks_its_end_says_so() {
    let chat = r#"data: {"id":"x","choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}"#;
    let said = "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"half\"}";
    let delta = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"half\"}}"
    );
    let part = r#"data: {"candidates":[{"content":{"parts":[{"text":"half"}]}}]}"#;
    let element = r#"[{"candidates":[{"content":{"parts":[{"text":"half"}]}}]}"#;
    let (input, messages) = (r#"{"model":"m","input":"x","stream":true}"#, r#"[{"role":"user","content":"x"}]"#);
    let ask = format!(r#"{{"model":"m","max_tokens":9,"stream":true,"messages":{messages}}}"#);
    let contents = r#"{"contents":[{"parts":[{"text":"x"}]}]}"#;
    for (kind, path, body, said) in [
        ("openai", "/v1/chat/completions", &*ask, chat),
        ("openai", "/v1/responses", input, said),
        ("anthropic", "/v1/messages", &ask, delta),
        ("gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", contents, part),
        ("gemini", "/v1beta/models/m:streamGenerateContent", contents, element),
    ] {
        for label in ["text/event-stream", "application/json", "text/plain"] {
            let text = format!("{said}\n\n");
            let (label_line, length) = (format!("content-type: {label}"), format!("content-length: {}", text.len()));
            let whole = [canned::head(200, &[&label_line, &length]), text.into_bytes()].concat();
            let upstream = Upstream::start(move |mut connection| {
                let whole = whole.clone();
                async move {
                    while connection.request().await?.is_some() {
                        connection.send(&whole).await?;
                    }
                    Ok(())
                }
            })
            .await;
            let yaml = one(&upstream.base_url(), "").replace("kind: openai", &format!("kind: {kind}"));
            let proxy = proxy_without_retries(&yaml).await;
            let answer = proxy.open(path, body).await.answer().await;
            let what = format!("{path} {label}: {}", answer.text());
            assert_eq!((answer.status, answer.header("content-length")), (200, None), "{what}");
            assert!(answer.text().contains("half") && answer.text().contains("\"error\""), "{what}");
            assert_eq!(proxy.access(0).await.outcome(), "cut", "{what}");
        }
    }
}
