//! A reload, step by step: the files are read beside this thread, doubted, made ready beside it, and taken up.
//!
//! Always: one at a time, and who asks meanwhile has another one after it; a step that does not come back (a mount that
//! hangs) leaves everything as it is, and signals are heard all the same.

use std::sync::{Arc, PoisonError};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use config::{BaseUrl, Config, Finding, Kind, Loaded, Provider as Settings, ProviderId, Seen};

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

    /// Why a configuration without mistakes is not what anybody wants.
    fn doubt(&self, loaded: &Loaded) -> Option<String> {
        if loaded.config.clients.is_empty() && self.run_token.is_none() {
            // A token made now would be told to nobody: what is printed is printed at the start.
            return Some("AUTH_TOKEN was removed; restart for a token of the run".to_owned());
        }
        let old = self.shared.table.load();
        // What stood in front of something is not opened by a file that was cut off.
        if old.config.admin_token.is_some() && loaded.config.admin_token.is_none() {
            return Some(
                "ADMIN_TOKEN was removed: what it shut would be open to this machine; restart for that".to_owned(),
            );
        }
        let has_client_ca = |config: &Config| config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if has_client_ca(&old.config) && !has_client_ca(&loaded.config) {
            return Some("TLS_CLIENT_CA was removed: clients would need no certificate; restart for that".to_owned());
        }
        if let Some(name) = shortened(&old.config, &loaded.config) {
            return Some(format!(
                "{name} is only the beginning of what it was, as where a file is cut off; write all of it, or restart"
            ));
        }
        let is_real = |config: &Config| config.providers.iter().any(|provider| provider.kind != Kind::Demo);
        let only_demo = is_real(&old.config) && !is_real(&loaded.config);
        // A file that is moved away for a moment, a disk that was full, or a mount that is late, is no wish for
        // made-up answers, nor for the loss of all that the file said.
        if let Some(lost) = self.files.lost(loaded) {
            let how = if lost.exists() { "says nothing any more" } else { "has vanished" };
            let lost = lost.display();
            let left = if only_demo { "only the demo provider would serve" } else { "all that it said would be gone" };
            return Some(format!("{lost} {how}, and without it {left}; put it back, or restart"));
        }
        if let Some(section) = self.files.emptied(loaded) {
            return Some(format!(
                "nothing stands under `{section}:` any more, as where a file is cut off; put it back, take `{section}:` out \
                 too, or restart"
            ));
        }
        if only_demo {
            return Some(
                "no provider is left, and only the demo provider would serve; put one back, or restart".to_owned(),
            );
        }
        moved(&old.config, &loaded.config).map(|id| {
            format!(
                "the key of {id} would go to another address than before, as where its entry or its address is lost; put it back, or restart"
            )
        })
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

/// A token that is only the beginning of one that was known and is not any more: a file that ends in its middle opens the
/// gateway to whoever guesses a few letters. Which setting it stands in.
fn shortened(old: &Config, new: &Config) -> Option<&'static str> {
    let is_part = |new: &str, old: &str| old.len() > new.len() && old.starts_with(new);
    if let (Some(old), Some(new)) = (&old.admin_token, &new.admin_token)
        && is_part(new.expose(), old.expose())
    {
        return Some("ADMIN_TOKEN");
    }
    let is_in = |config: &Config, token: &str| config.clients.iter().any(|client| client.token.expose() == token);
    let mut gone = old.clients.iter().filter(|client| !is_in(new, client.token.expose()));
    gone.any(|client| {
        let token = client.token.expose();
        // A name without its token reads as a token.
        let named = client.name.as_ref().map(|name| format!("{name}:{token}"));
        let is_cut = |new: &str| is_part(new, token) || named.as_ref().is_some_and(|named| is_part(new, named));
        new.clients.iter().any(|client| is_cut(client.token.expose()) && !is_in(old, client.token.expose()))
    })
    .then_some("a token of AUTH_TOKEN")
}

/// A provider whose key went to other places alone, and would now go to the vendor's, or to where the environment says,
/// as it does where an entry or an address is lost; or whose host is cut off.
fn moved<'a>(old: &Config, new: &'a Config) -> Option<&'a ProviderId> {
    let place = |url: &BaseUrl| (url.is_tls(), url.host().to_owned(), url.port());
    let has = |provider: &Settings, key: u64| provider.keys.iter().any(|one| one.fingerprint == key);
    let is_moved = |new: &&Settings| {
        new.keys.iter().any(|key| {
            let mut before = old.providers.iter().filter(|old| has(old, key.fingerprint)).peekable();
            before.peek().is_some()
                && before.all(|old| {
                    let is_cut = old.id == new.id
                        && old.base_url.host() != new.base_url.host()
                        && old.base_url.host().starts_with(new.base_url.host());
                    let is_lost = new.base_url.is_a_vendors() || new.by_itself && !old.by_itself;
                    place(&old.base_url) != place(&new.base_url) && (is_lost || is_cut)
                })
        })
    };
    new.providers.iter().find(is_moved).map(|provider| &provider.id)
}
