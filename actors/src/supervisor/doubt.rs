//! Doubts about a configuration without mistakes: what nobody wants, or what a file that was cut off looks like.
//!
//! Always: what stood in front of something is not opened, nor a key led elsewhere, by what is missing from a file; who
//! means it is told how to say so, and a restart always does.

use config::{BaseUrl, Config, Key, Kind, Loaded, Provider as Settings, ProviderId};

use super::Supervisor;

impl Supervisor {
    /// Why a configuration without mistakes is not what anybody wants.
    pub(super) fn doubt(&self, loaded: &Loaded) -> Option<String> {
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
        let all: Vec<&ProviderId> = loaded.config.providers.iter().map(|provider| &provider.id).collect();
        let took_part = |id: &&&ProviderId| old.config.providers.iter().any(|old| old.id == ***id);
        let on: Vec<&ProviderId> = all.iter().filter(|id| !took_part(id)).copied().collect();
        if let Some(cut) = loaded.written.cut_off(self.files.written(), &on, &all) {
            return Some(cut);
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
}

/// A token or a provider's key that is only the beginning of one that was known and is not any more: a file that ends in
/// its middle opens the gateway to whoever guesses a few letters, or has a provider refuse every request. What it is.
fn shortened(old: &Config, new: &Config) -> Option<String> {
    let is_part = |new: &str, old: &str| old.len() > new.len() && old.starts_with(new);
    if let (Some(old), Some(new)) = (&old.admin_token, &new.admin_token)
        && is_part(new.expose(), old.expose())
    {
        return Some("ADMIN_TOKEN".to_owned());
    }
    let is_in = |config: &Config, token: &str| config.clients.iter().any(|client| client.token.expose() == token);
    let mut gone = old.clients.iter().filter(|client| !is_in(new, client.token.expose()));
    let of_client = gone.any(|client| {
        let token = client.token.expose();
        // A name without its token reads as a token.
        let named = client.name.as_ref().map(|name| format!("{name}:{token}"));
        let is_cut = |new: &str| is_part(new, token) || named.as_ref().is_some_and(|named| is_part(new, named));
        new.clients.iter().any(|client| is_cut(client.token.expose()) && !is_in(old, client.token.expose()))
    });
    if of_client {
        return Some("a token of AUTH_TOKEN".to_owned());
    }
    let has = |provider: &Settings, key: &Key| provider.keys.iter().any(|one| one.fingerprint == key.fingerprint);
    let is_short = |new: &&Settings| {
        old.providers.iter().filter(|old| old.id == new.id).any(|old| {
            let mut gone = old.keys.iter().filter(|key| !has(new, key));
            gone.any(|gone| {
                let mut come = new.keys.iter().filter(|key| !has(old, key));
                come.any(|key| is_part(key.secret.expose(), gone.secret.expose()))
            })
        })
    };
    new.providers.iter().find(is_short).map(|provider| format!("a key of {}", provider.id))
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
