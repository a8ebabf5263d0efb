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
        ("https://user:hunter2@x.example", "carries a user or password"),
        ("http://169.254.169.254/latest", "metadata"),
        ("http://metadata.google.internal", "metadata"),
        ("https://x.example/../y", "`..` segment"),
        ("https://x.example:99999", "port"),
        ("https://x example", "a character"),
        ("os.environ/BASE_URL/v1", "a reference that nothing has resolved"),
        ("$OPENAI_BASE_URL", "a reference that nothing has resolved"),
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
fn urls_that_were_pasted_are_put_right_and_it_is_told() {
    for (url, words, means) in [
        ("x.example/v1", "has no scheme: https:// is taken", "https://x.example/v1"),
        ("https://x.example/?key=hunter2", "query or fragment, which is taken off", "https://x.example"),
        ("https://x.example/#a", "query or fragment, which is taken off", "https://x.example"),
        ("https://x.example/v1/chat/completions", "ends in the endpoint /chat/completions", "https://x.example/v1"),
        ("https://x.example/V1", "version is in capitals", "https://x.example/v1"),
    ] {
        let yaml = format!("providers: {{p: {{kind: openai, api_key: none, base_url: '{url}'}}}}");
        one_in(&yaml, "1:56", &["warning: providers.p.base_url: ", words]);
        assert!(!told(&yaml)[0].contains("hunter2"));
        assert_eq!(Setup::yaml(&yaml).config().providers[0].base_url.to_string(), means);
    }
    // An endpoint without a version says that there is none; the file goes before it.
    let root = |more: &str| {
        let url = "https://x.example/api/chat/completions";
        let yaml = format!("providers: {{p: {{kind: openai, api_key: none, base_url: '{url}', {more}}}}}");
        Setup::yaml(&yaml).config().providers[0].base_url.root("v1")
    };
    assert_eq!((&*root(""), &*root("version_segment: true")), ("/api", "/api/v1"));
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

#[test]
fn credentials_of_the_clouds() {
    let pem = include_str!("../../../../tests/keys/rfc7515-a2.pem").split_once('\n').unwrap().1.replace('\n', "\\n");
    let account = |field: &str, value: &str| {
        let fields = [("type", "service_account"), ("client_email", "a@b"), ("private_key", &*pem)];
        let fields: Vec<String> = fields
            .iter()
            .chain([&("token_uri", "https://oauth2.googleapis.com/token")])
            .map(|(name, known)| format!("\"{name}\":\"{}\"", if *name == field { value } else { known }))
            .collect();
        format!("{{{}}}", fields.join(","))
    };
    let vertex = |key: &str| {
        Setup::yaml(&format!(
            "providers:\n  p: {{ kind: vertex, region: us-central1, project: p-1, api_key: '{key}' }}"
        ))
    };
    let good = vertex(&account("", ""));
    assert!(good.told().is_empty(), "{:?}", good.told());
    let url = good.config().providers[0].base_url.to_string();
    assert_eq!(url, "https://us-central1-aiplatform.googleapis.com/v1/projects/p-1/locations/us-central1");
    for (key, words) in [
        ("k".to_owned(), "not the JSON of a service account"),
        (account("type", "authorized_user"), "another type than service_account"),
        (account("client_email", ""), "without client_email"),
        (account("private_key", "hunter2"), "no RSA key in PKCS#8 form"),
        (account("token_uri", "http://metadata.google.internal/x"), "token_uri"),
        (account("token_uri", "http://tokens.example.com"), "token_uri"),
    ] {
        one(&vertex(&key), "provider-config.yaml:2:", &["providers.p.api_key: ", words, "service account"]);
    }
    let without = |fields: &str| Setup::yaml(&format!("providers:\n  vertex: {{ {fields} }}"));
    one(
        &without("region: us-central1, project: p"),
        "provider-config.yaml:2:11: ",
        &["no credentials", "credentials_file"],
    );
    one(&without("credentials: metadata"), "provider-config.yaml:2:11: ", &["without its region or project"]);
    one(
        &without("credentials: metadata, region: 'a/b', base_url: 'https://x.example'"),
        "provider-config.yaml:2:44: ",
        &["not a region"],
    );
    one(
        &without("credentials: here, region: us-central1, project: p"),
        "provider-config.yaml:2:26: ",
        &["source of credentials"],
    );
    one(
        &without("credentials_file: gone, region: us-central1, project: p"),
        "provider-config.yaml:2:",
        &["does not exist"],
    );
    one(
        &without("credentials: metadata, api_key: k, region: us-central1, project: p"),
        "provider-config.yaml:2:",
        &["both credentials and an API key"],
    );
    let by_file = without("region: global").file("sa.json", &account("", ""));
    let path = by_file.folder.path().join("sa.json").display().to_string();
    let by_file = by_file.var("GOOGLE_APPLICATION_CREDENTIALS", &path).var("GOOGLE_CLOUD_PROJECT", "p-2");
    assert!(by_file.told().is_empty(), "{:?}", by_file.told());
    let config = by_file.config();
    let provider = &config.providers[0];
    assert_eq!(provider.base_url.to_string(), "https://aiplatform.googleapis.com/v1/projects/p-2/locations/global");
    assert!(provider.allow_unlisted && !provider.discover);
    assert!(!format!("{config:?}").contains("BEGIN PRIVATE"));
    provider_warns("credentials: metadata", "providers.p.credentials", "only a provider of kind vertex");
    provider_warns("region: us-east-1", "providers.p.region", "only a provider of kind vertex or bedrock");
}

#[test]
fn credentials_of_bedrock() {
    let bedrock = |fields: &str| Setup::yaml(&format!("providers:\n  bedrock: {{ {fields} }}"));
    let at = "provider-config.yaml:2:12: ";
    one(&bedrock("region: us-east-1"), at, &["no credentials", "AWS_ACCESS_KEY_ID"]);
    one(&bedrock("api_key: k"), at, &["without its region", "AWS_REGION"]);
    one(&bedrock("api_key: 'AKID:hunter2', base_url: 'http://127.0.0.1:1'"), at, &["without its region"]);
    one(
        &bedrock("region: us_east, api_key: k, base_url: 'http://127.0.0.1:1'"),
        "provider-config.yaml:2:",
        &["not a region"],
    );
    one(&bedrock("region: us-east-1, api_key: 'hunter2:'"), "provider-config.yaml:2:", &["neither an access key nor"]);
    let half = bedrock("region: us-east-1").var("AWS_SECRET_ACCESS_KEY", "hunter2");
    one(&half, "environment: AWS_SECRET_ACCESS_KEY: ", &["one half without the other"]);
    assert!(!half.told()[0].contains("hunter2"));
    let setup = bedrock("").var("AWS_REGION", "cn-north-1").var("AWS_ACCESS_KEY_ID", "AKID");
    let setup = setup.var("AWS_SECRET_ACCESS_KEY", "hunter2").var("AWS_SESSION_TOKEN", "hunter2-session");
    assert!(setup.told().is_empty(), "{:?}", setup.told());
    let config = setup.config();
    let provider = &config.providers[0];
    assert_eq!(provider.base_url.to_string(), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn");
    assert_eq!(provider.region.as_deref(), Some("cn-north-1"));
    assert!(provider.allow_unlisted && !provider.discover);
    assert!(!format!("{config:?}").contains("hunter2"));
    // An API key goes before an access key, and needs no region where base_url says where to go.
    let setup = setup.var("AWS_BEARER_TOKEN_BEDROCK", "ABSK-1");
    assert!(matches!(setup.config().providers[0].keys[0].credential, crate::Credential::Sent));
    assert!(bedrock("api_key: k, base_url: 'http://127.0.0.1:1'").told().is_empty());
}

fn provider_warns(extra: &str, path: &str, words: &str) {
    provider(extra, path, &["warning: ", words]);
}
