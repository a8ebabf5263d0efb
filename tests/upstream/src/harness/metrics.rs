//! What /metrics said at one moment.

use std::collections::BTreeMap;

/// Samples by name, each with its labels.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Metrics {
    pub(super) fn parse(text: &str) -> Self {
        let mut samples = Vec::new();
        for line in text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
            let Some((series, value)) = line.rsplit_once(' ') else { panic!("no sample: {line:?}") };
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line:?}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels
                .trim_end_matches('}')
                .split("\",")
                .filter_map(|pair| pair.split_once("=\""))
                .map(|(k, v)| (k.trim().to_owned(), v.trim_end_matches('"').to_owned()))
                .collect();
            samples.push((name.to_owned(), labels, value));
        }
        Self { samples }
    }

    /// The sum of every series of `name` that carries all these labels; 0 where there is none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples
            .iter()
            .filter(|(n, have, _)| n == name && labels.iter().all(|(k, v)| have.get(*k).is_some_and(|h| h == v)))
            .map(|(_, _, value)| value)
            .sum()
    }

    /// Whether a series of that name is there at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|(n, _, _)| n == name)
    }

    /// How many series there are of a name.
    #[must_use]
    pub fn series(&self, name: &str) -> usize {
        self.samples.iter().filter(|(n, _, _)| n == name).count()
    }

    /// Every value that a label takes, over all series.
    #[must_use]
    pub fn values_of(&self, label: &str) -> Vec<String> {
        let mut values: Vec<String> = self.samples.iter().filter_map(|(_, l, _)| l.get(label).cloned()).collect();
        values.sort();
        values.dedup();
        values
    }
}
