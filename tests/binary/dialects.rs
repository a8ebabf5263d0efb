//! Clients and providers of different dialects: what crosses, what is said to have been left out, and how what breaks is
//! told in the client's own words.

use std::time::Duration;

use upstream::client::{Ask, Ended, data_lines};
use upstream::harness::{KEY, TOKEN, provider};
use upstream::*;

use crate::{arrays, plan, proxy, proxy_without_retries};

/// A provider of this kind, and the model `m` on it.
fn of_kind(kind: &str, base_url: &str, extra: &str) -> String {
    let provider = provider("up", base_url, extra).replace("kind: openai", &format!("kind: {kind}"));
    format!("providers:\n{provider}models:\n  m: {{ targets: [up/canned-model] }}\n")
}

fn event(data: &str) -> Vec<u8> {
    let kind = serde_json::from_str::<serde_json::Value>(data).unwrap()["type"].as_str().unwrap().to_owned();
    format!("event: {kind}\ndata: {data}\n\n").into_bytes()
}

/// A stream of Anthropic's, an event a piece; the first content is the third.
fn messages_stream() -> Vec<Vec<u8>> {
    [
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":11,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"the quick "}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"brown fox"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}}"#,
        r#"{"type":"message_stop"}"#,
    ]
    .map(event)
    .to_vec()
}

const ASK: &str = r#"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"confidential prompt"}]}"#;
const STREAM: &str =
    r#"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"confidential prompt"}],"stream":true}"#;
const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"the quick brown fox"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":11,"output_tokens":7}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn anthropic_to_anthropic_is_byte_for_byte() {
    let upstream = answers(Reply::json(200, &["request-id: req_theirs"], ANSWER.as_bytes())).await;
    let proxy = proxy(&of_kind("anthropic", &upstream.base_url(), "")).await;
    let asked = Ask::new("POST", "/v1/messages?beta=true")
        .header("x-api-key", TOKEN)
        .header("anthropic-version", "2026-10-21")
        .header("anthropic-beta", "interleaved-thinking-2025-05-14")
        .header("content-type", "application/json")
        .body(ASK);
    let answer = asked.send(proxy.port).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER));
    let sent = upstream.request(0).await;
    assert_eq!(sent.target(), "/v1/messages?beta=true");
    assert_eq!(String::from_utf8_lossy(&sent.body), ASK.replace("\"m\"", "\"canned-model\""));
    assert_eq!(sent.header("x-api-key"), [KEY]);
    assert_eq!(sent.header("anthropic-version"), ["2026-10-21"]);
    assert_eq!(sent.header("anthropic-beta"), ["interleaved-thinking-2025-05-14"]);
    assert!(sent.header("authorization").is_empty());
    assert_eq!(proxy.access(0).await.tokens(), Some((11, 7, false)));

    // Who sends no version gets the one that everybody takes.
    proxy.post("/v1/messages", ASK).await;
    assert_eq!(upstream.request(1).await.header("anthropic-version"), ["2023-06-01"]);
}

