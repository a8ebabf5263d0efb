//! Reads the keys of providers in the clouds: Google's and Amazon's credentials, which are more than a word.
//!
//! What always holds: a credential that was read can be used (it was parsed), and no finding shows any of it.

use std::sync::Arc;

use crate::finding::Place;
use crate::reader::{Given, Object, Reader, Spot};
use crate::service_account::ServiceAccount;
use crate::{AwsKey, Credential, Key, Kind, Secret, host, keys};

/// Where Google's own libraries find the metadata server, and the variable that says otherwise:
/// https://cloud.google.com/compute/docs/metadata/querying-metadata.
const METADATA_HOST: &str = "metadata.google.internal";

/// Whether a provider of this kind has credentials that are read here.
pub(crate) fn is_here(kind: Option<Kind>) -> bool {
    matches!(kind, Some(Kind::Vertex | Kind::Bedrock))
}

/// A key as `api_key` gives it.
pub(crate) fn given(r: &mut Reader<'_>, kind: Kind, given: &Given) -> Option<Key> {
    let text = given.text.trim();
    match kind {
        Kind::Vertex => service_account(r, text, &given.place),
        Kind::Bedrock if text.contains(':') => {
            let secret = r.secret(given)?;
            let Some(key) = AwsKey::parse(text) else {
                let fix = "write it as ACCESS_KEY_ID:SECRET_ACCESS_KEY, or give a Bedrock API key";
                r.findings.push(given.place.error("neither an access key nor a Bedrock API key", fix));
                return None;
            };
            Some(Key { credential: Credential::Aws(Arc::new(key)), ..Key::sent(secret) })
        }
        Kind::Bedrock
        | Kind::OpenAi
        | Kind::OpenAiResponses
        | Kind::Azure
        | Kind::Anthropic
        | Kind::Gemini
        | Kind::Demo => r.secret(given).map(Key::sent),
    }
}

/// What an entry says of its credentials beside `api_key`. None: nothing.
pub(crate) fn from_fields(r: &mut Reader<'_>, object: &Object<'_>, kind: Option<Kind>) -> Option<Vec<Key>> {
    let (word, file) = (r.given(object, "credentials"), r.given(object, "credentials_file"));
    if object.get("credentials").is_none() && object.get("credentials_file").is_none() {
        return None;
    }
    if kind != Some(Kind::Vertex) {
        for given in word.iter().chain(&file) {
            r.findings.push(given.place.warning("only a provider of kind vertex looks at this", "remove it"));
        }
        return None;
    }
    if let (Some(word), Some(_)) = (&word, &file) {
        let told = word.place.error("both credentials and credentials_file are given", "keep one of them");
        r.findings.push(told);
    }
    let key = match (word, file) {
        (Some(word), _) => r.choice(&word, "source of credentials", &[("metadata", ())]).and_then(|()| metadata(r)),
        (None, Some(file)) => in_file(r, &file),
        (None, None) => None,
    };
    Some(key.into_iter().collect())
}

/// The credentials that the environment holds, as the vendors' own tools read them.
pub(crate) fn from_environment(r: &mut Reader<'_>, spot: &Spot<'_>, kind: Kind) -> Vec<Key> {
    let (key, fix) = match kind {
        Kind::Vertex => {
            let file = r.vars.get("GOOGLE_APPLICATION_CREDENTIALS").map(Given::from);
            let fix = "say credentials_file (a service account's JSON) or credentials: metadata, or set \
                       GOOGLE_APPLICATION_CREDENTIALS";
            (file.map(|file| in_file(r, &file)), fix)
        }
        _ => {
            let fix = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK, or say api_key";
            (aws(r), fix)
        }
    };
    match key {
        Some(key) => key.into_iter().collect(),
        None => {
            r.error(spot, "no credentials", fix);
            Vec::new()
        }
    }
}

/// A Bedrock API key goes before an access key, as in AWS's own SDKs. None: neither is there.
fn aws(r: &mut Reader<'_>) -> Option<Option<Key>> {
    if let Some(bearer) = r.vars.get("AWS_BEARER_TOKEN_BEDROCK") {
        keys::doubt(r, &bearer.place, [&*bearer.value]);
        return Some(r.secret(&Given::from(bearer)).map(Key::sent));
    }
    let (id, secret) = (r.vars.get("AWS_ACCESS_KEY_ID"), r.vars.get("AWS_SECRET_ACCESS_KEY"));
    let token = r.vars.get("AWS_SESSION_TOKEN");
    let (id, secret) = match (id, secret) {
        (Some(id), Some(secret)) => (id, secret),
        (Some(one), None) | (None, Some(one)) => {
            let fix = "set both, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            r.findings.push(one.place.error("an access key's one half without the other", fix));
            return Some(None);
        }
        (None, None) => return None,
    };
    let (id, secret, token) = (Given::from(id), Given::from(secret), token.map(Given::from));
    for part in [&id, &secret].into_iter().chain(&token) {
        keys::doubt(r, &part.place, [&*part.text]);
    }
    let token = token.map(|token| r.secret(&token));
    let (Some(_), Some(_), None | Some(Some(_))) = (r.secret(&id), r.secret(&secret), &token) else {
        return Some(None);
    };
    let mut text = format!("{}:{}", id.text.trim(), secret.text.trim());
    if let Some(token) = token.flatten() {
        text.push(':');
        text.push_str(token.expose());
    }
    let secret = Secret::new(&text);
    let Some(key) = AwsKey::parse(&text) else {
        r.findings.push(id.place.error("not an access key's id", "copy it again from AWS"));
        return Some(None);
    };
    let name = "AWS_ACCESS_KEY_ID".to_owned();
    Some(Some(Key { credential: Credential::Aws(Arc::new(key)), name, ..Key::sent(secret) }))
}

fn in_file(r: &mut Reader<'_>, given: &Given) -> Option<Key> {
    let (_, text) = r.readable(given)?;
    service_account(r, text.trim(), &given.place)
}

fn service_account(r: &mut Reader<'_>, text: &str, place: &Place) -> Option<Key> {
    match ServiceAccount::parse(text) {
        Ok(account) => {
            let secret = Secret::new(text);
            let credential = Credential::ServiceAccount(Arc::new(account));
            Some(Key { credential, name: place.path.clone(), ..Key::sent(secret) })
        }
        Err(found) => {
            let fix = "give the JSON of a service account's key, as the console hands it out";
            r.findings.push(place.error(found, fix));
            None
        }
    }
}

/// The fixed address is ours and not the file's to choose: the one place where a metadata server may be asked.
fn metadata(r: &mut Reader<'_>) -> Option<Key> {
    let (name, port) = match r.vars.get("GCE_METADATA_HOST") {
        None => (METADATA_HOST.to_owned(), 80),
        Some(var) => {
            let text = var.value.trim();
            let (name, port) = match text.rsplit_once(':') {
                Some((name, port)) => (name, port.parse().ok()),
                None => (text, Some(80)),
            };
            let (Some(name), Some(port)) = (host::normalise(name), port) else {
                r.findings.push(var.place.error("not a host, or a host and a port", "write it like 127.0.0.1:8080"));
                return None;
            };
            (name, port)
        }
    };
    let secret = Secret::new("metadata");
    let credential = Credential::Metadata { host: name.into(), port };
    Some(Key { credential, name: "the metadata server".to_owned(), ..Key::sent(secret) })
}
