//! Answers well, in pieces with pauses between them: the one that behaves.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::canned;
use crate::server::{Connection, Upstream};

/// What is said to one request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status line and headers, the empty line included; the framing it promises is the caller's to keep.
    pub head: Vec<u8>,
    /// Before the head.
    pub delay: Duration,
    /// Each piece, and the pause before it.
    pub pieces: Vec<(Duration, Vec<u8>)>,
    /// Pieces go out in chunked framing with a last chunk after them.
    pub chunked: bool,
}

impl Reply {
    /// A JSON body with its length.
    #[must_use]
    pub fn json(status: u16, headers: &[&str], body: &[u8]) -> Self {
        Self { head: canned::json(status, headers, body), delay: Duration::ZERO, pieces: Vec::new(), chunked: false }
    }

    /// The canned chat completion.
    #[must_use]
    pub fn chat() -> Self {
        Self::json(200, &[], &canned::chat())
    }

    /// An event stream, one chunk an event, `pause` before each.
    #[must_use]
    pub fn sse(events: Vec<Vec<u8>>, pause: Duration) -> Self {
        Self {
            head: canned::sse_head(),
            delay: Duration::ZERO,
            pieces: events.into_iter().map(|e| (pause, e)).collect(),
            chunked: true,
        }
    }

    /// The same, later.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Says it on this connection.
    pub async fn give(&self, connection: &mut Connection) -> io::Result<()> {
        connection.pause(self.delay).await?;
        connection.send(&self.head).await?;
        for (pause, piece) in &self.pieces {
            connection.pause(*pause).await?;
            if self.chunked {
                connection.chunk(piece).await?;
            } else {
                connection.send(piece).await?;
            }
        }
        if self.chunked { connection.send(b"0\r\n\r\n").await } else { Ok(()) }
    }
}

/// Says the same to every request.
pub async fn answers(reply: Reply) -> Upstream {
    sequence(vec![reply]).await
}

/// Says one reply after the other, and the last one for ever after.
pub async fn sequence(replies: Vec<Reply>) -> Upstream {
    assert!(!replies.is_empty(), "a sequence needs a reply");
    let replies = Arc::new(replies);
    let next = Arc::new(AtomicUsize::new(0));
    Upstream::start(move |mut connection| {
        let (replies, next) = (Arc::clone(&replies), Arc::clone(&next));
        async move {
            while connection.request().await?.is_some() {
                let nth = next.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1);
                replies[nth].give(&mut connection).await?;
            }
            Ok(())
        }
    })
    .await
}
