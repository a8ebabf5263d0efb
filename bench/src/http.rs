//! As much of HTTP/1.1 as the load and the upstream need, and no more.
//!
//! It is written by hand because the generator shares two cores with what it
//! measures: each microsecond spent here is one that the measured processes
//! wait for. Heads are bounded by [`HEAD_LIMIT`]; a message that is not
//! understood is an error, never a guess.

use std::fmt;

/// The longest head that is taken, in bytes.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// Why a message could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// The head is longer than [`HEAD_LIMIT`].
    HeadTooLong,
    /// The first line is neither a request nor a status line.
    FirstLine,
    /// `content-length` or a chunk's size is no number.
    Length,
    /// A chunk is not framed as it must be.
    Chunk,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeadTooLong => "the head is too long",
            Self::FirstLine => "the first line is not understood",
            Self::Length => "a length is no number",
            Self::Chunk => "a chunk is not framed as it must be",
        })
    }
}

impl std::error::Error for Bad {}

/// A message's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// First and second word of the first line: method and target, or version
    /// and status.
    pub first: (&'a str, &'a str),
    /// How the body is delimited.
    pub framing: Framing,
    /// Bytes of the head, blank line included.
    pub len: usize,
}

impl Head<'_> {
    /// The status of an answer.
    ///
    /// # Errors
    /// [`Bad::FirstLine`] if the second word is no number.
    pub fn status(&self) -> Result<u16, Bad> {
        self.first.1.parse().map_err(|_| Bad::FirstLine)
    }
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; a message that says nothing has none.
    Length(usize),
    /// `transfer-encoding: chunked`.
    Chunked,
}

/// Reads a head from the start of `buf`; `None` until all of it is there.
///
/// # Errors
/// [`Bad`] when it is too long or not understood.
pub fn head(buf: &[u8]) -> Result<Option<Head<'_>>, Bad> {
    let Some(end) = memchr::memmem::find(buf, b"\r\n\r\n") else {
        return if buf.len() > HEAD_LIMIT { Err(Bad::HeadTooLong) } else { Ok(None) };
    };
    let text = buf.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or(Bad::FirstLine)?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(one), Some(two)) = (words.next(), words.next()) else {
        return Err(Bad::FirstLine);
    };
    let mut framing = Framing::Length(0);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            framing = Framing::Length(value.trim().parse().map_err(|_| Bad::Length)?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked") {
            framing = Framing::Chunked;
        }
    }
    Ok(Some(Head { first: (one, two), framing, len: end + 4 }))
}

/// Takes a body apart as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(State);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes are still to come.
    Bytes(usize),
    /// In a chunk's size line; digits so far.
    Size {
        value: usize,
        digits: u8,
    },
    /// Behind the digits of a size line, up to its line feed.
    SizeEnd(usize),
    /// In a chunk's data.
    Data(usize),
    /// Before the CR LF that closes a chunk; how many of the two are seen.
    DataEnd(u8),
    /// In the trailer; bytes seen of the current line.
    Trailer(usize),
    Done,
}

