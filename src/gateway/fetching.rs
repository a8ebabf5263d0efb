//! What a deployment needs fetched before it can be asked: images and documents whose URLs its provider does not take.
//!
//! Always: it is done once for a request, before anything of a provider is taken, and within the request's deadline; a
//! call that needs nothing fetched never comes here.

use std::sync::Arc;

use actors::fetching::{Known, Unfetched};
use actors::table::Deployment;
use dialects::Wire;
use dialects::conversation::Request;
use dialects::translate;

use super::Call;
use super::asking::{Asked, Unasked, Unsayable};

impl Call {
    /// The deployment's question, once what it takes for it has been fetched.
    pub(super) async fn asked(&self, deployment: &Arc<Deployment>) -> Result<Asked, Unsayable> {
        loop {
            let missing = match self.ask(deployment) {
                Ok(asked) => return Ok(asked),
                Err(Unasked::Unsayable(unsayable)) => return Err(unsayable),
                Err(Unasked::Fetch(missing)) => missing,
            };
            // None: it would not have been missed.
            let Some(fetcher) = &self.shard.table.fetcher else { return Err(Unsayable::NotServed) };
            let budget = self.shard.table.config.server.buffer_budget;
            let room = |bytes| self.fetched.borrow_mut().grow(bytes, budget).is_ok();
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

/// Puts in what has been fetched.
pub(super) fn put_in<'b>(request: &mut Request<'b>, upstream: Wire, known: &'b Known) -> Result<(), Unasked> {
    let mut unfetched = None;
    let missing = translate::put_in(request, upstream, |medium, url| match known.get(medium, url)? {
        Ok(fetched) => Some(fetched.inline()),
        Err(why) => {
            unfetched.get_or_insert(Unfetched { medium, why });
            None
        }
    });
    match unfetched {
        Some(unfetched) => Err(Unsayable::Unfetched(unfetched).into()),
        None if missing.is_empty() => Ok(()),
        None => Err(Unasked::Fetch(missing)),
    }
}
