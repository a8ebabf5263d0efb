//! Every answer in one piece, cut in two at every place, and byte by byte: what is handed on is always the same.
#![allow(clippy::unwrap_used)]

use super::*;

/// What awc reads of these pieces, and the connection after them. As the socket does it: what was kept back goes first,
/// and each read has room for `room`.
fn read(pieces: &[&[u8]], room: usize) -> (Vec<u8>, Heads) {
    let mut heads = Heads::default();
    assert!(heads.ask());
    let mut got = Vec::new();
    for piece in pieces {
        for part in piece.chunks(room) {
            let mut part = part.to_vec();
            let handed = heads.came(&mut part).unwrap();
            got.extend_from_slice(&part[..handed]);
            // What is behind the answer stays: awc would not read on, only its pool looks.
            while heads.surplus.is_empty() || !heads.kept.is_empty() {
                let Some(kept) = heads.kept(room) else { break };
                assert!(kept.len() <= room);
                got.extend_from_slice(&kept);
            }
        }
    }
    (got, heads)
}

/// `sent` becomes `wanted`, and afterwards the connection may be asked again, or not.
fn becomes(sent: &str, wanted: &str, again: bool) {
    let bytes = sent.as_bytes();
    let check = |pieces: &[&[u8]], room: usize, how: &str| {
        let (got, mut heads) = read(pieces, room);
        assert_eq!(String::from_utf8_lossy(&got), wanted, "{how}");
        assert_eq!(heads.ask(), again, "{how}: {sent:?}");
    };
    check(&[bytes], usize::MAX, "whole");
    check(&[bytes], 1, "byte by byte");
    check(&[bytes], 7, "by seven");
    for at in 0..=bytes.len() {
        let (one, other) = bytes.split_at(at);
        check(&[one, other], usize::MAX, &format!("cut at {at}"));
    }
}

fn stays(sent: &str, again: bool) {
    becomes(sent, sent, again);
}

#[test]
fn an_answer_with_a_framing_passes_as_it_is_and_another_may_follow() {
    stays("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi", true);
    stays("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", true);
    stays("HTTP/1.1 200 OK\r\nTRANSFER-ENCODING :  Chunked \r\n\r\n0\r\n\r\n", true);
    stays("HTTP/1.1 500 \r\ncontent-length:0\r\n\r\n", true);
    stays("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", true);
    stays("HTTP/1.1 204 No Content\r\n\r\n", true);
    stays("HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n", true);
    stays("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", true);
    stays("\r\n\nHTTP/1.1 200 OK\ncontent-length: 2\n\nhi", true);
}

#[test]
fn an_answer_without_a_framing_is_one_of_http_1_0_and_the_last() {
    let cases = [
        "\r\n",
        "connection: close\r\n\r\n",
        "connection: keep-alive\r\n\r\n",
        "transfer-encoding: identity\r\n\r\n",
        "x-content-length: 5\r\ncontent-length-x: 5\r\nupgrade: h2c\r\n\r\n",
    ];
    for rest in cases {
        for body in ["", "hello", "HTTP/1.1 200 OK\r\n\r\n"] {
            let (sent, wanted) =
                (format!("HTTP/1.1 200 OK\r\n{rest}{body}"), format!("HTTP/1.0 200 OK\r\n{rest}{body}"));
            becomes(&sent, &wanted, false);
        }
    }
    becomes("\r\nHTTP/1.1 400 Bad\n\nx", "\r\nHTTP/1.0 400 Bad\n\nx", false);
    stays("HTTP/1.0 200 OK\r\n\r\nhello", false);
    stays("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", false);
    stays("HTTP/1.0 204 No Content\r\n\r\n", false);
}

