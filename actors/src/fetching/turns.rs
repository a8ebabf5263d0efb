//! Places for what holds an open file: all clients together have so many, whatever the number of their requests.
//!
//! Always: who waits for a place holds no other one, so that slow name servers keep nobody from what has no name.

use std::time::Instant;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Why;
use crate::alarm;

const MAX_CONNECTIONS: usize = 64;
/// Of one request these are never more than it fetches at once, but those that were given up go on for as long as
/// somebody's name server likes.
pub const MAX_LOOK_UPS: usize = 64;

/// Connections to the hosts of URLs.
pub static CONNECTIONS: Semaphore = Semaphore::const_new(MAX_CONNECTIONS);

/// Names being looked up: a thread each, and a socket towards a name server.
pub static LOOK_UPS: Semaphore = Semaphore::const_new(MAX_LOOK_UPS);

/// The files that all fetches together may hold open.
pub const MAX_FILES: usize = MAX_CONNECTIONS + MAX_LOOK_UPS;

/// Half of the time until then is for waiting: whoever got a place with less than the other half left could be late for
/// no fault of the host.
///
/// # Errors
/// When none is given back in time.
pub async fn take(places: &'static Semaphore, until: Instant) -> Result<SemaphorePermit<'static>, Why> {
    let now = Instant::now();
    let patience = until.saturating_duration_since(now) / 2;
    match alarm::within(now + patience, places.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(Why::Busy),
    }
}
