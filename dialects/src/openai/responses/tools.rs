//! Tools and the choice among them, read and written.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::item::filled;
use super::namespace;
use crate::conversation::{Extra, Maybe, Request, Tool, ToolChoice, ToolKind};
use crate::json::object::object;
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};

object! {
    struct RawTool<'a> {
        kind: Maybe<'a> = "type",
        name: Maybe<'a> = "name",
        description: Maybe<'a> = "description",
        parameters: &'a RawValue = "parameters",
        strict: bool = "strict",
        format: &'a RawValue = "format",
        ..extra: Extra<'a>,
    }
}

object! {
    struct Namespace<'a> {
        kind: Maybe<'a> = "type",
        name: Maybe<'a> = "name",
        tools: Vec<&'a RawValue> = "tools",
        ..extra: Extra<'a>,
    }
}

/// Reads an entry of `tools`: one tool, or those of a namespace.
pub fn read<'a>(json: &'a RawValue, tools: &mut Vec<Tool<'a>>) {
    if let Some(mut grouped) = grouped(json) {
        tools.append(&mut grouped);
        return;
    }
    tools.push(plain(json).unwrap_or_else(|| {
        let kind = serde_json::from_str::<RawTool<'a>>(json.get()).ok().and_then(|raw| filled(raw.kind));
        Tool {
            name: kind.unwrap_or_default(),
            description: None,
            kind: ToolKind::Builtin { raw: Cow::Borrowed(json) },
            cache: None,
            extra: Extra::new(),
        }
    }));
}

/// A function, or a tool that takes text.
fn plain<'a>(json: &'a RawValue) -> Option<Tool<'a>> {
    let raw: RawTool<'a> = serde_json::from_str(json.get()).ok()?;
    let kind = match &*filled(raw.kind)? {
        "function" => ToolKind::Function { schema: raw.parameters.map(Cow::Borrowed), strict: raw.strict },
        "custom" => ToolKind::FreeForm { format: raw.format.map(Cow::Borrowed) },
        _ => return None,
    };
    Some(Tool {
        name: filled(raw.name)?,
        description: raw.description.and_then(|text| text.0),
        kind,
        cache: None,
        extra: raw.extra,
    })
}

/// The tools of a namespace, each under a name of its own; None where it is none, or holds what is no tool.
fn grouped<'a>(json: &'a RawValue) -> Option<Vec<Tool<'a>>> {
    let group: Namespace<'a> = serde_json::from_str(json.get()).ok()?;
    if &*filled(group.kind)? != "namespace" {
        return None;
    }
    let space = filled(group.name)?;
    let mut tools = group.tools?.into_iter().map(plain).collect::<Option<Vec<_>>>()?;
    for tool in &mut tools {
        tool.name = namespace::join(Some(&space), std::mem::take(&mut tool.name));
    }
    let first = tools.first_mut()?;
    first.extra.extend(group.extra.into_iter().map(|(key, value)| (namespace::member(&key), value)));
    Some(tools)
}

/// Reads `tool_choice`; None for a choice that only this format knows.
pub fn read_choice<'a>(json: &'a RawValue) -> Option<ToolChoice<'a>> {
    object! {
        struct Choice<'a> {
            kind: Maybe<'a> = "type",
            name: Maybe<'a> = "name",
            namespace: Maybe<'a> = "namespace",
            mode: Maybe<'a> = "mode",
            tools: Vec<Choice<'a>> = "tools",
        }
    }
    impl<'a> Choice<'a> {
        fn named(self) -> Option<crate::conversation::Str<'a>> {
            let space = filled(self.namespace);
            match &*filled(self.kind)? {
                "function" | "custom" => Some(namespace::join(space.as_deref(), filled(self.name)?)),
                _ => None,
            }
        }
    }
    if json.get().starts_with('"') {
        return match serde_json::from_str::<Maybe<'a>>(json.get()).ok()?.0.as_deref()? {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            "required" => Some(ToolChoice::Required),
            _ => None,
        };
    }
    let mut choice: Choice<'a> = serde_json::from_str(json.get()).ok()?;
    match choice.tools.take() {
        Some(tools) => {
            let names = tools.into_iter().map(Choice::named).collect::<Option<Vec<_>>>()?;
            Some(ToolChoice::Among { names, required: filled(choice.mode).as_deref() == Some("required") })
        }
        None => choice.named().map(ToolChoice::Named),
    }
}

