//! The routing table: what the names that clients ask for stand for. Built whole from a configuration, then only read.

mod chain;
mod near;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use config::{Kind, Price, Strategy};
use http::HeaderValue;

use crate::fetching::Fetcher;
use crate::health::DeploymentHealth;
use crate::policy::hedge::Bucket;
use crate::provider::{Provider, Unlisted as Undiscovered};

/// One upstream model at one provider.
#[derive(Debug)]
pub struct Deployment {
    /// `provider/upstream-model`.
    pub name: Arc<str>,
    /// As the provider spells it.
    pub model: Arc<str>,
    pub provider: Arc<Provider>,
    pub price: Option<Price>,
    pub health: Arc<DeploymentHealth>,
    pub receipt: Receipt,
}

/// A deployment's name as the headers of its answers tell it, made once; None where a header cannot carry it.
#[derive(Debug)]
pub struct Receipt {
    pub name: Option<HeaderValue>,
    /// The route of an answer that came at the first attempt: `name:ok`.
    pub at_once: Option<HeaderValue>,
}

impl Receipt {
    pub fn new(name: &str) -> Self {
        Self { name: HeaderValue::from_str(name).ok(), at_once: HeaderValue::from_str(&format!("{name}:ok")).ok() }
    }
}

/// A model's ordered or weighted deployments.
#[derive(Debug)]
pub struct Route {
    /// The model as the log names it, and where it is listed the metrics too.
    pub model: Arc<str>,
    /// The table lists it: configured or discovered, not made up by a client.
    pub listed: bool,
    pub strategy: Strategy,
    pub targets: Vec<(Arc<Deployment>, u32)>,
    /// The models that follow when the targets are used up, as they are configured.
    pub fallback: Vec<Arc<str>>,
    /// Those and theirs, in the order in which they are tried: see [`chain`]. They have no fallbacks of their own.
    pub follows: Vec<Arc<Route>>,
    pub hedge: Option<(config::Hedge, Bucket)>,
    /// None: as the server has it.
    pub on_loss: Option<config::OnLoss>,
    /// Round robin's place.
    pub turn: AtomicUsize,
}

impl Route {
    /// Over the deployments of these routes, one after the other.
    fn over(model: Arc<str>, routes: &[Arc<Route>]) -> Self {
        Self {
            model,
            listed: true,
            strategy: Strategy::Priority,
            targets: routes.iter().flat_map(|route| route.targets.iter().cloned()).collect(),
            fallback: Vec::new(),
            follows: Vec::new(),
            hedge: None,
            on_loss: None,
            turn: AtomicUsize::new(0),
        }
    }

    fn single(deployment: Arc<Deployment>, listed: bool) -> Self {
        Self {
            model: deployment.name.clone(),
            listed,
            strategy: Strategy::Priority,
            targets: vec![(deployment, 1)],
            fallback: Vec::new(),
            follows: Vec::new(),
            hedge: None,
            on_loss: None,
            turn: AtomicUsize::new(0),
        }
    }
}

/// What a look for a name found.
enum Found<'a> {
    Listed(&'a Arc<Route>),
    Unlisted(&'a Arc<Provider>, &'a str),
}

/// No deployment is known by that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownModel {
    /// Names that are close to it, best first.
    pub near: Vec<String>,
    /// Providers that did not say what they serve when they were asked: one of them may know it.
    pub silent: Vec<String>,
}

/// How many names that no table lists are remembered, so that their health has a place; beyond it the one that was
/// asked for longest ago gives way. Bounds memory, and /health, against a client that invents names.
pub(crate) const MAX_UNLISTED: usize = 256;

/// What a name stands for.
#[derive(Debug)]
struct Named {
    route: Arc<Route>,
    /// An upstream's own name, without the provider: it stands behind `provider/model`.
    bare: bool,
}

/// The routes of names that no table lists, and when each was last asked for (a count, not a time).
#[derive(Debug, Default)]
struct Unlisted {
    routes: HashMap<Box<str>, (Arc<Route>, u64)>,
    asked: u64,
}

