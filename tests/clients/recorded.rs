//! Recorded answers of real providers, read by the official SDKs of every dialect through the real binary.
//!
//! An upstream replays an exchange in odd pieces, behind a provider that speaks its format; which one, the model's name
//! says. The SDKs run in one process for each language and hand on what they have read. It must be what a plain reading
//! of the recording comes to, but for what [`compare`] declares. The recordings lie beside the project; where they do
//! not, this says so and skips.

mod compare;
mod source;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use compare::{Difference, Field, declared, differences};
use dialects::Wire;
use serde_json::{Value, json};
use source::Source;
use upstream::corpus::{Exchange, recorded};
use upstream::harness::{Plan, Proxy, TOKEN};
use upstream::{Upstream, canned, odd_pieces};

use crate::installed;
use crate::process::{Process, program};
use crate::support::heard::{self, Heard};
use crate::support::{Random, heard_converse, heard_gemini};

/// The formats of clients, as the recordings call them.
pub const WIRES: [(Wire, &str); 4] = [
    (Wire::Chat, "openai.chat"),
    (Wire::Responses, "openai.responses"),
    (Wire::Messages, "anthropic.messages"),
    (Wire::Gemini, "gemini.generateContent"),
];

/// After this long nothing more is asked for: on a slow machine fewer pairs are shown, the same ones every time first.
const BUDGET: Duration = Duration::from_secs(200);

/// How much is asked for at once.
const AT_ONCE: usize = 8;

pub fn wire_of(exchange: &Exchange) -> Option<Wire> {
    WIRES.iter().find(|(_, api)| *api == exchange.api).map(|(wire, _)| *wire)
}

/// Whether it is an error, though it begins as an answer.
fn fails(exchange: &Exchange) -> bool {
    let text = String::from_utf8_lossy(&exchange.body);
    text.contains("\"error\":{") || text.contains("\"error\": {")
}

/// An exchange, the provider that it is replayed behind, and the client that asks for it.
struct Job {
    nth: usize,
    source: &'static Source,
    to: Wire,
    /// As a JSON array of what streams, which the SDKs never ask for: it is read by their types.
    array: bool,
}

