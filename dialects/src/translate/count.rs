//! A guess at the tokens of a request, for an upstream that cannot count them.
//!
//! Four bytes a token, by the rule of thumb of OpenAI's documentation, for every text, name, schema and argument; a
//! fixed price for what is no text: about what a picture of a megapixel costs at Anthropic and OpenAI, and a page of a
//! document at Anthropic. Source: <https://docs.anthropic.com/en/docs/build-with-claude/vision#calculate-image-costs>.

use serde_json::json;

use crate::Dialect;
use crate::conversation::{Kind, Media, Part, Request, Source, ToolKind};

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

/// The answer to a count, in the client's dialect.
pub fn counted(dialect: Dialect, tokens: u64) -> Vec<u8> {
    let body = match dialect {
        Dialect::Gemini => json!({"totalTokens": tokens}),
        Dialect::Anthropic | Dialect::OpenAi => json!({"input_tokens": tokens}),
    };
    body.to_string().into_bytes()
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
            Kind::Document(Media { source: Source::Text(text), .. }) => self.bytes += text.len() as u64,
            Kind::Document(_) | Kind::Audio(_) | Kind::Video(_) => self.tokens += DOCUMENT,
            Kind::Call(call) => self.bytes += FRAME + (call.name.len() + call.arguments.len()) as u64,
            Kind::Result(result) => {
                self.bytes += FRAME;
                result.parts.iter().for_each(|part| self.part(part));
            }
            Kind::Native(native) => self.bytes += native.raw.get().len() as u64,
        }
    }
}
