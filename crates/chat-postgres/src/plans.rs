//! Every statement of the record on a million messages, in the very session and plan that the record uses: rows are found by
//! an index with a condition, never by reading a table, and what is hot by the index that was made for it.
//!
//! No statement is named here: all ports are used once, and then the server is asked what it has prepared.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::Arc;

use chat_contract::{Stores, World, digest, draft, emoji, everything, named, nonce};
use chat_domain::{
    command::{Action, MemberPatch, NewRoom, RoomPatch},
    ids::{RoomId, SessionId, UserId},
    objects::{Role, RoomKind},
    pages::{Cursor, Window},
    ports::{PasswordHash, Reader},
    words::{DisplayName, Query, Username},
};
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use serde_json::Value;
use uuid::Uuid;

use crate::{Postgres, Settings};

/// A thousand rooms with a thousand messages each and fifty of a thousand people in each of them; then statistics.
const SEED: &str = "
    CREATE FUNCTION id(number int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(number::text, 32, '0')::uuid $$;
    INSERT INTO users (id, username, reserved, display_name, words, created_at)
        SELECT id(u), 'seed' || u, 'seed' || u, 'Seed ' || u, ' seed ' || u, 1
        FROM generate_series(1, 1000) AS u;
    INSERT INTO rooms (id, rev, kind, name, name_folded, slow_mode_s, created_at, pins, archived, head)
        SELECT id(r), 1, 0, 'Room ' || r, 'room ' || r, 0, 1, '{}', FALSE, 1051
        FROM generate_series(1, 1000) AS r;
    INSERT INTO members (room, user_id, rev, role, is_in, banned, joined_at)
        SELECT id(r), id(1 + (r * 7 + m) % 1000), 1 + m, 0, m % 10 > 0, m % 10 = 0, 1
        FROM generate_series(1, 1000) AS r, generate_series(1, 50) AS m;
    INSERT INTO messages (room, seq, rev, author, at, text, mentions_room, nonce, fingerprint)
        SELECT id(r), 51 + s, CASE WHEN s % 100 = 0 THEN 1051 ELSE 51 + s END,
            id(1 + (r * 7 + s % 50) % 1000), s, 'message ' || s, s % 200 = 0, 'nonce-' || s, '\\x00'
        FROM generate_series(1, 1000) AS r, generate_series(1, 1000) AS s;
    INSERT INTO search (place, room, seq, words, parts)
        SELECT nextval(pg_get_serial_sequence('search_waiting', 'place')), room, seq, to_tsvector('simple', text), replace(text, ' ', 'xy') FROM messages WHERE seq % 10 = 0;
    INSERT INTO mentions (user_id, room, seq)
        SELECT id(1 + (r * 7 + 1) % 1000), id(r), 51 + s * 20
        FROM generate_series(1, 1000) AS r, generate_series(1, 20) AS s;
    INSERT INTO reactions (room, seq, emoji, user_id)
        SELECT id(r), 52, 'x', id(1 + (r * 7 + m) % 1000)
        FROM generate_series(1, 1000) AS r, generate_series(1, 20) AS m;
    INSERT INTO sessions (id, user_id, created_at, refreshed_at, expires_at, ended_at, current)
        SELECT id(u), id(1 + u % 1000), 1, 1, 1, CASE WHEN u % 2 = 0 THEN u END,
            sha256(('token' || u)::bytea)
        FROM generate_series(1, 20000) AS u;
    ANALYZE;";

/// A new installation, with the one room that is asked about.
const NEW: &str = "
    INSERT INTO rooms (id, rev, kind, name, name_folded, slow_mode_s, created_at, pins, archived, head)
        VALUES (lpad('1', 32, '0')::uuid, 1, 0, 'Room', 'room', 0, 1, '{}', FALSE, 1051);
    INSERT INTO messages (room, seq, rev, author, at, text, mentions_room, fingerprint)
        VALUES (lpad('1', 32, '0')::uuid, 60, 60, lpad('1', 32, '0')::uuid, 1, 'hello', FALSE, '\\x00');";

/// What is hot, by a part of its text, and the indexes that it must walk (of those between bars, one).
#[rustfmt::skip]
const CLAIMS: [(&str, &[&str]); 37] = [
    ("JOIN messages AS m ON m.room = wanted.room AND m.author", &["messages_nonce"]),
    ("JOIN messages AS m ON m.room = wanted.room AND m.seq", &["messages_pkey"]),
    ("JOIN members AS m ON m.room = wanted.room AND m.user_id = wanted.user_id", &["members_pkey|members_user"]),
    ("JOIN users AS u ON u.username = wanted.name", &["users_username", "members_pkey|members_user"]),
    ("JOIN reactions AS r ON", &["reactions_pkey|reactions_mine"]),
    ("ON r.creator = wanted.creator", &["rooms_nonce"]),
    ("ON r.pair_a = wanted.a", &["rooms_pair"]),
    ("ORDER BY \"rooms\".\"id\" FOR UPDATE", &["rooms_pkey"]),
    ("UPDATE rooms SET head", &["rooms_pkey"]),
    ("UPDATE members AS m SET read_seq", &["members_pkey|members_user"]),
    ("UPDATE users SET me_seq", &["users_pkey"]),
    ("UPDATE messages AS m", &["messages_pkey"]),
    ("m.seq < $3 ORDER BY m.seq DESC LIMIT $4", &["messages_pkey", "reactions_mine"]),
    ("m.seq >= $3 ORDER BY m.seq LIMIT $4", &["messages_pkey", "reactions_mine"]),
    ("m.rev > $3 AND m.rev <> m.seq ORDER BY m.rev", &["messages_pkey", "messages_changed"]),
    ("m.rev > $2 ORDER BY m.rev", &["members_rev"]),
    ("SELECT count(*) FROM ( SELECT 1 FROM messages WHERE", &["messages_pkey", "messages_changed", "members_rev", "rooms_pkey"]),
    ("CROSS JOIN LATERAL", &["members_user", "rooms_pkey", "messages_pkey", "mentions_pkey", "messages_for_all"]),
    ("SELECT \"rooms\".\"id\", \"rooms\".\"head\", \"rooms\".\"floor\"", &["rooms_pkey"]),
    ("\"sessions\".\"ended_at\" >= $1", &["sessions_ended"]),
    ("FROM sessions WHERE current = $1", &["sessions_current", "sessions_previous", "spent_tokens_pkey", "sessions_pkey"]),
    ("FROM unnest($2) AS other", &["members_user", "members_pkey|members_user"]),
    ("strpos(r.name_folded", &["rooms_directory", "members_banned|members_user"]),
    ("AND \"members\".\"banned\")", &["members_banned"]),
    ("strpos(\"users\".\"username\"", &["users_username"]),
    ("FROM (SELECT * FROM search WHERE place < $2", &["search_pkey", "members_pkey|members_user", "messages_pkey", "reactions_mine"]),
    ("WHERE s.words @@ $4::tsquery AND", &["search_pieces", "members_pkey|members_user", "messages_pkey"]),
    ("s.parts LIKE $7 AND s.place", &["search_pieces", "members_pkey|members_user", "messages_pkey"]),
    ("AND s.words @@ $8::tsquery", &["search_pieces", "members_pkey|members_user", "messages_pkey"]),
    ("UPDATE search AS s", &["search_message"]),
    ("DELETE FROM search AS s", &["search_message"]),
    ("FROM search_waiting AS w JOIN LATERAL", &["search_waiting_pkey", "members_pkey|members_user", "messages_pkey"]),
    ("FROM search_edited AS e JOIN members", &["search_edited_pkey", "members_pkey|members_user", "search_message"]),
    ("SELECT w.place + (m.seq", &["search_waiting_pkey", "messages_pkey"]),
    ("FROM search_edited AS e JOIN messages", &["search_edited_pkey", "messages_pkey"]),
    ("DELETE FROM search_waiting", &["search_waiting_pkey"]),
    ("DELETE FROM search_edited", &["search_edited_pkey"]),
];

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    statement: String,
    #[diesel(sql_type = Array<Text>)]
    types: Vec<String>,
}

