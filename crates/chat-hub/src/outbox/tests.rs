//! What the outbound queue promises to the hub, to the session and to the connection.

use std::{future::Future, pin::pin, task::Waker, time::Duration};

use proptest::prelude::*;

use super::*;

fn bytes(len: usize) -> Bytes {
    Bytes::from(vec![b'x'; len])
}

fn take(outbox: &Outbox) -> Poll<Option<Bytes>> {
    outbox.poll_next(&mut Context::from_waker(Waker::noop()))
}

fn is_ready(future: impl Future) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn an_event_that_does_not_fit_is_refused_and_nothing_is_queued() {
    let outbox = Outbox::new(100);
    assert_eq!(outbox.push(bytes(60)), Ok(()));
    assert_eq!(outbox.push(bytes(41)), Err(Full));
    assert_eq!(outbox.queued_bytes(), 60);
    assert!(outbox.was_full());
    assert_eq!(outbox.push(bytes(40)), Ok(()), "exactly the limit fits");
}

#[test]
fn answers_have_a_reserve_of_their_own_and_it_ends_too() {
    let outbox = Outbox::new(100);
    assert_eq!(outbox.push(bytes(100)), Ok(()));
    assert_eq!(outbox.push_reply(bytes(REPLY_RESERVE)), Ok(()));
    assert_eq!(outbox.push_reply(bytes(1)), Err(Full));
    assert_eq!(outbox.unflushed_replies(), 1);
}

#[test]
fn ephemeral_events_give_way_at_half_of_the_limit() {
    let outbox = Outbox::new(100);
    assert!(outbox.push_ephemeral(bytes(49)));
    assert!(outbox.push_ephemeral(bytes(1)));
    assert!(!outbox.push_ephemeral(bytes(1)));
    assert!(!outbox.was_full(), "dropping an ephemeral event makes nobody lag");
}

#[test]
fn a_long_frame_leaves_in_slices_and_its_answer_counts_until_the_last() {
    let outbox = Outbox::new(CHUNK * 4);
    outbox.push_reply(bytes(CHUNK + 1)).unwrap();
    assert_eq!(take(&outbox), Poll::Ready(Some(bytes(CHUNK))));
    assert_eq!((outbox.queued_bytes(), outbox.unflushed_replies()), (1, 1));
    assert_eq!(take(&outbox), Poll::Ready(Some(bytes(1))));
    assert_eq!((outbox.queued_bytes(), outbox.unflushed_replies()), (0, 0));
    assert_eq!(take(&outbox), Poll::Pending);
}

#[test]
fn finishing_lets_the_queue_drain_and_then_ends() {
    let outbox = Outbox::new(100);
    outbox.push(bytes(3)).unwrap();
    outbox.finish();
    assert_eq!(outbox.push(bytes(3)), Ok(()), "a push after the end goes nowhere, silently");
    assert_eq!(take(&outbox), Poll::Ready(Some(bytes(3))));
    assert_eq!(take(&outbox), Poll::Ready(None));
    assert!(!outbox.is_aborted());
}

#[test]
fn aborting_drops_the_queue_and_a_later_finish_changes_nothing() {
    let outbox = Outbox::new(100);
    outbox.push_reply(bytes(3)).unwrap();
    outbox.abort();
    outbox.finish();
    assert_eq!((outbox.queued_bytes(), outbox.unflushed_replies()), (0, 0));
    assert_eq!(take(&outbox), Poll::Ready(None));
    assert!(outbox.is_aborted() && outbox.is_closed());
}

#[test]
fn the_room_of_a_burst_is_given_back() {
    let outbox = Outbox::new(1 << 20);
    for _ in 0..1_000 {
        outbox.push(bytes(10)).unwrap();
    }
    while take(&outbox).is_ready() {}
    assert!(outbox.shared.queue.borrow().frames.capacity() <= IDLE_FRAMES);
}

