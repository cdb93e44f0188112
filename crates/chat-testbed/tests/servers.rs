//! Real servers: what starts, what survives, and that nothing outlives its owner.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    fs, io,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use chat_testbed::{Direction, Postgres, PostgresOptions, Proxy, Redis, RedisOptions};

const SOON: Duration = Duration::from_secs(15);

fn eventually(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[test]
fn databases_come_from_templates_and_survive_a_hard_restart() {
    let postgres = Postgres::start().unwrap();
    postgres.create_database("first", None).unwrap();
    postgres.run_sql("first", "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2)").unwrap();
    postgres.create_database("a \"copy\"", Some("first")).unwrap();
    let (port, pid) = (postgres.port(), postgres.pid());
    postgres.restart_immediate().unwrap();
    assert_eq!(postgres.port(), port);
    assert_ne!(postgres.pid(), pid);
    assert_eq!(postgres.run_sql("first", "SELECT sum(n), count(*) FROM t").unwrap(), "3|2\n");
    postgres.drop_database("first").unwrap();
    postgres.drop_database("first").unwrap();
    let e = postgres.run_sql("first", "SELECT 1").unwrap_err();
    assert!(e.to_string().contains("does not exist"), "{e}");
    let left = postgres.run_sql("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'a %'").unwrap();
    assert_eq!(left, "a \"copy\"\n");
}

#[test]
fn the_settings_are_those_of_the_options() {
    let settings = vec!["max_connections=17".to_owned()];
    let postgres = Postgres::start_with(&PostgresOptions { settings, durable: true, ..Default::default() }).unwrap();
    let show = |what: &str| postgres.run_sql("postgres", &format!("SHOW {what}")).unwrap().trim().to_owned();
    assert_eq!([show("fsync"), show("max_connections")], ["on", "17"]);
    assert_eq!([show("server_encoding"), show("lc_collate"), show("synchronous_commit")], ["UTF8", "C", "on"]);
    postgres.stop().unwrap();
    assert_eq!(postgres.pid(), None);
    assert!(TcpStream::connect(postgres.address()).is_err());
}

#[test]
fn a_wrong_setting_is_an_error_that_shows_the_log() {
    let settings = vec!["no_such_setting=1".to_owned()];
    let e = Postgres::start_with(&PostgresOptions { settings, ..Default::default() }).unwrap_err();
    assert!(e.to_string().contains("no_such_setting"), "{e}");
}

#[test]
fn a_paused_postgres_keeps_its_connections_and_goes_on() {
    let postgres = Postgres::start().unwrap();
    let directory = postgres.directory().to_owned();
    thread::scope(|scope| {
        let slow = scope.spawn(|| postgres.run_sql("postgres", "SELECT pg_sleep(0.3), 'done'"));
        let session = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        eventually("the session runs", || postgres.run_sql("postgres", session).unwrap().trim() == "1");
        postgres.pause().unwrap();
        thread::sleep(Duration::from_secs(1));
        assert!(!slow.is_finished(), "a stopped session does not end");
        postgres.resume().unwrap();
        assert_eq!(slow.join().unwrap().unwrap(), "|done\n");
    });
    postgres.pause().unwrap();
    drop(postgres);
    assert!(!directory.exists());
}

#[test]
fn redis_forgets_hangs_and_comes_back_at_its_address() {
    let redis = Redis::start().unwrap();
    let address = redis.address();
    assert_eq!(redis.url(), format!("redis://{address}/"));
    redis.ask(&["SET", "k", "v w"]).unwrap();
    assert_eq!(redis.ask(&["GET", "k"]).unwrap(), "v w");
    redis.flush().unwrap();
    assert_eq!(redis.ask(&["DBSIZE"]).unwrap(), "0");

    redis.pause().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let e = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{e}");
    redis.resume().unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut pong = [0; 7];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"+PONG\r\n");

    redis.kill().unwrap();
    assert_eq!(redis.pid(), None);
    assert!(TcpStream::connect(address).is_err());
    redis.restart().unwrap();
    assert_eq!(redis.address(), address);
    assert_eq!(redis.ask(&["PING"]).unwrap(), "PONG");
}

#[test]
fn a_cluster_of_one_has_all_the_slots_also_after_a_restart() {
    let redis = Redis::start_with(&RedisOptions { cluster: true, ..Default::default() }).unwrap();
    redis.ask(&["SET", "k", "v"]).unwrap();
    redis.restart().unwrap();
    eventually("whole again", || redis.ask(&["SET", "k", "v"]).is_ok());
}

#[test]
fn a_line_to_redis_can_be_cut() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.address()).unwrap();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    stream.read_exact(&mut [0; 7]).unwrap();
    proxy.cut(Direction::ToClient);
    stream.write_all(b"SET k v\r\n").unwrap();
    assert!(stream.read(&mut [0]).is_err());
    assert_eq!(redis.ask(&["GET", "k"]).unwrap(), "v", "only the answer was lost");
}

/// The example `hold` with its servers: their processes and a directory.
fn held(how: &str) -> (Child, Vec<u32>, String) {
    let mut example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/examples/hold");
    if let Some(beside) = std::env::current_exe().unwrap().parent().and_then(Path::parent) {
        example = beside.join("examples/hold");
    }
    let mut child =
        Command::new(example).arg(how).stdout(Stdio::piped()).spawn().expect("cargo builds examples for tests");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let pids = [lines.next().unwrap(), lines.next().unwrap()].map(|line| line.parse().unwrap());
    let directory = lines.next().unwrap();
    assert_eq!(lines.next().unwrap(), "ready");
    (child, pids.into(), directory)
}

#[test]
fn nothing_outlives_an_owner_that_is_killed() {
    for how in ["running", "paused"] {
        let (mut owner, pids, directory) = held(how);
        assert!(pids.iter().all(|pid| lives(*pid)) && Path::new(&directory).is_dir());
        owner.kill().unwrap();
        owner.wait().unwrap();
        for pid in pids {
            eventually("the server ends", || !lives(pid));
        }
        eventually("the directory goes", || !Path::new(&directory).exists());
    }
}
