//! Counting the tokens of a request before anything is generated, for an upstream that cannot count them.
//!
//! What is asked is a conversation like any other: Anthropic's is a request for an answer, Gemini's may hold a whole one
//! (<https://ai.google.dev/api/tokens>). The count is a guess. Four bytes a token, by the rule of thumb of OpenAI's
//! documentation, for every text, name, schema and argument; a fixed price for what is no text: about what a picture of
//! a megapixel costs at Anthropic and OpenAI, and a page of a document at Anthropic.
//! Source: <https://docs.anthropic.com/en/docs/build-with-claude/vision#calculate-image-costs>.

use serde_json::value::RawValue;

use crate::bounds::{self, TooMany};
use crate::conversation::{Kind, Part, Request, Source, ToolKind};
use crate::json::object::object;
use crate::json::put::Object;
use crate::translate::{self, Bad, Hints};
use crate::{Dialect, Wire};

/// Tokens of a picture.
const PICTURE: u64 = 1_500;
/// Tokens of a document or a recording.
const DOCUMENT: u64 = 3_000;
/// Bytes of what surrounds a message or a part of one.
const FRAME: u64 = 12;

/// About how many tokens a request has.
pub fn estimate(request: &Request<'_>) -> u64 {
    let mut count = Count::default();
    request.system.iter().for_each(|part| count.part(part));
    for message in &request.messages {
        count.bytes += FRAME;
        message.parts.iter().for_each(|part| count.part(part));
    }
    for tool in &request.tools {
        count.bytes += FRAME + (tool.name.len() + tool.description.as_ref().map_or(0, |text| text.len())) as u64;
        count.bytes += match &tool.kind {
            ToolKind::Function { schema, .. } => schema.as_ref().map_or(0, |schema| schema.get().len() as u64),
            ToolKind::FreeForm { format } => format.as_ref().map_or(0, |format| format.get().len() as u64),
            ToolKind::Builtin { raw } => raw.get().len() as u64,
        };
    }
    count.tokens + count.bytes.div_ceil(4)
}

/// Reads what is to be counted, in a client's format.
pub fn read<'a>(wire: Wire, body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    translate::read(wire, counted(wire, body), hints)
}

/// What that holds at most beside the body.
///
/// # Errors
/// Where that is more than a body of its size may take.
pub fn held(wire: Wire, body: &[u8]) -> Result<usize, TooMany> {
    bounds::request(wire, counted(wire, body))
}

/// Of a body that asks for a count, what is to be counted.
fn counted(wire: Wire, body: &[u8]) -> &[u8] {
    if wire == Wire::Gemini { whole(body) } else { body }
}

/// The whole request that one of Gemini's holds in place of its contents.
fn whole(body: &[u8]) -> &[u8] {
    object! {
        struct Gemini<'a> {
            whole: &'a RawValue = "generateContentRequest" | "generate_content_request",
        }
    }
    // What is no JSON is told by who reads on.
    let read: Option<Gemini<'_>> = serde_json::from_slice(body).ok();
    read.and_then(|read| read.whole).map_or(body, |whole| whole.get().as_bytes())
}

/// The answer, in the client's dialect.
pub fn answer(dialect: Dialect, tokens: u64) -> Vec<u8> {
    let key = match dialect {
        Dialect::Gemini => "totalTokens",
        Dialect::Anthropic | Dialect::OpenAi => "input_tokens",
    };
    let mut out = Vec::new();
    Object::open(&mut out).whole(key, tokens);
    out
}

#[derive(Default)]
struct Count {
    bytes: u64,
    tokens: u64,
}

impl Count {
    fn part(&mut self, part: &Part<'_>) {
        match &part.kind {
            Kind::Text { text, .. } | Kind::Thinking { text } | Kind::Refusal(text) => self.bytes += text.len() as u64,
            Kind::Image(_) => self.tokens += PICTURE,
            Kind::Document(media) => match &media.source {
                Source::Text(text) => self.bytes += text.len() as u64,
                Source::Base64 { .. } | Source::Url { .. } | Source::File(_) => self.tokens += DOCUMENT,
            },
            Kind::Audio(_) | Kind::Video(_) => self.tokens += DOCUMENT,
            Kind::Call(call) => self.bytes += FRAME + (call.name.len() + call.arguments.len()) as u64,
            Kind::Result(result) => {
                self.bytes += FRAME;
                result.parts.iter().for_each(|part| self.part(part));
            }
            Kind::Native(native) => self.bytes += native.raw.get().len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_geminis_count_the_same() {
        let hints = Hints { model: Some("m"), stream: None };
        let bodies = [
            r#"{"contents":[{"role":"user","parts":[{"text":"how many tokens is that?"}]}]}"#,
            r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"how many tokens is that?"}]}]}}"#,
        ];
        for body in bodies {
            let request = read(Wire::Gemini, body.as_bytes(), &hints).unwrap();
            assert_eq!((&*request.model, estimate(&request)), ("m", 9));
        }
        for bad in ["{}", "[]", "{", r#"{"generateContentRequest":{}}"#] {
            assert!(read(Wire::Gemini, bad.as_bytes(), &hints).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_in_the_clients_words() {
        assert_eq!(answer(Dialect::Gemini, 7), br#"{"totalTokens":7}"#);
        assert_eq!(answer(Dialect::Anthropic, 7), br#"{"input_tokens":7}"#);
    }
}
