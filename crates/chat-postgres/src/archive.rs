//! The record as rows, for a copy from or into another: read in key order, written whether they were there or not.

mod messages;
mod people;
mod rooms;

use async_trait::async_trait;
use chat_domain::{
    objects::Epoch,
    ports::{Archive, Hold, Item, Kind},
    refusal::Unavailable,
};
use diesel::{QueryResult, dsl::exists, prelude::*, select};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;

use crate::{
    Postgres,
    fault::Fault,
    handle::only_unavailable,
    rows::epoch,
    schema::{meta, searching, users},
    search,
    statement::Pipeline,
};

/// A copy takes as long as it takes.
const HOLD: &str = "
    BEGIN;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL lock_timeout = '10s';
    LOCK TABLE meta, users, sessions, spent_tokens, rooms, members, messages, mentions, reactions, invites, webhooks
        IN SHARE MODE;";

#[async_trait]
impl Archive for Postgres {
    async fn epoch(&self) -> Result<Epoch, Unavailable> {
        self.read("archive.epoch", |conn| epoch(conn).boxed()).await
    }

    async fn is_filling(&self) -> Result<bool, Unavailable> {
        self.read("archive.is_filling", |conn| is_filling(conn).boxed()).await
    }

    async fn begin_filling(&self, epoch: &Epoch) -> Result<bool, Unavailable> {
        let epoch = epoch.to_string();
        self.change("archive.begin_filling", |conn| begin(conn, epoch).boxed()).await.map_err(only_unavailable)
    }

    async fn end_filling(&self) -> Result<(), Unavailable> {
        // A copy takes as long as it takes.
        let conn = self.opener().bare().await.map_err(Unavailable::because)?;
        search::fill(&conn).await.map_err(Unavailable::because)?;
        self.write("archive.end_filling", |conn| end(conn).boxed()).await.map_err(only_unavailable)
    }

    /// By a lock of every table that others can only read under.
    async fn hold(&self) -> Result<Hold, Unavailable> {
        let mut conn = self.opener().bare().await.map_err(Unavailable::because)?;
        conn.batch_execute(HOLD).await.map_err(Unavailable::because)?;
        Ok(Box::new(conn))
    }

    async fn read(&self, kind: Kind, after: Option<&Item>, limit: usize) -> Result<Vec<Item>, Unavailable> {
        let after = after.cloned();
        Postgres::read(self, "archive.read", move |conn| items(conn, kind, after, limit).boxed()).await
    }

    async fn write(&self, items: Vec<Item>) -> Result<(), Unavailable> {
        self.change("archive.write", |conn| put(conn, items).boxed()).await.map_err(only_unavailable)
    }
}

async fn is_filling(mut conn: &AsyncPgConnection) -> QueryResult<bool> {
    meta::table.select(meta::filling).get_result(&mut conn).await
}

async fn begin(mut conn: &AsyncPgConnection, epoch: String) -> Result<bool, Fault> {
    if select(exists(users::table.select(users::id))).get_result(&mut conn).await? {
        return Ok(false);
    }
    diesel::update(meta::table).set((meta::epoch.eq(epoch), meta::filling.eq(true))).execute(&mut conn).await?;
    diesel::update(searching::table).set(searching::filled.eq(false)).execute(&mut conn).await?;
    Ok(true)
}

async fn end(mut conn: &AsyncPgConnection) -> Result<(), Fault> {
    diesel::update(meta::table).set(meta::filling.eq(false)).execute(&mut conn).await?;
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
        Kind::Webhooks => rooms::webhooks(conn, after, limit).await,
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
            Item::Webhook { webhook, secret } => rooms::put_webhook(&mut pipeline, webhook, *secret),
        }
    }
    Ok(pipeline.finish().await?)
}
