//! `tools` and `toolConfig`.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::super::{path, schema};
use crate::Wire;
use crate::conversation::{Extra, Request, Str, Tool, ToolChoice, ToolKind};
use crate::json::object::object;
use crate::json::put::Object;
use crate::loss::{Field, Losses};
use crate::translate::FREE_FORM;

/// Where the unknown members of `toolConfig` are kept.
const CONFIG: &str = "toolConfig.";
const CALLING: &str = "toolConfig.functionCallingConfig.";

object! {
    /// One entry may hold functions and any number of built-in tools, each under its own name.
    pub struct RawTool<'a> {
        functions: Vec<Declaration<'a>> = "functionDeclarations" | "function_declarations",
        ..extra: Extra<'a>,
    }
}

object! {
    pub struct Declaration<'a> {
        name: Str<'a> = "name",
        description: Str<'a> = "description",
        parameters: &'a RawValue = "parameters",
        json_schema: &'a RawValue = "parametersJsonSchema" | "parameters_json_schema",
        ..extra: Extra<'a>,
    }
}

object! {
    pub struct Config<'a> {
        calling: Calling<'a> = "functionCallingConfig" | "function_calling_config",
        ..extra: Extra<'a>,
    }
}

object! {
    pub struct Calling<'a> {
        mode: &'a RawValue = "mode",
        names: Vec<Str<'a>> = "allowedFunctionNames" | "allowed_function_names",
        ..extra: Extra<'a>,
    }
}

impl<'a> RawTool<'a> {
    pub fn tools(self, into: &mut Vec<Tool<'a>>) {
        for function in self.functions.into_iter().flatten() {
            let subset = || function.parameters.map(schema::to_json_schema);
            let schema = function.json_schema.map(Cow::Borrowed).or_else(subset);
            into.push(Tool {
                name: function.name.unwrap_or_default(),
                description: function.description,
                kind: ToolKind::Function { schema, strict: None },
                cache: None,
                extra: function.extra,
            });
        }
        for (name, value) in self.extra {
            let mut out = Vec::new();
            Object::open(&mut out).raw(&name, value.get());
            let raw = String::from_utf8(out).ok().and_then(|text| RawValue::from_string(text).ok());
            let raw = raw.map_or(Cow::Borrowed(value), Cow::Owned);
            let kind = ToolKind::Builtin { raw };
            into.push(Tool { name, description: None, kind, cache: None, extra: Vec::new() });
        }
    }
}

/// Puts the choice into the request, and what else there is into its extra members.
pub fn read_config<'a>(config: Config<'a>, request: &mut Request<'a>) {
    path::keep(&mut request.extra, CONFIG, config.extra);
    let Some(calling) = config.calling else { return };
    path::keep(&mut request.extra, CALLING, calling.extra);
    let mode = calling.mode.map(|raw| Str::json_text(raw).to_ascii_uppercase());
    let names = calling.names.unwrap_or_default();
    // A number where a client writes enums so.
    request.tool_choice = match mode.as_deref() {
        Some("AUTO" | "1") | None if names.is_empty() => mode.map(|_| ToolChoice::Auto),
        Some("NONE" | "3") => Some(ToolChoice::None),
        Some("ANY" | "2") => Some(match <[Str<'a>; 1]>::try_from(names) {
            Ok([name]) => ToolChoice::Named(name),
            Err(names) if names.is_empty() => ToolChoice::Required,
            Err(names) => ToolChoice::Among { names, required: true },
        }),
        // Like AUTO, with arguments that fit the schema: what the others do of themselves.
        Some("VALIDATED" | "4") if names.is_empty() => Some(ToolChoice::Auto),
        // Unspecified, or newer than this.
        Some(_) | None if names.is_empty() => None,
        Some(_) | None => Some(ToolChoice::Among { names, required: false }),
    };
}

pub fn write(top: &mut Object<'_>, request: &Request<'_>, losses: &mut Losses) {
    let own = request.wire == Wire::Gemini;
    let functions = || request.tools.iter().filter(|tool| !matches!(tool.kind, ToolKind::Builtin { .. }));
    let builtin = || {
        request.tools.iter().filter_map(|tool| match &tool.kind {
            ToolKind::Builtin { raw } => Some(raw),
            ToolKind::Function { .. } | ToolKind::FreeForm { .. } => None,
        })
    };
    losses.note_if(!own && builtin().next().is_some(), Field::BuiltinTools);
    losses.note_if(request.parallel_calls == Some(false), Field::ParallelCalls);
    let any = functions().next().is_some();
    if any || own && builtin().next().is_some() {
        let mut tools = top.list("tools");
        if any {
            let mut entry = tools.object();
            let mut list = entry.list("functionDeclarations");
            for tool in functions() {
                declaration(&mut list.object(), tool, own, losses);
            }
        }
        for raw in builtin().filter(|_| own) {
            tools.raw(raw.get());
        }
    }
    write_config(top, request, any, losses);
}

fn declaration(object: &mut Object<'_>, tool: &Tool<'_>, own: bool, losses: &mut Losses) {
    object.text("name", &tool.name).text_if("description", tool.description.as_deref());
    match &tool.kind {
        ToolKind::Function { schema, strict } => {
            losses.note_if(*strict == Some(true), Field::ToolStrict);
            if let Some(schema) = schema {
                schema::put(object, "parameters", "parametersJsonSchema", schema);
            }
        }
        ToolKind::FreeForm { format } => {
            losses.note_if(format.is_some(), Field::FreeFormTools);
            schema::one_text(object, "parameters", FREE_FORM);
        }
        ToolKind::Builtin { .. } => {}
    }
    losses.note_if(tool.cache.is_some(), Field::CacheMarkers);
    if own {
        path::put(object, &tool.extra, "");
    } else {
        losses.note_if(!tool.extra.is_empty(), Field::Unknown);
    }
}

fn write_config(top: &mut Object<'_>, request: &Request<'_>, any: bool, losses: &mut Losses) {
    let own = request.wire == Wire::Gemini;
    // A choice without functions is an error upstream, and none is what there is to choose from.
    let choice = request.tool_choice.as_ref().filter(|_| any || own);
    if choice.is_none() && !(own && path::any(&request.extra, CONFIG)) {
        return;
    }
    let mut config = top.object("toolConfig");
    if own {
        path::put(&mut config, &request.extra, CONFIG);
    }
    let Some(choice) = choice else { return };
    let mut calling = config.object("functionCallingConfig");
    let (mode, names) = match choice {
        ToolChoice::Auto => ("AUTO", &[][..]),
        ToolChoice::None => ("NONE", &[][..]),
        ToolChoice::Required => ("ANY", &[][..]),
        ToolChoice::Named(name) => ("ANY", std::slice::from_ref(name)),
        ToolChoice::Among { names, required: true } => ("ANY", &names[..]),
        // AUTO takes no names.
        ToolChoice::Among { names, required: false } => ("VALIDATED", &names[..]),
    };
    calling.text("mode", mode);
    // A tool that is built into another provider was not declared.
    if !names.is_empty() {
        let tools: HashSet<&str> = request.tools.iter().map(|tool| &*tool.name).collect();
        let declared = |name: &&Str<'_>| own || tools.contains(&***name);
        let mut list = calling.list("allowedFunctionNames");
        for name in names.iter().filter(declared) {
            list.text(name);
        }
        losses.note_if(!names.iter().all(|name| declared(&name)), Field::BuiltinTools);
    }
    if own {
        path::put(&mut calling, &request.extra, CALLING);
    }
}
