//! What is held for requests is what is counted in `buffer_budget`, and what takes long is done beside the workers.

use std::time::{Duration, Instant};

use upstream::client::{Answer, Ask, Wire};
use upstream::harness::{Proxy, TOKEN, chat_body, one, provider};
use upstream::{Reply, Upstream, answers, canned, records, sequence};

use crate::{plan, proxy};

const MIB: usize = 1024 * 1024;

/// The status and the head of an answer.
type Head = (u16, Vec<u8>);

/// `m` is at a provider of this kind, `plain` at one that speaks as the client does.
fn beside_a_plain_one(kind: &str, upstream: &Upstream, plain: &Upstream, server: &str) -> String {
    let base_url = upstream.base_url();
    format!(
        "providers:\n  up: {{ kind: {kind}, base_url: '{base_url}', api_key: k-1234567890, models: [m] }}\n{}models:\n  m: {{ targets: [up/m] }}\n  plain: {{ targets: [plain/canned-model] }}\nserver: {{ {server} }}\n",
        provider("plain", &plain.base_url(), "")
    )
}

/// Says these bytes and no more, and waits for the other side to leave.
async fn says(head: Vec<u8>, bytes: Vec<u8>) -> Upstream {
    Upstream::start(move |mut connection| {
        let (head, bytes) = (head.clone(), bytes.clone());
        async move {
            connection.request().await?;
            connection.send(&head).await?;
            connection.chunk(&bytes).await?;
            connection.until_closed().await
        }
    })
    .await
}

/// The head of a chat whose body is so long.
fn head(length: usize) -> Vec<u8> {
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n").into_bytes()
}

/// Says a body, and listens between its pieces, or a refusal would be lost with the connection. The refusal, if any.
async fn pour(wire: &mut Wire, body: &[u8]) -> Option<Head> {
    for piece in body.chunks(64 * 1024) {
        let written = wire.write(piece).await;
        if let Ok(told) = tokio::time::timeout(Duration::from_millis(1), wire.try_head()).await {
            return Some(told.expect("a client was not answered"));
        }
        written.expect("nobody was refused");
    }
    None
}

fn no_room((status, head): &Head) {
    assert_eq!(*status, 503, "{}", String::from_utf8_lossy(head));
    assert!(!upstream::server::header_values(head, "retry-after").is_empty());
}

/// Those clients that hold what they can, each of them `EACH`, once others were told that there is no room and memory is
/// what is counted. `full`: so many were told already.
async fn held(proxy: &Proxy, mut clients: Vec<Wire>, mut full: usize, before: u64) -> Vec<Wire> {
    let most = BUDGET as u64 / 10 * 13;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut held = Vec::new();
        for mut wire in clients {
            match tokio::time::timeout(Duration::from_millis(100), wire.try_head()).await {
                Ok(Some(head)) => {
                    no_room(&head);
                    full += 1;
                }
                Ok(None) => panic!("a client was not answered"),
                Err(_) => held.push(wire),
            }
        }
        let holds = (proxy.rss() - before) * 1024;
        assert!(holds < most, "{} MiB are held of {}", holds >> 20, BUDGET >> 20);
        // Some that grew together were refused together: what the others hold is counted, and not the whole budget.
        let least = held.len() * EACH / 10 * 7;
        if full > 0 && holds >= least as u64 {
            assert!(!held.is_empty(), "nobody found room");
            return held;
        }
        assert!(Instant::now() < deadline, "{full} found no room, {} MiB are held of {}", holds >> 20, BUDGET >> 20);
        clients = held;
    }
}

async fn free_again(proxy: &Proxy, before: u64) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while proxy.rss() > before + 8 * 1024 {
        assert!(Instant::now() < deadline, "{} KiB more than before are still held", proxy.rss() - before);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(proxy.chat("plain").await.status, 200);
}

