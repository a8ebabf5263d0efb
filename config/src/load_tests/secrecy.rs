//! Nothing secret is printed: not by a right configuration, not by any finding about a wrong one.

use crate::testing::Setup;

const MARK: &str = "hunter2";

#[test]
fn a_configuration_can_be_debug_printed() {
    let yaml = "
providers:
  groq: { api_keys: [hunter2-a, '${K}'], headers: { x-secret: hunter2-c, x-more: '${K}' } }
  p: { kind: openai, base_url: http://127.0.0.1:1, api_key: '${NO:-hunter2-e}' }
";
    let setup = Setup::yaml(yaml)
        .dotenv("AUTH_TOKEN=alice:hunter2-f,hunter2-g\nADMIN_TOKEN=hunter2-h\nOPENAI_API_KEY=hunter2-i")
        .var("K", "hunter2-b");
    let loaded = setup.load().unwrap();
    assert_eq!(loaded.config.providers.len(), 3);
    let printed = format!("{loaded:?} {:#?}", loaded.config);
    assert!(printed.contains("groq") && !printed.contains(MARK), "{printed}");
}

#[test]
fn no_finding_shows_a_secret() {
    let yaml = "
providers:
  groq:
    api_keys: ['hunter2 blank', 'hunter2', 'hunter2', [hunter2], {hunter2-as-key: hunter2}]
    headers: { x-a: \"hunter2\\n\", x-b: [hunter2], content-length: hunter2, X-A: hunter2 }
    base_url: https://hunter2:hunter2@x.example
    max_in_flight: ${K}
    timeouts: { connect: '${K}', idle: '${NO:-hunter2}' }
    allow_unlisted: ${K}
    kind: ${K}
    api_version: '${K} &'
    limits: { day_resets_at: '${K}' }
    ca_file: ${K}
    models: ['${K}', '${K}']
models:
  m: { targets: ['${K}', '${K}/x'], fallback: ['${NO:-hunter2}', '${NO:-hunter2}'], strategy: '${K}' }
server: { cors_origins: ['${K}'], trusted_proxies: ['${K}'], host: '${K} x', port: '${K}', fetch_urls: { max_bytes: '${K}', allow: ['${K}'] } }
";
    let dotenv = "AUTH_TOKEN=hunter2 x,hunter2@:y,hunter2,hunter2,a:hunter2\nADMIN_TOKEN=\"hunter2 x\"\nhunter2 on a broken line\nLOG_FORMAT=hunter2\nHOST=hunter2:1\nPORT=hunter2\nHEALTH_LISTEN=hunter2\nTLS_CERT=hunter2\nRETRY_JITTER=hunter2\nXAI_API_KEY_FILE=/nowhere/hunter2\nOPENAI_API_KEY='hunter2 b'\nK=\"hunter2 k\"\nPORT=hunter2\n";
    let told = Setup::yaml(yaml).dotenv(dotenv).told();
    assert!(told.len() > 30, "{told:#?}");
    // A mapping's key is a name, not a value: it may be quoted.
    for line in told.iter().filter(|line| !line.contains("hunter2-as-key")) {
        // What a reference expands to becomes the name of a route or target only by intent.
        assert!(!line.contains(MARK), "{line}");
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_quoted() {
    for (yaml, secret) in [
        ("server: {port: sk-proj-abcdef}", "abcdef"),
        ("sk-proj-abcdef: 1", "abcdef"),
        ("providers: {gsk_abcdefghij: {}}", "abcdefghij"),
        ("models: {a: {targets: [sk-ant-abcdef]}}", "abcdef"),
        ("server: {host: 0123456789abcdef0123456789abcdef/}", "0123456789abcdef"),
        ("retry: {max_retries: ghp_abcdef}", "abcdef"),
        ("providers: {groq: {api_key: '${gsk_Zk9fQ2mX7cV4bN1pL8sD3wE6}'}}", "Zk9fQ2"),
        ("providers: {gemini: {api_keys: ['${AIzaSyD3gH4iJ5kL6mN7oP8qR9s}']}}", "SyD3gH"),
    ] {
        let told = Setup::yaml(yaml).told();
        assert!(!told.is_empty() && !format!("{told:?}").contains(secret), "{told:?}");
    }
}
