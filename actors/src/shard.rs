//! What one web worker thread has of the house: the routing table, and an actor of each provider.
//!
//! Always: a shard never changes; a reload makes a new one. Requests in flight keep the one they began with.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, Recipient};
use send_wrapper::SendWrapper;

use crate::error::Refusal;
use crate::exchange::Exchange;
use crate::provider::{Admit, Ask, Provider, ProviderActor, Resting};
use crate::supervisor::Died;
use crate::table::Table;

pub struct Shard {
    pub table: Arc<Table>,
    /// By the provider's place in the table.
    actors: Vec<RefCell<Addr<ProviderActor>>>,
    supervisor: Recipient<Died>,
}

impl Shard {
    /// Starts the actors; to be called on the thread that will use them. A provider that is the same as in `old` keeps
    /// its actor, and so its connections.
    pub fn start(table: Arc<Table>, supervisor: Recipient<Died>, old: Option<&Self>) -> Rc<Self> {
        let actor = |provider: &Arc<Provider>| {
            let kept = old.and_then(|old| Some(old.place(provider)?.1.borrow().clone()));
            RefCell::new(kept.unwrap_or_else(|| start(provider)))
        };
        let actors = table.providers.iter().map(actor).collect();
        Rc::new(Self { table, actors, supervisor })
    }

    /// Asks the deployment's provider to admit a request.
    ///
    /// # Errors
    /// When it refuses. An actor that died is replaced at once and the supervisor told. Which of the requests in its
    /// mailbox it died of is not known: the caller may ask the new one once more, and that it died again is an answer.
    pub async fn admit(&self, ask: Box<Ask>) -> Result<Box<Exchange>, Refusal> {
        let provider = ask.deployment.provider.clone();
        let Some((place, slot)) = self.place(&provider) else {
            return Err(Refusal::Unfit);
        };
        let address = slot.borrow().clone();
        match address.send(Admit(SendWrapper::new(ask))).await {
            Ok(admitted) => admitted.map(SendWrapper::take),
            Err(_) => {
                self.replace(place, &address);
                Err(Refusal::Panicked)
            }
        }
    }

    /// Has the actors close what nobody uses; to be called every [`crate::provider::IDLE_KEPT`].
    pub(crate) fn rest(&self) {
        for actor in &self.actors {
            actor.borrow().do_send(Resting);
        }
    }

    fn place(&self, provider: &Arc<Provider>) -> Option<(usize, &RefCell<Addr<ProviderActor>>)> {
        let place = self.table.providers.iter().position(|known| Arc::ptr_eq(known, provider))?;
        Some((place, self.actors.get(place)?))
    }

    /// Whoever notices first replaces; the others find the new one.
    fn replace(&self, place: usize, dead: &Addr<ProviderActor>) {
        let (Some(slot), Some(provider)) = (self.actors.get(place), self.table.providers.get(place)) else {
            return;
        };
        if *slot.borrow() == *dead {
            *slot.borrow_mut() = start(provider);
            self.supervisor.do_send(Died { provider: provider.config.id.clone() });
        }
    }
}

fn start(provider: &Arc<Provider>) -> Addr<ProviderActor> {
    ProviderActor::new(provider.clone()).start()
}
