#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::{pending, poll_fn, ready};

use super::*;

const SOON: Duration = Duration::from_millis(20);

fn listed() -> usize {
    LIST.with(|list| {
        let places = list.places.borrow();
        places.entries.len() - places.free.len()
    })
}

#[actix::test]
async fn an_alarm_fires_after_its_time_and_within_about_a_tick() {
    let began = Instant::now();
    assert_eq!(within(began + SOON, pending::<()>()).await, Err(Late));
    let took = began.elapsed();
    assert!(took >= SOON, "{took:?}");
    assert!(took < SOON + 10 * TICK, "{took:?}");
    assert_eq!(listed(), 0);
}

#[actix::test]
async fn what_is_ready_sets_no_alarm_and_what_is_late_already_waits_for_none() {
    assert_eq!(within(Instant::now() + SOON, ready(7)).await, Ok(7));
    let past = Instant::now().checked_sub(SOON).unwrap();
    assert_eq!(within(past, pending::<()>()).await, Err(Late));
    assert!(LIST.with(|list| list.ticked.get()).is_none());
}

#[actix::test]
async fn an_alarm_that_is_moved_fires_by_its_last_time_only() {
    let began = Instant::now();
    let (mut alarm, mut polls) = (Alarm::default(), 0);
    let moved = poll_fn(move |cx| {
        polls += 1;
        alarm.poll(began + if polls == 1 { SOON } else { 3 * TICK }, cx).map(|()| (polls, std::mem::take(&mut alarm)))
    });
    // In a task of its own: this one is polled for other reasons too.
    let (polls, mut alarm) = actix::spawn(moved).await.unwrap();
    assert!(began.elapsed() >= 3 * TICK);
    // Another test may rouse it in between.
    assert!(polls <= 4, "{polls}");
    // Fired once, it is quiet until it is asked for another time.
    poll_fn(|cx| alarm.poll(began + 4 * TICK, cx)).await;
    assert!(began.elapsed() >= 4 * TICK);
}

#[actix::test]
async fn a_rouse_reaches_those_who_listen_on_other_threads() {
    let began = Instant::now();
    let (mut alarm, mut polls) = (Alarm::default(), 0);
    let listening = actix::spawn(poll_fn(move |cx| {
        polls += 1;
        alarm.listen(cx);
        if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
    }));
    let far = std::thread::spawn(move || {
        std::thread::sleep(3 * TICK);
        rouse();
    });
    listening.await.unwrap();
    assert!(began.elapsed() >= 3 * TICK);
    far.join().unwrap();
}

#[actix::test]
async fn dropped_alarms_leave_the_list_and_their_places_serve_again() {
    let set = |count: usize| (0..count).map(|_| Alarm::default()).collect::<Vec<_>>();
    let mut first = set(100);
    let mut second = set(50);
    poll_fn(|cx| {
        first.iter_mut().for_each(|alarm| alarm.listen(cx));
        Poll::Ready(())
    })
    .await;
    drop(first);
    poll_fn(|cx| {
        second.iter_mut().for_each(|alarm| alarm.listen(cx));
        Poll::Ready(())
    })
    .await;
    assert_eq!(listed(), 50);
    assert_eq!(LIST.with(|list| list.places.borrow().entries.len()), 100);
}

#[test]
fn the_next_runtime_of_a_thread_has_a_task_of_its_own() {
    for _ in 0..2 {
        actix::System::new().block_on(async {
            assert_eq!(within(Instant::now() + SOON, pending::<()>()).await, Err(Late));
        });
    }
}
