//! Reads `server` and `retry`, with the variables that override them.

use std::time::Duration;

use crate::finding::Place;
use crate::reader::{Given, Reader, Spot};
use crate::routes::ON_LOSS;
use crate::{Network, Origin, Retry, Server, fetch_urls, host, quantity, shapes};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;
/// Where the memory limit leaves room for it.
pub const BUFFER_BUDGET: u64 = GIB;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The server's settings, and where its host was said (None: nowhere).
///
/// `memory_limit`: what the process may take. Budget and limit agree by themselves: without a budget of its own it is
/// half of what there is, for the other half is connections, the worker's own work and what the allocator keeps.
pub(crate) fn read_server(
    r: &mut Reader<'_>,
    spot: Option<&Spot<'_>>,
    memory_limit: Option<u64>,
) -> (Server, Option<Place>) {
    let object = spot.and_then(|spot| r.object(spot, &shapes::SERVER)).unwrap_or_default();
    let (host, host_place) = r.setting("HOST", object.get("host"), read_host).unzip();
    let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = r.setting("PORT", object.get("port"), |r, given| r.number(given, 0..=u16::MAX));
    let port = port.map_or(8080, |(port, _)| port);
    let workers = r.setting("WORKERS", object.get("workers"), |r, given| r.number(given, 1..=1024));
    let workers = workers.map(|(workers, _)| workers);

    let mut size =
        |key, range, default| r.given(&object, key).and_then(|given| r.size(&given, range)).unwrap_or(default);
    let body_limit = size("body_limit", KIB..=GIB, 32 * MIB);
    let upload_limit = size("upload_limit", KIB..=TIB, 512 * MIB);
    let usual = memory_limit.map_or(BUFFER_BUDGET, |limit| BUFFER_BUDGET.min(limit / 2).max(body_limit));
    let buffer_budget = size("buffer_budget", KIB..=64 * TIB, usual);
    if let Some(spot) = object.get("buffer_budget").or(object.get("body_limit")).filter(|_| buffer_budget < body_limit)
    {
        let found = format!(
            "buffer_budget ({}) is smaller than body_limit ({})",
            quantity::told(buffer_budget),
            quantity::told(body_limit)
        );
        r.error(spot, found, "all bodies together need at least the room of one");
    }

    let mut time = |key, range, default| {
        r.given(&object, key).and_then(|given| r.duration(&given, range)).unwrap_or(Duration::from_secs(default))
    };
    let request_timeout = time("request_timeout", Duration::from_millis(1)..=HOUR, 600);
    let shutdown_grace = time("shutdown_grace", Duration::ZERO..=HOUR, 30);
    let keepalive = time("keepalive", Duration::from_millis(10)..=HOUR, 15);
    let keep_alive = time("keep_alive", Duration::from_secs(1)..=DAY, 620);
    let drain_delay = r.given(&object, "drain_delay").and_then(|given| r.duration(&given, Duration::ZERO..=HOUR));
    let mut connections = |key| r.given(&object, key).and_then(|given| r.number(&given, 1..=10_000_000));
    let (max_connections, max_connections_per_ip) =
        (connections("max_connections"), connections("max_connections_per_ip"));
    let http2 = r.given(&object, "http2").and_then(|given| r.flag(&given)).unwrap_or(false);

    let on_loss = r.given(&object, "on_loss").and_then(|given| r.choice(&given, "on_loss", &ON_LOSS));
    let max_in_flight = r.given(&object, "max_in_flight").and_then(|given| r.number(&given, 1..=1_000_000));
    let cors_origins = list(r, object.get("cors_origins"), Origin::read);
    let trusted_proxies = list(r, object.get("trusted_proxies"), read_network);
    let fetch_urls = object.get("fetch_urls").and_then(|spot| fetch_urls::read(r, spot));
    let server = Server {
        host,
        port,
        body_limit,
        upload_limit,
        buffer_budget,
        memory_limit,
        request_timeout,
        shutdown_grace,
        drain_delay,
        keep_alive,
        max_connections,
        max_connections_per_ip,
        http2,
        keepalive,
        max_in_flight: max_in_flight.unwrap_or(10_000),
        cors_origins,
        trusted_proxies,
        workers,
        on_loss: on_loss.unwrap_or_default(),
        fetch_urls,
    };
    (server, host_place)
}

pub(crate) fn read_retry(r: &mut Reader<'_>, spot: Option<&Spot<'_>>) -> Retry {
    let object = spot.and_then(|spot| r.object(spot, &shapes::RETRY)).unwrap_or_default();
    let delay = |r: &mut Reader<'_>, given: &Given| r.duration(given, Duration::ZERO..=HOUR);
    let max_retries = r.setting("RETRY_MAX_RETRIES", object.get("max_retries"), |r, given| r.number(given, 0..=20));
    let (base_delay, base_place) = r.setting("RETRY_BASE_DELAY", object.get("base_delay"), delay).unzip();
    let (max_delay, max_place) = r.setting("RETRY_MAX_DELAY", object.get("max_delay"), delay).unzip();
    let jitter = r.setting("RETRY_JITTER", object.get("jitter"), Reader::share);
    let max_retries = max_retries.map_or(3, |(max_retries, _)| max_retries);
    let base_delay = base_delay.unwrap_or(Duration::from_millis(250));
    let max_delay = max_delay.unwrap_or(Duration::from_secs(30));
    if let Some(place) = max_place.or(base_place).filter(|_| max_delay < base_delay) {
        r.findings.push(place.error("max_delay is shorter than base_delay", "make it at least as long"));
    }
    let jitter = jitter.map_or(0.2, |(jitter, _)| jitter);
    Retry { max_retries, base_delay, max_delay, jitter }
}

fn read_host(r: &mut Reader<'_>, given: &Given) -> Option<String> {
    let host = host::normalise(given.text.trim());
    if host.is_none() {
        let found = format!("{} is not an address to listen on", given.quoted());
        r.findings.push(given.place.error(found, "give an IP address or a host name, without a port"));
    }
    host
}

/// Each item that `read` takes, once.
pub(crate) fn list<T: PartialEq>(
    r: &mut Reader<'_>,
    spot: Option<&Spot<'_>>,
    read: impl Fn(&str) -> Result<T, (&'static str, &'static str)>,
) -> Vec<T> {
    let mut out: Vec<T> = Vec::new();
    for item in spot.and_then(|spot| r.items(spot)).unwrap_or_default() {
        let Some(given) = r.text(&item) else { continue };
        match read(given.text.trim()) {
            Ok(value) if out.contains(&value) => {
                r.error(&item, format!("{} is listed a second time", given.quoted()), "keep one of them");
            }
            Ok(value) => out.push(value),
            Err((found, fix)) => r.error(&item, format!("{} {found}", given.quoted()), fix),
        }
    }
    out
}

/// An address, or a block as address/prefix.
pub(crate) fn read_network(text: &str) -> Result<Network, (&'static str, &'static str)> {
    text.parse().map_err(|_| ("is not an address or block", "write it like 10.0.0.7 or 10.0.0.0/8"))
}
