//! What an error body says, read out of the many shapes there are.

use serde_json::Value;

use super::{MAX_BODY, error_of};

mod key;
mod litellm;
mod model;

/// An error as an upstream told it. The message is raw: it must be masked before anybody sees it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// A status that the error names for itself.
    pub status: Option<u16>,
    /// `code`, `type`, `reason` (Novita's, and Gemini's in its details) and Gemini's `status`, lower case.
    pub codes: Vec<String>,
    pub message: String,
    /// OpenRouter's moderation carries what it found.
    flagged: bool,
    /// OpenRouter names whose error it hands on.
    anothers: bool,
}

impl Told {
    pub(crate) fn read(body: &[u8]) -> Self {
        if body.len() > MAX_BODY {
            return Self::default();
        }
        serde_json::from_slice::<Value>(body).ok().as_ref().and_then(Self::from_value).unwrap_or_default()
    }

    fn from_value(root: &Value) -> Option<Self> {
        let error = error_of(root)?;
        let mut told = Self::default();
        let around = if std::ptr::eq(error, root) { None } else { Some(root) };
        for key in ["code", "status_code", "status", "type", "raw_status_code", "reason"] {
            match error.get(key) {
                Some(Value::Number(n)) => told.note_status(n.as_u64()),
                Some(Value::String(text)) => {
                    told.note_status(text.parse().ok());
                    told.codes.push(text.to_ascii_lowercase());
                }
                _ => {}
            }
        }
        // xAI names its code beside a bare string of an error.
        if let Some(Value::String(code)) = around.and_then(|root| root.get("code")) {
            told.codes.push(code.to_ascii_lowercase());
        }
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten().take(16) {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                told.codes.push(reason.to_ascii_lowercase());
            }
        }
        // MiniMax numbers its errors.
        if let Some(code) = error.get("status_code").and_then(Value::as_u64).and_then(minimax) {
            told.codes.push(code.to_owned());
        }
        let metadata = error.get("metadata");
        told.flagged = metadata.is_some_and(|m| m.get("reasons").is_some() || m.get("flagged_input").is_some());
        told.anothers = metadata.and_then(|m| m.get("provider_name")).is_some_and(Value::is_string);
        told.message = ["message", "error", "detail", "error_description", "msg", "error_message", "status_msg"]
            .into_iter()
            .find_map(|key| error.get(key).and_then(Value::as_str))
            .unwrap_or_default()
            .to_owned();
        Some(told)
    }

    fn note_status(&mut self, number: Option<u64>) {
        if let Some(status) = number.and_then(|n| u16::try_from(n).ok()).filter(|n| (400..=599).contains(n)) {
            self.status = self.status.or(Some(status));
        }
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.codes.first().map(String::as_str)
    }

    fn has(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(&code.as_str()))
    }

    fn begins(&self, texts: &[&str]) -> bool {
        let message = self.message.as_bytes();
        texts
            .iter()
            .any(|text| message.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes())))
    }

    /// Begins so in the upstream's own words, and not in those of the client that it quotes first.
    fn says(&self, texts: &[&str]) -> bool {
        self.begins(texts) && !QUOTES_FIRST.iter().any(|tail| self.message.contains(tail))
    }

    pub(super) fn is_rate_limit(&self) -> bool {
        self.has(&[
            "rate_limit_exceeded",
            "rate_limit_error",
            "ratelimitreached",
            "resource_exhausted",
            "too_many_requests",
            "tokens",
            // Codex.
            "usage_limit_reached",
        ]) || self.begins(QUOTA_TEXTS)
    }

    /// More tokens in one request than a minute has, or than this account may send at once.
    pub(super) fn is_too_large_for_limit(&self) -> bool {
        self.is_rate_limit() && self.begins(&["Request too large for ", "Extra usage is required for long context"])
    }

    pub(super) fn is_credit(&self) -> bool {
        self.has(CREDIT) || self.says(CREDIT_TEXTS) || self.is_keys_budget()
            // xAI, 403: the words follow the team's id.
            || (self.says(&["Your team ", "Your newly created team "]) && self.message.contains("credits"))
            // Fireworks, 412: they follow the account's. A request has no place for a name that stands so.
            || (self.has(&["precondition_failed"]) && self.says(&["Account "]) && self.message.contains(" is suspended"))
    }

    pub(super) fn is_too_dear(&self) -> bool {
        self.begins(&["This request requires more credits", "Prompt tokens limit exceeded"])
    }

    /// It is about another account than ours: that of whom our provider asked in turn.
    pub(super) fn is_anothers(&self) -> bool {
        self.anothers
    }

    /// The upstream has no such path: LM Studio says so under a 200.
    pub(super) fn is_no_path(&self) -> bool {
        self.begins(&["Unexpected endpoint or method"])
    }

    /// Cohere's 498 (<https://docs.cohere.com/reference/errors>): something in the request or in the answer is on a list.
    pub(super) fn is_deny_listed(&self) -> bool {
        self.begins(&["blocked input", "blocked output"]) || self.message.contains("deny-listed")
    }

    /// The vendor does not serve the country that the gateway stands in.
    pub(super) fn is_wrong_place(&self) -> bool {
        self.has(&["unsupported_country_region_territory"])
            || self.begins(&[
                "User location is not supported",
                "Country, region, or territory not supported",
                "Gemini API free tier is not available in your country",
            ])
    }

    /// A 404 or 403 about something else that the request named: a stored response, a file, a cache, a conversation.
    pub(super) fn is_missing_thing(&self) -> bool {
        self.has(&["previous_response_not_found"]) || self.begins(THINGS)
    }

    pub(super) fn is_moderation(&self) -> bool {
        self.flagged || self.has(MODERATION) || self.begins(&["Content violates usage guidelines"])
            // OpenAI: `bio_policy`, `cyber_policy`, and what will follow.
            || self.codes.iter().any(|code| code.ends_with("_policy"))
    }

    /// A server of the client's own, whose tools the request names, does not answer.
    pub(super) fn is_connector(&self) -> bool {
        self.has(&["external_connector_error"])
            || (self.has(&["http_error"]) && self.begins(&["Error retrieving tool list from MCP server"]))
    }

    pub(super) fn is_client(&self) -> bool {
        self.is_connector() || self.has(CLIENT) || self.codes.iter().any(|code| is_of_a_request(code))
    }

    /// The status that its kind stands for, where it names none: inside a 200 there is no other.
    pub(super) fn status_of_kind(&self) -> Option<u16> {
        STATUS_OF.iter().find(|(kind, _)| self.has(&[kind])).map(|(_, status)| *status)
    }

    /// The status that it names for itself, or that its kind stands for.
    pub(crate) fn any_status(&self) -> Option<u16> {
        self.status.or_else(|| self.status_of_kind())
    }
}

