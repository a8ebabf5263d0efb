//! Says 200 and means an error: some events first, then one that carries the failure, then a clean end.

use crate::Reply;
use crate::answers;
use crate::server::Upstream;
use std::time::Duration;

/// `before` goes ahead of `error`; both are whole events. Nothing follows, not even `[DONE]`.
pub async fn error_inside_200(mut before: Vec<Vec<u8>>, error: &[u8]) -> Upstream {
    before.push(error.to_vec());
    answers(Reply::sse(before, Duration::ZERO)).await
}
