#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::list::pass;
use super::*;

const KEEP_ALIVE: Duration = Duration::from_secs(620);

/// How long until it is overdue, to a second; None: not within a day.
fn overdue(connection: &Connection) -> Option<(u64, End)> {
    (0..24 * 3600).find_map(|second| {
        let end = connection.overdue(KEEP_ALIVE).map(|end| (second, end));
        pass(Duration::from_secs(1));
        end
    })
}

fn connection(known: bool) -> Connection {
    Connection::new(None, known)
}

#[test]
fn every_wait_for_a_client_has_an_end() {
    for known in [false, true] {
        let idle = if known { 620 } else { 90 };
        assert_eq!(overdue(&connection(known)), Some((30, End::Close("idle"))), "nothing comes");

        let one = connection(known);
        one.came(b"x");
        assert_eq!(overdue(&one), Some((30, End::Late)), "a first head");

        let one = connection(known);
        one.came(b"GET / HTTP/1.1\r\n\r\n");
        one.begins(Some(0));
        assert_eq!(overdue(&one), None, "a request is answered");
        one.is_answered();
        assert_eq!(overdue(&one), Some((idle, End::Close("idle"))), "between two requests");

        one.waits(Wait::Idle);
        pass(Duration::from_secs(20));
        one.came(b"\r\n");
        pass(Duration::from_secs(20));
        one.came(b"x");
        assert_eq!(overdue(&one), Some((10, End::Late)), "a byte now and then is no progress");

        let one = connection(known);
        one.begins(Some(2));
        one.rest.set(true);
        one.is_answered();
        one.came(&[0xff; 1000]);
        assert_eq!(overdue(&one), Some((2, End::Close("unread_body"))), "a body that nobody reads");
    }
}

#[test]
fn a_head_that_came_with_the_request_before_it_is_one_that_has_begun() {
    let is = |pieces: &[&str], ends_blank| {
        let one = connection(false);
        for piece in pieces {
            one.came(piece.as_bytes());
        }
        one.begins(Some(if ends_blank { 0 } else { 2 }));
        one.is_answered();
        one.wait.get()
    };
    let get = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    for (behind, wait) in
        [("", Wait::Idle), ("G", Wait::Head), ("GET / HTTP/1.1\r\n", Wait::Head), ("\r\n", Wait::Head)]
    {
        assert_eq!(is(&[&format!("{get}{behind}")], true), wait, "{behind:?}");
        assert_eq!(is(&[get, get, behind], true), wait, "{behind:?}");
        let single: Vec<&str> = get.split_inclusive("").chain(behind.split_inclusive("")).collect();
        assert_eq!(is(&single, true), wait, "{behind:?}");
    }
    assert_eq!(is(&["GET / HTTP/1.0\n\n"], true), Wait::Idle);
    for behind in ["\n\n\n", "\r\n\n\n", "\r\n\r\n\n", "\n\n\r\n"] {
        assert_eq!(is(&[&format!("GET / HTTP/1.0{behind}")], true), Wait::Head, "{behind:?}");
    }
    assert_eq!(is(&["POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"], false), Wait::Idle);
}

#[test]
fn a_client_that_does_not_read_is_let_go() {
    for (known, patience) in [(false, 30), (true, 120)] {
        let one = connection(known);
        one.begins(Some(2));
        one.wrote(true);
        assert_eq!(overdue(&one), None);
        one.wrote(false);
        pass(Duration::from_secs(10));
        one.wrote(false);
        assert_eq!(overdue(&one), Some((patience - 10, End::Cut("unread"))));
        one.wrote(true);
        assert_eq!(overdue(&one), None, "it has taken something");
        one.wrote(false);
        one.is_answered();
        assert_eq!(overdue(&one), Some((patience, End::Cut("unread"))), "the end of an answer is one too");
    }
    let one = connection(true);
    one.patience.set(Duration::from_secs(3));
    one.begins(Some(2));
    one.wrote(false);
    assert_eq!(overdue(&one), Some((3, End::Cut("unread"))));
}

#[test]
fn what_comes_ahead_of_its_turn_is_left_where_it_is() {
    let (ahead, one) = ([b'x'; AHEAD as usize], connection(true));
    one.came(&[b'x'; 128 * 1024]);
    assert!(!one.is_paused(), "a head is bounded by the server");
    one.begins(Some(0));
    assert!(!one.is_paused());
    one.came(&ahead);
    assert!(one.is_paused(), "further requests");
    one.is_answered();
    assert!(!one.is_paused());

    one.begins(Some(100_000));
    one.came(&[b'x'; 100_000]);
    assert!(!one.is_paused(), "its body");
    one.came(&ahead);
    assert!(one.is_paused());
    one.is_answered();

    one.begins(None);
    for _ in 0..9 {
        one.came(&[b'x'; AHEAD_OF_BODY as usize]);
        assert!(one.is_paused(), "chunks that nobody has read");
        one.is_read(false);
        assert!(!one.is_paused());
    }
    one.is_read(true);
    one.came(&ahead);
    assert!(one.is_paused());
    assert_eq!(list::strange(), 0);
}