impl Body {
    /// A body that is framed like this.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(n) => State::Bytes(n),
            Framing::Chunked => State::Size { value: 0, digits: 0 },
        })
    }

    /// Whether all of it has come.
    #[must_use]
    pub fn done(&self) -> bool {
        self.0 == State::Done
    }

    /// Takes `input`, appends what is body to `out`, and says how much of the
    /// input belongs to this message.
    ///
    /// # Errors
    /// [`Bad`] when a chunk is not framed as it must be.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Bad> {
        let mut rest = input;
        while !self.done() {
            match &mut self.0 {
                State::Bytes(left) | State::Data(left) => {
                    let (taken, after) = rest.split_at(rest.len().min(*left));
                    if taken.is_empty() {
                        break;
                    }
                    out.extend_from_slice(taken);
                    rest = after;
                    *left -= taken.len();
                    if *left == 0 {
                        self.0 = match self.0 {
                            State::Data(_) => State::DataEnd(0),
                            _ => State::Done,
                        };
                    }
                }
                _ => {
                    let Some((byte, after)) = rest.split_first() else {
                        break;
                    };
                    rest = after;
                    self.0 = self.frame(*byte)?;
                }
            }
        }
        Ok(input.len() - rest.len())
    }

    /// The state behind one byte of framing.
    fn frame(&self, byte: u8) -> Result<State, Bad> {
        Ok(match (&self.0, byte) {
            (State::Size { value, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // Eight digits are 4 GiB: no chunk of ours comes near it.
                if *digits == 8 {
                    return Err(Bad::Length);
                }
                let digit = (byte as char).to_digit(16).ok_or(Bad::Length)?;
                State::Size { value: value * 16 + digit as usize, digits: digits + 1 }
            }
            (State::Size { digits: 0, .. }, _) => return Err(Bad::Length),
            (State::Size { value: 0, .. } | State::SizeEnd(0), b'\n') => State::Trailer(0),
            (State::Size { value, .. } | State::SizeEnd(value), b'\n') => State::Data(*value),
            (State::Size { value, .. } | State::SizeEnd(value), _) => State::SizeEnd(*value),
            (State::DataEnd(0), b'\r') => State::DataEnd(1),
            (State::DataEnd(1), b'\n') => State::Size { value: 0, digits: 0 },
            (State::Trailer(0), b'\n') => State::Done,
            (State::Trailer(_), b'\n') => State::Trailer(0),
            (State::Trailer(seen), b'\r') => State::Trailer(*seen),
            (State::Trailer(seen), _) if *seen < HEAD_LIMIT => State::Trailer(seen + 1),
            _ => return Err(Bad::Chunk),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_head_waits_for_its_blank_line_and_tells_its_framing() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nbody";
        let read = head(whole).unwrap().unwrap();
        assert_eq!(read.status(), Ok(200));
        assert_eq!(read.framing, Framing::Length(12));
        assert_eq!(read.len, whole.len() - 4);
        let chunked = head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(chunked.unwrap().unwrap().framing, Framing::Chunked);
    }

    #[test]
    fn heads_that_are_too_long_or_nonsense_are_refused() {
        assert_eq!(head(&[b'a'; HEAD_LIMIT + 1]), Err(Bad::HeadTooLong));
        assert_eq!(head(b"nonsense\r\n\r\n"), Err(Bad::FirstLine));
        let length = b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n";
        assert_eq!(head(length), Err(Bad::Length));
    }

    #[test]
    fn a_chunked_body_is_the_same_however_it_is_cut() {
        let wire = b"5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nx-t: 1\r\n\r\n";
        for size in 1..=wire.len() {
            let mut body = Body::new(Framing::Chunked);
            let mut out = Vec::new();
            for piece in wire.chunks(size) {
                assert_eq!(body.feed(piece, &mut out), Ok(piece.len()));
            }
            assert!(body.done());
            assert_eq!(out, b"hello world");
        }
    }

    #[test]
    fn what_follows_a_message_is_left_alone() {
        let mut out = Vec::new();
        let mut body = Body::new(Framing::Length(3));
        assert_eq!(body.feed(b"abcdef", &mut out), Ok(3));
        assert!(body.done());
        let mut body = Body::new(Framing::Chunked);
        assert_eq!(body.feed(b"1\r\nd\r\n0\r\n\r\nHTTP", &mut out), Ok(11));
        assert_eq!(out, b"abcd");
    }

    #[test]
    fn a_chunk_that_lies_about_its_size_is_an_error() {
        let mut body = Body::new(Framing::Chunked);
        let lies = body.feed(b"2\r\nabc\r\n", &mut Vec::new());
        assert_eq!(lies, Err(Bad::Chunk));
        let mut body = Body::new(Framing::Chunked);
        assert_eq!(body.feed(b"zz\r\n", &mut Vec::new()), Err(Bad::Length));
    }
}
