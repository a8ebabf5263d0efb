//! What an error body says, read out of the many shapes there are.

use serde_json::Value;

use super::{MAX_BODY, error_of};

/// An error as an upstream told it. The message is raw: it must be masked before anybody sees it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// A status that the error names for itself.
    pub status: Option<u16>,
    /// `code`, `type` and Gemini's `status` and `reason`, lower case.
    pub codes: Vec<String>,
    pub message: String,
    /// OpenRouter's moderation carries what it found.
    flagged: bool,
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
        for key in ["code", "status_code", "status", "type", "raw_status_code"] {
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
        let metadata = error.get("metadata");
        told.flagged = metadata.is_some_and(|m| m.get("reasons").is_some() || m.get("flagged_input").is_some());
        told.message = ["message", "error", "detail", "error_description"]
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

    pub(super) fn is_rate_limit(&self) -> bool {
        self.has(&[
            "rate_limit_exceeded",
            "rate_limit_error",
            "ratelimitreached",
            "resource_exhausted",
            "too_many_requests",
            "tokens",
        ])
    }

    pub(super) fn is_credit(&self) -> bool {
        self.has(&["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error", "insufficient_balance", "insufficient_credits", "credits_exhausted"])
            || self.begins(&["Your credit balance is too low", "Insufficient Balance", "Insufficient credits", "Billing hard limit"])
            // xAI, 403: the words follow the team's id.
            || (self.begins(&["Your team ", "Your newly created team "]) && self.message.contains("credits"))
    }

    pub(super) fn is_bad_key(&self) -> bool {
        self.has(&[
            "invalid_api_key",
            "api_key_invalid",
            "api_key_expired",
            "authentication_error",
            "unauthenticated",
            "invalid_authentication",
            "account_deactivated",
        ]) || self.begins(&[
            "Incorrect API key provided",
            "API key not valid",
            "API key expired",
            "API Key not found",
            "Invalid API key",
        ])
    }

    pub(super) fn is_missing_model(&self) -> bool {
        if self.has(&[
            "model_not_found",
            "model_not_active",
            "model_decommissioned",
            "invalid_model",
            "deploymentnotfound",
            "model_not_available",
        ]) {
            return true;
        }
        let named = self.begins(&[
            "The model ",
            "The requested model ",
            "Model ",
            "models/",
            "This model ",
            "Specified model ",
            "No endpoints found",
            "The API deployment ",
            "Publisher Model",
            "unknown model",
            "invalid model",
        ]);
        // Anthropic says no more than the name; DeepSeek lists what it has, Bedrock names nothing; OpenRouter puts the
        // name in front.
        let bare = self.has(&["not_found_error"]) && self.begins(&["model: "]);
        let listed = self.begins(&["The supported API model names are", "The provided model identifier is invalid"]);
        listed
            || bare
            || (named
                && [
                    "not found",
                    "does not exist",
                    "not exist",
                    "not supported",
                    "decommissioned",
                    "deprecated",
                    "no longer available",
                    "reached the end of its life",
                    "No endpoints found",
                    "unknown model",
                    "Invalid model",
                ]
                .iter()
                .any(|text| self.message.contains(text)))
            || self.message.strip_suffix(" is not a valid model ID").is_some_and(|name| !name.contains(' '))
    }

    /// A 404 about something else that the request named: a stored response, a file, a conversation.
    pub(super) fn is_missing_thing(&self) -> bool {
        self.has(&["previous_response_not_found"])
            || self.begins(&[
                "Previous response",
                "Item with id",
                "No such File",
                "Conversation with id",
                "Response with id",
                "Vector store",
                "Container with id",
                "Prompt with id",
            ])
    }

    pub(super) fn is_moderation(&self) -> bool {
        self.flagged
            || self.has(&["content_policy_violation", "content_filter", "moderation_blocked", "safety_check_type"])
    }

    pub(super) fn is_client(&self) -> bool {
        self.has(&[
            "invalid_request_error",
            "invalid_argument",
            "invalid_prompt",
            "context_length_exceeded",
            "content_policy_violation",
            "content_filter",
            "image_generation_user_error",
            "tool_use_failed",
        ])
    }
}
