//! A web worker thread's end of the supervisor: takes up each new table, and starts this thread's provider actors.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message};

use crate::provider::IDLE_KEPT;
use crate::shard::Shard;
use crate::supervisor::{Handle, Register};
use crate::table::Table;

/// What a worker thread holds; cloned into each of its handlers.
#[derive(Clone)]
pub struct Worker(Rc<RefCell<Rc<Shard>>>);

impl Worker {
    /// Starts this thread's actors; to be called once on each web worker thread, within its actix system.
    pub fn start(supervisor: &Handle) -> Self {
        let shard = Shard::start(supervisor.table(), supervisor.died(), None);
        let worker = Self(Rc::new(RefCell::new(shard)));
        let address = WorkerActor { worker: worker.clone(), supervisor: supervisor.clone() }.start();
        supervisor.register(Register(address.recipient()));
        worker
    }

    /// The shard to begin a request with.
    pub fn shard(&self) -> Rc<Shard> {
        self.0.borrow().clone()
    }
}

struct WorkerActor {
    worker: Worker,
    supervisor: Handle,
}

impl Actor for WorkerActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(IDLE_KEPT, |this, _| this.worker.shard().rest());
    }
}

/// A new table to serve from.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Install(pub Arc<Table>);

impl Handler<Install> for WorkerActor {
    type Result = ();

    fn handle(&mut self, Install(table): Install, _: &mut Self::Context) {
        let old = self.worker.shard();
        if !Arc::ptr_eq(&old.table, &table) {
            *self.worker.0.borrow_mut() = Shard::start(table, self.supervisor.died(), Some(&old));
        }
    }
}
