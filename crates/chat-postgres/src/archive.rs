//! The record as rows, for a copy from or into another: read in key order, written whether they were there or not.

mod messages;
mod people;
mod rooms;

use async_trait::async_trait;
use chat_domain::{
    objects::Epoch,
    ports::{Archive, Item, Kind},
    refusal::Unavailable,
};
use diesel::{QueryResult, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use crate::{Postgres, fault::Fault, handle::only_unavailable, rows::epoch, schema::meta, statement::Pipeline};

#[async_trait]
impl Archive for Postgres {
    async fn epoch(&self) -> Result<Epoch, Unavailable> {
        self.read("archive.epoch", |conn| epoch(conn).boxed()).await
    }

    async fn adopt(&self, epoch: &Epoch) -> Result<(), Unavailable> {
        let epoch = epoch.to_string();
        self.write("archive.adopt", |conn| adopt(conn, epoch).boxed()).await.map_err(only_unavailable)
    }

    async fn read(&self, kind: Kind, after: Option<&Item>, limit: usize) -> Result<Vec<Item>, Unavailable> {
        let after = after.cloned();
        Postgres::read(self, "archive.read", move |conn| items(conn, kind, after, limit).boxed()).await
    }

    async fn write(&self, items: Vec<Item>) -> Result<(), Unavailable> {
        self.change("archive.write", |conn| put(conn, items).boxed()).await.map_err(only_unavailable)
    }
}

async fn adopt(mut conn: &AsyncPgConnection, epoch: String) -> Result<(), Fault> {
    diesel::update(meta::table).set(meta::epoch.eq(epoch)).execute(&mut conn).await?;
    Ok(())
}

async fn items(conn: &AsyncPgConnection, kind: Kind, after: Option<Item>, limit: usize) -> QueryResult<Vec<Item>> {
    match kind {
        Kind::Users => people::users(conn, after, limit).await,
        Kind::Sessions => people::sessions(conn, after, limit).await,
        Kind::SpentTokens => people::spent_tokens(conn, after, limit).await,
        Kind::Rooms => rooms::rooms(conn, after, limit).await,
        Kind::Members => rooms::members(conn, after, limit).await,
        Kind::Messages => messages::messages(conn, after, limit).await,
        Kind::Reactions => messages::reactions(conn, after, limit).await,
        Kind::Invites => rooms::invites(conn, after, limit).await,
    }
}

/// All in one go.
async fn put(conn: &AsyncPgConnection, items: Vec<Item>) -> Result<(), Fault> {
    let mut pipeline = Pipeline::new(conn);
    for item in &items {
        match item {
            Item::User(user) => people::put_user(&mut pipeline, user),
            Item::Session(session) => people::put_session(&mut pipeline, session),
            Item::SpentToken { digest, session } => people::put_spent_token(&mut pipeline, *digest, *session),
            Item::Room(room) => rooms::put_room(&mut pipeline, room),
            Item::Member(facts) => rooms::put_member(&mut pipeline, facts),
            Item::Message { message, fingerprint } => messages::put_message(&mut pipeline, message, *fingerprint)?,
            Item::Reaction { room, seq, emoji, user } => {
                messages::put_reaction(&mut pipeline, *room, *seq, emoji, *user);
            }
            Item::Invite { invite, code } => rooms::put_invite(&mut pipeline, invite, *code),
        }
    }
    Ok(pipeline.finish().await?)
}
