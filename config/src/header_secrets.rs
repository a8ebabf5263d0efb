//! Which of a provider's extra headers are secret: what an upstream repeats of those is masked, and of the others nothing.
//!
//! A title or a team's name may stand in any honest answer, and is nobody's secret. A header counts as one by its name
//! (`x-api-key`, `cf-access-client-secret`), because a variable brought its value, by a scheme in front (`Bearer`,
//! `Basic`), or because a word of it looks drawn at random. Better one header too many than one key too few. What says
//! how a request is meant counts as one only where a variable brought it, and what formats have in common not even then.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A shorter value, or word of one, is no secret.
const LEAST: usize = 8;
/// People's passwords are shorter than keys.
const LEAST_PASSWORD: usize = 4;

/// What is to be masked of a header: its value, and the words in it. Empty where nothing of it is secret.
pub(crate) fn of(name: &str, value: &str, from_variable: bool) -> Vec<String> {
    let by_value = has_scheme(value) || words(value).any(looks_random);
    let is_secret = match audience(name) {
        Audience::Servers => from_variable && by_value,
        Audience::Everybody => from_variable,
        Audience::Nobody => is_of_secrets(name) || from_variable || by_value,
    };
    if !is_secret {
        return Vec::new();
    }
    let mut all: Vec<String> = Vec::new();
    for word in std::iter::once(value.trim()).chain(words(value)) {
        if word.len() >= LEAST && !all.iter().any(|known| known == word) {
            all.push(word.to_owned());
        }
    }
    all.extend(password(value));
    all
}

/// The password of `Basic`: a server quotes it as it has read it.
fn password(value: &str) -> Option<String> {
    let (scheme, pair) = value.trim().split_once(' ')?;
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(pair.trim()).ok())??;
    let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    (password.len() >= LEAST_PASSWORD).then(|| password.to_owned())
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| c.is_ascii_whitespace() || c == ',' || c == ';').filter(|word| !word.is_empty())
}

/// Whom a header is meant for, by its name.
enum Audience {
    /// What formats and languages are wanted: an honest answer names them too.
    Servers,
    /// How a request is meant, or who is to be credited.
    Everybody,
    Nobody,
}

fn audience(name: &str) -> Audience {
    match name {
        "user-agent" | "referer" | "http-referer" | "x-title" | "x-openrouter-title" | "openai-beta"
        | "anthropic-version" | "anthropic-beta" => Audience::Everybody,
        _ if name.starts_with("accept") || name.starts_with("content-") => Audience::Servers,
        _ if name.starts_with("x-stainless-") => Audience::Everybody,
        _ => Audience::Nobody,
    }
}

fn is_of_secrets(name: &str) -> bool {
    const WITHIN: [&str; 13] = [
        "auth",
        "bearer",
        "cookie",
        "credential",
        "jwt",
        "key",
        "pass",
        "private",
        "secret",
        "session",
        "signature",
        "token",
        "cf-access-client",
    ];
    WITHIN.iter().any(|within| name.contains(within))
}

fn has_scheme(value: &str) -> bool {
    value.split_once(' ').is_some_and(|(scheme, _)| {
        ["basic", "bearer", "token", "apikey", "key"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
    })
}

/// Letters and digits by turns, as nobody writes them by hand.
fn looks_random(word: &str) -> bool {
    let groups = || word.split(|c: char| !c.is_ascii_alphanumeric());
    let is_uuid =
        groups().map(str::len).eq([8, 4, 4, 4, 12]) && word.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    let random = |group: &str| {
        let bytes = group.as_bytes();
        let turns = bytes.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()));
        let turns = turns.count();
        turns >= 3 && bytes.len() >= LEAST || turns >= 1 && bytes.len() >= 16
    };
    is_uuid || groups().any(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_secret_by_their_name_their_form_or_where_they_came_from() {
        for (name, value, from_variable) in [
            ("x-secret", "zzHDRzz-value-plain", false),
            ("x-api-key", "abcdefgh", false),
            ("proxy-authorization", "whatever-it-is", false),
            ("cf-access-client-id", "abcdefgh.access", false),
            ("x-tenant", "Basic Gh1Jk2Lm3No4", false),
            ("x-tenant", "Gh1Jk2Lm3No4", false),
            ("x-tenant", "550e8400-e29b-41d4-a716-446655440000", false),
            ("x-tenant", "blue-whale", true),
            ("x-any", "0123456789abcdef0123456789abcdef", false),
            ("anthropic-gateway-secret", "gateway-secret", false),
            ("x-title", "title-of-mine", true),
            ("x-stainless-tenant", "blue-whale", true),
            ("content-tenant", "Gh1Jk2Lm3No4", true),
        ] {
            let told = of(name, value, from_variable);
            assert!(told.iter().any(|secret| value.ends_with(secret.as_str())), "{name}: {value}: {told:?}");
        }
        let pair = format!("Basic {}", STANDARD.encode("svc:hunter2"));
        assert_eq!(of("authorization", &pair, false).last().map(String::as_str), Some("hunter2"));
        assert_eq!(of("x-tenant", "Basic Gh1Jk2Lm3No4", false), ["Basic Gh1Jk2Lm3No4", "Gh1Jk2Lm3No4"]);
    }

    #[test]
    fn honest_words_are_not() {
        for (name, value, from_variable) in [
            ("x-title", "My Application", false),
            ("http-referer", "https://chat.example/app", false),
            ("accept", "application/json", true),
            ("content-language", "en-GB-oxendict", true),
            ("anthropic-version", "2023-06-01", false),
            ("user-agent", "corporate-gateway/2.14.3", false),
            ("anthropic-beta", "context-1m-2025-08-07", false),
            ("x-team", "application-platform", false),
            ("x-team", "Platform Engineering", false),
            ("x-model", "gpt-4o-mini-2024-07-18", false),
            ("x-region", "europe-west1", false),
            ("x-date", "2026-01-31T12:00:00Z", false),
            ("x-secret", "short", true),
        ] {
            assert!(of(name, value, from_variable).is_empty(), "{name}: {value}");
        }
    }
}
