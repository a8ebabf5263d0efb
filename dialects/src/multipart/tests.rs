use super::*;

fn part(name: &str, value: &str) -> String {
    format!("--BoUnD\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(bytes: usize) -> String {
    let data = "x".repeat(bytes);
    format!(
        "--BoUnD\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n{data}\r\n"
    )
}

fn run(body: &str, piece: usize) -> Step {
    let mut finder = Finder::new("BoUnD");
    for piece in body.as_bytes().chunks(piece) {
        match finder.push(piece) {
            Step::NeedMore => assert!(finder.seen.len() <= WINDOW + LEAD),
            step => return step,
        }
    }
    finder.finish()
}

#[test]
fn the_model_is_found_however_the_body_is_cut() {
    let body =
        [part("language", "en"), part("model", "whisper-1"), part("stream", "true"), file(300), "--BoUnD--\r\n".into()]
            .concat();
    for piece in 1..body.len() + 1 {
        let Step::Found(found) = run(&body, piece) else { panic!("{piece}") };
        assert_eq!((found.model.as_str(), found.stream), ("whisper-1", true), "{piece}");
        assert_eq!(&body[found.span], "whisper-1");
    }
}

/// Every reader passes over one line end, the preamble of nothing; of more some see the end of the form.
#[test]
fn one_line_end_may_stand_in_front() {
    let body = [part("language", "en"), part("model", "whisper-1"), file(300), "--BoUnD--\r\n".into()].concat();
    let ahead = format!("\r\n{body}");
    for piece in 1..ahead.len() + 1 {
        let Step::Found(found) = run(&ahead, piece) else { panic!("{piece}") };
        assert_eq!(&ahead[found.span], "whisper-1");
    }
    let mut finder = Finder::new("BoUnD");
    assert!(matches!(finder.push(ahead.as_bytes()), Step::Found(_)));
    assert!(!matches!(finder.watch(ahead.as_bytes()).seen(), Seen::Odd | Seen::Conflict));
    for front in ["\r\n\r\n", "\n", "\r", "\r\r\n", " \r\n", "\r\nx\r\n"] {
        for piece in [1, 2, 3, 1_000] {
            assert_eq!(run(&format!("{front}{body}"), piece), Step::NotHere, "{front:?} {piece}");
        }
    }
}

#[test]
fn the_model_behind_a_small_file_is_found_and_behind_a_large_one_not() {
    let behind = |bytes| [file(bytes), part("model", "whisper-1"), "--BoUnD--\r\n".into()].concat();
    assert!(matches!(run(&behind(1_000), 7_000), Step::Found(_)));
    assert_eq!(run(&behind(WINDOW), 7_000), Step::NotHere);
}

#[test]
fn nobody_waits_for_the_file_once_the_model_is_known() {
    let body = [part("model", "whisper-1"), file(10)].concat();
    let mut finder = Finder::new("BoUnD");
    assert!(matches!(finder.push(&body.as_bytes()[..body.len() - 5]), Step::Found(_)));
}

#[test]
fn what_is_no_such_body_is_not_here() {
    for body in [
        "",
        "hello",
        "--other\r\n",
        "--BoUnD--\r\n",
        "--BoUnD\r\n\r\n",
        "--BoUnDx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--BoUnD--",
    ] {
        assert_eq!(run(body, 3), Step::NotHere, "{body}");
    }
    assert_eq!(run(&[part("model", "a"), part("model", "b"), "--BoUnD--".into()].concat(), 9), Step::Several);
    let as_file = part("model", "a").replace("name=", "filename=\"x\"; name=");
    assert_eq!(run(&[as_file, part("model", "b"), "--BoUnD--".into()].concat(), 9), Step::Several);
    assert_eq!(run(&[part("model", ""), "--BoUnD--".into()].concat(), 9), Step::NotHere);
    assert_eq!(run(&"--BoUnD\r\nx: ".repeat(20_000), 4_096), Step::NotHere);
}

#[test]
fn what_stands_behind_the_model_is_watched_from_there_on() {
    let seen = |body: &str| {
        let mut finder = Finder::new("BoUnD");
        let step = finder.push(body.as_bytes());
        let mut watch = finder.watch(body.as_bytes());
        watch.finish();
        let model = match watch.seen() {
            Seen::Model(model) => Some(String::from_utf8_lossy(model).into_owned()),
            Seen::Odd => Some("odd".to_owned()),
            Seen::Nothing | Seen::Undecided | Seen::Conflict => None,
        };
        (matches!(step, Step::Found(_)), model)
    };
    let end = || "--BoUnD--\r\n".to_owned();
    assert_eq!(seen(&[part("model", "m"), file(10), end()].concat()), (true, None));
    assert_eq!(seen(&[part("model", "m"), file(10), part("model", "n"), end()].concat()), (true, Some("n".into())));
    assert_eq!(seen(&[file(WINDOW), part("model", "n"), end()].concat()), (false, Some("n".into())));
    assert_eq!(seen(&[part("model", ""), end()].concat()), (false, Some(String::new())));
    assert_eq!(seen(&[part("model", "n"), end()].concat().replace("\r\n", "\n")), (false, Some("odd".into())));
    // Before the model, too.
    let hidden = part("x", "y\n--BoUnD\n\nz");
    assert_eq!(seen(&[hidden, part("model", "n"), end()].concat()), (true, Some("odd".into())));
}
