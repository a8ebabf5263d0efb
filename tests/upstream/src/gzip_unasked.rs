//! Compresses an answer although identity was asked for.

use crate::Reply;
use crate::answers;
use crate::canned;
use crate::server::Upstream;

/// `{"object":"gzip"}` as gzip made it (one stored block), so that no compressor is needed here.
pub const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, // header
    0x01, 0x11, 0x00, 0xee, 0xff, // one stored block of 17 bytes
    b'{', b'"', b'o', b'b', b'j', b'e', b'c', b't', b'"', b':', b'"', b'g', b'z', b'i', b'p', b'"', b'}', //
    0x5a, 0x5b, 0xe0, 0x9c, 0x11, 0x00, 0x00, 0x00, // CRC-32 and length
];

/// Every request gets [`GZIPPED`].
pub async fn gzip_unasked() -> Upstream {
    let length = format!("content-length: {}", GZIPPED.len());
    let mut reply = Reply::chat();
    reply.head = canned::head(200, &["content-type: application/json", "content-encoding: gzip", &length]);
    reply.head.extend_from_slice(GZIPPED);
    answers(reply).await
}
