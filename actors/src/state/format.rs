//! The text of the quota file.
//!
//! Read with distrust: it may be of another version, half true, or written by hand. One bad entry costs that entry, not
//! the others; the number of entries and the length of names are bounded in both directions.

use std::io;

use serde::{Deserialize, Serialize};

use super::DayCount;
use crate::policy::Moment;

const VERSION: u32 = 1;
/// Entries that are read and written.
const MAX_ENTRIES: usize = 10_000;
/// Bytes of a provider's or a model's name.
const MAX_NAME: usize = 512;
/// The longest day there is, with an hour to spare. Milliseconds.
const LONGEST_DAY: u64 = 26 * 3_600_000;

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    days: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    /// Each is looked at for itself.
    days: Vec<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    provider: std::borrow::Cow<'a, str>,
    /// The key's fingerprint: 16 hexadecimal digits.
    key: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<std::borrow::Cow<'a, str>>,
    requests: u64,
    tokens: u64,
    resets_at_ms: u64,
}

pub(super) fn render(counts: &[DayCount]) -> io::Result<Vec<u8>> {
    let days = counts
        .iter()
        .filter(|count| named(&count.provider) && count.model.as_deref().is_none_or(named))
        .take(MAX_ENTRIES)
        .map(|count| Entry {
            provider: count.provider.as_str().into(),
            key: format!("{:016x}", count.fingerprint).into(),
            model: count.model.as_deref().map(Into::into),
            requests: count.requests,
            tokens: count.tokens,
            resets_at_ms: count.resets_at_ms,
        })
        .collect();
    let mut text = serde_json::to_vec(&Written { version: VERSION, days })?;
    text.push(b'\n');
    Ok(text)
}

/// What can be believed, and a complaint about the rest. A day that has simply ended is nothing to complain about.
pub(super) fn parse(bytes: &[u8], now: Moment) -> (Vec<DayCount>, Option<String>) {
    let read = match serde_json::from_slice::<Read>(bytes) {
        Ok(read) if read.version == VERSION => read,
        Ok(read) => {
            return (Vec::new(), Some(format!("version {} is not known; day quotas start at zero", read.version)));
        }
        // The position alone: the text of what was found stays in the file.
        Err(error) => {
            let why = format!("broken at line {} column {}; day quotas start at zero", error.line(), error.column());
            return (Vec::new(), Some(why));
        }
    };
    let mut dropped = read.days.len().saturating_sub(MAX_ENTRIES);
    let mut counts = Vec::new();
    for value in read.days.into_iter().take(MAX_ENTRIES) {
        match entry(value).filter(|count| count.resets_at_ms <= now.0.saturating_add(LONGEST_DAY)) {
            Some(count) if count.resets_at_ms <= now.0 => {}
            Some(count) => counts.push(count),
            None => dropped += 1,
        }
    }
    let complaint = (dropped > 0).then(|| format!("{dropped} entries make no sense and were dropped"));
    (counts, complaint)
}

fn entry(value: serde_json::Value) -> Option<DayCount> {
    let entry: Entry<'_> = serde_json::from_value(value).ok()?;
    // from_str_radix takes a sign; a fingerprint has none.
    let digits = entry.key.len() == 16 && entry.key.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fingerprint = u64::from_str_radix(&entry.key, 16).ok().filter(|_| digits)?;
    let plausible = named(&entry.provider) && entry.model.as_deref().is_none_or(named);
    plausible.then(|| DayCount {
        provider: entry.provider.into_owned(),
        fingerprint,
        model: entry.model.map(std::borrow::Cow::into_owned),
        requests: entry.requests,
        tokens: entry.tokens,
        resets_at_ms: entry.resets_at_ms,
    })
}

const fn named(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME
}
