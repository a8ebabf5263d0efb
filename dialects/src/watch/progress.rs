//! How far the choices of a stream have come (Gemini calls them candidates): which have begun, and which have finished.
//!
//! Who asks for several gets them in turns, and one that has finished ends the stream for none of the others. Always: an
//! answer has finished when some choice has, and none of those that have said something is open.
//!
//! Text Generation Inference counted its tokens where choices are counted, and sent no `[DONE]`
//! (<https://github.com/huggingface/text-generation-inference/pull/1648>, and 2221): as long as every event has a higher
//! index than all before it, they are taken for one choice.

use memchr::memmem::Finder;

use super::balance::Balance;
use super::needle::{INDEX, is_reason, value_behind};

/// The choices by their index, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    came: u128,
    begun: u128,
    ended: u128,
    /// They take turns: what tells them from tokens.
    turns: bool,
}

/// What is from here on is not told apart; OpenAI's `n` is 128 at most.
const REST: u64 = 127;

impl Progress {
    /// Nothing more is to come.
    pub const OVER: Self = Self { came: 0, begun: 0, ended: u128::MAX, turns: false };

    /// What an event says of one choice. `begun`: it says something.
    pub fn of(index: u64, begun: bool, ended: bool) -> Self {
        let bit = 1 << index.min(REST);
        let set = |is: bool| if is { bit } else { 0 };
        Self { came: bit, begun: set(begun && index < REST), ended: set(ended), turns: false }
    }

    /// And of another one.
    pub const fn beside(&mut self, other: Self) {
        self.came |= other.came;
        self.begun |= other.begun;
        self.ended |= other.ended;
    }

    /// What the next event says.
    pub const fn then(&mut self, event: Self) {
        let (lowest, before) = (event.came.trailing_zeros(), u128::BITS - self.came.leading_zeros());
        self.turns |= event.came.count_ones() > 1 || lowest < before && lowest < REST as u32;
        self.beside(event);
    }

    pub const fn finished(&self) -> bool {
        self.ended != 0 && (!self.turns || self.begun & !self.ended == 0)
    }

    /// There is another choice than the first.
    pub const fn several(&self) -> bool {
        self.came > 1
    }

    /// What an event says of which no more is known than the beginning and the end of its data.
    pub fn of_long(head: &[u8], tail: &[u8], finish: &Finder<'_>) -> Self {
        let is_number = |value: &[u8]| value.first().is_some_and(u8::is_ascii_digit);
        let index = in_head(head, &INDEX, is_number).or_else(|| in_tail(tail, &INDEX, is_number));
        let digits = |value: &[u8]| value.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, add);
        let ended = in_head(head, finish, is_reason).is_some() || ends(tail, finish);
        Self::of(index.map_or(0, digits), true, ended)
    }
}

fn add(number: u64, digit: &u8) -> u64 {
    number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
}

/// Whether some choice has a finish reason.
pub fn ends(data: &[u8], finish: &Finder<'_>) -> bool {
    in_tail(data, finish, is_reason).is_some()
}

/// The brackets around a choice's own member: those of the event, of the list and of the choice. What a model writes may
/// have a member of the same name, but deeper.
const AROUND: u64 = 3;

/// The value of a choice's own member in the beginning of an event.
fn in_head<'a>(head: &'a [u8], name: &Finder<'_>, is: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
    let is_own = |at: usize| depth(0, head.get(..at).unwrap_or_default()) == Some(AROUND);
    let value = |at| value_behind(head, at, name);
    name.find_iter(head).filter(|at| is(value(*at)) && is_own(*at)).map(value).next()
}

/// The same where the event's end is there.
fn in_tail<'a>(tail: &'a [u8], name: &Finder<'_>, is: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
    /// As many brackets as are never open.
    const MANY: u64 = 1 << 32;
    let is_own = |value: &[u8]| depth(MANY, value) == Some(MANY - AROUND);
    name.find_iter(tail).map(|at| value_behind(tail, at, name)).find(|value| is(value) && is_own(value))
}

fn depth(before: u64, bytes: &[u8]) -> Option<u64> {
    let mut brackets = Balance::within(before);
    brackets.push(bytes);
    brackets.depth()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::needle::{FINISH, FINISH_REASON};

    #[test]
    fn only_a_choices_own_reason_that_is_given_counts() {
        for data in [
            r#"{"choices":[{"finish_reason":null},{"finish_reason" : "stop"}]}"#,
            r#"{"choices":[{"x":{"finish_reason":"a"},"finish_reason":"stop","y":[{}]}],"usage":{"a":"}"}}"#,
        ] {
            assert!(ends(data.as_bytes(), &FINISH), "{data}");
        }
        for data in [
            r#"{"choices":[{"finish_reason":null}]}"#,
            r#"{"choices":[{"finish_reason":""}]}"#,
            r#"{"choices":[{"x":"\"finish_reason\":\"stop\"}]}"}]}"#,
            r#"{"choices":[{"finish_reason":"#,
            r#"{"choices":[{"x":{"finish_reason":"stop"}}]}"#,
        ] {
            assert!(!ends(data.as_bytes(), &FINISH), "{data}");
        }
        assert!(ends(br#"{"candidates": [{"finishReason": "STOP"}]}"#, &FINISH_REASON));
        assert!(!ends(br#"{"candidates": [{"finish_reason": "STOP"}]}"#, &FINISH_REASON));
    }
}
