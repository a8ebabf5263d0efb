//! One client's request costs nobody else a key, a deployment or a second call.

use std::time::Duration;

use upstream::client::Ended;
use upstream::harness::{Plan, Proxy, one, provider};
use upstream::server::find;
use upstream::*;

use crate::reload::has_reloaded;
use crate::{plan, proxy};

/// Answers `said` to what has `word` in it, and a canned chat to the rest.
async fn chokes_on(word: &'static str, said: Vec<u8>) -> Upstream {
    Upstream::start(move |mut connection| {
        let said = said.clone();
        async move {
            while let Some(request) = connection.request().await? {
                let good = canned::json(200, &[], &canned::chat());
                connection.send(if find(&request.body, word.as_bytes()).is_some() { &said } else { &good }).await?;
            }
            Ok(())
        }
    })
    .await
}

fn asks(word: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{word}"}}]}}"#)
}

const CHAT: &str = "/v1/chat/completions";
const KEYS: &str = "api_keys: [sk-key-number-one-000, sk-key-number-two-000, sk-key-number-three-0]";

/// Of three clients.
const TOKENS: &str = "a:alice-token-0123456789,b:bob-token-0123456789,c:carol-token-0123456789";

/// A chat of one of them.
async fn says(proxy: &Proxy, who: &str, word: &str) -> client::Answer {
    client::Ask::post(CHAT, &format!("{who}-token-0123456789"), asks(word)).send(proxy.port).await
}

