//! One node from end to end over a record in memory: what a socket hears, and what it never hears.
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
    objects::{Epoch, RoomKind},
    pages::Cursor,
    ports::{Journal, Status},
    refusal::{Refusal, ResetReason},
    words::Emoji,
};
use chat_hub::{HubSettings, Signal, SubscribeAnswer};
use futures_util::{FutureExt, future::join_all};
use rig::{Client, World, kinds, run, settle};
use tokio::time::sleep;

#[test]
fn a_post_reaches_every_socket_of_the_room_on_every_worker_in_order() {
    run(async {
        let world = World::new();
        let node = world.node();
        let other_worker = node.hub.shard();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let mut at_one = Client::connect(&node, ann).await;
        let mut at_other = Client::connect_to(&other_worker, bob, rig::OUTBOX).await.unwrap();
        for client in [&mut at_one, &mut at_other] {
            assert!(matches!(client.subscribe(room, None).await, SubscribeAnswer::Live { .. }));
        }
        let posts = (0..50).map(|n| world.post(&node, room, if n % 2 == 0 { ann } else { bob }, "hello"));
        let numbers: Vec<_> = join_all(posts).await.into_iter().map(Result::unwrap).collect();
        assert!(numbers.is_sorted(), "numbers are given in the order of submission");
        settle().await;
        for client in [&mut at_one, &mut at_other] {
            let frames = client.read();
            assert_eq!(frames.len(), 50);
            assert_eq!(frames[0]["kind"], "message");
            assert!(frames[0]["data"]["nonce"].is_string(), "live events carry the nonce");
            assert_eq!(client.cursor(room), *numbers.last().unwrap());
        }
        let batches = world.record.batches.lock().unwrap().clone();
        assert!(batches.len() <= 3, "what arrives together is committed together: {batches:?}");
    });
}

#[test]
fn n2_a_retry_with_the_same_nonce_posts_once() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let tries = (0..50).map(|_| world.post_again(&node, room, ann, "once", "nonce-nonce"));
        let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|(seq, _)| *seq == answers[0].0));
        assert_eq!(answers.iter().filter(|(_, duplicate)| !duplicate).count(), 1);
    });
}

#[test]
fn a_resume_gets_what_it_missed_and_then_live_events() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let start = world.head(room).await;
        for n in 0..5 {
            world.post(&node, room, if n == 0 { bob } else { ann }, &format!("m{n}")).await.unwrap();
        }
        let mut client = Client::connect(&node, bob).await;
        let answer = client.subscribe(room, Some(start)).await;
        assert!(matches!(answer, SubscribeAnswer::CatchUp { .. }), "{answer:?}");
        world.post(&node, room, ann, "live").await.unwrap();
        settle().await;
        let frames = client.read();
        assert_eq!(kinds(&frames), ["batch", "event"]);
        assert_eq!(frames[0]["more"], false);
        assert_eq!(client.texts(room), ["m0", "m1", "m2", "m3", "m4", "live"]);
        let messages = frames[0]["messages"].as_array().unwrap();
        assert!(messages[0]["nonce"].is_string(), "one's own nonce");
        assert!(messages[1].get("nonce").is_none(), "not another's");
    });
}

#[test]
fn a_long_resume_comes_in_batches_of_bounded_size_that_join() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let start = world.head(room).await;
        for _ in 0..100 {
            world.post(&node, room, ann, &"я".repeat(1_000)).await.unwrap();
        }
        let mut client = Client::connect(&node, ann).await;
        client.subscribe(room, Some(start)).await;
        settle().await;
        let frames = client.read();
        assert!(frames.len() >= 3, "200 KB do not fit one frame");
        assert!(frames.iter().all(|frame| serde_json::to_vec(frame).unwrap().len() <= 64 * 1024));
        let more: Vec<_> = frames.iter().map(|frame| frame["more"].as_bool().unwrap()).collect();
        assert_eq!(more.iter().filter(|more| !**more).count(), 1);
        assert!(!more.last().unwrap());
        assert_eq!(client.cursor(room), world.head(room).await);
        assert_eq!(client.texts(room).len(), 100);
    });
}

