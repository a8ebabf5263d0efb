//! Writes a request for an upstream.

use super::super::tools;
use super::read::ENCRYPTED;
use super::write_turn::{self, Notes};
use crate::Wire;
use crate::conversation::pairing::Pairing;
use crate::conversation::{Effort, Kind, Output, Part, Reasoning, Request, Thinking};
use crate::json::put::Object;
use crate::loss::{Field, Losses};
use crate::openai::model::{may_think, takes_sampling};
use crate::translate::{Refused, Target};

/// OpenAI takes no longer id of a user.
const MAX_USER: usize = 64;
/// OpenAI takes no smaller `max_output_tokens`; clients of other formats ask for 1 to see whether anybody is there.
const MIN_TOKENS: u64 = 16;

pub fn write(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Refused> {
    let own = request.wire == Wire::Responses;
    if !own && request.previous.is_some() {
        return Err(Refused::Impossible {
            message: "The provider behind this model does not keep what the request continues.",
            param: None,
        });
    }
    let mut body = Vec::with_capacity(target.room.max(1_024));
    let mut object = Object::open(&mut body);
    object.text("model", target.model);
    instructions(&mut object, request, own, losses);
    // A stored prompt, or an earlier answer, may be all of it.
    if !own || !request.messages.is_empty() {
        let mut list = object.list("input");
        let mut notes = Notes { own, losses: &mut *losses, pairing: Pairing::default() };
        request.messages.iter().for_each(|message| write_turn::message(&mut list, message, &mut notes));
    }
    tools::write(&mut object, request, own, losses);
    text(&mut object, request, own);
    sampling(&mut object, request, target.model, own, losses);
    if own || may_think(target.model) {
        reasoning(&mut object, request, own, target.quirks.no_summaries, losses);
        include(&mut object, request, own);
    } else {
        unthinking(&request.reasoning, losses);
    }
    if request.stream {
        object.flag("stream", true);
    }
    around(&mut object, request, own, losses);
    drop(object);
    Ok(body)
}

fn instructions(object: &mut Object<'_>, request: &Request<'_>, own: bool, losses: &mut Losses) {
    if request.system.is_empty() {
        return;
    }
    for part in &request.system {
        match &part.kind {
            Kind::Text { .. } => {}
            Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Result(_)
            | Kind::Thinking { .. }
            | Kind::Refusal(_)
            | Kind::Native(_) => losses.note(Field::Native),
        }
        losses.note_if(part.cache.is_some(), Field::CacheMarkers);
        losses.note_if(!own && !part.extra.is_empty(), Field::Unknown);
    }
    let mut any = false;
    let texts = request.system.iter().filter_map(|part| part.kind.said());
    object.texts(
        "instructions",
        texts.flat_map(|text| {
            let between = if any { "\n\n" } else { "" };
            any |= !text.is_empty();
            [between, text]
        }),
    );
}

fn text(object: &mut Object<'_>, request: &Request<'_>, own: bool) {
    let inner = |key: &str| own && request.extra.iter().any(|(name, _)| name.starts_with(key));
    if request.output.is_none() && request.verbosity.is_none() && !inner("text.") {
        return;
    }
    let mut text = object.object("text");
    match &request.output {
        None => {}
        Some(Output::Text) => {
            text.object("format").text("type", "text");
        }
        Some(Output::Json) => {
            text.object("format").text("type", "json_object");
        }
        Some(Output::Schema { name, description, schema, strict }) => {
            let mut format = text.object("format");
            format.text("type", "json_schema");
            match name {
                Some(name) => format.text("name", name),
                // It must have one.
                None if !own => format.text("name", "answer"),
                None => &mut format,
            };
            format.text_if("description", description.as_deref()).raw("schema", schema.get());
            if let Some(strict) = strict {
                format.flag("strict", *strict);
            }
        }
    }
    text.text_if("verbosity", request.verbosity.as_deref());
    if own {
        dotted(&mut text, "text.", request);
    }
}

/// Members of an inner object that the reader did not know.
fn dotted(object: &mut Object<'_>, of: &str, request: &Request<'_>) {
    for (key, value) in &request.extra {
        if let Some(key) = key.strip_prefix(of) {
            object.raw(key, value.get());
        }
    }
}

fn sampling(object: &mut Object<'_>, request: &Request<'_>, model: &str, own: bool, losses: &mut Losses) {
    let sampling = &request.sampling;
    if let Some(max) = request.max_tokens {
        object.whole("max_output_tokens", if own { max } else { max.max(MIN_TOKENS) });
    }
    let takes = own || takes_sampling(model, &request.reasoning);
    for (key, value, field) in
        [("temperature", sampling.temperature, Field::Temperature), ("top_p", sampling.top_p, Field::TopP)]
    {
        match value {
            Some(value) if takes => {
                object.float(key, value);
            }
            Some(value) => losses.note_if((value - 1.0).abs() > f64::EPSILON, field),
            None => {}
        }
    }
    match sampling.top_logprobs {
        Some(top) if own => {
            object.whole("top_logprobs", top);
        }
        top => losses.note_if(top.is_some() || sampling.logprobs == Some(true), Field::Logprobs),
    }
    losses.note_if(sampling.top_k.is_some(), Field::TopK);
    losses.note_if(sampling.min_p.is_some(), Field::MinP);
    losses.note_if(sampling.seed.is_some(), Field::Seed);
    losses.note_if(sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0), Field::FrequencyPenalty);
    losses.note_if(sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0), Field::PresencePenalty);
    losses.note_if(sampling.logit_bias.is_some(), Field::LogitBias);
    losses.note_if(sampling.candidates.is_some_and(|n| n > 1), Field::Candidates);
    losses.note_if(!request.stop.is_empty(), Field::Stop);
}

