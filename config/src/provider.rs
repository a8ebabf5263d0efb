//! Reads one entry of `providers`, on top of what the catalogue knows of that name.

use std::time::Duration;

use crate::address::{self, Address};
use crate::catalogue::{self, KINDS, Known};
use crate::reader::{Given, Object, Reader, Spot};
use crate::tree::Value;
use crate::{BaseUrl, Breaker, Demo, Kind, Limits, Provider, ProviderId, Quirks, Timeouts};
use crate::{cloud, headers, keys, limits, names, shapes, upstream_tls};

const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(5), first_byte: Duration::from_secs(600), idle: Duration::from_secs(300) };
const BREAKER: Breaker = Breaker { failures: 5, open: Duration::from_secs(10), max_open: Duration::from_secs(120) };
/// How far a `retry-after` hint is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A provider as the catalogue has it, with the keys of the environment: enabled without YAML.
pub(crate) fn from_catalogue(r: &mut Reader<'_>, known: &Known) -> Option<Provider> {
    let base_url = match address::from_variables(r, known) {
        Some(said) => said.ok()?.url,
        None => BaseUrl::parse(known.base_url.as_deref()?).ok()?,
    };
    let before = r.files.len();
    let keys = keys::from_environment(r, &known.keys);
    let mut provider = blank(ProviderId::new(&known.name), known.kind, base_url, keys);
    provider.by_itself = true;
    provider.responses = known.responses;
    provider.files = r.files.get(before..).unwrap_or_default().to_vec();
    Some(shaped(provider, Some(known), known.version_segment))
}

/// What an entry of the YAML comes to.
pub(crate) enum Entry {
    Enabled(Box<Provider>),
    /// `enabled: false`.
    Off,
    /// Something essential is wrong, and told.
    Broken,
}

/// One entry of the YAML.
pub(crate) fn read(r: &mut Reader<'_>, name: &str, spot: &Spot<'_>) -> Entry {
    // An entry that says what it is means no other by its name.
    let says_what = matches!(&spot.node.value, Value::Map(pairs) if pairs.iter().any(|(key, _)| key.text == "kind"));
    let alias = || catalogue::by_alias(name).filter(|_| !says_what);
    let known = catalogue::find(name).or_else(alias);
    if let Err(found) = names::check_provider(name) {
        let lower = name.to_ascii_lowercase();
        let fix = match catalogue::find(&lower) {
            Some(known) => format!("write {}", known.name),
            None => "rename it".to_owned(),
        };
        r.error(spot, found, fix);
    }
    let Some(object) = r.object(spot, &shapes::PROVIDER) else {
        return Entry::Broken;
    };
    let enabled = r.given(&object, "enabled").and_then(|given| r.flag(&given)).unwrap_or(true);
    if !enabled {
        return Entry::Off;
    }
    let before = r.files.len();
    let kind = read_kind(r, name, spot, &object, known);
    let keys = keys::read(r, spot, &object, known, kind);
    let region = cloud::read_region(r, &object, kind);
    let by_vendor = |url: BaseUrl| Address { url, unversioned: false };
    let address = match kind {
        Some(Kind::Vertex) if object.get("base_url").is_none() => {
            cloud::vertex_url(r, spot, &object, region.as_deref(), &keys).map(by_vendor)
        }
        Some(Kind::Bedrock) if object.get("base_url").is_none() => {
            cloud::bedrock_url(r, spot, region.as_deref()).map(by_vendor)
        }
        _ => {
            cloud::check_region(r, spot, region.as_deref(), &keys);
            read_base_url(r, name, spot, &object, known, kind)
        }
    };
    let versioned = r.given(&object, "version_segment").and_then(|given| r.flag(&given));
    // Everything is read before anything essential is given up, so that all mistakes are told.
    let usable = kind.is_some() && address.is_some();
    let unversioned = address.as_ref().is_some_and(|address| address.unversioned);
    let nowhere = || BaseUrl::parse("http://127.0.0.1").ok();
    let Some(base_url) = address.map(|address| address.url).or_else(nowhere) else {
        return Entry::Broken;
    };
    let mut provider = blank(ProviderId::new(name), kind.unwrap_or(Kind::OpenAi), base_url, keys);
    provider.responses = known.is_none_or(|known| known.responses);
    provider.region = region;
    fill(r, &mut provider, &object);
    provider.files = r.files.get(before..).unwrap_or_default().to_vec();
    let versioned = versioned.unwrap_or_else(|| known.map_or(!unversioned, |known| known.version_segment));
    if usable { Entry::Enabled(Box::new(shaped(provider, known, versioned))) } else { Entry::Broken }
}

