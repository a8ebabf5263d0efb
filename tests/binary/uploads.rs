//! Uploads that fail by the client's doing: the client is told, and no provider is blamed for it.

use std::time::Duration;

use upstream::client::{Ask, Wire};
use upstream::harness::{Proxy, TOKEN, one};
use upstream::*;

use crate::proxy;

/// One failure opens the breaker: whoever is blamed is seen at once.
const EXTRA: &str = "breaker: { failures: 1, open: 60s }\ntimeouts: { first_byte: 400ms }";
const BEGINNING: &str = "--edge\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ncanned-model\r\n--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";

fn head(framing: &str) -> String {
    format!(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: proxy.test\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: multipart/form-data; boundary=edge\r\n{framing}\r\n\r\n"
    )
}

async fn nobody_is_blamed(proxy: &Proxy) {
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(proxy.health().await["status"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stalls_is_told_and_nobody_blamed() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), EXTRA)).await;
    let mut wire = Wire::connect(proxy.port).await;
    let sent = format!("{}{BEGINNING}and no more", head("content-length: 100000"));
    wire.write(sent.as_bytes()).await.unwrap();
    let answer = wire.answer().await;
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert_eq!(proxy.access(0).await.attempts(), ["up/canned-model:upload_stalled"]);
    nobody_is_blamed(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_sends_more_than_it_may_without_telling_is_a_413() {
    let upstream = records().await;
    let proxy = proxy(&(one(&upstream.base_url(), EXTRA) + "server: { upload_limit: 256KiB }\n")).await;
    let mut wire = Wire::connect(proxy.port).await;
    let mut sent = head("transfer-encoding: chunked").into_bytes();
    for piece in std::iter::once(BEGINNING.to_owned()).chain((0..8).map(|_| "x".repeat(64 * 1024))) {
        sent.extend_from_slice(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
    }
    wire.write_large(&sent).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(proxy.access(0).await.attempts(), ["up/canned-model:upload_too_large"]);
    nobody_is_blamed(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_that_is_not_taken_blames_nobody_and_is_sent_once() {
    let upstream = Upstream::start(|mut connection| async move {
        if let Some(head) = connection.head().await? {
            let length: usize = upstream::server::header_values(&head, "content-length")[0].parse().unwrap();
            if length > 1024 * 1024 {
                connection.reset();
                return Ok(());
            }
            connection.pause(Duration::from_millis(1)).await?;
            connection.send(&canned::json(200, &["connection: close"], &canned::chat())).await?;
        }
        Ok(())
    })
    .await;
    let proxy = proxy(&one(&upstream.base_url(), EXTRA)).await;
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(16 << 20));
    let answer = Ask::post("/v1/chat/completions", TOKEN, body).send_large(proxy.port).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(proxy.access(0).await.attempts(), ["up/canned-model:upload_broken"]);
    nobody_is_blamed(&proxy).await;
}
