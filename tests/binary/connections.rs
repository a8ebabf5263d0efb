//! A connection to an upstream carries one answer after the other, each to who asked for it, however its end is told.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use upstream::client::{Answer, Ask, Ended};
use upstream::harness::{Proxy, TOKEN, chat_body, one};
use upstream::*;

use crate::{plan, proxy_without_retries};

/// Of a second client.
const OTHER: &str = "sk-client-other-0a1b2c3d4e5f";

/// One worker, and so one pool of connections for both clients.
async fn proxy_for_two(yaml: &str) -> Proxy {
    let tokens = format!("alice:{TOKEN},bob:{OTHER}");
    plan(yaml).env("AUTH_TOKEN", &tokens).env("WORKERS", "1").env("RETRY_MAX_RETRIES", "0").start().await
}

async fn says(proxy: &Proxy, token: &str, text: &str) -> Answer {
    let body = chat_body("m", false).replace("confidential prompt", text);
    Ask::post("/v1/chat/completions", token, body).send(proxy.port).await
}

fn is_for(answer: &Answer, text: &str, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], text, "{what}: somebody else's answer");
}

fn interims() -> Vec<Vec<u8>> {
    let heads = [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n",
        "HTTP/1.1 199 Whatever\r\ncontent-length: 5\r\n\r\n",
    ];
    let mut all: Vec<Vec<u8>> = heads.iter().map(|head| head.as_bytes().to_vec()).collect();
    all.push(heads.concat().into_bytes());
    all.push(heads[1].repeat(100).into_bytes());
    all.push(Vec::new());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interim_answer_is_nobodys_answer() {
    for pause in [Duration::ZERO, Duration::from_millis(60)] {
        let upstream = interim(interims(), pause).await;
        let proxy = proxy_for_two(&one(&upstream.base_url(), "breaker: { failures: 1000 }")).await;
        for nth in 0..2 * interims().len() {
            for (token, name) in [(TOKEN, "alice"), (OTHER, "bob")] {
                let text = format!("{name} {nth}");
                is_for(&says(&proxy, token, &text).await, &text, &format!("{name}'s {nth}, {pause:?}"));
            }
        }
        assert_eq!(upstream.connections(), 1, "{pause:?}: an exchange that ended well leaves its connection");
        let both = (0..20).map(|nth| {
            let proxy = &proxy;
            async move {
                let (token, text) = (if nth % 2 == 0 { TOKEN } else { OTHER }, format!("at once {nth}"));
                is_for(&says(proxy, token, &text).await, &text, &text);
            }
        });
        futures::future::join_all(both).await;
        assert_eq!(proxy.metrics().await.sum("ai_proxy_attempts_total", &[("outcome", "redirect")]), 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_answers_without_an_end_are_given_up_on() {
    for pause in [Duration::ZERO, Duration::from_millis(20)] {
        let upstream = floods_interim(pause).await;
        let proxy = proxy_without_retries(&one(&upstream.base_url(), "timeouts: { first_byte: 600ms }")).await;
        let begun = Instant::now();
        let answer = proxy.chat("m").await;
        assert!(matches!(answer.status, 502 | 504), "{pause:?}: {} {}", answer.status, answer.text());
        assert!(begun.elapsed() < Duration::from_secs(3), "{pause:?}: took {:?}", begun.elapsed());
        upstream.closed(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_protocols_is_a_fault_of_the_upstreams() {
    let head = canned::head(101, &["upgrade: websocket", "connection: upgrade"]);
    let upstream = Upstream::start(move |mut connection| {
        let head = head.clone();
        async move {
            connection.request().await?;
            connection.send(&head).await?;
            connection.until_closed().await
        }
    })
    .await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 502);
    assert_eq!(proxy.access(0).await.attempts(), ["up/canned-model:protocol"]);
    upstream.closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_an_answer_is_nobodys_answer() {
    // The beginning of a second answer comes with the first one, the rest of it later.
    let whose = |words: &str| String::from_utf8_lossy(&canned::chat()).replace(canned::WORDS, words).into_bytes();
    let (first, second) = (canned::json(200, &[], &whose("mine")), canned::json(200, &[], &whose("nobody's")));
    let upstream = Upstream::start(move |mut connection| {
        let (first, second) = (first.clone(), second.clone());
        async move {
            while connection.request().await?.is_some() {
                connection.send(&[first.as_slice(), &second[..30]].concat()).await?;
                connection.pause(Duration::from_millis(100)).await?;
                connection.send(&second[30..]).await?;
            }
            Ok(())
        }
    })
    .await;
    let proxy = proxy_for_two(&one(&upstream.base_url(), "")).await;
    for nth in 0..4 {
        is_for(&says(&proxy, TOKEN, "anything").await, "mine", &format!("request {nth}"));
    }
}

const KEEP: [&[&str]; 4] =
    [&["connection: close"], &[], &["connection: keep-alive"], &["transfer-encoding: identity", "upgrade: websocket"]];

/// Each way to leave the framing out, with all in one write and in pieces.
async fn without_framing(
    status: u16,
    content_type: &str,
    pieces: &[Vec<u8>],
    ask: impl AsyncFn(&Proxy) -> Answer,
) -> Vec<Answer> {
    let mut answers = Vec::new();
    for keep in KEEP {
        for pause in [Duration::ZERO, Duration::from_millis(30)] {
            let content_type = format!("content-type: {content_type}");
            let headers = [&[content_type.as_str()], keep].concat();
            let upstream = unframed(status, &headers, pieces.to_vec(), pause, false).await;
            let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
            for _ in 0..2 {
                answers.push(ask(&proxy).await);
            }
            assert_eq!((upstream.count(), upstream.connections()), (2, 2), "{headers:?}: used again");
            assert_eq!(proxy.health().await["status"], "ok", "{headers:?}");
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_with_the_connection_is_read_to_its_end() {
    let audio: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; 3_000]).collect();
    let speech = async |proxy: &Proxy| proxy.post("/v1/audio/speech", r#"{"model":"m","input":"x"}"#).await;
    for answer in without_framing(200, "audio/mpeg", &audio, speech).await {
        assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
        assert!(answer.body == audio.concat(), "{} bytes of {}", answer.body.len(), audio.concat().len());
    }
    let chat = canned::chat();
    let halves = [chat[..40].to_vec(), chat[40..].to_vec()];
    for answer in without_framing(200, "application/json", &halves, async |proxy: &Proxy| proxy.chat("m").await).await {
        assert_eq!((answer.status, &answer.body, answer.ended), (200, &chat, Ended::Whole));
    }
    let stream = async |proxy: &Proxy| proxy.stream("m").await.answer().await;
    for answer in without_framing(200, "text/event-stream", &canned::stream(2), stream).await {
        assert_eq!((answer.status, answer.body, answer.ended), (200, canned::stream(2).concat(), Ended::Whole));
    }
    let error = canned::error("maximum context length is 8192 tokens", "invalid_request_error", "too_long");
    let told = [error.clone()];
    for answer in without_framing(400, "application/json", &told, async |proxy: &Proxy| proxy.chat("m").await).await {
        assert_eq!((answer.status, &answer.body), (400, &error));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_not_the_end_of_an_answer_that_ends_with_the_connection() {
    let pieces = vec![vec![1; 3_000]];
    let upstream = unframed(200, &["content-type: audio/mpeg"], pieces, Duration::from_millis(20), true).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.post("/v1/audio/speech", r#"{"model":"m","input":"x"}"#).await;
    assert_ne!(answer.ended, Ended::Whole);
    assert_eq!(proxy.access(0).await.outcome(), "cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_of_another_protocol_hides_no_body() {
    let error = canned::error("this endpoint wants websockets", "invalid_request_error", "upgrade_required");
    let upstream = upstream::status(422, &["upgrade: websocket"], &error).await;
    let proxy = proxy_for_two(&one(&upstream.base_url(), "")).await;
    for _ in 0..3 {
        let answer = proxy.chat("m").await;
        assert_eq!((answer.status, &answer.body), (422, &error));
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_this_process_may_open_no_more_files_is_nothing_against_a_provider() {
    let upstream = records().await;
    let proxy = crate::proxy(&one(&upstream.base_url(), "breaker: { failures: 1, open: 1m }")).await;
    let mut wire = proxy.open("/v1/chat/completions", "{").await;
    assert_eq!(wire.answer().await.status, 400, "its connection stands");
    let limit = |files| {
        let pid = Pid::from_raw(i32::try_from(proxy.pid()).unwrap());
        prlimit(pid, Resource::Nofile, files).unwrap()
    };
    let before = limit(Rlimit { current: Some(1), maximum: Some(256) });
    assert!(before.maximum.is_none_or(|most| most >= 256));
    wire.write(&Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).bytes()).await.unwrap();
    let answer = wire.answer().await;
    limit(Rlimit { current: Some(256), maximum: Some(256) });
    assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("1")), "{}", answer.text());
    assert_eq!(proxy.chat("m").await.status, 200, "its breaker has heard nothing");
}
