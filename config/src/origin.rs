//! Origins of web pages, as `cors_origins` names them and as browsers send them (RFC 6454, 6.2).
//!
//! Always: no part of an origin is matched but by its whole. `*` stands for any port, for one or more labels in front of a
//! host, or for the whole host of an extension; never for a part of a name, so that `https://evil-example.com` and
//! `https://a.example.com.evil.net` are none of `https://*.example.com`.

use crate::host;

/// Who may call from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `*`
    Any,
    /// `null`: a page without an origin, of a file, a sandboxed frame or a webview.
    Null,
    Named {
        /// With its `://`, in lower case.
        scheme: String,
        host: Host,
        port: Port,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// `moz-extension://*`: its id differs with each installation.
    Any,
    Exact(String),
    /// With its dot: `.example.com`.
    Below(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// The scheme's own, which browsers leave out.
    Default,
    Exact(u16),
    Any,
}

/// No origin is longer: a host has at most 253 characters.
const LONGEST: usize = 512;

impl Origin {
    pub(crate) fn read(text: &str) -> Result<Self, (&'static str, &'static str)> {
        let wrong = (
            "is not an origin",
            "write it like https://app.example, https://*.app.example, http://localhost:* or null, without a path",
        );
        match text {
            "*" => return Ok(Self::Any),
            "null" => return Ok(Self::Null),
            _ => {}
        }
        let (scheme, rest) = text.split_once("://").ok_or(wrong)?;
        let scheme = scheme.to_ascii_lowercase();
        let known = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            None => Port::Default,
            Some("*") => Port::Any,
            Some(port) => match port.parse().map_err(|_| wrong)? {
                0 => return Err(wrong),
                port if default_port(&scheme) == Some(port) => Port::Default,
                port => Port::Exact(port),
            },
        };
        let name = name.to_ascii_lowercase();
        let of_the_web = default_port(&scheme).is_some();
        let host = match name.strip_prefix('*') {
            None if host::normalise(&name).is_some() => Host::Exact(name),
            Some("") if of_the_web => {
                return Err((
                    "would let in every page",
                    "say * for all of them, or name a domain: https://*.app.example",
                ));
            }
            Some("") => Host::Any,
            Some(below) if below.strip_prefix('.').is_some_and(is_domain) => Host::Below(below.to_owned()),
            _ => return Err(wrong),
        };
        if known { Ok(Self::Named { scheme: scheme + "://", host, port }) } else { Err(wrong) }
    }

    /// Whether it is this one that a browser sends: byte for byte, for browsers write origins in one way.
    pub fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Null => origin == "null",
            Self::Named { .. } if origin.len() > LONGEST => false,
            Self::Named { scheme, host, port } => {
                let Some(rest) = origin.strip_prefix(scheme.as_str()) else { return false };
                let (name, given) = match rest.rsplit_once(':') {
                    Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
                    _ => (rest, None),
                };
                let port = match port {
                    Port::Default => given.is_none(),
                    Port::Exact(port) => given == Some(port.to_string().as_str()),
                    Port::Any => {
                        given.is_none_or(|given| given.parse::<u16>().is_ok_and(|port| port.to_string() == given))
                    }
                };
                port && host.matches(name)
            }
        }
    }
}

impl Host {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => is_domain(name),
            Self::Exact(host) => name == host,
            Self::Below(domain) => name.strip_suffix(domain.as_str()).is_some_and(is_domain),
        }
    }
}

/// One or more labels: nothing that could end a name or begin another.
fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    };
    name.split('.').all(label)
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        Origin::read(pattern).unwrap().matches(origin)
    }

    #[test]
    fn what_browsers_send_is_known() {
        for (pattern, origin) in [
            ("*", "https://anything.example"),
            ("*", "null"),
            ("null", "null"),
            ("https://app.example", "https://app.example"),
            ("HTTPS://App.Example:443", "https://app.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://[::1]", "http://[::1]"),
            ("http://localhost:*", "http://localhost"),
            ("http://localhost:*", "http://localhost:5173"),
            ("http://[::1]:*", "http://[::1]:1"),
            ("https://*.example.com", "https://a.example.com"),
            ("https://*.example.com", "https://a-1.b.example.com"),
            ("https://*.example.com:*", "https://a.example.com:8443"),
            ("http://*.localhost:*", "http://app.localhost:80"),
            ("moz-extension://*", "moz-extension://3b1c0e7a-6a0a-4c52-9a7f-0f6a0f8d9f11"),
            ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
            ("tauri://localhost", "tauri://localhost"),
            ("vscode-webview://*", "vscode-webview://0a1b2c"),
        ] {
            assert!(matches(pattern, origin), "{pattern} {origin}");
        }
    }

    #[test]
    fn what_is_only_like_one_is_not() {
        for (pattern, origin) in [
            ("null", "Null"),
            ("null", "https://null"),
            ("https://app.example", "https://app.example:443"),
            ("https://app.example", "https://app.example:8443"),
            ("https://app.example", "http://app.example"),
            ("https://app.example", "https://app.example.evil.net"),
            ("https://app.example", "https://app.example/"),
            ("https://app.example", "https://APP.example"),
            ("https://app.example", "null"),
            ("http://localhost:*", "http://localhost.evil.net:80"),
            ("http://localhost:*", "http://localhost:80:80"),
            ("http://localhost:*", "http://localhost:"),
            ("http://localhost:*", "http://localhost:+1"),
            ("http://localhost:*", "http://localhost:080"),
            ("http://localhost:*", "http://localhost:70000"),
            ("http://localhost:*", "http://localhost:1@evil.net"),
            ("http://localhost:*", "http://localhost:1/evil.net"),
            ("http://localhost:*", "https://localhost:1"),
            ("http://localhost:*", "http://evil@localhost:1"),
            ("https://*.example.com", "https://example.com"),
            ("https://*.example.com", "https://.example.com"),
            ("https://*.example.com", "https://a..example.com"),
            ("https://*.example.com", "https://evil-example.com"),
            ("https://*.example.com", "https://a.example.com.evil.net"),
            ("https://*.example.com", "https://evil.net/.example.com"),
            ("https://*.example.com", "https://evil.net#.example.com"),
            ("https://*.example.com", "https://evil.net:80.example.com"),
            ("https://*.example.com", "https://evil.net@a.example.com"),
            ("https://*.example.com", "https://a.example.com:8443"),
            ("https://*.example.com", "https://aXexample.com"),
            ("https://*.example.com", "https://axexample.com"),
            ("moz-extension://*", "chrome-extension://abc"),
            ("moz-extension://*", "moz-extension://"),
            ("moz-extension://*", "moz-extension://a/b"),
        ] {
            assert!(!matches(pattern, origin), "{pattern} {origin}");
        }
        let long = format!("https://{}.example.com", "a.".repeat(400) + "a");
        assert!(!matches("https://*.example.com", &long));
    }

    #[test]
    fn what_is_no_origin_is_told() {
        for text in [
            "",
            "app.example",
            "https://",
            "https://a.example/x",
            "https://a.example:0",
            "https://a.example:x",
            "https://*example.com",
            "https://a.*.example",
            "https://*.*.example",
            "https://*.",
            "https://*..a",
            "https://*.a b",
            "ht*p://a",
            "://a",
            "1a://b",
            "Null",
            "*.example.com",
            "https://*",
            "http://*:3000",
        ] {
            assert!(Origin::read(text).is_err(), "{text}");
        }
    }
}
