//! Reads a provider's keys: `api_key`, `api_keys`, or the variables that the catalogue names.

use crate::catalogue::{self, Known};
use crate::finding::Place;
use crate::reader::{Given, Object, Reader, Spot};
use crate::{Credential, Key, Kind, cloud_keys, placeholder};

/// What `api_key` says of a provider that takes no key.
const NONE: &str = "none";

/// The keys of one entry of the YAML.
pub(crate) fn read(
    r: &mut Reader<'_>,
    spot: &Spot<'_>,
    object: &Object<'_>,
    known: Option<&'static Known>,
    kind: Option<Kind>,
) -> Vec<Key> {
    let (one, several) = (object.get("api_key"), object.get("api_keys"));
    if let (Some(_), Some(several)) = (one, several) {
        r.error(several, "both api_key and api_keys are given", "keep one of them");
    }
    if let Some(keys) = cloud_keys::from_fields(r, object, kind) {
        if let Some(also) = one.or(several) {
            r.error(also, "both credentials and an API key are given", "keep one of them");
        }
        return keys;
    }
    if let Some(field) = one {
        let Some(given) = given_key(r, field) else {
            return Vec::new();
        };
        if given.text.trim() == NONE {
            return Vec::new();
        }
        return gather(r, kind, vec![given]);
    }
    if let Some(field) = several {
        let items = r.items(field).unwrap_or_default();
        if items.is_empty() {
            r.error(field, "an empty list of keys", "add one, or say api_key: none");
        }
        let mut given: Vec<Given> = items.iter().filter_map(|item| given_key(r, item)).collect();
        given.retain(|given| {
            let none = given.text.trim() == NONE;
            if none {
                let found = "`none` in a list of keys would be sent as a key";
                r.findings.push(given.place.error(found, "remove it; a provider that takes no key has api_key: none"));
            }
            !none
        });
        return gather(r, kind, given);
    }
    if let Some(kind) = kind.filter(|kind| cloud_keys::is_here(Some(*kind))) {
        return cloud_keys::from_environment(r, spot, kind);
    }
    let from_environment = known.map(|known| self::from_environment(r, &known.keys)).unwrap_or_default();
    if from_environment.is_empty() && kind != Some(Kind::Demo) && known.is_none_or(|known| known.needs_key) {
        let fix = match known.and_then(|known| known.keys.first()) {
            Some(variable) => format!("set {variable} in .env, or say api_key"),
            None => "say api_key (`api_key: none` for a server that takes none)".to_owned(),
        };
        r.error(spot, "no key", fix);
    }
    from_environment
}

/// The keys that the environment holds for a provider of the catalogue.
pub(crate) fn from_environment(r: &mut Reader<'_>, variables: &[String]) -> Vec<Key> {
    let given = catalogue::keys_in(r.vars, variables).into_iter().map(Given::from).collect();
    gather(r, None, given)
}

/// Told once of a key, whichever of its parts it is.
pub(crate) fn doubt<'t>(r: &mut Reader<'_>, place: &Place, parts: impl IntoIterator<Item = &'t str>) {
    if let Some(sort) = parts.into_iter().find_map(placeholder::found_in) {
        r.findings.push(place.warning(sort, "put the provider's key there, or remove it"));
    }
}

/// An empty key has a message of its own: it is what a forgotten variable leaves.
fn given_key(r: &mut Reader<'_>, spot: &Spot<'_>) -> Option<Given> {
    r.scalar(spot)
}

fn gather(r: &mut Reader<'_>, kind: Option<Kind>, given: Vec<Given>) -> Vec<Key> {
    let mut keys: Vec<(Key, Place)> = Vec::new();
    for given in given {
        let key = match kind {
            Some(kind) => cloud_keys::given(r, kind, &given),
            None => r.secret(&given).map(Key::sent),
        };
        let Some(mut key) = key else {
            continue;
        };
        key.name = given.name();
        match key.credential {
            Credential::Sent => doubt(r, &given.place, [&*given.text]),
            Credential::Aws(_) => doubt(r, &given.place, given.text.split(':')),
            // Of JSON each part was read.
            Credential::ServiceAccount(_) | Credential::Metadata { .. } => {}
        }
        if matches!(key.credential, Credential::Sent) && key.secret.expose().contains(',') {
            let fix = "give each key a place of its own: api_keys, or the variable's name with _2, _3, ...";
            r.findings.push(given.place.warning("a key with a comma in it is sent as one key", fix));
        }
        let fingerprint = key.fingerprint;
        if let Some((_, first)) = keys.iter().find(|(key, _)| key.fingerprint == fingerprint) {
            let found = format!("the same key as {}", first.path);
            r.findings.push(given.place.error(found, "remove one of them: one key has one quota"));
        } else {
            keys.push((key, given.place));
        }
    }
    keys.into_iter().map(|(key, _)| key).collect()
}
