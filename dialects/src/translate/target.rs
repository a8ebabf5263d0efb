//! The upstream that a request is written for.

use crate::loss::Losses;

/// What a writer must know of an upstream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// The model's name there.
    pub model: &'a str,
    /// Where a format demands a `max_tokens` and the client set none: from the catalogue. None: [`Self::SAFE`].
    pub max_tokens: Option<u64>,
    /// A loss is a refusal (`on_loss: refuse`).
    pub refuse: bool,
    pub quirks: Quirks,
    /// About how many bytes will be written, where that is many: as many are taken at once.
    pub room: usize,
}

impl Target<'_> {
    /// So many tokens every model of the last years takes.
    pub const SAFE: u64 = 4_096;

    pub fn default_max_tokens(&self) -> u64 {
        self.max_tokens.unwrap_or(Self::SAFE)
    }
}

/// Where upstreams of one format differ; most say how one of chat does. The default is what most of them take. Where
/// models of one vendor differ, their names tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// the limit is called `max_completion_tokens` (OpenAI, Azure: their reasoning models take no `max_tokens`).
    pub max_completion_tokens: bool,
    /// knows the role `developer`. Others get `system`.
    pub developer_role: bool,
    /// takes what only OpenAI has: `prompt_cache_key`, `verbosity`, `store`, `metadata`, free-form tools.
    pub openai_extras: bool,
    /// takes `top_k` and `min_p`, which OpenAI itself refuses.
    pub more_sampling: bool,
    /// how thinking is asked for.
    pub reasoning: ReasoningStyle,
    /// thoughts of earlier turns go back as `reasoning_content` (DeepSeek, Kimi, GLM want them with calls).
    pub reasoning_content: bool,
    /// thoughts go back as `reasoning_details` (OpenRouter).
    pub reasoning_details: bool,
    /// signatures of calls go back in `extra_content.google` (Gemini's OpenAI-compatible endpoint).
    pub google_signatures: bool,
    /// does not know `stream_options`.
    pub no_stream_options: bool,
    /// content must be a string, and is joined to one where it is all text.
    pub string_content: bool,
    /// Responses: is not to be asked for summaries of its thoughts, unless the client itself speaks the format.
    pub no_summaries: bool,
}

/// How a chat upstream is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReasoningStyle {
    /// `reasoning_effort`.
    #[default]
    Effort,
    /// OpenRouter: `reasoning: {effort | max_tokens}`.
    Object,
    /// DeepSeek, GLM, Kimi: `thinking: {type: enabled | disabled}`.
    Switch,
}

/// A request as it goes to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub body: Vec<u8>,
    /// What it does not carry: for `x-ai-proxy-dropped`.
    pub losses: Losses,
}
