use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::*;

fn soon(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

/// A look-up that lasts until the sender is dropped.
fn slow() -> (mpsc::Sender<()>, impl FnOnce() -> io::Result<Vec<IpAddr>> + Send + 'static) {
    let (end, ended) = mpsc::channel::<()>();
    (end, move || {
        let _ended = ended.recv();
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    })
}

#[test]
fn a_slow_name_server_is_in_the_way_of_no_providers_name() {
    // As in a worker, whose threads for names are few.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (end, resolve) = slow();
        let looking = tokio::task::spawn_local(on_a_thread(soon(10_000), resolve));
        tokio::task::yield_now().await;
        let provider = tokio::net::lookup_host(("localhost", 1));
        let found = tokio::time::timeout(Duration::from_secs(5), provider).await.expect("it waits for the client's");
        assert!(found.unwrap().count() > 0);
        drop(end);
        assert_eq!(looking.await.unwrap(), Ok(vec![Ipv4Addr::LOCALHOST.into()]));
    });
}

#[actix::test]
async fn who_has_no_turn_is_told_so_and_look_ups_that_were_given_up_keep_theirs() {
    let started = Arc::new(AtomicUsize::new(0));
    let (mut ends, mut looking) = (Vec::new(), Vec::new());
    for _ in 0..turns::MAX_LOOK_UPS {
        let ((end, resolve), started) = (slow(), started.clone());
        ends.push(end);
        looking.push(actix::spawn(on_a_thread(soon(60_000), move || {
            started.fetch_add(1, Ordering::Relaxed);
            resolve()
        })));
    }
    while started.load(Ordering::Relaxed) < ends.len() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    looking.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(look_up("localhost".to_owned(), soon(400)).await, Err(Why::Busy));
    drop(ends);
    assert!(!look_up("localhost".to_owned(), soon(20_000)).await.unwrap().is_empty());
    assert_eq!(look_up("no-such-name.invalid".to_owned(), soon(20_000)).await, Ok(Vec::new()));
}
