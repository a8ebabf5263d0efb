//! The official SDKs of four dialects, each over an upstream of every dialect.
//!
//! The upstreams are a second proxy, which serves the demo in all dialects: so every request is translated by the first
//! one into the dialect of its provider, and read there as a client's of that dialect.

use upstream::harness::{Plan, Proxy, TOKEN};

use crate::installed;
use crate::process::program;

/// How the outer proxy speaks to the inner one: provider, kind, and what else is to be said.
const UPSTREAMS: [(&str, &str, &str); 4] = [
    ("chat", "openai", "responses: false"),
    ("responses", "openai-responses", ""),
    ("messages", "anthropic", ""),
    ("gemini", "gemini", ""),
];

async fn chain() -> (Proxy, Proxy) {
    let exe = env!("CARGO_BIN_EXE_ai-proxy");
    let inner = Plan::new(exe, "providers: { demo: }\n").env("RETRY_MAX_RETRIES", "0").start().await;
    let mut yaml = "providers:\n".to_owned();
    for (name, kind, more) in UPSTREAMS {
        yaml.push_str(&format!(
            "  {name}:\n    kind: {kind}\n    base_url: http://127.0.0.1:{}\n    api_key: {TOKEN}\n    models: [demo, demo-error-429]\n    breaker: {{ failures: 1000 }}\n",
            inner.port
        ));
        if !more.is_empty() {
            yaml.push_str(&format!("    {more}\n"));
        }
    }
    let outer = Plan::new(exe, &yaml).env("RETRY_MAX_RETRIES", "0").start().await;
    (inner, outer)
}

async fn run(language: &str, script: &str) {
    let Some(dir) = installed() else { return };
    let (inner, outer) = chain().await;
    let over = |model: &str| UPSTREAMS.map(|(name, _, _)| format!("{name}/{model}")).join(",");
    let mut command = program(language, script, dir);
    command
        .env("ROOT", format!("http://127.0.0.1:{}", outer.port))
        .env("TOKEN", TOKEN)
        .env("MODELS", over("demo"))
        .env("ERRORS", over("demo-error-429"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}");
    for proxy in [&inner, &outer] {
        proxy.idle().await;
        proxy.said_nothing_of(&["Say hello"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_python_sdk_over_every_upstream() {
    run("python", "dialects_python.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_sdk_over_every_upstream() {
    run("node", "dialects_node.mjs").await;
}