#[derive(Debug)]
pub struct Table {
    pub config: Arc<config::Config>,
    pub providers: Vec<Arc<Provider>>,
    /// Where `server.fetch_urls` has it.
    pub fetcher: Option<Fetcher>,
    /// Public models, then `provider/model`, then upstream names that providers list.
    routes: HashMap<Box<str>, Named>,
    /// Names for `GET /v1/models`: sorted, with who owns them.
    listed: BTreeMap<Box<str>, Arc<str>>,
    /// The deployments that some listed route leads to, by name.
    deployments: HashSet<Arc<str>>,
    unlisted: Mutex<Unlisted>,
}

impl Table {
    /// Builds the table of a configuration over providers that are ready (their health carried over).
    pub fn build(config: Arc<config::Config>, providers: Vec<Arc<Provider>>) -> Self {
        let mut table = Self {
            config: config.clone(),
            providers,
            fetcher: config.server.fetch_urls.clone().map(Fetcher::new),
            routes: HashMap::new(),
            listed: BTreeMap::new(),
            deployments: HashSet::new(),
            unlisted: Mutex::default(),
        };
        let providers = table.providers.clone();
        let mut owners: HashMap<Arc<str>, Vec<Arc<Route>>> = HashMap::new();
        for provider in &providers {
            let discovered = provider.discovered();
            let listed = provider.config.models.iter().map(|listed| listed.name.as_str());
            let names: Vec<&str> = if provider.config.models.is_empty() {
                discovered.iter().map(|name| &**name).collect()
            } else {
                listed.collect()
            };
            for name in names {
                let route = Arc::new(Route::single(provider.deployment(name), true));
                table.routes.insert(Box::from(&*route.model), Named { route: route.clone(), bare: false });
                owners.entry(name.into()).or_default().push(route);
            }
        }
        for (name, routes) in owners {
            let Some(first) = routes.first() else { continue };
            table.listed.insert(Box::from(&*name), first.targets_owner());
            // The order of the providers is that of the configuration: a name that works today works tomorrow, whoever
            // begins to list it.
            let route = if routes.len() == 1 { first.clone() } else { Arc::new(Route::over(name.clone(), &routes)) };
            table.routes.entry(Box::from(&*name)).or_insert_with(|| Named { route, bare: true });
        }
        table.add_models(&config);
        let routes = table.routes.values().map(|named| &named.route);
        table.deployments =
            routes.flat_map(|route| &route.targets).map(|(deployment, _)| deployment.name.clone()).collect();
        table
    }

    /// Whether a deployment is one that the table lists or that a configured model leads to: such names alone become
    /// labels, or a client could make up as many as it likes.
    pub fn lists(&self, deployment: &str) -> bool {
        self.deployments.contains(deployment)
    }

    fn add_models(&mut self, config: &config::Config) {
        // Without what follows, for those that it follows: so a route holds no chain of others.
        let alone: Vec<Arc<Route>> =
            config.models.iter().map(|model| Arc::new(self.route(model, Vec::new()))).collect();
        let follows = chain::all(&config.models);
        for (model, follows) in config.models.iter().zip(follows) {
            let follows = follows.into_iter().filter_map(|place| alone.get(place).cloned()).collect();
            let (name, route) = (model.name.as_str(), Arc::new(self.route(model, follows)));
            self.listed.insert(name.into(), "ai-proxy".into());
            self.routes.insert(name.into(), Named { route, bare: false });
        }
    }

    fn route(&self, model: &config::Model, follows: Vec<Arc<Route>>) -> Route {
        let targets = model.targets.iter().filter_map(|target| {
            let provider = self.providers.iter().find(|provider| provider.config.id == target.provider)?;
            Some((provider.deployment(target.model.as_str()), target.weight))
        });
        Route {
            model: model.name.as_str().into(),
            listed: true,
            strategy: model.strategy,
            targets: targets.collect(),
            fallback: model.fallback.iter().map(|name| name.as_str().into()).collect(),
            follows,
            on_loss: model.on_loss,
            hedge: model.hedge.map(|hedge| (hedge, Bucket::new(hedge.max_extra))),
            turn: AtomicUsize::new(0),
        }
    }

