//! From two files and the environment to a [`Config`], or to everything that is wrong with them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::catalogue::{self, Enable, Known};
use crate::finding::Place;
use crate::provider::Entry;
use crate::reader::{Reader, Spot};
use crate::tree::{Node, Pos, Value};
use crate::vars::Vars;
use crate::written::Written;
use crate::{Config, Environment, Finding, Kind, Located, Model, Provider, Seen, Sources};
use crate::{
    address, default_model, env_file, files, host, links, process, provider, routes, server, shapes, tree, tried,
};

/// Told at once; beyond this a file is broken as a whole, and a reader is not served by more.
const MOST_FINDINGS: usize = 300;

/// A configuration that may be served, and the doubts about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// Findings that do not keep it from being served.
    pub warnings: Vec<Finding>,
    pub located: Located,
    /// Every file that was read, with what stood in it.
    pub seen: Vec<Seen>,
    /// Which of the two files of the configuration say anything: neither a missing one nor one that was emptied does.
    pub said: Vec<PathBuf>,
    /// What stood in them, to be compared with what stands there next.
    pub written: Written,
    /// Nothing names a provider: the demo serves, and nobody asked for it.
    pub implicit_demo: bool,
}

/// [`load_seen`] for who does not watch.
pub fn load(sources: &Sources, env: &dyn Environment) -> Result<Loaded, Vec<Finding>> {
    load_seen(sources, env, &mut Vec::new())
}

/// Reads and checks everything. On failure every error is there at once, warnings among them, in
/// the order of the files. Either way `watched` gains every file that was read or looked for.
pub fn load_seen(sources: &Sources, env: &dyn Environment, watched: &mut Vec<Seen>) -> Result<Loaded, Vec<Finding>> {
    let located = crate::locate(sources, env);
    let mut findings = Vec::new();
    let (mut said, mut written) = (Vec::new(), Written::default());
    check_dir(&located, sources, env, &mut findings);

    let env_path = located.env_file.clone().unwrap_or_else(|| located.dir.join(crate::locate::ENV_NAME));
    let entries = match read_file(located.env_file.as_deref(), watched, &mut findings) {
        Some(text) => {
            written.add_file(crate::locate::ENV_NAME, &text);
            if files::is_open_to_all(&env_path) {
                let told = Finding::file_error(&env_path, "every user of this machine can read it", "chmod 640 it");
                findings.push(Finding { severity: crate::Severity::Warning, ..told });
            }
            env_file::read(&env_path, &text, &mut findings)
        }
        None => env_file::Entries::new(),
    };
    if !entries.is_empty() {
        said.push(env_path.clone());
    }
    let vars = Vars::new(env, &env_path, entries);

    let yaml_path = located.yaml.clone().unwrap_or_else(|| located.dir.join(crate::locate::YAML_NAME));
    let yaml = read_file(located.yaml.as_deref(), watched, &mut findings);
    let (root, parsed) = match yaml.as_deref().map(tree::parse) {
        Some(Ok(root)) => (root, true),
        Some(Err(error)) => {
            let place = Place { file: yaml_path.clone(), at: error.at, path: String::new() };
            findings.push(place.error(error.message, "correct the YAML; the rest is checked after that"));
            (nothing(), false)
        }
        None => (nothing(), located.yaml.is_none()),
    };

    if !is_blank(&root) {
        said.push(yaml_path.clone());
    }
    written.add_file(crate::locate::YAML_NAME, yaml.as_deref().unwrap_or_default());
    written.add_keys(&root);
    let mut reader = Reader::new(&yaml_path, &located.dir, &vars);
    let (mut config, implicit_demo) = read_config(&mut reader, &root, parsed);
    findings.append(&mut reader.findings);
    watched.append(&mut reader.files);
    let declared = config.providers.iter().map(|provider| provider.id.as_str()).collect();
    tried::warn(&vars, &declared, &mut findings);
    let (mut secret_files, mut about_files) = vars.into_files();
    watched.append(&mut secret_files);
    findings.append(&mut about_files);

    let mut seen = BTreeSet::new();
    watched.retain(|file| seen.insert(file.path.clone()));
    let findings = ordered(findings);
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    config.files = watched.iter().map(|seen| seen.path.clone()).collect();
    Ok(Loaded { config, warnings: findings, located, seen: watched.clone(), said, written, implicit_demo })
}

