//! Providers: keys, URLs, kinds, headers.

use super::*;

#[test]
fn keys() {
    let yaml = |keys: &str| Setup::yaml(&format!("providers:\n  groq: {{ {keys} }}"));
    one(&yaml("api_key: ''"), "provider-config.yaml:2:20: providers.groq.api_key: ", &["an empty key"]);
    one(&yaml("api_key:"), "provider-config.yaml:2:", &["nothing stands here"]);
    one(&yaml("api_keys: []"), "provider-config.yaml:2:21: ", &["an empty list of keys"]);
    one(&yaml("api_keys: [a, '']"), "provider-config.yaml:2:25: providers.groq.api_keys[1]: ", &["an empty key"]);
    one(&yaml("api_key: a, api_keys: [b]"), "provider-config.yaml:2:", &["both api_key and api_keys"]);
    one(&yaml("api_keys: [a, b, a]"), "provider-config.yaml:2:28: ", &["the same key as providers.groq.api_keys[0]"]);
    one(&yaml("api_keys: [none, a]"), "provider-config.yaml:2:22: ", &["`none` in a list", "api_key: none"]);
    one(&yaml("api_key: 'a b'"), "provider-config.yaml:2:20: ", &["a blank"]);
    one(&yaml("api_key: [a]"), "provider-config.yaml:2:20: ", &["a list stands where a single value belongs"]);
    one(&yaml(""), "provider-config.yaml:2:9: providers.groq: ", &["no key", "set GROQ_API_KEY in .env"]);
    one_in("providers: {p: {kind: openai, base_url: http://127.0.0.1:1}}", "1:16", &["no key", "api_key: none"]);
    one(
        &Setup::bare().var("XAI_API_KEY", "a").var("XAI_API_KEY_2", "a"),
        "environment: XAI_API_KEY_2: ",
        &["the same key as XAI_API_KEY"],
    );
}

#[test]
fn unsafe_urls() {
    for (url, words) in [
        ("ftp://x.example", "not an http or https URL"),
        ("x.example/v1", "not an http or https URL"),
        ("https://user:hunter2@x.example", "carries a user or password"),
        ("https://x.example/?key=hunter2", "query or fragment"),
        ("https://x.example/#a", "query or fragment"),
        ("http://169.254.169.254/latest", "metadata"),
        ("http://metadata.google.internal", "metadata"),
        ("https://x.example/../y", "`..` segment"),
        ("https://x.example:99999", "port"),
        ("https://x example", "a character"),
        ("", "the value is empty"),
    ] {
        let yaml = format!("providers: {{p: {{kind: openai, api_key: none, base_url: '{url}'}}}}");
        one_in(&yaml, "1:56", &["providers.p.base_url: ", words]);
        assert!(!told(&yaml)[0].contains("hunter2"));
    }
    let plain = "providers: {p: {kind: openai, api_key: k, base_url: 'http://api.example.com'}}";
    one_in(plain, "1:53", &["warning: ", "unencrypted to a public host"]);
}

#[test]
fn providers_that_cannot_be() {
    one_in("providers: {gorq: {api_key: k}}", "1:19", &["not a provider of the catalogue", "did you mean groq?"]);
    one_in("providers: {p: {kind: openai, api_key: k}}", "1:16", &["p is not in the catalogue and has no base_url"]);
    one_in("providers: {p: {kind: azure, api_key: k}}", "1:16", &["without its endpoint"]);
    one_in(
        "providers: {p: {kind: opnai, base_url: 'http://127.0.0.1', api_key: k}}",
        "1:23",
        &["`opnai` is not a known kind", "did you mean openai?"],
    );
    for kind in ["vertex", "bedrock"] {
        let yaml = format!("providers: {{p: {{kind: {kind}, base_url: 'http://127.0.0.1', api_key: k}}}}");
        one_in(&yaml, "1:23", &[&format!("kind {kind} is not served yet")]);
    }
    one_in("providers: {anthropic: {kind: vertex, api_key: k}}", "1:31", &["leave kind out"]);
    one_in("providers: {Groq: {kind: openai, base_url: 'http://127.0.0.1', api_key: k}}", "1:19", &["a-z, 0-9"]);
    one_in("providers: {vllm: {enabled: false}}", "1:1", &["every provider is switched off"]);
    provider("models: ['a b']", "providers.p.models[0]", &["a character that it cannot have"]);
    provider("models: { a/../b: }", "providers.p.models", &["`..` part"]);
    provider("headers: { Content-Length: 5 }", "providers.p.headers.Content-Length", &["belongs to the connection"]);
    provider("headers: { 'x y': 5 }", "providers.p.headers", &["not the name of a header"]);
    provider("headers: { x: \"a\\nb: c\" }", "providers.p.headers.x", &["what no header can carry"]);
    provider("headers: { x: '' }", "providers.p.headers.x", &["the value is empty"]);
    provider("ca_file: gone.pem", "providers.p.ca_file", &["the file does not exist"]);
    provider("ca_file: provider-config.yaml", "providers.p.ca_file", &["holds no certificate in PEM form"]);
    let azure =
        "providers: {p: {kind: azure, base_url: 'https://r.openai.azure.com', api_key: k, api_version: 'a&b=c'}}";
    one_in(azure, "1:95", &["`a&b=c` is not an API version"]);
    for wrong in ["banana", "2024-10", "2024-10-21-", "20241021", "2024-10-21preview"] {
        one_in(&azure.replace("a&b=c", wrong), "1:95", &["is not an API version", "2024-10-21"]);
    }
    for right in ["2024-10-21", "2025-04-01-preview", "preview"] {
        assert!(told(&azure.replace("a&b=c", right)).is_empty(), "{right}");
    }
}

#[test]
fn doubts() {
    let demo = "providers: {demo: {models: [a, b]}}\n";
    one_in(
        &format!("{demo}models: {{m: {{targets: [{{deployment: demo/a, weight: 2}}]}}}}"),
        "2:53",
        &["warning: ", "only the strategy weighted"],
    );
    let cheapest = told(&format!("{demo}models: {{m: {{strategy: cheapest, targets: [demo/a, demo/b]}}}}"));
    assert!(
        cheapest.len() == 2 && cheapest[0].contains("warning: ") && cheapest[0].contains("without a price"),
        "{cheapest:?}"
    );
    one_in(
        &format!("{demo}models: {{m: {{targets: [demo/a], hedge: {{after: 1s}}}}}}"),
        "2:40",
        &["nothing to hedge with"],
    );
    provider("demo: { delay: 1s }", "providers.p.demo", &["warning: ", "only a provider of kind demo"]);
    provider("api_version: 2024-10-21", "providers.p.api_version", &["warning: ", "only a provider of kind azure"]);
}
