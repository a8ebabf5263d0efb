//! Writes content blocks.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::formats::Medium;
use super::super::model::Family;
use crate::Wire;
use crate::anthropic::messages::words as anthropic;
use crate::conversation::pairing::Pairing;
use crate::conversation::{Cache, Kind, Media, Part, Source, ToolResult};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};

/// What is written along a conversation.
#[derive(Debug)]
pub struct Blocks<'l> {
    pub own: bool,
    pub family: Family,
    pub losses: &'l mut Losses,
    pub pairing: Pairing,
    /// Documents must have names, and no two the same.
    pub documents: u32,
}

/// The longest id that is taken.
const MAX_ID: usize = 64;

pub fn cache_point(list: &mut List<'_>, cache: &Cache<'_>, own: bool, family: Family, losses: &mut Losses) {
    if !own && !family.caches() {
        losses.note(Field::CacheMarkers);
        return;
    }
    let mut entry = list.object();
    entry.object("cachePoint").text("type", "default").text_if("ttl", cache.ttl.as_deref());
}

impl Blocks<'_> {
    /// Whether anything of the part comes here.
    pub fn says(&self, part: &Part<'_>) -> bool {
        match &part.kind {
            // A blank text is refused.
            Kind::Text { text, .. } | Kind::Refusal(text) => self.own || !text.trim().is_empty(),
            Kind::Thinking { .. } => part.opaque.as_ref().map_or(self.own, |opaque| opaque.is_for(Wire::Converse)),
            Kind::Image(media) | Kind::Document(media) | Kind::Video(media) | Kind::Audio(media) => {
                match &media.source {
                    Source::Base64 { .. } | Source::Text(_) => true,
                    Source::Url { .. } => false,
                    Source::File(id) => id.starts_with("s3://"),
                }
            }
            Kind::Call(_) | Kind::Result(_) => true,
            Kind::Native(_) => self.own,
        }
    }

    /// Notes what does not come of a part.
    fn note(&mut self, part: &Part<'_>) {
        let foreign = part.opaque.as_ref().is_some_and(|opaque| !opaque.is_for(Wire::Converse));
        self.losses.note_if(foreign, Field::ForeignState);
        self.losses.note_if(!self.own && !part.extra.is_empty(), Field::Unknown);
        if self.says(part) {
            return;
        }
        match &part.kind {
            Kind::Text { .. } | Kind::Refusal(_) | Kind::Call(_) | Kind::Result(_) => {}
            Kind::Thinking { .. } => self.losses.note(Field::ForeignState),
            Kind::Native(_) => self.losses.note(Field::Native),
            Kind::Image(media) => self.losses.note(elsewhere(media, Field::ImageUrls)),
            Kind::Document(media) => self.losses.note(elsewhere(media, Field::DocumentUrls)),
            Kind::Video(media) => self.losses.note(elsewhere(media, Field::Video)),
            Kind::Audio(media) => self.losses.note(elsewhere(media, Field::Audio)),
        }
    }

    pub fn content(&mut self, list: &mut List<'_>, parts: &[&Part<'_>]) {
        let speaks = parts.iter().any(|part| matches!(part.kind, Kind::Text { .. }) && self.says(part));
        for part in parts {
            self.note(part);
            if self.says(part) {
                self.block(list, part);
                // A document must not stand alone.
                if let (Kind::Document(_), false, false) = (&part.kind, speaks, self.own) {
                    list.object().text("text", "See the document.");
                }
            }
            if let Some(cache) = &part.cache {
                cache_point(list, cache, self.own, self.family, self.losses);
            }
        }
    }

    fn block(&mut self, list: &mut List<'_>, part: &Part<'_>) {
        let mut entry = match &part.kind {
            Kind::Text { text, citations } => {
                let mut entry = list.object();
                if citations.is_empty() || !self.own {
                    self.losses.note_if(!citations.is_empty(), Field::Citations);
                    entry.text("text", text);
                } else {
                    let mut cited = entry.object("citationsContent");
                    cited.list("content").object().text("text", text);
                    let mut raws = cited.list("citations");
                    for raw in citations.iter().filter_map(|citation| citation.raw) {
                        raws.raw(raw.get());
                    }
                }
                entry
            }
            Kind::Refusal(text) => {
                let mut entry = list.object();
                entry.text("text", text);
                entry
            }
            Kind::Thinking { text } => {
                let mut entry = list.object();
                let mut reasoning = entry.object("reasoningContent");
                match &part.opaque {
                    Some(opaque) if opaque.redacted => {
                        reasoning.text("redactedContent", &opaque.data);
                    }
                    opaque => {
                        let mut thought = reasoning.object("reasoningText");
                        thought.text("text", text).text_if("signature", opaque.as_ref().map(|opaque| &*opaque.data));
                    }
                }
                drop(reasoning);
                entry
            }
            Kind::Call(call) => {
                let id = self.pairing.call(call);
                let mut entry = list.object();
                let mut tool = entry.object("toolUse");
                tool.text("toolUseId", &fitting(&id)).text("name", &call.name);
                tool.raw("input", &anthropic::input(call));
                drop(tool);
                entry
            }
            Kind::Result(result) => self.result(list, result),
            Kind::Image(media) => self.media(list, Medium::Image, media),
            Kind::Document(media) => self.media(list, Medium::Document, media),
            Kind::Video(media) => self.media(list, Medium::Video, media),
            Kind::Audio(media) => self.media(list, Medium::Audio, media),
            Kind::Native(native) => {
                list.raw(native.raw.get());
                return;
            }
        };
        if self.own {
            part.extra.iter().for_each(|(key, value)| {
                entry.raw(key, value.get());
            });
        }
    }

    fn result<'o>(&mut self, list: &'o mut List<'_>, result: &ToolResult<'_>) -> Object<'o> {
        let id = self.pairing.result(result).into_owned();
        let mut entry = list.object();
        let mut tool = entry.object("toolResult");
        tool.text("toolUseId", &fitting(&id));
        let mut content = tool.list("content");
        for part in &result.parts {
            self.note(part);
            if self.says(part) {
                self.block(&mut content, part);
            }
        }
        drop(content);
        // Success is the default, and only some models take the word.
        if result.is_error {
            tool.text("status", "error");
        }
        drop(tool);
        entry
    }

    fn media<'o>(&mut self, list: &'o mut List<'_>, medium: Medium, media: &Media<'_>) -> Object<'o> {
        let mut entry = list.object();
        let mut held = entry.object(medium.key());
        self.losses.note_if(media.detail.as_deref().is_some_and(|detail| detail != "auto"), Field::ImageDetail);
        let media_type = match &media.source {
            Source::Base64 { media_type, .. } => &**media_type,
            Source::Text(_) => "text/plain",
            Source::Url { url, .. } => ending(url),
            Source::File(uri) => ending(uri),
        };
        held.text("format", medium.format(media_type));
        if medium == Medium::Document {
            self.documents += 1;
            let name = media.name.as_deref().map(plain).unwrap_or_default();
            let differs = media.name.as_deref().is_some_and(|given| given != name);
            self.losses.note_if(differs && !self.own, Field::DocumentName);
            match (&media.name, self.own) {
                (Some(name), true) => held.text("name", name),
                _ if name.is_empty() => held.text("name", &format!("Document {}", self.documents)),
                _ => held.text("name", &name),
            };
            held.text_if("context", media.context.as_deref());
            if let Some(cite) = media.cite.filter(|_| self.own || self.family == Family::Claude) {
                held.object("citations").flag("enabled", cite);
            }
        }
        let mut source = held.object("source");
        match &media.source {
            Source::Base64 { data, .. } => {
                source.text("bytes", data);
            }
            Source::Text(text) if self.own || media.cite == Some(true) => {
                source.text("text", text);
            }
            Source::Text(text) => {
                source.text("bytes", &STANDARD.encode(text.as_bytes()));
            }
            Source::Url { url, .. } => {
                source.object("s3Location").text("uri", url);
            }
            Source::File(uri) => {
                source.object("s3Location").text("uri", uri);
            }
        }
        drop(source);
        drop(held);
        entry
    }
}

