//! What an error says of the key: that it is no good, or that one thing is not for it.
//!
//! Always: a sentence that begins with the key takes it out only where what it says is of the key as such. A key without
//! access to the model, tool or file that one request named serves everybody else.

use super::Told;

/// What a sentence that begins with the key says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It is no good, whatever it is used for.
    Dead,
    /// It is good, and not for this.
    NotForThis,
    /// Whatever else: that it is at its limit, that it belongs to somebody.
    Else,
}

impl Told {
    /// The key as such: wrong, expired, closed.
    pub(in crate::fault) fn is_bad_key(&self) -> bool {
        self.has(BAD_KEY) || self.says(BAD_KEY_TEXTS)
    }

    /// The key, its account or its project is shut out, whatever it asks for.
    pub(in crate::fault) fn is_barred_key(&self) -> bool {
        self.has(BARRED) || self.says(BARRED_TEXTS) || self.of_the_key() == Some(Said::Dead)
    }

    /// The key is good, and may not do this.
    pub(in crate::fault) fn is_forbidden(&self) -> bool {
        self.has(&["insufficient_permissions", "missing_scope"])
            // LiteLLM: of the key's, its team's, its user's ... models, tools and vector stores; Novita's models.
            || self.codes.iter().any(|code| code.ends_with("_access_denied"))
            || self.begins(FORBIDDEN_TEXTS)
            // Hugging Face: who has the key has not agreed to the terms of this one model.
            || (self.begins(&["Access to model "]) && self.message.contains(" is restricted"))
            || self.of_the_key() == Some(Said::NotForThis)
    }

    /// It is about the key, and does not say that it is no good.
    pub(in crate::fault) fn is_about_key(&self) -> bool {
        matches!(self.of_the_key(), Some(Said::NotForThis | Said::Else))
    }

    fn of_the_key(&self) -> Option<Said> {
        let subject = SUBJECTS.iter().find(|subject| self.says(&[subject]))?;
        self.message.get(subject.len()..).map(said)
    }
}

/// Told by the first word that tells anything: words that only lead there are passed over, so that a name which the client
/// chose never decides.
fn said(rest: &str) -> Said {
    let mut not = false;
    let mut words = rest.split_ascii_whitespace().take(24).peekable();
    while let Some(word) = words.next() {
        let bare = word.trim_end_matches(['.', ',', ';', ':', '!']);
        let named = bare.len() == word.len()
            && words.peek().is_some_and(|next| ["for", "from"].iter().any(|of| next.eq_ignore_ascii_case(of)));
        let word = bare.to_ascii_lowercase().replace('\u{2019}', "'");
        let word = word.as_str();
        let is = |list: &[&str]| list.contains(&word);
        if is(NOT) || word.ends_with("n't") {
            not = true;
        } else if is(ONLY) || (not && is(MAY)) {
            return Said::NotForThis;
        } else if (is(DEAD) && !not) || (is(ALIVE) && not) {
            // `is disabled for this model`, `is blocked from using it`.
            return if named { Said::Else } else { Said::Dead };
        } else if !is(LEADS) && !is_a_key(word) {
            return Said::Else;
        }
    }
    Said::Else
}

/// A key that is shown as it is told of: masked, or in quotation marks.
fn is_a_key(word: &str) -> bool {
    word.contains("**") || word.contains("...") || word.starts_with(['\'', '"', '`', '('])
}

/// Whom such a sentence is about.
const SUBJECTS: &[&str] = &[
    "Your API key ",
    "Your key ",
    "Your access token ",
    "This API key ",
    "The API key ",
    "The provided API key ",
    "The supplied API key ",
    "Provided API key ",
    // xAI.
    "API key ",
    // Anthropic.
    "OAuth token ",
    // LiteLLM.
    "Virtual key ",
];

