//! Reads a request.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use std::borrow::Cow;

use super::message::{self, Raw, RawCache};
use super::options::{self, Function, RawReasoning};
use crate::Wire;
use crate::conversation::{Extra, Message, Request, Sampling, Str};
use crate::json::list::{each, map};
use crate::json::object::object;
use crate::loss::Losses;
use crate::translate::{Bad, Hints};

object! {
    struct Body<'a> {
        model: Str<'a> = "model",
        messages: Messages<'a> = "messages",
        tools: Vec<&'a RawValue> = "tools",
        tool_choice: &'a RawValue = "tool_choice",
        functions: Vec<Function<'a>> = "functions",
        function_call: &'a RawValue = "function_call",
        parallel_tool_calls: bool = "parallel_tool_calls",
        response_format: &'a RawValue = "response_format",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_k: u64 = "top_k",
        min_p: f64 = "min_p",
        seed: i64 = "seed",
        frequency_penalty: f64 = "frequency_penalty",
        presence_penalty: f64 = "presence_penalty",
        logit_bias: &'a RawValue = "logit_bias",
        logprobs: bool = "logprobs",
        top_logprobs: u64 = "top_logprobs",
        n: u64 = "n",
        stop: Stop<'a> = "stop",
        max_tokens: u64 = "max_tokens",
        max_completion_tokens: u64 = "max_completion_tokens",
        reasoning_effort: &'a RawValue = "reasoning_effort",
        reasoning: &'a RawValue = "reasoning",
        thinking: &'a RawValue = "thinking",
        verbosity: Str<'a> = "verbosity",
        stream: bool = "stream",
        stream_options: StreamOptions<'a> = "stream_options",
        user: Str<'a> = "user" | "safety_identifier",
        metadata: &'a RawValue = "metadata",
        service_tier: Str<'a> = "service_tier",
        store: bool = "store",
        cache_key: Str<'a> = "prompt_cache_key",
        cache: RawCache<'a> = "cache_control",
        ..extra: Extra<'a>,
    }
}

object! { struct StreamOptions<'a> { include_usage: bool = "include_usage", obfuscation: &'a RawValue = "include_obfuscation", } }

/// The messages. Each is what was meant as soon as it is read: what stands in between is several times as large.
#[derive(Debug)]
struct Messages<'a> {
    read: Result<Vec<Message<'a>>, Bad>,
    lost: Losses,
}

impl<'de> Deserialize<'de> for Messages<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut lost = Losses::default();
        let read = each(deserializer, |raw: Raw<'de>| message::message(raw, &mut lost))?;
        Ok(Self { read, lost })
    }
}

/// One stop sequence or several.
#[derive(Debug)]
struct Stop<'a>(Vec<Str<'a>>);

impl<'de> Deserialize<'de> for Stop<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        let read = match raw.get().starts_with('[') {
            true => serde_json::from_str(raw.get()),
            false => serde_json::from_str(raw.get()).map(|one| vec![one]),
        };
        read.map(Stop).map_err(serde::de::Error::custom)
    }
}

pub fn read<'a>(body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    let body: Body<'a> = crate::json::from_bytes(body).map_err(|error| Bad::json(body, &error))?;
    let Some(model) = body.model.or(hints.model.map(Str::from)) else {
        return Err(Bad::new("You must provide a model parameter.", Some("model")));
    };
    let Some(messages) = body.messages else {
        return Err(Bad::new("You must provide messages.", Some("messages")));
    };
    let (messages, mut lost) = (messages.read?, messages.lost);
    let mut extra = body.extra;

    let choice = body.tool_choice.or(body.function_call);
    let tool_choice = choice.and_then(options::tool_choice);
    if let (Some(json), None) = (choice, &tool_choice) {
        extra.push(("tool_choice".into(), json));
    }
    let output = body.response_format.and_then(|json| options::output(json, &mut lost));
    if let (Some(json), None) = (body.response_format, &output) {
        extra.push(("response_format".into(), json));
    }
    let raw = RawReasoning { effort: body.reasoning_effort, object: body.reasoning, switch: body.thinking };
    let reasoning = options::reasoning(&raw, &mut extra, &mut lost);
    let mut tools = map(body.tools.unwrap_or_default(), |json| options::tool(json, &mut lost));
    tools.extend(body.functions.into_iter().flatten().map(|function| function.tool(&mut lost)));
    Ok(Request {
        messages,
        tools,
        tool_choice,
        parallel_calls: body.parallel_tool_calls,
        output,
        sampling: Sampling {
            temperature: body.temperature,
            top_p: body.top_p,
            top_k: body.top_k,
            min_p: body.min_p,
            seed: body.seed,
            frequency_penalty: body.frequency_penalty,
            presence_penalty: body.presence_penalty,
            logit_bias: body.logit_bias.map(Cow::Borrowed),
            logprobs: body.logprobs,
            top_logprobs: body.top_logprobs,
            candidates: body.n,
        },
        stop: body.stop.map(|stop| stop.0).unwrap_or_default(),
        max_tokens: body.max_completion_tokens.or(body.max_tokens),
        reasoning,
        verbosity: body.verbosity,
        stream: hints.stream.or(body.stream).unwrap_or(false),
        include_usage: body.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
        user: body.user,
        metadata: body.metadata.map(Cow::Borrowed),
        service_tier: body.service_tier,
        store: body.store,
        cache_key: body.cache_key,
        cache: body.cache.map(RawCache::cache),
        extra,
        lost,
        ..Request::new(Wire::Chat, model)
    })
}
