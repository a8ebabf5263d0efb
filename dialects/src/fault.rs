//! Whose fault an upstream's refusal is: status and body decide together.
//!
//! Vendors disagree: Gemini says 400 for a bad key, OpenRouter 403 for moderation, xAI 400 for a bad key, a missing
//! model and a bad argument alike, OpenAI 429 for an empty account. Texts count only at the start of a message, never
//! in its middle: a message quotes what the client sent, and a client must not be able to talk a key out of service.
//!
//! Always: but for 401 and 402 nothing is the key's fault that does not say so. What a request names (a file, a cache, a
//! model, a scope) is refused with the same 403 as a key that is forbidden, and one request must not cost everybody a key.

use serde_json::Value;

mod told;

pub(crate) use told::Told;

/// Bodies beyond this are judged by their status alone.
pub const MAX_BODY: usize = 64 * 1024;

/// Whose fault it is, and so what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request's: handed back as it is.
    Client,
    /// The key is wrong, expired or forbidden: it is out until a canary works; another key or deployment serves.
    Key,
    /// The account is out of credit: like `Key`, under another name.
    Credit,
    /// This key may not do this, or nobody knows who may not do what: another key or deployment may, and nobody is to
    /// blame.
    Forbidden,
    /// Too many requests or tokens: the key cools down.
    RateLimited,
    /// This upstream does not have the model: the next deployment.
    ModelMissing,
    /// This upstream does not serve such a request at all (path, method, size): the next deployment.
    NotServed,
    /// It broke, is overloaded or gave up: may be retried.
    Upstream,
}

impl Fault {
    /// Whether another key, deployment or attempt may do better.
    pub const fn retryable(self) -> bool {
        match self {
            Self::Client => false,
            Self::Key
            | Self::Credit
            | Self::Forbidden
            | Self::RateLimited
            | Self::ModelMissing
            | Self::NotServed
            | Self::Upstream => true,
        }
    }

    /// The word for metrics and the log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Key => "key",
            Self::Credit => "credit",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::ModelMissing => "model_missing",
            Self::NotServed => "not_served",
            Self::Upstream => "upstream",
        }
    }
}

/// Judges an answer by its status and its (possibly cut) body.
pub fn judge(status: u16, body: &[u8]) -> Fault {
    let told = if (400..500).contains(&status) || status == 200 { Told::read(body) } else { Told::default() };
    by_told(status, &told)
}

/// Judges an error that came inside a 200: by the status it names for itself, else by its kind.
pub(crate) fn judge_told(told: &Told) -> Fault {
    match told.status {
        Some(status) => by_told(status, told),
        None if told.is_requests_limit() => Fault::Client,
        None if told.is_groups_budget() => Fault::NotServed,
        None if told.is_too_large_for_limit() => Fault::NotServed,
        None if told.is_rate_limit() => Fault::RateLimited,
        None if told.is_credit() => Fault::Credit,
        None if told.is_bad_key() || told.is_barred_key() => Fault::Key,
        None if told.is_forbidden() => Fault::Forbidden,
        None if told.is_missing_model() => Fault::ModelMissing,
        None if told.is_wrong_place() || told.is_no_path() => Fault::NotServed,
        None if told.is_client() || told.is_moderation() || told.is_missing_thing() => Fault::Client,
        None => told.status_of_kind().map_or(Fault::Upstream, |status| by_told(status, told)),
    }
}

/// Whether an error of this status (its own, or the one that its kind stands for) may say in its body when to come back.
/// Of a 500 it does not: its text may be about anything, and repeats what the client sent.
pub fn is_pause(status: Option<u16>, fault: Fault) -> bool {
    fault == Fault::RateLimited || (fault == Fault::Upstream && matches!(status, Some(503 | 529)))
}

