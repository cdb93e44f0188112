//! A copy that meets with difficulties: broken off, aimed at a record in use, altered on the way.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use chat_contract::{Fixture, Stores, model::agree};
use chat_domain::{
    objects::Epoch,
    ports::{Archive, Hold, Item, Kind},
    refusal::Unavailable,
    usecases::copying::{CopyRefused, copy, tally},
};
use chat_domain::{ports::AccountStore, refusal::Refusal, words::DisplayName};
use chat_memory::Memory;
use chat_sqlite::{Settings, Sqlite};

use crate::fixture::{Fresh, fresh, fresh_with, path_in};

/// A target that takes so many steps and then no more, and may lose a row of each.
struct Frail {
    store: Sqlite,
    steps: AtomicI64,
    loses_messages: bool,
}

#[async_trait]
impl Archive for Frail {
    async fn epoch(&self) -> Result<Epoch, Unavailable> {
        Archive::epoch(&self.store).await
    }

    async fn is_filling(&self) -> Result<bool, Unavailable> {
        self.store.is_filling().await
    }

    async fn begin_filling(&self, epoch: &Epoch) -> Result<bool, Unavailable> {
        self.store.begin_filling(epoch).await
    }

    async fn end_filling(&self) -> Result<(), Unavailable> {
        self.store.end_filling().await
    }

    async fn hold(&self) -> Result<Hold, Unavailable> {
        self.store.hold().await
    }

    async fn read(&self, kind: Kind, after: Option<&Item>, limit: usize) -> Result<Vec<Item>, Unavailable> {
        Archive::read(&self.store, kind, after, limit).await
    }

    async fn write(&self, mut items: Vec<Item>) -> Result<(), Unavailable> {
        if self.steps.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(Unavailable::because("the line went dead"));
        }
        if self.loses_messages && matches!(items.first(), Some(Item::Message { .. })) {
            items.pop();
        }
        Archive::write(&self.store, items).await
    }
}

fn frail(target: &Fresh, steps: i64) -> Frail {
    Frail { store: target.store.clone(), steps: AtomicI64::new(steps), loses_messages: false }
}

/// A record in which much has happened.
async fn eventful() -> Fresh {
    let source = fresh().await;
    agree(3, 200, &Stores::of(Memory::new()), &source.stores()).await;
    source
}

#[tokio::test]
async fn a_copy_that_was_broken_off_anywhere_goes_on() {
    let source = eventful().await;
    let whole = copy(&source.store, &fresh().await.store, |_, _| {}).await.unwrap();
    for steps in 0.. {
        let target = fresh().await;
        let attempt = copy(&source.store, &frail(&target, steps), |_, _| {}).await;
        if attempt.is_ok() {
            assert!(steps > 4, "there was little to copy");
            break;
        }
        assert_eq!(attempt, Err(CopyRefused::Unavailable(Unavailable::because("the line went dead"))), "{steps}");
        assert!(target.store.is_filling().await.unwrap(), "nobody may serve it");
        assert_eq!(copy(&source.store, &target.store, |_, _| {}).await.unwrap(), whole);
        assert!(!target.store.is_filling().await.unwrap());
        let again = copy(&source.store, &frail(&target, 0), |_, _| {}).await;
        assert_eq!(again.unwrap(), whole, "nothing is written twice");
    }
}

#[tokio::test]
async fn a_record_in_use_is_no_target() {
    let (source, target) = (eventful().await, eventful().await);
    let before = tally(&target.store, Kind::Messages).await.unwrap();
    assert!(matches!(copy(&source.store, &target.store, |_, _| {}).await, Err(CopyRefused::OtherHistory { .. })));
    assert_eq!(tally(&target.store, Kind::Messages).await.unwrap(), before);
}

#[tokio::test]
async fn a_row_that_was_lost_on_the_way_is_found() {
    let (source, target) = (eventful().await, fresh().await);
    let lossy = Frail { loses_messages: true, ..frail(&target, 1_000) };
    let differs = copy(&source.store, &lossy, |_, _| {}).await.unwrap_err();
    let CopyRefused::Differs { kind: Kind::Messages, copied, of } = differs else { panic!("{differs:?}") };
    assert!(copied < of);
}

#[tokio::test]
async fn a_copy_that_is_in_use_is_never_written_again() {
    let (source, target) = (eventful().await, fresh().await);
    copy(&source.store, &target.store, |_, _| {}).await.unwrap();
    let Some(Item::User(someone)) =
        Archive::read(&target.store, Kind::Users, None, 10).await.unwrap().into_iter().find(is_there)
    else {
        panic!("nobody is there");
    };
    target.store.rename(someone.user.id, DisplayName::parse("Since the move").unwrap()).await.unwrap();
    let mut before = Vec::new();
    for kind in Kind::ALL {
        before.push(tally(&target.store, kind).await.unwrap());
    }
    let refused = copy(&source.store, &target.store, |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyRefused::Differs { .. }), "{refused:?}");
    for tally_before in before {
        assert_eq!(tally(&target.store, tally_before.kind).await.unwrap(), tally_before);
    }
    assert!(!target.store.is_filling().await.unwrap());
}

fn is_there(item: &Item) -> bool {
    matches!(item, Item::User(stored) if stored.deleted_at.is_none())
}

#[tokio::test]
async fn nobody_writes_into_a_source_that_is_held() {
    let source = fresh_with(&Settings { busy_timeout: Duration::from_millis(100), ..Settings::default() });
    let world = source.world();
    let ann = world.user("ann").await;
    let held = source.store.hold().await.unwrap();
    assert!(matches!(source.store.create(world.account("bob")).await, Err(Refusal::Unavailable(_))));
    assert_eq!(source.store.users(&[ann]).await.unwrap().len(), 1, "reads go on");
    drop(held);
    source.store.create(world.account("eve")).await.unwrap();
}

#[tokio::test]
async fn a_file_that_somebody_has_open_is_in_use() {
    let Fresh { store, directory } = fresh().await;
    let path = path_in(&directory);
    assert!(Sqlite::is_in_use(&path).unwrap());
    drop(store);
    for _ in 0..100 {
        // Its threads close their connections a moment later.
        if !Sqlite::is_in_use(&path).unwrap() {
            assert!(!Sqlite::is_in_use(&directory.path().join("nothing.db")).unwrap());
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still in use");
}
