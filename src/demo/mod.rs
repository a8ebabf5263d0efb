//! The demo upstream: a provider that needs no key and no network, so that the proxy runs on nothing.
//!
//! A small server of this process on loopback, reached over a real connection like any other upstream. It speaks the
//! OpenAI family: every [`dialects::Endpoint`] and `GET /models`, streaming included. The same request gets the same
//! answer; the answer shows what was understood (`You said: ...`). What always holds: only this process is answered
//! (a secret made at the start stands where a provider's key would), and delays and answers are capped.
//!
//! A model's name says how the demo behaves, on top of [`config::Demo`]; see [`behave`]:
//!
//! | model | what it does |
//! |---|---|
//! | `demo`, any other | answers at once |
//! | `demo-slow` | 2 s to the first byte, 100 ms between events |
//! | `demo-delay-1500ms`, `demo-delay-3s` | that long to the first byte; at most 60 s |
//! | `demo-error-429` (400 to 599) | that status, as OpenAI words it |
//! | `demo-stall` | three events, then silence for 60 s; without streaming, silence from the start |
//! | `demo-cut` | the connection drops in the middle of the answer |
//! | `demo-stream-error` | an error event in the middle of a stream; without streaming, a 500 |
//!
//! A tool is called when `tool_choice` demands it or the message names it.

mod audio;
mod behave;
mod chat;
mod completions;
mod embeddings;
mod form;
mod images;
mod moderations;
mod request;
mod rerank;
mod respond;
mod responses;
mod schema;
mod serve;
#[cfg(test)]
mod tests;
mod text;
mod tools;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use arc_swap::ArcSwap;
use config::{Demo, Secret};

/// A pooled connection is worth keeping longer than the proxy's own pool keeps it.
const KEEP_ALIVE: Duration = Duration::from_secs(120);
/// A connection that was opened ahead may wait this long for its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(60);

/// What all workers of the demo share.
struct Shared {
    secret: Secret,
    settings: ArcSwap<Demo>,
    /// Requests so far: which of them fail is counted, not drawn.
    asked: AtomicU64,
}

/// A running demo upstream. It goes on when the handle is dropped; [`DemoHandle::stop`] ends it.
#[derive(Clone)]
pub struct DemoHandle {
    /// Where it listens: `http://{addr}/v1` is its base URL.
    pub addr: SocketAddr,
    /// The only key it takes, as `Authorization: Bearer`.
    pub secret: Secret,
    shared: Arc<Shared>,
    server: ServerHandle,
}

impl DemoHandle {
    /// Behaves so from the next request on.
    pub fn configure(&self, settings: Demo) {
        self.shared.settings.store(Arc::new(settings));
    }

    /// Stops listening and drops what is in flight.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

impl std::fmt::Debug for DemoHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DemoHandle").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// The models that it lists: each behaviour by an example.
pub fn models() -> &'static [&'static str] {
    &behave::MODELS
}

/// Starts the demo upstream on a free port of loopback, with one worker thread. Call it inside an actix `System`.
///
/// # Errors
/// When no port can be bound or the system has no random numbers.
pub fn start(settings: Demo) -> io::Result<DemoHandle> {
    let secret = new_secret()?;
    let shared = Arc::new(Shared {
        secret: secret.clone(),
        settings: ArcSwap::from_pointee(settings),
        asked: AtomicU64::new(0),
    });
    let data = web::Data::from(Arc::clone(&shared));
    let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(serve::serve)))
        .workers(1)
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(FIRST_REQUEST)
        .h1_allow_half_closed(false)
        .shutdown_timeout(0)
        .disable_signals()
        .bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = server.addrs().first().copied().ok_or_else(|| io::Error::other("no address was bound"))?;
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(DemoHandle { addr, secret, shared, server: handle })
}

/// 256 random bits as hex: nobody else on this machine can guess it.
fn new_secret() -> io::Result<Secret> {
    use std::fmt::Write as _;
    let mut bytes = [0_u8; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let mut text = String::from("demo-");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(Secret::new(&text))
}
