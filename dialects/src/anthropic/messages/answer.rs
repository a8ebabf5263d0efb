//! Whole answers.

use serde_json::value::RawValue;

use super::block::part;
use super::words;
use crate::Wire;
use crate::conversation::media::data_url;
use crate::conversation::{Answer, Citation, Finish, Kind, Maybe, Opaque, Part, Source};
use crate::json::Filled;
use crate::json::list::{Raws, try_map};
use crate::json::object::object;
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::translate::{Context, Malformed};

object! {
    struct Body<'a> {
        kind: Maybe<'a> = "type",
        role: Maybe<'a> = "role",
        id: Maybe<'a> = "id",
        model: Maybe<'a> = "model",
        content: Raws<'a> = "content",
        stop_reason: Maybe<'a> = "stop_reason",
        stop_sequence: Maybe<'a> = "stop_sequence",
        usage: &'a RawValue = "usage",
        error: Filled = "error",
        ..extra: bool,
    }
}

pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Body<'_> = crate::json::from_bytes(body).map_err(|_| Malformed::of(body))?;
    let told = read.stop_reason.is_some() || read.usage.is_some();
    let content = read.content.filter(|content| read.error.is_none() && (told || !content.0.is_empty()));
    let content = content.ok_or_else(|| Malformed::of(body))?;
    let mut lost = Losses::default();
    let parts = try_map(content.0, |json| part(json, &mut lost).map(without_caller).ok_or(Malformed::Foreign))?;
    let usage = read.usage;
    Ok(Answer {
        id: read.id.and_then(Maybe::filled),
        model: read.model.and_then(Maybe::filled),
        parts,
        finish: read.stop_reason.and_then(Maybe::filled).map(|reason| words::finish(&reason)),
        stop_sequence: read.stop_sequence.and_then(Maybe::filled),
        service_tier: usage.and_then(tier),
        usage: usage.and_then(|usage| crate::usage::read(usage.get())),
        extra: read.extra,
        ..Answer::new(Wire::Messages)
    })
}

/// That the model itself has called a tool is what every call means.
fn without_caller(mut part: Part<'_>) -> Part<'_> {
    part.extra.retain(|(key, value)| !(&**key == "caller" && value.get().contains("\"direct\"")));
    part
}

fn tier(usage: &RawValue) -> Option<crate::conversation::Str<'_>> {
    object! { struct Tier<'a> { tier: Maybe<'a> = "service_tier", } }
    serde_json::from_str::<Tier<'_>>(usage.get()).ok()?.tier?.filled()
}

pub fn write(answer: &Answer<'_>, context: &Context, losses: &mut Losses) -> Vec<u8> {
    let mut body = Vec::with_capacity(answer.room(Wire::Messages));
    let mut object = Object::open(&mut body);
    object.text("id", &words::answer_id(answer.id.as_ref(), &context.request_id));
    object.text("type", "message").text("role", "assistant").text("model", &context.model);
    let mut content = object.list("content");
    for (n, part) in answer.parts.iter().enumerate() {
        block(&mut content, part, n as u32, context, losses);
    }
    drop(content);
    object.text("stop_reason", words::finish_word(answer.finish.unwrap_or(Finish::Stop)));
    object.text_or_null("stop_sequence", answer.stop_sequence.as_deref());
    words::usage(&mut object.object("usage"), &answer.usage.unwrap_or_default());
    losses.note_if(answer.service_tier.is_some(), Field::ServiceTier);
    losses.note_if(answer.extra, Field::Unknown);
    drop(object);
    body
}

fn block(list: &mut List<'_>, part: &Part<'_>, n: u32, context: &Context, losses: &mut Losses) {
    match &part.kind {
        // Empty texts are refused when they come back.
        Kind::Text { text, .. } | Kind::Refusal(text) if text.is_empty() => {}
        Kind::Text { text, citations } => {
            let mut entry = list.object();
            entry.text("type", "text").text("text", text);
            if !citations.is_empty() {
                let mut cited = entry.list("citations");
                for citation in citations {
                    write_citation(&mut cited.object(), citation);
                }
            }
        }
        Kind::Refusal(text) => {
            list.object().text("type", "text").text("text", text);
        }
        Kind::Thinking { text } => match &part.opaque {
            Some(opaque) if opaque.redacted => redacted(&mut list.object(), opaque),
            opaque => {
                let signature = opaque.as_ref().map(|opaque| opaque.pack(Wire::Messages)).unwrap_or_default();
                list.object().text("type", "thinking").text("thinking", text).text("signature", &signature);
            }
        },
        Kind::Call(call) => {
            let made = call.id.is_empty().then(|| context.id("call_", n));
            let id = made.as_deref().unwrap_or(&call.id);
            let id = part.opaque.as_ref().map_or_else(|| id.to_owned(), |opaque| opaque.onto_id(id));
            list.object()
                .text("type", "tool_use")
                .text("id", &id)
                .text("name", &call.name)
                .raw("input", &words::input(call));
        }
        Kind::Image(media) => {
            losses.note(Field::AnswerMedia);
            // The types of answers know no image: a client that shows text shows where it is.
            if let Source::Url { url, .. } = &media.source {
                list.object().text("type", "text").text("text", url);
            } else if let Source::Base64 { media_type, data } = &media.source {
                let markdown = [&["![image]("], &data_url(media_type, data)[..], &[")"]].concat();
                list.object().text("type", "text").texts("text", markdown);
            }
        }
        Kind::Document(_) | Kind::Audio(_) | Kind::Video(_) => losses.note(Field::AnswerMedia),
        Kind::Result(_) | Kind::Native(_) => losses.note(Field::Native),
    }
    // A text's signature (Gemini's) has no place in a text block; a redacted thought is handed back as it is.
    if let (Kind::Text { .. }, Some(opaque)) = (&part.kind, &part.opaque) {
        redacted(&mut list.object(), opaque);
    }
}

/// What is only to be handed back.
pub fn redacted(entry: &mut Object<'_>, opaque: &Opaque<'_>) {
    entry.text("type", "redacted_thinking").text("data", &opaque.pack(Wire::Messages));
}

/// A citation in the form of a web search's, which has a place for a URL.
pub fn write_citation(entry: &mut Object<'_>, citation: &Citation<'_>) {
    entry.text("type", "web_search_result_location");
    entry.text("cited_text", citation.quote.as_deref().unwrap_or_default());
    entry.text("url", citation.url.as_deref().unwrap_or_default());
    entry.text_or_null("title", citation.title.as_deref()).text("encrypted_index", "");
}
