//! When to come back, as an error's body says it: for providers that put it there and not into a header.
//!
//! Sources: Gemini's `google.rpc.RetryInfo` and `QuotaFailure` among an error's `details`, OpenRouter's
//! `error.metadata.headers`, Codex's `resets_at`, Hugging Face's `estimated_time` of a model that loads, FastAPI's list
//! under `detail`, and sentences. A hint as the headers' are, and believed as far.

use serde_json::Value;

use super::sentence::wait_in;
use super::{MAX_WAIT_MS, QuotaHints, value};
use crate::fault::{MAX_BODY, error_of};

/// What a body says of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// From now, in milliseconds; at most [`MAX_WAIT_MS`].
    pub retry_after_ms: Option<u64>,
    /// A day's quota is used up, whatever the hint says: Gemini names a minute beside it.
    pub day: bool,
}

/// Reads an error's body.
pub fn told(body: &[u8], now_unix_ms: u64) -> Told {
    if body.len() > MAX_BODY {
        return Told::default();
    }
    let Ok(root) = serde_json::from_slice::<Value>(body) else {
        // A text, or a page of whoever stands in front.
        let text = std::str::from_utf8(body).unwrap_or_default();
        return Told { retry_after_ms: wait_in(text, now_unix_ms).map(|ms| ms.min(MAX_WAIT_MS)), day: false };
    };
    error_of(&root).map(|error| of_error(error, now_unix_ms)).unwrap_or_default()
}

fn of_error(error: &Value, now_unix_ms: u64) -> Told {
    let details = || error.get("details").and_then(Value::as_array).into_iter().flatten().take(16);
    let mut told = Told { retry_after_ms: None, day: details().any(is_of_a_day) };
    told.retry_after_ms = details()
        .find_map(retry_info)
        .or_else(|| members(error, now_unix_ms))
        .or_else(|| error.get("metadata").and_then(|metadata| in_metadata(metadata, now_unix_ms)))
        .or_else(|| texts(error).find_map(|text| wait_in(text, now_unix_ms)))
        .or_else(|| error.pointer("/metadata/raw").and_then(Value::as_str).and_then(|raw| handed_on(raw, now_unix_ms)))
        .map(|ms| ms.min(MAX_WAIT_MS));
    told
}

fn texts(error: &Value) -> impl Iterator<Item = &str> {
    let members = ["message", "error", "detail"].into_iter().filter_map(|name| error.get(name)?.as_str());
    let listed = error.get("detail").and_then(Value::as_array).into_iter().flatten().take(16);
    members.chain(listed.filter_map(|entry| entry.get("msg")?.as_str())).chain(error.as_str())
}

/// OpenRouter's `raw`: the error of whom it asked, as that one wrote it.
fn handed_on(raw: &str, now_unix_ms: u64) -> Option<u64> {
    match serde_json::from_str::<Value>(raw) {
        Ok(root) => {
            let error = error_of(&root)?;
            members(error, now_unix_ms).or_else(|| texts(error).find_map(|text| wait_in(text, now_unix_ms)))
        }
        Err(_) => wait_in(raw, now_unix_ms),
    }
}

fn retry_info(detail: &Value) -> Option<u64> {
    // Gemini CLI's own backend puts it into `google.rpc.ErrorInfo`.
    let metadata = detail.get("metadata").and_then(|metadata| metadata.get("quotaResetDelay"));
    let delay = detail.get("retryDelay").or(metadata)?;
    match delay {
        Value::String(text) => value::retry_after_ms(text.trim_ascii(), 0),
        other => other.get("seconds").and_then(Value::as_u64)?.checked_mul(1_000),
    }
}

fn is_of_a_day(detail: &Value) -> bool {
    let violations = detail.get("violations").and_then(Value::as_array);
    violations
        .into_iter()
        .flatten()
        .take(16)
        .any(|violation| violation.get("quotaId").and_then(Value::as_str).is_some_and(|quota| quota.contains("PerDay")))
}

/// Seconds, milliseconds or an instant, under a name of their own.
fn members(error: &Value, now_unix_ms: u64) -> Option<u64> {
    const SECONDS: [&str; 5] =
        ["retry_after", "retry_after_seconds", "retryAfter", "resets_in_seconds", "estimated_time"];
    if let Some(ms) = error.get("retry_after_ms").and_then(Value::as_u64).filter(|ms| *ms > 0) {
        return Some(ms);
    }
    let told = |name: &str| match error.get(name)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim_ascii().to_owned()),
        _ => None,
    };
    SECONDS.into_iter().find_map(|name| value::retry_after_ms(&told(name)?, 0)).or_else(|| {
        // What has passed says nothing of what is to come.
        value::reset_ms(&told("resets_at")?, now_unix_ms).filter(|ms| *ms > 0)
    })
}