/// Google wants the model of the path in the body as well, and the client calls it by another name.
#[tokio::test(flavor = "multi_thread")]
async fn the_models_that_a_body_of_geminis_names_are_the_upstreams() {
    let upstream = answers(Reply::json(200, &[], br#"{"embeddings":[{"values":[0.5]}],"totalTokens":3}"#)).await;
    let proxy = proxy(&of_kind("gemini", &upstream.base_url(), "")).await;
    let content = r#""content":{"parts":[{"text":"confidential prompt"}]}"#;
    for (nth, (verb, body)) in [
        (
            "batchEmbedContents",
            format!(r#"{{"requests":[{{"model":"models/m",{content}}},{{{content},"model":"models/x"}}]}}"#),
        ),
        ("countTokens", format!(r#"{{"generateContentRequest":{{"model":"models/m",{content}}}}}"#)),
        ("countTokens", format!(r#"{{{content},"model":"models/m"}}"#)),
    ]
    .into_iter()
    .enumerate()
    {
        let ask = Ask::new("POST", &format!("/v1beta/models/m:{verb}")).header("x-goog-api-key", TOKEN);
        let answer = ask.header("content-type", "application/json").body(body.clone()).send(proxy.port).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = upstream.request(nth).await;
        assert!(sent.target().ends_with(&format!("models/canned-model:{verb}")), "{}", sent.target());
        let expected = if nth < 2 {
            body.replace("models/m", "models/canned-model").replace("models/x", "models/canned-model")
        } else {
            body
        };
        assert_eq!(String::from_utf8_lossy(&sent.body), expected);
    }
}

/// An answer's writer keeps the names of such tools for as long as it streams.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_provider_takes_are_refused() {
    let upstream = answers(Reply::sse(messages_stream(), Duration::ZERO)).await;
    let proxy = proxy(&of_kind("anthropic", &upstream.base_url(), "")).await;
    let ask = |names: Vec<String>| {
        let tools: Vec<_> = names.iter().map(|name| serde_json::json!({"type": "custom", "name": name})).collect();
        serde_json::json!({"model": "m", "stream": true, "input": "hi", "tools": tools}).to_string()
    };
    for (names, status) in [
        ((0..200).map(|nth| format!("tool_{nth}")).collect(), 200),
        (vec!["n".repeat(200_000)], 400),
        ((0..3_000).map(|nth| format!("tool_{nth}")).collect(), 400),
    ] {
        let answer = proxy.post("/v1/responses", ask(names)).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(status == 200 || answer.text().contains("custom tools"), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gemini_to_gemini_keeps_the_path_and_the_form_of_the_stream() {
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"confidential prompt"}]}]}"#;
    // An answer of each verb in one.
    let answered = r#"{"totalTokens":4,"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4}}"#;
    let upstream = answers(Reply::json(200, &[], answered.as_bytes())).await;
    let yaml = of_kind("gemini", upstream.base_url().trim_end_matches("/v1"), "models: ['ab:c/d', canned-model]");
    let proxy = proxy(&yaml).await;
    for (asked, wanted) in [
        ("/v1beta/models/m:generateContent", "/v1beta/models/canned-model:generateContent"),
        ("/v1/models/up%2Fab%3Ac%2Fd:generateContent", "/v1beta/models/ab%3Ac%2Fd:generateContent"),
        ("/v1beta/models/m:countTokens", "/v1beta/models/canned-model:countTokens"),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", "/v1beta/models/canned-model:streamGenerateContent?alt=sse"),
        ("/v1beta/models/m:streamGenerateContent", "/v1beta/models/canned-model:streamGenerateContent"),
    ] {
        let before = upstream.count();
        let answer = Ask::new("POST", asked).header("x-goog-api-key", TOKEN).body(body).send(proxy.port).await;
        assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
        let sent = upstream.request(before).await;
        assert_eq!(sent.target(), wanted);
        assert_eq!(sent.body, body.as_bytes());
        assert_eq!(sent.header("x-goog-api-key"), [KEY]);
    }
    assert_eq!(proxy.access(0).await.tokens(), Some((3, 1, false)));
    // A verb nobody serves, and a name that no path may hold.
    let unknown = Ask::new("POST", "/v1beta/models/m:predict").header("x-goog-api-key", TOKEN).send(proxy.port).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["status"]), (404, &"NOT_FOUND".into()));
    let hostile = "/v1beta/models/..%2F..%2Fadmin:generateContent";
    let refused = Ask::new("POST", hostile).header("x-goog-api-key", TOKEN).body(body).send(proxy.port).await;
    assert_eq!(refused.status, 404, "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_named_or_refused_and_betas_go_only_to_who_knows_them() {
    let upstream = records().await;
    let body = ASK.replace("\"max_tokens\"", "\"top_k\":5,\"max_tokens\"");
    let asked = |body: &str| {
        Ask::post("/v1/messages", TOKEN, body)
            .header("anthropic-beta", "context-1m-2025-08-07")
            .header("anthropic-version", "2023-06-01")
    };
    let proxy = proxy(&of_kind("openai", &upstream.base_url(), "")).await;
    let answer = asked(&body).send(proxy.port).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ai-proxy-dropped").as_deref(), Some("top_k"));
    assert_eq!(answer.json()["content"][0]["text"], canned::WORDS);
    let sent = upstream.request(0).await;
    assert_eq!(sent.target(), "/v1/chat/completions");
    assert_eq!(sent.header("authorization"), [format!("Bearer {KEY}")]);
    for name in ["anthropic-beta", "anthropic-version", "x-api-key"] {
        assert!(sent.header(name).is_empty(), "{name} went to a provider that does not know it");
    }
    let sent: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent["messages"][0]["content"], "confidential prompt");

    let yaml = of_kind("openai", &upstream.base_url(), "") + "server: { on_loss: refuse }\n";
    let strict = crate::proxy(&yaml).await;
    let refused = asked(&body).send(strict.port).await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (400, &"invalid_request_error".into()));
    assert!(refused.text().contains("top_k") && !refused.text().contains("confidential"), "{}", refused.text());
    assert_eq!(asked(ASK).send(strict.port).await.status, 200, "what loses nothing passes");
    assert_eq!(upstream.count(), 2);
}

/// Several answers were asked for: who is answered in another dialect gets one, nobody pays for more, and it is told.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_answers_one_is_given_and_that_is_said() {
    let chat = r#"{"model":"m","n":2,"messages":[{"role":"user","content":"confidential prompt"}]}"#;
    let gemini = r#"{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"candidateCount":2}}"#;
    let (to_anthropic, to_openai) = (answers(Reply::json(200, &[], ANSWER.as_bytes())).await, records().await);
    for (kind, upstream, path, body) in [
        ("anthropic", &to_anthropic, "/v1/chat/completions", chat),
        ("openai", &to_openai, "/v1beta/models/m:generateContent", gemini),
    ] {
        let yaml = of_kind(kind, &upstream.base_url(), "");
        let answer = proxy(&yaml).await.post(path, body).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
        assert_eq!(answer.header("x-ai-proxy-dropped").as_deref(), Some("candidates"), "{kind}");
        let sent: serde_json::Value = serde_json::from_slice(&upstream.request(0).await.body).unwrap();
        assert!(sent.get("n").is_none(), "{sent}");

        let refused = proxy(&(yaml + "server: { on_loss: refuse }\n")).await.post(path, body).await;
        assert_eq!((refused.status, upstream.count()), (400, 1), "{kind}: {}", refused.text());
        assert!(refused.text().contains("candidates"), "{}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_summaries_is_not_asked_for_them() {
    let body = STREAM
        .replace("\"max_tokens\":50", "\"max_tokens\":9000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000}");
    for (extra, summary) in [("", true), ("reasoning_summaries: false", false)] {
        let upstream = answers(Reply::sse(arrays::said(dialects::Wire::Responses), Duration::ZERO)).await;
        let proxy = proxy(&of_kind("openai-responses", &upstream.base_url(), extra)).await;
        let answer = proxy.post("/v1/messages", body.clone()).await;
        let dropped = answer.header("x-ai-proxy-dropped").unwrap_or_default();
        assert_eq!(dropped.contains("reasoning_display"), !summary, "{dropped}: {}", answer.text());
        let sent: serde_json::Value = serde_json::from_slice(&upstream.request(0).await.body).unwrap();
        assert_eq!(
            (&sent["reasoning"]["effort"], sent["reasoning"]["summary"].is_string()),
            (&"medium".into(), summary)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_can_say_it_goes_before_a_refusal() {
    let (chat, messages) = (records().await, answers(Reply::json(200, &[], ANSWER.as_bytes())).await);
    let yaml = format!(
        "providers:\n{}{}models:\n  m: {{ targets: [first/canned-model, second/canned-model], on_loss: refuse }}\n",
        provider("first", &chat.base_url(), ""),
        provider("second", &messages.base_url(), "").replace("kind: openai", "kind: anthropic"),
    );
    let proxy = proxy(&yaml).await;
    let body = ASK.replace("\"max_tokens\"", "\"top_k\":5,\"max_tokens\"");
    let answer = proxy.post("/v1/messages", body).await;
    assert_eq!((answer.status, chat.count(), messages.count()), (200, 0, 1), "{}", answer.text());
    let route = answer.header("x-ai-proxy-route").unwrap_or_default();
    assert_eq!(route, "first/canned-model:unsayable -> second/canned-model:ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstreams_error_is_told_in_the_clients_dialect() {
    let theirs = |kind: &str| {
        format!(
            r#"{{"type":"error","error":{{"type":"{kind}","message":"max_tokens: too large"}},"request_id":"req_x"}}"#
        )
    };
    for (status_code, kind, want_status, want_type) in [
        (400, "invalid_request_error", 400, "invalid_request_error"),
        (413, "request_too_large", 413, "invalid_request_error"),
        (401, "authentication_error", 502, "server_error"),
        (429, "rate_limit_error", 429, "rate_limit_error"),
        (529, "overloaded_error", 503, "server_error"),
    ] {
        let upstream = status(status_code, &["retry-after: 2"], theirs(kind).as_bytes()).await;
        let proxy = proxy_without_retries(&of_kind("anthropic", &upstream.base_url(), "")).await;
        let answer = proxy.chat("m").await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["type"].as_str()), (want_status, Some(want_type)), "{}", answer.text());
        assert!(error["param"].is_null(), "{error}");
        if status_code == 400 {
            assert!(error["message"].as_str().unwrap().contains("max_tokens: too large"));
        }
        assert_eq!(answer.header("retry-after").is_some(), matches!(want_status, 429 | 503), "{status_code}");
    }
    // The other way round, and in Gemini's.
    let upstream = status(400, &[], &canned::error("bad value", "invalid_request_error", "bad")).await;
    let proxy = proxy_without_retries(&of_kind("openai", &upstream.base_url(), "")).await;
    let answer = proxy.post("/v1/messages", ASK).await;
    assert_eq!((answer.status, &answer.json()["type"]), (400, &"error".into()));
    assert_eq!(answer.json()["error"]["message"], "bad value");
    let answer = proxy.post("/v1beta/models/m:generateContent", r#"{"contents":[{"parts":[{"text":"x"}]}]}"#).await;
    assert_eq!(answer.json()["error"]["status"], "INVALID_ARGUMENT", "{}", answer.text());
}

/// How a stream to a client ends that was cut after content: path, body, what the last event holds, what it may not.
const CUT: [(&str, &str, &str, &str); 4] = [
    ("/v1/chat/completions", STREAM, r#"{"error":{"#, "[DONE]"),
    (
        "/v1/responses",
        r#"{"model":"m","input":"confidential prompt","stream":true,"store":false}"#,
        r#""type":"error""#,
        "response.completed",
    ),
    ("/v1/messages", STREAM, "event: error", "message_stop"),
    (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        r#"{"contents":[{"parts":[{"text":"confidential prompt"}]}]}"#,
        r#""status":"UNAVAILABLE""#,
        "finishReason",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_ends_with_an_error_in_each_clients_dialect() {
    for cut in 1..messages_stream().len() {
        let upstream = ends_early(Framing::Chunked, "text/event-stream", messages_stream()[..cut].to_vec()).await;
        let proxy =
            proxy_without_retries(&of_kind("anthropic", &upstream.base_url(), "breaker: { failures: 1000 }")).await;
        for (path, body, last, never) in CUT {
            let answer = proxy.post(path, body).await;
            let text = answer.text();
            let what = format!("{path} cut after {cut}: {} {text}", answer.status);
            if cut < 3 {
                assert_eq!(answer.status, 502, "nothing had come yet: {what}");
                continue;
            }
            assert_eq!(answer.status, 200, "{what}");
            assert!(text.contains("the quick "), "{what}");
            assert!(!matches!(answer.ended, Ended::Whole), "{what}");
            if cut < 6 {
                assert!(!text.contains(never), "a false end: {what}");
            }
            let tail = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
            assert!(tail.contains(last) || tail.contains("\"error\""), "{what}");
        }
        proxy.said_nothing_of(&["confidential prompt"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_event_after_content_is_said_in_the_clients_words() {
    let mut events = messages_stream()[..4].to_vec();
    events.push(event(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#));
    let upstream = answers(Reply::sse(events, Duration::ZERO)).await;
    let proxy = proxy_without_retries(&of_kind("anthropic", &upstream.base_url(), "")).await;
    let answer = proxy.post("/v1/chat/completions", STREAM).await;
    let last = data_lines(&answer.body).pop().unwrap();
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["error"]["message"], "Overloaded", "{}", answer.text());
    assert!(!answer.text().contains("[DONE]") && answer.ended != Ended::Whole);
    assert_eq!(proxy.access(0).await.outcome(), "cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_before_content_goes_to_the_next_deployment_over_dialects() {
    let mut events = messages_stream()[..2].to_vec();
    events.push(event(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#));
    let (bad, good) = (
        answers(Reply::sse(events, Duration::ZERO)).await,
        answers(Reply::sse(canned::stream(3), Duration::ZERO)).await,
    );
    let yaml = format!(
        "providers:\n{}{}models:\n  m: {{ targets: [first/canned-model, second/canned-model] }}\n",
        provider("first", &bad.base_url(), "").replace("kind: openai", "kind: anthropic"),
        provider("second", &good.base_url(), ""),
    );
    let proxy = proxy(&yaml).await;
    // Where it speaks the client's dialect, a stream of chunks is none of its answers.
    for (path, body, _, _) in CUT.into_iter().filter(|(path, ..)| *path != "/v1/responses") {
        let answer = proxy.post(path, body).await;
        assert_eq!((answer.status, answer.ended), (200, Ended::Whole), "{path}: {}", answer.text());
        assert!(answer.text().contains("word0") && !answer.text().contains("Overloaded"), "{path}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_asked_of_who_can_and_guessed_where_nobody_can() {
    let counts = answers(Reply::json(200, &[], br#"{"input_tokens":42}"#)).await;
    let native = proxy(&of_kind("anthropic", &counts.base_url(), "")).await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"confidential prompt"}]}"#;
    let answer = native.post("/v1/messages/count_tokens", body).await;
    assert_eq!((answer.text().as_str(), answer.header("x-ai-proxy-estimated")), (r#"{"input_tokens":42}"#, None));
    assert_eq!(counts.request(0).await.target(), "/v1/messages/count_tokens");

    let chat = records().await;
    let guessing = proxy(&of_kind("openai", &chat.base_url(), "")).await;
    let answer = guessing.post("/v1/messages/count_tokens", body).await;
    assert_eq!(answer.header("x-ai-proxy-estimated").as_deref(), Some("true"));
    assert!((3..20).contains(&answer.json()["input_tokens"].as_u64().unwrap()), "{}", answer.text());
    // Gemini's has a second form, which holds a whole request.
    let contents = r#"{"contents":[{"parts":[{"text":"confidential prompt"}]}]}"#;
    let whole = format!(r#"{{"generateContentRequest":{contents}}}"#);
    for gemini in [contents, &whole] {
        let answer = guessing.post("/v1beta/models/m:countTokens", gemini).await;
        assert!(answer.json()["totalTokens"].as_u64().is_some_and(|n| n > 0), "{}", answer.text());
    }
    assert_eq!(chat.count(), 0, "a count was billed");
}

#[tokio::test(flavor = "multi_thread")]
async fn state_of_another_provider_does_not_reach_one_of_the_clients_own_dialect() {
    // A chat client keeps what a Claude thought in the id of its call; its next turn may go to an OpenAI.
    let signed = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"thinking","thinking":"hm","signature":"c2lnbmVkLWJ5LWNsYXVkZQ=="},{"type":"tool_use","id":"toolu_1","name":"f","input":{}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let (claude, openai) = (answers(Reply::json(200, &[], signed.as_bytes())).await, records().await);
    let yaml = format!(
        "providers:\n{}{}",
        provider("claude", &claude.base_url(), "").replace("kind: openai", "kind: anthropic"),
        provider("gpt", &openai.base_url(), ""),
    );
    let proxy = proxy(&yaml).await;
    let tools = r#""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#;
    let first = format!(r#"{{"model":"claude/canned-model","messages":[{{"role":"user","content":"x"}}],{tools}}}"#);
    let answer = proxy.post("/v1/chat/completions", first).await;
    let message = &answer.json()["choices"][0]["message"];
    let id = message["tool_calls"][0]["id"].clone();
    let turn = |model: &str| {
        format!(
            r#"{{"model":"{model}/canned-model","messages":[{{"role":"user","content":"x"}},{message},{{"role":"tool","tool_call_id":{id},"content":"r"}}],{tools}}}"#
        )
    };
    // Back at its own provider it is whole again.
    proxy.post("/v1/chat/completions", turn("claude")).await;
    let back = String::from_utf8_lossy(&claude.request(1).await.body).into_owned();
    assert!(back.contains("c2lnbmVkLWJ5LWNsYXVkZQ==") && back.contains("\"toolu_1\""), "{back}");
    // And nobody else sees it.
    assert_eq!(proxy.post("/v1/chat/completions", turn("gpt")).await.status, 200);
    let other = String::from_utf8_lossy(&openai.request(0).await.body).into_owned();
    assert!(!other.contains("c2lnbmVk") && other.contains("\"toolu_1\""), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_client_hears_pings_in_its_dialect_and_gemini_the_beginning_of_what_comes() {
    let upstream = answers(Reply::sse(canned::stream(2), Duration::ZERO).after(Duration::from_millis(900))).await;
    let yaml = of_kind("openai", &upstream.base_url(), "") + "server: { keepalive: 200ms }\n";
    let proxy = proxy(&yaml).await;
    let answer = proxy.post("/v1/messages", STREAM).await;
    assert!(answer.text().starts_with("event: ping\n"), "{}", answer.text());
    assert!(answer.text().contains("message_stop") && answer.ended == Ended::Whole, "{}", answer.text());
    let gemini = r#"{"contents":[{"parts":[{"text":"confidential prompt"}]}]}"#;
    let answer = proxy.post("/v1beta/models/m:streamGenerateContent?alt=sse", gemini).await;
    let text = answer.text().replace('\r', "");
    assert!(text.starts_with("data:    ") && answer.ended == Ended::Whole, "{text}");
    let events: Vec<serde_json::Value> = text
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    assert!(events.len() >= 2 && events.iter().all(|event| event["candidates"].is_array()), "{text}");
    let answer = proxy.post("/v1beta/models/m:streamGenerateContent", gemini).await;
    let all: serde_json::Value = answer.json();
    assert!(all.as_array().is_some_and(|all| all.len() >= 2), "not an array: {}", answer.text());
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_told_in_each_dialect() {
    let upstream = records().await;
    let proxy = plan(&of_kind("openai", &upstream.base_url(), "")).start().await;
    for (path, body) in [
        ("/v1/messages", "{"),
        ("/v1/messages", r#"{"model":"m","max_tokens":"many","messages":[]}"#),
        ("/v1/messages", r#"{"model":"m","max_tokens":5,"messages":7}"#),
        ("/v1beta/models/m:generateContent", "[]"),
        ("/v1beta/models/m:generateContent", r#"{"contents":7}"#),
        ("/v1beta/models/m:generateContent", "not json"),
    ] {
        let answer = proxy.post(path, body).await;
        let json = answer.json();
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
        let kind = if path.starts_with("/v1/messages") { &json["error"]["type"] } else { &json["error"]["status"] };
        assert!(kind == "invalid_request_error" || kind == "INVALID_ARGUMENT", "{path} {body}: {json}");
    }
    let missing = proxy.post("/v1/messages", ASK.replace("\"m\"", "\"nope\"")).await;
    assert_eq!((missing.status, &missing.json()["error"]["type"]), (404, &"not_found_error".into()));
    let missing = proxy.post("/v1beta/models/nope:generateContent", "{}").await;
    assert_eq!((missing.status, &missing.json()["error"]["status"]), (404, &"NOT_FOUND".into()));
    let denied = Ask::post("/v1/messages", "wrong", ASK).send(proxy.port).await;
    assert_eq!((denied.status, &denied.json()["error"]["type"]), (401, &"authentication_error".into()));
    assert_eq!(upstream.count(), 0);
}
