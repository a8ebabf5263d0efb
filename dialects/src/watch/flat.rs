//! What servers that speak for a vendor say flat in a chunk's place, in any dialect.

use serde_json::value::RawValue;

/// Words that stand flat in the place of what was asked for. With a code of an error, or under an error's name, they are
/// one: `{"code":401,"msg":"..."}`, `{"error_message":"..."}`. Alone they may tell of a progress.
#[derive(Default)]
pub struct Flat {
    pub said: bool,
    named: bool,
    bad: bool,
    sound: bool,
}

impl Flat {
    pub fn says(&mut self, value: &RawValue) {
        self.said |= is_words(value);
    }

    /// Words under an error's name.
    pub fn names(&mut self, value: &RawValue) {
        self.named |= is_words(value);
    }

    /// A code, or whether there was success.
    pub fn code(&mut self, value: &RawValue) {
        let text = value.get().trim_matches('"');
        match (text, text.parse::<i64>()) {
            ("null" | "", _) => {}
            ("false", _) => self.bad = true,
            (_, Ok(code)) => {
                let bad = code < 0 || (400..=599).contains(&code);
                self.bad |= bad;
                self.sound |= !bad;
            }
            (word, Err(_)) => {
                let good = ["true", "ok", "success", "succeeded"].iter().any(|good| word.eq_ignore_ascii_case(good));
                self.sound |= good;
                self.bad |= !good;
            }
        }
    }

    /// Whether that is an error, where nothing of an answer stands beside it.
    pub fn is_error(&self) -> bool {
        (self.named || self.said && self.bad) && !self.sound
    }
}

fn is_words(value: &RawValue) -> bool {
    value.get().len() > 2 && value.get().starts_with(['"', '['])
}
