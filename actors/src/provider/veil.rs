//! The secrets that an exchange carries, to be taken out of what its upstream says before anybody else hears it.
//!
//! A provider may quote the key it was called with, or a header; what a key looks like nobody can know. So the very
//! values are looked for, beside what [`dialects::mask`] knows by its looks.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use dialects::mask;
use dialects::watch::{Failure, Watch};

use super::Provider;

/// A header's value, or a word of it, that is shorter is no secret.
const LEAST_OF_HEADER: usize = 8;

/// What was shown to an upstream in confidence.
pub(crate) struct Veil {
    provider: Arc<Provider>,
    /// Index of the key.
    key: usize,
}

impl Veil {
    pub fn new(provider: Arc<Provider>, key: usize) -> Self {
        Self { provider, key }
    }

    /// An error's body, for a client: without these secrets, and without what looks like one.
    pub fn masked<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        match mask::hide(body, &self.secrets()) {
            Cow::Borrowed(body) => mask::mask(body),
            Cow::Owned(body) => Cow::Owned(mask::mask(&body).into_owned()),
        }
    }

    pub fn occurs_in(&self, text: &[u8]) -> bool {
        self.over_all(text).is_some()
    }

    /// An error that was told inside an answer; what looks like a secret is out of it already.
    pub fn over(&self, failure: &Failure) -> Failure {
        let message = match mask::hide(failure.message.as_bytes(), &self.secrets()) {
            Cow::Borrowed(_) => failure.message.clone(),
            Cow::Owned(hidden) => String::from_utf8_lossy(&hidden).into_owned(),
        };
        Failure { message, ..failure.clone() }
    }

    /// Events on their way to the client; None where they may go as they are.
    pub fn over_errors(&self, watch: &Watch, events: &[u8]) -> Option<Vec<u8>> {
        changed(watch.hide_in_errors(events, &self.secrets()))
    }

    /// Any text on its way to the client; None where it may go as it is. A secret that is cut in two is not found.
    pub fn over_all(&self, text: &[u8]) -> Option<Vec<u8>> {
        changed(mask::hide(text, &self.secrets()))
    }

    fn secrets(&self) -> Vec<&str> {
        let config = &self.provider.config;
        let key = config.keys.get(self.key).map(|key| key.secret.expose());
        let of_header = |text: &&str| text.len() >= LEAST_OF_HEADER;
        // Whole, and without the scheme in front of it.
        let headers = config.headers.iter().map(|(_, value)| value.expose());
        let words = headers.flat_map(|value| std::iter::once(value).chain(value.split_ascii_whitespace()));
        key.into_iter().chain(words.filter(of_header)).collect()
    }
}

fn changed(text: Cow<'_, [u8]>) -> Option<Vec<u8>> {
    match text {
        Cow::Borrowed(_) => None,
        Cow::Owned(hidden) => Some(hidden),
    }
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Veil").field("provider", &self.provider.config.id).field("key", &self.key).finish()
    }
}
