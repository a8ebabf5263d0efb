//! When to come back, as a sentence says it.
//!
//! Sources: OpenAI's and Groq's "try again in 1m30s", Gemini's "retry in 34.07s" (and its errors as Python prints them,
//! "retry_delay { seconds: 44 }"), Azure's "retry after 22 seconds" and "will be replenished in 00:00:40", GitHub's "wait 57
//! seconds", LiteLLM's "resets at: 2026-01-02 03:04:05 UTC", Zhipu's "will reset at 2026-01-02 03:04:05".
//!
//! Always: what stands in quotation marks is not read, for a message quotes what the client sent.

use super::value;
use crate::date;

/// What a span of time follows; without regard to case.
const BEFORE: [&[u8]; 20] = [
    b"again in ",
    b"again after ",
    b"retry in ",
    b"retry after ",
    b"retry after: ",
    b"retry your request in ",
    b"retry your request after ",
    b"another request in ",
    b"available in ",
    b"wait ",
    b"reset after ",
    b"reset in ",
    b"resets after ",
    b"resets in ",
    b"resets in: ",
    b"replenished in ",
    b"retry-after: ",
    b"retry_after: ",
    b"retry_delay {",
    b"retry_delay{",
];
/// And what may stand between.
const ABOUT: [&[u8]; 7] = [b"about ", b"approximately ", b"~", b"at least ", b"for ", b"another ", b"seconds: "];
/// What an instant follows, and the zone that is meant where it names none: Zhipu's is that of Beijing.
const AT: [(&[u8], &str); 7] = [
    (b"resets at: ", "Z"),
    (b"resets at ", "Z"),
    (b"again at ", "Z"),
    (b"again after ", "Z"),
    (b"retry after ", "Z"),
    (b"reset at ", "+08:00"),
    // "Your limit will be reset at".
    ("限额将在 ".as_bytes(), "+08:00"),
];
/// So much of a text is looked at before what it quotes, and behind it.
const NEAR: usize = 4_096;
const QUOTES: &[char] = &['\'', '"', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{ab}', '\u{bb}'];

/// The wait that a text names, in milliseconds: `40s`, `1m30s`, `350ms`, `22 seconds`, `1 minute and 5 seconds`, or until
/// an instant.
pub(super) fn wait_in(text: &str, now_unix_ms: u64) -> Option<u64> {
    unquoted(text).into_iter().find_map(|own| in_words(own.as_bytes(), now_unix_ms))
}

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

fn in_words(text: &[u8], now_unix_ms: u64) -> Option<u64> {
    let text = text.get(..NEAR.min(text.len()))?;
    let spans = || BEFORE.iter().find_map(|before| behind(text, before).find_map(|rest| span(without_about(rest))));
    let instants =
        || AT.iter().find_map(|(before, zone)| behind(text, before).find_map(|rest| until(rest, zone, now_unix_ms)));
    // An instant begins with a number too, and is none of seconds.
    instants().or_else(spans)
}

/// What follows the words, wherever they are.
fn behind<'a>(text: &'a [u8], words: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let at = text.windows(words.len()).enumerate().filter(|(_, part)| part.eq_ignore_ascii_case(words));
    at.filter_map(|(at, _)| text.get(at + words.len()..))
}

fn without_about(rest: &[u8]) -> &[u8] {
    let mut rest = rest.trim_ascii_start();
    while let Some(after) = ABOUT.iter().find_map(|about| rest.strip_prefix(*about)) {
        rest = after;
    }
    rest
}

