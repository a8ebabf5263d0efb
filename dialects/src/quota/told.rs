//! When to come back, as an error's body says it: for providers that put it there and not into a header.
//!
//! Sources: Gemini's `google.rpc.RetryInfo` and `QuotaFailure` among an error's `details`, OpenRouter's
//! `error.metadata.headers`, and sentences: OpenAI's and Groq's "try again in 1m30s", Gemini's "retry in 34.07s", Azure's
//! "retry after 22 seconds", GitHub's "wait 57 seconds"; Hugging Face's `estimated_time` of a model that loads, and
//! FastAPI's list under `detail`. A hint as the headers' are, and believed as far.
//!
//! Always: what stands in quotation marks is not read, for a message quotes what the client sent.

use serde_json::Value;

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
        return Told { retry_after_ms: in_text(text).map(|ms| ms.min(MAX_WAIT_MS)), day: false };
    };
    error_of(&root).map(|error| of_error(error, now_unix_ms)).unwrap_or_default()
}

fn of_error(error: &Value, now_unix_ms: u64) -> Told {
    let details = || error.get("details").and_then(Value::as_array).into_iter().flatten().take(16);
    let mut told = Told { retry_after_ms: None, day: details().any(is_of_a_day) };
    told.retry_after_ms = details()
        .find_map(retry_info)
        .or_else(|| members(error))
        .or_else(|| error.get("metadata").and_then(|metadata| in_metadata(metadata, now_unix_ms)))
        .or_else(|| texts(error).find_map(in_text))
        .or_else(|| error.pointer("/metadata/raw").and_then(Value::as_str).and_then(handed_on))
        .map(|ms| ms.min(MAX_WAIT_MS));
    told
}

fn texts(error: &Value) -> impl Iterator<Item = &str> {
    let members = ["message", "error", "detail"].into_iter().filter_map(|name| error.get(name)?.as_str());
    let listed = error.get("detail").and_then(Value::as_array).into_iter().flatten().take(16);
    members.chain(listed.filter_map(|entry| entry.get("msg")?.as_str())).chain(error.as_str())
}

