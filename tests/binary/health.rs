//! What probes and operators see.

use upstream::client::Ask;
use upstream::harness::{ADMIN, KEY, TOKEN, one};
use upstream::*;

use crate::{plan, proxy, proxy_without_retries};

#[tokio::test(flavor = "multi_thread")]
async fn probes_need_no_token_and_learn_nothing() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for path in ["/livez", "/readyz", "/health", "/healthz", "/ping"] {
        let answer = Ask::new("GET", path).send(proxy.port).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains("127.0.0.1") && !answer.text().contains("canned"), "{path}: {}", answer.text());
        let head = Ask::new("HEAD", path).open(proxy.port).await.try_head().await;
        assert_eq!(head.map(|(status, _)| status), Some(200), "HEAD {path}");
    }
    let health = Ask::new("GET", "/health").send(proxy.port).await.json();
    assert_eq!(health["status"], "ok");
    assert!(health["version"].is_string() && health["uptime_s"].is_number(), "{health}");
    assert_eq!(upstream.count(), 0, "health was asked of an upstream");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_and_is_no_reason_to_restart_us() {
    let upstream = refuses();
    let proxy = proxy_without_retries(&one(&upstream.base_url(), "breaker: { failures: 2, open: 60s }")).await;
    for _ in 0..3 {
        assert!(proxy.chat("m").await.status >= 500);
    }
    let answer = Ask::get("/health", ADMIN).send(proxy.port).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "down", "{}", answer.text());
    assert!(answer.text().contains("up") && answer.text().contains("open"), "{}", answer.text());
    for secret in [KEY, TOKEN, ADMIN] {
        assert!(!answer.text().contains(secret));
    }
    assert_eq!(Ask::new("GET", "/readyz").send(proxy.port).await.status, 200);
    assert_eq!(Ask::new("GET", "/livez").send(proxy.port).await.status, 200);
    assert!(proxy.metrics().await.sum("ai_proxy_breaker_state", &[]) > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_was_done() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for _ in 0..5 {
        proxy.chat("m").await;
    }
    for nth in 0..50 {
        proxy.chat(&format!("made-up-{nth}")).await;
        proxy.get(&format!("/made/up/{nth}")).await;
    }
    let metrics = proxy.metrics().await;
    assert_eq!(metrics.sum("ai_proxy_requests_total", &[("model", "m")]), 5.0);
    assert_eq!(metrics.sum("ai_proxy_requests_total", &[("model", "other")]), 50.0);
    assert_eq!(metrics.sum("ai_proxy_attempts_total", &[("deployment", "up/canned-model"), ("outcome", "ok")]), 5.0);
    assert_eq!(metrics.sum("ai_proxy_tokens_total", &[("kind", "input")]), 55.0);
    assert_eq!(metrics.sum("ai_proxy_tokens_total", &[("kind", "output")]), 35.0);
    for name in [
        "ai_proxy_request_duration_seconds_bucket",
        "ai_proxy_time_to_first_byte_seconds_bucket",
        "ai_proxy_gateway_overhead_seconds_bucket",
        "ai_proxy_in_flight",
        "ai_proxy_breaker_state",
        "ai_proxy_build_info",
    ] {
        assert!(metrics.has(name), "{name} is missing");
    }
    assert!(metrics.values_of("le").iter().any(|le| le == "600"), "{:?}", metrics.values_of("le"));
    let known = ["m", "other", "", "none"];
    assert!(
        metrics.values_of("model").iter().all(|m| known.contains(&m.as_str()) || m.starts_with("up/")),
        "{:?}",
        metrics.values_of("model")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_models_are_listed_and_found() {
    let upstream = records().await;
    let extra = "models: { canned-model: {}, vendor/deep/name: {} }";
    let proxy = proxy(&one(&upstream.base_url(), extra)).await;
    let list = proxy.get("/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    // A deployment is listed by the shortest name that means it.
    for name in ["canned-model", "vendor/deep/name"] {
        assert!(ids.contains(&name) || ids.contains(&format!("up/{name}").as_str()), "{name}: {ids:?}");
    }
    assert!(ids.contains(&"m"), "{ids:?}");
    for model in list["data"].as_array().unwrap() {
        assert!(model["object"] == "model" && model["created"].is_u64() && model["owned_by"].is_string(), "{model}");
    }
    for id in ["m", "up/canned-model", "up/vendor/deep/name", "up%2Fvendor%2Fdeep%2Fname"] {
        for prefix in ["/v1/models/", "/models/"] {
            let answer = proxy.get(&format!("{prefix}{id}")).await;
            assert_eq!(answer.status, 200, "{prefix}{id}: {}", answer.text());
            assert_eq!(answer.json()["id"], id.replace("%2F", "/"));
        }
    }
    let missing = proxy.get("/v1/models/nobody").await;
    assert_eq!((missing.status, missing.code().as_deref()), (404, Some("model_not_found")));
    let near = proxy.get("/v1/models/UP/Canned-Model").await;
    assert_eq!(near.status, 404);
    assert!(near.text().contains("did you mean up/canned-model"), "{}", near.text());
    assert_eq!(Ask::new("GET", "/v1/models").send(proxy.port).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_that_are_not_listed_are_discovered() {
    let upstream = Upstream::start(|mut connection| async move {
        while let Some(request) = connection.request().await? {
            let reply = if request.line().starts_with("GET /v1/models ") {
                canned::json(200, &[], br#"{"object":"list","data":[{"id":"found-one","object":"model"},{"id":"found/two","object":"model"}]}"#)
            } else {
                canned::json(200, &[], &canned::chat())
            };
            connection.send(&reply).await?;
        }
        Ok(())
    })
    .await;
    let yaml =
        format!("providers:\n  up:\n    kind: openai\n    base_url: {}\n    api_key: {KEY}\n", upstream.base_url());
    let proxy = plan(&yaml).start().await;
    let asked = upstream.request(0).await;
    assert_eq!(
        (asked.line().as_str(), asked.header("authorization")),
        ("GET /v1/models HTTP/1.1", vec![format!("Bearer {KEY}")])
    );
    let deadline = std::time::Instant::now() + server::PATIENCE;
    while !proxy.get("/v1/models").await.text().contains("found-one") {
        assert!(std::time::Instant::now() < deadline, "never listed: {}", proxy.get("/v1/models").await.text());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(proxy.chat("found-one").await.status, 200);
    assert_eq!(proxy.chat("up/found/two").await.status, 200);
    assert_eq!(proxy.chat("up/never-found").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_only_looked_at_says_so() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    for path in ["/v1/models", "/models", "/v1/models/m", "/health", "/metrics", "/"] {
        let answer = proxy.post(path, "{}").await;
        assert_eq!((answer.status, answer.header("allow").as_deref()), (405, Some("GET, HEAD")), "{path}");
        assert!(answer.text().contains("takes GET, not POST"), "{path}: {}", answer.text());
    }
    for path in ["/v1/models", "/models", "/v1beta/models", "/v1/models/m", "/health", "/metrics", "/"] {
        let token = if path == "/metrics" { ADMIN } else { TOKEN };
        let ask = Ask::new("HEAD", path).header("authorization", &format!("Bearer {token}"));
        let (status, head) = ask.open(proxy.port).await.head().await;
        assert_eq!(status, 200, "HEAD {path}: {}", String::from_utf8_lossy(&head));
    }
    // The same connection goes on: no body came where none may come.
    let mut wire = client::Wire::connect(proxy.port).await;
    for _ in 0..2 {
        wire.write(format!("HEAD /v1/models HTTP/1.1\r\nhost: p\r\nx-api-key: {TOKEN}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(wire.head().await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_who_asked_for_what_is_not_there() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    proxy.post("/nowhere", "{}").await;
    proxy.post("/v1/models", "{}").await;
    proxy.post("/metrics", "{}").await;
    for nth in 0..3 {
        assert_eq!(proxy.access(nth).await.text("from"), "127.0.0.1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_discovered_with_whichever_key_may_ask() {
    let upstream = Upstream::start(|mut connection| async move {
        while let Some(request) = connection.request().await? {
            let good = request.header("authorization") == ["Bearer sk-second"];
            let reply = match good {
                true => canned::json(200, &[], br#"{"object":"list","data":[{"id":"found","object":"model"}]}"#),
                false => canned::json(401, &[], b"{}"),
            };
            connection.send(&reply).await?;
        }
        Ok(())
    })
    .await;
    let yaml = format!(
        "providers:\n  up:\n    kind: openai\n    base_url: {}\n    api_keys: [sk-first, sk-second]\n",
        upstream.base_url()
    );
    let proxy = plan(&yaml).start().await;
    proxy.log_line("what was discovered", |line| line.contains("serves 1 models")).await;
    assert!(proxy.get("/v1/models").await.text().contains("found"));
    assert_eq!(upstream.count(), 2);
}

/// An SDK that lists first is not told that there is nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_demo_serves_is_listed_from_the_first_moment() {
    let proxy = plan("providers:\n  demo:\n").start().await;
    let listed = proxy.get("/v1/models").await.text();
    assert!(listed.contains(r#""id":"demo""#) && listed.contains("demo-slow"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_models_may_end_with_the_connection() {
    let list = br#"{"object":"list","data":[{"id":"found","object":"model"}]}"#.to_vec();
    let upstream =
        unframed(200, &["content-type: application/json"], vec![list], std::time::Duration::ZERO, false).await;
    let yaml =
        format!("providers:\n  up:\n    kind: openai\n    base_url: {}\n    api_key: {KEY}\n", upstream.base_url());
    let proxy = plan(&yaml).start().await;
    proxy.log_line("what was discovered", |line| line.contains("serves 1 models")).await;
    assert!(proxy.get("/v1/models").await.text().contains("found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_for_a_model_leaves_nothing_behind() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "allow_unlisted: true")).await;
    for nth in 0..300 {
        assert_eq!(proxy.get(&format!("/v1/models/up/made-up-{nth}")).await.status, 200);
    }
    assert!(!proxy.health().await.to_string().contains("made-up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_clients_make_up_are_no_labels_and_crowd_nobody_out() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "models: {}\nallow_unlisted: true");
    let proxy = proxy(&yaml).await;
    for nth in 0..2100 {
        assert_eq!(proxy.chat(&format!("up/made-up-{nth}")).await.status, 200);
    }
    assert_eq!(proxy.chat("m").await.status, 200);
    let answer = Ask::get("/metrics", ADMIN).send(proxy.port).await.text();
    assert!(!answer.contains("made-up"), "a client's name is a label");
    let metrics = proxy.metrics().await;
    assert_eq!(metrics.sum("ai_proxy_requests_total", &[("model", "m")]), 1.0);
    assert_eq!(metrics.sum("ai_proxy_requests_total", &[("model", "other")]), 2100.0);
    assert_eq!(metrics.sum("ai_proxy_attempts_total", &[("deployment", "up/canned-model")]), 1.0);
    assert_eq!(metrics.sum("ai_proxy_attempts_total", &[("deployment", "other")]), 2100.0);
    assert_eq!(metrics.values_of("deployment"), ["other", "up/canned-model"]);
    let health = proxy.health().await;
    assert!(!health.to_string().contains("made-up"), "{health}");
    assert!(health["providers"][0]["unlisted"]["known"].as_u64().unwrap() > 200, "{health}");
    // The log tells what was asked for.
    assert_eq!(proxy.access(0).await.text("model"), "up/made-up-0");
}