/// A number with its unit, as often as they follow each other, or a clock's.
fn span(mut rest: &[u8]) -> Option<u64> {
    if let Some(ms) = clock(rest) {
        return Some(ms);
    }
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
            // A date or a clock, and none that was understood.
            b"" if matches!(after, [b'-' | b':' | b'/', b'0'..=b'9', ..]) => return None,
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

/// .NET's `00:00:40` and `14.07:13:56`, which is fourteen days and so on.
fn clock(rest: &[u8]) -> Option<u64> {
    let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b':' | b'.')).unwrap_or(rest.len());
    let text = std::str::from_utf8(rest.get(..end)?).ok()?.trim_end_matches('.');
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let mut total = 0_u64;
    for (count, of_next) in [(days, 24), (hours, 60), (minutes, 60), (seconds, 1_000)] {
        total = total.checked_add(value::count(count)?)?.checked_mul(of_next)?;
    }
    parts.next().is_none().then_some(total)
}

/// The time until an instant such as `2026-01-02 03:04:05`, with or without a zone. None for one that has passed.
fn until(rest: &[u8], zone: &str, now_unix_ms: u64) -> Option<u64> {
    let (instant, after) = rest.split_at_checked(19)?;
    let instant = std::str::from_utf8(instant).ok()?;
    let fraction = after.strip_prefix(b".").unwrap_or_default();
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let after = if digits > 0 { fraction.get(digits..)? } else { after };
    let zone = match after.trim_ascii_start() {
        [b'Z' | b'z', ..] | [b'U', b'T', b'C', ..] | [b'G', b'M', b'T', ..] => "Z",
        [b'+' | b'-', ..] => std::str::from_utf8(after.trim_ascii_start().get(..6)?).ok()?,
        _ => zone,
    };
    date::rfc3339_ms(&format!("{instant}{zone}"))?.checked_sub(now_unix_ms).filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-09-21 14:13:20 UTC.
    const NOW: u64 = 1_790_000_000_000;

    fn in_text(text: &str) -> Option<u64> {
        wait_in(text, NOW)
    }

    #[test]
    fn an_instant_with_a_zone_or_without() {
        for text in [
            "Rate limit exceeded for api_key: x. Limit type: requests. Limit resets at: 2026-09-21 14:14:00 UTC",
            "Limit resets at: 2026-09-21 14:14:00",
            "Limit resets at: 2026-09-21T14:14:00.000Z.",
            "Please retry after 2026-09-21T15:14:00+01:00",
            "Usage limit reached for 5 hour. Your limit will reset at 2026-09-21 22:14:00",
            "[1310][Weekly/Monthly Limit Exhausted. Your limit will reset at 2026-09-21 22:14:00][202607280616391a]",
            "已达到 5 小时的使用上限。您的限额将在 2026-09-21 22:14:00 重置。",
        ] {
            assert_eq!(in_text(text), Some(40_000), "{text}");
        }
        for text in [
            "Limit resets at: 2026-09-21 14:13:00 UTC",
            "Your limit will reset at 2026-09-21 14:14:00",
            "Please retry after 2026-09-21 14:13:00 UTC",
            "Limit resets at: soon",
            "Limit resets at: 2026-13-45 99:99:99 UTC",
            "no 'Limit resets at: 2026-09-21 14:14:00 UTC",
        ] {
            assert_eq!(in_text(text), None, "{text}");
        }
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
            ("Please wait at least 44 seconds before retrying", 44_000),
            ("Please wait for about 44 seconds", 44_000),
            ("You can make another request in 44 seconds.", 44_000),
            ("Limit reached; available again in 44 seconds", 44_000),
            ("429 quota [links { } , retry_delay {\n  seconds: 44\n}\n]", 44_000),
            ("Out of call volume quota. Quota will be replenished in 00:00:40.", 40_000),
            ("Quota will be replenished in 02:34:56.", 9_296_000),
            ("Quota will be replenished in 14.07:13:56.", 1_235_636_000),
            ("Quota will be replenished in 2.12 days.", 183_168_000),
            ("The wait is long; wait 7 seconds", 7_000),
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
            "Limit of 10 requests in 60 seconds exceeded",
            "Quota will be replenished in xx:xx:xx.",
            "Quota will be replenished in 00:00:40:50.x",
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
}
