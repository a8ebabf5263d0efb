//! `generationConfig`: what the answer is to be.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::model::{Thinks, thinks};
use super::super::number::Whole;
use super::super::{path, schema};
use crate::Wire;
use crate::conversation::{Effort, Extra, Output, Reasoning, Request, Sampling, Str, Thinking};
use crate::json::object::object;
use crate::json::put::Object;
use crate::loss::{Field, Losses};

/// Where its unknown members are kept.
pub const PATH: &str = "generationConfig.";
const THINKING: &str = "generationConfig.thinkingConfig.";

/// So many stop sequences are taken.
const MAX_STOP: usize = 5;

object! {
    pub struct Config<'a> {
        temperature: f64 = "temperature",
        top_p: f64 = "topP" | "top_p",
        top_k: Whole = "topK" | "top_k",
        candidates: Whole = "candidateCount" | "candidate_count",
        max_tokens: Whole = "maxOutputTokens" | "max_output_tokens",
        stop: Vec<Str<'a>> = "stopSequences" | "stop_sequences",
        seed: Whole = "seed",
        presence_penalty: f64 = "presencePenalty" | "presence_penalty",
        frequency_penalty: f64 = "frequencyPenalty" | "frequency_penalty",
        logprobs: bool = "responseLogprobs" | "response_logprobs",
        top_logprobs: Whole = "logprobs",
        mime_type: &'a RawValue = "responseMimeType" | "response_mime_type",
        schema: &'a RawValue = "responseSchema" | "response_schema",
        json_schema: &'a RawValue = "responseJsonSchema" | "response_json_schema",
        modalities: &'a RawValue = "responseModalities" | "response_modalities",
        thinking: ThinkingConfig<'a> = "thinkingConfig" | "thinking_config",
        ..extra: Extra<'a>,
    }
}

object! {
    pub struct ThinkingConfig<'a> {
        show: bool = "includeThoughts" | "include_thoughts",
        budget: Whole = "thinkingBudget" | "thinking_budget",
        level: &'a RawValue = "thinkingLevel" | "thinking_level",
        ..extra: Extra<'a>,
    }
}

/// Puts the configuration into the request.
pub fn read<'a>(config: Config<'a>, request: &mut Request<'a>) {
    request.sampling = Sampling {
        temperature: config.temperature,
        top_p: config.top_p,
        top_k: config.top_k.and_then(Whole::count),
        seed: config.seed.map(|seed| seed.0),
        frequency_penalty: config.frequency_penalty,
        presence_penalty: config.presence_penalty,
        logprobs: config.logprobs,
        top_logprobs: config.top_logprobs.and_then(Whole::count),
        candidates: config.candidates.and_then(Whole::count),
        ..Sampling::default()
    };
    request.max_tokens = config.max_tokens.and_then(Whole::count);
    request.stop = config.stop.unwrap_or_default();
    let extra = &mut request.extra;
    path::keep(extra, PATH, config.extra);
    // Text alone is what everybody answers with.
    if let Some(raw) = config.modalities
        && !serde_json::from_str::<Vec<Str<'_>>>(raw.get())
            .is_ok_and(|words| words.iter().all(|word| word.eq_ignore_ascii_case("TEXT")))
    {
        extra.push((format!("{PATH}responseModalities").into(), raw));
    }
    request.output = output(config.mime_type, config.schema, config.json_schema, extra);
    if let Some(thinking) = config.thinking {
        request.reasoning = reasoning(thinking, extra);
    }
}

