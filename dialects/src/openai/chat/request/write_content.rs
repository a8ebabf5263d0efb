//! Writes the content of one message: text, media, and what else has a place in it.

use super::write_message::Notes;
use crate::conversation::media::{audio_format, data_url};
use crate::conversation::{Cache, Kind, Media, Part, Source};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};

/// Content: a string where it is nothing but text, else a list of parts.
pub fn content(object: &mut Object<'_>, role: &str, parts: &[&Part<'_>], notes: &mut Notes<'_, '_>) {
    let text = |part: &&Part<'_>| match &part.kind {
        Kind::Text { .. } => true,
        Kind::Image(_)
        | Kind::Document(_)
        | Kind::Audio(_)
        | Kind::Video(_)
        | Kind::Call(_)
        | Kind::Result(_)
        | Kind::Thinking { .. }
        | Kind::Refusal(_)
        | Kind::Native(_) => false,
    };
    let marked = parts.iter().any(|part| part.cache.is_some() || !part.extra.is_empty());
    let all_text = parts.iter().all(text);
    let joined = notes.target.quirks.string_content
        || parts.len() < 2
        || !notes.own() && matches!(role, "system" | "developer" | "assistant" | "tool");
    if all_text && joined && !(marked && notes.own()) {
        notes.losses.note_if(marked && parts.iter().any(|part| part.cache.is_some()), Field::CacheMarkers);
        notes.losses.note_if(parts.iter().any(|part| !part.extra.is_empty()), Field::Unknown);
        // An assistant's text is cut where it quotes; everything else is cut where something new begins.
        let between = if role == "assistant" { "" } else { "\n\n" };
        for part in parts {
            if let Kind::Text { citations, .. } = &part.kind {
                notes.losses.note_if(!citations.is_empty(), Field::Citations);
                state(part, notes);
            }
        }
        let texts = parts.iter().filter_map(|part| part.kind.said());
        object.texts("content", texts.enumerate().flat_map(|(n, text)| [if n > 0 { between } else { "" }, text]));
        return;
    }
    let mut list = object.list("content");
    for part in parts {
        one(&mut list, part, notes);
    }
}

/// A text or a medium has no place for what a provider wants back.
fn state(part: &Part<'_>, notes: &mut Notes<'_, '_>) {
    notes.losses.note_if(part.opaque.is_some(), Field::ForeignState);
}

fn one(list: &mut List<'_>, part: &Part<'_>, notes: &mut Notes<'_, '_>) {
    state(part, notes);
    let own = notes.own();
    let mut entry = match &part.kind {
        Kind::Text { text, citations } => {
            notes.losses.note_if(!citations.is_empty(), Field::Citations);
            let mut entry = list.object();
            entry.text("type", "text").text("text", text);
            entry
        }
        Kind::Image(media) => {
            let Some(url) = url(media, own, notes.losses) else { return };
            let mut entry = list.object();
            entry
                .text("type", "image_url")
                .object("image_url")
                .texts("url", url)
                .text_if("detail", media.detail.as_deref());
            entry
        }
        Kind::Video(media) => {
            let Some(url) = url(media, own, notes.losses) else { return };
            let mut entry = list.object();
            entry.text("type", "video_url").object("video_url").texts("url", url);
            entry
        }
        Kind::Audio(media) => {
            let Source::Base64 { media_type, data } = &media.source else {
                notes.losses.note(Field::Audio);
                return;
            };
            let mut entry = list.object();
            let mut audio = entry.text("type", "input_audio").object("input_audio");
            audio.text("data", data).text("format", audio_format(media_type));
            drop(audio);
            entry
        }
        Kind::Document(media) => {
            let Some(entry) = document(list, media, notes) else { return };
            entry
        }
        Kind::Refusal(text) => {
            let mut entry = list.object();
            entry.text("type", "refusal").text("refusal", text);
            entry
        }
        Kind::Native(native) if own => {
            list.raw(native.raw.get());
            return;
        }
        Kind::Native(_) | Kind::Call(_) | Kind::Result(_) | Kind::Thinking { .. } => {
            notes.losses.note(Field::Native);
            return;
        }
    };
    if own {
        cache(&mut entry, part.cache.as_ref());
        part.extra.iter().for_each(|(key, value)| {
            entry.raw(key, value.get());
        });
    } else {
        notes.losses.note_if(part.cache.is_some(), Field::CacheMarkers);
        notes.losses.note_if(!part.extra.is_empty(), Field::Unknown);
    }
}

pub fn cache(object: &mut Object<'_>, cache: Option<&Cache<'_>>) {
    if let Some(cache) = cache {
        object.object("cache_control").text("type", "ephemeral").text_if("ttl", cache.ttl.as_deref());
    }
}

fn url<'m>(media: &'m Media<'_>, own: bool, losses: &mut Losses) -> Option<[&'m str; 4]> {
    match &media.source {
        Source::Base64 { media_type, data } => Some(data_url(media_type, data)),
        Source::Url { url, .. } => Some([url, "", "", ""]),
        // Here a file is a document and nothing else.
        Source::File(_) => {
            losses.note(Field::FileIds);
            None
        }
        // No image and no film is a text.
        Source::Text(_) => {
            losses.note_if(!own, Field::Native);
            None
        }
    }
}

fn document<'o>(list: &'o mut List<'_>, media: &Media<'_>, notes: &mut Notes<'_, '_>) -> Option<Object<'o>> {
    notes.losses.note_if(media.context.is_some(), Field::DocumentContext);
    notes.losses.note_if(media.cite == Some(true), Field::Citations);
    let own = notes.own();
    Some(match &media.source {
        Source::Base64 { media_type, data } => {
            let mut entry = list.object();
            let mut file = entry.text("type", "file").object("file");
            file.texts("file_data", data_url(media_type, data));
            // OpenAI asks for a name beside the data.
            match media.name.as_deref() {
                Some(name) => file.text("filename", name),
                None if !own => file.text("filename", "document"),
                None => &mut file,
            };
            drop(file);
            entry
        }
        Source::File(id) if own => {
            let mut entry = list.object();
            let mut file = entry.text("type", "file").object("file");
            file.text("file_id", id).text_if("filename", media.name.as_deref());
            drop(file);
            entry
        }
        Source::File(_) => {
            notes.losses.note(Field::FileIds);
            return None;
        }
        Source::Url { .. } => {
            notes.losses.note(Field::DocumentUrls);
            return None;
        }
        Source::Text(text) => {
            let mut entry = list.object();
            match media.name.as_deref() {
                Some(name) => entry.text("type", "text").text("text", &format!("{name}\n\n{}", &**text)),
                None => entry.text("type", "text").text("text", text),
            };
            entry
        }
    })
}