#[test]
fn reactions_in_a_batch_say_whether_they_are_ones_own() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let seq = world.post(&node, room, ann, "hi").await.unwrap();
        let emoji = Emoji::parse("👍").unwrap();
        world.act(&node, room, ann.user, Action::React { seq, emoji, on: true }).await.unwrap();
        for (who, mine) in [(ann, true), (bob, false)] {
            let mut client = Client::connect(&node, who).await;
            client.subscribe(room, Some(seq - 1)).await;
            settle().await;
            let frames = client.read();
            assert_eq!(kinds(&frames), ["batch"]);
            assert_eq!(frames[0]["messages"][0]["reactions"][0].get("me").is_some(), mine);
        }
    });
}

#[test]
fn a_slow_consumer_is_caught_up_later_with_bounded_memory() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let limit = 100 * 1024;
        let mut slow = Client::connect_with(&node, bob, limit).await.unwrap();
        slow.subscribe(room, None).await;
        for n in 0..300 {
            world.post(&node, room, ann, &format!("{n} {}", "x".repeat(1_000))).await.unwrap();
            settle().await;
            assert!(slow.outbox.queued_bytes() <= limit);
        }
        assert!(slow.outbox.was_full());
        for _ in 0..20 {
            slow.read();
            settle().await;
        }
        assert_eq!(slow.cursor(room), world.head(room).await);
        assert_eq!(slow.texts(room).len(), 300);
        world.post(&node, room, ann, "live again").await.unwrap();
        settle().await;
        assert_eq!(kinds(&slow.read()), ["event"]);
    });
}

#[test]
fn s4_who_is_removed_hears_of_it_and_then_nothing() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let mut victim = Client::connect(&node, bob).await;
        victim.subscribe(room, None).await;
        let before = world.post(&node, room, ann, "before");
        let kick = world.act(&node, room, ann.user, Action::Remove(bob.user));
        let after = world.post(&node, room, ann, "after");
        let (before, kick, after) = tokio::join!(before, kick, after);
        assert!(before.is_ok() && kick.is_ok() && after.is_ok());
        settle().await;
        let frames = victim.read();
        assert_eq!(kinds(&frames), ["event", "event", "evicted", "event"], "{frames:?}");
        assert_eq!(frames[1]["data"]["in"], false);
        assert_eq!(frames[2]["reason"], "kicked");
        assert_eq!(frames[3]["room"], "@me");
        assert!(!victim.socket.is_subscribed(room));
        let again = victim.subscribe(room, Some(0)).await;
        assert_eq!(again, SubscribeAnswer::Error(Refusal::NotFound), "to a stranger a private room does not exist");
    });
}

#[test]
fn a_slow_consumer_who_is_removed_is_evicted_without_what_followed() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let mut slow = Client::connect_with(&node, bob, 16 * 1024).await.unwrap();
        slow.subscribe(room, None).await;
        for _ in 0..40 {
            world.post(&node, room, ann, &"x".repeat(1_000)).await.unwrap();
        }
        world.act(&node, room, ann.user, Action::Ban(bob.user)).await.unwrap();
        world.post(&node, room, ann, "secret").await.unwrap();
        for _ in 0..10 {
            settle().await;
            slow.read();
        }
        assert!(!slow.texts(room).contains(&"secret".to_owned()));
        let evicted = slow.heard.iter().find(|frame| frame["type"] == "evicted").unwrap();
        assert_eq!(evicted["reason"], "banned");
    });
}

#[test]
fn a_deleted_room_evicts_everybody_and_is_not_found_after() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Public, &[ann]).await;
        let mut client = Client::connect(&node, ann).await;
        client.subscribe(room, None).await;
        world.act(&node, room, ann.user, Action::Close { if_match: None }).await.unwrap();
        settle().await;
        let frames = client.read();
        assert!(frames.iter().any(|frame| frame["type"] == "evicted" && frame["reason"] == "deleted"), "{frames:?}");
        assert_eq!(client.subscribe(room, None).await, SubscribeAnswer::Error(Refusal::NotFound));
    });
}

