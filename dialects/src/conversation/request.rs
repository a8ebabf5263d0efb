//! What a client asks.

use std::collections::HashSet;

use super::{Cache, Extra, Json, Part, Str};
use crate::Wire;
use crate::loss::Losses;

/// A request for an answer.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The format that it was read from: [`Extra`] and native parts are in its words.
    pub wire: Wire,
    pub model: Str<'a>,
    /// Instructions from outside of the list of messages.
    pub system: Vec<Part<'a>>,
    pub messages: Vec<Message<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<ToolChoice<'a>>,
    /// More than one call in one answer is welcome.
    pub parallel_calls: Option<bool>,
    pub output: Option<Output<'a>>,
    pub sampling: Sampling<'a>,
    pub stop: Vec<Str<'a>>,
    /// Of the whole answer, reasoning included.
    pub max_tokens: Option<u64>,
    pub reasoning: Reasoning<'a>,
    /// How much to say: OpenAI's `low`, `medium`, `high`.
    pub verbosity: Option<Str<'a>>,
    pub stream: bool,
    /// Asked for usage at the end of a stream, in formats where it must be asked for.
    pub include_usage: bool,
    /// Asked for what the provider wants back with its thoughts, in formats where that must be asked for.
    pub include_state: bool,
    /// Who the answer is for, as an id of the client's own.
    pub user: Option<Str<'a>>,
    /// Labels of the client's own: a JSON object of strings.
    pub metadata: Option<Json<'a>>,
    pub service_tier: Option<Str<'a>>,
    /// Whether the provider is to keep the answer.
    pub store: Option<bool>,
    /// Steers requests with the same beginning to the same cache (OpenAI).
    pub cache_key: Option<Str<'a>>,
    /// A cache marker on the whole request.
    pub cache: Option<Cache<'a>>,
    /// An answer that the provider keeps and that this one follows (Responses).
    pub previous: Option<Str<'a>>,
    /// Members unknown to the reader.
    pub extra: Extra<'a>,
    /// What the reader itself could not keep.
    pub lost: Losses,
    /// Bytes of the body that it was read from.
    pub length: usize,
}

impl<'a> Request<'a> {
    pub fn new(wire: Wire, model: Str<'a>) -> Self {
        Self {
            wire,
            model,
            system: Vec::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_calls: None,
            output: None,
            sampling: Sampling::default(),
            stop: Vec::new(),
            max_tokens: None,
            reasoning: Reasoning::default(),
            verbosity: None,
            stream: false,
            include_usage: false,
            include_state: false,
            user: None,
            metadata: None,
            service_tier: None,
            store: None,
            cache_key: None,
            cache: None,
            previous: None,
            extra: Extra::new(),
            lost: Losses::default(),
            length: 0,
        }
    }

    /// The names of the tools that take text: answers call them by JSON where the upstream's format knows only that.
    pub fn free_form(&self) -> impl Iterator<Item = &str> {
        let free = |tool: &&Tool<'_>| matches!(tool.kind, ToolKind::FreeForm { .. });
        self.tools.iter().filter(free).map(|tool| &*tool.name)
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// One turn.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    pub role: Role,
    /// Tells speakers of one role apart (chat).
    pub name: Option<Str<'a>>,
    pub parts: Vec<Part<'a>>,
    /// Members unknown to the reader.
    pub extra: Extra<'a>,
}

impl<'a> Message<'a> {
    pub fn new(role: Role, parts: Vec<Part<'a>>) -> Self {
        Self { role, name: None, parts, extra: Extra::new() }
    }
}

/// What the model may call.
#[derive(Debug, Clone)]
pub struct Tool<'a> {
    pub name: Str<'a>,
    pub description: Option<Str<'a>>,
    pub kind: ToolKind<'a>,
    pub cache: Option<Cache<'a>>,
    pub extra: Extra<'a>,
}

/// How a tool is called.
#[derive(Debug, Clone)]
pub enum ToolKind<'a> {
    /// By JSON that fits the schema.
    Function { schema: Option<Json<'a>>, strict: Option<bool> },
    /// By text. `format` is the grammar, in OpenAI's words.
    FreeForm { format: Option<Json<'a>> },
    /// Built into one provider (web search, code execution): the whole definition as it came. `name` is its type.
    Builtin { raw: Json<'a> },
}

/// Whether to call a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    Auto,
    None,
    /// Some tool.
    Required,
    Named(Str<'a>),
    /// One of these, or (`required`) surely one of these.
    Among {
        names: Vec<Str<'a>>,
        required: bool,
    },
}

impl ToolChoice<'_> {
    /// The names among which to choose; None where all may be called.
    pub fn among(&self) -> Option<HashSet<&str>> {
        match self {
            Self::Among { names, .. } => Some(names.iter().map(|name| &**name).collect()),
            Self::Auto | Self::None | Self::Required | Self::Named(_) => None,
        }
    }
}

/// The answer is to be JSON.
#[derive(Debug, Clone)]
pub enum Output<'a> {
    /// Text, said expressly.
    Text,
    /// Any object.
    Json,
    Schema {
        name: Option<Str<'a>>,
        description: Option<Str<'a>>,
        schema: Json<'a>,
        strict: Option<bool>,
    },
}

/// How the next token is chosen.
#[derive(Debug, Clone, Default)]
pub struct Sampling<'a> {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub min_p: Option<f64>,
    pub seed: Option<i64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    /// An object of token ids (OpenAI).
    pub logit_bias: Option<Json<'a>>,
    pub logprobs: Option<bool>,
    pub top_logprobs: Option<u64>,
    /// How many answers.
    pub candidates: Option<u64>,
}

/// How much to think before the answer.
#[derive(Debug, Clone, Default)]
pub struct Reasoning<'a> {
    pub thinking: Option<Thinking>,
    pub effort: Option<Effort>,
    /// Tokens for it at the most.
    pub budget: Option<u64>,
    /// What of it to show: OpenAI's `summary` (`auto`, `concise`, `detailed`).
    pub summary: Option<Str<'a>>,
    /// Whether to show it at all (Gemini's `includeThoughts`, Anthropic's `display`).
    pub show: Option<bool>,
}

impl Reasoning<'_> {
    /// Nothing was said about it.
    pub fn is_empty(&self) -> bool {
        self.thinking.is_none()
            && self.effort.is_none()
            && self.budget.is_none()
            && self.summary.is_none()
            && self.show.is_none()
    }
}

/// Whether to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Thinking {
    Off,
    On,
    /// As much as the model sees fit.
    Adaptive,
}

/// How hard to think, from not at all upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    pub const ALL: [Self; 7] = [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// The word that all formats use for it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.label() == label)
    }

    /// Tokens of thought that stand for it where a provider counts tokens. Anthropic takes no fewer than 1,024; the
    /// steps are those that its cookbook and Gemini's OpenAI-compatible endpoint use.
    pub const fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1_024,
            Self::Medium => 8_192,
            Self::High => 24_576,
            Self::XHigh | Self::Max => 32_768,
        }
    }

    /// The effort that stands for so many tokens.
    pub const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..=2_048 => Self::Low,
            2_049..=16_384 => Self::Medium,
            _ => Self::High,
        }
    }
}
