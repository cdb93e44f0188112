//! A user and the number of the newest hint.

use chat_domain::{
    ids::{Seq, UserId},
    objects::User,
    words::{DisplayName, Username},
};
use diesel::{QueryResult, SqliteConnection, prelude::*};

use crate::{
    columns::{Key, count, time},
    schema::users,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    id: Key,
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
            id: self.id.into(),
            username: self.username.map(Username::from_stored),
            display_name: self.display_name.map(DisplayName::from_stored),
            bot: self.bot,
            deleted: self.deleted_at.is_some(),
            created_at: time(self.created_at),
        }
    }
}

/// The user, unless deleted.
pub(crate) fn living_user(conn: &mut SqliteConnection, user: UserId) -> QueryResult<Option<UserRow>> {
    let found = users::table.filter(users::id.eq(Key::from(user))).filter(users::deleted_at.is_null());
    found.select(UserRow::as_select()).get_result(conn).optional()
}