fn read_kind(
    r: &mut Reader<'_>,
    name: &str,
    spot: &Spot<'_>,
    object: &Object<'_>,
    known: Option<&'static Known>,
) -> Option<Kind> {
    let Some(given) = object.get("kind") else {
        if known.is_none() {
            let near = crate::finding::nearest(name, catalogue::all().iter().map(|k| k.name.as_str()));
            let fix = match near {
                Some(near) => {
                    format!("did you mean {near}? Otherwise say what it is: kind and base_url")
                }
                None => "say what it is: kind (openai, anthropic, gemini, ...) and base_url".to_owned(),
            };
            r.error(spot, "not a provider of the catalogue, and no kind is given", fix);
        }
        return known.map(|known| known.kind);
    };
    let given = r.text(given)?;
    r.choice(&given, "kind", &KINDS)
}

fn read_base_url(
    r: &mut Reader<'_>,
    name: &str,
    spot: &Spot<'_>,
    object: &Object<'_>,
    known: Option<&'static Known>,
    kind: Option<Kind>,
) -> Option<Address> {
    const OWN: (&str, &str) =
        ("the address that this gateway itself listens on", "give one of them another port (base_url, or PORT)");
    if let Some(field) = object.get("base_url") {
        if kind == Some(Kind::Demo) {
            r.warning(field, "the demo provider has no URL of its own", "remove it");
        }
        let given = r.text(field)?;
        let address = address::read(r, &given, kind)?;
        if kind != Some(Kind::Demo) && r.is_own(&address.url) {
            r.error(field, OWN.0, OWN.1);
            return None;
        }
        return Some(address);
    }
    if let Some(said) = known.and_then(|known| address::from_variables(r, known)) {
        return said.ok();
    }
    if let Some(text) = known.and_then(|known| known.base_url.as_deref()) {
        let url = BaseUrl::parse(text).ok()?;
        if kind != Some(Kind::Demo) && r.is_own(&url) {
            r.error(spot, OWN.0, OWN.1);
            return None;
        }
        return Some(Address { url, unversioned: false });
    }
    match kind? {
        Kind::Demo => BaseUrl::parse("http://127.0.0.1").ok().map(|url| Address { url, unversioned: false }),
        Kind::Azure => {
            let fix = "add base_url: https://YOUR-RESOURCE.openai.azure.com (or set AZURE_OPENAI_ENDPOINT)";
            r.error(spot, "an Azure provider without its endpoint", fix);
            None
        }
        _ => {
            r.error(spot, format!("{name} is not in the catalogue and has no base_url"), "add base_url");
            None
        }
    }
}

fn blank(id: ProviderId, kind: Kind, base_url: BaseUrl, keys: Vec<crate::Key>) -> Provider {
    Provider {
        id,
        by_itself: false,
        kind,
        base_url,
        keys,
        limits: Limits::default(),
        models: Vec::new(),
        allow_unlisted: false,
        discover: true,
        prefixes: Vec::new(),
        max_in_flight: None,
        timeouts: TIMEOUTS,
        headers: Vec::new(),
        header_secrets: Vec::new(),
        ca_file: None,
        cert_fingerprint: None,
        client_cert: None,
        api_version: None,
        region: None,
        max_retry_after: MAX_RETRY_AFTER,
        inject_usage: false,
        reasoning_summaries: true,
        responses: true,
        quirks: Quirks::default(),
        breaker: BREAKER,
        demo: Demo::default(),
        files: Vec::new(),
    }
}

/// What follows from kind, catalogue and listed models.
fn shaped(mut provider: Provider, known: Option<&Known>, versioned: bool) -> Provider {
    if !versioned {
        provider.base_url = provider.base_url.unversioned();
    }
    provider.discover = provider.models.is_empty();
    // The demo's names say how it is to behave: more of them than it can list.
    provider.allow_unlisted |= provider.kind == Kind::Demo && provider.models.is_empty();
    if provider.kind == Kind::Azure {
        provider.base_url = provider.base_url.without_azure_folder();
    }
    // Azure lists what it could deploy, not what is deployed, and the clouds what one might apply for, elsewhere and in
    // forms of their own: a name can only be tried.
    if matches!(provider.kind, Kind::Azure | Kind::Vertex | Kind::Bedrock) && provider.models.is_empty() {
        provider.discover = false;
        provider.allow_unlisted = true;
    }
    if let Some(known) = known.filter(|_| provider.models.is_empty()) {
        provider.prefixes = known.prefixes.clone();
    }
    if let Some(known) = known {
        provider.quirks = known.quirks;
    }
    provider
}

