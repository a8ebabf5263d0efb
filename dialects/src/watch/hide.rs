//! Secrets in error events that have become the client's to read: an upstream's own words, after content.
//!
//! Always: an event that tells no error passes byte for byte, whatever it holds.

use std::borrow::Cow;

use super::bounds::Bounds;
use super::elements::{Elements, bare};
use super::sse::Sse;
use super::{Mode, Watch};
use crate::{gemini, mask};

impl Watch {
    /// Takes these secrets out of those of the events that tell an error. `events` are whole ones, as they go out.
    pub fn hide_in_errors<'a>(&self, events: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
        let hidden = |events| matches!(mask::hide(events, secrets), Cow::Owned(_));
        match self.mode {
            Mode::Sse(_) if hidden(events) => {
                let mut bounds = Bounds::default();
                let tells = |event: &[u8]| Sse::new(self.endpoint).push(event).failed.is_some();
                Cow::Owned(hide(events, secrets, |rest| bounds.find(rest).map(|bound| bound.end), tells))
            }
            Mode::Array(_) if hidden(events) => {
                let begins = events.trim_ascii_start().first() == Some(&b'[');
                let mut elements = if begins { Elements::default() } else { Elements::between() };
                let tells = |element: &[u8]| gemini::chunk::look(bare(element)).failed;
                Cow::Owned(hide(events, secrets, |rest| elements.find(rest).map(|bound| bound.end), tells))
            }
            Mode::Sse(_)
            | Mode::Array(_)
            | Mode::Json(_)
            | Mode::Opaque { .. }
            | Mode::Blank { .. }
            | Mode::Foreign(_) => Cow::Borrowed(events),
        }
    }
}

/// Takes them out of the events, each of which ends where `find` says, that `tell` an error.
fn hide(
    events: &[u8],
    secrets: &[&str],
    mut find: impl FnMut(&[u8]) -> Option<usize>,
    tells: impl Fn(&[u8]) -> bool,
) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(events.len()), events);
    while let Some(end) = find(rest) {
        let (event, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        out.extend_from_slice(&if tells(event) { mask::hide(event, secrets) } else { Cow::Borrowed(event) });
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    #[test]
    fn error_events_and_no_others() {
        let mut watch = Watch::new(Endpoint::Chat, "text/event-stream", false);
        watch.push(b"data: x\n\n");
        let told = "data: {\"choices\":[{\"delta\":{\"content\":\"Key0123456789\"}}]}\n\ndata: {\"error\":{\"message\":\"for Key0123456789\"}}\r\n\r\n: Key0123456789\n\n";
        let hidden = watch.hide_in_errors(told.as_bytes(), &["Key0123456789"]);
        assert_eq!(String::from_utf8_lossy(&hidden), told.replace("for Key0123456789", "for ***"));
        assert!(matches!(watch.hide_in_errors(told.as_bytes(), &["another0123"]), Cow::Borrowed(_)));
        let mut watch = Watch::new(Endpoint::GenerateContent, "application/json", false);
        let told = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Key0123456789\"}]}}]},\r\n{\"error\":{\"message\":\"for Key0123456789\"}}]";
        watch.push(told.as_bytes());
        for events in [told, &told[told.find(",\r\n").unwrap()..]] {
            let hidden = watch.hide_in_errors(events.as_bytes(), &["Key0123456789"]);
            assert_eq!(String::from_utf8_lossy(&hidden), events.replace("for Key0123456789", "for ***"));
        }
        let document = Watch::new(Endpoint::Chat, "application/json", false);
        assert!(matches!(document.hide_in_errors(told.as_bytes(), &["Key0123456789"]), Cow::Borrowed(_)));
    }
}
