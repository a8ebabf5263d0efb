//! Every request that a real client was seen to send, to models of every provider: without exception it is taken,
//! answered in the client's own format, and reaches the provider whole and as its official SDK would have written it.
//!
//! The captures lie beside the project; where they do not, this says so and skips.

mod provider;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use dialects::Wire;
use provider::provider;
use request::{Captured, captured};
use serde_json::Value;
use upstream::Upstream;
use upstream::client::{Answer, Ended};
use upstream::harness::{KEY, Plan, Proxy};

use crate::installed;
use crate::recorded::reading;
use crate::schemas::{MAY_SAY, Written, judge};

/// Who answers: the demo, or a provider of each format.
const PROVIDERS: [(Option<Wire>, &str); 6] = [
    (None, "demo"),
    (Some(Wire::Chat), "openai\n    responses: false"),
    (Some(Wire::Responses), "openai-responses"),
    (Some(Wire::Messages), "anthropic"),
    (Some(Wire::Gemini), "gemini"),
    (Some(Wire::Converse), "bedrock\n    region: eu-west-3"),
];

/// One model of this provider, under every name that the clients use.
async fn proxy(kind: &str, upstream: Option<&Upstream>, models: &BTreeSet<&str>) -> Proxy {
    let mut yaml = format!("providers:\n  up:\n    kind: {kind}\n");
    let model = if let Some(upstream) = upstream {
        let (at, key) = (upstream.addr(), format!("api_key: {KEY}\n    models: [canned-model]"));
        let _ = writeln!(yaml, "    base_url: http://{at}\n    {key}");
        "canned-model"
    } else {
        "demo"
    };
    yaml.push_str("models:\n");
    for name in models {
        let _ = writeln!(yaml, "  {}: {{ targets: [up/{model}] }}", Value::from(*name));
    }
    Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), &yaml).env("RETRY_MAX_RETRIES", "0").start().await
}

async fn answered(captured: &Captured, proxy: &Proxy) -> Answer {
    let mut wire = captured.ask().open(proxy.port).await;
    if captured.method != "HEAD" {
        return wire.answer().await;
    }
    let (status, head) = wire.head().await;
    Answer { status, head, body: Vec::new(), ended: Ended::Whole }
}

/// Whether it is an error that this client's SDK knows as one.
fn is_error(wire: Wire, answer: &Answer) -> bool {
    let body = answer.json();
    let error = &body["error"];
    error["message"].is_string()
        && match wire {
            Wire::Messages => body["type"] == "error" && error["type"].is_string(),
            Wire::Gemini => error["code"] == answer.status && error["status"].is_string(),
            Wire::Chat | Wire::Responses | Wire::Converse => error["type"].is_string(),
        }
}

/// What is wrong with the answer to a conversation.
fn wrong(wire: Wire, answer: &Answer) -> Option<String> {
    if answer.status != 200 || answer.ended != Ended::Whole {
        return Some(format!("{} {:?}: {}", answer.status, answer.ended, answer.text()));
    }
    let stream = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    let heard = reading(wire, stream, &answer.body);
    let said = !heard.text.is_empty() || !heard.calls.is_empty();
    (!heard.ended || !said).then(|| format!("it says nothing: {}", answer.text()))
}

#[derive(Default)]
struct Shown {
    conversations: BTreeMap<String, usize>,
    others: BTreeMap<String, usize>,
    failures: Vec<String>,
    declared: BTreeMap<&'static str, usize>,
    /// What was translated, for the types of the SDKs.
    arrived: Vec<Written>,
}

impl Shown {
    async fn one(&mut self, captured: &Captured, upstream: Option<(Wire, &Upstream)>, proxy: &Proxy) {
        let label = upstream.map_or("demo", |(wire, _)| wire.label());
        let before = upstream.map_or(0, |(_, upstream)| upstream.count());
        let answer = answered(captured, proxy).await;
        let name = format!("{} {} {} to {label}", captured.name, captured.method, captured.path);
        let Some(client) = captured.wire() else {
            let served = ["/", "/v1/models", "/v1/messages/count_tokens"].contains(&&*captured.path)
                || captured.path.ends_with(":countTokens");
            let fine = answer.status == 200 || !served && is_error(captured.speaks(), &answer);
            if !fine {
                self.failures.push(format!("{name}: {} {}", answer.status, answer.text()));
            }
            let line = format!("{} {} {} to {label}", answer.status, captured.method, captured.path);
            *self.others.entry(line).or_default() += 1;
            return;
        };
        *self.conversations.entry(format!("{:9} to {label}", client.label())).or_default() += 1;
        if let Some(what) = wrong(client, &answer) {
            return self.failures.push(format!("{name}: {what}"));
        }
        let Some((wire, upstream)) = upstream else { return };
        let body: Value = serde_json::from_slice(&upstream.requests()[before].body).unwrap();
        for missing in captured.missing(&body) {
            self.failures.push(format!("{name}: {missing} has not arrived"));
        }
        if wire != client {
            self.arrived.push(Written { name, wire, body });
        }
    }

    /// What the types of an SDK say against what arrived.
    fn judged(&mut self, what: String) {
        match MAY_SAY.iter().find(|(part, _)| what.contains(part)) {
            Some((_, reason)) => *self.declared.entry(reason).or_default() += 1,
            None => self.failures.push(what),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_real_client_is_answered_by_every_provider() {
    let Some(requests) = captured() else {
        println!("skipped: no captured clients beside the project (../shared/clients)");
        return;
    };
    let models: BTreeSet<&str> = requests.iter().filter_map(Captured::model).collect();
    let mut shown = Shown::default();
    for (wire, kind) in PROVIDERS {
        let upstream = match wire {
            Some(wire) => Some((wire, provider(wire).await)),
            None => None,
        };
        let upstream = upstream.as_ref().map(|(wire, upstream)| (*wire, upstream));
        let proxy = proxy(kind, upstream.map(|(_, upstream)| upstream), &models).await;
        for captured in &requests {
            shown.one(captured, upstream, &proxy).await;
        }
        proxy.idle().await;
    }
    match installed() {
        Some(dir) => judge(dir, &shown.arrived).into_iter().for_each(|problem| shown.judged(problem)),
        None => println!("skipped: the types of the SDKs"),
    }
    println!("{} captured requests, {} translations held against types", requests.len(), shown.arrived.len());
    shown.conversations.iter().for_each(|(what, count)| println!("{count:5} {what}"));
    shown.others.iter().for_each(|(what, count)| println!("{count:5} {what}"));
    shown.declared.iter().for_each(|(what, count)| println!("{count:5} differ, as is declared: {what}"));
    assert!(shown.failures.is_empty(), "{}:\n{}", shown.failures.len(), shown.failures.join("\n"));
}
