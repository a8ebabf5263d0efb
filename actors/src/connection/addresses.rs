//! Where a provider's host is: its name resolved now and then, and its addresses tried in turn.
//!
//! The system's resolver takes a thread of the few there are for each look-up, so it is not asked for each connection.
//! Always: one look-up at a time for each provider; what was known goes on serving while it runs and where it fails;
//! an address that does not answer leaves the others their share of the time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::health::Short;

/// Vendors move their names' addresses within a minute or so; shorter than most of them say.
const KEPT: Duration = Duration::from_secs(30);
/// A look-up that failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: Short<Known>,
    /// Held by who looks up.
    looking: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    all: Arc<[SocketAddr]>,
    until: Option<Instant>,
    /// The one that answered where one before it did not: the next connection begins with it.
    answered: Option<SocketAddr>,
}

impl Addresses {
    /// The addresses to try, best first; `look_up` is only awaited where they are not known or no longer, and not for
    /// longer than `patience` where there are old ones to fall back on.
    ///
    /// # Errors
    /// What the look-up said, where nothing was known before.
    pub async fn get(
        &self,
        now: Instant,
        patience: Duration,
        look_up: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    ) -> io::Result<Arc<[SocketAddr]>> {
        let old = match self.known(now) {
            Ok(fresh) => return Ok(fresh),
            Err(old) => old,
        };
        let _looking = if old.is_empty() {
            let looking = self.looking.lock().await;
            if let Ok(fresh) = self.known(now) {
                return Ok(fresh); // somebody else has looked meanwhile
            }
            looking
        } else {
            match self.looking.try_lock() {
                Ok(looking) => looking,
                Err(_) => return Ok(old),
            }
        };
        let found = if old.is_empty() {
            look_up.await
        } else {
            tokio::time::timeout(patience, look_up).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        };
        match found {
            Ok(found) if !found.is_empty() => Ok(self.learn(found, now)),
            _ if !old.is_empty() => {
                self.known.lock().until = Some(now + AGAIN);
                Ok(old)
            }
            Ok(_) => Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address")),
            Err(error) => Err(error),
        }
    }

    /// Errors: what was known, and may have changed.
    fn known(&self, now: Instant) -> Result<Arc<[SocketAddr]>, Arc<[SocketAddr]>> {
        let known = self.known.lock();
        if known.until.is_some_and(|until| now < until) { Ok(known.all.clone()) } else { Err(known.all.clone()) }
    }

    fn learn(&self, found: Vec<SocketAddr>, now: Instant) -> Arc<[SocketAddr]> {
        let mut known = self.known.lock();
        known.all = ordered(&found, known.answered).into();
        known.until = Some(now + KEPT);
        known.all.clone()
    }

    fn prefer(&self, address: SocketAddr) {
        let mut known = self.known.lock();
        known.answered = Some(address);
        known.all = ordered(&known.all, known.answered).into();
    }

    /// Connects to the first that answers; each has its share of what is left until `until`, and the last one all.
    ///
    /// # Errors
    /// What the last one said.
    pub async fn connect(&self, addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for (nth, address) in addresses.iter().enumerate() {
            let connecting = TcpStream::connect(address);
            let follow = addresses.len() - nth - 1;
            let connected = if follow == 0 {
                connecting.await // whoever waits for us has the limit
            } else {
                let left = until.saturating_duration_since(Instant::now());
                let share = left / u32::try_from(follow + 1).unwrap_or(u32::MAX);
                tokio::time::timeout(share, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            };
            match connected {
                Ok(stream) => {
                    if nth > 0 {
                        self.prefer(*address);
                    }
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        self.known.lock().until = None; // the name may have moved
        Err(last)
    }
}

/// The families in turn, beginning with the resolver's first, so that a network that carries only one of them costs one
/// attempt; and before them all the one that answered last, if it is still among them.
fn ordered(found: &[SocketAddr], answered: Option<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (ones, others): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.iter().copied().partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = Vec::with_capacity(found.len());
    ordered.extend(answered.filter(|answered| found.contains(answered)));
    let (mut ones, mut others) = (ones.into_iter(), others.into_iter());
    loop {
        let pair = [ones.next(), others.next()];
        if pair == [None, None] {
            return ordered;
        }
        for address in pair.into_iter().flatten() {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
