//! The names of URLs looked up, on threads of their own.
//!
//! The system's resolver cannot be broken off: a look-up goes on when nobody waits for it any more. On the threads of the
//! runtime it would be in the way of the providers' names.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

use super::{Why, turns};

/// None at all where the name leads nowhere.
///
/// # Errors
/// When so many names are being looked up that this one's turn does not come.
pub async fn look_up(name: String, until: Instant) -> Result<Vec<IpAddr>, Why> {
    on_a_thread(until, move || Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())).await
}

async fn on_a_thread(
    until: Instant,
    resolve: impl FnOnce() -> io::Result<Vec<IpAddr>> + Send + 'static,
) -> Result<Vec<IpAddr>, Why> {
    let place = turns::take(&turns::LOOK_UPS, until).await?;
    let (tell, told) = oneshot::channel();
    let looking = move || {
        let found = resolve().unwrap_or_default();
        // Whoever asked may have gone; the place is taken until now all the same.
        drop(place);
        let _gone = tell.send(found);
    };
    thread::Builder::new().name("look-up".to_owned()).spawn(looking).map_err(|_| Why::Busy)?;
    Ok(told.await.unwrap_or_default())
}

#[cfg(test)]
mod tests;
