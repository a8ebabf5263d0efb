//! A sign of life for who waits for a stream: what fills the silence between two events.
//!
//! A comment, where the dialect's SDKs read over one. Gemini's take it for data, and older ones (and Firebase's) lose
//! the stream over a blank line, for they look for `data: ` at the very start of what comes next. But all of them parse
//! JSON, which may begin with white space: so the next event's line is begun and made longer by spaces, and that event
//! then goes out without its own beginning.
//!
//! Always: what the client reads are whole events, and no event more than there are, unless the next one does not begin
//! as Gemini's do: then the line that was begun becomes an empty one.

use actix_web::web::Bytes;
use dialects::{Dialect, error};

const BEGIN: &[u8] = b"data:";
const EMPTY: &[u8] = b"{}\n\n";

#[derive(Debug)]
pub struct Signs {
    dialect: Dialect,
    /// A line was begun; so many bytes of the next event's own beginning have been taken out.
    begun: Option<usize>,
}

impl Signs {
    pub const fn new(dialect: Dialect) -> Self {
        Self { dialect, begun: None }
    }

    /// The next one.
    pub fn give(&mut self) -> Bytes {
        match self.dialect {
            Dialect::OpenAi | Dialect::Anthropic => Bytes::from_static(error::keepalive(self.dialect)),
            Dialect::Gemini if self.begun.is_some() => Bytes::from_static(b" "),
            Dialect::Gemini => {
                self.begun = Some(0);
                Bytes::from_static(b"data: ")
            }
        }
    }

    /// Whether the last one is to be gone on with.
    pub const fn begun(&self) -> bool {
        self.begun.is_some()
    }

    /// A piece of the answer on its way to the client; nothing is left of one that was begun already.
    pub fn pass(&mut self, mut piece: Bytes) -> Bytes {
        let Some(mut taken) = self.begun else { return piece };
        while taken < BEGIN.len() {
            match piece.first() {
                Some(first) if BEGIN.get(taken) == Some(first) => taken += 1,
                Some(b'\r' | b'\n') if taken == 0 => {}
                Some(_) => break,
                None => {
                    self.begun = Some(taken);
                    return piece;
                }
            }
            piece = piece.slice(1..);
        }
        self.begun = None;
        if taken == BEGIN.len() {
            return piece;
        }
        [EMPTY, BEGIN.get(..taken).unwrap_or_default(), &piece].concat().into()
    }

    /// What ends a line that nothing will follow; None where none is begun.
    pub fn end(&mut self) -> Option<Bytes> {
        self.begun.take().map(|_| Bytes::from_static(EMPTY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: &[&'static str]) -> String {
        let mut signs = Signs::new(Dialect::Gemini);
        let mut out = [signs.give(), signs.give(), signs.give()].concat();
        for piece in pieces {
            out.extend_from_slice(&signs.pass(Bytes::from_static(piece.as_bytes())));
        }
        out.extend(signs.end().unwrap_or_default());
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_line_that_was_begun_becomes_the_next_event() {
        let whole = "data:    {\"a\":1}\n\ndata: {}\n\n";
        assert_eq!(said(&["data: {\"a\":1}\n\n", "data: {}\n\n"]), whole);
        assert_eq!(said(&["d", "at", "a:", " {\"a\":1}\n\ndata: {}\n\n"]), whole);
        assert_eq!(said(&["\r\n", "data: {\"a\":1}\n\ndata: {}\n\n"]), whole);
        assert_eq!(said(&["data:{}\n\n"]), "data:   {}\n\n");
        // What begins otherwise stays as it is.
        assert_eq!(said(&["event: x\ndata: {}\n\n"]), "data:   {}\n\nevent: x\ndata: {}\n\n");
        assert_eq!(said(&["da", "y: 1\n\n"]), "data:   {}\n\nday: 1\n\n");
        assert_eq!(said(&[]), "data:   {}\n\n");
        assert_eq!(said(&["da"]), "data:   {}\n\n");
    }

    #[test]
    fn others_get_a_comment_and_their_events_untouched() {
        let mut signs = Signs::new(Dialect::OpenAi);
        assert_eq!(signs.give(), error::keepalive(Dialect::OpenAi));
        assert_eq!(signs.pass(Bytes::from_static(b"data: 1\n\n")), b"data: 1\n\n".as_slice());
        assert_eq!(signs.end(), None);
    }
}
