//! A process with the SDKs of one language, which is told by lines what to do and tells by lines what came of it.
//!
//! Always: it is ended, by its id, when this is dropped; nothing waits for it beyond a bound.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// Longer than the SDKs wait for an answer.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, stdin, lines }
    }

    pub fn tell(&mut self, said: &Value) {
        writeln!(self.stdin, "{said}").unwrap();
    }

    /// The next line that it says.
    pub fn told(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("the process with the SDKs says nothing more");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

/// A script of this folder, to be run in a language's own way with what is installed in `dir`; no key of a vendor's in
/// its environment.
pub fn program(language: &str, script: &str, dir: &Path) -> Command {
    let mut command = match language {
        "python" => Command::new(dir.join("venv/bin/python")),
        other => Command::new(other),
    };
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script));
    command.current_dir(dir).env("NO_PROXY", "127.0.0.1");
    for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"] {
        command.env_remove(name);
    }
    command
}
