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
}

impl Target<'_> {
    /// So many tokens every model of the last years takes.
    pub const SAFE: u64 = 4_096;

    pub fn default_max_tokens(&self) -> u64 {
        self.max_tokens.unwrap_or(Self::SAFE)
    }
}

/// Where upstreams of one format differ. The default is what most of them take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// Chat: the limit is called `max_completion_tokens` (OpenAI, Azure: their reasoning models take no `max_tokens`).
    pub max_completion_tokens: bool,
    /// Chat: knows the role `developer`. Others get `system`.
    pub developer_role: bool,
    /// Chat: takes what only OpenAI has: `prompt_cache_key`, `verbosity`, `store`, `metadata`, free-form tools.
    pub openai_extras: bool,
    /// Chat: takes `top_k` and `min_p`, which OpenAI itself refuses.
    pub more_sampling: bool,
    /// Chat: how thinking is asked for.
    pub reasoning: ReasoningStyle,
    /// Chat: thoughts of earlier turns go back as `reasoning_content` (DeepSeek, Kimi, GLM want them with calls).
    pub reasoning_content: bool,
    /// Chat: thoughts go back as `reasoning_details` (OpenRouter).
    pub reasoning_details: bool,
    /// Chat: signatures of calls go back in `extra_content.google` (Gemini's OpenAI-compatible endpoint).
    pub google_signatures: bool,
    /// Chat: does not know `stream_options`.
    pub no_stream_options: bool,
    /// Chat: content must be a string, and is joined to one where it is all text.
    pub string_content: bool,
    /// Messages: thinks as it sees fit; `thinking.type` is `adaptive`, how hard is in `output_config.effort`, and a
    /// budget is refused.
    pub adaptive_thinking: bool,
    /// Messages: takes instructions between the messages (role `system`).
    pub system_anywhere: bool,
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
    /// The model does not think, and refuses to be asked.
    Never,
}

/// A request as it goes to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub body: Vec<u8>,
    /// What it does not carry: for `x-ai-proxy-dropped`.
    pub losses: Losses,
}
