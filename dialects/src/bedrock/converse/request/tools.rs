//! `toolConfig`.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::super::block::CachePoint;
use super::super::model::Family;
use crate::Wire;
use crate::conversation::{Extra, Kind, Request, Str, Tool, ToolChoice, ToolKind};
use crate::json::object::object;
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::openai::chat::request::free_form_schema;

object! {
    pub struct ToolConfig<'a> {
        tools: Vec<&'a RawValue> = "tools",
        choice: Choice<'a> = "toolChoice",
    }
}

object! {
    pub struct Choice<'a> {
        auto: Named<'a> = "auto",
        any: Named<'a> = "any",
        tool: Named<'a> = "tool",
    }
}
object! { pub struct Named<'a> { name: Str<'a> = "name", } }

object! { struct RawTool<'a> { spec: Spec<'a> = "toolSpec", cache: CachePoint<'a> = "cachePoint", ..first: Option<Str<'a>>, } }
object! {
    struct Spec<'a> {
        name: Str<'a> = "name",
        description: Str<'a> = "description",
        schema: InputSchema<'a> = "inputSchema",
        strict: bool = "strict",
        ..extra: Extra<'a>,
    }
}
object! { struct InputSchema<'a> { json: &'a RawValue = "json", } }

pub fn read<'a>(config: ToolConfig<'a>, request: &mut Request<'a>) {
    for json in config.tools.into_iter().flatten() {
        let raw: RawTool<'a> = serde_json::from_str(json.get()).unwrap_or_default();
        match (raw.spec, raw.cache, request.tools.last_mut()) {
            (Some(spec), ..) => request.tools.push(Tool {
                name: spec.name.unwrap_or_default(),
                description: spec.description,
                kind: ToolKind::Function {
                    schema: spec.schema.and_then(|schema| schema.json).map(Cow::Borrowed),
                    strict: spec.strict,
                },
                cache: None,
                extra: spec.extra,
            }),
            (None, Some(point), Some(before)) => before.cache = Some(point.cache()),
            (None, _, _) => request.tools.push(Tool {
                name: raw.first.unwrap_or_default(),
                description: None,
                kind: ToolKind::Builtin { raw: Cow::Borrowed(json) },
                cache: None,
                extra: Vec::new(),
            }),
        }
    }
    request.tool_choice = config.choice.and_then(|choice| match (choice.tool, choice.any, choice.auto) {
        (Some(Named { name: Some(name), .. }), ..) => Some(ToolChoice::Named(name)),
        (_, Some(_), _) => Some(ToolChoice::Required),
        (_, _, Some(_)) => Some(ToolChoice::Auto),
        (_, None, None) => None,
    });
}

pub fn write(top: &mut Object<'_>, request: &Request<'_>, family: Family, losses: &mut Losses) {
    let own = request.wire == Wire::Converse;
    let builtin = |tool: &Tool<'_>| matches!(tool.kind, ToolKind::Builtin { .. });
    losses.note_if(!own && request.tools.iter().any(builtin), Field::BuiltinTools);
    losses.note_if(request.parallel_calls == Some(false), Field::ParallelCalls);
    let called = called(request);
    // There is no word for none. Without tools nothing is called, but calls that were made want their tools declared.
    let none = request.tool_choice == Some(ToolChoice::None);
    losses.note_if(none && !called.is_empty(), Field::ToolChoice);
    if none && called.is_empty() {
        return;
    }
    let among = request.tool_choice.as_ref().and_then(ToolChoice::among).map(|mut names| {
        names.extend(&called);
        names
    });
    let wanted =
        |tool: &&Tool<'_>| among.as_ref().is_none_or(|names| names.contains(&*tool.name)) && (own || !builtin(tool));
    let tools: Vec<_> = request.tools.iter().filter(wanted).collect();
    let missing: Vec<_> = match tools.is_empty() {
        true => called,
        false => Vec::new(),
    };
    if tools.is_empty() && missing.is_empty() {
        return;
    }
    let mut config = top.object("toolConfig");
    let mut list = config.list("tools");
    for tool in tools {
        one(&mut list, tool, own, family, losses);
    }
    for name in missing {
        let mut entry = list.object();
        let mut spec = entry.object("toolSpec");
        spec.text("name", name).object("inputSchema").raw("json", NO_ARGUMENTS);
    }
    drop(list);
    let choice = match &request.tool_choice {
        Some(ToolChoice::Auto | ToolChoice::Among { required: false, .. }) if own => ("auto", None),
        Some(ToolChoice::Required | ToolChoice::Among { required: true, .. }) => ("any", None),
        Some(ToolChoice::Named(name)) => ("tool", Some(name)),
        // The default, and not all models take the word.
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Among { required: false, .. }) | None => return,
    };
    let mut object = config.object("toolChoice");
    object.object(choice.0).text_if("name", choice.1.map(|name| &**name));
}

const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// Names of the tools that were called, each once.
fn called<'r>(request: &'r Request<'_>) -> Vec<&'r str> {
    let mut seen = HashSet::new();
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let names = parts.filter_map(|part| match &part.kind {
        Kind::Call(call) => Some(&*call.name),
        Kind::Text { .. }
        | Kind::Image(_)
        | Kind::Document(_)
        | Kind::Audio(_)
        | Kind::Video(_)
        | Kind::Result(_)
        | Kind::Thinking { .. }
        | Kind::Refusal(_)
        | Kind::Native(_) => None,
    });
    names.filter(|name| seen.insert(*name)).collect()
}

fn one(list: &mut List<'_>, tool: &Tool<'_>, own: bool, family: Family, losses: &mut Losses) {
    let schema: Cow<'_, str> = match &tool.kind {
        ToolKind::Builtin { raw } => {
            list.raw(raw.get());
            Cow::Borrowed("")
        }
        ToolKind::Function { schema, .. } => {
            let schema = schema.as_ref().map(|schema| schema.get().trim());
            Cow::Borrowed(schema.filter(|schema| own || schema.len() > 2).unwrap_or(NO_ARGUMENTS))
        }
        ToolKind::FreeForm { format } => {
            losses.note_if(format.is_some(), Field::FreeFormTools);
            Cow::Owned(free_form_schema())
        }
    };
    if !schema.is_empty() {
        let mut entry = list.object();
        let mut spec = entry.object("toolSpec");
        spec.text("name", &tool.name);
        spec.text_if("description", tool.description.as_deref().filter(|text| !text.is_empty()));
        spec.object("inputSchema").raw("json", &schema);
        match &tool.kind {
            ToolKind::Function { strict: Some(strict), .. } if own => {
                spec.flag("strict", *strict);
            }
            // Only some models take it.
            ToolKind::Function { strict, .. } => losses.note_if(*strict == Some(true), Field::ToolStrict),
            ToolKind::FreeForm { .. } | ToolKind::Builtin { .. } => {}
        }
        if own {
            tool.extra.iter().for_each(|(key, value)| {
                spec.raw(key, value.get());
            });
        } else {
            losses.note_if(!tool.extra.is_empty(), Field::Unknown);
        }
    }
    if let Some(cache) = &tool.cache {
        super::write_block::cache_point(list, cache, own, family, losses);
    }
}
