//! What people paste as `base_url`: a whole endpoint as vendors' pages show it, a URL without its scheme, one with a query.
//! What was meant is plain, and is put right here, before [`BaseUrl`](crate::BaseUrl) reads it.
//!
//! What always holds: each change is told in words of ours, nothing of the text is, and the host is never another one
//! than was written.

use crate::base_url::is_version;
use crate::{Kind, host};

/// A text as it was meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mended {
    pub(crate) text: String,
    /// What was found, each with what to write instead.
    pub(crate) told: Vec<(String, &'static str)>,
    /// An endpoint without a version before it: the API has none, or it would stand there.
    pub(crate) unversioned: bool,
}

/// What follows the base URL in the APIs that are spoken here, longest first.
const ENDPOINTS: [&[&str]; 25] = [
    &["chat", "completions"],
    &["messages", "count_tokens"],
    &["messages", "batches"],
    &["responses", "input_tokens"],
    &["images", "generations"],
    &["images", "edits"],
    &["images", "variations"],
    &["audio", "speech"],
    &["audio", "transcriptions"],
    &["audio", "translations"],
    &["completions"],
    &["responses"],
    &["embeddings"],
    &["messages"],
    &["moderations"],
    &["rerank"],
    // Ollama's own API, whose OpenAI-compatible one stands beside it.
    &["api", "chat"],
    &["api", "generate"],
    &["api", "embed"],
    &["api", "tags"],
    &["api", "show"],
    // Alone these are names like any other: only behind a version they are endpoints.
    &["models"],
    &["chat"],
    &["files"],
    &["batches"],
];

pub(crate) fn mend(text: &str, kind: Option<Kind>) -> Mended {
    let mut mended = Mended::default();
    let text = without_blanks(text.trim(), &mut mended.told);
    let text = with_scheme(&text, &mut mended.told);
    let (text, query) = text.split_once(['?', '#']).map_or((&*text, None), |(url, query)| (url, Some(query)));
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        let fix = if kind == Some(Kind::Azure) && query.contains("api-version=") {
            "end it before `?`; for a dated API say api_version"
        } else {
            "end it before `?` or `#`; a key goes into api_key"
        };
        mended.told.push(("the URL has a query or fragment, which is taken off".to_owned(), fix));
    }
    let begin = text.find("://").map_or(0, |at| at + 3);
    let path = text.get(begin..).and_then(|rest| rest.find('/')).map_or(text.len(), |at| begin + at);
    let (root, path) = text.split_at(path);
    let path = path_of(path, kind, &mut mended);
    mended.text = format!("{root}{path}");
    mended
}

