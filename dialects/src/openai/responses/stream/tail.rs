//! What of a text has come already.
//!
//! Every text of a stream is said twice: piece by piece, and whole when it is done. Some upstreams leave the pieces
//! out, and then the whole is all there is.

/// Bytes that have come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent(usize);

impl Sent {
    pub fn piece(&mut self, piece: &str) {
        self.0 = self.0.saturating_add(piece.len());
    }

    /// What is missing of the whole; counted as come.
    pub fn rest<'t>(&mut self, whole: &'t str) -> Option<&'t str> {
        let rest = whole.get(self.0..).filter(|rest| !rest.is_empty())?;
        self.0 = whole.len();
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_said() {
        let mut sent = Sent::default();
        assert_eq!(sent.rest(""), None);
        sent.piece("Grü");
        assert_eq!(sent.rest("Grüße"), Some("ße"));
        assert_eq!(sent.rest("Grüße"), None);
        assert_eq!(sent.rest("G"), None);
        let mut within = Sent::default();
        within.piece("abc");
        assert_eq!(within.rest("abé"), None);
    }
}
