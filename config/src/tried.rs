//! Names that people try for a provider's key or address, from memory or from other tools: `OPENAI_KEY`,
//! `CLAUDE_API_KEY`, `HUGGINGFACE_API_KEY`, `OPENAI_API_KEYS`. Nothing reads them, and that is told with the name that was
//! meant. Also told: a key whose provider takes part only where the YAML names it (`HF_TOKEN`).
//!
//! What always holds: nothing of a value is looked at but whether there is one.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{self, Enable, Known};
use crate::finding::Place;
use crate::process::VARIABLES;
use crate::vars::Vars;
use crate::{Finding, Kind};

/// What a key's variable may end in; those of the first line are so plain that they are looked for in the real
/// environment too, where a name may stand for other reasons.
const OF_KEYS: [&str; 6] = ["_API_KEY", "_API_KEYS", "_KEY", "_KEYS", "_APIKEY", "_API_TOKEN"];
const OF_KEYS_HERE: [&str; 7] =
    ["_TOKEN", "_TOKENS", "_APIKEYS", "_SECRET", "_SECRET_KEY", "_AUTH_TOKEN", "_ACCESS_TOKEN"];
const OF_ADDRESSES: [&str; 10] = [
    "_BASE",
    "_BASE_URL",
    "_API_BASE",
    "_URL",
    "_API_URL",
    "_API_BASE_URL",
    "_ENDPOINT",
    "_API_ENDPOINT",
    "_API_HOST",
    "_HOST",
];

/// What other servers call a setting of the process; in `.env` nobody else reads it.
const OF_OTHERS: [(&str, &str); 42] = [
    ("ADMIN_KEY", "ADMIN_TOKEN"),
    ("AI_PROXY_HOST", "HOST"),
    ("AI_PROXY_PORT", "PORT"),
    ("AI_PROXY_TOKEN", "AUTH_TOKEN"),
    ("AUTH_KEY", "AUTH_TOKEN"),
    ("BEARER_TOKEN", "AUTH_TOKEN"),
    ("BIND", "HOST"),
    ("BIND_ADDR", "HOST"),
    ("BIND_ADDRESS", "HOST"),
    ("CLIENT_TOKEN", "AUTH_TOKEN"),
    ("DATA_DIR", "STATE_DIR"),
    ("GATEWAY_TOKEN", "AUTH_TOKEN"),
    ("GH_TOKEN", "GITHUB_TOKEN"),
    ("GITHUB_PAT", "GITHUB_TOKEN"),
    ("GLM_API_KEY", "ZAI_API_KEY"),
    ("HEALTH_PORT", "HEALTH_LISTEN"),
    ("HTTP_PORT", "PORT"),
    ("LISTEN", "HOST"),
    ("LISTEN_ADDR", "HOST"),
    ("LISTEN_ADDRESS", "HOST"),
    ("LISTEN_PORT", "PORT"),
    ("LITELLM_MASTER_KEY", "AUTH_TOKEN"),
    ("LOGGING_LEVEL", "RUST_LOG"),
    ("LOGLEVEL", "RUST_LOG"),
    ("LOG_LEVEL", "RUST_LOG"),
    ("MASTER_KEY", "AUTH_TOKEN"),
    ("MAX_RETRIES", "RETRY_MAX_RETRIES"),
    ("OPENAPI_KEY", "OPENAI_API_KEY"),
    ("PORTS", "PORT"),
    ("PROXY_API_KEY", "AUTH_TOKEN"),
    ("PROXY_HOST", "HOST"),
    ("PROXY_KEY", "AUTH_TOKEN"),
    ("PROXY_PORT", "PORT"),
    ("PROXY_TOKEN", "AUTH_TOKEN"),
    ("SERVER_HOST", "HOST"),
    ("SERVER_PORT", "PORT"),
    ("VERTEXAI_LOCATION", "GOOGLE_CLOUD_LOCATION"),
    ("VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"),
    ("VERTEX_LOCATION", "GOOGLE_CLOUD_LOCATION"),
    ("VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT"),
    ("ZHIPUAI_API_KEY", "ZAI_API_KEY"),
    ("ZHIPU_API_KEY", "ZAI_API_KEY"),
];

