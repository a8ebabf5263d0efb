//! Puts bytes that are no UTF-8 into the content of an event stream, one of them cut across two chunks.

use std::time::Duration;

use crate::Reply;
use crate::answers;
use crate::canned;
use crate::server::Upstream;

/// What stands inside a delta: a lone continuation byte, an overlong slash, a surrogate, a byte that never occurs.
pub const INVALID: &[u8] = b"\x80 \xc0\xaf \xed\xa0\x80 \xff";

/// A whole stream, with [`INVALID`] in its second event.
pub async fn invalid_utf8() -> Upstream {
    let mut bad = canned::delta("@@");
    if let Some(at) = crate::server::find(&bad, b"@@") {
        bad.splice(at..at + 2, INVALID.iter().copied());
    }
    let mut events = canned::stream(2);
    events.insert(1, bad);
    let all = events.concat();
    let pieces = all.chunks(7).map(<[u8]>::to_vec).collect();
    answers(Reply::sse(pieces, Duration::ZERO)).await
}