#[tokio::test]
async fn a_push_wakes_the_consumer() {
    let outbox = Outbox::new(100);
    let pushing = outbox.clone();
    let consume = std::future::poll_fn(|context| outbox.poll_next(context));
    let (taken, ()) = tokio::join!(consume, async move {
        pushing.push(bytes(5)).unwrap();
    });
    assert_eq!(taken, Some(bytes(5)));
}

#[tokio::test]
async fn draining_resolves_at_low_water_and_forgets_that_it_was_full() {
    let outbox = Outbox::new(100);
    for _ in 0..4 {
        outbox.push(bytes(25)).unwrap();
    }
    assert_eq!(outbox.push(bytes(1)), Err(Full));
    let mut drained = pin!(outbox.drained());
    for left in [75, 50] {
        assert!(take(&outbox).is_ready());
        assert!(!is_ready(drained.as_mut()), "{left} bytes are above low water");
    }
    assert!(take(&outbox).is_ready());
    assert!(is_ready(drained.as_mut()));
    assert!(outbox.is_below_low_water() && !outbox.was_full());
}

#[tokio::test]
async fn a_lost_consumer_ends_every_wait_and_frees_the_queue() {
    let outbox = Outbox::new(100);
    outbox.push(bytes(100)).unwrap();
    let mut drained = pin!(outbox.drained());
    let mut closed = pin!(outbox.closed());
    assert!(!is_ready(drained.as_mut()) && !is_ready(closed.as_mut()));
    outbox.consumer_gone();
    assert!(is_ready(drained.as_mut()) && is_ready(closed.as_mut()));
    assert_eq!(outbox.queued_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn progress_is_the_last_removal_or_the_start_of_waiting() {
    let outbox = Outbox::new(100);
    let begun = Instant::now();
    assert_eq!(outbox.last_progress(), None, "an empty queue waits for nobody");
    outbox.push(bytes(1)).unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    outbox.push(bytes(1)).unwrap();
    outbox.push(bytes(1)).unwrap();
    assert_eq!(outbox.last_progress(), Some(begun), "a push is no progress");
    assert!(take(&outbox).is_ready());
    assert_eq!(outbox.last_progress(), Some(begun + Duration::from_secs(5)));
    assert!(take(&outbox).is_ready() && take(&outbox).is_ready());
    assert_eq!(outbox.last_progress(), None);
}

#[derive(Debug, Clone)]
enum Action {
    Push(usize),
    Reply(usize),
    Ephemeral(usize),
    Take,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (1..20_000_usize).prop_map(Action::Push),
        (1..20_000_usize).prop_map(Action::Reply),
        (1..20_000_usize).prop_map(Action::Ephemeral),
        Just(Action::Take),
        Just(Action::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_accepted_comes_out_once_in_order_and_the_bound_holds(actions in prop::collection::vec(action(), 0..200)) {
        let limit = 64 * 1024;
        let outbox = Outbox::new(limit);
        let (mut accepted, mut taken) = (Vec::new(), Vec::new());
        for (number, action) in actions.into_iter().enumerate() {
            let frame = |len: usize| Bytes::from(vec![u8::try_from(number % 251).unwrap(); len]);
            let frame = match action {
                Action::Push(len) => outbox.push(frame(len)).is_ok().then(|| frame(len)),
                Action::Reply(len) => outbox.push_reply(frame(len)).is_ok().then(|| frame(len)),
                Action::Ephemeral(len) => outbox.push_ephemeral(frame(len)).then(|| frame(len)),
                Action::Take => {
                    if let Poll::Ready(Some(chunk)) = take(&outbox) {
                        taken.extend_from_slice(&chunk);
                    }
                    None
                }
            };
            accepted.extend(frame.into_iter().flatten());
            prop_assert!(outbox.queued_bytes() <= limit + REPLY_RESERVE);
            prop_assert_eq!(outbox.queued_bytes(), accepted.len() - taken.len());
        }
        while let Poll::Ready(Some(chunk)) = take(&outbox) {
            taken.extend_from_slice(&chunk);
        }
        prop_assert_eq!(accepted, taken);
        prop_assert_eq!(outbox.unflushed_replies(), 0);
    }
}
