//! The YAML as types, for one purpose: the JSON Schema that ships as `provider-config.schema.json`,
//! with which editors complete and check a file as it is written.
//!
//! Nothing is ever read into these types: the readers judge a tree with positions, which serde cannot
//! give. A test holds the two together, key by key, so that neither can change alone.

mod values;

use std::collections::BTreeMap;

use schemars::JsonSchema;

use values::{Duration, Flag, KindName, LossName, Number, Share, Size, StrategyName, Text, Whole};

/// Providers and models of ai-proxy. Everything is optional. `${NAME}` in a value is replaced by that
/// variable of .env or the environment; `${NAME:-default}` has a default.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^x-": {"description": "Room for anchors."}}))]
#[expect(dead_code, reason = "only its schema is used, as with every type here")]
pub(crate) struct File {
    /// Who answers. A name of the built-in catalogue (groq, openai, mistral, ...) brings kind, base_url and key variable.
    providers: Option<BTreeMap<String, Option<Provider>>>,
    /// Public names that clients may ask for, each with the deployments behind it.
    models: Option<BTreeMap<String, Model>>,
    /// What a request asks for that names no model: one of `models`, or `provider/model`. Default: the only deployment
    /// there is.
    default_model: Option<Text>,
    retry: Option<Retry>,
    server: Option<Server>,
}

/// A vendor account: wire format, base URL, keys, limits.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Provider {
    /// false keeps the provider out though its key is there. Default true.
    enabled: Option<Flag>,
    /// The wire format. Known for names of the catalogue.
    kind: Option<KindName>,
    /// As the vendor's own SDK takes it; with or without /v1 it means the same. Known for names of the catalogue.
    base_url: Option<Text>,
    /// false where the API's paths have no version segment: none is added to base_url. Default true.
    version_segment: Option<Flag>,
    /// Azure's api-version, like 2024-10-21. Without it the v1 API is used.
    api_version: Option<Text>,
    /// Where a provider of kind vertex or bedrock is: us-central1, us-east-1. Default: GOOGLE_CLOUD_LOCATION or AWS_REGION.
    region: Option<Text>,
    /// The project of a provider of kind vertex. Default: GOOGLE_CLOUD_PROJECT, or the service account's own.
    project: Option<Text>,
    /// The key, best as `${NAME}`; `none` for a server that takes none. Default: the catalogue's variable.
    api_key: Option<Text>,
    /// Several keys of this provider, used by the room each has left.
    #[schemars(length(min = 1))]
    api_keys: Option<Vec<Text>>,
    /// Only kind vertex: `metadata` takes the token of the machine that this runs on.
    credentials: Option<Text>,
    /// Only kind vertex: the JSON of a service account's key; relative to this file's directory. Default:
    /// GOOGLE_APPLICATION_CREDENTIALS.
    credentials_file: Option<Text>,
    /// Headers added to every request to this provider.
    headers: Option<BTreeMap<String, Text>>,
    /// A PEM file of certificates to trust beside the built-in ones, of authorities or of the server itself; relative to
    /// this file's directory.
    ca_file: Option<Text>,
    /// The SHA-256 fingerprint of the one certificate to trust: "sha256:..." or as openssl x509 -fingerprint prints it.
    cert_fingerprint: Option<Text>,
    /// A PEM file with the certificate to show to a server that asks for one; relative to this file's directory.
    client_cert_file: Option<Text>,
    /// Its private key in PEM form, where that is not in the same file.
    client_key_file: Option<Text>,
    /// What each key may do.
    limits: Option<Limits>,
    /// The models to serve, as a list of names or a mapping. Without it the provider is asked.
    models: Option<Models>,
    /// Pass on names that are neither listed nor discovered. Default false.
    allow_unlisted: Option<Flag>,
    /// Requests to this provider at one time.
    max_in_flight: Option<Whole>,
    timeouts: Option<Timeouts>,
    /// How far a retry-after hint is believed. Default 60s.
    max_retry_after: Option<Duration>,
    /// Ask for token usage in streams, and take it out again for a client that did not ask. Default false.
    inject_usage: Option<Flag>,
    /// false where it does not serve Responses: they are then translated to chat. Known for names of the catalogue, else true.
    responses: Option<Flag>,
    /// false where a client of another dialect gets no thoughts from a provider of kind openai-responses: OpenAI gives its
    /// summaries to verified organisations only, and refuses whoever else asks. Default true.
    reasoning_summaries: Option<Flag>,
    breaker: Option<Breaker>,
    demo: Option<Demo>,
}

/// Limits of each key, or of one model at each key. What is left out is not limited.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Limits {
    requests_per_minute: Option<Whole>,
    requests_per_hour: Option<Whole>,
    requests_per_day: Option<Whole>,
    tokens_per_minute: Option<Whole>,
    tokens_per_day: Option<Whole>,
    /// When a day's quotas start anew: "00:00 America/Los_Angeles". Default midnight UTC.
    day_resets_at: Option<Text>,
}

/// A list of names, or a mapping from names to what is known of each.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code)]
pub(crate) enum Models {
    Names(Vec<Text>),
    Described(BTreeMap<String, Option<ListedModel>>),
}

/// A model that a provider serves.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct ListedModel {
    /// Tokens.
    context_window: Option<Whole>,
    /// Tokens of an answer at most: what a provider that demands a limit is told where the client set none.
    max_output: Option<Whole>,
    price: Option<Price>,
    /// Of this model at each key, beside the key's own.
    limits: Option<Limits>,
}

/// USD per million tokens.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Price {
    input: Number,
    output: Number,
    cached_input: Option<Number>,
}

