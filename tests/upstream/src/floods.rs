//! Sends without an end: 1 GiB of events or of JSON, as fast as it is taken.

use crate::canned;
use crate::server::Upstream;

/// How much is sent before it gives up, in bytes.
const FLOOD: usize = 1 << 30;

/// `sse`: an event stream that never finishes; else one JSON string that never closes.
pub async fn floods(sse: bool) -> Upstream {
    Upstream::start(move |mut connection| async move {
        if connection.request().await?.is_none() {
            return Ok(());
        }
        let piece = if sse {
            connection.send(&canned::sse_head()).await?;
            canned::delta(&"x".repeat(512)).repeat(64)
        } else {
            connection
                .send(&canned::head(200, &["content-type: application/json", "transfer-encoding: chunked"]))
                .await?;
            connection.chunk(b"{\"id\":\"").await?;
            vec![b'x'; 64 * 1024]
        };
        let mut sent = 0;
        while sent < FLOOD {
            connection.chunk(&piece).await?;
            sent += piece.len();
        }
        Ok(())
    })
    .await
}
