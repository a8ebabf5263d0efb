//! The usage in a recorded answer, read by other means than the proxy's.

use serde_json::Value;
use upstream::client::data_lines;
use upstream::corpus::Exchange;

/// Input and output tokens as the recorded answer reports them; the last report of a stream counts.
pub fn reported(exchange: &Exchange) -> Option<(u64, u64)> {
    if !exchange.stream {
        return of(&serde_json::from_slice(&exchange.body).ok()?);
    }
    data_lines(&exchange.body)
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter_map(|event| of(&event))
        .next_back()
}

fn of(value: &Value) -> Option<(u64, u64)> {
    let places = ["/usage", "/response/usage", "/x_groq/usage"];
    let usage = places.iter().filter_map(|place| value.pointer(place)).find(|usage| usage.is_object())?;
    let count = |names: [&str; 2]| names.iter().find_map(|name| usage.get(name)?.as_u64());
    let input = count(["prompt_tokens", "input_tokens"]);
    let output = count(["completion_tokens", "output_tokens"]);
    // Embeddings of some vendors tell only a total.
    let total = usage.get("total_tokens").and_then(Value::as_u64);
    match (input, output) {
        (None, None) => Some((total?, 0)),
        _ => Some((input.unwrap_or(0), output.unwrap_or(0))),
    }
}
