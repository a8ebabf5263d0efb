//! Which keys each mapping of the YAML may hold. The readers know these and no others; the JSON
//! Schema is held to them by a test.

/// A mapping with fixed keys.
pub(crate) struct Shape {
    /// The name of the schema type that describes the same mapping.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [&'static str],
}

macro_rules! shapes {
    ($($constant:ident = $name:literal { $($key:literal),+ $(,)? })+) => {
        $(pub(crate) const $constant: Shape = Shape { name: $name, keys: &[$($key),+] };)+
        /// Every shape there is.
        #[cfg(all(test, feature = "schema"))]
        pub(crate) const ALL: &[&Shape] = &[$(&$constant),+];
    };
}

shapes! {
    ROOT = "File" { "providers", "models", "default_model", "retry", "server" }
    PROVIDER = "Provider" {
        "enabled", "kind", "base_url", "version_segment", "api_version", "region", "project",
        "api_key", "api_keys", "credentials", "credentials_file", "headers", "ca_file",
        "cert_fingerprint", "client_cert_file", "client_key_file",
        "limits", "models", "allow_unlisted", "max_in_flight", "timeouts", "max_retry_after", "inject_usage", "responses",
        "reasoning_summaries", "breaker", "demo",
    }
    LIMITS = "Limits" {
        "requests_per_minute", "requests_per_hour", "requests_per_day", "tokens_per_minute", "tokens_per_day",
        "day_resets_at",
    }
    LISTED_MODEL = "ListedModel" { "context_window", "max_output", "price", "limits" }
    PRICE = "Price" { "input", "output", "cached_input" }
    TIMEOUTS = "Timeouts" { "connect", "first_byte", "idle" }
    BREAKER = "Breaker" { "failures", "open", "max_open" }
    DEMO = "Demo" { "delay", "event_delay", "failure_rate" }
    MODEL = "Model" { "strategy", "targets", "fallback", "hedge", "on_loss" }
    TARGET = "WeightedTarget" { "deployment", "weight" }
    HEDGE = "Hedge" { "after", "max_extra" }
    RETRY = "Retry" { "max_retries", "base_delay", "max_delay", "jitter" }
    SERVER = "Server" {
        "host", "port", "workers", "body_limit", "upload_limit", "buffer_budget", "request_timeout", "shutdown_grace",
        "keepalive", "max_in_flight", "cors_origins", "trusted_proxies", "on_loss", "fetch_urls",
        "drain_delay", "keep_alive", "max_connections", "max_connections_per_ip", "http2",
    }
    FETCH_URLS = "FetchLimits" { "max_bytes", "max_total", "max_urls", "timeout", "allow" }
}
