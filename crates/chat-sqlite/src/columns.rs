//! How the words of the domain stand in columns, and back. A column that does not hold what was written into it is an
//! error of the query, never a guess.

use chat_domain::{
    ids::{InviteId, RoomId, Seq, SessionId, UserId, WebhookId},
    objects::{Role, RoomKind},
    ports::Digest,
    timestamp::Timestamp,
};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    result::{Error, QueryResult},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{Binary, Nullable, Text},
    sqlite::Sqlite,
};
use uuid::Uuid;

/// An id of any kind: sixteen bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct Key(pub(crate) Uuid);

/// A fixed number of bytes: digests and fingerprints.
#[derive(Clone, Copy, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct Bytes<const N: usize>(pub(crate) [u8; N]);

macro_rules! key {
    ($($id:ident),*) => {$(
        impl From<$id> for Key {
            fn from(id: $id) -> Self {
                Self(id.0)
            }
        }

        impl From<Key> for $id {
            fn from(key: Key) -> Self {
                Self(key.0)
            }
        }
    )*};
}
key!(UserId, RoomId, SessionId, InviteId, WebhookId);

impl From<Digest> for Bytes<32> {
    fn from(digest: Digest) -> Self {
        Self(digest.0)
    }
}

impl ToSql<Binary, Sqlite> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Sqlite> for Key {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_bytes(Bytes::from_sql(value)?.0)))
    }
}

impl<const N: usize> ToSql<Binary, Sqlite> for Bytes<N> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_slice());
        Ok(IsNull::No)
    }
}

impl<const N: usize> FromSql<Binary, Sqlite> for Bytes<N> {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.read_blob().try_into()?))
    }
}

/// A number of a log as a column holds it; what is beyond a column is beyond every log too.
pub(crate) fn int(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

diesel::define_sql_function! {
    /// Where the second text begins in the first, from 1; 0 when nowhere, NULL in NULL. Unlike LIKE it has no wildcards.
    fn instr(text: Nullable<Text>, part: Text) -> Nullable<BigInt>;
}

/// How many rows a query may give.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A column's number as the domain counts.
pub(crate) fn count<T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>>(column: i64) -> QueryResult<T> {
    T::try_from(column).map_err(|error| Error::DeserializationError(Box::new(error)))
}

pub(crate) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn kind_column(kind: RoomKind) -> i64 {
    match kind {
        RoomKind::Public => 0,
        RoomKind::Private => 1,
        RoomKind::Direct => 2,
    }
}

pub(crate) fn kind(column: i64) -> QueryResult<RoomKind> {
    match column {
        0 => Ok(RoomKind::Public),
        1 => Ok(RoomKind::Private),
        2 => Ok(RoomKind::Direct),
        _ => Err(unknown("rooms.kind", column)),
    }
}

pub(crate) fn role_column(role: Role) -> i64 {
    match role {
        Role::Member => 0,
        Role::Admin => 1,
        Role::Owner => 2,
    }
}

pub(crate) fn role(column: i64) -> QueryResult<Role> {
    match column {
        0 => Ok(Role::Member),
        1 => Ok(Role::Admin),
        2 => Ok(Role::Owner),
        _ => Err(unknown("members.role", column)),
    }
}

fn unknown(column: &'static str, value: i64) -> Error {
    Error::DeserializationError(format!("{column} holds {value}, which means nothing").into())
}

/// A list that stands in one column.
pub(crate) fn list<T: serde::de::DeserializeOwned>(json: &str) -> QueryResult<Vec<T>> {
    if json == EMPTY {
        return Ok(Vec::new());
    }
    serde_json::from_str(json).map_err(|error| Error::DeserializationError(Box::new(error)))
}

pub(crate) fn list_column<T: serde::Serialize>(list: &[T]) -> QueryResult<std::borrow::Cow<'static, str>> {
    if list.is_empty() {
        return Ok(EMPTY.into());
    }
    Ok(serde_json::to_string(list).map_err(|error| Error::SerializationError(Box::new(error)))?.into())
}

const EMPTY: &str = "[]";
