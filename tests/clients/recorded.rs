//! Recorded answers of real providers, read by the official SDKs of every dialect through the real binary.
//!
//! An upstream replays an exchange in odd pieces, behind a provider that speaks its format; which one, the model's name
//! says. The SDKs run in one process for each language and hand on what they have read. It must be what a plain reading
//! of the recording comes to, but for what [`compare`] declares. The recordings lie beside the project; where they do
//! not, this says so and skips.

mod compare;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use compare::{Difference, Field, declared, differences};
use dialects::Wire;
use serde_json::{Value, json};
use upstream::corpus::{Exchange, recorded};
use upstream::harness::{KEY, Plan, Proxy, TOKEN};
use upstream::{Upstream, canned, odd_pieces};

use crate::installed;
use crate::process::{Process, program};
use crate::support::heard::{self, Heard};
use crate::support::{Random, heard_gemini};

/// The formats, as the recordings call them, and the kind of provider that speaks them.
pub const WIRES: [(Wire, &str, &str); 4] = [
    (Wire::Chat, "openai.chat", "openai\n    responses: false"),
    (Wire::Responses, "openai.responses", "openai-responses"),
    (Wire::Messages, "anthropic.messages", "anthropic"),
    (Wire::Gemini, "gemini.generateContent", "gemini"),
];

/// After this long nothing more is asked for: on a slow machine fewer pairs are shown, the same ones every time first.
const BUDGET: Duration = Duration::from_secs(200);

/// How much is asked for at once.
const AT_ONCE: usize = 8;

pub fn wire_of(exchange: &Exchange) -> Option<Wire> {
    WIRES.iter().find(|(_, api, _)| *api == exchange.api).map(|(wire, ..)| *wire)
}

fn text_of(exchange: &Exchange) -> &str {
    std::str::from_utf8(&exchange.body).unwrap()
}

/// Whether it is an error, though it begins as an answer.
fn fails(exchange: &Exchange) -> bool {
    text_of(exchange).contains("\"error\":{") || text_of(exchange).contains("\"error\": {")
}

/// The number of the exchange that a request asks for.
fn asked_for(request: &upstream::Request) -> Option<usize> {
    let body: Option<Value> = serde_json::from_slice(&request.body).ok();
    let target = request.target();
    let in_path = || target.split("/models/").nth(1)?.split(':').next().map(str::to_owned);
    let model = body.and_then(|body| body["model"].as_str().map(str::to_owned)).or_else(in_path)?;
    model.strip_prefix('e')?.parse().ok()
}

