//! A value that must not be seen: provider keys, client tokens, header values.
//!
//! What always holds: neither Debug nor Display prints any of it, not even its length. Whoever needs
//! the text says [`Secret::expose`], so that every place that can leak is found by one search.

use std::fmt;
use std::sync::Arc;

use ring::digest;

/// Text that is never printed. Cloning shares it.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself, for a header or a comparison in constant time; never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first 8 bytes of its SHA-256: names the secret in health and state across restarts.
    /// Too short to recover a key from, long enough that two keys of one installation do not meet.
    pub fn fingerprint(&self) -> u64 {
        let hash = digest::digest(&digest::SHA256, self.0.as_bytes());
        hash.as_ref().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}

/// By their hashes: how long it takes says nothing of where they differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let hash = |secret: &Self| digest::digest(&digest::SHA256, secret.0.as_bytes());
        Arc::ptr_eq(&self.0, &other.0) || hash(self).as_ref() == hash(other).as_ref()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_printed() {
        let secret = Secret::new("sk-do-not-show");
        assert_eq!(format!("{secret:?} {secret}"), "Secret(***) ***");
        assert_eq!(secret.expose(), "sk-do-not-show");
        assert!(secret == Secret::new("sk-do-not-show") && secret != Secret::new("sk-do-not-shop"));
    }

    #[test]
    fn the_fingerprint_is_the_head_of_sha_256() {
        // SHA-256("abc"), FIPS 180-2 appendix B.1: ba7816bf 8f01cfea ...
        assert_eq!(Secret::new("abc").fingerprint(), 0xba78_16bf_8f01_cfea);
    }
}
