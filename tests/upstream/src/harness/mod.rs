//! The real binary under test: its own directory, its own port, its own log; ended by its process id.
//!
//! A proxy started here is killed when dropped, whatever the test did before.

mod access;
mod metrics;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub use access::Access;
pub use metrics::Metrics;

use crate::client::{Answer, Ask, Wire};
use crate::server::PATIENCE;

/// The client token of every proxy under test; its name is [`CLIENT`].
pub const TOKEN: &str = "sk-client-4f1d2c3b5a697887";
/// The name that [`TOKEN`] carries.
pub const CLIENT: &str = "alice";
/// The admin token of every proxy under test.
pub const ADMIN: &str = "admin-77f0c1d2e3b4a596";
/// The provider key that [`provider`] gives. It must never be seen by a client or in a log.
pub const KEY: &str = "sk-upstream-9e8d7c6b5a4f3e2d";

/// What is to be started.
#[derive(Debug, Clone)]
pub struct Plan {
    exe: PathBuf,
    yaml: String,
    env: Vec<(String, String)>,
    process: Vec<(String, String)>,
    searched: bool,
}

impl Plan {
    /// `exe` is the binary; `yaml` the whole of provider-config.yaml.
    #[must_use]
    pub fn new(exe: &str, yaml: &str) -> Self {
        let env = [
            ("PORT", "0"),
            ("AUTH_TOKEN", &*format!("{CLIENT}:{TOKEN}")),
            ("ADMIN_TOKEN", ADMIN),
            ("LOG_FORMAT", "json"),
            ("RUST_LOG", "info"),
            ("RETRY_BASE_DELAY", "10ms"),
            ("RETRY_JITTER", "0"),
        ];
        Self {
            exe: exe.into(),
            yaml: yaml.to_owned(),
            env: env.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
            process: Vec::new(),
            searched: false,
        }
    }

