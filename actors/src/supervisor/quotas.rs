//! Day quotas that survive a restart, and the absence of their key from the configuration: a file may be half written
//! when it is read. Restored once, saved when they have changed.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::{Config, Limits};

use crate::beside::Beside;
use crate::clock;
use crate::health::KeyHealth;
use crate::policy::Moment;
use crate::policy::limits::DayUse;
use crate::provider::Provider;
use crate::state::{DayCount, StateFile};
use crate::table::Table;

/// So long a disk may take before that is told, and at most so long the end of the process waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of so many keys and models that are not in the configuration it is known what they used.
const MAX_ABSENT: usize = 4096;

/// What was used of the present day where the configuration has no place for it now: it may be back before the day is over.
type Absent = Arc<Mutex<Vec<DayCount>>>;

/// The file, if there is a place for it, and what it holds.
#[derive(Debug, Default)]
pub struct Quotas {
    file: Option<StateFile>,
    saved: Vec<DayCount>,
    absent: Absent,
    /// A disk that refuses is told of once, until it takes again.
    complained: bool,
}

/// The quotas and the thread that writes them: a disk may take its time, or hang.
pub struct OnDisk {
    quotas: Arc<Mutex<Quotas>>,
    /// That of the quotas: they are locked for as long as the disk takes, and this is not.
    absent: Absent,
    beside: Beside,
    is_saving: bool,
    is_stuck: bool,
}

impl OnDisk {
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(quotas: Quotas) -> io::Result<Self> {
        let beside = Beside::start("quota-file")?;
        let absent = quotas.absent.clone();
        Ok(Self { quotas: Arc::new(Mutex::new(quotas)), absent, beside, is_saving: false, is_stuck: false })
    }

    /// The providers of a reload, before they serve: what is gone with the `old` ones is kept, and who is back gets what he
    /// had used.
    pub fn taken_up(&self, old: &[Arc<Provider>], new: &[Arc<Provider>]) {
        let now = clock::now();
        let mut known = collect(old, now);
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        known.append(&mut absent);
        let serving = collect(new, now);
        let serving: BTreeSet<_> = serving.iter().map(whose).collect();
        // What serves on has its own count, which may have changed since.
        known.retain(|count| count.resets_at_ms > now.0 && !serving.contains(&whose(count)));
        *absent = placed(known, new, now);
        absent.truncate(MAX_ABSENT);
    }

    /// Saves what has changed; None while the save before is under way. [`OnDisk::saved`] is to follow it.
    pub fn save_unless_busy(&mut self, table: &Arc<Table>) -> Option<impl Future<Output = ()> + use<>> {
        if self.is_saving && !self.is_stuck && self.beside.busy_for() > PATIENCE {
            log::warn!("the disk of STATE_DIR does not answer: day quotas are not saved until it does");
            self.is_stuck = true;
        }
        (!std::mem::replace(&mut self.is_saving, true)).then(|| self.save(table))
    }

    pub fn saved(&mut self) {
        (self.is_saving, self.is_stuck) = (false, false);
    }

    /// Before the process ends, which waits for it a while.
    pub fn save_at_last(&mut self, table: &Arc<Table>) -> impl Future<Output = ()> + use<> {
        let saved = self.save(table);
        async move {
            if tokio::time::timeout(PATIENCE, saved).await.is_err() {
                log::warn!("the disk of STATE_DIR does not answer: day quotas are not saved");
            }
        }
    }

    fn save(&self, table: &Arc<Table>) -> impl Future<Output = ()> + use<> {
        let (quotas, table) = (self.quotas.clone(), table.clone());
        let saved = self.beside.run(move || {
            quotas.lock().unwrap_or_else(PoisonError::into_inner).save(&table.providers);
        });
        async move {
            saved.await;
        }
    }
}

impl Quotas {
    pub fn open(config: &Config, warnings: &mut Vec<String>) -> Self {
        let Some(dir) = config.state_dir.as_deref() else {
            let limited = limited_by_day(config);
            if !limited.is_empty() {
                let names = limited.join(", ");
                warnings.push(format!(
                    "day quotas ({names}) will not survive a restart: STATE_DIR is not set; \
                     set it to a directory that is kept"
                ));
            }
            return Self::default();
        };
        let (file, doubts) = StateFile::open(dir);
        warnings.extend(doubts.iter().map(|doubt| format!("day quotas will not survive a restart: {doubt}")));
        Self { file: Some(file), ..Self::default() }
    }

