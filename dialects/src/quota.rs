//! What a provider says about its quota in the headers of an answer.
//!
//! Sources: OpenAI's and Groq's `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, Cerebras' the same with `-day`
//! and `-minute`, Mistral's `-req-minute`, OpenRouter's bare `x-ratelimit-*` with a stamp in milliseconds, Anthropic's
//! `anthropic-ratelimit-*` with RFC 3339 times, its subscriptions' `-unified-reset` in seconds since 1970, GitHub's
//! `x-ratelimit-timeremaining`, Discord's and others' `x-ratelimit-reset-after`, Mistral's `ratelimitbysize-reset`, the
//! IETF draft's `ratelimit-reset` and what it became, `ratelimit` (`draft-ietf-httpapi-ratelimit-headers`; Hugging Face);
//! Azure's `x-ms-retry-after-ms`; `retry-after` as in RFC 9110, 10.2.3. A value that makes no sense is None. These are
//! hints: how far one is believed is the caller's policy.

mod header;
mod sentence;
mod told;
mod value;

use header::{Slot, slot};
pub use told::{Told, told};

/// One quota as reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// From now until the quota is full (or fuller) again, in milliseconds; at most [`MAX_WAIT_MS`].
    pub reset_ms: Option<u64>,
}

impl Window {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// All that the headers of one answer say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaHints {
    /// Requests, in whatever window the provider has in mind (Groq: a day; most others: a minute).
    pub requests: Window,
    pub requests_day: Window,
    pub tokens: Window,
    pub tokens_day: Window,
    /// From now, in milliseconds; at most [`MAX_WAIT_MS`]. `retry-after-ms` wins over `retry-after`.
    pub retry_after_ms: Option<u64>,
    /// When a window ends that nothing else is told of: for who was refused, and no hint to anybody else. Likewise.
    pub reset_ms: Option<u64>,
}

/// No wait longer than this is passed on: 400 days.
pub const MAX_WAIT_MS: u64 = 400 * 24 * 3_600 * 1_000;

impl QuotaHints {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in one header, its name in lower case. Headers of other matters cost a comparison or two.
    pub fn note(&mut self, name: &str, text: &str, now_unix_ms: u64) {
        let Some(slot) = slot(name) else { return };
        let text = text.trim_ascii();
        // No real value is longer, but of several windows; a header is never a reason to work hard.
        if text.is_empty() || text.len() > if slot == Slot::Windows { 512 } else { 64 } {
            return;
        }
        let (window, field) = match slot {
            Slot::RetryAfter => {
                if let Some(ms) = value::retry_after_ms(text, now_unix_ms) {
                    self.retry_after_ms.get_or_insert(ms);
                }
                return;
            }
            Slot::RetryAfterMs => {
                // Azure sends 0 beside a real `retry-after`.
                if let Some(ms) = value::count(text).filter(|ms| *ms > 0) {
                    self.retry_after_ms = Some(ms.min(MAX_WAIT_MS));
                }
                return;
            }
            // Which of several windows is the one that refused is not told: the last to end is.
            Slot::Reset => {
                self.reset_ms = self.reset_ms.max(value::reset_ms(text, now_unix_ms));
                return;
            }
            Slot::Windows => {
                self.reset_ms = self.reset_ms.max(value::used_up_ms(text));
                return;
            }
            Slot::Requests(field) => (&mut self.requests, field),
            Slot::RequestsDay(field) => (&mut self.requests_day, field),
            Slot::Tokens(field) => (&mut self.tokens, field),
            Slot::TokensDay(field) => (&mut self.tokens_day, field),
        };
        match field {
            header::Field::Limit => window.limit = value::count(text),
            header::Field::Remaining => window.remaining = value::count(text),
            header::Field::Reset => window.reset_ms = value::reset_ms(text, now_unix_ms),
        }
    }
}

/// Reads the headers of an answer in one walk over them: the way for the hot path.
pub fn scan<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>, now_unix_ms: u64) -> QuotaHints {
    let mut hints = QuotaHints::default();
    for (name, text) in headers {
        hints.note(name, text, now_unix_ms);
    }
    hints
}

/// Reads the headers by asking for each name there is: some forty look-ups. `scan` is cheaper.
pub fn read<'a>(get: impl Fn(&str) -> Option<&'a str>, now_unix_ms: u64) -> QuotaHints {
    let mut hints = QuotaHints::default();
    for name in header::NAMES {
        if let Some(text) = get(name) {
            hints.note(name, text, now_unix_ms);
        }
    }
    hints
}

#[cfg(test)]
mod tests;
