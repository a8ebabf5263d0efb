//! Which part of the list of models is asked for: Anthropic's `limit`, `after_id`, `before_id`; Gemini's `pageSize`,
//! `pageToken`. Without any of them it is the whole list. OpenAI's list has no pages.
//!
//! Sources: <https://docs.anthropic.com/en/api/models-list>, <https://ai.google.dev/api/models#method:-models.list>.

use std::ops::Range;

use dialects::{Dialect, models};

use crate::percent;

/// Both vendors' largest page. Anthropic refuses a larger one, Gemini gives this much.
const LARGEST: usize = 1000;

#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub range: Range<usize>,
    /// In the direction that was asked for.
    pub more: bool,
}

/// Why there is no such page: for the client, with nothing of what it sent.
#[derive(Debug, PartialEq, Eq)]
pub struct NoPage {
    pub param: &'static str,
    pub why: &'static str,
}

/// The page of these names, which are sorted.
///
/// # Errors
/// When the query's values are none.
pub fn cut(dialect: Dialect, query: &str, ids: &[&str]) -> Result<Page, NoPage> {
    let found = |names: &[&str]| {
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            names.contains(&name).then(|| percent::decoded(value.as_bytes()))
        })
    };
    match dialect {
        Dialect::OpenAi => Ok(Page { range: 0..ids.len(), more: false }),
        Dialect::Anthropic => {
            let size = found(&["limit"]).map(|limit| limit_of(&limit)).transpose()?.unwrap_or(ids.len());
            match (found(&["after_id"]), found(&["before_id"])) {
                (Some(_), Some(_)) => {
                    Err(NoPage { param: "before_id", why: "only one of after_id and before_id may be given" })
                }
                (None, Some(before)) => {
                    let end = place(ids, &before, "before_id")?;
                    let start = end.saturating_sub(size);
                    Ok(Page { range: start..end, more: start > 0 })
                }
                (Some(after), None) => Ok(forwards(place(ids, &after, "after_id")? + 1, size, ids.len())),
                (None, None) => Ok(forwards(0, size, ids.len())),
            }
        }
        Dialect::Gemini => {
            let size = found(&["pageSize", "page_size"]).map(|size| page_size(&size, ids.len())).transpose()?;
            let start = match found(&["pageToken", "page_token"]) {
                Some(token) if !token.is_empty() => begin(ids, &token)?,
                Some(_) | None => 0,
            };
            Ok(forwards(start, size.unwrap_or(ids.len()), ids.len()))
        }
    }
}

fn forwards(start: usize, size: usize, all: usize) -> Page {
    let end = start.saturating_add(size).min(all);
    Page { range: start.min(end)..end, more: end < all }
}

fn number(text: &[u8]) -> Option<usize> {
    str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

fn limit_of(limit: &[u8]) -> Result<usize, NoPage> {
    number(limit)
        .filter(|limit| (1..=LARGEST).contains(limit))
        .ok_or(NoPage { param: "limit", why: "limit must be a number from 1 to 1000" })
}

/// 0 is Gemini's word for its own choice.
fn page_size(size: &[u8], all: usize) -> Result<usize, NoPage> {
    match number(size) {
        Some(0) => Ok(all),
        Some(size) => Ok(size.min(LARGEST)),
        None => Err(NoPage { param: "pageSize", why: "pageSize must be a whole number that is not negative" }),
    }
}

fn place(ids: &[&str], id: &[u8], param: &'static str) -> Result<usize, NoPage> {
    let known = ids.iter().position(|known| known.as_bytes() == id);
    known.ok_or(NoPage { param, why: "after_id and before_id must name a model of this list" })
}

/// Behind the model that the token names, or where it stood: lists change between two pages.
fn begin(ids: &[&str], token: &[u8]) -> Result<usize, NoPage> {
    let last = str::from_utf8(token).ok().and_then(models::of_page_token);
    let last = last.ok_or(NoPage { param: "pageToken", why: "pageToken is none that this list gave" })?;
    Ok(ids.partition_point(|id| *id <= last.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const IDS: [&str; 5] = ["a", "b/x", "c", "d", "e"];

    fn page(dialect: Dialect, query: &str) -> Option<(Range<usize>, bool)> {
        cut(dialect, query, &IDS).ok().map(|page| (page.range, page.more))
    }

    #[test]
    fn anthropics_pages_go_both_ways() {
        for (query, is) in [
            ("", (0..5, false)),
            ("limit=2", (0..2, true)),
            ("limit=5", (0..5, false)),
            ("limit=1000", (0..5, false)),
            ("beta=true&limit=2&after_id=b%2Fx", (2..4, true)),
            ("limit=2&after_id=c", (3..5, false)),
            ("after_id=e", (5..5, false)),
            ("before_id=c", (0..2, false)),
            ("limit=1&before_id=c", (1..2, true)),
            ("limit=9&before_id=a", (0..0, false)),
        ] {
            assert_eq!(page(Dialect::Anthropic, query), Some(is), "{query}");
        }
        for query in [
            "limit=0",
            "limit=-1",
            "limit=x",
            "limit=",
            "limit=1001",
            "limit=+1",
            "after_id=z",
            "before_id=",
            "after_id=a&before_id=c",
        ] {
            assert_eq!(page(Dialect::Anthropic, query), None, "{query}");
        }
    }

    #[test]
    fn geminis_pages_lead_from_one_to_the_next() {
        let mut seen: Vec<&str> = Vec::new();
        let mut query = "pageSize=2".to_owned();
        loop {
            let (range, more) = page(Dialect::Gemini, &query).unwrap();
            seen.extend_from_slice(&IDS[range.clone()]);
            let list = models::list(
                Dialect::Gemini,
                range.map(|nth| models::Entry { id: IDS[nth], owned_by: "", created: 0 }),
                more,
            );
            let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
            assert_eq!(list.get("nextPageToken").is_some(), more);
            if !more {
                break;
            }
            query = format!("page_size=2&pageToken={}", list["nextPageToken"].as_str().unwrap());
        }
        assert_eq!(seen, IDS);
        for (query, is) in [
            ("", (0..5, false)),
            ("pageSize=0", (0..5, false)),
            ("pageSize=99999", (0..5, false)),
            ("pageToken=", (0..5, false)),
            ("pageToken=Yg", (1..5, false)),
        ] {
            assert_eq!(page(Dialect::Gemini, query), Some(is), "{query}");
        }
        for query in ["pageSize=-1", "pageSize=x", "pageSize=", "pageToken=%00", "pageToken=!!"] {
            assert_eq!(page(Dialect::Gemini, query), None, "{query}");
        }
        assert_eq!(page(Dialect::OpenAi, "limit=1"), Some((0..5, false)));
    }
}
