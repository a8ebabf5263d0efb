//! The SHA-256 fingerprint of a certificate, as `openssl x509 -noout -fingerprint -sha256` and browsers print it.

use std::fmt;

/// What a certificate is pinned by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// `sha256:` (or as openssl has it, `sha256 Fingerprint=`) and 64 hexadecimal digits, with colons or without.
    ///
    /// # Errors
    /// What it is instead.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let lower = text.trim().to_ascii_lowercase();
        let lower = lower.strip_prefix("sha256").unwrap_or(&lower);
        if lower.starts_with('/') || text.trim().ends_with('=') {
            return Err("the fingerprint of a public key, or in base64");
        }
        let lower = lower.trim_start_matches([' ', '-']);
        let lower = lower.strip_prefix("fingerprint").unwrap_or(lower).trim_start_matches(['=', ':', ' ']);
        let digits: String = lower.chars().filter(|c| !matches!(c, ':' | ' ' | '-')).collect();
        if digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("a SHA-1 fingerprint");
        }
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("no fingerprint of 64 hexadecimal digits");
        }
        let bytes: Option<Vec<u8>> =
            (0..32).map(|nth| u8::from_str_radix(digits.get(nth * 2..nth * 2 + 2)?, 16).ok()).collect();
        bytes.and_then(|bytes| Self::of_digest(&bytes)).ok_or("no fingerprint of 64 hexadecimal digits")
    }

    /// A digest that was made. None: it is no SHA-256.
    pub fn of_digest(digest: &[u8]) -> Option<Self> {
        digest.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// As it may be written into the configuration.
impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_tool_prints_it_in_its_own_way() {
        let hex = "0a".repeat(32);
        let colons = vec!["0A"; 32].join(":");
        for text in [
            hex.clone(),
            format!("sha256:{hex}"),
            format!("SHA256:{colons}"),
            format!("sha256 Fingerprint={colons}"),
            format!("SHA-256 {colons}").replace("SHA-256", "SHA256"),
            format!(" {} \n", colons.replace(':', " ")),
        ] {
            assert_eq!(Sha256::parse(&text).unwrap().to_string(), format!("sha256:{hex}"), "{text}");
        }
        for (text, what) in [
            ("sha256//Y2FmZQ==".to_owned(), "public key"),
            ("0a".repeat(20), "SHA-1"),
            ("0a".repeat(31), "no fingerprint"),
            (format!("{}zz", "0a".repeat(31)), "no fingerprint"),
            (String::new(), "no fingerprint"),
        ] {
            assert!(Sha256::parse(&text).unwrap_err().contains(what), "{text}");
        }
    }
}
