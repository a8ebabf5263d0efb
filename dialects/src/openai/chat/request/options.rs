//! What a request says beside its messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::message::RawCache;
use crate::conversation::{Effort, Extra, Json, Output, Reasoning, Str, Thinking, Tool, ToolChoice, ToolKind};
use crate::json::object::object;
use crate::loss::{Field, Losses};

object! {
    struct RawTool<'a> {
        kind: Str<'a> = "type",
        function: Function<'a> = "function",
        custom: Custom<'a> = "custom",
        cache: RawCache<'a> = "cache_control",
        ..extra: Extra<'a>,
    }
}

object! {
    /// A function that may be called; also an entry of the old `functions`.
    pub struct Function<'a> {
        name: Str<'a> = "name",
        description: Str<'a> = "description",
        parameters: &'a RawValue = "parameters",
        strict: bool = "strict",
        ..extra: bool,
    }
}

object! {
    struct Custom<'a> {
        name: Str<'a> = "name",
        description: Str<'a> = "description",
        format: &'a RawValue = "format",
    }
}

pub fn tool<'a>(json: &'a RawValue, lost: &mut Losses) -> Tool<'a> {
    let raw: RawTool<'a> = serde_json::from_str(json.get()).unwrap_or_default();
    let cache = raw.cache.map(RawCache::cache);
    match (raw.kind.as_deref(), raw.function, raw.custom) {
        (Some("function") | None, Some(function), _) => Tool { cache, extra: raw.extra, ..function.tool(lost) },
        (Some("custom"), _, Some(custom)) => Tool {
            name: custom.name.unwrap_or_default(),
            description: custom.description,
            kind: ToolKind::FreeForm { format: custom.format.map(Cow::Borrowed) },
            cache,
            extra: raw.extra,
        },
        (_, _, _) => Tool {
            name: raw.kind.unwrap_or_default(),
            description: None,
            kind: ToolKind::Builtin { raw: Cow::Borrowed(json) },
            cache: None,
            extra: Extra::new(),
        },
    }
}

impl<'a> Function<'a> {
    pub fn tool(self, lost: &mut Losses) -> Tool<'a> {
        lost.note_if(self.extra, Field::Unknown);
        Tool {
            name: self.name.unwrap_or_default(),
            description: self.description,
            kind: ToolKind::Function { schema: self.parameters.map(Cow::Borrowed), strict: self.strict },
            cache: None,
            extra: Extra::new(),
        }
    }
}

/// `tool_choice`, or the old `function_call`; None for what is neither.
pub fn tool_choice<'a>(json: &'a RawValue) -> Option<ToolChoice<'a>> {
    object! { struct Named<'a> { name: Str<'a> = "name", } }
    object! { struct Allowed<'a> { mode: Str<'a> = "mode", tools: Vec<Choice<'a>> = "tools", } }
    object! {
        struct Choice<'a> {
            kind: Str<'a> = "type",
            function: Named<'a> = "function",
            custom: Named<'a> = "custom",
            allowed: Allowed<'a> = "allowed_tools",
            name: Str<'a> = "name",
        }
    }
    impl<'a> Choice<'a> {
        fn name(self) -> Option<Str<'a>> {
            self.function.or(self.custom).and_then(|named| named.name).or(self.name)
        }
    }
    if json.get().starts_with('"') {
        return match &*Str::json_text(json) {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            // Mistral's word is `any`.
            "required" | "any" => Some(ToolChoice::Required),
            _ => None,
        };
    }
    let choice: Choice<'a> = serde_json::from_str(json.get()).ok()?;
    match choice.allowed {
        Some(allowed) => {
            let names = allowed.tools.unwrap_or_default().into_iter().filter_map(Choice::name).collect();
            Some(ToolChoice::Among { names, required: allowed.mode.as_deref() == Some("required") })
        }
        None => choice.name().map(ToolChoice::Named),
    }
}