#[derive(QueryableByName)]
struct Explained {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

/// The text of each statement that this connection has prepared and that can have a plan, and its plan.
async fn explained(mut conn: &AsyncPgConnection) -> QueryResult<Vec<(String, Value)>> {
    let prepared = "SELECT name, statement, parameter_types::text[] AS types FROM pg_prepared_statements
        WHERE NOT from_sql AND statement ~ '^\\s*[(]?(WITH|SELECT|INSERT|UPDATE|DELETE)' AND statement !~ 'pg_|set_config'";
    let prepared: Vec<Prepared> = sql_query(prepared).load(&mut conn).await?;
    let mut plans = Vec::new();
    for Prepared { name, statement, types } in prepared {
        let values: Vec<String> = types.iter().map(|kind| format!("NULL::{kind}")).collect();
        let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
        let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name}{values}");
        let plan = sql_query(explain).get_result::<Explained>(&mut conn).await;
        let plan = plan.unwrap_or_else(|error| panic!("{error}: {statement}")).plan;
        let words: Vec<&str> = statement.split_whitespace().collect();
        plans.push((words.join(" "), serde_json::from_str(&plan).unwrap()));
    }
    Ok(plans)
}

/// Each node that reads a table or an index.
fn scans(plan: &Value, found: &mut Vec<Value>) {
    match plan {
        Value::Array(plans) => plans.iter().for_each(|plan| scans(plan, found)),
        Value::Object(node) => {
            let kind = node.get("Node Type").and_then(Value::as_str).unwrap_or_default();
            if kind.ends_with("Scan") && (node.contains_key("Relation Name") || node.contains_key("Index Name")) {
                found.push(plan.clone());
            }
            ["Plan", "Plans"].iter().filter_map(|inner| node.get(*inner)).for_each(|inner| scans(inner, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Uses every port, so that every statement is prepared. Nothing here asserts what comes of it.
async fn everything_is_done(world: &World) {
    let [ann, bob, eve] = world.users(["ann", "bob", "eve"]).await;
    let big = RoomId(Uuid::from_u128(1));
    let at = world.now();
    for user in [ann, bob] {
        world.ok(user, big, Action::Join).await;
    }
    let room = world.room("lobby", &[ann, bob]).await;
    let new = NewRoom { kind: RoomKind::Direct, name: None, topic: None, members: vec![bob], nonce: Some(nonce("dm")) };
    world.ok(ann, RoomId(world.id()), Action::Create(new)).await;
    let said = world.posts(ann, room, "hello @bob").await.seq;
    let patch = MemberPatch { user: eve, role: Some(Role::Admin), muted_until: None };
    for action in [
        named("again", "hello @bob and @room"),
        named("again", "hello @bob and @room"),
        Action::Edit { seq: said, text: chat_contract::text("hallo"), if_match: None },
        Action::React { seq: said, emoji: emoji("👍"), on: true },
        Action::React { seq: said, emoji: emoji("👍"), on: false },
        Action::Pin { seq: said, on: true },
        Action::Delete { seq: said, if_match: None },
        Action::Update(RoomPatch { slow_mode_s: Some(5), ..RoomPatch::default() }),
        Action::Post(chat_domain::command::Draft { reply_to: Some(said), ..draft("slow") }),
        Action::SetMember(patch),
    ] {
        world.ok(ann, room, action).await;
    }
    world.ok(bob, room, Action::Read(said)).await;
    world.stores.rooms.invite(world.invite(ann, room), digest(1)).await.unwrap();
    let hook = world.hooks(ann, room, 2).await;
    let draft = chat_domain::command::Draft { nonce: Some(nonce("built")), ..draft("built") };
    world.ok(hook.bot, room, Action::PostAsWebhook { webhook: hook.id, draft }).await;
    world.stores.webhooks.find(hook.id, digest(2)).await.unwrap().unwrap();
    world.stores.webhooks.list(ann, room, everything()).await.unwrap();
    world.stores.webhooks.remove(ann, room, hook.id).await.unwrap();
    let kim = world.user("kim").await;
    world.ok(kim, room, Action::Redeem(digest(1))).await;
    questions(world, ann, big, at).await;
    world.stores.accounts.delete(bob, at).await.unwrap();
    world.ok(ann, room, Action::Close { if_match: None }).await;
}

async fn questions(world: &World, ann: UserId, room: RoomId, at: chat_domain::timestamp::Timestamp) {
    let (log, rooms) = (&world.stores.log, &world.stores.rooms);
    for window in [Window::Latest, Window::Before(500), Window::After(500), Window::Around(500)] {
        log.history(ann, room, window, 50).await.unwrap();
    }
    log.message(ann, room, 60).await.unwrap();
    log.reactions(ann, room, 60, None, everything()).await.unwrap();
    let cursor = |after| Cursor { epoch: None, after };
    log.changes(Reader::User(ann), room, cursor(900), 100).await.unwrap();
    drop(log.changes(Reader::House, room, cursor(1), 100).await);
    log.live(room).await.unwrap();
    log.heads(&[room]).await.unwrap();
    log.acquaintances(ann, &[ann]).await.unwrap();
    for words in ["no", "nowhere", "no nowhere"] {
        // Ann is in few rooms, which are named to the index; who was there before her is in many.
        for reader in [ann, UserId(Uuid::from_u128(1))] {
            log.find(reader, &Query::parse(words).unwrap(), None, everything()).await.unwrap();
        }
    }
    rooms.sync(ann, at).await.unwrap();
    rooms.room(ann, room).await.unwrap();
    rooms.rooms_of(ann, everything()).await.unwrap();
    rooms.directory(ann, "nowhere", everything()).await.unwrap();
    rooms.members(ann, room, everything()).await.unwrap();
    drop(rooms.bans(ann, room, everything()).await);
    drop(rooms.invites(ann, room, everything()).await);
    drop(rooms.withdraw(ann, room, chat_domain::ids::InviteId(world.id())).await);
    rooms.invited_to(digest(1)).await.unwrap();
    let (accounts, sessions) = (&world.stores.accounts, &world.stores.sessions);
    let (session, end) = (world.signs_in(ann, 9).await, at.plus_millis(1_000_000));
    for (presented, successor) in [(9, 10), (10, 11), (9, 12)] {
        sessions.rotate(digest(presented), digest(successor), at, end).await.unwrap();
    }
    sessions.list(ann, at, everything()).await.unwrap();
    sessions.end_others(ann, SessionId(world.id()), at).await.unwrap();
    drop(sessions.end(ann, session, at).await);
    sessions.ended_since(at).await.unwrap();
    accounts.users(&[ann]).await.unwrap();
    accounts.search("nobody", everything()).await.unwrap();
    accounts.credentials(&Username::parse("ann").unwrap()).await.unwrap();
    accounts.password(ann).await.unwrap();
    accounts.rehash(ann, PasswordHash("old".into()), PasswordHash("new".into())).await.unwrap();
    accounts.set_password(ann, PasswordHash("new".into()), session, at).await.unwrap();
    accounts.rename(ann, DisplayName::parse("Ann").unwrap()).await.unwrap();
}

/// The statements of a record on a database of that name, after it was filled and used.
async fn plans_on(
    server: Arc<chat_testbed::Postgres>,
    database: &'static str,
    seed: &'static str,
) -> Vec<(String, Value)> {
    server.create_database(database, None).unwrap();
    let settings = Settings { readers: 1, writers: 1, ..Settings::default() };
    let store = Postgres::open(&server.url(database), &settings).await.unwrap();
    let filled = Arc::clone(&server);
    let seeded = tokio::task::spawn_blocking(move || filled.run_sql(database, seed).map(drop));
    seeded.await.unwrap().unwrap();
    everything_is_done(&World::new(Stores::of(store.clone()))).await;
    store.index_some().await.unwrap();
    let mut plans = store.read("plans", |conn| explained(conn).boxed()).await.unwrap();
    plans.extend(store.write("plans", |conn| explained(conn).map(|plans| Ok(plans?)).boxed()).await.unwrap());
    plans
}

fn assert_rows_are_found_by_indexes(plans: &[(String, Value)]) {
    assert!(plans.len() > 60, "{} statements", plans.len());
    for (statement, plan) in plans {
        let mut found = Vec::new();
        scans(plan, &mut found);
        for scan in found {
            let of_little = scan.get("Relation Name").is_some_and(|table| table == "meta" || table == "home");
            let by_index = scan["Node Type"] == "Bitmap Heap Scan" || scan.get("Index Cond").is_some();
            assert!(of_little || by_index, "{statement}\n{scan:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts PostgreSQL"]
async fn every_statement_finds_its_rows_by_an_index_with_a_condition() {
    let server = Arc::new(chat_testbed::Postgres::start().unwrap());
    // Plans that are made while the tables are empty are kept, and must be good for all that comes.
    assert_rows_are_found_by_indexes(&plans_on(Arc::clone(&server), "new", NEW).await);
    let plans = plans_on(server, "large", SEED).await;
    assert_rows_are_found_by_indexes(&plans);
    for (part, indexes) in CLAIMS {
        let hot: Vec<_> = plans.iter().filter(|(statement, _)| statement.contains(part)).collect();
        assert!(!hot.is_empty(), "no statement has {part}");
        for (statement, plan) in hot {
            let told = plan.to_string();
            for index in indexes {
                let walked = index.split('|').any(|index| told.contains(&format!("\"Index Name\":\"{index}\"")));
                assert!(walked, "{index} is not used\n{statement}\n{plan:#}");
            }
        }
    }
}
