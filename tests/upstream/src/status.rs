//! Answers every request with one status.

use crate::Reply;
use crate::answers;
use crate::server::Upstream;

/// `headers` are `name: value`; the body goes out as JSON.
pub async fn status(status: u16, headers: &[&str], body: &[u8]) -> Upstream {
    answers(Reply::json(status, headers, body)).await
}
