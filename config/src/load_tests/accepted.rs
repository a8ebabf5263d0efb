//! What a right configuration means.

use std::time::Duration;

use crate::testing::Setup;
use crate::{DayReset, FetchUrls, Hedge, Kind, Strategy};

fn ids(setup: &Setup) -> Vec<String> {
    setup.config().providers.iter().map(|p| p.id.to_string()).collect()
}

#[test]
fn it_runs_on_nothing() {
    let setup = Setup::bare();
    let config = setup.config();
    assert_eq!(config.providers.len(), 1);
    assert_eq!((config.providers[0].id.as_str(), config.providers[0].kind), ("demo", Kind::Demo));
    assert_eq!((config.server.host.as_str(), config.server.port), ("127.0.0.1", 8080));
    assert!(config.clients.is_empty() && config.admin_token.is_none() && config.files.is_empty());
    assert_eq!(config.server.body_limit, 32 << 20);
    assert_eq!(config.server.upload_limit, 512 << 20);
    assert_eq!(config.server.buffer_budget, 1 << 30);
    assert_eq!(config.server.request_timeout, Duration::from_secs(600));
    assert_eq!(config.server.keepalive, Duration::from_secs(15));
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(30));
    assert_eq!((config.server.keep_alive, config.server.drain_delay), (Duration::from_secs(620), None));
    assert_eq!((config.server.max_connections, config.server.max_connections_per_ip), (None, None));
    assert!(!config.server.http2);
    assert_eq!((config.server.max_in_flight, config.retry.max_retries), (10_000, 3));
    assert_eq!(config.retry.base_delay, Duration::from_millis(250));
    assert_eq!(config.retry.max_delay, Duration::from_secs(30));
    assert_eq!(config.log.filter, "info");
    assert!(setup.load().unwrap().warnings.is_empty());
}

#[test]
fn keys_alone_enable_their_providers() {
    let setup = Setup::bare()
        .dotenv("GROQ_API_KEY=g1\nGROQ_API_KEY_2=g2\nGROQ_API_KEY_4=g4\nANTHROPIC_API_KEY=a\nOLLAMA_API_KEY=x\nMISTRAL_API_KEY=\n")
        .var("OPENAI_API_KEY", "o")
        .var("GITHUB_TOKEN", "there for other reasons");
    assert_eq!(ids(&setup), ["openai", "anthropic", "groq"]);
    let config = setup.config();
    let groq = &config.providers[2];
    assert_eq!(groq.keys.iter().map(|k| k.secret.expose()).collect::<Vec<_>>(), ["g1", "g2", "g4"]);
    assert_eq!(groq.keys[0].fingerprint, groq.keys[0].secret.fingerprint());
    assert_eq!(groq.base_url.root("v1"), "/openai/v1");
    assert!(groq.discover && !groq.allow_unlisted && groq.models.is_empty());
    assert!(config.providers[0].prefixes.iter().any(|p| p == "gpt-"));
    assert_eq!(config.files.len(), 1);
}

#[test]
fn a_place_enables_a_local_provider_and_azure() {
    let setup = Setup::bare()
        .var("OLLAMA_BASE_URL", "http://gpu.lan:11434")
        .var("AZURE_OPENAI_API_KEY", "k")
        .var("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com/openai/v1/");
    assert_eq!(ids(&setup), ["azure", "ollama"]);
    let config = setup.config();
    let azure = &config.providers[0];
    assert_eq!((azure.base_url.authority(), azure.base_url.prefix()), ("r.openai.azure.com", ""));
    assert!(azure.allow_unlisted && !azure.discover);
    assert_eq!(config.providers[1].base_url.authority(), "gpu.lan:11434");

    let half = Setup::bare().var("AZURE_OPENAI_API_KEY", "k").var("GROQ_API_KEY", "g");
    assert_eq!(ids(&half), ["groq"]);
    assert_eq!(
        half.told(),
        [
            "environment: warning: AZURE_OPENAI_API_KEY: set without AZURE_OPENAI_ENDPOINT: azure is not enabled; set AZURE_OPENAI_ENDPOINT too"
        ]
    );
}

#[test]
fn the_environment_goes_before_dotenv_before_yaml_before_defaults() {
    let yaml =
        "server: {port: 1001, host: 127.0.0.2, workers: 3}\nretry: {max_retries: 1, base_delay: 1s, jitter: 0.5}";
    let setup = Setup::yaml(yaml)
        .dotenv("PORT=1002\nRETRY_MAX_RETRIES=2\nRETRY_JITTER=10%\nWORKERS=4")
        .var("PORT", "1003")
        .var("RETRY_BASE_DELAY", "2s")
        .var("RETRY_MAX_DELAY", "1m");
    let config = setup.config();
    assert_eq!((config.server.port, config.server.host.as_str(), config.server.workers), (1003, "127.0.0.2", Some(4)));
    assert_eq!((config.retry.max_retries, config.retry.jitter), (2, 0.1));
    assert_eq!((config.retry.base_delay, config.retry.max_delay), (Duration::from_secs(2), Duration::from_secs(60)));
}