fn elsewhere(media: &Media<'_>, by_url: Field) -> Field {
    match media.source {
        Source::Base64 { .. } | Source::Text(_) | Source::Url { .. } => by_url,
        Source::File(_) => Field::FileIds,
    }
}

/// The end of a file's name, as a media type that [`Medium::format`] takes apart again.
fn ending(uri: &str) -> &str {
    let end = uri.rsplit('/').next().unwrap_or_default().rsplit_once('.').map_or("", |(_, end)| end);
    match end {
        "jpg" => "jpeg",
        "pdf" => "application/pdf",
        "csv" => "text/csv",
        "html" => "text/html",
        "md" => "text/markdown",
        end => end,
    }
}

/// A name of what is allowed in one: letters, digits, single blanks, hyphens, brackets.
fn plain(name: &str) -> String {
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '(' | ')' | '[' | ']');
    let spaced: String = name.chars().map(|char| if allowed(char) { char } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// An id as this API takes it. A longer one keeps its end, which is what tells ids apart.
fn fitting(id: &str) -> Cow<'_, str> {
    let id = anthropic::id(id);
    match id.len().checked_sub(MAX_ID) {
        None | Some(0) => id,
        // All ASCII by now.
        Some(over) => Cow::Owned(id.get(over..).unwrap_or_default().to_owned()),
    }
}
