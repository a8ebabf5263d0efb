//! Writes one turn: content, calls and thoughts side by side, and each tool result as a message of its own.

use super::super::detail;
use super::write::write_detail;
use super::write_content::content;
use crate::Wire;
use crate::conversation::pairing::Pairing;
use crate::conversation::{Call, Kind, Message, Opaque, Part, Request, Role, ToolResult};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::translate::{FREE_FORM, Target};

/// What is written along a conversation.
pub struct Notes<'n, 'r> {
    pub request: &'n Request<'r>,
    pub target: &'n Target<'n>,
    pub losses: &'n mut Losses,
    pub pairing: Pairing,
}

impl Notes<'_, '_> {
    pub fn own(&self) -> bool {
        self.request.wire == Wire::Chat
    }
}

/// Writes a turn. `media` are those of the tool results before it, and what comes back are those that still wait for a
/// message of the user.
pub fn message<'r>(
    list: &mut List<'_>,
    message: &'r Message<'r>,
    mut media: Vec<&'r Part<'r>>,
    notes: &mut Notes<'_, '_>,
) -> Vec<&'r Part<'r>> {
    let mut rest = Vec::new();
    for part in &message.parts {
        match &part.kind {
            Kind::Result(result) => media.extend(tool_result(list, result, message, notes)),
            Kind::Text { .. }
            | Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Thinking { .. }
            | Kind::Refusal(_)
            | Kind::Native(_) => rest.push(part),
        }
    }
    if !media.is_empty() && !matches!(message.role, Role::Tool | Role::User) {
        plain(list, "user", None, &std::mem::take(&mut media), notes);
    }
    match message.role {
        Role::Tool => {}
        // Only results, which are said already.
        Role::User if rest.is_empty() && !message.parts.is_empty() => {}
        Role::User => {
            // Images of results before what is said about them.
            let parts: Vec<_> = media.drain(..).chain(rest).collect();
            plain(list, "user", Some(message), &parts, notes);
        }
        Role::Assistant => assistant(list, message, &rest, notes),
        Role::Developer if notes.own() || notes.target.quirks.developer_role => {
            plain(list, "developer", Some(message), &rest, notes);
        }
        Role::Developer | Role::System => plain(list, "system", Some(message), &rest, notes),
    }
    media
}

