//! Answers the first request of a connection well and offers to keep it open, then closes it in the very
//! moment the next request arrives: the race that every keep-alive client meets in the field.

use crate::canned;
use crate::server::Upstream;

/// `reset`: with a RST, else with a FIN. The second request of a connection is recorded but never answered.
pub async fn closes_in_race_window(reset: bool) -> Upstream {
    Upstream::start(move |mut connection| async move {
        if connection.request().await?.is_some() {
            connection.send(&canned::json(200, &["connection: keep-alive"], &canned::chat())).await?;
        }
        // The head alone is waited for: whoever sends it has chosen this connection.
        if connection.head().await?.is_some() && reset {
            connection.reset();
        }
        Ok(())
    })
    .await
}
