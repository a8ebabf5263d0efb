//! What several test modules share: a provider as the configuration would make it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use config::{Config, Sources};

use crate::policy::breaker::Asker;
use crate::provider::Provider;

/// Some client's first try.
pub const ANYBODY: Asker = Asker { client: 1, again: false, barred: 0 };

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

/// The key of RFC 7515, appendix A.2: published.
const PEM: &str = include_str!("../../tests/keys/rfc7515-a2.pem");

/// A Google service account whose tokens come from there.
pub fn account(token_uri: &str) -> Arc<config::ServiceAccount> {
    let (_, pem) = PEM.split_once('\n').unwrap();
    let json = serde_json::json!({
        "type": "service_account",
        "project_id": "project-1",
        "private_key_id": "a2",
        "private_key": pem,
        "client_email": "proxy@project-1.iam.gserviceaccount.com",
        "token_uri": token_uri,
    });
    let json = serde_json::to_string(&json).unwrap();
    let yaml = format!("providers:\n  up: {{ kind: vertex, region: us-central1, api_key: '{json}' }}\n");
    let key = config(&yaml).providers.remove(0).keys.remove(0);
    match key.credential {
        config::Credential::ServiceAccount(account) => account,
        other => panic!("{other:?}"),
    }
}
