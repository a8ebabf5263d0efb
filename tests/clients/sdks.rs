//! The openai SDKs for Python and Node: what they do well, and the exceptions that they raise.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use upstream::harness::{Plan, Proxy, TOKEN, provider};
use upstream::*;

use crate::installed;

/// Upstreams that live as long as the proxy before them.
struct Stage {
    proxy: Proxy,
    _upstreams: Vec<Upstream>,
}

/// The demo provider for what must work, and one misbehaving upstream for each exception.
async fn stage() -> Stage {
    let limited =
        status(429, &["retry-after: 2"], &canned::error("slow down", "requests", "rate_limit_exceeded")).await;
    let broken = status(500, &[], &canned::error("broken", "server_error", "server_error")).await;
    let silent = silent().await;
    let cut = ends_early(Framing::Chunked, "text/event-stream", canned::stream(9)[..3].to_vec()).await;
    let error: &[u8] = b"data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":\"overloaded\"}}\n\n";
    let late = error_inside_200(canned::stream(9)[..3].to_vec(), error).await;
    let mut yaml = "providers:\n  demo: { kind: demo }\n".to_owned();
    let upstreams = vec![limited, broken, silent, cut, late];
    let names = ["limited", "broken", "silent", "cut", "late"];
    for (name, upstream) in names.iter().zip(&upstreams) {
        yaml.push_str(&provider(name, &upstream.base_url(), "breaker: { failures: 10000 }"));
    }
    yaml.push_str("models:\n  all: { targets: [demo/demo] }\n");
    for name in names {
        yaml.push_str(&format!("  {name}: {{ targets: [{name}/canned-model] }}\n"));
    }
    let proxy = Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), &yaml).env("RETRY_MAX_RETRIES", "1").start().await;
    Stage { proxy, _upstreams: upstreams }
}

/// Runs a script and shows what it said; every line that begins with FAIL is one.
async fn run(program: &str, script: &str, dir: &Path, proxy: &Proxy, model: &str, faults: bool) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let mut command = Command::new(program);
    command
        .arg(script)
        .current_dir(dir)
        .env("BASE_URL", format!("http://127.0.0.1:{}/v1", proxy.port))
        .env("TOKEN", TOKEN)
        .env("MODEL", model)
        .env_remove("OPENAI_API_KEY")
        .env("NO_PROXY", "127.0.0.1");
    if faults {
        command.envs([
            ("M429", "limited"),
            ("M500", "broken"),
            ("MSILENT", "silent"),
            ("MCUT", "cut"),
            ("MLATE", "late"),
        ]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk() {
    let Some(dir) = installed() else { return };
    let stage = stage().await;
    let python = dir.join("venv/bin/python").display().to_string();
    run(&python, "openai_python.py", dir, &stage.proxy, "all", true).await;
    stage.proxy.idle().await;
    stage.proxy.said_nothing_of(&["Say hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk() {
    let Some(dir) = installed() else { return };
    let stage = stage().await;
    run("node", "openai_node.mjs", dir, &stage.proxy, "all", true).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    stage.proxy.idle().await;
    stage.proxy.said_nothing_of(&["Say hello"]);
}
