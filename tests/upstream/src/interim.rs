//! Says something before its answer, as HTTP/1.1 allows: one or more interim answers (1xx) first, the answer later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::canned;
use crate::server::Upstream;

/// The nth request (from 0) first gets the nth of `interims`, and from the beginning again when they are used up; after
/// `pause` it gets the canned chat completion, with the content of the request's first message in place of its words.
pub async fn interim(interims: Vec<Vec<u8>>, pause: Duration) -> Upstream {
    let (interims, next) = (Arc::new(interims), Arc::new(AtomicUsize::new(0)));
    Upstream::start(move |mut connection| {
        let (interims, next) = (Arc::clone(&interims), Arc::clone(&next));
        async move {
            while let Some(request) = connection.request().await? {
                let nth = next.fetch_add(1, Ordering::SeqCst) % interims.len();
                let asked: serde_json::Value = serde_json::from_slice(&request.body)?;
                let said = asked["messages"][0]["content"].as_str().unwrap_or_default();
                let body = String::from_utf8_lossy(&canned::chat()).replace(canned::WORDS, said).into_bytes();
                let answer = canned::json(200, &[], &body);
                if pause.is_zero() {
                    connection.send(&[interims[nth].as_slice(), &answer].concat()).await?;
                } else {
                    connection.send(&interims[nth]).await?;
                    connection.pause(pause).await?;
                    connection.send(&answer).await?;
                }
            }
            Ok(())
        }
    })
    .await
}

/// Says interim answers and nothing else, until the peer has had enough; `pause` between them.
pub async fn floods_interim(pause: Duration) -> Upstream {
    Upstream::start(move |mut connection| async move {
        connection.request().await?;
        loop {
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n").await?;
            connection.pause(pause).await?;
        }
    })
    .await
}
