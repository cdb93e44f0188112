//! Histories, whole and broken: each breach must be found, and nothing else.

use super::*;

fn entry(seq: u64, n: u32) -> Entry {
    Entry { seq, mark: Mark::new(1, n) }
}

fn send(n: u32, issued_us: u64, answers: &[u64]) -> Send {
    let acked_us = (!answers.is_empty()).then_some(issued_us + 5);
    Send { room: 0, mark: Mark::new(1, n), issued_us, acked_us, answers: answers.to_vec() }
}

/// Three messages at 11, 12, 13, of which the last was never answered; one listener.
fn whole() -> History {
    let log = vec![entry(11, 1), entry(12, 2), entry(13, 3)];
    History {
        rooms: vec![Room { base: 10, head: 13, log: log.clone() }],
        sends: vec![send(1, 0, &[11, 11]), send(2, 10, &[12]), send(3, 20, &[])],
        listeners: vec![Listener { name: "w".into(), room: 0, applied: log, cursor: 13 }],
    }
}

fn one(history: &History) -> Anomaly {
    let mut found = judge(history);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_whole_history_has_no_anomaly() {
    assert_eq!(judge(&whole()), []);
    assert_eq!(judge(&History::default()), []);
}

#[test]
fn an_unanswered_send_may_be_missing_but_not_doubled() {
    let mut h = whole();
    h.rooms[0].log.pop();
    h.rooms[0].head = 12;
    h.listeners[0].applied.pop();
    h.listeners[0].cursor = 12;
    assert_eq!(judge(&h), []);

    let mut h = whole();
    h.rooms[0].log.push(entry(14, 3));
    h.rooms[0].head = 14;
    h.listeners[0].applied.push(entry(14, 3));
    h.listeners[0].cursor = 14;
    assert_eq!(one(&h), Anomaly::Doubled { mark: Mark::new(1, 3), room: 0, seq: 14 });
}

#[test]
fn an_acknowledged_send_that_is_gone_is_lost() {
    let mut h = whole();
    h.sends.push(send(4, 30, &[14]));
    assert_eq!(one(&h), Anomaly::Lost { mark: Mark::new(1, 4), room: 0, seq: 14 });
}

#[test]
fn a_message_that_nobody_sent_is_invented() {
    let mut h = whole();
    h.sends.pop();
    assert_eq!(one(&h), Anomaly::Invented { mark: Mark::new(1, 3), room: 0, seq: 13 });
}

#[test]
fn a_send_in_another_room_is_both_lost_and_invented() {
    let mut h = whole();
    h.rooms.push(Room { base: 5, head: 5, log: Vec::new() });
    h.sends[1].room = 1;
    let found = judge(&h);
    assert!(found.contains(&Anomaly::Invented { mark: Mark::new(1, 2), room: 0, seq: 12 }), "{found:?}");
    assert!(found.contains(&Anomaly::Lost { mark: Mark::new(1, 2), room: 1, seq: 12 }), "{found:?}");
}

#[test]
fn a_retry_with_another_number_is_found() {
    let mut h = whole();
    h.sends[0].answers = vec![11, 13];
    assert_eq!(one(&h), Anomaly::RetryMoved { mark: Mark::new(1, 1), room: 0, first: 11, later: 13 });
}

#[test]
fn an_acknowledgement_of_another_place_is_found() {
    let mut h = whole();
    h.sends[1].answers = vec![13];
    assert_eq!(one(&h), Anomaly::Misplaced { mark: Mark::new(1, 2), room: 0, acked: 13, logged: 12 });
}

#[test]
fn a_hole_in_the_log_is_found_in_the_middle_and_at_the_end() {
    let mut h = whole();
    h.rooms[0].log[2].seq = 14;
    h.rooms[0].head = 14;
    h.listeners[0].applied[2].seq = 14;
    h.listeners[0].cursor = 14;
    assert_eq!(one(&h), Anomaly::Hole { room: 0, after: 12, next: 14 });

    let mut h = whole();
    h.rooms[0].head = 14;
    h.listeners[0].cursor = 14;
    assert_eq!(one(&h), Anomaly::Hole { room: 0, after: 13, next: 15 });
}

#[test]
fn a_later_send_with_a_lower_number_is_found_only_after_the_acknowledgement() {
    let mut h = whole();
    h.sends[0] = send(1, 100, &[11]);
    h.sends[1] = send(2, 10, &[12]);
    assert_eq!(one(&h), Anomaly::Backwards { mark: Mark::new(1, 1), room: 0, seq: 11, acked_before: 12 });
    // Issued before the other's acknowledgement: any order is right.
    h.sends[0].issued_us = 14;
    assert_eq!(judge(&h), []);
}

#[test]
fn a_listener_that_missed_one_is_found() {
    let mut h = whole();
    h.listeners[0].applied.remove(1);
    assert_eq!(one(&h), Anomaly::Missing { name: "w".into(), room: 0, from: 12, to: 12 });
}

#[test]
fn what_a_listener_missed_in_a_row_is_one_anomaly() {
    let mut h = whole();
    h.listeners[0].applied.truncate(1);
    assert_eq!(one(&h), Anomaly::Missing { name: "w".into(), room: 0, from: 12, to: 13 });
}

#[test]
fn a_listener_that_stopped_early_is_behind() {
    let mut h = whole();
    h.listeners[0].applied.pop();
    h.listeners[0].cursor = 12;
    let found = judge(&h);
    assert!(found.contains(&Anomaly::Behind { name: "w".into(), room: 0, cursor: 12, head: 13 }), "{found:?}");
    assert!(found.contains(&Anomaly::Missing { name: "w".into(), room: 0, from: 13, to: 13 }), "{found:?}");
}

#[test]
fn a_listener_that_applied_one_twice_is_found() {
    let mut h = whole();
    h.listeners[0].applied.insert(1, entry(11, 1));
    assert_eq!(one(&h), Anomaly::AppliedTwice { name: "w".into(), room: 0, seq: 11 });
}

#[test]
fn a_listener_that_applied_in_another_order_is_found() {
    let mut h = whole();
    h.listeners[0].applied.swap(0, 1);
    assert_eq!(one(&h), Anomaly::OutOfOrder { name: "w".into(), room: 0, seq: 11, after: 12 });
}

#[test]
fn a_listener_that_saw_another_message_at_a_place_is_found() {
    let mut h = whole();
    h.listeners[0].applied[1].mark = Mark::new(2, 2);
    assert_eq!(one(&h), Anomaly::Different { name: "w".into(), room: 0, seq: 12, mark: Mark::new(2, 2) });
}