#[test]
fn what_strangers_send_is_bounded_together() {
    let long = [b'x'; AHEAD as usize];
    let mut all: Vec<Connection> = (0..STRANGE / AHEAD)
        .map(|_| {
            let one = connection(false);
            one.came(&long);
            one
        })
        .collect();
    assert!(all.iter().all(Connection::is_paused));
    let (short, known) = (connection(false), connection(true));
    short.came(b"GET / HTTP/1.1\r\n");
    known.came(&long);
    assert!(!short.is_paused() && !known.is_paused());
    assert_eq!(overdue(&all[0]), Some((30, End::Late)), "they have no longer than others");
    all.pop().unwrap().is_no_stranger();
    assert!(!all.iter().any(Connection::is_paused), "there is room again");
    drop((all, short));
    assert_eq!(list::strange(), 0);
    let one = connection(false);
    one.came(&long);
    one.begins(Some(0));
    one.is_answered();
    assert_eq!(list::strange(), 0, "what was answered is held no longer, also where the next head has begun");
}

#[test]
fn an_end_that_is_not_taken_is_made() {
    let one = connection(false);
    one.came(b"x");
    pass(HEAD);
    one.look(KEEP_ALIVE);
    assert_eq!(one.end.get(), Some(End::Late));
    one.look(KEEP_ALIVE);
    assert_eq!(one.end.get(), Some(End::Late));
    pass(FAREWELL);
    one.look(KEEP_ALIVE);
    assert_eq!(one.end.get(), Some(End::Cut("late")));
}

#[test]
fn places_are_taken_from_who_can_spare_them() {
    let known = connection(true);
    assert_eq!(known.spare(MOMENT), None, "it has just come");
    known.begins(Some(2));
    known.is_answered();
    let anonymous = connection(false);
    anonymous.came(b"GET /");
    assert_eq!(anonymous.spare(MOMENT), None, "a head has a moment");
    pass(REST);
    assert!(anonymous.spare(MOMENT).is_some());
    assert_eq!(known.spare(MOMENT), None);
    pass(SPARED);
    assert!(anonymous.spare(MOMENT) > known.spare(MOMENT) && known.spare(MOMENT).is_some());
    known.begins(Some(2));
    assert_eq!(known.spare(MOMENT), None);
}

#[test]
fn what_came_behind_a_body_is_a_head_that_has_begun() {
    for body in ["{}", "{\"model\":\"m\"}", "[]\r\n"] {
        for (behind, wait) in [("", Wait::Idle), ("G", Wait::Head), ("\r\n", Wait::Head), ("GET / HTT", Wait::Head)] {
            for together in [false, true] {
                let one = connection(true);
                one.came(b"POST / HTTP/1.1\r\n\r\n");
                one.came(if together { [body, behind].concat() } else { body.to_owned() }.as_bytes());
                one.begins(Some(body.len() as u64));
                one.ends_with(body.as_bytes());
                if !together {
                    one.came(behind.as_bytes());
                }
                one.is_answered();
                assert_eq!(one.wait.get(), wait, "{body:?} {behind:?}");
            }
        }
    }
}

fn http2(known: bool) -> Connection {
    let one = connection(known);
    one.http2.set(Http2::default()).unwrap();
    one.came(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    one
}

/// A DATA frame that has so many bytes in all.
fn data(bytes: usize) -> Vec<u8> {
    let mut frame = vec![0; bytes];
    frame[..4].copy_from_slice(&((bytes - 9) as u32).rotate_left(8).to_be_bytes());
    frame
}

#[test]
fn http2_is_bounded_from_outside() {
    assert_eq!(overdue(&http2(false)), Some((30, End::Cut("idle"))));
    let one = http2(false);
    for _ in 0..50 {
        one.begins(Some(0));
        one.is_answered();
        pass(Duration::from_secs(1));
    }
    assert_eq!(overdue(&one), Some((10, End::Cut("http2_anonymous"))), "whatever it asks");

    let one = http2(true);
    for _ in 0..200 {
        one.begins(Some(0));
    }
    assert_eq!((one.end.get(), overdue(&one)), (None, None));
    one.begins(Some(0));
    assert_eq!(one.end.get(), Some(End::Cut("http2_streams")));

    // Frames that become nothing: pieces of a head, empty DATA, settings.
    for (known, most) in [(false, 500), (true, 1300)] {
        let one = http2(known);
        let noise = data(1024);
        let kilobytes = (0..).find(|_| {
            one.came(&noise);
            one.end.get().is_some()
        });
        assert!(kilobytes.is_some_and(|kilobytes| (64..most).contains(&kilobytes)), "{known}: {kilobytes:?}");
    }
    // What becomes something may go on.
    let (one, noise) = (http2(true), data(16 * 1024));
    one.begins(Some(0));
    for _ in 0..10_000 {
        one.came(&noise);
        one.http2().unwrap().used(16 * 1024);
    }
    assert_eq!(one.end.get(), None);

    // So may what is on its way when nobody reads it: requests beyond a limit are refused by their heads.
    let refused = http2(true);
    for _ in 0..40 {
        refused.begins(Some(0));
        refused.http2().unwrap().left();
        refused.is_answered();
        (0..16).for_each(|_| refused.came(&noise));
    }
    assert_eq!(refused.end.get(), None);

    let handed = one.http2().unwrap().hand();
    handed.set(0);
    assert_eq!(overdue(&one), None, "it waits for the provider");
    handed.set(now());
    assert_eq!(overdue(&one), Some((120, End::Cut("unread"))), "a window that stays shut");
    drop(handed);
    assert_eq!(overdue(&one), None);
    one.is_answered();
    assert_eq!(overdue(&one), Some((620, End::Cut("idle"))));
}
