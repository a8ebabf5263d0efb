//! One object of a generateContent stream, looked at before content has come.
//!
//! Each is a whole `GenerateContentResponse`; there is no last event, only a finish reason.
//! Source: <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Filled, Scalar, Weight, keys};
use crate::watch::flat::Flat;
use crate::watch::needle::{CANDIDATES, FINISH_REASON};
use crate::watch::progress::{Progress, ends};

/// What one chunk means for the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chunk {
    /// A part of the answer, its finish reason, or why there is none.
    pub content: bool,
    /// Which candidates it is about, and whether they have finished; all is over where the prompt was blocked.
    pub progress: Progress,
    /// It speaks this format.
    pub ours: bool,
    /// Carries an error of its own, or is none and says what went wrong.
    pub failed: bool,
    /// No part of an answer, but words.
    pub said: bool,
}

/// Looks at one chunk. What is no JSON object is no part of an answer.
pub fn look(data: &[u8]) -> Chunk {
    let mut json = serde_json::Deserializer::from_slice(data);
    json.deserialize_map(Read).unwrap_or_else(|_| {
        // `NaN` and the like are the client's to judge.
        let ours = data.starts_with(b"{") && CANDIDATES.find(data).is_some();
        let progress = if ours { Progress::of(0, true, ends(data, &FINISH_REASON)) } else { Progress::default() };
        Chunk { content: ours, progress, ours, said: !ours, ..Chunk::default() }
    })
}

keys! { Key {
    Candidates = "candidates",
    Feedback = "promptFeedback",
    Usage = "usageMetadata",
    Error = "error",
    Object = "object",
    Said = "message" | "msg" | "detail",
    Named = "error_message" | "error_msg" | "errorMessage" | "error_description",
    Code = "code" | "status_code" | "error_code" | "success",
} }

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Chunk;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chunk")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Chunk, A::Error> {
        let (mut chunk, mut flat) = (Chunk::default(), Flat::default());
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Candidates => {
                    let Candidates { any, content, progress } = map.next_value()?;
                    chunk.ours |= any;
                    chunk.content |= content;
                    chunk.progress.beside(progress);
                }
                Key::Feedback => {
                    let Blocked(blocked) = map.next_value()?;
                    chunk.ours |= blocked;
                    chunk.content |= blocked;
                    chunk.progress.beside(if blocked { Progress::OVER } else { Progress::default() });
                }
                Key::Error => chunk.failed |= map.next_value::<Filled>()?.0,
                Key::Usage => chunk.ours |= map.next_value::<Filled>()?.0,
                // Mistral's.
                Key::Object => chunk.failed |= map.next_value::<&RawValue>()?.get() == r#""error""#,
                Key::Said => flat.says(map.next_value()?),
                Key::Named => flat.names(map.next_value()?),
                Key::Code => flat.code(map.next_value()?),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        chunk.failed |= !chunk.ours && flat.is_error();
        chunk.said = flat.said && !chunk.ours && !chunk.failed;
        Ok(chunk)
    }
}

#[derive(Default)]
struct Candidates {
    any: bool,
    content: bool,
    progress: Progress,
}

impl<'de> Deserialize<'de> for Candidates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Candidates;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("candidates")
            }
            fn visit_unit<E>(self) -> Result<Candidates, E> {
                Ok(Candidates::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Candidates, A::Error> {
                let mut all = Candidates::default();
                while let Some(Candidate(one)) = seq.next_element()? {
                    all.any |= one.any;
                    all.content |= one.content;
                    all.progress.beside(one.progress);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// One of them.
struct Candidate(Candidates);

keys! { CandidateKey { Index = "index", Content = "content", Finish = "finishReason" } }

impl<'de> Deserialize<'de> for Candidate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Candidate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a candidate")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Candidate, A::Error> {
                let (mut index, mut content, mut ended) = (0, false, false);
                while let Some(key) = map.next_key::<CandidateKey>()? {
                    match key {
                        CandidateKey::Index => index = map.next_value::<Scalar>()?.number().unwrap_or_default(),
                        CandidateKey::Content => content |= map.next_value::<Content>()?.0,
                        CandidateKey::Finish => ended |= map.next_value::<Weight>()?.0,
                        CandidateKey::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                content |= ended;
                Ok(Candidate(Candidates { any: true, content, progress: Progress::of(index, content, ended) }))
            }
        }
        deserializer.deserialize_map(Look)
    }
}

/// Whether a content holds more than a role.
struct Content(bool);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        keys! { ContentKey { Role = "role" } }
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Content;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content")
            }
            fn visit_unit<E>(self) -> Result<Content, E> {
                Ok(Content(false))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
                let mut any = false;
                while let Some(key) = map.next_key::<ContentKey>()? {
                    match key {
                        ContentKey::Role => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        ContentKey::Other => any |= map.next_value::<Weight>()?.0,
                    }
                }
                Ok(Content(any))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// Whether the prompt was refused.
struct Blocked(bool);

impl<'de> Deserialize<'de> for Blocked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        keys! { FeedbackKey { Reason = "blockReason" } }
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Blocked;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a prompt's feedback")
            }
            fn visit_unit<E>(self) -> Result<Blocked, E> {
                Ok(Blocked(false))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Blocked, A::Error> {
                let mut blocked = false;
                while let Some(key) = map.next_key::<FeedbackKey>()? {
                    match key {
                        FeedbackKey::Reason => blocked |= map.next_value::<Weight>()?.0,
                        FeedbackKey::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(Blocked(blocked))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_content_is_not_content() {
        for data in [
            r#"{"usageMetadata":{"promptTokenCount":3},"modelVersion":"m"}"#,
            r#"{"candidates":[{"content":{"role":"model"},"index":0}]}"#,
            r#"{"candidates":[{"content":{"parts":[],"role":"model"}}]}"#,
            r#"{"candidates":null,"promptFeedback":{"safetyRatings":[]}}"#,
        ] {
            assert!(!look(data.as_bytes()).content, "{data}");
        }
    }

    #[test]
    fn any_part_of_an_answer_is_content() {
        for (data, finished) in [
            (r#"{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"}}]}"#, false),
            (r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]}"#, false),
            (r#"{"candidates":[{"content":{"role":"model"},"finishReason":"STOP"}]}"#, true),
            (r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, true),
        ] {
            let chunk = look(data.as_bytes());
            assert!(chunk.content && chunk.ours && !chunk.failed, "{data}");
            assert_eq!(chunk.progress.finished(), finished, "{data}");
        }
    }

    #[test]
    fn errors_and_foreign_formats_are_told_apart() {
        for data in [
            r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#,
            r#"{"code":401,"msg":"bad"}"#,
            r#"{"object":"error","message":"bad"}"#,
        ] {
            let failed = look(data.as_bytes());
            assert!(failed.failed && !failed.content, "{data}");
        }
        for data in [r#"{"detail":"Not Found"}"#, r#"{"message":"thinking"}"#, "[1]", "nonsense", "null"] {
            let words = look(data.as_bytes());
            assert!(words.said && !words.failed && !words.content, "{data}");
        }
        for data in [r#"{"choices":[1]}"#, r#"{"status":"ok"}"#, r#"{"candidates":null}"#, r#"{"candidates":[]}"#] {
            let chunk = look(data.as_bytes());
            assert!(!chunk.failed && !chunk.content && !chunk.ours, "{data}");
        }
    }
}
