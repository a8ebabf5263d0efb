//! Reads what only variables say: who may call, TLS, the log, where state is kept.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::finding::Place;
use crate::reader::{Given, LINE_FIX, LINE_FOUND, Reader};
use crate::vars::Vars;
use crate::{Client, Log, Secret, Tls, log_filter, placeholder, quotes};

/// A token that strangers can reach should not be guessable.
const SHORT_TOKEN: usize = 16;

/// Every variable that means something to the process, besides the providers' keys. An unknown name
/// in `.env` that is near one of them is probably meant to be it.
pub(crate) const VARIABLES: [&str; 18] = [
    "AI_PROXY_CONFIG_DIR",
    "AUTH_TOKEN",
    "ADMIN_TOKEN",
    "HOST",
    "PORT",
    "WORKERS",
    "STATE_DIR",
    "RUST_LOG",
    "LOG_FORMAT",
    "RETRY_MAX_RETRIES",
    "RETRY_BASE_DELAY",
    "RETRY_MAX_DELAY",
    "RETRY_JITTER",
    "TLS_CERT",
    "TLS_KEY",
    "TLS_CLIENT_CA",
    "HEALTH_LISTEN",
    "RUST_BACKTRACE",
];

/// `AUTH_TOKEN`: tokens separated by commas, each bare or `name:token`. Nothing of them is told.
pub(crate) fn read_clients(r: &mut Reader<'_>, beyond_loopback: bool) -> Vec<Client> {
    let Some(var) = r.vars.get("AUTH_TOKEN") else {
        return Vec::new();
    };
    let mut clients: Vec<Client> = Vec::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    // A file may have a token a line.
    let lines = var.value.split(['\n', '\r']).filter(|line| !line.trim().is_empty());
    for (number, entry) in (1..).zip(lines.flat_map(|line| line.split(','))) {
        let (entry, quoted) = unquoted(entry);
        let mut wrong = |found: &str, fix: &str| {
            r.findings.push(var.place.error(format!("entry {number}: {found}"), fix));
        };
        if entry.is_empty() {
            wrong("empty", "remove the comma");
            continue;
        }
        let (name, token) = match entry.split_once(':') {
            Some((name, token)) => (Some(name.trim()), unquoted(token)),
            None => (None, (entry, false)),
        };
        let (token, quoted) = (token.0, quoted || token.1);
        if name.is_some_and(|name| !is_client_name(name)) {
            wrong("what stands before the colon is not a name", "use 1 to 64 letters, digits, `_`, `.` or `-`");
        } else if name.is_some_and(|name| !names.insert(name)) {
            wrong("a name that was used before", "give each token a name of its own");
        } else if token.is_empty() {
            wrong("a name without a token", "write name:token");
        } else if token.len() > 512 || !token.bytes().all(|b| b.is_ascii_graphic()) {
            wrong("a token that no header can carry", "use up to 512 plain ASCII characters without blanks");
        } else if clients.iter().any(|client| client.token.expose() == token) {
            wrong("a token that was given before", "give each client a token of its own");
        } else {
            // `vault:secret/key` reads like a name and its token.
            let doubted = if is_kept_elsewhere(entry) { entry } else { token };
            doubt_token(r, &var.place, doubted, beyond_loopback, &format!("entry {number}: "));
            let mut warn = |found: &str, fix: &str| {
                r.findings.push(var.place.warning(format!("entry {number}: {found}"), fix));
            };
            if quoted {
                warn(quotes::FOUND, quotes::FIX);
            }
            if quotes::at_an_end(token) {
                warn("a quotation mark at one end of the token", "remove it: clients would have to send it");
            }
            if placeholder::holds_a_line(token) {
                warn(LINE_FOUND, LINE_FIX);
            }
            clients.push(Client::new(name, Secret::new(token)));
        }
    }
    clients
}

fn is_kept_elsewhere(entry: &str) -> bool {
    let entry = entry.to_ascii_lowercase();
    placeholder::is_reference(&entry) || placeholder::is_address(&entry)
}

/// An entry or token without what wraps it, and whether that were quotation marks.
fn unquoted(text: &str) -> (&str, bool) {
    quotes::within(text).map_or_else(|| (text.trim(), false), |inner| (inner, true))
}

