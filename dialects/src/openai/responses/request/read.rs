//! Reads a request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::item::{self, filled};
use super::super::{content, tools};
use super::turns::Turns;
use crate::Wire;
use crate::conversation::{Effort, Extra, Kind, Maybe, Message, Output, Part, Reasoning, Request, Role, Sampling, Str};
use crate::json::object::object;
use crate::loss::Losses;
use crate::translate::{Bad, Hints, Refused};

object! {
    struct Body<'a> {
        model: Str<'a> = "model",
        instructions: Str<'a> = "instructions",
        input: &'a RawValue = "input",
        tools: Vec<&'a RawValue> = "tools",
        tool_choice: &'a RawValue = "tool_choice",
        parallel_tool_calls: bool = "parallel_tool_calls",
        text: Text<'a> = "text",
        reasoning: RawReasoning<'a> = "reasoning",
        include: &'a RawValue = "include",
        max_output_tokens: u64 = "max_output_tokens",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_logprobs: u64 = "top_logprobs",
        metadata: &'a RawValue = "metadata",
        store: bool = "store",
        stream: bool = "stream",
        service_tier: Str<'a> = "service_tier",
        cache_key: Str<'a> = "prompt_cache_key",
        user: Str<'a> = "user" | "safety_identifier",
        previous: Str<'a> = "previous_response_id",
        ..extra: Extra<'a>,
    }
}

object! { struct Text<'a> { format: &'a RawValue = "format", verbosity: Maybe<'a> = "verbosity", ..extra: Extra<'a>, } }

object! {
    struct RawReasoning<'a> {
        effort: &'a RawValue = "effort",
        summary: Maybe<'a> = "summary" | "generate_summary",
        ..extra: Extra<'a>,
    }
}

/// What asks for the encrypted text of thoughts. Every other format hands out the like unasked.
pub const ENCRYPTED: &str = "reasoning.encrypted_content";

pub fn read<'a>(body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    let body: Body<'a> = crate::json::from_bytes(body).map_err(|error| Bad::json(body, &error))?;
    let Some(model) = body.model.or(hints.model.map(Str::from)) else {
        return Err(Bad::new("You must provide a model parameter.", Some("model")));
    };
    let mut lost = Losses::default();
    let mut extra = body.extra;

    let messages = match body.input {
        // A stored prompt, or an earlier answer, may be all of it.
        None => Vec::new(),
        Some(json) => input(json, &mut lost)?,
    };
    let mut all_tools = Vec::new();
    body.tools.into_iter().flatten().for_each(|json| tools::read(json, &mut all_tools));
    let tool_choice = body.tool_choice.and_then(tools::read_choice);
    if let (Some(json), None) = (body.tool_choice, &tool_choice) {
        extra.push(("tool_choice".into(), json));
    }
    let text = body.text.unwrap_or_default();
    let output = text.format.and_then(format);
    if let (Some(json), None) = (text.format, &output) {
        extra.push(("text.format".into(), json));
    }
    inner("text", text.extra, &mut extra);
    let reasoning = reasoning(body.reasoning.unwrap_or_default(), &mut extra);
    if let Some(json) = body.include.filter(|json| !only_encrypted(json)) {
        extra.push(("include".into(), json));
    }
    let include_state = body.include.is_some_and(asks_encrypted);
    Ok(Request {
        system: body.instructions.map(|text| vec![Part::text(text)]).unwrap_or_default(),
        messages,
        tools: all_tools,
        tool_choice,
        parallel_calls: body.parallel_tool_calls,
        output,
        sampling: Sampling {
            temperature: body.temperature,
            top_p: body.top_p,
            top_logprobs: body.top_logprobs,
            ..Sampling::default()
        },
        max_tokens: body.max_output_tokens,
        reasoning,
        verbosity: filled(text.verbosity),
        stream: hints.stream.or(body.stream).unwrap_or(false),
        include_state,
        user: body.user,
        metadata: body.metadata.map(Cow::Borrowed),
        service_tier: body.service_tier,
        store: body.store,
        cache_key: body.cache_key,
        previous: body.previous,
        extra,
        lost,
        ..Request::new(Wire::Responses, model)
    })
}

