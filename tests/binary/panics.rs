//! A panic costs one request, never the process.

use upstream::client::Ask;
use upstream::harness::{TOKEN, chat_body, one};
use upstream::records;

use crate::proxy;

/// What a debug build takes as the order to panic inside the provider actor.
const TRIGGER: (&str, &str) = ("x-client-request-id", "panic-in-the-actor");

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_provider_actor_costs_one_request() {
    let upstream = records().await;
    let mut proxy = proxy(&one(&upstream.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    for round in 0..5 {
        let answer = Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false))
            .header(TRIGGER.0, TRIGGER.1)
            .send(proxy.port)
            .await;
        assert_eq!(answer.status, 500, "round {round}: {}", answer.text());
        assert_eq!(answer.json()["error"]["type"], "server_error");
        assert!(!answer.text().contains("panic"), "{}", answer.text());
        assert_eq!(proxy.chat("m").await.status, 200, "round {round}: no new actor serves");
    }
    assert!(proxy.alive());
    proxy.idle().await;
    assert_eq!(proxy.access(1).await.status(), 500);
}