#[test]
fn the_yaml_says_what_each_provider_is() {
    let yaml = "
x-patient: &patient
  timeouts: { connect: 1s, first_byte: 5m }
  breaker: { failures: 2, open: 1s, max_open: 1m }
providers:
  groq:
    <<: *patient
    api_keys: ['${GROQ_API_KEY}', '${NOT_SET:-second}']
    limits: { requests_per_minute: 30, requests_per_hour: 100, requests_per_day: 14400, tokens_per_minute: 6000, tokens_per_day: 7, day_resets_at: '00:00 America/Los_Angeles' }
    models:
      llama-3.3-70b-versatile: { context_window: 131072, price: { input: 0.59, output: 0.79, cached_input: 0 }, limits: { requests_per_minute: 3 } }
      1.10:
    headers: { X-Team: 'a b', x-secret: '${GROQ_API_KEY}' }
    max_retry_after: 2m
    inject_usage: true
    reasoning_summaries: false
    allow_unlisted: true
    max_in_flight: 8
  local:
    kind: openai
    base_url: http://127.0.0.1:11434
    api_key: none
    ca_file: ca.pem
    models: [qwen3:8b, meta/llama]
  eu:
    kind: azure
    base_url: https://eu.openai.azure.com
    api_key: k
    api_version: 2024-10-21
    models: [gpt-5]
  perplexity: { api_key: p }
  vllm:
  openai: { enabled: false }
  demo:
    demo: { delay: 2m, event_delay: 5ms, failure_rate: 10% }
";
    let ca = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    let setup = Setup::yaml(yaml).file("ca.pem", ca).var("GROQ_API_KEY", "first").var("OPENAI_API_KEY", "o");
    assert_eq!(ids(&setup), ["groq", "local", "eu", "perplexity", "vllm", "demo"]);
    let config = setup.config();
    let [groq, local, eu, perplexity, vllm, demo] = &config.providers[..] else { panic!("six") };

    assert_eq!(groq.keys.iter().map(|k| k.secret.expose()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(groq.timeouts.connect, Duration::from_secs(1));
    assert_eq!((groq.timeouts.first_byte, groq.timeouts.idle), (Duration::from_secs(300), Duration::from_secs(300)));
    assert_eq!((groq.breaker.failures, groq.breaker.max_open), (2, Duration::from_secs(60)));
    assert_eq!(groq.limits.requests_per_day, Some(14400));
    assert_eq!((groq.limits.tokens_per_day, groq.limits.requests_per_hour), (Some(7), Some(100)));
    assert_eq!(groq.limits.day_resets_at, DayReset::parse("00:00 America/Los_Angeles").unwrap());
    assert_eq!(groq.models.len(), 2);
    assert_eq!(groq.models[0].price.unwrap().output, 0.79);
    assert_eq!(groq.models[0].limits.as_ref().unwrap().requests_per_minute, Some(3));
    assert_eq!(groq.models[1].name.as_str(), "1.10", "a name that looks like a number stays as written");
    assert_eq!(groq.headers[0].0, "x-team");
    assert_eq!((groq.headers[0].1.expose(), groq.headers[1].1.expose()), ("a b", "first"));
    assert_eq!((groq.max_retry_after, groq.max_in_flight), (Duration::from_secs(120), Some(8)));
    assert!(groq.inject_usage && groq.allow_unlisted && !groq.discover && groq.prefixes.is_empty());

    assert!(!groq.reasoning_summaries && local.reasoning_summaries);
    assert!(local.keys.is_empty() && !local.discover);
    assert_eq!(local.ca_file.as_deref(), Some(setup.folder.path().join("ca.pem").as_path()));
    assert!(config.files.iter().any(|f| f.ends_with("ca.pem")), "{:?}", config.files);
    assert_eq!((eu.kind, eu.api_version.as_deref(), eu.allow_unlisted), (Kind::Azure, Some("2024-10-21"), false));
    assert_eq!(perplexity.base_url.root("v1"), "", "from the catalogue: no version segment");
    assert_eq!((vllm.base_url.port(), vllm.keys.len()), (8000, 0));
    assert_eq!(demo.demo.delay, Duration::from_secs(60), "capped");
    assert_eq!((demo.demo.event_delay, demo.demo.failure_rate), (Duration::from_millis(5), 0.1));
    assert_eq!(setup.told().len(), 1, "the cap: {:?}", setup.told());
}

#[test]
fn routes() {
    let yaml = "
providers:
  demo: {}
  local: { kind: openai, base_url: 'http://127.0.0.1:1', api_key: none, models: [a/b:c, d] }
models:
  fast:
    strategy: weighted
    targets: [{ deployment: local/a/b:c, weight: 8 }, { deployment: local/d }, demo/x]
    fallback: [smart]
    hedge: { after: 2s, max_extra: 5% }
  smart: { targets: [demo/y, local/d], hedge: { after: 1s }, strategy: lowest_latency }
";
    let config = Setup::yaml(yaml).config();
    let fast = &config.models[0];
    assert_eq!((fast.name.as_str(), fast.strategy), ("fast", Strategy::Weighted));
    let targets: Vec<_> = fast.targets.iter().map(|t| (t.provider.as_str(), t.model.as_str(), t.weight)).collect();
    assert_eq!(targets, [("local", "a/b:c", 8), ("local", "d", 1), ("demo", "x", 1)]);
    assert_eq!(fast.fallback[0].as_str(), "smart");
    assert_eq!(fast.hedge, Some(Hedge { after: Duration::from_secs(2), max_extra: 0.05 }));
    assert_eq!(config.models[1].hedge.unwrap().max_extra, 0.05, "the default");
}

#[test]
fn urls_are_fetched_only_where_that_is_said() {
    let read = |server: &str| Setup::yaml(&format!("server: {server}")).config().server.fetch_urls;
    assert_eq!((read("{}"), read("{ fetch_urls: false }")), (None, None));
    let usual = read("{ fetch_urls: true }").unwrap();
    assert_eq!((usual.max_bytes, usual.max_total, usual.max_urls), (10 << 20, 20 << 20, 20));
    assert!(usual.timeout == Duration::from_secs(10) && usual.allow.is_empty());
    assert_eq!(read("{ fetch_urls: {} }"), Some(usual.clone()), "limits that say nothing are the usual ones");
    let own = read("{ fetch_urls: { max_bytes: 40MiB, max_urls: 3, timeout: 2s, allow: [10.1.0.0/16, 'fd12::7'] } }");
    let allow = vec!["10.1.0.0/16".parse().unwrap(), "fd12::7".parse().unwrap()];
    let (max_bytes, max_total) = (40 << 20, 40 << 20);
    assert_eq!(own, Some(FetchUrls { max_bytes, max_total, max_urls: 3, timeout: Duration::from_secs(2), allow }));
}

#[test]
fn who_may_call() {
    let setup = Setup::bare()
        .dotenv("AUTH_TOKEN=\"bare-token-0123456789, alice:token-of-alice-0123,\tbob:t:with:colons-0123456\"\nADMIN_TOKEN_FILE=admin")
        .var("ADMIN_TOKEN", "admin-0123456789")
        .var("HOST", "0.0.0.0")
        .var("GROQ_API_KEY", "g")
        .var("LOG_FORMAT", "json")
        .var("RUST_LOG", "debug")
        .var("STATE_DIR", "/var/lib/x");
    let config = setup.config();
    let clients: Vec<_> = config.clients.iter().map(|c| (c.name.as_deref(), c.token.expose())).collect();
    assert_eq!(
        clients,
        [
            (None, "bare-token-0123456789"),
            (Some("alice"), "token-of-alice-0123"),
            (Some("bob"), "t:with:colons-0123456")
        ]
    );
    assert_eq!(config.admin_token.unwrap().expose(), "admin-0123456789");
    assert!(config.log.json && config.log.filter == "debug");
    assert_eq!(config.state_dir.unwrap().to_str(), Some("/var/lib/x"));
    assert!(setup.told().is_empty(), "{:?}", setup.told());
}

#[test]
fn tls() {
    let pem = |what: &str| format!("-----BEGIN {what}-----\nAA==\n-----END {what}-----\n");
    let setup = Setup::bare()
        .file("cert.pem", &pem("CERTIFICATE"))
        .file("key.pem", &pem("PRIVATE KEY"))
        .dotenv("TLS_CERT=cert.pem\nTLS_KEY=key.pem\nTLS_CLIENT_CA=cert.pem\nHEALTH_LISTEN=127.0.0.1:9\n");
    let config = setup.config();
    let tls = config.tls.unwrap();
    assert!(tls.cert.ends_with("cert.pem") && tls.cert.is_absolute() && tls.client_ca.is_some());
    assert_eq!(config.health_listen.unwrap().port(), 9);
    assert_eq!(config.files.len(), 3, "{:?}", config.files);
}

#[test]
fn what_a_file_says() {
    for (text, said) in [
        ("", false),
        ("# head\n", false),
        ("models:\n", false),
        ("providers:\nmodels:\n", false),
        ("providers:\n  demo:\nmodels:\n", true),
        ("server: {body_limit: 1MiB}\n", true),
        ("providers: {}\n", true),
    ] {
        assert_eq!(!Setup::yaml(text).load().unwrap().said.is_empty(), said, "{text:?}");
    }
}