/// How long each phase of an exchange may take.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Timeouts {
    /// TCP and TLS. Default 5s.
    connect: Option<Duration>,
    /// From the request sent to the first byte of the answer. Default 10m.
    first_byte: Option<Duration>,
    /// Between two pieces of an answer. Default 5m.
    idle: Option<Duration>,
}

/// When a deployment is left out after failures, and how it is tried again.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Breaker {
    /// Failures in a row that open it. Default 5.
    failures: Option<Whole>,
    /// How long before one request is let through again; doubles with each failure. Default 10s.
    open: Option<Duration>,
    /// The longest it stays open. Default 2m.
    max_open: Option<Duration>,
}

/// How the built-in demo provider behaves.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Demo {
    /// Before the first byte; capped at 1m. Default 0.
    delay: Option<Duration>,
    /// Between two events of a stream; capped at 10s. Default 0.
    event_delay: Option<Duration>,
    /// The share of requests that fail with 500. Default 0.
    failure_rate: Option<Share>,
}

/// A public model: a route over deployments.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Model {
    /// Which of the targets is tried first. Default priority: in the order given.
    strategy: Option<StrategyName>,
    /// Deployments, each written provider/model.
    #[schemars(length(min = 1))]
    targets: Vec<Target>,
    /// Models whose targets follow when these are used up.
    fallback: Option<Vec<Text>>,
    hedge: Option<Hedge>,
    /// What becomes of a request that another dialect cannot say whole. Default: as server.on_loss has it.
    on_loss: Option<LossName>,
}

/// A deployment, or one with its weight.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code)]
pub(crate) enum Target {
    Deployment(Text),
    Weighted(WeightedTarget),
}

/// A deployment with its weight.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct WeightedTarget {
    /// Written provider/model.
    deployment: Text,
    /// Its share among the targets, for strategy weighted. Default 1.
    weight: Option<Whole>,
}

/// A second deployment beside a slow first; the first to answer wins.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Hedge {
    /// How long to wait for the first byte.
    after: Duration,
    /// The share of extra calls. Default 5%.
    max_extra: Option<Share>,
}

/// How often and how soon a request is tried again.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Retry {
    /// How often what was tried already is tried again, over all deployments; the first try of each deployment and
    /// of each of its keys is not counted. Default 3.
    max_retries: Option<Whole>,
    /// Default 250ms.
    base_delay: Option<Duration>,
    /// Default 30s.
    max_delay: Option<Duration>,
    /// The share of a delay that is random. Default 0.2.
    jitter: Option<Share>,
}

/// The listener and what it bounds.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct Server {
    /// Default 127.0.0.1. Beyond loopback AUTH_TOKEN is required.
    host: Option<Text>,
    /// Default 8080; 0 takes any free one.
    port: Option<Whole>,
    /// Worker threads. Default: one for each core.
    workers: Option<Whole>,
    /// The largest JSON body. Default 32MiB.
    body_limit: Option<Size>,
    /// The largest multipart body, which is streamed. Default 512MiB.
    upload_limit: Option<Size>,
    /// All bodies in memory together. Default 1GiB.
    buffer_budget: Option<Size>,
    /// The time within which the first content must have come, over all attempts. Default 10m.
    request_timeout: Option<Duration>,
    /// How long requests in flight may take at shutdown. Default 30s.
    shutdown_grace: Option<Duration>,
    /// How long the port stays open at a stop, so that balancers hear of it. Default 2s, and none at SIGINT.
    drain_delay: Option<Duration>,
    /// How long a client that has shown its key may keep an idle connection. Default 620s.
    keep_alive: Option<Duration>,
    /// Connections of clients at one time. Default twice max_in_flight.
    max_connections: Option<Whole>,
    /// Connections at one time from one address, trusted proxies excepted. Default no limit.
    max_connections_per_ip: Option<Whole>,
    /// Take HTTP/2, too. Default false.
    http2: Option<Flag>,
    /// Silence after which a stream gets a comment line, so that nothing in between gives up. Default 15s.
    keepalive: Option<Duration>,
    /// Requests at one time. Default 10000.
    max_in_flight: Option<Whole>,
    /// Origins of web pages that may call: https://app.example, https://*.app.example, http://localhost:* (any port),
    /// moz-extension://* (any extension), null (a page of a file), or `*`. Default none.
    cors_origins: Option<Vec<Text>>,
    /// Addresses or blocks whose x-forwarded-for is believed. Default none.
    trusted_proxies: Option<Vec<Text>>,
    /// What becomes of a request that another dialect cannot say whole: drop (what is left out is named in the answer's
    /// x-ai-proxy-dropped) or refuse. Default drop.
    on_loss: Option<LossName>,
    /// Fetch images and documents by URL for a provider that does not take their URLs. Default false.
    fetch_urls: Option<FetchUrls>,
}

/// On or off, or on with these limits.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code)]
pub(crate) enum FetchUrls {
    Switch(Flag),
    Limits(FetchLimits),
}

/// What is fetched at the most, and from where.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code)]
pub(crate) struct FetchLimits {
    /// The largest image or document. Default 10MiB.
    max_bytes: Option<Size>,
    /// All of a request together. Default 20MiB.
    max_total: Option<Size>,
    /// How many a request may have. Default 20.
    max_urls: Option<Whole>,
    /// For all of a request. Default 10s.
    timeout: Option<Duration>,
    /// Addresses or blocks that are fetched from though they are not public, on any port. Default none.
    allow: Option<Vec<Text>>,
}

#[cfg(test)]
mod tests;
