//! What is behind a URL cannot be had: the client is told why in its own dialect, and it costs nobody else anything.

use std::time::{Duration, Instant};

use upstream::client::{Ask, data_lines};
use upstream::harness::{KEY, TOKEN, provider};
use upstream::*;

use crate::fetching::{ALLOWED, PNG, about, bedrock, file, look, on_bedrock};

/// The error that a chat about this URL gets, for sure without the URL.
async fn told(proxy: &harness::Proxy, url: &str) -> String {
    let answer = look(proxy, url).await;
    assert_eq!(answer.status, 400, "{url}: {}", answer.text());
    let error = answer.json()["error"].clone();
    assert_eq!(error["type"], "invalid_request_error", "{url}");
    let message = error["message"].as_str().unwrap().to_owned();
    let told = message.strip_prefix("an image by URL could not be fetched: ");
    told.unwrap_or_else(|| panic!("{url}: {message}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_private_is_fetched_in_whatever_form_it_is_written() {
    let (up, host) = (bedrock().await, answers(file("content-type: image/png", PNG)).await);
    let port = host.addr().port();
    for server in ["fetch_urls: true", "fetch_urls: { allow: [127.0.0.2, 10.0.0.0/8] }"] {
        let proxy = on_bedrock(&up, server).start().await;
        for name in [
            "127.0.0.1",
            "localhost",
            "localhost.",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::1]",
            "169.254.169.254",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "0",
            "[::]",
            "metadata.google.internal",
        ] {
            assert_eq!(told(&proxy, &format!("http://{name}/")).await, "its host has no public address", "{name}");
            let told = told(&proxy, &format!("http://{name}:{port}/")).await;
            assert_eq!(told, "its port is neither 80 nor 443", "{name}");
        }
        proxy.said_nothing_of(&[]);
    }
    // A block around them does not open them.
    let proxy = on_bedrock(&up, "fetch_urls: { allow: [168.0.0.0/6] }").start().await;
    assert_eq!(told(&proxy, "http://169.254.169.254/").await, "its host has no public address");
    assert_eq!((up.count(), host.connections()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_is_bounded_and_has_to_be_an_image() {
    let up = bedrock().await;
    let limits = "fetch_urls: { max_bytes: 1KiB, max_total: 2KiB, max_urls: 3, timeout: 500ms, allow: [127.0.0.0/8] }";
    let proxy = on_bedrock(&up, limits).start().await;
    let image = "content-type: image/png";
    let png = |length: usize| [PNG, &vec![b'.'; length - PNG.len()]].concat();
    let head = |headers: &[&str]| Reply { head: canned::head(200, headers), ..file(image, b"") };
    let drip = vec![(Duration::from_millis(100), png(100)); 100];
    let chunked = |pieces| Reply { pieces, chunked: true, ..head(&[image, "transfer-encoding: chunked"]) };
    for (reply, why) in [
        (head(&[image, "content-length: 1025"]), "it is larger than this gateway fetches"),
        (chunked(vec![(Duration::ZERO, png(1000)); 2]), "it is larger than this gateway fetches"),
        (chunked(drip), "it did not come in time"),
        (file(image, PNG).after(Duration::from_secs(60)), "it did not come in time"),
        (file(image, b"<!doctype html>"), "what came is not of a kind that the provider takes"),
        (file(image, b"%PDF-1.7"), "what came is not of a kind that the provider takes"),
        (file(image, b""), "what came is not of a kind that the provider takes"),
        (Reply::json(404, &[], b"{\"told\":\"by the host\"}"), "its host answered with status 404"),
        (Reply::json(500, &[], b"{}"), "its host answered with status 500"),
        (Reply::json(206, &[], PNG), "its host answered with status 206"),
        (Reply::json(302, &[], b"{}"), "it is redirected too often or nowhere"),
        (
            Reply {
                head: canned::head(200, &[image, "content-encoding: gzip", "content-length: 0"]),
                ..file(image, b"")
            },
            "its host gave no whole and plain answer",
        ),
        (Reply { head: b"HTTX\r\n\r\n".to_vec(), ..file(image, b"") }, "its host gave no whole and plain answer"),
    ] {
        let host = answers(reply.clone()).await;
        assert_eq!(told(&proxy, &format!("http://{}/", host.addr())).await, why, "{reply:?}");
        // Nobody is left holding a connection.
        host.closed(0).await;
    }
    let ended = ends_early(Framing::Length, "image/png", vec![PNG.to_vec()]).await;
    assert_eq!(told(&proxy, &ended.base_url()).await, "its host gave no whole and plain answer");
    let nobody = refuses();
    assert_eq!(told(&proxy, &nobody.base_url()).await, "its host cannot be reached");
    for (url, why) in [
        ("ftp://127.0.0.1/a.png", "its URL is neither http nor https"),
        ("s3://bucket/a.png", "its URL is neither http nor https"),
        ("a.png", "its URL is not one that can be read"),
        ("http://name@127.0.0.1/", "its URL holds a user or password"),
    ] {
        assert_eq!(told(&proxy, url).await, why, "{url}");
    }

    let host = answers(chunked(vec![(Duration::ZERO, png(1000))])).await;
    let url = |name: &str| format!("http://{}/{name}", host.addr());
    let (a, b, c, d) = (url("a"), url("b"), url("c"), url("d"));
    let ask = async |urls: &[&str]| proxy.post("/v1/chat/completions", about(urls, false)).await;
    assert_eq!(ask(&[&a, &b]).await.status, 200, "just below every limit");
    let (many, together) = (ask(&[&a, &b, &c, &d]).await, ask(&[&a, &b, &c]).await);
    assert!(many.status == 400 && many.text().contains("more of them"), "{}", many.text());
    assert!(together.status == 400 && together.text().contains("with the others"), "{}", together.text());
    assert_eq!(up.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_told_in_its_own_dialect() {
    let (up, host) = (bedrock().await, answers(Reply::json(404, &[], b"{}").after(Duration::from_millis(300))).await);
    let proxy = on_bedrock(&up, ALLOWED).start().await;
    let url = format!("http://{}/confidential-name?sig=s3cr3t", host.addr());
    let why = "an image by URL could not be fetched: its host answered with status 404";
    let source = format!(r#"{{"type":"url","url":"{url}"}}"#);
    let messages = format!(
        r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{{"type":"image","source":{source}}}]}}],"stream":true}}"#
    );
    let answer = proxy.post("/v1/messages", messages).await;
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, &error["type"], &error["message"]), (400, &"invalid_request_error".into(), &why.into()));
    let gemini = format!(
        r#"{{"contents":[{{"role":"user","parts":[{{"fileData":{{"mimeType":"image/png","fileUri":"{url}"}}}}]}}]}}"#
    );
    let asked = Ask::new("POST", "/v1beta/models/m:generateContent").header("x-goog-api-key", TOKEN).body(gemini);
    let answer = asked.send(proxy.port).await;
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, &error["status"], &error["message"]), (400, &"INVALID_ARGUMENT".into(), &why.into()));
    let answer = proxy.post("/v1/chat/completions", about(&[&url], true)).await;
    assert_eq!((answer.status, &answer.json()["error"]["message"]), (400, &why.into()), "no stream has begun");

    // A stream that had to begin before it was known.
    let proxy = on_bedrock(&up, &format!("keepalive: 50ms, {ALLOWED}")).start().await;
    let answer = proxy.post("/v1/chat/completions", about(&[&url], true)).await;
    let told = data_lines(&answer.body).join("");
    assert!(answer.status == 200 && told.contains(why) && !told.contains("[DONE]"), "{}", answer.text());
    assert_eq!(up.count(), 0);
    proxy.said_nothing_of(&["s3cr3t", "confidential-name"]);
    proxy.log_line("why", |line| line.contains("was not fetched from 127.0.0.1: its host answered with")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_nothing_against_a_provider_and_who_takes_urls_serves() {
    let (up, chat) = (bedrock().await, records().await);
    let yaml = format!(
        "providers:\n  up: {{ kind: bedrock, region: r, base_url: 'http://{}', api_key: {KEY}, breaker: {{ failures: 1, open: 1m }} }}\n{}models:\n  m: {{ targets: [up/m] }}\n  n: {{ targets: [up/m, chat/canned-model] }}\nserver: {{ fetch_urls: true }}\n",
        up.addr(),
        provider("chat", &chat.base_url(), "")
    );
    let proxy = crate::proxy(&yaml).await;
    for _ in 0..3 {
        assert_eq!(told(&proxy, "http://10.0.0.1/a.png").await, "its host has no public address");
    }
    assert_eq!(proxy.access(0).await.attempts(), ["up/m:unfetched"]);
    let counted = [("deployment", "up/m"), ("outcome", "unfetched")];
    proxy.metric_is("ai_proxy_attempts_total", &counted, |count| count == 3.0).await;
    assert_eq!(proxy.chat("m").await.status, 200, "its breaker has heard nothing");

    let body = about(&["http://10.0.0.1/a.png"], false).replace(r#""m""#, r#""n""#);
    let messages = body.replace(r#"{"image_url":{"url":"#, r#"{"source":{"type":"url","url":"#);
    let messages = messages.replace(r#""type":"image_url""#, r#""type":"image""#);
    let answer = proxy.post("/v1/messages", messages.replace(r#""stream""#, r#""max_tokens":9,"stream""#)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(proxy.access(4).await.attempts(), ["up/m:unfetched", "chat/canned-model:ok"]);
    let sent = String::from_utf8(chat.request(0).await.body).unwrap();
    assert!(sent.contains("http://10.0.0.1/a.png"), "its provider takes URLs: {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_requests_deadline_and_with_its_client() {
    let (up, host) = (bedrock().await, silent().await);
    let url = format!("http://{}/", host.addr());
    let proxy = on_bedrock(&up, &format!("request_timeout: 300ms, {ALLOWED}")).start().await;
    let began = Instant::now();
    assert_eq!(told(&proxy, &url).await, "it did not come in time");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // What was waited for is not ours, from the first connection on.
    let unconnected = never_accepts().await;
    assert_eq!(told(&proxy, &unconnected.base_url()).await, "it did not come in time");
    for nth in 0..2 {
        let access = proxy.access(nth).await;
        let ms = |field: &str| access.0[field].as_f64().unwrap();
        assert!(ms("overhead_ms") < ms("total_ms") / 2.0, "{:?}", access.0);
    }

    let proxy = on_bedrock(&up, ALLOWED).start().await;
    let wire = proxy.open("/v1/chat/completions", about(&[&url], false)).await;
    host.request(1).await;
    drop(wire);
    let began = Instant::now();
    host.closed(1).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(up.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_fetched_counts_among_the_bodies_in_memory() {
    let up = bedrock().await;
    let png = |length: usize| [PNG, &vec![b'.'; length - PNG.len()]].concat();
    let image = "content-type: image/png";
    let host = sequence(vec![file(image, &png(4000)), file(image, &png(1000)), file(image, &png(1000))]).await;
    let proxy = on_bedrock(&up, &format!("body_limit: 2KiB, buffer_budget: 3KiB, {ALLOWED}")).start().await;
    let url = format!("http://{}/", host.addr());
    let answer = look(&proxy, &url).await;
    assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("1")), "{}", answer.text());
    // What was held is given back.
    for _ in 0..2 {
        assert_eq!(look(&proxy, &url).await.status, 200);
    }
}
