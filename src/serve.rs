//! `ai-proxy serve`: supervisor, application, signals.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actors::supervisor::{Handle, StartError, Supervisor};
use config::{Finding, Kind, ProcessEnvironment, Secret, Sources};

use crate::app::{Application, Stop};
use crate::cli::{Exit, out};
use crate::house::Services;
use crate::{log, nofile};

/// Serves until a signal ends it.
pub fn run(sources: Sources) -> Exit {
    if let Err(why) = nofile::check() {
        out::complain(format_args!("ai-proxy: {why}"));
        return Exit::Failure;
    }
    // The log's settings come with the configuration; until it is read, findings go to stderr as they are.
    match actix_web::rt::System::new().block_on(serve(sources)) {
        Ok(()) => Exit::Ok,
        Err(failed) => {
            log::flush();
            failed.tell()
        }
    }
}

enum Failed {
    Config(Vec<Finding>),
    Bind(io::Error),
    Run(io::Error),
}

impl Failed {
    fn tell(self) -> Exit {
        match self {
            Self::Config(findings) => crate::cli::tell_findings(&findings),
            Self::Bind(error) => {
                out::complain(format_args!("ai-proxy: {error}"));
                Exit::Bind
            }
            Self::Run(error) => {
                out::complain(format_args!("ai-proxy: {error}"));
                Exit::Failure
            }
        }
    }
}

async fn serve(sources: Sources) -> Result<(), Failed> {
    let services = Arc::new(Services::default());
    let started = Supervisor::start(sources, Box::new(ProcessEnvironment), services.clone());
    let (supervisor, warnings, run_token) = started.map_err(|error| match error {
        StartError::Config(findings) => Failed::Config(findings),
        StartError::Io(error) => Failed::Bind(error),
    })?;
    let _guard = log::init(&supervisor.table().config.log);
    for warning in warnings {
        ::log::warn!("{warning}");
    }
    if let Some(note) = supervisor.table().config.server.memory_note() {
        ::log::warn!("{note}");
    }
    // Before anybody can know that it is there: a SIGHUP that nobody catches ends a process.
    let ready = Signals::new().map_err(Failed::Run).and_then(|signals| {
        crate::orphans::adopt().map_err(Failed::Run)?;
        let application = Application::build(&supervisor, &services).map_err(Failed::Bind)?;
        Ok((signals, application))
    });
    let (signals, application) = match ready {
        Ok(ready) => ready,
        Err(failed) => {
            supervisor.quit().await;
            services.stop().await;
            return Err(failed);
        }
    };
    greet(&application, &supervisor, run_token.as_ref());
    let served = application.run_until(signals.stop(supervisor)).await;
    services.stop().await;
    served.map_err(Failed::Run)
}

/// Where it listens and how to call it: on stdout, once; the log has stderr to itself.
fn greet(application: &Application, supervisor: &Handle, run_token: Option<&Secret>) {
    let url = application.url();
    let table = supervisor.table();
    let providers: Vec<&str> = table.providers.iter().map(|provider| provider.config.id.as_str()).collect();
    let mut text =
        format!("ai-proxy {} listens on {url}\nproviders: {}\n", env!("CARGO_PKG_VERSION"), providers.join(", "));
    if let Some(url) = application.probes_url() {
        text.push_str(&format!("probes: {url}/health\n"));
    }
    if let Some(token) = run_token {
        let token = token.expose();
        text.push_str(&format!("client token, made for this run: {token}\n"));
        let model =
            if table.providers.iter().any(|provider| provider.config.kind == Kind::Demo) { "demo" } else { "MODEL" };
        text.push_str(&format!(
            "try it:\n  curl {url}/v1/chat/completions -H 'authorization: Bearer {token}' -H 'content-type: application/json' \
             -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'\n"
        ));
    }
    // Nobody may be reading; that is no reason not to serve.
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
    ::log::info!("ai-proxy {} listens on {url}", env!("CARGO_PKG_VERSION"));
    if let Some(url) = application.probes_url() {
        ::log::info!("probes are answered on {url}");
    }
    if table.config.admin_token.is_none() {
        ::log::info!(
            "no ADMIN_TOKEN: /metrics and the details of /health are told to this machine alone, asked directly (through \
             no proxy, by no web page) and as 127.0.0.1, [::1] or localhost"
        );
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// How often it is looked whether the supervisor lives.
const WATCH: Duration = Duration::from_secs(5);

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Ready at SIGTERM or SIGINT; reloads at every SIGHUP before that. A second signal to stop ends the process.
    async fn stop(mut self, supervisor: Handle) -> Stop {
        let mut is_well = true;
        let by = loop {
            tokio::select! {
                () = tokio::time::sleep(WATCH) => {
                    if is_well && !supervisor.is_well() {
                        ::log::error!(
                            "the supervisor is down: what is served goes on, no change of a file is taken up and no \
                             quota is saved any more; /health says degraded; restart"
                        );
                    }
                    is_well = supervisor.is_well();
                }
                _ = self.terminate.recv() => break Stop::Terminate,
                _ = self.interrupt.recv() => break Stop::Interrupt,
                _ = self.hangup.recv() => {
                    ::log::info!("SIGHUP: reloading");
                    supervisor.reload();
                }
            }
        };
        actix_web::rt::spawn(async move {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            ::log::warn!("a second signal: ending at once");
            log::flush();
            std::process::exit(Exit::Failure.code().into());
        });
        by
    }
}
