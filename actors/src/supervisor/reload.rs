//! A reload, step by step: the files are read beside this thread, doubted, made ready beside it, and taken up.
//!
//! Always: one at a time, and who asks meanwhile has another one after it; a step that does not come back (a mount that
//! hangs) leaves everything as it is, and signals are heard all the same.

use std::sync::{Arc, PoisonError};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use config::{Finding, Loaded, Seen};

use super::build::{build_with, demo};
use super::{Refused, Supervisor, add_run_token, restart};
use crate::clock;
use crate::provider::Provider;
use crate::table::Table;

/// What reading the files came to, and every file that was read or looked for.
type Read = (Result<Loaded, Vec<Finding>>, Vec<Seen>);

impl Supervisor {
    /// Looks whether a file has changed.
    pub(super) fn look(&mut self, context: &mut Context<Self>) {
        self.files.tell_whether_stuck();
        let Some(look) = self.files.look() else { return };
        context.spawn(look.into_actor(self).map(|settled, this, context| {
            if this.files.looked(settled) {
                log::info!("a configuration file has changed: reloading");
                this.reload(context);
            }
        }));
    }

    /// Takes up what the files say now, or says why not and changes nothing.
    pub(super) fn reload(&mut self, context: &mut Context<Self>) {
        if !self.files.begin() {
            return;
        }
        let (sources, environment) = (self.sources.clone(), self.environment.clone());
        let read = self.files.beside.run(move || {
            let environment = environment.lock().unwrap_or_else(PoisonError::into_inner);
            let mut watched = Vec::new();
            let loaded = config::load_seen(&sources, environment.as_ref(), &mut watched);
            (loaded, watched)
        });
        context.spawn(read.into_actor(self).map(Self::was_read));
    }

    fn was_read(read: Option<Read>, this: &mut Self, context: &mut Context<Self>) {
        let Some((loaded, watched)) = read else {
            return this.refuse("it could not be read; that is a fault of ours", context);
        };
        this.files.watch(watched);
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(findings) => {
                let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
                return this.refuse(&told.join(" | "), context);
            }
        };
        if let Some(why) = this.doubt(&loaded) {
            return this.refuse(&why, context);
        }
        for warning in &loaded.warnings {
            log::warn!("{warning}");
        }
        this.prepare(loaded, context);
    }

    fn prepare(&mut self, mut loaded: Loaded, context: &mut Context<Self>) {
        // Once there are tokens of somebody's own it is revoked, for good.
        let run_token = self.run_token.clone().filter(|_| loaded.config.clients.is_empty());
        add_run_token(&mut loaded.config, run_token.as_ref());
        let demo = match demo(&loaded.config, self.house.as_ref()) {
            Ok(demo) => demo,
            Err(error) => return self.refuse(&error.to_string(), context),
        };
        let old = self.shared.table.load_full();
        let built = self.files.beside.run(move || {
            let built = build_with(&loaded.config, &old.providers, demo.as_ref());
            (loaded, built)
        });
        context.spawn(built.into_actor(self).map(|built, this, context| match built {
            Some((loaded, Ok(providers))) => {
                this.run_token = run_token;
                this.take_up(loaded, providers, context);
            }
            Some((_, Err(error))) => this.refuse(&error.to_string(), context),
            None => this.refuse("its providers could not be made ready; that is a fault of ours", context),
        }));
    }

    fn take_up(&mut self, loaded: Loaded, providers: Vec<Arc<Provider>>, context: &mut Context<Self>) {
        providers.iter().for_each(|provider| provider.take_up());
        let kept = restart::needed(&self.began, &loaded.config);
        if !kept.is_empty() {
            log::warn!("changes only with a restart: {}", kept.join(", "));
        }
        self.files.taken_up(&loaded);
        self.shared.refused.store(None);
        let old = self.shared.table.load_full();
        self.quotas.taken_up(&old.providers, &providers);
        let table = Arc::new(Table::build(Arc::new(loaded.config), providers));
        let taken_up = self.install(table.clone());
        let (house, beside) = (self.house.clone(), self.files.beside.clone());
        // Told once it is true: who reads it may ask for what is new.
        actix_rt::spawn(async move {
            taken_up.await;
            let of_house = table.clone();
            // It reads the certificates.
            let told = beside.run(move || house.reloaded(Some(&of_house.config))).await;
            if told.is_some() {
                log::info!("reloaded: {} providers, {} models", table.providers.len(), table.config.models.len());
            }
        });
        self.discover(&old.providers, context);
        self.renew_tokens();
        self.ended(context);
    }

    fn refuse(&mut self, why: &str, context: &mut Context<Self>) {
        log::error!("reload refused, the configuration before it goes on serving: {why}");
        self.shared.refused.store(Some(Arc::new(Refused { why: why.to_owned(), at: clock::now() })));
        let house = self.house.clone();
        // What it comes to nobody waits for.
        drop(self.files.beside.run(move || house.reloaded(None)));
        self.ended(context);
    }

    fn ended(&mut self, context: &mut Context<Self>) {
        if self.files.end() {
            self.reload(context);
        }
    }

    /// A test's way to see the supervisor die: only in debug builds.
    #[cfg(debug_assertions)]
    #[allow(clippy::panic)]
    pub(super) fn panic_when_asked(&self) {
        if std::env::var("AI_PROXY_TEST_SUPERVISOR").as_deref() == Ok("dies") {
            panic!("a test asked the supervisor to panic");
        }
    }
}