fn in_metadata(metadata: &Value, now_unix_ms: u64) -> Option<u64> {
    let mut hints = QuotaHints::default();
    for (name, text) in metadata.get("headers").and_then(Value::as_object).into_iter().flatten().take(32) {
        match text {
            Value::String(text) => hints.note(&name.to_ascii_lowercase(), text, now_unix_ms),
            Value::Number(number) => hints.note(&name.to_ascii_lowercase(), &number.to_string(), now_unix_ms),
            _ => {}
        }
    }
    let used_up = hints.requests.remaining.is_none_or(|remaining| remaining == 0);
    hints.retry_after_ms.or_else(|| members(metadata, now_unix_ms)).or(hints.requests.reset_ms.filter(|_| used_up))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(body: &str) -> Option<u64> {
        told(body.as_bytes(), 1_790_000_000_000).retry_after_ms
    }

    #[test]
    fn what_bodies_hold_of_it() {
        let gemini = |quota: &str| {
            format!(
                r#"[{{"error":{{"code":429,"message":"You exceeded your current quota. Please retry in 9s.","status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{quota}"}}]}},{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"}}]}}}}]"#
            )
        };
        let minute = gemini("GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
        assert_eq!(told(minute.as_bytes(), 0), Told { retry_after_ms: Some(34_070), day: false });
        let day = gemini("GenerateRequestsPerDayPerProjectPerModel-FreeTier");
        assert_eq!(told(day.as_bytes(), 0), Told { retry_after_ms: Some(34_070), day: true });
        assert_eq!(wait(r#"{"error":{"details":[{"retryDelay":{"seconds":7}}]}}"#), Some(7_000));
        assert_eq!(
            wait(r#"{"error":{"details":[{"reason":"x","metadata":{"quotaResetDelay":"373.801628ms"}}]}}"#),
            Some(374)
        );
        assert_eq!(
            wait(
                r#"{"error":{"message":"Rate limit exceeded: free-models-per-day.","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1790000040000"}}}}"#
            ),
            Some(40_000)
        );
        assert_eq!(wait(r#"{"error":{"code":429,"metadata":{"headers":{"Retry-After":12}}}}"#), Some(12_000));
        assert_eq!(
            wait(
                r#"{"error":{"metadata":{"headers":{"X-RateLimit-Remaining":"3","X-RateLimit-Reset":"1790000040000"}}}}"#
            ),
            None
        );
        assert_eq!(wait(r#"{"error":{"metadata":{"retry_after_seconds":8}}}"#), Some(8_000));
        assert_eq!(wait(r#"{"message":"Please retry after 3 seconds"}"#), Some(3_000));
        assert_eq!(wait(r#"{"error":"slow down, try again in 5s"}"#), Some(5_000));
        assert_eq!(wait(r#"{"retry_after":1.5}"#), Some(1_500));
        assert_eq!(wait(r#"{"error":{"message":"busy","retry_after_ms":1500}}"#), Some(1_500));
        assert_eq!(wait(r#"{"error":"Model x is currently loading","estimated_time":20.5}"#), Some(20_500));
        assert_eq!(wait(r#"{"detail":[{"loc":["x"],"msg":"m"},{"msg":"try again in 40s"}]}"#), Some(40_000));
        assert_eq!(wait("Rate limited. Please try again in 40s"), Some(40_000));
        assert_eq!(wait(r#""try again in 40s""#), Some(40_000));
        assert_eq!(wait(r#"{"detail":"Too many requests, try again in 40 seconds"}"#), Some(40_000));
        assert_eq!(wait(r#"{"errors":[{"message":"try again in 40s"}]}"#), Some(40_000));
        assert_eq!(wait(r#"{"error":{"type":"usage_limit_reached","resets_in_seconds":40}}"#), Some(40_000));
        for at in ["1790000040", "1790000040.0", "\"1790000040\"", "\"2026-09-21T14:14:00Z\""] {
            let body = format!(r#"{{"error":{{"type":"usage_limit_reached","plan_type":"plus","resets_at":{at}}}}}"#);
            assert_eq!(wait(&body), Some(40_000), "{body}");
        }
        assert_eq!(wait(r#"{"error":{"resets_at":1789999999}}"#), None);
        assert_eq!(wait(r#"{"error":{"retry_after":null,"resets_in_seconds":40}}"#), Some(40_000));
        for raw in [r#"{\"error\":{\"message\":\"Please try again in 40s.\"}}"#, "x is limited, retry in 40s"] {
            let body = format!(r#"{{"error":{{"message":"Provider returned error","metadata":{{"raw":"{raw}"}}}}}}"#);
            assert_eq!(wait(&body), Some(40_000), "{body}");
        }
        for body in ["", "[]", "7", r#"{"error":{"details":7,"metadata":[]}}"#, r#"{"error":{"retry_after":{}}}"#] {
            assert_eq!(wait(body), None, "{body}");
        }
    }
}
