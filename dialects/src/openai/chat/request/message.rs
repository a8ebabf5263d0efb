//! Messages as they are read: content as a string or as parts, calls beside it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::detail::{self, Detail};
use crate::conversation::media::{audio_type, from_url};
use crate::conversation::{
    Cache, Call, Citation, Extra, Kind, Media, Message, Native, Opaque, Part, Role, Source, Str, ToolResult,
};
use crate::json::list;
use crate::json::object::object;
use crate::loss::{Field, Losses};
use crate::translate::Bad;

object! {
    pub struct Raw<'a> {
        role: Str<'a> = "role",
        content: Content<'a> = "content",
        name: Str<'a> = "name",
        tool_calls: Vec<RawCall<'a>> = "tool_calls",
        tool_call_id: Str<'a> = "tool_call_id",
        function_call: Function<'a> = "function_call",
        refusal: Str<'a> = "refusal",
        reasoning: Str<'a> = "reasoning_content" | "reasoning",
        reasoning_details: Vec<Detail<'a>> = "reasoning_details",
        annotations: Vec<Annotation<'a>> = "annotations",
        ..extra: Extra<'a>,
    }
}

object! {
    pub struct RawCall<'a> {
        id: Str<'a> = "id",
        kind: Str<'a> = "type",
        function: Function<'a> = "function",
        custom: Custom<'a> = "custom",
        /// Of streams, echoed by some clients.
        index: &'a RawValue = "index",
        ..extra: Extra<'a>,
    }
}

object! {
    pub struct Function<'a> {
        name: Str<'a> = "name",
        arguments: &'a RawValue = "arguments",
        ..extra: bool,
    }
}

object! {
    pub struct Custom<'a> {
        name: Str<'a> = "name",
        input: Str<'a> = "input",
    }
}

object! {
    pub struct Annotation<'a> {
        kind: Str<'a> = "type",
        url: UrlCitation<'a> = "url_citation",
    }
}

object! {
    pub struct UrlCitation<'a> {
        url: Str<'a> = "url",
        title: Str<'a> = "title",
        content: Str<'a> = "content",
        start: u64 = "start_index",
        end: u64 = "end_index",
    }
}

impl<'a> Annotation<'a> {
    pub fn citation(self) -> Option<Citation<'a>> {
        let url = self.url?;
        Some(Citation { url: url.url, title: url.title, quote: url.content, start: url.start, end: url.end, raw: None })
    }
}

object! {
    struct RawPart<'a> {
        kind: Str<'a> = "type",
        text: Str<'a> = "text",
        refusal: Str<'a> = "refusal",
        image: Image<'a> = "image_url",
        audio: Audio<'a> = "input_audio",
        file: File<'a> = "file",
        video: Image<'a> = "video_url",
        cache: RawCache<'a> = "cache_control",
        ..extra: Extra<'a>,
    }
}

object! { struct Image<'a> { url: Str<'a> = "url", detail: Str<'a> = "detail", ..extra: bool, } }
object! { struct Audio<'a> { data: Str<'a> = "data", format: Str<'a> = "format", ..extra: bool, } }
object! { struct File<'a> { data: Str<'a> = "file_data", name: Str<'a> = "filename", id: Str<'a> = "file_id", ..extra: bool, } }

object! {
    /// Anthropic's cache marker, which OpenRouter and others take too.
    pub struct RawCache<'a> {
        kind: Str<'a> = "type",
        ttl: Str<'a> = "ttl",
    }
}

impl<'a> RawCache<'a> {
    pub fn cache(self) -> Cache<'a> {
        Cache { ttl: self.ttl }
    }
}

/// Content: a string, or a list of parts.
#[derive(Debug)]
pub enum Content<'a> {
    Text(Str<'a>),
    Parts(Vec<&'a RawValue>),
}

impl Content<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }
}

