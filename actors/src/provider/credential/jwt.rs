//! A JSON Web Token signed with RS256 (RFC 7519, RFC 7515): what a service account shows to get an access token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

/// `header` and `claims` are JSON. None: the key does not sign, which a key that could be parsed never does.
pub(super) fn signed(header: &str, claims: &str, key: &RsaKeyPair) -> Option<String> {
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).ok()?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Some(token)
}

#[cfg(test)]
mod tests;