fn output<'a>(
    mime_type: Option<&'a RawValue>,
    subset: Option<&'a RawValue>,
    full: Option<&'a RawValue>,
    extra: &mut Extra<'a>,
) -> Option<Output<'a>> {
    let schema = full.map(Cow::Borrowed).or_else(|| subset.map(schema::to_json_schema));
    let with = |schema| Output::Schema { name: None, description: None, schema, strict: None };
    match mime_type.map(Str::json_text).as_deref() {
        Some("application/json") | None => match schema {
            Some(schema) => Some(with(schema)),
            None => mime_type.map(|_| Output::Json),
        },
        Some("text/plain") => Some(Output::Text),
        // One of some words, bare: `text/x.enum`.
        Some(_) => {
            let members = [("responseMimeType", mime_type), ("responseSchema", subset), ("responseJsonSchema", full)];
            for (key, raw) in members.into_iter().filter_map(|(key, raw)| Some((key, raw?))) {
                extra.push((format!("{PATH}{key}").into(), raw));
            }
            None
        }
    }
}

fn reasoning<'a>(config: ThinkingConfig<'a>, extra: &mut Extra<'a>) -> Reasoning<'a> {
    path::keep(extra, THINKING, config.extra);
    let effort = config.level.and_then(|raw| Effort::from_label(&Str::json_text(raw).to_ascii_lowercase()));
    if let (Some(raw), None) = (config.level, effort) {
        extra.push((format!("{THINKING}thinkingLevel").into(), raw));
    }
    let (thinking, budget) = match config.budget {
        // As many tokens as the model sees fit.
        Some(Whole(..0)) => (Some(Thinking::Adaptive), None),
        Some(Whole(0)) => (Some(Thinking::Off), None),
        Some(budget) => (Some(Thinking::On), budget.count()),
        None => (None, None),
    };
    Reasoning { thinking, effort, budget, summary: None, show: config.show }
}

/// Writes the configuration, if there is anything to say in it.
pub fn write(top: &mut Object<'_>, request: &Request<'_>, model: &str, losses: &mut Losses) {
    let own = request.wire == Wire::Gemini;
    let sampling = &request.sampling;
    let mut config = top.object("generationConfig");
    float(&mut config, "temperature", sampling.temperature);
    float(&mut config, "topP", sampling.top_p);
    whole(&mut config, "topK", sampling.top_k);
    whole(&mut config, "maxOutputTokens", request.max_tokens);
    if let Some(seed) = sampling.seed {
        config.signed("seed", seed);
    }
    float(&mut config, "presencePenalty", sampling.presence_penalty);
    float(&mut config, "frequencyPenalty", sampling.frequency_penalty);
    // Of a translated answer only the first is read, and no probabilities: who does not get them does not pay for them.
    if own {
        whole(&mut config, "candidateCount", sampling.candidates);
        if let Some(logprobs) = sampling.logprobs {
            config.flag("responseLogprobs", logprobs);
        }
        whole(&mut config, "logprobs", sampling.top_logprobs);
    } else {
        losses.note_if(sampling.candidates.is_some_and(|n| n > 1), Field::Candidates);
        losses.note_if(sampling.logprobs == Some(true) || sampling.top_logprobs.is_some(), Field::Logprobs);
    }
    losses.note_if(sampling.min_p.is_some(), Field::MinP);
    losses.note_if(sampling.logit_bias.is_some(), Field::LogitBias);
    if !request.stop.is_empty() {
        let most = if own { request.stop.len() } else { MAX_STOP };
        losses.note_if(request.stop.len() > most, Field::Stop);
        let mut stop = config.list("stopSequences");
        for text in request.stop.iter().take(most) {
            stop.text(text);
        }
    }
    match &request.output {
        None => {}
        Some(Output::Text) => {
            config.text("responseMimeType", "text/plain");
        }
        Some(Output::Json) => {
            config.text("responseMimeType", "application/json");
        }
        Some(Output::Schema { name, description, schema, strict: _ }) => {
            losses.note_if(name.is_some() || description.is_some(), Field::JsonSchemaName);
            config.text("responseMimeType", "application/json");
            schema::put(&mut config, "responseSchema", "responseJsonSchema", schema);
        }
    }
    if own {
        write_own_thinking(&mut config, request);
        path::put(&mut config, &request.extra, PATH);
    } else {
        write_thinking(&mut config, &request.reasoning, model, losses);
    }
}

