//! The commands of the README, run as they stand.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use upstream::harness::{ADMIN, Plan, Proxy, TOKEN};

use crate::{blocks, demo, file, made_real};

const EXE: &str = env!("CARGO_BIN_EXE_ai-proxy");

/// What builds or tests the project: a test cannot run these within itself.
const BUILD: [&str; 2] = ["cargo", "./"];

fn builds(text: &str) -> bool {
    BUILD.iter().any(|word| text.starts_with(word))
}

/// A shell that has the binary on its path; a `curl` that is answered with an error fails.
fn shell(text: &str, proxy: &Proxy) -> Output {
    let prelude = "set -eu\ncurl() { command curl --fail-with-body -sS \"$@\"; }\n";
    let bin = Path::new(EXE).parent().unwrap().display();
    Command::new("sh")
        .arg("-c")
        .arg(format!("{prelude}{}", made_real(text, proxy)))
        .current_dir(proxy.dir())
        .env_clear()
        .env("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin"))
        .env("NO_PROXY", "127.0.0.1")
        .env("PORT", proxy.port.to_string())
        .env("TOKEN", TOKEN)
        .env("ADMIN_TOKEN", ADMIN)
        .env("PID", proxy.pid().to_string())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_run_in_their_order() {
    let mut proxy = demo().await;
    let mut ran = 0;
    for block in blocks::of("sh").iter().filter(|block| !builds(&block.text)) {
        let output = shell(&block.text, &proxy);
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "README.md:{}: {}\n{}",
            block.line,
            output.status,
            String::from_utf8_lossy(&said)
        );
        ran += 1;
        if block.text.contains("kill -HUP") {
            proxy.log_line("a reload", |line| line.contains("reloaded")).await;
        }
        if block.text.contains("kill -TERM") {
            assert_eq!(proxy.ended(Duration::from_secs(10)).await.code(), Some(0));
        }
    }
    assert!(ran >= 6, "only {ran} blocks were run");
    assert!(!proxy.alive(), "the last command stops it");
}

/// `cargo run` on nothing: the first thing that anybody does.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_command_serves_and_prints_a_line_that_works() {
    let first = &blocks::of("sh")[0];
    assert_eq!(first.text.trim(), "cargo run --release");
    assert!(file("Cargo.toml").contains("[[bin]]\nname = \"ai-proxy\""), "`cargo run` needs no --bin");
    let nothing = ["AUTH_TOKEN", "ADMIN_TOKEN", "LOG_FORMAT", "RUST_LOG", "RETRY_BASE_DELAY", "RETRY_JITTER"];
    let plan = nothing.iter().fold(Plan::new(EXE, ""), |plan, name| plan.env(name, ""));
    let proxy = plan.start().await;
    let said = proxy.stdout().join("\n");
    let line = said.lines().find(|line| line.trim_start().starts_with("curl ")).unwrap_or_else(|| panic!("{said}"));
    let output = shell(line, &proxy);
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && answer.contains("You said: hello"), "{line}\n{answer}");
}

#[test]
fn what_builds_and_tests_is_there() {
    let commands: Vec<_> = blocks::of("sh").into_iter().filter(|block| builds(&block.text)).collect();
    assert_eq!(commands.len(), 2, "one command to run it, one to test it");
    assert_eq!(commands[1].text.trim(), "./check");
    for script in ["check", ".ci/run", "bench/run"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
        let output = Command::new("bash").arg("-n").arg(&path).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(file(".ci/run").contains("exec ./check\n"), "CI calls the command that the README gives, and no other");
}
