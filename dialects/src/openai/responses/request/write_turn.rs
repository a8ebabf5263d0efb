//! Writes one turn as items, in the order of its parts.

use super::super::content::holds_something;
use super::super::item::is_item;
use super::super::namespace;
use crate::Wire;
use crate::conversation::media::{audio_format, data_url};
use crate::conversation::pairing::Pairing;
use crate::conversation::{Call, Kind, Media, Message, Part, Role, Source, ToolResult};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};

/// What is written along a conversation.
pub struct Notes<'n> {
    /// The request came in this format too.
    pub own: bool,
    pub losses: &'n mut Losses,
    pub pairing: Pairing,
}

/// Writes the items of a turn.
pub fn message(list: &mut List<'_>, message: &Message<'_>, notes: &mut Notes<'_>) {
    let mut said: Vec<&Part<'_>> = Vec::new();
    let mut thoughts: Vec<&Part<'_>> = Vec::new();
    let mut beside = Some(message);
    for part in &message.parts {
        let thinking = matches!(part.kind, Kind::Thinking { .. });
        if !thinking && !thoughts.is_empty() {
            thought(list, &std::mem::take(&mut thoughts), notes);
        }
        let item = match &part.kind {
            Kind::Thinking { .. } | Kind::Call(_) | Kind::Result(_) => true,
            Kind::Native(native) => is_item(&native.raw),
            Kind::Text { .. }
            | Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Refusal(_) => false,
        };
        if !item {
            said.push(part);
            continue;
        }
        say(list, message.role, &mut beside, &std::mem::take(&mut said), notes);
        match &part.kind {
            Kind::Thinking { .. } => {
                thoughts.push(part);
                if part.opaque.is_some() {
                    thought(list, &std::mem::take(&mut thoughts), notes);
                }
            }
            Kind::Call(one) => call(list, part, one, notes),
            Kind::Result(one) => result(list, part, one, notes),
            Kind::Native(native) if notes.own => {
                list.raw(native.raw.get());
            }
            Kind::Native(_) => notes.losses.note(Field::Native),
            Kind::Text { .. }
            | Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Refusal(_) => {}
        }
    }
    if !thoughts.is_empty() {
        thought(list, &thoughts, notes);
    }
    // A turn in which nothing is said is one all the same.
    if !said.is_empty() || message.parts.is_empty() {
        say(list, message.role, &mut beside, &said, notes);
    }
    // Results have no place for what stands beside their message.
    if let Some(message) = beside {
        notes.losses.note_if(message.name.is_some(), Field::SpeakerName);
        notes.losses.note_if(!message.extra.is_empty(), Field::Unknown);
    }
}

