//! Lines that are cut in one direction, as firewalls do it, and an address behind which two servers stand.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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

/// Leads each connection to the next of these servers in turn, or all to the first.
async fn switch(servers: [SocketAddr; 2]) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (all_to_first, count) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let to_first = Arc::clone(&all_to_first);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let turn = count.fetch_add(1, Ordering::Relaxed) % 2;
            let target = servers[if to_first.load(Ordering::Relaxed) { 0 } else { turn }];
            tokio::spawn(async move {
                let mut server = TcpStream::connect(target).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    (address, all_to_first)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_behind_one_address_are_no_bus() {
    let second = own_server();
    let (address, all_to_first) = switch([server().address(), second.address()]).await;
    let node = Redis::open(&url(address), &fresh_settings()).await.unwrap();
    for _ in 0..40 {
        assert!(!node.is_healthy(), "each connection works, and still nothing is carried");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    all_to_first.store(true, Ordering::Relaxed);
    until("it carries", PATIENCE, || node.is_healthy()).await;
}
