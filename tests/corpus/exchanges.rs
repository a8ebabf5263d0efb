//! Every `openai.*` exchange whose body is what was on the wire.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use upstream::client::{Answer, Ask, Ended};
use upstream::corpus::{Exchange, openai_wire};
use upstream::harness::{KEY, Plan, Proxy, TOKEN};
use upstream::{Upstream, canned, odd_pieces};

use crate::usage;

/// One upstream for all: what it says next is set before each exchange.
async fn replayer(next: Arc<Mutex<Option<Exchange>>>) -> Upstream {
    Upstream::start(move |mut connection| {
        let next = Arc::clone(&next);
        async move {
            while connection.request().await?.is_some() {
                let Some(exchange) = next.lock().unwrap().clone() else {
                    return Ok(());
                };
                let mut headers: Vec<&str> = exchange.headers.iter().map(String::as_str).collect();
                headers.push("transfer-encoding: chunked");
                connection.send(&canned::head(exchange.status, &headers)).await?;
                for piece in odd_pieces(&exchange.body, exchange.body.len() as u64) {
                    connection.chunk(&piece).await?;
                }
                connection.send(b"0\r\n\r\n").await?;
            }
            Ok(())
        }
    })
    .await
}

fn endpoint(api: &str) -> Option<&'static str> {
    Some(match api {
        "openai.chat" => "/v1/chat/completions",
        "openai.completions" => "/v1/completions",
        "openai.responses" => "/v1/responses",
        "openai.embeddings" => "/v1/embeddings",
        "openai.moderations" => "/v1/moderations",
        "openai.images" => "/v1/images/generations",
        _ => return None,
    })
}

/// A provider that takes any model, and an alias for every model of the corpus.
fn yaml(base_url: &str, models: &[String]) -> String {
    let mut yaml = format!(
        "providers:\n  up:\n    kind: openai\n    base_url: {base_url}\n    api_key: {KEY}\n    allow_unlisted: true\n    breaker: {{ failures: 10000 }}\n    max_retry_after: 1s\n    models:\n"
    );
    for model in models {
        let _ = writeln!(yaml, "      {}: {{}}", Value::from(model.as_str()));
    }
    yaml.push_str("models:\n");
    for (nth, model) in models.iter().enumerate() {
        let _ =
            writeln!(yaml, "  alias-{nth}: {{ targets: [{{ deployment: {} }}] }}", Value::from(format!("up/{model}")));
    }
    yaml
}

/// What the client may get of an exchange: the recorded bytes, but for what is masked in an error.
fn same(answer: &Answer, exchange: &Exchange) -> Result<(), String> {
    if answer.status != exchange.status {
        return Err(format!(
            "status {} for {}: {}",
            answer.status,
            exchange.status,
            answer.text().chars().take(200).collect::<String>()
        ));
    }
    if answer.ended != Ended::Whole {
        return Err(format!("ended {:?}", answer.ended));
    }
    if answer.body == exchange.body {
        return Ok(());
    }
    let (got, want) = (answer.text(), String::from_utf8_lossy(&exchange.body).into_owned());
    if exchange.status >= 400 && masked_only(&got, &want) {
        return Ok(());
    }
    let at = got.bytes().zip(want.bytes()).position(|(a, b)| a != b).unwrap_or(got.len().min(want.len()));
    let around =
        |text: &str| text.as_bytes()[at.saturating_sub(60).min(text.len())..(at + 120).min(text.len())].to_vec();
    Err(format!(
        "{} bytes for {}, from {at}: {:?} for {:?}",
        got.len(),
        want.len(),
        String::from_utf8_lossy(&around(&got)),
        String::from_utf8_lossy(&around(&want))
    ))
}