    /// What a model name stands for: a public name, else `provider/model`, else an upstream's own name.
    ///
    /// # Errors
    /// When no provider is known to serve it.
    pub fn resolve(&self, name: &str) -> Result<Arc<Route>, UnknownModel> {
        match self.find(name)? {
            Found::Listed(route) => Ok(route.clone()),
            Found::Unlisted(provider, model) => self
                .remember(name, provider, model)
                .ok_or_else(|| UnknownModel { near: Vec::new(), silent: Vec::new() }),
        }
    }

    /// Whether a name would be served, without remembering it.
    ///
    /// # Errors
    /// When no provider is known to serve it.
    pub fn knows(&self, name: &str) -> Result<(), UnknownModel> {
        self.find(name).map(drop)
    }

    fn find<'a>(&'a self, name: &'a str) -> Result<Found<'a>, UnknownModel> {
        let listed = self.routes.get(name);
        if let Some(named) = listed.filter(|named| !named.bare) {
            return Ok(Found::Listed(&named.route));
        }
        // A provider that has not said yet what it serves may serve this one: its name goes before another's list.
        // One that was asked and did not say has had its turn.
        let stands_back = |provider: &Provider| listed.is_some() && provider.undiscovered().is_some();
        if let Some((provider, model)) = self.by_prefix(name).filter(|(provider, _)| !stands_back(provider)) {
            return Ok(Found::Unlisted(provider, model));
        }
        if let Some(named) = listed {
            return Ok(Found::Listed(&named.route));
        }
        // Who names a provider means that one: what it does not serve goes to no other vendor.
        let names_another = name.split_once('/').is_some_and(|(provider, _)| self.provider(provider).is_some());
        match self.claimed(name).filter(|_| !names_another) {
            Some(provider) => Ok(Found::Unlisted(provider, name)),
            None => Err(UnknownModel { near: self.near(name), silent: self.silent() }),
        }
    }

    fn provider(&self, id: &str) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|known| known.config.id.as_str() == id)
    }

    /// `provider/model` of a provider that takes names it has not listed.
    fn by_prefix<'a>(&'a self, name: &'a str) -> Option<(&'a Arc<Provider>, &'a str)> {
        let (provider, model) = name.split_once('/')?;
        let provider = self.provider(provider)?;
        (!model.is_empty() && provider.takes_unlisted() && dialects::safe_model_name(name)).then_some((provider, model))
    }

    /// The provider whose prefix a name has, or that has served it before; else the only one that could be meant.
    fn claimed(&self, name: &str) -> Option<&Arc<Provider>> {
        if !dialects::safe_model_name(name) {
            return None;
        }
        let takers = || self.providers.iter().filter(|provider| provider.takes_unlisted());
        let claims =
            |provider: &&Arc<Provider>| provider.config.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        // Who could not say what it serves would take every slip of the pen; but where there is nobody else, and it was
        // not reached, there is nobody else that could be meant.
        let alone = || self.providers.iter().filter(|provider| provider.config.kind != Kind::Demo).count() == 1;
        let open = |provider: &&Arc<Provider>| match provider.undiscovered() {
            None => true,
            Some(Undiscovered::Unreached) => alone(),
            // Nothing looks like the names of one that is in no catalogue; what it does not know it says itself.
            Some(Undiscovered::Answered) => provider.config.prefixes.is_empty() && alone(),
        };
        // The demo answers to its own names alone.
        let mut any = takers().filter(|provider| provider.config.kind != Kind::Demo).filter(open);
        // With public names configured, a name that is none of them is a mistake and not sent anywhere.
        let only = || any.next().filter(|_| any.next().is_none() && self.config.models.is_empty());
        takers().find(claims).or_else(|| takers().find(|provider| provider.has_served(name))).or_else(only)
    }

    fn silent(&self) -> Vec<String> {
        let silent = self.providers.iter().filter(|provider| provider.undiscovered().is_some());
        silent.map(|provider| provider.config.id.to_string()).collect()
    }

    /// The route of a name that no table lists. None: as many as are remembered are in use this moment.
    fn remember(&self, name: &str, provider: &Arc<Provider>, model: &str) -> Option<Arc<Route>> {
        let mut unlisted = self.unlisted.lock().unwrap_or_else(PoisonError::into_inner);
        unlisted.asked += 1;
        let now = unlisted.asked;
        if let Some((route, asked)) = unlisted.routes.get_mut(name) {
            *asked = now;
            return Some(route.clone());
        }
        if unlisted.routes.len() >= MAX_UNLISTED {
            let idle = unlisted.routes.iter().filter(|(_, (route, _))| route.is_idle());
            let oldest = idle.min_by_key(|(_, (_, asked))| *asked).map(|(name, _)| name.clone())?;
            if let Some((route, _)) = unlisted.routes.remove(&oldest) {
                route.forget();
            }
        }
        let deployment = provider.deployment(model);
        let listed = self.lists(&deployment.name);
        let route = Arc::new(Route::single(deployment, listed));
        unlisted.routes.insert(name.into(), (route.clone(), now));
        Some(route)
    }

    /// The names nearest to one that is not known, each of another route: at most three.
    fn near(&self, name: &str) -> Vec<String> {
        let known = self.routes.iter().map(|(known, named)| (&**known, &named.route));
        let mut near: Vec<(&str, &Arc<Route>)> = Vec::new();
        for (_, known, route) in near::nearest(name, known) {
            if near.len() < 3 && !near.iter().any(|(_, other)| Arc::ptr_eq(other, route)) {
                near.push((known, route));
            }
        }
        near.into_iter().map(|(known, _)| known.to_owned()).collect()
    }

    /// What may be called, sorted: name and owner.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        self.listed.iter().map(|(name, owner)| (&**name, &**owner))
    }

    /// Every route by the name that reaches it, for the command `models`.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &Arc<Route>)> {
        self.routes.iter().map(|(name, named)| (&**name, &named.route))
    }

    /// The only deployment there is, if there is but one: where an upload without a model goes.
    pub fn only(&self) -> Option<Arc<Route>> {
        let routes = || self.routes.values().map(|named| &named.route);
        let mut singles = routes().filter(|route| route.targets.len() == 1);
        let first = singles.next()?;
        let same = |route: &Arc<Route>| {
            route.targets.first().map(|(d, _)| &d.name) == first.targets.first().map(|(d, _)| &d.name)
        };
        (singles.all(same) && routes().all(|route| route.targets.len() == 1)).then(|| first.clone())
    }
}

