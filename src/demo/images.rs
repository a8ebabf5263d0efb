//! `/images/*`: one pixel, as a PNG.

use serde_json::json;

use super::request::{Answer, Refusal, Request};
use super::text::{self, CREATED};

/// A valid PNG of one pixel, 70 bytes.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// `events` names the events of a stream: `image_generation` or `image_edit`.
pub(super) fn answer(request: &Request, events: &str) -> Result<Answer, Refusal> {
    if events == "image_generation" && request.text("prompt").is_empty() {
        return Err(Refusal::param("prompt", "'prompt' must be a text."));
    }
    let read = text::tokens(request.text("prompt"));
    let n = request.n(10);
    let usage = json!({
        "input_tokens": read, "output_tokens": n, "total_tokens": read + n,
        "input_tokens_details": {"text_tokens": read, "image_tokens": 0},
    });
    let look = json!({"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"});
    if request.is("stream") {
        let mut partial = json!({
            "type": format!("{events}.partial_image"), "b64_json": PIXEL, "created_at": CREATED, "partial_image_index": 0,
        });
        let mut completed =
            json!({"type": format!("{events}.completed"), "b64_json": PIXEL, "created_at": CREATED, "usage": usage});
        text::extend(&mut partial, &look);
        text::extend(&mut completed, &look);
        return Ok(Answer::Events(vec![text::event(&partial), text::event(&completed)]));
    }
    let image = if request.text("response_format") == "url" {
        json!({"url": format!("data:image/png;base64,{PIXEL}")})
    } else {
        json!({"b64_json": PIXEL})
    };
    let data: Vec<_> = (0..n).map(|_| image.clone()).collect();
    let mut body = json!({"created": CREATED, "data": data, "usage": usage});
    text::extend(&mut body, &look);
    Ok(Answer::Json(body))
}
