//! AWS Signature Version 4: every request to Bedrock is signed by the access key, its exact body included.
//!
//! https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. The signing itself is
//! AWS's own crate. Always: what is signed is what is sent, so host and content type are set before and not changed
//! after; the path is escaped once more than it is sent, as for every service but S3.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use config::AwsKey;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};

const SERVICE: &str = "bedrock";

/// An access key, ready to sign for one region.
pub(crate) struct Signer {
    identity: Identity,
    region: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(key: &AwsKey, region: Option<&str>) -> io::Result<Self> {
        let region = region.ok_or_else(|| io::Error::other("an access key signs for a region, and none is said"))?;
        let token = key.session_token.as_ref().map(|token| token.expose().to_owned());
        let credentials = Credentials::new(key.id.clone(), key.secret.expose(), token, None, "ai-proxy");
        Ok(Self { identity: credentials.into(), region: region.to_owned() })
    }

    /// The headers that a POST of a body with this SHA-256 (in hex) needs beside those it has.
    pub fn headers(
        &self,
        url: &str,
        host: &HeaderValue,
        content_type: Option<&HeaderValue>,
        sha256: String,
        now: SystemTime,
    ) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let mut signed = vec![(HOST.as_str(), host.to_str().ok()?)];
        if let Some(value) = content_type {
            signed.push((CONTENT_TYPE.as_str(), value.to_str().ok()?));
        }
        self.signed(SERVICE, url, signed, SignableBody::Precomputed(sha256), now)
    }

    fn signed(
        &self,
        service: &str,
        url: &str,
        headers: Vec<(&str, &str)>,
        body: SignableBody<'_>,
        now: SystemTime,
    ) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(service)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        let request = SignableRequest::new("POST", Cow::Borrowed(url), headers.into_iter(), body).ok()?;
        let (instructions, _) = sign(request, &params).ok()?.into_parts();
        let header = |(name, value): (&str, &str)| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        };
        instructions.headers().map(header).collect()
    }
}

#[cfg(test)]
mod tests;
