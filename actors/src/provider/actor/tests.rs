//! The pool of a provider that nobody asks.
#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::testing::provider_at;

#[test]
fn who_is_not_asked_keeps_no_connection() {
    actix_rt::System::new().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut actor = ProviderActor::new(provider_at(listener.local_addr().unwrap().port(), "api_key: none"));
        let mut served = [0; 4096];
        let answering = async {
            let (mut upstream, _) = listener.accept().await.unwrap();
            let read = upstream.read(&mut served).await.unwrap();
            assert!(read > 0);
            upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            upstream
        };
        let asking = async {
            let mut answer = actor.client.get(actor.provider.urls.models()).send().await.unwrap();
            assert_eq!(answer.body().await.unwrap(), "ok");
        };
        let (mut upstream, ()) = futures::join!(answering, asking);
        actor.pool = Pool::Used;
        actor.rest();
        let soon = Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, upstream.read(&mut [0])).await.is_err(), "it was used since the last look");
        actor.rest();
        let closed = tokio::time::timeout(Duration::from_secs(10), upstream.read(&mut [0])).await.unwrap();
        assert_eq!(closed.unwrap(), 0);
    });
}
