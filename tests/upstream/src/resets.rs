//! Breaks the connection with a RST, at the worst moments.

use crate::canned;
use crate::server::Upstream;

/// When the RST comes.
#[derive(Debug, Clone)]
pub enum ResetAt {
    /// Straight after accept.
    Accept,
    /// When the request has been read, before a byte of an answer.
    Request,
    /// In the middle of the answer's head.
    Head,
    /// After these events of a chunked stream.
    Body(Vec<Vec<u8>>),
}

/// Every connection ends so.
pub async fn resets(at: ResetAt) -> Upstream {
    Upstream::start(move |mut connection| {
        let at = at.clone();
        async move {
            if !matches!(at, ResetAt::Accept) && connection.request().await?.is_none() {
                return Ok(());
            }
            match at {
                ResetAt::Accept | ResetAt::Request => {}
                ResetAt::Head => connection.send(b"HTTP/1.1 200 OK\r\ncontent-ty").await?,
                ResetAt::Body(events) => {
                    connection.send(&canned::sse_head()).await?;
                    for event in events {
                        connection.chunk(&event).await?;
                    }
                    // A RST overtakes what lies unread in the peer's buffer: let it be read first.
                    connection.pause(std::time::Duration::from_millis(150)).await?;
                }
            }
            connection.reset();
            Ok(())
        }
    })
    .await
}
