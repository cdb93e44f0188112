//! Lines that are cut in one direction, as firewalls do it, and an address behind which two servers stand.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_domain::ports::{Bus, Heard};
use chat_redis::Redis;
use chat_testbed::{Direction, Proxy};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{NOTICED, PATIENCE, fresh_settings, heard, heard_soon, joined, own_server, says, server, until};

fn url(address: SocketAddr) -> String {
    format!("redis://{address}/")
}

async fn a_cut_is_noticed_and_mended(direction: Direction) {
    let line = Proxy::start(server().address()).unwrap();
    let settings = fresh_settings();
    let here = Redis::open(&url(line.address()), &settings).await.unwrap();
    let there = Redis::open(&server().url(), &settings).await.unwrap();
    joined(&here, &there).await;
    joined(&there, &here).await;

    line.cut(direction);
    until("the cut is noticed", NOTICED, || !here.is_healthy()).await;
    assert!(there.is_healthy(), "the others are well");
    here.publish(crate::fixture::typing());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!here.is_healthy(), "no try may take a line for whole that is cut");
    assert!(!matches!(heard_soon(&here).await, Some(Heard::Note(_))));

    line.heal();
    until("it carries again", PATIENCE, || here.is_healthy()).await;
    assert_eq!(heard(&here).await, Heard::Interrupted, "who was deaf is told so");
    assert_eq!(heard(&there).await, Heard::Interrupted, "and so are those who were not spoken to");
    while heard_soon(&here).await.is_some() {}
    while heard_soon(&there).await.is_some() {}
    says(&there, &here).await;
    says(&here, &there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_on_which_nothing_arrives_is_noticed() {
    a_cut_is_noticed_and_mended(Direction::ToServer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_on_which_nothing_comes_back_is_noticed() {
    a_cut_is_noticed_and_mended(Direction::ToClient).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_dead_is_noticed() {
    a_cut_is_noticed_and_mended(Direction::Both).await;
}

/// Leads each connection to the next of two addresses in turn, or all to the first.
struct Switch {
    address: SocketAddr,
    all_to_first: Arc<AtomicBool>,
}

impl Switch {
    async fn start(targets: [SocketAddr; 2]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let all_to_first = Arc::new(AtomicBool::new(false));
        let to_first = Arc::clone(&all_to_first);
        tokio::spawn(async move {
            for turn in (0..2).cycle() {
                let (mut client, _) = listener.accept().await.unwrap();
                let target = targets[if to_first.load(Ordering::Relaxed) { 0 } else { turn }];
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(target).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                });
            }
        });
        Self { address, all_to_first }
    }
}

/// The publishing connection takes one line and the hearing connection the other, whichever.
async fn a_cut_of_one_of_two_lines_is_noticed(cut: usize, direction: Direction) {
    let lines = [Proxy::start(server().address()).unwrap(), Proxy::start(server().address()).unwrap()];
    let switch = Switch::start([lines[0].address(), lines[1].address()]).await;
    let settings = fresh_settings();
    let here = Redis::open(&url(switch.address), &settings).await.unwrap();
    let there = Redis::open(&server().url(), &settings).await.unwrap();
    joined(&here, &there).await;
    lines[cut].cut(direction);
    until("the cut is noticed", NOTICED, || !here.is_healthy()).await;
    lines[cut].heal();
    until("it carries again", PATIENCE, || here.is_healthy()).await;
    while heard_soon(&there).await.is_some() {}
    says(&here, &there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_hears_or_publishes_in_vain_is_noticed_by_itself() {
    let cases =
        [(0, Direction::ToServer), (1, Direction::ToServer), (0, Direction::ToClient), (1, Direction::ToClient)];
    let cases = cases.map(|(line, direction)| tokio::spawn(a_cut_of_one_of_two_lines_is_noticed(line, direction)));
    for case in cases {
        case.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_behind_one_address_are_no_bus() {
    let second = own_server();
    let switch = Switch::start([server().address(), second.address()]).await;
    let node = Redis::open(&url(switch.address), &fresh_settings()).await.unwrap();
    for _ in 0..40 {
        assert!(!node.is_healthy(), "each connection works, and still nothing is carried");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    switch.all_to_first.store(true, Ordering::Relaxed);
    until("it carries", PATIENCE, || node.is_healthy()).await;
}
