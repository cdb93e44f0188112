//! A disk that is full, and one that has room again.

use chat_contract::named;
use chat_domain::{
    command::{Action, Draft},
    pages::Window,
    ports::{LogStore, RoomStore},
    refusal::{Refusal, Unavailable},
    words::Text,
};

use crate::fixture::fresh;

fn long(number: usize) -> Action {
    Action::Post(Draft { text: Text::parse(&format!("{number:0>4000}"), 4_000).unwrap(), nonce: None, reply_to: None })
}

#[tokio::test]
async fn f1_a_full_disk_refuses_writes_serves_reads_and_recovers_by_itself() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    fresh.store.cap_pages(120).await.unwrap();

    let mut acknowledged = Vec::new();
    let refused: Unavailable = loop {
        let batch = (0..4).map(|number| world.command(ann, room, long(number))).collect();
        match fresh.store.commit(batch).await {
            Ok(answers) => acknowledged.extend(answers.into_iter().map(|answer| answer.unwrap().events[0].seq)),
            Err(unavailable) => break unavailable,
        }
        assert!(acknowledged.len() < 1_000, "the disk never got full");
    };
    assert!(refused.reason.contains("full"), "{refused}");
    assert!(!acknowledged.is_empty());

    // Still full: refused again, in any kind of write, and reads go on.
    let again = fresh.store.commit((0..4).map(|number| world.command(ann, room, long(number))).collect()).await;
    assert!(again.is_err());
    let account = world.stores.accounts.create(chat_domain::ports::NewAccount {
        display_name: chat_domain::words::DisplayName::parse(&"ы".repeat(64)).unwrap(),
        ..world.account("bob")
    });
    assert!(matches!(account.await, Ok(_) | Err(Refusal::Unavailable(_))));
    let head = world.head(room).await;
    assert_eq!(Some(&head), acknowledged.last(), "a batch that was refused left nothing behind");
    let latest = fresh.store.history(ann, room, Window::Latest, 100).await.unwrap();
    assert_eq!(latest.items.last().unwrap().seq, head);

    fresh.store.cap_pages(0).await.unwrap();
    let outcome = world.does(ann, room, named("after", "there is room again")).await.unwrap();
    assert_eq!(outcome.events[0].seq, head + 1, "no number was lost");
    for seq in acknowledged {
        world.message(ann, room, seq).await;
    }
    assert_eq!(crate::file::integrity(fresh.store.path()), "ok");
}
