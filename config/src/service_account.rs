//! A Google service account, from the JSON that the console hands out.
//!
//! Its format and what its fields are for: https://cloud.google.com/iam/docs/keys-create-delete and
//! https://developers.google.com/identity/protocols/oauth2/service-account#httprest. What always holds: the key can
//! sign (it was parsed), the address that tokens come from is one that a key may go to, and nothing of the private
//! key is printed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::RsaKeyPair;
use serde::Deserialize;

use crate::BaseUrl;

/// Many times what such a file has.
const LONGEST: usize = 64 * 1024;
/// Where tokens come from if the file does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Who signs, with what, and where the signature is exchanged for a token.
pub struct ServiceAccount {
    pub email: String,
    /// Names the key among the account's keys.
    pub key_id: Option<String>,
    pub key: RsaKeyPair,
    pub token_uri: BaseUrl,
    /// The project that it belongs to.
    pub project: Option<String>,
}

/// Whose key it is, where it is shown and the key itself, by its public half.
impl PartialEq for ServiceAccount {
    fn eq(&self, other: &Self) -> bool {
        let told = |account: &Self| (account.email.clone(), account.key_id.clone(), account.project.clone());
        told(self) == told(other)
            && self.token_uri == other.token_uri
            && self.key.public().as_ref() == other.key.public().as_ref()
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("token_uri", &self.token_uri).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    project_id: Option<String>,
}

impl ServiceAccount {
    /// Reads the JSON text. What is wrong is told in words of our own: the text holds a private key.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("longer than any service account's JSON");
        }
        let file: File = serde_json::from_str(text).map_err(|_| "not the JSON of a service account")?;
        if file.kind.is_some_and(|kind| kind != "service_account") {
            return Err("a credential of another type than service_account");
        }
        let email =
            file.client_email.filter(|email| is_plain(email)).ok_or("a service account without client_email")?;
        let pem = file.private_key.ok_or("a service account without private_key")?;
        let key = rsa_key(&pem).ok_or("a private_key that is no RSA key in PKCS#8 form")?;
        let token_uri = BaseUrl::parse(file.token_uri.as_deref().unwrap_or(TOKEN_URI))
            .ok()
            .filter(|uri| !uri.is_exposed())
            .ok_or("a token_uri that is no https URL a key may go to")?;
        let project = file.project_id.filter(|project| is_plain(project));
        Ok(Self { email, key_id: file.private_key_id.filter(|id| is_plain(id)), key, token_uri, project })
    }
}

/// What stands in tokens and URLs.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

fn rsa_key(pem: &str) -> Option<RsaKeyPair> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).ok()?).ok()
}
