//! The files as a whole: unknown and repeated keys, wrong types, files that cannot be read.

use super::*;

#[test]
fn unknown_keys_with_the_nearest_known_one() {
    one_in("providerss: {}", "1:1", &["unknown key `providerss`", "did you mean providers?"]);
    one_in("server:\n  prt: 1", "2:3", &["server.prt: ", "did you mean port?"]);
    one_in("retry: {zzzz: 1}", "1:9", &["known here: max_retries, base_delay, max_delay, jitter"]);
    provider(
        "limits: { request_per_minute: 3 }",
        "providers.p.limits.request_per_minute: ",
        &["did you mean requests_per_minute?"],
    );
    provider("models: { m: { contextwindow: 3 } }", "providers.p.models.m.contextwindow", &["context_window"]);
    provider("timeouts: { idel: 3s }", ":6:17: ", &["did you mean idle?"]);
}

#[test]
fn everything_at_once() {
    let yaml = "
providers:
  p: { kind: openai, base_url: 'ftp://x', api_key: none, max_in_flight: 0 }
  q: { kindd: openai, base_url: http://127.0.0.1:1, api_key: '${UNSET}' }
models:
  a: { targets: [q/m, gone/m], fallback: [b, zzz], strategy: fastest }
  b: { targets: [q/m], fallback: [a] }
server: { port: 70000, body_limit: huge, workers: many }
retry: { jitter: 3, max_retries: -1 }
";
    let setup = Setup::yaml(yaml).dotenv("LOG_FORMAT=xml\nnot a setting\n").var("TLS_KEY", "/nowhere.pem");
    let told = setup.told();
    for words in [
        "provider-config.yaml:3:",
        "providers.p.base_url",
        "providers.p.max_in_flight",
        "unknown key `kindd`",
        "${UNSET} is not set",
        "models.a.targets[1]",
        "models.a.fallback[1]",
        "`fastest` is not a known strategy",
        "fallbacks go in a circle: a -> b -> a",
        "server.port",
        "server.body_limit",
        "server.workers",
        "retry.jitter",
        "retry.max_retries",
        ".env:1:1: LOG_FORMAT",
        ".env:2: ",
        "set without TLS_CERT",
        "TLS_KEY: the file does not exist",
    ] {
        assert!(told.iter().any(|line| line.contains(words)), "{words} is not in {told:#?}");
    }
    assert!(!told.iter().any(|line| line.contains("targets[0]")), "q is broken itself, that is told once: {told:#?}");
}

#[test]
fn no_yaml_at_all() {
    let broken = Setup::yaml("providers:\n  groq: [\nmodels: {}\n")
        .var("HOST", "0.0.0.0")
        .var("AUTH_TOKEN", "t-0123456789abcdef");
    one(&broken, "provider-config.yaml:", &["not valid YAML"]);
    let dir = Setup::bare();
    std::fs::create_dir(dir.folder.path().join("provider-config.yaml")).unwrap();
    one(&dir, "provider-config.yaml: ", &["is a directory"]);
    let misnamed = Setup::bare().file("provider-config.yml", "");
    one(&misnamed, "provider-config.yml: ", &["rename it to provider-config.yaml"]);
    one(
        &Setup::bare().var("AI_PROXY_CONFIG_DIR", "/nowhere"),
        "environment: AI_PROXY_CONFIG_DIR: ",
        &["does not exist"],
    );
    let latin1 = Setup::bare();
    std::fs::write(latin1.folder.path().join("provider-config.yaml"), b"a: \xe4").unwrap();
    one(&latin1, "provider-config.yaml: ", &["is not UTF-8 text; save it as UTF-8 text"]);
    assert!(told("- a\n- b")[0].contains("a list stands where a mapping"), "{:?}", told("- a\n- b"));
}

#[test]
fn files_named_on_the_command_line_have_to_be_there() {
    let sources = crate::Sources { config: Some("/nowhere/c.yaml".into()), env_file: Some("/nowhere/e".into()) };
    let env = std::collections::BTreeMap::<String, String>::new();
    let findings = crate::load(&sources, &env).unwrap_err();
    let files: Vec<_> = findings.iter().map(|f| f.file.to_str().unwrap()).collect();
    assert_eq!(files, ["/nowhere/c.yaml", "/nowhere/e"], "{findings:?}");
}

#[test]
fn names_given_twice() {
    one_in("server: {}\nserver: {}", "2:1", &["`server` stands here a second time (first on line 1)"]);
    one_in("providers:\n  demo: {}\n  demo: {}", "3:3", &["providers.demo: ", "second time"]);
    one_in("models:\n  a: {targets: [demo/x]}\n  a: {targets: [demo/x]}", "3:3", &["models.a: ", "second time"]);
    provider("models: [m, n, m]", "providers.p.models[2]", &["`m` is listed a second time"]);
    provider("models: { m: , m: }", "providers.p.models.m", &["second time"]);
    provider("headers: { X-A: a, x-a: b }", "providers.p.headers.x-a", &["given twice"]);
    one_in(
        "models: {a: {targets: [demo/x, {deployment: demo/x}]}}",
        "1:32",
        &["models.a.targets[1]", "the same target"],
    );
    one_in(
        "models: {a: {targets: [demo/x], fallback: [b, b]}, b: {targets: [demo/x]}}",
        "1:47",
        &["`b` a second time"],
    );
    one_in("server: {trusted_proxies: [10.0.0.1, 10.0.0.1]}", "1:38", &["second time"]);
    one(&Setup::bare().dotenv("PORT=1\nPORT=2"), ".env:2: warning: PORT: ", &["before on line 1", "line 2 counts"]);
}

#[test]
fn wrong_types() {
    one_in("providers: 5", "1:12", &["a single value stands where a mapping"]);
    one_in("models: [a]", "1:9", &["a list stands where a mapping"]);
    one_in("models: {a: {targets: demo/x}}", "1:23", &["a single value stands where a list"]);
    one_in("server: {port: [1]}", "1:16", &["a list stands where a single value"]);
    one_in("server: {cors_origins: {a: b}}", "1:24", &["a mapping stands where a list"]);
    provider("allow_unlisted: maybe", "providers.p.allow_unlisted", &["`maybe` is not true or false"]);
    provider("max_in_flight: 1.5", "providers.p.max_in_flight", &["`1.5` is not a whole number"]);
    provider("models: { m: 5 }", "providers.p.models.m", &["a mapping"]);
    provider("headers: [a]", "providers.p.headers", &["a list stands where a mapping"]);
}

#[test]
fn findings_do_not_go_on_without_end() {
    let keys: String = (0..1000).map(|n| format!("zz{n}: 1\n")).collect();
    let told = told(&keys);
    assert_eq!(told.len(), 301);
    assert!(told[300].contains("and 700 more findings"), "{}", told[300]);
}
