//! An upstream that we did not write: llm-katan with its echo backend, asked by the Python SDK through the proxy.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use upstream::client::data_lines;
use upstream::harness::{Plan, one};

use crate::installed;

/// Ended by its process id.
struct Katan(Child);

impl Drop for Katan {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free, below those that the kernel hands out: it takes none of its own choosing, and until it is up no
/// other test may be given the port.
fn free_port() -> u16 {
    let mut from_here = (20_000 + u16::try_from(std::process::id() % 10_000).unwrap())..32_000;
    from_here.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_through_the_proxy() {
    let Some(dir) = installed() else { return };
    let port = free_port();
    let child = Command::new(dir.join("venv/bin/llm-katan"))
        .args(["--model", "canned-model", "--backend", "echo", "--host", "127.0.0.1", "--port", &port.to_string()])
        .arg("--stats-file")
        .arg(dir.join("katan-stats.json"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _katan = Katan(child);
    let deadline = Instant::now() + Duration::from_secs(40);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < deadline, "llm-katan does not come up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let proxy = Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), &one(&format!("http://127.0.0.1:{port}"), "")).start().await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["choices"][0]["message"]["content"].as_str().is_some_and(|c| !c.is_empty()));
    assert!(proxy.access(0).await.tokens().is_some_and(|(_, _, estimated)| !estimated));
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(data_lines(&answer.body).last().map(String::as_str), Some("[DONE]"));
    assert_eq!(proxy.access(1).await.outcome(), "answered");
    proxy.said_nothing_of(&["confidential prompt"]);
}
