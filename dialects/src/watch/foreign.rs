//! What a whole document is: an answer of the endpoint that was asked, an error, or neither.
//!
//! An answer has a member of its endpoint's with a value of the right kind; without one (`{"status":"ok"}`,
//! `{"code":401,"msg":"...","data":null}`) no client can read it. Odd or missing members beside it are the client's to
//! judge. An error that is told beside an answer, or within its choice, is an error. A usage makes an answer only where
//! answers have no shape of their own (pictures, sound, ranks, and Gemini's of nothing but counts), and none of zeros.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::balance::Balance;
use super::needle::{CHOICES, ERROR};
use crate::json::object::object;
use crate::json::{Filled, Weight, keys};
use crate::{Endpoint, Usage};

pub const EMPTY: &str = "an empty body";
pub const PAGE: &str = "a web page";
pub const TEXT: &str = "bare text";
pub const JSON: &str = "JSON that is no object";
pub const EVENTS: &str = "a stream that nobody asked for";
pub const OTHER: &str = "a document of another kind";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Answer,
    Error,
    Foreign,
    /// It goes on.
    Open,
}

/// Judges what seems to be a whole document. `usage`: what it tells of it, and where.
pub fn judge(endpoint: Endpoint, document: &[u8], usage: Option<Usage>, at: Range<usize>) -> Verdict {
    // Nearly every answer: so it need not be read.
    if usage.is_some() && has_choice(endpoint, document) && ERROR.find(document).is_none() {
        return if is_closed(document, at) { Verdict::Answer } else { Verdict::Open };
    }
    let told = is_told_by_usage(endpoint) && usage.is_some_and(|usage| usage.input > 0 || usage.output > 0);
    let mut look = Look::new(endpoint);
    match look.read(document) {
        Ok(()) if look.error => Verdict::Error,
        Ok(()) if told || look.answer => Verdict::Answer,
        Ok(()) if look.refused => Verdict::Error,
        Ok(()) => Verdict::Foreign,
        Err(error) if error.is_eof() => Verdict::Open,
        // A transcript may begin with a brace.
        Err(error) if error.is_syntax() && is_transcript(endpoint) => Verdict::Answer,
        // `NaN` and the like within an answer are the client's to judge, once all of it has come.
        Err(error) if error.is_syntax() && look.begun && is_closed(document, 0..0) => Verdict::Answer,
        Err(error) if error.is_syntax() && look.begun => Verdict::Open,
        Err(_) => Verdict::Foreign,
    }
}

/// Whether a document begins as an answer: nothing of its members is told before one that answers have.
pub fn begins(endpoint: Endpoint, document: &[u8]) -> bool {
    let mut look = Look { beginning: true, ..Look::new(endpoint) };
    look.read(document).is_err() && look.begun && !look.error
}

/// What stands behind white space and a byte order mark.
pub fn bare(bytes: &[u8]) -> &[u8] {
    let skipped = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF);
    let begin = bytes.iter().position(|byte| !skipped(byte)).unwrap_or(bytes.len());
    bytes.get(begin..).unwrap_or_default()
}

/// Whether a chat answer's choice stands at the document's top; searched for, not read. Only one bracket is open before
/// it, and in a text the key's quotes would be escaped.
fn has_choice(endpoint: Endpoint, document: &[u8]) -> bool {
    let Some(at) = CHOICES.find(document).filter(|_| matches!(endpoint, Endpoint::Chat | Endpoint::Completions)) else {
        return false;
    };
    let (before, rest) = document.split_at_checked(at).unwrap_or_default();
    const fn after(rest: &[u8], byte: u8) -> Option<&[u8]> {
        match rest.trim_ascii_start().split_first() {
            Some((first, rest)) if *first == byte => Some(rest.trim_ascii_start()),
            _ => None,
        }
    }
    let value = rest.get(CHOICES.needle().len()..).unwrap_or_default();
    let choice = after(value, b':').and_then(|value| after(value, b'[')?.strip_prefix(b"{"));
    bare(before).first() == Some(&b'{')
        && memchr::memchr2_iter(b'{', b'[', before).count() == 1
        && choice.is_some_and(|choice| choice.trim_ascii_start().starts_with(b"\""))
}

