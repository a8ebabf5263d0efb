//! Images and documents by URL: fetched for a provider that takes no URLs, and only where the operator has it so.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use upstream::client::Ask;
use upstream::harness::{KEY, Plan, Proxy, TOKEN};
use upstream::*;

use crate::plan;
use crate::tls::Authority;

pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest of it";
const PDF: &[u8] = b"%PDF-1.7 and the rest of it";
const ANSWERED: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"a fox"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":1}}"#;

/// A model of Bedrock's, which takes bytes and no URLs.
pub(crate) async fn bedrock() -> Upstream {
    answers(Reply::json(200, &[], ANSWERED.as_bytes())).await
}

/// The model `m` on it, with these settings of the server.
pub(crate) fn on_bedrock(upstream: &Upstream, server: &str) -> Plan {
    let yaml = format!(
        "providers:\n  up: {{ kind: bedrock, region: eu-west-3, base_url: 'http://{}', api_key: {KEY} }}\nmodels:\n  m: {{ targets: [up/looks] }}\nserver: {{ {server} }}\n",
        upstream.addr()
    );
    plan(&yaml)
}

/// Loopback stands in for a network of one's own.
pub(crate) const ALLOWED: &str = "fetch_urls: { allow: [127.0.0.0/8] }";

/// What a host answers: a file.
pub(crate) fn file(content_type: &str, body: &[u8]) -> Reply {
    let mut head = canned::head(200, &[content_type, &format!("content-length: {}", body.len())]);
    head.extend_from_slice(body);
    Reply { head, delay: Duration::ZERO, pieces: Vec::new(), chunked: false }
}

/// A chat about what is behind these URLs.
pub(crate) fn about(urls: &[&str], stream: bool) -> String {
    let image = |url: &&str| serde_json::json!({"type": "image_url", "image_url": {"url": url}});
    let mut parts = vec![serde_json::json!({"type": "text", "text": "confidential prompt"})];
    parts.extend(urls.iter().map(image));
    serde_json::json!({"model": "m", "messages": [{"role": "user", "content": parts}], "stream": stream}).to_string()
}

pub(crate) async fn look(proxy: &Proxy, url: &str) -> client::Answer {
    proxy.post("/v1/chat/completions", about(&[url], false)).await
}

