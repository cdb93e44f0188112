//! A user and the number of the newest hint.

use chat_domain::{
    ids::{Seq, UserId},
    objects::User,
    words::{DisplayName, Username},
};
use diesel::{QueryResult, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    columns::{count, time},
    schema::users,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    id: Uuid,
    username: Option<String>,
    display_name: Option<String>,
    bot: bool,
    deleted_at: Option<i64>,
    created_at: i64,
    me_seq: i64,
}

impl UserRow {
    pub(crate) fn seq(&self) -> QueryResult<Seq> {
        count(self.me_seq)
    }

    pub(crate) fn user(self) -> User {
        User {
            id: UserId(self.id),
            username: self.username.map(Username::from_stored),
            display_name: self.display_name.map(DisplayName::from_stored),
            bot: self.bot,
            deleted: self.deleted_at.is_some(),
            created_at: time(self.created_at),
        }
    }
}

/// The user, unless deleted.
pub(crate) async fn living_user(mut conn: &AsyncPgConnection, user: UserId) -> QueryResult<Option<UserRow>> {
    let found = users::table.filter(users::id.eq(user.0)).filter(users::deleted_at.is_null());
    found.select(UserRow::as_select()).get_result(&mut conn).await.optional()
}

/// The same, kept from changing to the end of the transaction.
pub(crate) async fn lock_user(mut conn: &AsyncPgConnection, user: UserId) -> QueryResult<Option<UserRow>> {
    let found = users::table.filter(users::id.eq(user.0)).filter(users::deleted_at.is_null()).for_update();
    found.select(UserRow::as_select()).get_result(&mut conn).await.optional()
}
