//! Looked up when it is time, and no dead address in the way of a living one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::cell::Cell;

use tokio::net::{TcpListener, TcpSocket};

use super::*;

const LONG: Duration = Duration::from_secs(10);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_name_is_looked_up_again_only_after_a_while() {
    let addresses = Addresses::default();
    let asked = Cell::new(0);
    let look_up = async |found: io::Result<Vec<SocketAddr>>| {
        asked.set(asked.get() + 1);
        found
    };
    let (old, new) = (address("192.0.2.1:80"), address("192.0.2.2:80"));
    let start = Instant::now();
    let nothing = || io::Error::from(io::ErrorKind::NotFound);
    assert!(addresses.get(start, LONG, look_up(Err(nothing()))).await.is_err());
    assert!(addresses.get(start, LONG, look_up(Ok(Vec::new()))).await.is_err());
    assert_eq!(addresses.get(start, LONG, look_up(Ok(vec![old]))).await.unwrap()[..], [old]);
    assert_eq!(addresses.get(start + KEPT / 2, LONG, look_up(Ok(vec![new]))).await.unwrap()[..], [old]);
    assert_eq!(asked.get(), 3, "known");
    let failed = addresses.get(start + KEPT, LONG, look_up(Err(nothing()))).await;
    assert_eq!((failed.unwrap()[..].to_vec(), asked.get()), (vec![old], 4), "what was known goes on serving");
    let later = start + KEPT + AGAIN;
    let hangs = addresses.get(later, Duration::from_millis(20), std::future::pending()).await;
    assert_eq!(hangs.unwrap()[..], [old]);
    assert_eq!(addresses.get(later + AGAIN, LONG, look_up(Ok(vec![new]))).await.unwrap()[..], [new]);
}

#[tokio::test]
async fn who_comes_while_another_looks_takes_what_was_known() {
    let addresses = Addresses::default();
    let (old, now) = (address("192.0.2.1:80"), Instant::now());
    addresses.learn(vec![old], now);
    let _looking = addresses.looking.lock().await;
    let got = addresses.get(now + KEPT, LONG, std::future::pending()).await;
    assert_eq!(got.unwrap()[..], [old]);
}

#[tokio::test]
async fn where_nothing_answers_the_name_is_looked_up_again() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (addresses, now) = (Addresses::default(), Instant::now());
    let known = addresses.learn(vec![gone], now);
    assert!(addresses.connect(&known, now + LONG).await.is_err());
    let new = address("192.0.2.2:80");
    assert_eq!(addresses.get(now, LONG, async { Ok(vec![new]) }).await.unwrap()[..], [new]);
}

#[test]
fn the_families_take_turns() {
    let [a6, b6, c4, d4] = ["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "192.0.2.2:1"].map(address);
    assert_eq!(ordered(&[a6, b6, c4, d4], None), [a6, c4, b6, d4]);
    assert_eq!(ordered(&[c4, d4, a6], None), [c4, a6, d4]);
    assert_eq!(ordered(&[a6, b6, c4], Some(c4)), [c4, a6, b6]);
    assert_eq!(ordered(&[a6], Some(c4)), [a6], "it is gone");
}

/// An address whose queue is full, so that a connect hangs, and what keeps it full.
async fn hangs() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address("127.0.0.1:0")).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(at)).await {
        fill.push(stream);
    }
    (at, listener, fill)
}

#[tokio::test]
async fn a_dead_address_does_not_hide_a_living_one() {
    let living = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (dead, _listener, _fill) = hangs().await;
    let living = living.local_addr().unwrap();
    let addresses = Addresses::default();
    let now = Instant::now();
    let known = addresses.learn(vec![dead, living], now);
    let stream = addresses.connect(&known, now + Duration::from_millis(400)).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), living);
    assert_eq!(addresses.known(now).unwrap()[..], [living, dead], "the next one begins with it");
}
