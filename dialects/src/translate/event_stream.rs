//! Messages out of an AWS event stream whose bytes come in any pieces.
//!
//! Source: the event stream encoding page of the Smithy specification
//! (<https://smithy.io/2.0/aws/amazon-eventstream.html>). A message is its length, the length of its headers, a checksum
//! of these, the headers, the payload, a checksum of all. Reading one is left to the crate that AWS maintains; only a
//! message that is not yet whole is held, and never more than [`MAX_EVENT`] bytes of it.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::{HeaderValue, Message};

use super::framing::{Broken, Frame, MAX_EVENT, append};

/// Lengths and checksums around headers and payload.
const LEAST: usize = 16;
/// A buffer that has grown beyond this is not kept for the next message.
const KEEP: usize = 8 * 1024;

/// Cuts an event stream into messages.
#[derive(Debug, Default)]
pub struct EventStream {
    held: Vec<u8>,
}

impl EventStream {
    /// Takes the next piece. `each` says whether to go on.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame<'_>) -> bool) -> Result<(), Broken> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(length) = self.length(rest) else { break };
            if length > MAX_EVENT {
                return Err(Broken::TooLong);
            }
            if length < LEAST {
                return Err(Broken::Corrupt);
            }
            let Some((part, after)) = rest.split_at_checked(length.saturating_sub(self.held.len())) else { break };
            rest = after;
            let message = if self.held.is_empty() {
                read_message_from(part)
            } else {
                append(&mut self.held, part);
                let message = read_message_from(&*self.held);
                self.held.clear();
                if self.held.capacity() > KEEP {
                    self.held = Vec::new();
                }
                message
            };
            if !told(&message.map_err(|_| Broken::Corrupt)?, &mut each) {
                return Ok(());
            }
        }
        append(&mut self.held, rest);
        Ok(())
    }

    /// The length of the held message that this piece brings to its end; 0 where it does not.
    pub fn due(&self, bytes: &[u8]) -> usize {
        if self.held.is_empty() {
            return 0;
        }
        self.length(bytes).filter(|length| *length <= self.held.len() + bytes.len()).unwrap_or(0)
    }

    /// Bytes of a message that is not yet whole.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// The length that the message at the beginning of what is held and of this piece gives itself.
    fn length(&self, rest: &[u8]) -> Option<usize> {
        let mut bytes = self.held.iter().chain(rest).copied();
        let length = [bytes.next()?, bytes.next()?, bytes.next()?, bytes.next()?];
        usize::try_from(u32::from_be_bytes(length)).ok()
    }
}

