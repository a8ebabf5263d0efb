//! What each kind of provider speaks, and so how it serves what a client asks for. Pure.

use config::Kind;
use dialects::Endpoint;

/// Whether a provider of this kind takes requests of this endpoint as they are.
pub const fn is_native(kind: Kind, endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::Responses => matches!(kind, Kind::OpenAi | Kind::OpenAiResponses | Kind::Azure | Kind::Demo),
        Endpoint::Chat
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Moderations
        | Endpoint::Rerank
        | Endpoint::ImagesGenerations
        | Endpoint::ImagesEdits
        | Endpoint::ImagesVariations
        | Endpoint::AudioSpeech
        | Endpoint::AudioTranscriptions
        | Endpoint::AudioTranslations => matches!(kind, Kind::OpenAi | Kind::Azure | Kind::Demo),
        Endpoint::Messages | Endpoint::CountTokens => matches!(kind, Kind::Anthropic),
        Endpoint::GenerateContent | Endpoint::GeminiCountTokens => matches!(kind, Kind::Gemini | Kind::Vertex),
        Endpoint::EmbedContent | Endpoint::BatchEmbedContents => matches!(kind, Kind::Gemini),
        Endpoint::Converse => matches!(kind, Kind::Bedrock),
    }
}

/// The endpoint over which a provider of this kind holds conversations.
pub const fn conversation(kind: Kind) -> Endpoint {
    match kind {
        Kind::OpenAi | Kind::Azure | Kind::Demo => Endpoint::Chat,
        Kind::OpenAiResponses => Endpoint::Responses,
        Kind::Anthropic => Endpoint::Messages,
        Kind::Gemini | Kind::Vertex => Endpoint::GenerateContent,
        Kind::Bedrock => Endpoint::Converse,
    }
}

/// The endpoint that a request is sent to, which may be another one than the client's; None where this kind of
/// provider cannot serve it at all.
pub const fn upstream(kind: Kind, endpoint: Endpoint) -> Option<Endpoint> {
    if is_native(kind, endpoint) {
        return Some(endpoint);
    }
    match endpoint {
        Endpoint::Chat | Endpoint::Responses | Endpoint::Messages | Endpoint::GenerateContent => Some(conversation(kind)),
        Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Moderations
        | Endpoint::Rerank
        | Endpoint::ImagesGenerations
        | Endpoint::ImagesEdits
        | Endpoint::ImagesVariations
        | Endpoint::AudioSpeech
        | Endpoint::AudioTranscriptions
        | Endpoint::AudioTranslations
        | Endpoint::CountTokens
        | Endpoint::GeminiCountTokens
        | Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents
        | Endpoint::Converse => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 8] = [
        Kind::OpenAi,
        Kind::OpenAiResponses,
        Kind::Azure,
        Kind::Anthropic,
        Kind::Gemini,
        Kind::Vertex,
        Kind::Bedrock,
        Kind::Demo,
    ];

    #[test]
    fn every_kind_serves_every_conversation_over_an_endpoint_of_its_own() {
        for kind in KINDS {
            for endpoint in [Endpoint::Chat, Endpoint::Responses, Endpoint::Messages, Endpoint::GenerateContent] {
                let upstream = upstream(kind, endpoint);
                assert!(upstream.is_some_and(|upstream| is_native(kind, upstream)), "{kind:?} {endpoint:?}");
            }
            assert!(is_native(kind, conversation(kind)), "{kind:?}");
        }
        assert_eq!(upstream(Kind::Anthropic, Endpoint::ImagesEdits), None);
    }
}
