//! Who calls: the client token, wherever its SDK puts it.

mod slips;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use config::{Client, Config, Network, Secret};
use dialects::error::ErrorKind;
use slips::Slip;
use subtle::ConstantTimeEq;

use crate::percent::decoded;
use crate::{connections, operator};

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    NoToken,
    /// `Authorization` holds something that is no `Bearer TOKEN`.
    NoBearer,
    /// One of nobody's, and what it looks like.
    WrongToken(Option<Slip>),
}

impl Denied {
    /// What the caller is told; nothing of what it sent is in it.
    pub fn told(self) -> (ErrorKind, &'static str) {
        match self {
            Self::NoToken => (ErrorKind::MissingToken, "no client token: send it as `Authorization: Bearer TOKEN`"),
            Self::NoBearer => (
                ErrorKind::MissingToken,
                "the Authorization header holds no `Bearer TOKEN`: put the word Bearer and a blank before the client token",
            ),
            Self::WrongToken(None) => (ErrorKind::InvalidToken, "this client token is not known here"),
            Self::WrongToken(Some(slip)) => (ErrorKind::InvalidToken, slip.told()),
        }
    }
}

/// The client that a request's token belongs to.
///
/// # Errors
/// When it carries none, or one of nobody's.
pub fn client<'a>(request: &HttpRequest, clients: &'a [Client]) -> Result<&'a Client, Denied> {
    let denied = || match request.headers().contains_key(AUTHORIZATION) {
        true => Denied::NoBearer,
        false => Denied::NoToken,
    };
    let token = token(request).ok_or_else(denied)?;
    // Every token is compared, each in constant time: how long it takes says nothing of which one is near.
    let mut found = None;
    for client in clients {
        if same(token.as_ref(), &client.token) {
            found = Some(client);
        }
    }
    if found.is_some() {
        connections::known(request);
    }
    found.ok_or_else(|| Denied::WrongToken(Slip::of(&token)))
}

/// Whether a request may see what is the operator's: by the admin token, or, where there is none, by calling from this
/// machine itself.
pub fn is_admin(request: &HttpRequest, config: &Config) -> bool {
    match &config.admin_token {
        Some(admin) => {
            let is = token(request).is_some_and(|token| same(token.as_ref(), admin));
            if is {
                connections::known(request);
            }
            is
        }
        None => operator::is_here(request),
    }
}

/// More proxies in a row than that are not believed.
const MAX_HOPS: usize = 32;

/// Where a call comes from: the peer, or what the nearest trusted proxies say of it.
///
/// From the nearest hop outwards: each proxy appends whom it saw, so the last is the first to be believed. The first
/// that is none of ours is the client, and whatever stands before it is only what that client claims.
pub fn address(request: &HttpRequest, trusted: &[Network]) -> Option<IpAddr> {
    let mut nearest = request.peer_addr()?.ip().to_canonical();
    let ours = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !ours(nearest) {
        return Some(nearest);
    }
    let values: Vec<&[u8]> = request.headers().get_all("x-forwarded-for").map(|value| value.as_bytes()).collect();
    let hops = values.into_iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for hop in hops.take(MAX_HOPS) {
        let Some(address) = hop_address(hop) else { break };
        nearest = address;
        if !ours(address) {
            break;
        }
    }
    Some(nearest)
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:4711`: proxies write all of them.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let hop = str::from_utf8(hop.trim_ascii()).ok()?;
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

fn same(given: &[u8], secret: &Secret) -> bool {
    let known = secret.expose().as_bytes();
    !known.is_empty() && bool::from(given.ct_eq(known))
}

/// Where a token may stand beside `Authorization`: Anthropic's SDKs, Google's, Azure's.
const HEADERS: [&str; 3] = ["x-api-key", "x-goog-api-key", "api-key"];

/// Whether a text begins or ends with a token: the one that its request carries, a client's, or the operator's. By the whole
/// of it and in constant time, so that it says no more of a token than a request with it would.
pub fn holds_token(request: &HttpRequest, config: Option<&Config>, text: &str) -> bool {
    let text = text.as_bytes();
    let holds = |token: &[u8]| {
        let rest = text.len().checked_sub(token.len()).filter(|_| !token.is_empty());
        rest.and_then(|rest| text.get(..token.len()).zip(text.get(rest..)))
            .is_some_and(|(head, tail)| bool::from(head.ct_eq(token) | tail.ct_eq(token)))
    };
    let known = config.into_iter().flat_map(|config| {
        config
            .clients
            .iter()
            .map(|client| &client.token)
            .chain(&config.admin_token)
            .map(|token| token.expose().as_bytes())
    });
    // Every one is compared.
    let of_others = known.fold(false, |held, token| held | holds(token));
    of_others || token(request).is_some_and(|token| holds(&token))
}

/// `Authorization: Bearer`, [`HEADERS`], Gemini's `?key=`, or the password of `Authorization: Basic`: the first that holds
/// something, for SDKs send an empty one where they have none. Basic comes last: what asks for a password in front may be
/// another server, which passes it on.
fn token(request: &HttpRequest) -> Option<Cow<'_, [u8]>> {
    let headers = request.headers();
    let by_header = || {
        let others = HEADERS.iter().filter_map(|name| headers.get(*name)).map(|value| value.as_bytes());
        bearer(headers).into_iter().chain(others)
    };
    if let Some(token) = by_header().find(|token| !token.is_empty()) {
        return Some(token.into());
    }
    let query = request.query_string().split('&').find_map(|pair| pair.strip_prefix("key="));
    let query = query.map(|key| decoded(key.as_bytes())).filter(|key| !key.is_empty());
    query.or_else(|| basic(headers).map(Cow::Owned)).or_else(|| by_header().next().map(Cow::Borrowed))
}

/// With padding or without; of RFC 4648's two alphabets the second is written as the first.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The password, or the name where that is empty: `https://:TOKEN@host` and `https://TOKEN@host` (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, pair) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let plain = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let mut pair = BASE64.decode(pair.trim_ascii().iter().map(plain).collect::<Vec<u8>>()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let password = pair.split_off(colon + 1);
    pair.truncate(colon);
    Some(if password.is_empty() { pair } else { password }).filter(|token| !token.is_empty())
}

