//! Files that an operator, a full disk or a mount does things to while the proxy serves.

use std::time::{Duration, Instant, SystemTime};

use upstream::client::{Ask, Ended};
use upstream::harness::{self, Proxy, TOKEN, one};
use upstream::*;

use crate::{plan, proxy};

async fn reloaded(proxy: &Proxy, result: &str, times: f64) {
    proxy.metric_is("ai_proxy_reloads_total", &[("result", result)], |n| n >= times).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_emptied_takes_nothing_away() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    // With a key in `.env`, which would be a provider to serve from, and without.
    for (key, env) in [("", "GROQ_API_KEY"), ("gsk_0123456789abcdef", "GROQ_API_KEY")] {
        let proxy = plan(&yaml).env(env, key).searched().start().await;
        for (nth, text) in ["", "# saved\n", "---\n", "{}\n"].into_iter().enumerate() {
            std::fs::write(proxy.dir().join("provider-config.yaml"), text).unwrap();
            proxy.hangup();
            reloaded(&proxy, "refused", (nth + 1) as f64).await;
            assert_eq!(proxy.chat("m").await.status, 200, "{text:?}");
            assert_eq!(proxy.chat("demo").await.status, 404, "{text:?}");
        }
        proxy.log_line("what is wrong", |line| line.contains("provider-config.yaml says nothing any more")).await;
        proxy.rewrite(&(yaml.clone() + "  new: { targets: [up/canned-model] }\n"));
        proxy.hangup();
        reloaded(&proxy, "ok", 1.0).await;
        assert_eq!(proxy.chat("new").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_is_out_whatever_size_and_time_the_file_has() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let env = proxy.dir().join(".env");
    let modified = std::fs::metadata(&env).unwrap().modified().unwrap();
    let other: String = TOKEN.chars().rev().collect();
    let text = std::fs::read_to_string(&env).unwrap().replace(TOKEN, &other);
    std::fs::write(&env, text).unwrap();
    std::fs::File::options().write(true).open(&env).unwrap().set_modified(modified).unwrap();
    reloaded(&proxy, "ok", 1.0).await;
    assert_eq!(proxy.chat("m").await.status, 401);
    let ask = Ask::post("/v1/chat/completions", &other, harness::chat_body("m", false));
    assert_eq!(ask.send(proxy.port).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_the_place_of_a_file_deafens_nobody() {
    let upstream = records().await;
    let mut proxy = proxy(&one(&upstream.base_url(), "")).await;
    let yaml = proxy.dir().join("provider-config.yaml");
    std::fs::remove_file(&yaml).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&yaml).status().unwrap();
    assert!(made.success());
    proxy.hangup();
    reloaded(&proxy, "refused", 1.0).await;
    proxy.log_line("why", |line| line.contains("is not a regular file")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    proxy.terminate();
    assert_eq!(proxy.ended(Duration::from_secs(5)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_changes_nothing_of_a_provider_keeps_its_connections() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "headers: { x-team: blue }");
    let proxy = plan(&yaml).env("WORKERS", "1").start().await;
    assert_eq!(proxy.chat("m").await.status, 200);
    for nth in 1..4 {
        if nth == 2 {
            proxy.rewrite(&(yaml.clone() + "  new: { targets: [up/canned-model] }\n"));
        }
        proxy.hangup();
        reloaded(&proxy, "ok", f64::from(nth)).await;
        assert_eq!(proxy.chat("m").await.status, 200);
    }
    assert_eq!(upstream.connections(), 1, "a reload closed what was pooled");
    proxy.rewrite(&yaml.replace("blue", "green"));
    proxy.hangup();
    reloaded(&proxy, "ok", 4.0).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    assert_eq!(upstream.requests().last().unwrap().header("x-team"), ["green"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_may_be_lowered_below_what_is_in_use() {
    let mut reply = Reply::sse(canned::stream(3), Duration::ZERO);
    reply.pieces[2].0 = Duration::from_millis(1500);
    let upstream = answers(reply).await;
    let yaml = |limits: &str, server: &str| one(&upstream.base_url(), limits) + server;
    let wide = "max_in_flight: 50\nlimits: { requests_per_minute: 100, tokens_per_minute: 1000000 }";
    let proxy = plan(&yaml(wide, "server: { body_limit: 1MiB, buffer_budget: 64MiB, max_in_flight: 100 }\n"))
        .env("RETRY_MAX_RETRIES", "0")
        .start()
        .await;
    let mut open = Vec::new();
    for _ in 0..10 {
        let mut wire = proxy.stream("m").await;
        wire.head().await;
        wire.until(b"word0 ").await;
        open.push(wire);
    }
    let narrow = "max_in_flight: 2\nlimits: { requests_per_minute: 12, tokens_per_minute: 1000000 }";
    proxy.rewrite(&yaml(narrow, "server: { body_limit: 1KiB, buffer_budget: 1KiB, max_in_flight: 3 }\n"));
    proxy.hangup();
    reloaded(&proxy, "ok", 1.0).await;
    let refused = proxy.chat("m").await;
    assert!(matches!(refused.status, 429 | 503), "{}: {}", refused.status, refused.text());
    let large = proxy.post("/v1/chat/completions", vec![b' '; 2048]).await;
    assert!(matches!(large.status, 413 | 429 | 503), "{}", large.status);
    for mut wire in open {
        wire.rest().await;
        assert_eq!(wire.ended(), Some(Ended::Whole), "what ran was cut");
    }
    proxy.idle().await;
    assert_eq!(proxy.stream("m").await.answer().await.status, 200, "two are left of twelve");
    assert_eq!(proxy.stream("m").await.answer().await.status, 200);
    assert_eq!(proxy.chat("m").await.status, 429, "ten were counted before");
    proxy.rewrite(&yaml("limits: { requests_per_minute: 1 }", ""));
    proxy.hangup();
    reloaded(&proxy, "ok", 2.0).await;
    assert_eq!(proxy.chat("m").await.status, 429);
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_the_supervisor_is_told() {
    let upstream = records().await;
    let mut proxy = plan(&one(&upstream.base_url(), "")).process("AI_PROXY_TEST_SUPERVISOR", "dies").start().await;
    let health = || async { Ask::new("GET", "/health").send(proxy.port).await.json() };
    assert_eq!(health().await["status"], "ok");
    assert!(health().await.get("supervisor").is_none());
    proxy.hangup();
    let deadline = Instant::now() + Duration::from_secs(5);
    while health().await["status"] != "degraded" {
        assert!(Instant::now() < deadline, "{}", health().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(health().await["supervisor"], "down");
    assert_eq!(proxy.chat("m").await.status, 200, "what is served goes on");
    proxy.log_line("that it died", |line| line.contains("the supervisor is down")).await;
    proxy.terminate();
    assert_eq!(proxy.ended(Duration::from_secs(5)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_saved_again_as_it_was_is_no_change() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let yaml = proxy.dir().join("provider-config.yaml");
    let file = std::fs::File::options().write(true).open(&yaml).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    proxy.rewrite(&std::fs::read_to_string(&yaml).unwrap());
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(!proxy.log().iter().any(|line| line.contains("has changed")));
}
