//! A server that dies, falls silent, or can't be reached: callers hear so soon, nothing that was acknowledged is lost, and
//! the record serves again by itself. Each test has a server of its own.

use std::time::{Duration, Instant};

use chat_contract::{Stores, World, named};
use chat_domain::{
    command::Reply,
    ids::{RoomId, Seq, UserId},
    pages::Window,
    ports::{LogStore, RoomStore},
    refusal::Unavailable,
};
use chat_postgres::{Postgres, Settings};
use chat_testbed::{Direction, Proxy};

/// Soon, also on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(4);
/// How long a recovery may take.
const RECOVERY: Duration = Duration::from_secs(20);

/// Little patience, so that silence is noticed while a test waits.
fn hasty() -> Settings {
    let patience = Duration::from_millis(800);
    Settings {
        readers: 2,
        writers: 2,
        connect_timeout: patience,
        wait_timeout: patience,
        read_timeout: patience,
        write_timeout: patience,
        ping_timeout: patience,
        ..Settings::default()
    }
}

/// A room with one person in it.
struct Lobby {
    store: Postgres,
    world: World,
    ann: UserId,
    room: RoomId,
}

async fn lobby(url: &str) -> Lobby {
    let store = Postgres::open(url, &hasty()).await.unwrap();
    let world = World::new(Stores::of(store.clone()));
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    Lobby { store, world, ann, room }
}

impl Lobby {
    async fn posts(&self, name: &str) -> Result<Seq, Unavailable> {
        let command = self.world.command(self.ann, self.room, named(&name.replace(" ", "-"), name));
        let answer = self.store.commit(vec![command]).await?.pop().unwrap();
        let Reply::Posted { message, .. } = answer.unwrap().reply else { panic!() };
        Ok(message.seq)
    }

    /// Sends until it is acknowledged, as a client does: always under the same nonce.
    async fn posts_at_last(&self, name: &str) -> Seq {
        let begun = Instant::now();
        loop {
            match self.posts(name).await {
                Ok(seq) => return seq,
                Err(_) if begun.elapsed() < RECOVERY => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(unavailable) => panic!("no recovery: {unavailable}"),
            }
        }
    }

    /// Reads, writes and probes are all refused, and none takes long.
    async fn is_out(&self) {
        let begun = Instant::now();
        let (post, ping) = (self.posts("while it is out"), self.store.ping());
        let history = self.store.history(self.ann, self.room, Window::Latest, 10);
        let (post, history, ping) = futures_util::future::join3(post, history, ping).await;
        assert!(post.is_err() && history.is_err() && ping.is_err(), "{post:?} {history:?} {ping:?}");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }

    /// Everything of these is there, once and without holes.
    async fn holds(&self, acknowledged: &[Seq]) {
        let items = self.world.stores.log.history(self.ann, self.room, Window::Latest, 1_000).await.unwrap().items;
        let seqs: Vec<Seq> = items.iter().map(|message| message.seq).collect();
        let head = self.world.head(self.room).await;
        assert_eq!(seqs, (3..=head).collect::<Vec<_>>(), "without holes");
        assert!(acknowledged.iter().all(|seq| seqs.contains(seq)));
        let mut nonces: Vec<_> = items.into_iter().map(|message| message.nonce.unwrap()).collect();
        let all = nonces.len();
        nonces.sort();
        nonces.dedup();
        assert_eq!(nonces.len(), all, "nothing is there twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_server_that_dies_loses_nothing_that_was_acknowledged_and_is_found_again() {
    let server = chat_testbed::Postgres::start().unwrap();
    server.create_database("chat", None).unwrap();
    let lobby = lobby(&server.url("chat")).await;
    let mut acknowledged = Vec::new();
    for death in 0..3 {
        let writing = async {
            let mut seqs = Vec::new();
            for number in 0..100 {
                seqs.push(lobby.posts_at_last(&format!("{death}-{number}")).await);
            }
            seqs
        };
        let dying = async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            tokio::task::block_in_place(|| server.restart_immediate().unwrap());
        };
        let (seqs, ()) = futures_util::future::join(writing, dying).await;
        acknowledged.extend(seqs);
    }
    lobby.holds(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_refused_soon_and_serves_again() {
    let server = chat_testbed::Postgres::start().unwrap();
    server.create_database("chat", None).unwrap();
    let lobby = lobby(&server.url("chat")).await;
    let mut acknowledged = vec![lobby.posts("before").await.unwrap()];
    server.pause().unwrap();
    for _ in 0..3 {
        lobby.is_out().await;
    }
    server.resume().unwrap();
    acknowledged.push(lobby.posts_at_last("after").await);
    // What was sent meanwhile may or may not be there; sent again, it is there once.
    acknowledged.push(lobby.posts_at_last("while it is out").await);
    lobby.store.ping().await.unwrap();
    lobby.holds(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_server_that_is_gone_is_refused_soon_and_found_when_it_is_back() {
    let server = chat_testbed::Postgres::start().unwrap();
    server.create_database("chat", None).unwrap();
    let lobby = lobby(&server.url("chat")).await;
    let mut acknowledged = vec![lobby.posts("before").await.unwrap()];
    server.stop().unwrap();
    lobby.is_out().await;
    server.restart_immediate().unwrap();
    acknowledged.push(lobby.posts_at_last("after").await);
    lobby.holds(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_swallows_everything_is_noticed_and_taken_again_when_it_heals() {
    let server = chat_testbed::Postgres::start().unwrap();
    server.create_database("chat", None).unwrap();
    let line = Proxy::start(server.address()).unwrap();
    let url = server.url("chat").replace(&server.port().to_string(), &line.address().port().to_string());
    let lobby = lobby(&url).await;
    let mut acknowledged = vec![lobby.posts("before").await.unwrap()];
    for (round, direction) in [Direction::Both, Direction::ToServer, Direction::ToClient].into_iter().enumerate() {
        line.cut(direction);
        lobby.is_out().await;
        line.heal();
        acknowledged.push(lobby.posts_at_last(&format!("after {round}").replace(' ', "-")).await);
        acknowledged.push(lobby.posts_at_last("while it is out").await);
    }
    lobby.holds(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_an_operator_ends_are_replaced() {
    let server = chat_testbed::Postgres::start().unwrap();
    server.create_database("chat", None).unwrap();
    let lobby = lobby(&server.url("chat")).await;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        acknowledged.push(lobby.posts_at_last(&format!("number-{round}")).await);
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'";
        server.run_sql("postgres", end).unwrap();
        lobby.posts_at_last(&format!("after-{round}")).await;
    }
    lobby.holds(&acknowledged).await;
}
