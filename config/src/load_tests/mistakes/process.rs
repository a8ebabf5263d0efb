//! The process: addresses, tokens, TLS, files of secrets.

use super::*;

#[test]
fn addresses_and_ports() {
    one_in("server: {port: 65536}", "1:16", &["from 0 to 65535"]);
    one_in("server: {port: http}", "1:16", &["`http` is not a whole number"]);
    one_in("server: {host: 'a b'}", "1:16", &["is not an address to listen on"]);
    one_in("server: {cors_origins: ['https://a.example/x']}", "1:25", &["is not an origin"]);
    one_in("server: {trusted_proxies: [10.0.0.0/33]}", "1:28", &["is not an address or block"]);
    variable("RUST_LOG", "foo=bar=baz", &["part 1 has two `=`", "info,access=off"]);
    for (value, words) in [("verbose", "did you mean debug?"), ("info,my_app=debug", "part 2 is no level")] {
        one(&Setup::bare().var("RUST_LOG", value), "environment: warning: RUST_LOG: ", &[words]);
    }
    assert_eq!(Setup::bare().var("RUST_LOG", "verbose").config().log.filter, "info");
    variable("RUST_LOG", "info,access=of", &["part 2 has a level that is none"]);
    variable("PORT", "eighty", &["its value is not a whole number"]);
    variable("HOST", "127.0.0.1:80", &["is not an address to listen on"]);
    variable("WORKERS", "0", &["from 1 to 1024"]);
    variable("RETRY_BASE_DELAY", "5", &["is not a duration"]);
    variable("LOG_FORMAT", "xml", &["one of text, json"]);
    variable("HEALTH_LISTEN", "8081", &["not an address with a port"]);
    let same = Setup::bare().var("HEALTH_LISTEN", "127.0.0.1:1").var("PORT", "1").told();
    assert!(same.iter().any(|line| line.contains("the port that the proxy itself")), "{same:?}");
}

#[test]
fn beyond_loopback() {
    let bare = Setup::bare().var("HOST", "0.0.0.0");
    let told = bare.told();
    assert!(told.iter().any(|line| line.contains("without AUTH_TOKEN")), "{told:?}");
    assert!(told.iter().any(|line| line.contains("without any provider")), "{told:?}");
    one_no_auth("0.0.0.0");
    one_no_auth("192.168.1.4");
    one_no_auth("::");
    one_no_auth("my-host.example");
    let with_token = Setup::bare().var("HOST", "0.0.0.0").var("AUTH_TOKEN", "5f0e1a7c9b3d4e62");
    one(&with_token, "environment: HOST: ", &["the demo provider is never implicit here"]);
    let named = Setup::yaml("providers: {demo: {}}\nserver: {host: '::'}").var("AUTH_TOKEN", "5f0e1a7c9b3d4e62");
    assert!(named.told().is_empty(), "{:?}", named.told());
    let short = Setup::yaml("providers: {demo: {}}\nserver: {host: '::'}").var("AUTH_TOKEN", "alice:short");
    one(&short, "environment: warning: AUTH_TOKEN: ", &["entry 1: a token of fewer than 16 characters"]);
    for host in ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"] {
        assert!(Setup::bare().var("HOST", host).told().is_empty(), "{host}");
    }
}

