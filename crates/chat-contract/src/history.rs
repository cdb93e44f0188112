//! Clauses of history: windows on a room's messages.

use chat_domain::{
    command::Action,
    ids::{RoomId, UserId},
    pages::{History, Window},
    refusal::Refusal,
};

use crate::{World, emoji, named, refused};

/// A room with messages 3, 5, 7, … 21; the even numbers between them are reactions.
async fn talk(w: &World) -> (UserId, RoomId) {
    let ann = w.user("ann").await;
    let room = w.room("lobby", &[ann]).await;
    for _ in 0..10 {
        let seq = w.posts(ann, room, "words").await.seq;
        w.ok(ann, room, Action::React { seq, emoji: emoji("👍"), on: true }).await;
    }
    (ann, room)
}

async fn window(w: &World, (ann, room): (UserId, RoomId), window: Window, limit: usize) -> (Vec<u64>, bool, bool) {
    let History { items, log, more_before, more_after } = w.stores.log.history(ann, room, window, limit).await.unwrap();
    assert_eq!(log, w.log(room).await);
    (items.iter().map(|message| message.seq).collect(), more_before, more_after)
}

pub async fn the_latest_come_oldest_first(w: &World) {
    let talk = talk(w).await;
    assert_eq!(window(w, talk, Window::Latest, 3).await, (vec![17, 19, 21], true, false));
    assert_eq!(window(w, talk, Window::Latest, 10).await.0.len(), 10);
    assert!(!window(w, talk, Window::Latest, 10).await.1);
    assert_eq!(window(w, talk, Window::Latest, 100).await.0.len(), 10);
}

pub async fn before_gives_the_nearest_before(w: &World) {
    let talk = talk(w).await;
    assert_eq!(window(w, talk, Window::Before(9), 2).await, (vec![5, 7], true, true));
    assert_eq!(window(w, talk, Window::Before(10), 2).await, (vec![7, 9], true, true));
    assert_eq!(window(w, talk, Window::Before(9), 3).await, (vec![3, 5, 7], false, true));
    assert_eq!(window(w, talk, Window::Before(3), 3).await, (vec![], false, true));
    assert_eq!(window(w, talk, Window::Before(22), 1).await, (vec![21], true, false));
}

pub async fn after_gives_the_nearest_after(w: &World) {
    let talk = talk(w).await;
    assert_eq!(window(w, talk, Window::After(9), 2).await, (vec![11, 13], true, true));
    assert_eq!(window(w, talk, Window::After(0), 2).await, (vec![3, 5], false, true));
    assert_eq!(window(w, talk, Window::After(17), 2).await, (vec![19, 21], true, false));
    assert_eq!(window(w, talk, Window::After(21), 2).await, (vec![], true, false));
}

pub async fn around_gives_half_and_half_with_the_message(w: &World) {
    let talk = talk(w).await;
    assert_eq!(window(w, talk, Window::Around(11), 4).await, (vec![7, 9, 11, 13], true, true));
    assert_eq!(window(w, talk, Window::Around(11), 5).await, (vec![7, 9, 11, 13, 15], true, true));
    assert_eq!(window(w, talk, Window::Around(12), 4).await, (vec![9, 11, 13, 15], true, true));
    assert_eq!(window(w, talk, Window::Around(11), 1).await, (vec![11], true, true));
    assert_eq!(window(w, talk, Window::Around(3), 2).await, (vec![3], false, true));
    assert_eq!(window(w, talk, Window::Around(21), 2).await, (vec![19, 21], true, false));
}

pub async fn beyond_the_head_there_is_nothing(w: &World) {
    let talk = talk(w).await;
    assert_eq!(window(w, talk, Window::After(999), 5).await, (vec![], true, false));
    assert_eq!(window(w, talk, Window::Around(999), 5).await, (vec![], true, false));
    assert_eq!(window(w, talk, Window::After(chat_domain::ids::MAX_SEQ), 5).await, (vec![], true, false));
    assert_eq!(window(w, talk, Window::Before(999), 2).await, (vec![19, 21], true, false), "these are before it");
}

pub async fn an_empty_room_has_an_empty_history(w: &World) {
    let ann = w.user("ann").await;
    let room = w.room("lobby", &[ann]).await;
    for asked in [Window::Latest, Window::Before(2), Window::After(0), Window::Around(1)] {
        assert_eq!(window(w, (ann, room), asked, 5).await, (vec![], false, false));
    }
}

pub async fn pages_back_and_forth_leave_nothing_out(w: &World) {
    let talk = talk(w).await;
    for limit in 1..=4 {
        let (mut items, mut more, _) = window(w, talk, Window::Latest, limit).await;
        while more {
            let (mut older, more_before, more_after) = window(w, talk, Window::Before(items[0]), limit).await;
            assert!(more_after && older.len() <= limit);
            older.append(&mut items);
            (items, more) = (older, more_before);
        }
        assert_eq!(items, (3..22).step_by(2).collect::<Vec<_>>());
        let (mut items, _, mut more) = window(w, talk, Window::After(0), limit).await;
        while more {
            let (newer, _, more_after) = window(w, talk, Window::After(*items.last().unwrap()), limit).await;
            items.extend(newer);
            more = more_after;
        }
        assert_eq!(items, (3..22).step_by(2).collect::<Vec<_>>());
    }
}

pub async fn history_lists_tombstones(w: &World) {
    let (ann, room) = talk(w).await;
    w.ok(ann, room, Action::Delete { seq: 21, if_match: None }).await;
    let history = w.stores.log.history(ann, room, Window::Latest, 1).await.unwrap();
    assert!(history.items[0].deleted && history.items[0].seq == 21);
}

pub async fn a_nonce_is_shown_to_its_author_only(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.ok(ann, room, named("mine", "mine")).await;
    w.ok(bob, room, named("yours", "yours")).await;
    let history = w.stores.log.history(ann, room, Window::Latest, 10).await.unwrap();
    assert_eq!(history.items.iter().map(|m| m.nonce.is_some()).collect::<Vec<_>>(), [true, false]);
    assert!(w.message(ann, room, 4).await.nonce.is_some() && w.message(bob, room, 4).await.nonce.is_none());
}

pub async fn one_message_is_found_by_its_number(w: &World) {
    let (ann, room) = talk(w).await;
    assert_eq!(w.message(ann, room, 3).await.seq, 3);
    for seq in [0, 1, 2, 4, 999, chat_domain::ids::MAX_SEQ] {
        refused!(w.stores.log.message(ann, room, seq).await, Refusal::NotFound);
    }
}
