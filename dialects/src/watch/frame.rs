//! Knows the next event of a stream by the one before: nearly all differ in one string and nothing else.
//!
//! Between two events of a chat the frame stays byte for byte the same and only the text of the delta changes. An event
//! that has the frame of one already understood, and in place of the text a string without quotes or escapes, cannot
//! hold anything that the other did not hold: it is known without a search or a parse, and its text's exact length
//! with it. Whatever differs by a byte takes the long way. Servers that change an id or a time with every event never
//! match; after some tries nobody tries any more.

/// Frames that are learnt before giving up: a stream changes from reasoning to text and back, but not for ever.
const TRIES: u8 = 16;
/// The longest frame that is kept, in bytes.
const MAX_FRAME: usize = 2 * 1024;
/// The members whose text may differ, as the bytes just before it.
const TEXTS: [&[u8]; 6] = [
    b"\"content\":\"",
    b"\"reasoning_content\":\"",
    b"\"reasoning\":\"",
    b"\"text\":\"",
    b"\"arguments\":\"",
    b"\"thinking\":\"",
];

#[derive(Debug, Default)]
pub struct Frame {
    /// The last event that was understood the long way and was nothing but a delta.
    last: Vec<u8>,
    /// Of `last`, what stands before and after the text; both 0 while no frame is known.
    before: usize,
    after: usize,
    learnt: u8,
}

impl Frame {
    /// The length of the event's text, where the event is known.
    #[inline]
    pub fn text_of(&self, data: &[u8]) -> Option<usize> {
        self.text(data).map(<[u8]>::len)
    }

    /// The event's text, where the event is known.
    #[inline]
    pub fn text<'d>(&self, data: &'d [u8]) -> Option<&'d [u8]> {
        if self.before == 0 || data.len() < self.before + self.after {
            return None;
        }
        let (head, rest) = data.split_at_checked(self.before)?;
        let (text, tail) = rest.split_at_checked(rest.len() - self.after)?;
        let same = self.last.get(..self.before)? == head && self.last.get(self.last.len() - self.after..)? == tail;
        (same && memchr::memchr2(b'"', b'\\', text).is_none()).then_some(text)
    }

    /// Takes an event that was found to be nothing but a delta. Out of two of them comes the frame.
    pub fn learn(&mut self, data: &[u8]) {
        if self.learnt >= TRIES || data.len() > MAX_FRAME {
            return;
        }
        (self.before, self.after) = Self::between(&self.last, data).unwrap_or_default();
        self.learnt += 1;
        self.last.clear();
        self.last.extend_from_slice(data);
    }

    fn between(old: &[u8], new: &[u8]) -> Option<(usize, usize)> {
        let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        // The string that differs begins after the last quote that both have; a quote in a text is escaped, and then
        // what stands before it is none of the members.
        let before = memchr::memrchr(b'"', new.get(..same)?)? + 1;
        if !TEXTS.iter().any(|member| new.get(..before).is_some_and(|head| head.ends_with(member))) {
            return None;
        }
        // It ends at the first quote after it, in both.
        let end = |event: &[u8]| {
            let text = event.get(before..)?;
            let len = memchr::memchr2(b'"', b'\\', text)?;
            (text.get(len) == Some(&b'"')).then_some(before + len)
        };
        let (old_tail, new_tail) = (old.get(end(old)?..)?, new.get(end(new)?..)?);
        (old_tail == new_tail).then_some((before, new_tail.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str, finish: &str) -> String {
        format!(
            r#"{{"id":"x","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{finish}}}],"usage":null}}"#
        )
    }

    fn learnt(events: &[String]) -> Frame {
        let mut frame = Frame::default();
        events.iter().for_each(|event| frame.learn(event.as_bytes()));
        frame
    }

    #[test]
    fn two_deltas_make_the_third_known() {
        let frame = learnt(&[event("Hi", "null"), event(" there", "null")]);
        for text in ["", "!", " Hi", "héllo {} :", &"x".repeat(5_000)] {
            assert_eq!(frame.text_of(event(text, "null").as_bytes()), Some(text.len()), "{text}");
        }
        // Texts that begin or end alike do not matter.
        let frame = learnt(&[event(" word one", "null"), event(" word none", "null")]);
        assert_eq!(frame.text_of(event("x", "null").as_bytes()), Some(1));
    }

    #[test]
    fn anything_else_is_not_known() {
        let frame = learnt(&[event("a", "null"), event("b", "null")]);
        let known = event("c", "null");
        for other in [
            event("c", "\"stop\""),
            event("c\\n", "null"),
            event("c\"},\"x\":{\"y\":\"", "null"),
            known.replace("content", "refusal"),
            known.replace("null}", "{}}"),
            format!("{known} "),
            known[1..].to_owned(),
            String::new(),
        ] {
            assert_eq!(frame.text_of(other.as_bytes()), None, "{other}");
        }
        assert_eq!(Frame::default().text_of(b""), None);
    }

    #[test]
    fn only_the_text_of_a_delta_may_differ() {
        let id = |id: &str| event("a", "null").replace("\"x\"", &format!("\"{id}\""));
        let finish = |reason: &str| event("a", &format!("\"{reason}\""));
        for events in [
            [id("1"), id("2")],
            [finish("1"), finish("2")],
            [event("a\\\"b", "null"), event("a\\\"c", "null")],
            [event("", "1"), event("", "2")],
        ] {
            assert_eq!(learnt(&events).before, 0, "{events:?}");
        }
    }
}
