//! A second call beside a slow first: the first to answer wins, the loser is let go, and the budget holds.

use std::time::{Duration, Instant};

use upstream::client::Ask;
use upstream::harness::{Proxy, TOKEN, chat_body, provider};
use upstream::*;

use crate::{plan, proxy};

pub fn yaml(first: &str, second: &str, hedge: &str) -> String {
    format!(
        "providers:\n{}{}models:\n  m:\n    strategy: priority\n    targets: [first/canned-model, second/canned-model]\n    hedge: {hedge}\n",
        provider("first", first, ""),
        provider("second", second, "")
    )
}

/// Answers fast until the bucket is full, so that a hedge may be taken.
async fn save_up(proxy: &Proxy, requests: usize) {
    for _ in 0..requests {
        assert_eq!(proxy.chat("m").await.status, 200);
    }
}

/// Fast for the first `fast` requests, then slow.
async fn slows_down(fast: usize, slow: Duration) -> Upstream {
    let mut replies = vec![Reply::chat(); fast];
    replies.push(Reply::chat().after(slow));
    sequence(replies).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_to_answer_wins_and_the_loser_is_let_go() {
    let first = slows_down(20, Duration::from_secs(20)).await;
    let second = records().await;
    let proxy = proxy(&yaml(&first.base_url(), &second.base_url(), "{ after: 300ms, max_extra: 100% }")).await;
    save_up(&proxy, 20).await;
    assert_eq!(second.count(), 0, "a fast first needs no second");
    let begun = Instant::now();
    let answer = proxy.chat("m").await;
    let answered = Instant::now();
    assert_eq!(answer.status, 200);
    assert!((250..1500).contains(&(answered - begun).as_millis()), "{:?}", answered - begun);
    assert_eq!(answer.header("x-ai-proxy-deployment").as_deref(), Some("second/canned-model"));
    let closed = first.closed(20).await;
    assert!(
        closed.saturating_duration_since(answered) < Duration::from_millis(100),
        "the loser was held for {:?}",
        closed.saturating_duration_since(answered)
    );
    assert_eq!((first.count(), second.count()), (21, 1));
    proxy.idle().await;
    let line = proxy.access(20).await;
    assert_eq!(line.attempts().len(), 2, "{}", line.0);
    assert_eq!(proxy.health().await["status"], "ok", "a loser is not a failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_both_fail_the_client_hears_what_gives_it_most_hope() {
    let limited = Reply::json(429, &["retry-after: 50"], b"{}").after(Duration::from_millis(300));
    let missing = canned::error("The model `m` does not exist", "invalid_request_error", "model_not_found");
    let missing = Reply::json(404, &[], &missing).after(Duration::from_millis(600));
    for (first, second) in [(limited.clone(), missing.clone()), (missing, limited)] {
        let (first, second) = (answers(first).await, answers(second).await);
        let yaml = yaml(&first.base_url(), &second.base_url(), "{ after: 100ms, max_extra: 100% }");
        let answer = proxy(&yaml).await.chat("m").await;
        assert_eq!(answer.status, 429, "one of them may serve in a moment: {}", answer.text());
        assert!(answer.header("retry-after").is_some());
        assert_eq!((first.count(), second.count()), (1, 1), "neither was asked again in vain");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_hedged_before_its_content_only() {
    let first = stalls_after(vec![canned::role()]).await;
    let second = answers(Reply::sse(canned::stream(2), Duration::ZERO)).await;
    let proxy = proxy(&yaml(&first.base_url(), &second.base_url(), "{ after: 300ms, max_extra: 100% }")).await;
    let answer = proxy.stream("m").await.answer().await;
    if second.count() == 1 {
        assert_eq!((answer.status, answer.body), (200, canned::stream(2).concat()));
        first.closed(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extra_calls_stay_within_their_share() {
    let first = answers(Reply::chat().after(Duration::from_millis(250))).await;
    let second = answers(Reply::chat().after(Duration::from_millis(150))).await;
    let proxy = proxy(&yaml(&first.base_url(), &second.base_url(), "{ after: 50ms, max_extra: 5% }")).await;
    let port = proxy.port;
    for _ in 0..10 {
        let asking: Vec<_> = (0..20)
            .map(|_| {
                tokio::spawn(async move {
                    Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).send(port).await.status
                })
            })
            .collect();
        for ask in asking {
            assert_eq!(ask.await.unwrap(), 200);
        }
    }
    // 0.05 a request, at most ten saved up: 200 requests earn ten.
    let extra = second.count();
    assert!((1..=20).contains(&extra), "{extra} extra calls for 200 requests");
    assert!(extra <= 10 + 10, "{extra}");
    assert_eq!(first.count(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_sent_twice_is_not() {
    let slow = Duration::from_millis(700);
    let (first, second) = (
        answers(Reply::json(200, &[], br#"{"data":[],"choices":[{"message":{}}],"output":[]}"#).after(slow)).await,
        records().await,
    );
    let proxy = plan(&yaml(&first.base_url(), &second.base_url(), "{ after: 100ms, max_extra: 100% }")).start().await;
    let asks = [
        ("/v1/images/generations", r#"{"model":"m","prompt":"x"}"#),
        ("/v1/chat/completions", r#"{"model":"m","messages":[],"store":true}"#),
        ("/v1/responses", r#"{"model":"m","input":"x","store":true}"#),
        // For responses, to store is what happens when nothing is said.
        ("/v1/responses", r#"{"model":"m","input":"x"}"#),
    ];
    for (path, body) in asks {
        assert_eq!(proxy.post(path, body).await.status, 200, "{path} {body}");
        assert_eq!(second.count(), 0, "{path} {body} was sent twice");
    }
    assert_eq!(proxy.post("/v1/responses", r#"{"model":"m","input":"x","store":false}"#).await.status, 200);
    assert_eq!(second.count(), 1, "and what may be, is");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_being_asked_for_there_is_no_hedge() {
    let (first, second) = (answers(Reply::chat().after(Duration::from_millis(500))).await, records().await);
    let proxy = proxy(&harness::two(&first.base_url(), &second.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    assert_eq!(second.count(), 0);
}