/// Blanks beside a `/` or `:` are slips; within a name they would make another one of it.
fn without_blanks(text: &str, told: &mut Vec<(String, &'static str)>) -> String {
    let pieces: Vec<&str> = text.split([' ', '\t']).filter(|piece| !piece.is_empty()).collect();
    let joins = |(before, after): (&&str, &&str)| before.ends_with(['/', ':']) || after.starts_with(['/', ':']);
    if pieces.len() < 2 || !pieces.iter().zip(pieces.iter().skip(1)).all(joins) {
        return text.to_owned();
    }
    told.push(("the URL has blanks, which are taken out".to_owned(), "write it without them"));
    pieces.concat()
}

fn with_scheme(text: &str, told: &mut Vec<(String, &'static str)>) -> String {
    let lower = text.to_ascii_lowercase();
    let rest = |begin: &str| lower.starts_with(begin).then(|| text.get(begin.len()..)).flatten();
    for (slip, scheme) in [("https//", "https"), ("http//", "http"), ("https:/", "https"), ("http:/", "http")] {
        if let Some(rest) = rest(slip).filter(|rest| !rest.starts_with('/')) {
            told.push((format!("the URL begins with a slip of {scheme}://"), "begin it with https:// or http://"));
            return format!("{scheme}://{rest}");
        }
    }
    let bare = text.strip_prefix("//").unwrap_or(text);
    let authority = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    // A word alone is a container's neighbour or nothing: with a port it is an address.
    let is_address = host.contains('.') || host == "localhost" || authority.contains(':');
    if bare.contains("://") || !is_address || host::normalise(host).is_none() {
        return text.to_owned();
    }
    let scheme = if host::is_private(&host.to_ascii_lowercase()) { "http" } else { "https" };
    told.push((format!("the URL has no scheme: {scheme}:// is taken"), "begin it with https:// or http://"));
    format!("{scheme}://{bare}")
}

fn path_of(path: &str, kind: Option<Kind>, mended: &mut Mended) -> String {
    let mut segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    if path.trim_end_matches('/').contains("//") {
        mended.told.push(("the URL's path has a double slash, taken for one".to_owned(), "write one"));
    }
    let mut ends = Vec::new();
    while let Some(tail) = endpoint(&segments, kind) {
        ends.splice(0..0, segments.drain(segments.len() - tail..));
    }
    if !ends.is_empty() {
        let versioned = segments.iter().any(|segment| is_version(&segment.to_ascii_lowercase()));
        let native = ends.first().is_some_and(|first| first == "api");
        mended.unversioned = !versioned && !native;
        // Of names of models nothing is told.
        let shown = ENDPOINTS.iter().find(|known| known.iter().eq(ends.iter()));
        let shown =
            shown.map_or_else(|| "an endpoint".to_owned(), |known| format!("the endpoint /{}", known.join("/")));
        mended.told.push((format!("the URL ends in {shown}, which is taken off"), "end it before the endpoint"));
    }
    if kind == Some(Kind::Gemini) && segments.last().is_some_and(|last| last.eq_ignore_ascii_case("openai")) {
        let version = segments.len().checked_sub(2).and_then(|nth| segments.get(nth));
        if version.is_some_and(|segment| is_version(&segment.to_ascii_lowercase())) {
            segments.pop();
            let found = "the URL ends in /openai, where Google speaks OpenAI's API, which is taken off";
            mended.told.push((found.to_owned(), "end it at the version, or say kind: openai"));
        }
    }
    let mut lowered = false;
    for segment in &mut segments {
        let lower = segment.to_ascii_lowercase();
        if lower != *segment && is_version(&lower) {
            (*segment, lowered) = (lower, true);
        }
    }
    if lowered {
        mended.told.push(("the URL's version is in capitals, and is taken in small letters".to_owned(), "write v1"));
    }
    let before = segments.len();
    segments.dedup_by(|next, last| next == last && is_version(next));
    if segments.len() < before {
        mended.told.push(("the URL has its version twice, and is taken with one".to_owned(), "write /v1 once"));
    }
    segments.iter().map(|segment| format!("/{segment}")).collect()
}

/// How many segments at the end are an endpoint.
fn endpoint(segments: &[String], kind: Option<Kind>) -> Option<usize> {
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let from_end = |nth: usize| lower.len().checked_sub(nth).and_then(|at| lower.get(at)).map(String::as_str);
    let version_before = |taken: usize| from_end(taken + 1).is_some_and(is_version);
    let last = from_end(1)?;
    // `models/NAME:generateContent`, and on Google Cloud the publisher before it.
    if last.contains(':') && from_end(2) == Some("models") {
        return Some(if from_end(4) == Some("publishers") { 4 } else { 2 });
    }
    if from_end(2) == Some("models") && version_before(2) {
        return Some(2);
    }
    if matches!(kind, Some(Kind::Bedrock)) && from_end(3) == Some("model") {
        return Some(3);
    }
    if kind == Some(Kind::Azure) && from_end(2) == Some("deployments") {
        return Some(2);
    }
    let known = ENDPOINTS.iter().find(|known| {
        lower.len() >= known.len() && lower.iter().rev().zip(known.iter().rev()).all(|(have, want)| have == want)
    })?;
    let alone = matches!(*known, ["models"] | ["chat"] | ["files"] | ["batches"]);
    (!alone || version_before(1)).then_some(known.len())
}

#[cfg(test)]
#[path = "mend_tests.rs"]
mod tests;
