//! What crosses from one side to the other, and above all what does not.

use upstream::client::{Answer, Ask};
use upstream::harness::{KEY, TOKEN, chat_body, one};
use upstream::{Reply, answers, canned, error_inside_200, records};

use crate::{proxy, proxy_without_retries};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_clients_own_reaches_the_upstream() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer =
        Ask::post("/v1/chat/completions?api-version=1&token=query-secret&key=not-mine", TOKEN, chat_body("m", false))
            .header("x-api-key", "client-secret-1")
            .header("x-goog-api-key", "client-secret-2")
            .header("api-key", "client-secret-3")
            .header("proxy-authorization", "Basic client-secret-4")
            .header("cookie", "session=client-secret-5")
            .header("openai-organization", "org-clientsecret6")
            .header("openai-project", "proj_clientsecret7")
            .header("connection", "keep-alive, x-hop, X-Title, idempotency-key")
            .header("x-hop", "client-secret-8")
            .header("x-title", "client-secret-12")
            .header("idempotency-key", "client-secret-13")
            .header("keep-alive", "timeout=5")
            .header("te", "trailers")
            .header("trailer", "x-t")
            .header("upgrade", "h2c")
            .header("proxy-connection", "keep-alive")
            .header("x-forwarded-for", "203.0.113.9")
            .header("forwarded", "for=203.0.113.9")
            .header("x-real-ip", "203.0.113.9")
            .header("referer", "https://client-secret-9.example")
            .header("origin", "https://client-secret-10.example")
            .header("x-anything-else", "client-secret-11")
            .header("user-agent", "client/1.0")
            .send(proxy.port)
            .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = upstream.request(0).await;
    let head = String::from_utf8_lossy(&sent.head).into_owned();
    for secret in ["client-secret", "clientsecret", "query-secret", "not-mine", TOKEN, "203.0.113.9"] {
        assert!(!head.contains(secret), "{secret} crossed:\n{head}");
    }
    for name in [
        "cookie",
        "x-hop",
        "te",
        "trailer",
        "upgrade",
        "proxy-connection",
        "proxy-authorization",
        "openai-organization",
        "openai-project",
        "x-api-key",
        "expect",
    ] {
        assert!(sent.header(name).is_empty(), "{name} crossed:\n{head}");
    }
    assert_eq!(sent.header("authorization"), [format!("Bearer {KEY}")]);
    assert_eq!(sent.header("host"), [upstream.addr().to_string()]);
    assert_eq!(sent.header("content-type"), ["application/json"]);
    assert_eq!(sent.header("accept-encoding"), ["identity"]);
    proxy.access(0).await;
    proxy.said_nothing_of(&["client-secret", "query-secret", "not-mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_upstreams_own_reaches_the_client() {
    let headers = [
        "set-cookie: session=upstream-secret",
        "openai-organization: org-upstreamsecret",
        "openai-project: proj_upstreamsecret",
        "server: upstream-secret/1.0",
        "connection: keep-alive, x-hop, Openai-Model",
        "x-hop: upstream-secret",
        "openai-model: upstream-secret",
        "keep-alive: timeout=77",
        "proxy-authenticate: Basic upstream-secret",
        "via: upstream-secret",
        "alt-svc: h3=\"upstream-secret\"",
        "x-ai-proxy-deployment: upstream-secret",
        "x-ai-proxy-route: upstream-secret",
    ];
    let upstream = answers(Reply::json(200, &headers, &canned::chat())).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    let head = String::from_utf8_lossy(&answer.head).into_owned();
    assert_eq!((answer.status, &answer.body), (200, &canned::chat()));
    assert!(!head.contains("upstream-secret") && !head.contains("upstreamsecret"), "{head}");
    assert_eq!(answer.header("x-ai-proxy-deployment").as_deref(), Some("up/canned-model"));
    assert_eq!(answer.header("x-ai-proxy-attempts").as_deref(), Some("1"));
    assert!(answer.header("x-ai-proxy-route").is_some_and(|r| r.contains("up/canned-model:ok")), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_organisations_in_a_relayed_error_are_masked() {
    let said = format!(
        r#"{{"error":{{"message":"Bad thing with {KEY}, sk-proj-AbCdEf0123456789abcdef and sk-...9abc in organization org-AbCdEf0123456789 project proj_AbCdEf0123456789","type":"invalid_request_error","param":"messages","code":"bad"}}}}"#
    );
    let upstream = upstream::status(400, &[], said.as_bytes()).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 400);
    let error = answer.json()["error"].clone();
    assert_eq!((error["param"].as_str(), error["code"].as_str()), (Some("messages"), Some("bad")));
    for secret in [KEY, "AbCdEf0123456789", "org-A", "proj_A"] {
        assert!(!answer.text().contains(secret), "{secret} crossed: {}", answer.text());
    }
    assert!(error["message"].as_str().unwrap().starts_with("Bad thing with "), "{error}");
    proxy.access(0).await;
    proxy.said_nothing_of(&["AbCdEf0123456789"]);
}

/// A key and a header that look like nothing in particular.
const PLAIN_KEY: &str = "AbCdEf0123456789AbCdEf/0123456789";
const PLAIN_HEADER: &str = "Gh1Jk2Lm3No4";

fn plain(kind: &str, base_url: &str) -> String {
    format!(
        "providers:\n  up:\n    kind: {kind}\n    base_url: {base_url}\n    api_key: {PLAIN_KEY}\n    headers: {{ x-tenant: Basic {PLAIN_HEADER} }}\n    models: [canned-model]\nmodels:\n  m: {{ targets: [up/canned-model] }}\n"
    )
}

fn hides(answer: &Answer) {
    let all = [answer.head.as_slice(), &answer.body].concat();
    let all = String::from_utf8_lossy(&all);
    for secret in ["AbCdEf", "0123456789", PLAIN_HEADER] {
        assert!(!all.contains(secret), "{secret} crossed: {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_very_key_and_header_that_were_sent_are_masked_whatever_they_look_like() {
    let escaped = PLAIN_KEY.replace('/', "\\/");
    let cases = [
        (400, format!(r#"{{"error":{{"message":"bad request for key {PLAIN_KEY} of {PLAIN_HEADER}","code":"bad"}}}}"#)),
        (404, format!(r#"{{"error":{{"message":"no such model for {escaped}"}}}}"#)),
        (422, format!(r#"{{"detail":"Authorization was 'Bearer' {PLAIN_KEY}, x-tenant Basic {PLAIN_HEADER}"}}"#)),
        (409, format!("not JSON, key={PLAIN_KEY}")),
        (413, format!(r#"{{"{PLAIN_KEY}":["AbCdEf\u00301\u00323456789AbCdEf\u002f0123456789"]}}"#)),
    ];
    for (status, body) in cases {
        let echo = format!("x-ratelimit-of: {PLAIN_KEY}");
        let upstream = upstream::status(status, &[&echo], body.as_bytes()).await;
        let proxy = proxy_without_retries(&plain("openai", &upstream.base_url())).await;
        let answer = proxy.chat("m").await;
        assert_eq!(answer.status, status, "{}", answer.text());
        hides(&answer);
        if body.starts_with('{') {
            assert!(answer.json().is_object() && answer.text().contains("***"), "{}", answer.text());
        }
        proxy.access(0).await;
        proxy.said_nothing_of(&["AbCdEf", PLAIN_HEADER]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200_does_not_tell_the_key_either() {
    let told = format!(r#"{{"error":{{"message":"{PLAIN_KEY} may not do so","type":"invalid_request_error"}}}}"#);
    let whole = upstream::status(200, &[], told.as_bytes()).await;
    let proxy = proxy_without_retries(&plain("openai", &whole.base_url())).await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("*** may not do so"), "{}", answer.text());
    hides(&answer);

    // Before content it is an answer of ours, behind content the upstream's own event.
    let event = format!("data: {told}\n\n");
    let before = canned::stream(2)[..3].concat();
    for (first, status) in [(vec![], 400), (vec![before.clone()], 200)] {
        let upstream = error_inside_200(first, event.as_bytes()).await;
        let proxy = proxy_without_retries(&plain("openai", &upstream.base_url())).await;
        let answer = proxy.stream("m").await.answer().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains("*** may not do so"), "{}", answer.text());
        hides(&answer);
    }
    // An event that is no error, in the same piece, keeps every byte.
    let piece = [before.as_slice(), &canned::delta(PLAIN_KEY), event.as_bytes()].concat();
    let upstream = error_inside_200(vec![], &piece).await;
    let proxy = proxy_without_retries(&plain("openai", &upstream.base_url())).await;
    let answer = proxy.stream("m").await.answer().await;
    let expected = String::from_utf8(piece).unwrap().replace(&format!("{PLAIN_KEY} may"), "*** may");
    assert!(answer.text().starts_with(&expected), "{}", answer.text());
}

/// Longer than what is held back of an event: it could not be masked as it comes, and is told in our own words.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_a_long_error_within_an_answer() {
    let long = format!("{PLAIN_KEY} {} {PLAIN_KEY}", "x".repeat(300_000));
    let told = format!("data: {{\"error\":{{\"message\":\"{long}\",\"type\":\"server_error\"}}}}\n\n");
    let upstream = error_inside_200(vec![canned::stream(2)[..3].concat()], told.as_bytes()).await;
    let proxy = proxy_without_retries(&plain("openai", &upstream.base_url())).await;
    let answer = proxy.stream("m").await.answer().await;
    assert!(answer.status == 200 && answer.text().contains("data: {\"error\":"), "{}", answer.text());
    hides(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_an_error_in_another_dialect() {
    let told = format!(
        r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{PLAIN_KEY} may not do so"}}}}"#
    );
    let refused = upstream::status(400, &[], told.as_bytes()).await;
    let proxy = proxy_without_retries(&plain("anthropic", &refused.base_url())).await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("*** may not do so"), "{}", answer.text());
    hides(&answer);

    let begun = [
        r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"canned-model","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}"#,
        r#"event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word0"}}"#,
    ];
    let begun: Vec<Vec<u8>> = begun.iter().map(|event| format!("{event}\n\n").into_bytes()).collect();
    let upstream = error_inside_200(begun, format!("event: error\ndata: {told}\n\n").as_bytes()).await;
    let proxy = proxy_without_retries(&plain("anthropic", &upstream.base_url())).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("word0") && answer.text().contains("*** may not do so"), "{}", answer.text());
    hides(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_cannot_be_read_is_not_handed_on() {
    let gzip = ["content-encoding: gzip"].as_slice();
    for (status, ours, said) in [(400, 400, gzip), (422, 400, &[]), (404, 502, gzip)] {
        let body = [b"\x1f\x8b".as_slice(), PLAIN_KEY.as_bytes()].concat();
        let upstream = upstream::status(status, said, &body).await;
        let proxy = proxy_without_retries(&plain("openai", &upstream.base_url())).await;
        let answer = proxy.chat("m").await;
        assert_eq!(answer.status, ours, "{}", answer.text());
        assert!(answer.header("content-encoding").is_none());
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&status.to_string()), "{message}");
        hides(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_crosses_byte_for_byte_but_for_the_models_name() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let bodies = [
        "{ \"messages\" : [ ] ,\r\n\t\"model\" :  \"m\" , \"x\" : 1.0000000000000000001e400 , \"y\":\"\\u00e9\\ud83d\\ude00 \u{e9}\" }\n\n",
        r#"{"messages":[{"role":"user","content":"\"model\":\"m\""}],"model":"m","nested":{"model":"m"},"stream":false}"#,
        r#"{"mod\u0065l":"\u006d","messages":[],"n":-0,"dup":1,"dup":2}"#,
    ];
    let expected = [
        bodies[0].replacen("\"m\"", "\"canned-model\"", 1),
        r#"{"messages":[{"role":"user","content":"\"model\":\"m\""}],"model":"canned-model","nested":{"model":"m"},"stream":false}"#.to_owned(),
        r#"{"mod\u0065l":"canned-model","messages":[],"n":-0,"dup":1,"dup":2}"#.to_owned(),
    ];
    for (nth, body) in bodies.iter().enumerate() {
        assert_eq!(proxy.post("/v1/chat/completions", *body).await.status, 200);
        let sent = upstream.request(nth).await;
        assert_eq!(String::from_utf8_lossy(&sent.body), expected[nth]);
    }
    // By its own name not a byte changes.
    let own = bodies[0].replacen("\"m\"", "\"up/canned-model\"", 1);
    proxy.post("/v1/chat/completions", own.clone()).await;
    assert_eq!(String::from_utf8_lossy(&upstream.request(3).await.body), own.replacen("up/", "", 1));
    let listed = bodies[0].replacen("\"m\"", "\"canned-model\"", 1);
    proxy.post("/v1/chat/completions", listed.clone()).await;
    assert_eq!(String::from_utf8_lossy(&upstream.request(4).await.body), listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_streams_through_byte_for_byte() {
    let upstream = answers(Reply::json(200, &[], b"{\"text\":\"heard\"}")).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let sound: Vec<u8> = (0..100u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut body = b"--edge\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ncanned-model\r\n--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\n".to_vec();
    body.extend_from_slice(&sound);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let before = proxy.rss();
    let answer = Ask::new("POST", "/v1/audio/transcriptions")
        .header("authorization", &format!("Bearer {TOKEN}"))
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(body.clone())
        .send_large(proxy.port)
        .await;
    let after = proxy.rss();
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"text\":\"heard\"}"));
    let sent = upstream.request(0).await;
    assert_eq!(sent.header("content-length"), [body.len().to_string()]);
    assert_eq!(sent.header("content-type"), ["multipart/form-data; boundary=edge"]);
    assert!(sent.body == body, "the upload was changed on its way");
    assert!(after < before + 24 * 1024, "{before} KiB before, {after} after 100 MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_under_an_alias_has_its_models_name_replaced() {
    let upstream = answers(Reply::json(200, &[], b"{\"text\":\"heard\"}")).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let body = |model: &str| {
        format!(
            "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nmodel m\r\n--edge\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--edge--\r\n"
        )
    };
    let ask = || {
        Ask::new("POST", "/v1/audio/transcriptions")
            .header("authorization", &format!("Bearer {TOKEN}"))
            .header("content-type", "multipart/form-data; boundary=edge")
    };
    assert_eq!(ask().body(body("m")).send(proxy.port).await.status, 200);
    let sent = upstream.request(0).await;
    assert_eq!(String::from_utf8_lossy(&sent.body), body("canned-model"));
    // No model in it: the header names one.
    let without = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--edge--\r\n";
    assert_eq!(ask().header("x-ai-proxy-model", "m").body(without).send(proxy.port).await.status, 200);
    assert!(upstream.request(1).await.header("x-ai-proxy-model").is_empty());
    // An unknown one goes nowhere.
    assert_eq!(ask().body(body("nobody")).send(proxy.port).await.status, 404);
    assert_eq!(upstream.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_answer_passes_through() {
    let noise: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let upstream = upstream::replay(200, &["content-type: audio/mpeg".to_owned()], &noise).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.post("/v1/audio/speech", r#"{"model":"m","input":"x","voice":"alloy"}"#).await;
    assert_eq!(answer.header("content-type").as_deref(), Some("audio/mpeg"));
    assert!(answer.body == noise, "{} bytes of {}", answer.body.len(), noise.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_answers_only_the_origins_configured() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "") + "server: { cors_origins: [\"https://app.example\"] }\n";
    let proxy = proxy(&yaml).await;
    let preflight = |origin: &str| {
        Ask::new("OPTIONS", "/v1/chat/completions")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
    };
    let allowed = preflight("https://app.example").send(proxy.port).await;
    assert!(allowed.status < 300, "{}", allowed.status);
    assert_eq!(allowed.header("access-control-allow-origin").as_deref(), Some("https://app.example"));
    assert!(allowed.header("access-control-allow-headers").is_some_and(|h| h.to_lowercase().contains("authorization")));
    let other = preflight("https://evil.example").send(proxy.port).await;
    assert!(other.header("access-control-allow-origin").is_none());
    let answer = Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false))
        .header("origin", "https://app.example")
        .send(proxy.port)
        .await;
    assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("https://app.example"));
    let refused = Ask::post("/v1/chat/completions", "wrong", chat_body("m", false))
        .header("origin", "https://app.example")
        .send(proxy.port)
        .await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin").as_deref()),
        (401, Some("https://app.example"))
    );
}
