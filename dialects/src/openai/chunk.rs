//! One object of a chat or completions stream, looked at before content has come.
//!
//! Afterwards nobody parses: see [`crate::watch`]. Source: the chat completion chunk object of OpenAI's API reference,
//! and what recorded streams of two dozen vendors hold beside it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Filled, Scalar, Weight, keys};
use crate::watch::flat::Flat;
use crate::watch::foreign::is_refusal;
use crate::watch::needle::{CHOICES, FINISH};
use crate::watch::progress::{Progress, ends};

/// What one chunk means for the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chunk {
    /// Part of the answer: text, reasoning, a tool call, a finish reason.
    pub content: bool,
    /// Which choices it is about, and whether they have finished.
    pub progress: Progress,
    /// Has a `choices` array, empty or not: it speaks this format.
    pub ours: bool,
    /// `choices` is there and empty.
    pub no_choices: bool,
    /// Carries an error of its own, finishes with `error`, or is none and says what went wrong.
    pub failed: bool,
    /// It failed in a way that no SDK knows.
    pub flat: bool,
    /// No part of an answer, but words: of a progress that no SDK knows, or of an error if nothing else comes.
    pub said: bool,
}

/// Looks at one chunk. What is no JSON object is no part of an answer.
pub fn look(data: &[u8]) -> Chunk {
    let mut json = serde_json::Deserializer::from_slice(data);
    json.deserialize_map(Read).unwrap_or_else(|_| {
        // `NaN` and the like are the client's to judge.
        let ours = data.starts_with(b"{") && CHOICES.find(data).is_some();
        let progress = if ours { Progress::of(0, true, ends(data, &FINISH)) } else { Progress::default() };
        Chunk { content: ours, progress, ours, said: !ours, ..Chunk::default() }
    })
}

keys! { Key {
    Choices = "choices",
    Error = "error",
    // Cloudflare's.
    Errors = "errors",
    Object = "object",
    Base = "base_resp",
    // Writer's completions, in a format of their own.
    Value = "value",
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
        let (mut chunk, mut flat, mut refused) = (Chunk::default(), Flat::default(), false);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Choices => {
                    let choices = map.next_value::<Choices>()?;
                    chunk.ours |= choices.array;
                    chunk.no_choices = choices.array && choices.empty;
                    chunk.content |= choices.content;
                    chunk.progress.beside(choices.progress);
                    chunk.failed |= choices.failed;
                }
                Key::Error => chunk.failed |= map.next_value::<Filled>()?.0,
                Key::Errors => refused |= map.next_value::<Filled>()?.0,
                // Mistral's.
                Key::Object => chunk.flat |= map.next_value::<&RawValue>()?.get() == r#""error""#,
                Key::Value => chunk.content |= map.next_value::<Weight>()?.0,
                Key::Base => refused |= is_refusal(map.next_value()?),
                Key::Said => flat.says(map.next_value()?),
                Key::Named => flat.names(map.next_value()?),
                Key::Code => flat.code(map.next_value()?),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let has_choice = chunk.ours && !chunk.no_choices;
        chunk.flat |= !chunk.ours && flat.is_error() || !has_choice && refused;
        chunk.flat &= !chunk.failed;
        chunk.failed |= chunk.flat;
        chunk.said = flat.said && !chunk.ours && !chunk.failed;
        Ok(chunk)
    }
}

#[derive(Default)]
struct Choices {
    array: bool,
    empty: bool,
    content: bool,
    progress: Progress,
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
                    let ended = choice.finish == Finish::Some;
                    all.progress.beside(Progress::of(choice.index, choice.content, ended));
                    all.failed |= choice.failed || choice.finish == Finish::Failed;
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(Look)
    }
}

keys! { ChoiceKey {
    Index = "index",
    Delta = "delta",
    Text = "text" | "message",
    Finish = "finish_reason",
    Error = "error",
} }

#[derive(PartialEq)]
enum Finish {
    None,
    Some,
    Failed,
}

struct Choice {
    index: u64,
    content: bool,
    failed: bool,
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
                let mut choice = Choice { index: 0, content: false, failed: false, finish: Finish::None };
                while let Some(key) = map.next_key::<ChoiceKey>()? {
                    match key {
                        ChoiceKey::Index => choice.index = map.next_value::<Scalar>()?.number().unwrap_or_default(),
                        ChoiceKey::Delta => choice.content |= map.next_value::<Delta>()?.0,
                        ChoiceKey::Text => choice.content |= map.next_value::<Delta>()?.0,
                        ChoiceKey::Finish => choice.finish = map.next_value()?,
                        ChoiceKey::Error => choice.failed |= map.next_value::<Filled>()?.0,
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
    fn an_error_is_told_in_many_ways() {
        for data in [
            r#"{"choices":[{"delta":{},"error":{"code":502}}]}"#,
            r#"{"object":"error","message":"m","type":"t"}"#,
            r#"{"code":401,"msg":"invalid token","data":null}"#,
            r#"{"code":"InvalidApiKey","message":"m","request_id":"r"}"#,
            r#"{"success":false,"message":"m"}"#,
            r#"{"status_code":"503","detail":"m"}"#,
            r#"{"error_message":"m"}"#,
            r#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"m"}}"#,
        ] {
            let chunk = look(data.as_bytes());
            assert!(chunk.failed && !chunk.content, "{data}");
        }
    }

    /// If nothing else comes there is no answer: see the end of a stream.
    #[test]
    fn words_alone_may_tell_of_a_progress() {
        for data in [
            r#"{"message":"Unauthorized"}"#,
            r#"{"detail":[{"loc":["body"]}]}"#,
            r#"{"type":"status","message":"searching the web"}"#,
            r#"{"code":"Success","message":"m"}"#,
            r#"{"code":20000000,"message":"m"}"#,
            r#"{"code":null,"message":"m"}"#,
            "Unauthorized",
            "<html>",
            "null",
            "[1]",
        ] {
            let chunk = look(data.as_bytes());
            assert!(chunk.said && !chunk.failed && !chunk.content, "{data}");
        }
    }

    #[test]
    fn what_may_stand_in_front_of_a_stream_is_neither_content_nor_an_error() {
        for data in [
            r#"{"type":"ping"}"#,
            r#"{"status":"ok"}"#,
            r#"{"code":0,"msg":"success"}"#,
            r#"{"success":true,"message":"ok"}"#,
            r#"{"message":{"content":"x"}}"#,
            r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
            r#"{"choices":[],"message":"x"}"#,
            r#"{"choices":[],"base_resp":{"status_code":0,"status_msg":""}}"#,
            r#"{"object":"chat.completion.chunk","usage":{"prompt_tokens":1}}"#,
        ] {
            let chunk = look(data.as_bytes());
            assert!(!chunk.failed && !chunk.content, "{data}");
        }
        let odd = look(br#"{"choices":[{"delta":{"content":"a"},"logprobs":NaN}]}"#);
        assert!(odd.content && odd.ours && !odd.failed);
        let of_writer = look(br#"{"value":"Sure"}"#);
        assert!(of_writer.content && !of_writer.ours && !of_writer.failed);
    }
}
