//! The sides that are compared, and how each is started and asked.
//!
//! Every side is a process on loopback in front of the same upstream. The
//! gateway gets everything switched on: a client token, a model over two
//! providers with limits, breakers, metrics and an access log in a file.

mod settings;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::plan::Plan;
use crate::process::{self, Process};
use crate::wire;

/// How long a side may take until it answers; valgrind makes it slow.
const READY: Duration = Duration::from_secs(60);

/// A measurement could not be made.
#[derive(Debug)]
pub enum Broken {
    /// A program could not be started or a file not be written.
    Io(String, io::Error),
    /// A side never answered.
    NotReady(&'static str),
    /// Answers were wrong, so the figure would be worthless.
    WrongAnswers(String),
    /// A tool's output is not what it should be.
    Output(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(what, why) => write!(f, "{what}: {why}"),
            Self::NotReady(side) => write!(f, "{side} did not answer in time"),
            Self::WrongAnswers(why) => write!(f, "wrong answers: {why}"),
            Self::Output(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Broken {}

/// What a side runs under.
#[derive(Clone, Debug)]
pub enum Under {
    /// Nothing.
    Plain,
    /// valgrind's callgrind, which counts instructions into this file.
    Callgrind(PathBuf),
    /// strace, which counts system calls into this file.
    Strace(PathBuf),
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Proxy,
    Nginx,
    Relay,
}

impl Kind {
    /// What the table calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Nginx => "nginx",
            Self::Relay => "bare relay",
        }
    }
}

/// A side that is up.
pub struct Side {
    pub process: Process,
    pub port: u16,
}

/// Starts the sides and keeps what they share.
pub struct Sides<'a> {
    pub plan: &'a Plan,
    /// Never measured itself, but all go through it.
    upstream: Side,
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> Broken {
    let what = what.into();
    move |why| Broken::Io(what, why)
}

impl<'a> Sides<'a> {
    /// Starts the upstream.
    ///
    /// # Errors
    /// [`Broken`] when it does not come up.
    pub fn start(plan: &'a Plan) -> Result<Self, Broken> {
        fs::create_dir_all(&plan.out).map_err(io_error("the output folder"))?;
        let mut command = process::command(&plan.programs.join("upstream"));
        let (process, line) = Process::spawn_and_read(&mut command).map_err(io_error("upstream"))?;
        let port = line.parse().map_err(|_| Broken::NotReady("upstream"))?;
        let upstream = Side { process, port };
        Ok(Self { plan, upstream })
    }

    /// The port of the upstream itself.
    #[must_use]
    pub const fn upstream_port(&self) -> u16 {
        self.upstream.port
    }

    /// Starts a side and waits until it answers.
    ///
    /// # Errors
    /// [`Broken`] when it does not come up.
    pub fn side(&self, kind: Kind, workers: usize, under: &Under) -> Result<Side, Broken> {
        let port = free_port()?;
        let process = self.launch(kind, workers, under, port, 2)?;
        let mut side = Side { process, port };
        side.wait(kind.name())?;
        if matches!(under, Under::Strace(_)) {
            side.process.traces_its_child();
        }
        Ok(side)
    }

    /// Starts a side on `port` without waiting, the gateway with so many
    /// providers.
    ///
    /// # Errors
    /// [`Broken`] when it cannot be started.
    pub fn launch(
        &self,
        kind: Kind,
        workers: usize,
        under: &Under,
        port: u16,
        providers: usize,
    ) -> Result<Process, Broken> {
        let name = kind.name().replace(' ', "-");
        let dir = self.plan.out.join(&name);
        fs::create_dir_all(&dir).map_err(io_error("a side's folder"))?;
        let (program, arguments) = match kind {
            Kind::Nginx => settings::nginx(self.plan, &dir, port, self.upstream.port),
            Kind::Proxy => settings::proxy(self.plan, &dir, port, self.upstream.port, workers, providers),
            Kind::Relay => Ok((self.plan.programs.join("relay"), Vec::new())),
        }
        .map_err(io_error("a side's settings"))?;
        // Where the access lines go; emptied with every start.
        let log = File::create(dir.join("access.log")).map_err(io_error("the access log"))?;
        let mut command = under.command(&program);
        command
            .args(&arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("PORT", port.to_string())
            .env("WORKERS", workers.to_string())
            .env("BENCH_UPSTREAM", format!("http://127.0.0.1:{}/v1", self.upstream.port))
            .stdout(Stdio::null())
            .stderr(Stdio::from(log));
        Process::spawn(&mut command).map_err(io_error(name))
    }

    /// Lines of requests in the gateway's access log since its last start.
    ///
    /// # Errors
    /// [`Broken`] when there is no log.
    pub fn access_lines(&self) -> Result<u64, Broken> {
        let file = self.plan.out.join("proxy/access.log");
        let log = fs::read(file).map_err(io_error("the access log"))?;
        Ok(memchr::memmem::find_iter(&log, wire::Dialect::Chat.path()).count() as u64)
    }

    /// Runs the load, which must end without a wrong answer, and returns what
    /// it reports.
    ///
    /// # Errors
    /// [`Broken`] when it does not run or an answer was wrong.
    pub fn load(&self, port: u16, arguments: &[&str]) -> Result<Value, Broken> {
        let output = self.load_command(port, arguments).output().map_err(io_error("load"))?;
        report(&output.stdout, &output.stderr)
    }

    /// The load, to be run beside something else.
    #[must_use]
    pub fn load_command(&self, port: u16, arguments: &[&str]) -> Command {
        let mut command = process::command(&self.plan.programs.join("load"));
        command.args(arguments).args(["--port", &port.to_string()]);
        command
    }
}

/// Reads what a load printed.
///
/// # Errors
/// [`Broken`] when it is no report, or one of wrong answers.
pub fn report(stdout: &[u8], stderr: &[u8]) -> Result<Value, Broken> {
    let report: Value = serde_json::from_slice(stdout)
        .map_err(|_| Broken::WrongAnswers(String::from_utf8_lossy(stderr).trim().to_owned()))?;
    match report.get("wrong").and_then(Value::as_u64) {
        Some(0) => Ok(report),
        _ => Err(Broken::WrongAnswers(report.to_string())),
    }
}

impl Under {
    fn command(&self, program: &Path) -> Command {
        match self {
            Self::Plain => process::command(program),
            Self::Callgrind(file) => {
                let mut command = process::command(Path::new("valgrind"));
                command
                    .args(["--tool=callgrind", "--quiet"])
                    .arg(format!("--callgrind-out-file={}", file.display()))
                    .arg(program);
                command
            }
            Self::Strace(file) => {
                let mut command = process::command(Path::new("strace"));
                command.args(["-f", "-c", "-o"]).arg(file);
                // What is traced must not outlive its tracer.
                command.args(["--", "setpriv", "--pdeathsig", "TERM", "--"]);
                command.arg(program);
                command
            }
        }
    }
}

impl Side {
    fn wait(&mut self, name: &'static str) -> Result<(), Broken> {
        let start = Instant::now();
        while !healthy(self.port) {
            if start.elapsed() > READY || self.process.ended() {
                return Err(Broken::NotReady(name));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

/// Whether `GET /health` is answered with 200. nginx hands it to the upstream,
/// which says yes to every GET.
#[must_use]
pub fn healthy(port: u16) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(&start == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

/// A port that was free a moment ago. Another process could take it before the
/// side does; then the side fails to start and the run says so.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> Result<u16, Broken> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(io_error("a free port"))
}
