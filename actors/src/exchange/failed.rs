//! An error status: its body is read (bounded in size and time), judged, and masked for handing on.
//!
//! Always: nothing of a body that cannot be read is handed on, for it cannot be masked: one that came encoded, which
//! nobody asked for, said or unsaid, or in two bytes a letter.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use config::{DayReset, Timeouts};
use dialects::{Dialect, fault, quota};
use futures::StreamExt;
use serde_json::Value;

use super::Response;
use crate::error::{Cause, ErrorAnswer, Failure};
use crate::headers;
use crate::provider::Veil;
use crate::{alarm, clock};

/// Of an error's body at most this much is read; what errors say fits many times over.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Bytes of a text that is no JSON which are told.
const WORDS: usize = 200;
/// Of a list of findings so many are told.
const MOST_FINDINGS: usize = 3;
/// And no longer than this is waited for all of it.
const MAX_ERROR_TIME: Duration = Duration::from_secs(5);

pub async fn read(
    mut response: Response,
    dialect: Dialect,
    timeouts: Timeouts,
    deadline: Instant,
    veil: &Veil,
) -> Failure {
    let status = response.status();
    if status.is_redirection() {
        return Cause::Redirect.into();
    }
    // Interim answers are taken out on the way: this one switches to a protocol that nobody asked for.
    if status.is_informational() {
        return Cause::Protocol.into();
    }
    let mut body = BytesMut::new();
    let until = (Instant::now() + timeouts.idle.min(MAX_ERROR_TIME)).min(deadline);
    let whole = alarm::within(until, async {
        while let Some(Ok(piece)) = response.next().await {
            let room = MAX_ERROR_BODY - body.len();
            body.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            if body.len() >= MAX_ERROR_BODY {
                break;
            }
        }
    });
    // What came in time is what is judged: the status alone says most of it.
    let _ = whole.await;
    let encoded = super::is_encoded(&response) || is_no_text(&body);
    let readable: &[u8] = if encoded { &[] } else { &body };
    let fault = fault::judge(status.as_u16(), readable);
    let hints = headers::quota_hints(response.headers()).unwrap_or_default();
    let retry_after_ms = if fault::is_pause(Some(status.as_u16()), fault) {
        pause(quota::told(readable, clock::now().0), hints.retry_after_ms).or(hints.reset_ms)
    } else {
        hints.retry_after_ms
    };
    let masked = veil.masked(readable);
    let why = words(status.as_u16(), &masked);
    let answer = || {
        let mut headers = headers::answer(response.headers());
        veil.drop_telling(&mut headers, true);
        Box::new(ErrorAnswer { status, headers, body: Bytes::copy_from_slice(&masked), dialect })
    };
    Failure {
        cause: Cause::Status(status, fault),
        retry_after_ms,
        // What cannot be read cannot be masked.
        answer: (!encoded).then(answer),
        why,
    }
}

/// What the provider said, without the rest of its error, which may repeat the request; of a text that is no JSON its
/// beginning.
fn words(status: u16, masked: &[u8]) -> Option<Box<str>> {
    let said = dialects::translate::error(status, masked).message;
    if !said.is_empty() {
        return Some(said.into());
    }
    let text = String::from_utf8_lossy(masked.get(..WORDS.min(masked.len())).unwrap_or_default());
    match text.trim_start() {
        "" => None,
        text if text.starts_with('<') => Some("a web page".into()),
        text if text.starts_with(['{', '[', '"']) => {
            Some(findings(masked).unwrap_or_else(|| "no message that could be read".into()))
        }
        text => Some(text.into()),
    }
}

/// FastAPI's `detail`: what is wrong, and where, and not what stands there.
fn findings(body: &[u8]) -> Option<Box<str>> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let told = json.get("detail")?.as_array()?.iter().take(MOST_FINDINGS).filter_map(|finding| {
        let place = finding.get("loc").and_then(Value::as_array).into_iter().flatten();
        let place: Vec<String> =
            place.map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
        let what = finding.get("msg")?.as_str()?;
        Some(if place.is_empty() { what.to_owned() } else { format!("{}: {what}", place.join(".")) })
    });
    let told = told.collect::<Vec<_>>().join("; ");
    let end = told.floor_char_boundary(WORDS);
    (!told.is_empty()).then(|| told.get(..end).unwrap_or_default().into())
}

/// Compressed without a word of it, or UTF-16: no error in text holds a zero, nor begins so.
fn is_no_text(body: &[u8]) -> bool {
    const BEGIN: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff"];
    BEGIN.iter().any(|begin| body.starts_with(begin)) || memchr::memchr(0, body).is_some()
}

/// When to come back, as header and body say it together: the header is believed before the body, and where a day's
/// quota is used up both are wrong, for Gemini names the end of the minute.
pub(super) fn pause(told: quota::Told, in_header: Option<u64>) -> Option<u64> {
    if told.day {
        // Google's days end at midnight in California.
        let now = clock::now().0;
        let until = DayReset::parse("00:00 America/Los_Angeles").ok()?.next_after(now);
        return Some(until.saturating_sub(now));
    }
    in_header.or(told.retry_after_ms)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn of_an_error_its_message_and_never_what_else_it_repeats() {
        let none = "no message that could be read";
        for (body, want) in [
            (r#"{"error":{"message":"boom","input":"a prompt"}}"#, "boom"),
            (
                r#"{"detail":[{"type":"string_type","loc":["body","messages",0,"content"],"msg":"Input should be a valid string","input":{"role":"user","content":"a prompt"},"ctx":{"x":"a prompt"}}]}"#,
                "body.messages.0.content: Input should be a valid string",
            ),
            (r#"{"detail":[{"msg":"one"},{"msg":"two","input":"a prompt"}]}"#, "one; two"),
            (r#"{"detail":[{"input":"a prompt"}]}"#, none),
            (r#"{"request":{"messages":["a prompt"]}}"#, none),
            (r#"{"request":{"messages":["a pro"#, none),
            (r#""a prompt""#, none),
            ("no healthy upstream", "no healthy upstream"),
            ("<p>a prompt", "a web page"),
        ] {
            assert_eq!(words(422, body.as_bytes()).as_deref(), Some(want), "{body}");
        }
        assert_eq!(words(500, b""), None);
    }
}
