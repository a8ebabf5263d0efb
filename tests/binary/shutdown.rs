//! SIGTERM and SIGINT: what runs is finished, what cannot finish in time is told so, and then it ends.

use std::time::{Duration, Instant};

use upstream::client::{Ask, Ended};
use upstream::harness::one;
use upstream::*;

use crate::proxy;

/// A stream with a pause of this length in its middle.
async fn pausing(pause: Duration) -> Upstream {
    let mut reply = Reply::sse(canned::stream(3), Duration::ZERO);
    reply.pieces[2].0 = pause;
    answers(reply).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_finished() {
    for interrupt in [false, true] {
        let upstream = pausing(Duration::from_millis(1200)).await;
        let mut proxy = proxy(&one(&upstream.base_url(), "")).await;
        // Open before the end begins, and asked on after it.
        let mut kept = Ask::new("GET", "/readyz").open(proxy.port).await;
        assert_eq!(kept.answer().await.status, 200);
        let mut wire = proxy.stream("m").await;
        wire.head().await;
        wire.until(b"word0").await;
        if interrupt {
            proxy.interrupt()
        } else {
            proxy.terminate()
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(proxy.alive(), "it ended under a running stream");
        if kept.write(&Ask::new("GET", "/readyz").bytes()).await.is_ok()
            && let Some((status, _)) = kept.try_head().await
        {
            assert_eq!(status, 503, "ready while draining");
        }
        let rest = wire.rest().await;
        assert_eq!(wire.ended(), Some(Ended::Whole));
        assert!(rest.ends_with(canned::DONE));
        let begun = Instant::now();
        assert_eq!(proxy.ended(Duration::from_secs(5)).await.code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(3), "nothing was left to wait for");
        let refused = tokio::net::TcpStream::connect(("127.0.0.1", proxy.port)).await;
        assert!(refused.is_err());
        assert_eq!(proxy.access(0).await.outcome(), "answered", "the last lines are written before the end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_finish_is_told_so() {
    let upstream = pausing(Duration::from_secs(60)).await;
    let yaml = one(&upstream.base_url(), "") + "server: { shutdown_grace: 1s }\n";
    let mut proxy = proxy(&yaml).await;
    let mut wire = proxy.stream("m").await;
    wire.head().await;
    wire.until(b"word0").await;
    let begun = Instant::now();
    proxy.terminate();
    let rest = wire.rest().await;
    let text = String::from_utf8_lossy(&rest);
    assert!((900..2500).contains(&begun.elapsed().as_millis()), "the grace took {:?}", begun.elapsed());
    assert!(text.contains("data: {\"error\":{") && !text.contains("[DONE]"), "{text:?} {:?}", wire.ended());
    proxy.ended(Duration::from_secs(5)).await;
    upstream.closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_one_ends_at_once_where_nobody_has_to_hear_of_it() {
    for (yaml, interrupt) in [("", true), ("server: { drain_delay: 0s }\n", false)] {
        let upstream = records().await;
        let mut proxy = proxy(&(one(&upstream.base_url(), "") + yaml)).await;
        assert_eq!(proxy.chat("m").await.status, 200);
        // A client that keeps its connection open is no reason to wait.
        let mut kept = Ask::new("GET", "/livez").open(proxy.port).await;
        kept.answer().await;
        let begun = Instant::now();
        if interrupt {
            proxy.interrupt()
        } else {
            proxy.terminate()
        }
        assert_eq!(proxy.ended(Duration::from_secs(10)).await.code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_nobody_is_waited_for_where_nobody_comes() {
    let upstream = records().await;
    let mut proxy = proxy(&one(&upstream.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    let begun = Instant::now();
    proxy.terminate();
    assert_eq!(proxy.ended(Duration::from_secs(10)).await.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_stays_open_until_balancers_have_heard() {
    for (yaml, delay) in [("", 2000), ("server: { drain_delay: 1s, shutdown_grace: 0s }\n", 1000)] {
        let upstream = records().await;
        let mut proxy = proxy(&(one(&upstream.base_url(), "") + yaml)).await;
        let mut kept = Ask::new("GET", "/readyz").open(proxy.port).await;
        assert_eq!(kept.answer().await.status, 200);
        let begun = Instant::now();
        proxy.terminate();
        loop {
            let ready = Ask::new("GET", "/readyz").send(proxy.port).await;
            if ready.status == 503 {
                assert_eq!(ready.header("connection").as_deref(), Some("close"), "clients are moved elsewhere");
                break;
            }
            assert!(begun.elapsed() < Duration::from_millis(500));
        }
        assert_eq!(proxy.chat("m").await.status, 200, "who has not heard yet is served");
        kept.write(&Ask::new("GET", "/readyz").bytes()).await.unwrap();
        assert_eq!(kept.answer().await.status, 503, "and so is who holds a connection");
        while tokio::net::TcpStream::connect(("127.0.0.1", proxy.port)).await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let open = begun.elapsed().as_millis();
        assert!((delay - 100..delay + 900).contains(&open), "open for {open} ms");
        assert_eq!(proxy.ended(Duration::from_secs(5)).await.code(), Some(0));
    }
}
