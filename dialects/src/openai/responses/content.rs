//! The content of a message or of a tool's result: a string, or a list of parts.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::conversation::media::{audio_type, from_url};
use crate::conversation::{Cache, Citation, Extra, Kind, Maybe, Media, Native, Part, Source, Str};
use crate::json::list::{Raws, map};
use crate::json::object::object;
use crate::json::{Scalar, Weight};

object! {
    /// A part.
    pub struct RawPart<'a> {
        kind: Maybe<'a> = "type",
        text: Maybe<'a> = "text",
        refusal: Maybe<'a> = "refusal",
        annotations: &'a RawValue = "annotations",
        logprobs: &'a RawValue = "logprobs",
        image: &'a RawValue = "image_url",
        detail: Maybe<'a> = "detail",
        file_id: Maybe<'a> = "file_id",
        file_data: Maybe<'a> = "file_data",
        file_url: Maybe<'a> = "file_url",
        filename: Maybe<'a> = "filename",
        audio: Audio<'a> = "input_audio",
        cache: &'a RawValue = "prompt_cache_breakpoint",
        ..extra: Extra<'a>,
    }
}

object! { pub struct Audio<'a> { data: Maybe<'a> = "data", format: Maybe<'a> = "format", } }

object! {
    /// Where a text comes from.
    pub struct Annotation<'a> {
        kind: Maybe<'a> = "type",
        url: Maybe<'a> = "url",
        title: Maybe<'a> = "title",
        filename: Maybe<'a> = "filename",
        start: Scalar = "start_index",
        end: Scalar = "end_index",
    }
}

/// The parts of a content; None where it is none.
pub fn parts<'a>(json: &'a RawValue) -> Option<Vec<Part<'a>>> {
    if json.get().starts_with('"') {
        return Some(vec![Part::text(serde_json::from_str::<Str<'a>>(json.get()).ok()?)]);
    }
    Some(map(list(json)?, part))
}

/// A list of anything.
pub fn list(json: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str::<Raws<'_>>(json.get()).ok().map(|raws| raws.0)
}

/// A part, in its own words where it is none of those that all formats know.
pub fn part<'a>(json: &'a RawValue) -> Part<'a> {
    known(json).unwrap_or_else(|| Kind::Native(Native { raw: Cow::Borrowed(json) }).into())
}

fn known<'a>(json: &'a RawValue) -> Option<Part<'a>> {
    if json.get().starts_with('"') {
        return Some(Part::text(serde_json::from_str::<Str<'a>>(json.get()).ok()?));
    }
    let raw: RawPart<'a> = serde_json::from_str(json.get()).ok()?;
    let mut extra = raw.extra;
    if let Some(probabilities) = raw.logprobs.filter(|json| holds_something(json)) {
        extra.push(("logprobs".into(), probabilities));
    }
    let cache = raw.cache.and_then(|json| cache(json, &mut extra));
    let kind = match &*raw.kind?.0? {
        "input_text" | "output_text" | "text" => {
            let citations = raw.annotations.map(citations).unwrap_or_default();
            Kind::Text { text: raw.text?.0?, citations }
        }
        "refusal" => Kind::Refusal(raw.refusal?.0?),
        "input_image" => {
            let source = match (raw.image, raw.file_id.and_then(Maybe::filled)) {
                (Some(url), _) => from_url(image_url(url)?),
                (None, id) => Source::File(id?),
            };
            Kind::Image(Box::new(Media { detail: raw.detail.and_then(Maybe::filled), ..source.into() }))
        }
        "input_file" => {
            let data = raw.file_data.and_then(Maybe::filled);
            let url = raw.file_url.and_then(Maybe::filled);
            let source = match (data, url, raw.file_id.and_then(Maybe::filled)) {
                (Some(data), _, _) => match from_url(data) {
                    // Some send the base64 alone; what a file is, OpenAI assumes to be PDF.
                    Source::Url { url, .. } if !url.starts_with("http") => {
                        Source::Base64 { media_type: "application/pdf".into(), data: url }
                    }
                    source => source,
                },
                (None, Some(url), _) => from_url(url),
                (None, None, id) => Source::File(id?),
            };
            Kind::Document(Box::new(Media {
                name: raw.filename.and_then(Maybe::filled),
                detail: raw.detail.and_then(Maybe::filled),
                ..source.into()
            }))
        }
        "input_audio" => {
            let audio = raw.audio?;
            let media_type = audio_type(audio.format.and_then(Maybe::filled).as_deref().unwrap_or("wav")).into();
            Kind::Audio(Source::Base64 { media_type, data: audio.data?.0? }.into())
        }
        _ => return None,
    };
    Some(Part { cache, extra, ..kind.into() })
}

/// A string, or (as chat has it, and some clients here) an object that holds it.
fn image_url<'a>(json: &'a RawValue) -> Option<Str<'a>> {
    object! { struct Image<'a> { url: Str<'a> = "url", } }
    if json.get().starts_with('"') {
        return serde_json::from_str(json.get()).ok();
    }
    serde_json::from_str::<Image<'a>>(json.get()).ok()?.url
}

/// A marker that only says that it is one; any other is kept as it is.
fn cache<'a>(json: &'a RawValue, extra: &mut Extra<'a>) -> Option<Cache<'a>> {
    object! { struct Marker<'a> { mode: Maybe<'a> = "mode", ..extra: bool, } }
    let marker = serde_json::from_str::<Marker<'a>>(json.get()).unwrap_or_default();
    let plain = !marker.extra && marker.mode.and_then(Maybe::filled).as_deref() == Some("explicit");
    if plain {
        return Some(Cache::default());
    }
    extra.push(("prompt_cache_breakpoint".into(), json));
    None
}

/// `annotations` of a text.
pub fn citations<'a>(json: &'a RawValue) -> Vec<Citation<'a>> {
    list(json).unwrap_or_default().into_iter().map(citation).collect()
}

pub fn citation<'a>(json: &'a RawValue) -> Citation<'a> {
    let read: Annotation<'a> = serde_json::from_str(json.get()).unwrap_or_default();
    let title = read.title.and_then(Maybe::filled);
    Citation {
        url: read.url.and_then(Maybe::filled),
        title: title.or(read.filename.and_then(Maybe::filled)),
        quote: None,
        start: read.start.and_then(Scalar::number),
        end: read.end.and_then(Scalar::number),
        raw: Some(json),
    }
}

pub fn holds_something(json: &RawValue) -> bool {
    serde_json::from_str::<Weight>(json.get()).is_ok_and(|weight| weight.0)
}
