//! What each kind of provider speaks, and so how it serves what a client asks for. Pure.

use config::{Kind, Provider};
use dialects::{Endpoint, Wire};

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

/// How a request goes to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The endpoint that it is sent to, which may be another one than the client's.
    pub endpoint: Endpoint,
    pub spoken: Spoken,
}

/// What lies between the client's format and the upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// Nothing: they are the same.
    AsItIs,
    Conversation {
        client: Wire,
        upstream: Wire,
    },
    Embeddings,
}

/// How a provider serves an endpoint; None where it cannot at all.
pub fn way(provider: &Provider, endpoint: Endpoint) -> Option<Way> {
    let asks_for_more = endpoint == Endpoint::Responses && !provider.responses;
    way_of(provider.kind, endpoint, !asks_for_more)
}

const fn way_of(kind: Kind, endpoint: Endpoint, as_it_is: bool) -> Option<Way> {
    if as_it_is && is_native(kind, endpoint) {
        return Some(Way { endpoint, spoken: Spoken::AsItIs });
    }
    let embeddings = match (endpoint, kind) {
        (Endpoint::Embeddings, Kind::Gemini) => Some(Endpoint::BatchEmbedContents),
        (Endpoint::EmbedContent | Endpoint::BatchEmbedContents, Kind::OpenAi | Kind::Azure | Kind::Demo) => {
            Some(Endpoint::Embeddings)
        }
        (_, _) => None,
    };
    if let Some(endpoint) = embeddings {
        return Some(Way { endpoint, spoken: Spoken::Embeddings });
    }
    let upstream = conversation(kind);
    match (endpoint.wire(), upstream.wire()) {
        (Some(client), Some(to)) => {
            Some(Way { endpoint: upstream, spoken: Spoken::Conversation { client, upstream: to } })
        }
        (None, _) | (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
                let way = way_of(kind, endpoint, true);
                assert!(way.is_some_and(|way| is_native(kind, way.endpoint)), "{kind:?} {endpoint:?}");
            }
            assert!(is_native(kind, conversation(kind)), "{kind:?}");
        }
        assert_eq!(way_of(Kind::Anthropic, Endpoint::ImagesEdits, true), None);
        let spoken =
            |kind, endpoint, as_it_is| way_of(kind, endpoint, as_it_is).map(|way| (way.endpoint, way.spoken)).unwrap();
        let between = |client, upstream| Spoken::Conversation { client, upstream };
        assert_eq!(spoken(Kind::OpenAi, Endpoint::Chat, true), (Endpoint::Chat, Spoken::AsItIs));
        assert_eq!(
            spoken(Kind::Anthropic, Endpoint::Responses, true),
            (Endpoint::Messages, between(Wire::Responses, Wire::Messages))
        );
        assert_eq!(
            spoken(Kind::OpenAi, Endpoint::Responses, false),
            (Endpoint::Chat, between(Wire::Responses, Wire::Chat))
        );
        assert_eq!(
            spoken(Kind::Gemini, Endpoint::Embeddings, true),
            (Endpoint::BatchEmbedContents, Spoken::Embeddings)
        );
        assert_eq!(spoken(Kind::Demo, Endpoint::EmbedContent, true), (Endpoint::Embeddings, Spoken::Embeddings));
    }
}
