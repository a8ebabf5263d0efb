//! Accepts, reads the request, and never says a word.

use crate::server::Upstream;

/// Holds every connection open until the peer leaves.
pub async fn silent() -> Upstream {
    Upstream::start(|mut connection| async move {
        connection.request().await?;
        connection.until_closed().await
    })
    .await
}
