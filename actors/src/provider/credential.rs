//! What shows an upstream who calls: a header of the key's own, a token that the key is exchanged for, or a signature.
//!
//! Always: picking one is a look, never a wait; what is picked is marked sensitive, and nothing of it is ever printed.

mod fetch;
mod grant;
mod jwt;
mod sigv4;
mod token;

use std::io;
use std::sync::Arc;

use config::{Credential as Kind, Key, ServiceAccount};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

pub(crate) use sigv4::Signer;
pub(crate) use token::Tokens;

/// How one key of a provider proves itself.
#[derive(Debug)]
pub(crate) enum Credential {
    /// The provider takes no key.
    Nothing,
    Header(HeaderName, HeaderValue),
    Tokens(Arc<Tokens>),
    /// Boxed: it is the largest by far, and rare.
    Signs(Box<Signer>),
}

impl Credential {
    /// Those of a provider's keys, in their order. Tokens of `old`, the same provider before a reload, go on.
    pub fn all(config: &config::Provider, old: Option<&super::Provider>) -> io::Result<Vec<Self>> {
        if config.keys.is_empty() {
            return Ok(vec![Self::Nothing]);
        }
        config.keys.iter().map(|key| Self::new(config, key, old)).collect()
    }

    fn new(config: &config::Provider, key: &Key, old: Option<&super::Provider>) -> io::Result<Self> {
        let tokens = |grant: grant::Grant| {
            let known = old.and_then(|old| old.tokens().find(|tokens| tokens.is_of(key.fingerprint, &grant)).cloned());
            known.map_or_else(|| Tokens::new(config, key.fingerprint, grant).map(Arc::new), Ok).map(Self::Tokens)
        };
        match &key.credential {
            Kind::Sent => sent(config.kind, key),
            Kind::ServiceAccount(account) => tokens(grant::Grant::Account(Arc::<ServiceAccount>::clone(account))),
            Kind::Metadata { host, port } => tokens(grant::Grant::Metadata { host: host.clone(), port: *port }),
            Kind::Aws(key) => Ok(Self::Signs(Box::new(Signer::new(key, config.region.as_deref())?))),
        }
    }

    /// What names it to the upstream now. None: nothing, or nothing yet.
    pub fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Nothing | Self::Signs(_) => None,
            Self::Header(name, value) => Some((name.clone(), value.clone())),
            Self::Tokens(tokens) => Some((AUTHORIZATION, tokens.current()?)),
        }
    }

    pub fn tokens(&self) -> Option<&Arc<Tokens>> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::Nothing | Self::Header(..) | Self::Signs(_) => None,
        }
    }
}

/// The header of a key that is sent as it is, as the vendor's own SDK sends it.
fn sent(kind: config::Kind, key: &Key) -> io::Result<Credential> {
    use config::Kind;
    let bearer = || (AUTHORIZATION, format!("Bearer {}", key.secret.expose()));
    let plain = |name| (HeaderName::from_static(name), key.secret.expose().to_owned());
    let (name, text) = match kind {
        Kind::Azure => plain("api-key"),
        Kind::Anthropic => plain("x-api-key"),
        Kind::Gemini => plain("x-goog-api-key"),
        Kind::OpenAi | Kind::OpenAiResponses | Kind::Vertex | Kind::Bedrock | Kind::Demo => bearer(),
    };
    Ok(Credential::Header(name, sensitive(&text)?))
}

fn sensitive(text: &str) -> io::Result<HeaderValue> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| io::Error::other("a key holds a character that no header may"))?;
    value.set_sensitive(true);
    Ok(value)
}
