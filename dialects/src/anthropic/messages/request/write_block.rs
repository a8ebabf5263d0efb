//! Writes content: a string where it is one text and nothing more, else blocks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::words;
use crate::Wire;
use crate::conversation::pairing::Pairing;
use crate::conversation::{Cache, Citation, Kind, Media, Part, Request, Source, ToolResult};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};

/// What is written along a conversation.
pub struct Notes<'n, 'r> {
    pub request: &'n Request<'r>,
    pub losses: &'n mut Losses,
    pub pairing: Pairing,
}

impl Notes<'_, '_> {
    fn own(&self) -> bool {
        self.request.wire == Wire::Messages
    }
}

pub fn cache(object: &mut Object<'_>, cache: Option<&Cache<'_>>) {
    if let Some(cache) = cache {
        object.object("cache_control").text("type", "ephemeral").text_if("ttl", cache.ttl.as_deref());
    }
}

/// Whether anything of the part comes here.
pub fn says(part: &Part<'_>, request: &Request<'_>) -> bool {
    let own = request.wire == Wire::Messages;
    match &part.kind {
        Kind::Text { text, .. } | Kind::Refusal(text) => own || !text.is_empty(),
        // What nobody has signed, this provider takes from nobody; a compatible server may have its own.
        Kind::Thinking { .. } => part.opaque.as_ref().map_or(own, |opaque| opaque.is_for(Wire::Messages)),
        Kind::Image(media) | Kind::Document(media) => own || !matches!(media.source, Source::File(_)),
        Kind::Call(_) | Kind::Result(_) => true,
        Kind::Audio(_) | Kind::Video(_) => false,
        Kind::Native(_) => own,
    }
}

/// Notes what does not come of a part.
pub fn note(part: &Part<'_>, notes: &mut Notes<'_, '_>) {
    let foreign = part.opaque.as_ref().is_some_and(|opaque| !opaque.is_for(Wire::Messages));
    notes.losses.note_if(foreign, Field::ForeignState);
    if !notes.own() {
        notes.losses.note_if(!part.extra.is_empty(), Field::Unknown);
    }
    if says(part, notes.request) {
        return;
    }
    match &part.kind {
        Kind::Text { .. } | Kind::Refusal(_) | Kind::Call(_) | Kind::Result(_) => {}
        Kind::Thinking { .. } => notes.losses.note(Field::ForeignState),
        Kind::Image(_) | Kind::Document(_) => notes.losses.note(Field::FileIds),
        Kind::Audio(_) => notes.losses.note(Field::Audio),
        Kind::Video(_) => notes.losses.note(Field::Video),
        Kind::Native(_) => notes.losses.note(Field::Native),
    }
}

pub fn content(object: &mut Object<'_>, key: &str, parts: &[&Part<'_>], notes: &mut Notes<'_, '_>) {
    if let [part] = parts
        && let Kind::Text { text, citations } = &part.kind
        && citations.is_empty()
        && part.cache.is_none()
        && (part.extra.is_empty() || !notes.own())
    {
        note(part, notes);
        object.text(key, text);
        return;
    }
    let mut list = object.list(key);
    for part in parts {
        note(part, notes);
        if says(part, notes.request) {
            block(&mut list, part, notes);
        }
    }
}

