//! A Gemini client that asks for no events reads a stream as one JSON array. Over an upstream of every dialect: it is JSON
//! whatever becomes of the upstream, its elements come as they are said, and an answer that breaks off says so in the last.

use std::time::Duration;

use dialects::translate::{Context, Stream};
use dialects::{Output, Wire};
use serde_json::Value;
use upstream::client::{Answer, Ask, Ended};
use upstream::harness::{KEY, Proxy, TOKEN};
use upstream::*;

use crate::{bedrock, plan};

const WIRES: [(Wire, &str); 5] = [
    (Wire::Chat, "kind: openai"),
    (Wire::Responses, "kind: openai-responses"),
    (Wire::Messages, "kind: anthropic"),
    (Wire::Gemini, "kind: gemini"),
    (Wire::Converse, "kind: bedrock, region: eu-west-3"),
];

/// The canned chat in this format, what each of its events comes to a piece.
pub fn said(wire: Wire) -> Vec<Vec<u8>> {
    let context = Context { request_id: "r".into(), include_usage: true, array: true, ..Context::default() };
    let mut stream = Stream::new(Wire::Chat, wire, &context);
    let mut pieces = Vec::new();
    for event in canned::stream(3) {
        let mut out = Output::default();
        stream.push(&event, &mut out);
        pieces.push(out.whole());
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn content_type(wire: Wire) -> &'static str {
    match wire {
        Wire::Chat | Wire::Responses | Wire::Messages => "text/event-stream",
        Wire::Gemini => "application/json; charset=UTF-8",
        Wire::Converse => "application/vnd.amazon.eventstream",
    }
}

/// An error of the upstream's own, after content.
fn error(wire: Wire) -> Vec<u8> {
    match wire {
        Wire::Chat => b"data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"server_error\",\"code\":503}}\n\n".to_vec(),
        Wire::Responses => b"event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"Overloaded\",\"param\":null,\"sequence_number\":9}\n\n".to_vec(),
        Wire::Messages => b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n".to_vec(),
        Wire::Gemini => format!(",\r\n{{\"error\":{{\"code\":503,\"message\":\"Overloaded {KEY}\",\"status\":\"UNAVAILABLE\"}}}}]").into_bytes(),
        Wire::Converse => {
            let exception = [(":message-type", "exception"), (":exception-type", "serviceUnavailableException")];
            bedrock::message(&exception, "{\"message\":\"Overloaded\"}")
        }
    }
}

async fn proxy(kind: &str, upstream: &Upstream, extra: &str) -> Proxy {
    let yaml = format!(
        "providers:\n  up: {{ {kind}, base_url: 'http://{}', api_key: {KEY}, models: [canned-model], breaker: {{ failures: 1000 }}{extra} }}\nmodels:\n  m: {{ targets: [up/canned-model] }}\nserver: {{ shutdown_grace: 1s }}\n",
        upstream.addr()
    );
    plan(&yaml).env("RETRY_MAX_RETRIES", "0").start().await
}

fn ask() -> Ask {
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"confidential prompt"}]}]}"#;
    Ask::new("POST", "/v1beta/models/m:streamGenerateContent").header("x-goog-api-key", TOKEN).body(body)
}

/// The words of a whole array, and the error in its last element.
fn read(answer: &Answer, what: &str) -> (String, Option<Value>) {
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole), "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type").unwrap().split(';').next(), Some("application/json"), "{what}");
    elements(&answer.body, what)
}

