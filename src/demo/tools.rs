//! Which tools an answer calls: those that `tool_choice` demands, or that the message names.

use serde_json::Value;

use super::request::Request;
use super::schema;

/// Calls in one answer.
const MOST_CALLS: usize = 8;

/// A call of a tool, with arguments made from its schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    /// JSON, as text.
    pub(super) arguments: String,
}

/// A function as chat (`function: {..}`) or responses (flat) describe it.
fn function(tool: &Value) -> Option<(&str, Option<&Value>)> {
    let function = tool.get("function").unwrap_or(tool);
    Some((function.get("name")?.as_str()?, function.get("parameters")))
}

/// The calls that answer `said`. None for what follows a tool's result: the demo takes one turn, then it talks.
pub(super) fn calls(request: &Request, said: &str, after_tool: bool) -> Vec<Call> {
    let tools: Vec<_> = request.get("tools").as_array().into_iter().flatten().filter_map(function).collect();
    let choice = request.get("tool_choice");
    let wanted: Vec<_> = match choice {
        _ if after_tool => Vec::new(),
        Value::String(choice) if choice == "none" => Vec::new(),
        Value::String(choice) if choice == "required" => {
            let named = mentioned(&tools, said);
            if named.is_empty() { tools.into_iter().take(1).collect() } else { named }
        }
        Value::Object(_) => {
            let name = function(choice).map(|(name, _)| name);
            tools.into_iter().filter(|(tool, _)| Some(*tool) == name).take(1).collect()
        }
        _ => mentioned(&tools, said),
    };
    let most = if request.get("parallel_tool_calls") == &Value::Bool(false) { 1 } else { MOST_CALLS };
    wanted
        .into_iter()
        .take(most)
        .map(|(name, parameters)| Call {
            name: name.into(),
            arguments: parameters.map_or_else(|| "{}".into(), |schema| schema::instance(schema, name).to_string()),
        })
        .collect()
}

/// The tools that the message names, as they are written or with spaces for `_` and `-`.
fn mentioned<'a>(tools: &[(&'a str, Option<&'a Value>)], said: &str) -> Vec<(&'a str, Option<&'a Value>)> {
    let said = said.to_lowercase();
    let names = |name: &str| {
        let name = name.to_lowercase();
        !name.is_empty() && (said.contains(&name) || said.contains(&name.replace(['_', '-'], " ")))
    };
    tools.iter().filter(|(name, _)| names(name)).copied().collect()
}