fn block(list: &mut List<'_>, part: &Part<'_>, notes: &mut Notes<'_, '_>) {
    let own = notes.own();
    let mut entry = match &part.kind {
        Kind::Text { text, citations } => {
            let mut entry = list.object();
            entry.text("type", "text").text("text", text);
            cite(&mut entry, citations, notes.losses);
            entry
        }
        Kind::Refusal(text) => {
            let mut entry = list.object();
            entry.text("type", "text").text("text", text);
            entry
        }
        Kind::Thinking { text } => {
            let mut entry = list.object();
            match &part.opaque {
                Some(opaque) if opaque.redacted => entry.text("type", "redacted_thinking").text("data", &opaque.data),
                Some(opaque) => entry.text("type", "thinking").text("thinking", text).text("signature", &opaque.data),
                None => entry.text("type", "thinking").text("thinking", text).text("signature", ""),
            };
            entry
        }
        Kind::Call(call) => {
            let id = notes.pairing.call(call);
            let mut entry = list.object();
            entry.text("type", "tool_use").text("id", &words::id(&id)).text("name", &call.name);
            entry.raw("input", &words::input(call));
            entry
        }
        Kind::Result(result) => tool_result(list, result, notes),
        Kind::Image(media) => {
            notes.losses.note_if(media.detail.is_some(), Field::ImageDetail);
            let mut entry = list.object();
            entry.text("type", "image");
            source(&mut entry, media, "image/png");
            entry
        }
        Kind::Document(media) => {
            let mut entry = list.object();
            entry.text("type", "document");
            source(&mut entry, media, "application/pdf");
            entry.text_if("title", media.name.as_deref()).text_if("context", media.context.as_deref());
            if let Some(cite) = media.cite {
                entry.object("citations").flag("enabled", cite);
            }
            entry
        }
        Kind::Native(native) => {
            list.raw(native.raw.get());
            return;
        }
        Kind::Audio(_) | Kind::Video(_) => return,
    };
    // Thoughts cannot be marked.
    match &part.kind {
        Kind::Thinking { .. } => {}
        Kind::Text { .. }
        | Kind::Image(_)
        | Kind::Document(_)
        | Kind::Audio(_)
        | Kind::Video(_)
        | Kind::Call(_)
        | Kind::Result(_)
        | Kind::Refusal(_)
        | Kind::Native(_) => cache(&mut entry, part.cache.as_ref()),
    }
    if own {
        part.extra.iter().for_each(|(key, value)| {
            entry.raw(key, value.get());
        });
    }
}

/// Only citations that this provider made mean something to it.
fn cite(entry: &mut Object<'_>, citations: &[Citation<'_>], losses: &mut Losses) {
    // What was made for a client out of another provider's citation has no `encrypted_index`.
    let made = |raw: &str| raw.contains(r#""encrypted_index":"""#);
    let own: Vec<_> = citations.iter().filter_map(|citation| citation.raw).filter(|raw| !made(raw.get())).collect();
    losses.note_if(own.len() < citations.len(), Field::Citations);
    if !own.is_empty() {
        let mut list = entry.list("citations");
        for raw in own {
            list.raw(raw.get());
        }
    }
}

fn tool_result<'o>(list: &'o mut List<'_>, result: &ToolResult<'_>, notes: &mut Notes<'_, '_>) -> Object<'o> {
    let id = notes.pairing.result(result);
    let mut entry = list.object();
    entry.text("type", "tool_result").text("tool_use_id", &words::id(&id));
    let parts: Vec<&Part<'_>> = result.parts.iter().collect();
    if parts.iter().any(|part| says(part, notes.request)) {
        content(&mut entry, "content", &parts, notes);
    } else {
        parts.iter().for_each(|part| note(part, notes));
    }
    if result.is_error {
        entry.flag("is_error", true);
    }
    entry
}

fn source(entry: &mut Object<'_>, media: &Media<'_>, otherwise: &str) {
    let mut source = entry.object("source");
    match &media.source {
        // Plain text goes as such: in base64 this API takes nothing but PDF.
        Source::Base64 { media_type, data } if media_type.starts_with("text/") && plain(data).is_some() => {
            source.text("type", "text").text("media_type", "text/plain");
            source.text("data", &plain(data).unwrap_or_default());
        }
        Source::Base64 { media_type, data } => {
            let media_type = if media_type.is_empty() { otherwise } else { media_type };
            source.text("type", "base64").text("media_type", media_type).text("data", data);
        }
        Source::Text(text) => {
            source.text("type", "text").text("media_type", "text/plain").text("data", text);
        }
        Source::Url { url, .. } => {
            source.text("type", "url").text("url", url);
        }
        Source::File(id) => {
            source.text("type", "file").text("file_id", id);
        }
    }
}

fn plain(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}
