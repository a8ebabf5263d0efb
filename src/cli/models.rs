//! `ai-proxy models`: the resolved routing table.

use std::sync::Arc;

use actors::provider::Provider;
use actors::supervisor;
use actors::table::{Route, Table};
use config::{Kind, ProcessEnvironment, Severity, Sources, Strategy};

use super::nothing::Nothing;
use super::{Exit, out};
use crate::demo;

pub fn run(sources: &Sources) -> Exit {
    let loaded = match config::load(sources, &ProcessEnvironment) {
        Ok(loaded) => loaded,
        Err(findings) => return super::tell_findings(&findings),
    };
    // Where something is that is not at its usual place: with where names lead, it is the whole answer.
    loaded.warnings.iter().filter(|told| told.severity == Severity::Note).for_each(out::complain);
    let providers = match supervisor::build(&loaded.config, &[], &Nothing) {
        Ok(providers) => providers,
        Err(error) => {
            out::complain(format_args!("ai-proxy: {error}"));
            return Exit::Failure;
        }
    };
    let table = Table::build(Arc::new(loaded.config), providers);
    let mut routes: Vec<(&str, &Arc<Route>)> = table.routes().collect();
    routes.sort_by_key(|(name, _)| *name);
    let takers = table.providers.iter().filter(|provider| provider.takes_unlisted());
    let unlisted = takers.map(|provider| format!("{}/*\t{}", provider.config.id, unlisted(provider)));
    out::say_all(routes.iter().map(|(name, route)| format!("{name}\t{}", line(route))).chain(unlisted), Exit::Ok)
}

/// What a provider that lists nothing here serves.
fn unlisted(provider: &Provider) -> String {
    match provider.config.kind {
        Kind::Demo => demo::models().join(", "),
        _ if provider.is_discoverable() => "whatever it lists when it is asked (GET /models)".to_owned(),
        _ => "any name is passed on".to_owned(),
    }
}

fn line(route: &Route) -> String {
    let weighs = route.strategy == Strategy::Weighted && route.targets.len() > 1;
    let targets: Vec<String> = route
        .targets
        .iter()
        .map(|(deployment, weight)| match weighs {
            true => format!("{} x{weight}", deployment.name),
            false => deployment.name.to_string(),
        })
        .collect();
    let mut line = targets.join(", ");
    if targets.len() > 1 {
        line.insert_str(0, &format!("{}: ", route.strategy.word()));
    }
    if !route.fallback.is_empty() {
        line.push_str(&format!("; then {}", route.fallback.join(", ")));
    }
    line
}