    /// Gives the providers what an earlier process had used. The deployments of listed models are made by it.
    pub fn restore(&mut self, providers: &[Arc<Provider>], warnings: &mut Vec<String>) {
        let Some(file) = &self.file else { return };
        let now = clock::now();
        let (counts, doubts) = file.load(now);
        warnings.extend(doubts.iter().map(|doubt| format!("day quotas start from zero: {doubt}")));
        self.saved.clone_from(&counts);
        let absent = placed(counts, providers, now);
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).extend(absent);
    }

    /// Writes what was used of the present day, if that has changed since it was last written.
    pub fn save(&mut self, providers: &[Arc<Provider>]) {
        let Some(file) = &mut self.file else { return };
        if file.try_hold() {
            log::info!("the quota file is ours now: the process that held it is gone");
            let mut warnings = Vec::new();
            self.restore(providers, &mut warnings);
            for warning in warnings {
                log::warn!("{warning}");
            }
            return;
        }
        if !file.is_held() {
            return;
        }
        let now = clock::now();
        let mut counts = collect(providers, now);
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        counts.extend(absent.into_iter().filter(|count| count.resets_at_ms > now.0));
        counts.sort_by(|a, b| whose(a).cmp(&whose(b)));
        counts.dedup_by(|a, b| whose(a) == whose(b));
        if counts == self.saved {
            return;
        }
        match file.save(&counts) {
            Ok(()) => {
                self.saved = counts;
                self.complained = false;
            }
            Err(error) if !self.complained => {
                log::warn!("day quotas cannot be saved and would not survive a restart: {error}");
                self.complained = true;
            }
            Err(_) => {}
        }
    }
}

/// The providers with a limit a day, of a key or of a model.
fn limited_by_day(config: &Config) -> Vec<&str> {
    let by_day = |limits: &Limits| limits.requests_per_day.is_some() || limits.tokens_per_day.is_some();
    let limited = |provider: &&config::Provider| {
        let mut models = provider.models.iter().filter_map(|listed| listed.limits.as_ref());
        by_day(&provider.limits) || models.any(by_day)
    };
    config.providers.iter().filter(limited).map(|provider| provider.id.as_str()).collect()
}

fn day_use(count: &DayCount) -> DayUse {
    DayUse { requests: count.requests, tokens: count.tokens, resets_at: Moment(count.resets_at_ms) }
}

/// Who used it.
fn whose(count: &DayCount) -> (&str, u64, Option<&str>) {
    (&count.provider, count.fingerprint, count.model.as_deref())
}

/// Gives the providers what they had used; what nobody is there for comes back. The deployments of listed models are made
/// by it.
fn placed(counts: Vec<DayCount>, providers: &[Arc<Provider>], now: Moment) -> Vec<DayCount> {
    let restored = |count: &DayCount, keys: &[Arc<KeyHealth>]| {
        let key = keys.iter().find(|key| key.fingerprint == count.fingerprint);
        key.map(|key| key.state.lock().windows.restore(day_use(count), now)).is_some()
    };
    let has_place = |count: &DayCount| {
        let Some(provider) = providers.iter().find(|provider| provider.config.id.as_str() == count.provider) else {
            return false;
        };
        match &count.model {
            None => restored(count, &provider.health.keys),
            Some(model) if provider.config.models.iter().any(|listed| listed.name.as_str() == model) => {
                restored(count, &provider.deployment(model).health.keys)
            }
            Some(_) => false,
        }
    };
    counts.into_iter().filter(|count| !has_place(count)).collect()
}

fn collect(providers: &[Arc<Provider>], now: Moment) -> Vec<DayCount> {
    let mut counts = Vec::new();
    let mut add = |provider: &Provider, key: &KeyHealth, model: Option<&str>| {
        if let Some(day) = key.state.lock().windows.day_counts(now)
            && (day.requests > 0 || day.tokens > 0)
        {
            counts.push(DayCount {
                provider: provider.config.id.to_string(),
                fingerprint: key.fingerprint,
                model: model.map(str::to_owned),
                requests: day.requests,
                tokens: day.tokens,
                resets_at_ms: day.resets_at.0,
            });
        }
    };
    for provider in providers {
        for key in &provider.health.keys {
            add(provider, key, None);
        }
        for (model, health) in provider.deployments() {
            for key in &health.keys {
                add(provider, key, Some(&model));
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;

    fn warnings(name: &str, yaml: &str, state_dir: bool) -> Vec<String> {
        let dir =
            std::env::temp_dir().join(format!("ai-proxy-quotas-{name}-{}-{}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("provider-config.yaml"), yaml).unwrap();
        let mut env = BTreeMap::from([("AI_PROXY_CONFIG_DIR".to_owned(), dir.display().to_string())]);
        if state_dir {
            env.insert("STATE_DIR".to_owned(), dir.display().to_string());
        }
        let config = config::load(&config::Sources::default(), &env).unwrap().config;
        let mut warnings = Vec::new();
        drop(Quotas::open(&config, &mut warnings));
        std::fs::remove_dir_all(&dir).unwrap();
        warnings
    }

    #[test]
    fn a_day_that_would_be_forgotten_is_told_of() {
        let groq = |limits: &str| format!("providers: {{ groq: {{ api_key: k, {limits} }} }}");
        let day = groq("limits: { requests_per_day: 5 }");
        let told = warnings("day", &day, false);
        assert_eq!(told.len(), 1);
        assert!(told.iter().all(|line| line.contains("groq") && line.contains("STATE_DIR")), "{told:?}");
        assert_eq!(warnings("model", &groq("models: { m: { limits: { tokens_per_day: 5 } } }"), false).len(), 1);
        assert!(warnings("kept", &day, true).is_empty());
        assert!(warnings("minute", &groq("limits: { requests_per_minute: 5 }"), false).is_empty());
    }
}
