//! Requests as real clients send them: every one for an OpenAI path is taken.

use serde_json::Value;
use upstream::client::{Ask, Ended};
use upstream::corpus::shared;
use upstream::harness::{Plan, TOKEN, provider};
use upstream::records;

/// Hop-by-hop and what the test client sets by itself.
fn is_ours(name: &str) -> bool {
    ["host", "content-length", "connection", "authorization", "upgrade", "transfer-encoding"]
        .iter()
        .any(|n| name.eq_ignore_ascii_case(n))
        || name.to_ascii_lowercase().starts_with("sec-websocket")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_real_client_is_taken() {
    let Some(root) = shared("clients") else {
        println!("skipped: no recorded clients beside the project (../shared/clients)");
        return;
    };
    let upstream = records().await;
    let yaml = format!(
        "providers:\n{}",
        provider(
            "up",
            &upstream.base_url(),
            "models: { gpt-5-mini: {}, text-embedding-3-small: {} }\nbreaker: { failures: 10000 }"
        )
    );
    let proxy = Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), &yaml).start().await;
    let (mut taken, mut others, mut wrong) = (0, 0, Vec::new());
    let mut files: Vec<_> = walk(&root);
    files.sort();
    for file in files {
        let recorded: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
        let (method, path) = (text("method"), text("path"));
        let served = ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/models"];
        let body = &recorded["body"];
        let anthropic = recorded["headers"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|h| h[0].as_str().is_some_and(|n| n.starts_with("anthropic-") || n == "x-goog-api-key"));
        let no_model = method == "POST" && body["model"].as_str().is_none();
        if !served.contains(&path.as_str()) || (method == "GET" && path != "/v1/models") || anthropic || no_model {
            others += 1;
            continue;
        }
        // The model is whatever the capture was made with: here it is one that is listed.
        let model = body["model"].as_str().unwrap_or_default();
        let text = body.to_string();
        let sent = text.replacen(&format!("\"model\":\"{model}\""), "\"model\":\"gpt-5-mini\"", 1);
        let query = recorded["query"].as_str().filter(|q| !q.is_empty()).map(|q| format!("?{q}")).unwrap_or_default();
        let mut ask = Ask::new(&method, &format!("{path}{query}")).header("authorization", &format!("Bearer {TOKEN}"));
        for header in recorded["headers"].as_array().into_iter().flatten() {
            let (header, value) = (header[0].as_str().unwrap_or_default(), header[1].as_str().unwrap_or_default());
            if !is_ours(header) {
                ask = ask.header(header, value);
            }
        }
        let before = upstream.count();
        let answer = if method == "GET" { ask } else { ask.body(sent.clone()) }.send(proxy.port).await;
        if answer.status != 200 || answer.ended != Ended::Whole {
            wrong.push(format!("{name}: {method} {path}: {} {}", answer.status, answer.text()));
        } else if method == "POST" && upstream.requests()[before].body != sent.as_bytes() {
            wrong.push(format!("{name}: {method} {path}: the body was changed on its way"));
        }
        taken += 1;
    }
    println!("{taken} requests of real clients on OpenAI paths, {others} on others");
    assert!(wrong.is_empty(), "{} of {taken}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken > 50, "{taken}");
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else if path.extension().is_some_and(|e| e == "json") {
            files.push(path);
        }
    }
    files
}
