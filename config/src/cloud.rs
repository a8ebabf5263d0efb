//! What providers of the clouds need beside a key: a region, and for Vertex a project. From them comes the base URL
//! where none is given.
//!
//! What always holds: a provider of kind bedrock that signs knows its region, for the signature holds it.

use crate::reader::{Given, Object, Reader, Spot};
use crate::{BaseUrl, Credential, Key, Kind, aws};

/// The region of an entry: `region`, or the variable that the vendor's own tools read.
pub(crate) fn read_region(r: &mut Reader<'_>, object: &Object<'_>, kind: Option<Kind>) -> Option<String> {
    let variables: &[&str] = match kind {
        Some(Kind::Bedrock) => &["AWS_REGION", "AWS_DEFAULT_REGION"],
        Some(Kind::Vertex) => &["GOOGLE_CLOUD_LOCATION"],
        _ => &[],
    };
    let given = match r.given(object, "region") {
        Some(given) if variables.is_empty() => {
            let fix = "remove it";
            r.findings.push(given.place.warning("only a provider of kind vertex or bedrock looks at this", fix));
            return None;
        }
        Some(given) => given,
        None if object.get("region").is_some() => return None,
        None => Given::from(variables.iter().find_map(|name| r.vars.get(name))?),
    };
    name(r, &given, "a region", "write it like us-east-1")
}

/// The project of an entry of kind vertex: `project`, the variable, or the service account's own.
fn read_project(r: &mut Reader<'_>, object: &Object<'_>, keys: &[Key]) -> Option<String> {
    if let Some(given) = r.given(object, "project") {
        return name(r, &given, "a project", "give the project's id");
    }
    if let Some(var) = r.vars.get("GOOGLE_CLOUD_PROJECT") {
        return name(r, &Given::from(var), "a project", "give the project's id");
    }
    keys.iter().find_map(|key| match &key.credential {
        Credential::ServiceAccount(account) => account.project.clone(),
        Credential::Sent | Credential::Metadata { .. } | Credential::Aws(_) => None,
    })
}

/// A word that may stand in a host's name and in a path.
fn name(r: &mut Reader<'_>, given: &Given, what: &str, fix: &str) -> Option<String> {
    let text = given.text.trim();
    // Projects of old have a domain in front: `example.com:project`.
    let fits = match what {
        "a region" => aws::is_region(text),
        _ => text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:_".contains(&b)),
    };
    if fits && !text.is_empty() {
        return Some(text.to_owned());
    }
    let found = format!("{} is not {what}", given.quoted());
    r.findings.push(given.place.error(found, fix));
    None
}

/// Where Vertex is: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations.
pub(crate) fn vertex_url(
    r: &mut Reader<'_>,
    spot: &Spot<'_>,
    object: &Object<'_>,
    region: Option<&str>,
    keys: &[Key],
) -> Option<BaseUrl> {
    let project = read_project(r, object, keys);
    let (Some(region), Some(project)) = (region, project) else {
        let fix = "say region and project (or set GOOGLE_CLOUD_LOCATION and GOOGLE_CLOUD_PROJECT), or base_url";
        r.error(spot, "a Vertex provider without its region or project", fix);
        return None;
    };
    let host = if region == "global" { String::new() } else { format!("{region}-") };
    let text = format!("https://{host}aiplatform.googleapis.com/v1/projects/{project}/locations/{region}");
    BaseUrl::parse(&text).ok()
}

/// Where Bedrock is.
pub(crate) fn bedrock_url(r: &mut Reader<'_>, spot: &Spot<'_>, region: Option<&str>) -> Option<BaseUrl> {
    let Some(region) = region else {
        no_region(r, spot);
        return None;
    };
    BaseUrl::parse(&aws::endpoint(region)).ok()
}

/// An access key signs its region, also where `base_url` says where to go.
pub(crate) fn check_region(r: &mut Reader<'_>, spot: &Spot<'_>, region: Option<&str>, keys: &[Key]) {
    let signs = keys.iter().any(|key| matches!(key.credential, Credential::Aws(_)));
    if signs && region.is_none() {
        no_region(r, spot);
    }
}

fn no_region(r: &mut Reader<'_>, spot: &Spot<'_>) {
    r.error(spot, "a Bedrock provider without its region", "say region (us-east-1), or set AWS_REGION");
}
