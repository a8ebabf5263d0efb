//! Listens and never accepts, with its queue already full: a connect hangs until the client's own limit.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

/// The listener and what fills its queue.
#[derive(Debug)]
pub struct NeverAccepts {
    addr: SocketAddr,
    _listener: tokio::net::TcpListener,
    _fill: Vec<TcpStream>,
}

impl NeverAccepts {
    /// What goes into `base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }
}

/// A backlog of one, filled by connections of our own until the next connect is left hanging.
pub async fn never_accepts() -> NeverAccepts {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    // Linux lets a few more in than the backlog says; full is when one hangs.
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(addr)).await {
        fill.push(stream);
        assert!(fill.len() < 64, "the queue never fills on this system");
    }
    NeverAccepts { addr, _listener: listener, _fill: fill }
}
