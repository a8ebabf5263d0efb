//! What a bare name means as providers say, begin to say and fail to say what they serve: a name that works today works
//! tomorrow, and a slip of the pen is sent to nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use upstream::canned;
use upstream::harness::Proxy;
use upstream::server::Upstream;

use crate::plan;

/// Lists `lists[nth]` at the nth asking, the last of them from then on (None: 404), and answers every chat.
async fn listing(lists: &'static [Option<&'static [&'static str]>]) -> Upstream {
    let asked = Arc::new(AtomicUsize::new(0));
    Upstream::start(move |mut connection| {
        let asked = asked.clone();
        async move {
            while let Some(request) = connection.request().await? {
                let answer = if request.line().starts_with("GET ") {
                    let nth = asked.fetch_add(1, Ordering::Relaxed).min(lists.len() - 1);
                    match lists[nth] {
                        None => canned::json(404, &[], b"{}"),
                        Some(names) => {
                            let names: Vec<_> = names.iter().map(|name| serde_json::json!({ "id": name })).collect();
                            canned::json(200, &[], serde_json::json!({ "data": names }).to_string().as_bytes())
                        }
                    }
                } else {
                    canned::json(200, &[], &canned::chat())
                };
                connection.send(&answer).await?;
            }
            Ok(())
        }
    })
    .await
}

async fn over(upstreams: &[(&str, &Upstream)]) -> Proxy {
    let entry = |(name, upstream): &(&str, &Upstream)| {
        format!("  {name}: {{ kind: openai, base_url: \"{}\", api_key: none }}\n", upstream.base_url())
    };
    let entries: String = upstreams.iter().map(entry).collect();
    plan(&format!("providers:\n{entries}")).env("RETRY_MAX_RETRIES", "0").start().await
}

/// Who answered.
async fn by(proxy: &Proxy, model: &str) -> String {
    let answer = proxy.chat(model).await;
    answer.header("x-ai-proxy-deployment").unwrap_or_else(|| answer.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_second_provider_begins_to_list_goes_on_working_and_falls_back() {
    let one = listing(&[Some(&["shared"])]).await;
    let two = listing(&[Some(&["other"]), Some(&["other", "shared"])]).await;
    let proxy = over(&[("one", &one), ("two", &two)]).await;
    proxy.log_line("the first list", |line| line.contains("two: serves 1 models")).await;
    assert_eq!(by(&proxy, "shared").await, "one/shared");
    proxy.hangup();
    proxy.log_line("the second list", |line| line.contains("two: serves 2 models")).await;
    assert_eq!(by(&proxy, "shared").await, "one/shared");
    assert_eq!(by(&proxy, "two/shared").await, "two/shared");
    // The next in the configuration's order, where the first is gone.
    one.end().await;
    assert_eq!(by(&proxy, "shared").await, "two/shared");
    let listed = proxy.get("/v1/models").await.text();
    assert_eq!(listed.matches("\"shared\"").count(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lists_nothing_takes_no_slip_of_the_pen() {
    let (one, mute) = (listing(&[Some(&["real-model"])]).await, listing(&[None]).await);
    let proxy = over(&[("one", &one), ("mute", &mute)]).await;
    proxy.log_line("the list", |line| line.contains("one: serves 1 models")).await;
    proxy.log_line("no list", |line| line.contains("mute: its models could not be listed")).await;
    let slip = proxy.chat("real-modle").await;
    let text = slip.text();
    assert_eq!(slip.status, 404, "{text}");
    assert!(text.contains("real-model?") && text.contains("mute/MODEL is passed on"), "{text}");
    assert_eq!(proxy.chat("real-model").await.status, 200);
    // Who names it is passed on, and what it has served is its own from then on.
    assert_eq!(proxy.chat("hidden").await.status, 404);
    assert_eq!(proxy.chat("mute/hidden").await.status, 200);
    assert_eq!(by(&proxy, "hidden").await, "mute/hidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_tells_the_providers_keys_shows_them_to_nobody() {
    const KEYS: [&str; 3] = ["Qm7xTz91KbWc4RfYp8LsVd3Nh6Jg2Ea5", "Wx2pLk84JhGf6DsAq1ZxCv5Bn7Mm3Oi9", "short"];
    let one =
        listing(&[Some(&["honest", KEYS[0], "for-Qm7xTz91KbWc4RfYp8LsVd3Nh6Jg2Ea5", KEYS[1], "short-name"])]).await;
    let url = one.base_url();
    let proxy = plan(&format!(
        "providers:\n  one: {{ kind: openai, base_url: \"{url}\", api_keys: [{}, {}, {}] }}\n",
        KEYS[0], KEYS[1], KEYS[2]
    ))
    .start()
    .await;
    proxy.log_line("the list", |line| line.contains("one: serves 2 models")).await;
    let listed = proxy.get("/v1/models").await.text();
    assert!(listed.contains("honest") && listed.contains("short-name"), "{listed}");
    proxy.said_nothing_of(&[KEYS[0], KEYS[1]]);
    assert!(!KEYS[..2].iter().any(|key| listed.contains(key)), "{listed}");
}
