//! Reads a request.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::block::{Content, RawCache};
use crate::Wire;
use crate::conversation::{
    Effort, Extra, Message, Output, Reasoning, Request, Role, Sampling, Str, Thinking, Tool, ToolChoice, ToolKind,
};
use crate::json::list::{each, map};
use crate::json::object::object;
use crate::loss::{Field, Losses};
use crate::translate::{Bad, Hints};

object! {
    struct Body<'a> {
        model: Str<'a> = "model",
        messages: Messages<'a> = "messages",
        system: Content<'a> = "system",
        max_tokens: u64 = "max_tokens",
        tools: Vec<&'a RawValue> = "tools",
        tool_choice: Choice<'a> = "tool_choice",
        thinking: &'a RawValue = "thinking",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_k: u64 = "top_k",
        stop: Vec<Str<'a>> = "stop_sequences",
        stream: bool = "stream",
        metadata: Metadata<'a> = "metadata",
        service_tier: Str<'a> = "service_tier",
        output_config: OutputConfig<'a> = "output_config",
        /// The beta's place for what is now `output_config.format`.
        output_format: Format<'a> = "output_format",
        cache: RawCache<'a> = "cache_control",
        ..extra: Extra<'a>,
    }
}

object! {
    struct RawMessage<'a> {
        role: Str<'a> = "role",
        content: Content<'a> = "content",
        ..extra: Extra<'a>,
    }
}

/// Each is what was meant as soon as it is read: what stands in between is several times as large.
#[derive(Debug)]
struct Messages<'a> {
    read: Result<Vec<Message<'a>>, Bad>,
    lost: Losses,
}

impl<'de> Deserialize<'de> for Messages<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut lost = Losses::default();
        let read = each(deserializer, |raw: RawMessage<'de>| message(raw, &mut lost))?;
        Ok(Self { read, lost })
    }
}

object! { struct Metadata<'a> { user: Str<'a> = "user_id", ..extra: bool, } }
object! { struct OutputConfig<'a> { effort: Str<'a> = "effort", format: Format<'a> = "format", ..extra: bool, } }
object! {
    struct Format<'a> {
        kind: Str<'a> = "type",
        schema: &'a RawValue = "schema",
        /// As some write it who come from OpenAI.
        json_schema: Named<'a> = "json_schema",
        ..extra: bool,
    }
}
object! { struct Named<'a> { name: Str<'a> = "name", schema: &'a RawValue = "schema", strict: bool = "strict", } }
object! {
    struct Choice<'a> {
        kind: Str<'a> = "type",
        name: Str<'a> = "name",
        not_parallel: bool = "disable_parallel_tool_use",
        ..extra: bool,
    }
}
object! {
    struct RawTool<'a> {
        kind: Str<'a> = "type",
        name: Str<'a> = "name",
        description: Str<'a> = "description",
        schema: &'a RawValue = "input_schema",
        strict: bool = "strict",
        cache: RawCache<'a> = "cache_control",
        ..extra: Extra<'a>,
    }
}
object! {
    struct RawThinking<'a> {
        kind: Str<'a> = "type",
        budget: u64 = "budget_tokens",
        display: Str<'a> = "display",
        ..extra: bool,
    }
}

pub fn read<'a>(body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    let body: Body<'a> = crate::json::from_bytes(body).map_err(|error| Bad::json(body, &error))?;
    let Some(model) = body.model.or(hints.model.map(Str::from)) else {
        return Err(Bad::new("model: Field required", Some("model")));
    };
    let Some(messages) = body.messages else {
        return Err(Bad::new("messages: Field required", Some("messages")));
    };
    let mut lost = Losses::default();
    lost = lost.with(messages.lost);
    let messages = messages.read?;
    let system = body.system.map(|content| content.parts(&mut lost).ok_or(BAD_SYSTEM)).transpose()?.unwrap_or_default();
    let tools = map(body.tools.unwrap_or_default(), tool);
    let parallel_calls =
        body.tool_choice.as_ref().and_then(|choice| choice.not_parallel).map(|not_parallel| !not_parallel);
    let tool_choice = body.tool_choice.and_then(|choice| tool_choice(choice, &mut lost));
    let config = body.output_config.unwrap_or_default();
    lost.note_if(config.extra, Field::Unknown);
    let reasoning = reasoning(body.thinking, config.effort.as_deref(), &mut lost);
    let metadata = body.metadata.unwrap_or_default();
    lost.note_if(metadata.extra, Field::Unknown);
    Ok(Request {
        system,
        messages,
        tools,
        tool_choice,
        parallel_calls,
        output: config.format.or(body.output_format).and_then(|format| output(format, &mut lost)),
        sampling: Sampling {
            temperature: body.temperature,
            top_p: body.top_p,
            top_k: body.top_k,
            ..Sampling::default()
        },
        stop: body.stop.unwrap_or_default(),
        max_tokens: body.max_tokens,
        reasoning,
        stream: hints.stream.or(body.stream).unwrap_or(false),
        include_usage: true,
        user: metadata.user,
        service_tier: body.service_tier,
        cache: body.cache.map(RawCache::cache),
        extra: body.extra,
        lost,
        ..Request::new(Wire::Messages, model)
    })
}

