//! The listener, made in one place: so that a later generation may share its port.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// Connections that wait to be accepted; the kernel clamps it to its own maximum.
const BACKLOG: i32 = 2048;
/// A client that has taken no segment of what was sent for so long has gone. The server does not look at an answer
/// while its buffer is full, so without this a client that stops reading would hold its permit for ever. The kernel
/// offers room by segments: a drip that frees less than one in this time counts as gone too, one that frees more does
/// not.
const UNREAD: Duration = Duration::from_secs(120);
/// A silent connection is asked whether its other end still lives; [`UNREAD`] then ends it.
const SILENT: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_secs(20);

/// The settings that say where to listen, as an error names them.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    host: &'static str,
    port: &'static str,
}

pub const HOST_AND_PORT: Settings = Settings { host: "HOST", port: "PORT" };
pub const HEALTH_LISTEN: Settings = Settings { host: "HEALTH_LISTEN", port: "HEALTH_LISTEN" };

/// Binds a host and port.
///
/// # Errors
/// In words that say what to do: the port is taken, or needs rights, or the host is not of this machine.
pub fn bind(host: &str, port: u16, said: Settings) -> io::Result<TcpListener> {
    let name = said.host;
    let addresses: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|error| {
            io::Error::new(error.kind(), format!("{name} `{host}` is no address of this machine: {error}"))
        })?
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{name} `{host}` names no address"));
    for address in addresses {
        match listen(address, UNREAD) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = explain(address, error, said),
        }
    }
    Err(last)
}

fn listen(address: SocketAddr, unread: Duration) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Linux hands both on to what is accepted (tcp(7)).
    socket.set_tcp_user_timeout(Some(unread))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENT).with_interval(ASK_EVERY))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn explain(address: SocketAddr, error: io::Error, Settings { host, port }: Settings) -> io::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => format!("another process holds this port; stop it, or set {port} to another one"),
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need rights that this process does not have; set {port} to a higher one")
        }
        io::ErrorKind::AddrNotAvailable => format!("this machine has no such address; set {host} to one that it has"),
        _ if host == port => format!("check {host}"),
        _ => format!("check {host} and {port}"),
    };
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}; {hint}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use socket2::SockRef;

    use super::*;

    fn pair(unread: Duration) -> (TcpStream, TcpStream) {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)), unread).unwrap();
        listener.set_nonblocking(false).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let served = listener.accept().unwrap().0;
        served.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        (client, served)
    }

    #[test]
    fn what_is_accepted_has_the_times_of_the_listener() {
        let (_client, served) = pair(UNREAD);
        let served = SockRef::from(&served);
        assert_eq!(served.tcp_user_timeout().unwrap(), Some(UNREAD));
        assert!(served.keepalive().unwrap());
        assert_eq!(
            (served.tcp_keepalive_time().unwrap(), served.tcp_keepalive_interval().unwrap()),
            (SILENT, ASK_EVERY)
        );
    }

    #[test]
    fn a_client_that_stops_reading_is_let_go_and_one_that_reads_slowly_is_not() {
        let unread = Duration::from_secs(1);
        let (_silent, mut served) = pair(unread);
        let error = loop {
            if let Err(error) = served.write(&[0; 64 * 1024]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (mut slow, mut served) = pair(unread);
        let reader = std::thread::spawn(move || {
            let mut piece = vec![0; 256 * 1024];
            for _ in 0..30 {
                std::thread::sleep(unread / 10);
                assert!(slow.read(&mut piece).unwrap() > 0);
            }
        });
        while !reader.is_finished() && served.write(&[0; 64 * 1024]).is_ok() {}
        reader.join().unwrap();
    }
}
