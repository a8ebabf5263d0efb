//! The models that a body of Gemini's names beside the one in its path.
//!
//! Source: <https://ai.google.dev/api/embeddings> (`requests[].model` must be the model of the path) and
//! <https://ai.google.dev/api/tokens> (`generateContentRequest.model`).

use std::ops::Range;

use memchr::memmem;
use serde_json::value::RawValue;

use crate::json::object::object;
use crate::json::put::string;

object! {
    struct Body<'a> {
        model: &'a RawValue = "model",
        requests: Vec<Request<'a>> = "requests",
        request: Request<'a> = "generateContentRequest" | "generate_content_request",
    }
}

object! { struct Request<'a> { model: &'a RawValue = "model", } }

/// The body with the upstream's model in place of each that it names. What cannot be read stays as it is: the upstream
/// has the words for it.
pub fn renamed(body: &[u8], model: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let Ok(text) = std::str::from_utf8(body) else { return body.to_vec() };
    let Ok(read) = serde_json::from_str::<Body<'_>>(text) else { return body.to_vec() };
    let inner = read.requests.into_iter().flatten().chain(read.request).filter_map(|request| request.model);
    let mut places: Vec<Range<usize>> =
        read.model.into_iter().chain(inner).filter_map(|raw| place(text, raw)).collect();
    places.sort_unstable_by_key(|place| place.start);
    let mut from = 0;
    for place in places {
        out.extend_from_slice(body.get(from..place.start).unwrap_or_default());
        string(&mut out, &format!("models/{model}"));
        from = place.end;
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    out
}

/// Whether a body to count tokens of may be a whole request, which names its model.
pub fn wraps_request(body: &[u8]) -> bool {
    ["ontentRequest", "ontent_request"].iter().any(|key| memmem::find(body, key.as_bytes()).is_some())
}

/// Where in the body a borrowed value stands.
fn place(body: &str, raw: &RawValue) -> Option<Range<usize>> {
    let start = raw.get().as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    Some(start..start + raw.get().len())
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn every_model_of_a_body_is_the_upstreams() {
        for (body, expected) in [
            (r#"{"content":{"parts":[]}}"#, r#"{"content":{"parts":[]}}"#),
            (r#"{"model": "models/emb" ,"content":{"model":1}}"#, r#"{"model": "models/up-1" ,"content":{"model":1}}"#),
            (
                r#"{"requests":[{"content":{},"model":"models/emb"},{"x":"é"},{"model":"models\/emb","taskType":"T"}]}"#,
                r#"{"requests":[{"content":{},"model":"models/up-1"},{"x":"é"},{"model":"models/up-1","taskType":"T"}]}"#,
            ),
            (
                r#"{"generateContentRequest":{"contents":[],"model":"models/a"}}"#,
                r#"{"generateContentRequest":{"contents":[],"model":"models/up-1"}}"#,
            ),
            ("not JSON", "not JSON"),
            (r#"{"requests":7,"model":"m"}"#, r#"{"requests":7,"model":"m"}"#),
        ] {
            assert_eq!(String::from_utf8(renamed(body.as_bytes(), "up-1")).unwrap(), expected);
        }
        assert_eq!(renamed(b"{\"model\":\"\xff\"}", "m"), b"{\"model\":\"\xff\"}");
    }
}