/// A message of the role, and one of the user for the pictures of an assistant, which has no place for them.
fn say(list: &mut List<'_>, role: Role, beside: &mut Option<&Message<'_>>, parts: &[&Part<'_>], notes: &mut Notes<'_>) {
    let (media, said): (Vec<&Part<'_>>, Vec<&Part<'_>>) =
        parts.iter().partition(|part| role == Role::Assistant && is_media(part));
    if !said.is_empty() || parts.is_empty() && beside.is_some_and(|message| message.parts.is_empty()) {
        let mut entry = list.object();
        entry.text("type", "message").text("role", role_word(role));
        content(&mut entry, "content", role == Role::Assistant, &said, notes);
        if let Some(message) = beside.take() {
            if notes.own {
                entry.text_if("name", message.name.as_deref());
                message.extra.iter().for_each(|(key, value)| {
                    entry.raw(key, value.get());
                });
            } else {
                notes.losses.note_if(message.name.is_some(), Field::SpeakerName);
                notes.losses.note_if(!message.extra.is_empty(), Field::Unknown);
            }
        }
    }
    if !media.is_empty() {
        let mut entry = list.object();
        entry.text("type", "message").text("role", "user");
        content(&mut entry, "content", false, &media, notes);
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}

const fn is_media(part: &Part<'_>) -> bool {
    match part.kind {
        Kind::Image(_) | Kind::Document(_) | Kind::Audio(_) | Kind::Video(_) => true,
        Kind::Text { .. }
        | Kind::Call(_)
        | Kind::Result(_)
        | Kind::Thinking { .. }
        | Kind::Refusal(_)
        | Kind::Native(_) => false,
    }
}

/// Thoughts up to the one that ends with what the provider wants back.
fn thought(list: &mut List<'_>, parts: &[&Part<'_>], notes: &mut Notes<'_>) {
    let opaque = parts.last().and_then(|part| part.opaque.as_ref());
    match opaque {
        Some(opaque) if opaque.from != Wire::Responses => return notes.losses.note(Field::ForeignState),
        // An id alone means something only to who keeps answers, and a bare thought only to who showed it.
        Some(opaque) if opaque.data.is_empty() && !notes.own => return notes.losses.note(Field::ProviderState),
        None if !notes.own => {
            let told = |part: &&Part<'_>| matches!(&part.kind, Kind::Thinking { text } if !text.is_empty());
            return notes.losses.note_if(parts.iter().any(told), Field::Thinking);
        }
        Some(_) | None => {}
    }
    let mut entry = list.object();
    entry.text("type", "reasoning").text_if("id", opaque.and_then(|opaque| opaque.id.as_deref()));
    let own_words = |part: &Part<'_>| part.extra.iter().any(|(key, _)| &**key == "content");
    let mut summary = entry.list("summary");
    for part in parts {
        if let Kind::Thinking { text } = &part.kind
            && !text.is_empty()
            && !own_words(part)
        {
            summary.object().text("type", "summary_text").text("text", text);
        }
    }
    drop(summary);
    entry.text_if("encrypted_content", opaque.map(|opaque| &*opaque.data).filter(|data| !data.is_empty()));
    for part in parts {
        extra(&mut entry, part, notes);
    }
}

fn call(list: &mut List<'_>, part: &Part<'_>, call: &Call<'_>, notes: &mut Notes<'_>) {
    let mut entry = list.object();
    let (space, name) = namespace::split(&call.name);
    entry.text("type", if call.free_form { "custom_tool_call" } else { "function_call" });
    entry.text("call_id", &notes.pairing.call(call)).text_if("namespace", space).text("name", name);
    if call.free_form {
        entry.text("input", &call.arguments);
    } else {
        entry.text("arguments", if call.arguments.is_empty() && !notes.own { "{}" } else { &call.arguments });
    }
    notes.losses.note_if(part.opaque.is_some(), Field::ForeignState);
    notes.losses.note_if(part.cache.is_some(), Field::CacheMarkers);
    extra(&mut entry, part, notes);
}

fn result(list: &mut List<'_>, part: &Part<'_>, result: &ToolResult<'_>, notes: &mut Notes<'_>) {
    let mut entry = list.object();
    entry.text("type", if result.free_form { "custom_tool_call_output" } else { "function_call_output" });
    entry.text("call_id", &notes.pairing.result(result));
    let parts: Vec<&Part<'_>> = result.parts.iter().collect();
    content(&mut entry, "output", false, &parts, notes);
    notes.losses.note_if(result.is_error, Field::ToolResultError);
    notes.losses.note_if(part.cache.is_some(), Field::CacheMarkers);
    extra(&mut entry, part, notes);
}

/// Members that the reader did not know.
fn extra(entry: &mut Object<'_>, part: &Part<'_>, notes: &mut Notes<'_>) {
    if notes.own {
        part.extra.iter().for_each(|(key, value)| {
            entry.raw(key, value.get());
        });
    } else {
        notes.losses.note_if(!part.extra.is_empty(), Field::Unknown);
    }
}

/// A string where it is one text, or all texts of an assistant, which other formats cut where something is quoted;
/// else a list of parts.
fn content(entry: &mut Object<'_>, key: &str, assistant: bool, parts: &[&Part<'_>], notes: &mut Notes<'_>) {
    let plain = |part: &&Part<'_>| match &part.kind {
        Kind::Text { citations, .. } => {
            !notes.own || part.cache.is_none() && part.extra.is_empty() && citations.is_empty()
        }
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
    if parts.iter().all(plain) && (parts.len() < 2 || assistant && !notes.own) {
        for part in parts {
            if let Kind::Text { citations, .. } = &part.kind {
                around(part, notes);
                notes.losses.note_if(!citations.is_empty(), Field::Citations);
            }
        }
        entry.texts(key, parts.iter().filter_map(|part| part.kind.said()));
        return;
    }
    let mut list = entry.list(key);
    for part in parts {
        one(&mut list, assistant, part, notes);
    }
}

/// What a part of a content has no place for.
fn around(part: &Part<'_>, notes: &mut Notes<'_>) {
    notes.losses.note_if(part.opaque.is_some(), Field::ForeignState);
    if !notes.own {
        notes.losses.note_if(part.cache.is_some(), Field::CacheMarkers);
        notes.losses.note_if(!part.extra.is_empty(), Field::Unknown);
    }
}