fn is_client_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// One that everybody knows, or could guess. `which`: how the finding begins.
fn doubt_token(r: &mut Reader<'_>, place: &Place, token: &str, beyond_loopback: bool, which: &str) {
    let fix = "use a long random one: openssl rand -hex 24";
    if let Some(sort) = placeholder::found_in(token) {
        let found = format!("{which}{sort}: everybody knows it");
        r.findings.push(if beyond_loopback { place.error(found, fix) } else { place.warning(found, fix) });
    } else if beyond_loopback && token.len() < SHORT_TOKEN {
        let found = format!("{which}a token of fewer than {SHORT_TOKEN} characters");
        r.findings.push(place.warning(found, fix));
    }
}

pub(crate) fn read_admin(r: &mut Reader<'_>, clients: &[Client], beyond_loopback: bool) -> Option<Secret> {
    let given = r.vars.get("ADMIN_TOKEN").map(Given::from)?;
    let secret = r.secret(&given)?;
    doubt_token(r, &given.place, secret.expose(), beyond_loopback, "");
    if clients.iter().any(|client| client.token.expose() == secret.expose()) {
        let found = "the same as a client token: that client sees every provider's health";
        r.findings.push(given.place.warning(found, "use one of its own"));
    }
    Some(secret)
}

pub(crate) fn read_tls(r: &mut Reader<'_>) -> Option<Tls> {
    let [cert, key, client_ca] = ["TLS_CERT", "TLS_KEY", "TLS_CLIENT_CA"].map(|name| r.vars.get(name).map(Given::from));
    let needed = cert.as_ref().or(key.as_ref()).or(client_ca.as_ref()).map(|given| given.place.clone())?;
    for (given, name) in [(&cert, "TLS_CERT"), (&key, "TLS_KEY")] {
        if given.is_none() {
            r.findings.push(needed.error(format!("set without {name}"), format!("set {name} to a PEM file too")));
        }
    }
    let cert = cert.and_then(|given| r.certificates(&given));
    let key = key.and_then(|given| r.pem(&given, "PRIVATE KEY-----", "a private key"));
    let client_ca = client_ca.and_then(|given| r.certificates(&given));
    Some(Tls { cert: cert?, key: key?, client_ca })
}

/// `HEALTH_LISTEN`: an address with a port.
pub(crate) fn read_health_listen(r: &mut Reader<'_>, port: u16) -> Option<SocketAddr> {
    let given = r.vars.get("HEALTH_LISTEN").map(Given::from)?;
    let Ok(address) = given.text.trim().parse::<SocketAddr>() else {
        r.findings.push(given.place.error("not an address with a port", "write it like 127.0.0.1:8081"));
        return None;
    };
    if address.port() == port && port != 0 {
        r.findings.push(given.place.error("the port that the proxy itself listens on", "choose another port"));
    }
    Some(address)
}

pub(crate) fn read_log(r: &mut Reader<'_>) -> Log {
    let filter = r.vars.get("RUST_LOG");
    const FIX: &str = "write it like info, or info,access=off: levels are off, error, warn, info, debug, trace";
    let filter = match filter {
        None => "info".to_owned(),
        Some(var) => match log_filter::mistake(&var.value) {
            Some((nth, wrong)) => {
                r.findings.push(var.place.error(format!("part {nth} {wrong}"), FIX));
                "info".to_owned()
            }
            None => {
                let (kept, idle) = log_filter::without_idle(&var.value);
                for log_filter::Idle { nth, meant } in idle {
                    let found =
                        format!("part {nth} is no level, and nothing here logs under such a name: it is left out");
                    let fix = meant.map_or_else(|| FIX.to_owned(), |level| format!("did you mean {level}?"));
                    r.findings.push(var.place.warning(found, fix));
                }
                kept
            }
        },
    };
    let format = r.vars.get("LOG_FORMAT").map(Given::from);
    let json = format.and_then(|given| r.choice(&given, "log format", &[("text", false), ("json", true)]));
    Log { filter, json: json.unwrap_or(false) }
}

pub(crate) fn read_state_dir(vars: &Vars<'_>) -> Option<PathBuf> {
    vars.get("STATE_DIR").map(|var| PathBuf::from(var.value.trim()))
}
