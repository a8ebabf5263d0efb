//! An event that is too long to be held: it passes as it comes, and is known by its beginning, its end and its usage.

use super::events::Answer;
use super::lines::{Line, Lines};
use super::needle::ERROR;
use super::spot::Spot;
use crate::Endpoint;
use crate::openai::typed;

/// The longest event that is held back until it is whole, in bytes.
pub const MAX_EVENT: usize = 64 * 1024;
/// What is kept of its beginning.
const HEAD: usize = 1_024;
/// What is kept of its end.
const TAIL: usize = 512;

/// The key of an error and the bracket behind it: so much of a piece's end is looked at with the next.
const BORDER: usize = 16;

#[derive(Debug)]
pub struct Long {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    bytes: u64,
    spot: Spot,
    /// It tells an error, as far as has come of it.
    tells: bool,
}

/// What of a chunk belongs to events that pass as they come: so many bytes of one that began before it, and so many of
/// one that has begun with it and goes on; and whether they tell errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    pub(super) before: (usize, bool),
    pub(super) after: (usize, bool),
}

impl Part {
    pub fn tells(&self) -> bool {
        self.before.1 || self.after.1
    }
}

impl Long {
    /// `begun`: what has come of it.
    pub fn new(endpoint: Endpoint, begun: &[u8]) -> Self {
        let mut long =
            Self { head: Vec::new(), tail: Vec::new(), bytes: 0, spot: Spot::new(endpoint.dialect()), tells: false };
        long.push(begun);
        long
    }

    pub fn push(&mut self, piece: &[u8]) {
        self.spot.push(piece);
        self.tells = self.tells || self.tells_in(piece);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        self.tail.extend_from_slice(piece.get(piece.len().saturating_sub(TAIL)..).unwrap_or_default());
        let beyond = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..beyond);
    }

    /// To be called once its beginning has come.
    pub fn judge_beginning(&mut self) {
        self.tells = self.tells || begins_as_error(&self.head);
    }

    /// Whether it tells an error, which may turn out only when most of it has passed.
    pub fn tells(&self) -> bool {
        self.tells
    }

    /// What has come of it, in bytes.
    pub fn len(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    fn tells_in(&self, piece: &[u8]) -> bool {
        let end = self.tail.get(self.tail.len().saturating_sub(BORDER)..).unwrap_or_default();
        let border = [end, piece.get(..BORDER.min(piece.len())).unwrap_or_default()].concat();
        holds_error(&border) || holds_error(piece)
    }

    /// It has come to its end. `data`: how its data begins.
    pub fn judge(&self, name: &[u8], data: &[u8], answer: &mut Answer) {
        answer.tally.note_bytes(self.bytes);
        answer.long_event(name, data, &self.tail, self.spot.usage());
    }
}

/// Whether there is the key `error` with an object behind it; within a text it would be escaped.
pub fn holds_error(bytes: &[u8]) -> bool {
    ERROR.find_iter(bytes).any(|at| value_at(bytes, at).first() == Some(&b'{'))
}

/// What stands behind a key.
fn value_at(bytes: &[u8], key: usize) -> &[u8] {
    let rest = bytes.get(key + ERROR.needle().len()..).unwrap_or_default().trim_ascii_start();
    rest.strip_prefix(b":").unwrap_or_default().trim_ascii_start()
}

/// Whether an event or a document is an error from its beginning on: by its name, its type, or an error that stands
/// first, if only as a text.
pub fn begins_as_error(head: &[u8]) -> bool {
    let mut data = head;
    for line in Lines(head) {
        match Line::read(line) {
            Line::Event(b"error") | Line::Error(_) => return true,
            Line::Data(text) => {
                data = text;
                break;
            }
            Line::Event(_) | Line::Other => {}
        }
    }
    let first = data.iter().position(|byte| *byte == b'{').map_or(data.len(), |at| at + 1);
    let inside = data.get(first..).unwrap_or_default().trim_ascii_start();
    let by_type = matches!(typed::kind(data).as_deref(), Some("error" | "response.failed"));
    by_type || inside.starts_with(ERROR.needle()) && matches!(value_at(inside, 0).first(), Some(b'"' | b'{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tells(event: &str, size: usize) -> bool {
        let (begun, rest) = event.as_bytes().split_at(size.min(event.len()));
        let mut long = Long::new(Endpoint::Chat, begun);
        long.judge_beginning();
        rest.chunks(size).for_each(|piece| long.push(piece));
        long.tells()
    }

    #[test]
    fn an_error_is_known_by_its_beginning_or_where_it_stands() {
        let x = "x".repeat(3_000);
        for size in [7, 64, 1_024, 5_000] {
            for event in [
                format!("data: {{\"id\":\"{x}\",\"error\":{{\"message\":\"{x}\"}}}}\n"),
                format!("data: {{\"id\":\"{x}\",\"error\" : {{\"message\":\"{x}\"}}}}\n"),
                format!("{{\"error\":{{\"message\":\"{x}\"}}}}"),
            ] {
                assert!(tells(&event, size), "{size}");
            }
            for event in [
                format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"\\\"error\\\":{{ {x}\"}}}}]}}\n"),
                format!("data: {{\"type\":\"response.completed\",\"error\":null,\"output\":\"{x}\"}}\n"),
                format!("data: {{\"a\":\"error\",\"b\":\"{x}\"}}\n"),
            ] {
                assert!(!tells(&event, size), "{size}");
            }
        }
        for event in [
            format!("event: error\ndata: {{\"text\":\"{x}\"}}\n"),
            format!("data: {{\"error\":\"{x}\"}}\n"),
            format!("data: {{\"type\":\"error\",\"message\":\"{x}\"}}\n"),
        ] {
            assert!(tells(&event, 2_000));
        }
    }
}