/// Hands on what a message says: its event by name, an exception by the exception's name, any other error as `error`.
fn told(message: &Message, each: &mut impl FnMut(Frame<'_>) -> bool) -> bool {
    let header = |name: &str| {
        let found = message.headers().iter().find(|header| header.name().as_str() == name);
        found.and_then(|header| match header.value() {
            HeaderValue::String(text) => Some(text.as_str()),
            _ => None,
        })
    };
    let data = message.payload();
    match header(":message-type") {
        Some("exception") => {
            let name = header(":exception-type").unwrap_or_default();
            // What does not call itself one is one all the same.
            let name = if name.ends_with("Exception") { name } else { "error" };
            each(Frame::Event { name: name.as_bytes(), data })
        }
        Some("error") => {
            let mut json = Vec::new();
            let mut object = crate::json::put::Object::open(&mut json);
            object.text_if("code", header(":error-code")).text_if("message", header(":error-message"));
            drop(object);
            each(Frame::Event { name: b"error", data: &json })
        }
        Some(_) | None => each(Frame::Event { name: header(":event-type").unwrap_or_default().as_bytes(), data }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From AWS's C implementation: aws-c-event-stream, tests/message_deserializer_test.c.
    const NO_HEADERS: [u8; 29] = [
        0x00, 0x00, 0x00, 0x1D, 0x00, 0x00, 0x00, 0x00, 0xfd, 0x52, 0x8c, 0x5a, 0x7b, 0x27, 0x66, 0x6f, 0x6f, 0x27,
        0x3a, 0x27, 0x62, 0x61, 0x72, 0x27, 0x7d, 0xc3, 0x65, 0x39, 0x36,
    ];
    const ONE_HEADER: [u8; 61] = [
        0x00, 0x00, 0x00, 0x3D, 0x00, 0x00, 0x00, 0x20, 0x07, 0xFD, 0x83, 0x96, 0x0C, b'c', b'o', b'n', b't', b'e',
        b'n', b't', b'-', b't', b'y', b'p', b'e', 0x07, 0x00, 0x10, b'a', b'p', b'p', b'l', b'i', b'c', b'a', b't',
        b'i', b'o', b'n', b'/', b'j', b's', b'o', b'n', 0x7b, 0x27, 0x66, 0x6f, 0x6f, 0x27, 0x3a, 0x27, 0x62, 0x61,
        0x72, 0x27, 0x7d, 0x8D, 0x9C, 0x08, 0xB1,
    ];

    type Events = Vec<(Vec<u8>, Vec<u8>)>;

    fn events(pieces: &[&[u8]]) -> Result<Events, Broken> {
        let (mut stream, mut found) = (EventStream::default(), Vec::new());
        for piece in pieces {
            stream.push(piece, |frame| {
                if let Frame::Event { name, data } = frame {
                    found.push((name.to_vec(), data.to_vec()));
                }
                true
            })?;
        }
        Ok(found)
    }

    #[test]
    fn the_published_messages_are_read_however_they_are_cut() {
        let both = [&NO_HEADERS[..], &ONE_HEADER].concat();
        let want = vec![(Vec::new(), b"{'foo':'bar'}".to_vec()); 2];
        for cut in 0..both.len() {
            let (a, b) = both.split_at(cut);
            assert_eq!(events(&[a, b]).as_ref(), Ok(&want), "{cut}");
        }
        let bytes: Vec<_> = both.chunks(1).collect();
        assert_eq!(events(&bytes), Ok(want));
    }

    #[test]
    fn a_wrong_bit_anywhere_is_found() {
        for at in 4..ONE_HEADER.len() {
            let mut bytes = ONE_HEADER;
            bytes[at] ^= 0x10;
            assert_eq!(events(&[&bytes]), Err(Broken::Corrupt), "{at}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        assert_eq!(events(&[&[0, 0, 0, 15]]), Err(Broken::Corrupt));
        assert_eq!(events(&[&[0x7F, 0, 0, 0]]), Err(Broken::TooLong));
        assert_eq!(events(&[&[0, 0], &[0, 15]]), Err(Broken::Corrupt));
    }

    #[test]
    fn errors_are_told_from_events() {
        use aws_smithy_eventstream::frame::write_message_to;
        use aws_smithy_types::event_stream::Header;
        let written = |headers: &[(&'static str, &'static str)]| {
            let mut message = Message::new(&b"{}"[..]);
            for (name, value) in headers {
                message = message.add_header(Header::new(*name, HeaderValue::String((*value).into())));
            }
            let mut out = Vec::new();
            write_message_to(&message, &mut out).unwrap();
            events(&[&out]).unwrap().remove(0)
        };
        let name = |headers| String::from_utf8(written(headers).0).unwrap();
        assert_eq!(name(&[(":message-type", "event"), (":event-type", "metadata")]), "metadata");
        let throttled = [(":message-type", "exception"), (":exception-type", "throttlingException")];
        assert_eq!(name(&throttled), "throttlingException");
        assert_eq!(name(&[(":message-type", "exception"), (":exception-type", "odd")]), "error");
        let (name, data) =
            written(&[(":message-type", "error"), (":error-code", "500"), (":error-message", "broken\n")]);
        assert_eq!((&*name, &*data), (&b"error"[..], &br#"{"code":"500","message":"broken\n"}"#[..]));
    }
}
