//! The wire formats of conversations, as a closed set: who can say what is decided by matches over it.

use crate::Dialect;

/// A format in which a conversation goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// OpenAI chat completions, and everyone who followed.
    Chat,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Gemini generateContent.
    Gemini,
    /// Bedrock Converse. Only ever an upstream's.
    Converse,
}

impl Wire {
    pub const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini, Self::Converse];

    /// The word for docs, metrics and the log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Converse => "converse",
        }
    }

    /// The dialect of a client that speaks this format; None where no client does.
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Chat | Self::Responses => Some(Dialect::OpenAi),
            Self::Messages => Some(Dialect::Anthropic),
            Self::Gemini => Some(Dialect::Gemini),
            Self::Converse => None,
        }
    }
}
