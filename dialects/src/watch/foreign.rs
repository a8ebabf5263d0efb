//! Documents that are none of what was asked for, and what is said of them.
//!
//! A short document that tells neither an error nor its usage must have a member that answers have, of whatever endpoint;
//! without one (`{"status":"ok"}`, `{"detail":"Not Found"}`) no client can read it. Odd or missing members beside it, or
//! an answer in another shape, are the client's to judge.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::Endpoint;
use crate::json::{Weight, keys};

pub const EMPTY: &str = "an empty body";
pub const PAGE: &str = "a web page";
pub const TEXT: &str = "bare text";
pub const JSON: &str = "JSON that is no object";
pub const OTHER: &str = "a document of another kind";

keys! { Key {
    Choices = "choices",
    Payload = "data" | "output" | "output_text" | "content" | "candidates" | "promptFeedback" | "embedding" | "embeddings"
        | "results" | "input_tokens" | "totalTokens" | "total_tokens" | "images" | "text"
        // NVIDIA's and others' ranks, and pictures of servers that came before OpenAI's shape.
        | "rankings" | "scores" | "rerank_results" | "artifacts" | "image" | "url",
} }

/// Whether it is a whole object without anything of an answer.
pub fn is_foreign(endpoint: Endpoint, document: &[u8]) -> bool {
    let sound = matches!(endpoint, Endpoint::AudioSpeech | Endpoint::AudioTranscriptions | Endpoint::AudioTranslations);
    !sound && matches!(serde_json::Deserializer::from_slice(document).deserialize_map(Look), Ok(false))
}

/// True where there is something of an answer.
struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut any = false;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                // Of choices there must be one: a client takes the first.
                Key::Choices => any |= map.next_value::<Weight>()?.0,
                Key::Payload | Key::Other => {
                    any |= key == Key::Payload;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_could_read_is_foreign() {
        for (endpoint, document, foreign) in [
            (Endpoint::Chat, r#"{"status":"ok"}"#, true),
            (Endpoint::Chat, "{}", true),
            (Endpoint::Chat, r#"{"detail":"Not Found"}"#, true),
            (Endpoint::Chat, r#"{"message":"Unauthorized"}"#, true),
            (Endpoint::Chat, r#"{"object":"list","data":[]}"#, false),
            (Endpoint::Chat, r#"{"id":"x","choices":null}"#, true),
            (Endpoint::Chat, r#"{"id":"x","choices":[]}"#, true),
            (Endpoint::Chat, r#"{"choices":[{}]}"#, false),
            (Endpoint::Chat, r#"{"choices":[{"message":{"content":null}}],"extra":1}"#, false),
            (Endpoint::Responses, r#"{"id":"r","status":"queued","output":[]}"#, false),
            (Endpoint::Messages, r#"{"content":[]}"#, false),
            (Endpoint::Messages, r#"{"message":"hello"}"#, true),
            (Endpoint::GenerateContent, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, false),
            (Endpoint::CountTokens, r#"{"input_tokens":0}"#, false),
            (Endpoint::Embeddings, r#"{"data":[]}"#, false),
            (Endpoint::Rerank, r#"{"results":[]}"#, false),
            (Endpoint::ImagesGenerations, r#"{"data":[{"url":"x"}]}"#, false),
            (Endpoint::AudioTranscriptions, r#"{"anything":1}"#, false),
            (Endpoint::Moderations, r#"{"anything":1}"#, true),
            // Not whole, or not JSON: not judged here.
            (Endpoint::Chat, r#"{"status":"#, false),
            (Endpoint::Chat, r#"{"status":'ok'}"#, false),
        ] {
            assert_eq!(is_foreign(endpoint, document.as_bytes()), foreign, "{endpoint:?} {document}");
        }
    }
}
