//! Who calls Bedrock: an access key that signs, or a Bedrock API key that is sent.
//!
//! https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html says how the two differ. A colon tells them
//! apart: no API key and no access key has one. What always holds: nothing but the access key's id is ever printed.

use crate::Secret;

/// An access key: what AWS's own tools read from `AWS_ACCESS_KEY_ID` and its companions.
#[derive(Debug, Clone, PartialEq)]
pub struct AwsKey {
    pub id: String,
    pub secret: Secret,
    /// Of temporary credentials.
    pub session_token: Option<Secret>,
}

impl AwsKey {
    /// `ID:SECRET` or `ID:SECRET:SESSION_TOKEN`. None: something is missing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let id = parts.next().filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        let secret = parts.next().filter(|secret| !secret.is_empty());
        let session_token = parts.next().filter(|token| !token.is_empty()).map(Secret::new);
        Some(Self { id: id?.to_owned(), secret: Secret::new(secret?), session_token })
    }
}

/// `us-east-1`, `us-gov-west-1`: a part of the host's name and of what is signed.
pub(crate) fn is_region(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= 32 && text.split('-').all(word)
}

/// https://docs.aws.amazon.com/general/latest/gr/bedrock.html; China has a domain of its own.
pub(crate) fn endpoint(region: &str) -> String {
    let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://bedrock-runtime.{region}.{end}")
}
