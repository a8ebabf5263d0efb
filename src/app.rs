//! The application: bind, `port()`, serve until stopped. Every server setting stands here with its reason.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_cors::Cors;
use actix_web::dev::{Server, ServerHandle};
use actix_web::http::{Method, header};
use actix_web::middleware::Condition;
use actix_web::{App, web};
use actors::supervisor::Handle;
use actors::worker::Worker;
use config::{Config, Origin};

use crate::connections::{self, Room, Rules};
use crate::drain::{self, Drain, Switch};
use crate::house::Services;
use crate::no_cors::NoCors;
use crate::tls::Tls;
use crate::word::Word;
use crate::{listen, nofile, routes};

/// Between readiness going and the port closing, where no setting says: balancers ask every few seconds, and orchestrators
/// take an address out of use in about one.
const NOTICE: Duration = Duration::from_secs(2);
/// On loopback, where no setting says: the port stays open for as long as somebody has come within this time.
const UNASKED: Duration = Duration::from_millis(100);
/// Connections of the probes' own address, and how long one of them may be idle.
const PROBES: usize = 64;
const PROBES_KEEP_ALIVE: Duration = Duration::from_secs(90);
/// After the grace, for the last events to be written.
const LAST_WORDS: u64 = 3;

/// What each worker thread's handlers share.
pub struct State {
    pub worker: Worker,
    pub drain: Drain,
    /// Seconds since the Unix epoch.
    pub started_unix: u64,
    /// What open files allow.
    room: u32,
}

impl State {
    /// Requests that may be in flight.
    pub fn max_in_flight(&self, config: &Config) -> u32 {
        config.server.max_in_flight.min(self.room)
    }
}

/// What the probes look at: no actors, for they only look.
#[derive(Clone)]
pub struct Probed {
    pub supervisor: Handle,
    pub drain: Drain,
    pub started: Instant,
    pub word: Arc<Word>,
}

/// A server that is bound and serves when it is run.
pub struct Application {
    address: SocketAddr,
    tls: bool,
    server: Server,
    probes: Option<Server>,
    probes_address: Option<SocketAddr>,
    switch: Switch,
    grace: Duration,
    delay: Option<Duration>,
    supervisor: Handle,
}

/// What a process is told to stop by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// By an orchestrator, whose balancers may still send to this port.
    Terminate,
    /// By somebody at the keyboard, or by who runs the application within a program.
    Interrupt,
}

impl From<()> for Stop {
    fn from((): ()) -> Self {
        Self::Interrupt
    }
}

