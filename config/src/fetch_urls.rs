//! Reads `server.fetch_urls`: off, on, or on with limits of one's own.

use std::time::Duration;

use crate::reader::{Reader, Spot};
use crate::server::{list, read_network};
use crate::tree::Value;
use crate::{FetchUrls, Network, host, quantity, shapes};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

impl Default for FetchUrls {
    fn default() -> Self {
        Self {
            max_bytes: 10 * MIB,
            max_total: 20 * MIB,
            max_urls: 20,
            timeout: Duration::from_secs(10),
            allow: Vec::new(),
        }
    }
}

/// None: nothing is fetched.
pub(crate) fn read(r: &mut Reader<'_>, spot: &Spot<'_>) -> Option<FetchUrls> {
    if !matches!(spot.node.value, Value::Map(_)) {
        let given = r.text(spot)?;
        return r.flag(&given)?.then(FetchUrls::default);
    }
    let object = r.object(spot, &shapes::FETCH_URLS)?;
    let usual = FetchUrls::default();
    let mut size = |key, default| r.given(&object, key).and_then(|given| r.size(&given, KIB..=GIB)).unwrap_or(default);
    let max_bytes = size("max_bytes", usual.max_bytes);
    let max_total = size("max_total", usual.max_total.max(max_bytes));
    if let Some(spot) = object.get("max_total").filter(|_| max_total < max_bytes) {
        let found = format!(
            "max_total ({}) is smaller than max_bytes ({})",
            quantity::told(max_total),
            quantity::told(max_bytes)
        );
        r.error(spot, found, "all of a request need at least the room of one");
    }
    let max_urls = r.given(&object, "max_urls").and_then(|given| r.number(&given, 1..=100));
    let times = Duration::from_millis(1)..=Duration::from_secs(300);
    let timeout = r.given(&object, "timeout").and_then(|given| r.duration(&given, times));
    let allow = list(r, object.get("allow"), read_allowed);
    Some(FetchUrls {
        max_bytes,
        max_total,
        max_urls: max_urls.unwrap_or(usual.max_urls),
        timeout: timeout.unwrap_or(usual.timeout),
        allow,
    })
}

/// A block of one's own hosts. One that begins with what is never fetched from holds more than that, or nothing.
fn read_allowed(text: &str) -> Result<Network, (&'static str, &'static str)> {
    let network = read_network(text)?;
    if host::is_forbidden(&network.address().to_string()) {
        return Err(("begins with an address that is never fetched from", "name the block of your own hosts alone"));
    }
    Ok(network)
}
