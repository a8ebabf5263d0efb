//! What several test modules share: a provider as the configuration would make it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use config::{Config, Sources};

use crate::provider::Provider;

/// A whole configuration, which has to be right.
pub fn config(yaml: &str) -> Config {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("ai-proxy-actors-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("provider-config.yaml");
    std::fs::write(&path, yaml).unwrap();
    let loaded = config::load(&Sources { config: Some(path), env_file: None }, &BTreeMap::<String, String>::new());
    std::fs::remove_dir_all(&dir).unwrap();
    loaded.unwrap().config
}

/// The settings of a provider `up` at a port where nothing listens; `extra`: more of its lines.
pub fn settings(extra: &str) -> config::Provider {
    settings_at(9, extra)
}

fn settings_at(port: u16, extra: &str) -> config::Provider {
    let extra = extra.replace('\n', "\n    ");
    let yaml = format!("providers:\n  up:\n    kind: openai\n    base_url: http://127.0.0.1:{port}/v1\n    {extra}\n");
    config(&yaml).providers.remove(0)
}

/// Ready, and never known before.
pub fn provider(extra: &str) -> Arc<Provider> {
    let provider = Provider::new(settings(extra), None, None).unwrap();
    Arc::new(provider)
}

/// The same at a port of one's own.
pub fn provider_at(port: u16, extra: &str) -> Arc<Provider> {
    Arc::new(Provider::new(settings_at(port, extra), None, None).unwrap())
}
