//! The spellings of counts, waits and instants.

use super::MAX_WAIT_MS;
use crate::date;

/// A count; a fraction is cut off. Negative, empty or otherwise odd: None.
pub fn count(text: &str) -> Option<u64> {
    let (whole, rest) = digits(text.as_bytes())?;
    match rest {
        [] => Some(whole),
        [b'.', fraction @ ..] if fraction.iter().all(u8::is_ascii_digit) => Some(whole),
        _ => None,
    }
}

/// The number that leads, and what follows it.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut n = 0_u64;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        n = n.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    (rest.len() < text.len()).then_some((n, rest))
}

/// `6m0s`, `1h2m3.5s`, `12ms`, `20`, `33011.38` (seconds), a Unix stamp in seconds or milliseconds, an RFC 3339 time.
pub fn reset_ms(text: &str, now_unix_ms: u64) -> Option<u64> {
    if let Some(n) = decimal_ms(text) {
        // As seconds from now these would be years; as stamps they are this century.
        let ms = match n / 1_000 {
            100_000_000_000.. => (n / 1_000).saturating_sub(now_unix_ms),
            100_000_000.. => n.saturating_sub(now_unix_ms),
            _ => n,
        };
        return Some(ms.min(MAX_WAIT_MS));
    }
    let ms = span_ms(text).or_else(|| date::rfc3339_ms(text).map(|at| at.saturating_sub(now_unix_ms)));
    ms.map(|ms| ms.min(MAX_WAIT_MS))
}

/// `retry-after`: seconds (also with a fraction) or an HTTP date.
pub fn retry_after_ms(text: &str, now_unix_ms: u64) -> Option<u64> {
    let ms = decimal_ms(text)
        .or_else(|| span_ms(text))
        .or_else(|| date::http_date_ms(text).map(|at| at.saturating_sub(now_unix_ms)));
    ms.map(|ms| ms.min(MAX_WAIT_MS))
}

/// When the last of the windows ends of which nothing is left: `"api";r=0;t=40, "day";r=7;t=3600`, before the draft's
/// eighth version `limit=9, remaining=0, reset=40`.
pub fn used_up_ms(text: &str) -> Option<u64> {
    let (mut left, mut seconds, mut last) = (None, None, None);
    // A name without a value begins the next window.
    for part in text.split([',', ';']).chain([""]) {
        match part.trim_ascii().split_once('=') {
            Some(("r" | "remaining", n)) => left = count(n),
            Some(("t" | "reset", n)) => seconds = count(n),
            Some(_) => {}
            None => {
                last = last.max(seconds.filter(|_| left == Some(0)));
                (left, seconds) = (None, None);
            }
        }
    }
    last.map(|seconds: u64| seconds.saturating_mul(1_000).min(MAX_WAIT_MS))
}

/// Seconds with an optional fraction and nothing else, in milliseconds.
fn decimal_ms(text: &str) -> Option<u64> {
    match thousandths(text.as_bytes())? {
        (ms, []) => Some(ms),
        _ => None,
    }
}

/// A leading decimal number in thousandths, and what follows it. What is beyond is rounded up, so that nobody is early.
pub fn thousandths(text: &[u8]) -> Option<(u64, &[u8])> {
    let (whole, rest) = digits(text)?;
    let whole = whole.checked_mul(1_000)?;
    let [b'.', fraction @ ..] = rest else { return Some((whole, rest)) };
    let (mut unit, mut more, mut beyond, mut rest) = (100, 0, 0, fraction);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        more += u64::from(digit - b'0') * unit;
        beyond |= u64::from(unit == 0 && *digit != b'0');
        (unit, rest) = (unit / 10, after);
    }
    (rest.len() < fraction.len()).then_some((whole.checked_add(more + beyond)?, rest))
}

/// A duration with units, as Go prints them.
fn span_ms(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (amount, tail) = thousandths(rest)?;
        let letters = tail.iter().position(u8::is_ascii_digit).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let ms = match unit {
            b"d" => amount.checked_mul(86_400)?,
            b"h" => amount.checked_mul(3_600)?,
            b"m" => amount.checked_mul(60)?,
            b"s" => amount,
            b"ms" => amount.div_ceil(1_000),
            b"us" | b"\xC2\xB5s" | b"ns" => 1,
            _ => return None,
        };
        total = total.checked_add(ms)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}
