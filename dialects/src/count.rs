//! Counting tokens before anything is generated: requests and answers of each dialect.
//!
//! Sources: <https://ai.google.dev/api/tokens>, the section on count_tokens of Anthropic's API reference, the CountTokens
//! operation of the Bedrock runtime. A request to count is a conversation like any other; Anthropic's is read as a
//! request for an answer, Gemini's may hold a whole one.

use serde_json::value::RawValue;

use crate::conversation::Request;
use crate::gemini::generate;
use crate::json::Scalar;
use crate::json::object::object;
use crate::json::put::Object;
use crate::loss::Losses;
use crate::translate::{Bad, Hints, Malformed, Refused, Target};

object! {
    struct Gemini<'a> {
        whole: &'a RawValue = "generateContentRequest" | "generate_content_request",
    }
}

/// Reads a client's `countTokens`: contents, or a whole request for content.
pub fn read_gemini<'a>(body: &'a [u8], hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    let read: Gemini<'a> = serde_json::from_slice(body).map_err(|error| Bad::json(body, &error))?;
    match read.whole {
        Some(whole) => generate::request::read(whole.get().as_bytes(), hints),
        None => generate::request::read(body, hints),
    }
}

/// Writes a `countTokens` for an upstream. `vertex`: there all members stand at the top; by API key only contents may,
/// and all else goes into a whole request.
pub fn write_gemini(
    request: &Request<'_>,
    target: &Target<'_>,
    vertex: bool,
    losses: &mut Losses,
) -> Result<Vec<u8>, Refused> {
    let body = generate::request::write(request, target, losses)?;
    if vertex {
        return Ok(body);
    }
    let mut out = Vec::with_capacity(body.len() + 64);
    out.extend_from_slice(b"{\"generateContentRequest\":");
    let mut whole = Object::open(&mut out);
    whole.text("model", &format!("models/{}", target.model));
    drop(whole);
    // Two objects become one: the end of the first and the beginning of the second make way for a comma.
    out.pop();
    out.push(b',');
    out.extend_from_slice(body.get(1..).unwrap_or_default());
    out.push(b'}');
    Ok(out)
}

/// The tokens that an upstream counted: `totalTokens` (Gemini), `input_tokens` (Anthropic), `inputTokens` (Bedrock).
pub fn read_answer(body: &[u8]) -> Result<u64, Malformed> {
    object! {
        struct Answer<'a> {
            tokens: Scalar = "totalTokens" | "input_tokens" | "inputTokens",
        }
    }
    let read: Answer<'_> = serde_json::from_slice(body).map_err(|_| Malformed::of(body))?;
    read.tokens.and_then(Scalar::number).ok_or_else(|| Malformed::of(body))
}

/// For a Gemini client.
pub fn gemini_answer(tokens: u64) -> Vec<u8> {
    one("totalTokens", tokens)
}

/// For an Anthropic client.
pub fn anthropic_answer(tokens: u64) -> Vec<u8> {
    one("input_tokens", tokens)
}

fn one(key: &str, tokens: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Object::open(&mut out).whole(key, tokens);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn both_forms_of_a_request_are_one() {
        let hints = Hints { model: Some("m"), stream: None };
        let bodies = [
            r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
            r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"hi"}]}]}}"#,
        ];
        for body in bodies {
            let request = read_gemini(body.as_bytes(), &hints).unwrap();
            assert_eq!((&*request.model, request.messages.len()), ("m", 1));
            let target = Target { model: "up", ..Target::default() };
            let mut losses = Losses::default();
            let whole = write_gemini(&request, &target, false, &mut losses).unwrap();
            let whole: Value = serde_json::from_slice(&whole).unwrap();
            assert_eq!(whole["generateContentRequest"]["model"], "models/up");
            assert_eq!(whole["generateContentRequest"]["contents"][0]["parts"][0]["text"], "hi");
            let vertex = write_gemini(&request, &target, true, &mut losses).unwrap();
            assert!(serde_json::from_slice::<Value>(&vertex).unwrap()["contents"].is_array());
        }
        assert!(read_gemini(b"{}", &hints).is_err() && read_gemini(b"[]", &hints).is_err());
    }

    #[test]
    fn answers_are_read_and_written() {
        assert_eq!(read_answer(&gemini_answer(7)), Ok(7));
        assert_eq!(read_answer(&anthropic_answer(8)), Ok(8));
        assert_eq!(read_answer(br#"{"inputTokens":9,"x":[]}"#), Ok(9));
        assert!(matches!(read_answer(br#"{"error":{"message":"no"}}"#), Err(Malformed::Failed(_))));
        assert_eq!(read_answer(b"{}"), Err(Malformed::Foreign));
        assert_eq!(serde_json::from_slice::<Value>(&gemini_answer(7)).unwrap(), json!({"totalTokens": 7}));
    }
}
