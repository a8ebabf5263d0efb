//! The built-in catalogue of known providers, `providers.yaml`: kind, base URL, key variables, and
//! the model names that are theirs until they have listed their models.
//!
//! It is part of the binary; a test proves that every entry can be read and used.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::vars::{Var, Vars};
use crate::{Kind, Quirks};

/// What makes a provider take part without being named in the YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Enable {
    /// One of its key variables is set.
    #[default]
    Key,
    /// Nothing: the YAML has to name it.
    Name,
    /// Its base URL variable is set.
    Variable,
}

/// What is known of a provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(with = "kind_by_name")]
    pub(crate) kind: Kind,
    pub(crate) base_url: Option<String>,
    pub(crate) base_url_variable: Option<String>,
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    #[serde(default)]
    pub(crate) enable: Enable,
    #[serde(default = "yes")]
    pub(crate) needs_key: bool,
    #[serde(default = "yes")]
    pub(crate) version_segment: bool,
    #[serde(default)]
    pub(crate) prefixes: Vec<String>,
    /// Serves Responses itself.
    #[serde(default)]
    pub(crate) responses: bool,
    #[serde(default)]
    pub(crate) quirks: Quirks,
    #[cfg_attr(not(test), allow(dead_code, reason = "for the reader of the catalogue; a test asks for it"))]
    pub(crate) source: String,
}

fn yes() -> bool {
    true
}

/// Every kind by the name it has in files.
pub(crate) const KINDS: [(&str, Kind); 8] = [
    ("openai", Kind::OpenAi),
    ("openai-responses", Kind::OpenAiResponses),
    ("azure", Kind::Azure),
    ("anthropic", Kind::Anthropic),
    ("gemini", Kind::Gemini),
    ("vertex", Kind::Vertex),
    ("bedrock", Kind::Bedrock),
    ("demo", Kind::Demo),
];

mod kind_by_name {
    use super::{KINDS, Kind};
    use serde::de::{Deserialize, Deserializer, Error};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Kind, D::Error> {
        let name = String::deserialize(from)?;
        let known = KINDS.iter().find(|(known, _)| *known == name);
        known.map(|(_, kind)| *kind).ok_or_else(|| D::Error::custom("unknown kind"))
    }
}

/// All of them, in the order of the file.
pub(crate) fn all() -> &'static [Known] {
    static ALL: OnceLock<Vec<Known>> = OnceLock::new();
    ALL.get_or_init(|| read(include_str!("../providers.yaml")).unwrap_or_default())
}

pub(crate) fn find(name: &str) -> Option<&'static Known> {
    all().iter().find(|known| known.name == name)
}

fn read(text: &str) -> Result<Vec<Known>, serde_yaml::Error> {
    let by_name: BTreeMap<String, Known> = serde_yaml::from_str(text)?;
    // A map forgets the order of the file, which is the order of `models` and /health.
    let place = |name: &str| text.find(&format!("\n{name}:"));
    let mut all: Vec<Known> = by_name.into_iter().map(|(name, known)| Known { name, ..known }).collect();
    all.sort_by_key(|known| place(&known.name));
    Ok(all)
}

/// More than anyone has of one provider; bounds the look-ups.
const MOST_KEYS: u32 = 32;

/// The keys that the environment holds for a provider: the first of its variables that is set, and
/// that name with `_2`, `_3`, ... (gaps do not matter).
pub(crate) fn keys_in(vars: &Vars<'_>, variables: &[String]) -> Vec<Var> {
    for name in variables {
        let numbered = (2..=MOST_KEYS).filter_map(|n| vars.get(&format!("{name}_{n}")));
        let found: Vec<Var> = vars.get(name).into_iter().chain(numbered).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{BaseUrl, names};

    #[test]
    fn every_entry_can_be_used() {
        let all = read(include_str!("../providers.yaml")).unwrap();
        for known in &all {
            let name = &known.name;
            names::check_provider(name).unwrap();
            let by_region = matches!(known.kind, Kind::Vertex | Kind::Bedrock);
            assert!(known.base_url.is_some() || known.base_url_variable.is_some() || by_region, "{name}");
            if let Some(url) = &known.base_url {
                let url = BaseUrl::parse(url).unwrap();
                assert!(!url.is_exposed(), "{name}: keys would go unencrypted");
            }
            assert!(!known.needs_key || !known.keys.is_empty(), "{name}: no key variable");
            assert!(known.source.starts_with("https://") || name == "demo", "{name}: no source");
            assert!(known.enable != Enable::Variable || known.base_url_variable.is_some(), "{name}");
        }
        let mut prefixes: Vec<_> = all.iter().flat_map(|known| &known.prefixes).collect();
        let count = prefixes.len();
        prefixes.sort();
        prefixes.dedup();
        assert_eq!(prefixes.len(), count, "two providers claim one prefix");
    }

    #[test]
    fn the_promised_ones_are_there_in_the_order_of_the_file() {
        for name in [
            "openai",
            "azure",
            "groq",
            "openrouter",
            "mistral",
            "deepseek",
            "xai",
            "together",
            "fireworks",
            "cerebras",
            "perplexity",
            "cohere",
            "gemini",
            "anthropic",
            "ollama",
            "vllm",
            "llamacpp",
            "lmstudio",
            "demo",
        ] {
            assert!(find(name).is_some(), "{name}");
        }
        assert_eq!(all().first().unwrap().name, "openai");
        assert_eq!(all().last().unwrap().name, "demo");
    }
}