fn float(object: &mut Object<'_>, key: &str, n: Option<f64>) {
    if let Some(n) = n {
        object.float(key, n);
    }
}

fn whole(object: &mut Object<'_>, key: &str, n: Option<u64>) {
    if let Some(n) = n {
        object.whole(key, n);
    }
}

/// As the client said it.
fn write_own_thinking(config: &mut Object<'_>, request: &Request<'_>) {
    let reasoning = &request.reasoning;
    if reasoning.is_empty() && !path::any(&request.extra, THINKING) {
        return;
    }
    let mut thinking = config.object("thinkingConfig");
    if let Some(show) = reasoning.show {
        thinking.flag("includeThoughts", show);
    }
    match (reasoning.thinking, reasoning.budget) {
        (Some(Thinking::Off), _) => {
            thinking.whole("thinkingBudget", 0);
        }
        (Some(Thinking::Adaptive), _) => {
            thinking.signed("thinkingBudget", -1);
        }
        (Some(Thinking::On) | None, Some(budget)) => {
            thinking.whole("thinkingBudget", budget);
        }
        (Some(Thinking::On) | None, None) => {}
    }
    if let Some(effort) = reasoning.effort {
        thinking.text("thinkingLevel", effort.label());
    }
    path::put(&mut thinking, &request.extra, THINKING);
}

/// As the model takes it.
fn write_thinking(config: &mut Object<'_>, reasoning: &Reasoning<'_>, model: &str, losses: &mut Losses) {
    let off = reasoning.thinking == Some(Thinking::Off) || reasoning.effort == Some(Effort::None);
    if reasoning.is_empty() {
        return;
    }
    let how = thinks(model);
    let asked = match reasoning.budget {
        Some(_) => Field::ReasoningBudget,
        None => Field::ReasoningEffort,
    };
    if how == Thinks::Never {
        losses.note_if(!off && (reasoning.budget.is_some() || reasoning.effort.is_some()), asked);
        return;
    }
    let mut thinking = config.object("thinkingConfig");
    thinking.flag("includeThoughts", reasoning.show.unwrap_or(!off));
    match how {
        Thinks::Never => {}
        Thinks::Budget { least, most, off: may_be_off } => match (off, reasoning.budget, reasoning.effort) {
            (true, ..) if may_be_off => {
                thinking.whole("thinkingBudget", 0);
            }
            (true, ..) => {
                losses.note(Field::ReasoningEffort);
                thinking.whole("thinkingBudget", least);
            }
            (false, Some(budget), _) => {
                thinking.whole("thinkingBudget", budget.clamp(least, most));
            }
            (false, None, Some(effort)) => {
                thinking.whole("thinkingBudget", effort.budget().clamp(least, most));
            }
            (false, None, None) if reasoning.thinking.is_some() => {
                thinking.signed("thinkingBudget", -1);
            }
            (false, None, None) => {}
        },
        // It cannot be turned off; the least that all models of this kind take is `low`.
        Thinks::Level if off => {
            losses.note(Field::ReasoningEffort);
            thinking.text("thinkingLevel", "low");
        }
        Thinks::Level => {
            let effort = reasoning.effort.or(reasoning.budget.map(Effort::of_budget));
            match effort {
                Some(Effort::None | Effort::Minimal | Effort::Low) => {
                    thinking.text("thinkingLevel", "low");
                }
                Some(Effort::Medium) if model.contains("gemini-3-pro") => {
                    thinking.text("thinkingLevel", "high");
                }
                Some(Effort::Medium) => {
                    thinking.text("thinkingLevel", "medium");
                }
                Some(Effort::High | Effort::XHigh | Effort::Max) => {
                    thinking.text("thinkingLevel", "high");
                }
                None => {}
            }
        }
    }
}
