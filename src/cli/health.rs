//! `ai-proxy health`: asks the running one. Exit code 0: it is ready; 1: it is not, or does not answer; 2: nobody can be
//! asked so.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use config::{ProcessEnvironment, Sources};

use super::{Exit, out};

const TIME: Duration = Duration::from_secs(3);
/// Longest answer that is read; ours is a few hundred bytes.
const MAX_ANSWER: u64 = 64 * 1024;

pub fn run(sources: &Sources, url: Option<&str>) -> Exit {
    let address = match url {
        Some(url) => match url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')) {
            Some(address) if !address.is_empty() => Ok(address.to_owned()),
            Some(_) | None => {
                out::complain(
                    "ai-proxy: --url takes http://HOST:PORT; with TLS on, set HEALTH_LISTEN and ask that address",
                );
                return Exit::Usage;
            }
        },
        None => configured(sources),
    };
    match address.and_then(|address| ask(&address)) {
        Ok((status, body)) => out::say(body, if status == 200 { Exit::Ok } else { Exit::Unhealthy }),
        Err(why) => {
            out::complain(format_args!("ai-proxy: {why}"));
            Exit::Unhealthy
        }
    }
}

/// Where the one of this configuration listens.
fn configured(sources: &Sources) -> Result<String, String> {
    let loaded = config::load(sources, &ProcessEnvironment).map_err(|findings| {
        super::tell_findings(&findings);
        "the configuration says not whom to ask; --url does".to_owned()
    })?;
    let config = loaded.config;
    if let Some(address) = config.health_listen {
        return Ok(reachable(&address.ip().to_string(), address.port()));
    }
    if config.tls.is_some() {
        return Err("with TLS on, set HEALTH_LISTEN to a plain address for this check".to_owned());
    }
    Ok(reachable(&config.server.host, config.server.port))
}

/// An address that listens everywhere is asked on loopback.
fn reachable(host: &str, port: u16) -> String {
    match host {
        "0.0.0.0" => format!("127.0.0.1:{port}"),
        "::" | "[::]" => format!("[::1]:{port}"),
        host if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        host => format!("{host}:{port}"),
    }
}

fn ask(address: &str) -> Result<(u16, String), String> {
    let resolved = address.to_socket_addrs().ok().and_then(|mut found| found.next());
    let resolved = resolved.ok_or_else(|| format!("{address} is no address"))?;
    let failed = |error: std::io::Error| format!("{address} does not answer: {error}");
    let mut stream = TcpStream::connect_timeout(&resolved, TIME).map_err(failed)?;
    stream.set_read_timeout(Some(TIME)).map_err(failed)?;
    stream.set_write_timeout(Some(TIME)).map_err(failed)?;
    let request = format!("GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| format!("{address} answers something that is not HTTP"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| format!("{address} answers something that is not HTTP"))?, body.trim().to_owned()))
}
