//! Route and health snapshot in, ordered deployments out. Pure: takes no lock, sends nothing, owns no clock.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use crate::policy::Moment;
use crate::policy::balance::{self, Candidate, INLINE, Order};
use crate::table::{Deployment, Route};

/// Deployments to try, best first.
pub type Plan = SmallVec<[Arc<Deployment>; 4]>;

/// No request goes on beyond so many deployments.
const MAX_PLAN: usize = 256;

/// What may be tried for a request.
#[derive(Debug, Default)]
pub struct Routed {
    pub plan: Plan,
}

/// What a route has to offer, seen without taking a turn of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// A deployment may serve now.
    Ready,
    /// None may; the soonest will then.
    Later(Moment),
    /// There is none, or none that is not left out.
    Never,
}

/// Looks at a route's deployments and those of its fallbacks, as they are to this client; `leaves_out` says which do not
/// count.
pub fn outlook(route: &Route, now: Moment, client: u64, leaves_out: impl Fn(&Deployment) -> bool) -> Outlook {
    let all = std::iter::once(route).chain(route.follows.iter().map(|next| &**next));
    match all.filter_map(|route| soonest(route, client, &leaves_out)).min() {
        None => Outlook::Never,
        Some(soonest) if soonest <= now => Outlook::Ready,
        Some(soonest) => Outlook::Later(soonest),
    }
}

fn soonest(route: &Route, client: u64, leaves_out: &impl Fn(&Deployment) -> bool) -> Option<Moment> {
    let counted = route.targets.iter().filter(|(deployment, _)| !leaves_out(deployment));
    counted.map(|(deployment, _)| deployment.health.ready_at_for(client, &deployment.provider.health)).min()
}

/// Orders a route's deployments, then those of what follows. `random`: 0 to 1.
pub fn route(route: &Route, now: Moment, random: f64) -> Routed {
    let mut routed = Routed::default();
    follow(route, now, random, &mut routed);
    for next in &route.follows {
        if routed.plan.len() >= MAX_PLAN {
            break;
        }
        follow(next, now, random, &mut routed);
    }
    routed
}

fn follow(route: &Route, now: Moment, random: f64, routed: &mut Routed) {
    if let [(only, _)] = route.targets.as_slice() {
        // The usual case for a plain model name: nothing to order.
        add(only, now, routed);
        return;
    }
    let candidates: SmallVec<[Candidate; INLINE]> =
        route.targets.iter().map(|(deployment, weight)| candidate(deployment, *weight, now)).collect();
    let mut order = Order::new();
    let turn = route.turn.fetch_add(1, Ordering::Relaxed) as u64;
    balance::order(route.strategy, &candidates, random, turn, &mut order);
    for index in order {
        if let Some((deployment, _)) = route.targets.get(index) {
            push(deployment, routed);
        }
    }
}

fn add(deployment: &Arc<Deployment>, now: Moment, routed: &mut Routed) {
    if is_available(deployment, now) {
        push(deployment, routed);
    }
}

fn push(deployment: &Arc<Deployment>, routed: &mut Routed) {
    // One health for one name, always.
    let is_planned = |planned: &Arc<Deployment>| Arc::ptr_eq(&planned.health, &deployment.health);
    if routed.plan.len() < MAX_PLAN && !routed.plan.iter().any(is_planned) {
        routed.plan.push(deployment.clone());
    }
}

fn is_available(deployment: &Deployment, now: Moment) -> bool {
    deployment.health.ready_at(&deployment.provider.health) <= now
}

fn candidate(deployment: &Arc<Deployment>, weight: u32, now: Moment) -> Candidate {
    let in_flight = deployment.health.in_flight.load(Ordering::Relaxed);
    Candidate {
        available: is_available(deployment, now),
        weight,
        in_flight,
        latency: deployment.health.latency.estimate(now, in_flight),
        // Requests are answered with about as many tokens as a quarter of what they ask with is a poor guess; the
        // order by the sum of both prices is right whenever one deployment is cheaper in both.
        price: deployment.price.map(|price| price.input + price.output),
    }
}
