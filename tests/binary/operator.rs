//! What is the operator's, without an ADMIN_TOKEN and with one: no page and no proxy gets it.

use upstream::client::Ask;
use upstream::harness::{ADMIN, one};
use upstream::*;

use crate::plan;

const PATHS: [&str; 2] = ["/metrics", "/health"];

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_proxy_are_strangers_on_this_machine_too() {
    let upstream = records().await;
    let proxy = plan(&one(&upstream.base_url(), "")).env("ADMIN_TOKEN", "").start().await;
    let shows = |answer: client::Answer| answer.status == 200 && answer.text().contains("up/canned-model");
    proxy.chat("m").await;
    let said = proxy.log_line("who may look", |line| line.contains("no ADMIN_TOKEN: /metrics")).await;
    assert!(said.contains("INFO"), "{said}");
    for path in PATHS {
        let here = || Ask::new("GET", path).header("host", &format!("127.0.0.1:{}", proxy.port));
        assert!(shows(here().send(proxy.port).await), "{path}");
        for (name, value) in [
            ("origin", "http://rebind.example"),
            ("sec-fetch-site", "cross-site"),
            ("via", "1.1 proxy"),
            ("x-forwarded-host", "api.example"),
            ("cf-connecting-ip", "203.0.113.9"),
        ] {
            assert!(!shows(here().header(name, value).send(proxy.port).await), "{path} {name}");
        }
        let rebound = Ask::new("GET", path).header("host", "rebind.example:8080");
        assert!(!shows(rebound.send(proxy.port).await), "{path}: another name");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_origin_is_ever_let_in_to_what_is_the_operators() {
    let upstream = records().await;
    for origins in ["\"*\"", "\"https://chat.example\""] {
        let yaml = one(&upstream.base_url(), "") + &format!("server: {{ cors_origins: [{origins}] }}\n");
        let proxy = plan(&yaml).start().await;
        for path in PATHS {
            for method in ["GET", "OPTIONS"] {
                let ask = Ask::new(method, path)
                    .header("authorization", &format!("Bearer {ADMIN}"))
                    .header("origin", "https://chat.example")
                    .header("access-control-request-method", "GET");
                let answer = ask.send(proxy.port).await;
                let head = String::from_utf8_lossy(&answer.head).to_lowercase();
                assert!(!head.contains("\naccess-control-"), "{method} {path}: {head}");
            }
        }
        // What a proxy in front shuts by its name has no second one.
        for path in ["/%6detrics", "/h%65alth", "/livez%2f", "/healt%68z"] {
            let ask = Ask::new("GET", path).header("authorization", &format!("Bearer {ADMIN}"));
            assert_eq!(ask.send(proxy.port).await.status, 404, "{path}");
        }
        let models = Ask::new("GET", "/v1/models").header("origin", "https://chat.example").send(proxy.port).await;
        assert!(models.header("access-control-allow-origin").is_some(), "what is the clients' is theirs");
    }
}