/// A turn of nothing but content.
pub fn plain(
    list: &mut List<'_>,
    role: &str,
    message: Option<&Message<'_>>,
    parts: &[&Part<'_>],
    notes: &mut Notes<'_, '_>,
) {
    let mut object = list.object();
    object.text("role", role);
    content(&mut object, role, parts, notes);
    if let Some(message) = message {
        beside(&mut object, message, notes);
    }
}

/// Name, and members that the reader did not know.
fn beside(object: &mut Object<'_>, message: &Message<'_>, notes: &mut Notes<'_, '_>) {
    object.text_if("name", message.name.as_deref());
    if notes.own() {
        message.extra.iter().for_each(|(key, value)| {
            object.raw(key, value.get());
        });
    } else {
        notes.losses.note_if(!message.extra.is_empty(), Field::Unknown);
    }
}

fn assistant(list: &mut List<'_>, message: &Message<'_>, parts: &[&Part<'_>], notes: &mut Notes<'_, '_>) {
    let (mut said, mut calls, mut refusals, mut thoughts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match &part.kind {
            Kind::Call(call) => calls.push((*part, call)),
            Kind::Refusal(text) => refusals.push(text),
            Kind::Thinking { text } => thoughts.push((*part, &**text)),
            Kind::Text { .. } if !calls.is_empty() => {
                notes.losses.note(Field::PartOrder);
                said.push(*part);
            }
            Kind::Text { .. }
            | Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Native(_)
            | Kind::Result(_) => said.push(*part),
        }
    }
    let mut object = list.object();
    object.text("role", "assistant");
    if said.is_empty() && !(calls.is_empty() && refusals.is_empty()) {
        object.raw("content", "null");
    } else {
        content(&mut object, "assistant", &said, notes);
    }
    if !refusals.is_empty() {
        object.texts("refusal", refusals.iter().map(|text| &***text));
    }
    think(&mut object, &thoughts, notes);
    if !calls.is_empty() {
        let mut entries = object.list("tool_calls");
        for (part, call) in calls {
            tool_call(&mut entries, part, call, notes);
        }
    }
    beside(&mut object, message, notes);
}

/// Thoughts of earlier turns, for those upstreams that want them.
fn think(object: &mut Object<'_>, thoughts: &[(&Part<'_>, &str)], notes: &mut Notes<'_, '_>) {
    let quirks = notes.target.quirks;
    let own = |part: &Part<'_>| part.opaque.as_ref().is_none_or(|opaque| opaque.from == Wire::Chat);
    notes.losses.note_if(thoughts.iter().any(|(part, _)| !own(part)), Field::ForeignState);
    if quirks.reasoning_content && thoughts.iter().any(|(_, text)| !text.is_empty()) {
        object.texts("reasoning_content", thoughts.iter().map(|(_, text)| *text));
    } else if !quirks.reasoning_details {
        notes.losses.note_if(thoughts.iter().any(|(_, text)| !text.is_empty()), Field::Thinking);
    }
    let mut details = thoughts.iter().filter(|(part, _)| own(part)).peekable();
    if quirks.reasoning_details && details.peek().is_some() {
        let mut list = object.list("reasoning_details");
        for (part, text) in details {
            match &part.opaque {
                Some(opaque) => write_detail(&mut list, text, opaque),
                None => {
                    let mut entry = list.object();
                    entry.text("type", "reasoning.text").text("text", text);
                    part.extra.iter().filter(|_| notes.own()).for_each(|(key, value)| {
                        entry.raw(key, value.get());
                    });
                }
            }
        }
    } else {
        let state = |(part, _): &(&Part<'_>, &str)| own(part) && part.opaque.is_some();
        notes.losses.note_if(thoughts.iter().any(state), Field::ProviderState);
    }
}

fn tool_call(list: &mut List<'_>, part: &Part<'_>, call: &Call<'_>, notes: &mut Notes<'_, '_>) {
    let mut entry = list.object();
    entry.text("id", &notes.pairing.call(call));
    if call.free_form && (notes.own() || notes.target.quirks.openai_extras) {
        entry.text("type", "custom").object("custom").text("name", &call.name).text("input", &call.arguments);
    } else {
        let made = call.free_form.then(|| free_form_json(&call.arguments));
        let arguments = made.as_deref().unwrap_or(&call.arguments);
        let mut function = entry.text("type", "function").object("function");
        function.text("name", &call.name);
        function.text(
            "arguments",
            if arguments.is_empty() && !notes.request.wire.eq(&Wire::Chat) { "{}" } else { arguments },
        );
    }
    match &part.opaque {
        Some(opaque) if opaque.from == Wire::Gemini && notes.target.quirks.google_signatures => {
            detail::write_google_signature(&mut entry, &opaque.data);
        }
        Some(opaque) if opaque.from == Wire::Chat => notes.losses.note(Field::ProviderState),
        Some(_) => notes.losses.note(Field::ForeignState),
        None => {}
    }
    if notes.own() {
        part.extra.iter().for_each(|(key, value)| {
            entry.raw(key, value.get());
        });
    } else {
        notes.losses.note_if(!part.extra.is_empty(), Field::Unknown);
    }
}

/// The text of a free-form call as JSON arguments.
pub fn free_form_json(text: &str) -> String {
    let mut json = Vec::new();
    Object::open(&mut json).text(FREE_FORM, text);
    String::from_utf8(json).unwrap_or_default()
}

fn tool_result<'r>(
    list: &mut List<'_>,
    result: &'r ToolResult<'r>,
    message: &Message<'_>,
    notes: &mut Notes<'_, '_>,
) -> Vec<&'r Part<'r>> {
    let (media, said): (Vec<_>, Vec<_>) = result.parts.iter().partition(|part| match part.kind {
        Kind::Image(_) | Kind::Document(_) | Kind::Audio(_) | Kind::Video(_) => !notes.own(),
        Kind::Text { .. }
        | Kind::Call(_)
        | Kind::Result(_)
        | Kind::Thinking { .. }
        | Kind::Refusal(_)
        | Kind::Native(_) => false,
    });
    notes.losses.note_if(result.is_error, Field::ToolResultError);
    let mut object = list.object();
    object.text("role", "tool").text("tool_call_id", &notes.pairing.result(result));
    content(&mut object, "tool", &said, notes);
    if message.role == Role::Tool {
        if notes.own() && !result.name.is_empty() {
            object.text("name", &result.name);
        }
        beside(&mut object, message, notes);
    }
    media
}

/// What hangs on a call's id for a client.
pub fn client_id(id: &str, opaque: Option<&Opaque<'_>>) -> String {
    opaque.map_or_else(|| id.to_owned(), |opaque| opaque.onto_id(id))
}