/// A server with workers of its own. A macro: its application's type cannot be named.
macro_rules! listens {
    ($listener:expr, $workers:expr, $grace:expr, $app:expr, $rules:expr) => {{
        let (app, rules) = ($app, $rules);
        let workers = usize::max($workers, 1);
        let builder = Server::build()
            .workers(workers)
            // Ours is the bound, over all workers, and who is beyond it is told. This one, of a worker, is a little above:
            // a flood that is accepted faster than refused would take every open file, and waits to be accepted instead.
            .max_concurrent_connections(rules.room.held().div_ceil(workers))
            .worker_max_blocking_threads(4) // only providers' names are resolved there
            .disable_signals() // ours: actix's own SIGINT is not graceful
            .shutdown_timeout($grace.as_secs() + LAST_WORDS);
        let stopping = builder.graceful_shutdown_signal();
        builder
            .listen("ai-proxy", $listener, move || {
                let stopping = stopping.clone();
                connections::service(app(), rules.clone(), move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
            })
            .map(|builder| builder.run())
    }};
}

impl Application {
    /// Binds what the supervisor's configuration says.
    ///
    /// # Errors
    /// When an address cannot be bound or TLS cannot be set up, in words for the operator.
    pub fn build(supervisor: &Handle, services: &Arc<Services>) -> io::Result<Self> {
        let config = supervisor.table().config.clone();
        let server = &config.server;
        let listener = listen::bind(&server.host, server.port, listen::HOST_AND_PORT)?;
        let address = listener.local_addr()?;
        // Both before anything is started, which a port that is taken would leave behind.
        let probes_listener = config
            .health_listen
            .map(|address| listen::bind(&address.ip().to_string(), address.port(), listen::HEALTH_LISTEN))
            .transpose()?;
        let tls = match &config.tls {
            None => None,
            Some(files) => {
                let tls = Tls::load(files).map_err(io::Error::other)?;
                let settings = tls.server_config(server.http2);
                services.follow(tls);
                Some(Arc::new(settings))
            }
        };
        let (switch, drain) = drain::switch();
        let probed = web::Data::new(Probed {
            supervisor: supervisor.clone(),
            drain: drain.clone(),
            started: Instant::now(),
            word: Arc::default(),
        });
        let started_unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let room = nofile::room(server.max_in_flight);
        let most = server.max_connections.unwrap_or(server.max_in_flight.saturating_mul(2));
        let rules = Rules {
            room: Room::new(nofile::connections(most, room), server.max_connections_per_ip),
            keep_alive: server.keep_alive,
            moment: connections::MOMENT,
            http2: server.http2,
            tls,
            drain: Some(drain.clone()),
            supervisor: Some(supervisor.clone()),
        };
        let with_tls = rules.tls.is_some();
        let probes_rules = Rules {
            room: Room::new(PROBES, None),
            keep_alive: PROBES_KEEP_ALIVE,
            // A probe asks at once. Who does not makes place for the next one, however fast others come.
            moment: Duration::ZERO,
            http2: false,
            tls: None,
            drain: None,
            supervisor: None,
        };
        let state = {
            let supervisor = supervisor.clone();
            move || State { worker: Worker::start(&supervisor), drain: drain.clone(), started_unix, room }
        };
        let workers = server.workers.map_or_else(cores, |workers| workers as usize);
        let origins = server.cors_origins.clone();
        let for_probes = probed.clone();
        let app = move || {
            App::new()
                .app_data(web::Data::new(state()))
                .app_data(probed.clone())
                .wrap(Condition::new(!origins.is_empty(), NoCors(cors(&origins))))
                .configure(routes::configure)
        };
        let running = listens!(listener, workers, server.shutdown_grace, app, rules)?;
        let mut probes_address = None;
        let probes = match probes_listener {
            None => None,
            Some(listener) => {
                probes_address = Some(listener.local_addr()?);
                let app = move || App::new().app_data(for_probes.clone()).configure(routes::configure_probes);
                Some(listens!(listener, 1, server.shutdown_grace, app, probes_rules)?)
            }
        };
        Ok(Self {
            address,
            tls: with_tls,
            server: running,
            probes,
            probes_address,
            switch,
            grace: server.shutdown_grace,
            delay: server.drain_delay,
            supervisor: supervisor.clone(),
        })
    }

    /// The port that was bound: the configured one, or a free one for port 0.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// `http://127.0.0.1:8081`: where the probes have an address of their own (`HEALTH_LISTEN`).
    pub fn probes_url(&self) -> Option<String> {
        self.probes_address.map(|address| format!("http://{address}"))
    }

    /// Serves until `stop` is ready, then drains: readiness goes, what is in flight may finish within the grace, what
    /// is left then ends with an error event.
    ///
    /// # Errors
    /// When the server itself fails.
    pub async fn run_until(self, stop: impl Future<Output: Into<Stop>>) -> io::Result<()> {
        let Self { address, server, probes, switch, grace, delay, supervisor, .. } = self;
        let handle = server.handle();
        let probes = probes.map(|probes| (probes.handle(), actix_web::rt::spawn(probes)));
        let serving = actix_web::rt::spawn(server);
        let by = stop.await.into();
        let open = delay.unwrap_or(match by {
            Stop::Terminate => (grace / 4).min(NOTICE),
            Stop::Interrupt => Duration::ZERO,
        });
        log::info!("stopping: the port closes within {open:?}, what is in flight has a grace of {grace:?}");
        switch.drain();
        let stopping = Instant::now();
        stay_open(open, delay.is_none() && address.ip().is_loopback()).await;
        // Who says nothing of a delay has reckoned with the grace alone.
        let began = if delay.is_some() { Instant::now() } else { stopping };
        let stopped = handle.stop(true);
        let in_time = tokio::time::timeout(grace.saturating_sub(began.elapsed()), stopped).await;
        if in_time.is_err() {
            log::warn!("the grace is over: ending what is left");
            switch.cut();
        }
        let ended = serving.await.map_err(io::Error::other)?;
        if let Some((handle, task)) = probes {
            stop_now(&handle).await;
            let _ = task.await;
        }
        supervisor.save().await;
        log::info!("stopped");
        ended
    }
}

/// Waits for balancers. `alone`: who asks is on this machine, and if nobody does, nobody is waited for.
async fn stay_open(open: Duration, alone: bool) {
    let until = Instant::now() + open;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let came = connections::came();
        tokio::time::sleep(if alone { left.min(UNASKED) } else { left }).await;
        if alone && connections::open_now() == 0 && connections::came() == came {
            return;
        }
    }
}

async fn stop_now(handle: &ServerHandle) {
    handle.stop(false).await;
}

/// For browsers of the configured origins. The token is theirs to send, so no credentials mode.
fn cors(origins: &[Origin]) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_any_header()
        .expose_headers([
            "x-request-id",
            "x-ai-proxy-deployment",
            "x-ai-proxy-attempts",
            "x-ai-proxy-route",
            "x-ai-proxy-dropped",
            "x-ai-proxy-estimated",
            "retry-after",
        ])
        .max_age(3600);
    let cors = cors.expose_headers([header::CONTENT_DISPOSITION]);
    if origins.contains(&Origin::Any) {
        return cors.allow_any_origin().send_wildcard();
    }
    let origins = origins.to_vec();
    cors.allowed_origin_fn(move |given, _| {
        given.to_str().is_ok_and(|given| origins.iter().any(|origin| origin.matches(given)))
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
