//! The recordings, and a plain reading of them to compare with.

pub mod gather;
pub mod heard;
pub mod heard_converse;
pub mod heard_gemini;
pub mod memory;
pub mod responses;
pub mod shapes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use dialects::{Endpoint, Usage};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One recorded exchange.
#[derive(Debug)]
pub struct Exchange {
    pub name: String,
    pub provider: String,
    pub api: String,
    pub stream: bool,
    pub status: u16,
    pub request: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

#[derive(Deserialize)]
struct File {
    id: String,
    provider: String,
    api: String,
    stream: bool,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    body: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

/// What is recorded of the formats that are watched.
const APIS: [&str; 3] = ["__openai.", "__anthropic.messages_", "__gemini.generateContent_"];

/// Every recording of a format that is watched; none where the folder is missing.
pub fn corpus() -> &'static [Exchange] {
    static ALL: OnceLock<Vec<Exchange>> = OnceLock::new();
    ALL.get_or_init(|| APIS.iter().flat_map(|api| recordings(api)).collect())
}

/// The recordings whose file names hold this; none where the folder is missing.
pub fn recordings(part: &str) -> Vec<Exchange> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus"));
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: there are no recordings beside the checkout");
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_string_lossy().contains(part));
    paths.sort();
    let all: Vec<_> = paths.iter().map(|path| Exchange::read(&std::fs::read_to_string(path).unwrap())).collect();
    println!("{} recorded exchanges of {part}", all.len());
    all
}

impl Exchange {
    fn read(text: &str) -> Self {
        let file: File = serde_json::from_str(text).unwrap();
        Self {
            name: file.id,
            provider: file.provider,
            api: file.api,
            stream: file.stream,
            status: file.response.status,
            request: file.request.body.map(|body| body.get().to_owned()).filter(|body| body.starts_with('{')),
            headers: file.response.headers,
            body: file.response.body.unwrap_or_default(),
        }
    }

    pub fn endpoint(&self) -> Option<Endpoint> {
        Some(match self.api.as_str() {
            "openai.chat" => Endpoint::Chat,
            "openai.completions" => Endpoint::Completions,
            "openai.embeddings" => Endpoint::Embeddings,
            "openai.responses" | "openai.responses.retrieve" => Endpoint::Responses,
            "openai.moderations" => Endpoint::Moderations,
            "openai.images" => Endpoint::ImagesGenerations,
            "anthropic.messages" => Endpoint::Messages,
            "gemini.generateContent" => Endpoint::GenerateContent,
            _ => return None,
        })
    }

    pub fn content_type(&self) -> &str {
        self.headers.get("content-type").map_or("", String::as_str)
    }

    pub fn request_value(&self) -> Option<Value> {
        serde_json::from_str(self.request.as_ref()?).unwrap()
    }

    /// The usage that the recording reports: the last one of a stream.
    pub fn usage(&self) -> Option<Usage> {
        if !self.stream {
            let answer: Value = serde_json::from_str(&self.body).unwrap();
            // Gemini's streams are arrays unless events were asked for.
            let last = answer.as_array().and_then(|all| all.last()).unwrap_or(&answer);
            return reported(&last["usage"]).or_else(|| reported_by_gemini(&last["usageMetadata"]));
        }
        let mut last: Option<Usage> = None;
        for data in events_of(&self.body).iter().filter_map(Event::data) {
            let openai = [&data["x_groq"]["usage"], &data["response"]["usage"], &data["usage"]];
            for usage in openai.into_iter().chain([&data["message"]["usage"]]) {
                let earlier = last.filter(|_| usage["input_tokens"].as_u64().unwrap_or(0) == 0);
                last = reported(usage)
                    .map(|usage| match earlier {
                        // Anthropic counts the prompt at the beginning and the answer at its end.
                        Some(earlier) if usage.input == 0 => Usage { output: usage.output, ..earlier },
                        _ => usage,
                    })
                    .or(last);
            }
            last = reported_by_gemini(&data["usageMetadata"]).or(last);
        }
        last
    }
}

/// The same of Gemini's: what only the total counts was written.
fn reported_by_gemini(usage: &Value) -> Option<Usage> {
    let n = |name: &str| usage[name].as_u64();
    let (input, output, total) = (n("promptTokenCount"), n("candidatesTokenCount"), n("totalTokenCount"));
    input.or(output).or(total)?;
    let beyond = total.unwrap_or(0).saturating_sub(input.unwrap_or(0) + output.unwrap_or(0));
    Some(Usage {
        input: input.unwrap_or(0),
        output: output.map_or(0, |n| n + beyond),
        cached_input: n("cachedContentTokenCount").unwrap_or(0),
        reasoning: n("thoughtsTokenCount").unwrap_or(0),
        ..Usage::default()
    })
}