#[test]
fn cursors_that_cannot_be_served_are_reset_with_their_reason() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        for _ in 0..1_100 {
            world.post(&node, room, ann, "m").await.unwrap();
        }
        let head = world.head(room).await;
        let mut client = Client::connect(&node, ann).await;
        let reason = |answer: SubscribeAnswer| {
            let SubscribeAnswer::Reset { reason, log } = answer else { panic!("{answer:?}") };
            assert_eq!(log.head, head);
            reason
        };
        assert_eq!(reason(client.subscribe(room, Some(head + 1)).await), ResetReason::Ahead);
        assert_eq!(reason(client.subscribe(room, Some(1)).await), ResetReason::TooFar);
        let cursor = Cursor { epoch: Some(Epoch("another".into())), after: head };
        assert_eq!(reason(client.resume(room, Some(cursor)).await), ResetReason::Epoch);
        world.record.memory.purge(room, head - 5);
        sleep(Duration::from_secs(6)).await;
        assert_eq!(reason(client.subscribe(room, Some(head - 6)).await), ResetReason::Purged);
        assert!(!client.socket.is_subscribed(room));
        assert!(matches!(client.subscribe(room, Some(head - 5)).await, SubscribeAnswer::CatchUp { .. }));
    });
}

#[test]
fn a_restored_record_resets_every_listener() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let mut client = Client::connect(&node, ann).await;
        client.subscribe(room, None).await;
        let epoch = world.record.memory.rewind();
        sleep(Duration::from_secs(6)).await;
        let frames = client.read();
        assert_eq!(kinds(&frames), ["reset"]);
        assert_eq!((&frames[0]["reason"], &frames[0]["epoch"]), (&"epoch".into(), &epoch.0.as_ref().into()));
        assert!(!client.socket.is_subscribed(room));
    });
}

#[test]
fn thousands_who_come_back_at_once_cost_a_handful_of_queries() {
    run(async {
        let world = World::new();
        let node = world.node_with(HubSettings { sockets_per_user: None, ..HubSettings::default() });
        let ann = world.user("ann").await;
        let mut rooms = Vec::new();
        for _ in 0..20 {
            let room = world.room(&node, RoomKind::Private, &[ann]).await;
            for n in 0..30 {
                world.post(&node, room, ann, &n.to_string()).await.unwrap();
            }
            rooms.push(room);
        }
        // Another node that knows nothing yet, as after a restart, and nothing is kept anywhere.
        world.tail.forget();
        let fresh = world.node_with(HubSettings { sockets_per_user: None, ..HubSettings::default() });
        world.record.reads.store(0, Ordering::Relaxed);
        let resumes = (0..2_000_u64).map(|n| {
            let (fresh, room) = (&fresh, rooms[n as usize % rooms.len()]);
            async move {
                let mut client = Client::connect(fresh, ann).await;
                client.subscribe(room, Some(2 + n % 25)).await;
                client
            }
        });
        let mut clients = join_all(resumes).await;
        settle().await;
        for (n, client) in clients.iter_mut().enumerate() {
            client.read();
            assert_eq!(client.cursor(rooms[n % rooms.len()]), 32);
        }
        let reads = world.record.reads.load(Ordering::Relaxed);
        assert!(reads <= 100, "{reads} queries for 2,000 clients");
    });
}

#[test]
fn a_worker_whose_mailbox_overflows_heals_from_the_cursors() {
    run(async {
        let world = World::new();
        let node = world.node_with(HubSettings { shard_queue: 3, ..HubSettings::default() });
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let mut client = Client::connect(&node, bob).await;
        client.subscribe(room, None).await;
        join_all((0..50).map(|n| world.post(&node, room, ann, if n == 0 { "first" } else { "m" }))).await;
        settle().await;
        client.read();
        assert_eq!(client.texts(room).len(), 50);
        assert_eq!(client.cursor(room), world.head(room).await);
    });
}

