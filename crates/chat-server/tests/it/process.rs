//! The binary itself: its jobs, its exit codes, its settings, its files; a disk that is full.

use std::{
    os::unix::fs::PermissionsExt,
    process::{Output, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;
use tokio::process::Command;

use crate::harness::{App, Request, SECRET, binary, eventually, nonce, spawn_app, within};

/// Runs the binary to its end in a directory of its own.
async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    run_in(directory.path(), arguments, environment).await
}

async fn run_in(directory: &std::path::Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    within(Duration::from_secs(20), &format!("the end of {arguments:?} with {environment:?}"), command.output())
        .await
        .unwrap()
}

fn sentence(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_wrong_setting_is_one_sentence_and_exit_code_2() {
    let long = "x".repeat(3);
    for (arguments, environment, named) in [
        (&["serve"][..], &[("CHAT_HTTP__LISTN", "127.0.0.1:0")][..], "http.listn"),
        (&["serve"], &[("CHAT_NONSENSE__KEY", "1")], "nonsense"),
        (&[], &[("CHAT_HTTP__LISTEN", "everywhere")], "http.listen"),
        (&["serve"], &[("CHAT_LIMITS__TEXT_CHARS", "many")], "limits.text_chars"),
        (&["serve"], &[("CHAT_LIMITS__ENABLED", "perhaps")], "limits.enabled"),
        (&["serve"], &[("CHAT_STORE__URL", "mysql://secretpassword@x")], "store.url"),
        (&["serve"], &[("CHAT_AUTH__BCRYPT_COST", "9")], "auth.bcrypt_cost"),
        (&["serve"], &[("CHAT_AUTH__SECRET", "k:c2hvcnQ=")], "auth.secret"),
        (&["serve"], &[("CHAT_AUTH__SECRET", "change-me")], "auth.secret"),
        (&["serve"], &[("CHAT_AUTH__SECRET", "k:change-me-to-32-bytes-of-base64-please")], "auth.secret"),
        (&["serve"], &[("CHAT_AUTH__SECRET_FILE", "missing.key")], "auth.secret_file"),
        (&["serve"], &[("CHAT_HTTP__TRUSTED_PROXIES", "nonsense")], "http.trusted_proxies"),
        (&["serve"], &[("CHAT_LOG__LEVEL", "loud")], "log.level"),
        (&["serve", "--config", "missing.toml"], &[], "missing.toml"),
        (&["config"], &[("CHAT_HTTP__LISTN", "x")], "http.listn"),
        (&["migrate"], &[("CHAT_STORE__URL", "sqlite:/proc/nowhere/chat.db")], "store.url"),
        (&["serve"], &[("CHAT_HTTP__LISTEN", "203.0.113.1:1")], "http.listen"),
    ] {
        let output = run(arguments, environment).await;
        let text = sentence(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {environment:?}: {text}");
        let last = text.lines().last().unwrap_or_default();
        assert!(last.contains(named), "{named} is not named by {text:?}");
        assert!(text.lines().filter(|line| line.starts_with("chat-server: ")).count() == 1, "{text:?}");
        assert!(
            !text.contains("secretpassword") && !text.contains("panicked") && !text.contains(&long.repeat(40)),
            "{text}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
    for arguments in [&["fly"][..], &["serve", "--port", "1"], &["--auth.secret", SECRET]] {
        assert_eq!(run(arguments, &[]).await.status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn config_prints_the_settings_and_no_secret() {
    let secret = "k1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
    let output = run(
        &["config"],
        &[("CHAT_AUTH__SECRET", secret), ("CHAT_LIMITS__TEXT_CHARS", "123"), ("CHAT_STORE__URL", "memory:")],
    )
    .await;
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", sentence(&output));
    assert!(text.contains("text_chars = 123") && text.contains("[redacted]"), "{text}");
    assert!(!text.contains("QUJDREVG"), "{text}");
    // What it prints is a settings file.
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("chat.toml"), text.replace("[redacted]", secret)).unwrap();
    let again = run_in(directory.path(), &["config", "--config", "chat.toml"], &[]).await;
    // But for the remarks that tell where each value comes from.
    let values =
        |text: &str| text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(
        values(&String::from_utf8(again.stdout).unwrap()),
        values(&text),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
}

#[tokio::test]
async fn healthcheck_tells_by_its_exit_code() {
    let mut app = spawn_app().await;
    let listen = app.address().to_string();
    let check = async || run(&["healthcheck"], &[("CHAT_HTTP__LISTEN", &listen)]).await.status.code();
    assert_eq!(check().await, Some(0));
    app.signal(Signal::STOP);
    assert_eq!(check().await, Some(1), "a server that hangs");
    app.signal(Signal::CONT);
    assert_eq!(check().await, Some(0));
    app.kill().await;
    assert_eq!(check().await, Some(1), "a server that is gone");
}

#[tokio::test]
async fn migrate_makes_the_store_and_can_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = run_in(directory.path(), &["migrate"], &[("CHAT_STORE__URL", "sqlite:data/chat.db")]).await;
        assert_eq!(output.status.code(), Some(0), "{}", sentence(&output));
    }
    assert!(directory.path().join("data/chat.db").exists());
}

#[tokio::test]
async fn d2_a_secret_is_made_once_beside_the_store_for_its_owner_only() {
    let mut app = App::usual().set("AUTH__SECRET", "").spawn().await;
    let user = app.user("keeper").await;
    let path = app.directory().join("secret.key");
    let made = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    app.kill().await;
    app.start_again().await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
    Request::new("GET", "/api/v1/me").bearer(&user.access).send(app.address()).await.is(200);
    assert!(!app.log().contains(made.trim().split_once(':').unwrap().1));
    app.kill().await;
    // One that others may read is refused.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let url = format!("sqlite:{}", app.directory().join("chat.db").display());
    let output = run(
        &["serve"],
        &[("CHAT_STORE__URL", &url), ("CHAT_HTTP__LISTEN", "127.0.0.1:0"), ("CHAT_METRICS__LISTEN", "")],
    )
    .await;
    assert_eq!(output.status.code(), Some(2), "{}", sentence(&output));
    assert!(
        sentence(&output).contains("secret.key") && !sentence(&output).contains(made.trim()),
        "{}",
        sentence(&output)
    );
}

#[tokio::test]
async fn an_address_in_use_is_a_wrong_setting() {
    let app = spawn_app().await;
    let listen = app.address().to_string();
    let output = run(
        &["serve"],
        &[("CHAT_HTTP__LISTEN", &listen), ("CHAT_STORE__URL", "memory:"), ("CHAT_METRICS__LISTEN", "")],
    )
    .await;
    assert_eq!(output.status.code(), Some(2), "{}", sentence(&output));
    assert!(sentence(&output).contains("http.listen"), "{}", sentence(&output));
}

#[tokio::test]
async fn a_store_in_memory_serves_as_well() {
    let app = App::usual().set("STORE__URL", "memory:").spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("volatile", &[&bob]).await;
    let mut socket = bob.connects().await;
    socket.subscribes(&room).await;
    alice.posts(&room, "hello").await;
    socket.sees("hello").await;
    assert!(!app.directory().join("chat.db").exists());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let nonsense = "this is not a database, but somebody's diary\n".repeat(200);
    std::fs::write(&path, &nonsense).unwrap();
    let output = run_in(
        directory.path(),
        &["serve"],
        &[("CHAT_STORE__URL", "sqlite:chat.db"), ("CHAT_HTTP__LISTEN", "127.0.0.1:0")],
    )
    .await;
    assert_eq!(output.status.code(), Some(2), "{}", sentence(&output));
    assert!(sentence(&output).contains("store.url"), "{}", sentence(&output));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), nonsense);
}

#[tokio::test]
async fn f1_a_full_disk_refuses_sends_serves_reads_and_heals_by_itself() {
    let app = App::usual().set("LIMITS__ENABLED", false).no_file_beyond(1_500_000).spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("full", &[&bob]).await;
    let mut socket = bob.connects().await;
    socket.subscribes(&room).await;
    let mut acknowledged = Vec::new();
    let mut refused = None;
    for _ in 0..2_000 {
        let body = json!({"text": "f".repeat(3_900), "nonce": nonce()});
        let reply = alice.post(&format!("/rooms/{room}/messages"), body.clone()).await;
        if reply.status == 201 {
            acknowledged.push(reply.json()["seq"].as_u64().unwrap());
        } else {
            let problem = reply.refuses(503, "unavailable");
            assert!(
                !problem.to_string().to_lowercase().contains("sqlite") && !problem.to_string().contains("chat.db"),
                "{problem}"
            );
            refused = Some(body);
            break;
        }
    }
    let refused = refused.expect("the disk to be full");
    assert!(!acknowledged.is_empty());
    // Reads go on; so does the socket.
    let last = acknowledged.last().unwrap();
    assert_eq!(bob.history(&room).await.last().unwrap()["seq"], *last);
    socket.done(json!({"type": "ping"})).await;
    let error = socket
        .refused(json!({"type": "send", "room": room, "nonce": nonce(), "text": "f".repeat(3_900)}), "unavailable")
        .await;
    assert_eq!(error["retry"], true);
    app.free_the_disk();
    eventually("the disk is free again", async || {
        alice.post(&format!("/rooms/{room}/messages"), refused.clone()).await.status < 300
    })
    .await;
    let head = alice.head(&room).await;
    assert_eq!(head, last + 1, "a refused send took no number");
    let event = socket.wait(crate::harness::PATIENCE, "the first after", |frame| frame["seq"] == head).await;
    assert_eq!(event["data"]["nonce"], refused["nonce"]);
}
