//! Secrets in error events that have become the client's to read: an upstream's own words, after content.
//!
//! Always: an event that tells no error passes byte for byte, whatever it holds.

use std::borrow::Cow;

use super::bounds::Bounds;
use super::sse::Sse;
use super::{Mode, Watch};
use crate::mask;

impl Watch {
    /// Takes these secrets out of those of the events that tell an error. `events` are whole ones, as they go out.
    pub fn hide_in_errors<'a>(&self, events: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
        if !matches!(self.mode, Mode::Sse(_)) || matches!(mask::hide(events, secrets), Cow::Borrowed(_)) {
            return Cow::Borrowed(events);
        }
        let (mut out, mut rest, mut bounds) = (Vec::with_capacity(events.len()), events, Bounds::default());
        while let Some(bound) = bounds.find(rest) {
            let (event, after) = rest.split_at_checked(bound.end).unwrap_or((rest, &[]));
            let tells_error = Sse::new(self.endpoint).push(event).failed.is_some();
            out.extend_from_slice(&if tells_error { mask::hide(event, secrets) } else { Cow::Borrowed(event) });
            rest = after;
        }
        out.extend_from_slice(rest);
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    #[test]
    fn error_events_and_no_others() {
        let watch = Watch::new(Endpoint::Chat, "text/event-stream", false);
        let told = "data: {\"choices\":[{\"delta\":{\"content\":\"Key0123456789\"}}]}\n\ndata: {\"error\":{\"message\":\"for Key0123456789\"}}\r\n\r\n: Key0123456789\n\n";
        let hidden = watch.hide_in_errors(told.as_bytes(), &["Key0123456789"]);
        assert_eq!(String::from_utf8_lossy(&hidden), told.replace("for Key0123456789", "for ***"));
        assert!(matches!(watch.hide_in_errors(told.as_bytes(), &["another0123"]), Cow::Borrowed(_)));
        let document = Watch::new(Endpoint::Chat, "application/json", false);
        assert!(matches!(document.hide_in_errors(told.as_bytes(), &["Key0123456789"]), Cow::Borrowed(_)));
    }
}
