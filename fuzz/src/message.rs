//! Messages of an AWS event stream, whose checksums no mutation hits: they are put right here.
//!
//! Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>.

/// Lengths and checksums around headers and payload.
const FRAME: usize = 16;

/// Written from lines of text, `event payload`: text is what a fuzzer is good at. `!` before the name makes it an
/// exception, `?` an error whose message is the payload. What follows a line of `~` goes in as it is.
pub fn written(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        rest = &rest[(end + 1).min(rest.len())..];
        if line == b"~" {
            out.extend_from_slice(rest);
            break;
        }
        let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (name, payload) = (&line[..space], &line[(space + 1).min(line.len())..]);
        let name = &name[..name.len().min(100)];
        let (kind, key, name) = match name {
            [b'!', name @ ..] => ("exception", ":exception-type", name),
            [b'?', name @ ..] => ("error", ":error-code", name),
            name => ("event", ":event-type", name),
        };
        let mut headers = Vec::new();
        header(&mut headers, ":message-type", kind.as_bytes());
        header(&mut headers, key, String::from_utf8_lossy(name).as_bytes());
        if kind == "error" {
            header(&mut headers, ":error-message", String::from_utf8_lossy(payload).as_bytes());
        }
        message(&mut out, &headers, payload);
    }
    out
}

fn header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    // A string.
    out.push(7);
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}

fn message(out: &mut Vec<u8>, headers: &[u8], payload: &[u8]) {
    let begin = out.len();
    out.extend_from_slice(&((FRAME + headers.len() + payload.len()) as u32).to_be_bytes());
    out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    out.extend_from_slice(&crc32(&out[begin..]).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(&out[begin..]).to_be_bytes());
}

/// The same bytes with both checksums of each message put right, as far as its lengths fit.
pub fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 0;
    while let Some(length) = out.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()) {
        let length = u32::from_be_bytes(length) as usize;
        let Some(message) = out.get_mut(at..at.saturating_add(length)).filter(|message| message.len() >= FRAME) else {
            break;
        };
        let prelude = crc32(&message[..8]);
        message[8..12].copy_from_slice(&prelude.to_be_bytes());
        let all = crc32(&message[..length - 4]);
        message[length - 4..].copy_from_slice(&all.to_be_bytes());
        at += length;
    }
    out
}

/// The checksum of gzip and of Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| (crc >> 8) ^ CRC[usize::from(crc as u8 ^ byte)])
}

const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() * 8 {
        let crc = if at % 8 == 0 { at as u32 / 8 } else { table[at / 8] };
        table[at / 8] = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        at += 1;
    }
    table
};
