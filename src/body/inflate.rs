//! gzip (RFC 1952), and what HTTP calls deflate: zlib (RFC 1950), or without its frame, as some clients send it.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::decode::{Step, Wrong};

/// Output of one step.
const ROOM: usize = 64 * 1024;
/// A gzip header may hold a name and a comment; no client's is longer.
const MAX_HEADER: usize = 16 * 1024;
const TRAILER: usize = 8;

enum Frame {
    /// Which of both deflates it is shows in the first two bytes.
    Unknown,
    /// Before a member's data: its header as far as it has come.
    GzipHeader,
    Data,
    /// Behind a member's data: checksum and length.
    GzipTrailer,
    /// Behind the last member: zeros, as `tar` and tapes pad with.
    GzipPadding,
    /// Nothing may follow.
    End,
}

pub(super) struct Inflate {
    frame: Frame,
    gzip: bool,
    data: Decompress,
    crc: Crc,
    /// Of a header or trailer.
    kept: Vec<u8>,
    members: u32,
}

impl Inflate {
    /// The window, and the tables.
    pub const HELD: usize = 64 * 1024;

    pub fn gzip() -> Self {
        Self::new(Frame::GzipHeader, true)
    }

    pub fn deflate() -> Self {
        Self::new(Frame::Unknown, false)
    }

    fn new(frame: Frame, gzip: bool) -> Self {
        Self { frame, gzip, data: Decompress::new(false), crc: Crc::new(), kept: Vec::new(), members: 0 }
    }

    pub fn is_whole(&self) -> bool {
        match self.frame {
            Frame::End | Frame::GzipPadding => true,
            // Another member may follow, and need not.
            Frame::GzipHeader => self.members > 0 && self.kept.is_empty(),
            Frame::Unknown | Frame::Data | Frame::GzipTrailer => false,
        }
    }

    pub fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step, Wrong> {
        match self.frame {
            Frame::Unknown => self.look(input, out),
            Frame::GzipHeader => self.header(input),
            Frame::Data => self.inflate(input, out),
            Frame::GzipTrailer => self.trailer(input),
            Frame::GzipPadding if input.iter().all(|byte| *byte == 0) => {
                Ok(Step { consumed: input.len(), more: false })
            }
            Frame::GzipPadding => Err(Wrong::Damaged),
            Frame::End if input.is_empty() => Ok(Step { consumed: 0, more: false }),
            Frame::End => Err(Wrong::Damaged),
        }
    }

    /// A zlib header's two bytes are a multiple of 31, and name deflate and a window of at most 32 KiB.
    fn look(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step, Wrong> {
        let consumed = input.len().min(2 - self.kept.len());
        self.kept.extend(input.iter().take(consumed));
        if let [first, second] = *self.kept.as_slice() {
            let zlib = first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]) % 31 == 0;
            self.data = Decompress::new(zlib);
            self.frame = Frame::Data;
            self.kept.clear();
            if self.inflate(&[first, second], out)?.consumed != 2 {
                return Err(Wrong::Damaged);
            }
        }
        Ok(Step { consumed, more: false })
    }

    fn header(&mut self, input: &[u8]) -> Result<Step, Wrong> {
        let before = self.kept.len();
        if self.members > 0 && before == 0 && input.first() == Some(&0) {
            self.frame = Frame::GzipPadding;
            return Ok(Step { consumed: 0, more: true });
        }
        self.kept.extend_from_slice(input);
        let Some(length) = header_length(&self.kept)? else {
            if self.kept.len() > MAX_HEADER {
                return Err(Wrong::Damaged);
            }
            return Ok(Step { consumed: input.len(), more: false });
        };
        self.kept.clear();
        self.data.reset(false);
        self.crc.reset();
        self.frame = Frame::Data;
        Ok(Step { consumed: length.saturating_sub(before), more: false })
    }

    fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step, Wrong> {
        let (start, taken) = (out.len(), self.data.total_in());
        out.reserve(ROOM);
        let mut room = [0; 8 * 1024];
        let mut ended = false;
        let mut full = false;
        while out.len() - start < ROOM {
            let (before_in, before_out) = (self.data.total_in(), self.data.total_out());
            let rest = input.get((before_in - taken) as usize..).unwrap_or_default();
            let status = self.data.decompress(rest, &mut room, FlushDecompress::None).map_err(|_| Wrong::Damaged)?;
            let made = (self.data.total_out() - before_out) as usize;
            let made = room.get(..made).unwrap_or_default();
            if self.gzip {
                self.crc.update(made);
            }
            out.extend_from_slice(made);
            full = made.len() == room.len();
            ended = status == Status::StreamEnd;
            if ended || !full {
                break;
            }
        }
        let consumed = (self.data.total_in() - taken) as usize;
        if ended {
            self.members += 1;
            self.frame = if self.gzip { Frame::GzipTrailer } else { Frame::End };
        }
        Ok(Step { consumed, more: full && !ended })
    }

    fn trailer(&mut self, input: &[u8]) -> Result<Step, Wrong> {
        let consumed = input.len().min(TRAILER - self.kept.len());
        self.kept.extend(input.iter().take(consumed));
        if let [a, b, c, d, e, f, g, h] = *self.kept.as_slice() {
            let (sum, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            if (sum, length) != (self.crc.sum(), self.crc.amount()) {
                return Err(Wrong::Damaged);
            }
            self.kept.clear();
            self.frame = Frame::GzipHeader;
        }
        Ok(Step { consumed, more: false })
    }
}

/// How long a gzip header is; None while it is not whole.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, Wrong> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const SUM: u8 = 2;
    // What has come of the first three bytes is judged at once.
    if bytes.iter().zip([0x1f, 0x8b, 8]).any(|(is, wanted)| *is != wanted) {
        return Err(Wrong::Damaged);
    }
    let Some([.., flags, _, _, _, _, _, _]) = bytes.first_chunk::<10>() else { return Ok(None) };
    if flags & 0xe0 != 0 {
        return Err(Wrong::Damaged);
    }
    let mut length = 10;
    if flags & EXTRA != 0 {
        let Some([low, high]) = bytes.get(length..).and_then(|rest| rest.first_chunk::<2>()) else { return Ok(None) };
        length += 2 + usize::from(u16::from_le_bytes([*low, *high]));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let Some(rest) = bytes.get(length..) else { return Ok(None) };
            let Some(end) = memchr::memchr(0, rest) else { return Ok(None) };
            length += end + 1;
        }
    }
    if flags & SUM != 0 {
        length += 2;
    }
    Ok((length <= bytes.len()).then_some(length))
}