/// Whether all brackets are closed. `usage`: where a usage stands.
fn is_closed(document: &[u8], usage: Range<usize>) -> bool {
    closes_behind(document, usage).is_some() || {
        let mut brackets = Balance::default();
        brackets.push(document);
        brackets.closed()
    }
}

/// Whether the brace that ends the document is its first one's, as far as the usage and what surrounds it tell: a usage is
/// at the top if the bracket before it ends a list of objects, as the choices are, since no choice has one of its own. Then
/// no more than plain members may come after it.
fn closes_behind(document: &[u8], usage: Range<usize>) -> Option<()> {
    let before = document.get(..usage.start)?;
    let (list, end) = before.split_at_checked(memchr::memrchr3(b'{', b'[', b']', before)?)?;
    (end.first() == Some(&b']') && list.trim_ascii_end().ends_with(b"}")).then_some(())?;
    let after = document.get(usage.end..)?.trim_ascii_end().strip_suffix(b"}")?;
    let has_brackets =
        || memchr::memchr3(b'{', b'}', b'\\', after).is_some() || memchr::memchr2(b'[', b']', after).is_some();
    let in_text = || memchr::memchr_iter(b'"', after).count() % 2 == 1;
    (after.is_empty() || !has_brackets() && !in_text()).then_some(())
}

/// Whether answers have so many shapes that one which tells its cost is taken for one; or, as Gemini's, may hold
/// nothing else.
const fn is_told_by_usage(endpoint: Endpoint) -> bool {
    use Endpoint as E;
    match endpoint {
        E::GenerateContent
        | E::Rerank
        | E::ImagesGenerations
        | E::ImagesEdits
        | E::ImagesVariations
        | E::AudioSpeech
        | E::AudioTranscriptions
        | E::AudioTranslations => true,
        E::Chat
        | E::Completions
        | E::Responses
        | E::Messages
        | E::CountTokens
        | E::GeminiCountTokens
        | E::Embeddings
        | E::EmbedContent
        | E::BatchEmbedContents
        | E::Moderations
        | E::Converse => false,
    }
}

const fn is_transcript(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::AudioTranscriptions | Endpoint::AudioTranslations)
}

keys! { Key {
    Error = "error",
    Object = "object",
    Status = "status",
    Base = "base_resp",
    Choices = "choices",
    Data = "data",
    Output = "output",
    Results = "results",
    Text = "text",
    OutputText = "output_text",
    Content = "content",
    Candidates = "candidates",
    Feedback = "promptFeedback",
    Vectors = "embedding" | "embeddings" | "vectors",
    Count = "input_tokens" | "totalTokens" | "total_tokens",
    // NVIDIA's and others' ranks, and pictures of servers that came before OpenAI's shape.
    Ranks = "rankings" | "scores" | "rerank_results",
    Pictures = "images" | "image" | "artifacts" | "url",
    Sound = "audio" | "audio_url" | "audioContent" | "audio_content" | "audio_file" | "audio_base64" | "audios" | "speech",
    Spoken = "combinedPhrases" | "segments" | "words" | "chunks" | "utterances" | "result" | "transcript" | "transcripts" | "transcription",
} }

/// The members of a document.
struct Look {
    endpoint: Endpoint,
    /// No more is asked than how it begins.
    beginning: bool,
    /// A member came that answers have.
    begun: bool,
    /// One had the right kind of value.
    answer: bool,
    error: bool,
    /// MiniMax's way to tell an error, which is one only where no answer stands beside it.
    refused: bool,
}

