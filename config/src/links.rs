//! Judges routes against providers and against each other: dangling targets and fallbacks, names
//! that hide a deployment, cycles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::catalogue;
use crate::finding::nearest;
use crate::reader::{Reader, Spot};
use crate::routes::Read;
use crate::{Provider, Strategy, Target};

/// Fallbacks of fallbacks are followed so far and no further, so that one request cannot ask everybody.
pub const MAX_FALLBACK_DEPTH: usize = 8;
/// No more models than this follow one: no request tries as many deployments.
pub const MAX_FOLLOWS: usize = 256;

/// Providers that the YAML names and that do not take part.
pub(crate) struct Absent {
    pub(crate) off: BTreeSet<String>,
    /// Wrong in themselves, which is told there: not again at every target.
    pub(crate) broken: BTreeSet<String>,
}

pub(crate) fn check(r: &mut Reader<'_>, routes: &[Read<'_>], providers: &[Provider], absent: &Absent) {
    let names: BTreeSet<&str> = routes.iter().map(|route| route.model.name.as_str()).collect();
    for route in routes {
        check_name(r, route, providers);
        for (target, spot) in route.model.targets.iter().zip(&route.targets) {
            check_target(r, target, spot, providers, absent);
        }
        if route.model.strategy == Strategy::Cheapest {
            warn_unpriced(r, route, providers);
        }
        for (name, spot) in route.model.fallback.iter().zip(&route.fallback) {
            if !names.contains(name.as_str()) {
                let fix = match nearest(name.as_str(), names.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None if name.as_str().contains('/') => {
                        "a fallback is a public model; a deployment goes under targets".to_owned()
                    }
                    None => "name a model of this section".to_owned(),
                };
                let found = format!("there is no model {}", r.quote(spot, name.as_str(), "of this name"));
                r.error(spot, found, fix);
            }
        }
    }
    let before = r.findings.len();
    find_cycles(r, routes);
    // In a circle everything is deep.
    if r.findings.len() == before {
        find_deep(r, routes);
    }
}

/// Each model with fallbacks that lie deeper than is followed, by the shortest way to them.
fn find_deep(r: &mut Reader<'_>, routes: &[Read<'_>]) {
    let by_name: BTreeMap<&str, usize> =
        routes.iter().enumerate().map(|(nth, route)| (route.model.name.as_str(), nth)).collect();
    let graph: Vec<Vec<usize>> = routes
        .iter()
        .map(|route| route.model.fallback.iter().filter_map(|name| by_name.get(name.as_str()).copied()).collect())
        .collect();
    for (nth, route) in routes.iter().enumerate() {
        let deep = too_deep(&graph, nth).and_then(|deep| routes.get(deep));
        let (Some(deep), Some(spot)) = (deep, route.fallback.first()) else { continue };
        let deep = r.quote(&deep.spot, deep.model.name.as_str(), "a model");
        let found = format!("{deep} lies more than {MAX_FALLBACK_DEPTH} fallbacks from here");
        r.error(spot, found, format!("it would never be tried: name {deep} here, or leave some out"));
    }
}

/// The first model just beyond what is followed from one. No more are looked at than follow a model.
fn too_deep(graph: &[Vec<usize>], from: usize) -> Option<usize> {
    let mut reached = BTreeSet::from([from]);
    let mut queue = VecDeque::from([(from, 0)]);
    while let Some((place, depth)) = queue.pop_front() {
        for &next in graph.get(place).into_iter().flatten() {
            if reached.len() > MAX_FOLLOWS {
                return None;
            }
            match reached.insert(next) {
                true if depth == MAX_FALLBACK_DEPTH => return Some(next),
                true => queue.push_back((next, depth + 1)),
                false => {}
            }
        }
    }
    None
}

fn find_provider<'p>(providers: &'p [Provider], id: &str) -> Option<&'p Provider> {
    providers.iter().find(|provider| provider.id.as_str() == id)
}

/// A public name is looked up before `provider/model`: one that reads like a deployment would hide it.
fn check_name(r: &mut Reader<'_>, route: &Read<'_>, providers: &[Provider]) {
    let Some((head, _)) = route.model.name.as_str().split_once('/') else {
        return;
    };
    if find_provider(providers, head).is_some() {
        r.error(
            &route.spot,
            format!("the name hides a deployment of {head}"),
            "choose a name that does not begin with a provider's",
        );
    }
}