/// A plain reading of a usage object.
pub fn reported(usage: &Value) -> Option<Usage> {
    let n = |value: &Value| value.as_u64();
    let most = |values: &[&Value]| values.iter().filter_map(|v| n(v)).max().unwrap_or(0);
    // Anthropic counts what it read from its cache, and wrote to it, beside the input.
    let beside = usage["cache_read_input_tokens"].as_u64().filter(|_| usage["input_tokens"].is_u64());
    let beside = beside.map_or(0, |read| read + usage["cache_creation_input_tokens"].as_u64().unwrap_or(0));
    let input = n(&usage["prompt_tokens"]).or(n(&usage["input_tokens"]).map(|n| n + beside));
    let output = n(&usage["completion_tokens"]).or(n(&usage["output_tokens"]));
    let total = n(&usage["total_tokens"]);
    input.or(output).or(total)?;
    let beyond = total.unwrap_or(0).saturating_sub(input.unwrap_or(0) + output.unwrap_or(0));
    Some(Usage {
        input: input.unwrap_or(if output.is_none() { beyond } else { 0 }),
        output: output.map_or(0, |n| n + beyond),
        cached_input: most(&[
            &usage["prompt_tokens_details"]["cached_tokens"],
            &usage["input_tokens_details"]["cached_tokens"],
            &usage["cached_tokens"],
            &usage["prompt_cache_hit_tokens"],
            &usage["cache_read_input_tokens"],
        ]),
        cache_write: most(&[
            &usage["prompt_tokens_details"]["cache_write_tokens"],
            &usage["input_tokens_details"]["cache_write_tokens"],
            &usage["cache_creation_input_tokens"],
        ]),
        reasoning: most(&[
            &usage["completion_tokens_details"]["reasoning_tokens"],
            &usage["output_tokens_details"]["reasoning_tokens"],
            &usage["output_tokens_details"]["thinking_tokens"],
            &usage["reasoning_tokens"],
        ]),
        estimated: false,
    })
}

/// The choices of a chat stream, or the candidates of Gemini's, by their index.
#[derive(Debug, Default)]
pub struct Choices {
    came: BTreeSet<u64>,
    ended: BTreeSet<u64>,
    blocked: bool,
}

impl Choices {
    pub fn note(&mut self, data: &Value) {
        let all = ["choices", "candidates"].into_iter().filter_map(|name| data[name].as_array()).flatten();
        for choice in all {
            let index = choice["index"].as_u64().unwrap_or_default();
            self.came.insert(index);
            let reasons = [&choice["finish_reason"], &choice["finishReason"]];
            if reasons.iter().any(|reason| reason.as_str().is_some_and(|reason| !reason.is_empty())) {
                self.ended.insert(index);
            }
        }
        self.blocked |= data["promptFeedback"]["blockReason"].is_string();
    }

    /// Each that came has finished.
    pub fn finished(&self) -> bool {
        self.blocked || !self.came.is_empty() && self.came == self.ended
    }
}

/// An event of a stream and where it stands.
#[derive(Debug)]
pub struct Event<'a> {
    pub start: usize,
    text: &'a str,
}

impl Event<'_> {
    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Where the text ends and the blank line begins.
    pub fn trimmed_end(&self) -> usize {
        self.start + self.text.trim_end().len()
    }

    pub fn is_comment(&self) -> bool {
        self.text.lines().all(|line| line.is_empty() || line.starts_with(':'))
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.strip_prefix(' ').unwrap_or(value))
    }

    pub fn raw_data(&self) -> Option<&str> {
        self.field("data:")
    }

    pub fn data(&self) -> Option<Value> {
        serde_json::from_str(self.raw_data()?).ok()
    }

    pub fn is_ours(&self) -> bool {
        self.data()
            .is_some_and(|data| data["choices"].is_array() || data["type"].is_string() || data["candidates"].is_array())
    }

    /// The last event of an answer.
    pub fn ends(&self, endpoint: Endpoint) -> bool {
        if matches!(endpoint, Endpoint::Responses | Endpoint::Messages) {
            let kind = self.data().map(|data| data["type"].clone());
            return matches!(
                kind.as_ref().and_then(Value::as_str),
                Some("response.completed" | "response.incomplete" | "response.failed" | "message_stop")
            );
        }
        self.field("data:").is_some_and(|data| data.starts_with("[DONE]"))
    }
}

/// The events of a recorded stream, which know only LF and CR LF.
pub fn events_of(body: &str) -> Vec<Event<'_>> {
    let (mut events, mut start, mut at) = (Vec::new(), 0, 0);
    let mut blank = false;
    for line in body.split_inclusive('\n') {
        at += line.len();
        blank = line.trim_end().is_empty();
        if blank {
            events.push(Event { start, text: &body[start..at] });
            start = at;
        }
    }
    if !blank && start < body.len() {
        events.push(Event { start, text: &body[start..] });
    }
    events
}

/// Numbers for tests, the same in every run (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to just below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// The bytes in pieces of 1 to `longest`.
    pub fn pieces<'a>(&mut self, mut bytes: &'a [u8], longest: usize) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at((1 + self.below(longest)).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}
