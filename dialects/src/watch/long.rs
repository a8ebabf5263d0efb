//! An event that is too long to be held: it passes as it comes, and is known by its beginning, its end and its usage.

use super::events::Answer;
use super::lines::{Line, Lines};
use super::needle::ERROR;
use super::spot::Spot;
use super::top::Top;
use crate::Endpoint;
use crate::openai::typed;

/// The longest event that is held back until it is whole, in bytes.
pub const MAX_EVENT: usize = 64 * 1024;
/// What is kept of its beginning.
const HEAD: usize = 1_024;
/// What is kept of its end.
const TAIL: usize = 512;

#[derive(Debug)]
pub struct Long {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    bytes: u64,
    spot: Spot,
    top: Top,
    named: bool,
}

impl Long {
    /// `begun`: what has come of it.
    pub fn new(endpoint: Endpoint, begun: &[u8]) -> Self {
        let spot = Spot::new(endpoint.dialect());
        let mut long = Self { head: Vec::new(), tail: Vec::new(), bytes: 0, spot, top: Top::default(), named: false };
        long.push(begun);
        long
    }

    pub fn push(&mut self, piece: &[u8]) {
        self.spot.push(piece);
        self.top.push(piece);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        if room > 0 {
            // An element of an array has no lines.
            let is_event = !matches!(self.head.trim_ascii_start().first(), Some(b'[' | b'{' | b','));
            self.named = is_event && is_named_error(&self.head);
        }
        self.tail.extend_from_slice(piece.get(piece.len().saturating_sub(TAIL)..).unwrap_or_default());
        let beyond = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..beyond);
    }

    /// Whether it tells an error, which may turn out only when most of it has come.
    pub fn tells(&self) -> bool {
        self.named || self.top.failed()
    }

    /// Takes more of it; true where with that it tells an error.
    pub fn grows_to_error(&mut self, piece: &[u8]) -> bool {
        self.push(piece);
        self.tells()
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

/// Whether a document is an error from its beginning on: by its type, or an error that stands first, if only as a text.
pub fn begins_as_error(head: &[u8]) -> bool {
    let first = head.iter().position(|byte| *byte == b'{').unwrap_or(head.len());
    let document = head.get(first..).unwrap_or_default();
    let inside = document.get(1..).unwrap_or_default().trim_ascii_start();
    is_an_errors(document)
        || inside.starts_with(ERROR.needle()) && matches!(value_at(inside, 0).first(), Some(b'"' | b'{'))
}

/// Whether an event is an error by its name or its type.
pub fn is_named_error(head: &[u8]) -> bool {
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
    is_an_errors(data)
}

fn is_an_errors(data: &[u8]) -> bool {
    matches!(typed::kind(data).as_deref(), Some("error" | "response.failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tells(event: &str, size: usize) -> bool {
        let (begun, rest) = event.as_bytes().split_at(size.min(event.len()));
        let mut long = Long::new(Endpoint::Chat, begun);
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
                format!("data: {{\"text\":\"{x}\\\"\",\"error\":\"{x}\"}}\n"),
            ] {
                assert!(tells(&event, size), "{size}");
            }
            for event in [
                format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"\\\"error\\\":{{ {x}\"}}}}]}}\n"),
                format!("data: {{\"type\":\"response.completed\",\"error\":null,\"output\":\"{x}\"}}\n"),
                format!("data: {{\"a\":\"error\",\"b\":\"{x}\"}}\n"),
                format!("data: {{\"candidates\":[{{\"args\":{{\"error\":{{\"a\":1}},\"b\":\"{x}\"}}}}]}}\n"),
                format!("data: {{\"error\":{{}},\"b\":\"{x}\",\"errors\":[1]}}\n"),
                format!("data: {{\"error\":\"\",\"b\":[\"{x}\",\"error\",{{\"c\":1}}]}}\n"),
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

    #[test]
    fn a_document_is_an_error_by_what_stands_first() {
        for document in
            [r#"{"error": "x"#, " {\n \"error\":{", r#"{"type":"error","message":"x"#, r#"[{"error":{"code":1"#]
        {
            assert!(begins_as_error(document.as_bytes()), "{document}");
        }
        for document in [
            r#"{"id":"resp_1","error":null,"output":["#,
            r#"{"choices":[{"message":{"content":"\"error\":"}}]}"#,
            r#"{"error":null,"choices":["#,
            r#"{"data":[{"b64":"x"}],"note":"an "error""#,
        ] {
            assert!(!begins_as_error(document.as_bytes()), "{document}");
        }
    }
}
