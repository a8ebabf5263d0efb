//! An upstream that repeats what it was sent: whatever was sent, in whatever the client reads.

use upstream::client::Answer;
use upstream::harness::one;
use upstream::*;

use crate::{plan, proxy_without_retries};

const SESSION: &str = "IQoJb3JpZ2luX2VjEHoaCXVz/abc+def0123456789==";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "opaque.token-of.this-machine_0123456789";

/// Answers with everything that it was sent: in the body, where `status` is an error, and in a header.
async fn echoes(status: u16) -> Upstream {
    Upstream::start(move |mut connection| async move {
        while let Some(request) = connection.request().await? {
            if request.line().contains("computeMetadata") {
                let token = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600,"token_type":"Bearer"}}"#);
                connection.send(&canned::json(200, &[], token.as_bytes())).await?;
                continue;
            }
            let names = ["authorization", "x-amz-security-token", "x-tenant", "x-team"];
            let sent: Vec<String> = names.iter().flat_map(|name| request.header(name)).collect();
            let echo: Vec<String> =
                sent.iter().enumerate().map(|(n, value)| format!("x-ratelimit-e{n}: {value}")).collect();
            let echo: Vec<&str> = echo.iter().map(String::as_str).collect();
            let body = match status {
                200 => canned::chat(),
                _ => serde_json::json!({ "error": { "message": format!("sent {}", sent.join(" and ")) } })
                    .to_string()
                    .into_bytes(),
            };
            connection.send(&canned::json(status, &echo, &body)).await?;
        }
        Ok(())
    })
    .await
}

