//! Each mistake that `check` names: where it is said to be, and how.

mod process;
mod providers;
mod routes;
mod structure;
mod values;

use crate::testing::Setup;

/// The findings of a YAML that is right but for one thing (the demo provider is there).
fn told(yaml: &str) -> Vec<String> {
    Setup::yaml(yaml).told()
}

/// Exactly one finding, at the place and with the words given.
#[track_caller]
fn one(setup: &Setup, begin: &str, words: &[&str]) {
    let told = setup.told();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with(begin), "{} does not begin with {begin}", told[0]);
    for word in words {
        assert!(told[0].contains(word), "{} lacks {word}", told[0]);
    }
}

#[track_caller]
fn one_in(yaml: &str, place: &str, words: &[&str]) {
    one(&Setup::yaml(yaml), &format!("provider-config.yaml:{place}: "), words);
}

/// A provider of its own with `field` on line 6, and nothing else wrong.
#[track_caller]
fn provider(field: &str, path: &str, words: &[&str]) {
    let yaml = format!(
        "providers:\n  p:\n    kind: openai\n    base_url: http://127.0.0.1:1\n    api_key: none\n    {field}\n"
    );
    let setup = Setup::yaml(&yaml);
    one(&setup, "provider-config.yaml:", words);
    assert!(setup.told()[0].contains(path), "{:?} lacks {path}", setup.told());
}

#[track_caller]
fn variable(name: &str, value: &str, words: &[&str]) {
    let dotenv = format!("# settings\n{name}={value}\n");
    one(&Setup::bare().dotenv(&dotenv), &format!(".env:2:1: {name}: "), words);
    one(&Setup::bare().var(name, value), &format!("environment: {name}: "), words);
}
