//! Several nodes on one record: with a bus, with a bus that dies, and without anybody noticing but the clock.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "tests"
)]

mod rig;

use std::{sync::atomic::Ordering, time::Duration};

use chat_domain::{
    command::Action,
    objects::RoomKind,
    pages::Cursor,
    ports::{Journal, SessionStore, Status},
    refusal::Refusal,
};
use chat_hub::{Signal, SubscribeAnswer};
use rig::{Client, World, kinds, run, settle};
use tokio::time::sleep;

#[test]
fn events_cross_the_bus_and_keep_their_order() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob]).await;
        let mut client = Client::connect(&there, bob).await;
        client.subscribe(room, None).await;
        for n in 0..20 {
            let node = if n % 2 == 0 { &here } else { &there };
            world.post(node, room, ann, &n.to_string()).await.unwrap();
        }
        settle().await;
        assert_eq!(client.read().len(), 20);
        assert_eq!(client.cursor(room), world.head(room).await);
    });
}

#[test]
fn with_the_bus_down_events_and_removals_arrive_within_five_seconds() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob, eve) = (world.user("ann").await, world.user("bob").await, world.user("eve").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob, eve]).await;
        let mut client = Client::connect(&there, bob).await;
        let mut victim = Client::connect(&there, eve).await;
        client.subscribe(room, None).await;
        victim.subscribe(room, None).await;
        world.bus.cut();
        world.post(&here, room, ann, "unheard").await.unwrap();
        sleep(Duration::from_secs(5)).await;
        assert_eq!(kinds(&client.read()), ["batch"]);
        assert_eq!(client.texts(room), ["unheard"]);
        victim.read();
        world.act(&here, room, ann.user, Action::Remove(eve.user)).await.unwrap();
        world.post(&here, room, ann, "secret").await.unwrap();
        sleep(Duration::from_secs(5)).await;
        client.read();
        victim.read();
        assert_eq!(client.texts(room), ["unheard", "secret"]);
        assert_eq!(victim.texts(room), ["unheard"]);
        assert!(victim.heard.iter().any(|frame| frame["type"] == "evicted" && frame["reason"] == "kicked"));
        world.bus.mend();
        world.post(&here, room, ann, "heard").await.unwrap();
        settle().await;
        assert_eq!(client.texts(room).len() + client.read().len(), 3);
    });
}

#[test]
fn an_event_that_overtakes_its_lost_predecessor_waits_and_then_the_gap_is_read() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob]).await;
        let mut client = Client::connect(&there, bob).await;
        client.subscribe(room, None).await;
        world.loses_events.store(true, Ordering::Relaxed);
        world.post(&here, room, ann, "lost").await.unwrap();
        world.loses_events.store(false, Ordering::Relaxed);
        world.post(&here, room, ann, "overtakes").await.unwrap();
        sleep(Duration::from_millis(100)).await;
        assert!(client.read().is_empty(), "an early event waits for its predecessor");
        sleep(Duration::from_millis(100)).await;
        client.read();
        assert_eq!(client.texts(room), ["lost", "overtakes"]);
    });
}

#[test]
fn any_node_serves_a_cursor_that_another_node_gave() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob]).await;
        let mut early = Client::connect(&there, bob).await;
        early.subscribe(room, None).await;
        world.bus.cut();
        let ahead = world.post(&here, room, ann, "not heard there yet").await.unwrap();
        // The client read the head by REST, from the record: it is beyond what that node knows, and right all the same.
        let mut client = Client::connect(&there, bob).await;
        let answer = client.subscribe(room, Some(ahead)).await;
        assert!(matches!(answer, SubscribeAnswer::Live { .. }), "{answer:?}");
        settle().await;
        assert_eq!(early.read().len(), 1, "the other listener profits");
    });
}

