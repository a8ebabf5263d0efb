//! Which headers pass, in both directions: by allowlist. Credentials, cookies, hop-by-hop and organisation headers
//! are never on it, and what `Connection` names is for one connection only (RFC 9110 section 7.6.1).

use actix_http::header::HeaderMap;
use dialects::Dialect;
use dialects::quota::{self, QuotaHints};
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};

use crate::clock;

/// Anthropic demands it. A client of that dialect sends its own.
pub(crate) const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The version whose format the dialects crate writes; the only one with streams as they are today.
pub(crate) const ANTHROPIC_2023: HeaderValue = HeaderValue::from_static("2023-06-01");

/// What of a client's headers goes to an upstream of its own dialect.
fn goes(name: &str, dialect: Dialect) -> bool {
    match name {
        "accept" | "content-type" | "idempotency-key" | "x-client-request-id" | "traceparent" => true,
        "openai-beta" | "http-referer" | "x-title" | "x-session-id" => dialect == Dialect::OpenAi,
        "anthropic-version" | "anthropic-beta" => dialect == Dialect::Anthropic,
        _ => false,
    }
}

/// What of those goes to an upstream of another dialect: nothing that speaks of the body, whose format is another one
/// there, and no vendor's extras.
pub(crate) fn goes_anywhere(name: &HeaderName) -> bool {
    matches!(name.as_str(), "x-client-request-id" | "traceparent")
}

/// What of an upstream's headers reaches the client; lengths and lifetimes of the connection are the server's own.
fn comes(name: &str) -> bool {
    matches!(
        name,
        "content-type"
            | "content-encoding"
            | "content-disposition"
            | "content-language"
            | "openai-processing-ms"
            | "openai-version"
            | "openai-model"
            | "retry-after"
            | "retry-after-ms"
            | "x-should-retry"
            | "x-groq-region"
            | "x-generation-id"
    ) || name.starts_with("x-ratelimit-")
        || name.starts_with("anthropic-ratelimit-")
}

/// The headers of a client of this dialect that may pass.
pub fn request(headers: &HeaderMap, dialect: Dialect) -> Vec<(HeaderName, HeaderValue)> {
    let hop = names_headers(headers);
    let passes = |name: &HeaderName| goes(name.as_str(), dialect) && !(hop && is_hop(headers, name));
    headers.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Tells the upstream how the body is read here, and nothing else: what a client adds (a charset, a second header) could
/// make the upstream read another text in the same bytes.
pub fn read_as(headers: &mut Vec<(HeaderName, HeaderValue)>, content_type: HeaderValue) {
    let mut told = headers.iter().filter(|(name, _)| *name == CONTENT_TYPE).map(|(_, value)| value);
    if told.next() == Some(&content_type) && told.next().is_none() {
        return;
    }
    headers.retain(|(name, _)| *name != CONTENT_TYPE);
    headers.push((CONTENT_TYPE, content_type));
}

/// The upstream's headers that may pass.
pub fn answer(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let hop = names_headers(headers);
    let passes = |name: &HeaderName| comes(name.as_str()) && !(hop && is_hop(headers, name));
    headers.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether `Connection` says more than `keep-alive` or `close`; it seldom does, and then one look is the cost.
fn names_headers(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).any(|value| {
        let value = value.as_bytes();
        !value.eq_ignore_ascii_case(b"keep-alive") && !value.eq_ignore_ascii_case(b"close")
    })
}

/// Whether `Connection` names this header.
fn is_hop(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers
        .get_all(CONNECTION)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|named| named.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
}

/// What an answer's headers say of quotas; None where none speaks of them, which costs one look at each name.
pub fn quota_hints(headers: &HeaderMap) -> Option<QuotaHints> {
    // One letter of it tells most others apart, for a tenth of the search.
    let speaks = |name: &str| name.contains('m') && name.contains("ratelimit") || name.starts_with("retry-after");
    if !headers.keys().any(|name| speaks(name.as_str())) {
        return None;
    }
    let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    Some(quota::scan(texts, clock::now().0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn names(passed: Vec<(HeaderName, HeaderValue)>) -> Vec<String> {
        let mut names: Vec<String> = passed.into_iter().map(|(name, _)| name.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_connection_names_does_not_pass_in_either_direction() {
        let asked = map(&[
            ("connection", "keep-alive"),
            ("connection", "X-Title ,idempotency-key"),
            ("x-title", "a"),
            ("idempotency-key", "b"),
            ("accept", "c"),
        ]);
        assert_eq!(names(request(&asked, Dialect::OpenAi)), ["accept"]);
        let answered = map(&[
            ("connection", "x-ratelimit-hop, retry-after"),
            ("x-ratelimit-hop", "1"),
            ("retry-after", "2"),
            ("openai-model", "m"),
        ]);
        assert_eq!(names(answer(&answered)), ["openai-model"]);
        for usual in ["keep-alive", "close", "Keep-Alive"] {
            assert_eq!(names(request(&map(&[("connection", usual), ("x-title", "a")]), Dialect::OpenAi)), ["x-title"]);
        }
    }

    #[test]
    fn a_body_is_told_as_it_is_read() {
        let json = HeaderValue::from_static("application/json");
        for lines in [
            &[][..],
            &[("content-type", "application/json")],
            &[("content-type", "application/json; charset=utf-7")],
            &[("content-type", "application/x-www-form-urlencoded")],
            &[("content-type", "application/json"), ("accept", "a"), ("content-type", "text/plain")],
        ] {
            let mut passed = request(&map(lines), Dialect::OpenAi);
            read_as(&mut passed, json.clone());
            let told: Vec<_> =
                passed.iter().filter(|(name, _)| *name == CONTENT_TYPE).map(|(_, value)| value).collect();
            assert_eq!(told, [&json], "{lines:?}");
            assert_eq!(passed.len(), 1 + usize::from(lines.len() == 3));
        }
    }

    #[test]
    fn each_dialect_has_headers_that_no_other_is_sent() {
        let asked = map(&[("openai-beta", "a"), ("anthropic-beta", "b"), ("anthropic-version", "c"), ("cookie", "d")]);
        assert_eq!(names(request(&asked, Dialect::OpenAi)), ["openai-beta"]);
        assert_eq!(names(request(&asked, Dialect::Anthropic)), ["anthropic-beta", "anthropic-version"]);
        assert!(request(&asked, Dialect::Gemini).is_empty());
        assert!(asked.keys().all(|name| !goes_anywhere(name)));
    }
}