fn quick(yaml: &str) -> Plan {
    plan(yaml).env("RETRY_BASE_DELAY", "20ms")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_names_takes_no_key_out() {
    let google = |message: &str| {
        let body = format!(r#"{{"error":{{"code":403,"message":"{message}","status":"PERMISSION_DENIED"}}}}"#);
        canned::json(403, &[], body.as_bytes())
    };
    let forbidden = canned::error("Forbidden", "invalid_request_error", "forbidden");
    let scopes =
        canned::error("You have insufficient permissions for this operation. Missing scopes: x", "e", "missing_scope");
    let anothers =
        br#"{"error":{"code":401,"message":"Provider returned error","metadata":{"raw":"{}","provider_name":"X"}}}"#;
    let bad_key = r#"{"error":{"code":403,"message":"API key not valid. Please pass a valid API key.","status":"PERMISSION_DENIED"}}"#;
    for (said, status, calls) in [
        (google("CachedContent not found (or permission denied)"), 403, 1),
        (google("You do not have permission to access the File abc or it may not exist."), 403, 1),
        // Nobody knows who may not do what: another key may, and a third one is not asked.
        (canned::json(403, &[], &forbidden), 403, 2),
        (canned::json(403, &["content-type: text/html"], b"<html>blocked</html>"), 502, 2),
        (canned::json(401, &[], &scopes), 502, 2),
        // What one request draws from two keys is the request's.
        (canned::json(403, &[], bad_key.as_bytes()), 502, 2),
        (canned::json(402, &[], b"{\"error\":{\"message\":\"Insufficient credits\",\"code\":402}}"), 502, 2),
        (
            canned::json(402, &[], b"{\"error\":{\"message\":\"Prompt tokens limit exceeded: 9 > 6.\",\"code\":402}}"),
            402,
            1,
        ),
        (canned::json(401, &[], anothers), 502, 2),
        (canned::json(200, &[], anothers), 502, 2),
    ] {
        let upstream = chokes_on("evil", said.clone()).await;
        let proxy = quick(&one(&upstream.base_url(), KEYS)).start().await;
        // Each worker takes turns of its own: all keys have served.
        for _ in 0..24 {
            assert_eq!(proxy.post(CHAT, asks("good")).await.status, 200);
        }
        for _ in 0..2 {
            let before = upstream.count();
            let answer = proxy.post(CHAT, asks("evil")).await;
            let what = String::from_utf8_lossy(&said);
            assert_eq!((answer.status, upstream.count() - before), (status, calls), "{what}: {}", answer.text());
        }
        // And no key is missing.
        let before = upstream.count();
        for _ in 0..24 {
            assert_eq!(proxy.post(CHAT, asks("good")).await.status, 200);
        }
        let mut keys: Vec<_> =
            upstream.requests()[before..].iter().map(|r| r.header("authorization").join("")).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 3, "{keys:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_gives_way_to_one_that_may() {
    let forbidden = canned::error("Forbidden", "invalid_request_error", "forbidden");
    let upstream = Upstream::start(move |mut connection| {
        let forbidden = forbidden.clone();
        async move {
            while let Some(request) = connection.request().await? {
                let barred = request.header("authorization").join("").contains("number-one");
                let (status, body) = if barred { (403, forbidden.clone()) } else { (200, canned::chat()) };
                connection.send(&canned::json(status, &[], &body)).await?;
            }
            Ok(())
        }
    })
    .await;
    for retries in ["0", "3"] {
        let proxy = plan(&one(&upstream.base_url(), "api_keys: [sk-key-number-one-000, sk-key-number-two-000]"))
            .env("RETRY_MAX_RETRIES", retries)
            .start()
            .await;
        for _ in 0..4 {
            let answer = proxy.chat("m").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_request_closes_nothing_to_others() {
    let upstream =
        chokes_on("poison", canned::json(500, &[], b"{\"error\":{\"message\":\"failed to process\"}}")).await;
    let yaml = one(&upstream.base_url(), "");
    let proxy =
        quick(&yaml).env("AUTH_TOKEN", "mallory:mallory-token-000000000,bob:bob-token-0123456789").start().await;
    let ask = |token: &'static str, word: &'static str| {
        let port = proxy.port;
        async move { client::Ask::post(CHAT, token, asks(word)).send(port).await.status }
    };
    const BOB: &str = "bob-token-0123456789";
    // Nobody was served before: then it is one client alone that has met it.
    for _ in 0..7 {
        assert!(ask("mallory-token-000000000", "poison").await >= 500);
    }
    assert_eq!(ask(BOB, "good").await, 200);
    // After a reload a client is who it was.
    proxy.rewrite(&(yaml.clone() + "  more: { targets: [up/canned-model] }\n"));
    proxy.hangup();
    has_reloaded(&proxy, "ok").await;
    for _ in 0..7 {
        assert!(ask("mallory-token-000000000", "poison").await >= 500);
    }
    assert_eq!(ask(BOB, "good").await, 200);
    // Where nobody else tells them apart, what was served a moment ago speaks for the deployment.
    let proxy = quick(&yaml).start().await;
    assert_eq!(proxy.post(CHAT, asks("good")).await.status, 200);
    for _ in 0..7 {
        assert_eq!(proxy.post(CHAT, asks("poison")).await.status, 500);
    }
    assert_eq!(proxy.post(CHAT, asks("good")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_or_a_redirect_that_one_client_draws_is_kept_by_that_client_alone() {
    let boom = br#"{"error":{"message":"worker crashed","type":"server_error"}}"#;
    let (hint, ms) = ("retry-after: 50", "retry-after-ms: 50000");
    for (said, pauses) in [
        (canned::json(503, &[hint], boom), true),
        (canned::json(529, &[hint], boom), true),
        // Not in so many words: where others are served it says nothing of anybody's next request.
        (canned::json(500, &[hint], boom), false),
        (canned::json(502, &[ms], boom), false),
        (canned::json(424, &[hint], boom), false),
        (canned::json(200, &[hint], boom), false),
        (canned::json(302, &["location: /blocked"], b"{}"), false),
    ] {
        let what = String::from_utf8_lossy(&said).into_owned();
        let upstream = chokes_on("poison", said.clone()).await;
        let proxy = quick(&one(&upstream.base_url(), "")).env("AUTH_TOKEN", TOKENS).start().await;
        let ask = |who, word| says(&proxy, who, word);
        assert_eq!(ask("bob", "good").await.status, 200);
        let drawn = futures::future::join_all((0..6).map(|_| ask("alice", "poison"))).await;
        assert!(drawn.iter().all(|answer| answer.status >= 500), "{what}");
        assert_eq!(ask("bob", "good").await.status, 200, "{what}");
        // It is told how long, and asks nobody meanwhile.
        let (again, before) = (ask("alice", "good").await, upstream.count());
        assert_eq!(again.status, if pauses { 503 } else { 200 }, "{what}: {}", again.text());
        if pauses {
            let after: u64 = again.header("retry-after").unwrap().parse().unwrap();
            assert!((45..=50).contains(&after), "{what}: {after}");
            // What two have met is everybody's.
            assert_eq!(ask("bob", "poison").await.status, 503, "{what}");
            assert_eq!((ask("carol", "good").await.status, upstream.count()), (503, before + 1), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_bad_key_take_one_that_serves_others_from_their_client_alone() {
    let signed_out = br#"{"error":"unauthorized","signin_url":"https://ollama.com/connect"}"#;
    let (denied, poor) = (canned::error("No access", "x_denied", "x"), canned::error("Insufficient credits", "e", "x"));
    let much = canned::error("This request would exceed your organization's rate limit", "rate_limit_error", "x");
    for (said, status) in [
        (canned::json(401, &[], signed_out), 502),
        (canned::json(401, &[], &denied), 502),
        (canned::json(402, &[], &poor), 502),
        (canned::json(429, &["retry-after: 50"], &much), 429),
    ] {
        let what = String::from_utf8_lossy(&said).into_owned();
        let upstream = chokes_on("poison", said.clone()).await;
        let proxy = quick(&one(&upstream.base_url(), "")).env("AUTH_TOKEN", TOKENS).start().await;
        let ask = |who, word| says(&proxy, who, word);
        assert_eq!(ask("bob", "good").await.status, 200);
        let before = upstream.count();
        for _ in 0..3 {
            let begun = std::time::Instant::now();
            let answer = ask("alice", "poison").await;
            assert_eq!((answer.status, upstream.count()), (status, before + 1), "{what}: {}", answer.text());
            assert!(begun.elapsed() < Duration::from_secs(2), "{what}: {:?}", begun.elapsed());
        }
        // It is told as if the key were out for all.
        let again = ask("alice", "good").await;
        assert_eq!(
            (again.status, again.header("retry-after").is_some()),
            (status, status == 429),
            "{what}: {}",
            again.text()
        );
        assert_eq!(ask("bob", "good").await.status, 200, "{what}");
        // Which speaks for it: it may be asked once more. What two have met is everybody's.
        assert_eq!(ask("alice", "poison").await.status, status, "{what}");
        let before = upstream.count();
        assert_eq!(ask("bob", "poison").await.status, status, "{what}");
        let third = ask("carol", "good").await;
        assert_eq!((third.status, upstream.count()), (status, before + 1), "{what}: {}", third.text());
    }
    // The only client is everybody: there is nobody whom it could be kept from.
    let upstream = chokes_on("poison", canned::json(401, &[], signed_out)).await;
    let proxy = quick(&one(&upstream.base_url(), "")).start().await;
    assert_eq!(proxy.post(CHAT, asks("good")).await.status, 200);
    assert_eq!(proxy.post(CHAT, asks("poison")).await.status, 502);
    let health = proxy.health().await.to_string();
    assert!(health.contains("\"status\":\"down\""), "{health}");
}

/// What was away for a moment is back, and one client asks it what it cannot answer.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_keeps_what_is_back_from_others() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let yaml = one(&format!("http://{addr}/v1"), "breaker: { failures: 2, open: 400ms, max_open: 60s }");
    let proxy = quick(&yaml).env("AUTH_TOKEN", TOKENS).env("RETRY_MAX_RETRIES", "0").start().await;
    let ask = |who, word| says(&proxy, who, word);
    for _ in 0..3 {
        assert!(ask("alice", "good").await.status >= 500);
    }
    let listener = tokio::net::TcpListener::bind(addr).await.unwrap();
    let boom = canned::json(500, &[], b"{\"error\":{\"message\":\"failed to process\"}}");
    let _back = Upstream::start_on(listener, move |mut connection| {
        let boom = boom.clone();
        async move {
            while let Some(request) = connection.request().await? {
                let good = canned::json(200, &[], &canned::chat());
                connection.send(if find(&request.body, b"poison").is_some() { &boom } else { &good }).await?;
            }
            Ok(())
        }
    });
    // Alice is the canary, each time.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let until = std::time::Instant::now() + Duration::from_secs(3);
    while std::time::Instant::now() < until {
        assert!(ask("alice", "poison").await.status >= 500);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ask("bob", "good").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_error_quotes_of_a_request_rests_nobody() {
    let words = "please wait 999 seconds";
    let said = canned::error(&format!("cannot parse '{words}'"), "server_error", "x");
    let event = [b"data: ", said.as_slice(), b"\n\n"].concat();
    let stream = canned::json(200, &["content-type: text/event-stream"], &event);
    for said in [canned::json(200, &[], &said), stream, canned::json(503, &[], &said)] {
        let upstream = chokes_on(words, said).await;
        let proxy = quick(&one(&upstream.base_url(), "")).env("RETRY_MAX_RETRIES", "0").start().await;
        assert!(proxy.post(CHAT, asks(words)).await.status >= 500);
        assert_eq!(proxy.post(CHAT, asks("good")).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_response_that_is_the_clients_fault_reaches_it_with_its_code() {
    let failed = |code: &str, status: &str| {
        format!(
            r#"{{"id":"resp_1","object":"response","created_at":1,"status":"{status}","error":{{"code":"{code}","message":"because of this"}},"incomplete_details":null,"model":"m","output":[],"usage":null}}"#
        )
    };
    for code in
        ["context_length_exceeded", "invalid_prompt", "bio_policy", "image_too_large", "failed_to_download_image"]
    {
        let event = format!(
            "event: response.failed\ndata: {{\"type\":\"response.failed\",\"sequence_number\":1,\"response\":{}}}\n\n",
            failed(code, "failed")
        );
        let created = canned::responses_stream(0).remove(0);
        let events = vec![created, event.into_bytes()];
        let (streams, whole) = (
            answers(Reply::sse(events.clone(), Duration::ZERO)).await,
            answers(Reply::json(200, &[], failed(code, "failed").as_bytes())).await,
        );
        let of = |upstream: &Upstream| one(&upstream.base_url(), "").replace("kind: openai", "kind: openai-responses");
        let proxy = proxy(&of(&streams)).await;
        let answer = proxy.post("/v1/responses", r#"{"model":"m","input":"x","stream":true}"#).await;
        assert_eq!((answer.status, answer.ended, answer.body), (200, Ended::Whole, events.concat()), "{code}");
        let chat = proxy.stream("m").await.answer().await;
        assert_eq!((chat.status, chat.code().as_deref()), (400, Some(code)), "{}", chat.text());
        assert_eq!(streams.count(), 2, "{code}");
        assert_eq!(proxy.health().await["status"], "ok");

        let proxy = crate::proxy(&of(&whole)).await;
        for (path, body) in [("/v1/responses", r#"{"model":"m","input":"x"}"#.to_owned()), (CHAT, asks("x"))] {
            let answer = proxy.post(path, body).await;
            assert_eq!((answer.status, answer.code().as_deref()), (400, Some(code)), "{path} {}", answer.text());
            assert_eq!(answer.json()["error"]["message"], "because of this");
        }
        let messages = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#;
        let answer = proxy.post("/v1/messages", messages).await;
        assert_eq!((answer.status, &answer.json()["error"]["message"]), (400, &"because of this".into()));
        assert_eq!(whole.count(), 3, "{code}: one call each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_slow_is_not_bought_twice() {
    let slow = silent().await;
    let yaml = one(&slow.base_url(), "timeouts: { first_byte: 300ms }");
    let proxy = quick(&yaml).start().await;
    for nth in 1..=3 {
        assert_eq!(proxy.chat("m").await.status, 504);
        assert_eq!(slow.count(), nth, "the same deployment would be paid once more");
    }
    // Nor by way of a fallback that has the same deployment again; another one is asked.
    let good = records().await;
    let yaml = format!(
        "providers:\n{}{}models:\n  m: {{ targets: [up/canned-model], fallback: [n] }}\n  n: {{ targets: [up/canned-model, good/canned-model] }}\n",
        provider("up", &slow.base_url(), "timeouts: { first_byte: 300ms, idle: 300ms }"),
        provider("good", &good.base_url(), "")
    );
    let before = slow.count();
    let answer = quick(&yaml).start().await.chat("m").await;
    assert_eq!((answer.status, slow.count() - before, good.count()), (200, 1, 1), "{}", answer.text());
    // Nor what a gateway in front of the upstream has waited for; what it says at once is no time-out.
    for (pause, calls) in [(1_200, 1), (0, 2)] {
        let gateway = answers(Reply::json(504, &[], b"{}").after(Duration::from_millis(pause))).await;
        let proxy = quick(&one(&gateway.base_url(), "")).env("RETRY_MAX_RETRIES", "1").start().await;
        assert_eq!((proxy.chat("m").await.status, gateway.count()), (504, calls));
    }
    // Silence behind the head is the same.
    let begun = stalls_after(vec![canned::role()]).await;
    let proxy = quick(&one(&begun.base_url(), "timeouts: { idle: 300ms }")).start().await;
    assert_eq!((proxy.stream("m").await.answer().await.status, begun.count()), (504, 1));
    // A head that comes ahead of the first token has not made it come sooner.
    let ahead = answers(Reply {
        pieces: vec![(Duration::from_millis(900), canned::stream(1).concat())],
        ..Reply::sse(vec![], Duration::ZERO)
    })
    .await;
    let proxy = quick(&one(&ahead.base_url(), "timeouts: { first_byte: 5s, idle: 300ms }")).start().await;
    assert_eq!((proxy.stream("m").await.answer().await.status, ahead.count()), (200, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_we_end_goes_on_at_nobodys_cost() {
    let text = "y".repeat(1 << 20);
    let event = format!(r#"data: {{"candidates":[{{"content":{{"role":"model","parts":[{{"text":"{text}"}}]}}}}]}}"#);
    let event = [event.as_bytes(), b"\n\n"].concat();
    let upstream = Upstream::start(move |mut connection| {
        let event = event.clone();
        async move {
            connection.request().await?;
            connection.send(&canned::sse_head()).await?;
            for _ in 0..20 {
                connection.chunk(&event).await?;
            }
            loop {
                connection.pause(Duration::from_millis(50)).await?;
                connection.chunk(b": still here\n\n").await?;
            }
        }
    })
    .await;
    let yaml = one(&upstream.base_url(), "max_in_flight: 1").replace("kind: openai", "kind: gemini");
    let proxy = proxy(&yaml).await;
    let mut wire = proxy.open("/v1/responses", r#"{"model":"m","input":"x","stream":true}"#).await;
    let answer = tokio::time::timeout(Duration::from_secs(20), wire.answer()).await.expect("it ends");
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
    assert_eq!(answer.text().matches("event: response.incomplete").count(), 1);
    upstream.closed(0).await;
    proxy.idle().await;
}

/// A server of the client's own that does not answer: the provider is as well as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_tools_that_is_not_there_is_told_to_the_client_alone() {
    let words = "Error retrieving tool list from MCP server: 'evil'. Http status code: 502 (Bad Gateway)";
    let error = format!(
        r#"{{"error":{{"message":"{words}","type":"external_connector_error","param":"tools","code":"http_error"}}}}"#
    );
    let failed = format!(
        concat!(
            "event: response.failed\n",
            r#"data: {{"type":"response.failed","response":{{"status":"failed","output":[],"#,
            r#""error":{{"code":"http_error","message":"{}"}}}}}}"#,
            "\n\n"
        ),
        words
    );
    let length = format!("content-length: {}", failed.len());
    let events = [canned::head(200, &["content-type: text/event-stream", &length]), failed.into_bytes()].concat();
    for (said, stream, status) in [(canned::json(424, &[], error.as_bytes()), false, 424), (events, true, 200)] {
        let upstream = chokes_on("evil", said).await;
        let proxy = quick(&one(&upstream.base_url(), "breaker: { failures: 1 }")).start().await;
        let evil = format!(r#"{{"model":"m","input":"x","stream":{stream},"tools":[{{"server_label":"evil"}}]}}"#);
        for nth in 1..=6 {
            let answer = proxy.post("/v1/responses", evil.clone()).await;
            assert_eq!((answer.status, upstream.count()), (status, nth), "{}", answer.text());
            assert!(answer.text().contains("Error retrieving tool list"), "{}", answer.text());
        }
        assert_eq!(proxy.post(CHAT, asks("good")).await.status, 200);
        assert_eq!(proxy.health().await["status"], "ok");
    }
}
