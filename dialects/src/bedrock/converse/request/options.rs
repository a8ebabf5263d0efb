//! What a request says beside its messages and tools.

use serde_json::value::RawValue;

use super::super::model::{Family, nova_thinks};
use crate::Wire;
use crate::anthropic::messages::request::write_think::{self, Think};
use crate::conversation::{Effort, Output, Request, Thinking};
use crate::json::put::Object;
use crate::loss::{Field, Losses};
use crate::translate::Target;

/// `inferenceConfig`. `think`: of Claude, which takes no sampling while it thinks, and lately none at all.
pub fn inference(top: &mut Object<'_>, request: &Request<'_>, think: Option<&Think>, losses: &mut Losses) {
    let own = request.wire == Wire::Converse;
    let sampling = &request.sampling;
    let samples = think.is_none_or(|think| think.samples);
    let mut config = top.object("inferenceConfig");
    let limit = think.filter(|think| think.on).map(|think| think.max_tokens).or(request.max_tokens);
    if let Some(max) = limit {
        config.whole("maxTokens", max);
    }
    match sampling.temperature {
        Some(temperature) if own => {
            config.float("temperature", temperature);
        }
        Some(temperature) if !samples => losses.note_if((temperature - 1.0).abs() > f64::EPSILON, Field::Temperature),
        Some(temperature) => {
            losses.note_if(temperature > 1.0, Field::Temperature);
            config.float("temperature", temperature.clamp(0.0, 1.0));
        }
        None => {}
    }
    match sampling.top_p {
        // Newer models take no two of them.
        Some(top_p) if own || samples && sampling.temperature.is_none() => {
            config.float("topP", top_p);
        }
        Some(top_p) => losses.note_if(top_p < 1.0, Field::TopP),
        None => {}
    }
    let stop: Vec<_> = request.stop.iter().filter(|text| own || !text.trim().is_empty()).collect();
    losses.note_if(stop.len() < request.stop.len(), Field::Stop);
    if !stop.is_empty() {
        let mut list = config.list("stopSequences");
        for text in stop {
            list.text(text);
        }
    }
    losses.note_if(sampling.min_p.is_some(), Field::MinP);
    losses.note_if(sampling.seed.is_some(), Field::Seed);
    losses.note_if(sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0), Field::FrequencyPenalty);
    losses.note_if(sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0), Field::PresencePenalty);
    losses.note_if(sampling.logit_bias.as_ref().is_some_and(|bias| bias.get() != "{}"), Field::LogitBias);
    losses.note_if(sampling.logprobs == Some(true) || sampling.top_logprobs.is_some(), Field::Logprobs);
    losses.note_if(sampling.candidates.is_some_and(|n| n > 1), Field::Candidates);
}

/// Whether Claude thinks; None for all others, and for what is written as it was read.
pub fn think(request: &Request<'_>, target: &Target<'_>, family: Family, losses: &mut Losses) -> Option<Think> {
    (family == Family::Claude && request.wire != Wire::Converse).then(|| write_think::decide(request, target, losses))
}

/// `additionalModelRequestFields`, in the words of the model's vendor.
pub fn model_fields(
    top: &mut Object<'_>,
    request: &Request<'_>,
    target: &Target<'_>,
    family: Family,
    think: Option<&Think>,
    losses: &mut Losses,
) {
    let mut out = Vec::new();
    let mut fields = Object::open(&mut out);
    let top_k = request.sampling.top_k;
    if request.wire == Wire::Converse {
        write_own(&mut fields, request);
    } else if let Some(think) = think {
        write_think::write(&mut fields, request, think);
        if let Some(effort) = think.effort {
            fields.object("output_config").text("effort", effort.label());
        }
        match top_k {
            Some(top_k) if think.samples => {
                fields.whole("top_k", top_k);
            }
            Some(_) => losses.note(Field::TopK),
            None => {}
        }
    } else {
        let effort = effort(request);
        match family {
            Family::Nova if nova_thinks(target.model) => {
                nova(&mut fields, effort);
                if let Some(top_k) = top_k {
                    fields.object("inferenceConfig").whole("topK", top_k);
                }
            }
            Family::GptOss => {
                losses.note_if(top_k.is_some(), Field::TopK);
                fields.text_if("reasoning_effort", effort.map(gpt_oss));
            }
            Family::Nova => {
                note_effort(request, effort, losses);
                if let Some(top_k) = top_k {
                    fields.object("inferenceConfig").whole("topK", top_k);
                }
            }
            Family::Claude | Family::Other => {
                note_effort(request, effort, losses);
                losses.note_if(top_k.is_some(), Field::TopK);
            }
        }
    }
    drop(fields);
    if out.len() > 2
        && let Ok(text) = std::str::from_utf8(&out)
    {
        top.raw("additionalModelRequestFields", text);
    }
}