#[test]
fn what_everybody_knows_is_no_secret() {
    let open = || Setup::yaml("providers: {demo: {}}\nserver: {host: '::'}");
    let good = "5f0e1a7c9b3d4e62";
    for token in ["alice:REPLACE-WITH-A-LONG-RANDOM-TOKEN", "changeme-changeme", "<your-token>", "$MY_TOKEN"] {
        let known = open().var("AUTH_TOKEN", token);
        one(&known, "environment: AUTH_TOKEN: entry 1: ", &["everybody knows it", "openssl rand"]);
        assert!(known.load().is_err(), "{token}");
        let local = Setup::bare().var("AUTH_TOKEN", token);
        one(&local, "environment: warning: AUTH_TOKEN: entry 1: ", &["everybody knows it"]);
        assert!(local.load().is_ok(), "{token}");
    }
    let admin = open().var("AUTH_TOKEN", good).var("ADMIN_TOKEN", "your-admin-token-here");
    one(&admin, "environment: ADMIN_TOKEN: ", &["a placeholder from an example"]);
    let short = open().var("AUTH_TOKEN", good).var("ADMIN_TOKEN", "admin");
    one(&short, "environment: warning: ADMIN_TOKEN: ", &["fewer than 16 characters"]);
    assert!(Setup::bare().var("ADMIN_TOKEN", "admin").told().is_empty());
    let dotenv = Setup::bare().dotenv("OPENAI_API_KEY=sk-REPLACE-ME\n");
    one(&dotenv, ".env:1:1: warning: OPENAI_API_KEY: ", &["a placeholder from an example"]);
    let reference = Setup::bare().dotenv("OPENAI_API_KEY=os.environ/OPENAI_API_KEY\n");
    one(&reference, ".env:1:1: warning: OPENAI_API_KEY: ", &["a reference that nothing has resolved"]);
    let keys =
        "providers:\n  groq:\n    api_keys: [gsk_0123456789, YOUR_API_KEY]\n    headers: { x-team-key: '<key>' }\n";
    let told = told(keys);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].starts_with("provider-config.yaml:3:32: warning: providers.groq.api_keys[1]: a placeholder"));
    assert!(told[1].contains("4:28: warning: providers.groq.headers.x-team-key: the header x-team-key: a placeholder"));
    assert!(!told.iter().any(|line| line.contains("YOUR_API_KEY")), "{told:#?}");
}

#[track_caller]
fn one_no_auth(host: &str) {
    let setup = Setup::yaml(&format!("providers: {{demo: {{}}}}\nserver: {{host: '{host}'}}"));
    one(&setup, "provider-config.yaml:2:16: server.host: ", &["without AUTH_TOKEN", "set AUTH_TOKEN in .env"]);
}

#[test]
fn client_tokens() {
    variable("AUTH_TOKEN", "a,", &["entry 2: empty"]);
    variable("AUTH_TOKEN", "a,a", &["entry 2: a token that was given before"]);
    variable("AUTH_TOKEN", "x:a,x:b", &["entry 2: a name that was used before"]);
    variable("AUTH_TOKEN", "x:", &["entry 1: a name without a token"]);
    variable("AUTH_TOKEN", "x@y:a", &["entry 1: what stands before the colon is not a name"]);
    one(&Setup::bare().var("AUTH_TOKEN", "a b"), "environment: AUTH_TOKEN: ", &["no header can carry"]);
    let same = Setup::bare().var("AUTH_TOKEN", "same").var("ADMIN_TOKEN", "same");
    one(&same, "environment: warning: ADMIN_TOKEN: ", &["the same as a client token"]);
    one(&Setup::bare().var("ADMIN_TOKEN", "a b"), "environment: ADMIN_TOKEN: ", &["a blank"]);
}

#[test]
fn slips_in_tokens_and_keys_are_told() {
    let token = |value: &str, found: &str| {
        let setup = Setup::bare().var("AUTH_TOKEN", value);
        one(&setup, "environment: warning: AUTH_TOKEN: entry 1: ", &[found]);
    };
    token("tok-5f0e1a7c9b3d4e62OPENAI_API_KEY=sk-1", "`=` stand in the value");
    token("\"tok-5f0e1a7c9b3d4e62", "a quotation mark at one end");
    token("vault:secret/data/gateway#token", "a reference");
    token("arn:aws:secretsmanager:eu-west-1:1:secret:x", "a reference");
    let twice = Setup::bare().dotenv("OPENAI_API_KEY=OPENAI_API_KEY=sk-1\n");
    one(&twice, ".env:1:1: warning: OPENAI_API_KEY: ", &["`=` stand in the value", "its name once"]);
    let bedrock = Setup::yaml("providers: {bedrock: {region: eu-west-1, api_key: 'YOUR_KEY_ID:YOUR_SECRET'}}");
    assert!(bedrock.told().iter().any(|line| line.contains("a placeholder from an example")), "{:?}", bedrock.told());
    let bearer =
        Setup::yaml("providers: {bedrock: {region: eu-west-1}}").var("AWS_BEARER_TOKEN_BEDROCK", "YOUR_API_KEY");
    one(&bearer, "environment: warning: AWS_BEARER_TOKEN_BEDROCK: ", &["a placeholder from an example"]);
    let lines = Setup::bare().file("tokens", "alice:tok-a-5f0e1a7c\r\n\ntok-b-9b3d4e62,tok-c-7c9b3d4e\n");
    let path = format!(" {}\r", lines.folder.path().join("tokens").display());
    let setup = lines.var("AUTH_TOKEN_FILE", &path);
    assert!(setup.told().is_empty(), "{:?}", setup.told());
    assert_eq!(setup.config().clients.len(), 3);
}

