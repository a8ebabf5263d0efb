//! What is asked for an access token, and what is made of the answer. Pure.
//!
//! A service account signs who it is and shows that to its token endpoint:
//! https://developers.google.com/identity/protocols/oauth2/service-account#httprest. A machine of Google's asks its
//! metadata server: https://cloud.google.com/compute/docs/access/authenticate-workloads#applications.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use config::ServiceAccount;
use serde::Deserialize;

use super::jwt;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The longest that the endpoint takes, in seconds.
const LIFETIME: u64 = 3600;
const METADATA_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
/// What no token outlives, whatever its endpoint says.
const MAX_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Who asks, and whom.
pub(super) enum Grant {
    Account(Arc<ServiceAccount>),
    Metadata { host: Arc<str>, port: u16 },
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account(_) => "Account",
            Self::Metadata { .. } => "Metadata",
        })
    }
}

/// Where a token endpoint is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// For the `host` header.
    pub authority: String,
    pub path: String,
}

impl Grant {
    pub fn place(&self) -> Place {
        match self {
            Self::Account(account) => {
                let uri = &account.token_uri;
                let version = uri.version().map(|version| format!("/{version}")).unwrap_or_default();
                Place {
                    tls: uri.is_tls(),
                    host: uri.host().to_owned(),
                    port: uri.port(),
                    authority: uri.authority().to_owned(),
                    path: format!("{}{version}{}", uri.prefix(), uri.suffix()),
                }
            }
            Self::Metadata { host, port } => Place {
                tls: false,
                host: host.to_string(),
                port: *port,
                authority: if *port == 80 { host.to_string() } else { format!("{host}:{port}") },
                path: METADATA_PATH.to_owned(),
            },
        }
    }

    /// The form that is posted; None: it is a GET. `now`: seconds since 1970.
    pub fn form(&self, now: u64) -> Result<Option<String>, &'static str> {
        let Self::Account(account) = self else { return Ok(None) };
        let header = match &account.key_id {
            Some(id) => format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{id}"}}"#),
            None => r#"{"alg":"RS256","typ":"JWT"}"#.to_owned(),
        };
        // Nothing in them needs escapes: the configuration takes no quote and no backslash.
        let claims = format!(
            r#"{{"iss":"{}","scope":"{SCOPE}","aud":"{}","iat":{now},"exp":{}}}"#,
            account.email,
            account.token_uri,
            now.saturating_add(LIFETIME),
        );
        let token = jwt::signed(&header, &claims, &account.key).ok_or("the private key does not sign")?;
        // The token needs no escapes in a form: base64url and dots.
        Ok(Some(format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={token}")))
    }
}

/// What came of asking.
pub(super) struct Granted {
    /// `Bearer ...`
    pub value: String,
    pub lifetime: Duration,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

/// The token in an answer.
pub(super) fn read(body: &[u8]) -> Option<Granted> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    // Google has padded tokens with dots: what cannot stand in a header is refused where the header is made.
    let token = answer.access_token.trim();
    let lifetime = Duration::from_secs(answer.expires_in).min(MAX_LIFETIME);
    (!token.is_empty() && !lifetime.is_zero()).then(|| Granted { value: format!("Bearer {token}"), lifetime })
}

/// The code of a refusal, where it is one of the standard's (RFC 6749, 5.2): nothing of the endpoint's own words, which
/// may repeat what it was shown.
pub(super) fn refusal(body: &[u8]) -> Option<&'static str> {
    const CODES: [&str; 7] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
    ];
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = answer.get("error")?.as_str()?;
    CODES.into_iter().find(|known| *known == code)
}

#[cfg(test)]
mod tests;