#[test]
fn who_came_in_by_one_node_is_let_in_by_another_that_has_not_heard_of_it() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob, eve) = (world.user("ann").await, world.user("bob").await, world.user("eve").await);
        let room = world.room(&here, RoomKind::Public, &[ann]).await;
        let mut listener = Client::connect(&there, ann).await;
        listener.subscribe(room, None).await;
        world.bus.cut();
        world.act(&here, room, bob.user, Action::Join).await.unwrap();
        let mut client = Client::connect(&there, bob).await;
        let answer = client.subscribe(room, None).await;
        assert!(matches!(answer, SubscribeAnswer::Live { .. }), "{answer:?}");
        let mut stranger = Client::connect(&there, eve).await;
        let refused = stranger.subscribe(room, None).await;
        assert!(matches!(refused, SubscribeAnswer::Error(Refusal::Forbidden(_))), "{refused:?}");
    });
}

#[test]
fn a_cursor_of_the_new_history_is_served_before_the_next_look_at_the_heads() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let mut old = Client::connect(&node, ann).await;
        old.subscribe(room, None).await;
        let epoch = world.record.memory.rewind();
        let mut new = Client::connect(&node, ann).await;
        let after = world.head(room).await;
        let answer = new.resume(room, Some(Cursor { epoch: Some(epoch), after })).await;
        assert!(matches!(answer, SubscribeAnswer::Live { .. }), "{answer:?}");
        settle().await;
        assert_eq!(kinds(&old.read()), ["reset"], "who listened in the old one is told");
        assert!(new.socket.is_subscribed(room) && new.read().is_empty());
    });
}

#[test]
fn a_session_that_ends_on_one_node_ends_on_all_with_and_without_the_bus() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let by_bus = Client::connect(&there, ann).await;
        let by_poll = Client::connect(&there, bob).await;
        here.hub.end_sessions(&[ann.session]);
        settle().await;
        assert!(there.hub.is_ended(ann.session));
        world.bus.cut();
        let at = chat_domain::timestamp::Timestamp::from_millis(1_700_000_001_000);
        world.record.memory.end(bob.user, bob.session, at).await.unwrap();
        sleep(Duration::from_secs(5)).await;
        for client in [by_bus, by_poll] {
            let Signal::Close { code, .. } = client.signals.next().await;
            assert_eq!(code, 4403);
        }
        let late = world.node();
        late.hub.load_ended().await.unwrap();
        assert!(late.hub.is_ended(bob.session), "a node that starts learns it from the record");
    });
}

#[test]
fn presence_is_of_all_nodes_together() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        world.room(&here, RoomKind::Private, &[ann, bob]).await;
        let mut watcher = Client::connect(&here, ann).await;
        watcher.socket.watch(vec![bob.user]).await.unwrap();
        let phone = Client::connect(&here, bob).await;
        let laptop = Client::connect(&there, bob).await;
        laptop.socket.set_status(Status::Away);
        settle().await;
        drop(phone);
        sleep(Duration::from_secs(6)).await;
        watcher.read();
        let last = |client: &Client| {
            let mut said = client.heard.iter().filter(|frame| frame["type"] == "presence");
            said.next_back().map(|frame| frame["status"].as_str().unwrap().to_owned()).unwrap()
        };
        assert_eq!(last(&watcher), "away");
        // The other node dies without a word: its lease runs out.
        there.hub.stop();
        sleep(Duration::from_secs(45)).await;
        watcher.read();
        assert_eq!(last(&watcher), "offline");
        drop(laptop);
    });
}

#[test]
fn a_lost_hint_shows_by_its_number() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let mut client = Client::connect(&there, bob).await;
        world.bus.cut();
        world.room(&here, RoomKind::Private, &[ann, bob]).await;
        sleep(Duration::from_secs(5)).await;
        let frames = client.read();
        assert_eq!(kinds(&frames), ["heartbeat"]);
        assert_eq!(frames[0]["seq"], client.seq + 1);
    });
}

