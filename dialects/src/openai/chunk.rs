//! One object of a chat or completions stream, looked at before content has come.
//!
//! Afterwards nobody parses: see [`crate::watch`]. Source: the chat completion chunk object of OpenAI's API reference,
//! and what recorded streams of two dozen vendors hold beside it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json::{Weight, keys};

/// What one chunk means for the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chunk {
    /// Part of the answer: text, reasoning, a tool call, a finish reason, or something unknown that may be one.
    pub content: bool,
    /// A choice has finished.
    pub finished: bool,
    /// Has a `choices` array, empty or not: it speaks this format.
    pub ours: bool,
    /// `choices` is there and empty.
    pub no_choices: bool,
    /// Carries an error of its own, or finishes with `error`.
    pub failed: bool,
}

/// Looks at one chunk. What is no JSON object passes as content: whoever reads it must judge it.
pub fn look(data: &[u8]) -> Chunk {
    let mut json = serde_json::Deserializer::from_slice(data);
    json.deserialize_map(Read).unwrap_or(Chunk { content: true, ..Chunk::default() })
}

keys! { Key {
    Choices = "choices",
    Error = "error",
    // Found beside choices, and alone in front of them: usage, ids, content filters, keep-alives.
    Idle = "usage" | "id" | "object" | "created" | "model" | "prompt_filter_results" | "x_groq" | "provider"
        | "service_tier" | "system_fingerprint" | "obfuscation" | "type",
} }

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Chunk;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chunk")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Chunk, A::Error> {
        let (mut chunk, mut unknown) = (Chunk::default(), false);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Choices => {
                    let choices = map.next_value::<Choices>()?;
                    chunk.ours |= choices.array;
                    chunk.no_choices = choices.array && choices.empty;
                    chunk.content |= choices.content;
                    chunk.finished |= choices.finished;
                    chunk.failed |= choices.failed;
                }
                Key::Error => chunk.failed |= map.next_value::<Weight>()?.0,
                Key::Idle => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Other => unknown |= map.next_value::<Weight>()?.0,
            }
        }
        // A foreign format is not understood, so what it carries counts as content.
        chunk.content |= unknown && !chunk.ours && !chunk.failed;
        Ok(chunk)
    }
}

#[derive(Default)]
struct Choices {
    array: bool,
    empty: bool,
    content: bool,
    finished: bool,
    failed: bool,
}

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Choices;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("choices")
            }
            fn visit_unit<E>(self) -> Result<Choices, E> {
                Ok(Choices { array: true, empty: true, ..Choices::default() })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Choices, A::Error> {
                let mut all = Choices { array: true, empty: true, ..Choices::default() };
                while let Some(choice) = seq.next_element::<Choice>()? {
                    all.empty = false;
                    all.content |= choice.content;
                    all.finished |= choice.finish == Finish::Some;
                    all.failed |= choice.finish == Finish::Failed;
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(Look)
    }
}

keys! { ChoiceKey { Delta = "delta", Text = "text" | "message", Finish = "finish_reason" } }

#[derive(PartialEq)]
enum Finish {
    None,
    Some,
    Failed,
}

struct Choice {
    content: bool,
    finish: Finish,
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Choice;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a choice")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choice, A::Error> {
                let mut choice = Choice { content: false, finish: Finish::None };
                while let Some(key) = map.next_key::<ChoiceKey>()? {
                    match key {
                        ChoiceKey::Delta => choice.content |= map.next_value::<Delta>()?.0,
                        ChoiceKey::Text => choice.content |= map.next_value::<Delta>()?.0,
                        ChoiceKey::Finish => choice.finish = map.next_value()?,
                        ChoiceKey::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                choice.content |= choice.finish == Finish::Some;
                Ok(choice)
            }
        }
        deserializer.deserialize_map(Look)
    }
}

impl<'de> Deserialize<'de> for Finish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl Visitor<'_> for Look {
            type Value = Finish;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a finish reason")
            }
            fn visit_unit<E>(self) -> Result<Finish, E> {
                Ok(Finish::None)
            }
            fn visit_str<E>(self, v: &str) -> Result<Finish, E> {
                Ok(match v {
                    "" => Finish::None,
                    // OpenRouter: the upstream behind it broke.
                    "error" => Finish::Failed,
                    _ => Finish::Some,
                })
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// Whether a delta (or a text, or a message) holds more than a role.
struct Delta(bool);

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        keys! { DeltaKey { Idle = "role" | "name" | "channel" } }
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Delta;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a delta")
            }
            fn visit_unit<E>(self) -> Result<Delta, E> {
                Ok(Delta(false))
            }
            fn visit_str<E>(self, v: &str) -> Result<Delta, E> {
                Ok(Delta(!v.is_empty()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Delta, A::Error> {
                let mut any = false;
                while let Some(key) = map.next_key::<DeltaKey>()? {
                    match key {
                        DeltaKey::Idle => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        DeltaKey::Other => any |= map.next_value::<Weight>()?.0,
                    }
                }
                Ok(Delta(any))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(choices: &str) -> bool {
        let chunk = look(format!(r#"{{"id":"x","choices":{choices},"usage":null}}"#).as_bytes());
        assert!(chunk.ours && !chunk.failed, "{choices}");
        chunk.content
    }

    #[test]
    fn what_comes_before_content_is_not_content() {
        for choices in [
            "[]",
            "null",
            r#"[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]"#,
            r#"[{"index":0,"delta":{"role":"assistant"}}]"#,
            r#"[{"index":0,"delta":{}}]"#,
            r#"[{"index":0,"delta":null,"content_filter_results":{"hate":{"filtered":false}}}]"#,
            r#"[{"delta":{"content":"","tool_calls":null,"reasoning_details":[]},"finish_reason":""}]"#,
            r#"[{"index":0,"text":"","finish_reason":null}]"#,
        ] {
            assert!(!content(choices), "{choices}");
        }
    }

    #[test]
    fn any_part_of_an_answer_is_content() {
        for choices in [
            r#"[{"delta":{"content":"a"}}]"#,
            r#"[{"delta":{"content":null,"tool_calls":[{"index":0}]}}]"#,
            r#"[{"delta":{"reasoning_content":"hm"}}]"#,
            r#"[{"delta":{"reasoning":"hm","channel":"analysis"}}]"#,
            r#"[{"delta":{"refusal":"no"}}]"#,
            r#"[{"delta":{"audio":{"id":"a"}}}]"#,
            r#"[{"text":"a"}]"#,
            r#"[{"delta":{},"finish_reason":"stop"}]"#,
            r#"[{"delta":{"content":""}},{"delta":{"content":"b"}}]"#,
        ] {
            assert!(content(choices), "{choices}");
        }
    }

    #[test]
    fn errors_are_told_from_empty_error_fields() {
        assert!(look(br#"{"error":{"message":"no"}}"#).failed);
        assert!(look(br#"{"error":"no","choices":[]}"#).failed);
        assert!(look(br#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#).failed);
        assert!(!look(br#"{"error":null,"choices":[{"delta":{"content":"a"}}]}"#).failed);
    }

    #[test]
    fn a_foreign_format_is_content() {
        for data in ["{\"value\":\"Sure\"}", "[1]", "nonsense", "{\"cut\":"] {
            assert!(look(data.as_bytes()).content, "{data}");
        }
        assert!(!look(b"{\"type\":\"ping\"}").content);
    }
}
