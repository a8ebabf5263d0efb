//! A port where nobody listens.

/// A base URL whose connects are refused: a port that was free a moment ago.
pub async fn refuses() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    format!("http://{addr}/v1")
}