fn tells_nothing_of(answer: &Answer, secrets: &[&str]) {
    let all = format!("{}{}", String::from_utf8_lossy(&answer.head), answer.text());
    for secret in secrets {
        assert!(!all.contains(secret), "{secret} crossed: {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_clouds_credentials_nothing_comes_back() {
    let upstream = echoes(400).await;
    let base = upstream.addr();
    let yaml = format!(
        "providers:\n  b: {{ kind: bedrock, region: eu-west-3, base_url: 'http://{base}', models: [m] }}\n  v: {{ kind: vertex, base_url: 'http://{base}/v1/projects/p/locations/l', credentials: metadata, models: [m] }}\n"
    );
    let proxy = plan(&yaml)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", SESSION)
        .env("GCE_METADATA_HOST", &base.to_string())
        .env("RUST_LOG", "trace")
        .start()
        .await;
    let answer = proxy.chat("b/m").await;
    assert!(answer.status == 400 && answer.text().contains("sent ***"), "{}", answer.text());
    tells_nothing_of(&answer, &[SESSION, "AKIAIOSFODNN7EXAMPLE", "aws4_request, S", "IQoJb3"]);
    let signed = upstream.requests().iter().rev().find_map(|request| request.header("authorization").pop()).unwrap();
    let signature = signed.rsplit_once("Signature=").unwrap().1.to_owned();
    tells_nothing_of(&answer, &[&signature]);
    assert!(answer.text().contains("SignedHeaders=") || !answer.text().contains("Credential"), "{}", answer.text());
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"x"}]}]}"#;
    for path in ["/v1beta/models/v/m:generateContent", "/v1/chat/completions"] {
        let body = if path.ends_with("Content") { body.to_owned() } else { harness::chat_body("v/m", false) };
        let answer = proxy.post(path, body).await;
        assert!(answer.status == 400 && answer.text().contains("***"), "{path}: {}", answer.text());
        tells_nothing_of(&answer, &[TOKEN, "this-machine"]);
    }
    proxy.said_nothing_of(&[SESSION, SECRET, TOKEN, &signature]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_is_masked_if_it_is_secret_and_left_alone_if_it_is_not() {
    for status in [200, 400] {
        let upstream = echoes(status).await;
        let yaml =
            one(&upstream.base_url(), "headers: { x-tenant: 'Basic Gh1Jk2Lm3No4', x-team: Platform Engineering }");
        let proxy = proxy_without_retries(&yaml).await;
        let answer = proxy.chat("m").await;
        assert_eq!(answer.status, status);
        tells_nothing_of(&answer, &["Gh1Jk2Lm3No4", harness::KEY]);
        let shown = if status == 200 { String::from_utf8_lossy(&answer.head).into_owned() } else { answer.text() };
        assert!(shown.contains("Platform Engineering"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_other_keys_in_an_error_event_are_masked() {
    let accounts =
        ["org-aBcDeFgH12345678", "proj_aBcDeFgH12345678", "sk-proj-OTHERkey12345678", "ya29.c.abcdefghijklmnop"];
    let told = format!(
        "data: {{\"error\":{{\"message\":\"limit of {}\",\"type\":\"server_error\"}}}}\n\n",
        accounts.join(" and ")
    );
    let honest = canned::delta("ask org-aBcDeFgH12345678");
    let before = [canned::stream(2)[..3].concat(), honest.clone()].concat();
    let upstream = error_inside_200(vec![before], told.as_bytes()).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    assert!(answer.text().contains(&String::from_utf8(honest).unwrap()), "content was touched: {}", answer.text());
    assert!(answer.text().contains("limit of *** and *** and *** and ***"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_event_that_is_no_error_keeps_every_byte() {
    let long = format!("{} Gh1Jk2Lm3No4 {} Platform", harness::KEY, "x".repeat(300_000));
    let all = [canned::stream(2)[..3].concat(), canned::delta(&long), canned::stream(2)[3..].concat()].concat();
    let upstream = answers(Reply::sse(vec![all.clone()], std::time::Duration::ZERO)).await;
    let yaml = one(&upstream.base_url(), "headers: { x-tenant: 'Basic Gh1Jk2Lm3No4', x-team: Platform }");
    let proxy = proxy_without_retries(&yaml).await;
    let answer = proxy.stream("m").await.answer().await;
    assert!(answer.body == all, "{} bytes of {}", answer.body.len(), all.len());
}

const BASE64_KEY: &str = "AbCd/EfGh+SECRETTAIL0123456789xyz==";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_base64_is_gone_from_errors_inside_answers_too() {
    for said in ["Bearer", "Incorrect API key provided:", "key"] {
        let error = serde_json::json!({"error": {"message": format!("{said} {BASE64_KEY} no"), "type": "x"}});
        let event = format!("data: {error}\n\n");
        for before in [Vec::new(), vec![canned::stream(2)[..3].concat()]] {
            let upstream = error_inside_200(before, event.as_bytes()).await;
            let yaml = one(&upstream.base_url(), &format!("api_key: '{BASE64_KEY}'"));
            let proxy = proxy_without_retries(&yaml).await;
            let messages = r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}]}"#;
            for (path, body) in
                [("/v1/chat/completions", harness::chat_body("m", true)), ("/v1/messages", messages.to_owned())]
            {
                tells_nothing_of(&proxy.post(path, body).await, &["EfGh", "SECRETTAIL"]);
            }
            proxy.said_nothing_of(&["EfGh", "SECRETTAIL"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_event_too_long_to_be_masked_is_told_in_our_own_words() {
    let (x, before) = ("x".repeat(70_000), canned::stream(2)[..3].concat());
    let error = format!("data: {{\"error\":{{\"message\":\"{x} {} end\"}}}}\n\n", harness::KEY);
    let at = error.find(harness::KEY).unwrap() + 4;
    let pieces = vec![before.clone(), error.as_bytes()[..at].to_vec(), error.as_bytes()[at..].to_vec()];
    let upstream = answers(Reply::sse(pieces, std::time::Duration::from_millis(50))).await;
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    tells_nothing_of(&answer, &[&harness::KEY[..8], &harness::KEY[4..]]);
    let rest = answer.body.strip_prefix(&*before).unwrap();
    assert!(rest.starts_with(b"data: {\"error\"") && rest.len() < 1_000, "{}", String::from_utf8_lossy(rest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_comment_is_masked_with_and_without_its_end() {
    for (end, stays) in [("\n\n", false), ("\n", false), ("", false), ("\n", true)] {
        let upstream = Upstream::start(move |mut connection| async move {
            connection.request().await?;
            connection.send(&canned::sse_head()).await?;
            connection.chunk(&canned::stream(2).concat()).await?;
            connection.chunk(format!(": bye {}{end}", harness::KEY).as_bytes()).await?;
            if stays { connection.until_closed().await } else { connection.send(b"0\r\n\r\n").await }
        })
        .await;
        let proxy = proxy_without_retries(&one(&upstream.base_url(), "")).await;
        let answer = proxy.stream("m").await.answer().await;
        assert!(answer.text().contains("[DONE]"), "{}", answer.text());
        tells_nothing_of(&answer, &[harness::KEY]);
    }
}