fn reasoning(object: &mut Object<'_>, request: &Request<'_>, own: bool, silent: bool, losses: &mut Losses) {
    let reasoning = &request.reasoning;
    let off = reasoning.thinking == Some(Thinking::Off);
    let effort = match reasoning.effort {
        // What other formats call more than high, hardly any model of this one knows.
        Some(Effort::XHigh | Effort::Max) if !own => Some(Effort::High),
        Some(effort) => Some(effort),
        None => reasoning.budget.map(Effort::of_budget),
    };
    // A bare switch is left to the model: off is what most do unasked, and those that do not refuse the word.
    let effort = effort.filter(|_| !off);
    let shows = match (reasoning.show, reasoning.thinking) {
        (Some(show), _) => show,
        (None, Some(Thinking::On | Thinking::Adaptive)) => true,
        (None, Some(Thinking::Off) | None) => false,
    };
    let summary = match &reasoning.summary {
        summary if silent && !own => {
            losses.note_if(!off && (summary.is_some() || shows), Field::ReasoningDisplay);
            None
        }
        Some(summary) => Some(&**summary),
        // Who thinks in another format sees the thoughts; here they must be asked for.
        None => (!own && !off && shows).then_some("auto"),
    };
    losses.note_if(reasoning.effort.is_some() && reasoning.budget.is_some(), Field::ReasoningBudget);
    let inner = own && request.extra.iter().any(|(name, _)| name.starts_with("reasoning."));
    if effort.is_none() && summary.is_none() && !inner {
        return;
    }
    let mut object = object.object("reasoning");
    object.text_if("effort", effort.map(Effort::label)).text_if("summary", summary);
    if own {
        dotted(&mut object, "reasoning.", request);
    }
}

/// It is not asked to think, nor for thoughts: it would refuse.
fn unthinking(reasoning: &Reasoning<'_>, losses: &mut Losses) {
    losses.note_if(reasoning.effort.is_some_and(|effort| effort != Effort::None), Field::ReasoningEffort);
    losses.note_if(reasoning.budget.is_some_and(|budget| budget > 0), Field::ReasoningBudget);
    losses.note_if(reasoning.summary.is_some() || reasoning.show == Some(true), Field::ReasoningDisplay);
}

fn include(object: &mut Object<'_>, request: &Request<'_>, own: bool) {
    if own && request.extra.iter().any(|(key, _)| &**key == "include") {
        return;
    }
    let state = |part: &Part<'_>| {
        part.opaque.as_ref().is_some_and(|opaque| opaque.from == Wire::Responses && !opaque.data.is_empty())
    };
    let thinks = !request.reasoning.is_empty()
        && request.reasoning.thinking != Some(Thinking::Off)
        && request.reasoning.effort != Some(Effort::None);
    // Models that do not think refuse to be asked for their thoughts.
    let foreign = !own && (thinks || request.messages.iter().flat_map(|message| &message.parts).any(state));
    if request.include_state || foreign {
        object.list("include").text(ENCRYPTED);
    }
}

fn around(object: &mut Object<'_>, request: &Request<'_>, own: bool, losses: &mut Losses) {
    match request.user.as_deref() {
        Some(user) if own || user.len() <= MAX_USER => {
            object.text("user", user);
        }
        Some(_) => losses.note(Field::User),
        None => {}
    }
    object.text_if("prompt_cache_key", request.cache_key.as_deref());
    if let Some(metadata) = &request.metadata {
        object.raw("metadata", metadata.get());
    }
    // Unsaid, answers are kept here, and nowhere else.
    if let Some(store) = request.store.or((!own).then_some(false)) {
        object.flag("store", store);
    }
    object.text_if("previous_response_id", request.previous.as_deref());
    // Chat has the same tiers, but with some vendors others of their own.
    let tier = request.service_tier.as_deref().filter(|tier| own || request.wire == Wire::Chat && is_tier(tier));
    object.text_if("service_tier", tier);
    losses.note_if(tier.is_none() && request.service_tier.is_some(), Field::ServiceTier);
    losses.note_if(request.cache.is_some(), Field::CacheMarkers);
    if own {
        for (key, value) in &request.extra {
            if !key.starts_with("text.") && !key.starts_with("reasoning.") {
                object.raw(key, value.get());
            }
        }
    } else {
        losses.note_if(!request.extra.is_empty(), Field::Unknown);
    }
}

fn is_tier(word: &str) -> bool {
    matches!(word, "auto" | "default" | "flex" | "scale" | "priority")
}
