//! Streams whose events have a type: responses, images, audio, and Anthropic's messages.
//!
//! The type stands in the `event:` line, in the data's `type`, or in both; some servers leave one of them out.
//! Sources: the streaming sections of OpenAI's API reference for responses, images, speech and transcriptions;
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::Endpoint;
use crate::conversation::Maybe;
use crate::json::object::object;
use crate::json::{Filled, keys};
use crate::watch::long::holds_error;

/// What an event's type means for the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Says only that work goes on, or nothing that a client of this endpoint reads.
    Idle,
    /// Tells what it has cost by now, and nothing of the answer.
    Cost,
    Content,
    /// A piece of text: content, and its bytes tell how many tokens there were.
    Delta,
    /// The last event of an answer that is whole.
    Done,
    /// The last event of an answer that broke, told in the format of the stream.
    Failed,
    /// An error in place of the rest.
    Error,
}

/// Judges an event by its type. What is unknown counts as content, but for another family's ([`is_own`]).
pub fn step(endpoint: Endpoint, kind: &[u8]) -> Step {
    match kind {
        b"error" => return Step::Error,
        b"keepalive" | b"ping" | b"heartbeat" => return Step::Idle,
        _ if !is_own(endpoint, kind) => return Step::Idle,
        _ if kind.ends_with(b".delta") => return Step::Delta,
        _ => {}
    }
    match endpoint {
        Endpoint::Responses => match kind {
            b"response.created" | b"response.queued" | b"response.in_progress" => Step::Idle,
            // The last as gateways in between say it.
            b"response.completed" | b"response.incomplete" | b"response.done" => Step::Done,
            b"response.failed" | b"response.error" => Step::Failed,
            _ => Step::Content,
        },
        Endpoint::ImagesGenerations | Endpoint::ImagesEdits | Endpoint::ImagesVariations => match kind {
            b"image_generation.completed" | b"image_edit.completed" => Step::Done,
            _ => Step::Content,
        },
        Endpoint::AudioSpeech => match kind {
            b"speech.audio.done" => Step::Done,
            _ => Step::Content,
        },
        Endpoint::AudioTranscriptions | Endpoint::AudioTranslations => match kind {
            // OpenAI's, Mistral's.
            b"transcript.text.done" | b"transcription.done" => Step::Done,
            _ => Step::Content,
        },
        Endpoint::Messages => match kind {
            b"message_start" | b"message_delta" => Step::Cost,
            // It opens a block that is still empty.
            b"content_block_start" => Step::Idle,
            b"content_block_delta" => Step::Delta,
            b"message_stop" => Step::Done,
            _ => Step::Content,
        },
        Endpoint::Chat
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Moderations
        | Endpoint::Rerank
        | Endpoint::CountTokens
        | Endpoint::GenerateContent
        | Endpoint::GeminiCountTokens
        | Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents
        | Endpoint::Converse => Step::Content,
    }
}

/// Whether an event is of the family that the endpoint streams: another's alone are no answer, and beside an answer its
/// clients pass over them. Of pictures and sound servers have families of their own.
pub fn is_own(endpoint: Endpoint, kind: &[u8]) -> bool {
    match endpoint {
        Endpoint::Responses => kind.starts_with(b"response."),
        Endpoint::Messages => kind.starts_with(b"message_") || kind.starts_with(b"content_block_"),
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
        | Endpoint::AudioTranslations
        | Endpoint::CountTokens
        | Endpoint::GenerateContent
        | Endpoint::GeminiCountTokens
        | Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents
        | Endpoint::Converse => true,
    }
}

/// A kind of event that one of these families has, or may have one day.
pub fn is_known(kind: &[u8]) -> bool {
    kind.contains(&b'.') || kind.starts_with(b"content_block")
}

/// Whether the last event of a response tells that it broke, whatever its name says.
pub fn is_broken(data: &[u8]) -> bool {
    object! { struct Event<'a> { response: Response<'a> = "response", } }
    object! { struct Response<'a> { error: Filled = "error", status: Maybe<'a> = "status", } }
    static FAILED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"failed\""));
    if FAILED.find(data).is_none() && !holds_error(data) {
        return false;
    }
    let event: Event<'_> = crate::json::from_bytes(data).unwrap_or_default();
    let response = event.response.unwrap_or_default();
    let status = response.status.and_then(Maybe::filled);
    response.error.is_some_and(|error| error.0) || status.as_deref() == Some("failed")
}

/// The type an event's data names for itself. Nearly everybody writes it first, and then it costs no parse.
pub fn kind(data: &[u8]) -> Option<Cow<'_, str>> {
    if let Some(rest) = data.strip_prefix(br#"{"type":""#)
        && let Some(end) = memchr::memchr2(b'"', b'\\', rest)
        && rest.get(end) == Some(&b'"')
    {
        return std::str::from_utf8(rest.get(..end)?).ok().map(Cow::Borrowed);
    }
    serde_json::Deserializer::from_slice(data).deserialize_map(ReadKind).ok().flatten()
}

keys! { Key { Type = "type" } }

struct ReadKind;

impl<'de> Visitor<'de> for ReadKind {
    type Value = Option<Cow<'de, str>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kind = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Type => kind = Some(Cow::Owned(map.next_value::<String>()?)),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_found_wherever_it_stands() {
        for data in [
            r#"{"type":"response.created","x":1}"#,
            r#"{"x":{"type":"inner"},"type":"response.created"}"#,
            r#"{ "type" : "response.created" }"#,
            r#"{"type":"response\u002ecreated"}"#,
        ] {
            assert_eq!(kind(data.as_bytes()).as_deref(), Some("response.created"), "{data}");
        }
        for data in ["{}", "[]", r#"{"type":7}"#, r#"{"type":"cut"#, "[DONE]"] {
            assert_eq!(kind(data.as_bytes()), None, "{data}");
        }
    }

    #[test]
    fn each_family_has_its_own_end() {
        assert_eq!(step(Endpoint::Responses, b"response.incomplete"), Step::Done);
        assert_eq!(step(Endpoint::Responses, b"response.output_text.done"), Step::Content);
        assert_eq!(step(Endpoint::ImagesEdits, b"image_edit.partial_image"), Step::Content);
        assert_eq!(step(Endpoint::ImagesEdits, b"image_edit.completed"), Step::Done);
        assert_eq!(step(Endpoint::AudioTranscriptions, b"transcript.text.done"), Step::Done);
        assert_eq!(step(Endpoint::AudioSpeech, b"speech.audio.done"), Step::Done);
        assert_eq!(step(Endpoint::AudioSpeech, b"error"), Step::Error);
    }

    #[test]
    fn a_response_that_broke_is_one_whatever_its_event_is_called() {
        for (data, broken) in [
            (r#"{"response":{"status":"failed","error":{"code":"server_error"},"output":[]}}"#, true),
            (r#"{"response":{"status":"incomplete","error":{"message":"x"}}}"#, true),
            (r#"{"response":{"status":"failed","error":null}}"#, true),
            (r#"{"response":{"status":"completed","error":null}}"#, false),
            (r#"{"response":{"status":"completed","output":[{"status":"failed","error":{"code":1}}]}}"#, false),
        ] {
            assert_eq!(is_broken(data.as_bytes()), broken, "{data}");
        }
    }
}