#[test]
fn interim_answers_are_taken_out() {
    let answers = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", None, true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", None, true),
        ("HTTP/1.1 200 OK\r\n\r\nhi", Some("HTTP/1.0 200 OK\r\n\r\nhi"), false),
        ("no HTTP", None, false),
    ];
    let interims = [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 100\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\ncontent-length: 7\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 199 Whatever\n\n",
        "HTTP/1.0 100 Continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n",
    ];
    for (answer, wanted, again) in answers {
        for interim in interims {
            becomes(&format!("{interim}{answer}"), wanted.unwrap_or(answer), again);
        }
    }
    // And nothing may be asked before the answer itself has come.
    let (got, mut heads) = read(&[b"HTTP/1.1 100 Continue\r\n\r\n"], usize::MAX);
    assert!(got.is_empty() && !heads.ask());
}

#[test]
fn a_switch_of_protocols_is_handed_on_and_the_last() {
    stays("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x01\x02", false);
    stays("HTTP/1.1 101 Switching Protocols\r\ncontent-length: 0\r\n\r\n", false);
}

#[test]
fn an_offer_of_websockets_hides_no_body() {
    becomes(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: WebSocket\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.1 426 Upgrade Required\r\nxpgrade: WebSocket\r\ncontent-length: 2\r\n\r\nhi",
        true,
    );
    becomes(
        "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\n\r\nhi",
        "HTTP/1.0 426 Upgrade Required\r\nxpgrade: websocket\r\n\r\nhi",
        false,
    );
}

#[test]
fn what_is_no_http_passes_at_once() {
    for sent in
        ["SSH-2.0-OpenSSH_9.2\r\n", "H", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "\r\nxHTTP", "\rx"]
    {
        let (got, mut heads) = read(&[sent.as_bytes()], usize::MAX);
        let begins = "HTTP/1.".starts_with(sent);
        assert_eq!(String::from_utf8_lossy(&got), if begins { "" } else { sent });
        assert!(!heads.ask());
    }
}

#[test]
fn an_exchange_that_has_not_ended_is_followed_by_no_other() {
    for cut in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh"] {
        let (_, mut heads) = read(&[cut.as_bytes()], usize::MAX);
        assert!(!heads.ask(), "{cut:?}");
    }
}

#[test]
fn what_comes_behind_an_answer_is_found_by_who_looks_next_and_by_nobody_else() {
    for head in ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "HTTP/1.1 204 No Content\r\n\r\n"] {
        let surplus = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
        let sent = format!("{head}{surplus}");
        for room in [usize::MAX, 5, 1] {
            let (got, mut heads) = read(&[sent.as_bytes()], room);
            assert_eq!(String::from_utf8_lossy(&got), head);
            assert!(!heads.ask());
            assert_eq!(&heads.kept(2).unwrap()[..], b"HT");
            assert!(!heads.ask());
        }
        // It comes later: the same.
        let (_, mut heads) = read(&[head.as_bytes(), surplus.as_bytes()], usize::MAX);
        assert!(!heads.ask());
        assert_eq!(&heads.kept(2).unwrap()[..], b"HT");
    }
}

#[test]
fn one_connection_serves_many_answers() {
    let mut heads = Heads::default();
    for nth in 0..100 {
        assert!(heads.ask());
        let mut sent =
            format!("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{nth:03}").into_bytes();
        let handed = heads.came(&mut sent).unwrap();
        assert_eq!(sent[..handed], format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{nth:03}").into_bytes());
    }
}

#[test]
fn heads_without_an_end_are_given_up_on() {
    let floods: [(&[u8], &[u8]); 4] = [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        (b"", b"\r\n"),
    ];
    for (begin, flood) in floods {
        for size in [1_usize, 1_000, 400_000] {
            let mut heads = Heads::default();
            assert!(heads.ask());
            let mut sent = begin.to_vec();
            let (mut all, mut came) = (0, Ok(0));
            while came.is_ok() && all < 2 * MAX_HEADS {
                sent.extend(flood.iter().cycle().take(flood.len() * size.div_ceil(flood.len())));
                all += sent.len();
                came = heads.came(&mut sent).inspect(|handed| assert_eq!(*handed, 0));
                assert!(heads.kept.len() <= MAX_HEADS);
                sent.clear();
            }
            assert_eq!(came, Err(TooLong), "{:?} by {size}", String::from_utf8_lossy(flood));
            assert!(!heads.ask());
        }
    }
}