impl Look {
    const fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, beginning: false, begun: false, answer: false, error: false, refused: false }
    }

    fn read(&mut self, document: &[u8]) -> serde_json::Result<()> {
        let document = bare(document);
        let mut json = serde_json::Deserializer::from_slice(document);
        if document.first() == Some(&b'[') { json.deserialize_seq(self) } else { json.deserialize_map(self) }
    }

    /// Whether answers have such a member.
    const fn is_member(&self, key: Key) -> bool {
        use Endpoint as E;
        match self.endpoint {
            E::Chat | E::Completions => matches!(key, Key::Choices),
            E::Responses => matches!(key, Key::Output | Key::OutputText),
            E::Messages => matches!(key, Key::Content),
            E::GenerateContent => matches!(key, Key::Candidates | Key::Feedback),
            E::CountTokens | E::GeminiCountTokens => matches!(key, Key::Count),
            E::Embeddings | E::EmbedContent | E::BatchEmbedContents => {
                matches!(key, Key::Data | Key::Vectors | Key::Results | Key::Output)
            }
            E::Moderations => matches!(key, Key::Results),
            E::Rerank => matches!(key, Key::Results | Key::Data | Key::Output | Key::Ranks),
            E::ImagesGenerations | E::ImagesEdits | E::ImagesVariations => {
                matches!(key, Key::Data | Key::Output | Key::Results | Key::Pictures | Key::Choices | Key::Candidates)
            }
            E::AudioSpeech => {
                matches!(key, Key::Data | Key::Output | Key::Content | Key::Sound | Key::Pictures | Key::Choices)
            }
            E::AudioTranscriptions | E::AudioTranslations => {
                matches!(key, Key::Text | Key::Data | Key::Output | Key::Results | Key::OutputText | Key::Spoken)
            }
            E::Converse => matches!(key, Key::Output),
        }
    }

    /// Whether its value is of the right kind.
    fn is_value(&self, key: Key, value: &RawValue) -> bool {
        let first = value.get().as_bytes().first();
        let (is_list, is_object) = (first == Some(&b'['), first == Some(&b'{'));
        match key {
            // Of these there must be one: a client takes the first.
            Key::Choices | Key::Candidates => entries(value).any(is_filled),
            Key::Count => value.get().trim_matches('"').starts_with(|c: char| c.is_ascii_digit()),
            Key::Feedback => is_object,
            // Of silence it is empty.
            Key::Text | Key::OutputText => first == Some(&b'"'),
            Key::Output if self.endpoint == Endpoint::Responses => is_list,
            Key::Content if self.endpoint == Endpoint::Messages => is_list,
            Key::Results if self.endpoint == Endpoint::Moderations => is_list,
            Key::Data | Key::Vectors | Key::Ranks | Key::Results | Key::Spoken => {
                is_list || is_filled(value) && !is_number(value)
            }
            _ => is_filled(value) && !is_number(value),
        }
    }

    fn is_error(&self, key: Key, value: &RawValue) -> bool {
        match key {
            Key::Error => is_error(value),
            // Mistral's.
            Key::Object => value.get() == r#""error""#,
            Key::Status => self.endpoint == Endpoint::Responses && value.get() == r#""failed""#,
            // One of several that broke costs the others nothing.
            Key::Choices => entries(value).next().is_some() && entries(value).all(is_broken),
            _ => false,
        }
    }
}

impl<'de> Visitor<'de> for &mut Look {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            let is_member = self.is_member(key);
            self.begun |= is_member;
            if self.begun && self.beginning {
                return Err(A::Error::custom("nothing more is asked"));
            }
            if is_member || matches!(key, Key::Error | Key::Object | Key::Status | Key::Base) {
                let value = map.next_value::<&RawValue>()?;
                self.refused |= key == Key::Base && is_refusal(value);
                self.answer |= is_member && self.is_value(key, value);
                self.error |= self.is_error(key, value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
    /// Text Embeddings Inference ranks so, and some wrap their errors.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let is_answer = self.endpoint == Endpoint::Rerank || is_transcript(self.endpoint);
        while let Some(entry) = seq.next_element::<&RawValue>()? {
            self.error |= is_broken(entry);
            self.begun |= is_answer && entry.get().starts_with('{') && is_filled(entry);
            if self.begun && self.beginning {
                return Err(A::Error::custom("nothing more is asked"));
            }
        }
        self.answer = self.begun;
        Ok(())
    }
}

/// The objects of a list.
fn entries(list: &RawValue) -> impl Iterator<Item = &RawValue> {
    let list: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
    list.into_iter().filter(|entry| entry.get().starts_with('{'))
}

/// Neither null, zero, false, nor empty.
fn is_filled(value: &RawValue) -> bool {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') => {
            text.get(1..text.len().saturating_sub(1)).is_some_and(|inside| !inside.trim_ascii().is_empty())
        }
        Some(b'"') => text.len() > 2,
        Some(b't') => true,
        Some(b'n' | b'f') | None => false,
        Some(_) => text.bytes().any(|byte| matches!(byte, b'1'..=b'9')),
    }
}

