//! The application: bind, `port()`, serve until stopped. Every server setting stands here with its reason.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_cors::Cors;
use actix_web::dev::{Server, ServerHandle};
use actix_web::http::{KeepAlive, Method, header};
use actix_web::middleware::Condition;
use actix_web::{App, HttpServer, web};
use actors::supervisor::Handle;
use actors::worker::Worker;
use config::Config;

use crate::drain::{self, Drain, Switch};
use crate::house::Services;
use crate::no_cors::NoCors;
use crate::tls::Tls;
use crate::word::Word;
use crate::{listen, metrics, nofile, routes};

/// Idle client connections are kept longer than load balancers keep theirs (60 s), so that it is they who close.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// From a connection's opening to its first whole head. Short enough to end slow heads, long enough for clients that
/// open connections ahead (FIELD-NOTES: actix's 5 s answers 408 to them).
const FIRST_HEAD: Duration = Duration::from_secs(30);
/// The longest time between readiness going and the port closing.
const NOTICE: Duration = Duration::from_secs(2);
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
    supervisor: Handle,
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
                let settings = tls.server_config();
                services.follow(tls);
                Some(settings)
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
        let state = {
            let supervisor = supervisor.clone();
            move || State { worker: Worker::start(&supervisor), drain: drain.clone(), started_unix, room }
        };
        let workers = server.workers.map_or_else(cores, |workers| workers as usize);
        let origins = server.cors_origins.clone();
        let for_probes = probed.clone();
        let http = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(state()))
                .app_data(probed.clone())
                .wrap(Condition::new(!origins.is_empty(), NoCors(cors(&origins))))
                .configure(routes::configure)
        });
        let http = settings(http, workers, server.shutdown_grace);
        let with_tls = tls.is_some();
        let running = match tls {
            None => http.listen(listener)?.run(),
            Some(tls) => http.listen_rustls_0_23(listener, tls)?.run(),
        };
        let mut probes_address = None;
        let probes = match probes_listener {
            None => None,
            Some(listener) => {
                probes_address = Some(listener.local_addr()?);
                let http = HttpServer::new(move || {
                    App::new().app_data(for_probes.clone()).configure(routes::configure_probes)
                });
                Some(settings(http, 1, server.shutdown_grace).listen(listener)?.run())
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
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { server, probes, switch, grace, supervisor, .. } = self;
        let handle = server.handle();
        let probes = probes.map(|probes| (probes.handle(), actix_web::rt::spawn(probes)));
        let serving = actix_web::rt::spawn(server);
        stop.await;
        log::info!("stopping: no new connections, {} s for what is in flight", grace.as_secs());
        let began = Instant::now();
        switch.drain();
        wait_for_balancers(grace).await;
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

/// While something is in flight the port stays open for a moment, so that whoever asks /readyz hears that it is over
/// before a connection is refused.
async fn wait_for_balancers(grace: Duration) {
    let until = Instant::now() + (grace / 4).min(NOTICE);
    while metrics::in_flight() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn stop_now(handle: &ServerHandle) {
    handle.stop(false).await;
}

fn settings<F, I, S, B>(http: HttpServer<F, I, S, B>, workers: usize, grace: Duration) -> HttpServer<F, I, S, B>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: actix_service::IntoServiceFactory<S, actix_http::Request>,
    S: actix_service::ServiceFactory<actix_http::Request, Config = actix_web::dev::AppConfig> + 'static,
    S::Error: Into<actix_web::Error>,
    S::InitError: std::fmt::Debug,
    S::Response: Into<actix_http::Response<B>> + 'static,
    B: actix_web::body::MessageBody + 'static,
{
    http.workers(workers)
        .tcp_nodelay(true) // without it a first token waits 40 ms for an acknowledgement
        .h1_allow_half_closed(false) // a client that half-closes has gone: its exchange is cancelled within milliseconds
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(FIRST_HEAD)
        .client_disconnect_timeout(Duration::from_secs(2))
        .worker_max_blocking_threads(4) // only providers' names are resolved there
        .disable_signals() // ours: actix's own SIGINT is not graceful
        .shutdown_timeout(grace.as_secs() + LAST_WORDS)
}

/// For browsers of the configured origins. The token is theirs to send, so no credentials mode.
fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_any_header()
        .expose_headers([
            "x-request-id",
            "x-ai-proxy-deployment",
            "x-ai-proxy-attempts",
            "x-ai-proxy-route",
            "retry-after",
        ])
        .max_age(3600);
    let cors = cors.expose_headers([header::CONTENT_DISPOSITION]);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