#[test]
fn a_record_that_is_down_refuses_each_and_recovers() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        world.record.is_down.store(true, Ordering::Relaxed);
        for answer in join_all((0..3).map(|_| world.post(&node, room, ann, "m"))).await {
            assert!(matches!(answer, Err(Refusal::Unavailable(_))));
        }
        let mut client = Client::connect(&node, ann).await;
        assert!(matches!(client.subscribe(room, None).await, SubscribeAnswer::Error(Refusal::Unavailable(_))));
        world.record.is_down.store(false, Ordering::Relaxed);
        assert!(matches!(client.subscribe(room, None).await, SubscribeAnswer::Live { .. }));
        world.post(&node, room, ann, "m").await.unwrap();
        settle().await;
        assert_eq!(kinds(&client.read()), ["event"]);
    });
}

#[test]
fn a_commit_that_takes_too_long_is_announced_after_all() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let mut client = Client::connect(&node, ann).await;
        client.subscribe(room, None).await;
        world.record.commit_ms.store(15_000, Ordering::Relaxed);
        let first = world.post(&node, room, ann, "slow");
        let second = async {
            sleep(Duration::from_secs(11)).await;
            world.post(&node, room, ann, "refused").await
        };
        let (first, second) = tokio::join!(first, second);
        assert!(matches!((first, second), (Err(Refusal::Unavailable(_)), Err(Refusal::Unavailable(_)))));
        sleep(Duration::from_secs(6)).await;
        client.read();
        assert_eq!(client.texts(room), ["slow"]);
        world.record.commit_ms.store(0, Ordering::Relaxed);
        world.post(&node, room, ann, "quick").await.unwrap();
    });
}

#[test]
fn a_full_writer_refuses_at_once() {
    run(async {
        let world = World::new();
        let node = world.node_with(HubSettings { writer_queue: 2, ..HubSettings::default() });
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let answers = join_all((0..5).map(|_| world.post(&node, room, ann, "m"))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    });
}

#[test]
fn a_drain_tells_every_socket_and_then_flushes_the_writer() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let mut clients = Vec::new();
        for _ in 0..10 {
            clients.push(Client::connect(&node, ann).await);
        }
        world.record.commit_ms.store(1_000, Ordering::Relaxed);
        let last = world.post(&node, room, ann, "last words");
        let leave = async {
            for client in clients {
                let Signal::Close { code, reconnect, retry_ms, .. } = client.signals.next().await;
                assert_eq!((code, reconnect), (1012, true));
                assert!(retry_ms.is_some());
            }
        };
        let hub = node.hub.clone();
        let (_, last, ()) = tokio::join!(hub.drain(Duration::from_secs(20)), last, leave);
        assert!(last.is_ok(), "what was taken is committed");
        assert!(matches!(world.post(&node, room, ann, "late").await, Err(Refusal::Unavailable(_))));
        assert!(Client::connect_with(&node, ann, 1_000).await.is_err());
    });
}

#[test]
fn the_oldest_of_too_many_sockets_goes() {
    run(async {
        let world = World::new();
        let node = world.node_with(HubSettings { sockets_per_user: Some(2), ..HubSettings::default() });
        let ann = world.user("ann").await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(Client::connect(&node, ann).await);
        }
        let Signal::Close { code, .. } = clients[0].signals.next().await;
        assert_eq!(code, 4409);
        settle().await;
        assert!(clients[1].signals.next().now_or_never().is_none());
    });
}

#[test]
fn hints_reach_every_socket_of_the_user_and_the_heartbeat_tells_their_number() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let mut phone = Client::connect(&node, bob).await;
        let mut laptop = Client::connect(&node, bob).await;
        let before = phone.seq;
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        settle().await;
        for client in [&mut phone, &mut laptop] {
            let frames = client.read();
            assert_eq!(frames.len(), 1);
            assert_eq!((&frames[0]["room"], &frames[0]["kind"]), (&"@me".into(), &"rooms".into()));
            assert_eq!(frames[0]["seq"], before + 1);
            assert_eq!(frames[0]["data"]["room"], room.to_string());
            assert_eq!(client.socket.heartbeat().seq, before + 1);
        }
    });
}