#[test]
fn a_removed_user_is_told_even_when_the_event_was_lost() {
    run(async {
        let world = World::new();
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob]).await;
        let mut client = Client::connect(&there, bob).await;
        client.subscribe(room, None).await;
        world.bus.cut();
        world.act(&here, room, ann.user, Action::Ban(bob.user)).await.unwrap();
        world.bus.mend();
        settle().await;
        sleep(Duration::from_millis(200)).await;
        let frames = client.read();
        assert!(frames.iter().any(|frame| frame["type"] == "evicted" && frame["reason"] == "banned"), "{frames:?}");
    });
}

#[test]
fn a_room_begins_with_the_tail_and_its_record_is_asked_once() {
    run(async {
        let world = World::new();
        let here = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob]).await;
        // The node learns in which history it writes when it first holds a room.
        let mut listener = Client::connect(&here, ann).await;
        listener.subscribe(room, None).await;
        for n in 0..40 {
            world.post(&here, room, ann, &n.to_string()).await.unwrap();
        }
        let head = world.head(room).await;
        let there = world.node();
        let mut clients = Vec::new();
        for _ in 0..50 {
            clients.push(Client::connect(&there, bob).await);
        }
        world.record.reads.store(0, Ordering::Relaxed);
        for client in &mut clients {
            client.subscribe(room, Some(head - 30)).await;
        }
        settle().await;
        assert!(world.record.reads.load(Ordering::Relaxed) <= 1, "only that the room is there");
        for client in clients.iter_mut().take(15) {
            client.read();
            assert_eq!(client.texts(room).len(), 30);
            assert_eq!(client.cursor(room), head);
        }
    });
}

#[test]
fn a_tail_with_a_hole_is_not_believed() {
    run(async {
        let world = World::new();
        let here = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob]).await;
        let mut listener = Client::connect(&here, ann).await;
        listener.subscribe(room, None).await;
        for n in 0..10 {
            if n == 5 {
                world.tail.forget();
            }
            world.post(&here, room, ann, &n.to_string()).await.unwrap();
        }
        let there = world.node();
        let mut client = Client::connect(&there, bob).await;
        client.subscribe(room, Some(world.head(room).await - 8)).await;
        settle().await;
        client.read();
        assert_eq!(client.texts(room), ["2", "3", "4", "5", "6", "7", "8", "9"]);
    });
}

#[test]
fn a_node_that_was_cut_off_for_long_learns_of_every_session_that_ended_meanwhile() {
    run(async {
        let world = World::new();
        let there = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let client = Client::connect(&there, bob).await;
        world.bus.cut();
        sleep(Duration::from_secs(5)).await;
        // Only the other node still reaches the record.
        world.record.is_down.store(true, Ordering::Relaxed);
        let at = chat_domain::timestamp::Timestamp::from_millis(1_700_000_010_000);
        world.record.memory.end(bob.user, bob.session, at).await.unwrap();
        sleep(Duration::from_secs(300)).await;
        assert!(!there.hub.is_ended(bob.session));
        world.record.is_down.store(false, Ordering::Relaxed);
        sleep(Duration::from_secs(5)).await;
        assert!(there.hub.is_ended(bob.session) && !there.hub.is_ended(ann.session));
        let Signal::Close { code, .. } = client.signals.next().await;
        assert_eq!(code, 4403);
    });
}

#[test]
fn what_is_said_while_a_subscription_is_under_way_is_found_soon() {
    run(async {
        let world = World::new();
        world.settles_ms.store(50, Ordering::Relaxed);
        let (here, there) = (world.node(), world.node());
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&here, RoomKind::Private, &[ann, bob]).await;
        let mut client = Client::connect(&there, bob).await;
        client.subscribe(room, None).await;
        // The room is live on that node, and its topic is not heard yet.
        world.post(&here, room, ann, "in between").await.unwrap();
        sleep(Duration::from_millis(500)).await;
        client.read();
        assert_eq!(client.texts(room), ["in between"]);
        world.post(&here, room, ann, "later").await.unwrap();
        settle().await;
        client.read();
        assert_eq!(client.texts(room), ["in between", "later"]);
    });
}