/// Every part between two masks stands in the recorded text, in order.
fn masked_only(got: &str, want: &str) -> bool {
    if !got.contains("***") {
        return false;
    }
    let mut rest = want;
    for part in got.split("***") {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

/// The statuses that are ours to deal with and never handed on: the client sees an error of ours for them.
fn is_a_keys_fault(exchange: &Exchange) -> bool {
    // A 429 of the only deployment is ours too: it tells when to come again by our own cap.
    matches!(exchange.status, 401 | 402 | 403 | 429)
}

#[derive(Default)]
struct Tally {
    counts: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Tally {
    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn fail(&mut self, exchange: &Exchange, what: String) {
        self.failures.push(format!("{}: {what}", exchange.file));
    }
}

struct Run {
    proxy: Proxy,
    upstream: Upstream,
    next: Arc<Mutex<Option<Exchange>>>,
    asked: usize,
    /// Which access line belongs to which exchange, for those whose usage is still to be compared.
    accounted: Vec<(usize, Exchange)>,
    tally: Tally,
}

impl Run {
    async fn one(&mut self, exchange: &Exchange, path: &str, body: &str, expected: &str) {
        *self.next.lock().unwrap() = Some(exchange.clone());
        let before = self.upstream.count();
        let answer = Ask::post(path, TOKEN, body).send(self.proxy.port).await;
        let nth = self.asked;
        self.asked += 1;
        let Some(sent) = self.upstream.requests().get(before).cloned() else {
            return self
                .tally
                .fail(exchange, format!("never reached the upstream: {} {}", answer.status, answer.text()));
        };
        if sent.target() != path {
            self.tally.fail(exchange, format!("went to {}", sent.target()));
        }
        if sent.body != expected.as_bytes() {
            self.tally.fail(exchange, format!("{} bytes arrived of {}", sent.body.len(), expected.len()));
        }
        if is_a_keys_fault(exchange) {
            self.tally.count("answers that are a key's fault, and so ours");
            if !matches!(answer.status, 429 | 502) {
                self.tally.fail(exchange, format!("a key's fault became {}", answer.status));
            }
            // The key is out now; a new process has forgotten it.
            return;
        }
        self.tally.count(if exchange.stream { "streams" } else { "answers" });
        if whole(exchange) {
            if let Err(what) = same(&answer, exchange) {
                return self.tally.fail(exchange, what);
            }
        } else {
            self.tally.count("of them cut or failed in mid-stream when they were recorded");
            let delivered = answer.status == 200 && !answer.text().contains("[DONE]");
            if !delivered {
                return self
                    .tally
                    .fail(exchange, format!("a broken recording became {} {}", answer.status, answer.text()));
            }
        }
        if exchange.status == 200 {
            self.accounted.push((nth, exchange.clone()));
        }
    }

    /// Reads the access lines of this process: the usage is the one that was recorded.
    async fn account(&mut self) {
        for (nth, exchange) in std::mem::take(&mut self.accounted) {
            let line = self.proxy.access(nth).await;
            match (usage::reported(&exchange), line.tokens()) {
                (Some((input, output)), Some((i, o, false))) if (input, output) == (i, o) => {
                    self.tally.count("usages as recorded");
                }
                (Some(recorded), got) => self.tally.fail(&exchange, format!("usage {got:?} for {recorded:?}")),
                (None, Some((_, _, true)) | None) => self.tally.count("without a usage of their own"),
                (None, got) => self.tally.fail(&exchange, format!("usage {got:?} where none was recorded")),
            }
        }
    }
}

/// Whether the recorded stream reached its own end.
fn whole(exchange: &Exchange) -> bool {
    if !exchange.stream || exchange.status != 200 {
        return true;
    }
    let text = String::from_utf8_lossy(&exchange.body);
    let finished = [
        "[DONE]",
        "\"finish_reason\":\"",
        "\"finish_reason\": \"",
        "response.completed",
        "response.failed",
        "response.incomplete",
    ];
    finished.iter().any(|mark| text.contains(mark)) && !text.contains("\"error\":{\"message\"")
}

async fn start(next: &Arc<Mutex<Option<Exchange>>>, models: &[String]) -> (Upstream, Proxy) {
    let upstream = replayer(Arc::clone(next)).await;
    let plan =
        Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), &yaml(&upstream.base_url(), models)).env("RETRY_MAX_RETRIES", "0");
    (upstream, plan.start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_crosses_byte_for_byte() {
    let Some(exchanges) = openai_wire() else {
        assert!(std::env::var_os("CORPUS_REQUIRED").is_none());
        println!("skipped: no recorded exchanges beside the project (../shared/corpus)");
        return;
    };
    let model_of = |exchange: &Exchange| {
        serde_json::from_str::<Value>(&exchange.request).ok().and_then(|v| v["model"].as_str().map(str::to_owned))
    };
    let mut models: Vec<String> = exchanges.iter().filter_map(model_of).collect();
    models.sort();
    models.dedup();

    let next = Arc::new(Mutex::new(None));
    let (upstream, proxy) = start(&next, &models).await;
    let mut run = Run { proxy, upstream, next, asked: 0, accounted: Vec::new(), tally: Tally::default() };
    for exchange in &exchanges {
        let (Some(path), Some(model)) = (endpoint(&exchange.api), model_of(exchange)) else {
            run.tally.count("not a model's endpoint, or no model named: left out");
            continue;
        };
        // By the deployment's own name, and under an alias: only these bytes may differ.
        let quoted = Value::from(model.as_str()).to_string();
        let alias = format!("\"alias-{}\"", models.binary_search(&model).unwrap());
        let aliased = with_model(&exchange.request, &quoted, &alias);
        for (body, expected) in
            [(exchange.request.clone(), exchange.request.clone()), (aliased, exchange.request.clone())]
        {
            run.one(exchange, path, &body, &expected).await;
            if exchange.status >= 400 {
                run.account().await;
                // Its key or deployment now cools, as it should: the next exchange meets a fresh process.
                let (upstream, proxy) = start(&run.next, &models).await;
                (run.upstream, run.proxy, run.asked) = (upstream, proxy, 0);
            }
        }
    }
    run.account().await;
    for (what, count) in &run.tally.counts {
        println!("{count:5} {what}");
    }
    println!("{:5} failures", run.tally.failures.len());
    assert!(run.tally.failures.is_empty(), "{} failures:\n{}", run.tally.failures.len(), run.tally.failures.join("\n"));
    assert!(run.tally.counts.values().sum::<usize>() > 400, "the corpus has shrunk");
}

/// Puts `alias` where the top-level `"model"` has its value.
fn with_model(body: &str, quoted: &str, alias: &str) -> String {
    // The recorder wrote `"model": "x"` with one space or none; a nested `model` of the same value comes later or
    // has the same effect on both sides of the comparison only when it is the first, which the test would show.
    for between in ["\"model\": ", "\"model\":"] {
        let (from, to) = (format!("{between}{quoted}"), format!("{between}{alias}"));
        if body.contains(&from) {
            return body.replacen(&from, &to, 1);
        }
    }
    panic!("no model {quoted} in {body}");
}
