//! The configuration changes under a running proxy: whole or not at all, and no stream notices.

use std::time::{Duration, Instant};

use upstream::client::{Ended, Wire};
use upstream::harness::{Proxy, TOKEN, one, provider};
use upstream::*;

use crate::{plan, proxy};

/// Opens `n` streams of half a second or more and reads each up to its first word.
async fn streams(proxy: &Proxy, n: usize) -> Vec<Wire> {
    let mut open = Vec::new();
    for _ in 0..n {
        let mut wire = proxy.stream("m").await;
        assert_eq!(wire.head().await.0, 200);
        wire.until(b"word0 ").await;
        open.push(wire);
    }
    open
}

async fn all_end_well(open: Vec<Wire>) {
    for (nth, mut wire) in open.into_iter().enumerate() {
        let rest = wire.rest().await;
        assert_eq!(wire.ended(), Some(Ended::Whole), "stream {nth}");
        assert!(rest.ends_with(canned::DONE), "stream {nth}: {}", String::from_utf8_lossy(&rest));
    }
}

/// A stream whose last events come after two seconds: long enough to reload under it.
async fn slow_stream() -> Upstream {
    let mut reply = Reply::sse(canned::stream(3), Duration::ZERO);
    reply.pieces[2].0 = Duration::from_secs(2);
    answers(reply).await
}

async fn reloads(proxy: &Proxy, result: &str) -> f64 {
    proxy.metrics().await.sum("ai_proxy_reloads_total", &[("result", result)])
}

