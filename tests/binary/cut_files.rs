//! A reload of a file that was cut off, or that took away what stood in front of something: nothing is opened by it.

use upstream::client::Ask;
use upstream::harness::{KEY, Proxy};
use upstream::*;

use crate::plan;
use crate::reload::has_reloaded;

/// The whole file, until `mark`.
fn until<'a>(whole: &'a str, mark: &str) -> &'a str {
    whole.split_once(mark).unwrap().0
}

/// What is said of a reload that is refused, once it is said `nth` times (from 0).
async fn refused(proxy: &Proxy, nth: usize) -> String {
    proxy.hangup();
    proxy.metric_is("ai_proxy_reloads_total", &[("result", "refused")], |n| n > nth as f64).await;
    proxy.health().await["reload_refused"]["why"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_run_that_was_revoked_does_not_come_back() {
    let upstream = records().await;
    let proxy = plan(&harness::one(&upstream.base_url(), "")).env("AUTH_TOKEN", "").start().await;
    let said = proxy.stdout().into_iter().chain(proxy.log()).collect::<Vec<_>>().join("\n");
    let at = said.find("demo-").expect("a token of the run");
    let run = said[at..].chars().take("demo-".len() + 32).collect::<String>();
    let status = async |token: &str| Ask::get("/v1/models", token).send(proxy.port).await.status;
    assert_eq!(status(&run).await, 200);
    let env = proxy.dir().join(".env");
    let without = std::fs::read_to_string(&env).unwrap();
    // Without one it goes on.
    std::fs::write(&env, format!("{without}RETRY_MAX_RETRIES=1\n")).unwrap();
    proxy.hangup();
    has_reloaded(&proxy, "ok").await;
    assert_eq!(status(&run).await, 200);
    // Not even where it was made somebody's own.
    for (nth, own) in [harness::TOKEN, &run].into_iter().enumerate() {
        std::fs::write(&env, format!("{without}AUTH_TOKEN=alice:{own}\n")).unwrap();
        proxy.hangup();
        proxy.metric_is("ai_proxy_reloads_total", &[("result", "ok")], |n| n >= 2.0 + nth as f64).await;
    }
    std::fs::write(&env, format!("{without}AUTH_TOKEN=alice:{}\n", harness::TOKEN)).unwrap();
    proxy.hangup();
    proxy.metric_is("ai_proxy_reloads_total", &[("result", "ok")], |n| n >= 4.0).await;
    std::fs::write(&env, without).unwrap();
    assert!(refused(&proxy, 0).await.contains("AUTH_TOKEN was removed"));
    assert_eq!((status(&run).await, status(harness::TOKEN).await), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_switched_off_or_limited_is_not_opened() {
    let (upstream, other) = (records().await, records().await);
    let whole = format!(
        "providers:\n  local: {{ kind: openai, base_url: '{}', api_key: none, models: [m] }}\n  other:\n    kind: openai\n    \
         base_url: {}\n    api_key: {KEY}\n    models: [n]\n    limits:\n      requests_per_day: 2\n    enabled: false\n",
        upstream.base_url(),
        other.base_url(),
    );
    let proxy = plan(&whole).start().await;
    proxy.rewrite(until(&whole, "    enabled"));
    assert!(refused(&proxy, 0).await.contains("ends before `providers.other.enabled`"));
    assert_eq!(proxy.chat("other/n").await.status, 404);
    let on = whole.replace("false", "true");
    proxy.rewrite(&on);
    proxy.hangup();
    has_reloaded(&proxy, "ok").await;
    assert_eq!(proxy.chat("other/n").await.status, 200);
    for (nth, mark) in [" [n]", "\n      requests", &KEY[6..]].into_iter().enumerate() {
        proxy.rewrite(until(&on, mark));
        let why = refused(&proxy, nth + 1).await;
        assert!(why.contains("cut off") && !why.contains(KEY), "{mark}: {why}");
    }
    assert_eq!((proxy.chat("other/o").await.status, proxy.chat("other/n").await.status), (404, 200));
    assert_eq!(proxy.chat("other/n").await.status, 429, "its limit holds");
    proxy.said_nothing_of(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_goes_to_where_its_server_listens_by_default() {
    let upstream = records().await;
    let whole =
        format!("providers:\n  ollama:\n    models: [m]\n    api_key: {KEY}\n    base_url: {}\n", upstream.base_url());
    let proxy = plan(&whole).start().await;
    proxy.rewrite(until(&whole, "    base_url"));
    assert!(refused(&proxy, 0).await.contains("ollama"));
    assert_eq!(proxy.chat("ollama/m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_goes_to_the_port_that_is_left_of_another() {
    let upstream = records().await;
    let url = upstream.base_url();
    let port = url.rsplit(':').next().unwrap().trim_end_matches("/v1");
    let whole = format!(
        "providers:\n  up:\n    kind: openai\n    api_key: {KEY}\n    models: [m]\n    base_url: http://127.0.0.1:{port}\n"
    );
    let proxy = plan(&whole).start().await;
    for (nth, cut) in [2, port.len() + 2].into_iter().enumerate() {
        proxy.rewrite(&whole[..whole.len() - cut]);
        assert!(refused(&proxy, nth).await.contains("the last line of provider-config.yaml"));
    }
    assert_eq!(proxy.chat("up/m").await.status, 200);
}