fn input<'a>(json: &'a RawValue, lost: &mut Losses) -> Result<Vec<Message<'a>>, Bad> {
    const BAD: Bad = Bad::new("input must be a string or a list of items.", Some("input"));
    if json.get().starts_with('"') {
        let text = serde_json::from_str::<Str<'a>>(json.get()).map_err(|_| BAD)?;
        return Ok(vec![Message::new(Role::User, vec![Part::text(text)])]);
    }
    let mut turns = Turns::default();
    for item in content::list(json).ok_or(BAD)? {
        turns.item(item, lost)?;
    }
    Ok(turns.messages)
}

/// Members of an inner object that nobody knows, under a key with a dot.
fn inner<'a>(of: &str, members: Extra<'a>, extra: &mut Extra<'a>) {
    extra.extend(members.into_iter().map(|(key, value)| (format!("{of}.{}", &*key).into(), value)));
}

/// `text.format`; None for what is none of the known ones.
fn format<'a>(json: &'a RawValue) -> Option<Output<'a>> {
    object! {
        struct Format<'a> {
            kind: Maybe<'a> = "type",
            name: Maybe<'a> = "name",
            description: Maybe<'a> = "description",
            schema: &'a RawValue = "schema",
            strict: bool = "strict",
            ..extra: bool,
        }
    }
    let format: Format<'a> = serde_json::from_str(json.get()).ok()?;
    if format.extra {
        return None;
    }
    match &*filled(format.kind)? {
        "text" => Some(Output::Text),
        "json_object" => Some(Output::Json),
        "json_schema" => Some(Output::Schema {
            name: filled(format.name),
            description: filled(format.description),
            schema: Cow::Borrowed(format.schema?),
            strict: format.strict,
        }),
        _ => None,
    }
}

fn reasoning<'a>(raw: RawReasoning<'a>, extra: &mut Extra<'a>) -> Reasoning<'a> {
    let effort = raw.effort.and_then(|json| Effort::from_label(&Str::json_text(json)));
    if let (Some(json), None) = (raw.effort, effort) {
        extra.push(("reasoning.effort".into(), json));
    }
    inner("reasoning", raw.extra, extra);
    Reasoning { effort, summary: filled(raw.summary), ..Reasoning::default() }
}

fn included<'a>(json: &'a RawValue) -> Option<Vec<Str<'a>>> {
    serde_json::from_str(json.get()).ok()
}

fn asks_encrypted(json: &RawValue) -> bool {
    included(json).is_some_and(|values| values.iter().any(|value| &**value == ENCRYPTED))
}

/// Nothing else is included, or nothing at all.
fn only_encrypted(json: &RawValue) -> bool {
    included(json).is_some_and(|values| values.iter().all(|value| &**value == ENCRYPTED))
}

/// What a request names that the provider keeps, or does later: only an upstream of this format can answer it.
pub fn only_here(request: &Request<'_>) -> Result<(), Refused> {
    let refused = |message, param| Err(Refused::Impossible { message, param: Some(param) });
    if request.previous.is_some() {
        return refused(
            "The provider behind this model keeps no responses: previous_response_id cannot be used. Send the whole \
             conversation in input.",
            "previous_response_id",
        );
    }
    for (key, value) in &request.extra {
        match &**key {
            "conversation" => {
                return refused("The provider behind this model keeps no conversations.", "conversation");
            }
            "prompt" => return refused("The provider behind this model keeps no prompts.", "prompt"),
            "background" if value.get() == "true" => {
                return refused("The provider behind this model does not answer in the background.", "background");
            }
            _ => {}
        }
    }
    let reference = |part: &Part<'_>| match &part.kind {
        Kind::Native(native) => item::kind(&native.raw).as_deref() == Some("item_reference"),
        Kind::Text { .. }
        | Kind::Image(_)
        | Kind::Document(_)
        | Kind::Audio(_)
        | Kind::Video(_)
        | Kind::Call(_)
        | Kind::Result(_)
        | Kind::Thinking { .. }
        | Kind::Refusal(_) => false,
    };
    if request.messages.iter().flat_map(|message| &message.parts).any(reference) {
        return refused("The provider behind this model keeps no items: item_reference cannot be used.", "input");
    }
    Ok(())
}
