//! Values that cannot be: variables, durations, sizes, shares, times of day.

use super::*;

#[test]
fn variables_in_values() {
    let yaml = |value: &str| Setup::yaml(&format!("providers: {{groq: {{api_key: '{value}'}}}}"));
    let begin = "provider-config.yaml:1:29: providers.groq.api_key: ";
    one(&yaml("${NO_SUCH}"), begin, &["${NO_SUCH} is not set", "${NO_SUCH:-default}"]);
    one(&yaml("${EMPTY}").var("EMPTY", ""), begin, &["${EMPTY} is not set"]);
    one(&yaml("${NO:-}"), begin, &["an empty key"]);
    one(&yaml("${OPEN"), begin, &["`${` without its `}`"]);
    one(&yaml("${no name}"), begin, &["does not name a variable"]);
    let number = Setup::yaml("server: {port: '${P}'}").var("P", "none");
    one(&number, "provider-config.yaml:1:16: server.port: ", &["its value is not a whole number from 0 to 65535"]);
    assert_eq!(Setup::yaml("server: {port: '${P}'}").var("P", "81").config().server.port, 81);
}

#[test]
fn impossible_durations_sizes_shares_and_numbers() {
    provider("timeouts: { idle: 5 }", "providers.p.timeouts.idle", &["`5` is not a duration", "250ms"]);
    provider("timeouts: { connect: 0s }", "providers.p.timeouts.connect", &["`0s` is not a duration from 1ms to 5m"]);
    provider("timeouts: { first_byte: 2h }", "providers.p.timeouts.first_byte", &["1ms to 1h"]);
    provider("max_retry_after: 2 weeks", "providers.p.max_retry_after", &["`2 weeks`"]);
    provider("breaker: { open: 1m, max_open: 1s }", "providers.p.breaker.max_open", &["shorter than open"]);
    provider("breaker: { failures: 0 }", "providers.p.breaker.failures", &["from 1 to 10000"]);
    provider("limits: { requests_per_minute: 0 }", "providers.p.limits.requests_per_minute", &["from 1 to"]);
    provider("limits: { tokens_per_day: -1 }", "providers.p.limits.tokens_per_day", &["`-1`"]);
    provider("models: { m: { price: { input: free, output: 1 } } }", "price.input", &["`free` is not a price"]);
    provider("models: { m: { price: { input: 1 } } }", "price", &["a price without output"]);
    provider("models: { m: { price: { input: .inf, output: 1 } } }", "price.input", &["is not a price"]);
    provider("models: { m: { context_window: 0 } }", "context_window", &["from 1 to"]);
    one_in("server: {request_timeout: 2h}", "1:27", &["`2h` is not a duration from 1ms to 1h"]);
    one_in("server: {body_limit: 2GiB}", "1:22", &["is not a size"]);
    one_in("server: {body_limit: 64MiB, buffer_budget: 1MiB}", "1:44", &["smaller than body_limit"]);
    one_in("server: {max_in_flight: 0}", "1:25", &["from 1 to 1000000"]);
    one_in("server: {max_connections: 0}", "1:27", &["from 1 to 10000000"]);
    one_in("server: {max_connections_per_ip: few}", "1:34", &["is not a whole number"]);
    one_in("server: {keep_alive: 620}", "1:22", &["is not a duration"]);
    one_in("server: {drain_delay: 2h}", "1:23", &["drain_delay"]);
    one_in("server: {http2: h2c}", "1:17", &["http2"]);
    one_in("retry: {jitter: 120%}", "1:17", &["`120%` is not a share"]);
    one_in("retry: {max_retries: 21}", "1:22", &["from 0 to 20"]);
    one_in("retry: {base_delay: 1m, max_delay: 1s}", "1:36", &["max_delay is shorter than base_delay"]);
    let hedge = |hedge: &str| format!("models: {{a: {{targets: [demo/x, demo/y], hedge: {hedge}}}}}");
    one_in(&hedge("{after: soon}"), "1:56", &["`soon` is not a duration"]);
    one_in(&hedge("{max_extra: 5%}"), "1:48", &["a hedge without after"]);
    one_in(&hedge("{after: 1s, max_extra: 0}"), "1:71", &["may never be used"]);
    one_in(&hedge("{after: 1s, max_extra: 500%}"), "1:71", &["is not a share"]);
    one_in(
        "models: {a: {strategy: weighted, targets: [{deployment: demo/x, weight: 0}]}}",
        "1:73",
        &["from 1 to 1000000"],
    );
}

#[test]
fn what_is_fetched() {
    let limits = |limits: &str| format!("server: {{fetch_urls: {{{limits}}}}}");
    one_in("server: {fetch_urls: maybe}", "1:22", &["`maybe` is not true or false"]);
    one_in("server: {fetch_urls: [10.0.0.1]}", "1:22", &["a list stands where"]);
    one_in(&limits("max_byte: 1MiB"), "1:23", &["unknown key `max_byte`", "did you mean max_bytes?"]);
    one_in(&limits("max_bytes: 2GiB"), "1:34", &["is not a size from 1KiB to 1GiB"]);
    one_in(&limits("max_bytes: 2MiB, max_total: 1MiB"), "1:51", &["smaller than max_bytes"]);
    one_in(&limits("max_urls: 0"), "1:33", &["from 1 to 100"]);
    one_in(&limits("timeout: 1h"), "1:32", &["is not a duration from 1ms to 5m"]);
    one_in(&limits("allow: [images.lan]"), "1:31", &["is not an address or block"]);
    for never in [
        "169.254.0.0/16",
        "0.0.0.0/0",
        "'::/0'",
        "'fe80::1'",
        "224.0.0.1",
        "240.0.0.0/4",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "'::ffff:169.254.169.254'",
    ] {
        one_in(&limits(&format!("allow: [{never}]")), "1:31", &["never fetched from", "your own hosts"]);
    }
}

#[test]
fn day_resets() {
    let reset = |at: &str| format!("limits: {{ requests_per_day: 1, day_resets_at: '{at}' }}");
    provider(&reset("00:00 Mars/Olympus"), "day_resets_at", &["unknown time zone", "America/Los_Angeles"]);
    provider(&reset("midnight"), "day_resets_at", &["does not begin with a time of day"]);
    provider(&reset("25:00 UTC"), "day_resets_at", &["does not begin with a time of day"]);
    provider("limits: { day_resets_at: '00:00 UTC' }", "day_resets_at", &["warning: ", "no limit a day"]);
}