/// OpenRouter's `raw`: the error of whom it asked, as that one wrote it.
fn handed_on(raw: &str) -> Option<u64> {
    match serde_json::from_str::<Value>(raw) {
        Ok(root) => {
            let error = error_of(&root)?;
            members(error).or_else(|| texts(error).find_map(in_text))
        }
        Err(_) => in_text(raw),
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

/// Seconds or milliseconds, under a name of their own.
fn members(error: &Value) -> Option<u64> {
    if let Some(ms) = error.get("retry_after_ms").and_then(Value::as_u64).filter(|ms| *ms > 0) {
        return Some(ms);
    }
    let names = ["retry_after", "retry_after_seconds", "retryAfter", "resets_in_seconds", "estimated_time"];
    let seconds = names.into_iter().find_map(|name| error.get(name))?;
    match seconds {
        Value::Number(seconds) => value::retry_after_ms(&seconds.to_string(), 0),
        Value::String(text) => value::retry_after_ms(text.trim_ascii(), 0),
        _ => None,
    }
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
    hints.retry_after_ms.or_else(|| members(metadata)).or(hints.requests.reset_ms.filter(|_| used_up))
}

/// What a wait follows in a sentence; without regard to case.
const BEFORE: [&[u8]; 14] = [
    b"try again in ",
    b"try again after ",
    b"retry in ",
    b"retry after ",
    b"retry after: ",
    b"retry your request in ",
    b"retry your request after ",
    b"please wait for ",
    b"please wait ",
    b"will reset after ",
    b"will reset in ",
    b"resets in ",
    b"retry-after: ",
    b"retry_after: ",
];
/// And what may stand between.
const ABOUT: [&[u8]; 3] = [b"about ", b"approximately ", b"~"];
/// So much of a text is looked at before what it quotes, and behind it.
const NEAR: usize = 4_096;
const QUOTES: &[char] = &['\'', '"', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{ab}', '\u{bb}'];

/// What a text says in its own words: what stands before its first quotation mark and behind its last one. Whoever is
/// quoted may use such marks too, but not behind the last. An apostrophe within a word is none.
fn unquoted(text: &str) -> [&str; 2] {
    let marks = || text.match_indices(QUOTES);
    let joins = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
    let before = |at: usize| text.get(..at).unwrap_or_default();
    let behind = |at: usize, mark: &str| text.get(at + mark.len()..).unwrap_or_default();
    let Some((opens, _)) = marks().find(|(at, _)| !joins(before(*at).chars().next_back())) else { return [text, ""] };
    let closes = marks().rfind(|(at, mark)| *at > opens && !joins(behind(*at, mark).chars().next()));
    [before(opens), closes.map_or("", |(at, mark)| behind(at, mark))]
}

/// The wait that a sentence names: `40s`, `1m30s`, `350ms`, `22 seconds`, `1 minute and 5 seconds`.
fn in_text(text: &str) -> Option<u64> {
    unquoted(text).into_iter().find_map(|own| in_words(own.as_bytes()))
}

fn in_words(text: &[u8]) -> Option<u64> {
    let text = text.get(..NEAR.min(text.len()))?;
    let at = |before: &&[u8]| text.windows(before.len()).position(|part| part.eq_ignore_ascii_case(before));
    BEFORE.iter().filter_map(|before| Some(at(before)? + before.len())).find_map(|at| {
        let rest = text.get(at..)?;
        span(ABOUT.iter().find_map(|about| rest.strip_prefix(*about)).unwrap_or(rest))
    })
}

/// A number with its unit, as often as they follow each other.
fn span(mut rest: &[u8]) -> Option<u64> {
    let mut total: Option<u64> = None;
    while let Some((thousandths, after)) = value::thousandths(rest) {
        let spaced = after.strip_prefix(b" ").unwrap_or(after);
        let letters = spaced.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(spaced.len());
        let (unit, after) = spaced.split_at_checked(letters)?;
        let ms = match unit {
            b"ms" | b"milliseconds" | b"millisecond" => thousandths.div_ceil(1_000),
            b"s" | b"sec" | b"secs" | b"second" | b"seconds" => thousandths,
            b"m" | b"min" | b"mins" | b"minute" | b"minutes" => thousandths.checked_mul(60)?,
            b"h" | b"hour" | b"hours" => thousandths.checked_mul(3_600)?,
            b"d" | b"day" | b"days" => thousandths.checked_mul(86_400)?,
            // No unit: seconds, as in the header. But what else is counted is no time.
            b"" => return total.or(Some(thousandths)),
            _ => return total,
        };
        total = Some(total.unwrap_or(0).checked_add(ms)?);
        let after = after.strip_prefix(b",").unwrap_or(after);
        let after = after.strip_prefix(b" and ").or_else(|| after.strip_prefix(b" ")).unwrap_or(after);
        rest = after;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(body: &str) -> Option<u64> {
        told(body.as_bytes(), 1_790_000_000_000).retry_after_ms
    }

    #[test]
    fn sentences_of_all_sorts() {
        for (text, ms) in [
            (
                "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2.4s. Visit https://x",
                2_400,
            ),
            ("Please try again in 40s", 40_000),
            ("Please try again in 1m30s.", 90_000),
            ("Please try again in 7m12.345s.", 432_345),
            ("Please try again in 350ms.", 350),
            ("Please try again in 1h2m3s", 3_723_000),
            ("Please retry in 34.074824224s.", 34_075),
            ("have exceeded call rate limit. Please retry after 22 seconds. Please go here", 22_000),
            ("Please retry after 1 second.", 1_000),
            ("Please try again in 1 minute and 5 seconds", 65_000),
            ("Please Try Again In 2 minutes, 3 seconds", 123_000),
            ("Rate limit of 10 per 60s exceeded. Please wait 57 seconds before retrying.", 57_000),
            ("Retry after 7", 7_000),
            ("Rate limit reached. Please wait for 40 seconds.", 40_000),
            ("Rate limit exceeded, retry after: 40s", 40_000),
            ("Your quota will reset after 3s.", 3_000),
            ("Quota will reset in 40s", 40_000),
            ("Please try again in about 40 seconds", 40_000),
            ("Too many. Retry-After: 40", 40_000),
            ("This would exceed your account's limit. Please try again in 4s; it's tight", 4_000),
            ("Limit reached for `m` in organization `o` on tokens. Please try again in 2s. Need more?", 2_000),
        ] {
            assert_eq!(in_text(text), Some(ms), "{text}");
        }
        for text in [
            "Please try again later.",
            "try again in a moment",
            "Please try again in ",
            "try again in 99999999999999999999999s",
            "try again in 3 attempts",
            "in 40s",
            "",
            // A client's own words.
            "cannot parse 'please wait 999 seconds'",
            "cannot parse 'x' please wait 999 seconds '",
            "cannot parse \"it's: 'try again in 9s\"",
            "cannot parse `please wait 999 seconds",
        ] {
            assert_eq!(in_text(text), None, "{text}");
        }
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
        for raw in [r#"{\"error\":{\"message\":\"Please try again in 40s.\"}}"#, "x is limited, retry in 40s"] {
            let body = format!(r#"{{"error":{{"message":"Provider returned error","metadata":{{"raw":"{raw}"}}}}}}"#);
            assert_eq!(wait(&body), Some(40_000), "{body}");
        }
        for body in ["", "[]", "7", r#"{"error":{"details":7,"metadata":[]}}"#, r#"{"error":{"retry_after":{}}}"#] {
            assert_eq!(wait(body), None, "{body}");
        }
    }
}
