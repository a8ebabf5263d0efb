//! The lines of one event, and what they mean.

use memchr::memchr2;

/// A line of an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    Data(&'a [u8]),
    Event(&'a [u8]),
    /// A bare `error: ...` or a line of JSON: no field of an event stream, but some servers end theirs with one.
    Error(&'a [u8]),
    /// A comment, an id, a retry time, or something unknown: all of them without meaning here.
    Other,
}

impl<'a> Line<'a> {
    #[inline]
    pub fn read(line: &'a [u8]) -> Self {
        match line.first() {
            Some(b'd') => match line.strip_prefix(b"data:") {
                Some(value) => Self::Data(value.strip_prefix(b" ").unwrap_or(value)),
                None => Self::Other,
            },
            Some(b'e') => match (line.strip_prefix(b"event:"), line.strip_prefix(b"error:")) {
                (Some(value), _) => Self::Event(value.trim_ascii()),
                (None, Some(value)) => Self::Error(value.trim_ascii()),
                (None, None) => Self::Other,
            },
            Some(b'{') if memchr::memmem::find(line, b"\"error\"").is_some() => Self::Error(line),
            _ => Self::Other,
        }
    }
}

/// The lines of an event without their ends.
pub struct Lines<'a>(pub &'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr2(b'\n', b'\r', self.0).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = match rest {
            [b'\r', b'\n', rest @ ..] => rest,
            [_, rest @ ..] => rest,
            [] => rest,
        };
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_and_without_a_space() {
        assert_eq!(Line::read(b"data: {}"), Line::Data(b"{}"));
        assert_eq!(Line::read(b"data:{}"), Line::Data(b"{}"));
        assert_eq!(Line::read(b"data:  x"), Line::Data(b" x"));
        assert_eq!(Line::read(b"event:error"), Line::Event(b"error"));
        assert_eq!(Line::read(b"error: {\"a\":1}"), Line::Error(b"{\"a\":1}"));
        assert_eq!(Line::read(b"{\"error\":1}"), Line::Error(b"{\"error\":1}"));
        for line in [&b": comment"[..], b"", b"id: 7", b"retry: 1", b"data", b"database: x", b"{\"a\":1}"] {
            assert_eq!(Line::read(line), Line::Other);
        }
    }

    #[test]
    fn all_line_ends() {
        let lines: Vec<_> = Lines(b"a\nb\r\nc\rd\n\ne").collect();
        assert_eq!(lines, [&b"a"[..], b"b", b"c", b"d", b"", b"e"]);
    }
}
