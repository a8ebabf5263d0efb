//! The command line: what it says, and how it ends.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use upstream::harness::{ADMIN, Plan, Refusal, TOKEN, one};
use upstream::records;

use crate::tls::Authority;
use crate::{plan, proxy};

const EXE: &str = env!("CARGO_BIN_EXE_ai-proxy");

fn run(args: &[&str], env: &[(&str, &str)]) -> (Output, String) {
    let mut command = Command::new(EXE);
    command.args(args).env_clear().env("PATH", "/usr/bin:/bin").current_dir(std::env::temp_dir());
    command.envs(env.iter().copied());
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said)
}

/// A file of this test run; its name holds the caller's.
fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ai-proxy-cli-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn it_says_what_it_is_and_how_it_is_used() {
    let (version, said) = run(&["--version"], &[]);
    assert!(version.status.success() && said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    let (help, said) = run(&["--help"], &[]);
    assert!(help.status.success());
    for word in ["serve", "check", "health", "models", "--config", "--env-file", "AUTH_TOKEN", "PORT"] {
        assert!(said.contains(word), "--help does not say {word}:\n{said}");
    }
    for wrong in [&["srve"][..], &["--confg", "x"], &["check", "--config"], &["serve", "surplus"]] {
        let (output, said) = run(wrong, &[]);
        assert!(output.status.code().is_some_and(|c| c != 0 && c != 101), "{wrong:?}: {:?}", output.status);
        assert!(!said.trim().is_empty(), "{wrong:?}");
    }
}

#[test]
fn check_tells_every_mistake_at_once() {
    let yaml = file(
        "bad.yaml",
        "providers:\n  groq:\n    api_key: ${NO_SUCH_VARIABLE}\n    limts: { requests_per_minute: 3 }\n  local:\n    kind: openai\n    base_url: ftp://example.org\n    timeouts: { connect: soon }\nmodels:\n  m:\n    strategy: fastest\n    targets: [nobody/x]\nservr: {}\n",
    );
    let env = file("bad.env", "AUTH_TOKEN=secret-token-value-123\nPORT=70000\n");
    let (output, said) = run(&["check", "--config", yaml.to_str().unwrap(), "--env-file", env.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (mark, what) in [
        (":3:", "NO_SUCH_VARIABLE"),
        (":4:", "limits"),
        (":7:", "base_url"),
        (":8:", "connect"),
        (":11:", "strategy"),
        (":12:", "nobody"),
        (":13:", "server"),
        (":2", "PORT"),
    ] {
        let told = said.lines().any(|line| line.contains(mark) && line.contains(what));
        assert!(told, "nothing about {what} at {mark}:\n{said}");
    }
    assert!(!said.contains("secret-token-value"), "{said}");
    let _ = (std::fs::remove_file(yaml), std::fs::remove_file(env));
}

#[test]
fn check_refuses_a_key_that_is_not_the_certificates() {
    let authority = Authority::new();
    let ((cert, right), (_, wrong)) = (authority.issue("localhost"), authority.issue("localhost"));
    let (cert, right, wrong) = (file("cert.pem", &cert), file("key.pem", &right), file("other.pem", &wrong));
    let nowhere = std::env::temp_dir().join(format!("ai-proxy-cli-{}-empty", std::process::id()));
    std::fs::create_dir_all(&nowhere).unwrap();
    let check = |key: &PathBuf| {
        let [cert, key, dir] = [&cert, key, &nowhere].map(|path| path.to_str().unwrap());
        run(&["check"], &[("AI_PROXY_CONFIG_DIR", dir), ("TLS_CERT", cert), ("TLS_KEY", key)])
    };
    let (output, said) = check(&wrong);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is not the key of the first certificate") && said.contains("1 mistake"), "{said}");
    let (output, said) = check(&right);
    assert_eq!(output.status.code(), Some(0), "{said}");
    std::fs::remove_dir(nowhere).unwrap();
    for file in [cert, right, wrong] {
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn check_is_content_with_what_is_right() {
    let yaml = file("good.yaml", &one("http://127.0.0.1:9/v1", ""));
    let env = file("good.env", "AUTH_TOKEN=some-token-0123456789\n");
    let (output, said) = run(&["check", "--config", yaml.to_str().unwrap(), "--env-file", env.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (output, said) = run(&["models", "--config", yaml.to_str().unwrap(), "--env-file", env.to_str().unwrap()], &[]);
    assert!(output.status.success() && said.contains("up/canned-model") && said.contains('m'), "{said}");
    for secret in ["some-token", upstream::harness::KEY] {
        assert!(!said.contains(secret), "{said}");
    }
    let (missing, said) = run(&["check", "--config", "/nowhere/at/all.yaml"], &[]);
    assert!(!missing.status.success() && said.contains("/nowhere/at/all.yaml"), "{said}");
    let _ = (std::fs::remove_file(yaml), std::fs::remove_file(env));
}

#[test]
fn models_are_told_in_the_words_of_the_file() {
    let yaml = file(
        "words.yaml",
        &(one("http://127.0.0.1:9/v1", "models: { a: {}, b: {} }").replace("[up/canned-model]", "[up/a]")
            + "  some: { strategy: least_in_flight, targets: [up/a, up/b] }\n  more: { strategy: weighted, targets: [{ deployment: up/a, weight: 3 }, up/b] }\n"),
    );
    let (_, said) = run(&["models", "--config", yaml.to_str().unwrap()], &[]);
    for line in ["m\tup/a\n", "some\tleast_in_flight: up/a, up/b\n", "more\tweighted: up/a x3, up/b x1\n"] {
        assert!(said.contains(line), "no {line:?} in:\n{said}");
    }
    let empty = std::env::temp_dir();
    let (_, said) = run(&["models"], &[("AI_PROXY_CONFIG_DIR", empty.to_str().unwrap())]);
    assert!(said.contains("demo-error-429"), "{said}");
    let _ = std::fs::remove_file(yaml);
}

#[test]
fn who_has_heard_enough_is_no_failure() {
    // Warnings on stderr and an answer on stdout, and nobody reads either: `ai-proxy check 2>&1 | head -1`.
    let env = file("deaf.env", "AUTH_TOKEN=some-token-0123456789\nAUTH_TOKENS=x\nPORT=1\nPORT=2\n");
    let wrong = file("deaf-wrong.env", "PORT=none\n");
    for (args, code) in [
        (&["models"][..], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["check", "--env-file", env.to_str().unwrap()], 0),
        (&["check", "--env-file", wrong.to_str().unwrap()], 1),
        (&["srve"], 2),
        (&["health", "--url", "http://127.0.0.1:1"], 1),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(EXE);
        command.args(args).env_clear().current_dir(std::env::temp_dir());
        let ended = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
        assert_eq!(ended.code(), Some(code), "{args:?}: {ended}");
    }
    let _ = (std::fs::remove_file(env), std::fs::remove_file(wrong));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_the_running_one() {
    let upstream = records().await;
    let mut running = proxy(&one(&upstream.base_url(), "")).await;
    let port = running.port.to_string();
    let (output, said) = run(&["health"], &[("PORT", &port), ("ADMIN_TOKEN", ADMIN)]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains(ADMIN));
    running.terminate();
    running.ended(Duration::from_secs(10)).await;
    let (output, said) = run(&["health"], &[("PORT", &port)]);
    assert_eq!(output.status.code(), Some(1), "{said}");
}

#[test]
fn health_of_what_cannot_be_asked_is_a_mistake_of_the_call() {
    for url in ["ftp://x", "https://127.0.0.1:1", "127.0.0.1:1", "http://", ""] {
        let (output, said) = run(&["health", "--url", url], &[]);
        assert_eq!(output.status.code(), Some(2), "{url}: {said}");
        assert!(said.contains("--url takes http://HOST:PORT"), "{url}: {said}");
    }
    let (output, _) = run(&["health", "--url", "http://127.0.0.1:1"], &[]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn with_too_few_files_it_does_not_start() {
    let command = format!("ulimit -n 20; exec {EXE} serve");
    let output = Command::new("sh").args(["-c", &command]).env_clear().env("PORT", "0").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("20 files") && said.contains("ulimit -n") && !said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_it_wants_tokens() {
    let yaml = one("http://127.0.0.1:9/v1", "");
    let refused = plan(&yaml).env("AUTH_TOKEN", "").env("HOST", "0.0.0.0").try_start().await;
    let Err(Refusal { status, log }) = refused else { panic!("it serves everybody") };
    assert!(status.is_some_and(|s| s.code().is_some_and(|c| c != 0 && c != 101)), "{status:?}");
    assert!(log.join("\n").contains("AUTH_TOKEN"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_said_clearly() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    let neighbour = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = neighbour.local_addr().unwrap().port();
    for (name, value) in [("PORT", taken.to_string()), ("HEALTH_LISTEN", format!("127.0.0.1:{taken}"))] {
        let Err(Refusal { status, log }) = plan(&yaml).env(name, &value).try_start().await else {
            panic!("two listen on one port")
        };
        let said = log.join("\n");
        assert_eq!(status.and_then(|status| status.code()), Some(3), "{said}");
        assert!(said.contains(&taken.to_string()) && said.contains(&format!("set {name} to another one")), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_says_why_and_nothing_else() {
    let yaml = one("http://127.0.0.1:9/v1", "");
    for (name, value) in [("HOST", "no-such-host.invalid"), ("HOST", "192.0.2.1"), ("HEALTH_LISTEN", "192.0.2.1:9")] {
        let Err(Refusal { status, log }) = plan(&yaml).env(name, value).try_start().await else {
            panic!("it listens on {value}")
        };
        let said = log.join("\n");
        assert_eq!(status.and_then(|status| status.code()), Some(3), "{said}");
        assert!(said.contains(name) && !said.contains("panicked"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_on_nothing_and_the_line_it_prints_works_when_pasted() {
    let proxy = Plan::new(EXE, "").env("AUTH_TOKEN", "").env("ADMIN_TOKEN", "").start().await;
    let said = proxy.stdout().join("\n");
    let at = said.find("curl ").unwrap_or_else(|| panic!("no curl line:\n{said}"));
    let command = said[at..].to_owned();
    let output = Command::new("sh").arg("-c").arg(&command).output().unwrap();
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        answer.contains("\"choices\"") || answer.contains("chat.completion"),
        "{command}\n{answer}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!said.contains(TOKEN));
}