fn write_own(fields: &mut Object<'_>, request: &Request<'_>) {
    let kind = request.reasoning.thinking.map(|thinking| match thinking {
        Thinking::Off => "disabled",
        Thinking::On => "enabled",
        Thinking::Adaptive => "adaptive",
    });
    if let Some(kind) = kind {
        let mut thinking = fields.object("thinking");
        thinking.text("type", kind);
        if let Some(budget) = request.reasoning.budget {
            thinking.whole("budget_tokens", budget);
        }
    }
    if let Some(top_k) = request.sampling.top_k {
        fields.whole("top_k", top_k);
    }
}

/// How hard to think, however it was said; None where nothing was.
fn effort(request: &Request<'_>) -> Option<Effort> {
    let reasoning = &request.reasoning;
    match (reasoning.thinking, reasoning.effort, reasoning.budget) {
        (Some(Thinking::Off), ..) => Some(Effort::None),
        (_, Some(effort), _) => Some(effort),
        (_, None, Some(budget)) => Some(Effort::of_budget(budget)),
        (Some(Thinking::On | Thinking::Adaptive), None, None) => Some(Effort::Medium),
        (None, None, None) => None,
    }
}

fn note_effort(request: &Request<'_>, effort: Option<Effort>, losses: &mut Losses) {
    if effort.is_some_and(|effort| effort != Effort::None) {
        let budget = request.reasoning.budget.is_some();
        losses.note(if budget { Field::ReasoningBudget } else { Field::ReasoningEffort });
    }
}

fn nova(fields: &mut Object<'_>, effort: Option<Effort>) {
    let Some(effort) = effort else { return };
    let word = match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High | Effort::XHigh | Effort::Max => Some("high"),
    };
    let mut config = fields.object("reasoningConfig");
    config.text("type", if word.is_some() { "enabled" } else { "disabled" }).text_if("maxReasoningEffort", word);
}

/// These models always think.
const fn gpt_oss(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    }
}

/// `outputConfig`.
pub fn output(top: &mut Object<'_>, request: &Request<'_>, losses: &mut Losses) {
    match &request.output {
        None | Some(Output::Text) => {}
        Some(Output::Json) => losses.note(Field::JsonMode),
        Some(Output::Schema { name, description, schema, strict: _ }) => {
            let mut config = top.object("outputConfig");
            let mut format = config.object("textFormat");
            format.text("type", "json_schema");
            let mut structure = format.object("structure");
            let mut definition = structure.object("jsonSchema");
            let schema: &RawValue = schema;
            definition.text("schema", schema.get()).text_if("name", name.as_deref());
            definition.text_if("description", description.as_deref());
        }
    }
}

/// What else there is around a conversation.
pub fn around(top: &mut Object<'_>, request: &Request<'_>, losses: &mut Losses) {
    if request.wire == Wire::Converse {
        if let Some(metadata) = &request.metadata {
            top.raw("requestMetadata", metadata.get());
        }
        if let Some(tier) = request.service_tier.as_deref() {
            top.object("serviceTier").text("type", tier);
        }
        request.extra.iter().for_each(|(key, value)| {
            top.raw(key, value.get());
        });
        return;
    }
    match request.service_tier.as_deref() {
        Some(tier @ ("flex" | "priority")) => {
            top.object("serviceTier").text("type", tier);
        }
        Some("auto" | "default" | "standard" | "standard_only") | None => {}
        Some(_) => losses.note(Field::ServiceTier),
    }
    losses.note_if(request.metadata.as_ref().is_some_and(|labels| labels.get() != "{}"), Field::Metadata);
    losses.note_if(!request.extra.is_empty(), Field::Unknown);
    losses.note_if(request.previous.is_some(), Field::PreviousAnswer);
    losses.note_if(request.user.is_some(), Field::User);
    losses.note_if(request.verbosity.is_some(), Field::Verbosity);
    losses.note_if(request.cache_key.is_some(), Field::CacheKey);
    losses.note_if(request.cache.is_some(), Field::CacheMarkers);
    losses.note_if(request.store == Some(true), Field::Store);
}
