//! Answers every request well and keeps what it was asked: for tests about what crosses.

use crate::canned;
use crate::server::{Upstream, find};

/// The canned chat completion to whoever asks for a chat; elsewhere it has the members of the other endpoints' answers
/// as well, empty.
pub async fn records() -> Upstream {
    Upstream::start(|mut connection| async move {
        while let Some(request) = connection.request().await? {
            let is_chat = find(request.target().as_bytes(), b"chat/completions").is_some();
            let body = if is_chat { canned::chat() } else { canned::anything() };
            connection.send(&canned::json(200, &[], &body)).await?;
        }
        Ok(())
    })
    .await
}
