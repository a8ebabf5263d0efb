//! What a Gemini client has heard of an answer, and requests with what means the same written the same.

use dialects::Usage;
use serde_json::{Map, Value, json};

use super::events_of;
use super::heard::{Heard, normal};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn whole(body: &str) -> Heard {
    let value: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    let pieces = match value {
        Value::Array(pieces) => pieces,
        one => vec![one],
    };
    pieces_heard(&pieces)
}

/// Of either form: events, or one array.
pub fn stream(body: &str) -> Heard {
    if body.starts_with('[') {
        return whole(body);
    }
    let pieces: Vec<Value> = events_of(body).iter().filter_map(|event| event.data()).collect();
    pieces_heard(&pieces)
}

fn pieces_heard(pieces: &[Value]) -> Heard {
    let mut heard = Heard::default();
    let mut finish = String::new();
    for piece in pieces {
        let candidate = &piece["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            if part["thought"] == true {
                heard.thinking += text(&part["text"]);
            } else {
                heard.text += text(&part["text"]);
            }
            let call = &part["functionCall"];
            if call.is_object() {
                let args = if call["args"].is_null() { json!({}) } else { call["args"].clone() };
                heard.calls.push((text(&call["id"]).into(), text(&call["name"]).into(), args));
            }
        }
        match &candidate["finishReason"] {
            Value::String(reason) => finish = reason.clone(),
            Value::Number(n) => finish = ["", "STOP", "MAX_TOKENS", "SAFETY"][n.as_u64().unwrap() as usize].into(),
            _ => {}
        }
        if piece["promptFeedback"]["blockReason"].is_string() {
            finish = "SAFETY".into();
        }
        heard.usage = usage(&piece["usageMetadata"]).or(heard.usage);
    }
    heard.ended = !finish.is_empty();
    heard.finish = match &*finish {
        "MAX_TOKENS" => "length",
        "SAFETY" | "RECITATION" | "PROHIBITED_CONTENT" => "content_filter",
        // An unexpected call is one as well.
        _ if !heard.calls.is_empty() => "tool_calls",
        _ => "stop",
    }
    .into();
    heard
}

/// The counts, thoughts among what was written.
pub fn usage(usage: &Value) -> Option<Usage> {
    let n = |key: &str| usage[key].as_u64();
    n("promptTokenCount").or(n("candidatesTokenCount")).or(n("totalTokenCount"))?;
    let count = |key: &str| n(key).unwrap_or(0);
    Some(Usage {
        input: count("promptTokenCount") + count("toolUsePromptTokenCount"),
        output: count("candidatesTokenCount") + count("thoughtsTokenCount"),
        cached_input: count("cachedContentTokenCount"),
        reasoning: count("thoughtsTokenCount"),
        ..Usage::default()
    })
}

/// Names in snake case are names in camel case, but for what is the client's own: arguments, results, properties.
fn camel(value: &Value, inside: &str) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let own = matches!(inside, "args" | "response" | "properties" | "labels");
                    let mut words = key.split('_');
                    let mut name = words.next().unwrap().to_owned();
                    for word in words {
                        name += &word[..1].to_uppercase();
                        name += &word[1..];
                    }
                    let name = if own { key.clone() } else { name };
                    let below = if matches!(inside, "args" | "response" | "labels") { inside } else { &name };
                    let value = camel(value, below);
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(|item| camel(item, inside)).collect(),
        other => other.clone(),
    }
}

fn lower_types(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(word) if key == "type" => *word = word.to_lowercase(),
                    Value::Number(n) if key == "type" => {
                        let words = ["string", "number", "integer", "boolean", "array", "object"];
                        *value = json!(words[n.as_f64().unwrap() as usize - 1]);
                    }
                    other => lower_types(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(lower_types),
        _ => {}
    }
}

fn rename(members: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = members.remove(from) {
        members.insert(to.into(), value);
    }
}

/// A request in one spelling.
pub fn request(value: &Value) -> Value {
    let mut value = camel(&normal(value), "");
    let top = value.as_object_mut().unwrap();
    top.remove("model");
    for content in top.get_mut("contents").and_then(Value::as_array_mut).into_iter().flatten() {
        let role = text(&content["role"]).to_owned();
        content["role"] = json!(if role == "model" { "model" } else { "user" });
        for part in content["parts"].as_array_mut().into_iter().flatten() {
            if part["thought"] == false {
                part.as_object_mut().unwrap().remove("thought");
            }
        }
    }
    if let Some(system) = top.get_mut("systemInstruction").and_then(Value::as_object_mut) {
        system.remove("role");
        for part in system["parts"].as_array_mut().into_iter().flatten() {
            part.as_object_mut().unwrap().remove("thought");
        }
    }
    if let Some(config) = top.get_mut("generationConfig").and_then(Value::as_object_mut) {
        rename(config, "responseJsonSchema", "responseSchema");
        config.get_mut("responseSchema").into_iter().for_each(lower_types);
        if config.get("responseModalities") == Some(&json!(["TEXT"])) {
            config.remove("responseModalities");
        }
        if let Some(thinking) = config.get_mut("thinkingConfig").and_then(Value::as_object_mut)
            && let Some(level) = thinking.get_mut("thinkingLevel")
        {
            *level = json!(text(level).to_lowercase());
        }
    }
    if let Some(mode) = top.get_mut("toolConfig").and_then(|config| config.pointer_mut("/functionCallingConfig/mode")) {
        // What VALIDATED adds is a matter of each provider's own.
        *mode = json!(text(mode).to_uppercase().replace("VALIDATED", "AUTO"));
    }
    let (mut functions, mut builtin) = (Vec::new(), Vec::new());
    for tool in top.remove("tools").as_ref().and_then(Value::as_array).into_iter().flatten() {
        for (key, value) in tool.as_object().unwrap() {
            if key != "functionDeclarations" {
                builtin.push(json!({key: value}));
                continue;
            }
            for function in value.as_array().unwrap() {
                let mut function = function.as_object().unwrap().clone();
                rename(&mut function, "parametersJsonSchema", "parameters");
                function.get_mut("parameters").into_iter().for_each(lower_types);
                functions.push(Value::Object(function));
            }
        }
    }
    top.insert("functions".into(), json!(functions));
    top.insert("builtin".into(), json!(builtin));
    top.retain(|_, value| *value != json!({}) && *value != json!([]));
    value
}
