//! How many messages a second the record takes, each acknowledged only when it is on the disk: by group commit, as the hub's
//! writer does it (whatever arrives while a transaction is under way becomes the next batch of its lane), beside one
//! transaction a message; in one hot room and in a thousand rooms.
//!
//! `cargo run --release -p chat-postgres --example postgres_commit_rate -- postgres://USER@HOST/DATABASE [SECONDS EACH [SENDERS,… [ROAD,…]]]`,
//! on a database of its own.
#![allow(
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for people at a terminal"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chat_domain::{
    command::{Action, Command, Draft, NewRoom, Outcome},
    ids::{RoomId, UserId},
    objects::RoomKind,
    ports::{AccountStore, NewAccount, PasswordHash, RoomStore},
    refusal::Refusal,
    timestamp::Timestamp,
    words::{DisplayName, Nonce, RoomName, Text, Username},
};
use chat_postgres::{Postgres, Settings};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const ROOMS: usize = 1_000;
const PEOPLE: usize = 64;
const LANES: usize = 2;
const BATCH: usize = 500;

type Waiting = (Command, oneshot::Sender<Result<Outcome, Refusal>>);

/// How a sender's message is committed.
#[derive(Clone)]
enum Road {
    /// With others.
    Lanes(Vec<mpsc::Sender<Waiting>>),
    /// In a transaction of its own.
    Alone(Postgres),
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap();
    let time_each = Duration::from_secs(arguments.next().map_or(3, |seconds| seconds.parse().unwrap()));
    let store = Postgres::open(&url, &Settings::default()).await.unwrap();
    let (rooms, people) = world(&store).await;
    println!("senders  rooms  road       messages/s  p50 ms  p99 ms  messages/transaction");
    let senders = arguments.next().unwrap_or_else(|| "64,1024".to_owned());
    let roads = arguments.next().unwrap_or_else(|| "lanes,alone".to_owned());
    for senders in senders.split(',').map(|number| number.parse().unwrap()) {
        for rooms in [&rooms[..1], &rooms[..]] {
            for name in roads.split(',') {
                BATCHES.store(0, Ordering::Relaxed);
                let road = if name == "lanes" { Road::Lanes(lanes(&store)) } else { Road::Alone(store.clone()) };
                let (took, passed) = measure(&road, senders, rooms, &people, time_each).await;
                let rate = took.len() as f64 / passed.as_secs_f64();
                let each = took.len() as f64 / BATCHES.load(Ordering::Relaxed) as f64;
                let (half, most) = (percentile(&took, 0.5), percentile(&took, 0.99));
                println!(
                    "{senders:>7} {:>6}  {name:<9} {rate:>11.0} {half:>7.1} {most:>7.1} {each:>21.1}",
                    rooms.len()
                );
            }
        }
    }
}

/// Transactions of the present measurement.
static BATCHES: AtomicUsize = AtomicUsize::new(0);

fn percentile(took: &[f64], part: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    took.get((took.len() as f64 * part) as usize).copied().unwrap_or_default()
}

/// Sorted times in milliseconds, one for each message.
async fn measure(
    road: &Road,
    senders: usize,
    rooms: &[RoomId],
    people: &[UserId],
    time: Duration,
) -> (Vec<f64>, Duration) {
    let started = Instant::now();
    let mut sending = Vec::new();
    for sender in 0..senders {
        let (road, rooms, by) = (road.clone(), Arc::<[RoomId]>::from(rooms), people[sender % people.len()]);
        sending.push(tokio::spawn(async move {
            let mut took = Vec::new();
            while started.elapsed() < time {
                let room = rooms[(sender + took.len() * 7) % rooms.len()];
                let sent = Instant::now();
                send(&road, post(room, by)).await;
                took.push(sent.elapsed().as_secs_f64() * 1_000.0);
            }
            took
        }));
    }
    let mut took = Vec::new();
    for sender in sending {
        took.extend(sender.await.unwrap());
    }
    let passed = started.elapsed();
    took.sort_by(f64::total_cmp);
    (took, passed)
}

async fn send(road: &Road, command: Command) {
    match road {
        Road::Lanes(lanes) => {
            let lane = &lanes[command.room.0.as_bytes()[15] as usize % lanes.len()];
            let (reply, answer) = oneshot::channel();
            lane.send((command, reply)).await.unwrap();
            answer.await.unwrap().unwrap();
        }
        Road::Alone(store) => {
            BATCHES.fetch_add(1, Ordering::Relaxed);
            store.commit(vec![command]).await.unwrap().pop().unwrap().unwrap();
        }
    }
}

fn lanes(store: &Postgres) -> Vec<mpsc::Sender<Waiting>> {
    let lane = |_| {
        let (lane, mut waiting) = mpsc::channel::<Waiting>(BATCH * 4);
        let store = store.clone();
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                let (commands, replies): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
                BATCHES.fetch_add(1, Ordering::Relaxed);
                let answers = store.commit(commands).await.unwrap();
                for (reply, answer) in replies.into_iter().zip(answers) {
                    drop(reply.send(answer));
                }
            }
        });
        lane
    };
    (0..LANES).map(lane).collect()
}

fn post(room: RoomId, by: UserId) -> Command {
    let number: u128 = rand::random();
    let nonce = Some(Nonce::parse(&format!("{number:032x}")).unwrap());
    let draft = Draft { text: Text::parse(&format!("{number:0>100}"), 4_000).unwrap(), nonce, reply_to: None };
    Command { room, by, at: Timestamp::from_millis(1), action: Action::Post(draft) }
}

async fn world(store: &Postgres) -> (Vec<RoomId>, Vec<UserId>) {
    let mut people = Vec::new();
    let run: u32 = rand::random();
    for number in 0..PEOPLE {
        let name = format!("user-{number}-{run:x}");
        let account = NewAccount {
            id: UserId(Uuid::from_u128(rand::random())),
            username: Username::parse(&name).unwrap(),
            display_name: DisplayName::parse(&name).unwrap(),
            password: PasswordHash(String::new()),
            at: Timestamp::from_millis(1),
        };
        people.push(store.create(account).await.unwrap().id);
    }
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        let new = NewRoom {
            kind: RoomKind::Public,
            name: Some(RoomName::parse("all").unwrap()),
            topic: None,
            members: people[1..].to_vec(),
            nonce: None,
        };
        let room = RoomId(Uuid::from_u128(rand::random()));
        let create = Command { room, by: people[0], at: Timestamp::from_millis(1), action: Action::Create(new) };
        store.commit(vec![create]).await.unwrap().pop().unwrap().unwrap();
        rooms.push(room);
    }
    (rooms, people)
}
