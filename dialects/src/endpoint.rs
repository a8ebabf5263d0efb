//! The paths that carry a model, as a closed set: routes, metrics and upstream URLs all come from here.
//!
//! Sources: <https://platform.openai.com/docs/api-reference>; `/rerank` is Cohere's and Jina's, served by many
//! OpenAI-compatible servers; <https://docs.anthropic.com/en/api/messages>;
//! <https://ai.google.dev/api/generate-content>, whose paths name the model and then a verb.

use crate::{Dialect, Wire};

/// An endpoint that asks a model for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Chat,
    Completions,
    Embeddings,
    Responses,
    Moderations,
    Rerank,
    ImagesGenerations,
    ImagesEdits,
    ImagesVariations,
    AudioSpeech,
    AudioTranscriptions,
    AudioTranslations,
    Messages,
    CountTokens,
    /// Gemini's, streaming or not: the verb of the path says which.
    GenerateContent,
    GeminiCountTokens,
    EmbedContent,
    BatchEmbedContents,
    /// Bedrock's. Only ever an upstream's: no client speaks it here.
    Converse,
}

impl Endpoint {
    /// Every endpoint, in the order in which they are documented.
    pub const ALL: [Self; 19] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Moderations,
        Self::Rerank,
        Self::ImagesGenerations,
        Self::ImagesEdits,
        Self::ImagesVariations,
        Self::AudioSpeech,
        Self::AudioTranscriptions,
        Self::AudioTranslations,
        Self::Messages,
        Self::CountTokens,
        Self::GenerateContent,
        Self::GeminiCountTokens,
        Self::EmbedContent,
        Self::BatchEmbedContents,
        Self::Converse,
    ];

    /// Whose format its requests and answers have.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Chat
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::Moderations
            | Self::Rerank
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::ImagesVariations
            | Self::AudioSpeech
            | Self::AudioTranscriptions
            | Self::AudioTranslations => Dialect::OpenAi,
            // Bedrock's errors have the shape of none; those who are told them speak something else.
            Self::Messages | Self::CountTokens | Self::Converse => Dialect::Anthropic,
            Self::GenerateContent | Self::GeminiCountTokens | Self::EmbedContent | Self::BatchEmbedContents => {
                Dialect::Gemini
            }
        }
    }

    /// The format of its conversations; None for what is none.
    pub const fn wire(self) -> Option<Wire> {
        match self {
            Self::Chat => Some(Wire::Chat),
            Self::Responses => Some(Wire::Responses),
            Self::Messages => Some(Wire::Messages),
            Self::GenerateContent => Some(Wire::Gemini),
            Self::Converse => Some(Wire::Converse),
            Self::Completions
            | Self::Embeddings
            | Self::Moderations
            | Self::Rerank
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::ImagesVariations
            | Self::AudioSpeech
            | Self::AudioTranscriptions
            | Self::AudioTranslations
            | Self::CountTokens
            | Self::GeminiCountTokens
            | Self::EmbedContent
            | Self::BatchEmbedContents => None,
        }
    }

    /// Gemini's verb behind a model's name, and whether it asks for a stream.
    pub fn from_verb(verb: &str) -> Option<(Self, bool)> {
        Some(match verb {
            "generateContent" => (Self::GenerateContent, false),
            "streamGenerateContent" => (Self::GenerateContent, true),
            "countTokens" => (Self::GeminiCountTokens, false),
            "embedContent" => (Self::EmbedContent, false),
            "batchEmbedContents" => (Self::BatchEmbedContents, false),
            _ => return None,
        })
    }

    /// The endpoint of a request path without its query; with and without `/v1`. Exact: no trailing slash, no escapes.
    /// Gemini's paths hold a model: see [`Self::from_verb`].
    pub fn from_path(path: &str) -> Option<Self> {
        Some(match path.strip_prefix("/v1").unwrap_or(path) {
            "/chat/completions" => Self::Chat,
            "/completions" => Self::Completions,
            "/embeddings" => Self::Embeddings,
            "/responses" => Self::Responses,
            "/moderations" => Self::Moderations,
            "/rerank" => Self::Rerank,
            "/images/generations" => Self::ImagesGenerations,
            "/images/edits" => Self::ImagesEdits,
            "/images/variations" => Self::ImagesVariations,
            "/audio/speech" => Self::AudioSpeech,
            "/audio/transcriptions" => Self::AudioTranscriptions,
            "/audio/translations" => Self::AudioTranslations,
            "/messages" => Self::Messages,
            "/messages/count_tokens" => Self::CountTokens,
            _ => return None,
        })
    }

    /// The path below the version segment, `/chat/completions`; of Gemini's the verb, `:generateContent`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Responses => "/responses",
            Self::Moderations => "/moderations",
            Self::Rerank => "/rerank",
            Self::ImagesGenerations => "/images/generations",
            Self::ImagesEdits => "/images/edits",
            Self::ImagesVariations => "/images/variations",
            Self::AudioSpeech => "/audio/speech",
            Self::AudioTranscriptions => "/audio/transcriptions",
            Self::AudioTranslations => "/audio/translations",
            Self::Messages => "/messages",
            Self::CountTokens => "/messages/count_tokens",
            Self::GenerateContent => ":generateContent",
            Self::GeminiCountTokens => ":countTokens",
            Self::EmbedContent => ":embedContent",
            Self::BatchEmbedContents => ":batchEmbedContents",
            Self::Converse => "/converse",
        }
    }

    /// The word for metrics and the log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Moderations => "moderations",
            Self::Rerank => "rerank",
            Self::ImagesGenerations => "images_generations",
            Self::ImagesEdits => "images_edits",
            Self::ImagesVariations => "images_variations",
            Self::AudioSpeech => "audio_speech",
            Self::AudioTranscriptions => "audio_transcriptions",
            Self::AudioTranslations => "audio_translations",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
            Self::GeminiCountTokens => "gemini_count_tokens",
            Self::EmbedContent => "embed_content",
            Self::BatchEmbedContents => "batch_embed_contents",
            Self::Converse => "converse",
        }
    }

    /// Takes `multipart/form-data` (beside or instead of JSON).
    pub const fn accepts_multipart(self) -> bool {
        match self {
            Self::ImagesEdits | Self::ImagesVariations | Self::AudioTranscriptions | Self::AudioTranslations => true,
            Self::Chat
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::Moderations
            | Self::Rerank
            | Self::ImagesGenerations
            | Self::AudioSpeech
            | Self::Messages
            | Self::CountTokens
            | Self::GenerateContent
            | Self::GeminiCountTokens
            | Self::EmbedContent
            | Self::BatchEmbedContents
            | Self::Converse => false,
        }
    }

    /// A second, paid call beside a slow first one is tolerable: not for uploads, not for images.
    pub const fn hedgeable(self) -> bool {
        match self {
            Self::Chat
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::Moderations
            | Self::Rerank
            | Self::AudioSpeech
            | Self::Messages
            | Self::CountTokens
            | Self::GenerateContent
            | Self::GeminiCountTokens
            | Self::EmbedContent
            | Self::BatchEmbedContents
            | Self::Converse => true,
            Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::ImagesVariations
            | Self::AudioTranscriptions
            | Self::AudioTranslations => false,
        }
    }

    /// Streams as `chat.completion.chunk`-like objects that end with `[DONE]`; the others name their events.
    pub const fn streams_chunks(self) -> bool {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings | Self::Moderations | Self::Rerank => true,
            Self::Responses
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::ImagesVariations
            | Self::AudioSpeech
            | Self::AudioTranscriptions
            | Self::AudioTranslations
            | Self::Messages
            | Self::CountTokens
            | Self::GenerateContent
            | Self::GeminiCountTokens
            | Self::EmbedContent
            | Self::BatchEmbedContents
            | Self::Converse => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_back_to_its_endpoint_with_and_without_the_version() {
        for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| *endpoint != Endpoint::Converse) {
            if let Some(verb) = endpoint.path().strip_prefix(':') {
                assert_eq!(Endpoint::from_verb(verb), Some((endpoint, false)));
                continue;
            }
            assert_eq!(Endpoint::from_path(endpoint.path()), Some(endpoint));
            assert_eq!(Endpoint::from_path(&format!("/v1{}", endpoint.path())), Some(endpoint));
        }
        assert_eq!(Endpoint::from_verb("streamGenerateContent"), Some((Endpoint::GenerateContent, true)));
        assert_eq!(Endpoint::from_verb("predict"), None);
    }

    #[test]
    fn near_misses_are_not_endpoints() {
        for path in [
            "",
            "/",
            "/v1",
            "/v1/",
            "/v1/chat",
            "/v1/chat/completions/",
            "/v2/embeddings",
            "/v1/v1/rerank",
            "chat/completions",
        ] {
            assert_eq!(Endpoint::from_path(path), None, "{path}");
        }
    }
}
