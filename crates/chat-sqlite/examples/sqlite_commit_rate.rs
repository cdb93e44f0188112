//! How many messages a second the record takes, each acknowledged only when it is on the disk: in batches of 64, as the
//! hub's writer makes them while 64 people talk, and one at a time. `cargo run --release --example sqlite_commit_rate [DIRECTORY]`
#![allow(
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for people at a terminal"
)]

use std::time::{Duration, Instant};

use chat_domain::{
    command::{Action, Command, Draft, NewRoom},
    ids::{RoomId, UserId},
    objects::RoomKind,
    ports::{AccountStore, NewAccount, PasswordHash, RoomStore},
    timestamp::Timestamp,
    words::{DisplayName, Nonce, RoomName, Text, Username},
};
use chat_sqlite::{Settings, Sqlite};
use uuid::Uuid;

const SENDERS: usize = 64;
const TIME_EACH: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let directory = std::env::args().nth(1).map_or_else(|| tempfile::tempdir().unwrap().keep(), Into::into);
    let path = directory.join("commit_rate.db");
    let store = Sqlite::open(&path, &Settings::default()).unwrap();
    let (room, users) = people(&store).await;
    for batch in [64, 1] {
        let (sent, passed) = measure(&store, room, &users, batch).await;
        let rate = sent as f64 / passed.as_secs_f64();
        println!("batches of {batch:>2}: {rate:>8.0} messages/s, {:.0} commits/s", rate / batch as f64);
    }
    drop(store);
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", path.display())));
    }
}

async fn measure(store: &Sqlite, room: RoomId, users: &[UserId], batch: usize) -> (usize, Duration) {
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < TIME_EACH {
        let commands = (0..batch).map(|n| post(room, users[(sent + n) % users.len()], batch, sent + n)).collect();
        let answers = store.commit(commands).await.unwrap();
        assert!(answers.iter().all(Result::is_ok));
        sent += batch;
    }
    (sent, started.elapsed())
}

fn post(room: RoomId, by: UserId, batch: usize, number: usize) -> Command {
    let text = format!("{number:0>100}");
    let nonce = Some(Nonce::parse(&format!("nonce-{batch}-{number:010}")).unwrap());
    let draft = Draft { text: Text::parse(&text, 4_000).unwrap(), nonce, reply_to: None };
    Command { room, by, at: Timestamp::from_millis(1), action: Action::Post(draft) }
}

async fn people(store: &Sqlite) -> (RoomId, Vec<UserId>) {
    let mut users = Vec::new();
    for number in 1..=SENDERS {
        let name = format!("user-{number}-{}", std::process::id());
        let account = NewAccount {
            id: UserId(Uuid::from_u128(rand::random())),
            username: Username::parse(&name).unwrap(),
            display_name: DisplayName::parse(&name).unwrap(),
            password: PasswordHash(String::new()),
            at: Timestamp::from_millis(1),
        };
        users.push(store.create(account).await.unwrap().id);
    }
    let new = NewRoom {
        kind: RoomKind::Public,
        name: Some(RoomName::parse("all").unwrap()),
        topic: None,
        members: users[1..].to_vec(),
        nonce: None,
    };
    let room = RoomId(Uuid::from_u128(rand::random()));
    let create = Command { room, by: users[0], at: Timestamp::from_millis(1), action: Action::Create(new) };
    store.commit(vec![create]).await.unwrap().pop().unwrap().unwrap();
    (room, users)
}
