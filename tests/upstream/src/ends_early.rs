//! Ends an answer before it is whole, in every framing that HTTP/1.1 has.

use crate::canned;
use crate::server::Upstream;

/// How the body's end was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A content-length larger than what comes.
    Length,
    /// Chunks without the last one.
    Chunked,
    /// The end of the connection: the cut cannot be told from an end by framing at all.
    UntilClose,
}

/// Sends `pieces` under a 200 of `content_type`, then closes with a FIN.
pub async fn ends_early(framing: Framing, content_type: &str, pieces: Vec<Vec<u8>>) -> Upstream {
    let content_type = format!("content-type: {content_type}");
    Upstream::start(move |mut connection| {
        let (pieces, content_type) = (pieces.clone(), content_type.clone());
        async move {
            if connection.request().await?.is_none() {
                return Ok(());
            }
            let sent: usize = pieces.iter().map(Vec::len).sum();
            let promised = format!("content-length: {}", sent + 100);
            let framing_header = match framing {
                Framing::Length => promised.as_str(),
                Framing::Chunked => "transfer-encoding: chunked",
                Framing::UntilClose => "connection: close",
            };
            connection.send(&canned::head(200, &[&content_type, framing_header])).await?;
            for piece in pieces {
                match framing {
                    Framing::Chunked => connection.chunk(&piece).await?,
                    Framing::Length | Framing::UntilClose => connection.send(&piece).await?,
                }
            }
            Ok(())
        }
    })
    .await
}
