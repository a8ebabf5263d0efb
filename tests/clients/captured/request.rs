//! A request as a client was seen to send it, and what of it must reach whoever answers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dialects::Wire;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use upstream::client::Ask;
use upstream::corpus::shared;
use upstream::harness::TOKEN;

#[derive(Deserialize)]
struct Recorded {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Option<Box<RawValue>>,
}

pub struct Captured {
    /// Client and number.
    pub name: String,
    pub method: String,
    pub path: String,
    query: String,
    headers: Vec<(String, String)>,
    text: String,
    pub body: Value,
}

/// Every captured request. `None`: there are none here.
pub fn captured() -> Option<Vec<Captured>> {
    let root = shared("clients")?;
    let mut files: Vec<PathBuf> =
        entries(&root).iter().filter(|path| path.is_dir()).flat_map(|dir| entries(dir)).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let recorded: Recorded = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let text = recorded.body.map(|body| body.get().to_owned()).unwrap_or_default();
        Captured {
            name: file.strip_prefix(&root).unwrap().with_extension("").display().to_string(),
            method: recorded.method,
            path: recorded.path,
            query: recorded.query,
            headers: recorded.headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    };
    Some(files.iter().map(read).collect())
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

impl Captured {
    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name))
    }

    /// The format of its answer, where it is a conversation.
    pub fn wire(&self) -> Option<Wire> {
        match &*self.path {
            "/v1/chat/completions" => Some(Wire::Chat),
            "/v1/responses" if self.method == "POST" => Some(Wire::Responses),
            "/v1/messages" => Some(Wire::Messages),
            path if path.ends_with("enerateContent") => Some(Wire::Gemini),
            _ => None,
        }
    }

    /// The format of an error that it understands.
    pub fn speaks(&self) -> Wire {
        if self.has("anthropic-version") {
            Wire::Messages
        } else if self.has("x-goog-api-key") {
            Wire::Gemini
        } else {
            Wire::Chat
        }
    }

    /// The model that it names, in the body or in the path.
    pub fn model(&self) -> Option<&str> {
        let in_path = || Some(self.path.split_once("/models/")?.1.split_once(':')?.0);
        self.body["model"].as_str().or_else(in_path)
    }

    /// As it was sent, but for what it is let in by.
    pub fn ask(&self) -> Ask {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        let mut ask = Ask::new(&self.method, &format!("{}{query}", self.path));
        for (name, value) in &self.headers {
            ask = match &*name.to_ascii_lowercase() {
                "host" | "content-length" | "transfer-encoding" => ask,
                "authorization" => ask.header(name, &format!("Bearer {TOKEN}")),
                "x-api-key" | "x-goog-api-key" => ask.header(name, TOKEN),
                _ => ask.header(name, value),
            };
        }
        ask.body(self.text.clone())
    }

    /// What of its texts and tools is not in what arrived.
    pub fn missing(&self, arrived: &Value) -> Vec<String> {
        let (mut texts, mut tools, mut there) = (Vec::new(), BTreeSet::new(), Vec::new());
        said(&self.body, &mut texts);
        declared(&self.body["tools"], &mut tools);
        strings(arrived, &mut there);
        let all = there.join("\n\n");
        let mut arrived_tools = BTreeSet::new();
        for tools in [&arrived["tools"], &arrived["toolConfig"]["tools"]] {
            declared(tools, &mut arrived_tools);
        }
        let known =
            |tool: &String| arrived_tools.iter().any(|one| one == tool || one.ends_with(&format!("__ns__{tool}")));
        let texts = texts.into_iter().filter(|text| !all.contains(text)).map(|text| format!("text {text:.80}"));
        texts.chain(tools.into_iter().filter(|tool| !known(tool)).map(|tool| format!("tool {tool}"))).collect()
    }
}

/// Every text that somebody said, and what tools were called and answered. A thought may stay behind.
fn said(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| said(item, into)),
        Value::Object(members) if !matches!(value["type"].as_str(), Some("reasoning" | "thinking")) => {
            for (key, value) in members {
                match (&**key, value) {
                    ("tools" | "generationConfig" | "text" | "response_format", Value::Array(_) | Value::Object(_)) => {
                    }
                    (
                        "text" | "content" | "input" | "instructions" | "system" | "output" | "result",
                        Value::String(text),
                    ) => {
                        into.push(text.clone());
                    }
                    _ => said(value, into),
                }
            }
        }
        _ => {}
    }
    into.retain(|text| !text.trim().is_empty());
}

/// The names of tools that the client itself runs.
fn declared(tools: &Value, into: &mut BTreeSet<String>) {
    for tool in tools.as_array().into_iter().flatten() {
        match tool["type"].as_str() {
            None | Some("function" | "custom") => {
                let names = [&tool["function"]["name"], &tool["toolSpec"]["name"], &tool["name"]];
                into.extend(names.into_iter().find_map(Value::as_str).map(str::to_owned));
                declared(&tool["functionDeclarations"], into);
            }
            Some("namespace") => declared(&tool["tools"], into),
            Some(_) => {}
        }
    }
}

/// Every string, those in a JSON text too.
fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                strings(&inner, into);
            }
            into.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(members) => members.values().for_each(|value| strings(value, into)),
        _ => {}
    }
}
