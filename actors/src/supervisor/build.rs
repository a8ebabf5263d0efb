//! The providers of a configuration, made ready.
//!
//! Always: one that is as it was stays the very same, and with it its actors and their connections. To make another one
//! ready is to read files: not for a thread that has anything else to do.

use std::io;
use std::sync::Arc;

use config::{Config, Key, Kind};

use super::{Demo, House};
use crate::provider::Provider;
use crate::trust;

/// The providers of a configuration; health and what was discovered is carried over from the same ones in `old`.
///
/// # Errors
/// When one of them cannot be made ready, in words that name it.
pub fn build(config: &Config, old: &[Arc<Provider>], house: &dyn House) -> io::Result<Vec<Arc<Provider>>> {
    build_with(config, old, demo(config, house)?.as_ref())
}

/// The demo provider, where the configuration has one.
pub(super) fn demo(config: &Config, house: &dyn House) -> io::Result<Option<Demo>> {
    let settings = config.providers.iter().find(|provider| provider.kind == Kind::Demo);
    settings.map(|provider| house.demo(&provider.demo)).transpose()
}

/// [`build`], on any thread.
pub(super) fn build_with(
    config: &Config,
    old: &[Arc<Provider>],
    demo: Option<&Demo>,
) -> io::Result<Vec<Arc<Provider>>> {
    let trusted = trust::of_environment();
    let ready = |provider: &config::Provider| {
        let mut settings = provider.clone();
        let demo = demo.filter(|_| settings.kind == Kind::Demo);
        if let Some(demo) = demo {
            settings.keys = vec![Key::sent(demo.secret.clone())];
        }
        let known = old.iter().find(|old| {
            old.config.id == provider.id && old.config.base_url == provider.base_url && old.config.kind == provider.kind
        });
        if let Some(known) = known.filter(|known| known.is_as(&settings, trusted)) {
            return Ok(known.clone());
        }
        let built = Provider::new(settings, known.map(|old| &**old), demo.map(|demo| demo.address))
            .map_err(|error| io::Error::other(format!("provider {}: {error}", provider.id)))?;
        if let Some(demo) = demo
            && provider.models.is_empty()
            && !demo.models.is_empty()
        {
            built.set_discovered(demo.models.iter().map(|&name| name.into()).collect());
        }
        Ok(Arc::new(built))
    };
    config.providers.iter().map(ready).collect()
}
