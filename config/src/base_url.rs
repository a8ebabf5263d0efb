//! A provider's base URL, parsed once and checked, so that no request ever builds a URL from text.
//!
//! Vendors' SDKs disagree on whether the base URL ends in its version segment (`/v1`); here both
//! mean the same. What always holds: http or https, a host, no user or password, no query, no
//! fragment, and never the address of a cloud's metadata service.

use crate::catalogue;
use std::fmt;
use std::net::IpAddr;

use crate::host;

/// `https://api.groq.com/openai/v1`: host `api.groq.com`, port 443, prefix `/openai`, version `v1`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    tls: bool,
    host: String,
    port: u16,
    authority: String,
    prefix: String,
    version: Option<String>,
    suffix: String,
    versioned: bool,
}

/// Why a text is not a [`BaseUrl`]. Says nothing of the text itself, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseUrlError {
    /// Neither `http://` nor `https://`.
    Scheme,
    /// `user:password@`.
    UserInfo,
    /// `?` or `#`.
    QueryOrFragment,
    /// A character that no URL has unescaped, a control character among them.
    Character,
    /// No host, or not a host name or IP address.
    Host,
    /// Not 1 to 65535.
    Port,
    /// `.`, `..` or an empty segment inside the path.
    Path,
    /// Link-local, metadata, unspecified or multicast: no provider lives there.
    Forbidden,
}

impl BaseUrlError {
    /// What was found and what to write instead.
    pub fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Scheme => ("not an http or https URL", "begin it with https:// (or http:// for a local server)"),
            Self::UserInfo => ("the URL carries a user or password", "take it out; say api_key instead"),
            Self::QueryOrFragment => ("the URL has a query or fragment", "end it before `?` or `#`"),
            Self::Character => ("the URL holds a character that has no place there", "percent-encode or remove it"),
            Self::Host => ("the URL has no usable host", "write it as https://host/path"),
            Self::Port => ("the URL's port is not one", "give a port from 1 to 65535, or none"),
            Self::Path => ("the URL's path has an empty, `.` or `..` segment", "write the path plainly"),
            Self::Forbidden => {
                ("the URL points to a link-local, metadata or unspecified address", "name the provider's own host")
            }
        }
    }
}

impl BaseUrl {
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        use BaseUrlError as E;
        let (scheme, rest) = text.split_once("://").ok_or(E::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(E::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(E::QueryOrFragment);
        }
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(E::UserInfo);
        }
        if !rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)) || !escapes_are_whole(path) {
            return Err(E::Character);
        }
        let (host, port) = split_port(authority)?;
        let host = host::normalise(host).ok_or(E::Host)?;
        if host::is_forbidden(&host) {
            return Err(E::Forbidden);
        }
        let default_port = if tls { 443 } else { 80 };
        let port = port.unwrap_or(default_port);
        let shown_host =
            if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) { format!("[{host}]") } else { host.clone() };
        let authority = if port == default_port { shown_host } else { format!("{shown_host}:{port}") };
        let (prefix, version, suffix) = split_version(path)?;
        Ok(Self { tls, host, port, authority, prefix, version, suffix, versioned: true })
    }

    /// Whether it leads to a vendor of the catalogue, or to where one of its servers listens by default.
    pub fn is_a_vendors(&self) -> bool {
        let urls = catalogue::all().iter().filter_map(|known| Self::parse(known.base_url.as_deref()?).ok());
        let mut same = urls.filter(|url| url.host == self.host && url.tls == self.tls);
        same.any(|url| url.tls || url.port == self.port)
    }

    /// https.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Lower case; an IPv6 address without brackets. What is resolved, and what TLS verifies.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// As it goes into `Host`: brackets around IPv6, no default port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path before the version segment: empty, or `/openai`; never with a slash at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The version segment that was written, without slashes (`v1`, `v1beta`, `v4`).
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The path behind the version segment, as in Gemini's `/v1beta/openai`: empty, or with a leading slash.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// The path that an endpoint (`/chat/completions`) is appended to, with no slash at its end.
    /// `default_version` (`v1`) stands in where none was written, unless the API has none at all.
    pub fn root(&self, default_version: &str) -> String {
        let Self { prefix, suffix, .. } = self;
        match (&self.version, self.versioned) {
            (Some(version), _) => format!("{prefix}/{version}{suffix}"),
            (None, true) => format!("{prefix}/{default_version}"),
            (None, false) => prefix.clone(),
        }
    }

    /// Whether requests go unencrypted to a host that is not plainly in a private network.
    pub fn is_exposed(&self) -> bool {
        !self.tls && !host::is_private(&self.host)
    }

    /// For an API whose paths have no version segment (`version_segment: false`): [`root`](Self::root) adds none.
    pub(crate) fn unversioned(mut self) -> Self {
        self.versioned = false;
        self
    }

    /// Azure's own endpoint and its `/openai` (or `/openai/v1`) form mean the same account.
    pub(crate) fn without_azure_folder(mut self) -> Self {
        if let Some(mount) = self.prefix.strip_suffix("/openai") {
            self.prefix = mount.to_owned();
        }
        self
    }
}

/// The URL as it was meant, without a password (there is none).
impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority, self.prefix)?;
        if let Some(version) = &self.version {
            write!(f, "/{version}{}", self.suffix)?;
        }
        Ok(())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), BaseUrlError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, tail) = rest.split_once(']').ok_or(BaseUrlError::Host)?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(BaseUrlError::Host);
        }
        match tail.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if tail.is_empty() => (host, None),
            None => return Err(BaseUrlError::Host),
        }
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    match port {
        None => Ok((host, None)),
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok((host, Some(port))),
            _ => Err(BaseUrlError::Port),
        },
    }
}

/// The last version segment of the path parts it. With none, all of it is the prefix.
fn split_version(path: &str) -> Result<(String, Option<String>, String), BaseUrlError> {
    let path = path.trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.iter().any(|s| matches!(*s, "" | "." | "..")) || path.to_ascii_lowercase().contains("%2e") {
        return Err(BaseUrlError::Path);
    }
    let Some(at) = segments.iter().rposition(|s| is_version(s)) else {
        return Ok((path.to_owned(), None, String::new()));
    };
    let joined = |part: &[&str]| part.iter().map(|s| format!("/{s}")).collect::<String>();
    let (before, after) = segments.split_at(at);
    Ok((joined(before), after.first().map(|s| (*s).to_owned()), joined(after.get(1..).unwrap_or_default())))
}

/// `v1`, `v4`, `v1beta`, `v1alpha2`, `v1.1`.
pub(crate) fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else {
        return false;
    };
    let tail = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if tail.len() == rest.len() {
        return false;
    }
    let word = tail.trim_end_matches(|c: char| c.is_ascii_digit());
    matches!(word, "" | "alpha" | "beta" | "p" | "preview")
}

fn escapes_are_whole(path: &str) -> bool {
    path.split('%').skip(1).all(|tail| tail.len() >= 2 && tail.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
#[path = "base_url_tests.rs"]
mod tests;
