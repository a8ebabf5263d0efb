//! What ships as an example is right, complete and up to date.

use crate::testing::Setup;
use crate::{catalogue, process, shapes};

const ENV: &str = include_str!("../../.env.example");
const YAML: &str = include_str!("../../provider-config-example.yaml");

/// The settings that stand in the template behind a `#`.
fn offered() -> Vec<(&'static str, &'static str)> {
    let lines = ENV.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' '));
    lines.filter_map(|line| line.split_once('=')).collect()
}

#[test]
fn the_env_template_can_be_used_as_it_is() {
    let setup = Setup::bare().dotenv(ENV);
    assert!(setup.told().is_empty(), "{:?}", setup.told());
    assert_eq!(setup.config().providers[0].id.as_str(), "demo", "nothing in it is switched on");
}

#[test]
fn the_env_template_can_be_filled_in() {
    let cert = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";
    let setup = Setup::bare().file("pem", cert);
    let pem = setup.folder.path().join("pem").display().to_string();
    let filled: String = offered()
        .iter()
        .map(|(name, value)| match *value {
            "" => format!("{name}=value-of-{name}\n"),
            value if value.ends_with(".pem") => format!("{name}={pem}\n"),
            // As it stands it is told of: everybody knows it.
            value => format!("{name}={}\n", value.replace("REPLACE-ME", "a-made-up-one")),
        })
        .collect();
    let setup = setup.dotenv(&filled);
    assert!(setup.told().is_empty(), "{:?}", setup.told());
    assert!(setup.config().providers.len() >= 20);
}

#[test]
fn the_env_template_offers_every_variable() {
    let names: Vec<&str> = offered().into_iter().map(|(name, _)| name).collect();
    for variable in process::VARIABLES {
        // Set by whoever starts the process, not by what it reads then.
        let outside = ["AI_PROXY_CONFIG_DIR", "RUST_BACKTRACE"].contains(&variable);
        assert!(outside || names.contains(&variable), "{variable}");
    }
    for known in catalogue::all().iter().filter(|known| known.enable == catalogue::Enable::Key) {
        assert!(names.contains(&known.keys[0].as_str()), "{}", known.keys[0]);
    }
}

#[test]
fn the_yaml_example_is_right() {
    let mut setup = Setup::yaml(YAML);
    for name in [
        "GROQ_API_KEY",
        "GROQ_API_KEY_2",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "AZURE_OPENAI_API_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
    ] {
        setup = setup.var(name, &format!("value-of-{name}"));
    }
    assert!(setup.told().is_empty(), "{:#?}", setup.told());
    let config = setup.config();
    let ids: Vec<_> = config.providers.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["groq", "openai", "anthropic", "local", "azure-eu", "vertex", "bedrock"]);
    assert_eq!(config.models.len(), 3);
    assert_eq!(config.providers[1].timeouts.first_byte.as_secs(), 60, "merged");
    assert!(YAML.starts_with("# yaml-language-server: $schema="));
}

#[test]
fn the_yaml_example_shows_every_key_of_the_sections_it_writes_out() {
    for shape in [
        &shapes::ROOT,
        &shapes::TIMEOUTS,
        &shapes::BREAKER,
        &shapes::MODEL,
        &shapes::TARGET,
        &shapes::HEDGE,
        &shapes::RETRY,
    ] {
        for key in shape.keys {
            assert!(YAML.contains(&format!("{key}:")), "{}.{key}", shape.name);
        }
    }
}