pub async fn has_reloaded(proxy: &Proxy, result: &str) {
    proxy.metric_is("ai_proxy_reloads_total", &[("result", result)], |n| n >= 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_changes_nothing_and_is_told_once() {
    let upstream = slow_stream().await;
    let good = one(&upstream.base_url(), "");
    let proxy = proxy(&good).await;
    let open = streams(&proxy, 100).await;
    let lines = proxy.log().len();
    proxy.rewrite(&good.replace("targets: [up/canned-model]", "targets: [gone/canned-model], strtegy: weighted"));
    proxy.hangup();
    has_reloaded(&proxy, "refused").await;
    let told = proxy.log_line("the broken file", |l| l.contains("provider-config.yaml:")).await;
    assert!(told.contains("gone") || told.contains("strtegy"), "{told}");
    all_end_well(open).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
    // The file is also watched: the same mistake is not told again and again.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let errors: Vec<String> = proxy.log()[lines..].iter().filter(|l| l.contains("\"ERROR\"")).cloned().collect();
    assert!((1..=3).contains(&errors.len()), "{} errors: {errors:#?}", errors.len());
    proxy.said_nothing_of(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_provider_that_is_taken_out_end_well() {
    let upstream = slow_stream().await;
    let other = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let open = streams(&proxy, 20).await;
    proxy.rewrite(&format!(
        "providers:\n{}models:\n  n: {{ targets: [other/canned-model] }}\n",
        provider("other", &other.base_url(), "")
    ));
    proxy.hangup();
    has_reloaded(&proxy, "ok").await;
    assert_eq!(proxy.chat("n").await.status, 200);
    assert_eq!(proxy.chat("m").await.status, 404);
    assert_eq!(upstream.open(), 20, "a running stream was let go");
    all_end_well(open).await;
    // What was pooled for the provider that is gone goes too.
    let deadline = Instant::now() + Duration::from_secs(10);
    while upstream.open() > 0 {
        assert!(Instant::now() < deadline, "{} connections to a provider that is gone", upstream.open());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_taken_up_without_being_told() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    let proxy = proxy(&yaml).await;
    assert_eq!(proxy.chat("new").await.status, 404);
    proxy.rewrite(&(yaml + "  new: { targets: [up/canned-model] }\n"));
    has_reloaded(&proxy, "ok").await;
    assert_eq!(proxy.chat("new").await.status, 200);
    assert_eq!(reloads(&proxy, "refused").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_token_that_is_taken_out_is_out() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    let env = proxy.dir().join(".env");
    let lines = std::fs::read_to_string(&env).unwrap();
    std::fs::write(&env, lines.replace(harness::TOKEN, "another-token-0123456789")).unwrap();
    proxy.hangup();
    has_reloaded(&proxy, "ok").await;
    assert_eq!(proxy.chat("m").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_quotas_outlive_a_reload() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "limits: { requests_per_minute: 3 }");
    let proxy = proxy(&yaml).await;
    for _ in 0..3 {
        assert_eq!(proxy.chat("m").await.status, 200);
    }
    proxy.rewrite(&(yaml + "  more: { targets: [up/canned-model] }\n"));
    proxy.hangup();
    has_reloaded(&proxy, "ok").await;
    assert_eq!(proxy.chat("more").await.status, 429, "a reload gave the quota back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_load_costs_no_request() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    let proxy = proxy(&yaml).await;
    let port = proxy.port;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async move {
                let until = Instant::now() + Duration::from_secs(3);
                let mut served = 0;
                while Instant::now() < until {
                    let ask = client::Ask::post("/v1/chat/completions", harness::TOKEN, harness::chat_body("m", false));
                    let answer = ask.send(port).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    served += 1;
                }
                served
            })
        })
        .collect();
    for nth in 0..10 {
        proxy.rewrite(&format!("{yaml}  extra{nth}: {{ targets: [up/canned-model] }}\n"));
        proxy.hangup();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut served = 0;
    for client in clients {
        served += client.await.unwrap();
    }
    println!("{served} requests over ten reloads");
    assert!(reloads(&proxy, "ok").await >= 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_restart_changes_is_said() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    let proxy = proxy(&yaml).await;
    proxy.rewrite(&(yaml + "server: { workers: 3, cors_origins: [\"*\"] }\n"));
    proxy.hangup();
    has_reloaded(&proxy, "ok").await;
    let told = proxy.log_line("what was kept", |line| line.contains("changes only with a restart")).await;
    assert!(told.contains("server.workers, server.cors_origins"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_makes_no_token_that_nobody_is_told() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let env = proxy.dir().join(".env");
    let lines = std::fs::read_to_string(&env).unwrap();
    std::fs::write(&env, lines.replace("AUTH_TOKEN=", "# ")).unwrap();
    proxy.hangup();
    has_reloaded(&proxy, "refused").await;
    proxy.log_line("why", |line| line.contains("AUTH_TOKEN was removed")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_vanishes_makes_nobody_serve_the_demo() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    let proxy = plan(&yaml).searched().start().await;
    assert_eq!(proxy.chat("m").await.status, 200);
    std::fs::remove_file(proxy.dir().join("provider-config.yaml")).unwrap();
    has_reloaded(&proxy, "refused").await;
    let told = proxy.log_line("what has vanished", |line| line.contains("has vanished")).await;
    assert!(told.contains("provider-config.yaml") && told.contains("demo"), "{told}");
    assert_eq!(proxy.chat("m").await.status, 200);
    assert_eq!(proxy.chat("demo").await.status, 404);
    // It is back, with something new.
    proxy.rewrite(&(yaml + "  new: { targets: [up/canned-model] }\n"));
    has_reloaded(&proxy, "ok").await;
    assert_eq!(proxy.chat("new").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_comes_after_its_name_is_taken_up() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let (env, secret) = (proxy.dir().join(".env"), proxy.dir().join("token"));
    let lines = std::fs::read_to_string(&env).unwrap();
    let by_file = format!("AUTH_TOKEN_FILE={}", secret.display());
    let renamed = lines.lines().map(|line| if line.starts_with("AUTH_TOKEN=") { &*by_file } else { line });
    std::fs::write(&env, renamed.collect::<Vec<_>>().join("\n")).unwrap();
    proxy.hangup();
    has_reloaded(&proxy, "refused").await;
    let refused = proxy.health().await["reload_refused"]["why"].to_string();
    assert!(refused.contains("AUTH_TOKEN_FILE") && refused.contains("does not exist"), "{refused}");
    assert_eq!(proxy.chat("m").await.status, 200, "what was before it serves");
    std::fs::write(&secret, "another-token-0123456789\n").unwrap();
    has_reloaded(&proxy, "ok").await;
    assert_eq!(proxy.chat("m").await.status, 401, "a token that was taken out is out");
    assert!(proxy.health().await.get("reload_refused").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_off_opens_nothing_and_empties_nothing() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    let proxy = plan(&yaml).env("ADMIN_TOKEN", "admin-token-0123456789").start().await;
    let env = proxy.dir().join(".env");
    let whole = std::fs::read_to_string(&env).unwrap();
    std::fs::write(&env, whole.replace("ADMIN_TOKEN=", "# ")).unwrap();
    proxy.hangup();
    proxy.log_line("why", |line| line.contains("ADMIN_TOKEN was removed")).await;
    for (cut, told) in
        [("admin-to", "ADMIN_TOKEN is only the beginning"), ("admin-token-012345678", "ADMIN_TOKEN is only")]
    {
        std::fs::write(&env, whole.replace("admin-token-0123456789", cut)).unwrap();
        proxy.hangup();
        proxy.log_line("why", |line| line.contains(told)).await;
    }
    let half = &TOKEN[..TOKEN.len() / 2];
    std::fs::write(&env, whole.replace(TOKEN, half)).unwrap();
    proxy.hangup();
    proxy.log_line("why", |line| line.contains("a token of AUTH_TOKEN is only the beginning")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    std::fs::write(&env, whole).unwrap();
    let (providers, _) = yaml.rsplit_once("\nmodels:").unwrap();
    proxy.rewrite(&format!("{providers}\nmodels:\n"));
    proxy.hangup();
    proxy.log_line("why", |line| line.contains("nothing stands under `models:`")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_leads_no_key_elsewhere_and_leaves_no_demo_alone() {
    let (upstream, elsewhere) = (records().await, records().await);
    let base_url = upstream.base_url();
    let proxy =
        plan(&format!("server: {{ keepalive: 5s }}\nproviders:\n  groq: {{ base_url: '{base_url}', models: [m] }}\n"))
            .env("GROQ_API_KEY", "gsk-of-the-house")
            .env("GROQ_BASE_URL", &elsewhere.base_url())
            .start()
            .await;
    assert_eq!(proxy.chat("groq/m").await.status, 200);
    proxy.rewrite("server: { keepalive: 5s }\n");
    proxy.hangup();
    proxy.log_line("why", |line| line.contains("the key of groq would go to another address")).await;
    // Its address alone is lost, and the vendor's would be left.
    proxy.rewrite("server: { keepalive: 5s }\nproviders:\n  groq: { models: [m] }\n");
    let env = proxy.dir().join(".env");
    let lines = std::fs::read_to_string(&env).unwrap();
    let without = lines.lines().filter(|line| !line.starts_with("GROQ_BASE_URL")).collect::<Vec<_>>().join("\n");
    std::fs::write(&env, without).unwrap();
    proxy.hangup();
    proxy.log_line("why", |line| line.contains("the key of groq would go to another address")).await;
    proxy.rewrite("server: { keepalive: 5s }\nproviders:\n  demo:\n");
    proxy.hangup();
    proxy.log_line("why", |line| line.contains("reload refused")).await;
    assert_eq!(proxy.chat("groq/m").await.status, 200);
    assert_eq!(elsewhere.count(), 0, "the key has gone nowhere else");
}
