//! Lays recorded traffic out as seeds: `seeds FOLDER` makes a folder for each target in it.
//!
//! The recordings are no part of the project: where there are none, it says so and writes nothing.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fuzz::support::{Exchange, heard_converse, recordings};

/// Recordings by a part of their file names, the target of their streams, and how `watch` is told their endpoint.
const APIS: [(&str, &str, u8); 5] = [
    ("__openai.chat__", "stream_chat", 0),
    ("__openai.responses__", "stream_responses", 3),
    ("__anthropic.messages__", "stream_messages", 12),
    ("__gemini.generateContent__", "stream_gemini", 14),
    ("__bedrock.converse__", "stream_converse", 18),
];
/// Longer ones make every run slow.
const LONGEST: usize = 16 * 1024;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("usage: seeds FOLDER"));
    let mut written = 0;
    for (part, streams, endpoint) in APIS {
        for exchange in recordings(part) {
            if let Some(request) = &exchange.request {
                written += save(&folder, "requests", &exchange, &[b"0", request.as_bytes()].concat());
            }
            let body = exchange.body.as_bytes();
            let watched = |kind: u8| [&[endpoint, kind], body].concat();
            written += match (exchange.stream, part) {
                (false, _) => {
                    save(&folder, "answers", &exchange, body) + save(&folder, "watch", &exchange, &watched(1))
                }
                (true, "__bedrock.converse__") => {
                    let bytes = STANDARD.decode(body).expect("base64");
                    let lines = heard_converse::messages(&bytes);
                    let lines: String = lines.iter().map(|(name, data)| format!("{name} {data}\n")).collect();
                    save(&folder, streams, &exchange, lines.as_bytes())
                        + save(&folder, "event_stream", &exchange, &bytes)
                }
                (true, _) => {
                    save(&folder, streams, &exchange, body)
                        + save(&folder, "sse", &exchange, body)
                        + save(&folder, "watch", &exchange, &watched(0))
                }
            };
        }
    }
    println!("{written} seeds out of recordings");
}

fn save(folder: &Path, target: &str, exchange: &Exchange, bytes: &[u8]) -> usize {
    if bytes.is_empty() || bytes.len() > LONGEST {
        return 0;
    }
    let folder = folder.join(target);
    std::fs::create_dir_all(&folder).expect("a folder that can be written");
    std::fs::write(folder.join(&exchange.name), bytes).expect("a file that can be written");
    1
}
