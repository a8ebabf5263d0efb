//! Connections of clients: what is not a request is told, what holds a place without need loses it, who speaks in old
//! ways is answered so.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use upstream::client::{Ask, Wire};
use upstream::harness::{Proxy, TOKEN, chat_body, one, two};
use upstream::server::find;
use upstream::{canned, records};

use crate::{plan, proxy};

async fn said(proxy: &Proxy, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Wire::connect(proxy.port).await;
    let _ = wire.write(bytes).await;
    let mut all = Vec::new();
    while let Ok(piece) = wire.raw(4096).await {
        if piece.is_empty() {
            break;
        }
        all.extend(piece);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_by_itself_is_counted_and_told() {
    let proxy = proxy(&one("http://127.0.0.1:9/v1", "")).await;
    let many = (0..120).map(|n| format!("x-{n}: v\r\n")).collect::<String>();
    let long = format!("x: {}\r\n", "v".repeat(200_000));
    for (request, status, reason) in [
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n").into_bytes(), "431", "more than 96 headers"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{long}\r\n").into_bytes(), "431", "128 KiB"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "400", "host"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nuser-agent: \x1b[31m\r\n\r\n".to_vec(), "400", "a header"),
        (b"GET / HTTP/3.0\r\nhost: x\r\n\r\n".to_vec(), "400", "the version"),
        ([b"\x16\x03\x01\x02\x00\x01".as_slice(), &[0; 300]].concat(), "400", "TLS on a port without it"),
    ] {
        let answer = String::from_utf8_lossy(&said(&proxy, &request).await).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer:?}");
        let told = format!("refused before a request was read: status={status} from=127.0.0.1 ");
        proxy.log_line(reason, |line| line.contains(&told) && line.contains(reason)).await;
    }
    assert!(proxy.log().iter().all(|line| !line.contains("[31m")), "nothing of what came is told");
    for (status, times) in [("431", 2.0), ("400", 4.0)] {
        let count = proxy.metric_is("ai_proxy_requests_total", &[("status", status)], |count| count >= times).await;
        assert_eq!(count, times, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_that_was_not_asked_for_is_told_so_in_its_own_words() {
    let proxy = proxy(&one("http://127.0.0.1:9/v1", "")).await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for rest in [&settings[..], &[]] {
        let answer = said(&proxy, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", rest].concat()).await;
        assert_eq!(answer.get(..9), Some(&settings[..]));
        // GOAWAY for stream 0, no stream was processed, HTTP_1_1_REQUIRED.
        assert_eq!(answer.get(12..26), Some(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13][..]), "{answer:?}");
        assert!(answer.ends_with(b"use HTTP/1.1"));
    }
    proxy.log_line("that it is off", |line| line.contains("server.http2")).await;
    let bad = said(&proxy, b"PRI / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(bad.starts_with(b"HTTP/1.1 4"), "a method like any other");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_ahead_is_answered_in_its_turn() {
    let upstream = records().await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let body = chat_body("m", false).replace("confidential prompt", &"x".repeat(300_000));
    let chunks = |size| {
        let pieces = body.as_bytes().chunks(size);
        let pieces = pieces.map(|piece| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
        pieces.chain([b"0\r\n\r\n".to_vec()]).collect::<Vec<_>>().concat()
    };
    let post = |framing: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n{framing}\r\n\r\n"
        )
    };
    let get = format!("GET /livez HTTP/1.1\r\nhost: p\r\ncookie: {}\r\n", "c".repeat(100_000));
    let sized = post(&format!("content-length: {}", body.len())) + &body;
    let chunked = |size| [post("transfer-encoding: chunked").into_bytes(), chunks(size)].concat();
    for first in [sized.into_bytes(), chunked(7), chunked(100_000)] {
        let behind = format!("{get}\r\n{get}\r\n{get}connection: close\r\n\r\n");
        let answers = said(&proxy, &[first, behind.into_bytes()].concat()).await;
        let answers = String::from_utf8_lossy(&answers);
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4, "{answers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http10_client_reads_no_chunks() {
    let whole = records().await;
    let stream = upstream::answers(upstream::Reply::sse(canned::stream(3), Duration::from_millis(5))).await;
    let proxy = proxy(&two(&whole.base_url(), &stream.base_url(), "")).await;
    let ask = |path: &str, body: &str, more: &str| {
        format!(
            "POST {path} HTTP/1.0\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for more in ["", "connection: keep-alive\r\n", "connection: close\r\n"] {
        for (body, starts, ends) in [("second", "data: ", "data: [DONE]"), ("first", "{", "}")]
            .map(|(of, starts, ends)| (chat_body(&format!("{of}/canned-model"), of == "second"), starts, ends))
        {
            if more.contains("keep-alive") && starts == "{" {
                continue;
            }
            let answer = said(&proxy, ask("/v1/chat/completions", &body, more).as_bytes()).await;
            let text = String::from_utf8_lossy(&answer);
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.0 200") && !head.to_lowercase().contains("transfer-encoding"), "{head}");
            assert!(body.starts_with(starts) && body.trim_end().ends_with(ends), "{body:?}");
        }
    }
    // What is asked behind an answer that has no other end than the connection's is not begun, let alone part of it.
    let before = stream.count();
    let one = ask("/v1/chat/completions", &chat_body("second/canned-model", true), "connection: keep-alive\r\n");
    let answer = String::from_utf8(said(&proxy, one.repeat(3).as_bytes()).await).unwrap();
    assert_eq!((answer.matches("HTTP/1.").count(), stream.count() - before), (1, 1), "{answer}");
    assert!(answer.trim_end().ends_with("data: [DONE]"), "{answer}");
    // What has a length needs no end.
    let mut wire = Wire::connect(proxy.port).await;
    for _ in 0..2 {
        wire.write(b"GET /livez HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await.unwrap();
        assert_eq!(wire.answer().await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_all_kinds_find_it_up() {
    let proxy = proxy(&one("http://127.0.0.1:9/v1", "")).await;
    for request in ["OPTIONS / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"] {
        let answer = said(&proxy, request.as_bytes()).await;
        assert!(answer.get(8..11) == Some(b" 20"), "{}", String::from_utf8_lossy(&answer));
    }
    for path in ["/", "/health", "/livez", "/readyz", "/healthz", "/ping"] {
        for (method, wanted) in [("HEAD", 200), ("GET", 200), ("OPTIONS", 204)] {
            let (status, head) = Ask::new(method, path).open(proxy.port).await.head().await;
            assert_eq!(status, wanted, "{method} {path}");
            assert!(method != "OPTIONS" || String::from_utf8_lossy(&head).contains("GET, HEAD, OPTIONS"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_holds_no_connection() {
    let proxy = proxy(&one("http://127.0.0.1:9/v1", "")).await;
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    let mut wires = Vec::new();
    for (head, status) in [
        ("GET /livez HTTP/1.1\r\n", 200),
        ("POST /v1/chat/completions HTTP/1.1\r\n", 401),
        ("POST /nowhere HTTP/1.1\r\n", 404),
        (&format!("GET /v1/models HTTP/1.1\r\n{token}"), 200),
    ] {
        for framing in [
            "transfer-encoding: chunked\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\n5\r\nhel",
            "content-length: 99\r\n\r\nhel",
        ] {
            let mut wire = Wire::connect(proxy.port).await;
            wire.write(format!("{head}host: x\r\n{framing}").as_bytes()).await.unwrap();
            let answer = wire.answer().await;
            assert_eq!(
                (answer.status, answer.header("connection").as_deref()),
                (status, Some("close")),
                "{head}{framing}"
            );
            wires.push((wire, format!("{head}{framing}")));
        }
    }
    let begun = Instant::now();
    for (wire, what) in &mut wires {
        assert!(wire.closes_within(Duration::from_secs(5).saturating_sub(begun.elapsed())).await, "{what}");
    }
    // Whose body was whole keeps its connection.
    let mut wire = Wire::connect(proxy.port).await;
    for _ in 0..3 {
        let body = "3\r\nabc\r\n0\r\n\r\n";
        wire.write(
            format!("POST /v1/embeddings HTTP/1.1\r\nhost: x\r\n{token}transfer-encoding: chunked\r\n\r\n{body}")
                .as_bytes(),
        )
        .await
        .unwrap();
        assert_eq!(wire.answer().await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_be_bounded() {
    let yaml = one("http://127.0.0.1:9/v1", "") + "server: { max_connections_per_ip: 2 }\n";
    let proxy = proxy(&yaml).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut wire = Ask::new("GET", "/livez").open(proxy.port).await;
        assert_eq!(wire.answer().await.status, 200);
        held.push(wire);
    }
    let answer = Ask::new("GET", "/livez").send(proxy.port).await;
    assert_eq!((answer.status, answer.header("retry-after").as_deref()), (429, Some("1")), "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
    drop(held);
    let until = Instant::now() + Duration::from_secs(5);
    while Ask::new("GET", "/livez").send(proxy.port).await.status != 200 {
        assert!(Instant::now() < until, "a place is never given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let trusting =
        one("http://127.0.0.1:9/v1", "") + "server: { max_connections_per_ip: 2, trusted_proxies: [127.0.0.1] }\n";
    let proxy = crate::proxy(&trusting).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut wire = Ask::new("GET", "/livez").open(proxy.port).await;
        assert_eq!(wire.answer().await.status, 200, "a balancer is not an address");
        held.push(wire);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_all_places_starves_nobody() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "") + "server: { max_connections: 20, workers: 1 }\n";
    let proxy = plan(&yaml).env("HEALTH_LISTEN", "127.0.0.1:0").start().await;
    let line = proxy.log_line("where the probes are", |line| line.contains("probes are answered on")).await;
    let probes: u16 = line.rsplit(':').next().unwrap().trim_end_matches(['"', '}']).parse().unwrap();
    // A client that has shown its key, and is idle.
    let mut known = Ask::get("/v1/models", TOKEN).open(proxy.port).await;
    assert_eq!(known.answer().await.status, 200);
    let mut held = Vec::new();
    for _ in 0..40 {
        let mut wire = Wire::connect(proxy.port).await;
        let _ = wire.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nx: ").await;
        held.push(wire);
    }
    assert_eq!(Ask::new("GET", "/readyz").send(probes).await.status, 200, "the probes' address has its own places");
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let answer = proxy.chat("m").await;
        if answer.status == 200 {
            break;
        }
        assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("1")));
        assert!(Instant::now() < until, "who holds a place for nothing keeps it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    known.write(&Ask::get("/v1/models", TOKEN).bytes()).await.unwrap();
    assert_eq!(known.answer().await.status, 200, "the anonymous go first");
    assert!(proxy.metrics().await.sum("ai_proxy_connections_ended_total", &[("reason", "full")]) > 0.0);
    assert!(proxy.metrics().await.sum("ai_proxy_connections", &[]) <= 20.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_what_it_speaks_starves_nobody() {
    let upstream = records().await;
    let yaml = one(&upstream.base_url(), "") + "server: { max_connections: 4, workers: 1, http2: true }\n";
    let proxy = proxy(&yaml).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(Wire::connect(proxy.port).await);
    }
    let until = Instant::now() + Duration::from_secs(5);
    while proxy.chat("m").await.status != 200 {
        assert!(Instant::now() < until, "who is silent keeps its place");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// RFC 7541: a header that is put into the table once takes one byte from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_over_http2_has_as_many_headers_as_one_over_http1() {
    let upstream = records().await;
    let proxy = proxy(&(one(&upstream.base_url(), "") + "server: { http2: true }\n")).await;
    for (count, ends) in [(80, false), (90, true), (3_000, true)] {
        let token = format!("Bearer {TOKEN}");
        let mut head = b"\x82\x86\x04\x0a/v1/models\x41\x01p".to_vec();
        head.extend_from_slice(b"\x0f\x08");
        head.push(u8::try_from(token.len()).unwrap());
        head.extend_from_slice(token.as_bytes());
        head.extend_from_slice(b"\x40\x01a\x01b");
        head.resize(head.len() + count + 10, 0xbe);
        let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        let pieces = head.chunks(16_000).collect::<Vec<_>>();
        for (nth, piece) in pieces.iter().enumerate() {
            let (kind, last) = (if nth == 0 { 1 } else { 9 }, nth + 1 == pieces.len());
            let length = u32::try_from(piece.len()).unwrap().to_be_bytes();
            let flags = u8::from(last) * 4 + u8::from(nth == 0);
            said.extend_from_slice(&[length[1], length[2], length[3], kind, flags, 0, 0, 0, 1]);
            said.extend_from_slice(piece);
        }
        let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut socket, &said).await.unwrap();
        let mut heard = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut heard);
        let ended = tokio::time::timeout(Duration::from_secs(if ends { 8 } else { 1 }), end).await.is_ok();
        assert_eq!(ended, ends, "{count} headers: {}", String::from_utf8_lossy(&heard));
        assert_eq!(find(&heard, b"canned-model").is_some(), !ends, "{count}: {}", String::from_utf8_lossy(&heard));
    }
    proxy.metric_is("ai_proxy_connections_ended_total", &[("reason", "http2_headers")], |count| count == 2.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_takes_no_open_file() {
    let yaml = one("http://127.0.0.1:9/v1", "") + "server: { max_connections: 4 }\n";
    let proxy = proxy(&yaml).await;
    let mut silent = Vec::new();
    for _ in 0..120 {
        silent.push(tokio::net::TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap());
    }
    // Those that are told of it in peace have half a second each, and all others none.
    let ends = silent.into_iter().map(async |mut one| {
        let mut words = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut one, &mut words);
        let ended = tokio::time::timeout(Duration::from_millis(300), end).await.is_ok();
        (ended, words)
    });
    let ends = futures::future::join_all(ends).await;
    let ended: Vec<_> = ends.iter().filter(|(ended, _)| *ended).collect();
    assert!(ended.len() >= 60, "{}", ended.len());
    assert!(ended.iter().all(|(_, words)| words.starts_with(b"HTTP/1.1 503 ")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_gives_its_permit_back() {
    let event = canned::stream(1)[..2].concat();
    let upstream = upstream::answers(upstream::Reply::sse(vec![event.repeat(40_000); 4], Duration::ZERO)).await;
    let yaml = one(&upstream.base_url(), "timeouts: { idle: 1s }\nmax_in_flight: 1");
    let proxy = proxy(&yaml).await;
    let mut deaf = Wire::connect_narrow(proxy.port).await;
    deaf.write(&Ask::post("/v1/chat/completions", TOKEN, chat_body("m", true)).bytes()).await.unwrap();
    upstream.request(0).await;
    assert_eq!(proxy.chat("m").await.status, 503, "its permit is held");
    assert_eq!(proxy.metric_is("ai_proxy_provider_in_flight", &[], |count| count == 0.0).await, 0.0);
    assert_eq!(proxy.access(1).await.outcome(), "client_gone");
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_on_and_on_and_reads_nothing_piles_up_no_answers() {
    let upstream = records().await;
    // Some 50 KB of answer for a hundred bytes that ask.
    let routes: String = (0..500).map(|nth| format!("  route-{nth}: {{ targets: [up/canned-model] }}\n")).collect();
    let proxy = proxy(&(one(&upstream.base_url(), "") + &routes)).await;
    assert_eq!(proxy.chat("m").await.status, 200);
    let before = proxy.rss();
    let asks = [
        format!("GET /v1/models HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {TOKEN}\r\n\r\n"),
        "GET /v1/models HTTP/1.1\r\nhost: p\r\n\r\n".to_owned(),
    ];
    let mut clients = Vec::new();
    for ask in asks.iter().cycle().take(6) {
        let mut wire = tokio::net::TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        let (many, mut written) = (ask.repeat(500), 0);
        // Until no more is taken; the kernel holds some on both sides.
        while let Ok(taken) =
            tokio::time::timeout(Duration::from_millis(700), wire.write(&many.as_bytes()[written % ask.len()..])).await
        {
            written += taken.unwrap();
            assert!(written < 64 << 20, "all of it is read");
        }
        clients.push((wire, ask.len(), written));
    }
    let held = proxy.rss() - before;
    assert!(held < 32 * 1024, "{held} KiB are held for six clients that read nothing");
    // Who reads after all is answered on and on.
    for (mut wire, length, written) in clients {
        let (mut answers, mut rest, mut room) = (0, Vec::new(), vec![0; 64 * 1024]);
        while answers < (written / length).min(500) {
            let read =
                tokio::time::timeout(Duration::from_secs(10), wire.read(&mut room)).await.expect("it goes on").unwrap();
            assert_ne!(read, 0, "{answers} of {} were answered", written / length);
            rest.extend_from_slice(&room[..read]);
            answers += memchr::memmem::find_iter(&rest, b"HTTP/1.1 ").count();
            rest.drain(..rest.len().saturating_sub(8));
        }
    }
}