const NOT: &[&str] = &["not", "no", "cannot", "insufficient"];
/// They tell that something is not for it, by themselves ...
const ONLY: &[&str] = &["only", "lacks", "lacking", "unauthorized", "restricted", "limited", "forbidden"];
/// ... and behind a `not`.
const MAY: &[&str] = &[
    "have",
    "access",
    "allow",
    "allowed",
    "authorized",
    "authorised",
    "permitted",
    "permission",
    "permissions",
    "privileges",
    "scope",
    "scopes",
    "enabled",
    "entitled",
    "eligible",
    "granted",
    "able",
    "include",
    "meet",
    "support",
    "call",
    "use",
    "used",
];
const DEAD: &[&str] = &[
    "invalid",
    "incorrect",
    "wrong",
    "malformed",
    "missing",
    "unknown",
    "unrecognized",
    "expired",
    "revoked",
    "disabled",
    "deactivated",
    "inactive",
    "suspended",
    "terminated",
    "canceled",
    "cancelled",
    "deleted",
    "removed",
    "blocked",
    "banned",
    "locked",
    "leaked",
    "exposed",
    "compromised",
];
const ALIVE: &[&str] = &[
    "valid",
    "active",
    "activated",
    "found",
    "exist",
    "recognized",
    "recognised",
    "correct",
    "registered",
    "verified",
];
const LEADS: &[&str] = &[
    "is",
    "was",
    "has",
    "have",
    "had",
    "been",
    "be",
    "being",
    "does",
    "do",
    "did",
    "can",
    "may",
    "longer",
    "currently",
    "already",
    "temporarily",
    "permanently",
    "automatically",
    "reported",
    "marked",
    "flagged",
    "as",
    "either",
    "you",
    "you're",
    "are",
    "using",
    "used",
    "provided",
    "supplied",
    "specified",
    "given",
    "sent",
    "passed",
    "in",
    "with",
    "the",
    "your",
    "this",
    "request",
    "header",
];

const FORBIDDEN_TEXTS: &[&str] = &[
    "You have insufficient permissions for this operation",
    "Cannot access gated repo",
    // LiteLLM: of the tags that the request has.
    "Not allowed to access model due to tags configuration",
];

const BAD_KEY: &[&str] = &[
    "invalid_api_key",
    "api_key_invalid",
    "api_key_expired",
    "authentication_error",
    "unauthenticated",
    "invalid_authentication",
    "account_deactivated",
];
const BAD_KEY_TEXTS: &[&str] =
    &["Incorrect API key provided", "API key not valid", "API key expired", "API Key not found", "Invalid API key"];

/// Reasons of `google.rpc.ErrorInfo` (<https://cloud.google.com/apis/design/errors>, `google/api/error_reason.proto`),
/// and codes of others.
const BARRED: &[&str] = &[
    "consumer_suspended",
    "billing_disabled",
    "api_key_service_blocked",
    "api_key_http_referrer_blocked",
    "api_key_ip_address_blocked",
    "api_key_android_app_blocked",
    "api_key_ios_app_blocked",
    "account_state_invalid",
    "access_token_expired",
    "access_token_scope_insufficient",
    "access_token_type_unsupported",
    "credentials_missing",
    "organization_restricted",
];
/// In so many words.
const BARRED_TEXTS: &[&str] = &[
    // Google, which tells a reason beside it only sometimes.
    "Your project has been denied access",
    "Permission denied: Consumer ",
    "Method doesn't allow unregistered callers",
    // Anthropic, 403 and 400.
    "This organization has been disabled",
    // AWS.
    "The security token included in the request ",
    "The request signature we calculated does not match",
    "Authentication failed",
    "Bearer Token has expired",
    // OpenAI, Hugging Face.
    "Your account has been deactivated",
    "This authentication method does not have sufficient permissions",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_about_the_key_says_whether_it_is_the_key_as_such() {
        for (words, told) in [
            ("is invalid.", Said::Dead),
            ("you provided is invalid or expired", Said::Dead),
            ("****94ff is invalid", Said::Dead),
            ("'sk-1' is not valid.", Said::Dead),
            ("is currently blocked: Blocked due to API key leak", Said::Dead),
            ("was reported as leaked. Please use another API key.", Said::Dead),
            ("has been revoked", Said::Dead),
            ("has expired. Please obtain a new token", Said::Dead),
            ("doesn\u{2019}t exist", Said::Dead),
            ("is no longer active", Said::Dead),
            ("has not been found, for whatever reason", Said::Dead),
            ("does not have permission to use the specified resource.", Said::NotForThis),
            ("does not have access to model expired", Said::NotForThis),
            ("doesn't have access to model x", Said::NotForThis),
            ("has no access to model x", Said::NotForThis),
            ("has insufficient permissions", Said::NotForThis),
            ("is not allowed to use the tool web_search", Said::NotForThis),
            ("is not authorized to access model x", Said::NotForThis),
            ("isn't enabled for images", Said::NotForThis),
            ("cannot be used for model invalid", Said::NotForThis),
            ("can only access models=['invalid']", Said::NotForThis),
            ("lacks the scope x", Said::NotForThis),
            ("does not meet scope requirement user:file_upload", Said::NotForThis),
            ("is disabled for model x", Said::Else),
            ("has been blocked from using x", Said::Else),
            ("is not blocked", Said::Else),
            ("has exceeded its quota: it is invalid", Said::Else),
            ("with access to invalid", Said::Else),
            ("", Said::Else),
            ("is is is is is is is is is is is is is is is is is is is is is is is is is is invalid", Said::Else),
        ] {
            assert_eq!(said(words), told, "{words}");
        }
    }
}
