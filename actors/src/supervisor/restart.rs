//! What a reload cannot change: it was set up once, when the process began.

use config::Config;

/// The settings in which `new` differs from what the process began with, and that it keeps until it is restarted.
pub fn needed(began: &Config, new: &Config) -> Vec<&'static str> {
    let (was, is) = (&began.server, &new.server);
    [
        ("HOST", was.host != is.host),
        ("PORT", was.port != is.port),
        ("TLS_CERT on or off", began.tls.is_some() != new.tls.is_some()),
        ("HEALTH_LISTEN", began.health_listen != new.health_listen),
        ("STATE_DIR", began.state_dir != new.state_dir),
        ("LOG_FORMAT", began.log.json != new.log.json),
        ("RUST_LOG", began.log.filter != new.log.filter),
        ("server.workers", was.workers != is.workers),
        ("server.cors_origins", was.cors_origins != is.cors_origins),
        ("server.shutdown_grace", was.shutdown_grace != is.shutdown_grace),
        ("server.drain_delay", was.drain_delay != is.drain_delay),
        ("server.keep_alive", was.keep_alive != is.keep_alive),
        ("server.max_connections", was.max_connections != is.max_connections),
        ("server.max_connections_per_ip", was.max_connections_per_ip != is.max_connections_per_ip),
        ("server.http2", was.http2 != is.http2),
        // Open files were counted for the number of the start; fewer are kept to at once.
        ("server.max_in_flight (more of it)", was.max_in_flight < is.max_in_flight),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Config {
        let mut env: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        env.insert("AI_PROXY_CONFIG_DIR".to_owned(), std::env::temp_dir().display().to_string());
        config::load(&config::Sources::default(), &env).unwrap().config
    }

    #[test]
    fn what_was_set_up_once_is_named_and_nothing_else() {
        let began = config(&[]);
        assert!(needed(&began, &config(&[("AUTH_TOKEN", "another-token-0123456789")])).is_empty());
        let new = config(&[("PORT", "9999"), ("LOG_FORMAT", "json"), ("RUST_LOG", "debug"), ("STATE_DIR", "/x")]);
        assert_eq!(needed(&began, &new), ["PORT", "STATE_DIR", "LOG_FORMAT", "RUST_LOG"]);
        let mut new = began.clone();
        new.server.max_in_flight -= 1;
        new.server.cors_origins.push(config::Origin::Any);
        assert_eq!(needed(&began, &new), ["server.cors_origins"]);
        new.server.max_in_flight += 2;
        assert_eq!(needed(&began, &new), ["server.cors_origins", "server.max_in_flight (more of it)"]);
    }
}