/// What only the YAML says, and where.
const OF_YAML: [(&str, &str); 8] = [
    ("ALLOWED_ORIGINS", "server.cors_origins"),
    ("CORS_ALLOWED_ORIGINS", "server.cors_origins"),
    ("CORS_ORIGINS", "server.cors_origins"),
    ("OPENAI_ORGANIZATION", "a header openai-organization under providers.openai.headers"),
    ("OPENAI_ORG_ID", "a header openai-organization under providers.openai.headers"),
    ("OPENAI_PROJECT_ID", "a header openai-project under providers.openai.headers"),
    ("REQUEST_TIMEOUT", "server.request_timeout"),
    ("TRUSTED_PROXIES", "server.trusted_proxies"),
];

/// What a name that nothing reads was probably meant to be.
#[derive(Clone)]
struct Meant {
    fix: String,
    /// Told of the real environment too.
    everywhere: bool,
}

/// `declared`: the names of the providers that take part.
pub(crate) fn warn(vars: &Vars<'_>, declared: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let known = known_names();
    let tried = tried(&known);
    for (name, entry) in vars.entries() {
        let base = name.strip_suffix("_FILE").unwrap_or(name);
        // A variable of the user's own may be used by the YAML.
        if vars.was_read(base) || vars.was_read(name) || known.contains(base) || is_numbered(base) {
            continue;
        }
        let capital = base.to_ascii_uppercase();
        let in_small = || {
            let is_name = capital != base && (known.contains(&*capital) || is_numbered(&capital));
            is_name.then(|| format!("did you mean {capital}? Names are read in capitals"))
        };
        let meant = || tried.get(&capital).map(|meant| meant.fix.clone());
        let fix = in_small().or_else(meant).or_else(|| near(&capital, &known));
        if let Some(fix) = fix {
            let place = Place { file: vars.env_path().to_owned(), at: entry.at, path: name.clone() };
            findings.push(place.warning("nothing reads this variable", fix));
        }
    }
    for (name, meant) in tried.iter().filter(|(_, meant)| meant.everywhere) {
        if !vars.was_read(name)
            && !vars.entries().contains_key(name)
            && let Some(place) = vars.real_place(name)
        {
            findings.push(place.warning("nothing reads this variable", meant.fix.clone()));
        }
    }
    tell_idle_keys(vars, declared, findings);
}

fn known_names() -> BTreeSet<&'static str> {
    let of_providers = catalogue::all().iter().flat_map(|known| known.keys.iter().chain(&known.base_url_variables));
    VARIABLES.into_iter().chain(of_providers.map(String::as_str)).collect()
}

/// `GROQ_API_KEY_2`.
fn is_numbered(name: &str) -> bool {
    let Some((base, number)) = name.rsplit_once('_') else { return false };
    let is_counted = number.parse().is_ok_and(|number: u32| (1..=catalogue::MOST_KEYS).contains(&number));
    is_counted && !number.starts_with('0') && is_key(base)
}

/// Of which there may be several.
fn is_key(name: &str) -> bool {
    catalogue::all().iter().any(|known| known.keys.iter().any(|key| key == name))
}

/// Two slips of the pen, one in a short name, none in a shorter one: what is left of `CF_API_KEY` or `GITLAB_TOKEN` then
/// is another vendor's, and the key would go to it.
fn near(name: &str, known: &BTreeSet<&str>) -> Option<String> {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    if known.contains(base) && !is_key(base) {
        let list = if base == "AUTH_TOKEN" { ", and takes several: name:token, with commas between" } else { "" };
        return Some(format!("did you mean {base}? It is not numbered{list}"));
    }
    if known.contains(base) {
        return Some(format!("did you mean {base}_2? Further keys are numbered so, up to {}", catalogue::MOST_KEYS));
    }
    let stem = |name: &str| {
        let ends = OF_KEYS.iter().chain(&OF_KEYS_HERE).chain(&OF_ADDRESSES);
        ends.filter_map(|end| name.strip_suffix(end)).map(str::len).min().unwrap_or(name.len())
    };
    let slips = |known: &str| match stem(base).min(stem(known)) {
        ..4 => 0,
        4..8 => 1,
        _ => 2,
    };
    let near = known.iter().find(|k| k.len() > 4 && strsim::damerau_levenshtein(base, k) <= slips(k));
    near.map(|near| format!("did you mean {near}?"))
}

