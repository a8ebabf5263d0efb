//! The supervisor: an actor on the main arbiter that owns what changes slowly.
//!
//! It loads and checks the configuration, builds the routing table, hands it to the workers, discovers models, carries
//! out reloads, saves day quotas, and hears of provider actors that died. Always: a configuration is taken up whole or
//! not at all; what is in flight keeps the table that it began with.

mod build;
mod doubt;
mod files;
mod models;
mod pulse;
mod quotas;
mod reload;
mod restart;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, Recipient, ResponseFuture,
    WrapFuture,
};
use arc_swap::{ArcSwap, ArcSwapOption};
use config::{Config, Finding, ProviderId, Secret, Sources};

use crate::clock;
use crate::policy::Moment;
use crate::provider::Tokens;
use crate::table::Table;
use crate::worker::Install;

pub use build::build;
use pulse::Pulse;

/// How often the files are looked at and the clock is compared.
const EVERY: Duration = Duration::from_secs(1);
/// How often quotas are saved that have changed: what a process uses that is killed is forgotten for so long at most.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// What the supervisor needs of the house around it.
pub trait House: Send + Sync {
    /// The demo provider, started on first use. One that runs takes up other settings only when they are
    /// [`House::reloaded`].
    ///
    /// # Errors
    /// When it cannot listen.
    fn demo(&self, settings: &config::Demo) -> io::Result<Demo>;
    /// A reload has been carried out, or (None) refused.
    fn reloaded(&self, config: Option<&Config>);
    /// A provider actor died and was replaced.
    fn died(&self, provider: &ProviderId);
}

/// The demo provider, as it runs.
#[derive(Clone)]
pub struct Demo {
    pub address: SocketAddr,
    /// The key that it takes.
    pub secret: Secret,
    /// What it lists. Known from the start, so that it need not be asked.
    pub models: &'static [&'static str],
}

/// Why there is nothing to serve.
#[derive(Debug, derive_more::Display, derive_more::Error)]
pub enum StartError {
    /// The configuration has mistakes: all of them.
    #[display("the configuration has {} mistakes", _0.len())]
    Config(#[error(not(source))] Vec<Finding>),
    #[display("{_0}")]
    Io(io::Error),
}

struct Shared {
    table: ArcSwap<Table>,
    pulse: Pulse,
    refused: ArcSwapOption<Refused>,
}

/// A reload that changed nothing.
#[derive(Debug)]
pub struct Refused {
    /// What was wrong, for the operator.
    pub why: String,
    pub at: Moment,
}

/// How the other threads reach the supervisor.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    address: Addr<Supervisor>,
}

impl Handle {
    /// The table that is served now.
    pub fn table(&self) -> Arc<Table> {
        self.shared.table.load_full()
    }

    /// Whether the supervisor lives and turns. Without it what is served goes on, and no change is taken up.
    pub fn is_well(&self) -> bool {
        self.address.connected() && self.shared.pulse.is_felt()
    }

    /// The last reload, if it was refused.
    pub fn refused(&self) -> Option<Arc<Refused>> {
        self.shared.refused.load_full()
    }

    pub(crate) fn died(&self) -> Recipient<Died> {
        self.address.clone().recipient()
    }

    pub(crate) fn register(&self, worker: Register) {
        self.address.do_send(worker);
    }

    /// Reads the configuration again and takes it up if it is right.
    pub fn reload(&self) {
        self.address.do_send(Reload);
    }

    /// Ends the supervisor of a process that could not start. One that is only dropped, with its runtime and before it
    /// was ever run, would begin then, without the clock that it needs.
    pub async fn quit(&self) {
        let _ = self.address.send(Quit).await;
    }

    /// Saves what must outlive the process.
    pub async fn save(&self) {
        // A supervisor that is gone has nothing to save.
        let _ = self.address.send(Save).await;
    }
}

pub struct Supervisor {
    sources: Sources,
    environment: Arc<Mutex<Box<dyn config::Environment + Send>>>,
    house: Arc<dyn House>,
    /// Made for this run, where nothing is configured.
    run_token: Option<Secret>,
    /// What the process began with: some of it stays until it ends.
    began: Arc<Config>,
    shared: Arc<Shared>,
    workers: Vec<Recipient<Install>>,
    files: files::Files,
    quotas: quotas::OnDisk,
}

