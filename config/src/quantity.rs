//! How people write durations, sizes and shares: `250ms`, `1m30s`, `32MiB`, `5%`.
//!
//! What always holds: a duration needs its unit, because a bare number means seconds to one tool and
//! milliseconds to the next; nothing overflows.

use std::time::Duration;

/// `250ms`, `1.5s`, `1m30s`, `2h`, `1d`, and `0`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut parts = 0;
    while !rest.is_empty() {
        let (number, unit, tail) = number_and_unit(rest)?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        parts += 1;
        rest = tail;
    }
    (parts > 0).then_some(total)
}

/// Bytes: `32MiB`, `1.5 GiB`, `500MB`, `4096`. KB is 1000 bytes, KiB 1024.
pub(crate) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(bytes) = text.parse::<u64>() {
        return Some(bytes);
    }
    let (number, unit, tail) = number_and_unit(text)?;
    let factor: f64 = match unit.to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number * factor;
    // 2^53: up to here an f64 counts bytes exactly.
    (tail.is_empty() && bytes <= 9_007_199_254_740_992.0).then_some(bytes as u64)
}

/// Bytes as a finding shows them: in the largest unit that leaves a whole number.
pub(crate) fn told(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match UNITS.iter().find(|(_, bits)| bytes >= 1 << bits && bytes.trailing_zeros() >= *bits) {
        Some((unit, bits)) => format!("{}{unit}", bytes >> bits),
        None => format!("{bytes} bytes"),
    }
}

/// A share from 0 to 1: `0.05` or `5%`.
pub(crate) fn share(text: &str) -> Option<f64> {
    let text = text.trim();
    let value = match text.strip_suffix('%') {
        Some(percent) => decimal(percent.trim_end())? / 100.0,
        None => decimal(text)?,
    };
    (0.0..=1.0).contains(&value).then_some(value)
}

/// A number without sign, exponent, `inf` or `nan`, all of which `f64::from_str` takes.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    (plain && digits).then(|| text.parse().ok()).flatten().filter(|value: &f64| value.is_finite())
}

fn number_and_unit(text: &str) -> Option<(f64, &str, &str)> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(unit_at);
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(end);
    Some((decimal(number)?, unit, tail.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("250ms", 250),
            ("5s", 5000),
            ("1.5s", 1500),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("0", 0),
            ("0s", 0),
            (" 10 s ", 10_000),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "5 parsecs",
            "5s!",
            "1e3s",
            "inf",
            "NaNs",
            "99999999999999999999d",
            "5S",
            "..s",
            "1.2.3s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("4096", 4096),
            ("32MiB", 33_554_432),
            ("1GiB", 1_073_741_824),
            ("500MB", 500_000_000),
            ("1.5 kib", 1536),
            ("0", 0),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1 elephant", "1e9", "99999999999TiB", "1MiB1"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn shares() {
        for (text, value) in [("5%", 0.05), ("0.2", 0.2), ("100%", 1.0), ("0", 0.0), ("12.5 %", 0.125)] {
            assert_eq!(share(text), Some(value), "{text}");
        }
        for text in ["", "%", "101%", "1.1", "-5%", "five", "nan", "5%%"] {
            assert_eq!(share(text), None, "{text}");
        }
    }
}
