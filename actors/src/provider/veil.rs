//! The secrets that an exchange carries, to be taken out of what its upstream says before anybody else hears it.
//!
//! A provider may quote the key it was called with, a token, a signature or a header; what those look like nobody can
//! know. So the very values that were sent are looked for, beside what [`dialects::mask`] knows by its looks.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use config::Credential;
use dialects::mask;
use dialects::watch::{Failure, Watch};
use http::HeaderValue;

use super::Provider;

/// A word of what was sent that is shorter is no secret.
const LEAST: usize = 8;

/// What was shown to an upstream in confidence.
pub(crate) struct Veil {
    provider: Arc<Provider>,
    /// Index of the key.
    key: usize,
    /// What was made for this request alone: access tokens, signatures.
    sent: Vec<HeaderValue>,
}

impl Veil {
    pub fn new(provider: Arc<Provider>, key: usize) -> Self {
        Self { provider, key, sent: Vec::new() }
    }

    /// Something was sent that is not in the configuration.
    pub fn sends(&mut self, value: HeaderValue) {
        self.sent.push(value);
    }

    /// An error's body, for a client: without these secrets, and without what looks like one.
    pub fn masked<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        mask::hide_all(body, &self.secrets())
    }

    /// Drops the headers that tell one of these secrets. `all`: those that tell what looks like one, too.
    pub fn drop_telling<N>(&self, headers: &mut Vec<(N, HeaderValue)>, all: bool) {
        // Of a good answer hardly ever one does: then nothing is searched and nothing gathered.
        if !all && !headers.iter().any(|(_, value)| self.may_be_told_by(value.as_bytes())) {
            return;
        }
        let secrets = if all { self.secrets() } else { self.long_secrets() };
        headers.retain(|(_, value)| {
            let hidden =
                if all { mask::hide_all(value.as_bytes(), &secrets) } else { mask::hide(value.as_bytes(), &secrets) };
            matches!(hidden, Cow::Borrowed(_))
        });
    }

    /// Whether the name of a model tells one of these secrets.
    pub fn is_told_by(&self, name: &str) -> bool {
        matches!(mask::hide(name.as_bytes(), &self.long_secrets()), Cow::Owned(_))
    }

    /// An error that was told inside an answer.
    pub fn over(&self, failure: &Failure) -> Failure {
        failure.veiled(&self.secrets())
    }

    /// The events that the last chunk lets out to the client; None where they may go as they are.
    pub fn over_words(&self, watch: &Watch, events: &[u8]) -> Option<Vec<u8>> {
        match watch.hide_in_words(events, &self.secrets()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(hidden) => Some(hidden),
        }
    }

    fn secrets(&self) -> Vec<&str> {
        let config = &self.provider.config;
        let mut secrets: Vec<&str> = Vec::new();
        if let Some(key) = config.keys.get(self.key) {
            match &key.credential {
                Credential::Sent => secrets.push(key.secret.expose()),
                Credential::Aws(aws) => {
                    secrets.push(aws.secret.expose());
                    secrets.extend(aws.session_token.iter().map(|token| token.expose()));
                }
                // What they are exchanged for is among what was sent.
                Credential::ServiceAccount(_) | Credential::Metadata { .. } => {}
            }
        }
        secrets.extend(config.header_secrets.iter().map(|secret| secret.expose()));
        for value in self.sent.iter().filter_map(|value| value.to_str().ok()) {
            secrets.extend(std::iter::once(value).chain(words(value)).filter(|word| word.len() >= LEAST));
        }
        secrets
    }

    /// Those that are no word of an honest header or name, as what a server without keys is given for one (`ollama`).
    fn long_secrets(&self) -> Vec<&str> {
        let mut secrets = self.secrets();
        secrets.retain(|secret| secret.len() >= LEAST);
        secrets
    }

    /// Whether a header is worth a search; true where what was sent was made for this request.
    fn may_be_told_by(&self, value: &[u8]) -> bool {
        let config = &self.provider.config;
        let key = config.keys.get(self.key).map(|key| &key.secret);
        let mut known = key.into_iter().chain(&config.header_secrets);
        !self.sent.is_empty() || known.any(|secret| mask::may_tell(value, secret.expose()))
    }
}

/// What is secret of an `Authorization`: the token behind its scheme, and of AWS's signed one who signs and the
/// signature, but not the names of what was signed.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let words =
        value.split([' ', ',']).filter(|word| !word.starts_with("AWS4-") && !word.starts_with("SignedHeaders="));
    words.map(|word| ["Credential=", "Signature="].iter().find_map(|name| word.strip_prefix(name)).unwrap_or(word))
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Veil").field("provider", &self.provider.config.id).field("key", &self.key).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn of_a_signed_authorization_the_signer_and_the_signature() {
        let value = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6";
        let told: Vec<&str> = words(value).filter(|word| !word.is_empty()).collect();
        assert_eq!(
            told,
            ["AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/bedrock/aws4_request", "5d672d79c15b13162d9279b0855cfba6"]
        );
        assert_eq!(words("Bearer ya29.c.abc").last(), Some("ya29.c.abc"));
    }
}
