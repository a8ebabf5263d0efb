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
    /// A variable for its base URL is set.
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
    /// The first of them is the one that texts name.
    #[serde(default)]
    pub(crate) base_url_variables: Vec<String>,
    /// What such a variable leaves to the vendor's SDK: stands behind a host without a path.
    pub(crate) base_url_path: Option<String>,
    /// Other names that people give it.
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
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

/// The one that goes by another name elsewhere: `claude`, `azure_openai`, `z.ai`.
pub(crate) fn by_alias(name: &str) -> Option<&'static Known> {
    let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
    all().iter().find(|known| known.aliases.contains(&name))
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
pub(crate) const MOST_KEYS: u32 = 32;

/// The keys that the environment holds for a provider: the first of its variables that is set, and
/// that name with `_1`, `_2`, `_3`, ... (gaps do not matter).
pub(crate) fn keys_in(vars: &Vars<'_>, variables: &[String]) -> Vec<Var> {
    for name in variables {
        let numbered = (1..=MOST_KEYS).filter_map(|n| vars.get(&format!("{name}_{n}")));
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
            assert!(known.base_url.is_some() || !known.base_url_variables.is_empty() || by_region, "{name}");
            if let Some(url) = &known.base_url {
                let url = BaseUrl::parse(url).unwrap();
                assert!(!url.is_exposed(), "{name}: keys would go unencrypted");
            }
            assert!(!known.needs_key || !known.keys.is_empty(), "{name}: no key variable");
            assert!(known.source.starts_with("https://") || name == "demo", "{name}: no source");
            assert!(known.enable != Enable::Variable || !known.base_url_variables.is_empty(), "{name}");
        }
        let mut prefixes: Vec<_> = all.iter().flat_map(|known| &known.prefixes).collect();
        let count = prefixes.len();
        prefixes.sort();
        prefixes.dedup();
        assert_eq!(prefixes.len(), count, "two providers claim one prefix");
        let mut names: Vec<_> = all.iter().flat_map(|known| known.aliases.iter().chain([&known.name])).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "two providers go by one name");
        assert_eq!(by_alias("Azure_OpenAI").map(|known| known.name.as_str()), Some("azure"));
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
