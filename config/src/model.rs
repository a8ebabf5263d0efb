//! What a configuration means once it has been checked: the only form the rest of the house sees.
//!
//! Nothing here is "not yet": every optional thing that is left is optional at run time too.
//! Names are newtypes, durations are durations, secrets are [`Secret`].

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::{AwsKey, BaseUrl, DayReset, Network, Origin, Secret, Seen, ServiceAccount, Sha256};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);
        impl $name {
            pub fn new(text: &str) -> Self { Self(text.into()) }
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Debug::fmt(&self.0, f) }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str { &self.0 }
        }
    };
}

id! {
    /// The name of a provider in `provider-config.yaml`, or in the catalogue: `[a-z0-9][a-z0-9_.-]*`, no slash.
    ProviderId
}
id! {
    /// A public model name: what a client may ask for under `models`.
    ModelName
}
id! {
    /// The name of a model at its provider, as the provider spells it; may hold slashes and colons.
    UpstreamModel
}

/// A configuration that may be served.
#[derive(Debug, Clone)]
pub struct Config {
    /// Enabled providers, in the order of the file (catalogue order for those enabled by a key alone).
    pub providers: Vec<Provider>,
    /// Public models, in the order of the file.
    pub models: Vec<Model>,
    /// What a request asks for that names none.
    pub default_model: Option<String>,
    pub retry: Retry,
    pub server: Server,
    /// Who may call. Empty only where the process makes a token of its own for this run (loopback).
    pub clients: Vec<Client>,
    pub admin_token: Option<Secret>,
    pub state_dir: Option<PathBuf>,
    pub log: Log,
    pub tls: Option<Tls>,
    /// A plain address for /health, /livez and /readyz beside TLS (`HEALTH_LISTEN`).
    pub health_listen: Option<SocketAddr>,
    /// Every file this was read from or that it names (YAML, .env, `X_FILE`, CA and TLS files): watched for a reload.
    pub files: Vec<PathBuf>,
}

/// Who calls: a client token and the name it carries, for the log and later the accounts.
#[derive(Debug, Clone)]
pub struct Client {
    /// `alice` of `alice:token`; a bare token has none.
    pub name: Option<Arc<str>>,
    pub token: Secret,
    /// Tells it from the others, and is the same after a reload: of its name, or of its token where it has none.
    pub id: u64,
}

impl Client {
    pub fn new(name: Option<&str>, token: Secret) -> Self {
        let id = BuildHasherDefault::<DefaultHasher>::default().hash_one(name.unwrap_or(token.expose()));
        Self { name: name.map(Arc::from), token, id }
    }
}

/// The wire format and URL layout of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    OpenAi,
    OpenAiResponses,
    Azure,
    Anthropic,
    Gemini,
    Vertex,
    Bedrock,
    Demo,
}

/// A vendor account: dialect, base URL, keys, limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    pub id: ProviderId,
    /// Its key is there, and the YAML does not name it.
    pub by_itself: bool,
    pub kind: Kind,
    /// For `Kind::Demo` a placeholder: the process fills in the address of its own listener. For
    /// `Kind::Azure` the resource's root: `/openai` and `/openai/v1` are taken off its path.
    pub base_url: BaseUrl,
    /// Empty for a provider that takes none (`api_key: none`).
    pub keys: Vec<Key>,
    /// What each key may do.
    pub limits: Limits,
    /// Listed models; when empty the discovered ones serve.
    pub models: Vec<ListedModel>,
    /// Names beyond the listed and the discovered are passed on untested.
    pub allow_unlisted: bool,
    /// Ask `GET /models` in the background (never billed). False where models are listed, and for
    /// Azure, Vertex and Bedrock, which list what could be had or nothing: there `allow_unlisted` holds instead.
    pub discover: bool,
    /// From the catalogue: while discovery has not answered, a name that starts so is this provider's (`gpt-`).
    pub prefixes: Vec<String>,
    pub max_in_flight: Option<u32>,
    pub timeouts: Timeouts,
    /// Headers added to every request, after ours; values may be secret.
    pub headers: Vec<(String, Secret)>,
    /// What of those is secret, values and words: masked where an upstream repeats it.
    pub header_secrets: Vec<Secret>,
    /// PEM file whose certificates are trusted beside the built-in roots: as authorities, and each as itself.
    pub ca_file: Option<PathBuf>,
    /// The one certificate that is trusted, whatever it says of itself: then nothing else is.
    pub cert_fingerprint: Option<Sha256>,
    /// What it is shown where it asks for a certificate.
    pub client_cert: Option<ClientCert>,
    /// Azure's `api-version` query value; None uses the v1 surface.
    pub api_version: Option<String>,
    /// Only `Kind::Bedrock`: what requests are signed for; there is always one where a key signs.
    pub region: Option<String>,
    /// A hint in `retry-after` is believed up to here.
    pub max_retry_after: Duration,
    /// Ask the upstream for usage in streams, and strip it again for a client that did not ask.
    pub inject_usage: bool,
    /// `Kind::OpenAi` and `Kind::Azure`: it serves Responses itself. Where it does not, they are translated to chat.
    pub responses: bool,
    /// `Kind::OpenAiResponses`: may be asked for summaries of its thoughts.
    pub reasoning_summaries: bool,
    pub quirks: Quirks,
    pub breaker: Breaker,
    /// Only `Kind::Demo`.
    pub demo: Demo,
    /// The files that its settings name, as they were read: another content is another provider.
    pub files: Vec<Seen>,
}

