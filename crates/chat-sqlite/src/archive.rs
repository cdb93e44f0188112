//! The record as rows, for a copy into another: read in key order, written whether they were there or not.

mod read;
mod write;

use async_trait::async_trait;
use chat_domain::{
    objects::Epoch,
    ports::{Archive, Item, Kind},
    refusal::Unavailable,
};
use diesel::prelude::*;

use crate::{Sqlite, rows::epoch, schema::meta};

#[async_trait]
impl Archive for Sqlite {
    async fn epoch(&self) -> Result<Epoch, Unavailable> {
        self.read("archive.epoch", epoch).await
    }

    async fn adopt(&self, epoch: &Epoch) -> Result<(), Unavailable> {
        let epoch = epoch.to_string();
        let adopt = |conn: &mut SqliteConnection| diesel::update(meta::table).set(meta::epoch.eq(epoch)).execute(conn);
        self.write("archive.adopt", adopt).await.map(drop)
    }

    async fn read(&self, kind: Kind, after: Option<&Item>, limit: usize) -> Result<Vec<Item>, Unavailable> {
        let after = after.cloned();
        Sqlite::read(self, "archive.read", move |conn| read::items(conn, kind, after.as_ref(), limit)).await
    }

    async fn write(&self, items: Vec<Item>) -> Result<(), Unavailable> {
        Sqlite::write(self, "archive.write", move |conn| items.iter().try_for_each(|item| write::item(conn, item)))
            .await
    }
}