const BAD_SYSTEM: Bad = Bad::new("system: a block has members of the wrong type", Some("system"));
const BAD_CONTENT: Bad = Bad::new("messages: a content block has members of the wrong type", Some("messages"));

fn message<'a>(raw: RawMessage<'a>, lost: &mut Losses) -> Result<Message<'a>, Bad> {
    let role = match raw.role.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        // Between the messages it is newer than at the top; Claude Code sends it.
        Some("system") => Role::System,
        Some(_) | None => return Err(Bad::new("messages: a role is missing or unknown", Some("messages"))),
    };
    let content = raw.content.ok_or(Bad::new("messages: content: Field required", Some("messages")))?;
    let parts = content.parts(lost).ok_or(BAD_CONTENT)?;
    Ok(Message { extra: raw.extra, ..Message::new(role, parts) })
}

fn tool(json: &RawValue) -> Tool<'_> {
    let raw: RawTool<'_> = serde_json::from_str(json.get()).unwrap_or_default();
    if !matches!(raw.kind.as_deref(), None | Some("custom")) {
        return Tool {
            name: raw.kind.unwrap_or_default(),
            description: None,
            kind: ToolKind::Builtin { raw: Cow::Borrowed(json) },
            cache: None,
            extra: Extra::new(),
        };
    }
    Tool {
        name: raw.name.unwrap_or_default(),
        description: raw.description,
        kind: ToolKind::Function { schema: raw.schema.map(Cow::Borrowed), strict: raw.strict },
        cache: raw.cache.map(RawCache::cache),
        extra: raw.extra,
    }
}

fn tool_choice<'a>(choice: Choice<'a>, lost: &mut Losses) -> Option<ToolChoice<'a>> {
    lost.note_if(choice.extra, Field::Unknown);
    match (choice.kind.as_deref(), choice.name) {
        (Some("auto"), _) => Some(ToolChoice::Auto),
        (Some("any"), _) => Some(ToolChoice::Required),
        (Some("none"), _) => Some(ToolChoice::None),
        (Some("tool"), Some(name)) => Some(ToolChoice::Named(name)),
        (Some(_) | None, _) => {
            lost.note(Field::Unknown);
            None
        }
    }
}

fn output<'a>(format: Format<'a>, lost: &mut Losses) -> Option<Output<'a>> {
    lost.note_if(format.extra, Field::Unknown);
    let named = format.json_schema.unwrap_or_default();
    let Some(schema) = format.schema.or(named.schema) else {
        lost.note(Field::Unknown);
        return None;
    };
    Some(Output::Schema { name: named.name, description: None, schema: Cow::Borrowed(schema), strict: named.strict })
}

fn reasoning<'a>(thinking: Option<&'a RawValue>, effort: Option<&str>, lost: &mut Losses) -> Reasoning<'a> {
    let mut reasoning = Reasoning { effort: effort.and_then(Effort::from_label), ..Reasoning::default() };
    lost.note_if(effort.is_some() && reasoning.effort.is_none(), Field::Unknown);
    let Some(json) = thinking else { return reasoning };
    let raw: RawThinking<'a> = serde_json::from_str(json.get()).unwrap_or_default();
    lost.note_if(raw.extra, Field::Unknown);
    reasoning.budget = raw.budget;
    reasoning.show = raw.display.as_deref().map(|display| display != "omitted");
    reasoning.thinking = match raw.kind.as_deref() {
        Some("enabled") => Some(Thinking::On),
        Some("disabled") => Some(Thinking::Off),
        Some("adaptive") => Some(Thinking::Adaptive),
        Some(_) | None => {
            lost.note(Field::Unknown);
            None
        }
    };
    reasoning
}