#[test]
fn quotation_marks_around_tokens_and_keys() {
    let tokens = |value: &str| {
        let setup = Setup::bare().var("AUTH_TOKEN", value);
        let clients = setup.config().clients;
        let of = |client: &crate::Client| (client.name.as_deref().map(str::to_owned), client.token.expose().to_owned());
        (clients.iter().map(of).collect::<Vec<_>>(), setup.told())
    };
    let named = |name: &str, token: &str| (Some(name.to_owned()), token.to_owned());
    for value in ["\"a:hunter2,b:hunter3\"", "\"a:hunter2\",'b:hunter3'", "a:\"hunter2\", b: hunter3"] {
        let (clients, told) = tokens(value);
        assert_eq!(clients, [named("a", "hunter2"), named("b", "hunter3")], "{value}");
        assert!(!told.is_empty() && told.iter().all(|line| line.contains("warning: AUTH_TOKEN: ")), "{told:?}");
        assert!(!format!("{told:?}").contains("hunter"));
    }
    let key = Setup::bare().var("OPENAI_API_KEY", "'sk-hunter2'");
    one(&key, "environment: warning: OPENAI_API_KEY: quotation marks", &["taken off"]);
    assert_eq!(key.config().providers[0].keys[0].secret.expose(), "sk-hunter2");
    let half = Setup::bare().var("OPENAI_API_KEY", "sk-hunter2\"");
    one(&half, "environment: warning: OPENAI_API_KEY: a quotation mark at one end", &[]);
    let two = Setup::bare().var("OPENAI_API_KEY", "sk-hunter2,sk-hunter3");
    one(&two, "environment: warning: OPENAI_API_KEY: a key with a comma", &["_2, _3"]);
    assert_eq!(Setup::bare().var("PORT", "\"81\"").config().server.port, 81);
}

#[test]
fn tls_needs_both_halves() {
    let cert = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----";
    let half = Setup::bare().file("c.pem", cert).var("TLS_CERT", "c.pem");
    one(&half, "environment: TLS_CERT: ", &["set without TLS_KEY"]);
    let mixed = Setup::bare().file("c.pem", cert).var("TLS_CERT", "c.pem").var("TLS_KEY", "c.pem");
    one(&mixed, "environment: TLS_KEY: ", &["holds no private key in PEM form"]);
    let gone = Setup::bare().file("c.pem", cert).var("TLS_CERT", "gone.pem").var("TLS_KEY", "gone.pem");
    assert_eq!(gone.told().len(), 2, "{:?}", gone.told());
}

