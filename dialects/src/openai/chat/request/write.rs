//! Writes a request for an upstream.

use super::super::detail;
use super::write_content;
use super::write_message::{self, Notes};
use crate::Wire;
use crate::conversation::pairing::Pairing;
use crate::conversation::{Effort, Json, Output, Part, Reasoning, Request, Thinking, Tool, ToolChoice, ToolKind};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::openai::model::{may_think, takes_sampling};
use crate::translate::{FREE_FORM, ReasoningStyle, Refused, Target};

/// OpenAI takes no longer id of a user.
const MAX_USER: usize = 64;

pub fn write(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Refused> {
    if request.previous.is_some() {
        losses.note(Field::PreviousAnswer);
    }
    let mut body = Vec::with_capacity(target.room.max(1_024));
    let own = request.wire == Wire::Chat;
    let mut object = Object::open(&mut body);
    object.text("model", target.model);
    messages(&mut object, request, target, losses);
    tools(&mut object, request, target, losses);
    output(&mut object, request);
    sampling(&mut object, request, target, losses);
    if !request.stop.is_empty() {
        let mut stop = object.list("stop");
        request.stop.iter().for_each(|text| {
            stop.text(text);
        });
    }
    if let Some(max) = request.max_tokens {
        object.whole(if target.quirks.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" }, max);
    }
    reasoning(&mut object, &request.reasoning, own, target, losses);
    if request.stream {
        object.flag("stream", true);
        // The client may not want it, but the accounts do; whoever writes the stream knows what to show.
        if !target.quirks.no_stream_options {
            object.object("stream_options").flag("include_usage", true);
        }
    }
    around(&mut object, request, target, losses);
    if own {
        request.extra.iter().for_each(|(key, value)| {
            object.raw(key, value.get());
        });
    } else {
        losses.note_if(!request.extra.is_empty(), Field::Unknown);
    }
    drop(object);
    Ok(body)
}

fn messages(object: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) {
    let mut list = object.list("messages");
    let mut notes = Notes { request, target, losses, pairing: Pairing::default() };
    if !request.system.is_empty() {
        let parts: Vec<&Part<'_>> = request.system.iter().collect();
        write_message::plain(&mut list, "system", None, &parts, &mut notes);
    }
    // A tool's message has no place for its images: they come in the next message of the user.
    let mut media = Vec::new();
    for message in &request.messages {
        media = write_message::message(&mut list, message, media, &mut notes);
    }
    if !media.is_empty() {
        write_message::plain(&mut list, "user", None, &media, &mut notes);
    }
}

fn tools(object: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) {
    let own = request.wire == Wire::Chat;
    let builtin = |tool: &&Tool<'_>| !own && matches!(tool.kind, ToolKind::Builtin { .. });
    losses.note_if(request.tools.iter().any(|tool| builtin(&tool)), Field::BuiltinTools);
    let mut tools = request.tools.iter().filter(|tool| !builtin(tool)).peekable();
    if tools.peek().is_none() {
        // A choice without tools is refused everywhere.
        return;
    }
    let mut list = object.list("tools");
    for tool in tools {
        let extra_known = own || tool.extra.is_empty();
        losses.note_if(!extra_known, Field::Unknown);
        match &tool.kind {
            ToolKind::Builtin { raw } => {
                list.raw(raw.get());
                continue;
            }
            ToolKind::Function { schema, strict } => {
                let mut entry = list.object();
                entry.text("type", "function");
                function(&mut entry, tool, schema.as_ref(), *strict);
                if own {
                    write_content::cache(&mut entry, tool.cache.as_ref());
                    tool.extra.iter().for_each(|(key, value)| {
                        entry.raw(key, value.get());
                    });
                }
            }
            ToolKind::FreeForm { format } if own || target.quirks.openai_extras => {
                let mut entry = list.object();
                entry.text("type", "custom");
                let mut custom = entry.object("custom");
                custom.text("name", &tool.name).text_if("description", tool.description.as_deref());
                if let Some(format) = format {
                    custom.raw("format", format.get());
                }
            }
            ToolKind::FreeForm { format } => {
                losses.note_if(format.is_some(), Field::FreeFormTools);
                let mut entry = list.object();
                entry.text("type", "function");
                let mut function = entry.object("function");
                function.text("name", &tool.name).text_if("description", tool.description.as_deref());
                function.raw("parameters", &free_form_schema());
            }
        }
        losses.note_if(!own && tool.cache.is_some(), Field::CacheMarkers);
    }
    drop(list);
    choice(object, request);
    if let Some(parallel) = request.parallel_calls {
        object.flag("parallel_tool_calls", parallel);
    }
}

/// The schema of a free-form tool where arguments must be JSON.
pub fn free_form_schema() -> String {
    format!(
        r#"{{"type":"object","properties":{{"{FREE_FORM}":{{"type":"string"}}}},"required":["{FREE_FORM}"],"additionalProperties":false}}"#
    )
}

fn function(entry: &mut Object<'_>, tool: &Tool<'_>, schema: Option<&Json<'_>>, strict: Option<bool>) {
    let mut function = entry.object("function");
    function.text("name", &tool.name).text_if("description", tool.description.as_deref());
    if let Some(schema) = schema {
        function.raw("parameters", schema.get());
    }
    if let Some(strict) = strict {
        function.flag("strict", strict);
    }
}

fn choice(object: &mut Object<'_>, request: &Request<'_>) {
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
        Some(ToolChoice::Named(name)) => {
            let mut choice = object.object("tool_choice");
            choice.text("type", "function").object("function").text("name", name);
        }
        Some(ToolChoice::Among { names, required }) => {
            let mut choice = object.object("tool_choice");
            choice.text("type", "allowed_tools");
            let mut allowed = choice.object("allowed_tools");
            allowed.text("mode", if *required { "required" } else { "auto" });
            let mut tools = allowed.list("tools");
            for name in names {
                tools.object().text("type", "function").object("function").text("name", name);
            }
        }
    }
}

fn output(object: &mut Object<'_>, request: &Request<'_>) {
    match &request.output {
        None => {}
        Some(Output::Text) => {
            object.object("response_format").text("type", "text");
        }
        Some(Output::Json) => {
            object.object("response_format").text("type", "json_object");
        }
        Some(Output::Schema { name, description, schema, strict }) => {
            let mut format = object.object("response_format");
            format.text("type", "json_schema");
            let mut entry = format.object("json_schema");
            // A name must be there; where the other format has none, what Anthropic promises is strictness.
            let foreign = request.wire != Wire::Chat;
            match name {
                Some(name) => entry.text("name", name),
                None if foreign => entry.text("name", "answer"),
                None => &mut entry,
            };
            entry.text_if("description", description.as_deref()).raw("schema", schema.get());
            if let Some(strict) = strict {
                entry.flag("strict", *strict);
            }
        }
    }
}

fn sampling(object: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) {
    let sampling = &request.sampling;
    let takes = request.wire == Wire::Chat || takes_sampling(target.model, &request.reasoning);
    for (key, value, default, field) in [
        ("temperature", sampling.temperature, 1.0, Field::Temperature),
        ("top_p", sampling.top_p, 1.0, Field::TopP),
        ("frequency_penalty", sampling.frequency_penalty, 0.0, Field::FrequencyPenalty),
        ("presence_penalty", sampling.presence_penalty, 0.0, Field::PresencePenalty),
    ] {
        match value {
            Some(value) if takes => {
                object.float(key, value);
            }
            Some(value) => losses.note_if((value - default).abs() > f64::EPSILON, field),
            None => {}
        }
    }
    if request.wire == Wire::Chat || target.quirks.more_sampling {
        if let Some(top_k) = sampling.top_k {
            object.whole("top_k", top_k);
        }
        if let Some(min_p) = sampling.min_p {
            object.float("min_p", min_p);
        }
    } else {
        losses.note_if(sampling.top_k.is_some(), Field::TopK);
        losses.note_if(sampling.min_p.is_some(), Field::MinP);
    }
    if let Some(seed) = sampling.seed {
        object.signed("seed", seed);
    }
    if let Some(bias) = &sampling.logit_bias {
        object.raw("logit_bias", bias.get());
    }
    // Of a translated answer only the first is read, and no probabilities: who does not get them does not pay for them.
    if request.wire != Wire::Chat {
        losses.note_if(sampling.candidates.is_some_and(|n| n > 1), Field::Candidates);
        losses.note_if(sampling.logprobs == Some(true) || sampling.top_logprobs.is_some(), Field::Logprobs);
        return;
    }
    if let Some(logprobs) = sampling.logprobs {
        object.flag("logprobs", logprobs);
    }
    if let Some(top) = sampling.top_logprobs {
        object.whole("top_logprobs", top);
    }
    if let Some(n) = sampling.candidates {
        object.whole("n", n);
    }
}

fn reasoning(object: &mut Object<'_>, reasoning: &Reasoning<'_>, own: bool, target: &Target<'_>, losses: &mut Losses) {
    if reasoning.is_empty() {
        return;
    }
    let off = reasoning.thinking == Some(Thinking::Off);
    // What other formats call more than high, hardly any model of this one knows.
    let effort = match reasoning.effort {
        Some(Effort::XHigh | Effort::Max) if !own => Some(Effort::High),
        other => other,
    };
    match target.quirks.reasoning {
        ReasoningStyle::Effort if !own && !may_think(target.model) => {
            losses.note_if(effort.is_some_and(|effort| effort != Effort::None), Field::ReasoningEffort);
            losses.note_if(reasoning.budget.is_some(), Field::ReasoningBudget);
        }
        ReasoningStyle::Effort => {
            // A bare switch is left to the model: off is what most do unasked, on has no word of its own.
            let of_budget = reasoning.budget.filter(|_| !off).map(Effort::of_budget);
            if let Some(effort) = effort.or(of_budget).filter(|_| !off || own) {
                object.text("reasoning_effort", effort.label());
            }
            losses.note_if(effort.is_some() && reasoning.budget.is_some(), Field::ReasoningBudget);
        }
        ReasoningStyle::Object => {
            let mut inner = object.object("reasoning");
            if off {
                inner.flag("enabled", false);
            } else if let Some(effort) = effort {
                inner.text("effort", effort.label());
            } else if let Some(budget) = reasoning.budget {
                inner.whole("max_tokens", budget);
            } else if reasoning.thinking.is_some() {
                inner.flag("enabled", true);
            }
            if let Some(show) = reasoning.show {
                inner.flag("exclude", !show);
            }
            inner.text_if("summary", reasoning.summary.as_deref());
            return;
        }
        ReasoningStyle::Switch => {
            let off = off || effort == Some(Effort::None);
            object.object("thinking").text("type", if off { "disabled" } else { "enabled" });
            losses.note_if(effort.is_some_and(|effort| effort != Effort::None), Field::ReasoningEffort);
            losses.note_if(reasoning.budget.is_some(), Field::ReasoningBudget);
        }
    }
    losses.note_if(reasoning.summary.is_some() || reasoning.show.is_some(), Field::ReasoningDisplay);
}

fn around(object: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) {
    let own = request.wire == Wire::Chat;
    let openai = own || target.quirks.openai_extras;
    match request.user.as_deref() {
        Some(user) if own || user.len() <= MAX_USER => {
            object.text("user", user);
        }
        Some(_) => losses.note(Field::User),
        None => {}
    }
    if openai {
        object.text_if("verbosity", request.verbosity.as_deref());
        object.text_if("prompt_cache_key", request.cache_key.as_deref());
        if let Some(metadata) = &request.metadata {
            object.raw("metadata", metadata.get());
        }
        if let Some(store) = request.store {
            object.flag("store", store);
        }
    } else {
        losses.note_if(request.verbosity.is_some(), Field::Verbosity);
        losses.note_if(request.cache_key.is_some(), Field::CacheKey);
        losses.note_if(request.metadata.is_some(), Field::Metadata);
        // Not to be stored is how it is without the word.
        losses.note_if(request.store == Some(true), Field::Store);
    }
    if own {
        object.text_if("service_tier", request.service_tier.as_deref());
        write_content::cache(object, request.cache.as_ref());
    } else {
        // Tiers have other names, and other prices, with every provider.
        losses.note_if(request.service_tier.is_some(), Field::ServiceTier);
        losses.note_if(request.cache.is_some(), Field::CacheMarkers);
    }
}

/// The entry of a thought that goes back to the upstream which made it.
pub fn write_detail(list: &mut List<'_>, text: &str, opaque: &crate::conversation::Opaque<'_>) {
    detail::write_own(&mut list.object(), text, opaque);
}
