#![allow(clippy::unwrap_used)]

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
        one.came(1);
        assert_eq!(overdue(&one), Some((30, End::Late)), "a first head");

        let one = connection(known);
        one.came(100);
        one.begins();
        assert_eq!(overdue(&one), None, "a request is answered");
        one.is_answered();
        assert_eq!(overdue(&one), Some((idle, End::Close("idle"))), "between two requests");

        one.waits(Wait::Idle);
        pass(Duration::from_secs(20));
        one.came(2);
        pass(Duration::from_secs(20));
        one.came(1);
        assert_eq!(overdue(&one), Some((10, End::Late)), "a byte now and then is no progress");

        let one = connection(known);
        one.begins();
        one.rest.set(true);
        one.is_answered();
        one.came(1000);
        assert_eq!(overdue(&one), Some((2, End::Close("unread_body"))), "a body that nobody reads");
    }
}

#[test]
fn a_client_that_does_not_read_is_let_go() {
    for (known, patience) in [(false, 30), (true, 120)] {
        let one = connection(known);
        one.begins();
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
    one.begins();
    one.wrote(false);
    assert_eq!(overdue(&one), Some((3, End::Cut("unread"))));
}

#[test]
fn an_end_that_is_not_taken_is_made() {
    let one = connection(false);
    one.came(1);
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
    assert_eq!(known.spare(), None, "it has just come");
    known.begins();
    known.is_answered();
    let anonymous = connection(false);
    anonymous.came(5);
    assert_eq!(anonymous.spare(), None, "a head has a moment");
    pass(REST);
    assert!(anonymous.spare().is_some());
    assert_eq!(known.spare(), None);
    pass(SPARED);
    assert!(anonymous.spare() > known.spare() && known.spare().is_some());
    known.begins();
    assert_eq!(known.spare(), None);
}

fn http2(known: bool) -> Connection {
    Connection { http2: Some(Http2::default()), ..connection(known) }
}

#[test]
fn http2_is_bounded_from_outside() {
    assert_eq!(overdue(&http2(false)), Some((30, End::Cut("idle"))));
    let one = http2(false);
    for _ in 0..50 {
        one.begins();
        one.is_answered();
        pass(Duration::from_secs(1));
    }
    assert_eq!(overdue(&one), Some((10, End::Cut("http2_anonymous"))), "whatever it asks");

    let one = http2(true);
    for _ in 0..200 {
        one.begins();
    }
    assert_eq!((one.end.get(), overdue(&one)), (None, None));
    one.begins();
    assert_eq!(one.end.get(), Some(End::Cut("http2_streams")));

    // Frames that become nothing: pieces of a head, empty DATA, settings.
    for (known, most) in [(false, 500), (true, 1300)] {
        let one = http2(known);
        let kilobytes = (0..).find(|_| {
            one.came(1024);
            one.end.get().is_some()
        });
        assert!(kilobytes.is_some_and(|kilobytes| (64..most).contains(&kilobytes)), "{known}: {kilobytes:?}");
    }
    // What becomes something may go on.
    let one = http2(true);
    one.begins();
    for _ in 0..10_000 {
        one.came(16 * 1024);
        one.http2.as_ref().unwrap().used(16 * 1024);
    }
    assert_eq!(one.end.get(), None);

    let handed = one.http2.as_ref().unwrap().hand();
    handed.set(0);
    assert_eq!(overdue(&one), None, "it waits for the provider");
    handed.set(now());
    assert_eq!(overdue(&one), Some((120, End::Cut("unread"))), "a window that stays shut");
    drop(handed);
    assert_eq!(overdue(&one), None);
    one.is_answered();
    assert_eq!(overdue(&one), Some((620, End::Cut("idle"))));
}