fn elements(body: &[u8], what: &str) -> (String, Option<Value>) {
    let text = String::from_utf8_lossy(body);
    let mut elements: Vec<Value> = serde_json::from_slice(body).unwrap_or_else(|e| panic!("{what}: {e}: {text}"));
    let error = elements.pop_if(|last| last["error"].is_object()).map(|mut last| last["error"].take());
    assert!(elements.iter().all(|element| element["candidates"].is_array()), "{what}: {text}");
    let parts = elements.iter().filter_map(|element| element["candidates"][0]["content"]["parts"].as_array()).flatten();
    (parts.filter_map(|part| part["text"].as_str()).collect(), error)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_is_an_array_with_an_error_in_it() {
    for (wire, kind) in WIRES {
        let pieces = said(wire);
        let (mut broken, mut whole) = (0, 0);
        // After every event, and in the middle of every one.
        for cut in 0..pieces.len() * 2 + 1 {
            let mut sent = pieces[..cut / 2].to_vec();
            if cut % 2 == 1 {
                sent.push(pieces[cut / 2][..pieces[cut / 2].len() / 2].to_vec());
            }
            let upstream = ends_early(Framing::Chunked, content_type(wire), sent).await;
            let proxy = proxy(kind, &upstream, "").await;
            let answer = ask().send(proxy.port).await;
            let what = format!("{} cut after {cut} of {}", wire.label(), pieces.len() * 2);
            if answer.status == 502 {
                assert_eq!((broken, &answer.json()["error"]["status"]), (0, &"UNAVAILABLE".into()), "{what}");
                continue;
            }
            let (words, error) = read(&answer, &what);
            assert!(words.starts_with("word0 "), "{what}: {}", answer.text());
            assert_eq!(answer.text().contains("finishReason"), error.is_none(), "{what}: {}", answer.text());
            let outcome = if error.is_some() { "cut" } else { "answered" };
            assert_eq!(proxy.access(0).await.outcome(), outcome, "{what}");
            match error {
                Some(error) => {
                    assert_eq!((&error["code"], &error["status"]), (&502.into(), &"UNAVAILABLE".into()), "{what}");
                    broken += 1;
                }
                None => {
                    assert_eq!(words, "word0 word1 word2 ", "{what}");
                    whole += 1;
                }
            }
        }
        println!("{}: {broken} ways to break it off, {whole} to have all of it", wire.label());
        assert!(broken >= 4 && whole >= 1, "{}", wire.label());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_middle_is_told_as_the_last_element() {
    for (wire, kind) in WIRES {
        let mut pieces = said(wire)[..if wire == Wire::Gemini { 2 } else { 3 }].to_vec();
        pieces.push(error(wire));
        let mut reply = Reply::sse(pieces, Duration::ZERO);
        reply.head =
            canned::head(200, &[&format!("content-type: {}", content_type(wire)), "transfer-encoding: chunked"]);
        let upstream = answers(reply).await;
        let proxy = proxy(kind, &upstream, "").await;
        let answer = ask().send(proxy.port).await;
        let (words, error) = read(&answer, wire.label());
        assert!(!answer.text().contains(KEY), "{}: {}", wire.label(), answer.text());
        let error = error.unwrap_or_else(|| panic!("{}: no error after {words}", wire.label()));
        assert!(words.starts_with("word0 "), "{}: {words}", wire.label());
        assert!(error["code"].is_u64() && error["status"].is_string(), "{}: {error}", wire.label());
        assert!(error["message"].as_str().unwrap().contains("Overloaded"), "{}: {error}", wire.label());
        assert_eq!(proxy.access(0).await.outcome(), "cut", "{}", wire.label());
        proxy.said_nothing_of(&[KEY, "confidential prompt"]);
    }
}

/// Silence and shutdown end what the provider has left open, in the middle of an element too.
#[tokio::test(flavor = "multi_thread")]
async fn what_we_end_ourselves_is_an_array_too() {
    for (wire, kind) in WIRES {
        let pieces = said(wire);
        let mut sent = pieces[..if wire == Wire::Gemini { 2 } else { 3 }].to_vec();
        let next = &pieces[sent.len()];
        sent.push(next[..next.len() / 2].to_vec());
        let upstream = stalls(content_type(wire), sent).await;
        let idle = proxy(kind, &upstream, ", timeouts: { idle: 300ms }").await;
        let (words, error) = read(&ask().send(idle.port).await, wire.label());
        assert!(words.starts_with("word0 "), "{}: {words}", wire.label());
        assert_eq!(error.unwrap()["status"], "DEADLINE_EXCEEDED", "{}", wire.label());

        let mut stopped = proxy(kind, &upstream, "").await;
        let mut open = ask().open(stopped.port).await;
        open.head().await;
        let mut body = open.until(b"word0").await;
        stopped.terminate();
        body.extend(open.rest().await);
        assert_eq!(open.ended(), Some(Ended::Whole), "{}", wire.label());
        let (_, error) = elements(&body, wire.label());
        assert_eq!(error.unwrap()["message"], "the gateway is shutting down", "{}", wire.label());
        stopped.ended(Duration::from_secs(5)).await;
    }
}

/// Gemini's own error, and then nothing, or an element that is too long to be held and has no end.
#[tokio::test(flavor = "multi_thread")]
async fn behind_an_error_of_its_own_a_provider_is_cut_off() {
    let told = b",\n{\"error\":{\"code\":503,\"message\":\"Overloaded\",\"status\":\"UNAVAILABLE\"}}".to_vec();
    let begun = || [said(Wire::Gemini)[..2].concat(), told.clone()].to_vec();
    let upstream = stalls("application/json", begun()).await;
    let silent = proxy("kind: gemini", &upstream, ", timeouts: { idle: 300ms }").await;
    let answer = ask().send(silent.port).await;
    let (_, error) = read(&answer, "silent");
    assert_eq!((&error.unwrap()["message"], answer.text().matches("error").count()), (&"Overloaded".into(), 1));

    let mut endless = begun();
    endless.push([b",\n{\"x\":\"".as_slice(), &[b'y'; 200_000]].concat());
    let upstream = ends_early(Framing::Chunked, "application/json", endless).await;
    let cut = proxy("kind: gemini", &upstream, "").await;
    assert_ne!(ask().send(cut.port).await.ended, Ended::Whole);
}

/// Begins well, and then says nothing more.
async fn stalls(content_type: &'static str, pieces: Vec<Vec<u8>>) -> Upstream {
    Upstream::start(move |mut connection| {
        let pieces = pieces.clone();
        async move {
            if connection.request().await?.is_none() {
                return Ok(());
            }
            let kind = format!("content-type: {content_type}");
            connection.send(&canned::head(200, &[&kind, "transfer-encoding: chunked"])).await?;
            for piece in pieces {
                connection.chunk(&piece).await?;
            }
            connection.until_closed().await
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_comes_when_it_is_said() {
    for (wire, kind) in WIRES {
        let upstream =
            stalls(content_type(wire), said(wire)[..if wire == Wire::Gemini { 2 } else { 4 }].to_vec()).await;
        let proxy = proxy(kind, &upstream, "").await;
        let mut open = ask().open(proxy.port).await;
        open.head().await;
        open.until(b"word1").await;
        let _ = open.leave();
        proxy.idle().await;
    }
}
