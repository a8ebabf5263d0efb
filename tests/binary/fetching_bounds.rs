//! What one request may cost by its URLs: places, bytes, memory and time, whatever hosts say and however often it names
//! them.

use std::time::{Duration, Instant};

use upstream::harness::{KEY, Proxy, provider};
use upstream::*;

use crate::fetching::{ALLOWED, PNG, about, bedrock, file, look, on_bedrock};

const IMAGE: &str = "content-type: image/png";

fn png(length: usize) -> Vec<u8> {
    [PNG, &vec![b'.'; length - PNG.len()]].concat()
}

async fn ask(proxy: &Proxy, urls: &[&str]) -> client::Answer {
    proxy.post("/v1/chat/completions", about(urls, false)).await
}

/// A message with a document and an image by URL.
fn both(document: &str, image: &str) -> String {
    let part = |kind: &str, url: &str| serde_json::json!({"type": kind, "source": {"type": "url", "url": url}});
    let parts = [part("document", document), part("image", image)];
    serde_json::json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": parts}]}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_counts_in_every_place_in_which_it_stands() {
    let (up, host) = (bedrock().await, answers(file(IMAGE, &png(1000))).await);
    let limits = "fetch_urls: { max_bytes: 1KiB, max_total: 2KiB, max_urls: 4, allow: [127.0.0.0/8] }";
    let proxy = on_bedrock(&up, limits).start().await;
    let url = format!("http://{}/", host.addr());
    assert_eq!(ask(&proxy, &[&*url; 2]).await.status, 200);
    let together = ask(&proxy, &[&*url; 3]).await;
    assert!(together.status == 400 && together.text().contains("with the others"), "{}", together.text());
    assert_eq!((up.count(), host.count()), (1, 2));
    let many = ask(&proxy, &[&*url; 5]).await;
    assert!(many.status == 400 && many.text().contains("more of them"), "{}", many.text());
    assert_eq!((up.count(), host.count()), (1, 2), "nothing was asked for");

    // As large as it is written: each of these bytes takes six in JSON.
    let (chat, host) = (records().await, answers(file("content-type: text/plain", &[1; 1000])).await);
    let limits = "fetch_urls: { max_bytes: 1KiB, max_total: 4KiB, allow: [127.0.0.0/8] }";
    let proxy = crate::proxy(&(harness::one(&chat.base_url(), "") + &format!("server: {{ {limits} }}\n"))).await;
    let answer = proxy.post("/v1/messages", both(&format!("http://{}/", host.addr()), "http://a.example/")).await;
    assert!(answer.status == 400 && answer.text().contains("with the others"), "{}", answer.text());
    assert_eq!(chat.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_urls_than_may_be_cost_no_more_than_their_reading() {
    let up = bedrock().await;
    let proxy = on_bedrock(&up, ALLOWED).start().await;
    let urls: Vec<String> = (0..40_000).map(|nth| format!("http://127.0.0.1/{nth:06}")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let began = Instant::now();
    let answer = ask(&proxy, &urls).await;
    assert!(answer.status == 400 && answer.text().contains("more of them"), "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_taken_for_all_that_will_be_held_before_it_is() {
    let up = bedrock().await;
    let proxy = on_bedrock(&up, &format!("body_limit: 2KiB, buffer_budget: 3KiB, {ALLOWED}")).start().await;
    let full = |answer: client::Answer| {
        assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("1")), "{}", answer.text());
    };
    // Announced, and never sent.
    let head = canned::head(200, &[IMAGE, "content-length: 2000"]);
    let host = answers(Reply { head, ..file(IMAGE, b"") }).await;
    full(look(&proxy, &format!("http://{}/", host.addr())).await);

    // Once as it came, and four times in the body: each is a little, all are too much.
    let host = answers(file(IMAGE, &png(500))).await;
    let url = format!("http://{}/", host.addr());
    for _ in 0..2 {
        full(ask(&proxy, &[&*url; 4]).await);
        assert_eq!(ask(&proxy, &[&*url; 2]).await.status, 200, "what was held is given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_for_all_of_a_request_and_is_spent_on_fetching_alone() {
    let up = bedrock().await;
    let text = |after: u64| file("content-type: text/plain", b"words").after(Duration::from_millis(after));
    let image = |after: u64| file(IMAGE, PNG).after(Duration::from_millis(after));
    for (each, provider_takes, came_to) in [(600, 0, "up/m:unfetched"), (0, 1_500, "up/m:ok")] {
        let broken = answers(Reply::json(500, &[], b"{}").after(Duration::from_millis(provider_takes))).await;
        let yaml = format!(
            "providers:\n{}  up: {{ kind: bedrock, region: r, base_url: 'http://{}', api_key: {KEY} }}\nmodels:\n  m: {{ targets: [broken/canned-model, up/m] }}\nserver: {{ fetch_urls: {{ timeout: 1s, allow: [127.0.0.0/8] }} }}\n",
            provider("broken", &broken.base_url(), "responses: false"),
            up.addr()
        );
        let proxy = crate::proxy(&yaml).await;
        let (first, second) = (answers(text(each)).await, answers(image(each)).await);
        let body = both(&format!("http://{}/", first.addr()), &format!("http://{}/", second.addr()));
        proxy.post("/v1/messages", body).await;
        assert_eq!(proxy.access(0).await.attempts()[..2], ["broken/canned-model:500", came_to]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_it_is_fetched_ends_an_attempt_of_a_hedged_route_too() {
    let (up, host) = (bedrock().await, silent().await);
    let yaml = format!(
        "providers:\n  up: {{ kind: bedrock, region: r, base_url: 'http://{}', api_key: {KEY} }}\nmodels:\n  m: {{ targets: [up/m], hedge: {{ after: 500ms, max_extra: 100% }} }}\nserver: {{ {ALLOWED} }}\n",
        up.addr()
    );
    let proxy = crate::proxy(&yaml).await;
    let url = format!("http://{}/", host.addr());
    let wire = proxy.open("/v1/chat/completions", about(&[&url], false)).await;
    host.request(0).await;
    drop(wire);
    assert_eq!(proxy.access(0).await.attempts(), ["up/m:cancelled"]);
}
