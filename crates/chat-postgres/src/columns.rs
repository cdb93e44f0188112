//! How the words of the domain stand in columns, and back. A column that does not hold what was written into it is an
//! error of the query, never a guess.

use chat_domain::{
    ids::Seq,
    objects::{Role, RoomKind},
    ports::Digest,
    timestamp::Timestamp,
};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::Pg,
    result::{Error, QueryResult},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{Binary, Nullable, Text},
};

/// A fixed number of bytes: digests and fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct Bytes<const N: usize>(pub(crate) [u8; N]);

impl From<Digest> for Bytes<32> {
    fn from(digest: Digest) -> Self {
        Self(digest.0)
    }
}

impl<const N: usize> ToSql<Binary, Pg> for Bytes<N> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, &self.0)?;
        Ok(IsNull::No)
    }
}

impl<const N: usize> FromSql<Binary, Pg> for Bytes<N> {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.as_bytes().try_into()?))
    }
}

/// A number of a log as a column holds it; what is beyond a column is beyond every log too.
pub(crate) fn int(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

diesel::define_sql_function! {
    /// Where the second text begins in the first, from 1; 0 when nowhere, NULL in NULL. Unlike LIKE it has no wildcards.
    fn strpos(text: Nullable<Text>, part: Text) -> Nullable<Integer>;
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

/// A list that stands in one column as JSON; NULL for an empty one.
pub(crate) fn list<T: serde::de::DeserializeOwned>(json: Option<&str>) -> QueryResult<Vec<T>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    serde_json::from_str(json).map_err(|error| Error::DeserializationError(Box::new(error)))
}

pub(crate) fn list_column<T: serde::Serialize>(list: &[T]) -> QueryResult<Option<String>> {
    if list.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(list).map(Some).map_err(|error| Error::SerializationError(Box::new(error)))
}
