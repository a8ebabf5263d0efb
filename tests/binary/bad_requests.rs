//! Requests that are wrong in themselves: each is refused in the client's dialect, before any upstream hears of it.

use std::time::{Duration, Instant};

use upstream::client::{Answer, Ask, Wire};
use upstream::harness::{KEY, TOKEN, chat_body, one, provider};
use upstream::{Reply, answers, records};

use crate::proxy;

/// The OpenAI error shape, whole: nulls are nulls, and nothing of ours shines through.
fn is_openai_error(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type").as_deref().map(|c| c.starts_with("application/json")), Some(true));
    let error = answer.json()["error"].clone();
    assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{error}");
    assert!(error["type"].is_string(), "{error}");
    assert!(error.get("param").is_some_and(|p| p.is_null() || p.is_string()), "{error}");
    assert!(error.get("code").is_some_and(|c| c.is_null() || c.is_string()), "{error}");
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_wrong_gets_a_400_and_goes_nowhere() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let wrong: &[(&str, &str)] = &[
        ("nothing at all", ""),
        ("spaces", "   \n"),
        ("no JSON", "model=m"),
        ("cut JSON", r#"{"model":"m","messages":["#),
        ("two values", r#"{"model":"m"}{"model":"m"}"#),
        ("an array", r#"[{"model":"m"}]"#),
        ("a string", r#""m""#),
        ("null", "null"),
        ("model null", r#"{"model":null,"messages":[]}"#),
        ("model a number", r#"{"model":5,"messages":[]}"#),
        ("model an object", r#"{"model":{"a":"m"},"messages":[]}"#),
        ("model empty", r#"{"model":"","messages":[]}"#),
        ("stream a string", r#"{"model":"m","stream":"yes","messages":[]}"#),
        ("model twice", r#"{"model":"m","messages":[],"model":"m"}"#),
        ("model twice, once escaped", r#"{"model":"m","messages":[],"\u006dodel":"x"}"#),
        ("invalid UTF-8 in the model", "{\"model\":\"m\u{0}\",\"messages\":[]}"),
    ];
    for (what, body) in wrong {
        let answer = proxy.post("/v1/chat/completions", *body).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        is_openai_error(&answer, 400);
    }
    let twice = proxy.post("/v1/chat/completions", r#"{"model":"m","model":"m"}"#).await;
    assert_eq!(twice.json()["error"]["param"], "model");
    assert_eq!(upstream.count(), 0);
    for (nth, (what, _)) in wrong.iter().enumerate() {
        let line = proxy.access(nth).await;
        assert_eq!((line.status(), line.outcome().as_str()), (400, "refused"), "{}: {}", what, line.0);
        assert!(line.attempts().is_empty());
    }
    assert_eq!(proxy.chat("m").await.status, 200);
    proxy.said_nothing_of(&["confidential prompt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_never_hands_the_body_back() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for body in [
        r#"{"model":"m","secret-in-body"#,
        r#"{"model":"","secret-in-body":1}"#,
        "secret-in-body",
        r#"{"model":["secret-in-body"]}"#,
    ] {
        let answer = proxy.post("/v1/chat/completions", body).await;
        assert_eq!(answer.status, 400);
        assert!(!answer.text().contains("secret-in-body"), "{}", answer.text());
    }
    proxy.access(3).await;
    proxy.said_nothing_of(&["secret-in-body"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_model_is_told_with_the_nearest_names() {
    let upstream = records().await;
    let yaml = format!(
        "providers:\n{}models:\n  sonnet-large: {{ targets: [up/canned-model] }}\n  tiny: {{ targets: [up/canned-model] }}\n",
        provider("up", &upstream.base_url(), "")
    );
    let proxy = proxy(&yaml).await;
    let answer = proxy.chat("sonet-large").await;
    is_openai_error(&answer, 404);
    assert_eq!(answer.code().as_deref(), Some("model_not_found"));
    assert!(answer.text().contains("sonnet-large"), "{}", answer.text());
    is_openai_error(&proxy.chat("up/not-listed").await, 404);
    is_openai_error(&proxy.chat("nobody/at-all").await, 404);
    is_openai_error(&proxy.chat(&"z".repeat(200)).await, 404);
    assert_eq!(upstream.count(), 0);
    // A label for every name that somebody makes up would grow without end.
    let line = proxy.access(0).await;
    assert_eq!(line.status(), 404);
    assert_eq!(line.text("model"), "other");
    assert!(!proxy.metrics().await.values_of("model").iter().any(|m| m.contains("sonet-large")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_brackets_are_no_problem() {
    let upstream = records().await;
    let mut proxy = proxy(&one(&upstream.base_url(), "")).await;
    let deep = "[".repeat(100_000);
    let closed = format!("{{\"model\":\"m\",\"messages\":{deep}{}}}", "]".repeat(100_000));
    for body in [deep.clone(), format!("{{\"model\":\"m\",\"messages\":{deep}"), closed] {
        let asked = Instant::now();
        let answer = proxy.post("/v1/chat/completions", body).await;
        assert!(matches!(answer.status, 200 | 400), "{}: {}", answer.status, answer.text());
        assert!(asked.elapsed() < Duration::from_secs(3));
    }
    assert!(proxy.alive());
    assert_eq!(proxy.chat("m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_gets_a_413() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(33 << 20));

    // Announced: refused before it is sent.
    let mut wire = Wire::connect(proxy.port).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    wire.write(head.as_bytes()).await.unwrap();
    is_openai_error(&wire.answer().await, 413);

    // Sent whole all the same, as most clients do.
    is_openai_error(&Ask::post("/v1/chat/completions", TOKEN, body.clone()).send_large(proxy.port).await, 413);

    // Not announced: chunk by chunk.
    let mut wire = Wire::connect(proxy.port).await;
    wire.patience = Duration::from_secs(60);
    let mut bytes = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
    for piece in body.as_bytes().chunks(1 << 20) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    wire.write_large(&bytes).await;
    is_openai_error(&wire.answer().await, 413);

    assert_eq!(upstream.count(), 0);
    assert_eq!(proxy.chat("m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_at_the_limit_goes_through_and_both_ways_of_framing_mean_the_same() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(20 << 20));
    assert_eq!(Ask::post("/v1/chat/completions", TOKEN, body.clone()).send_large(proxy.port).await.status, 200);
    let sent = upstream.request(0).await;
    assert_eq!(sent.body, body.replacen("\"m\"", "\"canned-model\"", 1).into_bytes());

    let mut wire = Wire::connect(proxy.port).await;
    let body = chat_body("m", false);
    let bytes = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    wire.write(bytes.as_bytes()).await.unwrap();
    assert_eq!(wire.answer().await.status, 200);
    assert_eq!(upstream.request(1).await.body, body.replacen("\"m\"", "\"canned-model\"", 1).into_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_bodies_together_have_a_budget() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "") + "server: { body_limit: 1MiB, buffer_budget: 2MiB }\n";
    let proxy = proxy(&yaml).await;
    // Four clients that each announce almost a megabyte, send most of it and wait.
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(proxy.port).await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
        );
        wire.write(head.as_bytes()).await.unwrap();
        wire.write(&vec![b' '; 900_000]).await.unwrap();
        waiting.push(wire);
    }
    let mut refused = 0;
    for wire in &mut waiting {
        wire.patience = Duration::from_millis(1500);
        if let Ok(Some((status, head))) = tokio::time::timeout(Duration::from_millis(700), wire.try_head()).await {
            assert_eq!(status, 503);
            assert!(
                !upstream::server::header_values(&head, "retry-after").is_empty(),
                "a 503 of ours says when to come again"
            );
            refused += 1;
        }
    }
    assert!((1..4).contains(&refused), "{refused} of 4 were refused");
    drop(waiting);
    // The budget comes back with the bodies.
    let deadline = Instant::now() + Duration::from_secs(5);
    while proxy.chat("m").await.status != 200 {
        assert!(Instant::now() < deadline, "the budget never came back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_announced_takes_nothing_of_the_budget() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "") + "server: { body_limit: 1MiB, buffer_budget: 2MiB }\n";
    let proxy = proxy(&yaml).await;
    let mut dripping = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::connect(proxy.port).await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{{"
        );
        wire.write(head.as_bytes()).await.unwrap();
        dripping.push(wire);
    }
    // Itself and the eight: each has been taken up.
    proxy.metric_is("ai_proxy_in_flight", &[], |n| n >= 8.0).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    drop(dripping);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_headers_gets_a_431() {
    let upstream = records().await;
    let mut proxy = proxy(&one(&upstream.base_url(), "")).await;
    let one_large = format!("x-flood: {}\r\n", "x".repeat(300_000));
    let many = (0..5000).map(|n| format!("x-flood-{n}: {n}\r\n")).collect::<String>();
    for flood in [one_large, many] {
        let mut wire = Wire::connect(proxy.port).await;
        let bytes = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\n{flood}content-length: 0\r\n\r\n"
        );
        wire.write_large(bytes.as_bytes()).await;
        assert_eq!(wire.head().await.0, 431);
    }
    assert_eq!(upstream.count(), 0);
    assert!(proxy.alive());
    assert_eq!(proxy.chat("m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_model_name_shapes_nothing() {
    let upstream = records().await;
    let azure = format!(
        "  az:\n    kind: azure\n    base_url: {}\n    api_key: {KEY}\n    allow_unlisted: true\n",
        upstream.base_url().trim_end_matches("/v1")
    );
    let proxy = proxy(&format!(
        "providers:\n{}{azure}models:\n  m: {{ targets: [up/canned-model] }}\n",
        provider("up", &upstream.base_url(), "allow_unlisted: true")
    ))
    .await;
    for name in [
        "../../admin",
        "a/../../b",
        "..",
        "a?x=1",
        "a#b",
        r"a\r\nx-evil: 1",
        r"a\u0000b",
        r"a\u000d\u000ab",
        r"a\\..\\b",
        "%2e%2e/admin",
    ] {
        for provider in ["up", "az"] {
            let body = format!(r#"{{"model":"{provider}/{name}","messages":[]}}"#);
            let answer = proxy.post("/v1/chat/completions", body).await;
            if name.starts_with('%') {
                // Harmless as text in a body; in a path it must have been escaped again.
                continue;
            }
            assert!(matches!(answer.status, 400 | 404), "{provider}/{name}: {} {}", answer.status, answer.text());
            is_openai_error(&answer, answer.status);
        }
    }
    for request in upstream.requests() {
        assert!(!request.target().contains(".."), "{}", request.line());
        assert!(!request.target().contains("%2e%2e/admin"), "{}", request.line());
        assert!(request.header("x-evil").is_empty());
    }
    let answer = proxy.get("/v1/models/..%2f..%2fadmin").await;
    assert!(matches!(answer.status, 400 | 404), "{}", answer.status);
    for line in proxy.log() {
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "a name broke the log: {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lengths_are_one_too_many() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let body = chat_body("m", false);
    let framings = [
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", body.len()),
        format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", body.len()),
        format!("content-length: {}\r\ncontent-length: 5\r\n", body.len()),
        "content-length: -1\r\n".to_owned(),
        "content-length: +5\r\n".to_owned(),
        "transfer-encoding: chunked, gzip\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
    ];
    for framing in framings {
        let mut wire = Wire::connect(proxy.port).await;
        let bytes = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n{framing}\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        wire.write(bytes.as_bytes()).await.unwrap();
        if let Some((status, _)) = wire.try_head().await {
            assert!((400..=501).contains(&status), "{framing:?}: {status}");
        }
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(proxy.chat("m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_says_what_is() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for path in [
        "/v1/chat/completion",
        "/v1/",
        "/v2/chat/completions",
        "/v1/files",
        "/admin",
        "/v1/chat/completions/../completions/x",
        "//v1//chat",
    ] {
        let answer = proxy.post(path, chat_body("m", false)).await;
        is_openai_error(&answer, 404);
        assert!(answer.text().contains("/v1/chat/completions"), "{path}: {}", answer.text());
    }
    let wrong_method = proxy.get("/v1/chat/completions").await;
    assert!(matches!(wrong_method.status, 404 | 405), "{}", wrong_method.status);
    is_openai_error(&wrong_method, wrong_method.status);
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_is_served_with_and_without_its_version() {
    // Something for each of them.
    let any = br#"{"object":"list","data":[],"choices":[{"message":{}}],"output":[],"results":[]}"#;
    let upstream = answers(Reply::json(200, &[], any)).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let paths = [
        "chat/completions",
        "completions",
        "embeddings",
        "responses",
        "moderations",
        "rerank",
        "images/generations",
        "audio/speech",
    ];
    for path in paths {
        for prefix in ["/v1/", "/"] {
            let answer = proxy.post(&format!("{prefix}{path}"), chat_body("m", false)).await;
            assert_eq!(answer.status, 200, "{prefix}{path}: {}", answer.text());
        }
    }
    let asked: Vec<String> = upstream.requests().iter().map(upstream::Request::target).collect();
    let expected: Vec<String> = paths.iter().flat_map(|p| [format!("/v1/{p}"), format!("/v1/{p}")]).collect();
    assert_eq!(asked, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_taken_up_only_when_it_is_one() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let ask = |id: &str| Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).header("x-request-id", id);
    let good = ask("req-123_ABC.4").send(proxy.port).await;
    assert_eq!(good.header("x-request-id").as_deref(), Some("req-123_ABC.4"));
    for bad in ["", "a b", "a\"b", "a\tb", "a{b}", "\u{e9}", &"x".repeat(5000)] {
        let answer = ask(bad).send(proxy.port).await;
        assert_eq!(answer.status, 200);
        let id = answer.header("x-request-id").unwrap();
        assert!(id != bad && !id.is_empty() && id.len() <= 128, "{bad:?} became {id:?}");
    }
    assert_eq!(proxy.access(0).await.text("id"), "req-123_ABC.4");
}
