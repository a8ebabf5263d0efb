//! Vertex: a service account or the machine's own identity becomes an access token, in the background.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use upstream::harness::{Proxy, provider};
use upstream::*;

use crate::plan;

/// The key of RFC 7515, appendix A.2: published.
const PEM: &str = include_str!("../keys/rfc7515-a2.pem");
/// Its public half, as the RFC has it.
const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const ANSWERED: &str = r#"{"candidates":[{"content":{"parts":[{"text":"the quick brown fox"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}"#;

fn token(name: &str, seconds: u32) -> Reply {
    let body = format!(r#"{{"access_token":"ya29.{name}","expires_in":{seconds},"token_type":"Bearer"}}"#);
    Reply::json(200, &[], body.as_bytes())
}

fn account(token_uri: &str) -> String {
    let (_, pem) = PEM.split_once('\n').unwrap();
    let account = serde_json::json!({
        "type": "service_account",
        "project_id": "project-1",
        "private_key_id": "a2",
        "private_key": pem,
        "client_email": "proxy@project-1.iam.gserviceaccount.com",
        "token_uri": token_uri,
    });
    serde_json::to_string(&account).unwrap()
}

/// A provider `up` of kind vertex, `more` beside it, and the model `m` on it and on `targets`.
fn vertex(vertex: &Upstream, credential: &str, more: &str, targets: &str) -> String {
    let base = format!("http://{}/v1/projects/project-1/locations/us-central1", vertex.addr());
    format!(
        "providers:\n  up:\n    kind: vertex\n    base_url: {base}\n    {credential}\n    models: [gemini-2.5-flash]\n{more}models:\n  m: {{ targets: [up/gemini-2.5-flash{targets}] }}\n"
    )
}

fn by_key(tokens: &Upstream) -> String {
    format!("api_key: '{}'", account(&format!("http://{}/token", tokens.addr())))
}

async fn generate(proxy: &Proxy) -> u16 {
    proxy
        .post("/v1beta/models/m:generateContent", r#"{"contents":[{"role":"user","parts":[{"text":"x"}]}]}"#)
        .await
        .status
}

fn said_no_secret(proxy: &Proxy) {
    let line = PEM.lines().nth(3).unwrap();
    proxy.said_nothing_of(&["ya29.", line, "BEGIN PRIVATE", "eyJ", "proxy@project-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_signs_and_its_token_serves_all() {
    let tokens = answers(token("first", 3600)).await;
    let google = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let proxy = plan(&vertex(&google, &by_key(&tokens), "", "")).start().await;
    // Fetched before anybody asks.
    let asked = tokens.request(0).await;
    assert_eq!(asked.line(), "POST /token HTTP/1.1");
    assert_eq!(asked.header("content-type"), ["application/x-www-form-urlencoded"]);
    let form = String::from_utf8(asked.body).unwrap();
    let jwt = form.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=").unwrap();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let key = RsaPublicKeyComponents { n: URL_SAFE_NO_PAD.decode(MODULUS).unwrap(), e: vec![1, 0, 1] };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).unwrap();

    let (a, b) = tokio::join!(generate(&proxy), generate(&proxy));
    assert_eq!((a, b), (200, 200));
    let sent = google.request(0).await;
    assert_eq!(
        sent.target(),
        "/v1/projects/project-1/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent"
    );
    assert_eq!(sent.header("authorization"), ["Bearer ya29.first"]);
    assert!(sent.header("x-goog-api-key").is_empty());
    // A client of another dialect is translated.
    let answer = proxy.chat("m").await;
    assert_eq!(
        (answer.status, &answer.json()["choices"][0]["message"]["content"]),
        (200, &"the quick brown fox".into())
    );
    assert_eq!(google.request(2).await.header("authorization"), ["Bearer ya29.first"]);
    // A reload keeps the token; nobody lists models there.
    proxy.hangup();
    proxy.metric_is("ai_proxy_reloads_total", &[("result", "ok")], |n| n >= 1.0).await;
    assert_eq!(generate(&proxy).await, 200);
    assert_eq!((tokens.count(), google.count()), (1, 4));
    said_no_secret(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_it_expires_and_nobody_waits() {
    let tokens = sequence(vec![token("first", 6), token("second", 3600)]).await;
    let google = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let proxy = plan(&vertex(&google, &by_key(&tokens), "", "")).start().await;
    let began = tokens.request(0).await.at;
    let mut used = Vec::new();
    while used.last().is_none_or(|last| last != "Bearer ya29.second") {
        assert!(began.elapsed() < Duration::from_secs(9), "never renewed: {used:?}");
        assert_eq!(generate(&proxy).await, 200);
        used.push(google.requests().last().unwrap().header("authorization").remove(0));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(used[0], "Bearer ya29.first");
    let renewed = tokens.request(1).await.at - began;
    assert!(renewed < Duration::from_secs(6), "renewed when it had expired: {renewed:?}");
    assert_eq!(tokens.count(), 2);
    said_no_secret(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_another_deployment_serves_and_then_it_is_tried_again() {
    let refused = Reply::json(400, &[], br#"{"error":"invalid_grant","error_description":"eyJhbGciOi"}"#);
    let tokens = sequence(vec![refused.clone(), refused.clone(), refused, token("late", 3600)]).await;
    let google = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let other = records().await;
    let more = provider("other", &other.base_url(), "");
    let proxy = plan(&vertex(&google, &by_key(&tokens), &more, ", other/canned-model")).start().await;
    proxy.log_line("the refusal", |line| line.contains("no access token") && line.contains("invalid_grant")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    assert_eq!((google.count(), other.count()), (0, 1));
    let until = Instant::now() + Duration::from_secs(30);
    while google.count() == 0 {
        assert!(Instant::now() < until, "the token endpoint serves again, and nobody asked it");
        assert_eq!(proxy.chat("m").await.status, 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    proxy.log_line("that it is well again", |line| line.contains("has an access token again")).await;
    assert_eq!(google.request(0).await.header("authorization"), ["Bearer ya29.late"]);
    said_no_secret(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_that_stalls_is_waited_for_within_the_deadline_and_asked_once() {
    let tokens = silent().await;
    let google = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let yaml = vertex(&google, &by_key(&tokens), "", "") + "server: { request_timeout: 1s }\n";
    let proxy = plan(&yaml).start().await;
    let began = Instant::now();
    let (a, b) = tokio::join!(generate(&proxy), generate(&proxy));
    assert_eq!((a, b), (504, 504));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((tokens.count(), google.count()), (1, 0), "one fetch at a time, and nothing is sent without a token");
    said_no_secret(&proxy);

    // One that is slow is waited for.
    let tokens = answers(token("slow", 3600).after(Duration::from_secs(1))).await;
    let proxy = plan(&vertex(&google, &by_key(&tokens), "", "")).start().await;
    let (a, b) = tokio::join!(generate(&proxy), generate(&proxy));
    assert_eq!((a, b, tokens.count(), google.count()), (200, 200, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_token_the_client_hears_that_the_operator_has_to_mend_it() {
    let tokens = status(500, &[], b"oops").await;
    let google = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let proxy = plan(&vertex(&google, &by_key(&tokens), "", "")).env("RETRY_MAX_RETRIES", "0").start().await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("no access token"), "{}", answer.text());
    assert_eq!(google.count(), 0);
    let why = "\"why\":\"api_key: no access token from 127.0.0.1: status 500\"";
    proxy.log_line("why there is none", |line| line.contains(why)).await;
    said_no_secret(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_googles_own_machines_the_metadata_server_gives_the_token() {
    let metadata = answers(token("machine", 3600)).await;
    let google = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let yaml = vertex(&google, "credentials: metadata", "", "");
    let proxy = plan(&yaml).env("GCE_METADATA_HOST", &metadata.addr().to_string()).start().await;
    assert_eq!(generate(&proxy).await, 200);
    assert_eq!(google.request(0).await.header("authorization"), ["Bearer ya29.machine"]);
    let asked = metadata.request(0).await;
    assert_eq!(asked.line(), "GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1");
    assert_eq!(asked.header("metadata-flavor"), ["Google"]);
    assert_eq!(asked.header("host"), [metadata.addr().to_string()]);
    said_no_secret(&proxy);
}