impl Route {
    /// Whether only the table holds it, and nothing runs on its deployments.
    fn is_idle(self: &Arc<Self>) -> bool {
        let idle = |(deployment, _): &(Arc<Deployment>, u32)| deployment.health.in_flight.load(Ordering::Relaxed) == 0;
        Arc::strong_count(self) == 1 && self.targets.iter().all(idle)
    }

    /// Lets the health of its deployments go with it, where no other name holds it.
    fn forget(self: Arc<Self>) {
        let named = |(deployment, _): &(Arc<Deployment>, u32)| (deployment.provider.clone(), deployment.model.clone());
        let targets: Vec<_> = self.targets.iter().map(named).collect();
        drop(self);
        for (provider, model) in targets {
            provider.forget(&model);
        }
    }

    fn targets_owner(&self) -> Arc<str> {
        self.targets
            .first()
            .map_or_else(|| "ai-proxy".into(), |(deployment, _)| deployment.provider.config.id.as_str().into())
    }
}

impl Deployment {
    /// Whether it and one of its keys may serve now.
    pub fn is_ready(&self, now: crate::policy::Moment) -> bool {
        self.health.ready_at(&self.provider.health) <= now
    }

    /// The same for this client.
    pub fn is_ready_for(&self, client: u64, now: crate::policy::Moment) -> bool {
        self.health.ready_at_for(client, &self.provider.health) <= now
    }

    /// Whether it is well and only its keys' quotas or 429s keep it from this client.
    pub fn waits_for_quota(&self, client: u64, now: crate::policy::Moment) -> bool {
        let keys = &self.provider.health.keys;
        self.health.ready_at.get() <= now
            && self.health.keys.iter().zip(keys).any(|(at_model, key)| {
                let held_back = at_model.ready_at_for(client) > now || key.ready_at.get() > now;
                let state = key.state.lock();
                held_back && state.cooldown.is_clear() && state.barred_to(client, now).is_none()
            })
    }
}

#[cfg(test)]
mod tests;
