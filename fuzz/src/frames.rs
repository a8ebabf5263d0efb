//! The decoders: bytes into events.

use dialects::Wire;
use dialects::translate::{Broken, Frame, Frames};

use crate::support::memory::Meter;
use crate::{message, pieces};

/// An event, or what stands among events and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    Event(Vec<u8>, Vec<u8>),
    Stray(Vec<u8>),
}

impl Cut {
    fn of(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Event { name, data } => Self::Event(name.to_vec(), data.to_vec()),
            Frame::Stray(text) => Self::Stray(text.to_vec()),
        }
    }
}

/// What a decoder makes of these pieces, and why it stopped where it did.
pub fn cut(from: Wire, pieces: &[&[u8]]) -> (Vec<Cut>, Option<Broken>) {
    let (mut frames, mut found) = (Frames::new(from), Vec::new());
    for piece in pieces {
        if let Err(broken) = frames.push(piece, |frame| {
            found.push(Cut::of(frame));
            true
        }) {
            return (found, Some(broken));
        }
    }
    frames.end(|frame| {
        found.push(Cut::of(frame));
        true
    });
    (found, None)
}

/// Server-sent events: the same for every cut, and what the standard's own words make of them.
pub fn sse(bytes: &[u8]) {
    let whole = cut(Wire::Chat, &[bytes]);
    assert_eq!(whole, (plainly(bytes), None), "read by the lines of the standard");
    same(Wire::Chat, bytes, &whole);
}

/// Messages of AWS's: any bytes, and the same bytes with lengths and checksums that fit, which noise never has.
pub fn event_stream(bytes: &[u8]) {
    same(Wire::Converse, bytes, &cut(Wire::Converse, &[bytes]));
    let repaired = message::repaired(bytes);
    same(Wire::Converse, &repaired, &cut(Wire::Converse, &[&repaired]));
}

fn same(from: Wire, bytes: &[u8], whole: &(Vec<Cut>, Option<Broken>)) {
    for pieces in pieces::cuts(bytes) {
        assert_eq!(&cut(from, &pieces), whole, "in {} pieces", pieces.len());
        let meter = Meter::start();
        let mut frames = Frames::new(from);
        for piece in pieces {
            if frames.push(piece, |_| true).is_err() {
                break;
            }
        }
        // One unfinished event, in a buffer that has doubled to hold it; an emptied one of up to 8 KiB is kept.
        assert!(meter.held() <= 8 * 1024 + 2 * bytes.len(), "{} of {}", meter.held(), bytes.len());
    }
}

/// Section 9.2.6 of the HTML standard, and two habits of servers beside it: an error may be a line of its own, and an
/// error event may have no data.
fn plainly(bytes: &[u8]) -> Vec<Cut> {
    let (mut found, mut at) = (Vec::new(), bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
    let (mut name, mut data, mut error) = (Vec::new(), Vec::new(), false);
    while !at.is_empty() {
        let end = at.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(at.len());
        let line = &at[..end];
        let ended = if at[end..].starts_with(b"\r\n") { 2 } else { 1 };
        at = &at[(end + ended).min(at.len())..];
        let json_error = line.starts_with(b"{") && line.windows(7).any(|window| window == b"\"error\"");
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if !data.is_empty() {
                data.push(b'\n');
            }
            data.extend_from_slice(value);
        } else if let Some(value) = line.strip_prefix(b"event:") {
            name = value.trim_ascii().to_vec();
            error |= name == b"error";
        } else if let Some(value) = line.strip_prefix(b"error:") {
            found.push(Cut::Stray(value.trim_ascii().to_vec()));
        } else if json_error {
            found.push(Cut::Stray(line.to_vec()));
        }
        if line.is_empty() || at.is_empty() {
            let event = (std::mem::take(&mut name), std::mem::take(&mut data));
            if std::mem::take(&mut error) || !event.1.is_empty() {
                found.push(Cut::Event(event.0, event.1));
            }
        }
    }
    found
}
