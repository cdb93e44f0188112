//! One Redis for several deployments, versions and shapes: what is not ours is not heard, and does no harm.

use std::time::Duration;

use chat_domain::ports::{Bus, Heard, Presence, Status, Topic};
use chat_redis::{Redis, Settings};
use chat_testbed::RedisOptions;

use crate::fixture::{
    ANN, PATIENCE, ROOM, event, fresh_settings, heard, heard_soon, joined, own_server, says, server, two, two_at,
    typing,
};

#[tokio::test(flavor = "multi_thread")]
async fn deployments_with_prefixes_of_their_own_do_not_hear_each_other() {
    let (one, other) = two(&fresh_settings()).await;
    let (stranger, _) = two(&fresh_settings()).await;
    joined(&one, &other).await;
    stranger.listen(Topic::Room(ROOM));
    stranger.publish(typing());
    one.lease(&[(ANN, Status::Online)], Duration::from_secs(60)).await.unwrap();
    assert_eq!(stranger.status(&[ANN]).await.unwrap(), [Status::Offline]);
    says(&one, &other).await;
    assert_eq!(heard_soon(&stranger).await, None);
    assert_eq!(heard_soon(&other).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_an_interruption_and_no_more() {
    let settings = fresh_settings();
    let (one, other) = two(&settings).await;
    joined(&one, &other).await;
    let room = format!("{}:{{room:{ROOM}}}", settings.prefix);
    let all = format!("{}:{{all}}", settings.prefix);
    for (channel, nonsense) in
        [(&room, ""), (&room, "hello"), (&room, "\u{1}\u{1}12345678{}"), (&all, "\u{1}\u{a}12345678"), (&all, "\u{63}")]
    {
        server().ask(&["SPUBLISH", channel, nonsense]).unwrap();
        assert_eq!(heard(&other).await, Heard::Interrupted, "{nonsense:?}");
    }
    while heard_soon(&other).await.is_some() {}
    says(&one, &other).await;
    assert!(other.is_healthy());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_one_node_carries_all_of_it() {
    let server = chat_testbed::Redis::start_with(&RedisOptions { cluster: true, ..RedisOptions::default() }).unwrap();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    joined(&one, &other).await;
    crate::presence::users_are_seen(&one, &other, 100).await;
    crate::tail::events_are_kept(&one, &other, &[event(ROOM, 1), event(ROOM, 2)]).await;
    crate::rates::a_burst_is_known(&one, &other).await;
    says(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_given_and_a_wrong_one_is_no_reason_to_stop() {
    let server = own_server();
    server.ask(&["ACL", "SETUSER", "node", "on", ">s3cret", "~*", "&*", "+@all"]).unwrap();
    server
        .ask(&["ACL", "SETUSER", "default", "resetkeys", "resetchannels", "-@all", "+hello", "+auth", "+acl"])
        .unwrap();
    let address = server.address();
    let (one, other) = two_at(&format!("redis://node:s3cret@{address}"), &fresh_settings()).await;
    joined(&one, &other).await;
    let stranger = Redis::open(&format!("redis://node:guess@{address}"), &Settings::default()).await.unwrap();
    assert!(!stranger.is_healthy());
    assert!(!format!("{one:?} {stranger:?}").contains("s3cret"));
    let refused = stranger.status(&[ANN]).await.unwrap_err();
    assert!(!refused.to_string().contains("guess"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_faster_than_it_is_heard_is_an_interruption() {
    let settings = Settings { inbox: 100, ..fresh_settings() };
    let (one, other) = two(&settings).await;
    joined(&one, &other).await;
    for _ in 0..1_000 {
        one.publish(typing());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut notes = 0;
    let mut interrupted = false;
    while let Some(heard) = heard_soon(&other).await {
        match heard {
            Heard::Note(_) => notes += 1,
            Heard::Interrupted => interrupted = true,
        }
    }
    assert!(interrupted && notes <= 100, "{notes} notes");
    tokio::time::timeout(PATIENCE, says(&one, &other)).await.unwrap();
}
