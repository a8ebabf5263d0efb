//! Reads a request. No client of ours speaks this format; what is recorded of it is read here, and written again.

use serde_json::value::RawValue;

use super::super::block;
use super::tools::{self, ToolConfig};
use crate::Wire;
use crate::conversation::{Extra, Message, Output, Request, Role, Str, Thinking};
use crate::json::object::object;
use crate::translate::{Bad, Hints};

object! {
    struct Body<'a> {
        model: Str<'a> = "modelId",
        messages: Vec<RawMessage<'a>> = "messages",
        system: Vec<&'a RawValue> = "system",
        inference: Inference<'a> = "inferenceConfig",
        tools: ToolConfig<'a> = "toolConfig",
        fields: &'a RawValue = "additionalModelRequestFields",
        metadata: &'a RawValue = "requestMetadata",
        tier: Tier<'a> = "serviceTier",
        output: OutputConfig<'a> = "outputConfig",
        ..extra: Extra<'a>,
    }
}

object! { struct RawMessage<'a> { role: Str<'a> = "role", content: Vec<&'a RawValue> = "content", ..extra: Extra<'a>, } }

object! {
    struct Inference<'a> {
        max_tokens: u64 = "maxTokens",
        temperature: f64 = "temperature",
        top_p: f64 = "topP",
        stop: Vec<Str<'a>> = "stopSequences",
    }
}

object! { struct Tier<'a> { kind: Str<'a> = "type", } }
object! { struct OutputConfig<'a> { format: Format<'a> = "textFormat", } }
object! { struct Format<'a> { kind: Str<'a> = "type", structure: Structure<'a> = "structure", } }
object! { struct Structure<'a> { schema: Schema<'a> = "jsonSchema", } }
object! {
    struct Schema<'a> {
        schema: Str<'a> = "schema",
        name: Str<'a> = "name",
        description: Str<'a> = "description",
    }
}

object! {
    /// What each vendor takes in its own words; of these only Anthropic's thinking is told from the rest.
    struct Fields<'a> { thinking: RawThinking<'a> = "thinking", top_k: u64 = "top_k", ..extra: bool, }
}
object! { struct RawThinking<'a> { kind: Str<'a> = "type", budget: u64 = "budget_tokens", ..extra: bool, } }

const MESSAGES: Option<&str> = Some("messages");

pub fn read<'a>(body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    let read: Body<'a> = crate::json::from_bytes(body).map_err(|error| Bad::json(body, &error))?;
    let Some(model) = hints.model.map(Str::from).or(read.model) else {
        return Err(Bad::new("You must name a model in the path.", Some("model")));
    };
    let bad = |_| Bad::new("A block of a message's content has members of the wrong type.", MESSAGES);
    let mut request = Request::new(Wire::Converse, model);
    request.stream = hints.stream.unwrap_or(false);
    for message in read.messages.ok_or(Bad::new("You must provide messages.", MESSAGES))? {
        let role = match message.role.as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some(_) | None => return Err(Bad::new("A message has a role that is unknown here.", MESSAGES)),
        };
        let parts = block::parts(message.content.into_iter().flatten()).map_err(bad)?;
        request.messages.push(Message { extra: message.extra, ..Message::new(role, parts) });
    }
    request.system = block::parts(read.system.into_iter().flatten()).map_err(bad)?;
    let inference = read.inference.unwrap_or_default();
    request.max_tokens = inference.max_tokens;
    request.sampling.temperature = inference.temperature;
    request.sampling.top_p = inference.top_p;
    request.stop = inference.stop.unwrap_or_default();
    request.extra = read.extra;
    if let Some(config) = read.tools {
        tools::read(config, &mut request);
    }
    if let Some(fields) = read.fields {
        model_fields(fields, &mut request);
    }
    request.metadata = read.metadata.map(std::borrow::Cow::Borrowed);
    request.service_tier = read.tier.and_then(|tier| tier.kind);
    request.output = read.output.and_then(output);
    Ok(request)
}

fn model_fields<'a>(raw: &'a RawValue, request: &mut Request<'a>) {
    let fields: Fields<'a> = serde_json::from_str(raw.get()).unwrap_or_default();
    let known = !fields.extra && fields.thinking.as_ref().is_none_or(|thinking| !thinking.extra);
    // All of it, or what is left would be written back without the rest.
    if !known {
        request.extra.push(("additionalModelRequestFields".into(), raw));
        return;
    }
    request.sampling.top_k = fields.top_k;
    if let Some(thinking) = fields.thinking {
        request.reasoning.budget = thinking.budget;
        request.reasoning.thinking = match thinking.kind.as_deref() {
            Some("enabled") => Some(Thinking::On),
            Some("adaptive") => Some(Thinking::Adaptive),
            Some("disabled") => Some(Thinking::Off),
            Some(_) | None => None,
        };
    }
}

fn output(config: OutputConfig<'_>) -> Option<Output<'_>> {
    let schema = config.format?.structure?.schema?;
    let json = serde_json::value::RawValue::from_string(schema.schema?.to_string()).ok()?;
    let schema = Output::Schema {
        name: schema.name,
        description: schema.description,
        schema: std::borrow::Cow::Owned(json),
        strict: None,
    };
    Some(schema)
}