/// `response_format`; None for what is none of OpenAI's.
pub fn output<'a>(json: &'a RawValue, lost: &mut Losses) -> Option<Output<'a>> {
    object! {
        struct Schema<'a> {
            name: Str<'a> = "name",
            description: Str<'a> = "description",
            schema: &'a RawValue = "schema",
            strict: bool = "strict",
            ..extra: bool,
        }
    }
    object! { struct Format<'a> { kind: Str<'a> = "type", schema: Schema<'a> = "json_schema", ..extra: bool, } }
    let format: Format<'a> = serde_json::from_str(json.get()).ok()?;
    match (format.kind.as_deref(), format.schema) {
        (Some("text"), _) => Some(Output::Text),
        (Some("json_object"), _) => {
            // Together and llama.cpp take a schema here.
            lost.note_if(format.extra, Field::Unknown);
            Some(Output::Json)
        }
        (Some("json_schema"), Some(schema)) => {
            lost.note_if(schema.extra || format.extra, Field::Unknown);
            let json: Json<'a> = Cow::Borrowed(schema.schema?);
            Some(Output::Schema {
                name: schema.name,
                description: schema.description,
                schema: json,
                strict: schema.strict,
            })
        }
        (_, _) => None,
    }
}

/// `reasoning_effort`, OpenRouter's `reasoning` and the `thinking` of DeepSeek, GLM and Kimi.
#[derive(Debug, Default)]
pub struct RawReasoning<'a> {
    pub effort: Option<&'a RawValue>,
    pub object: Option<&'a RawValue>,
    pub switch: Option<&'a RawValue>,
}

pub fn reasoning<'a>(raw: &RawReasoning<'a>, extra: &mut Extra<'a>, lost: &mut Losses) -> Reasoning<'a> {
    object! {
        struct Object<'a> {
            effort: Str<'a> = "effort",
            max_tokens: u64 = "max_tokens",
            enabled: bool = "enabled",
            exclude: bool = "exclude",
            summary: Str<'a> = "summary",
            ..extra: bool,
        }
    }
    object! { struct Switch<'a> { kind: Str<'a> = "type", budget: u64 = "budget_tokens", ..extra: bool, } }
    let mut reasoning = Reasoning::default();
    if let Some(json) = raw.effort {
        reasoning.effort = Effort::from_label(&Str::json_text(json));
        if reasoning.effort.is_none() {
            extra.push(("reasoning_effort".into(), json));
        }
    }
    if let Some(json) = raw.object {
        match serde_json::from_str::<Object<'a>>(json.get()) {
            Ok(object) => {
                lost.note_if(object.extra, Field::Unknown);
                let effort = object.effort.as_deref().and_then(Effort::from_label);
                lost.note_if(object.effort.is_some() && effort.is_none(), Field::Unknown);
                reasoning.effort = effort.or(reasoning.effort);
                reasoning.budget = object.max_tokens;
                reasoning.thinking = object.enabled.map(|on| if on { Thinking::On } else { Thinking::Off });
                reasoning.show = object.exclude.map(|hide| !hide);
                reasoning.summary = object.summary;
            }
            Err(_) => extra.push(("reasoning".into(), json)),
        }
    }
    if let Some(json) = raw.switch {
        match serde_json::from_str::<Switch<'a>>(json.get()) {
            Ok(Switch { kind: Some(kind), budget, extra: inner, .. }) => {
                lost.note_if(inner, Field::Unknown);
                reasoning.budget = budget.or(reasoning.budget);
                reasoning.thinking = match &*kind {
                    "enabled" => Some(Thinking::On),
                    "disabled" => Some(Thinking::Off),
                    "adaptive" | "auto" => Some(Thinking::Adaptive),
                    _ => {
                        lost.note(Field::Unknown);
                        None
                    }
                };
            }
            Ok(Switch { kind: None, .. }) | Err(_) => extra.push(("thinking".into(), json)),
        }
    }
    reasoning
}