    /// Sets a line of `.env`; an empty value takes the line out.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(k, _)| k != name);
        if !value.is_empty() {
            self.env.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sets a variable of the process itself, for what is read nowhere else.
    #[must_use]
    pub fn process(mut self, name: &str, value: &str) -> Self {
        self.process.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has it look for its files in its directory, instead of naming each of them.
    #[must_use]
    pub fn searched(mut self) -> Self {
        self.searched = true;
        self
    }

    /// Starts it and waits until it says where it listens.
    pub async fn start(self) -> Proxy {
        match self.try_start().await {
            Ok(proxy) => proxy,
            Err(Refusal { status, log }) => {
                panic!("the proxy did not start ({status:?}):\n{}", log.join("\n"))
            }
        }
    }

    /// Starts it; an error when it ends before it listens.
    pub async fn try_start(self) -> Result<Proxy, Refusal> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ai-proxy-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = Dir(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&dir.0).unwrap();
        std::fs::write(dir.0.join("provider-config.yaml"), &self.yaml).unwrap();
        let lines: String = self.env.iter().map(|(k, v)| format!("{k}={v}\n")).collect();
        std::fs::write(dir.0.join(".env"), lines).unwrap();
        // As it should be: no warning about its mode in the log.
        std::fs::set_permissions(dir.0.join(".env"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();

        let mut command = Command::new(&self.exe);
        command.arg("serve").env_clear();
        if self.searched {
            command.env("AI_PROXY_CONFIG_DIR", &dir.0);
        } else {
            command.arg("--config").arg(dir.0.join("provider-config.yaml"));
            command.arg("--env-file").arg(dir.0.join(".env"));
        }
        let mut child = command
            .envs(self.process)
            .env("PATH", "/usr/bin:/bin")
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not run: {e}", self.exe.display()));
        let log = Arc::new(Log::default());
        let out = Arc::new(Log::default());
        out.follow(child.stdout.take().unwrap());
        log.follow(child.stderr.take().unwrap());
        let mut proxy = Proxy { child, port: 0, started: Instant::now(), dir, log, out };

        let deadline = Instant::now() + PATIENCE * 2;
        loop {
            if let Some(port) = proxy.out.lines().iter().chain(&proxy.log.lines()).find_map(|line| port_of(line)) {
                proxy.port = port;
                return Ok(proxy);
            }
            let ended = proxy.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                // What it said last is still on its way through the pipes.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let mut log = proxy.out.lines();
                log.extend(proxy.log.lines());
                return Err(Refusal { status: ended, log });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The proxy ended, or never listened.
#[derive(Debug)]
pub struct Refusal {
    /// `None`: it still ran, silently.
    pub status: Option<ExitStatus>,
    /// What it said on stdout and stderr.
    pub log: Vec<String>,
}

/// `ai-proxy 0.1.0 listens on http://127.0.0.1:41234` on stdout, the scheme `https` behind TLS.
fn port_of(line: &str) -> Option<u16> {
    if !line.contains(" listens on ") {
        return None;
    }
    let (_, rest) = line.split_once("://")?;
    let (_, port) = rest.split_once(':')?;
    let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[derive(Debug)]
struct Dir(PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Lines that a process said, as they come.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    changed: Notify,
}

impl Log {
    fn follow(self: &Arc<Self>, from: impl std::io::Read + Send + 'static) {
        let log = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n') {
                let Ok(line) = line else { break };
                log.lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
                log.changed.notify_waiters();
            }
        });
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

/// A running proxy. Killed on drop.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    /// Where it listens, on loopback.
    pub port: u16,
    /// When it was started.
    pub started: Instant,
    dir: Dir,
    log: Arc<Log>,
    out: Arc<Log>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let lines = self.log.lines();
            let from = lines.len().saturating_sub(30);
            eprintln!("--- the proxy's log, last lines of {}:", lines.len());
            for line in &lines[from..] {
                eprintln!("{line}");
            }
        }
    }
}

impl Proxy {
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory of its configuration.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir.0
    }

    /// What it said on stderr so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// What it said on stdout so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<String> {
        self.out.lines()
    }

    /// Waits for a log line that `wanted` likes.
    pub async fn log_line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let changed = self.log.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(line) = self.log.lines().into_iter().find(|line| wanted(line)) {
                return line;
            }
            assert!(
                tokio::time::timeout_at(deadline, changed).await.is_ok(),
                "no log line for {what}:\n{}",
                self.log().join("\n")
            );
        }
    }

    /// The access lines so far.
    #[must_use]
    pub fn accesses(&self) -> Vec<Access> {
        self.log().iter().filter_map(|line| Access::parse(line)).collect()
    }

    /// The `nth` access line of a model endpoint (from 0), waited for.
    pub async fn access(&self, nth: usize) -> Access {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let changed = self.log.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(access) = self.accesses().into_iter().filter(Access::is_post).nth(nth) {
                return access;
            }
            assert!(
                tokio::time::timeout_at(deadline, changed).await.is_ok(),
                "no access line {nth}:\n{}",
                self.log().join("\n")
            );
        }
    }

    /// Asks with the client token, and reads the whole answer.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        Ask::post(path, TOKEN, body).send(self.port).await
    }

    /// Asks with the client token, and leaves the answer to be read.
    pub async fn open(&self, path: &str, body: impl Into<Vec<u8>>) -> Wire {
        Ask::post(path, TOKEN, body).open(self.port).await
    }

    /// A GET with the client token.
    pub async fn get(&self, path: &str) -> Answer {
        Ask::get(path, TOKEN).send(self.port).await
    }

    /// A non-streaming chat for `model`.
    pub async fn chat(&self, model: &str) -> Answer {
        self.post("/v1/chat/completions", chat_body(model, false)).await
    }

    /// A streaming chat for `model`, not read yet.
    pub async fn stream(&self, model: &str) -> Wire {
        self.open("/v1/chat/completions", chat_body(model, true)).await
    }

    /// What /metrics says now, asked as the admin.
    pub async fn metrics(&self) -> Metrics {
        let answer = Ask::get("/metrics", ADMIN).send(self.port).await;
        assert_eq!(answer.status, 200, "/metrics: {}", answer.text());
        Metrics::parse(&answer.text())
    }

    /// Waits until a metric has a value that `wanted` likes.
    pub async fn metric_is(&self, name: &str, labels: &[(&str, &str)], wanted: impl Fn(f64) -> bool) -> f64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.metrics().await.sum(name, labels);
            if wanted(value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{name}{labels:?} stays at {value}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What /health says to the admin.
    pub async fn health(&self) -> serde_json::Value {
        Ask::get("/health", ADMIN).send(self.port).await.json()
    }

    /// Waits until nothing is in flight any more.
    pub async fn idle(&self) {
        self.metric_is("ai_proxy_in_flight", &[], |n| n <= 1.0).await;
    }

    /// Replaces provider-config.yaml, as an editor would: whole, by a rename.
    pub fn rewrite(&self, yaml: &str) {
        let new = self.dir().join("new.yaml");
        std::fs::write(&new, yaml).unwrap();
        std::fs::rename(new, self.dir().join("provider-config.yaml")).unwrap();
    }

    /// Asks for a reload.
    pub fn hangup(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Asks it to stop in good order.
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// The other signal that must stop it in good order.
    pub fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {within:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Its anonymous resident memory in KiB.
    #[must_use]
    pub fn rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("RssAnon:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// How many files and sockets it holds open.
    #[must_use]
    pub fn fds(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }

    /// Nothing secret stands in what it said: the tokens, the key, or any of `more`.
    pub fn said_nothing_of(&self, more: &[&str]) {
        for line in self.log().iter().chain(&self.stdout()) {
            for secret in [TOKEN, ADMIN, KEY].iter().chain(more) {
                assert!(!line.contains(secret), "{secret:?} stands in the log: {line}");
            }
        }
    }
}

/// A small chat request.
#[must_use]
pub fn chat_body(model: &str, stream: bool) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"confidential prompt"}}],"stream":{stream}}}"#)
}

/// One provider of kind openai, as YAML under `providers:`; `extra` is more of its keys, one a line.
#[must_use]
pub fn provider(name: &str, base_url: &str, extra: &str) -> String {
    let mut yaml = format!("  {name}:\n    kind: openai\n    base_url: {base_url}\n");
    if !extra.contains("api_key") {
        yaml.push_str(&format!("    api_key: {KEY}\n"));
    }
    if !extra.contains("models:") {
        yaml.push_str("    models: { canned-model: {} }\n");
    }
    for line in extra.lines().filter(|l| !l.trim().is_empty()) {
        yaml.push_str(&format!("    {line}\n"));
    }
    yaml
}

/// `providers:` with one provider `up`, and the model `m` on its `canned-model`.
#[must_use]
pub fn one(base_url: &str, extra: &str) -> String {
    format!("providers:\n{}models:\n  m: {{ targets: [up/canned-model] }}\n", provider("up", base_url, extra))
}

/// Two providers `first` and `second`; the model `m` tries them in this order.
#[must_use]
pub fn two(first: &str, second: &str, extra: &str) -> String {
    format!(
        "providers:\n{}{}models:\n  m: {{ strategy: priority, targets: [first/canned-model, second/canned-model] }}\n",
        provider("first", first, extra),
        provider("second", second, extra),
    )
}
