//! What is written for a provider is what that provider's official SDK would have written, by the SDK's own types: every
//! recorded request that was answered, in every other format; and, for `captured`, what reached a provider.
//!
//! The recordings lie beside the project; where they do not, this says so and skips.

use std::collections::BTreeMap;
use std::path::Path;

use dialects::Wire;
use dialects::translate::{self, Hints, Target};
use serde_json::{Value, json};
use upstream::corpus::recorded;

use crate::installed;
use crate::process::{Process, program};
use crate::recorded::{WIRES, wire_of};

/// A request for a provider of this format.
pub struct Written {
    pub name: String,
    pub wire: Wire,
    pub body: Value,
}

/// What the types of the SDKs say against these.
pub fn judge(dir: &Path, all: &[Written]) -> Vec<String> {
    let mut process = Process::start(program("python", "schemas_python.py", dir));
    let mut problems = Vec::new();
    for Written { name, wire, body } in all {
        process.tell(&json!({"id": name, "wire": wire.label(), "body": body}));
        let told = process.told();
        let found = told["problems"].as_array().unwrap().iter().filter_map(Value::as_str);
        problems.extend(found.map(|problem| format!("{name} to {}: {problem}", wire.label())));
    }
    problems
}

/// What the types may say against one, and why.
pub const MAY_SAY: [(&str, &str); 6] = [
    ("to messages: .temperature is unknown", "the newest types leave out what older models take"),
    ("to messages: .top_p is unknown", "the newest types leave out what older models take"),
    ("to messages: .top_k is unknown", "the newest types leave out what older models take"),
    ("to responses: an assistant's parts have no id", "clients of the vendor's own send them so"),
    ("to responses: input_audio is not among the parts", "there is a type for it, and a model that hears it"),
    ("to chat: video_url is not among the parts", "who takes a video in this dialect takes it so"),
];

#[test]
fn every_recorded_request_is_written_as_the_providers_own_sdk_would() {
    let Some(exchanges) = recorded(|exchange| exchange.status == 200 && wire_of(exchange).is_some()) else {
        println!("skipped: no recorded exchanges beside the project (../shared/corpus)");
        return;
    };
    let Some(dir) = installed() else { return };
    let (mut all, mut pairs): (Vec<Written>, BTreeMap<String, [usize; 2]>) = Default::default();
    for exchange in &exchanges {
        let from = wire_of(exchange).unwrap();
        let hints = Hints { model: Some("m"), stream: Some(exchange.stream) };
        let Ok(request) = translate::read(from, exchange.request.as_bytes(), &hints) else { continue };
        for wire in WIRES.map(|(wire, _)| wire).into_iter().chain([Wire::Converse]).filter(|wire| *wire != from) {
            let counts = pairs.entry(format!("{:9} to {}", from.label(), wire.label())).or_default();
            let Ok(written) = translate::write(wire, &request, &Target { model: "m", ..Target::default() }) else {
                counts[1] += 1;
                continue;
            };
            counts[0] += 1;
            let body = serde_json::from_slice(&written.body).unwrap();
            all.push(Written { name: exchange.file.clone(), wire, body });
        }
    }
    pairs.iter().for_each(|(pair, [written, refused])| println!("{pair}: {written} written, {refused} refused"));
    let mut declared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut problems = judge(dir, &all);
    problems.retain(|problem| {
        let known = MAY_SAY.iter().find(|(part, _)| problem.contains(part));
        known.is_none_or(|(_, reason)| {
            *declared.entry(reason).or_default() += 1;
            false
        })
    });
    println!("{} requests, {} of them as declared: {declared:?}", all.len(), declared.values().sum::<usize>());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
