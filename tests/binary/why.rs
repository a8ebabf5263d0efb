//! Why something failed is told: down to the resolver, the socket, the certificate, in the provider's own words; and why
//! the gateway refused, and what was asked for. To the operator all of it, to the client what it can mend.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use upstream::client::Ask;
use upstream::harness::{ADMIN, KEY, Proxy, TOKEN, chat_body, one};
use upstream::*;

use crate::{plan, proxy_without_retries};

/// What the log and /health say of the only attempt.
async fn told(proxy: &Proxy) -> (String, String) {
    let answer = proxy.chat("m").await;
    assert!(answer.status >= 500, "{}", answer.text());
    let access = proxy.access(0).await;
    let why = access.0["attempts"][0]["why"].as_str().unwrap_or_default().to_owned();
    let health = proxy.health().await;
    let last = health["providers"][0]["last_error"]["why"].as_str().unwrap_or_default().to_owned();
    (why, last)
}

#[tokio::test(flavor = "multi_thread")]
async fn why_there_was_no_connection_or_no_answer_over_it() {
    let refuses = upstream::refuses();
    let early = Upstream::start(|mut connection| async move {
        connection.head().await?;
        Ok(())
    })
    .await;
    let plain = Upstream::start(|mut connection| async move {
        connection.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await
    })
    .await;
    let https = plain.base_url().replace("http://", "https://");
    for (base_url, words) in [
        ("http://no-such-host.invalid/v1", "name not found"),
        (&*refuses.base_url(), "connection refused"),
        (&*early.base_url(), "closed early"),
        (&*https, "not TLS"),
    ] {
        let proxy = proxy_without_retries(&one(base_url, "")).await;
        let (why, last) = told(&proxy).await;
        assert!(why.contains(words), "{base_url}: {why}");
        assert_eq!(why, last, "{base_url}");
    }
}

