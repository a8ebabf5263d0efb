//! Begins a good stream and then says nothing more, without closing.

use crate::canned;
use crate::server::Upstream;

/// After the head and these events comes nothing.
pub async fn stalls_after(events: Vec<Vec<u8>>) -> Upstream {
    Upstream::start(move |mut connection| {
        let events = events.clone();
        async move {
            if connection.request().await?.is_none() {
                return Ok(());
            }
            connection.send(&canned::sse_head()).await?;
            for event in events {
                connection.chunk(&event).await?;
            }
            connection.until_closed().await
        }
    })
    .await
}