/// Eight clients for what holds 7 of 32 MiB each.
const BUDGET: usize = 32 * MIB;
const EACH: usize = 7 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_what_is_counted_for_bodies_and_documents_and_events() {
    let server = "body_limit: 16MiB, buffer_budget: 32MiB";
    let plain = records().await;
    // A body that does not end; a document; an event. What is said is doubled nowhere.
    let json = canned::head(200, &["content-type: application/json", "transfer-encoding: chunked"]);
    let text = |before: &str| [before.as_bytes(), &vec![b'x'; EACH]].concat();
    let document = says(json, text(r#"{"id":"m","content":[{"type":"text","text":""#)).await;
    let event = says(canned::sse_head(), text("event: content_block_delta\ndata: {\"delta\":\"")).await;
    for (upstream, streams) in [(None, false), (Some(&document), false), (Some(&event), true)] {
        let yaml = beside_a_plain_one("anthropic", upstream.unwrap_or(&plain), &plain, server);
        let proxy = plan(&yaml).env("RETRY_MAX_RETRIES", "0").start().await;
        assert_eq!(proxy.chat("plain").await.status, 200);
        let before = proxy.rss();
        let (mut clients, mut full) = (Vec::new(), 0);
        for _ in 0..8 {
            clients.push(match upstream {
                Some(_) => proxy.open("/v1/chat/completions", chat_body("m", streams)).await,
                None => {
                    let mut wire = Wire::connect(proxy.port).await;
                    wire.write(&head(2 * EACH)).await.unwrap();
                    if let Some(head) = pour(&mut wire, &text("")).await {
                        no_room(&head);
                        full += 1;
                        continue;
                    }
                    wire
                }
            });
        }
        let clients = held(&proxy, clients, full, before).await;
        assert_eq!(proxy.chat("plain").await.status, 200, "what needs no room is served all the while");
        drop(clients);
        free_again(&proxy, before).await;
        let health = proxy.health().await.to_string();
        assert!(!health.contains("no_room") && !health.contains("\"open\""), "nobody is to blame: {health}");
    }
}

/// One byte a chunk, each behind an extension that keeps a thousand times as much of what it was read into.
fn one_by_one(text: &[u8]) -> Vec<u8> {
    let size = format!("1;{}\r\n", "e".repeat(900));
    text.iter().flat_map(|byte| [size.as_bytes(), &[*byte], b"\r\n"].concat()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_come_one_by_one_hold_what_they_are() {
    let event = one_by_one(&[&b"data: {\"choices\":[{\"delta\":{\"content\":\""[..], &[b'x'; 10_000]].concat());
    let upstream = Upstream::start(move |mut connection| {
        let event = event.clone();
        async move {
            connection.request().await?;
            connection.send(&canned::sse_head()).await?;
            connection.chunk(&canned::stream(3)[..2].concat()).await?;
            connection.send(&event).await?;
            connection.until_closed().await
        }
    })
    .await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    assert_eq!(proxy.get("/livez").await.status, 200);
    let before = proxy.rss();
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(proxy.open("/v1/chat/completions", chat_body("m", true)).await);
    }
    let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let form = [form, &"d".repeat(70_000), "\r\n--x\r\ncontent-disposition: form-data; name=\""].concat();
    for _ in 0..4 {
        let mut wire = Wire::connect(proxy.port).await;
        let head = format!(
            "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: multipart/form-data; boundary=x\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{form}\r\n",
            form.len()
        );
        wire.write(head.as_bytes()).await.unwrap();
        wire.write(&one_by_one(&[b'y'; 10_000])).await.unwrap();
        clients.push(wire);
    }
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        let more = proxy.rss() - before;
        assert!(more < 12 * 1024, "{more} KiB are held for 80,000 bytes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The buffers of both its connections stay as wide as what has passed through them.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_wide_event_leaves_behind_is_counted() {
    let plain = records().await;
    let openai = r#"{"choices":[{"index":0,"delta":{"content":"#;
    let anthropic = concat!(
        r#"{"type":"message_start","message":{"id":"m","role":"assistant","model":"m","content":[]}}"#,
        "\n\ndata: ",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        "\n\ndata: ",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"#
    );
    for (kind, begins, ends) in [("openai", openai, "\"}}]}"), ("anthropic", anthropic, "\"}}")] {
        let wide = format!("data: {begins}\"{}{ends}\n\ndata: ", "x".repeat(30_000));
        let upstream = says(canned::sse_head(), wide.into_bytes()).await;
        let yaml = beside_a_plain_one(kind, &upstream, &plain, "body_limit: 1MiB, buffer_budget: 2MiB");
        let proxy = plan(&yaml).start().await;
        let body = long_chat(1_000_000).replacen("\"m\"", "\"plain\"", 1);
        assert_eq!(proxy.post("/v1/chat/completions", body.clone()).await.status, 200);
        let mut clients = Vec::new();
        for _ in 0..14 {
            let mut wire = proxy.open("/v1/chat/completions", chat_body("m", true)).await;
            let head = tokio::time::timeout(Duration::from_secs(5), wire.try_head()).await;
            assert!(matches!(head, Ok(Some((200, _)))), "{kind}: {head:?}");
            clients.push(wire);
        }
        assert_eq!(proxy.post("/v1/chat/completions", body).await.status, 503, "{kind}");
        assert_eq!(proxy.chat("plain").await.status, 200);
    }
}

/// Uploads that a provider does not take, and heads that are larger than their bodies.
#[tokio::test(flavor = "multi_thread")]
async fn memory_is_what_is_counted_for_uploads_and_heads() {
    let deaf = Upstream::start(|connection| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(connection);
        Ok(())
    })
    .await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let upload = [
        format!("POST /v1/audio/transcriptions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 9000000\r\n\r\n{form}").as_bytes(),
        &[b'y'; 1_000_000],
    ]
    .concat();
    let body = chat_body("m", false);
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\nx-much: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", "z".repeat(100_000), body.len()).into_bytes();
    for (what, request, clients, most) in [("uploads", upload, 60, 13), ("heads", head, 200, 18)] {
        let yaml = one(&deaf.base_url(), "") + "server: { buffer_budget: 8MiB, body_limit: 1MiB }\n";
        let proxy = proxy(&yaml).await;
        assert_eq!(proxy.get("/livez").await.status, 200);
        let before = proxy.rss();
        let mut wires = Vec::new();
        for _ in 0..clients {
            let mut wire = Wire::connect(proxy.port).await;
            let _taken = tokio::time::timeout(Duration::from_millis(200), wire.write(&request)).await;
            wires.push(wire);
        }
        let mut full = 0;
        for wire in &mut wires {
            if let Ok(Some(head)) = tokio::time::timeout(Duration::from_millis(20), wire.try_head()).await {
                no_room(&head);
                full += 1;
            }
        }
        assert!(full > 10 && full < clients, "{what}: {full} of {clients} found no room");
        // Those that found none are let go in a few seconds.
        let deadline = Instant::now() + Duration::from_secs(9);
        while (proxy.rss() - before) / 1024 >= most {
            assert!(Instant::now() < deadline, "{what}: {} KiB are held of 8 MiB", proxy.rss() - before);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A request that is written anew, and waits; and the text of a stream that its last event repeats.
#[tokio::test(flavor = "multi_thread")]
async fn memory_is_what_is_counted_for_translations_and_kept_streams() {
    let server = "body_limit: 16MiB, buffer_budget: 32MiB";
    let plain = records().await;
    let silent = Upstream::start(|mut connection| async move {
        connection.request().await?;
        connection.until_closed().await
    })
    .await;
    let proxy = plan(&beside_a_plain_one("anthropic", &silent, &plain, server)).env("RETRY_MAX_RETRIES", "0");
    let proxy = proxy.start().await;
    assert_eq!(proxy.chat("plain").await.status, 200);
    let before = proxy.rss();
    let (body, mut clients, mut full) = (long_chat(EACH / 2), Vec::new(), 0);
    for _ in 0..8 {
        let mut wire = Wire::connect(proxy.port).await;
        wire.write(&head(body.len())).await.unwrap();
        match pour(&mut wire, body.as_bytes()).await {
            Some(head) => {
                no_room(&head);
                full += 1;
            }
            None => clients.push(wire),
        }
    }
    drop(held(&proxy, clients, full, before).await);
    free_again(&proxy, before).await;

    let delta =
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(16 * 1024));
    let talks = says(canned::sse_head(), delta.repeat(EACH / delta.len()).into_bytes()).await;
    let proxy = plan(
        &beside_a_plain_one("openai", &talks, &plain, server)
            .replace("kind: openai, base_url", "kind: openai, responses: false, base_url"),
    );
    let proxy = proxy.env("RETRY_MAX_RETRIES", "0").start().await;
    assert_eq!(proxy.chat("plain").await.status, 200);
    let (before, mut clients, mut full) = (proxy.rss(), Vec::new(), 0);
    for _ in 0..8 {
        let mut wire = proxy.open("/v1/responses", r#"{"model":"m","stream":true,"input":"hi"}"#).await;
        let head = wire.head().await;
        let mut read = 0;
        while head.0 == 200 && read < EACH / 10 * 9 {
            match tokio::time::timeout(Duration::from_secs(5), wire.piece()).await.expect("a stream that stands still")
            {
                Some(piece) => read += piece.len(),
                None => break,
            }
        }
        if read < EACH / 10 * 9 { full += 1 } else { clients.push(wire) }
    }
    let holds = (proxy.rss() - before) * 1024;
    let (least, most) = ((clients.len() * EACH) as u64 / 10 * 7, BUDGET as u64 / 10 * 13);
    assert!(
        full > 0 && !clients.is_empty() && holds >= least && holds < most,
        "{full} found no room, {} KiB are held",
        holds >> 10
    );
    drop(clients);
    free_again(&proxy, before).await;
}

/// A chat of so many bytes in parts of a kilobyte.
fn long_chat(bytes: usize) -> String {
    let part = format!(r#"{{"type":"text","text":"{}"}}"#, "y".repeat(1000));
    let parts = vec![part; bytes / 1024].join(",");
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{parts}]}}]}}"#)
}

fn anthropic_answer(text: &str) -> Reply {
    let answer = serde_json::json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 5}});
    Reply::json(200, &[], answer.to_string().as_bytes())
}

