//! Which answer the bytes on a connection belong to, told from the head of each; below awc, which gets three wrong.
//!
//! awc takes an interim answer (1xx) for the answer, and one of HTTP/1.1 that ends with the connection, or that offers
//! an upgrade to websockets, for an empty one. Each time it gives the connection back to its pool at once, and what
//! comes then is read as the answer to somebody else's request. So here interim answers are taken out (RFC 9110,
//! section 15.2); an answer that ends with the connection is made out to be HTTP/1.0, which awc reads to its end and
//! does not pool; the offer's name is made unknown.
//!
//! Always: pure, no IO. A head that comes in one piece is looked at where it lies; only one in several pieces, and what
//! nobody waits for, is kept back, together no more than [`MAX_HEADS`] and one read. A connection is asked again only
//! after an answer that has ended by its own framing, with nothing behind its length.

use bytes::BytesMut;
use http::StatusCode;
use memchr::memchr;

/// The heads of one answer, interim ones included, in bytes: as much as actix's decoder takes for one.
pub const MAX_HEADS: usize = 128 * 1024;

const HTTP: &[u8] = b"HTTP/1.";

/// The heads of an answer are longer than anybody means them to be.
#[derive(Debug, PartialEq, Eq, derive_more::Display, derive_more::Error)]
#[display("the heads of an answer are too long, or there is no end of them")]
pub struct TooLong;

/// One connection's answers.
#[derive(Debug)]
pub struct Heads {
    state: State,
    /// Before a head's end: its beginning. After it: what is to be handed on before anything else is read.
    kept: BytesMut,
    /// What came behind an answer's length. Handed on after `kept`, in a read of its own: the first one to look is the
    /// pool, and it closes a connection on which something waits.
    surplus: BytesMut,
}

#[derive(Debug)]
enum State {
    /// A request is out, and the head of its answer has not ended.
    Head(Head),
    /// So much of the answer is still to come.
    Length(u64),
    /// awc looks for the end.
    Chunked,
    /// The answer ends with the connection, or it is no HTTP: there is no other after it.
    Last,
}

impl Default for Heads {
    fn default() -> Self {
        Self { state: State::Length(0), kept: BytesMut::new(), surplus: BytesMut::new() }
    }
}

impl Heads {
    /// A request is about to go out. False where it must not, because the connection is not done with another one.
    pub fn ask(&mut self) -> bool {
        let ended = match self.state {
            State::Length(left) => left == 0,
            State::Chunked => true,
            State::Head(_) | State::Last => false,
        };
        let fit = ended && self.kept.is_empty() && self.surplus.is_empty();
        if fit {
            self.state = State::Head(Head::default());
        }
        fit
    }

    /// What was kept back and is to be handed on now, at most `room` of it.
    pub fn kept(&mut self, room: usize) -> Option<BytesMut> {
        if self.kept.is_empty() {
            if self.surplus.is_empty() {
                return None;
            }
            self.kept = std::mem::take(&mut self.surplus);
        }
        if room == 0 || matches!(self.state, State::Head(_)) {
            return None;
        }
        let piece = self.kept.split_to(room.min(self.kept.len()));
        if self.kept.is_empty() {
            self.kept = BytesMut::new(); // gives the memory back
        }
        Some(piece)
    }

    /// Takes what was read and leaves in its place, from its beginning, what is to be handed on: so many bytes.
    ///
    /// # Errors
    /// When the heads grow beyond [`MAX_HEADS`].
    pub fn came(&mut self, bytes: &mut [u8]) -> Result<usize, TooLong> {
        let State::Head(head) = &mut self.state else { return Ok(self.body(bytes)) };
        if !self.kept.is_empty() {
            self.kept.extend_from_slice(bytes);
            let mut all = std::mem::take(&mut self.kept);
            let found = head.find(&mut all)?;
            let _interim = all.split_to(found.interim);
            if let Some((end, rest)) = found.end {
                self.state = rest;
                let body = self.body(all.get(end..).unwrap_or_default());
                all.truncate(end + body);
            }
            self.kept = all;
            return Ok(0);
        }
        let found = head.find(bytes)?;
        let Some((end, rest)) = found.end else {
            self.kept.extend_from_slice(bytes.get(found.interim..).unwrap_or_default());
            return Ok(0);
        };
        self.state = rest;
        let stays = bytes.len() - found.interim;
        if found.interim > 0 {
            bytes.copy_within(found.interim.., 0);
        }
        Ok(end + self.body(bytes.get(end..stays).unwrap_or_default()))
    }

    /// How many of the bytes behind a head belong to the answer; the others are kept back.
    fn body(&mut self, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Length(left) => {
                let fit = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= fit as u64;
                if let Some(surplus @ [_, ..]) = bytes.get(fit..) {
                    self.surplus.extend_from_slice(surplus);
                }
                fit
            }
            State::Chunked | State::Last | State::Head(_) => bytes.len(),
        }
    }
}

