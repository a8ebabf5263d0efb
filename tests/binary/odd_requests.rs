//! Requests as clients of other servers send them: paths in other spellings, tokens in other places, compressed bodies,
//! websockets.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use upstream::client::{Ask, Wire};
use upstream::harness::{CLIENT, KEY, TOKEN, chat_body, one};
use upstream::records;

use crate::proxy;

const GEMINI: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_served_however_its_base_url_is_spelled() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let paths = [
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/v1/v1/chat/completions",
        "/V1/chat/completions",
        "/openai/v1/chat/completions",
        "/v1beta/openai/chat/completions",
        "/models/chat/completions?api-version=2024-05-01-preview",
    ];
    for (nth, path) in paths.into_iter().enumerate() {
        let answer = proxy.post(path, chat_body("m", false)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(upstream.request(nth).await.line(), "POST /v1/chat/completions HTTP/1.1", "{path}");
    }
    for path in
        ["/models/m:generateContent", "//v1beta/models/m:generateContent", "/v1/v1beta/models/m:generateContent"]
    {
        let answer = proxy.post(path, GEMINI).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.json()["candidates"].is_array(), "{path}");
    }
    for path in ["/v1//models", "//v1/models/", "/v1/models/m/", "/V1/models//m", "/health/", "//livez", "//"] {
        assert_eq!(proxy.get(path).await.status, 200, "{path}");
    }
    for path in ["//metrics", "/metrics/", "/v1/metrics"] {
        let ask = Ask::get(path, upstream::harness::ADMIN);
        assert_eq!(ask.send(proxy.port).await.status, 404, "{path}: one spelling, which a proxy in front can shut");
    }
    // Who asks so is told in its own dialect, too.
    let refused = Ask::new("POST", "//v1/messages").body("{}").send(proxy.port).await;
    assert_eq!((refused.status, &refused.json()["type"]), (401, &"error".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn azures_clients_name_the_model_in_the_path() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let asks = [
        (
            "/openai/deployments/m/chat/completions?api-version=2024-10-21",
            r#"{"messages":[]}"#,
            r#"{"model":"canned-model","messages":[]}"#,
        ),
        ("/openai/deployments/m/chat/completions", "{}", r#"{"model":"canned-model"}"#),
        (
            "/openai/deployments/m/embeddings/",
            r#"{"input":"x","model":"other"}"#,
            r#"{"input":"x","model":"canned-model"}"#,
        ),
        (
            "/openai/deployments/up/canned-model/images/generations",
            r#"{"prompt":"x"}"#,
            r#"{"model":"canned-model","prompt":"x"}"#,
        ),
        ("/v1/engines/m/completions", r#"{"model":"canned-model"}"#, r#"{"model":"canned-model"}"#),
    ];
    for (nth, (path, body, sent)) in asks.into_iter().enumerate() {
        let answer = Ask::new("POST", path).header("api-key", TOKEN).body(body).send(proxy.port).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let request = upstream.request(nth).await;
        assert_eq!(String::from_utf8_lossy(&request.body), sent, "{path}");
        assert!(!request.line().contains("api-version") && request.header("api-key").is_empty(), "{}", request.line());
    }
    let unknown = proxy.post("/openai/deployments/nobody/chat/completions", "{}").await;
    assert_eq!((unknown.status, unknown.code().as_deref()), (404, Some("model_not_found")), "{}", unknown.text());
    let bad = proxy.post("/openai/deployments/m/chat/completions", "{").await;
    assert_eq!(bad.status, 400);
    // An upload has no field for it: it is given one.
    let form = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--edge--\r\n";
    let field = "--edge\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ncanned-model\r\n";
    let upload = form_post("/openai/deployments/m/audio/transcriptions?api-version=x", form);
    let count = upstream.count();
    assert_eq!(upload.send(proxy.port).await.status, 200);
    assert_eq!(String::from_utf8_lossy(&upstream.request(count).await.body), format!("{field}{form}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_as_a_password_and_a_slip_is_told() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    // base64 of `any:TOKEN` and of `TOKEN:`.
    for basic in ["YW55OnNrLWNsaWVudC00ZjFkMmMzYjVhNjk3ODg3", "c2stY2xpZW50LTRmMWQyYzNiNWE2OTc4ODc6"] {
        let ask = Ask::new("GET", "/v1/models").header("authorization", &format!("Basic {basic}"));
        assert_eq!(ask.send(proxy.port).await.status, 200, "{basic}");
    }
    for (token, word) in [
        (format!("{CLIENT}:{TOKEN}"), "behind the colon"),
        (format!("\"{TOKEN}\""), "quotes"),
        (format!("Bearer {TOKEN}"), "begins with `Bearer`"),
        (format!("AUTH_TOKEN={TOKEN}"), "equals sign"),
        ("$OPENAI_API_KEY".to_owned(), "placeholder"),
    ] {
        let answer = Ask::get("/v1/models", &token).send(proxy.port).await;
        assert_eq!(answer.status, 401, "{word}");
        assert!(answer.text().contains(word) && !answer.text().contains(&TOKEN[..8]), "{}", answer.text());
    }
    proxy.said_nothing_of(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_told_to_go_on_over_http() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for path in ["/v1/responses", "/responses", "/v1/realtime?model=m", "//v1/responses/"] {
        let mut wire = Wire::connect(proxy.port).await;
        let ask = format!(
            "GET {path} HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        wire.write(ask.as_bytes()).await.unwrap();
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.code().as_deref()), (426, Some("websocket_not_supported")), "{path}");
        assert_eq!((answer.header("connection").as_deref(), answer.header("upgrade")), (Some("close"), None), "{path}");
        assert!(wire.closes_within(std::time::Duration::from_secs(5)).await, "{path}");
    }
    for offer in
        ["connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk", "connection: upgrade"]
    {
        let mut wire = Wire::connect(proxy.port).await;
        let (body, bearer) = (chat_body("m", false), format!("authorization: Bearer {TOKEN}"));
        let length = body.len();
        let ask = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\n{bearer}\r\ncontent-length: {length}\r\n{offer}\r\n\r\n{body}"
        );
        wire.write(ask.as_bytes()).await.unwrap();
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.header("connection").as_deref()), (200, Some("close")), "{offer}");
        assert!(wire.closes_within(std::time::Duration::from_secs(5)).await, "{offer}");
    }
    assert_eq!(proxy.get("/v1/realtime").await.status, 404);
    assert_eq!(proxy.post("/v1/responses", r#"{"model":"m","input":"x"}"#).await.status, 200);
}

fn form_post(path: &str, form: impl Into<Vec<u8>>) -> Ask {
    Ask::new("POST", path)
        .header("authorization", &format!("Bearer {TOKEN}"))
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(form)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut coder = ZlibEncoder::new(Vec::new(), Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}

fn coded(coding: &str, body: Vec<u8>) -> Ask {
    Ask::post("/v1/chat/completions", TOKEN, body).header("content-encoding", coding)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_goes_on_as_it_was() {
    let upstream = records().await;
    let proxy = proxy(&(one(&upstream.base_url(), "") + "server: { body_limit: 1MiB }\n")).await;
    let body = chat_body("m", false);
    let zstd = ruzstd::encoding::compress_to_vec(body.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let asks = [
        ("gzip", gzip(body.as_bytes())),
        ("deflate", zlib(body.as_bytes())),
        ("zstd", zstd),
        ("identity", body.clone().into()),
    ];
    for (nth, (coding, bytes)) in asks.into_iter().enumerate() {
        let answer = coded(coding, bytes).send(proxy.port).await;
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        let sent = upstream.request(nth).await;
        assert!(sent.header("content-encoding").is_empty(), "{coding}");
        assert_eq!(String::from_utf8_lossy(&sent.body), chat_body("canned-model", false), "{coding}");
    }
    let count = upstream.count();
    let cut = gzip(body.as_bytes());
    let bomb = gzip(&vec![b' '; 2 << 20]);
    for (coding, bytes, status) in [
        ("gzip", cut[..cut.len() - 4].to_vec(), 400),
        ("zstd", body.clone().into(), 400),
        ("gzip", bomb, 413),
        ("compress", body.clone().into(), 415),
        ("gzip, gzip", gzip(&gzip(body.as_bytes())), 415),
    ] {
        let answer = coded(coding, bytes).send(proxy.port).await;
        assert_eq!(answer.status, status, "{coding}: {}", answer.text());
        let reads = (status == 415).then(|| "gzip, deflate, br, zstd".to_owned());
        assert_eq!(answer.header("accept-encoding"), reads, "{coding}");
    }
    let form = form_post("/v1/audio/transcriptions", gzip(b"--edge--\r\n")).header("content-encoding", "gzip");
    let answer = form.send(proxy.port).await;
    assert_eq!((answer.status, answer.header("accept-encoding").as_deref()), (415, Some("identity")));
    assert_eq!(upstream.count(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_model_goes_to_the_only_one_or_the_default() {
    let upstream = records().await;
    let alone = proxy(&one(&upstream.base_url(), "")).await;
    let provider = format!(
        "providers:\n  up: {{ kind: openai, base_url: {}, api_key: {KEY}, models: [a, b] }}\n",
        upstream.base_url()
    );
    let several = proxy(&provider).await;
    let default = proxy(&format!("{provider}default_model: b\n")).await;
    let form = "--edge\r\ncontent-disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\nx\r\n--edge--\r\n";
    for path in ["/v1/moderations", "/v1/images/generations", "/v1/responses", "/v1/chat/completions", "/v1/embeddings"]
    {
        for (proxy, model) in [(&alone, "canned-model"), (&default, "b")] {
            let count = upstream.count();
            let answer = proxy.post(path, r#"{"input":"x"}"#).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let sent = upstream.request(count).await;
            assert_eq!(String::from_utf8_lossy(&sent.body), format!(r#"{{"model":"{model}","input":"x"}}"#), "{path}");
        }
        let answer = several.post(path, r#"{"input":"x"}"#).await;
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &"model".into()), "{path}");
        assert!(answer.text().contains("default_model"), "{path}: {}", answer.text());
    }
    let upload = || form_post("/v1/images/variations", form);
    let count = upstream.count();
    assert_eq!(upload().send(default.port).await.status, 200);
    let sent = upstream.request(count).await;
    assert!(String::from_utf8_lossy(&sent.body).contains("name=\"model\"\r\n\r\nb\r\n"));
    assert_eq!(upload().send(several.port).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_what_a_path_takes_is_told() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for (path, methods) in [
        ("/v1/chat/completions", "POST, OPTIONS"),
        ("//v1/responses", "POST, OPTIONS"),
        ("/v1beta/models/m:generateContent", "POST, OPTIONS"),
        ("/v1/models", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ] {
        let answer = Ask::new("OPTIONS", path).send(proxy.port).await;
        assert_eq!((answer.status, answer.header("allow").as_deref()), (204, Some(methods)), "{path}");
    }
    for (method, path, methods) in [
        ("PUT", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/models/m", "GET, HEAD"),
        ("GET", "/openai/deployments/m/chat/completions", "POST"),
    ] {
        let answer = Ask::new(method, path).send(proxy.port).await;
        assert_eq!((answer.status, answer.header("allow").as_deref()), (405, Some(methods)), "{method} {path}");
    }
    assert_eq!(Ask::new("OPTIONS", "/nowhere").send(proxy.port).await.status, 404);
    let near = proxy.post("/v1/chat/completion", "{}").await;
    assert!(near.status == 404 && near.text().contains("did you mean POST /v1/chat/completions?"), "{}", near.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_are_matched_whole() {
    let upstream = records().await;
    let origins = r#"["null", "http://localhost:*", "https://*.example.com", "moz-extension://*"]"#;
    let proxy = proxy(&(one(&upstream.base_url(), "") + &format!("server: {{ cors_origins: {origins} }}\n"))).await;
    for (origin, allowed) in [
        ("null", true),
        ("http://localhost:5173", true),
        ("http://localhost", true),
        ("https://a.b.example.com", true),
        ("moz-extension://3b1c0e7a-6a0a-4c52-9a7f-0f6a0f8d9f11", true),
        ("https://example.com", false),
        ("https://evil-example.com", false),
        ("https://a.example.com.evil.net", false),
        ("https://a.example.com:8443", false),
        ("http://localhost.evil.net:80", false),
        ("chrome-extension://abc", false),
    ] {
        let preflight = Ask::new("OPTIONS", "/v1/chat/completions")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,x-stainless-os");
        let ask = Ask::get("/v1/models", TOKEN).header("origin", origin);
        for ask in [preflight, ask] {
            let answer = ask.send(proxy.port).await;
            let told = answer.header("access-control-allow-origin");
            assert_eq!(told.as_deref(), allowed.then_some(origin), "{}", answer.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_models_has_the_shape_and_the_pages_of_who_asks() {
    let upstream = records().await;
    let yaml = format!(
        "providers:\n  up: {{ kind: openai, base_url: {}, api_key: {KEY}, models: [a, b/x, c] }}\n",
        upstream.base_url()
    );
    let proxy = proxy(&yaml).await;
    let google = |path: &str| Ask::new("GET", path).header("x-goog-api-key", TOKEN);
    for ask in [
        google("/v1/models"),
        google("/models"),
        google("/v1beta/models"),
        Ask::new("GET", &format!("/v1/models?key={TOKEN}")),
        Ask::get("/v1/models", TOKEN).header("x-goog-api-client", "google-genai-sdk/1.50.0 gl-python/3.13"),
    ] {
        let list = ask.send(proxy.port).await.json();
        assert_eq!(list["models"].as_array().map(Vec::len), Some(3), "{list}");
        assert_eq!((&list["models"][1]["name"], list.get("nextPageToken")), (&"models/b/x".into(), None));
    }
    assert_eq!(google("/v1/models/b/x").send(proxy.port).await.json()["name"], "models/b/x");
    let missing = google("/v1/models/none").send(proxy.port).await;
    assert_eq!((missing.status, &missing.json()["error"]["status"]), (404, &"NOT_FOUND".into()));
    let wrong = Ask::new("GET", "/v1/models").header("x-goog-api-key", "wrong").send(proxy.port).await;
    assert_eq!((wrong.status, &wrong.json()["error"]["status"]), (401, &"UNAUTHENTICATED".into()));
    assert_eq!(proxy.get("/v1/models").await.json()["object"], "list");

    let first = google("/v1beta/models?pageSize=2").send(proxy.port).await.json();
    let token = first["nextPageToken"].as_str().unwrap().to_owned();
    let second = google(&format!("/v1beta/models?pageSize=2&pageToken={token}")).send(proxy.port).await.json();
    assert_eq!((first["models"].as_array().unwrap().len(), second["models"].as_array().unwrap().len()), (2, 1));
    assert!(second.get("nextPageToken").is_none());

    let anthropic = |query: &str| {
        Ask::new("GET", &format!("/v1/models?{query}"))
            .header("x-api-key", TOKEN)
            .header("anthropic-version", "2023-06-01")
    };
    for (query, first, last, more) in [
        ("", "a", "c", false),
        ("limit=2", "a", "b/x", true),
        ("limit=2&after_id=b/x", "c", "c", false),
        ("limit=1&before_id=c", "b/x", "b/x", true),
    ] {
        let page = anthropic(query).send(proxy.port).await.json();
        assert_eq!(
            (&page["first_id"], &page["last_id"], &page["has_more"]),
            (&first.into(), &last.into(), &more.into()),
            "{query}"
        );
    }
    for ask in [
        anthropic("limit=0"),
        anthropic("after_id=nobody"),
        google("/v1beta/models?pageSize=-1"),
        google("/v1beta/models?pageToken=x!"),
    ] {
        assert_eq!(ask.send(proxy.port).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_query_only_what_the_provider_knows_goes_on() {
    let upstream = records().await;
    let yaml = format!(
        "providers:\n  claude: {{ kind: anthropic, base_url: {url}, api_key: {KEY}, models: [m] }}\n  other: {{ kind: openai, base_url: {url}, api_key: {KEY}, models: [o] }}\n",
        url = upstream.base_url()
    );
    let proxy = proxy(&yaml).await;
    let body =
        |model: &str| format!(r#"{{"model":"{model}","max_tokens":1,"messages":[{{"role":"user","content":"x"}}]}}"#);
    for (nth, (query, model, line)) in [
        ("?beta=true", "m", "/v1/messages?beta=true"),
        ("?beta=true&api-version=1&access_token=t", "m", "/v1/messages?beta=true"),
        ("?beta=false&x=y", "m", "/v1/messages"),
        ("", "m", "/v1/messages"),
        ("?beta=true", "o", "/v1/chat/completions"),
    ]
    .into_iter()
    .enumerate()
    {
        proxy.post(&format!("/v1/messages{query}"), body(model)).await;
        assert_eq!(upstream.request(nth).await.line(), format!("POST {line} HTTP/1.1"), "{query}");
    }
    let with_key = Ask::new("POST", &format!("/v1/messages?beta=true&key={TOKEN}")).body(body("m"));
    with_key.send(proxy.port).await;
    assert_eq!(upstream.request(5).await.line(), "POST /v1/messages?beta=true HTTP/1.1");
}
