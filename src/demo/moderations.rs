//! `/moderations`: a text that says `violence` is flagged for it, all others pass.

use serde_json::{Map, Value, json};

use super::request::{Answer, Refusal, Request};
use super::text;

/// Texts in one request.
const MOST_INPUTS: usize = 256;

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

pub(super) fn answer(request: &Request) -> Result<Answer, Refusal> {
    let inputs = match request.get("input") {
        Value::String(text) => vec![text.clone()],
        // Parts (text, image) are judged together, texts one by one.
        parts @ Value::Array(all) if all.first().is_some_and(Value::is_object) => {
            vec![text::content(parts)]
        }
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).take(MOST_INPUTS).map(str::to_owned).collect(),
        _ => return Err(Refusal::param("input", "'input' must be a text or a list.")),
    };
    let results: Vec<_> = inputs.iter().map(|input| result(&input.to_lowercase())).collect();
    Ok(Answer::Json(json!({"id": text::id("modr-", &request.body), "model": request.model(), "results": results})))
}

fn result(input: &str) -> Value {
    let flagged = |category: &str| category == "violence" && input.contains("violence");
    let of = |value: &dyn Fn(&str) -> Value| -> Map<String, Value> {
        CATEGORIES.into_iter().map(|category| (category.to_owned(), value(category))).collect()
    };
    json!({
        "flagged": CATEGORIES.into_iter().any(flagged),
        "categories": of(&|category| json!(flagged(category))),
        "category_scores": of(&|category| json!(if flagged(category) { 0.9 } else { 0.001 })),
        "category_applied_input_types": of(&|category| if flagged(category) { json!(["text"]) } else { json!([]) }),
    })
}
