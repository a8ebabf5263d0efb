//! Sends one event whose line is longer than anybody should hold in memory, in a stream that is otherwise good.

use std::time::Duration;

use crate::Reply;
use crate::answers;
use crate::canned;
use crate::server::Upstream;

/// `length` bytes of text stand in one `data:` line.
pub async fn long_line(length: usize) -> Upstream {
    let mut events = canned::stream(1);
    events.insert(1, canned::delta(&"y".repeat(length)));
    answers(Reply::sse(events, Duration::ZERO)).await
}
