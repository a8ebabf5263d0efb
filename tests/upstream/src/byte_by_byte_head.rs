//! Sends the head of its answer one byte at a time, then a good body.

use std::time::Duration;

use crate::canned;
use crate::server::Upstream;

/// `pause` lies before each byte of the head.
pub async fn byte_by_byte_head(pause: Duration) -> Upstream {
    Upstream::start(move |mut connection| async move {
        while connection.request().await?.is_some() {
            let answer = canned::json(200, &[], &canned::chat());
            let body_at = crate::server::find(&answer, b"\r\n\r\n").unwrap_or_default() + 4;
            for byte in &answer[..body_at] {
                connection.pause(pause).await?;
                connection.send(&[*byte]).await?;
            }
            connection.send(&answer[body_at..]).await?;
        }
        Ok(())
    })
    .await
}
