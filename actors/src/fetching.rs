//! Images and documents by URL, fetched for an upstream that does not take their URLs (`server.fetch_urls`).
//!
//! The URLs are a client's, and whoever follows them for it can be led into networks that are not the client's to see.
//! Always: the addresses of a name are judged ([`address`]) and no other one is connected to, on every hop; nothing of
//! the client's request and no key goes along; what comes is bounded in number, size and time; what went wrong is told
//! in words of ours, and neither the URL nor anything that was fetched is ever repeated to the client.

mod address;
mod get;
mod look_up;
mod media;
mod place;
mod room;
mod turns;
mod why;

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use config::FetchUrls;
use dialects::translate::{Inline, Medium, Remote};
use futures::StreamExt;
use futures::stream;
use rustls::ClientConfig;

use crate::alarm;
use get::{Budget, Got};
use place::Place;

pub use room::Room;
pub use turns::MAX_FILES;
pub use why::{Unfetched, Why};

/// Of one request, at one time.
const AT_ONCE: usize = 4;
/// The redirects that are followed: file hosts need one or two.
const MAX_REDIRECTS: u32 = 3;

/// What fetches, with the limits of a configuration.
#[derive(Debug)]
pub struct Fetcher {
    limits: FetchUrls,
    /// Made when it is first needed: it holds some hundred roots.
    tls: OnceLock<Option<Arc<ClientConfig>>>,
}

/// What a URL led to.
#[derive(Debug)]
pub struct Fetched {
    media_type: &'static str,
    /// The text itself of a plain text; else base64.
    data: String,
    written: u64,
}

impl Fetched {
    fn new(media_type: &'static str, data: String) -> Self {
        let mut fetched = Self { media_type, data, written: 0 };
        fetched.written = fetched.inline().written();
        fetched
    }

    /// The most bytes of a body that it takes in one place.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// As it stands in a request.
    pub fn inline(&self) -> Inline<'_> {
        match self.media_type {
            media::TEXT => Inline::Text(&self.data),
            media_type => Inline::Base64 { media_type, data: &self.data },
        }
    }
}

impl Fetcher {
    pub fn new(limits: FetchUrls) -> Self {
        Self { limits, tls: OnceLock::new() }
    }

    /// In so many places of a request may something stand that is fetched.
    pub fn max_places(&self) -> usize {
        self.limits.max_urls
    }

    async fn one(&self, remote: &Remote, budget: Budget<'_>) -> Result<Fetched, Why> {
        let mut place = Place::new(&remote.url)?;
        let began = Instant::now();
        let fetched = alarm::within(budget.until, self.follow(&mut place, remote.medium, budget)).await;
        let fetched = fetched.unwrap_or(Err(Why::Slow));
        let what = Unfetched::name(remote.medium);
        match &fetched {
            Ok(_) => log::debug!("fetched {what} by URL from {} in {} ms", place.host(), began.elapsed().as_millis()),
            Err(why) => log::info!("{what} by URL was not fetched from {}: {}", place.host(), why.text()),
        }
        fetched
    }

    /// `place`: where it is; afterwards, where the last redirect led.
    async fn follow(&self, place: &mut Place, medium: Medium, budget: Budget<'_>) -> Result<Fetched, Why> {
        for _ in 0..=MAX_REDIRECTS {
            match get::get(self, place, budget).await? {
                Got::Elsewhere(next) => *place = next,
                Got::Body { content_type, bytes, held } => {
                    let came = bytes.len() as u64;
                    let (media_type, data) = media::judge(medium, &content_type, bytes).ok_or(Why::Media)?;
                    let fetched = Fetched::new(media_type, data);
                    // A text may be written with so many escapes that it is larger than a file would be.
                    budget.spend((fetched.written / 4 * 3).saturating_sub(came))?;
                    held.keep(fetched.data.capacity() as u64);
                    return Ok(fetched);
                }
            }
        }
        Err(Why::Redirects)
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, Why> {
        let made = self.tls.get_or_init(|| {
            let made = crate::trust::client_config(None);
            made.inspect_err(|error| log::error!("nothing can be fetched over TLS: {error}")).ok()
        });
        made.clone().ok_or(Why::Unreachable)
    }
}

/// What has been fetched for one request, whichever of its deployments needed it: nothing is fetched twice.
#[derive(Debug, Default)]
pub struct Fetches {
    known: RefCell<Known>,
    /// Bytes that came, as often as they will be written.
    spent: Cell<u64>,
    /// How long it has been fetched.
    took: Cell<Duration>,
}

/// Each URL, and what it came to. Clones share what was fetched.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<Medium, BTreeMap<String, Result<Arc<Fetched>, Why>>>);

impl Known {
    /// None: it was not asked for.
    pub fn get(&self, medium: Medium, url: &str) -> Option<Result<&Fetched, Why>> {
        let came_to = self.0.get(&medium)?.get(url)?;
        Some(came_to.as_deref().map_err(|why| *why))
    }
}

impl Fetches {
    pub fn known(&self) -> Ref<'_, Known> {
        self.known.borrow()
    }

    /// Fetches what is missing: what [`Known`] has not. Afterwards all of it is known, or of one of it that it cannot be
    /// had: with that one the others would be of no use, and they are given up. In `room` the bytes stay taken that are
    /// held.
    pub async fn fetch(&self, fetcher: &Fetcher, missing: Vec<Remote>, deadline: Instant, room: &dyn Room) {
        let limits = &fetcher.limits;
        let began = Instant::now();
        let until = deadline.min(began + limits.timeout.saturating_sub(self.took.get()));
        let mut fetching = stream::iter(missing)
            .map(|remote| async move {
                let budget = Budget { limits, spent: &self.spent, places: remote.places, room, until };
                let came_to = fetcher.one(&remote, budget).await;
                (remote, came_to)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((remote, came_to)) = fetching.next().await {
            let failed = came_to.is_err();
            self.known.borrow_mut().0.entry(remote.medium).or_default().insert(remote.url, came_to.map(Arc::new));
            if failed {
                break;
            }
        }
        self.took.set(self.took.get() + began.elapsed());
    }
}