/// How far the head of one answer has been read; the places count from its first byte.
#[derive(Debug, Default)]
struct Head {
    /// Of interim answers before it.
    passed: usize,
    /// Where the line begins whose end has not come.
    line: usize,
    /// No line ends between there and here.
    searched: usize,
    /// Once the first line has come.
    status: Option<Status>,
    length: Option<u64>,
    chunked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Status {
    code: u16,
    /// Where the minor version stands, if it is HTTP/1.1.
    minor: Option<usize>,
}

struct Found {
    /// So many bytes are interim answers.
    interim: usize,
    /// Behind them: where the head of the answer ends, and what follows it.
    end: Option<(usize, State)>,
}

enum Line {
    Unfinished,
    Next,
    /// It was the last line of the head, which ends here.
    Last(usize),
    /// Not HTTP: awc has the words for that.
    Foreign,
}

impl Head {
    /// Looks for the end of the answer's head in all that has come of it so far.
    fn find(&mut self, bytes: &mut [u8]) -> Result<Found, TooLong> {
        let mut interim = 0;
        loop {
            let head = bytes.get_mut(interim..).unwrap_or_default();
            match self.next_line(head) {
                Line::Next => {}
                Line::Unfinished if self.passed + head.len() > MAX_HEADS => return Err(TooLong),
                Line::Unfinished => return Ok(Found { interim, end: None }),
                Line::Foreign => return Ok(Found { interim, end: Some((0, State::Last)) }),
                Line::Last(end) if self.is_interim() => {
                    *self = Self { passed: self.passed + end, ..Self::default() };
                    interim += end;
                    if self.passed > MAX_HEADS {
                        return Err(TooLong);
                    }
                }
                Line::Last(end) => return Ok(Found { interim, end: Some((end, self.rest(head))) }),
            }
        }
    }

    #[inline]
    fn next_line(&mut self, head: &mut [u8]) -> Line {
        let rest = head.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr(b'\n', rest) else {
            self.searched = head.len();
            let begun = head.get(self.line..).unwrap_or_default();
            let foreign = self.status.is_none() && !matches!(begun, b"" | b"\r") && !begins_status(begun);
            return if foreign { Line::Foreign } else { Line::Unfinished };
        };
        let (begin, end) = (self.line, self.searched + at + 1);
        (self.line, self.searched) = (end, end);
        let line = head.get(begin..end - 1).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (self.status, line.is_empty()) {
            (Some(_), true) => return Line::Last(end),
            (Some(status), false) => {
                if self.header(line) && status.code != StatusCode::SWITCHING_PROTOCOLS.as_u16() {
                    set(head, begin, b'x');
                }
            }
            // awc reads over blank lines before an answer, too.
            (None, true) => {}
            (None, false) => match status(line, begin) {
                None => return Line::Foreign,
                status => self.status = status,
            },
        }
        Line::Next
    }

    /// Takes one header. True: it is an offer that awc would take for the end of the answer.
    #[inline]
    fn header(&mut self, line: &[u8]) -> bool {
        match line.first().map(u8::to_ascii_lowercase) {
            Some(b'c') => {
                if let Some(value) = value(line, b"content-length") {
                    // What is no number, awc does not take.
                    self.length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                }
                false
            }
            Some(b't') => {
                let coding = value(line, b"transfer-encoding");
                self.chunked |= coding.is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
                false
            }
            Some(b'u') => value(line, b"upgrade").is_some_and(|to| to.eq_ignore_ascii_case(b"websocket")),
            Some(_) | None => false,
        }
    }

    fn is_interim(&self) -> bool {
        self.status.is_some_and(|status| {
            (100..200).contains(&status.code) && status.code != StatusCode::SWITCHING_PROTOCOLS.as_u16()
        })
    }

    /// What follows the head, as awc will have it.
    fn rest(&self, head: &mut [u8]) -> State {
        let Some(Status { code, minor }) = self.status else { return State::Last };
        match (StatusCode::from_u16(code), minor, self.length) {
            (Ok(StatusCode::SWITCHING_PROTOCOLS) | Err(_), _, _) => State::Last,
            (Ok(_), Some(_), _) if self.chunked => State::Chunked,
            (Ok(_), _, Some(length)) => State::Length(length),
            // Nor has an answer to HEAD a body, but we never ask that; if we did, its connection would not be kept.
            (Ok(StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED), Some(_), None) => State::Length(0),
            (Ok(_), Some(minor), None) => {
                set(head, minor, b'0');
                State::Last
            }
            (Ok(_), None, None) => State::Last,
        }
    }
}

fn set(bytes: &mut [u8], at: usize, to: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = to;
    }
}

fn begins_status(line: &[u8]) -> bool {
    let known = line.len().min(HTTP.len());
    line.get(..known) == HTTP.get(..known)
}

/// Reads `HTTP/1.1 200 OK`, which begins at `begin`.
fn status(line: &[u8], begin: usize) -> Option<Status> {
    let (&[minor @ (b'0' | b'1'), b' ', a, b, c], rest) = line.strip_prefix(HTTP)?.split_first_chunk()? else {
        return None;
    };
    if !matches!(rest, [] | [b' ', ..]) || ![a, b, c].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = [a, b, c].iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    Some(Status { code, minor: (minor == b'1').then_some(begin + HTTP.len()) })
}

/// The value of a header, if this is its line; awc allows blanks before the colon.
#[inline]
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (begins, rest) = line.split_at_checked(name.len())?;
    if !begins.eq_ignore_ascii_case(name) {
        return None;
    }
    Some(rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii())
}

#[cfg(test)]
mod tests;