fn by_told(status: u16, told: &Told) -> Fault {
    match status {
        200..=299 => judge_told_once(told),
        // A client that is handed a 401 takes its own token for wrong.
        401 if told.is_forbidden() || told.is_anothers() || told.is_requests_limit() => Fault::Forbidden,
        401 => Fault::Key,
        // OpenRouter: the account cannot pay for so long a request or answer; for shorter ones it can.
        402 if told.is_too_dear() => Fault::NotServed,
        402 if told.is_anothers() => Fault::Forbidden,
        402 => Fault::Credit,
        400..=499 if told.is_requests_limit() => Fault::Client,
        400..=499 if told.is_groups_budget() => Fault::NotServed,
        403 if told.is_credit() => Fault::Credit,
        403 if told.is_missing_model() => Fault::ModelMissing,
        403 if told.is_moderation() || told.is_missing_thing() => Fault::Client,
        403 if told.is_wrong_place() => Fault::NotServed,
        403 if told.is_anothers() => Fault::Forbidden,
        // Azure API Management's quota.
        403 if told.is_rate_limit() => Fault::RateLimited,
        403 if told.is_bad_key() || told.is_barred_key() => Fault::Key,
        // Also a page from a firewall in between: a prompt may have set it off.
        403 => Fault::Forbidden,
        404 | 410 if told.is_missing_thing() => Fault::Client,
        404 | 410 if told.is_missing_model() => Fault::ModelMissing,
        404 | 405 | 410 | 501 => Fault::NotServed,
        // OpenAI's, of what the request named; Bedrock says the same of its own model.
        424 if told.is_connector() => Fault::Client,
        498 if told.is_deny_listed() => Fault::Client,
        // A proxy in between, a dependency, an early hour, a flexible tier that is full (Groq's 498, to be asked again,
        // <https://console.groq.com/docs/flex-processing>): none of it is the request's.
        407 | 408 | 424 | 425 | 498 | 499 => Fault::Upstream,
        // Groq: one request asks for more tokens than a minute has; a bigger deployment may take it.
        413 if told.is_rate_limit() => Fault::NotServed,
        429 if told.is_credit() => Fault::Credit,
        // The same, as OpenAI says it: to wait for it would be in vain, and others' requests fit.
        429 if told.is_too_large_for_limit() => Fault::NotServed,
        429 => Fault::RateLimited,
        400..=499 if told.is_bad_key() || told.is_barred_key() => Fault::Key,
        400..=499 if told.is_credit() => Fault::Credit,
        400..=499 if told.is_forbidden() || told.is_about_key() => Fault::Forbidden,
        400..=499 if told.is_missing_model() => Fault::ModelMissing,
        400..=499 if told.is_wrong_place() || told.is_no_path() => Fault::NotServed,
        400..=499 => Fault::Client,
        // Redirects are not followed, and whatever else there is, is no answer.
        _ => Fault::Upstream,
    }
}

fn judge_told_once(told: &Told) -> Fault {
    match told.status {
        Some(200..=299) => Fault::Upstream,
        _ => judge_told(told),
    }
}

/// The error object of a body, wherever vendors put it.
pub(crate) fn error_of(value: &Value) -> Option<&Value> {
    let value = match value {
        // Gemini's OpenAI-compatible endpoint wraps errors in an array.
        Value::Array(items) => items.first()?,
        other => other,
    };
    // `response.failed` carries it inside the response, OpenRouter at times inside the choice.
    let places = ["/error", "/response/error", "/choices/0/error"];
    match places.into_iter().filter_map(|place| value.pointer(place)).find(|error| !error.is_null()) {
        Some(error @ Value::Object(_)) => Some(error),
        Some(_) => Some(value),
        // MiniMax's, which stands beside every answer of its.
        None if value.pointer("/base_resp/status_code").and_then(Value::as_u64).is_some_and(|code| code != 0) => {
            value.get("base_resp")
        }
        // Cloudflare lists them.
        None if value.get("message").is_none() => {
            Some(value.pointer("/errors/0").filter(|error| error.is_object()).unwrap_or(value))
        }
        None => Some(value),
    }
}

#[cfg(test)]
mod tests;
