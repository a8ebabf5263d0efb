//! Who may call, and who may look.

use upstream::client::Ask;
use upstream::harness::{ADMIN, CLIENT, TOKEN, chat_body, one};
use upstream::records;

use crate::{plan, proxy};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_right_token_gets_a_401_and_nothing_else() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let base = || Ask::new("POST", CHAT).header("content-type", "application/json").body(chat_body("m", false));
    let bearer = |token: &str| base().header("authorization", &format!("Bearer {token}"));
    let same_length = format!("{}x", &TOKEN[..TOKEN.len() - 1]);
    let wrong = [
        ("no token", base()),
        ("an empty header", base().header("authorization", "")),
        ("no scheme", base().header("authorization", TOKEN)),
        ("an empty token", bearer("")),
        ("the same length", bearer(&same_length)),
        ("shorter", bearer(&TOKEN[..10])),
        ("longer", bearer(&format!("{TOKEN}x"))),
        ("much longer", bearer(&TOKEN.repeat(300))),
        ("other case", bearer(&TOKEN.to_uppercase())),
        ("with its name", bearer(&format!("{CLIENT}:{TOKEN}"))),
        ("only the name", bearer(CLIENT)),
        ("the admin's", bearer(ADMIN)),
        ("basic", base().header("authorization", &format!("Basic {TOKEN}"))),
        ("in the wrong header", base().header("x-auth-token", TOKEN)),
        ("in a cookie", base().header("cookie", &format!("token={TOKEN}"))),
        ("as api-key in the query", Ask::new("POST", &format!("{CHAT}?api-key={TOKEN}")).body(chat_body("m", false))),
        ("no ASCII", bearer("\u{fffd}\u{e9}")),
    ];
    let tried = wrong.len();
    for (what, ask) in wrong {
        let answer = ask.send(proxy.port).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert_eq!(answer.code().as_deref(), Some("invalid_api_key"), "{what}");
        assert!(!answer.text().contains(&TOKEN[..8]), "{what}: the error says the token");
    }
    assert_eq!(upstream.count(), 0);
    for nth in 0..tried {
        let line = proxy.access(nth).await;
        assert_eq!((line.status(), line.text("client").as_str()), (401, ""), "{}", line.0);
    }
    proxy.said_nothing_of(&[&same_length, &TOKEN[..10], &TOKEN.to_uppercase()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_before_its_body_is_read() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let mut wire = upstream::client::Wire::connect(proxy.port).await;
    wire.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer wrong\r\ncontent-length: 1000000\r\n\r\n{")
        .await
        .unwrap();
    assert_eq!(wire.head().await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_taken_wherever_an_sdk_puts_it() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let base =
        |target: &str| Ask::new("POST", target).header("content-type", "application/json").body(chat_body("m", false));
    let right = [
        base(CHAT).header("authorization", &format!("Bearer {TOKEN}")),
        base(CHAT).header("Authorization", &format!("bearer {TOKEN}")),
        base(CHAT).header("x-api-key", TOKEN),
        base(CHAT).header("x-goog-api-key", TOKEN),
        base(&format!("{CHAT}?key={TOKEN}")),
        base(&format!("{CHAT}?key={}", TOKEN.replace('-', "%2D"))),
    ];
    for (nth, ask) in right.into_iter().enumerate() {
        let answer = ask.send(proxy.port).await;
        assert_eq!(answer.status, 200, "way {nth}: {}", answer.text());
        assert_eq!(proxy.access(nth).await.text("client"), CLIENT);
        let sent = upstream.request(nth).await;
        assert!(!String::from_utf8_lossy(&sent.head).contains(TOKEN), "way {nth}: the client's token crossed");
    }
    proxy.said_nothing_of(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_tokens_are_told_apart_by_name() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "");
    let proxy = plan(&yaml)
        .env("AUTH_TOKEN", "alice:token-of-alice-123456,token-without-name-1,bob:token-of-bob-12345678")
        .start()
        .await;
    for (nth, (token, name)) in
        [("token-of-bob-12345678", "bob"), ("token-of-alice-123456", "alice"), ("token-without-name-1", "")]
            .into_iter()
            .enumerate()
    {
        assert_eq!(Ask::post(CHAT, token, chat_body("m", false)).send(proxy.port).await.status, 200);
        assert_eq!(proxy.access(nth).await.text("client"), name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_details_are_the_admins() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    assert_eq!(Ask::get("/metrics", ADMIN).send(proxy.port).await.status, 200);
    for token in ["", "wrong", TOKEN] {
        let refused = Ask::get("/metrics", token).send(proxy.port).await;
        assert!(matches!(refused.status, 401 | 403), "{token:?}: {}", refused.status);
        assert!(!refused.text().contains("ai_proxy_"));
        let health = Ask::get("/health", token).send(proxy.port).await;
        assert_eq!(health.status, 200);
        assert!(!health.text().contains("\"up\""), "providers are the admin's to see: {}", health.text());
    }
    assert!(Ask::get("/health", ADMIN).send(proxy.port).await.text().contains("\"up\""));

    let loopback = plan(&one(&upstream.base_url(), "")).env("ADMIN_TOKEN", "").start().await;
    assert_eq!(
        Ask::new("GET", "/metrics").header("host", "localhost").send(loopback.port).await.status,
        200,
        "loopback may look where there is no admin token"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_nobody_outside_is_taken_for_this_machine() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "") + "server: { trusted_proxies: [127.0.0.1] }\n";
    let proxy = plan(&yaml).env("ADMIN_TOKEN", "").start().await;
    // What an attacker writes, with what an appending proxy adds behind it.
    let many = "127.0.0.1, ".repeat(32) + "203.0.113.9";
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-for", many.as_str()),
        ("x-forwarded-for", "203.0.113.9:4711"),
        ("x-forwarded-for", "unknown"),
        ("x-forwarded-for", "\u{e9}, 203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
    ] {
        let ask = |path| Ask::new("GET", path).header(name, value);
        assert_eq!(ask("/metrics").send(proxy.port).await.status, 403, "{name}: {value}");
        let health = ask("/health").send(proxy.port).await.text();
        assert!(!health.contains("providers"), "{name}: {value}: {health}");
    }
    // Trusted or not: what is forwarded is not asked by who sits here.
    let local = Ask::new("GET", "/metrics").header("x-forwarded-for", "127.0.0.1");
    assert_eq!(local.send(proxy.port).await.status, 403);
    let spoofed = "8.8.8.8, ".repeat(32) + "203.0.113.9:4711";
    let ask = Ask::post(CHAT, TOKEN, chat_body("m", false)).header("x-forwarded-for", &spoofed);
    assert_eq!(ask.send(proxy.port).await.status, 200);
    assert_eq!(proxy.access(0).await.text("from"), "203.0.113.9");
}
