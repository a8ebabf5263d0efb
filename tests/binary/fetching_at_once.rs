//! What all clients fetch at one time is bounded, and costs those nothing that fetch nothing.

use std::time::Duration;

use upstream::client::{Answer, Wire};
use upstream::harness::{KEY, Proxy, provider};
use upstream::*;

use crate::fetching::{about, bedrock};

/// All at once, of all requests: as many connections as there are places.
const PLACES: usize = 64;

/// Requests for four images each.
async fn open(proxy: &Proxy, requests: usize, urls: &[String; 4]) -> Vec<Wire> {
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut wires = Vec::new();
    for _ in 0..requests {
        wires.push(proxy.open("/v1/chat/completions", about(&urls, false)).await);
    }
    wires
}

async fn answers_of(wires: Vec<Wire>) -> Vec<Answer> {
    futures::future::join_all(wires.into_iter().map(|mut wire| async move { wire.answer().await })).await
}

/// The gateway's own lack, which a client may hope to be over soon.
fn is_told_to_come_back(answer: &Answer) -> bool {
    let is_busy = answer.text().contains("the gateway fetches as much at one time as it may");
    assert_eq!(is_busy, answer.status == 503 && answer.header("retry-after").as_deref() == Some("1"), "{answer:?}");
    is_busy
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_so_many_whatever_the_number_of_requests() {
    let (up, chat, host) = (bedrock().await, records().await, silent().await);
    let yaml = format!(
        "providers:\n  up: {{ kind: bedrock, region: r, base_url: 'http://{}', api_key: {KEY} }}\n{}models:\n  m: {{ targets: [up/m] }}\n  n: {{ targets: [chat/canned-model] }}\nserver: {{ fetch_urls: {{ timeout: 2s, allow: [127.0.0.0/8] }} }}\n",
        up.addr(),
        provider("chat", &chat.base_url(), "breaker: { failures: 1 }")
    );
    let proxy = crate::proxy(&yaml).await;
    let wires = open(&proxy, 40, &[1, 2, 3, 4].map(|nth| format!("http://{}/{nth}", host.addr()))).await;
    host.request(PLACES - 1).await;
    assert_eq!(proxy.chat("n").await.status, 200, "it fetches nothing");
    assert_eq!((host.open(), host.connections()), (PLACES, PLACES));
    let answers = answers_of(wires).await;
    let busy = answers.iter().filter(|answer| is_told_to_come_back(answer)).count();
    let slow = answers.iter().filter(|answer| answer.status == 400 && answer.text().contains("come in time")).count();
    assert_eq!(busy + slow, 40);
    assert!(busy >= 40 - PLACES / 2 && slow > 0, "{busy} had no place, and the host was slow for {slow}");
    // The places are given back.
    let quick = answers_soon().await;
    let wires = open(&proxy, 16, &[1, 2, 3, 4].map(|nth| format!("http://{}/{nth}", quick.addr()))).await;
    assert!(answers_of(wires).await.iter().all(|answer| answer.status == 200));
    proxy.said_nothing_of(&[]);
}

async fn answers_soon() -> Upstream {
    let image = crate::fetching::file("content-type: image/png", crate::fetching::PNG);
    answers(image.after(Duration::from_millis(50))).await
}
