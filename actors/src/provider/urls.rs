//! Where a provider's endpoints are, and what it is shown there: its URLs and its extra headers.

use std::io;
use std::net::SocketAddr;

use config::Kind;
use dialects::Endpoint;
use http::Uri;
use http::header::{HeaderName, HeaderValue};

/// How the client wants a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Streaming {
    #[default]
    No,
    /// As server-sent events.
    Events,
    /// As one JSON array: Gemini's way where nobody asks for events.
    Array,
}

/// Where a provider's endpoints are. Made once; asking for one clones two reference counts.
#[derive(Debug)]
pub struct Urls {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// For the `host` header: without the scheme's default port.
    pub host_header: HeaderValue,
    /// One for each of `Endpoint::ALL`; of no use where the URL holds the model.
    endpoints: Vec<Uri>,
    models: Uri,
    by_model: Option<ByModel>,
}

/// A URL that holds the model: what stands before and behind its name.
#[derive(Debug)]
enum ByModel {
    /// `http://host:port/prefix/openai/deployments/` and `?api-version=...`.
    Azure { stem: String, query: String },
    /// `http://host:port/v1beta/models/`, and the verb.
    Gemini { stem: String },
    /// `http://host:port/model/`, and `/converse` or `/converse-stream`.
    Bedrock { stem: String },
}

impl Urls {
    pub fn new(config: &config::Provider, demo: Option<SocketAddr>) -> io::Result<Self> {
        let base = &config.base_url;
        let (tls, host, port) = match (config.kind, demo) {
            (Kind::Demo, Some(address)) => (false, address.ip().to_string(), address.port()),
            _ => (base.is_tls(), base.host().to_owned(), base.port()),
        };
        let authority = match (config.kind, demo) {
            (Kind::Demo, Some(address)) => address.to_string(),
            _ => base.authority().to_owned(),
        };
        let host_header = HeaderValue::from_str(&authority).map_err(io::Error::other)?;
        // awc is always told http: TLS is the dialer's. The port is always there, so it cannot be mistaken.
        let bracketed = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.clone() };
        let origin = format!("http://{bracketed}:{port}");
        let root = format!("{origin}{}", base.prefix());
        let uri = |text: String| text.parse::<Uri>().map_err(io::Error::other);
        let stem = match (config.kind, &config.api_version) {
            (Kind::Azure, Some(_)) => format!("{root}/openai"),
            (Kind::Azure, None) => format!("{root}/openai/v1"),
            (Kind::Demo, _) => format!("{origin}/v1"),
            (Kind::Gemini, _) => format!("{origin}{}", base.root("v1beta")),
            (Kind::Vertex, _) => format!("{origin}{}/publishers/google", base.root("v1")),
            (Kind::Bedrock, _) => root.clone(),
            (Kind::OpenAi | Kind::OpenAiResponses | Kind::Anthropic, _) => format!("{origin}{}", base.root("v1")),
        };
        let by_model = match (config.kind, &config.api_version) {
            (Kind::Azure, Some(version)) => Some(ByModel::Azure {
                stem: format!("{root}/openai/deployments/"),
                query: format!("?api-version={version}"),
            }),
            (Kind::Gemini | Kind::Vertex, _) => Some(ByModel::Gemini { stem: format!("{stem}/models/") }),
            (Kind::Bedrock, _) => Some(ByModel::Bedrock { stem: format!("{stem}/model/") }),
            (Kind::Azure | Kind::Demo | Kind::OpenAi | Kind::OpenAiResponses | Kind::Anthropic, _) => None,
        };
        let endpoint = |endpoint: &Endpoint| {
            // A verb has no path without a model.
            uri(if endpoint.path().starts_with(':') { stem.clone() } else { format!("{stem}{}", endpoint.path()) })
        };
        let endpoints = Endpoint::ALL.iter().map(endpoint).collect::<io::Result<_>>()?;
        // Both vendors list a few at a time unless they are asked for more.
        let query = match (config.kind, &by_model) {
            (_, Some(ByModel::Azure { query, .. })) => query.as_str(),
            (Kind::Gemini, _) => "?pageSize=1000",
            (Kind::Anthropic, _) => "?limit=1000",
            _ => "",
        };
        let models = uri(format!("{stem}/models{query}"))?;
        Ok(Self { tls, host, port, host_header, endpoints, models, by_model })
    }

    /// The URL of an endpoint for a model; None where the model's name cannot stand in it.
    pub fn endpoint(&self, endpoint: Endpoint, model: &str, streaming: Streaming) -> Option<Uri> {
        let plain = || self.endpoints.get(endpoint as usize);
        match &self.by_model {
            None => plain().cloned(),
            // The v1-style body carries the model; Responses has no deployment path at Azure.
            Some(ByModel::Azure { query, .. }) if endpoint == Endpoint::Responses => {
                format!("{}{query}", plain()?).parse().ok()
            }
            Some(ByModel::Azure { stem, query }) => {
                let model = segment(model).filter(|_| !model.contains('/'))?;
                format!("{stem}{model}{}{query}", endpoint.path()).parse().ok()
            }
            Some(ByModel::Gemini { stem }) => {
                let model = segment(model.strip_prefix("models/").unwrap_or(model))?;
                let verb = match (endpoint, streaming) {
                    (Endpoint::GenerateContent, Streaming::Events) => ":streamGenerateContent?alt=sse",
                    (Endpoint::GenerateContent, Streaming::Array) => ":streamGenerateContent",
                    (endpoint, _) => endpoint.path(),
                };
                format!("{stem}{model}{verb}").parse().ok()
            }
            Some(ByModel::Bedrock { stem }) => {
                let verb = if streaming == Streaming::No { "/converse" } else { "/converse-stream" };
                format!("{stem}{}{verb}", segment(model)?).parse().ok()
            }
        }
    }

    pub fn models(&self) -> Uri {
        self.models.clone()
    }
}

/// A model's name as one segment of a path: all but unreserved characters are escaped (RFC 3986, 2.3). None for a name
/// that no model has.
fn segment(model: &str) -> Option<String> {
    if !dialects::safe_model_name(model) {
        return None;
    }
    let mut out = String::with_capacity(model.len());
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(out)
}

pub fn extra_headers(config: &config::Provider) -> io::Result<Vec<(HeaderName, HeaderValue)>> {
    let header = |(name, value): &(String, config::Secret)| {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| io::Error::other(format!("header {name}: not a header value")))?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    config.headers.iter().map(header).collect()
}