fn one(list: &mut List<'_>, assistant: bool, part: &Part<'_>, notes: &mut Notes<'_>) {
    around(part, notes);
    let mut entry = match &part.kind {
        Kind::Text { text, citations } => {
            let mut entry = list.object();
            entry.text("type", if assistant { "output_text" } else { "input_text" }).text("text", text);
            if notes.own && !citations.is_empty() {
                let mut annotations = entry.list("annotations");
                citations.iter().filter_map(|citation| citation.raw).for_each(|raw| {
                    annotations.raw(raw.get());
                });
            } else {
                notes.losses.note_if(!citations.is_empty(), Field::Citations);
            }
            entry
        }
        Kind::Refusal(text) => {
            let mut entry = list.object();
            entry.text("type", "refusal").text("refusal", text);
            entry
        }
        Kind::Image(media) => {
            let Some(mut entry) = image(list, media, notes) else { return };
            // The vendor's types demand it, and this is what it is without the word.
            let default = (!notes.own).then_some("auto");
            entry.text_if("detail", media.detail.as_deref().or(default));
            entry
        }
        Kind::Document(media) => {
            let Some(entry) = document(list, media, notes) else { return };
            entry
        }
        Kind::Audio(media) => {
            let Source::Base64 { media_type, data } = &media.source else {
                return notes.losses.note(Field::Audio);
            };
            let mut entry = list.object();
            let mut audio = entry.text("type", "input_audio").object("input_audio");
            audio.text("data", data).text("format", audio_format(media_type));
            drop(audio);
            entry
        }
        Kind::Video(_) => return notes.losses.note(Field::Video),
        Kind::Native(native) if notes.own => {
            list.raw(native.raw.get());
            return;
        }
        Kind::Native(_) | Kind::Call(_) | Kind::Result(_) | Kind::Thinking { .. } => {
            return notes.losses.note(Field::Native);
        }
    };
    if notes.own {
        if part.cache.is_some() {
            entry.object("prompt_cache_breakpoint").text("mode", "explicit");
        }
        for (key, value) in part.extra.iter().filter(|(_, value)| holds_something(value)) {
            entry.raw(key, value.get());
        }
    }
}

fn image<'o>(list: &'o mut List<'_>, media: &Media<'_>, notes: &mut Notes<'_>) -> Option<Object<'o>> {
    let url = match &media.source {
        Source::Base64 { media_type, data } => data_url(media_type, data),
        Source::Url { url, .. } => [url, "", "", ""],
        Source::File(id) if notes.own => {
            let mut entry = list.object();
            entry.text("type", "input_image").text("file_id", id);
            return Some(entry);
        }
        Source::File(_) => {
            notes.losses.note(Field::FileIds);
            return None;
        }
        Source::Text(_) => {
            notes.losses.note(Field::Native);
            return None;
        }
    };
    let mut entry = list.object();
    entry.text("type", "input_image").texts("image_url", url);
    Some(entry)
}

fn document<'o>(list: &'o mut List<'_>, media: &Media<'_>, notes: &mut Notes<'_>) -> Option<Object<'o>> {
    notes.losses.note_if(media.context.is_some(), Field::DocumentContext);
    notes.losses.note_if(media.cite == Some(true), Field::Citations);
    if let Source::File(_) = &media.source
        && !notes.own
    {
        notes.losses.note(Field::FileIds);
        return None;
    }
    let mut entry = list.object();
    match &media.source {
        Source::Text(text) => {
            let named = media.name.as_deref().map_or(["", "", text], |name| [name, "\n\n", text]);
            entry.text("type", "input_text").texts("text", named);
            return Some(entry);
        }
        Source::Base64 { media_type, data } => {
            // A name must stand beside the bytes.
            let unnamed = (!notes.own).then_some("document");
            entry.text("type", "input_file").text_if("filename", media.name.as_deref().or(unnamed));
            entry.texts("file_data", data_url(media_type, data));
        }
        Source::Url { url, .. } => {
            entry.text("type", "input_file");
            if notes.own {
                entry.text_if("filename", media.name.as_deref());
            }
            entry.text("file_url", url);
        }
        Source::File(id) => {
            entry.text("type", "input_file").text_if("filename", media.name.as_deref()).text("file_id", id);
        }
    }
    if notes.own {
        entry.text_if("detail", media.detail.as_deref());
    }
    Some(entry)
}
