//! Writes a request for an upstream.

use super::write_block::{self, Notes};
use super::write_think::{self, Think};
use crate::Wire;
use crate::conversation::pairing::Pairing;
use crate::conversation::{Kind, Message, Output, Part, Request, Role, Tool, ToolChoice, ToolKind};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::openai::chat::request::free_form_schema;
use crate::translate::{Refused, Target};

pub fn write(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Refused> {
    losses.note_if(request.previous.is_some(), Field::PreviousAnswer);
    losses.note_if(request.sampling.candidates.is_some_and(|n| n > 1), Field::Candidates);
    let own = request.wire == Wire::Messages;
    let think = write_think::decide(request, target, losses);
    let mut body = Vec::with_capacity(target.room.max(1_024));
    let mut object = Object::open(&mut body);
    object.text("model", target.model).whole("max_tokens", think.max_tokens);
    turns(&mut object, request, losses);
    tools(&mut object, request, losses);
    write_think::write(&mut object, request, &think);
    output_config(&mut object, request, &think, losses);
    sampling(&mut object, request, &think, losses);
    let stop: Vec<_> = request.stop.iter().filter(|text| own || !text.trim().is_empty()).collect();
    losses.note_if(stop.len() < request.stop.len(), Field::Stop);
    if !stop.is_empty() {
        let mut list = object.list("stop_sequences");
        for text in stop {
            list.text(text);
        }
    }
    if request.stream {
        object.flag("stream", true);
    }
    around(&mut object, request, losses);
    drop(object);
    Ok(body)
}

/// Where the list of messages begins: what stands before it of instructions goes to the top.
fn leading(messages: &[Message<'_>]) -> usize {
    messages.iter().take_while(|message| instructs(message)).count()
}

const fn instructs(message: &Message<'_>) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

fn turns(object: &mut Object<'_>, request: &Request<'_>, losses: &mut Losses) {
    let in_place = request.wire == Wire::Messages;
    // What came in this format stays where it was.
    let head = if in_place { 0 } else { leading(&request.messages) };
    let (head, rest) = request.messages.split_at_checked(head).unwrap_or((&[], &[]));
    let mut system: Vec<&Part<'_>> = request.system.iter().chain(head.iter().flat_map(|m| &m.parts)).collect();
    if !in_place {
        let later = rest.iter().filter(|message| instructs(message));
        system.extend(later.flat_map(|message| &message.parts));
        losses.note_if(rest.iter().any(instructs), Field::SystemPosition);
    }
    let mut notes = Notes { request, losses, pairing: Pairing::default() };
    // There must be a message: where all that was said are instructions, they are it.
    if !rest.iter().any(|message| !instructs(message)) {
        notes.losses.note_if(!system.is_empty(), Field::SystemPosition);
        let mut list = object.list("messages");
        if !system.is_empty() {
            turn(&mut list, "user", &system, &mut notes);
        }
        return;
    }
    if !system.is_empty() {
        write_block::content(object, "system", &system, &mut notes);
    }
    let mut list = object.list("messages");
    let mut results: Vec<&Part<'_>> = Vec::new();
    for message in rest {
        notes.losses.note_if(message.name.is_some(), Field::SpeakerName);
        if request.wire != Wire::Messages {
            notes.losses.note_if(!message.extra.is_empty(), Field::Unknown);
        }
        match message.role {
            // Results of one turn's calls must come in one message, and what the user says then, after them.
            Role::Tool => results.extend(&message.parts),
            Role::User => {
                let mut parts = std::mem::take(&mut results);
                parts.extend(&message.parts);
                parts.sort_by_key(|part| !matches!(part.kind, Kind::Result(_)));
                turn(&mut list, "user", &parts, &mut notes);
            }
            Role::Assistant => {
                flush(&mut list, &mut results, &mut notes);
                turn(&mut list, "assistant", &message.parts.iter().collect::<Vec<_>>(), &mut notes);
            }
            Role::System | Role::Developer if in_place => {
                flush(&mut list, &mut results, &mut notes);
                turn(&mut list, "system", &message.parts.iter().collect::<Vec<_>>(), &mut notes);
            }
            Role::System | Role::Developer => {}
        }
    }
    flush(&mut list, &mut results, &mut notes);
}

fn flush(list: &mut List<'_>, results: &mut Vec<&Part<'_>>, notes: &mut Notes<'_, '_>) {
    if !results.is_empty() {
        turn(list, "user", results, notes);
        results.clear();
    }
}

/// A message. One of which nothing is left is left out: this API takes no empty content.
fn turn(list: &mut List<'_>, role: &str, parts: &[&Part<'_>], notes: &mut Notes<'_, '_>) {
    if !parts.iter().any(|part| write_block::says(part, notes.request)) && notes.request.wire != Wire::Messages {
        parts.iter().for_each(|part| write_block::note(part, notes));
        return;
    }
    let mut object = list.object();
    object.text("role", role);
    write_block::content(&mut object, "content", parts, notes);
}

fn tools(object: &mut Object<'_>, request: &Request<'_>, losses: &mut Losses) {
    let own = request.wire == Wire::Messages;
    let names = request.tool_choice.as_ref().and_then(ToolChoice::among);
    let among = |tool: &Tool<'_>| names.as_ref().is_none_or(|names| names.contains(&*tool.name));
    let foreign_builtin = |tool: &Tool<'_>| !own && matches!(tool.kind, ToolKind::Builtin { .. });
    losses.note_if(request.tools.iter().any(foreign_builtin), Field::BuiltinTools);
    let tools: Vec<_> = request.tools.iter().filter(|tool| among(tool) && !foreign_builtin(tool)).collect();
    if tools.is_empty() && !(own && request.tool_choice.is_some()) {
        return;
    }
    if !tools.is_empty() {
        let mut list = object.list("tools");
        for tool in tools {
            write_tool(&mut list, tool, own, losses);
        }
    }
    let kind = match &request.tool_choice {
        Some(ToolChoice::Auto | ToolChoice::Among { required: false, .. }) => "auto",
        Some(ToolChoice::Required | ToolChoice::Among { required: true, .. }) => "any",
        Some(ToolChoice::None) => "none",
        Some(ToolChoice::Named(_)) => "tool",
        None if request.parallel_calls == Some(false) => "auto",
        None => return,
    };
    let mut choice = object.object("tool_choice");
    choice.text("type", kind);
    if let Some(ToolChoice::Named(name)) = &request.tool_choice {
        choice.text("name", name);
    }
    match request.parallel_calls {
        Some(parallel) if (own || !parallel) && kind != "none" => {
            choice.flag("disable_parallel_tool_use", !parallel);
        }
        Some(_) | None => {}
    }
}

fn write_tool(list: &mut List<'_>, tool: &Tool<'_>, own: bool, losses: &mut Losses) {
    let mut entry = match &tool.kind {
        ToolKind::Builtin { raw } => {
            list.raw(raw.get());
            return;
        }
        ToolKind::Function { schema, strict } => {
            let mut entry = list.object();
            entry.text("name", &tool.name).text_if("description", tool.description.as_deref());
            entry.raw("input_schema", &input_schema(schema.as_ref().map(|schema| schema.get()), own));
            match strict {
                // The default, and older models do not know the word.
                Some(strict) if own || *strict => entry.flag("strict", *strict),
                Some(_) | None => &mut entry,
            };
            entry
        }
        ToolKind::FreeForm { format } => {
            losses.note_if(format.is_some(), Field::FreeFormTools);
            let mut entry = list.object();
            entry.text("name", &tool.name).text_if("description", tool.description.as_deref());
            entry.raw("input_schema", &free_form_schema());
            entry
        }
    };
    write_block::cache(&mut entry, tool.cache.as_ref());
    if own {
        tool.extra.iter().for_each(|(key, value)| {
            entry.raw(key, value.get());
        });
    } else {
        losses.note_if(!tool.extra.is_empty(), Field::Unknown);
    }
}

/// A schema as this API takes it: there must be one, and it must say that it is of an object.
fn input_schema(schema: Option<&str>, own: bool) -> std::borrow::Cow<'_, str> {
    let schema = match schema {
        Some(schema) if own => return schema.into(),
        Some(schema) => schema.trim(),
        None => "",
    };
    crate::json::object::object! { struct Head<'a> { kind: &'a serde_json::value::RawValue = "type", } }
    match (serde_json::from_str::<Head<'_>>(schema), schema.strip_prefix('{').map(str::trim_start)) {
        (Ok(Head { kind: Some(_), .. }), _) => schema.into(),
        (Ok(Head { kind: None, .. }), Some(rest)) if rest.len() > 1 => format!(r#"{{"type":"object",{rest}"#).into(),
        (Ok(_) | Err(_), _) => r#"{"type":"object","properties":{}}"#.into(),
    }
}

fn output_config(object: &mut Object<'_>, request: &Request<'_>, think: &Think, losses: &mut Losses) {
    let schema = match &request.output {
        Some(Output::Schema { name, description, schema, strict }) => {
            // Strict is all there is here.
            losses.note_if(name.is_some() || description.is_some() || *strict == Some(false), Field::JsonSchemaName);
            Some(schema)
        }
        Some(Output::Json) => {
            losses.note(Field::JsonMode);
            None
        }
        Some(Output::Text) | None => None,
    };
    if schema.is_none() && think.effort.is_none() {
        return;
    }
    let mut config = object.object("output_config");
    config.text_if("effort", think.effort.map(crate::conversation::Effort::label));
    if let Some(schema) = schema {
        config.object("format").text("type", "json_schema").raw("schema", schema.get());
    }
}

fn sampling(object: &mut Object<'_>, request: &Request<'_>, think: &Think, losses: &mut Losses) {
    let own = request.wire == Wire::Messages;
    let sampling = &request.sampling;
    match sampling.temperature {
        Some(temperature) if own => {
            object.float("temperature", temperature);
        }
        Some(temperature) if !think.samples => {
            losses.note_if((temperature - 1.0).abs() > f64::EPSILON, Field::Temperature)
        }
        Some(temperature) => {
            object.float("temperature", temperature.clamp(0.0, 1.0));
        }
        None => {}
    }
    match sampling.top_p {
        // With thinking nothing below 0.95, and newer models take no two of them.
        Some(top_p) if own || think.samples && sampling.temperature.is_none() => {
            object.float("top_p", top_p);
        }
        Some(top_p) => losses.note_if(top_p < 1.0, Field::TopP),
        None => {}
    }
    match sampling.top_k {
        Some(top_k) if own || think.samples => {
            object.whole("top_k", top_k);
        }
        Some(_) => losses.note(Field::TopK),
        None => {}
    }
    losses.note_if(sampling.min_p.is_some(), Field::MinP);
    losses.note_if(sampling.seed.is_some(), Field::Seed);
    losses.note_if(sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0), Field::FrequencyPenalty);
    losses.note_if(sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0), Field::PresencePenalty);
    losses.note_if(sampling.logit_bias.as_ref().is_some_and(|bias| bias.get() != "{}"), Field::LogitBias);
    losses.note_if(sampling.logprobs == Some(true) || sampling.top_logprobs.is_some(), Field::Logprobs);
}

fn around(object: &mut Object<'_>, request: &Request<'_>, losses: &mut Losses) {
    if let Some(user) = request.user.as_deref() {
        object.object("metadata").text("user_id", user);
    }
    losses.note_if(request.metadata.as_ref().is_some_and(|labels| labels.get() != "{}"), Field::Metadata);
    losses.note_if(request.verbosity.is_some(), Field::Verbosity);
    losses.note_if(request.cache_key.is_some(), Field::CacheKey);
    losses.note_if(request.store == Some(true), Field::Store);
    write_block::cache(object, request.cache.as_ref());
    if request.wire == Wire::Messages {
        object.text_if("service_tier", request.service_tier.as_deref());
        request.extra.iter().for_each(|(key, value)| {
            object.raw(key, value.get());
        });
    } else {
        losses.note_if(request.service_tier.is_some(), Field::ServiceTier);
        losses.note_if(!request.extra.is_empty(), Field::Unknown);
    }
}
