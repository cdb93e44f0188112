//! A process that is killed in the middle of writing: what it acknowledged is there, nothing is half there.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use chat_contract::{Stores, World, named};
use chat_domain::{ids::RoomId, objects::Message, pages::Cursor, ports::Reader};
use chat_sqlite::{Settings, Sqlite};
use uuid::Uuid;

const DIRECTORY: &str = "CHAT_SQLITE_TEST_DIRECTORY";
const ACKNOWLEDGED: usize = 200;
/// Of one process; [`World`] numbers the ids it gives from 1, and makes one person before the room.
const ROOM: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0002;

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there_and_nothing_is_half_there() {
    let directory = tempfile::tempdir().unwrap();
    let acknowledged = kill_a_writer(directory.path());
    assert!(acknowledged.len() >= ACKNOWLEDGED);

    let store = Sqlite::open(directory.path().join("chat.db"), &Settings::default()).unwrap();
    let world = World::new(Stores::of(store));
    let room = RoomId(Uuid::from_u128(ROOM));
    let log = world.log(room).await;
    let mut found: Vec<Message> = Vec::new();
    let mut after = 0;
    let mut numbers = 0;
    while after < log.head {
        let cursor = Cursor { epoch: None, after: after.max(log.head.saturating_sub(1_000)) };
        let changes = world.stores.log.changes(Reader::House, room, cursor, 500).await.unwrap();
        numbers += changes.messages.len() + changes.members.len() + usize::from(changes.state.is_some());
        after = changes.to;
        found.extend(changes.messages.iter().map(|message| Message::clone(message)));
    }
    assert_eq!(u64::try_from(numbers).unwrap(), log.head.min(1_000), "no number without its change");
    for line in acknowledged {
        let (seq, nonce) = line.split_once(' ').unwrap();
        let seq: u64 = seq.parse().unwrap();
        if seq + 1_000 <= log.head {
            continue; // more was written than one catch-up gives
        }
        let message = found.iter().find(|message| message.seq == seq).unwrap_or_else(|| panic!("{seq} is lost"));
        assert_eq!(message.nonce.as_ref().unwrap().as_str(), nonce);
    }
}

/// Runs [`a_writer_that_is_killed`] in a process of its own, reads what it acknowledged, kills it in the middle.
fn kill_a_writer(directory: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::a_writer_that_is_killed", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut acknowledged: Vec<String> = Vec::new();
    while acknowledged.len() < ACKNOWLEDGED {
        let line = lines.next().expect("the writer ended by itself");
        acknowledged.extend(line.strip_prefix("ack ").map(str::to_owned));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts too; a line that was cut is no acknowledgement.
    acknowledged
        .extend(lines.filter_map(|line| line.strip_prefix("ack ").map(str::to_owned)).filter(|l| l.ends_with('.')));
    acknowledged.into_iter().map(|line| line.trim_end_matches('.').to_owned()).collect()
}

#[tokio::test]
#[ignore = "the child of what_a_killed_process_acknowledged_is_there_and_nothing_is_half_there"]
async fn a_writer_that_is_killed() {
    #[expect(clippy::disallowed_methods, reason = "how a parent tells its child where to write")]
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let store = Sqlite::open(Path::new(&directory).join("chat.db"), &Settings::default()).unwrap();
    let world = World::new(Stores::of(store));
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    assert_eq!(room.0.as_u128(), ROOM);
    for number in 0.. {
        let batch: Vec<_> = (0..4).map(|n| (ann, room, named(&format!("{number}-{n}"), "hello"))).collect();
        for outcome in world.batch(batch).await {
            let chat_domain::command::Reply::Posted { message, .. } = outcome.unwrap().reply else { unreachable!() };
            println!("ack {} {}.", message.seq, message.nonce.as_ref().unwrap());
        }
    }
}