/// What follows on the word: a blank, a tab, or a colon as behind the name of a header.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(6)?;
    let token = match token {
        [b' ' | b'\t' | b':', token @ ..] => token,
        _ => return None,
    };
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

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
    fn what_a_client_writes_in_front_is_never_what_is_believed() {
        let many = "127.0.0.1, ".repeat(MAX_HOPS) + "203.0.113.9";
        assert_eq!(from("127.0.0.1", &[&many], &["127.0.0.1"]), "203.0.113.9");
        assert_eq!(from("127.0.0.1", &["10.0.0.1, ".repeat(99).trim_end_matches(", ")], &["127.0.0.1"]), "10.0.0.1");
        let split: Vec<&str> = std::iter::repeat_n("8.8.8.8", 40).chain(["203.0.113.9"]).collect();
        assert_eq!(from("127.0.0.1", &split, &["127.0.0.1"]), "203.0.113.9");
    }

    #[test]
    fn a_hop_is_read_with_its_port_and_in_brackets() {
        for (hop, is) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ] {
            assert_eq!(from("127.0.0.1", &[hop], &["127.0.0.1"]), is);
        }
        for none in ["unknown", "_hidden", "203.0.113.9:", "203.0.113.9:x", "[203.0.113.9", ""] {
            assert_eq!(from("127.0.0.1", &[none], &["127.0.0.1"]), "127.0.0.1", "{none}");
        }
    }

    #[test]
    fn a_token_is_found_where_each_sdk_puts_it() {
        let found = |request: TestRequest| token(&request.to_http_request()).map(|token| token.into_owned());
        assert_eq!(found(TestRequest::default().append_header(("authorization", "bearer  t "))), Some(b"t".to_vec()));
        for bearer in ["Bearer: t", "Bearer:t", "Bearer\tt", "BEARER \t t"] {
            assert_eq!(found(TestRequest::default().append_header(("authorization", bearer))), Some(b"t".to_vec()));
        }
        for none in ["Bearert", "Bearer", "Bearer-t", "Bearer;t"] {
            assert_eq!(found(TestRequest::default().append_header(("authorization", none))), None, "{none}");
        }
        assert_eq!(found(TestRequest::default().append_header(("x-api-key", "t"))), Some(b"t".to_vec()));
        assert_eq!(found(TestRequest::default().append_header(("x-goog-api-key", "t"))), Some(b"t".to_vec()));
        assert_eq!(found(TestRequest::with_uri("/v1/models?alt=sse&key=t")), Some(b"t".to_vec()));
        assert_eq!(found(TestRequest::with_uri("/v1/models?key=tok%2Daa%2b+%2")), Some(b"tok-aa++%2".to_vec()));
        assert_eq!(found(TestRequest::default().append_header(("api-key", "t"))), Some(b"t".to_vec()));
        let two = |one: &str, other: &str| {
            found(TestRequest::default().append_header(("authorization", one)).append_header(("api-key", other)))
        };
        assert_eq!((two("Bearer ", "t"), two("Bearer t", "")), (Some(b"t".to_vec()), Some(b"t".to_vec())));
        assert_eq!(two("Bearer ", ""), Some(Vec::new()), "an empty one is told as that");
        let empty = TestRequest::default().append_header(("x-api-key", "")).append_header(("api-key", "t"));
        assert_eq!(found(empty), Some(b"t".to_vec()));
        let denied = |value: &str| {
            let request = TestRequest::default().append_header(("authorization", value)).to_http_request();
            client(&request, &[]).map(|_| ()).unwrap_err()
        };
        assert_eq!((denied("Token t"), denied("t")), (Denied::NoBearer, Denied::NoBearer));
        let basic = |text: &str| {
            let found =
                |pair: String| found(TestRequest::default().append_header(("authorization", format!("basic {pair}"))));
            let whole = found(STANDARD.encode(text));
            for pair in [STANDARD_NO_PAD.encode(text), URL_SAFE.encode(text), URL_SAFE_NO_PAD.encode(text)] {
                assert_eq!(found(pair), whole, "{text}");
            }
            whole
        };
        assert_eq!(basic("\u{fc}\u{ff}?>:t??>"), Some(b"t??>".to_vec()));
        assert_eq!(basic("any:t"), Some(b"t".to_vec()));
        assert_eq!(basic("any:t:u"), Some(b"t:u".to_vec()));
        assert_eq!((basic(":t"), basic("t:")), (Some(b"t".to_vec()), Some(b"t".to_vec())));
        assert_eq!((basic(":"), basic("t"), basic("")), (None, None, None));
        for not in ["Basic", "Basic ", "Basic !", "Basic t"] {
            assert_eq!(found(TestRequest::default().append_header(("authorization", not))), None, "{not}");
        }
        // A server in front may ask for a password of its own and pass it on.
        let both = TestRequest::with_uri("/v1/models?key=q").append_header(("authorization", "Basic dDp0"));
        assert_eq!(found(both), Some(b"q".to_vec()));
        assert_eq!(found(TestRequest::default().append_header(("cookie", "key=t"))), None);
    }
}
