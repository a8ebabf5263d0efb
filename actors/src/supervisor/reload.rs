//! A reload, step by step: the files are read beside this thread, doubted, made ready beside it, and taken up.
//!
//! Always: one at a time, and who asks meanwhile has another one after it; a step that does not come back (a mount that
//! hangs) leaves everything as it is, and signals are heard all the same.

use std::sync::{Arc, PoisonError};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use config::{Config, Finding, Kind, Loaded};

use super::build::{build_with, demo};
use super::{Supervisor, add_run_token, restart};
use crate::provider::Provider;
use crate::table::Table;

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
            config::load(&sources, environment.as_ref())
        });
        context.spawn(read.into_actor(self).map(Self::was_read));
    }

    fn was_read(read: Option<Result<Loaded, Vec<Finding>>>, this: &mut Self, context: &mut Context<Self>) {
        let loaded = match read {
            Some(Ok(loaded)) => loaded,
            Some(Err(findings)) => {
                let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
                return this.refuse(&told.join(" | "), context);
            }
            None => return this.refuse("it could not be read; that is a fault of ours", context),
        };
        if let Some(why) = this.doubt(&loaded) {
            return this.refuse(&why, context);
        }
        for warning in &loaded.warnings {
            log::warn!("{warning}");
        }
        this.prepare(loaded, context);
    }

    /// Why a configuration without mistakes is not what anybody wants.
    fn doubt(&self, loaded: &Loaded) -> Option<String> {
        if loaded.config.clients.is_empty() && self.run_token.is_none() {
            // A token made now would be told to nobody: what is printed is printed at the start.
            return Some("AUTH_TOKEN was removed; restart for a token of the run".to_owned());
        }
        let old = self.shared.table.load();
        let is_real = |config: &Config| config.providers.iter().any(|provider| provider.kind != Kind::Demo);
        let only_demo = loaded.implicit_demo && is_real(&old.config);
        // A file that is moved away for a moment, a disk that was full, or a mount that is late, is no wish for
        // made-up answers, nor for the loss of all that the file said.
        if let Some(lost) = self.files.lost(loaded) {
            let how = if lost.exists() { "says nothing any more" } else { "has vanished" };
            let lost = lost.display();
            let left = if only_demo { "only the demo provider would serve" } else { "all that it said would be gone" };
            return Some(format!("{lost} {how}, and without it {left}; put it back, or restart"));
        }
        only_demo
            .then(|| "no provider is left, and only the demo provider would serve; put one back, or restart".to_owned())
    }

    fn prepare(&mut self, mut loaded: Loaded, context: &mut Context<Self>) {
        add_run_token(&mut loaded.config, self.run_token.as_ref());
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
            Some((loaded, Ok(providers))) => this.take_up(loaded, providers, context),
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
        let old = self.shared.table.load_full();
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