/// Asks, and how often somebody else was served meanwhile, and how long each waited at most.
async fn with_others(proxy: &Proxy, ask: Ask) -> (Answer, u32, Duration) {
    let asking = ask.send_large(proxy.port);
    tokio::pin!(asking);
    let livez = Ask::get("/livez", "");
    let (mut served, mut slowest) = (0, Duration::ZERO);
    loop {
        let began = Instant::now();
        let other = livez.send(proxy.port);
        tokio::select! {
            answer = &mut asking => return (answer, served, slowest),
            other = other => assert_eq!(other.status, 200),
        }
        (served, slowest) = (served + 1, slowest.max(began.elapsed()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_worker_serves_others_while_something_long_is_translated() {
    let (plain, text) = (records().await, "z\n".repeat(MIB));
    let event =
        |data: serde_json::Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap()).into_bytes();
    let stream = [
        serde_json::json!({"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}}),
        serde_json::json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        serde_json::json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        serde_json::json!({"type": "content_block_stop", "index": 0}),
        serde_json::json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
        serde_json::json!({"type": "message_stop"}),
    ];
    let up =
        sequence(vec![anthropic_answer(&text), Reply::sse(stream.into_iter().map(event).collect(), Duration::ZERO)])
            .await;
    let proxy = proxy(&beside_a_plain_one("anthropic", &up, &plain, "workers: 1")).await;

    let asked = long_chat(2 * MIB);
    let (answer, served, slowest) = with_others(&proxy, Ask::post("/v1/chat/completions", TOKEN, asked.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["choices"][0]["message"]["content"] == *text, "the answer is what was said");
    assert!(served > 2 && slowest < Duration::from_secs(1), "{served} others, the slowest after {slowest:?}");
    let sent: serde_json::Value = serde_json::from_slice(&up.request(0).await.body).unwrap();
    let parts = |body: &serde_json::Value| body["messages"][0]["content"].clone();
    assert!(parts(&sent) == parts(&serde_json::from_str(&asked).unwrap()), "the request is what was asked");

    let (answer, served, slowest) =
        with_others(&proxy, Ask::post("/v1/chat/completions", TOKEN, chat_body("m", true))).await;
    assert_eq!(answer.status, 200);
    let chunks = upstream::client::data_lines(&answer.body).into_iter();
    let chunks = chunks.filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok());
    let said: String =
        chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect();
    assert!(said == text, "{} bytes were said", said.len());
    assert!(served > 0 && slowest < Duration::from_secs(1), "{served} others, the slowest after {slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_room_for_its_translation_goes_to_who_needs_none() {
    let (plain, up) = (records().await, answers(anthropic_answer("hello")).await);
    let yaml = beside_a_plain_one("anthropic", &up, &plain, "body_limit: 8MiB, buffer_budget: 8MiB")
        .replace("targets: [up/m]", "strategy: priority, targets: [up/m, plain/canned-model]");
    let proxy = proxy(&yaml).await;
    let ask = |bytes| Ask::post("/v1/chat/completions", TOKEN, long_chat(bytes));
    for _ in 0..3 {
        let answer = ask(6 * MIB).send_large(proxy.port).await;
        assert_eq!(
            (answer.status, answer.header("x-ai-proxy-route").as_deref()),
            (200, Some("up/m:no_room -> plain/canned-model:ok"))
        );
    }
    assert_eq!(ask(MIB).send_large(proxy.port).await.header("x-ai-proxy-route").as_deref(), Some("up/m:ok"));
}
