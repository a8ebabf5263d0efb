//! What follows when a model's targets are used up: its fallbacks and theirs, each once, found when the table is built.
//!
//! A fallback's own come right after it, before the next one. Where models fall back to each other crosswise the paths
//! between them are without number; nobody walks them for a request. Always: a model is in what follows if it can be
//! reached in [`MAX_STEPS`], and it stands where it is reached first.

use std::collections::HashMap;

/// Fallbacks of fallbacks are followed this deep; configurations that go deeper are refused when they are checked.
const MAX_STEPS: u8 = config::MAX_FALLBACK_DEPTH as u8;
const MAX_FOLLOWS: usize = config::MAX_FOLLOWS;

/// For each model the places of those that follow it.
pub fn all(models: &[config::Model]) -> Vec<Vec<usize>> {
    let places: HashMap<&str, usize> =
        models.iter().enumerate().map(|(place, model)| (model.name.as_str(), place)).collect();
    let next = |model: &config::Model| -> Vec<usize> {
        model.fallback.iter().filter_map(|name| places.get(name.as_str()).copied()).collect()
    };
    let graph: Vec<Vec<usize>> = models.iter().map(next).collect();
    let mut walk = Walk { graph: &graph, reached: vec![0; graph.len()], found: Vec::new() };
    (0..graph.len()).map(|place| walk.from(place)).collect()
}

struct Walk<'g> {
    graph: &'g [Vec<usize>],
    /// How many steps were left where a model was reached with the most of them; 0: it was not.
    reached: Vec<u8>,
    found: Vec<usize>,
}

impl Walk<'_> {
    fn from(&mut self, place: usize) -> Vec<usize> {
        self.step(place, MAX_STEPS + 1);
        let found = std::mem::take(&mut self.found);
        for place in found.iter().chain([&place]) {
            if let Some(reached) = self.reached.get_mut(*place) {
                *reached = 0;
            }
        }
        found.into_iter().filter(|other| *other != place).collect()
    }

    /// What it leads to is not looked at again with as few steps left: all of that has been found.
    fn step(&mut self, place: usize, left: u8) {
        if let Some(reached) = self.reached.get_mut(place) {
            *reached = left;
        }
        let Some(left) = left.checked_sub(1).filter(|left| *left > 0) else { return };
        for next in self.graph.get(place).into_iter().flatten() {
            let reached = self.reached.get(*next).copied().unwrap_or(u8::MAX);
            if reached == 0 {
                if self.found.len() >= MAX_FOLLOWS {
                    return;
                }
                self.found.push(*next);
            }
            if reached < left {
                self.step(*next, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(graph: &[Vec<usize>]) -> Vec<Vec<usize>> {
        let mut walk = Walk { graph, reached: vec![0; graph.len()], found: Vec::new() };
        (0..graph.len()).map(|place| walk.from(place)).collect()
    }

    /// Path by path, as deep as is followed.
    fn path_by_path(graph: &[Vec<usize>], from: usize, left: u8, found: &mut Vec<usize>) {
        if left > 1 {
            for next in &graph[from] {
                if !found.contains(next) {
                    found.push(*next);
                }
                path_by_path(graph, *next, left - 1, found);
            }
        }
    }

    #[test]
    fn the_same_follow_in_the_same_order_as_path_by_path() {
        let mut seed = 7_u64;
        for size in 1..14 {
            for _ in 0..40 {
                let edge = |from: usize, to: usize, seed: &mut u64| {
                    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    to > from && (*seed >> 33).is_multiple_of(3)
                };
                let graph: Vec<Vec<usize>> =
                    (0..size).map(|from| (0..size).filter(|to| edge(from, *to, &mut seed)).collect()).collect();
                for (from, follows) in follow(&graph).into_iter().enumerate() {
                    let mut found = Vec::new();
                    path_by_path(&graph, from, MAX_STEPS + 1, &mut found);
                    assert_eq!(follows, found, "{from} in {graph:?}");
                }
            }
        }
        let chain: Vec<Vec<usize>> = (0..20).map(|nth| vec![nth + 1]).chain([Vec::new()]).collect();
        assert_eq!(follow(&chain)[0], (1..9).collect::<Vec<_>>());
    }

    #[test]
    fn a_lattice_of_any_width_is_walked_once() {
        for width in [1, 2, 4, 8, 30] {
            let layers = 10;
            let of = |layer: usize| (0..width).map(move |nth| layer * width + nth);
            let graph: Vec<Vec<usize>> = (0..layers * width)
                .map(|place| if place / width + 1 < layers { of(place / width + 1).collect() } else { Vec::new() })
                .collect();
            // Path by path there are width to the eighth.
            assert_eq!(follow(&graph)[0].len(), (8 * width).min(MAX_FOLLOWS));
        }
    }
}
