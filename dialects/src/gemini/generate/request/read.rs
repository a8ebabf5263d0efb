//! Reads a request.
//!
//! The model and whether to stream stand in the path, so they come as hints. `cachedContent`, which holds the beginning
//! of the conversation, is an earlier answer that the provider keeps: without it the rest means something else.

use serde_json::value::RawValue;

use super::super::content::{self, Content};
use super::config::{self, Config};
use super::tools::{self, RawTool};
use crate::Wire;
use crate::conversation::{Extra, Message, Request, Role, Str};
use crate::json::object::object;
use crate::translate::{Bad, Hints};

object! {
    struct Body<'a> {
        /// Of the path, which some clients repeat.
        model: Str<'a> = "model",
        contents: Contents<'a> = "contents",
        system: System<'a> = "systemInstruction" | "system_instruction",
        tools: Vec<RawTool<'a>> = "tools",
        tool_config: tools::Config<'a> = "toolConfig" | "tool_config",
        config: Config<'a> = "generationConfig" | "generation_config",
        cached: Str<'a> = "cachedContent" | "cached_content",
        labels: &'a RawValue = "labels",
        service_tier: Str<'a> = "serviceTier" | "service_tier",
        ..extra: Extra<'a>,
    }
}

/// A list of contents, or one of them.
#[derive(Debug)]
struct Contents<'a>(Vec<Content<'a>>);

impl<'de> serde::Deserialize<'de> for Contents<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        let read = match raw.get().starts_with('[') {
            true => serde_json::from_str(raw.get()),
            false => serde_json::from_str(raw.get()).map(|one| vec![one]),
        };
        read.map(Contents).map_err(serde::de::Error::custom)
    }
}

/// A content, or a bare text, which some clients write.
#[derive(Debug)]
struct System<'a>(Content<'a>);

impl<'de> serde::Deserialize<'de> for System<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            return serde_json::from_str(raw.get()).map(System).map_err(serde::de::Error::custom);
        }
        Err(serde::de::Error::custom("not a content"))
    }
}

const CONTENTS: Option<&str> = Some("contents");

pub fn read<'a>(body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    let read: Body<'a> = crate::json::from_bytes(body).map_err(|error| Bad::json(body, &error))?;
    let named = read.model.map(|model| match model.strip_prefix("models/") {
        Some(bare) => bare.to_owned().into(),
        None => model,
    });
    let Some(model) = hints.model.map(Str::from).or(named) else {
        return Err(Bad::new("You must name a model in the path.", Some("model")));
    };
    let Some(contents) = read.contents else {
        return Err(Bad::new("You must provide contents.", CONTENTS));
    };
    let mut request = Request::new(Wire::Gemini, model);
    request.stream = hints.stream.unwrap_or(false);
    request.extra = read.extra;
    request.messages = contents.0.into_iter().map(message).collect::<Result<_, _>>()?;
    if let Some(System(content)) = read.system {
        request.system = content::parts(content.parts).map_err(|_| {
            Bad::new("A part of the instruction has members of the wrong type.", Some("systemInstruction"))
        })?;
    }
    for tool in read.tools.into_iter().flatten() {
        tool.tools(&mut request.tools);
    }
    if let Some(config) = read.tool_config {
        tools::read_config(config, &mut request);
    }
    if let Some(config) = read.config {
        config::read(config, &mut request);
    }
    request.previous = read.cached;
    request.metadata = read.labels.map(std::borrow::Cow::Borrowed);
    request.service_tier = read.service_tier;
    Ok(request)
}

fn message(content: Content<'_>) -> Result<Message<'_>, Bad> {
    let role = match content.role.as_deref() {
        None | Some("" | "user") => Role::User,
        Some("model" | "assistant") => Role::Assistant,
        Some("function" | "tool") => Role::Tool,
        Some("system") => Role::System,
        Some(_) => return Err(Bad::new("A content has a role that is unknown here.", CONTENTS)),
    };
    let parts = content::parts(content.parts)
        .map_err(|_| Bad::new("A part of a content has members of the wrong type.", CONTENTS))?;
    Ok(Message { extra: content.extra, ..Message::new(role, parts) })
}