/// No setting at all: an empty file, one of comments, or one of keys with nothing under them.
fn is_blank(root: &Node) -> bool {
    match &root.value {
        Value::Null => true,
        Value::Map(pairs) => pairs.iter().all(|(_, node)| matches!(node.value, Value::Null)),
        Value::Scalar(_) | Value::Seq(_) => false,
    }
}

fn nothing() -> Node {
    Node { at: Pos::default(), value: Value::Null }
}

fn check_dir(located: &Located, sources: &Sources, env: &dyn Environment, findings: &mut Vec<Finding>) {
    let named = env.var("AI_PROXY_CONFIG_DIR").is_some_and(|dir| !dir.is_empty());
    if sources.config.is_none() && named && !located.dir.is_dir() {
        let told = Finding::file_error(
            Path::new("environment"),
            "the directory does not exist",
            "create it, or unset the variable",
        );
        findings.push(Finding { path: "AI_PROXY_CONFIG_DIR".to_owned(), ..told });
    }
    let misnamed = located.dir.join("provider-config.yml");
    if located.yaml.is_none() && misnamed.exists() {
        findings.push(Finding::file_error(
            &misnamed,
            "a file of this name is not read",
            "rename it to provider-config.yaml",
        ));
    }
}

fn read_file(path: Option<&Path>, watched: &mut Vec<Seen>, findings: &mut Vec<Finding>) -> Option<String> {
    let path = path?;
    match files::read_text(path, watched) {
        Ok(text) => Some(text),
        Err(why) => {
            findings.push(Finding::file_error(path, format!("the file {}", why.found), why.fix));
            None
        }
    }
}

/// `parsed` is false where the YAML could not be read: then nothing is said about what it lacks. Tells too whether the
/// demo serves for want of anything else.
fn read_config(r: &mut Reader<'_>, root: &Node, parsed: bool) -> (Config, bool) {
    let spot = Spot { node: root, path: String::new() };
    let object = r.object(&spot, &shapes::ROOT).unwrap_or_default();
    let (server, host_place) = server::read_server(r, object.get("server"), r.vars.memory_limit());
    let retry = server::read_retry(r, object.get("retry"));
    let beyond_loopback = !host::is_loopback(&server.host);
    r.listens = Some((server.host.clone(), server.port));

    let Providers { mut enabled, off, broken } = read_providers(r, object.get("providers"));
    let routes = object.get("models").map(|spot| routes::read_all(r, spot)).unwrap_or_default();
    let mut implicit_demo = false;
    if enabled.is_empty() && broken.is_empty() && parsed {
        let place = || host_place.clone().unwrap_or_else(|| r.place(&spot));
        if !off.is_empty() {
            let found = place().error("every provider is switched off", "remove enabled: false from one");
            r.findings.push(found);
        } else if beyond_loopback {
            let fix = "set a provider's key in .env, or name one in provider-config.yaml (the demo provider is never implicit here)";
            let found = place().error("listens beyond loopback without any provider", fix);
            r.findings.push(found);
        } else if let Some(known) = catalogue::find("demo") {
            enabled.extend(provider::from_catalogue(r, known));
            implicit_demo = true;
        }
    }
    if parsed {
        links::check(r, &routes, &enabled, &links::Absent { off, broken });
    }

    let clients = process::read_clients(r, beyond_loopback);
    if beyond_loopback && r.vars.get("AUTH_TOKEN").is_none() {
        let place = host_place.unwrap_or_else(|| r.place(&spot));
        let fix = "set AUTH_TOKEN in .env (openssl rand -hex 24), or listen on 127.0.0.1";
        r.findings.push(place.error("listens beyond loopback without AUTH_TOKEN: anyone could use your keys", fix));
    }
    let admin_token = process::read_admin(r, &clients, beyond_loopback);
    let tls = process::read_tls(r);
    let health_listen = process::read_health_listen(r, server.port);
    let models: Vec<Model> = routes.into_iter().map(|read| read.model).collect();
    let default_model = default_model::read(r, object.get("default_model"), &models, &enabled);
    let config = Config {
        providers: enabled,
        models,
        default_model,
        retry,
        server,
        clients,
        admin_token,
        state_dir: process::read_state_dir(r.vars),
        log: process::read_log(r),
        tls,
        health_listen,
        files: Vec::new(),
    };
    (config, implicit_demo)
}