impl<'de> Deserialize<'de> for Content<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of parts")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Content<'de>, E> {
                Ok(Content::Text(v.into()))
            }
            fn visit_str<E>(self, v: &str) -> Result<Content<'de>, E> {
                Ok(Content::Text(v.to_owned().into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content<'de>, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    list::push(&mut parts, part);
                }
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// Most messages are content alone, which then needs no moving.
fn append<'a>(parts: &mut Vec<Part<'a>>, mut more: Vec<Part<'a>>) {
    if parts.is_empty() { *parts = more } else { parts.append(&mut more) }
}

const MESSAGES: Option<&str> = Some("messages");

/// The message that was meant.
pub fn message<'a>(raw: Raw<'a>, lost: &mut Losses) -> Result<Message<'a>, Bad> {
    let role = match raw.role.as_deref() {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        Some(_) => return Err(Bad::new("A message has a role that is unknown here.", MESSAGES)),
        None => return Err(Bad::new("A message has no role.", MESSAGES)),
    };
    let mut parts = Vec::new();
    thoughts(raw.reasoning, raw.reasoning_details, &mut parts);
    // Beside calls many clients send an empty text in place of none.
    let content = raw.content.filter(|content| role != Role::Assistant || !content.is_empty());
    let content = content.map(|content| content_parts(content, lost)).transpose()?.unwrap_or_default();
    if role == Role::Tool {
        let (id, _) = Opaque::off_id(raw.tool_call_id.unwrap_or_default());
        let name = raw.name.unwrap_or_default();
        let result = ToolResult { id, name, parts: content, is_error: false, free_form: false };
        parts.push(Kind::Result(Box::new(result)).into());
        return Ok(Message { extra: raw.extra, ..Message::new(role, parts) });
    }
    append(&mut parts, content);
    if let Some(refusal) = raw.refusal.filter(|text| !text.is_empty()) {
        parts.push(Kind::Refusal(refusal).into());
    }
    cite(&mut parts, raw.annotations);
    for call in raw.tool_calls.into_iter().flatten() {
        parts.push(call.part(lost));
    }
    parts.extend(raw.function_call.and_then(RawCall::old).map(|call| call.part(lost)));
    Ok(Message { name: raw.name, extra: raw.extra, ..Message::new(role, parts) })
}

/// Thoughts with all there is to them, or their bare text.
pub fn thoughts<'a>(text: Option<Str<'a>>, details: Option<Vec<Detail<'a>>>, parts: &mut Vec<Part<'a>>) {
    let details = details.unwrap_or_default();
    let told = details.iter().any(|detail| detail.text.is_some());
    if let Some(text) = text.filter(|text| !told && !text.is_empty()) {
        parts.push(Kind::Thinking { text }.into());
    }
    parts.extend(details.into_iter().map(Detail::part));
}

/// Citations belong to the last text.
pub fn cite<'a>(parts: &mut [Part<'a>], annotations: Option<Vec<Annotation<'a>>>) {
    let found = annotations.into_iter().flatten().filter_map(Annotation::citation);
    let text = parts.iter_mut().rev().find_map(|part| match &mut part.kind {
        Kind::Text { citations, .. } => Some(citations),
        Kind::Image(_)
        | Kind::Document(_)
        | Kind::Audio(_)
        | Kind::Video(_)
        | Kind::Call(_)
        | Kind::Result(_)
        | Kind::Thinking { .. }
        | Kind::Refusal(_)
        | Kind::Native(_) => None,
    });
    if let Some(citations) = text {
        citations.extend(found);
    }
}

impl<'a> RawCall<'a> {
    /// The call of the time before there were several. Snowflake sends an empty one along with every answer.
    pub fn old(function: Function<'a>) -> Option<Self> {
        let empty = function.name.as_ref().is_none_or(|name| name.is_empty())
            && function.arguments.is_none_or(|arguments| Str::json_text(arguments).is_empty());
        (!empty).then(|| Self { function: Some(function), ..Self::default() })
    }