fn fill(r: &mut Reader<'_>, provider: &mut Provider, object: &Object<'_>) {
    if let Some(spot) = object.get("limits") {
        provider.limits = limits::read_limits(r, spot);
    }
    if let Some(spot) = object.get("models") {
        provider.models = limits::read_models(r, spot);
    }
    if let Some(flag) = r.given(object, "allow_unlisted").and_then(|given| r.flag(&given)) {
        provider.allow_unlisted = flag;
    }
    if let Some(flag) = r.given(object, "inject_usage").and_then(|given| r.flag(&given)) {
        provider.inject_usage = flag;
    }
    if let Some(flag) = r.given(object, "responses").and_then(|given| r.flag(&given)) {
        provider.responses = flag;
    }
    if let Some(flag) = r.given(object, "reasoning_summaries").and_then(|given| r.flag(&given)) {
        provider.reasoning_summaries = flag;
    }
    provider.max_in_flight = r.given(object, "max_in_flight").and_then(|given| r.number(&given, 1..=1_000_000));
    if let Some(spot) = object.get("timeouts") {
        provider.timeouts = read_timeouts(r, spot);
    }
    if let Some(spot) = object.get("headers") {
        (provider.headers, provider.header_secrets) = headers::read(r, spot);
    }
    upstream_tls::read(r, provider, object);
    if let Some(given) = r.given(object, "api_version") {
        provider.api_version = read_api_version(r, &given, provider.kind);
    }
    if let Some(given) = r.given(object, "max_retry_after") {
        provider.max_retry_after = r.duration(&given, Duration::ZERO..=HOUR * 24).unwrap_or(MAX_RETRY_AFTER);
    }
    if let Some(spot) = object.get("breaker") {
        provider.breaker = read_breaker(r, spot);
    }
    if let Some(spot) = object.get("demo") {
        if provider.kind != Kind::Demo {
            r.warning(spot, "only a provider of kind demo looks at this", "remove it");
        }
        provider.demo = read_demo(r, spot);
    }
}

fn read_timeouts(r: &mut Reader<'_>, spot: &Spot<'_>) -> Timeouts {
    let Some(object) = r.object(spot, &shapes::TIMEOUTS) else {
        return TIMEOUTS;
    };
    let mut read = |key, most| r.given(&object, key).and_then(|given| r.duration(&given, MILLISECOND..=most));
    Timeouts {
        connect: read("connect", MINUTE * 5).unwrap_or(TIMEOUTS.connect),
        first_byte: read("first_byte", HOUR).unwrap_or(TIMEOUTS.first_byte),
        idle: read("idle", HOUR).unwrap_or(TIMEOUTS.idle),
    }
}

fn read_breaker(r: &mut Reader<'_>, spot: &Spot<'_>) -> Breaker {
    let Some(object) = r.object(spot, &shapes::BREAKER) else {
        return BREAKER;
    };
    let failures = r.given(&object, "failures").and_then(|given| r.number(&given, 1..=10_000));
    let mut read = |key, most| r.given(&object, key).and_then(|given| r.duration(&given, MILLISECOND..=most));
    let (open, max_open) = (read("open", HOUR), read("max_open", HOUR * 24));
    let open_or = open.unwrap_or(BREAKER.open);
    if let (Some(max_open), Some(spot)) = (max_open.filter(|max| *max < open_or), object.get("max_open")) {
        r.error(
            spot,
            format!("max_open ({max_open:?}) is shorter than open ({open_or:?})"),
            "make it at least as long",
        );
    }
    Breaker {
        failures: failures.unwrap_or(BREAKER.failures),
        open: open_or,
        max_open: max_open.unwrap_or(BREAKER.max_open.max(open_or)),
    }
}

/// Azure's query value: `2024-10-21`, `2025-04-01-preview`, `preview`.
fn read_api_version(r: &mut Reader<'_>, given: &Given, kind: Kind) -> Option<String> {
    let text = given.text.trim();
    if kind != Kind::Azure {
        r.findings.push(given.place.warning("only a provider of kind azure looks at this", "remove it"));
        return None;
    }
    if matches!(text, "preview" | "latest" | "v1") || is_dated(text) {
        return Some(text.to_owned());
    }
    let found = format!("{} is not an API version", given.quoted());
    r.findings.push(given.place.error(found, "write it like 2024-10-21"));
    None
}

/// `2024-10-21`, or with a word behind it.
fn is_dated(text: &str) -> bool {
    let Some((date, word)) = text.split_at_checked(10) else { return false };
    let digits = |(nth, byte): (usize, u8)| if matches!(nth, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    let word_ok = |word: &str| (1..=16).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric());
    date.bytes().enumerate().all(digits) && (word.is_empty() || word.strip_prefix('-').is_some_and(word_ok))
}

fn read_demo(r: &mut Reader<'_>, spot: &Spot<'_>) -> Demo {
    let Some(object) = r.object(spot, &shapes::DEMO) else {
        return Demo::default();
    };
    let mut read = |key, cap: Duration| {
        let given = r.given(&object, key)?;
        let value = r.duration(&given, Duration::ZERO..=HOUR * 24)?;
        if value > cap {
            r.findings.push(given.place.warning(format!("capped at {cap:?}"), "the demo does not wait longer"));
        }
        Some(value.min(cap))
    };
    let delay = read("delay", MINUTE).unwrap_or_default();
    let event_delay = read("event_delay", Duration::from_secs(10)).unwrap_or_default();
    let failure_rate = r.given(&object, "failure_rate").and_then(|given| r.share(&given)).unwrap_or_default();
    Demo { delay, event_delay, failure_rate }
}
