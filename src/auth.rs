//! Who calls: the client token, wherever its SDK puts it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use config::{Client, Config, Network, Secret};
use subtle::ConstantTimeEq;

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    NoToken,
    WrongToken,
}

/// The client that a request's token belongs to.
///
/// # Errors
/// When it carries none, or one of nobody's.
pub fn client<'a>(request: &HttpRequest, clients: &'a [Client]) -> Result<&'a Client, Denied> {
    let token = token(request).ok_or(Denied::NoToken)?;
    // Every token is compared, each in constant time: how long it takes says nothing of which one is near.
    let mut found = None;
    for client in clients {
        if same(token.as_ref(), &client.token) {
            found = Some(client);
        }
    }
    found.ok_or(Denied::WrongToken)
}

/// Whether a request may see what is the operator's: by the admin token, or, where there is none, by calling from this
/// machine itself (a proxy on it that forwards for others does not count, unless it is trusted to say for whom).
pub fn is_admin(request: &HttpRequest, config: &Config) -> bool {
    match &config.admin_token {
        Some(admin) => token(request).is_some_and(|token| same(token.as_ref(), admin)),
        None => {
            let trusted = &config.server.trusted_proxies;
            let local = address(request, trusted).is_some_and(|address| address.is_loopback());
            let forwarded =
                ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| request.headers().contains_key(*name));
            local && (!forwarded || comes_through(request, trusted))
        }
    }
}

/// Where a call comes from: the peer, or what the nearest trusted proxies say of it.
pub fn address(request: &HttpRequest, trusted: &[Network]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !comes_through(request, trusted) {
        return Some(peer);
    }
    let hops = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let hops: Vec<&str> = hops.map(str::trim).take(MAX_HOPS).collect();
    // From the nearest hop outwards; the first that is none of ours is the client, and whatever stands before it is
    // only what that client claims.
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !trusted.iter().any(|network| network.contains(nearest)) {
            break;
        }
    }
    Some(nearest)
}

/// More proxies in a row than that are not believed.
const MAX_HOPS: usize = 32;

fn comes_through(request: &HttpRequest, trusted: &[Network]) -> bool {
    !trusted.is_empty()
        && request.peer_addr().is_some_and(|peer| trusted.iter().any(|network| network.contains(peer.ip())))
}

fn same(given: &[u8], secret: &Secret) -> bool {
    let known = secret.expose().as_bytes();
    !known.is_empty() && bool::from(given.ct_eq(known))
}

/// `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, or Gemini's `?key=`: the first that is there.
fn token(request: &HttpRequest) -> Option<std::borrow::Cow<'_, [u8]>> {
    let headers = request.headers();
    if let Some(token) = bearer(headers) {
        return Some(token.into());
    }
    if let Some(value) = headers.get("x-api-key").or_else(|| headers.get("x-goog-api-key")) {
        return Some(value.as_bytes().into());
    }
    request.query_string().split('&').find_map(|pair| pair.strip_prefix("key=")).map(|key| key.as_bytes().into())
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;

    use super::*;

    fn from(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = TestRequest::default().peer_addr(format!("{peer}:1234").parse().unwrap());
        for value in forwarded {
            request = request.append_header(("x-forwarded-for", *value));
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        address(&request.to_http_request(), &trusted).unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_say_who_calls() {
        assert_eq!(from("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(from("203.0.113.9", &["127.0.0.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(from("10.0.0.2", &["198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        // What the client itself wrote stands before what the trusted proxies wrote.
        assert_eq!(from("10.0.0.2", &["127.0.0.1, 198.51.100.7, 10.0.0.3"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(from("10.0.0.2", &["127.0.0.1", "198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(from("10.0.0.2", &["198.51.100.7, nonsense"], &["10.0.0.0/8"]), "10.0.0.2");
    }

    #[test]
    fn a_token_is_found_where_each_sdk_puts_it() {
        let found = |request: TestRequest| token(&request.to_http_request()).map(|token| token.into_owned());
        assert_eq!(found(TestRequest::default().append_header(("authorization", "bearer  t "))), Some(b"t".to_vec()));
        assert_eq!(found(TestRequest::default().append_header(("x-api-key", "t"))), Some(b"t".to_vec()));
        assert_eq!(found(TestRequest::default().append_header(("x-goog-api-key", "t"))), Some(b"t".to_vec()));
        assert_eq!(found(TestRequest::with_uri("/v1/models?alt=sse&key=t")), Some(b"t".to_vec()));
        assert_eq!(found(TestRequest::default().append_header(("authorization", "Basic dDp0"))), None);
        assert_eq!(found(TestRequest::default().append_header(("cookie", "key=t"))), None);
    }
}