    pub fn part(mut self, lost: &mut Losses) -> Part<'a> {
        let (id, mut opaque) = Opaque::off_id(self.id.unwrap_or_default());
        opaque = opaque.or_else(|| detail::google_signature(&mut self.extra).map(Opaque::into_owned));
        let call = match (self.function, self.custom) {
            (None, Some(custom)) => {
                let arguments = custom.input.unwrap_or_default();
                Call { id, name: custom.name.unwrap_or_default(), arguments, free_form: true }
            }
            (function, _) => {
                let function = function.unwrap_or_default();
                lost.note_if(function.extra, Field::Unknown);
                let arguments = function.arguments.map(Str::json_text).unwrap_or_default();
                Call { id, name: function.name.unwrap_or_default(), arguments, free_form: false }
            }
        };
        Part { opaque: opaque.map(Box::new), extra: self.extra, ..Kind::Call(Box::new(call)).into() }
    }
}

fn content_parts<'a>(content: Content<'a>, lost: &mut Losses) -> Result<Vec<Part<'a>>, Bad> {
    match content {
        Content::Text(text) => Ok(vec![Part::text(text)]),
        Content::Parts(parts) => list::try_map(parts, |raw| part(raw, lost)),
    }
}

fn part<'a>(json: &'a RawValue, lost: &mut Losses) -> Result<Part<'a>, Bad> {
    // Cohere and some clients put bare strings among the parts.
    if json.get().starts_with('"') {
        return Ok(Part::text(Str::json_text(json)));
    }
    let mut raw: RawPart<'a> = serde_json::from_str(json.get())
        .map_err(|_| Bad::new("A part of a message's content has members of the wrong type.", MESSAGES))?;
    let kind = match (raw.kind.take().as_deref(), raw) {
        (Some("text" | "input_text" | "output_text"), RawPart { text: Some(text), cache, extra, .. }) => {
            return Ok(with(Kind::Text { text, citations: Vec::new() }, cache, extra));
        }
        (Some("refusal"), RawPart { refusal: Some(text), cache, extra, .. }) => {
            return Ok(with(Kind::Refusal(text), cache, extra));
        }
        (Some("image_url"), RawPart { image: Some(image), cache, extra, .. }) => {
            lost.note_if(image.extra, Field::Unknown);
            let source = from_url(image.url.unwrap_or_default());
            let media = Box::new(Media { detail: image.detail, ..source.into() });
            return Ok(with(Kind::Image(media), cache, extra));
        }
        (Some("video_url"), RawPart { video: Some(video), cache, extra, .. }) => {
            let media = from_url(video.url.unwrap_or_default()).into();
            return Ok(with(Kind::Video(media), cache, extra));
        }
        (Some("input_audio"), RawPart { audio: Some(audio), cache, extra, .. }) => {
            lost.note_if(audio.extra, Field::Unknown);
            let media_type = audio_type(audio.format.as_deref().unwrap_or("wav")).into();
            let source = Source::Base64 { media_type, data: audio.data.unwrap_or_default() };
            return Ok(with(Kind::Audio(source.into()), cache, extra));
        }
        (Some("file"), RawPart { file: Some(file), cache, extra, .. }) => {
            lost.note_if(file.extra, Field::Unknown);
            let source = match (file.data, file.id) {
                (Some(data), _) => match from_url(data) {
                    // Some send the base64 alone; what a file is, OpenAI assumes to be PDF.
                    Source::Url { url, .. } if !url.starts_with("http") => {
                        Source::Base64 { media_type: "application/pdf".into(), data: url }
                    }
                    source => source,
                },
                (None, Some(id)) => Source::File(id),
                (None, None) => Source::Text(Str::default()),
            };
            let media = Box::new(Media { name: file.name, ..source.into() });
            return Ok(with(Kind::Document(media), cache, extra));
        }
        (_, _) => Kind::Native(Native { raw: std::borrow::Cow::Borrowed(json) }),
    };
    Ok(kind.into())
}

fn with<'a>(kind: Kind<'a>, cache: Option<RawCache<'a>>, extra: Extra<'a>) -> Part<'a> {
    Part { cache: cache.map(RawCache::cache), extra, ..kind.into() }
}
