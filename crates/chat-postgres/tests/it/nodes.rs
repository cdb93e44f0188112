//! Several nodes on one database at once: two handles that know nothing of each other.

use std::{collections::BTreeSet, sync::Arc};

use chat_contract::{Stores, World, digest, draft, emoji, everything, named, nonce};
use chat_domain::{
    command::{Action, Command, NewRoom, Outcome, Reply},
    ids::{RoomId, Seq, SessionId, UserId},
    objects::{Member, Message, RoomKind},
    pages::Cursor,
    ports::{AccountStore, LogStore, NewSession, PasswordHash, Reader, RoomStore, Rotation, SessionStore},
    refusal::Refusal,
};
use chat_postgres::Postgres;
use futures_util::future::join_all;

use crate::fixture::{Fresh, fresh};

/// Two nodes, people and rooms.
struct Cluster {
    world: World,
    nodes: [Postgres; 2],
    fresh: Fresh,
}

async fn cluster() -> Cluster {
    let fresh = fresh().await;
    let nodes = [fresh.store.clone(), fresh.other_node().await];
    Cluster { world: fresh.world(), nodes, fresh }
}

impl Cluster {
    /// Every command is a batch of its own; all at once, alternating between the nodes.
    async fn at_once(&self, commands: impl IntoIterator<Item = Command>) -> Vec<Result<Outcome, Refusal>> {
        self.batches_at_once(commands.into_iter().map(|command| vec![command])).await.into_iter().flatten().collect()
    }

    async fn batches_at_once(
        &self,
        batches: impl IntoIterator<Item = Vec<Command>>,
    ) -> Vec<Vec<Result<Outcome, Refusal>>> {
        let tasks = batches.into_iter().enumerate().map(|(at, batch)| {
            let node = self.nodes[at % 2].clone();
            tokio::spawn(async move { node.commit(batch).await.unwrap() })
        });
        // All tasks are started before the first is waited for.
        join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
    }
}

fn seqs(outcomes: &[Result<Outcome, Refusal>]) -> Vec<Seq> {
    let mut seqs: Vec<_> =
        outcomes.iter().flatten().flat_map(|outcome| outcome.events.iter().map(|event| event.seq)).collect();
    seqs.sort_unstable();
    seqs
}

fn room_of(outcome: &Result<Outcome, Refusal>) -> (RoomId, bool) {
    let Reply::Room { room, changed } = &outcome.as_ref().unwrap().reply else { panic!("{outcome:?}") };
    (room.id, *changed)
}

