//! Tells the end of its answer by the end of the connection: neither a length nor chunks, which HTTP/1.1 allows.

use std::time::Duration;

use crate::canned;
use crate::server::Upstream;

/// Sends a head with these headers and then the pieces, `pause` before each (none: all at once), and closes with a FIN,
/// or with a RST (`reset`).
pub async fn unframed(status: u16, headers: &[&str], pieces: Vec<Vec<u8>>, pause: Duration, reset: bool) -> Upstream {
    let head = canned::head(status, headers);
    Upstream::start(move |mut connection| {
        let (head, pieces) = (head.clone(), pieces.clone());
        async move {
            if connection.request().await?.is_none() {
                return Ok(());
            }
            if pause.is_zero() {
                connection.send(&[head, pieces.concat()].concat()).await?;
            } else {
                connection.send(&head).await?;
                for piece in pieces {
                    connection.pause(pause).await?;
                    connection.send(&piece).await?;
                }
            }
            if reset {
                // A RST overtakes what lies unread in the peer's buffer: let it be read first.
                connection.pause(Duration::from_millis(150)).await?;
                connection.reset();
            }
            Ok(())
        }
    })
    .await
}