#[test]
fn secrets_in_files() {
    one(
        &Setup::bare().dotenv("GROQ_API_KEY=a\nGROQ_API_KEY_FILE=b"),
        ".env:1:1: GROQ_API_KEY: ",
        &["both GROQ_API_KEY and GROQ_API_KEY_FILE"],
    );
    one(&Setup::bare().var("AUTH_TOKEN_FILE", "/nowhere"), "environment: AUTH_TOKEN_FILE: ", &["does not exist"]);
    let empty = Setup::bare().file("empty", "\n");
    let path = empty.folder.path().join("empty").display().to_string();
    one(&empty.var("ADMIN_TOKEN_FILE", &path), "environment: ADMIN_TOKEN_FILE: ", &["is empty"]);
    let good = Setup::bare().file("key", "from-a-file\n");
    let path = good.folder.path().join("key");
    let config = good.var("GROQ_API_KEY_FILE", &path.display().to_string()).config();
    assert_eq!(config.providers[0].keys[0].secret.expose(), "from-a-file");
    assert_eq!(config.files, [path]);
    // What a refused configuration names is told too: it may be put there later.
    let folder =
        Setup::yaml("providers: {openai: {api_key: x, ca_file: late.pem}}").dotenv("AUTH_TOKEN_FILE=/nowhere/t");
    let mut seen = Vec::new();
    assert!(folder.load_seen(&mut seen).is_err());
    for late in [folder.folder.path().join("late.pem"), "/nowhere/t".into()] {
        assert!(seen.contains(&crate::Seen { path: late, content: crate::Content::Missing }), "{seen:?}");
    }
}

#[test]
fn near_misses_in_dotenv_are_doubted() {
    one(&Setup::bare().dotenv("AUTH_TOKENS=x"), ".env:1:1: warning: AUTH_TOKENS: ", &["did you mean AUTH_TOKEN?"]);
    one(
        &Setup::bare().dotenv("OPENAI_APIKEY=x"),
        ".env:1:1: warning: OPENAI_APIKEY: ",
        &["did you mean OPENAI_API_KEY?"],
    );
    // Only keys are numbered.
    one(&Setup::bare().dotenv("AUTH_TOKEN_2=x"), ".env:1:1: warning: AUTH_TOKEN_2: ", &["AUTH_TOKEN?", "with commas"]);
    one(&Setup::bare().dotenv("ADMIN_TOKEN_2=x"), ".env:1:1: warning: ADMIN_TOKEN_2: ", &["ADMIN_TOKEN?"]);
    one(
        &Setup::bare().dotenv("OPENAI_BASE_URL_2=http://127.0.0.1:9"),
        ".env:1:1: warning: OPENAI_BASE_URL_2: ",
        &["OPENAI_BASE_URL?"],
    );
    assert!(Setup::bare().dotenv("MY_OWN=x\nOPENAI_API_KEY_2=y\nOPENAI_API_KEY=x\nMY_PORT=4").told().is_empty());
}

/// `docker run --env-file .env` beside the mounted file: the environment is that of the start.
#[test]
fn a_token_that_the_environment_hides_is_told() {
    let (two, one_left) = ("alice:0123456789abcdef0,bob:fedcba98765432100", "alice:0123456789abcdef0");
    let setup = Setup::bare().var("AUTH_TOKEN", two).dotenv(&format!("AUTH_TOKEN={one_left}"));
    one(&setup, ".env:1:1: warning: AUTH_TOKEN: the environment has another AUTH_TOKEN", &["keep one"]);
    assert_eq!(setup.config().clients.len(), 2);
    assert!(Setup::bare().var("AUTH_TOKEN", two).dotenv(&format!("AUTH_TOKEN={two}")).told().is_empty());
}

#[test]
fn a_variable_hides_no_mistake_in_the_file() {
    for (yaml, name, value) in [
        ("server: {port: 70000}", "PORT", "8080"),
        ("server: {host: 'a b'}", "HOST", "127.0.0.1"),
        ("server: {workers: 0}", "WORKERS", "1"),
        ("retry: {max_retries: 99}", "RETRY_MAX_RETRIES", "1"),
        ("retry: {base_delay: 5}", "RETRY_BASE_DELAY", "1s"),
        ("retry: {max_delay: 5}", "RETRY_MAX_DELAY", "1s"),
        ("retry: {jitter: 7}", "RETRY_JITTER", "0.1"),
    ] {
        one(&Setup::yaml(yaml).var(name, value), "provider-config.yaml:1:", &[" is not "]);
    }
}
