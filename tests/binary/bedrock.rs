//! Bedrock: every request is signed, checked here from the standard's own words; its streams are AWS's frames.

use std::time::Duration;

use ring::{digest, hmac};
use upstream::client::data_lines;
use upstream::harness::Proxy;
use upstream::*;

use crate::plan;

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SESSION: &str = "session+token/of==temporary";
const MODEL: &str = "anthropic.claude-3-5-sonnet-20240620-v1:0";
const ANSWERED: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"the quick brown fox"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":1}}"#;

/// A provider of kind bedrock with the model `m`; `.env` holds its credentials.
async fn bedrock(upstream: &Upstream, env: &[(&str, &str)]) -> Proxy {
    let yaml = format!(
        "providers:\n  up: {{ kind: bedrock, region: eu-west-3, base_url: 'http://{}' }}\nmodels:\n  m: {{ targets: ['up/{MODEL}'] }}\n",
        upstream.addr()
    );
    env.iter().fold(plan(&yaml), |plan, (name, value)| plan.env(name, value)).start().await
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// Checks a request as AWS does:
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
fn verify(request: &Request, names: &str) {
    let authorization = request.header("authorization").remove(0);
    let date = request.header("x-amz-date").remove(0);
    let day = &date[..8];
    let scope = format!("{day}/eu-west-3/bedrock/aws4_request");
    // The path is escaped as it was sent, and then once more; there is no query.
    let path = request.target().replace('%', "%25");
    let headers: String = names.split(';').map(|name| format!("{name}:{}\n", request.header(name)[0])).collect();
    let body = hex(digest::digest(&digest::SHA256, &request.body));
    let canonical = format!("POST\n{path}\n\n{headers}\n{names}\n{body}");
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let key = [day, "eu-west-3", "bedrock", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    let signature = hex(mac(&key, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}")));
    let wanted = format!("AWS4-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={names}, Signature={signature}");
    assert_eq!(authorization, wanted, "{canonical}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html describes the frames.
fn frame(kind: &str, payload: &str) -> Vec<u8> {
    message(&[(":message-type", "event"), (":event-type", kind), (":content-type", "application/json")], payload)
}

pub fn message(named: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in named {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let mut frame = ((16 + headers.len() + payload.len()) as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame
}

fn stream() -> Reply {
    let frames = [
        ("messageStart", r#"{"role":"assistant"}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"the quick "}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"brown fox"}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
        ("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":1}}"#),
    ];
    let mut reply = Reply::sse(frames.map(|(kind, payload)| frame(kind, payload)).to_vec(), Duration::ZERO);
    reply.head =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_key_signs_what_is_sent() {
    let upstream = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let env = [("AWS_ACCESS_KEY_ID", ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let proxy = bedrock(&upstream, &env).await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "the quick brown fox");
    let sent = upstream.request(0).await;
    assert_eq!(sent.target(), "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse");
    assert_eq!(sent.header("host"), [upstream.addr().to_string()]);
    verify(&sent, "content-type;host;x-amz-date");
    assert_eq!(proxy.access(0).await.tokens(), Some((3, 4, false)));
    proxy.said_nothing_of(&[SECRET, "Signature="]);

    // Temporary credentials, and a name that nobody listed.
    let proxy = bedrock(&upstream, &[env[0], env[1], ("AWS_SESSION_TOKEN", SESSION)]).await;
    assert_eq!(proxy.chat("up/arn:aws:bedrock:eu-west-3:1:inference-profile/eu.x").await.status, 200);
    let sent = upstream.request(1).await;
    assert_eq!(sent.header("x-amz-security-token"), [SESSION]);
    verify(&sent, "content-type;host;x-amz-date;x-amz-security-token");
    proxy.said_nothing_of(&[SECRET, SESSION, "Signature="]);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_stream_comes_out_in_the_clients_dialect() {
    let upstream = answers(stream()).await;
    let proxy = bedrock(&upstream, &[("AWS_ACCESS_KEY_ID", ID), ("AWS_SECRET_ACCESS_KEY", SECRET)]).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let events = data_lines(&answer.body);
    let text: String = events
        .iter()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(text, "the quick brown fox");
    let sent = upstream.request(0).await;
    assert!(sent.target().ends_with("%3A0/converse-stream"), "{}", sent.target());
    assert_eq!(sent.header("accept"), ["application/vnd.amazon.eventstream"]);
    verify(&sent, "content-type;host;x-amz-date");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_sent_and_nothing_is_signed() {
    let upstream = answers(Reply::json(200, &[], ANSWERED.as_bytes())).await;
    let key = "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl";
    let env = [("AWS_BEARER_TOKEN_BEDROCK", key), ("AWS_ACCESS_KEY_ID", ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let proxy = bedrock(&upstream, &env).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    let sent = upstream.request(0).await;
    assert_eq!(sent.header("authorization"), [format!("Bearer {key}")]);
    assert!(sent.header("x-amz-date").is_empty());
    proxy.said_nothing_of(&[key, SECRET]);
}
