//! Whole answers.

use serde_json::value::RawValue;

use super::block;
use super::words::{self, Counts};
use crate::Wire;
use crate::anthropic::messages::words as anthropic;
use crate::conversation::{Answer, Finish, Kind, Maybe, Part, Source, Str};
use crate::json::object::object;
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::translate::{Context, Malformed};

object! {
    struct Body<'a> {
        output: Output<'a> = "output",
        stop: Maybe<'a> = "stopReason",
        usage: Counts<'a> = "usage",
        /// How long it took.
        metrics: &'a RawValue = "metrics",
        tier: Tier<'a> = "serviceTier",
        ..extra: bool,
    }
}

object! { struct Output<'a> { message: Message<'a> = "message", } }
object! { struct Message<'a> { role: Maybe<'a> = "role", content: Vec<&'a RawValue> = "content", } }
object! { struct Tier<'a> { kind: Str<'a> = "type", } }

pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Body<'_> = crate::json::from_bytes(body).map_err(|_| Malformed::of(body))?;
    let message = read.output.and_then(|output| output.message);
    let told = read.stop.is_some() || read.usage.is_some();
    let message = message.filter(|message| told || message.content.is_some()).ok_or_else(|| Malformed::of(body))?;
    let parts = block::parts(message.content.into_iter().flatten()).map_err(|_| Malformed::Foreign)?;
    let calls = parts.iter().any(|part| matches!(part.kind, Kind::Call(_)));
    let stop = read.stop.and_then(Maybe::filled);
    Ok(Answer {
        parts,
        finish: Some(settle(stop.as_deref().map_or(Finish::Stop, words::finish), calls)),
        usage: read.usage.and_then(|counts| counts.usage()),
        service_tier: read.tier.and_then(|tier| tier.kind),
        extra: read.extra,
        ..Answer::new(Wire::Converse)
    })
}

/// Some models end with `end_turn` though there are calls to be answered.
pub fn settle(finish: Finish, calls: bool) -> Finish {
    match finish {
        Finish::Stop if calls => Finish::ToolCalls,
        other => other,
    }
}

/// Writes the answer as a server of this format would.
pub fn write(answer: &Answer<'_>, context: &Context, losses: &mut Losses) -> Vec<u8> {
    let mut body = Vec::with_capacity(answer.room(Wire::Converse));
    let mut object = Object::open(&mut body);
    let mut output = object.object("output");
    let mut message = output.object("message");
    message.text("role", "assistant");
    let mut list = message.list("content");
    for (n, part) in answer.parts.iter().enumerate() {
        write_part(&mut list, part, n, answer.wire == Wire::Converse, context, losses);
    }
    drop(list);
    drop(message);
    drop(output);
    object.text("stopReason", words::finish_word(answer.finish.unwrap_or(Finish::Stop)));
    words::usage(&mut object.object("usage"), &answer.usage.unwrap_or_default());
    object.object("metrics").whole("latencyMs", 0);
    losses.note_if(answer.wire != Wire::Converse && answer.extra, Field::Unknown);
    losses.note_if(answer.stop_sequence.is_some(), Field::StopSequence);
    losses.note_if(answer.service_tier.is_some(), Field::ServiceTier);
    drop(object);
    body
}

fn write_part(list: &mut List<'_>, part: &Part<'_>, n: usize, own: bool, context: &Context, losses: &mut Losses) {
    match &part.kind {
        Kind::Text { text, citations } => {
            losses.note_if(!citations.is_empty(), Field::Citations);
            list.object().text("text", text);
        }
        Kind::Refusal(text) => {
            list.object().text("text", text);
        }
        Kind::Thinking { text } => {
            let mut entry = list.object();
            let mut reasoning = entry.object("reasoningContent");
            let packed = part.opaque.as_ref().map(|opaque| opaque.pack(Wire::Converse));
            if part.opaque.as_ref().is_some_and(|opaque| opaque.redacted) {
                reasoning.text_if("redactedContent", packed.as_deref());
            } else {
                reasoning.object("reasoningText").text("text", text).text_if("signature", packed.as_deref());
            }
        }
        Kind::Call(call) => {
            let made = call.id.is_empty().then(|| context.id("tooluse_", n as u32));
            let id = made.as_deref().unwrap_or(&call.id);
            let id = part.opaque.as_ref().map_or_else(|| id.to_owned(), |opaque| opaque.onto_id(id));
            let mut entry = list.object();
            let mut tool = entry.object("toolUse");
            tool.text("toolUseId", &id).text("name", &call.name).raw("input", &anthropic::input(call));
        }
        Kind::Image(media) => {
            let Source::Base64 { media_type, data } = &media.source else {
                losses.note(Field::AnswerMedia);
                return;
            };
            let mut entry = list.object();
            let mut image = entry.object("image");
            image.text("format", super::formats::Medium::Image.format(media_type));
            image.object("source").text("bytes", data);
        }
        Kind::Document(_) | Kind::Audio(_) | Kind::Video(_) => losses.note(Field::AnswerMedia),
        Kind::Native(native) if own => {
            list.raw(native.raw.get());
        }
        Kind::Native(_) | Kind::Result(_) => losses.note(Field::Native),
    }
}
