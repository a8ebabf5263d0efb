//! Medians: one slow round, or one lucky one, must not decide a figure.

/// The median; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) {
        let lower = *sorted.get(middle.checked_sub(1)?)?;
        f64::midpoint(lower, upper)
    } else {
        upper
    })
}

/// The median of the ratios round by round.
///
/// A shared machine is slow for seconds at a time; what both sides suffer in
/// the same round drops out of that round's ratio, and would not drop out of
/// the ratio of two medians.
#[must_use]
pub fn paired_ratio(ours: &[f64], theirs: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> =
        ours.iter().zip(theirs).filter(|(_, theirs)| **theirs > 0.0).map(|(ours, theirs)| ours / theirs).collect();
    median(&ratios)
}

/// The `of`th percentile of values that are sorted, by nearest rank.
#[must_use]
pub fn percentile(sorted: &[u64], of: u32) -> Option<u64> {
    let rank = (sorted.len() * of as usize).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_even_and_nothing() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_round_that_was_slow_for_both_does_not_count() {
        let ours = [20.0, 60.0, 20.0];
        let theirs = [10.0, 30.0, 10.0];
        assert_eq!(paired_ratio(&ours, &theirs), Some(2.0));
        assert_eq!(paired_ratio(&[1.0], &[0.0]), None);
    }

    #[test]
    fn percentiles_by_nearest_rank() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), Some(100));
        assert_eq!(percentile(&values, 99), Some(198));
        assert_eq!(percentile(&[], 50), None);
    }
}
