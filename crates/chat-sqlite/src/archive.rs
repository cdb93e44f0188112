//! The record as rows, for a copy into another: read in key order, written whether they were there or not.

mod read;
mod write;

use async_trait::async_trait;
use chat_domain::{
    objects::Epoch,
    ports::{Archive, Hold, Item, Kind},
    refusal::Unavailable,
};
use diesel::{dsl::exists, prelude::*, select};

use crate::{
    Sqlite,
    rows::epoch,
    schema::{meta, users},
};

#[async_trait]
impl Archive for Sqlite {
    async fn epoch(&self) -> Result<Epoch, Unavailable> {
        self.read("archive.epoch", epoch).await
    }

    async fn is_filling(&self) -> Result<bool, Unavailable> {
        self.read("archive.is_filling", |conn| meta::table.select(meta::filling).get_result(conn)).await
    }

    async fn begin_filling(&self, epoch: &Epoch) -> Result<bool, Unavailable> {
        let epoch = epoch.to_string();
        let begin = move |conn: &mut SqliteConnection| {
            if select(exists(users::table.select(users::id))).get_result(conn)? {
                return Ok(false);
            }
            let mark = (meta::epoch.eq(epoch), meta::filling.eq(true));
            diesel::update(meta::table).set(mark).execute(conn).map(|_| true)
        };
        self.write("archive.begin_filling", begin).await
    }

    async fn end_filling(&self) -> Result<(), Unavailable> {
        self.settled().await?;
        let end = |conn: &mut SqliteConnection| diesel::update(meta::table).set(meta::filling.eq(false)).execute(conn);
        self.write("archive.end_filling", end).await.map(drop)
    }

    /// By the one lock that every writer of the file needs.
    async fn hold(&self) -> Result<Hold, Unavailable> {
        let conn = self.held().await?;
        Ok(Box::new(conn))
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