/// Every name that is tried, with what to write instead. The first provider of the catalogue has a name.
fn tried(known_names: &BTreeSet<&str>) -> BTreeMap<String, Meant> {
    let meant = |name: &str| Meant { fix: format!("did you mean {name}?"), everywhere: false };
    let of_whom = "for clients: AUTH_TOKEN; a provider's key goes by its vendor's name, as OPENAI_API_KEY";
    let mut tried: BTreeMap<String, Meant> =
        OF_OTHERS.into_iter().map(|(name, ours)| (name.to_owned(), meant(ours))).collect();
    for (name, place) in OF_YAML {
        let fix = format!("write it into provider-config.yaml: {place}");
        tried.insert(name.to_owned(), Meant { fix, everywhere: false });
    }
    for name in ["API_KEY", "API_KEYS", "API_TOKEN", "TOKEN"] {
        tried.insert(name.to_owned(), Meant { fix: of_whom.to_owned(), everywhere: false });
    }
    for known in catalogue::all().iter().filter(|known| has_names_of_its_own(known)) {
        for stem in stems(known) {
            let mut add = |suffix: &str, fix: String, everywhere: bool| {
                let name = format!("{stem}{suffix}");
                if !known_names.contains(name.as_str()) {
                    tried.entry(name).or_insert(Meant { fix, everywhere });
                }
            };
            if let Some(key) = known.keys.first() {
                let fix = |suffix: &str| {
                    let several = if suffix.ends_with('S') {
                        format!(" One key each: {key}, {key}_2, ...")
                    } else {
                        String::new()
                    };
                    let named = if known.enable == Enable::Name {
                        format!(" And name {} under providers", known.name)
                    } else {
                        String::new()
                    };
                    format!("did you mean {key}?{several}{named}")
                };
                OF_KEYS.iter().for_each(|suffix| add(suffix, fix(suffix), true));
                OF_KEYS_HERE.iter().for_each(|suffix| add(suffix, fix(suffix), false));
            }
            if let Some(variable) = known.base_url_variables.first() {
                OF_ADDRESSES
                    .iter()
                    .for_each(|suffix| add(suffix, format!("did you mean {variable}?"), *suffix != "_HOST"));
            }
        }
    }
    tried
}

/// Not those whose keys another one has, or which stand in environments for other reasons.
fn has_names_of_its_own(known: &Known) -> bool {
    !matches!(known.kind, Kind::Vertex | Kind::Bedrock | Kind::Demo) && !known.name.ends_with("-openai")
}

/// What a provider's variables may begin with: `ANTHROPIC`, `CLAUDE`.
fn stems(known: &Known) -> BTreeSet<String> {
    let upper = |name: &String| name.to_ascii_uppercase().replace('-', "_");
    let of_keys = known
        .keys
        .iter()
        .filter_map(|key| ["_API_KEY", "_TOKEN"].iter().find_map(|end| key.strip_suffix(end)).map(str::to_owned));
    [&known.name].into_iter().chain(&known.aliases).map(upper).chain(of_keys).collect()
}

