//! Secrets in error events that have become the client's to read: an upstream's own words, after content.
//!
//! Always: an event that tells no error passes byte for byte, whatever it holds.

use std::borrow::Cow;

use super::bounds::Bounds;
use super::elements::{Elements, bare};
use super::sse::Sse;
use super::{Mode, Part, Watch};
use crate::{gemini, mask};

impl Watch {
    /// Takes these secrets, and what looks like one, out of those of the events that tell an error. `events` are whole
    /// ones as they go out, but for `part` of those that are too long to be held.
    pub fn hide_in_errors<'a>(&self, part: Part, events: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
        let of_part = |bytes, tells| if tells { mask::hide_all(bytes, secrets) } else { Cow::Borrowed(bytes) };
        let (first, rest) = events.split_at_checked(part.before.0).unwrap_or((events, &[]));
        let (whole, last) = rest.split_at_checked(rest.len().saturating_sub(part.after.0)).unwrap_or((rest, &[]));
        let hidden = [of_part(first, part.before.1), self.hide_in_whole(whole, secrets), of_part(last, part.after.1)];
        if hidden.iter().all(|bytes| matches!(bytes, Cow::Borrowed(_))) {
            return Cow::Borrowed(events);
        }
        Cow::Owned(hidden.concat())
    }

    fn hide_in_whole<'a>(&self, events: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
        match self.mode {
            _ if self.failure().is_none() => Cow::Borrowed(events),
            Mode::Sse(_) => {
                let mut bounds = Bounds::default();
                let tells = |event: &[u8]| Sse::new(self.endpoint).push(event).failed.is_some();
                hide(events, secrets, |rest| bounds.find(rest).map(|bound| bound.end), tells)
            }
            Mode::Array(_) => {
                let begins = events.trim_ascii_start().first() == Some(&b'[');
                let mut elements = if begins { Elements::default() } else { Elements::between() };
                let tells = |element: &[u8]| gemini::chunk::look(bare(element)).failed;
                hide(events, secrets, |rest| elements.find(rest).map(|bound| bound.end), tells)
            }
            Mode::Json(_) | Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => Cow::Borrowed(events),
        }
    }
}

/// Takes them out of the events, each of which ends where `find` says, that `tell` an error.
fn hide<'a>(
    events: &'a [u8],
    secrets: &[&str],
    mut find: impl FnMut(&[u8]) -> Option<usize>,
    tells: impl Fn(&[u8]) -> bool,
) -> Cow<'a, [u8]> {
    let (mut out, mut rest) = (Vec::new(), events);
    let mut is_changed = false;
    while let Some(end) = find(rest) {
        let (event, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let hidden = if tells(event) { mask::hide_all(event, secrets) } else { Cow::Borrowed(event) };
        is_changed |= matches!(hidden, Cow::Owned(_));
        out.extend_from_slice(&hidden);
        rest = after;
    }
    out.extend_from_slice(rest);
    if is_changed { Cow::Owned(out) } else { Cow::Borrowed(events) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    const NO_PART: Part = Part { before: (0, false), after: (0, false) };

    fn hidden(watch: &Watch, part: Part, events: &str) -> String {
        String::from_utf8(watch.hide_in_errors(part, events.as_bytes(), &["Key0123456789"]).into_owned()).unwrap()
    }

    #[test]
    fn error_events_and_no_others() {
        let mut watch = Watch::new(Endpoint::Chat, "text/event-stream", false);
        let told = "data: {\"choices\":[{\"delta\":{\"content\":\"Key0123456789 org-abcdefgh\"}}]}\n\ndata: {\"error\":{\"message\":\"for Key0123456789 of org-abcdefgh\"}}\r\n\r\n: Key0123456789\n\n";
        watch.push(told.as_bytes());
        let want = told.replace("for Key0123456789 of org-abcdefgh", "for *** of ***");
        assert_eq!(hidden(&watch, NO_PART, told), want);
        let honest = "data: {\"choices\":[{\"delta\":{\"content\":\"Key0123456789\"}}]}\n\n";
        assert!(matches!(watch.hide_in_errors(NO_PART, honest.as_bytes(), &["Key0123456789"]), Cow::Borrowed(_)));
        let mut watch = Watch::new(Endpoint::GenerateContent, "application/json", false);
        let told = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Key0123456789\"}]}}]},\r\n{\"error\":{\"message\":\"for Key0123456789\"}}]";
        watch.push(told.as_bytes());
        for events in [told, &told[told.find(",\r\n").unwrap()..]] {
            assert_eq!(hidden(&watch, NO_PART, events), events.replace("for Key0123456789", "for ***"));
        }
        let document = Watch::new(Endpoint::Chat, "application/json", false);
        assert_eq!(hidden(&document, NO_PART, told), told);
    }

    /// As the relay does it: what may go out of each chunk.
    fn relayed(endpoint: Endpoint, content_type: &str, text: &str, size: usize) -> String {
        let mut watch = Watch::new(endpoint, content_type, false);
        let (mut out, mut held) = (String::new(), String::new());
        for chunk in text.as_bytes().chunks(size) {
            let seen = watch.push(chunk);
            let (goes, stays) = chunk.split_at(seen.upto);
            held.push_str(std::str::from_utf8(goes).unwrap());
            if !goes.is_empty() {
                out.push_str(&hidden(&watch, watch.part(), &std::mem::take(&mut held)));
            }
            held.push_str(std::str::from_utf8(stays).unwrap());
        }
        out + &held
    }

    #[test]
    fn a_long_event_is_changed_where_it_tells_an_error_and_nowhere_else() {
        let x = "x".repeat(100_000);
        let content = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        let honest = content("hi")
            + &content(&format!("Key0123456789 {x} Key0123456789 org-abcdefgh"))
            + &content("Key0123456789");
        let error = format!("data: {{\"error\":{{\"message\":\"Key0123456789 {x} Key0123456789\"}}}}\n\n");
        let all = honest.clone() + &error + &content("Key0123456789");
        let want = honest.clone() + &error.replace("Key0123456789", "***") + &content("Key0123456789");
        // In none of these cuts a secret is cut.
        for size in [all.len(), 70_000] {
            assert!(relayed(Endpoint::Chat, "text/event-stream", &honest, size) == honest, "{size}");
            assert!(relayed(Endpoint::Chat, "text/event-stream", &all, size) == want, "{size}");
        }
        let element =
            |text: &str| format!("{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}]}}}}]}}");
        let honest = format!(
            "[{},\r\n{},\r\n{}",
            element("hi"),
            element(&format!("Key0123456789 {x}")),
            element("Key0123456789")
        );
        let error = format!(",\r\n{{\"error\":{{\"message\":\"Key0123456789 {x}\"}}}}]");
        let want = honest.clone() + &error.replace("Key0123456789", "***");
        for size in [1_000_000, 70_000] {
            let relayed = relayed(Endpoint::GenerateContent, "application/json", &(honest.clone() + &error), size);
            assert!(relayed == want, "{size}");
        }
    }
}
