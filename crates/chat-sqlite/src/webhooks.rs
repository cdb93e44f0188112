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
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{Eq, insert_into},
    prelude::*,
};
use uuid::Uuid;

use crate::{
    Sqlite,
    accounts::words,
    columns::{Bytes, Key, rows, time},
    rows::managed_by,
    schema::{users, webhooks},
    slot::Fault,
};

#[async_trait]
impl WebhookStore for Sqlite {
    async fn add(&self, webhook: Webhook, secret: Digest, most: usize) -> Result<(), Refusal> {
        self.change("webhooks.add", move |conn| add(conn, &webhook, secret, most)).await
    }

    async fn list(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<WebhookId>,
    ) -> Result<Page<Webhook, WebhookId>, Refusal> {
        self.ask("webhooks.list", move |conn| list(conn, reader, room, &page)).await
    }

    async fn remove(&self, reader: UserId, room: RoomId, webhook: WebhookId) -> Result<(), Refusal> {
        self.change("webhooks.remove", move |conn| remove(conn, reader, room, webhook)).await
    }

    /// A deleted room has no webhooks.
    async fn find(&self, webhook: WebhookId, secret: Digest) -> Result<Option<Webhook>, Unavailable> {
        self.read("webhooks.find", move |conn| {
            let found = webhooks::table.find(Key::from(webhook)).filter(webhooks::secret.eq(Bytes::from(secret)));
            Ok(found.select(WebhookRow::as_select()).get_result(conn).optional()?.map(Webhook::from))
        })
        .await
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub(crate) struct WebhookRow {
    id: Key,
    room: Key,
    name: String,
    bot: Key,
    by: Key,
    created_at: i64,
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: row.id.into(),
            room: row.room.into(),
            name: DisplayName::from_stored(row.name),
            bot: row.bot.into(),
            by: row.by.into(),
            created_at: time(row.created_at),
        }
    }
}

fn add(conn: &mut SqliteConnection, webhook: &Webhook, secret: Digest, most: usize) -> Result<(), Fault> {
    let (room, _) = managed_by(conn, webhook.by, webhook.room)?;
    let there = webhooks::table.filter(webhooks::room.eq(Key::from(webhook.room))).select(webhooks::id);
    let there = there.limit(rows(most)).load::<Key>(conn)?.len();
    access::may_add_webhook(&room, there, most)?;
    make_bot(conn, webhook)?;
    insert_into(webhooks::table).values(row_of(webhook, secret)).execute(conn)?;
    Ok(())
}

pub(crate) type Row<'w> = (
    Eq<webhooks::id, Key>,
    Eq<webhooks::room, Key>,
    Eq<webhooks::name, &'w str>,
    Eq<webhooks::bot, Key>,
    Eq<webhooks::by, Key>,
    Eq<webhooks::secret, Bytes<32>>,
    Eq<webhooks::created_at, i64>,
);

/// A webhook and its secret's digest as they stand in the table.
pub(crate) fn row_of(webhook: &Webhook, secret: Digest) -> Row<'_> {
    (
        webhooks::id.eq(Key::from(webhook.id)),
        webhooks::room.eq(Key::from(webhook.room)),
        webhooks::name.eq(webhook.name.as_str()),
        webhooks::bot.eq(Key::from(webhook.bot)),
        webhooks::by.eq(Key::from(webhook.by)),
        webhooks::secret.eq(Bytes::from(secret)),
        webhooks::created_at.eq(webhook.created_at.as_millis()),
    )
}

fn make_bot(conn: &mut SqliteConnection, webhook: &Webhook) -> QueryResult<()> {
    let username = Username::of_bot(webhook.bot);
    let row = (
        users::id.eq(Key::from(webhook.bot)),
        users::username.eq(username.as_str()),
        users::reserved.eq(username.as_str()),
        users::display_name.eq(webhook.name.as_str()),
        users::words.eq(words(&webhook.name)),
        users::bot.eq(true),
        users::created_at.eq(webhook.created_at.as_millis()),
    );
    insert_into(users::table).values(row).execute(conn).map(drop)
}

fn list(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    page: &PageOf<WebhookId>,
) -> Result<Page<Webhook, WebhookId>, Fault> {
    managed_by(conn, reader, room)?;
    let found = webhooks::table
        .filter(webhooks::room.eq(Key::from(room)))
        .filter(webhooks::id.gt(page.after.map_or(Key(Uuid::nil()), Key::from)))
        .order(webhooks::id)
        .limit(rows(page.limit.saturating_add(1)))
        .select(WebhookRow::as_select())
        .load(conn)?;
    let found = found.into_iter().map(Webhook::from).collect();
    Ok(Page::cut(found, page.limit, |webhook: &Webhook| webhook.id))
}

fn remove(conn: &mut SqliteConnection, reader: UserId, room: RoomId, webhook: WebhookId) -> Result<(), Fault> {
    managed_by(conn, reader, room)?;
    let row = webhooks::table.find(Key::from(webhook)).filter(webhooks::room.eq(Key::from(room)));
    let removed = diesel::delete(row).execute(conn)?;
    if removed == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
}
