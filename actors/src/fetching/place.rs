//! Where a URL leads: taken apart once, by the rules that browsers keep (<https://url.spec.whatwg.org>).
//!
//! By those rules `2130706433`, `0x7f.1` and `0177.0.0.1` are 127.0.0.1, and are judged as what they are. What is
//! connected to and what goes into the request come of this one reading, so that no two readers can differ.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use config::FetchUrls;
use url::{Host, Url};

use super::Why;
use super::address::{PORTS, may_connect};
use super::look_up::look_up;

/// Longer ones are none that a host would take.
const MAX_LENGTH: usize = 8 * 1024;
/// Of a host's name, RFC 1035 section 2.3.4, and the dot that may end it.
const MAX_HOST: usize = 254;
/// The addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;

#[derive(Debug, Clone)]
pub struct Place(Url);

impl Place {
    /// # Errors
    /// When it is nothing that could be fetched.
    pub fn new(url: &str) -> Result<Self, Why> {
        if url.len() > MAX_LENGTH {
            return Err(Why::Url);
        }
        Self::checked(Url::parse(url).map_err(|_| Why::Url)?)
    }

    /// Where a redirect from here leads.
    ///
    /// # Errors
    /// As above.
    pub fn join(&self, location: &str) -> Result<Self, Why> {
        if location.len() > MAX_LENGTH {
            return Err(Why::Redirects);
        }
        Self::checked(self.0.join(location).map_err(|_| Why::Redirects)?)
    }

    fn checked(url: Url) -> Result<Self, Why> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Why::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Why::UserInfo);
        }
        match url.host_str() {
            Some(host) if host.len() <= MAX_HOST => Ok(Self(url)),
            Some(_) | None => Err(Why::Url),
        }
    }

    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// An IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// For the `host` header: without the port that goes without saying.
    pub fn authority(&self) -> String {
        self.0.port().map_or_else(|| self.host().to_owned(), |port| format!("{}:{port}", self.host()))
    }

    /// Path and query.
    pub fn target(&self) -> String {
        let query = self.0.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.0.path())
    }

    /// The addresses that may be connected to; there is at least one.
    ///
    /// # Errors
    /// When there is none, or none was found in time.
    pub async fn addresses(&self, limits: &FetchUrls, until: Instant) -> Result<Vec<SocketAddr>, Why> {
        let port = self.port();
        let found: Vec<IpAddr> = match self.0.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => look_up(name.to_owned(), until).await?,
            None => Vec::new(),
        };
        let allowed = found.into_iter().filter(|address| may_connect(*address, port, limits)).take(MAX_ADDRESSES);
        let allowed: Vec<_> = allowed.map(|address| SocketAddr::new(address.to_canonical(), port)).collect();
        match allowed.as_slice() {
            [] if PORTS.contains(&port) => Err(Why::Address),
            [] => Err(Why::Port),
            _ => Ok(allowed),
        }
    }
}

#[cfg(test)]
mod tests;
