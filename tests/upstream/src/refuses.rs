//! A port that is taken and where nobody listens: the kernel refuses every connect to it.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Holds the port. A port that was merely free a moment ago is soon another test's, and gets what was not meant for it.
#[derive(Debug)]
pub struct Refuses {
    socket: TcpSocket,
    addr: SocketAddr,
}

impl Refuses {
    /// What goes into `base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// From now on somebody listens there.
    #[must_use]
    pub fn listens(self) -> TcpListener {
        self.socket.listen(128).unwrap()
    }
}

/// Bound, and not listening.
#[must_use]
pub fn refuses() -> Refuses {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    Refuses { socket, addr }
}