/// Whether a code names what was wrong with the request: OpenAI has some hundred of them, built alike.
fn is_of_a_request(code: &str) -> bool {
    const BEGIN: &[&str] =
        &["invalid_", "unsupported_", "unknown_parameter", "missing_required_", "failed_to_download_", "empty_"];
    const WITHIN: &[&str] = &["_above_max_", "_below_min_", "_too_large", "_too_small", "_too_long", "_too_short"];
    // What it was that was wrong: the upstream's own, or its access to others.
    const NOT: &[&str] = &["response", "output", "stream", "token", "credential", "signature"];
    let of_a_request = BEGIN.iter().any(|begin| code.starts_with(begin))
        || WITHIN.iter().any(|part| code.contains(part))
        || code.ends_with("file_not_found");
    of_a_request && !NOT.iter().any(|part| code.contains(part))
}

/// What a number of MiniMax's is called elsewhere (<https://platform.minimax.io/docs/api-reference/errorcode>).
const fn minimax(status: u64) -> Option<&'static str> {
    Some(match status {
        1_002 | 1_039 | 1_041 | 2_045 | 2_056 => "rate_limit_exceeded",
        1_004 | 2_049 => "invalid_api_key",
        1_008 => "insufficient_balance",
        1_026 | 1_027 => "content_filter",
        2_013 => "invalid_parameter",
        _ => return None,
    })
}

/// Anthropic's kinds (<https://docs.anthropic.com/en/api/errors>), those of gRPC, and the codes that OpenAI's Responses
/// give an overload.
const STATUS_OF: &[(&str, u16)] = &[
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("permission_denied", 403),
    ("not_found_error", 404),
    ("not_found", 404),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("timeout_error", 504),
    ("deadline_exceeded", 504),
    ("overloaded_error", 529),
    ("server_is_overloaded", 503),
    ("slow_down", 503),
    ("unavailable", 503),
];

/// What follows where a message begins with a name that the client chose: OpenRouter's model, a member of the request to
/// Anthropic and to whoever else checks it with Pydantic.
const QUOTES_FIRST: &[&str] =
    &[" is not a valid model ID", "Extra inputs are not permitted", ": Input should be ", ": Field required"];

const CREDIT: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "insufficient_balance",
    // Novita.
    "not_enough_balance",
    "insufficient_credits",
    "credits_exhausted",
    // One API and what is made of it, Ark, Kimi, Model Studio.
    "insufficient_user_quota",
    "accountoverdueerror",
    "exceeded_current_quota_error",
    "arrearage",
];
const CREDIT_TEXTS: &[&str] = &[
    "Your credit balance is too low",
    "Your prepayment credits are depleted",
    "You have reached your specified API usage limits",
    "You have reached your specified workspace API usage limits",
    "Insufficient Balance",
    "Insufficient credits",
    "Billing hard limit",
    // OpenRouter, 403.
    "Key limit exceeded",
    // Model Studio, SiliconFlow.
    "Access denied, please make sure your account is in good standing",
    "Sorry, your account balance is insufficient",
    // Zhipu, 1113.
    "余额不足",
    "您的账户已欠费",
];

/// Azure API Management's, under a 403 (<https://learn.microsoft.com/en-us/azure/api-management/quota-policy>).
const QUOTA_TEXTS: &[&str] = &["Out of call volume quota", "Out of bandwidth quota"];

/// How errors about a thing that a request names begin.
const THINGS: &[&str] = &[
    "Previous response",
    "Item with id",
    "No such File",
    "Conversation with id",
    "Response with id",
    "Vector store",
    "Container with id",
    "Prompt with id",
    // Gemini's, 403: "(or permission denied)".
    "CachedContent not found",
    "Cached content ",
    "You do not have permission to access the File",
    "You do not have permission to access the Model",
    "You do not have permission to access tunedModels/",
    "You do not have permission to access the Corpus",
    "The File ",
    // Anthropic's. Without a colon it is llama.cpp's, of a path that it does not have.
    "File not found: ",
];

const MODERATION: &[&str] = &[
    "content_policy_violation",
    "content_filter",
    "moderation_blocked",
    "safety_check_type",
    "image_content_policy_violation",
];

/// Beside those of [`is_of_a_request`] the codes of OpenAI's `ResponseError` but for those of the server's making
/// (`server_error`, `rate_limit_exceeded`, `vector_store_timeout`), and what others say inside a 200.
const CLIENT: &[&str] = &[
    "context_length_exceeded",
    "image_generation_user_error",
    "tool_use_failed",
    "image_parse_error",
    "max_tokens_exceeded",
    "tool_call_limit_exceeded",
    "data_residency_mismatch",
];
