//! Reads `models`: public names, their targets and fallbacks. What can only be judged with all
//! providers and names at hand (does the target exist, is there a cycle) is in [`crate::links`].

use std::time::Duration;

use crate::reader::{Reader, Spot};
use crate::tree::Value;
use crate::{Hedge, Model, ModelName, OnLoss, ProviderId, Strategy, Target, UpstreamModel, names, shapes};

/// Every strategy by the name it has in files.
pub(crate) const STRATEGIES: [(&str, Strategy); 6] = [
    (Strategy::Priority.word(), Strategy::Priority),
    (Strategy::Weighted.word(), Strategy::Weighted),
    (Strategy::RoundRobin.word(), Strategy::RoundRobin),
    (Strategy::LeastInFlight.word(), Strategy::LeastInFlight),
    (Strategy::LowestLatency.word(), Strategy::LowestLatency),
    (Strategy::Cheapest.word(), Strategy::Cheapest),
];

/// What becomes of what another dialect cannot say, by the name it has in files.
pub(crate) const ON_LOSS: [(&str, OnLoss); 2] = [("drop", OnLoss::Drop), ("refuse", OnLoss::Refuse)];

/// A route with the spots of its targets and fallbacks, for what is judged later.
pub(crate) struct Read<'t> {
    pub(crate) model: Model,
    pub(crate) spot: Spot<'t>,
    /// One for each of `model.targets`.
    pub(crate) targets: Vec<Spot<'t>>,
    /// One for each of `model.fallback`.
    pub(crate) fallback: Vec<Spot<'t>>,
}

/// Every route whose name and mapping could be read, with whatever of it is right.
pub(crate) fn read_all<'t>(r: &mut Reader<'_>, spot: &Spot<'t>) -> Vec<Read<'t>> {
    let mut all = Vec::new();
    for (key, spot) in r.entries(spot).unwrap_or_default() {
        if let Err(found) = names::check_upstream(&key.text) {
            r.error(&spot, found, "rename it");
        }
        if let Some(read) = read(r, &key.text, &spot) {
            all.push(read);
        }
    }
    all
}

fn read<'t>(r: &mut Reader<'_>, name: &str, spot: &Spot<'t>) -> Option<Read<'t>> {
    let object = r.object(spot, &shapes::MODEL)?;
    let strategy = r.given(&object, "strategy").and_then(|given| r.choice(&given, "strategy", &STRATEGIES));
    let strategy = strategy.unwrap_or(Strategy::Priority);
    let mut targets: Vec<(Target, Spot<'t>)> = Vec::new();
    let items = match object.get("targets") {
        Some(field) => r.items(field),
        None => Some(Vec::new()),
    };
    if items.as_ref().is_some_and(Vec::is_empty) {
        r.error(spot, "a model without targets", "add targets: [provider/model]");
    }
    for item in items.unwrap_or_default() {
        let Some(target) = read_target(r, &item, strategy) else {
            continue;
        };
        let same = |(other, _): &&(Target, Spot<'t>)| other.provider == target.provider && other.model == target.model;
        if targets.iter().find(same).is_some() {
            r.error(&item, "the same target a second time", "keep one of them (a weight says how often it is used)");
        } else {
            targets.push((target, item));
        }
    }
    let mut fallback: Vec<(ModelName, Spot<'t>)> = Vec::new();
    for item in object.get("fallback").and_then(|field| r.items(field)).unwrap_or_default() {
        let Some(given) = r.text(&item) else { continue };
        let name = ModelName::new(given.text.trim());
        if fallback.iter().any(|(other, _)| *other == name) {
            r.error(&item, format!("{} a second time", given.quoted()), "keep one of them");
        } else {
            fallback.push((name, item));
        }
    }
    let hedge = object.get("hedge").and_then(|field| read_hedge(r, field));
    if let (Some(field), Some(_), true, true) = (object.get("hedge"), hedge, targets.len() == 1, fallback.is_empty()) {
        r.warning(field, "nothing to hedge with: there is one target and no fallback", "add a target, or remove it");
    }
    let on_loss = r.given(&object, "on_loss").and_then(|given| r.choice(&given, "on_loss", &ON_LOSS));
    let (targets, target_spots) = targets.into_iter().unzip();
    let (fallback, fallback_spots) = fallback.into_iter().unzip();
    let model = Model { name: ModelName::new(name), strategy, targets, fallback, hedge, on_loss };
    Some(Read { model, spot: spot.clone(), targets: target_spots, fallback: fallback_spots })
}

/// `provider/model`, or a mapping with a weight.
fn read_target(r: &mut Reader<'_>, spot: &Spot<'_>, strategy: Strategy) -> Option<Target> {
    if !matches!(spot.node.value, Value::Map(_)) {
        return deployment(r, spot, 1);
    }
    let object = r.object(spot, &shapes::TARGET)?;
    let mut weight = 1;
    if let Some(field) = object.get("weight") {
        weight = r.text(field).and_then(|given| r.number(&given, 1..=1_000_000)).unwrap_or(1);
        if strategy != Strategy::Weighted {
            r.warning(field, "only the strategy weighted looks at weights", "say strategy: weighted, or remove it");
        }
    }
    let Some(field) = object.get("deployment") else {
        r.error(spot, "a target without its deployment", "add deployment: provider/model");
        return None;
    };
    deployment(r, field, weight)
}

fn deployment(r: &mut Reader<'_>, spot: &Spot<'_>, weight: u32) -> Option<Target> {
    let given = r.text(spot)?;
    let Some((provider, model)) = given.text.trim().split_once('/') else {
        r.error(spot, format!("{} is not a deployment", given.quoted()), "write provider/model");
        return None;
    };
    if let Err(found) = names::check_provider(provider).and_then(|()| names::check_upstream(model)) {
        r.error(spot, found, "write provider/model");
        return None;
    }
    Some(Target { provider: ProviderId::new(provider), model: UpstreamModel::new(model), weight })
}

fn read_hedge(r: &mut Reader<'_>, spot: &Spot<'_>) -> Option<Hedge> {
    let object = r.object(spot, &shapes::HEDGE)?;
    if object.get("after").is_none() {
        r.error(spot, "a hedge without after", "say how long to wait for the first byte: after: 2s");
    }
    let longest = Duration::from_secs(600);
    let after = r.given(&object, "after").and_then(|given| r.duration(&given, Duration::from_millis(1)..=longest));
    let max_extra = match r.given(&object, "max_extra") {
        None => 0.05,
        Some(given) => {
            let share = r.share(&given)?;
            if share == 0.0 {
                r.findings
                    .push(given.place.error("a hedge that may never be used", "give a share like 5%, or remove hedge"));
            }
            share
        }
    };
    Some(Hedge { after: after?, max_extra })
}
