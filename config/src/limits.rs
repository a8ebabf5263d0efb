//! Reads `limits`, `price` and the models that a provider lists.

use crate::day_reset::DayResetError;
use crate::reader::{Reader, Spot, joined};
use crate::shapes;
use crate::tree::Value;
use crate::{DayReset, Limits, ListedModel, Price, UpstreamModel, names, quantity};

/// More than any vendor allows, and far from where sums overflow.
const MOST_REQUESTS: u32 = 1_000_000_000;
const MOST_TOKENS: u64 = 1_000_000_000_000_000;

pub(crate) fn read_limits(r: &mut Reader<'_>, spot: &Spot<'_>) -> Limits {
    let Some(object) = r.object(spot, &shapes::LIMITS) else {
        return Limits::default();
    };
    let mut requests = |key| r.given(&object, key).and_then(|given| r.number(&given, 1..=MOST_REQUESTS));
    let (requests_per_minute, requests_per_hour, requests_per_day) =
        (requests("requests_per_minute"), requests("requests_per_hour"), requests("requests_per_day"));
    let mut tokens = |key| r.given(&object, key).and_then(|given| r.number(&given, 1..=MOST_TOKENS));
    let (tokens_per_minute, tokens_per_day) = (tokens("tokens_per_minute"), tokens("tokens_per_day"));
    let day_resets_at = r.given(&object, "day_resets_at").map(|given| match DayReset::parse(&given.text) {
        Ok(reset) => reset,
        Err(why) => {
            let (found, fix) = match why {
                DayResetError::Time => {
                    ("does not begin with a time of day", "write it as \"00:00 America/Los_Angeles\"")
                }
                DayResetError::Zone => ("names an unknown time zone", "use a name like America/Los_Angeles or UTC"),
            };
            r.findings.push(given.place.error(format!("{} {found}", given.quoted()), fix));
            DayReset::default()
        }
    });
    if let (Some(_), None, None, Some(spot)) =
        (&day_resets_at, requests_per_day, tokens_per_day, object.get("day_resets_at"))
    {
        r.warning(spot, "there is no limit a day to reset", "add requests_per_day or tokens_per_day, or remove it");
    }
    Limits {
        requests_per_minute,
        requests_per_hour,
        requests_per_day,
        tokens_per_minute,
        tokens_per_day,
        day_resets_at: day_resets_at.unwrap_or_default(),
    }
}

/// A list of names, or a mapping from names to what is known of each.
pub(crate) fn read_models(r: &mut Reader<'_>, spot: &Spot<'_>) -> Vec<ListedModel> {
    let mut listed: Vec<ListedModel> = Vec::new();
    if let Value::Seq(_) = spot.node.value {
        for item in r.items(spot).unwrap_or_default() {
            let Some(given) = r.text(&item) else { continue };
            let name = given.text.trim();
            if listed.iter().any(|model| model.name.as_str() == name) {
                r.error(&item, format!("{} is listed a second time", given.quoted()), "keep one of them");
            } else if let Some(name) = upstream_name(r, &item, name) {
                listed.push(ListedModel { name, context_window: None, max_output: None, price: None, limits: None });
            }
        }
        return listed;
    }
    for (key, about) in r.entries(spot).unwrap_or_default() {
        let Some(name) = upstream_name(r, &about, &key.text) else {
            continue;
        };
        let Some(object) = r.object(&about, &shapes::LISTED_MODEL) else {
            continue;
        };
        let context_window = r.given(&object, "context_window").and_then(|given| r.number(&given, 1..=1_000_000_000));
        let max_output = r.given(&object, "max_output").and_then(|given| r.number(&given, 1..=1_000_000_000));
        let price = object.get("price").and_then(|spot| read_price(r, spot));
        let limits = object.get("limits").map(|spot| read_limits(r, spot));
        listed.push(ListedModel { name, context_window, max_output, price, limits });
    }
    listed
}

fn upstream_name(r: &mut Reader<'_>, spot: &Spot<'_>, name: &str) -> Option<UpstreamModel> {
    match names::check_upstream(name) {
        Ok(()) => Some(UpstreamModel::new(name)),
        Err(found) => {
            r.error(spot, found, "write the model's name as the provider does");
            None
        }
    }
}

fn read_price(r: &mut Reader<'_>, spot: &Spot<'_>) -> Option<Price> {
    let object = r.object(spot, &shapes::PRICE)?;
    let mut dollars = |key: &'static str, needed: bool| {
        let Some(field) = object.get(key) else {
            if needed {
                let fix = format!("add {} in USD per million tokens (0 where it is free)", joined(&spot.path, key));
                r.error(spot, format!("a price without {key}"), fix);
            }
            return None;
        };
        let given = r.text(field)?;
        let value = quantity::decimal(given.text.trim()).filter(|value| *value <= 1_000_000.0);
        if value.is_none() {
            let found = format!("{} is not a price", given.quoted());
            r.error(field, found, "give USD per million tokens, like 0.59");
        }
        value
    };
    let (input, output, cached_input) =
        (dollars("input", true), dollars("output", true), dollars("cached_input", false));
    Some(Price { input: input?, output: output?, cached_input })
}
