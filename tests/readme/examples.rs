//! The examples of the README: configurations that `check` is content with, and programs that run.

use std::path::{Path, PathBuf};
use std::process::Command;

use upstream::harness::Proxy;

use crate::installed::installed;
use crate::{blocks, demo, made_real};

const EXE: &str = env!("CARGO_BIN_EXE_ai-proxy");

/// A folder of this test run, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ai-proxy-readme-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What `check` and `models` say of these two files; both must be content and `check` must warn of nothing.
fn checked(name: &str, yaml: &str, dotenv: &str) -> String {
    let folder = Folder::new(name);
    std::fs::write(folder.0.join("provider-config.yaml"), yaml).unwrap();
    std::fs::write(folder.0.join(".env"), dotenv).unwrap();
    // As it should be kept: else there is a warning, and rightly.
    std::fs::set_permissions(folder.0.join(".env"), std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let run = |command: &str| {
        let output = Command::new(EXE).arg(command).env_clear().env("AI_PROXY_CONFIG_DIR", &folder.0).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && told.is_empty(), "{name}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run("check") + &run("models")
}

#[test]
fn the_yaml_is_right() {
    for block in blocks::of("yaml") {
        // The keys that it takes for granted.
        let keys = "GROQ_API_KEY=gsk-of-the-house\nOPENAI_API_KEY=sk-of-the-house\nAWS_BEARER_TOKEN_BEDROCK=abdk-of-the-house\n";
        let said = checked(&format!("yaml-{}", block.line), &block.text, keys);
        for model in ["fast", "smart"].iter().filter(|model| block.text.contains(&format!("\n  {model}:"))) {
            assert!(said.lines().any(|line| line.starts_with(&format!("{model}\t"))), "{said}");
        }
    }
}

#[test]
fn the_env_file_as_it_is_printed_is_told_of() {
    for block in blocks::of("dotenv") {
        let folder = Folder::new(&format!("printed-{}", block.line));
        std::fs::write(folder.0.join(".env"), &block.text).unwrap();
        let output = Command::new(EXE).arg("check").env_clear().env("AI_PROXY_CONFIG_DIR", &folder.0).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{told}");
        let warned = told.lines().filter(|line| line.contains("a placeholder from an example")).count();
        assert_eq!(warned, block.text.matches("REPLACE").count(), "{told}");
    }
}

#[test]
fn the_env_file_is_right() {
    for block in blocks::of("dotenv") {
        // What a reader does with it; who does not is told, of each line.
        let said = checked(&format!("env-{}", block.line), "", &block.text.replace("REPLACE-", "made-up-"));
        assert!(said.contains("2 providers"), "{said}");
        assert!(said.contains("openai/*") && said.contains("groq/*"), "{said}");
        assert!(!said.contains("REPLACE"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_run() {
    let Some(dir) = installed() else { return };
    let proxy = demo().await;
    let python = dir.join("venv/bin/python");
    for (kind, program, name) in [("python", &*python, "readme.py"), ("js", Path::new("node"), "readme.mjs")] {
        for block in blocks::of(kind) {
            let said = run(program, name, &made_real(&block.text, &proxy), dir, &proxy).await;
            assert_eq!(said.trim(), "You said: hello", "README.md:{}", block.line);
        }
    }
}

/// What a program prints. It is written where its modules are found.
async fn run(program: &Path, name: &str, text: &str, dir: &Path, proxy: &Proxy) -> String {
    let script = dir.join(format!("{}-{name}", proxy.port));
    std::fs::write(&script, text).unwrap();
    let mut command = Command::new(program);
    command.arg(&script).current_dir(dir).env("NO_PROXY", "127.0.0.1").env_remove("OPENAI_API_KEY");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let _ = std::fs::remove_file(script);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