fn check_target(r: &mut Reader<'_>, target: &Target, spot: &Spot<'_>, providers: &[Provider], absent: &Absent) {
    let id = target.provider.as_str();
    let Some(provider) = find_provider(providers, id) else {
        if absent.broken.contains(id) {
            return;
        }
        if absent.off.contains(id) {
            let fix = format!("remove enabled: false from providers.{id}");
            r.error(spot, format!("the provider {id} is switched off"), fix);
            return;
        }
        let quoted = r.quote(spot, id, "that it names");
        // The same provider may be enabled under the name of the catalogue, or of the file.
        let known_as = catalogue::find(id).or_else(|| catalogue::by_alias(id));
        let under = |provider: &&Provider| {
            let theirs = provider.id.as_str();
            let theirs = catalogue::find(theirs).or_else(|| catalogue::by_alias(theirs));
            known_as.zip(theirs).is_some_and(|(one, other)| std::ptr::eq(one, other))
        };
        if let Some(provider) = providers.iter().find(under) {
            let fix = format!("did you mean {}/{}?", provider.id, r.quote(spot, target.model.as_str(), "..."));
            r.error(spot, format!("the provider {quoted} is not enabled"), fix);
            return;
        }
        let fix = match known_as {
            Some(known) => match known.keys.first() {
                Some(variable) if known.needs_key => {
                    format!("set {variable} in .env, or describe {id} under providers")
                }
                _ => format!("enable it: add {id}: {{}} under providers"),
            },
            None => {
                let enabled = providers.iter().map(|p| p.id.as_str());
                let known = catalogue::all().iter().map(|k| k.name.as_str());
                match nearest(id, enabled.chain(known)) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "describe it under providers".to_owned(),
                }
            }
        };
        r.error(spot, format!("the provider {quoted} is not enabled"), fix);
        return;
    };
    if provider.models.is_empty() || provider.allow_unlisted {
        return;
    }
    let listed = || provider.models.iter().map(|model| model.name.as_str());
    if !listed().any(|name| name == target.model.as_str()) {
        let fix = match nearest(target.model.as_str(), listed()) {
            Some(near) => format!("did you mean {id}/{near}?"),
            None => {
                format!("add it under providers.{id}.models, or say allow_unlisted: true there")
            }
        };
        let quoted = r.quote(spot, target.model.as_str(), "the model that it names");
        r.error(spot, format!("{id} does not list {quoted}"), fix);
    }
}

fn warn_unpriced(r: &mut Reader<'_>, route: &Read<'_>, providers: &[Provider]) {
    for (target, spot) in route.model.targets.iter().zip(&route.targets) {
        let Some(provider) = find_provider(providers, target.provider.as_str()) else {
            continue;
        };
        let listed = provider.models.iter().find(|model| model.name == target.model);
        if listed.is_none_or(|model| model.price.is_none()) {
            let fix = format!("give it a price under providers.{}.models", target.provider);
            r.warning(spot, "a target without a price: cheapest tries it last", fix);
        }
    }
}

/// Each cycle is told once, at the fallback that closes it.
fn find_cycles(r: &mut Reader<'_>, routes: &[Read<'_>]) {
    let by_name: BTreeMap<&str, &Read<'_>> = routes.iter().map(|route| (route.model.name.as_str(), route)).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for route in routes {
        // An explicit stack: a chain of fallbacks may be as long as the file.
        let mut path: Vec<(&Read<'_>, usize)> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        if !done.contains(route.model.name.as_str()) {
            path.push((route, 0));
            places.insert(route.model.name.as_str(), 0);
        }
        while let Some((here, next)) = path.pop() {
            let (Some(name), Some(spot)) = (here.model.fallback.get(next), here.fallback.get(next)) else {
                done.insert(here.model.name.as_str());
                places.remove(here.model.name.as_str());
                continue;
            };
            path.push((here, next + 1));
            if let Some(&start) = places.get(name.as_str()) {
                let names = path.iter().skip(start).map(|(on_path, _)| on_path.model.name.as_str());
                let cycle: Vec<&str> = names.chain([name.as_str()]).collect();
                let shown = if cycle.len() > 8 { format!("{} models", cycle.len() - 1) } else { cycle.join(" -> ") };
                r.error(spot, format!("fallbacks go in a circle: {shown}"), "remove this one");
            } else if let Some(follow) = by_name.get(name.as_str()).filter(|_| !done.contains(name.as_str())) {
                places.insert(follow.model.name.as_str(), path.len());
                path.push((follow, 0));
            }
        }
    }
}