/// One changed room at the most, and everybody found that one.
fn assert_one_room(outcomes: &[Result<Outcome, Refusal>]) -> RoomId {
    let rooms: BTreeSet<RoomId> = outcomes.iter().map(|outcome| room_of(outcome).0).collect();
    assert_eq!(rooms.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| room_of(outcome).1).count(), 1, "one made it");
    *rooms.first().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_one_nonce_fifty_times_in_parallel_on_two_nodes_is_one_message() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let command = world.command(ann, room, named("same", "hello"));
    let outcomes = cluster.at_once((0..50).map(|_| command.clone())).await;
    let told: Vec<(Arc<Message>, bool)> = outcomes
        .into_iter()
        .map(|outcome| {
            let Reply::Posted { message, duplicate } = outcome.unwrap().reply else { panic!() };
            (message, duplicate)
        })
        .collect();
    assert_eq!(told.iter().filter(|(_, duplicate)| !duplicate).count(), 1);
    assert!(told.iter().all(|(message, _)| *message == told[0].0), "all answers are equal");
    assert_eq!(world.head(room).await, told[0].0.seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_make_one_pairs_room_at_once_make_one() {
    let cluster = cluster().await;
    let world = &cluster.world;
    for number in 0..20 {
        let (ann, bob) = (world.user(&format!("ann{number}")).await, world.user(&format!("bob{number}")).await);
        let make = |by, other| {
            let new = NewRoom { kind: RoomKind::Direct, name: None, topic: None, members: vec![other], nonce: None };
            world.command(by, RoomId(world.id()), Action::Create(new))
        };
        let outcomes = cluster.at_once([make(ann, bob), make(bob, ann), make(ann, bob), make(bob, ann)]).await;
        let room = assert_one_room(&outcomes);
        assert_eq!(world.head(room).await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_make_a_room_under_one_nonce_at_once_make_one_and_spoil_nothing_beside_it() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let ann = world.user("ann").await;
    let lobby = world.room("lobby", &[ann]).await;
    for number in 0..20 {
        let make = || {
            let (name, nonce) = (None, Some(nonce(&format!("{number:04}"))));
            let new = NewRoom { kind: RoomKind::Private, name, topic: None, members: Vec::new(), nonce };
            world.command(ann, RoomId(world.id()), Action::Create(new))
        };
        let post = || world.command(ann, lobby, Action::Post(draft("beside it")));
        let answers = cluster.batches_at_once((0..4).map(|_| vec![post(), make(), post()])).await;
        let made: Vec<_> = answers.iter().map(|answers| answers[1].clone()).collect();
        assert_one_room(&made);
        assert!(answers.iter().all(|answers| answers[0].is_ok() && answers[2].is_ok()), "{answers:?}");
    }
    assert_eq!(world.head(lobby).await, 2 + 20 * 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_holes_and_are_seen_in_their_order_while_two_nodes_write() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let ann = world.user("ann").await;
    let rooms = [world.room("one", &[ann]).await, world.room("two", &[ann]).await];
    let (first, total): (Seq, Seq) = (world.head(rooms[0]).await, 200);
    let reader = cluster.nodes[1].clone();
    let watching = tokio::spawn(async move {
        let mut seen = first;
        while seen < first + total {
            let cursor = Cursor { epoch: None, after: seen };
            let changes = reader.changes(Reader::House, rooms[0], cursor, 500).await.unwrap();
            let found: Vec<Seq> = changes.messages.iter().map(|message| message.seq).collect();
            assert_eq!(found, (seen + 1..=changes.head).collect::<Vec<_>>(), "what is above the head comes later");
            seen = changes.head;
        }
    });
    // Opposite orders of rooms, so that wrong locking would end in deadlocks.
    let batches = (0..total).map(|number| {
        let mut both = rooms.map(|room| world.command(ann, room, Action::Post(draft("hello"))));
        if number % 2 == 1 {
            both.reverse();
        }
        both.to_vec()
    });
    let outcomes: Vec<_> = cluster.batches_at_once(batches).await.into_iter().flatten().collect();
    for room in rooms {
        let of_room: Vec<_> =
            outcomes.iter().filter(|outcome| outcome.as_ref().unwrap().events[0].room == room).cloned().collect();
        assert_eq!(seqs(&of_room), (first + 1..=first + total).collect::<Vec<_>>());
        assert_eq!(world.head(room).await, first + total);
    }
    watching.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_of_one_user_from_many_rooms_and_two_nodes_have_no_holes() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let [ann, bob] = world.users(["ann", "bob"]).await;
    let mut rooms = Vec::new();
    for number in 0..10 {
        rooms.push(world.room(&format!("room {number}"), &[ann, bob]).await);
        world.posts(ann, rooms[number], "news").await;
    }
    let before = [world.hints(ann).await, world.hints(bob).await];
    // Each batch moves markers of both, in either order.
    let read = |user, room| world.command(user, room, Action::Read(4));
    let batches = rooms.iter().enumerate().map(|(at, room)| {
        let both = [read(ann, *room), read(bob, *room)];
        if at % 2 == 0 { both.to_vec() } else { both.into_iter().rev().collect() }
    });
    let outcomes: Vec<_> = cluster.batches_at_once(batches).await.into_iter().flatten().collect();
    for (user, before) in [ann, bob].into_iter().zip(before) {
        let hints = outcomes.iter().flat_map(|outcome| outcome.as_ref().unwrap().hints.clone());
        let mut numbers: Vec<Seq> = hints.filter(|hint| hint.user == user).map(|hint| hint.seq).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (before + 1..=before + 10).collect::<Vec<_>>());
        assert_eq!(world.hints(user).await, before + 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_while_it_enters_rooms_is_in_none_afterwards() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let host = world.user("host").await;
    let mut rooms = Vec::new();
    for number in 0..8 {
        rooms.push(world.room(&format!("room {number}"), &[host]).await);
    }
    for round in 0..12 {
        let guest = world.user(&format!("guest{round}")).await;
        world.ok(guest, rooms[0], Action::Join).await;
        let at = world.now();
        let node = cluster.nodes[round % 2].clone();
        let deleting = tokio::spawn(async move { node.delete(guest, at).await });
        let joins = rooms[1..].iter().map(|room| world.command(guest, *room, Action::Join));
        let joined = cluster.at_once(joins.collect::<Vec<_>>()).await;
        let departure = deleting.await.unwrap().unwrap();
        let left: BTreeSet<RoomId> = departure.outcomes.iter().map(|outcome| outcome.events[0].room).collect();
        let entered: BTreeSet<RoomId> = joined.iter().flatten().map(|outcome| outcome.events[0].room).collect();
        let refused = joined.iter().filter(|outcome| matches!(outcome, Err(Refusal::Unauthenticated))).count();
        assert_eq!(entered.len() + refused, joined.len(), "{joined:?}");
        assert_eq!(left, entered.into_iter().chain([rooms[0]]).collect(), "every room that was entered is left");
        for room in &rooms {
            assert_eq!(world.member(*room, guest).await, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_share_all_their_rooms_are_deleted_at_once() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(world.user(&format!("user{number}")).await);
    }
    let mut rooms = Vec::new();
    for number in 0..6 {
        let mut members = people.clone();
        members.rotate_left(number);
        rooms.push(world.room(&format!("room {number}"), &members).await);
    }
    let tasks = people.iter().enumerate().map(|(at, user)| {
        let (node, user, now) = (cluster.nodes[at % 2].clone(), *user, world.now());
        tokio::spawn(async move { node.delete(user, now).await.unwrap() })
    });
    let departures: Vec<_> = join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
    assert!(departures.iter().all(|departure| departure.outcomes.len() == rooms.len()));
    for room in rooms {
        assert_eq!(world.stores.log.live(room).await.unwrap().unwrap().members, []);
        let cursor = Cursor { epoch: None, after: 0 };
        let changes = world.stores.log.changes(Reader::House, room, cursor, 500).await.unwrap();
        let heirs = |member: &&Arc<Member>| member.rev > 9;
        assert!(changes.members.iter().filter(heirs).count() == people.len(), "everybody left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_stays_signed_in_to_an_account_that_is_deleted_meanwhile() {
    let cluster = cluster().await;
    let world = &cluster.world;
    for round in 0..10 {
        let ann = world.user(&format!("ann{round}")).await;
        let (at, expires_at) = (world.now(), world.now().plus_millis(1_000_000));
        let password = world.hash(ann).await;
        let sign_in = |number: u64| NewSession {
            id: SessionId(world.id()),
            user: ann,
            password: password.clone(),
            device: None,
            refresh: digest(round * 100 + number),
            at,
            expires_at,
        };
        let opening = (0..8).zip(cluster.nodes.iter().cycle()).map(|(number, node)| (node.clone(), sign_in(number)));
        let opening: Vec<_> = opening
            .map(|(node, session)| {
                let id = session.id;
                tokio::spawn(async move { node.open(session).await.map(|()| id) })
            })
            .collect();
        let deleted = cluster.nodes[0].delete(ann, at).await.unwrap();
        let mut opened = Vec::new();
        for session in join_all(opening).await {
            match session.unwrap() {
                Ok(id) => opened.push(id),
                Err(refusal) => assert_eq!(refusal, Refusal::NotFound),
            }
        }
        opened.sort_unstable();
        assert_eq!(deleted.sessions, opened, "every sign-in that came before has ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_one_lets_one_in_on_two_nodes() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let host = world.user("host").await;
    let room = world.private("club", &[host]).await;
    let invite = chat_domain::objects::Invite { max_uses: Some(1), ..world.invite(host, room) };
    world.stores.rooms.invite(invite, digest(1)).await.unwrap();
    let mut guests = Vec::new();
    for number in 0..10 {
        guests.push(world.user(&format!("guest{number}")).await);
    }
    let redeem = guests.iter().map(|guest| world.command(*guest, room, Action::Redeem(digest(1))));
    let outcomes = cluster.at_once(redeem.collect::<Vec<_>>()).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().flat_map(Result::as_ref).all(|outcome| outcome.events.len() == 1));
    assert_eq!(world.stores.rooms.invites(host, room, everything()).await.unwrap().items[0].uses, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_is_given_out_once_on_two_nodes() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let tasks = (0..10).map(|at| {
        let (node, account) = (cluster.nodes[at % 2].clone(), world.account("ann"));
        tokio::spawn(async move { node.create(account).await })
    });
    let made: Vec<_> = join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|user| user.is_ok()).count(), 1);
    assert_eq!(made.iter().filter(|user| matches!(user, Err(Refusal::UsernameTaken))).count(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_token_presented_to_two_nodes_at_once_leaves_one_successor() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let ann = world.user("ann").await;
    world.signs_in(ann, 1).await;
    let (at, end) = (world.now(), world.now().plus_millis(1_000_000));
    for round in 0..10_u64 {
        let presented = digest(if round == 0 { 1 } else { round * 100 });
        let successors: Vec<u64> = (0..6).map(|number| (round + 1) * 1_000 + number).collect();
        let tasks = successors.iter().enumerate().map(|(nth, successor)| {
            let (node, successor) = (cluster.nodes[nth % 2].clone(), digest(*successor));
            tokio::spawn(async move { node.rotate(presented, successor, at, end).await.unwrap() })
        });
        for rotated in join_all(tasks.collect::<Vec<_>>()).await {
            assert!(matches!(rotated.unwrap(), Rotation::Rotated { user, .. } if user.id == ann));
        }
        // The last of them dropped the others; presenting the one that counts goes on with the chain.
        let next = digest((round + 1) * 100);
        let mut good = 0;
        for successor in successors {
            let rotated = world.stores.sessions.rotate(digest(successor), next, at, end).await.unwrap();
            good += usize::from(matches!(rotated, Rotation::Rotated { .. }));
            assert!(matches!(rotated, Rotation::Rotated { .. } | Rotation::Unknown), "{rotated:?}");
        }
        assert_eq!(good, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_get_into_no_tangle_with_changes_of_the_password_or_the_end_of_the_account() {
    let cluster = cluster().await;
    let world = &cluster.world;
    for round in 0..60_u64 {
        let ann = world.user(&format!("ann{round}")).await;
        let keep = world.signs_in(ann, round * 100).await;
        let tokens: Vec<u64> = (1..=6).map(|number| round * 100 + number).collect();
        for token in &tokens {
            world.signs_in(ann, *token).await;
        }
        let (at, end) = (world.now(), world.now().plus_millis(1_000_000));
        let refreshes = tokens.into_iter().zip(cluster.nodes.iter().cycle()).map(|(token, node)| {
            let node = node.clone();
            tokio::spawn(async move { node.rotate(digest(token), digest(token + 50), at, end).await })
        });
        let refreshes: Vec<_> = refreshes.collect();
        let node = &cluster.nodes[usize::from(round % 2 == 0)];
        if round % 6 == 5 {
            node.delete(ann, at).await.unwrap();
        } else {
            node.set_password(ann, PasswordHash(format!("hash {round}")), keep, at).await.unwrap();
        }
        for refreshed in join_all(refreshes).await {
            let refreshed = refreshed.unwrap().unwrap();
            assert!(matches!(refreshed, Rotation::Rotated { .. } | Rotation::Ended), "{refreshed:?}");
        }
    }
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(cluster.fresh.database().sql(deadlocks).trim(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once_on_two_nodes_keeps_the_log_whole() {
    let cluster = cluster().await;
    let world = &cluster.world;
    let mut people: Vec<UserId> = Vec::new();
    for number in 0..6 {
        people.push(world.user(&format!("user{number}")).await);
    }
    let rooms =
        [world.room("one", &people).await, world.room("two", &people).await, world.room("three", &people).await];
    for room in rooms {
        world.posts(people[0], room, "first").await;
    }
    let first = 8; // the room, six people, one message
    let batches = (0..120_usize).map(|number| {
        let (by, other) = (people[number % 6], people[(number + 1 + number / 6 % 5) % 6]);
        let rooms = [rooms[number % 3], rooms[(number + 1) % 3]];
        let react = Action::React { seq: first, emoji: emoji("👍"), on: number % 2 == 0 };
        let actions = [Action::Post(draft("hello @user1")), react, Action::Read(first), Action::Ban(other)];
        let actions = actions.into_iter().chain([Action::Unban(other), Action::Join, Action::Remove(by)]);
        actions.enumerate().map(|(at, action)| world.command(by, rooms[at % 2], action)).collect::<Vec<_>>()
    });
    let outcomes: Vec<_> = cluster.batches_at_once(batches).await.into_iter().flatten().collect();
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, Err(Refusal::Unavailable(_)))));
    for room in rooms {
        let events = outcomes.iter().flatten().flat_map(|outcome| outcome.events.iter());
        let mut seqs: Vec<Seq> = events.filter(|event| event.room == room).map(|event| event.seq).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (first + 1..=world.head(room).await).collect::<Vec<_>>());
    }
    let other = World::new(Stores::of(cluster.nodes[1].clone()));
    for room in rooms {
        assert_eq!(world.state(room).await, other.state(room).await);
    }
}
