#![allow(clippy::unwrap_used)]

use super::*;

fn part(name: &str, value: &str) -> String {
    format!("--BoUnD\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn run(body: &str, piece: usize) -> Watch {
    let mut watch = Watch::new("BoUnD");
    watch.push(b"\r\n");
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
fn what_a_lenient_reader_would_take_is_seen() {
    let disposition = "content-disposition: form-data; name=\"model\"";
    for body in [
        format!("--BoUnD\n{disposition}\n\nm\n--BoUnD--\n"),
        format!("--BoUnD \t\r\n{disposition}\r\n\r\nm\r\n--BoUnD--\r\n"),
        format!("--BoUnD\r\n{disposition}\r\n\r\nm"),
        format!("--BoUnD--\r\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
        format!("--BoUnD\r\n\r\n--BoUnD\r\n{disposition}\r\n\r\nm\r\n--BoUnD--"),
    ] {
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(model(&body, piece).as_deref(), Some("m"), "{piece}: {body}");
        }
    }
    let empty = format!("--BoUnD\r\n{disposition}\r\n\r\n--BoUnD--\r\n");
    assert_eq!(model(&empty, 4).as_deref(), Some(""));
}

#[test]
fn one_value_may_stand_twice_and_two_may_not() {
    let two = |a: &str, b: &str| [part("model", a), part("x", "y"), part("model", b), "--BoUnD--\r\n".into()].concat();
    assert_eq!(model(&two("m", "m"), 5).as_deref(), Some("m"));
    assert_eq!(model(&two("m", "n"), 5).as_deref(), Some("conflict"));
    assert_eq!(model(&part("model", &"m".repeat(2 * MAX_VALUE)), 100).as_deref(), Some("conflict"));
    let endless = format!("--BoUnD\r\nx: {}", "y".repeat(2 * MAX_HEAD));
    assert_eq!(model(&endless, 4096).as_deref(), Some("conflict"));
}

#[test]
fn nothing_is_decided_before_a_head_or_a_value_is_whole() {
    let body = [part("a", "b"), part("model", "m"), "--BoUnD--\r\n".into()].concat();
    let at = body.find("m\r\n--BoUnD--").unwrap();
    for end in at..at + "m\r\n--BoUnD".len() {
        assert_eq!(run(&body[..end], 3).seen(), Seen::Undecided, "{end}");
    }
    assert_eq!(run(&body[..at + "m\r\n--BoUnD--".len()], 3).seen(), Seen::Model(b"m"));
}
