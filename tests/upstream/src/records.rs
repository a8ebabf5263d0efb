//! Answers every request well and keeps what it was asked: for tests about what crosses.

use crate::Reply;
use crate::answers;
use crate::server::Upstream;

/// The canned chat completion to whoever asks whatever.
pub async fn records() -> Upstream {
    answers(Reply::chat()).await
}
