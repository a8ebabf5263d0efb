#![allow(clippy::unwrap_used)]

use super::*;

fn part(name: &str, value: &str) -> String {
    format!("--BoUnD\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn run(body: &str, piece: usize) -> Watch {
    let mut watch = Watch::new("BoUnD", false);
    for piece in body.as_bytes().chunks(piece) {
        watch.push(piece);
        assert!(watch.held.len() <= MAX_HEAD + 16, "{}", watch.held.len());
    }
    watch
}

fn model(body: &str, piece: usize) -> Option<String> {
    let mut watch = run(body, piece);
    watch.finish();
    match watch.seen() {
        Seen::Model(model) => Some(String::from_utf8(model.to_vec()).unwrap()),
        Seen::Nothing => None,
        Seen::Undecided => panic!("undecided at the end"),
        Seen::Conflict => Some("conflict".to_owned()),
        Seen::Odd => Some("odd".to_owned()),
    }
}

#[test]
fn a_model_is_seen_however_the_body_is_cut() {
    let file = format!("\r\n-\r\n--BoUn\n--{}", "x".repeat(90));
    let body = [part("a", &file), part("model", "m-1"), part("b", &file), "--BoUnD--\r\n".into()].concat();
    for piece in 1..=body.len() {
        assert_eq!(model(&body, piece).as_deref(), Some("m-1"), "{piece}");
    }
    let none = [part("a", &file), part("b", &file), "--BoUnD--\r\n".into()].concat();
    for piece in 1..=none.len() {
        assert_eq!(model(&none, piece), None, "{piece}");
    }
}

#[test]
fn what_only_some_readers_take_for_a_boundary_is_odd() {
    let disposition = "content-disposition: form-data; name=\"model\"";
    let file = "--BoUnD\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx";
    for body in [
        format!("--BoUnD\n{disposition}\n\nm\n--BoUnD--\n"),
        format!("--BoUnD \t\r\n{disposition}\r\n\r\nm\r\n--BoUnD--\r\n"),
        format!("--BoUnD--\r\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("--BoUnD\r\n\r\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("preamble\r\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("--BoUnD\r\n{disposition}\r\n\r\n--BoUnD--\r\n"),
        format!("{file}\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("{file}\r--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("{file}\r\n--BoUnDx\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("{file}\r\n--BoUnD\r{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("{file}\r\n--BoUnD--\r\nepilogue\r\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("{file}\r\n--BoUnD\r\n{disposition}\n\nm\r\n--BoUnD--"),
        format!("{file}\r\n--BoUnD\r\n{disposition}"),
        format!("\r\n\r\n{file}\r\n--BoUnD--"),
        "hello".to_owned(),
        "--Bo".to_owned(),
        String::new(),
    ] {
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(model(&body, piece).as_deref(), Some("odd"), "{piece}: {body}");
        }
    }
}

#[test]
fn what_every_reader_takes_alike_passes() {
    let disposition = "content-disposition: form-data; name=\"model\"";
    for (body, value) in [
        (format!("\r\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"), "m"),
        (format!("--BoUnD\r\n{disposition}\r\n\r\n\r\n--BoUnD--\r\n"), ""),
        (format!("--BoUnD\r\n{disposition}\r\n\r\nm --BoUnD\r\n--BoUnD--\r\n"), "m --BoUnD"),
        (format!("--BoUnD\r\n{disposition}\r\n\r\nm\r\r\n--BoUnD--\r\nepilogue"), "m\r"),
    ] {
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(model(&body, piece).as_deref(), Some(value), "{piece}: {body}");
        }
    }
}

#[test]
fn one_value_may_stand_twice_and_two_may_not() {
    let two = |a: &str, b: &str| [part("model", a), part("x", "y"), part("model", b), "--BoUnD--\r\n".into()].concat();
    assert_eq!(model(&two("m", "m"), 5).as_deref(), Some("m"));
    assert_eq!(model(&two("m", "n"), 5).as_deref(), Some("conflict"));
    assert_eq!(model(&part("model", &"m".repeat(2 * MAX_VALUE)), 100).as_deref(), Some("conflict"));
    let endless = format!("--BoUnD\r\nx: {}", "y".repeat(2 * MAX_HEAD));
    assert_eq!(model(&endless, 4096).as_deref(), Some("odd"));
}

#[test]
fn nothing_is_decided_before_a_head_or_a_value_is_whole() {
    let body = [part("a", "b"), part("model", "m"), "--BoUnD--\r\n".into()].concat();
    let at = body.find("m\r\n--BoUnD--").unwrap();
    for end in at..at + "m\r\n--BoUnD".len() {
        assert_eq!(run(&body[..end], 3).seen(), Seen::Undecided, "{end}");
    }
    assert_eq!(run(&body[..at + "m\r\n--BoUnD--".len()], 3).seen(), Seen::Model(b"m"));
    let mut known = Watch::new("BoUnD", true);
    known.push(body.as_bytes());
    assert_eq!(known.seen(), Seen::Nothing);
}
