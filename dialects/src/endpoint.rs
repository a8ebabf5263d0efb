//! The OpenAI paths that carry a model, as a closed set: routes, metrics and upstream URLs all come from here.
//!
//! Source: <https://platform.openai.com/docs/api-reference>; `/rerank` is Cohere's and Jina's, served by many
//! OpenAI-compatible servers.

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
}

impl Endpoint {
    /// Every endpoint, in the order in which they are documented.
    pub const ALL: [Self; 12] = [
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
    ];

    /// The endpoint of a request path without its query; with and without `/v1`. Exact: no trailing slash, no escapes.
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
            _ => return None,
        })
    }

    /// The path below the version segment: `/chat/completions`.
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
            | Self::AudioSpeech => false,
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
            | Self::AudioSpeech => true,
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
            | Self::AudioTranslations => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_back_to_its_endpoint_with_and_without_the_version() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::from_path(endpoint.path()), Some(endpoint));
            assert_eq!(Endpoint::from_path(&format!("/v1{}", endpoint.path())), Some(endpoint));
        }
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