async fn content(upstream: &Upstream, nth: usize) -> serde_json::Value {
    let sent: serde_json::Value = serde_json::from_slice(&upstream.request(nth).await.body).unwrap();
    sent["messages"][0]["content"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_reaches_a_provider_that_takes_no_urls_as_bytes() {
    let (up, host) = (bedrock().await, answers(file("content-type: text/html", PNG)).await);
    let proxy = on_bedrock(&up, ALLOWED).start().await;
    let url = format!("http://{}/fox.png?sig=s3cr3t", host.addr());
    let asked = Ask::post("/v1/chat/completions", TOKEN, about(&[&url, &url], false))
        .header("cookie", "session=1")
        .header("openai-organization", "org-1")
        .header("x-forwarded-for", "192.0.2.7");
    let answer = asked.send(proxy.port).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "a fox");
    assert_eq!(answer.header("x-ai-proxy-dropped"), None);
    let content = content(&up, 0).await;
    let image = serde_json::json!({"image": {"format": "png", "source": {"bytes": STANDARD.encode(PNG)}}});
    assert_eq!((&content[1], &content[2]), (&image, &image));

    // One GET for both, with nothing of the client's and nothing of the provider's.
    assert_eq!(host.count(), 1);
    let sent = host.request(0).await;
    assert_eq!(sent.line(), "GET /fox.png?sig=s3cr3t HTTP/1.1");
    let mut names: Vec<String> = String::from_utf8_lossy(&sent.head)
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':').map(|(name, _)| name.to_ascii_lowercase()))
        .collect();
    names.sort();
    assert_eq!(names, ["accept", "accept-encoding", "connection", "date", "host", "user-agent"]);
    assert_eq!(
        (&*sent.header("host")[0], &*sent.header("accept-encoding")[0]),
        (&*host.addr().to_string(), "identity")
    );

    // By a name, and in an answer that ends with its connection.
    let plain = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], PNG].concat();
    let host = Upstream::start(move |mut connection| {
        let plain = plain.clone();
        async move {
            connection.request().await?;
            connection.send(&plain).await
        }
    })
    .await;
    let answer = look(&proxy, &format!("http://localhost:{}/", host.addr().port())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(host.request(0).await.header("host"), [format!("localhost:{}", host.addr().port())]);
    proxy.said_nothing_of(&["s3cr3t", "fox.png"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_fetched_unless_it_is_asked_for() {
    let (up, host) = (bedrock().await, answers(file("content-type: image/png", PNG)).await);
    let url = format!("http://{}/fox.png", host.addr());
    for server in ["", "fetch_urls: false"] {
        let proxy = on_bedrock(&up, server).start().await;
        let answer = look(&proxy, &url).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("image_urls") && message.contains("`fetch_urls`"), "{message}");
    }
    assert_eq!((up.count(), host.connections()), (0, 0));

    // Who takes URLs gets them, and nothing is fetched for it.
    let chat = records().await;
    let yaml = harness::one(&chat.base_url(), "") + &format!("server: {{ {ALLOWED} }}\n");
    let proxy = crate::proxy(&yaml).await;
    let body = format!(
        r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"url","url":"{url}"}}}}]}}]}}"#
    );
    assert_eq!(proxy.post("/v1/messages", body).await.status, 200);
    assert_eq!(content(&chat, 0).await[0]["image_url"]["url"], *url);
    assert_eq!(host.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_reaches_a_chat_provider() {
    let chat = records().await;
    let host =
        sequence(vec![file("content-type: application/pdf", PDF), file("content-type: text/plain", b"the words")])
            .await;
    let yaml = harness::one(&chat.base_url(), "responses: false") + &format!("server: {{ {ALLOWED} }}\n");
    let proxy = crate::proxy(&yaml).await;
    for nth in 0..2 {
        let body = format!(
            r#"{{"model":"m","input":[{{"role":"user","content":[{{"type":"input_file","file_url":"http://{}/{nth}"}}]}}]}}"#,
            host.addr()
        );
        let answer = proxy.post("/v1/responses", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ai-proxy-dropped"), None);
    }
    let data = format!("data:application/pdf;base64,{}", STANDARD.encode(PDF));
    assert_eq!(content(&chat, 0).await[0]["file"]["file_data"], *data);
    assert!(content(&chat, 1).await.to_string().contains("the words"), "{}", content(&chat, 1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_say_what_a_gemini_client_left_open() {
    let up = bedrock().await;
    let host = sequence(vec![file("content-type: image/png", PNG), file("content-type: application/pdf", PDF)]).await;
    let proxy = on_bedrock(&up, ALLOWED).start().await;
    for (nth, kind) in ["image", "document"].iter().enumerate() {
        let body = format!(
            r#"{{"contents":[{{"role":"user","parts":[{{"text":"what is it?"}},{{"fileData":{{"fileUri":"http://{}/{nth}"}}}}]}}]}}"#,
            host.addr()
        );
        let asked = Ask::new("POST", "/v1beta/models/m:generateContent").header("x-goog-api-key", TOKEN).body(body);
        let answer = asked.send(proxy.port).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let bytes = STANDARD.encode([PNG, PDF][nth]);
        assert_eq!(content(&up, nth).await[1][kind]["source"]["bytes"], bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_fetched_once_for_all_deployments() {
    let (broken, up) = (status(500, &[], b"{}").await, bedrock().await);
    let host = answers(file("content-type: image/png", PNG)).await;
    let providers: String = [("first", &broken), ("second", &up)]
        .iter()
        .map(|(name, upstream)| {
            format!(
                "  {name}: {{ kind: bedrock, region: r, base_url: 'http://{}', api_key: {KEY} }}\n",
                upstream.addr()
            )
        })
        .collect();
    let yaml = format!(
        "providers:\n{providers}models:\n  m: {{ targets: [first/m, second/m] }}\n  n: {{ targets: [second/m, first/m], hedge: {{ after: 500ms, max_extra: 100% }} }}\nserver: {{ {ALLOWED} }}\n"
    );
    let proxy = crate::proxy(&yaml).await;
    assert_eq!(look(&proxy, &format!("http://{}/", host.addr())).await.status, 200);
    assert_eq!(proxy.access(0).await.attempts(), ["first/m:500", "second/m:ok"]);
    assert_eq!((content(&up, 0).await[1].clone(), host.count()), (content(&broken, 0).await[1].clone(), 1));

    // A host that is slow is no reason to ask a second provider beside the first.
    let host = answers(file("content-type: image/png", PNG).after(Duration::from_secs(1))).await;
    let body = about(&[&format!("http://{}/", host.addr())], false).replace(r#""m""#, r#""n""#);
    assert_eq!(proxy.post("/v1/chat/completions", body).await.status, 200);
    assert_eq!((proxy.access(1).await.attempts(), host.count()), (vec!["second/m:ok".to_owned()], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed_three_times_and_judged_each_time() {
    let up = bedrock().await;
    let elsewhere = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let private = Upstream::start_on(elsewhere, |mut connection| async move {
        while connection.request().await?.is_some() {
            file("content-type: image/png", PNG).give(&mut connection).await?;
        }
        Ok(())
    });
    let to = |location: &str| Reply {
        head: canned::head(302, &[&format!("location: {location}"), "content-length: 0"]),
        ..file("content-type: text/html", b"")
    };
    let last = format!("http://{}/", private.addr());
    let host = sequence(vec![to("/\u{e4}"), to("?c"), to(&last), to("/b"), to("/c"), to("/d"), to(&last)]).await;
    let url = format!("http://{}/a", host.addr());
    let proxy = on_bedrock(&up, ALLOWED).start().await;
    assert_eq!(look(&proxy, &url).await.status, 200);
    let asked: Vec<String> = host.requests().iter().map(Request::target).collect();
    assert_eq!((asked, private.count()), (["/a", "/%C3%A4", "/%C3%A4?c"].map(str::to_owned).to_vec(), 1));
    let answer = look(&proxy, &url).await;
    assert!(answer.status == 400 && answer.text().contains("redirected too often"), "{}", answer.text());
    assert_eq!((host.count(), private.count()), (7, 1));

    let proxy = on_bedrock(&up, "fetch_urls: { allow: [127.0.0.1] }").start().await;
    for (location, told) in [
        (&*last, "its port is neither 80 nor 443"),
        ("http://127.0.0.2/", "no public address"),
        ("http://169.254.169.254/latest/meta-data/", "no public address"),
        ("http://[::ffff:127.0.0.2]/", "no public address"),
        ("http://localhost6.invalid/", "no public address"),
        ("file:///etc/passwd", "neither http nor https"),
        ("http://user:word@127.0.0.1/", "user or password"),
        ("http://[", "redirected too often or nowhere"),
    ] {
        let host = answers(to(location)).await;
        let answer = look(&proxy, &format!("http://{}/", host.addr())).await;
        assert!(answer.status == 400 && answer.text().contains(told), "{location}: {}", answer.text());
        assert_eq!(host.count(), 1);
    }
    assert_eq!(private.connections(), 1, "the one from before");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_name_is_verified_though_the_address_is_fixed() {
    let authority = Authority::new();
    let ca = std::env::temp_dir().join(format!("ai-proxy-fetching-ca-{}.pem", std::process::id()));
    std::fs::write(&ca, authority.pem()).unwrap();
    let up = bedrock().await;
    let proxy = on_bedrock(&up, ALLOWED).process("SSL_CERT_FILE", ca.to_str().unwrap()).start().await;
    let stranger = on_bedrock(&up, ALLOWED).start().await;
    let port = serves_tls(&authority, "localhost").await;
    let url = format!("https://localhost:{port}/");
    assert_eq!(look(&proxy, &url).await.status, 200);
    assert_eq!(content(&up, 0).await[1]["image"]["source"]["bytes"], STANDARD.encode(PNG));
    let other = serves_tls(&authority, "other.test").await;
    for (proxy, url) in [(&stranger, url), (&proxy, format!("https://localhost:{other}/"))] {
        let answer = look(proxy, &url).await;
        assert!(answer.status == 400 && answer.text().contains("cannot be reached"), "{}", answer.text());
    }
    std::fs::remove_file(ca).unwrap();
}

/// A host of images with a certificate for `name`; its port.
async fn serves_tls(authority: &Authority, name: &str) -> u16 {
    let (certificate, key) = authority.issue(name);
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _head = stream.read(&mut [0; 4096]).await;
            let _sent = stream.write_all(&file("content-type: image/png", PNG).head).await;
            let _ended = stream.shutdown().await;
        }
    });
    port
}