impl Supervisor {
    /// Loads the configuration and starts. Must be called within an actix system. Gives the handle, warnings for a log
    /// that may not be there yet, and the token of this run where none is configured.
    ///
    /// # Errors
    /// When there is nothing that could be served.
    pub fn start(
        sources: Sources,
        environment: Box<dyn config::Environment + Send>,
        house: Arc<dyn House>,
    ) -> Result<(Handle, Vec<String>, Option<Secret>), StartError> {
        let loaded = config::load(&sources, environment.as_ref()).map_err(StartError::Config)?;
        let files = files::Files::start(&loaded).map_err(StartError::Io)?;
        let mut config = loaded.config;
        let run_token = config.clients.is_empty().then(new_token);
        add_run_token(&mut config, run_token.as_ref());
        let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        let mut quotas = quotas::Quotas::open(&config, &mut warnings);
        let providers = build(&config, &[], house.as_ref()).map_err(StartError::Io)?;
        quotas.restore(&providers, &mut warnings);
        let quotas = quotas::OnDisk::start(quotas).map_err(StartError::Io)?;
        let began = Arc::new(config);
        let table = Arc::new(Table::build(began.clone(), providers));
        let shared =
            Arc::new(Shared { table: ArcSwap::from(table), pulse: Pulse::default(), refused: ArcSwapOption::empty() });
        let supervisor = Self {
            sources,
            environment: Arc::new(Mutex::new(environment)),
            house,
            run_token: run_token.clone(),
            began,
            shared: shared.clone(),
            workers: Vec::new(),
            files,
            quotas,
        };
        let address = Actor::start(supervisor);
        Ok((Handle { shared, address }, warnings, run_token))
    }

    /// Begins to fetch the access tokens that are due.
    fn renew_tokens(&self) {
        self.shared.table.load().providers.iter().flat_map(|provider| provider.tokens()).for_each(Tokens::renew);
    }

    /// Gives every worker the table. Ready when all of them serve from it; what is dropped is done all the same.
    fn install(&mut self, table: Arc<Table>) -> impl Future<Output = ()> + use<> {
        self.shared.table.store(table.clone());
        self.workers.retain(|worker| worker.connected());
        let taken_up: Vec<_> = self.workers.iter().map(|worker| worker.send(Install(table.clone()))).collect();
        async move {
            for worker in taken_up {
                // One that has ended serves nobody.
                let _ended = worker.await;
            }
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.discover(&[], context);
        self.renew_tokens();
        context.run_interval(EVERY, |supervisor, context| {
            supervisor.shared.pulse.beat();
            clock::correct();
            supervisor.look(context);
            supervisor.renew_tokens();
        });
        context.run_interval(SAVE_EVERY, |supervisor, context| {
            if let Some(saved) = supervisor.quotas.save_unless_busy(&supervisor.shared.table.load_full()) {
                context.spawn(saved.into_actor(supervisor).map(|(), supervisor, _| supervisor.quotas.saved()));
            }
        });
    }
}

/// Reads the configuration again.
#[derive(Message)]
#[rtype(result = "()")]
struct Reload;

impl Handler<Reload> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Reload, context: &mut Self::Context) {
        #[cfg(debug_assertions)]
        self.panic_when_asked();
        self.reload(context);
    }
}

/// Saves what must outlive the process.
#[derive(Message)]
#[rtype(result = "()")]
struct Save;

impl Handler<Save> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Save, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.quotas.save_at_last(&self.shared.table.load_full()))
    }
}

/// Ends it.
#[derive(Message)]
#[rtype(result = "()")]
struct Quit;

impl Handler<Quit> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Quit, context: &mut Self::Context) {
        context.stop();
    }
}

/// A worker thread that wants each new table.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Register(pub Recipient<Install>);

impl Handler<Register> for Supervisor {
    type Result = ();

    fn handle(&mut self, Register(worker): Register, _: &mut Self::Context) {
        // It began with the table of a moment ago; this one is the same unless a reload came between.
        worker.do_send(Install(self.shared.table.load_full()));
        self.workers.push(worker);
    }
}

/// A provider actor died; its worker has started a new one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Died {
    pub provider: ProviderId,
}

impl Handler<Died> for Supervisor {
    type Result = ();

    fn handle(&mut self, Died { provider }: Died, _: &mut Self::Context) {
        log::error!("{provider}: its actor died of a panic and was replaced");
        self.house.died(&provider);
    }
}

fn add_run_token(config: &mut Config, token: Option<&Secret>) {
    if let Some(token) = token
        && config.clients.is_empty()
    {
        config.clients.push(config::Client::new(None, token.clone()));
    }
}

/// 128 bits from the system's generator, in a form that is easily pasted.
fn new_token() -> Secret {
    let mut bytes = [0u8; 16];
    // ring fails only where the system has no randomness at all; then no token is better than a known one.
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    if filled.is_err() {
        log::error!("the system gives no random bytes: the token of this run cannot be made, and nobody can call");
        return Secret::new("");
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Secret::new(&format!("demo-{hex}"))
}
