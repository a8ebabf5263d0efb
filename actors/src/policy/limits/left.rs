//! What is left of each window, for /health and the metrics.

use super::Windows;
use crate::policy::Moment;

impl Windows {
    /// By the name of the limit in the configuration; what a provider's headers told stands behind as `told_requests`
    /// and `told_tokens`.
    pub fn left(&mut self, now: Moment) -> Vec<(&'static str, u64)> {
        self.advance(now);
        let rings = [
            ("requests_per_minute", &self.minute),
            ("requests_per_hour", &self.hour),
            ("tokens_per_minute", &self.minute_tokens),
        ];
        let mut left: Vec<(&'static str, u64)> = rings
            .into_iter()
            .filter_map(|(name, ring)| {
                let ring = ring.as_ref()?;
                Some((name, ring.limit().saturating_sub(ring.used())))
            })
            .collect();
        if let Some(day) = &self.day {
            let (requests, tokens, _) = day.limits();
            let used = day.counts();
            left.extend(requests.map(|limit| ("requests_per_day", limit.saturating_sub(used.requests))));
            left.extend(tokens.map(|limit| ("tokens_per_day", limit.saturating_sub(used.tokens))));
        }
        left.extend(self.requests.as_ref().map(|hint| ("told_requests", hint.remaining())));
        left.extend(self.tokens.as_ref().map(|hint| ("told_tokens", hint.remaining())));
        left
    }
}