/// Keys of providers that take part only where they are named.
fn tell_idle_keys(vars: &Vars<'_>, declared: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let takes_part = |known: &Known| {
        let alias = |id: &&str| catalogue::by_alias(id).is_some_and(|other| other.name == known.name);
        declared.contains(known.name.as_str()) || declared.iter().any(alias)
    };
    let by_name = |known: &&Known| known.enable == Enable::Name && has_names_of_its_own(known);
    for known in catalogue::all().iter().filter(by_name).filter(|known| !takes_part(known)) {
        for key in known.keys.iter().filter(|key| !vars.was_read(key)) {
            let Some(var) = vars.get(key) else { continue };
            let found = format!("not used: {} takes part only where provider-config.yaml names it", known.name);
            findings.push(var.place.note(found, format!("write `{}:` under providers to use it", known.name)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use crate::testing::Setup;

    #[test]
    fn names_that_people_try_are_told_wherever_they_stand() {
        for (name, meant) in [
            ("OPENAI_KEY", "OPENAI_API_KEY"),
            ("OPENAI_APIKEY", "OPENAI_API_KEY"),
            ("OPEN_AI_API_KEY", "OPENAI_API_KEY"),
            ("CLAUDE_API_KEY", "ANTHROPIC_API_KEY"),
            ("ANTHROPIC_KEY", "ANTHROPIC_API_KEY"),
            ("GROK_API_KEY", "XAI_API_KEY"),
            ("XAI_KEY", "XAI_API_KEY"),
            ("GEMINI_KEY", "GEMINI_API_KEY"),
            ("GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"),
            ("KIMI_API_KEY", "MOONSHOT_API_KEY"),
            ("Z_AI_API_KEY", "ZAI_API_KEY"),
            ("AZURE_OPENAI_KEY", "AZURE_OPENAI_API_KEY"),
            ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
            ("HUGGINGFACE_API_KEY", "HF_TOKEN"),
            ("HUGGINGFACEHUB_API_TOKEN", "HF_TOKEN"),
            ("OPENAI_API_BASE_URL", "OPENAI_BASE_URL"),
            ("OLLAMA_URL", "OLLAMA_BASE_URL"),
            ("OPENAI_BASE", "OPENAI_BASE_URL"),
        ] {
            for setup in [Setup::bare().var(name, "hunter2"), Setup::bare().dotenv(&format!("{name}=hunter2"))] {
                let told = setup.told();
                assert_eq!(told.len(), 1, "{name}: {told:?}");
                assert!(told[0].contains(&format!("warning: {name}: nothing reads")), "{told:?}");
                assert!(told[0].contains(&format!("did you mean {meant}?")), "{told:?}");
            }
        }
        for (name, meant) in [
            ("LOG_LEVEL", "RUST_LOG"),
            ("PORTS", "PORT"),
            ("GH_TOKEN", "GITHUB_TOKEN"),
            ("GLM_API_KEY", "ZAI_API_KEY"),
            ("openai_api_key", "OPENAI_API_KEY"),
            ("Groq_Api_Key_2", "GROQ_API_KEY_2"),
            ("claude_api_key", "ANTHROPIC_API_KEY"),
            ("OPENAI_API_KEY_01", "OPENAI_API_KEY_2"),
            ("OPENAPI_KEY", "OPENAI_API_KEY"),
            ("PROXY_API_KEY", "AUTH_TOKEN"),
            ("AI_PROXY_PORT", "PORT"),
            ("AI_PROXY_HOST", "HOST"),
            ("LISTEN_ADDR", "HOST"),
            ("BIND_ADDRESS", "HOST"),
            ("HTTP_PORT", "PORT"),
            ("HEALTH_PORT", "HEALTH_LISTEN"),
            ("LOGGING_LEVEL", "RUST_LOG"),
            ("MAX_RETRIES", "RETRY_MAX_RETRIES"),
            ("VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"),
            ("ZHIPUAI_API_KEY", "ZAI_API_KEY"),
            ("GITHUB_PAT", "GITHUB_TOKEN"),
        ] {
            assert!(Setup::bare().var(name, "x").told().is_empty(), "others may read it");
            let told = Setup::bare().dotenv(&format!("{name}=x")).told();
            assert!(told.len() == 1 && told[0].contains(&format!("did you mean {meant}?")), "{told:?}");
        }
        for other in ["CF_API_KEY", "AI_API_KEY", "LLM_API_KEY", "HA_TOKEN", "GITLAB_TOKEN"] {
            let told = Setup::bare().dotenv(&format!("{other}=x")).told();
            assert!(!told.iter().any(|line| line.contains("did you mean")), "{told:?}");
        }
        for name in ["API_KEY", "API_TOKEN", "TOKEN"] {
            assert!(Setup::bare().var(name, "x").told().is_empty(), "others may read it");
            assert!(Setup::bare().dotenv(&format!("{name}=x")).told()[0].contains("for clients: AUTH_TOKEN"));
        }
        for (name, place) in [
            ("CORS_ORIGINS", "server.cors_origins"),
            ("TRUSTED_PROXIES", "server.trusted_proxies"),
            ("OPENAI_ORG_ID", "openai-organization under providers.openai.headers"),
        ] {
            assert!(Setup::bare().var(name, "x").told().is_empty(), "others may read it");
            let told = Setup::bare().dotenv(&format!("{name}=x")).told();
            assert!(told.len() == 1 && told[0].contains(place), "{told:?}");
        }
        let several = Setup::bare().var("OPENAI_API_KEYS", "a,b").told();
        assert!(several[0].ends_with("One key each: OPENAI_API_KEY, OPENAI_API_KEY_2, ..."), "{several:?}");
        for name in ["GROQ_API_KEY2", "GROQ_API_KEY_33"] {
            let told = Setup::bare().dotenv(&format!("GROQ_API_KEY=a\n{name}=b")).told();
            assert!(told.len() == 1 && told[0].contains("did you mean GROQ_API_KEY_2?"), "{told:?}");
        }
        let first = Setup::bare().dotenv("GROQ_API_KEY_1=a\nGROQ_API_KEY_2=b");
        assert_eq!((first.told().len(), first.config().providers[0].keys.len()), (0, 2));
        // What the YAML reads is the user's own.
        let own =
            Setup::yaml("providers: {p: {kind: openai, base_url: 'http://127.0.0.1:1', api_key: '${OPENAI_KEY}'}}");
        assert!(own.dotenv("OPENAI_KEY=a").told().is_empty());
    }

    #[test]
    fn a_key_whose_provider_must_be_named_is_told() {
        for (key, provider) in [("HF_TOKEN", "huggingface"), ("GITHUB_TOKEN", "github")] {
            let told = Setup::bare().var(key, "k").told();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains(&format!("note: {key}: not used: {provider} takes part only")), "{told:?}");
            for yaml in [format!("providers: {{{provider}: }}"), "providers: {hf: , github-models: }".to_owned()] {
                assert!(
                    !Setup::yaml(&yaml).var(key, "k").told().iter().any(|line| line.contains("not used")),
                    "{yaml}"
                );
            }
        }
        assert!(Setup::bare().var("OLLAMA_API_KEY", "k").told()[0].contains("set without OLLAMA_BASE_URL"));
        let nobody = Setup::bare().var("OPENAI_BASE_URL", "http://127.0.0.1:1").told();
        assert!(nobody.len() == 1 && nobody[0].contains("set without OPENAI_API_KEY"), "{nobody:?}");
    }

    #[test]
    fn a_provider_may_go_by_the_name_it_has_elsewhere() {
        for (name, key, host) in [
            ("google", "GEMINI_API_KEY", "generativelanguage.googleapis.com"),
            ("claude", "ANTHROPIC_API_KEY", "api.anthropic.com"),
            ("grok", "XAI_API_KEY", "api.x.ai"),
            ("kimi", "MOONSHOT_API_KEY", "api.moonshot.ai"),
            ("z.ai", "ZAI_API_KEY", "api.z.ai"),
            ("together_ai", "TOGETHER_API_KEY", "api.together.xyz"),
        ] {
            let setup = Setup::yaml(&format!("providers: {{{name}: }}")).var(key, "k");
            assert!(setup.told().is_empty(), "{name}: {:?}", setup.told());
            let providers = setup.config().providers;
            let got: Vec<_> = providers.iter().map(|p| (p.id.as_str(), p.base_url.host(), p.keys.len())).collect();
            assert_eq!(got, [(name, host, 1)], "once, under the name of the file");
        }
        let azure = Setup::yaml("providers: {azure-openai: {base_url: 'https://r.openai.azure.com', api_key: k}}");
        assert_eq!(azure.config().providers[0].kind, crate::Kind::Azure);
        // An entry that says what it is means no other.
        let own = Setup::yaml("providers: {google: {kind: openai, base_url: 'http://127.0.0.1:1', api_key: k}}");
        assert!(own.config().providers[0].prefixes.is_empty());
        let target = Setup::yaml("models: {m: {targets: [google/gemini-2.5-flash]}}").var("GEMINI_API_KEY", "k").told();
        assert!(target[0].ends_with("did you mean gemini/gemini-2.5-flash?"), "{target:?}");
        let capital = Setup::yaml("providers: {OpenAI: {api_key: k}}").told();
        assert!(capital[0].ends_with("write openai"), "{capital:?}");
    }
}