async fn replayer(exchanges: Arc<Vec<Exchange>>) -> Upstream {
    Upstream::start(move |mut connection| {
        let exchanges = Arc::clone(&exchanges);
        async move {
            while let Some(request) = connection.request().await? {
                let Some(exchange) = Source::asked_for(&request).and_then(|nth| exchanges.get(nth)) else {
                    connection.send(&canned::json(404, &[], b"{}")).await?;
                    continue;
                };
                let mut headers: Vec<&str> = exchange.headers.iter().map(String::as_str).collect();
                headers.push("transfer-encoding: chunked");
                if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type:")) {
                    headers.push(match (exchange.stream, &*exchange.api) {
                        (false, _) => "content-type: application/json",
                        (true, "bedrock.converse") => "content-type: application/vnd.amazon.eventstream",
                        (true, _) => "content-type: text/event-stream",
                    });
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

fn yaml(root: &str, exchanges: &[Exchange], jobs: &[Job]) -> String {
    let of = |job: &Job| (job.source.provider(job.nth, fails(&exchanges[job.nth])), job.source);
    let providers: BTreeMap<String, &Source> = jobs.iter().map(of).collect();
    let providers: String = providers.iter().map(|(name, source)| source.yaml(name, root)).collect();
    format!("providers:\n{providers}")
}

/// A plain reading of what was recorded, or of what an SDK has read.
pub fn reading(wire: Wire, stream: bool, body: &[u8]) -> Heard {
    let text = || std::str::from_utf8(body).unwrap();
    match (wire, stream) {
        (Wire::Gemini, true) => heard_gemini::stream(text()),
        (Wire::Gemini, false) => heard_gemini::whole(text()),
        (Wire::Converse, true) => heard_converse::stream(body),
        (Wire::Converse, false) => heard_converse::whole(text()),
        (Wire::Chat | Wire::Responses | Wire::Messages, true) => heard::stream(wire, text()),
        (Wire::Chat | Wire::Responses | Wire::Messages, false) => heard::whole(wire, text()),
    }
}

#[derive(Default)]
struct Tally {
    pairs: BTreeMap<String, usize>,
    declared: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Tally {
    fn take(&mut self, told: &Value, exchanges: &[Exchange], jobs: &[Job]) {
        let Job { nth, source, to, array } = jobs[usize::try_from(told["id"].as_u64().unwrap()).unwrap()];
        let (exchange, from) = (&exchanges[nth], source.wire);
        let kind = if array { "arrays" } else { ["answers", "streams"][usize::from(exchange.stream)] };
        *self.pairs.entry(format!("{:18} to {:9} {kind}", source.label, to.label())).or_default() += 1;
        let (said, found) = judged(from, to, exchange, told);
        for difference in found {
            let pair = format!("{} to {}: {:?}", source.label, to.label(), difference.field);
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
    // It is yet to be made: no other format can say so.
    let queued = from == Wire::Responses
        && to != from
        && String::from_utf8_lossy(&exchange.body).contains("\"status\":\"queued\"");
    if fails(exchange) || queued {
        let silent = one(Field::Silent, told["read"].to_string());
        return (Heard::default(), if raised.is_some() { Vec::new() } else { silent });
    }
    let said = reading(from, exchange.stream, &exchange.body);
    if let Some(error) = raised {
        return (said, one(Field::Raised, error.to_owned()));
    }
    let read = told["read"].to_string();
    let found = match catch_unwind(AssertUnwindSafe(|| reading(to, false, read.as_bytes()))) {
        Ok(heard) => differences(&said, &heard),
        Err(_) => one(Field::Raised, format!("unreadable: {read}")),
    };
    (said, found)
}

/// Arrays are the other form of a Gemini stream.
fn is_array(exchange: &Exchange) -> bool {
    !exchange.stream && exchange.body.starts_with(b"[")
}

/// Every exchange with every client, in an order that is the same every time and favours none.
fn jobs(exchanges: &[Exchange]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (nth, exchange) in exchanges.iter().enumerate() {
        for (to, _) in WIRES {
            for source in Source::of(exchange, to) {
                let own = source.wire == to && is_array(exchange);
                if !(to == Wire::Gemini && own) {
                    jobs.push(Job { nth, source, to, array: false });
                }
                if to == Wire::Gemini && (own || exchange.stream && source.wire != to) {
                    jobs.push(Job { nth, source, to, array: true });
                }
            }
        }
    }
    let mut random = Random(4);
    for nth in (1..jobs.len()).rev() {
        jobs.swap(nth, random.below(nth + 1));
    }
    jobs
}

impl Job {
    fn told(&self, id: usize, exchange: &Exchange) -> Value {
        let Self { nth, source, to, array } = self;
        json!({
            "id": id,
            "model": format!("{}/{}", source.provider(*nth, fails(exchange)), source.model(*nth)),
            "client": if *array { "array" } else { to.label() },
            "stream": exchange.stream,
            "strict": source.wire != *to,
        })
    }
}

fn ask_all(process: &mut Process, exchanges: &[Exchange], jobs: &[Job]) -> Tally {
    let (started, mut tally, mut asked, mut answered) = (Instant::now(), Tally::default(), 0, 0);
    loop {
        while asked < jobs.len() && asked - answered < AT_ONCE && started.elapsed() < BUDGET {
            process.tell(&jobs[asked].told(asked, &exchanges[jobs[asked].nth]));
            asked += 1;
        }
        if answered == asked {
            return tally;
        }
        tally.take(&process.told(), exchanges, jobs);
        answered += 1;
    }
}

async fn stage(exchanges: &Arc<Vec<Exchange>>, jobs: &[Job]) -> (Upstream, Proxy) {
    let upstream = replayer(Arc::clone(exchanges)).await;
    let yaml = yaml(&format!("http://{}", upstream.addr()), exchanges, jobs);
    let plan = Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), &yaml);
    let proxy = plan.env("RETRY_MAX_RETRIES", "0").start().await;
    (upstream, proxy)
}

async fn every_answer_is_read(language: &'static str, script: &'static str) {
    let replayed = |exchange: &Exchange| exchange.status == 200 && !Source::of(exchange, Wire::Chat).is_empty();
    let Some(exchanges) = recorded(replayed) else {
        println!("skipped: no recorded exchanges beside the project (../shared/corpus)");
        return;
    };
    let Some(dir) = installed() else { return };
    let exchanges = Arc::new(exchanges);
    let jobs = jobs(&exchanges);
    let (_upstream, proxy) = stage(&exchanges, &jobs).await;
    let port = proxy.port;
    let asking = move || {
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
