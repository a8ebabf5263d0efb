//! A guess at the tokens of a stream that reports none: cheap, and honest about being one.
//!
//! Vendors send about one token an event, or pack several into one. All events of a stream repeat the same frame
//! around their text, so the shortest one so far is nearly that frame, and what an event has beyond it is text, four
//! bytes a token. The larger of the two counts is the guess. OpenAI's `obfuscation` padding is left out.

/// Bytes of English text in a token, by the rule of thumb that OpenAI's documentation gives.
const BYTES_A_TOKEN: u64 = 4;

pub fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_A_TOKEN)
}

/// Counts the events that carry content.
#[derive(Debug, Default)]
pub struct Tally {
    events: u64,
    /// Bytes of text, as far as can be told.
    text: u64,
    /// The shortest event so far: nearly the frame.
    frame: u64,
}

impl Tally {
    /// An event without its padding.
    pub fn note(&mut self, event: &[u8]) {
        let len = event.len() as u64;
        self.frame = if self.events == 0 { len } else { self.frame.min(len) };
        self.events = self.events.saturating_add(1);
        self.text = self.text.saturating_add(len - self.frame);
    }

    /// An event of which the text's length is known.
    #[inline]
    pub fn note_text(&mut self, len: usize) {
        self.events = self.events.saturating_add(1);
        self.text = self.text.saturating_add(len as u64);
    }

    /// Bytes that came outside of counted events.
    pub fn note_bytes(&mut self, bytes: u64) {
        self.text = self.text.saturating_add(bytes);
    }

    pub fn events(&self) -> u64 {
        self.events
    }

    pub fn tokens(&self) -> u64 {
        self.events.max(tokens(self.text))
    }
}

/// What OpenAI's padding adds at the end of an event, its closing quote and brace included; 0 where there is none.
#[inline]
pub fn padding(data: &[u8]) -> usize {
    const NAME: &[u8] = b"\"obfuscation\":\"";
    const LONGEST: usize = 64;
    let Some(inner) = data.strip_suffix(b"\"}") else { return 0 };
    let from = inner.len().saturating_sub(LONGEST);
    let Some(quote) = inner.get(from..).and_then(|tail| memchr::memrchr(b'"', tail)) else { return 0 };
    let open = from + quote + 1;
    if inner.get(..open).is_some_and(|head| head.ends_with(NAME)) { data.len() - open } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_an_event_or_what_the_bytes_say() {
        let mut single = Tally::default();
        let mut packed = Tally::default();
        for text in ["a", "bc", "def", "g"] {
            single.note(format!(r#"{{"delta":"{text}"}}"#).as_bytes());
            packed.note(format!(r#"{{"delta":"{}"}}"#, text.repeat(100)).as_bytes());
        }
        assert_eq!(single.tokens(), 4);
        assert_eq!(packed.tokens(), 75);
        assert_eq!(Tally::default().tokens(), 0);
    }

    #[test]
    fn padding_is_no_text() {
        assert_eq!(padding(br#"{"delta":"a","obfuscation":"xYz12"}"#), 7);
        assert_eq!(padding(br#"{"delta":"obfuscation"}"#), 0);
        assert_eq!(padding(br#"{"obfuscation":"a","x":1}"#), 0);
        assert_eq!(padding(b""), 0);
    }
}
