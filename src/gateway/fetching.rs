//! What a deployment needs fetched before it can be asked: images and documents whose URLs its provider does not take.
//!
//! Always: it is done once for a request, before anything of a provider is taken, and within the request's deadline; a
//! call that needs nothing fetched never comes here.

use std::cell::RefCell;
use std::sync::Arc;

use actors::fetching::{Fetcher, Known, Room, Unfetched, Why};
use actors::share::Share;
use actors::table::Deployment;
use dialects::Wire;
use dialects::conversation::Request;
use dialects::translate::{self, Medium};

use super::Call;
use super::asking::{Asked, Unasked, Unsayable};

impl Call {
    /// The deployment's question, once what it takes for it has been fetched.
    pub(super) async fn asked(&self, deployment: &Arc<Deployment>) -> Result<Asked, Unsayable> {
        loop {
            let missing = match self.ask(deployment).await {
                Ok(asked) => return Ok(asked),
                Err(Unasked::Unsayable(unsayable)) => return Err(unsayable),
                Err(Unasked::Fetch(missing)) => missing,
            };
            // None: it would not have been missed.
            let Some(fetcher) = &self.shard.table.fetcher else { return Err(Unsayable::NotServed) };
            let room = Fetching { share: &self.fetched, budget: self.shard.table.config.server.buffer_budget };
            // Boxed: hardly any call fetches, and all of them would be as large.
            Box::pin(async {
                // The first pause of a call counts as ours: it is not to be the one for a name server.
                tokio::task::yield_now().await;
                self.fetches.fetch(fetcher, missing, self.deadline, &room).await;
            })
            .await;
        }
    }
}

/// What a call's fetches hold.
struct Fetching<'c> {
    share: &'c RefCell<Share>,
    budget: u64,
}

impl Room for Fetching<'_> {
    fn take(&self, bytes: u64) -> bool {
        self.share.borrow_mut().grow(bytes, self.budget).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.share.borrow_mut().shrink(bytes);
    }
}

/// What has been put in, before it is written.
#[derive(Default)]
pub(super) struct PutIn {
    /// Bytes of the body that will be theirs.
    pub written: u64,
    /// A document is written by way of a copy, one at a time: the largest.
    copied: u64,
    last: Option<Medium>,
}

impl PutIn {
    /// Takes the memory for what is to be written of it.
    pub fn share(&self, held: &mut Share, budget: u64) -> Result<(), Unsayable> {
        match self.last {
            Some(medium) if held.grow(self.written + self.copied, budget).is_err() => {
                Err(Unsayable::Unfetched(Unfetched { medium, why: Why::NoRoom }))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Puts in what has been fetched, in as many places as may be.
pub(super) fn put_in<'b>(
    request: &mut Request<'b>,
    upstream: Wire,
    fetcher: &Fetcher,
    known: &'b Known,
) -> Result<PutIn, Unasked> {
    let mut put = PutIn::default();
    let mut places = 0;
    let found = |medium, url: &str| -> Result<_, Unsayable> {
        places += 1;
        let known = if places > fetcher.max_places() { Some(Err(Why::Many)) } else { known.get(medium, url) };
        let Some(known) = known else { return Ok(None) };
        let fetched = known.map_err(|why| Unsayable::Unfetched(Unfetched { medium, why }))?;
        put.written += fetched.written();
        if medium == Medium::Document {
            put.copied = put.copied.max(fetched.written());
        }
        put.last = Some(medium);
        Ok(Some(fetched.inline()))
    };
    let missing = translate::put_in(request, upstream, found)?;
    if missing.is_empty() { Ok(put) } else { Err(Unasked::Fetch(missing)) }
}
