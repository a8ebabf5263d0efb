//! What is tried, in which order, how often, and which of several failures the client hears of.

use std::time::{Duration, Instant};

use upstream::harness::{one, provider, two};
use upstream::*;

use crate::{hedge, plan, proxy};

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_have_the_model_is_asked_once() {
    let missing = canned::error("The model `m` does not exist", "invalid_request_error", "model_not_found");
    let (first, second) = (upstream::status(404, &[], &missing).await, upstream::status(500, &[], b"{}").await);
    let alone = proxy(&one(&first.base_url(), "")).await;
    assert_eq!(alone.chat("m").await.status, 404);
    assert_eq!(first.count(), 1, "the same answer again would help nobody");

    let proxy = proxy(&two(&first.base_url(), &second.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert_eq!(first.count(), 2, "once more, by the second proxy");
    assert!(second.count() > 1, "and what broke is tried again: {}", answer.header("x-ai-proxy-route").unwrap());
    assert_eq!(answer.status, 500, "a client that hears 404 gives up, and this one need not: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_healthy_is_asked_however_much_before_it_is_not() {
    let (bad, good) = (upstream::status(500, &[], b"{}").await, records().await);
    let broken: String = (0..5).map(|n| provider(&format!("d{n}"), &bad.base_url(), "")).collect();
    let yaml = format!(
        "providers:\n{broken}{}models:\n  m: {{ targets: [{targets}, good/canned-model] }}\n  f: {{ targets: [{targets}], fallback: [g] }}\n  g: {{ targets: [good/canned-model] }}\n",
        provider("good", &good.base_url(), ""),
        targets = "d0/canned-model, d1/canned-model, d2/canned-model, d3/canned-model, d4/canned-model",
    );
    for (model, retries) in [("m", "3"), ("f", "3"), ("m", "0"), ("f", "0")] {
        let asked = bad.count();
        let proxy = plan(&yaml).env("RETRY_MAX_RETRIES", retries).start().await;
        let answer = proxy.chat(model).await;
        assert_eq!(answer.status, 200, "{model}, {retries} retries: {}", answer.text());
        assert_eq!(bad.count() - asked, 5, "{model}: each of those before it was asked once");
        assert_eq!(answer.header("x-ai-proxy-attempts").as_deref(), Some("6"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_is_counted_over_all_deployments() {
    let (first, second) = (upstream::status(500, &[], b"{}").await, upstream::status(502, &[], b"{}").await);
    let yaml = two(&first.base_url(), &second.base_url(), "breaker: { failures: 100 }");
    for (retries, asked) in [("0", 2), ("1", 3), ("3", 5)] {
        let before = first.count() + second.count();
        let proxy = plan(&yaml).env("RETRY_MAX_RETRIES", retries).start().await;
        assert!(proxy.chat("m").await.status >= 500);
        assert_eq!(first.count() + second.count() - before, asked, "{retries} retries");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_tried_before_the_provider_is_given_up() {
    let revoked = canned::error("Incorrect API key provided", "invalid_request_error", "invalid_api_key");
    let keys: Vec<String> = (0..6).map(|n| format!("sk-revoked-key-{n}0000000")).collect();
    for retries in ["3", "0"] {
        let told = revoked.clone();
        let upstream = by_key(move |key| {
            if key.contains("revoked") {
                canned::json(401, &[], &told)
            } else {
                canned::json(200, &[], &canned::chat())
            }
        })
        .await;
        let good = format!("api_keys: [{}, sk-good-key-00000000]", keys.join(", "));
        let proxy = plan(&one(&upstream.base_url(), &good)).env("RETRY_MAX_RETRIES", retries).start().await;
        for _ in 0..3 {
            let answer = proxy.chat("m").await;
            assert_eq!(answer.status, 200, "{retries} retries: {}", answer.text());
        }
        // And where none is good, the next provider serves.
        let (dead, healthy) = (upstream::status(401, &[], &revoked).await, records().await);
        let yaml = format!(
            "providers:\n{}{}models:\n  m: {{ targets: [first/canned-model, second/canned-model] }}\n",
            provider("first", &dead.base_url(), &format!("api_keys: [{}]", keys.join(", "))),
            provider("second", &healthy.base_url(), "")
        );
        let proxy = plan(&yaml).env("RETRY_MAX_RETRIES", retries).start().await;
        let answer = proxy.chat("m").await;
        assert_eq!(answer.status, 200, "{retries} retries: {}", answer.text());
        assert_eq!((dead.count(), healthy.count()), (6, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_costs_a_bounded_number_of_attempts() {
    let limited = upstream::status(429, &[], b"{}").await;
    let keys: Vec<String> = (0..80).map(|n| format!("sk-limited-key-{n:08}")).collect();
    let proxy = proxy(&one(&limited.base_url(), &format!("api_keys: [{}]", keys.join(", ")))).await;
    assert_eq!(proxy.chat("m").await.status, 429);
    assert_eq!(limited.count(), 64);
}

/// Answers by the key that it is shown.
async fn by_key(answer: impl Fn(&str) -> Vec<u8> + Clone + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |mut connection| {
        let answer = answer.clone();
        async move {
            while let Some(request) = connection.request().await? {
                let key = request.header("authorization").join(" ");
                connection.send(&answer(&key)).await?;
            }
            Ok(())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_own_mistake_ends_a_hedged_call_too() {
    let wrong = canned::error("Invalid 'messages'", "invalid_request_error", "invalid_value");
    let first = answers(Reply::json(400, &[], &wrong).after(Duration::from_millis(400))).await;
    let second = answers(Reply::json(500, &[], b"{}").after(Duration::from_millis(1500))).await;
    let yaml = hedge::yaml(&first.base_url(), &second.base_url(), "{ after: 100ms, max_extra: 100% }");
    let proxy = plan(&yaml).start().await;
    let started = Instant::now();
    let answer = proxy.chat("m").await;
    assert_eq!((answer.status, answer.body.as_slice()), (400, wrong.as_slice()), "{}", answer.text());
    assert!(started.elapsed() < Duration::from_millis(1200), "{:?}", started.elapsed());
    assert_eq!(first.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_pause_is_the_clients_to_wait_for_and_a_short_one_is_ours() {
    for status in [503, 500] {
        let upstream = upstream::status(status, &["retry-after: 30"], b"{}").await;
        let proxy = proxy(&one(&upstream.base_url(), "")).await;
        let started = Instant::now();
        let answer = proxy.chat("m").await;
        assert_eq!((answer.status, upstream.count()), (503, 1), "{}", answer.text());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?} without a byte", started.elapsed());
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((25..=30).contains(&after), "{after}");
    }
    // Pauses that are short each, and too long together.
    let upstream = upstream::status(503, &["retry-after: 4"], b"{}").await;
    let slow = proxy(&one(&upstream.base_url(), "")).await;
    let started = Instant::now();
    assert_eq!(slow.chat("m").await.status, 503);
    assert!(started.elapsed() < Duration::from_secs(11), "{:?} without a byte", started.elapsed());
    let upstream = sequence(vec![Reply::json(503, &["retry-after: 1"], b"{}"), Reply::chat()]).await;
    assert_eq!(proxy(&one(&upstream.base_url(), "")).await.chat("m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_provider_is_not_asked_until_the_deadline() {
    let slow = sequence(vec![Reply::json(500, &[], b"{}"), Reply::chat().after(Duration::from_secs(20))]).await;
    let yaml = one(&slow.base_url(), "max_in_flight: 1") + "retry: { max_retries: 2, base_delay: 100ms }\n";
    let proxy = proxy(&yaml).await;
    // The first ask fails once and is then held by its second attempt; the other finds no room.
    let (held, full) =
        tokio::join!(async { tokio::time::timeout(Duration::from_secs(6), proxy.chat("m")).await }, async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let started = Instant::now();
            (proxy.chat("m").await, started.elapsed())
        });
    assert!(held.is_err(), "it waits for its answer");
    let (answer, took) = full;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200_keeps_its_meaning() {
    let error = canned::error("maximum context length is 8192", "invalid_request_error", "context_length_exceeded");
    let told = [b"data: ", error.as_slice(), b"\n\n"].concat();
    let upstream = error_inside_200(vec![], &told).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(
        answer.json()["error"]["message"].as_str().unwrap().contains("maximum context length"),
        "{}",
        answer.text()
    );
    assert_eq!(upstream.count(), 1, "the client's own mistake is not tried again");
    // No status is made up, and a kind stands for its own.
    for (kind, status, words) in [
        ("server_error", 502, "reported an error: out of memory"),
        ("overloaded_error", 503, "failed with status 529: out of memory"),
    ] {
        let told = [b"data: ", canned::error("out of memory", kind, "").as_slice(), b"\n\n"].concat();
        let upstream = error_inside_200(vec![], &told).await;
        let proxy = plan(&one(&upstream.base_url(), "")).env("RETRY_MAX_RETRIES", "0").start().await;
        let answer = proxy.stream("m").await.answer().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_server_in_front_is_not_handed_on() {
    let page = b"<html><body>404 nginx on inside.example</body></html>";
    let upstream = upstream::status(404, &["content-type: text/html"], page).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert!(!answer.text().contains("inside.example"), "{}", answer.text());
    assert!(answer.json()["error"]["message"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_max_tokens_is_no_accident() {
    let upstream = answers(Reply::chat()).await;
    let proxy = proxy(&one(&upstream.base_url(), "limits: { tokens_per_minute: 1000 }")).await;
    let body = r#"{"model":"m","messages":[],"max_tokens":18446744073709551615}"#;
    assert_eq!(proxy.post("/v1/chat/completions", body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_for_one_provider_never_goes_to_another() {
    let local = records().await;
    // It cannot say what it serves, so it may serve anything.
    let cloud = upstream::status(404, &[], b"{}").await;
    let yaml = format!(
        "providers:\n{}  cloud: {{ kind: openai, base_url: \"{}\", api_key: none }}\n",
        harness::provider("local", &local.base_url(), ""),
        cloud.base_url()
    );
    let proxy = proxy(&yaml).await;
    cloud.request(0).await;
    for name in ["local/typo", "local/Canned-Model"] {
        let answer = proxy.chat(name).await;
        assert_eq!((answer.status, answer.code().as_deref()), (404, Some("model_not_found")), "{name}");
        assert_eq!(answer.header("x-ai-proxy-route"), None, "{name}");
    }
    assert!(proxy.chat("local/canned-modle").await.text().contains("did you mean local/canned-model"));
    assert!(cloud.requests().iter().all(|request| request.line().starts_with("GET ")), "it was sent to the other one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_proxy_itself_took_is_told_and_no_wait_is_in_it() {
    let slow = answers(Reply::json(200, &[], &canned::chat()).after(Duration::from_millis(400))).await;
    let broken = upstream::status(500, &[], b"{}").await;
    let yaml = two(&slow.base_url(), &broken.base_url(), "") + "  b: { targets: [second/canned-model] }\n";
    let proxy = plan(&yaml).env("RETRY_BASE_DELAY", "200ms").env("RETRY_MAX_RETRIES", "2").start().await;
    let ms = |line: &harness::Access, field: &str| line.0[field].as_f64().unwrap();
    // Waits for the answer, for the next attempt, and for the body.
    assert_eq!(proxy.chat("m").await.status, 200);
    assert_eq!(proxy.chat("b").await.status, 500);
    let whole = client::Ask::post("/v1/chat/completions", harness::TOKEN, harness::chat_body("m", false)).bytes();
    let mut wire = client::Wire::connect(proxy.port).await;
    wire.write(&whole[..whole.len() - 9]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    wire.write(&whole[whole.len() - 9..]).await.unwrap();
    assert_eq!(wire.answer().await.status, 200);
    for (nth, waited) in [(0, 400.0), (1, 400.0), (2, 800.0)] {
        let line = proxy.access(nth).await;
        let (total, overhead) = (ms(&line, "total_ms"), ms(&line, "overhead_ms"));
        assert!(total >= waited * 0.9 && overhead > 0.0 && overhead < total - waited * 0.9, "{}", line.0);
    }
    // Reading a large body is the proxy's own work, also where it ends with an error.
    let items = "{\"a\":1},".repeat(1_000_000);
    let body = format!("{{\"model\":\"m\",\"messages\":[{items}{{}}]x}}");
    assert_eq!(proxy.post("/v1/chat/completions", body).await.status, 400);
    let line = proxy.access(3).await;
    assert!(ms(&line, "overhead_ms") > 1.0, "{}", line.0);
}
