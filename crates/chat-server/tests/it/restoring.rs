//! A record that came out of a backup, or whose operator says so, resets every client: over the socket and over REST.

use std::{process::Output, time::Duration};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{App, SECRET, Socket, User, binary, spawn_app, within};

/// Runs the binary to its end, on the record of a server, which may be running.
async fn run(app: &App, words: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(binary());
    let places = crate::record::place(&app.directory());
    command.args(words).env_clear().envs(places).env("CHAT_AUTH__SECRET", SECRET).current_dir(app.directory());
    within(Duration::from_secs(20), "the end of the binary", command.kill_on_drop(true).output()).await.unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A place in a room's history, as a client keeps it.
async fn cursor(user: &User, room: &str) -> (Value, u64) {
    let page = user.get(&format!("/rooms/{room}/messages?limit=1")).await.is(200);
    (page["epoch"].clone(), page["head"].as_u64().unwrap())
}

/// What a client of the old history meets.
async fn is_reset(user: &User, room: &str, (epoch, head): &(Value, u64)) -> Value {
    let mut socket: Socket = user.connects().await;
    let answer = socket.resumes(room, epoch, *head).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&"reset".into(), &"epoch".into()), "{answer}");
    let path = format!("/rooms/{room}/changes?epoch={}&after={head}", epoch.as_str().unwrap());
    let refused = user.get(&path).await.refuses(410, "reset_required");
    assert_eq!((&refused["reason"], &refused["epoch"]), (&"epoch".into(), &answer["epoch"]), "{refused}");
    assert_ne!(&answer["epoch"], epoch);
    answer["epoch"].clone()
}

#[tokio::test]
async fn a_backup_that_is_put_in_place_resets_every_client_and_a_restart_resets_nobody() {
    let mut app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("kept", &[&bob]).await;
    alice.posts(&room, "before the backup").await;
    let backed_up = cursor(&bob, &room).await;
    let told = said(&run(&app, &["backup", "--to", "backup.db"]).await);
    assert!(told.starts_with("backed up and verified: backup.db, "), "{told}");
    // Beyond the backup, and then back on the way there: with the same numbers, but not the same messages.
    for n in 0..3 {
        alice.posts(&room, &format!("lost {n}")).await;
    }
    let lost = cursor(&bob, &room).await;
    assert_eq!(lost.0, backed_up.0, "a backup is no reason for anything");
    app.signal(Signal::TERM);
    app.ended().await;
    app.start_again().await;
    let (alice, bob) = (User { to: app.address(), ..alice }, User { to: app.address(), ..bob });
    let mut socket = bob.connects().await;
    assert_eq!(socket.resumes(&room, &lost.0, lost.1).await["status"], "live", "a restart is no reason either");
    drop(socket);
    app.kill().await;

    let at = |name: &str| app.directory().join(name);
    for left in ["chat.db-wal", "chat.db-shm"] {
        drop(std::fs::remove_file(at(left)));
    }
    std::fs::rename(at("backup.db"), at("chat.db")).unwrap();
    app.start_again().await;
    assert!(app.log().contains("restored from a backup"), "the operator is told");
    let (alice, bob) = (User { to: app.address(), ..alice }, User { to: app.address(), ..bob });
    for n in 0..5 {
        alice.posts(&room, &format!("instead {n}")).await;
    }
    let epoch = is_reset(&bob, &room, &lost).await;
    assert_eq!(is_reset(&bob, &room, &backed_up).await, epoch);
    let texts: Vec<_> = bob.history(&room).await.iter().map(|message| message["text"].clone()).collect();
    let wanted = ["before the backup", "instead 0", "instead 1", "instead 2", "instead 3", "instead 4"];
    assert_eq!(texts, wanted);
    app.kill().await;
    app.start_again().await;
    let bob = User { to: app.address(), ..bob };
    assert_eq!(cursor(&bob, &room).await.0, epoch, "and once is enough");
}

#[tokio::test]
async fn new_epoch_resets_who_listens_while_the_server_runs() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("told", &[&bob]).await;
    alice.posts(&room, "said").await;
    let old = cursor(&bob, &room).await;
    let mut socket = bob.connects().await;
    socket.subscribes(&room).await;
    let epoch = said(&run(&app, &["new-epoch"]).await).trim().to_owned();
    let reset = socket.wait(Duration::from_secs(6), "a reset", |frame| frame["type"] == "reset").await;
    assert_eq!(
        (&reset["room"], &reset["reason"], &reset["epoch"]),
        (&room.as_str().into(), &"epoch".into(), &epoch.as_str().into())
    );
    assert_eq!(is_reset(&bob, &room, &old).await, epoch);
    assert_eq!(alice.posts(&room, "goes on").await["seq"], old.1 + 1);
}

#[tokio::test]
async fn what_cannot_be_backed_up_or_begun_anew_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("taken.db"), "somebody's diary").unwrap();
    let backup = &["backup", "--to", "new.db"][..];
    for (words, url, code, told) in [
        (backup, "postgres://chat@db/chat", 2, "pg_dump"),
        (backup, "memory:", 2, "memory:"),
        (backup, "sqlite:missing.db", 1, "there is no database missing.db"),
        (&["backup", "--to", "taken.db"], "sqlite:taken.db", 1, "is not overwritten"),
        (backup, "sqlite:taken.db", 1, "not a database"),
        (&["new-epoch"], "memory:", 2, "memory:"),
        (&["new-epoch"], "sqlite:missing.db", 2, "there is no database missing.db"),
    ] {
        let mut command = tokio::process::Command::new(binary());
        command.args(words).env_clear().env("CHAT_STORE__URL", url).env("CHAT_AUTH__SECRET", SECRET);
        let output = command.current_dir(directory.path()).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?} {url}: {text}");
        let sentences: Vec<_> = text.lines().filter(|line| line.starts_with("chat-server: ")).collect();
        assert!(sentences.len() == 1 && sentences[0].contains(told), "{words:?} {url}: {text}");
        assert!(output.stdout.is_empty() && !directory.path().join("missing.db").exists());
    }
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
