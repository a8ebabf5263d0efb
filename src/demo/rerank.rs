//! `/rerank`: documents ordered by the share of the query's words that they hold.
//!
//! Shape: what Cohere's v2 and Jina's rerank have in common, with the usage of both.

use serde_json::{Value, json};

use super::request::{Answer, Refusal, Request};
use super::text;

const MOST_DOCUMENTS: usize = 1000;
/// Words of a query that are looked for.
const MOST_WORDS: usize = 64;

pub(super) fn answer(request: &Request) -> Result<Answer, Refusal> {
    let documents = request.get("documents").as_array();
    let documents = documents
        .filter(|documents| (1..=MOST_DOCUMENTS).contains(&documents.len()))
        .ok_or_else(|| Refusal::param("documents", "'documents' must be a list of 1 to 1000 documents."))?;
    let query = request.text("query").to_lowercase();
    if query.is_empty() {
        return Err(Refusal::param("query", "'query' must be a text."));
    }
    let words: Vec<_> = query.split_whitespace().take(MOST_WORDS).collect();
    let mut scored: Vec<(usize, f64, &str)> = documents
        .iter()
        .enumerate()
        .map(|(index, document)| {
            let text = document.as_str().or_else(|| document.get("text")?.as_str()).unwrap_or_default();
            let lower = text.to_lowercase();
            let found = words.iter().filter(|word| lower.contains(**word)).count();
            (index, found as f64 / words.len().max(1) as f64, text)
        })
        .collect();
    // Stable: of equals the earlier comes first.
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    let top = request.number("top_n").and_then(|top| usize::try_from(top).ok()).unwrap_or(usize::MAX);
    let with_text = request.is("return_documents");
    let results: Vec<Value> = scored
        .iter()
        .take(top)
        .map(|(index, score, document)| {
            let mut result = json!({"index": index, "relevance_score": score});
            if with_text {
                text::set(&mut result, "document", json!({"text": document}));
            }
            result
        })
        .collect();
    let tokens: u64 = text::tokens(&query) + scored.iter().map(|(_, _, text)| text::tokens(text)).sum::<u64>();
    Ok(Answer::Json(json!({
        "id": text::id("rerank-", &request.body), "model": request.model(), "results": results,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    })))
}
