//! `reasoning_details`: thoughts and what their provider wants back, in OpenRouter's form.
//!
//! Source: OpenRouter's documentation of reasoning tokens. An entry is `reasoning.text` (text, signature),
//! `reasoning.summary` (summary) or `reasoning.encrypted` (data), each with `format`, `id`, `index`. An entry of a chat
//! upstream is kept as it came but for its text ([`Opaque::data`] is its JSON); one of another provider is ours, and
//! its signature or data bears the mark of [`Opaque::pack`].

use crate::Wire;
use crate::conversation::{Extra, Kind, Opaque, Part, Str};
use crate::json::object::{members_of, object};
use crate::json::put::Object;

object! {
    /// An entry.
    pub struct Detail<'a> {
        kind: Str<'a> = "type",
        text: Str<'a> = "text" | "summary",
        signature: Str<'a> = "signature",
        data: Str<'a> = "data",
        ..extra: Extra<'a>,
    }
}

impl<'a> Detail<'a> {
    /// What the provider wants back of it; none for bare text.
    pub fn opaque(&mut self) -> Option<Opaque<'a>> {
        let (redacted, state) = match (self.data.take(), self.signature.take()) {
            (Some(data), _) => (true, data),
            (None, Some(signature)) => (false, signature),
            (None, None) => return None,
        };
        let opaque = Opaque::unpack(Wire::Chat, redacted, state)?;
        if opaque.from != Wire::Chat {
            return Some(opaque);
        }
        let mut json = Vec::new();
        let mut object = Object::open(&mut json);
        object.text_if("type", self.kind.as_deref());
        object.text(if redacted { "data" } else { "signature" }, &opaque.data);
        for (key, value) in &self.extra {
            object.raw(key, value.get());
        }
        drop(object);
        let data = String::from_utf8(json).ok()?;
        Some(Opaque { data: data.into(), ..opaque })
    }

    /// The thought of a whole entry.
    pub fn part(mut self) -> Part<'a> {
        let opaque = self.opaque();
        // What goes back by itself holds all of them.
        let extra = if opaque.is_some() { Extra::new() } else { self.extra };
        Part { opaque: opaque.map(Box::new), extra, ..Kind::Thinking { text: self.text.unwrap_or_default() }.into() }
    }
}

/// Writes an entry back for the upstream that it came from.
pub fn write_own(object: &mut Object<'_>, text: &str, opaque: &Opaque<'_>) {
    // What a client sends back in here is of any length: none of it is kept, each member is written as it is met.
    object! {
        struct Known<'a> {
            kind: Str<'a> = "type",
            signature: Str<'a> = "signature",
            data: Str<'a> = "data",
        }
    }
    let read = serde_json::from_str::<Known<'_>>(&opaque.data);
    let whole = read.is_ok();
    let known = read.unwrap_or_default();
    object.text_if("type", known.kind.as_deref());
    if !text.is_empty() {
        let summary = known.kind.as_deref() == Some("reasoning.summary");
        object.text(if summary { "summary" } else { "text" }, text);
    }
    object.text_if("signature", known.signature.as_deref()).text_if("data", known.data.as_deref());
    if whole {
        members_of(&opaque.data, |key, value| {
            if !matches!(key, "type" | "text" | "summary" | "signature" | "data") {
                object.raw(key, value.get());
            }
        });
    }
}

/// Writes an entry for a client. `index` tells entries apart where a stream gives them piece by piece.
pub fn write(object: &mut Object<'_>, index: u32, text: &str, opaque: Option<&Opaque<'_>>) {
    object.text("type", if opaque.is_some_and(|o| o.redacted) { "reasoning.encrypted" } else { "reasoning.text" });
    if !text.is_empty() {
        object.text("text", text);
    }
    if let Some(opaque) = opaque {
        object.text(if opaque.redacted { "data" } else { "signature" }, &opaque.pack(Wire::Chat));
        object.text("format", format(opaque.from));
    }
    object.whole("index", u64::from(index));
}

/// OpenRouter's names.
const fn format(from: Wire) -> &'static str {
    match from {
        Wire::Chat => "unknown",
        Wire::Responses => "openai-responses-v1",
        Wire::Messages | Wire::Converse => "anthropic-claude-v1",
        Wire::Gemini => "google-gemini-v1",
    }
}

/// Google's place for the signature of a call: `extra_content.google.thought_signature`.
pub fn google_signature<'a>(extra: &mut Extra<'a>) -> Option<Opaque<'a>> {
    object! { struct Content<'a> { google: Google<'a> = "google", } }
    object! { struct Google<'a> { signature: Str<'a> = "thought_signature", } }
    let at = extra.iter().position(|(key, _)| &**key == "extra_content")?;
    let content: Content<'a> = serde_json::from_str(extra.get(at)?.1.get()).ok()?;
    let signature = content.google?.signature?;
    extra.remove(at);
    Some(Opaque::signature(Wire::Gemini, signature))
}

pub fn write_google_signature(call: &mut Object<'_>, signature: &str) {
    call.object("extra_content").object("google").text("thought_signature", signature);
}
