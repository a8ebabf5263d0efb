//! What of a client's query goes to an upstream of its own dialect: by allowlist, in words of ours.
//!
//! Always: nothing that a client wrote stands in an upstream's URL; credentials (`key`, `api-key`, `access_token`) and
//! Azure's `api-version` are on no list, and what the gateway reads itself (`alt`) it writes itself.

use dialects::Dialect;
use http::Uri;

/// A pair that passes.
pub type Pair = &'static str;

/// Claude Code and the beta part of Anthropic's SDKs ask for `/v1/messages?beta=true`.
pub fn passes(query: &str, dialect: Dialect) -> Option<Pair> {
    match dialect {
        Dialect::Anthropic => query.split('&').any(|pair| pair == "beta=true").then_some("beta=true"),
        Dialect::OpenAi | Dialect::Gemini => None,
    }
}

/// The URL with the pair behind it. None: it cannot be, which no URL of ours is.
pub(crate) fn put(url: &Uri, pair: Pair) -> Option<Uri> {
    let joint = if url.query().is_some() { '&' } else { '?' };
    format!("{url}{joint}{pair}").parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_known_passes_and_only_within_its_dialect() {
        assert_eq!(passes("beta=true", Dialect::Anthropic), Some("beta=true"));
        assert_eq!(passes("key=secret&beta=true&x=y", Dialect::Anthropic), Some("beta=true"));
        for query in ["", "beta", "beta=false", "beta=true%0d", "Beta=true", "xbeta=true", "key=beta=true"] {
            assert_eq!(passes(query, Dialect::Anthropic), None, "{query}");
        }
        for dialect in [Dialect::OpenAi, Dialect::Gemini] {
            assert_eq!(passes("beta=true&key=x&api-version=1&access_token=y", dialect), None);
        }
    }

    #[test]
    fn a_pair_is_put_behind_what_is_there() {
        let put = |url: &str| put(&url.parse().unwrap(), "beta=true").unwrap().to_string();
        assert_eq!(put("http://h:1/v1/messages"), "http://h:1/v1/messages?beta=true");
        assert_eq!(put("http://h:1/v1/messages?a=b"), "http://h:1/v1/messages?a=b&beta=true");
    }
}