/// Writes the tools and the choice among them.
pub fn write(object: &mut Object<'_>, request: &Request<'_>, own: bool, losses: &mut Losses) {
    let builtin = |tool: &Tool<'_>| !own && matches!(tool.kind, ToolKind::Builtin { .. });
    losses.note_if(request.tools.iter().any(builtin), Field::BuiltinTools);
    let tools: Vec<&Tool<'_>> = request.tools.iter().filter(|tool| !builtin(tool)).collect();
    if tools.is_empty() {
        // A choice without tools is refused, unless they are among the items (`additional_tools`).
        if own {
            choice(object, request);
        }
        return;
    }
    let mut list = object.list("tools");
    for group in tools.chunk_by(|a, b| space(a).is_some() && space(a) == space(b)) {
        match group.first().and_then(|first| Some((first, space(first)?))) {
            Some((first, name)) => {
                let mut entry = list.object();
                entry.text("type", "namespace").text("name", name);
                for (key, value) in &first.extra {
                    if let Some(key) = namespace::of_member(key) {
                        entry.raw(key, value.get());
                    }
                }
                let mut inner = entry.list("tools");
                group.iter().for_each(|tool| one(&mut inner, tool, own, losses));
            }
            None => group.iter().for_each(|tool| one(&mut list, tool, own, losses)),
        }
    }
    drop(list);
    choice(object, request);
}

fn space<'t>(tool: &'t Tool<'_>) -> Option<&'t str> {
    match &tool.kind {
        ToolKind::Function { .. } | ToolKind::FreeForm { .. } => namespace::split(&tool.name).0,
        ToolKind::Builtin { .. } => None,
    }
}

fn one(list: &mut List<'_>, tool: &Tool<'_>, own: bool, losses: &mut Losses) {
    losses.note_if(!own && tool.cache.is_some(), Field::CacheMarkers);
    losses.note_if(!own && !tool.extra.is_empty(), Field::Unknown);
    let name = namespace::split(&tool.name).1;
    let mut entry = match &tool.kind {
        ToolKind::Builtin { raw } => {
            list.raw(raw.get());
            return;
        }
        ToolKind::Function { schema, strict } => {
            let mut entry = list.object();
            entry.text("type", "function").text("name", name).text_if("description", tool.description.as_deref());
            match schema {
                Some(schema) => entry.raw("parameters", schema.get()),
                // It must be there.
                None if !own => entry.raw("parameters", r#"{"type":"object","properties":{}}"#),
                None => &mut entry,
            };
            // Unsaid it is true here, and false everywhere else.
            if let Some(strict) = strict.or((!own).then_some(false)) {
                entry.flag("strict", strict);
            }
            entry
        }
        ToolKind::FreeForm { format } => {
            let mut entry = list.object();
            entry.text("type", "custom").text("name", name).text_if("description", tool.description.as_deref());
            if let Some(format) = format {
                entry.raw("format", format.get());
            }
            entry
        }
    };
    if own {
        for (key, value) in &tool.extra {
            if namespace::of_member(key).is_none() {
                entry.raw(key, value.get());
            }
        }
    }
}

fn choice(object: &mut Object<'_>, request: &Request<'_>) {
    if let Some(parallel) = request.parallel_calls {
        object.flag("parallel_tool_calls", parallel);
    }
    let free_form: HashSet<&str> = request.free_form().collect();
    let named = |entry: &mut Object<'_>, full: &str| {
        let free = free_form.contains(full);
        let (space, name) = namespace::split(full);
        entry.text("type", if free { "custom" } else { "function" }).text_if("namespace", space).text("name", name);
    };
    match &request.tool_choice {
        None => {}
        Some(ToolChoice::Auto) => {
            object.text("tool_choice", "auto");
        }
        Some(ToolChoice::None) => {
            object.text("tool_choice", "none");
        }
        Some(ToolChoice::Required) => {
            object.text("tool_choice", "required");
        }
        Some(ToolChoice::Named(name)) => named(&mut object.object("tool_choice"), name),
        Some(ToolChoice::Among { names, required }) => {
            let mut choice = object.object("tool_choice");
            choice.text("type", "allowed_tools").text("mode", if *required { "required" } else { "auto" });
            let mut list = choice.list("tools");
            names.iter().for_each(|name| named(&mut list.object(), name));
        }
    }
}
