//! The provider that a recording is replayed behind: one of its vendor's own kind, where there is one, and of its format
//! otherwise; and where a request to it must arrive.

use dialects::Wire;
use upstream::Request;
use upstream::corpus::Exchange;
use upstream::harness::KEY;

pub struct Source {
    /// The provider's name.
    pub label: &'static str,
    /// The format of its answers.
    pub wire: Wire,
    /// How the names of its recordings begin; empty: those that are no other's.
    vendor: &'static str,
    api: &'static str,
    kind: &'static str,
    /// How the path of a request begins.
    path: &'static str,
    /// Who is answered in that format; None: every client.
    client: Option<Wire>,
}

const PLAIN: Source = Source { label: "", wire: Wire::Chat, vendor: "", api: "", kind: "", path: "/v1/", client: None };
/// Both of Azure's surfaces: with a version in the query the model is in the path.
const AZURE: Source = Source { vendor: "azure__", path: "/openai/v1/", ..PLAIN };

pub const SOURCES: [Source; 9] = [
    Source { label: "chat", api: "openai.chat", kind: "openai\n    responses: false", ..PLAIN },
    Source { label: "responses", wire: Wire::Responses, api: "openai.responses", kind: "openai-responses", ..PLAIN },
    Source { label: "messages", wire: Wire::Messages, api: "anthropic.messages", kind: "anthropic", ..PLAIN },
    Source {
        label: "gemini",
        wire: Wire::Gemini,
        api: "gemini.generateContent",
        kind: "gemini",
        path: "/v1beta/models/",
        ..PLAIN
    },
    Source {
        label: "bedrock",
        wire: Wire::Converse,
        api: "bedrock.converse",
        kind: "bedrock\n    region: us-east-1",
        path: "/model/",
        ..PLAIN
    },
    Source { label: "azure-v1", api: "openai.chat", kind: "azure\n    responses: false", ..AZURE },
    Source {
        label: "azure-deployments",
        api: "openai.chat",
        kind: "azure\n    responses: false\n    api_version: '2024-10-21'",
        path: "/openai/deployments/",
        ..AZURE
    },
    // Only who speaks Responses is answered in it by Azure: for the others the conversation is held in chat.
    Source {
        label: "azure-v1-responses",
        wire: Wire::Responses,
        api: "openai.responses",
        kind: "azure",
        client: Some(Wire::Responses),
        ..AZURE
    },
    Source {
        label: "azure-responses",
        wire: Wire::Responses,
        api: "openai.responses",
        kind: "azure\n    api_version: 2025-04-01-preview",
        path: "/openai/responses?api-version=",
        client: Some(Wire::Responses),
        ..AZURE
    },
];

impl Source {
    /// Those that a recording is replayed behind for this client: its vendor's own, or that of its format.
    pub fn of(exchange: &Exchange, client: Wire) -> Vec<&'static Self> {
        let fits = |source: &&Self| source.api == exchange.api && source.client.is_none_or(|wire| wire == client);
        let (own, plain): (Vec<_>, Vec<_>) = SOURCES.iter().filter(fits).partition(|one| !one.vendor.is_empty());
        let own: Vec<_> = own.into_iter().filter(|one| exchange.file.starts_with(one.vendor)).collect();
        if own.is_empty() { plain } else { own }
    }

    /// The provider of an exchange: those that fail have one each, for it may have to cool.
    pub fn provider(&self, nth: usize, fails: bool) -> String {
        if fails { format!("{}-e{nth}", self.label) } else { self.label.to_owned() }
    }

    /// The provider of that name, in YAML.
    pub fn yaml(&self, name: &str, root: &str) -> String {
        let Self { kind, .. } = self;
        format!(
            "  {name}:\n    kind: {kind}\n    base_url: {root}\n    api_key: {KEY}\n    allow_unlisted: true\n    breaker: {{ failures: 10000 }}\n"
        )
    }

    /// The exchange's model: it says which one it is, and behind which of these.
    pub fn model(&self, nth: usize) -> String {
        format!("{}.e{nth}", self.label)
    }

    /// The number of the exchange that a request asks for, where it came to the right place.
    pub fn asked_for(request: &Request) -> Option<usize> {
        let body: Option<serde_json::Value> = serde_json::from_slice(&request.body).ok();
        let target = request.target();
        let in_path = || target.split(['/', ':']).find(|part| part.contains(".e") && !part.contains('?'));
        let model = body.as_ref().and_then(|body| body["model"].as_str()).or_else(in_path)?;
        let (label, nth) = model.split_once(".e")?;
        let source = SOURCES.iter().find(|source| source.label == label)?;
        target.starts_with(source.path).then(|| nth.parse().ok())?
    }
}
