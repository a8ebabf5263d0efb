//! The supervisor: an actor on the main arbiter that owns what changes slowly.
//!
//! It loads and checks the configuration, builds the routing table, hands it to the workers, discovers models, carries
//! out reloads, saves day quotas, and hears of provider actors that died. Always: a configuration is taken up whole or
//! not at all; what is in flight keeps the table that it began with.

mod files;
mod models;
mod quotas;
mod restart;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, Recipient};
use arc_swap::ArcSwap;
use config::{Config, Finding, Key, Kind, ProviderId, Secret, Sources};

use crate::clock;
use crate::provider::{Provider, Tokens};
use crate::table::Table;
use crate::worker::Install;

use files::{Marks, Watched};

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
    environment: Box<dyn config::Environment + Send>,
    house: Arc<dyn House>,
    /// Made for this run, where nothing is configured.
    run_token: Option<Secret>,
    /// What the process began with: some of it stays until it ends.
    began: Arc<Config>,
    shared: Arc<Shared>,
    workers: Vec<Recipient<Install>>,
    watched: Watched,
    quotas: quotas::Quotas,
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
        let marks = Marks::of(&config::locate(&sources, environment.as_ref()));
        let loaded = config::load(&sources, environment.as_ref()).map_err(StartError::Config)?;
        let mut config = loaded.config;
        let run_token = config.clients.is_empty().then(new_token);
        add_run_token(&mut config, run_token.as_ref());
        let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        let mut quotas = quotas::Quotas::open(&config, &mut warnings);
        let providers = build(&config, &[], house.as_ref()).map_err(StartError::Io)?;
        quotas.restore(&providers, &mut warnings);
        let watched = Watched::new(&config.files, &loaded.located, &marks);
        let began = Arc::new(config);
        let table = Arc::new(Table::build(began.clone(), providers));
        let shared = Arc::new(Shared { table: ArcSwap::from(table) });
        let supervisor = Self {
            sources,
            environment,
            house,
            run_token: run_token.clone(),
            began,
            shared: shared.clone(),
            workers: Vec::new(),
            watched,
            quotas,
        };
        let address = Actor::start(supervisor);
        Ok((Handle { shared, address }, warnings, run_token))
    }

    /// Takes up what the files say now, or says why not and changes nothing.
    fn reload(&mut self, context: &Context<Self>) {
        let marks = Marks::of(&config::locate(&self.sources, self.environment.as_ref()));
        let loaded = match config::load(&self.sources, self.environment.as_ref()) {
            Ok(loaded) => loaded,
            Err(findings) => {
                let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
                return self.refuse(&told.join(" | "));
            }
        };
        let mut config = loaded.config;
        if config.clients.is_empty() && self.run_token.is_none() {
            // A token made now would be told to nobody: what is printed is printed at the start.
            return self.refuse("AUTH_TOKEN was removed; restart for a token of the run");
        }
        let old = self.shared.table.load_full();
        if loaded.implicit_demo
            && old.config.providers.iter().any(|provider| provider.kind != Kind::Demo)
            && let Some(gone) = old.config.files.iter().find(|file| !file.exists())
        {
            // A file that is moved away for a moment, or a mount that is late, is no wish for made-up answers.
            let gone = gone.display();
            return self.refuse(&format!(
                "{gone} has vanished, and without it only the demo provider would serve; put it back, or restart"
            ));
        }
        for warning in &loaded.warnings {
            log::warn!("{warning}");
        }
        add_run_token(&mut config, self.run_token.as_ref());
        let providers = match build(&config, &old.providers, self.house.as_ref()) {
            Ok(providers) => providers,
            Err(error) => return self.refuse(&error.to_string()),
        };
        providers.iter().for_each(|provider| provider.take_up());
        let kept = restart::needed(&self.began, &config);
        if !kept.is_empty() {
            log::warn!("changes only with a restart: {}", kept.join(", "));
        }
        self.watched = Watched::new(&config.files, &loaded.located, &marks);
        let table = Arc::new(Table::build(Arc::new(config), providers));
        let taken_up = self.install(table.clone());
        let house = self.house.clone();
        // Told once it is true: who reads it may ask for what is new.
        actix_rt::spawn(async move {
            taken_up.await;
            house.reloaded(Some(&table.config));
            log::info!("reloaded: {} providers, {} models", table.providers.len(), table.config.models.len());
        });
        self.discover(context);
        self.renew_tokens();
    }

    /// Begins to fetch the access tokens that are due.
    fn renew_tokens(&self) {
        self.shared.table.load().providers.iter().flat_map(|provider| provider.tokens()).for_each(Tokens::renew);
    }

    fn refuse(&self, why: &str) {
        log::error!("reload refused, the configuration before it goes on serving: {why}");
        self.house.reloaded(None);
    }

    fn save(&mut self) {
        self.quotas.save(&self.shared.table.load().providers);
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
        self.discover(context);
        self.renew_tokens();
        context.run_interval(EVERY, |supervisor, context| {
            clock::correct();
            if supervisor.watched.has_settled() {
                log::info!("a configuration file has changed: reloading");
                supervisor.reload(context);
            }
            supervisor.renew_tokens();
        });
        context.run_interval(SAVE_EVERY, |supervisor, _| supervisor.save());
    }
}

/// Reads the configuration again.
#[derive(Message)]
#[rtype(result = "()")]
struct Reload;

impl Handler<Reload> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Reload, context: &mut Self::Context) {
        self.reload(context);
    }
}

/// Saves what must outlive the process.
#[derive(Message)]
#[rtype(result = "()")]
struct Save;

impl Handler<Save> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Save, _: &mut Self::Context) {
        self.save();
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

/// The providers of a configuration; health and what was discovered is carried over from the same ones in `old`.
///
/// # Errors
/// When one of them cannot be made ready, in words that name it.
pub fn build(config: &Config, old: &[Arc<Provider>], house: &dyn House) -> io::Result<Vec<Arc<Provider>>> {
    let same = |provider: &config::Provider| {
        old.iter().find(|old| {
            old.config.id == provider.id && old.config.base_url == provider.base_url && old.config.kind == provider.kind
        })
    };
    let ready = |provider: &config::Provider| {
        let mut settings = provider.clone();
        let mut demo = None;
        if settings.kind == Kind::Demo {
            let started = house.demo(&settings.demo)?;
            settings.keys = vec![Key::sent(started.secret)];
            demo = Some((started.address, started.models));
        }
        let known = same(provider).map(|old| &**old);
        let built = Provider::new(settings, known, demo.map(|(address, _)| address))
            .map_err(|error| io::Error::other(format!("provider {}: {error}", provider.id)))?;
        if let Some((_, models)) = demo
            && provider.models.is_empty()
            && !models.is_empty()
        {
            built.set_discovered(models.iter().map(|&name| name.into()).collect());
        }
        Ok(Arc::new(built))
    };
    config.providers.iter().map(ready).collect()
}

fn add_run_token(config: &mut Config, token: Option<&Secret>) {
    if let Some(token) = token
        && config.clients.is_empty()
    {
        config.clients.push(config::Client { name: None, token: token.clone() });
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