async fn replayer(exchanges: Arc<Vec<Exchange>>) -> Upstream {
    Upstream::start(move |mut connection| {
        let exchanges = Arc::clone(&exchanges);
        async move {
            while let Some(request) = connection.request().await? {
                let Some(exchange) = asked_for(&request).and_then(|nth| exchanges.get(nth)) else {
                    connection.send(&canned::json(404, &[], b"{}")).await?;
                    continue;
                };
                let mut headers: Vec<&str> = exchange.headers.iter().map(String::as_str).collect();
                headers.push("transfer-encoding: chunked");
                if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type:")) {
                    let kinds = ["content-type: application/json", "content-type: text/event-stream"];
                    headers.push(kinds[usize::from(exchange.stream)]);
                }
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

/// The provider of an exchange: those that fail have one each, for it may have to cool.
fn provider_of(nth: usize, exchange: &Exchange) -> String {
    let label = wire_of(exchange).unwrap().label();
    if fails(exchange) { format!("{label}-e{nth}") } else { label.to_owned() }
}

fn yaml(base_url: &str, exchanges: &[Exchange]) -> String {
    let mut providers: BTreeMap<String, Wire> = BTreeMap::new();
    for (nth, exchange) in exchanges.iter().enumerate() {
        providers.insert(provider_of(nth, exchange), wire_of(exchange).unwrap());
    }
    let mut yaml = "providers:\n".to_owned();
    for (name, wire) in providers {
        let (.., kind) = WIRES.iter().find(|known| known.0 == wire).unwrap();
        let _ = write!(
            yaml,
            "  {name}:\n    kind: {kind}\n    base_url: {base_url}\n    api_key: {KEY}\n    allow_unlisted: true\n    breaker: {{ failures: 10000 }}\n"
        );
    }
    yaml
}

/// A plain reading of what was recorded, or of what an SDK has read.
pub fn reading(wire: Wire, stream: bool, text: &str) -> Heard {
    match (wire, stream) {
        (Wire::Gemini, true) => heard_gemini::stream(text),
        (Wire::Gemini, false) => heard_gemini::whole(text),
        (_, true) => heard::stream(wire, text),
        (_, false) => heard::whole(wire, text),
    }
}

#[derive(Default)]
struct Tally {
    pairs: BTreeMap<String, usize>,
    declared: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Tally {
    fn take(&mut self, told: &Value, exchanges: &[Exchange]) {
        let nth: usize = told["id"].as_str().unwrap()[1..].parse().unwrap();
        let exchange = &exchanges[nth];
        let from = wire_of(exchange).unwrap();
        let (to, ..) = *WIRES.iter().find(|(wire, ..)| told["client"] == wire.label()).unwrap();
        let kind = if exchange.stream { "streams" } else { "answers" };
        *self.pairs.entry(format!("{:9} to {:9} {kind}", from.label(), to.label())).or_default() += 1;
        let (said, found) = judged(from, to, exchange, told);
        for difference in found {
            let pair = format!("{} to {}: {:?}", from.label(), to.label(), difference.field);
            match declared(from, to, &difference, &said) {
                Some(reason) => *self.declared.entry(format!("{pair}: {reason}")).or_default() += 1,
                None => self.failures.push(format!("{pair} of {}: {}", exchange.file, difference.what)),
            }
        }
    }

    fn show(&self, language: &str, exchanges: usize, all: usize) {
        let done: usize = self.pairs.values().sum();
        println!("{language}: {exchanges} exchanges, {done} of {all} pairs of one and a client");
        self.pairs.iter().for_each(|(pair, count)| println!("{count:6} {pair}"));
        println!("{:6} differences that are declared", self.declared.values().sum::<usize>());
        self.declared.iter().for_each(|(what, count)| println!("{count:6} {what}"));
        println!("{:6} that are not", self.failures.len());
    }
}

/// What was said, and how what was read differs from it.
fn judged(from: Wire, to: Wire, exchange: &Exchange, told: &Value) -> (Heard, Vec<Difference>) {
    let one = |field, what| vec![Difference { field, what }];
    let raised = told["error"].as_str();
    if fails(exchange) {
        let silent = one(Field::Silent, told["read"].to_string());
        return (Heard::default(), if raised.is_some() { Vec::new() } else { silent });
    }
    let said = reading(from, exchange.stream, text_of(exchange));
    if let Some(error) = raised {
        return (said, one(Field::Raised, error.to_owned()));
    }
    let read = told["read"].to_string();
    let found = match catch_unwind(AssertUnwindSafe(|| reading(to, false, &read))) {
        Ok(heard) => differences(&said, &heard),
        Err(_) => one(Field::Raised, format!("unreadable: {read}")),
    };
    (said, found)
}

/// Arrays are the other form of a Gemini stream; its SDKs never ask for it.
fn is_array(exchange: &Exchange) -> bool {
    !exchange.stream && text_of(exchange).starts_with('[')
}

/// Every exchange with every client, in an order that is the same every time and favours none.
fn jobs(exchanges: &[Exchange]) -> Vec<Value> {
    let mut jobs = Vec::new();
    for (nth, exchange) in exchanges.iter().enumerate() {
        for (to, ..) in WIRES {
            if to == Wire::Gemini && is_array(exchange) {
                continue;
            }
            jobs.push(json!({
                "id": format!("e{nth}"),
                "model": format!("{}/e{nth}", provider_of(nth, exchange)),
                "client": to.label(),
                "stream": exchange.stream,
                "strict": wire_of(exchange) != Some(to),
            }));
        }
    }
    let mut random = Random(4);
    for nth in (1..jobs.len()).rev() {
        jobs.swap(nth, random.below(nth + 1));
    }
    jobs
}

fn ask_all(process: &mut Process, exchanges: &[Exchange], jobs: &[Value]) -> Tally {
    let (started, mut tally, mut asked, mut answered) = (Instant::now(), Tally::default(), 0, 0);
    loop {
        while asked < jobs.len() && asked - answered < AT_ONCE && started.elapsed() < BUDGET {
            process.tell(&jobs[asked]);
            asked += 1;
        }
        if answered == asked {
            return tally;
        }
        tally.take(&process.told(), exchanges);
        answered += 1;
    }
}

async fn stage(exchanges: &Arc<Vec<Exchange>>) -> (Upstream, Proxy) {
    let upstream = replayer(Arc::clone(exchanges)).await;
    let plan = Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), &yaml(&upstream.base_url(), exchanges));
    let proxy = plan.env("RETRY_MAX_RETRIES", "0").start().await;
    (upstream, proxy)
}

async fn every_answer_is_read(language: &'static str, script: &'static str) {
    let Some(exchanges) = recorded(|exchange| exchange.status == 200 && wire_of(exchange).is_some()) else {
        println!("skipped: no recorded exchanges beside the project (../shared/corpus)");
        return;
    };
    let Some(dir) = installed() else { return };
    let exchanges = Arc::new(exchanges);
    let (_upstream, proxy) = stage(&exchanges).await;
    let port = proxy.port;
    let asking = move || {
        let jobs = jobs(&exchanges);
        let mut command = program(language, script, dir);
        command.env("ROOT", format!("http://127.0.0.1:{port}")).env("TOKEN", TOKEN);
        let mut process = Process::start(command);
        let tally = ask_all(&mut process, &exchanges, &jobs);
        tally.show(language, exchanges.len(), jobs.len());
        tally
    };
    let tally = tokio::task::spawn_blocking(asking).await.unwrap();
    assert!(tally.failures.is_empty(), "{} differences:\n{}", tally.failures.len(), tally.failures.join("\n"));
    assert!(tally.pairs.values().sum::<usize>() > 200, "far too slow to show anything");
    proxy.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_python_sdk_reads_every_recorded_answer() {
    every_answer_is_read("python", "recorded_python.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_sdk_reads_every_recorded_answer() {
    every_answer_is_read("node", "recorded_node.mjs").await;
}