fn is_number(value: &RawValue) -> bool {
    matches!(value.get().as_bytes().first(), Some(b'-' | b'0'..=b'9' | b't'))
}

/// An `error` that says something: not that there is none.
fn is_error(value: &RawValue) -> bool {
    serde_json::from_str::<Filled>(value.get()).map_or_else(|_| is_filled(value), |filled| filled.0)
}

/// A `base_resp` with another status than that of success.
pub fn is_refusal(value: &RawValue) -> bool {
    object! { struct Base<'a> { status: Filled = "status_code", } }
    serde_json::from_str::<Base<'_>>(value.get()).is_ok_and(|base| base.status.is_some_and(|status| status.0))
}

/// Whether a choice, or what stands for a whole answer, tells that it failed.
fn is_broken(entry: &RawValue) -> bool {
    object! {
        struct Entry<'a> {
            error: &'a RawValue = "error",
            finish: &'a RawValue = "finish_reason",
            message: Message<'a> = "message",
            text: Weight = "text",
        }
    }
    object! { struct Message<'a> { content: Weight = "content", calls: Weight = "tool_calls", } }
    let read: Entry<'_> = serde_json::from_str(entry.get()).unwrap_or_default();
    // Mistral's finish reasons have `error` among them, also behind what was said.
    let message = read.message.unwrap_or_default();
    let said = [message.content, message.calls, read.text].into_iter().flatten().any(|weight| weight.0);
    read.error.is_some_and(is_error) || !said && read.finish.is_some_and(|finish| finish.get() == r#""error""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_member_of_its_endpoint() {
        use Verdict::{Answer, Error, Foreign, Open};
        for (endpoint, document, verdict) in [
            (Endpoint::Chat, r#"{"status":"ok"}"#, Foreign),
            (Endpoint::Chat, "{}", Foreign),
            (Endpoint::Chat, r#"{"detail":"Not Found"}"#, Foreign),
            (Endpoint::Chat, r#"{"code":401,"msg":"invalid token","data":null}"#, Foreign),
            (Endpoint::Chat, r#"{"success":false,"message":"no","data":[1]}"#, Foreign),
            (Endpoint::Chat, r#"{"object":"list","data":[]}"#, Foreign),
            (Endpoint::Chat, r#"{"text":null,"url":"/v1","content":null}"#, Foreign),
            (Endpoint::Chat, r#"{"id":"x","choices":null}"#, Foreign),
            (Endpoint::Chat, r#"{"id":"x","choices":[]}"#, Foreign),
            (Endpoint::Chat, r#"{"choices":[null]}"#, Foreign),
            (Endpoint::Chat, r#"{"choices":[{ }]}"#, Foreign),
            (Endpoint::Chat, r#"{"choices":"none"}"#, Foreign),
            (Endpoint::Chat, r#"{"choices":[{"x":1}]}"#, Answer),
            (Endpoint::Chat, r#"{"code":0,"msg":"success","error":null,"choices":[{"message":{}}]}"#, Answer),
            (Endpoint::Chat, r#"{"choices":[{"message":{"content":null}}],"extra":1}"#, Answer),
            (Endpoint::Chat, r#"{"choices":[{"logprobs":NaN}]}"#, Answer),
            (Endpoint::Chat, r#"{"choices":[{"a":1}],"error":{"code":0,"message":""}}"#, Answer),
            (Endpoint::Chat, r#"{"choices":[{"a":1}],"error":{"code":500}}"#, Error),
            (Endpoint::Chat, r#"{"choices":[{"error":{"code":502,"message":"m"},"message":{}}]}"#, Error),
            (Endpoint::Chat, r#"{"choices":[{"message":{},"finish_reason":"error"}]}"#, Error),
            (Endpoint::Chat, r#"{"object":"error","message":"m"}"#, Error),
            (Endpoint::Chat, r#"{"error":"m"}"#, Error),
            (Endpoint::Chat, "\u{feff}{\"error\":\"m\"}", Error),
            (Endpoint::Chat, r#"{"status":"#, Open),
            (Endpoint::Chat, r#"{"choices":[{}"#, Open),
            (Endpoint::Chat, "{error: overloaded}", Foreign),
            (Endpoint::Chat, "{'error': 'overloaded'}", Foreign),
            (Endpoint::Chat, "{{ template }}", Foreign),
            (Endpoint::Responses, r#"{"id":"r","status":"queued","output":[]}"#, Answer),
            (Endpoint::Responses, r#"{"id":"r","error":null,"status":"failed","output":[]}"#, Error),
            (Endpoint::Responses, r#"{"output":null}"#, Foreign),
            (Endpoint::Messages, r#"{"content":[]}"#, Answer),
            (Endpoint::Messages, r#"{"content":null}"#, Foreign),
            (Endpoint::Messages, r#"{"message":"hello"}"#, Foreign),
            (Endpoint::GenerateContent, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, Answer),
            (Endpoint::GenerateContent, r#"{"candidates":[],"promptFeedback":{}}"#, Answer),
            (Endpoint::GenerateContent, r#"{"candidates":[{"finishReason":"STOP"}]}"#, Answer),
            (Endpoint::GenerateContent, r#"{"candidates":[]}"#, Foreign),
            (Endpoint::CountTokens, r#"{"input_tokens":0}"#, Answer),
            (Endpoint::CountTokens, r#"{"input_tokens":null}"#, Foreign),
            (Endpoint::Embeddings, r#"{"data":[]}"#, Answer),
            (Endpoint::Embeddings, r#"{"embeddings":{"float":[[1]]}}"#, Answer),
            (Endpoint::Embeddings, r#"{"code":500,"msg":"busy","data":{}}"#, Foreign),
            (Endpoint::Rerank, r#"{"results":[]}"#, Answer),
            (Endpoint::Rerank, r#"[{"index":0,"score":1}]"#, Answer),
            (Endpoint::Rerank, "[]", Foreign),
            (Endpoint::Rerank, "[null]", Foreign),
            (Endpoint::Rerank, r#"["Unauthorized"]"#, Foreign),
            (Endpoint::Rerank, r#"[{"error":"m"}]"#, Error),
            (Endpoint::ImagesGenerations, r#"{"data":[{"url":"x"}]}"#, Answer),
            (Endpoint::ImagesGenerations, r#"{"image":"aGk="}"#, Answer),
            (Endpoint::AudioTranscriptions, r#"{"text":""}"#, Answer),
            (Endpoint::AudioTranscriptions, r#"{"transcription":[{"text":"hi"}]}"#, Answer),
            (Endpoint::AudioTranscriptions, "{laughs} hello }", Answer),
            (Endpoint::AudioTranscriptions, r#"{"detail":"Not Found"}"#, Foreign),
            (Endpoint::AudioTranscriptions, r#"{"code":401,"data":null}"#, Foreign),
            (Endpoint::AudioSpeech, r#"{"audio":"aGk="}"#, Answer),
            (Endpoint::AudioSpeech, r#"{"detail":"Not Found"}"#, Foreign),
            (Endpoint::Moderations, r#"{"anything":1}"#, Foreign),
        ] {
            assert_eq!(judge(endpoint, document.as_bytes(), None, 0..0), verdict, "{endpoint:?} {document}");
        }
    }

    #[test]
    fn a_usage_alone_is_no_answer() {
        use Verdict::{Answer, Error, Foreign};
        let usage = |input| Some(Usage { input, ..Usage::default() });
        for (endpoint, document, verdict) in [
            (Endpoint::Chat, r#"{"choices":[],"usage":{"prompt_tokens":1}}"#, Foreign),
            (Endpoint::Chat, r#"{"object":"list","data":[{"embedding":[1]}],"usage":{"prompt_tokens":1}}"#, Foreign),
            (Endpoint::Chat, r#"{"type":"message","content":[{"text":"a"}],"usage":{"input_tokens":1}}"#, Foreign),
            (Endpoint::Chat, r#"{"object":"response","output":[{}],"usage":{"input_tokens":1}}"#, Foreign),
            (Endpoint::Chat, r#"{"usage":{"prompt_tokens":1},"data":{"choices":[{"message":{}}]}}"#, Foreign),
            (Endpoint::Chat, r#"[{"choices":[{"message":{}}],"usage":{"prompt_tokens":1}}]"#, Foreign),
            (Endpoint::Chat, r#"{"id":"a","choices":[{"message":{}}],"usage":{"prompt_tokens":1}}"#, Answer),
            (Endpoint::Chat, r#"{"a":{"b":1}, "choices" : [ { "message":{}}],"usage":{"prompt_tokens":1}}"#, Answer),
            (Endpoint::Chat, r#"{"choices":[{"x":NaN}],"usage":{"prompt_tokens":1}}"#, Answer),
            (Endpoint::Chat, r#"{"choices":null,"base_resp":{"status_code":1004},"usage":{"total_tokens":1}}"#, Error),
            (Endpoint::Chat, r#"{"base_resp":{"status_code":0},"usage":{"total_tokens":1}}"#, Foreign),
            (Endpoint::Chat, r#"{"choices":[{"a":1}],"base_resp":{"status_code":1027}}"#, Answer),
            (Endpoint::Messages, r#"{"object":"chat.completion","choices":[{"message":{}}]}"#, Foreign),
            (Endpoint::Messages, r#"{"object":"response","output":[],"usage":{"input_tokens":1}}"#, Foreign),
            (Endpoint::Messages, r#"{"type":"message","content":[],"usage":{"input_tokens":1}}"#, Answer),
            (Endpoint::Responses, r#"{"choices":[{"message":{}}],"usage":{"prompt_tokens":1}}"#, Foreign),
            (Endpoint::Responses, r#"{"type":"message","content":[{"text":"a"}]}"#, Foreign),
            (Endpoint::Embeddings, r#"{"model":"m","usage":{"prompt_tokens":1}}"#, Foreign),
            (Endpoint::GenerateContent, r#"{"usageMetadata":{"promptTokenCount":1}}"#, Answer),
            (Endpoint::ImagesGenerations, r#"{"predictions":[1],"usage":{"input_tokens":1}}"#, Answer),
        ] {
            assert_eq!(judge(endpoint, document.as_bytes(), usage(1), 0..0), verdict, "{endpoint:?} {document}");
        }
        for endpoint in [Endpoint::GenerateContent, Endpoint::ImagesGenerations, Endpoint::Rerank] {
            assert_eq!(judge(endpoint, br#"{"usageMetadata":{"totalTokenCount":0}}"#, usage(0), 0..0), Foreign);
        }
    }

    #[test]
    fn an_answer_is_known_by_how_it_begins() {
        for (endpoint, document, is_one) in [
            (Endpoint::Chat, r#"{"id":"x","choices":[{"mess"#, true),
            (Endpoint::Rerank, r#"[{"index":0},{"#, true),
            (Endpoint::Chat, r#"{"id":"xxx"#, false),
            (Endpoint::Chat, r#"{"error":{"message":"m"},"choices":"#, false),
            (Endpoint::Chat, r#"{"data":[]}"#, false),
        ] {
            assert_eq!(begins(endpoint, document.as_bytes()), is_one, "{document}");
        }
    }
}
