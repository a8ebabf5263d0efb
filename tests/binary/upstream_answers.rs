//! Upstreams that do answer: with errors, with too much, with what nobody asked for.

use std::time::{Duration, Instant};

use upstream::client::Ended;
use upstream::harness::{KEY, chat_body, one, two};
use upstream::*;

use crate::{plan, proxy, proxy_without_retries};

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_own_mistakes_come_back_as_they_are() {
    let moderated =
        canned::error("Your input was flagged by moderation", "invalid_request_error", "content_policy_violation");
    let cases: &[(u16, Vec<u8>)] = &[
        (400, canned::error("Invalid 'messages'", "invalid_request_error", "invalid_value")),
        (
            400,
            canned::error("maximum context length is 8192 tokens", "invalid_request_error", "context_length_exceeded"),
        ),
        (403, moderated),
        (409, b"not even JSON".to_vec()),
        (413, canned::error("too large", "invalid_request_error", "request_too_large")),
        (422, b"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}".to_vec()),
    ];
    for (status, body) in cases {
        let (first, second) = (upstream::status(*status, &[], body).await, records().await);
        let proxy = proxy(&two(&first.base_url(), &second.base_url(), "")).await;
        let answer = proxy.chat("m").await;
        assert_eq!((answer.status, answer.body.as_slice()), (*status, body.as_slice()), "{}", answer.text());
        assert_eq!((first.count(), second.count()), (1, 0), "{status}: the client's mistake was tried elsewhere");
        // Nor does it count against the deployment.
        assert_eq!(proxy.health().await["status"], "ok", "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_fault_is_ours_and_never_the_clients() {
    let cases = [
        (401, canned::error("Incorrect API key provided", "invalid_request_error", "invalid_api_key")),
        (402, canned::error("Insufficient balance", "billing", "insufficient_balance")),
        (403, canned::error("Your key has been revoked", "permission", "permission_denied")),
        (429, canned::error("You exceeded your current quota", "insufficient_quota", "insufficient_quota")),
        (400, b"[{\"error\":{\"code\":400,\"message\":\"API key not valid\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}]".to_vec()),
    ];
    for (status, body) in cases {
        let bad = upstream::status(status, &[], &body).await;
        let proxy = proxy_without_retries(&one(&bad.base_url(), "")).await;
        let answer = proxy.chat("m").await;
        let ours: &[u16] = if status == 429 { &[429, 502] } else { &[502] };
        assert!(
            ours.contains(&answer.status),
            "{status} {}: {} {}",
            String::from_utf8_lossy(&body),
            answer.status,
            answer.text()
        );
        assert!(
            !answer.text().contains("Incorrect API key"),
            "the upstream's 401 reads as if the client's token were wrong"
        );
        // The key is out: not even asked again. That the client has asked before changes nothing for it.
        let again = proxy.chat("m").await;
        assert_eq!((again.status, again.text()), (answer.status, answer.text()));
        assert_eq!(again.header("retry-after").is_some(), again.status == 429, "no wait mends a key");
        assert_eq!(bad.count(), 1, "{status}: a key at fault was used again at once");

        let good = records().await;
        let proxy = crate::proxy(&two(&bad.base_url(), &good.base_url(), "")).await;
        assert_eq!(proxy.chat("m").await.status, 200, "{status}: no fallback for a key's fault");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_do_one_thing_is_out_for_nobody() {
    let body = canned::error("Your key may not use this", "permission", "permission_denied");
    let bad = upstream::status(403, &[], &body).await;
    let proxy = proxy(&one(&bad.base_url(), "")).await;
    for asked in [1, 2] {
        let answer = proxy.chat("m").await;
        assert_eq!((answer.status, answer.body.as_slice()), (403, body.as_slice()));
        assert_eq!(bad.count(), asked, "once for each request, and no request is refused unasked");
    }
    assert_eq!(proxy.health().await["status"], "ok");
    let good = records().await;
    let proxy = crate::proxy(&two(&bad.base_url(), &good.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 200, "the next target is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_key_serves_when_one_is_at_fault() {
    let upstream = Upstream::start(|mut connection| async move {
        while let Some(request) = connection.request().await? {
            let bad = request.header("authorization") == ["Bearer sk-bad-key-000000000"];
            let reply = if bad {
                canned::json(401, &[], &canned::error("no", "x", "invalid_api_key"))
            } else {
                canned::json(200, &[], &canned::chat())
            };
            connection.send(&reply).await?;
        }
        Ok(())
    })
    .await;
    let proxy = proxy(&one(&upstream.base_url(), "api_keys: [sk-bad-key-000000000, sk-good-key-00000000]")).await;
    for _ in 0..10 {
        assert_eq!(proxy.chat("m").await.status, 200);
    }
    let bad = upstream.requests().iter().filter(|r| r.header("authorization")[0].contains("bad")).count();
    assert!(bad <= 1, "a key at fault was used {bad} times");
    proxy.said_nothing_of(&["sk-bad-key", "sk-good-key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_retried_is_and_on_the_next_deployment_first() {
    for status in [408, 429, 500, 502, 503, 504, 529, 404] {
        let body = if status == 404 {
            canned::error("The model does not exist", "invalid_request_error", "model_not_found")
        } else {
            b"{}".to_vec()
        };
        let (first, second) = (upstream::status(status, &[], &body).await, records().await);
        let proxy = proxy(&two(&first.base_url(), &second.base_url(), "")).await;
        let answer = proxy.chat("m").await;
        assert_eq!((answer.status, &answer.body), (200, &canned::chat()), "{status}");
        assert_eq!((first.count(), second.count()), (1, 1), "{status}");
        let route = answer.header("x-ai-proxy-route").unwrap_or_default();
        assert!(route.contains(&format!("first/canned-model:{status}")) || status == 404, "{route}");
        assert_eq!(answer.header("x-ai-proxy-attempts").as_deref(), Some("2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_deployment_alone_is_tried_again_after_a_pause() {
    for status in [408, 500, 502, 503, 504, 529] {
        let bad = Reply::json(status, &[], b"{}");
        let upstream = sequence(vec![bad.clone(), bad, Reply::chat()]).await;
        let proxy = proxy(&one(&upstream.base_url(), "")).await;
        let answer = proxy.chat("m").await;
        assert_eq!(answer.status, 200, "{status}: {}", answer.text());
        assert_eq!(upstream.count(), 3, "{status}");
    }
    // And not for ever.
    let upstream = upstream::status(500, &[], b"{\"error\":{\"message\":\"broken\"}}").await;
    let proxy = proxy(&one(&upstream.base_url(), "breaker: { failures: 100 }")).await;
    let answer = proxy.chat("m").await;
    assert!((500..600).contains(&answer.status), "{}", answer.status);
    assert_eq!(upstream.count(), 4, "one attempt and three retries");
    assert_eq!(proxy.access(0).await.attempts().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_there_is_a_404() {
    let body = canned::error("The model `canned-model` does not exist", "invalid_request_error", "model_not_found");
    let upstream = upstream::status(404, &[], &body).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert_eq!((answer.status, answer.code().as_deref()), (404, Some("model_not_found")), "{}", answer.text());
    // Asked again it is still not there: a 503 would have every SDK try for nothing.
    let again = proxy.chat("m").await;
    assert_eq!((again.status, again.code().as_deref()), (404, Some("model_not_found")), "{}", again.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_to_come_back_is_believed_up_to_a_cap() {
    // What upstream says, and the seconds that we may pass on.
    let cases = [
        ("0", 0..=5),
        ("2", 1..=3),
        ("1555200", 1..=60),
        ("soon, really", 0..=60),
        ("-5", 0..=60),
        ("99999999999999999999", 0..=60),
        ("", 0..=60),
    ];
    for (hint, allowed) in cases {
        let header = format!("retry-after: {hint}");
        let upstream =
            upstream::status(429, &[&header], &canned::error("slow down", "requests", "rate_limit_exceeded")).await;
        let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
        let answer = proxy.chat("m").await;
        assert_eq!(
            (answer.status, answer.code().as_deref()),
            (429, Some("rate_limit_exceeded")),
            "{hint:?}: {}",
            answer.text()
        );
        let after: u64 = answer.header("retry-after").expect("a 429 says when").parse().expect("in seconds");
        assert!(allowed.contains(&after), "{hint:?} became {after}");
        let again = proxy.chat("m").await;
        assert_eq!(again.status, 429, "{hint:?}");
        assert!(again.header("retry-after").is_some_and(|s| s.parse::<u64>().is_ok_and(|s| s <= 60)), "{hint:?}");
        if hint != "0" {
            assert_eq!(upstream.count(), 1, "{hint:?}: asked again while cooling");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_cooldown_a_canary_goes_through() {
    let upstream = sequence(vec![Reply::json(429, &["retry-after: 1"], b"{}"), Reply::chat()]).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 429);
    let begun = Instant::now();
    while proxy.chat("m").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(4), "cooling for longer than was said");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(600), "asked again before the hint was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200_before_content_is_a_failure_and_behind_it_an_event() {
    let errors: [&[u8]; 4] = [
        b"data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}}\n\n",
        b"event: error\ndata: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n",
        b"error: {\"message\":\"overloaded\",\"type\":\"server_error\"}\n\n",
        b"data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],\"error\":{\"code\":502,\"message\":\"overloaded\"}}\n\n",
    ];
    for error in errors {
        let what = String::from_utf8_lossy(error).into_owned();
        let first = error_inside_200(vec![canned::role()], error).await;
        let second = answers(Reply::sse(canned::stream(2), Duration::ZERO)).await;
        let proxy = proxy(&two(&first.base_url(), &second.base_url(), "")).await;
        let answer = proxy.stream("m").await.answer().await;
        assert_eq!((answer.status, answer.body), (200, canned::stream(2).concat()), "{what}");
        assert_eq!((first.count(), second.count()), (1, 1), "{what}");

        let late = error_inside_200(canned::stream(2)[..2].to_vec(), error).await;
        let proxy = proxy_without_retries(&one(&late.base_url(), "")).await;
        let answer = proxy.stream("m").await.answer().await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with(&canned::stream(2)[..2].concat()), "{what}: {}", answer.text());
        assert!(answer.text().contains("overloaded"), "{what}: the upstream's own words are lost: {}", answer.text());
        assert!(!answer.text().contains("[DONE]"), "{what}: {}", answer.text());
        assert_eq!(proxy.access(0).await.outcome(), "cut", "{what}");
    }
    // Without streaming: a 200 that holds nothing but an error.
    let first = upstream::status(200, &[], b"{\"error\":{\"message\":\"overloaded\",\"code\":503}}").await;
    let second = records().await;
    let proxy = proxy(&two(&first.base_url(), &second.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert_eq!((answer.status, answer.body), (200, canned::chat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_passed_on_and_never_held() {
    for sse in [true, false] {
        let upstream = floods(sse).await;
        let proxy = proxy(&one(&upstream.base_url(), "")).await;
        let before = proxy.rss();
        let mut wire =
            if sse { proxy.stream("m").await } else { proxy.open("/v1/chat/completions", chat_body("m", false)).await };
        assert_eq!(wire.head().await.0, 200);
        let (mut got, mut peak) = (0, 0);
        while got < 128 << 20 {
            got += wire.piece().await.expect("the flood went on").len();
            peak = peak.max(proxy.rss());
        }
        assert!(peak < before + 32 * 1024, "sse {sse}: {before} KiB before, {peak} in the flood");
        // It stops when nobody listens.
        let left = wire.leave();
        let closed = upstream.closed(0).await;
        assert!(closed.duration_since(left) < Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_ten_megabytes_passes_through() {
    let upstream = long_line(10 << 20).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let before = proxy.rss();
    let mut wire = proxy.stream("m").await;
    let (_, _) = wire.head().await;
    let (mut got, mut peak) = (Vec::new(), 0);
    while let Some(piece) = wire.piece().await {
        got.extend_from_slice(&piece);
        peak = peak.max(proxy.rss());
    }
    let mut expected = canned::stream(1);
    expected.insert(1, canned::delta(&"y".repeat(10 << 20)));
    assert_eq!(wire.ended(), Some(Ended::Whole));
    assert!(got == expected.concat(), "{} bytes came of {}", got.len(), expected.concat().len());
    assert!(peak < before + 6 * 1024, "{before} KiB before, {peak} with the line: it was held");
    assert_eq!(proxy.access(0).await.tokens(), Some((11, 7, false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_pass_through() {
    let upstream = invalid_utf8().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
    assert!(server::find(&answer.body, INVALID).is_some());
    assert!(answer.body.ends_with(canned::DONE));
    assert_eq!(proxy.access(0).await.tokens(), Some((11, 7, false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn gzip_that_nobody_asked_for_is_handed_on_as_it_is() {
    let upstream = gzip_unasked().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, GZIPPED));
    assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
    assert_eq!(upstream.request(0).await.header("accept-encoding"), ["identity"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_carries_nothing_to_another_host() {
    let other = records().await;
    let upstream = redirects(&format!("{}/chat/completions", other.base_url())).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert_eq!(other.connections(), 0, "followed with {KEY}");
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.header("location").is_none());
    assert!(!answer.text().contains(&other.addr().to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_asked_for_once_and_the_next_deployment_serves() {
    for status in [301, 302, 304, 307, 308] {
        let first = upstream::status(status, &["location: http://example.com/"], b"{}").await;
        let proxy = proxy(&one(&first.base_url(), "")).await;
        assert_eq!(proxy.chat("m").await.status, 502, "{status}");
        assert_eq!(proxy.access(0).await.attempts(), ["up/canned-model:redirect"], "{status}");
        assert_eq!(first.count(), 1, "{status}: asked for again");

        let second = sequence(vec![Reply::json(500, &[], b"{}"), Reply::chat()]).await;
        let proxy = crate::proxy(&two(&first.base_url(), &second.base_url(), "")).await;
        assert_eq!(proxy.chat("m").await.status, 200, "{status}");
        assert_eq!((first.count(), second.count()), (2, 2), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_an_upstreams_fault() {
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: nonsense\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello",
    ] {
        let upstream = Upstream::start(move |mut connection| async move {
            connection.request().await?;
            connection.send(garbage).await
        })
        .await;
        let proxy = proxy_without_retries(&one(&upstream.base_url(), "timeouts: { first_byte: 1s, idle: 1s }")).await;
        let answer = proxy.chat("m").await;
        let told = answer.status >= 500 || answer.ended != Ended::Whole;
        assert!(told, "{:?} became {} {:?}", String::from_utf8_lossy(garbage), answer.status, answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_refusal_of_a_large_body_is_told_clearly() {
    // It answers after the head and closes, while the body is still being sent.
    let upstream = Upstream::start(|mut connection| async move {
        connection.head().await?;
        connection.send(&canned::json(413, &["connection: close"], b"{\"error\":{\"message\":\"too large\"}}")).await
    })
    .await;
    let proxy = plan(&one(&upstream.base_url(), "")).env("RETRY_MAX_RETRIES", "0").start().await;
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(20 << 20));
    let answer = client::Ask::post("/v1/chat/completions", harness::TOKEN, body).send_large(proxy.port).await;
    assert!(matches!(answer.status, 413 | 502), "{} {}", answer.status, answer.text());
    assert!(answer.json()["error"]["message"].is_string());
}

/// A provider that answers everything in this way.
async fn says(content_type: &str, body: &'static str) -> Upstream {
    let head = if content_type.is_empty() { vec![] } else { vec![format!("content-type: {content_type}")] };
    upstream::replay(200, &head, body.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_handed_to_nobody_and_the_next_target_is_asked() {
    for (content_type, body) in [
        ("text/html", "<!doctype html><html>sign in</html>"),
        ("application/json", "<html>sign in</html>"),
        ("text/plain", "Ollama is running"),
        ("application/json", "Sorry, upstream busy"),
        ("application/json", "null"),
        ("application/json", "[1]"),
        ("application/json", "\"hello\""),
        ("application/json", "{\"status\":\"ok\"}"),
        ("application/json", "{\"code\":401,\"msg\":\"sign in\",\"data\":null}"),
        ("application/json", "{'error': 'sign in'}"),
        ("application/json", "\u{feff}<html>sign in</html>"),
        ("application/json", "{\"choices\":[null]}"),
        ("text/event-stream", "data: {\"status\":\"ok\"}\n\ndata: [DONE]\n\n"),
        ("application/json", ""),
        ("text/event-stream", "<html>sign in</html>"),
        ("text/event-stream", ""),
    ] {
        let (web, good) = (says(content_type, body).await, records().await);
        let proxy = proxy(&two(&web.base_url(), &good.base_url(), "")).await;
        for stream in [false, true] {
            let answer = proxy.post("/v1/chat/completions", chat_body("m", stream)).await;
            let route = answer.header("x-ai-proxy-route").unwrap_or_default();
            assert_eq!(answer.status, 200, "{content_type} {body}: {}", answer.text());
            assert_eq!(route, "first/canned-model:not_an_answer -> second/canned-model:ok", "{content_type} {body}");
        }
        // In another dialect as well.
        let messages = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#;
        let answer = proxy.post("/v1/messages", messages).await;
        assert_eq!(answer.status, 200, "{content_type} {body}: {}", answer.text());
        let web = says(content_type, body).await;
        let alone = proxy_without_retries(&one(&web.base_url(), "")).await;
        let answer = alone.chat("m").await;
        assert_eq!(answer.status, 502, "{content_type} {body}: {}", answer.text());
        assert!(!answer.text().contains("sign in"), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_told_from_a_page_by_its_first_byte_and_not_by_its_label() {
    let events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let document = "\r\n {\"choices\":[{\"message\":{\"content\":\"hi\"}}]}";
    for label in ["", "application/json", "text/html", "text/plain", "text/event-stream"] {
        for (stream, body, told) in [(true, events, "text/event-stream"), (false, document, "application/json")] {
            let odd = says(label, body).await;
            let proxy = proxy_without_retries(&one(&odd.base_url(), "")).await;
            let answer = proxy.post("/v1/chat/completions", chat_body("m", stream)).await;
            assert_eq!((answer.status, answer.text().as_str()), (200, body), "{label}");
            assert_eq!(answer.header("content-type").as_deref(), Some(told), "{label}");
            // And where it is translated.
            let messages = format!(
                r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"x"}}],"stream":{stream}}}"#
            );
            let answer = proxy.post("/v1/messages", messages).await;
            assert_eq!(answer.status, 200, "{label}: {}", answer.text());
            assert_eq!(answer.text().contains("message_stop"), stream, "{label}: {}", answer.text());
        }
    }
}

/// Servers that cannot stream, and caches, answer with a document: clients of another dialect get a stream of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_for_a_stream_becomes_one_in_translation() {
    let chat = r#"{"id":"x","object":"chat.completion","created":1,"choices":[{"index":0,"message":{"role":"assistant","content":"all of it"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#;
    let response = r#"{"id":"r","object":"response","status":"completed","output":[{"type":"message","id":"i","role":"assistant","content":[{"type":"output_text","text":"all of it"}]}],"usage":{"input_tokens":5,"output_tokens":3}}"#;
    let candidate = r#"{"candidates":[{"content":{"parts":[{"text":"all of it"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3}}"#;
    let messages = r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}]}"#;
    let contents = r#"{"contents":[{"parts":[{"text":"x"}]}]}"#;
    for (kind, said, path, body, end) in [
        ("openai", chat, "/v1/messages", messages, "message_stop"),
        ("openai", chat, "/v1beta/models/m:streamGenerateContent?alt=sse", contents, "STOP"),
        ("gemini", candidate, "/v1/messages", messages, "message_stop"),
        ("gemini", candidate, "/v1/chat/completions", messages, "[DONE]"),
        ("openai-responses", response, "/v1/messages", messages, "message_stop"),
    ] {
        let upstream = says("application/json", said).await;
        let yaml = one(&upstream.base_url(), "").replace("kind: openai", &format!("kind: {kind}"));
        let proxy = proxy_without_retries(&yaml).await;
        let answer = proxy.post(path, body).await;
        let text = answer.text();
        assert_eq!((answer.status, &answer.ended), (200, &Ended::Whole), "{kind} {path}: {text}");
        assert_eq!(answer.header("content-type").as_deref(), Some("text/event-stream"), "{kind} {path}");
        assert!(text.contains("all of it") && text.contains(end), "{kind} {path}: {text}");
    }
    for (said, why) in
        [(r#"{"status":"ok"}"#, "not_an_answer"), (r#"{"error":{"message":"m","code":503}}"#, "error_in_200")]
    {
        let (bad, good) = (says("application/json", said).await, records().await);
        let proxy = proxy(&two(&bad.base_url(), &good.base_url(), "")).await;
        let answer = proxy.post("/v1/messages", messages).await;
        let route = answer.header("x-ai-proxy-route").unwrap_or_default();
        assert!(route.starts_with(&format!("first/canned-model:{why}")), "{said}: {route}");
    }
}