/// PEM files: a certificate with the chain behind it, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCert {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Where providers of one kind differ; from the catalogue. All false is what most of them take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// The limit of a chat is called `max_completion_tokens`.
    pub max_completion_tokens: bool,
    /// A chat may hold the role `developer`.
    pub developer_role: bool,
    /// A chat may hold what only OpenAI has: `prompt_cache_key`, `verbosity`, free-form tools.
    pub openai_extras: bool,
    /// `top_k` and `min_p` are taken, which OpenAI itself refuses.
    pub more_sampling: bool,
    /// How a chat asks for thinking.
    pub reasoning: ReasoningStyle,
    /// Thoughts of earlier turns go back as `reasoning_content`.
    pub reasoning_content: bool,
    /// Thoughts of earlier turns go back as `reasoning_details`.
    pub reasoning_details: bool,
    /// Signatures of calls go back in `extra_content`.
    pub google_signatures: bool,
    /// `stream_options` is refused.
    pub no_stream_options: bool,
    /// A message's content must be a string.
    pub string_content: bool,
}

/// How a chat provider is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningStyle {
    /// `reasoning_effort`.
    #[default]
    Effort,
    /// `reasoning: { effort | max_tokens }`.
    Object,
    /// `thinking: { type: enabled | disabled }`.
    Switch,
}

/// A provider key. Its fingerprint (first 8 bytes of SHA-256) names it in health and state, never the key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub secret: Secret,
    pub fingerprint: u64,
    pub credential: Credential,
    /// Where it stands: the variable that holds it, or `api_keys[1]`. Names it where it is at fault.
    pub name: String,
}

impl Key {
    /// One that is sent as it is.
    pub fn sent(secret: Secret) -> Self {
        let name = String::new();
        Self { fingerprint: secret.fingerprint(), secret, credential: Credential::Sent, name }
    }
}

/// How a key proves who calls.
#[derive(Debug, Clone, PartialEq)]
pub enum Credential {
    /// The secret itself goes into a header.
    Sent,
    /// `Kind::Vertex`: what it signs is exchanged for a token.
    ServiceAccount(Arc<ServiceAccount>),
    /// `Kind::Vertex`: the token of the machine that this runs on.
    Metadata { host: Arc<str>, port: u16 },
    /// `Kind::Bedrock`: every request is signed.
    Aws(Arc<AwsKey>),
}

/// Limits of a key, or of one model at a key. None: not limited.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    pub requests_per_minute: Option<u32>,
    pub requests_per_hour: Option<u32>,
    pub requests_per_day: Option<u32>,
    pub tokens_per_minute: Option<u64>,
    pub tokens_per_day: Option<u64>,
    /// When the day's quotas start anew; midnight UTC unless said otherwise.
    pub day_resets_at: DayReset,
}

/// A model that a provider lists.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedModel {
    pub name: UpstreamModel,
    /// Tokens.
    pub context_window: Option<u64>,
    /// The most tokens of an answer: what a provider that demands a limit is told where the client set none.
    pub max_output: Option<u64>,
    pub price: Option<Price>,
    /// Of this model at each key, beside the key's own.
    pub limits: Option<Limits>,
}

/// USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    pub cached_input: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP and TLS.
    pub connect: Duration,
    /// From the request sent to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
}

/// When a deployment's breaker opens and how it closes again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breaker {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before one canary is let through; doubles with each failed canary up to `max_open`.
    pub open: Duration,
    pub max_open: Duration,
}

/// A public model: a route over deployments.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: ModelName,
    pub strategy: Strategy,
    /// At least one.
    pub targets: Vec<Target>,
    /// Public models whose targets follow when these are used up; no cycles.
    pub fallback: Vec<ModelName>,
    pub hedge: Option<Hedge>,
    /// None: as the server has it.
    pub on_loss: Option<OnLoss>,
}

/// What becomes of a request that another dialect cannot say whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLoss {
    /// It is sent without; what is left out is named in a header of the answer.
    #[default]
    Drop,
    /// It is refused, and what would be left out is named.
    Refuse,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub provider: ProviderId,
    pub model: UpstreamModel,
    /// 1 unless said; only `weighted` looks at it.
    pub weight: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    Priority,
    Weighted,
    RoundRobin,
    LeastInFlight,
    LowestLatency,
    Cheapest,
}

impl Strategy {
    /// As the YAML says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::RoundRobin => "round_robin",
            Self::LeastInFlight => "least_in_flight",
            Self::LowestLatency => "lowest_latency",
            Self::Cheapest => "cheapest",
        }
    }
}

/// Delayed hedging: a second deployment beside a slow first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hedge {
    pub after: Duration,
    /// The share of extra calls, 0.05 for `5%`.
    pub max_extra: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// How often what was tried already is tried again, over all deployments; the first try of each deployment, and
    /// of each key that takes over from one at fault, is not counted.
    pub max_retries: u32,
    pub base_delay: Duration,
    pub max_delay: Duration,
    /// 0 to 1: the share of a delay that is random.
    pub jitter: f64,
}

#[derive(Debug, Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    /// Bytes.
    pub body_limit: u64,
    pub upload_limit: u64,
    pub buffer_budget: u64,
    /// What the process may take by its container's limit; None where no limit is known.
    pub memory_limit: Option<u64>,
    /// The deadline of a request's first content.
    pub request_timeout: Duration,
    pub shutdown_grace: Duration,
    /// From SIGTERM, or from the first word of a stop, until the port closes; None: 2 s at SIGTERM.
    pub drain_delay: Option<Duration>,
    /// Between two requests on a connection of a client that has shown its key.
    pub keep_alive: Duration,
    /// Clients' connections at one time; None: twice `max_in_flight`.
    pub max_connections: Option<u32>,
    /// None: as many as there may be in all.
    pub max_connections_per_ip: Option<u32>,
    pub http2: bool,
    /// Silence after which an SSE client gets a comment.
    pub keepalive: Duration,
    pub max_in_flight: u32,
    pub cors_origins: Vec<Origin>,
    /// Only from those is `x-forwarded-for` believed.
    pub trusted_proxies: Vec<Network>,
    /// Web worker threads; None: one for each core.
    pub workers: Option<u32>,
    pub on_loss: OnLoss,
    /// None: nothing is fetched.
    pub fetch_urls: Option<FetchUrls>,
}

/// How images and documents by URL are fetched for a provider that does not take their URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchUrls {
    /// Bytes of one.
    pub max_bytes: u64,
    /// Bytes of all of a request; at least [`Self::max_bytes`].
    pub max_total: u64,
    /// How many of a request.
    pub max_urls: usize,
    /// For all of a request that are fetched at one time.
    pub timeout: Duration,
    /// Addresses that are fetched from, on any port, though they are not public.
    pub allow: Vec<Network>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// RUST_LOG, `info` by default.
    pub filter: String,
    pub json: bool,
}

#[derive(Debug, Clone)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub client_ca: Option<PathBuf>,
}

/// How the demo provider behaves; each value is capped on reading.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demo {
    /// Before the first byte; at most 60 s.
    pub delay: Duration,
    /// Between two events of a stream; at most 10 s.
    pub event_delay: Duration,
    /// Share of requests that fail with 500; 0 to 1.
    pub failure_rate: f64,
}
