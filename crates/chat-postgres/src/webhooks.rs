//! Webhooks and the bots they post as. Of a secret, only its digest is here.

use async_trait::async_trait;
use chat_domain::{
    ids::{RoomId, UserId, WebhookId},
    objects::Webhook,
    pages::{Page, PageOf},
    ports::{Digest, WebhookStore},
    refusal::{Refusal, Unavailable},
    rules::access,
    words::{DisplayName, Username},
};
use diesel::{QueryResult, dsl::insert_into, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{FutureExt, future::try_join};
use uuid::Uuid;

use crate::{
    Postgres,
    accounts::words,
    columns::{Bytes, rows, time},
    fault::Fault,
    rows::{lock_room, place},
    schema::{users, webhooks},
};

#[async_trait]
impl WebhookStore for Postgres {
    async fn add(&self, webhook: Webhook, secret: Digest, most: usize) -> Result<(), Refusal> {
        self.change("webhooks.add", move |conn| add(conn, webhook, secret, most).boxed()).await
    }

    async fn list(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<WebhookId>,
    ) -> Result<Page<Webhook, WebhookId>, Refusal> {
        self.ask("webhooks.list", move |conn| list(conn, reader, room, page).boxed()).await
    }

    async fn remove(&self, reader: UserId, room: RoomId, webhook: WebhookId) -> Result<(), Refusal> {
        self.change("webhooks.remove", move |conn| remove(conn, reader, room, webhook).boxed()).await
    }

    async fn find(&self, webhook: WebhookId, secret: Digest) -> Result<Option<Webhook>, Unavailable> {
        self.read("webhooks.find", move |conn| find(conn, webhook, secret).boxed()).await
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhooks)]
pub(crate) struct WebhookRow {
    id: Uuid,
    room: Uuid,
    name: String,
    bot: Uuid,
    by: Uuid,
    secret: Bytes<32>,
    created_at: i64,
}

impl WebhookRow {
    pub(crate) fn of(webhook: &Webhook, secret: Digest) -> Self {
        Self {
            id: webhook.id.0,
            room: webhook.room.0,
            name: webhook.name.as_str().to_owned(),
            bot: webhook.bot.0,
            by: webhook.by.0,
            secret: Bytes::from(secret),
            created_at: webhook.created_at.as_millis(),
        }
    }

    pub(crate) fn webhook(self) -> (Webhook, Digest) {
        let webhook = Webhook {
            id: WebhookId(self.id),
            room: RoomId(self.room),
            name: DisplayName::from_stored(self.name),
            bot: UserId(self.bot),
            by: UserId(self.by),
            created_at: time(self.created_at),
        };
        (webhook, Digest(self.secret.0))
    }
}

/// Under the room's lock, so that nobody who is being put out makes one more, and two at once make no eleventh.
async fn add(mut conn: &AsyncPgConnection, webhook: Webhook, secret: Digest, most: usize) -> Result<(), Fault> {
    lock_room(conn, webhook.room).await?;
    let there = webhooks::table.filter(webhooks::room.eq(webhook.room.0)).select(webhooks::id);
    let there = there.limit(rows(most)).load::<Uuid>(&mut conn);
    let (place, there) = try_join(place(conn, webhook.by, webhook.room), there).await?;
    let (room, _) = place.managed()?;
    access::may_add_webhook(&room, there.len(), most)?;
    make_bot(conn, &webhook).await?;
    insert_into(webhooks::table).values(WebhookRow::of(&webhook, secret)).execute(&mut conn).await?;
    Ok(())
}

async fn make_bot(mut conn: &AsyncPgConnection, webhook: &Webhook) -> QueryResult<()> {
    let username = Username::of_bot(webhook.bot);
    let row = (
        users::id.eq(webhook.bot.0),
        users::username.eq(username.as_str()),
        users::reserved.eq(username.as_str()),
        users::display_name.eq(webhook.name.as_str()),
        users::words.eq(words(&webhook.name)),
        users::bot.eq(true),
        users::created_at.eq(webhook.created_at.as_millis()),
    );
    insert_into(users::table).values(row).execute(&mut conn).await.map(drop)
}

async fn list(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    page: PageOf<WebhookId>,
) -> Result<Page<Webhook, WebhookId>, Fault> {
    let found = webhooks::table
        .filter(webhooks::room.eq(room.0))
        .filter(webhooks::id.gt(page.after.map_or(Uuid::nil(), |after| after.0)))
        .order(webhooks::id)
        .limit(rows(page.limit.saturating_add(1)))
        .select(WebhookRow::as_select())
        .load(&mut conn);
    let (place, found) = try_join(place(conn, reader, room), found).await?;
    place.managed()?;
    let found = found.into_iter().map(|row| row.webhook().0).collect();
    Ok(Page::cut(found, page.limit, |webhook: &Webhook| webhook.id))
}

/// Under the room's lock: what it posts comes before or not at all.
async fn remove(mut conn: &AsyncPgConnection, reader: UserId, room: RoomId, webhook: WebhookId) -> Result<(), Fault> {
    lock_room(conn, room).await?;
    place(conn, reader, room).await?.managed()?;
    let row = webhooks::table.find(webhook.0).filter(webhooks::room.eq(room.0));
    let removed = diesel::delete(row).execute(&mut conn).await?;
    if removed == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
}

/// A deleted room has no webhooks.
async fn find(mut conn: &AsyncPgConnection, webhook: WebhookId, secret: Digest) -> QueryResult<Option<Webhook>> {
    let found = webhooks::table.find(webhook.0).filter(webhooks::secret.eq(Bytes::from(secret)));
    let found = found.select(WebhookRow::as_select()).get_result(&mut conn).await.optional()?;
    Ok(found.map(|row| row.webhook().0))
}
