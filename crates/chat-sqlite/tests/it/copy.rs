//! A copy that meets with difficulties: broken off, aimed at a record in use, altered on the way.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chat_contract::{Fixture, Stores, model::agree};
use chat_domain::{
    objects::Epoch,
    ports::{Archive, Item, Kind},
    refusal::Unavailable,
    usecases::copying::{CopyRefused, copy, tally},
};
use chat_memory::Memory;
use chat_sqlite::Sqlite;

use crate::fixture::{Fresh, fresh};

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

    async fn adopt(&self, epoch: &Epoch) -> Result<(), Unavailable> {
        self.store.adopt(epoch).await
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
        assert_eq!(copy(&source.store, &target.store, |_, _| {}).await.unwrap(), whole);
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
