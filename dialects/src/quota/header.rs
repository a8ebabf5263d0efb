//! Which header speaks of which quota.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Limit,
    Remaining,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    Requests(Field),
    RequestsDay(Field),
    Tokens(Field),
    TokensDay(Field),
    RetryAfter,
    RetryAfterMs,
    /// When a window ends that nothing else is told of.
    Reset,
    /// What is left of several windows, and when each ends.
    Windows,
}

/// The slot of a header, by its name in lower case.
pub fn slot(name: &str) -> Option<Slot> {
    if let Some(rest) = name.strip_prefix("x-ratelimit-") {
        return common(rest);
    }
    if let Some(rest) = name.strip_prefix("anthropic-ratelimit-") {
        return anthropic(rest);
    }
    match name {
        "ratelimit" => Some(Slot::Windows),
        "ratelimit-reset" | "ratelimitbysize-reset" | "x-ratelimitbysize-reset" => Some(Slot::Reset),
        "retry-after" => Some(Slot::RetryAfter),
        "retry-after-ms" | "x-ms-retry-after-ms" => Some(Slot::RetryAfterMs),
        _ => None,
    }
}

fn common(rest: &str) -> Option<Slot> {
    if matches!(rest, "reset-after" | "timeremaining") {
        return Some(Slot::Reset);
    }
    let (field, what) = if let Some(what) = rest.strip_prefix("limit") {
        (Field::Limit, what)
    } else if let Some(what) = rest.strip_prefix("remaining") {
        (Field::Remaining, what)
    } else {
        (Field::Reset, rest.strip_prefix("reset")?)
    };
    match what {
        // OpenRouter's bare name: one window, of requests.
        "" | "-requests" | "-requests-minute" | "-req-minute" => Some(Slot::Requests(field)),
        "-requests-day" | "-req-day" => Some(Slot::RequestsDay(field)),
        "-tokens" | "-tokens-minute" => Some(Slot::Tokens(field)),
        "-tokens-day" => Some(Slot::TokensDay(field)),
        _ => None,
    }
}

/// Anthropic also tells input and output tokens apart; `tokens` is the tighter of the two, and the one to heed where it is
/// told.
fn anthropic(rest: &str) -> Option<Slot> {
    let (what, field) = rest.rsplit_once('-')?;
    if matches!(rest, "unified-reset" | "input-tokens-reset" | "output-tokens-reset") {
        return Some(Slot::Reset);
    }
    let field = match field {
        "limit" => Field::Limit,
        "remaining" => Field::Remaining,
        "reset" => Field::Reset,
        _ => return None,
    };
    match what {
        "requests" => Some(Slot::Requests(field)),
        "tokens" => Some(Slot::Tokens(field)),
        _ => None,
    }
}

/// Every name that [`slot`] knows.
pub const NAMES: [&str; 45] = [
    "ratelimit",
    "ratelimit-reset",
    "ratelimitbysize-reset",
    "x-ratelimitbysize-reset",
    "x-ratelimit-reset-after",
    "x-ratelimit-timeremaining",
    "anthropic-ratelimit-unified-reset",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-output-tokens-reset",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-limit-requests-minute",
    "x-ratelimit-remaining-requests-minute",
    "x-ratelimit-reset-requests-minute",
    "x-ratelimit-limit-req-minute",
    "x-ratelimit-remaining-req-minute",
    "x-ratelimit-reset-req-minute",
    "x-ratelimit-limit-requests-day",
    "x-ratelimit-remaining-requests-day",
    "x-ratelimit-reset-requests-day",
    "x-ratelimit-limit-req-day",
    "x-ratelimit-remaining-req-day",
    "x-ratelimit-reset-req-day",
    "x-ratelimit-limit-tokens-minute",
    "x-ratelimit-remaining-tokens-minute",
    "x-ratelimit-reset-tokens-minute",
    "x-ratelimit-limit-tokens-day",
    "x-ratelimit-remaining-tokens-day",
    "x-ratelimit-reset-tokens-day",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
];
