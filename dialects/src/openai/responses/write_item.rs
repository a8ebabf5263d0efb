//! Items of an answer, as they are written for a client: whole, and in streams at their beginning.

use super::{item, namespace};
use crate::Wire;
use crate::conversation::{Citation, Media, Opaque, Source};
use crate::json::put::{List, Object};
use crate::translate::Context;

/// The beginning of a part of a message's content. What follows: `annotations` where it is no refusal, and the text
/// under the name that is given back.
pub fn content(entry: &mut Object<'_>, refusal: bool) -> &'static str {
    if refusal {
        entry.text("type", "refusal");
        "refusal"
    } else {
        entry.text("type", "output_text").raw("logprobs", "[]");
        "text"
    }
}

/// A part of a message's content, in which nothing is cited.
pub fn plain_content(entry: &mut Object<'_>, refusal: bool, text: &str) {
    let name = content(entry, refusal);
    if !refusal {
        entry.raw("annotations", "[]");
    }
    entry.text(name, text);
}

/// The beginning of a message; its content follows.
pub fn message(entry: &mut Object<'_>, id: &str, status: &str) {
    entry.text("id", id).text("type", "message").text("status", status).text("role", "assistant");
}

/// A thought: what is shown of it (`text` writes it, where there is anything), and what the provider wants back.
pub fn reasoning(
    entry: &mut Object<'_>,
    id: &str,
    text: Option<impl FnOnce(&mut Object<'_>)>,
    opaque: Option<&Opaque<'_>>,
) {
    entry.text("id", id).text("type", "reasoning");
    let mut summary = entry.list("summary");
    if let Some(text) = text {
        text(summary.object().text("type", "summary_text"));
    }
    drop(summary);
    if let Some(opaque) = opaque {
        entry.text("encrypted_content", &opaque.pack(Wire::Responses));
    }
}

/// A call as the client knows it.
#[derive(Debug)]
pub struct Called<'c> {
    pub item: &'c str,
    pub id: &'c str,
    pub name: &'c str,
    pub free_form: bool,
    pub status: &'c str,
}

/// The beginning of a call. Its arguments follow, under the name that is given back.
pub fn call(entry: &mut Object<'_>, called: &Called<'_>) -> &'static str {
    let (space, name) = namespace::split(called.name);
    entry.text("id", called.item).text("type", if called.free_form { "custom_tool_call" } else { "function_call" });
    entry.text("status", called.status).text("call_id", called.id).text_if("namespace", space).text("name", name);
    if called.free_form { "input" } else { "arguments" }
}

/// A picture, as the image tool gives one; false for what is none, or is elsewhere.
pub fn picture(list: &mut List<'_>, id: &str, media: &Media<'_>) -> bool {
    let Source::Base64 { data, media_type } = &media.source else { return false };
    let mut entry = list.object();
    entry.text("id", id).text("type", "image_generation_call").text("status", "completed");
    entry.text_if("output_format", media_type.strip_prefix("image/")).text("result", data);
    true
}

/// Whether the client has declared the tool as one that takes text.
pub fn is_free_form(name: &str, context: &Context) -> bool {
    context.free_form.contains(name)
}

/// Writes an entry of `annotations`; false where the citation has no place here. `length`: characters of the text.
pub fn annotation(list: &mut List<'_>, citation: &Citation<'_>, length: u64) -> bool {
    // Of files only this format knows: in its own words, and told from others by them.
    if let Some(raw) = citation.raw
        && matches!(item::kind(raw).as_deref(), Some("file_citation" | "container_file_citation" | "file_path"))
    {
        list.raw(raw.get());
        return true;
    }
    let Some(url) = citation.url.as_deref() else { return false };
    let mut entry = list.object();
    entry.text("type", "url_citation").text("url", url);
    entry.text("title", citation.title.as_deref().unwrap_or_default());
    entry.whole("start_index", citation.start.unwrap_or(0)).whole("end_index", citation.end.unwrap_or(length));
    true
}