/// A server whose certificate says this, on a free port.
async fn shows(certificate: CertificateDer<'static>, key: &KeyPair) -> u16 {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (listener, acceptor) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(config)));
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn which_fault_a_certificate_has() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = std::env::temp_dir().join(format!("ai-proxy-why-{}.pem", std::process::id()));
    std::fs::write(&file, crate::tls::pem("CERTIFICATE", authority.der())).unwrap();
    let ca_file = format!("ca_file: {}", file.display());
    let years = |from: i32, to: i32| (rcgen::date_time_ymd(from, 1, 1), rcgen::date_time_ymd(to, 1, 1));
    for (host, (from, to), trusted, words) in [
        ("localhost", years(2001, 2002), true, "has expired"),
        ("localhost", years(2090, 2095), true, "not valid yet"),
        ("other.test", years(2001, 2095), true, "another host"),
        ("localhost", years(2001, 2095), false, "unknown issuer"),
    ] {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (from, to);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let port = shows(certificate.der().clone(), &key).await;
        let extra = if trusted { &*ca_file } else { "" };
        let proxy = proxy_without_retries(&one(&format!("https://localhost:{port}/v1"), extra)).await;
        let (why, last) = told(&proxy).await;
        assert!(why.contains(words) && last == why, "{words}: {why}");
    }
    let _ = std::fs::remove_file(file);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_said_reaches_operator_and_client_without_secrets_or_addresses() {
    let said = format!("image input is not supported at http://10.0.0.3:11434/api by {KEY} - hint: provide the mmproj");
    let upstream = upstream::status(500, &[], &canned::error(&said, "server_error", "x")).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.chat("m").await;
    let text = answer.text();
    assert_eq!(answer.status, 500);
    assert!(text.contains("image input is not supported") && text.contains("mmproj"), "{text}");
    assert!(!text.contains(KEY) && !text.contains("10.0.0.3"), "{text}");
    let (why, last) = told(&proxy).await;
    assert!(why.contains("mmproj") && last == why && !why.contains(KEY), "{why}");
    // A page is told as one, and goes nowhere.
    let upstream = upstream::status(502, &[], b"<html>nginx at 10.0.0.3</html>").await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    assert_eq!(told(&proxy).await.0, "a web page");
    assert!(!proxy.chat("m").await.text().contains("nginx"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_after_content_is_told_with_its_reason() {
    let told = [b"data: ", canned::error("GPU fell off the bus", "server_error", "").as_slice(), b"\n\n"].concat();
    let content = vec![canned::role(), canned::delta("words")];
    for (upstream, what, why) in [
        (error_inside_200(content.clone(), &told).await, "error_in_stream", "GPU fell off the bus"),
        (answers(Reply::sse(content.clone(), std::time::Duration::ZERO)).await, "cut", "its last event is missing"),
        (resets(ResetAt::Body(content.clone())).await, "cut", "reset"),
        (stalls_after(content).await, "idle_timeout", "silent for"),
    ] {
        let proxy = proxy_without_retries(&one(&upstream.base_url(), "timeouts: { idle: 300ms }")).await;
        assert_eq!(proxy.stream("m").await.answer().await.status, 200);
        proxy.access(0).await;
        let last = &proxy.health().await["providers"][0]["last_error"];
        assert!(last["what"] == what && last["why"].as_str().unwrap_or_default().contains(why), "{what}: {last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_reached_for_its_models_says_so_before_anybody_asks() {
    let yaml = "providers:\n  up: { kind: openai, base_url: 'http://no-such-host.invalid/v1', api_key: none }\n";
    let proxy = proxy_without_retries(yaml).await;
    proxy.log_line("the list", |line| line.contains("could not be listed")).await;
    let health = proxy.health().await;
    let last = &health["providers"][0]["last_error"];
    assert!(last["what"] == "not_listed" && !last["why"].as_str().unwrap_or_default().is_empty(), "{health}");
    assert_eq!(health["status"], "degraded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_called_by_its_variable_and_never_by_its_value() {
    let upstream =
        upstream::status(401, &[], &canned::error("Incorrect API key provided", "x", "invalid_api_key")).await;
    let keys = "api_keys: [\"${FIRST_KEY}\", sk-second-0000000000]";
    let proxy = plan(&one(&upstream.base_url(), keys)).env("FIRST_KEY", "sk-first-00000000000").start().await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("FIRST_KEY"), "{}", answer.text());
    let access = proxy.access(0).await;
    let mut whys: Vec<&str> =
        access.0["attempts"].as_array().unwrap().iter().filter_map(|attempt| attempt["why"].as_str()).collect();
    whys.sort_unstable();
    assert!(whys[0].starts_with("FIRST_KEY (key 1 of 2): Incorrect API key"), "{whys:?}");
    // Nobody is asked any more, and the log knows why.
    assert_eq!(proxy.chat("m").await.status, 502);
    let access = proxy.access(1).await;
    assert_eq!(access.text("reason"), "no_good_key");
    assert!(access.text("why").contains("refused the gateway's key"), "{}", access.0);
    let health = proxy.health().await;
    let names: Vec<_> = (0..2).map(|key| health["providers"][0]["keys"][key]["name"].as_str()).collect();
    assert_eq!(names, [Some("FIRST_KEY"), Some("api_keys[1]")]);
    proxy
        .log_line("the key's name", |line| line.contains("WARN") && line.contains("FIRST_KEY (key 1 of 2) was refused"))
        .await;
    proxy.said_nothing_of(&["sk-first-0", "sk-second-0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_nowhere_is_logged_without_tokens_and_keys() {
    let upstream = records().await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let key = "sk-0a1b2c3d4e5f6a7b8c9d";
    let chat = |model: &str| Ask::post("/v1/chat/completions", TOKEN, chat_body(model, false));
    let asks = [
        chat(TOKEN),
        chat(key),
        Ask::post(&format!("/openai/deployments/{TOKEN}/chat/completions"), TOKEN, chat_body("m", false)),
        Ask::post(&format!("/v1beta/models/{TOKEN}:generateContent"), TOKEN, "{}"),
        Ask::post(&format!("/openai/deployments/{key}/chat/completions"), "wrong-token-123456", "{}"),
        Ask::get(&format!("/v1/models/{TOKEN}"), TOKEN),
        Ask::get(&format!("/nowhere/{ADMIN}-and-on"), TOKEN),
        Ask::get(&format!("/nowhere/%73{}", &TOKEN[1..]), TOKEN),
        Ask::get(&format!("/nowhere/%73{}", &key[1..]), TOKEN),
        Ask::get(&format!("/nowhere/{}", ADMIN.bytes().map(|b| format!("%{b:02X}")).collect::<String>()), TOKEN),
        chat("m").header("x-request-id", TOKEN),
        chat("m").header("x-request-id", key),
        chat("m").header("x-request-id", ADMIN),
        chat("m").header("x-request-id", &format!("r-{ADMIN}")),
        chat("m").header("x-request-id", &format!("{TOKEN}:1")),
        chat("m").header("x-request-id", &format!("r.{key}")),
        Ask::get("/nowhere", "wrong-token-123456").header("x-request-id", &format!("Bearer:{TOKEN}")),
        chat("m").header("x-request-id", "of-the-client"),
    ];
    for ask in asks {
        ask.send(proxy.port).await;
    }
    // Of those that are posted the last.
    assert_eq!(proxy.access(11).await.text("id"), "of-the-client");
    for (nth, access) in proxy.accesses().iter().take(10).enumerate() {
        assert!(access.0.to_string().contains("***"), "{nth}: {}", access.0);
    }
    proxy.said_nothing_of(&[TOKEN, &TOKEN[1..], ADMIN, key, &key[1..], "%61%64%6D"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_the_log_its_reason_and_the_model() {
    let upstream = records().await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let long = "x".repeat(150);
    let asks = [
        (TOKEN, chat_body("gpt-4o-mimi\\n", false), 404, "unknown_model"),
        (TOKEN, chat_body(&long, false), 404, "unknown_model"),
        ("wrong-token-123456", chat_body("m", false), 401, "wrong_token"),
        (TOKEN, "{bad".to_owned(), 400, "bad_json"),
        (TOKEN, "[]".to_owned(), 400, "not_an_object"),
        (TOKEN, r#"{"model":"m","Model":"n"}"#.to_owned(), 400, "duplicate_key"),
    ];
    for (nth, (token, body, status, reason)) in asks.into_iter().enumerate() {
        let answer = Ask::post("/v1/chat/completions", token, body).send(proxy.port).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let access = proxy.access(nth).await;
        assert_eq!(access.text("reason"), reason);
        assert_eq!(access.text("model"), if status == 404 { "other" } else { "" });
    }
    assert_eq!(
        (proxy.access(0).await.text("asked"), proxy.access(1).await.text("asked").len()),
        ("gpt-4o-mimi\n".into(), 100)
    );
    let answer = Ask::new("POST", "/v1/chat/completions").body(chat_body("m", false)).send(proxy.port).await;
    assert_eq!((answer.status, proxy.access(6).await.text("reason")), (401, "no_token".into()));
}
