//! temp
use crate::fixture::*;
use chat_domain::{
    ids::{RoomId, UserId},
    limits::Rate,
    objects::Epoch,
    ports::{Bus, Heard, Presence, RateLimits, Status, Tail, Topic},
};
use chat_redis::Settings;
use std::time::{Duration, Instant};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn zz() {
    let server = own_server();
    let (one, other) = two_at(
        &server.url(),
        &Settings {
            rates: chat_domain::limits::RateSettings { enabled: true, ..Default::default() },
            ..fresh_settings()
        },
    )
    .await;
    let users: Vec<_> = (0..1000).map(|n| (UserId(Uuid::from_u128(n)), Status::Online)).collect();
    let ids: Vec<_> = users.iter().map(|u| u.0).collect();
    for _ in 0..3 {
        server.ask(&["CONFIG", "RESETSTAT"]).unwrap();
        let t = Instant::now();
        one.lease(&users, Duration::from_secs(60)).await.unwrap();
        let lease = t.elapsed();
        let t = Instant::now();
        other.status(&ids).await.unwrap();
        println!("lease 1000: {lease:?}, status 1000: {:?}", t.elapsed());
    }
    let big: Vec<_> = (0..10_000).map(|n| (UserId(Uuid::from_u128(n)), Status::Online)).collect();
    let t = Instant::now();
    one.lease(&big, Duration::from_secs(60)).await.unwrap();
    println!("lease 10000: {:?}", t.elapsed());
    println!(
        "{}",
        server
            .ask(&["INFO", "commandstats"])
            .unwrap()
            .lines()
            .filter(|l| l.contains("eval") || l.contains("zrange"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    joined(&one, &other).await;
    server.ask(&["CONFIG", "RESETSTAT"]).unwrap();
    let cpu = || {
        let s = std::fs::read_to_string(format!("/proc/{}/stat", server.pid().unwrap())).unwrap();
        let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
        f[11].parse::<u64>().unwrap() + f[12].parse::<u64>().unwrap()
    };
    let own = || {
        let s = std::fs::read_to_string("/proc/self/stat").unwrap();
        let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
        f[11].parse::<u64>().unwrap() + f[12].parse::<u64>().unwrap()
    };
    let (c0, o0) = (cpu(), own());
    let t = Instant::now();
    let reader = tokio::spawn(async move {
        let mut n = 0u64;
        let mut i = 0;
        loop {
            match tokio::time::timeout(Duration::from_millis(500), other.heard()).await {
                Ok(Heard::Note(_)) => n += 1,
                Ok(Heard::Interrupted) => i += 1,
                Err(_) => return (n, i, other),
            }
        }
    });
    for k in 0..100u64 {
        for s in 0..1000 {
            one.publish(event_note(ROOM, k * 1000 + s));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("published in {:?}", t.elapsed());
    let (n, i, other) = reader.await.unwrap();
    println!(
        "heard {n}, interrupted {i}; redis cpu {} ticks, own {} ticks for 100k notes (200 events each 1/100 s)",
        cpu() - c0,
        own() - o0
    );
    for seq in 1..=20_000u64 {
        one.keep(&Epoch("e".into()), &[event(ROOM, seq)]);
        if seq % 500 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let t = Instant::now();
    let run = other
        .recent(ROOM, &chat_domain::objects::LogHead { epoch: Epoch("e".into()), head: 20_000, floor: 0 }, 256)
        .await
        .unwrap();
    println!("recent {} in {:?}", run.len(), t.elapsed());
    let t = Instant::now();
    for n in 0..200_000u128 {
        let _ = one.count(&Rate::SendsOfUser(UserId(Uuid::from_u128(n % 1000))));
    }
    println!("count: {:?} each", t.elapsed() / 200_000);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let t = Instant::now();
    for n in 0..5_000u128 {
        other.listen(Topic::Room(RoomId(Uuid::from_u128(1000 + n))));
    }
    other.listen(Topic::User(BOB));
    loop {
        one.publish(chat_domain::ports::Note::Presence { user: BOB, status: Status::Online });
        if tokio::time::timeout(Duration::from_millis(5), other.heard()).await.is_ok() {
            break;
        }
    }
    println!("5000 listened in {:?}", t.elapsed());
    let mut rt = Vec::new();
    for _ in 0..1000 {
        let t = Instant::now();
        one.publish(chat_domain::ports::Note::Presence { user: BOB, status: Status::Online });
        loop {
            if matches!(other.heard().await, Heard::Note(chat_domain::ports::Note::Presence { .. })) {
                break;
            }
        }
        rt.push(t.elapsed());
    }
    rt.sort();
    println!("note way p50 {:?} p99 {:?}", rt[500], rt[990]);
    println!("{}", server.ask(&["INFO", "commandstats"]).unwrap());
}
