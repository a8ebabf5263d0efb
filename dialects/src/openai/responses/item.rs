//! Items: what a conversation and an answer are lists of.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{content, namespace};
use crate::Wire;
use crate::conversation::{Call, Extra, Kind, Maybe, Native, Opaque, Part, Str};
use crate::json::object::object;

object! {
    /// An item of any kind.
    pub struct Item<'a> {
        kind: Maybe<'a> = "type",
        id: Maybe<'a> = "id",
        status: Maybe<'a> = "status",
        role: Maybe<'a> = "role",
        name: Maybe<'a> = "name",
        content: &'a RawValue = "content",
        summary: &'a RawValue = "summary",
        encrypted: Maybe<'a> = "encrypted_content",
        call_id: Maybe<'a> = "call_id",
        namespace: Maybe<'a> = "namespace",
        arguments: &'a RawValue = "arguments",
        input: &'a RawValue = "input",
        output: &'a RawValue = "output",
        ..extra: Extra<'a>,
    }
}

/// What an item is, as far as all formats know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Message,
    Reasoning,
    Call,
    FreeFormCall,
    Result,
    FreeFormResult,
    /// Something that only this format knows.
    Native,
}

impl<'a> Item<'a> {
    pub fn read(json: &'a RawValue) -> Option<Self> {
        serde_json::from_str(json.get()).ok()
    }

    pub fn sort(&self) -> Sort {
        let kind = self.kind.as_ref().and_then(|kind| kind.0.as_deref());
        match kind {
            Some("message") => Sort::Message,
            None if self.role.is_some() => Sort::Message,
            Some("reasoning") => Sort::Reasoning,
            Some("function_call") => Sort::Call,
            Some("custom_tool_call") => Sort::FreeFormCall,
            Some("function_call_output") => Sort::Result,
            Some("custom_tool_call_output") => Sort::FreeFormResult,
            Some(_) | None => Sort::Native,
        }
    }

    /// A call, with what hung on its id.
    pub fn call(self, free_form: bool) -> Part<'a> {
        let (id, opaque) = Opaque::off_id(filled(self.call_id).unwrap_or_default());
        let name = namespace::join(filled(self.namespace).as_deref(), filled(self.name).unwrap_or_default());
        let arguments = if free_form { self.input } else { self.arguments };
        let arguments = arguments.map(Str::json_text).unwrap_or_default();
        Part {
            opaque: opaque.map(Box::new),
            extra: self.extra,
            ..Kind::Call(Box::new(Call { id, name, arguments, free_form })).into()
        }
    }

    /// What the provider wants back with a thought: its encrypted text, or the id alone where it keeps the rest.
    pub fn state(&mut self) -> Option<Opaque<'a>> {
        let id = filled(self.id.take());
        match self.encrypted.take().and_then(|text| Opaque::unpack(Wire::Responses, false, text.0?)) {
            Some(opaque) if opaque.from == Wire::Responses && opaque.id.is_none() => Some(Opaque { id, ..opaque }),
            Some(opaque) => Some(opaque),
            None => id.map(|id| Opaque { id: Some(id), ..Opaque::signature(Wire::Responses, Str::default()) }),
        }
    }

    /// The texts of a thought: of its summary, and its own.
    pub fn thoughts(&self) -> (Vec<Str<'a>>, Vec<Str<'a>>) {
        (texts(self.summary), texts(self.content))
    }

    /// A thought of an answer: one part, with its texts one below the other. None where there is nothing in it, neither
    /// for the reader nor for the provider.
    pub fn thought(mut self) -> Option<Part<'a>> {
        let (mut all, own) = self.thoughts();
        all.extend(own);
        let opaque = self.state().filter(|opaque| !opaque.data.is_empty());
        if all.is_empty() && opaque.is_none() {
            return None;
        }
        Some(Part { opaque: opaque.map(Box::new), extra: self.extra, ..Kind::Thinking { text: joined(all) }.into() })
    }
}

/// Stands between two texts of one thought.
pub const BETWEEN: &str = "\n\n";

fn joined<'a>(mut texts: Vec<Str<'a>>) -> Str<'a> {
    if texts.len() == 1 {
        return texts.pop().unwrap_or_default();
    }
    texts.iter().map(|text| &**text).collect::<Vec<_>>().join(BETWEEN).into()
}

/// The texts of a list of parts; empty ones say nothing.
fn texts<'a>(json: Option<&'a RawValue>) -> Vec<Str<'a>> {
    let text = |json: &'a RawValue| filled(serde_json::from_str::<content::RawPart<'a>>(json.get()).ok()?.text);
    json.and_then(content::list).unwrap_or_default().into_iter().filter_map(text).collect()
}

pub fn filled<'a>(text: Option<Maybe<'a>>) -> Option<Str<'a>> {
    text.and_then(Maybe::filled)
}

/// An item, or a part of a content, in its own words.
pub fn native(json: &RawValue) -> Part<'_> {
    Kind::Native(Native { raw: Cow::Borrowed(json) }).into()
}

/// The `type` of an object.
pub fn kind(json: &RawValue) -> Option<Str<'_>> {
    object! { struct Typed<'a> { kind: Maybe<'a> = "type", } }
    filled(serde_json::from_str::<Typed<'_>>(json.get()).ok()?.kind)
}

/// Whether something in its own words is an item of a list. The others are parts of a content, or of another format:
/// Anthropic's end in `_use` and `_result`.
pub fn is_item(json: &RawValue) -> bool {
    kind(json).is_some_and(|kind| match &*kind {
        "mcp_list_tools"
        | "mcp_approval_request"
        | "mcp_approval_response"
        | "item_reference"
        | "additional_tools"
        | "compaction"
        | "compaction_summary" => true,
        other => other.ends_with("_call") || other.ends_with("_output"),
    })
}
