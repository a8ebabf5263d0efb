//! The strategies: which of a route's deployments first, which next.
//!
//! Always: the order holds every available candidate once and no other. Ties keep the order of the configuration,
//! except where that would pile everything on the first (`least_in_flight`). Up to [`INLINE`] candidates nothing is
//! allocated.

use std::cmp::Ordering;

use config::Strategy;
use smallvec::SmallVec;

/// Routes are short; a longer one costs an allocation a request, no more.
pub const INLINE: usize = 16;

/// Indices of candidates, best first. Kept by the caller, filled by [`order`].
pub type Order = SmallVec<[usize; INLINE]>;

/// What the strategies look at.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Not open, not cooling, not out of quota.
    pub available: bool,
    /// Its share under `weighted`; 0 comes last.
    pub weight: u32,
    pub in_flight: u32,
    /// Microseconds to the first byte, see [`super::ewma::estimate`]; None: not measured yet.
    pub latency: Option<u32>,
    /// What the request would cost, in any unit that is the same for all; None: no price is known.
    pub price: Option<f64>,
}

/// Fills `order` with the available candidates, best first.
///
/// `random`: 0 to 1 (not 1), for `weighted`; `counter`: one more with every request of the model, for `round_robin`
/// and the ties of `least_in_flight`.
pub fn order(strategy: Strategy, candidates: &[Candidate], random: f64, counter: u64, order: &mut Order) {
    order.clear();
    order.extend(candidates.iter().enumerate().filter(|(_, candidate)| candidate.available).map(|(index, _)| index));
    match strategy {
        Strategy::Priority => {}
        Strategy::Weighted => weighted(candidates, random, order),
        Strategy::RoundRobin => rotate(order, counter),
        Strategy::LeastInFlight => {
            rotate(order, counter);
            sort(order, candidates, |a, b| a.in_flight.cmp(&b.in_flight));
        }
        Strategy::LowestLatency => sort(order, candidates, by_latency),
        Strategy::Cheapest => sort(order, candidates, by_price),
    }
    debug_assert!(order.iter().all(|&index| candidates.get(index).is_some_and(|one| one.available)));
    debug_assert_eq!(order.len(), candidates.iter().filter(|one| one.available).count());
}

fn rotate(order: &mut [usize], counter: u64) {
    if let Ok(length @ 1..) = u64::try_from(order.len()) {
        order.rotate_left(usize::try_from(counter % length).unwrap_or(0));
    }
}

/// Stable, and without the buffer that the standard library's stable sort takes from the heap for longer slices.
fn sort(order: &mut [usize], candidates: &[Candidate], compare: impl Fn(&Candidate, &Candidate) -> Ordering) {
    let less = |a: usize, b: usize| match (candidates.get(a), candidates.get(b)) {
        (Some(a), Some(b)) => compare(a, b) == Ordering::Less,
        _ => false,
    };
    for end in 1..order.len() {
        for at in (1..=end).rev() {
            let Some(pair) = order.get_mut(at - 1..=at) else {
                break;
            };
            let [before, after] = pair else { break };
            if !less(*after, *before) {
                break;
            }
            std::mem::swap(before, after);
        }
    }
}

/// The unmeasured first as long as nobody is out to measure them, and last while somebody is.
fn by_latency(a: &Candidate, b: &Candidate) -> Ordering {
    let class = |one: &Candidate| match (one.latency, one.in_flight) {
        (None, 0) => (0_u8, 0),
        (Some(latency), _) => (1, latency),
        (None, in_flight) => (2, in_flight),
    };
    class(a).cmp(&class(b))
}

/// What has no price is not taken for free: it comes last.
fn by_price(a: &Candidate, b: &Candidate) -> Ordering {
    let price = |one: &Candidate| match one.price {
        Some(price) if !price.is_nan() => price,
        _ => f64::INFINITY,
    };
    price(a).total_cmp(&price(b))
}

/// Draws by weight without putting back: the rest is as random as the first, so that what a failing deployment sheds
/// is spread by weight too.
///
/// One random number is enough: that it fell into a candidate's share says nothing about where in it, and that
/// position, stretched to 0..1, draws the next.
fn weighted(candidates: &[Candidate], random: f64, order: &mut [usize]) {
    let weight = |index: usize| candidates.get(index).map_or(0.0, |one| f64::from(one.weight));
    let mut random = if random.is_nan() { 0.0 } else { random };
    for start in 0..order.len() {
        let Some(rest) = order.get_mut(start..) else {
            return;
        };
        let total: f64 = rest.iter().map(|&index| weight(index)).sum();
        if total <= 0.0 {
            return;
        }
        let mut point = random.clamp(0.0, 1.0) * total;
        let mut drawn = None;
        for (place, &index) in rest.iter().enumerate() {
            let share = weight(index);
            if share <= 0.0 {
                continue;
            }
            // The last one with a weight takes what rounding left over.
            drawn = Some((place, (point / share).min(1.0)));
            if point < share {
                break;
            }
            point -= share;
        }
        let Some((place, position)) = drawn else {
            return;
        };
        if let Some(run) = rest.get_mut(..=place) {
            run.rotate_right(1);
        }
        random = position;
    }
}

#[cfg(test)]
mod tests;