/// The providers that take part, and the names of those in the YAML that do not.
struct Providers {
    enabled: Vec<Provider>,
    off: BTreeSet<String>,
    broken: BTreeSet<String>,
}

/// The providers of the YAML, then those of the catalogue that the environment enables.
fn read_providers(r: &mut Reader<'_>, spot: Option<&Spot<'_>>) -> Providers {
    let mut all = Providers { enabled: Vec::new(), off: BTreeSet::new(), broken: BTreeSet::new() };
    let mut declared = BTreeSet::new();
    for (key, spot) in spot.and_then(|spot| r.entries(spot)).unwrap_or_default() {
        declared.insert(key.text.as_str());
        // Under whatever name: its key is taken.
        declared.extend(catalogue::by_alias(&key.text).map(|known| known.name.as_str()));
        match provider::read(r, &key.text, &spot) {
            Entry::Enabled(provider) => all.enabled.push(*provider),
            Entry::Off => drop(all.off.insert(key.text.clone())),
            Entry::Broken => drop(all.broken.insert(key.text.clone())),
        }
    }
    for known in catalogue::all().iter().filter(|known| !declared.contains(known.name.as_str())) {
        let has_kind = all.enabled.iter().any(|provider| provider.kind == known.kind);
        if is_enabled_by_environment(r, known, has_kind) {
            all.enabled.extend(provider::from_catalogue(r, known));
        }
    }
    all
}

/// `has_kind`: the YAML has a provider of that kind, so a key without a place is probably its key.
fn is_enabled_by_environment(r: &mut Reader<'_>, known: &Known, has_kind: bool) -> bool {
    let place = known.base_url_variables.first().map_or("base_url", String::as_str);
    match known.enable {
        Enable::Name => false,
        Enable::Variable => {
            let located = address::variable(r, known).is_some();
            if let Some(key) = catalogue::keys_in(r.vars, &known.keys).first().filter(|_| !located && !has_kind) {
                let found = format!("set without {place}: {} is not enabled", known.name);
                r.findings
                    .push(key.place.note(found, format!("set {place} too, or name {} under providers", known.name)));
            }
            located
        }
        Enable::Key => {
            let keys = catalogue::keys_in(r.vars, &known.keys);
            let in_use = known.base_url_variables.iter().any(|name| r.vars.was_read(name));
            let located = address::variable(r, known);
            let Some(first) = keys.first() else {
                // What the YAML reads serves there, and what leads to us is for the clients of this machine.
                let idle = located.filter(|given| !in_use && !address::is_own(r, given));
                if let (Some(given), Some(key)) = (idle, known.keys.first()) {
                    let found = format!("set without {key}: {} is not enabled", known.name);
                    r.findings.push(given.place.note(found, format!("set {key} too, or describe it under providers")));
                }
                return false;
            };
            if known.base_url.is_none() && located.is_none() {
                if !has_kind {
                    let found = format!("set without {place}: {} is not enabled", known.name);
                    r.findings.push(first.place.warning(found, format!("set {place} too")));
                }
                return false;
            }
            known.kind != Kind::Demo
        }
    }
}

/// By file and line, each once, and not without end.
fn ordered(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| (&a.file, a.line, a.column, &a.path).cmp(&(&b.file, b.line, b.column, &b.path)));
    findings.dedup();
    if findings.len() > MOST_FINDINGS {
        // Errors first: none is hidden behind warnings.
        findings.sort_by_key(|finding| !finding.is_error());
        let more = findings.len() - MOST_FINDINGS;
        findings.truncate(MOST_FINDINGS);
        if let Some(last) = findings.last().cloned() {
            let found = format!("and {more} more findings");
            findings.push(Finding { found, path: String::new(), fix: String::new(), line: 0, column: 0, ..last });
        }
    }
    findings
}

#[cfg(test)]
#[path = "load_tests/mod.rs"]
mod tests;