#[test]
fn a_heartbeat_tells_the_heads_that_moved() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let mut client = Client::connect(&node, ann).await;
        client.subscribe(room, None).await;
        assert!(client.socket.heartbeat().heads.is_empty());
        let seq = world.post(&node, room, ann, "m").await.unwrap();
        settle().await;
        assert_eq!(client.socket.heartbeat().heads, [(room, seq)]);
        assert!(client.socket.heartbeat().heads.is_empty());
    });
}

#[test]
fn presence_is_told_to_those_who_watch_and_offline_comes_late() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob, eve) = (world.user("ann").await, world.user("bob").await, world.user("eve").await);
        world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let mut watcher = Client::connect(&node, ann).await;
        let stranger = Client::connect(&node, eve).await;
        watcher.socket.watch(vec![bob.user, eve.user]).await.unwrap();
        let said = |client: &mut Client| -> Vec<String> {
            let frames = client.read();
            let presence = frames.iter().filter(|frame| frame["type"] == "presence");
            presence.map(|frame| frame["status"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(said(&mut watcher), ["offline"], "who shares no room is ignored");
        let watched = Client::connect(&node, bob).await;
        settle().await;
        assert_eq!(said(&mut watcher), ["online"]);
        watched.socket.set_status(Status::Away);
        settle().await;
        assert_eq!(said(&mut watcher), ["away"]);
        drop(watched);
        sleep(Duration::from_secs(4)).await;
        assert!(said(&mut watcher).is_empty());
        let back = Client::connect(&node, bob).await;
        settle().await;
        assert_eq!(said(&mut watcher), ["online"]);
        drop(back);
        sleep(Duration::from_secs(6)).await;
        assert_eq!(said(&mut watcher), ["offline"]);
        drop(stranger);
    });
}

#[test]
fn typing_is_heard_by_others_and_only_from_those_who_may_speak() {
    run(async {
        let world = World::new();
        let node = world.node();
        let (ann, bob, eve) = (world.user("ann").await, world.user("bob").await, world.user("eve").await);
        let room = world.room(&node, RoomKind::Private, &[ann, bob]).await;
        let mut typist = Client::connect(&node, ann).await;
        let mut other = Client::connect(&node, bob).await;
        let stranger = Client::connect(&node, eve).await;
        typist.subscribe(room, None).await;
        other.subscribe(room, None).await;
        typist.socket.typing(room, true).await;
        stranger.socket.typing(room, true).await;
        settle().await;
        let frames = other.read();
        assert_eq!(kinds(&frames), ["typing"]);
        assert_eq!((&frames[0]["user"], &frames[0]["ttl_ms"]), (&ann.user.to_string().into(), &6_000.into()));
        assert!(typist.read().is_empty());
    });
}

#[test]
fn s2_an_ended_session_closes_its_sockets_and_lets_nobody_in() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let client = Client::connect(&node, ann).await;
        node.hub.end_sessions(&[ann.session]);
        let Signal::Close { code, reconnect, .. } = client.signals.next().await;
        assert_eq!((code, reconnect), (4403, false));
        assert!(node.hub.is_ended(ann.session));
        let again = Client::connect_with(&node, ann, 1_000).await;
        assert!(matches!(again.err(), Some(Refusal::SessionRevoked)));
    });
}

#[test]
fn a_socket_that_is_dropped_leaves_nothing_behind() {
    run(async {
        let world = World::new();
        let node = world.node();
        let ann = world.user("ann").await;
        let room = world.room(&node, RoomKind::Private, &[ann]).await;
        let mut client = Client::connect(&node, ann).await;
        client.subscribe(room, None).await;
        drop(client);
        // After the linger the room is let go of: nothing is read for it any more.
        sleep(Duration::from_secs(60)).await;
        world.record.reads.store(0, Ordering::Relaxed);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(world.record.reads.load(Ordering::Relaxed), 0);
    });
}
