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

fn field(name: &str, value: &str) -> String {
    format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(bytes: usize) -> String {
    let data = "D".repeat(bytes);
    format!("--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{data}\r\n")
}

async fn upload(proxy: &Proxy, header: Option<&str>, parts: &[String]) -> client::Answer {
    let mut ask = Ask::new("POST", "/v1/audio/transcriptions")
        .header("authorization", &format!("Bearer {TOKEN}"))
        .header("content-type", "multipart/form-data; boundary=edge");
    if let Some(model) = header {
        ask = ask.header("x-ai-proxy-model", model);
    }
    ask.body(parts.concat() + "--edge--\r\n").send_large(proxy.port).await
}

/// More than is looked at.
const LARGE: usize = 300 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn no_model_reaches_a_provider_but_the_one_that_was_checked() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), EXTRA)).await;
    let (right, secret) = (|| field("model", "canned-model"), || field("model", "gpt-secret"));
    let as_file = secret().replace("name=", "filename=\"x\"; name=");
    let up = Some("up/canned-model");
    for (what, header, parts) in [
        ("two at the beginning", None, vec![right(), secret(), file(70)]),
        ("two behind a header", up, vec![right(), secret(), file(70)]),
        ("a second behind a small file", None, vec![right(), file(70), secret()]),
        ("a file of that name", up, vec![as_file, file(70)]),
        ("a second behind a large file", None, vec![right(), file(LARGE), secret()]),
        ("another than the header's", up, vec![file(LARGE), secret()]),
        ("an empty one", up, vec![field("model", ""), file(70)]),
        ("one where the only deployment is meant", None, vec![file(LARGE), secret()]),
        ("the header's alias, which the provider does not know", Some("m"), vec![file(LARGE), field("model", "m")]),
        ("two, one of them right", up, vec![file(LARGE), right(), secret()]),
        ("one in the words of a lenient reader", up, vec![file(LARGE), secret().replace("\r\n", "\n")]),
    ] {
        let answer = upload(&proxy, header, &parts).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        assert!(answer.text().contains("`model`"), "{what}: {}", answer.text());
    }
    assert_eq!(upstream.count(), 0, "a whole form reached the provider");
    for (what, header, parts) in [
        ("one", None, vec![right(), file(LARGE)]),
        ("one behind a small file", None, vec![file(70), field("model", "m")]),
        ("none", up, vec![file(LARGE)]),
        ("the header's again", up, vec![file(LARGE), right()]),
        ("the provider's own name behind an alias", Some("m"), vec![file(LARGE), right()]),
    ] {
        let answer = upload(&proxy, header, &parts).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    }
    nobody_is_blamed(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_two_readers_could_read_differently_is_refused() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), EXTRA)).await;
    let port = proxy.port;
    let ask = |types: &[&str], parts: String| {
        let mut ask = Ask::new("POST", "/v1/audio/transcriptions")
            .header("authorization", &format!("Bearer {TOKEN}"))
            .header("x-ai-proxy-model", "up/canned-model");
        for one in types {
            ask = ask.header("content-type", one);
        }
        let ask = ask.body(parts + "--edge--\r\n");
        async move { ask.send_large(port).await }
    };
    let (short, secret) = (|| file(70), || field("model", "gpt-secret"));
    const PLAIN: &str = "multipart/form-data; boundary=edge";
    for types in [
        &["multipart/form-data; boundary=x; boundary=edge"][..],
        &["multipart/form-data; boundary=x; boundary*=utf-8''edge"],
        &["multipart/form-data; boundary=\"ed\\ge\""],
        &["multipart/form-data; boundary=\"edge\"; charset=utf-16"],
        &["multipart/mixed; boundary=edge"],
        &["multipart/form-data; boundary=x", PLAIN],
        &["application/json", PLAIN],
    ] {
        let answer = ask(types, short() + &secret()).await;
        assert_eq!(answer.status, 400, "{types:?}: {}", answer.text());
    }
    for parts in [
        short() + &secret().replace("name=", "name=\"x\"; name="),
        short() + &secret().replace("name=\"model\"", "name*=utf-8''model"),
        short() + &secret().replace("model", "Model"),
        short() + &secret().replace("; name", ";\r\n name"),
        format!("preamble\r\n{}", secret()),
        short() + "--edge--\r\n" + &secret(),
        format!("{}{}", short(), secret().replace("--edge\r\n", "--edge \r\n")),
        // Where it passes already.
        format!("{}{}", file(LARGE), secret().replace("\r\n", "\n")),
    ] {
        let answer = ask(&[PLAIN], parts).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains("more than one way"), "{}", answer.text());
    }
    assert_eq!(upstream.count(), 0, "a whole form reached the provider");
    nobody_is_blamed(&proxy).await;
    // What is told of a form is what it was read by; a body that is no form is told as JSON.
    let charset = "multipart/form-data; charset=\"utf-8\"; boundary=\"edge\"";
    assert_eq!(ask(&[charset], short()).await.status, 200);
    let form = Ask::post("/v1/audio/transcriptions", TOKEN, r#"{"model":"m","x":"&model=gpt-secret&"}"#)
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send(proxy.port).await.status, 200);
    assert_eq!(proxy.chat("m").await.status, 200);
    let sent: Vec<_> = upstream.requests().iter().map(|sent| sent.header("content-type").concat()).collect();
    let json = "application/json".to_owned();
    assert_eq!(sent, [json.clone(), PLAIN.to_owned(), json.clone(), json]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_of_an_upload_counts_as_held() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "") + "server: { body_limit: 16KiB, buffer_budget: 16KiB }\n";
    let proxy = proxy(&yaml).await;
    let parts = [field("prompt", &"x".repeat(30 * 1024)), field("model", "m"), file(10)];
    let answer = upload(&proxy, None, &parts).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    // And what was held is given back.
    assert_eq!(proxy.chat("m").await.status, 200);
}
