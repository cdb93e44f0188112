//! Getting the search ready, on a connection that may take its time: rows that are missing, the index that this server can have.

use diesel::{
    QueryResult,
    sql_types::{BigInt, Bool, Nullable, Text, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::index::{Columns, WaitForIndex};
use crate::statement::{Begin, Commit, Pipeline, fixed, plain, statements};

/// Rows in one transaction; there are places for so many in a run.
const SLICE: i64 = 1_000;

statements! {
    IsFilled: Bool = "SELECT filled FROM searching";
    Filled: () = "UPDATE searching SET filled = TRUE";
    /// By time, and within a room by number.
    Missing: () = "
        CREATE TEMPORARY TABLE missing AS
        SELECT room, seq, row_number() OVER (ORDER BY at, room, seq) AS place
        FROM (
            SELECT room, seq, deleted, max(at) OVER (PARTITION BY room ORDER BY seq) AS at FROM messages
        ) AS m
        WHERE NOT deleted AND NOT EXISTS (SELECT 1 FROM search AS s WHERE s.room = m.room AND s.seq = m.seq)
            AND NOT EXISTS (
                SELECT 1 FROM search_waiting AS w WHERE w.room = m.room AND m.seq BETWEEN w.first_seq AND w.last_seq
            )";
    MissingPlace: () = "CREATE INDEX ON missing (place)";
    NoneMissing: () = "DROP TABLE missing";
    Slice: (BigInt, Id, BigInt, Nullable<Text>) = "
        SELECT n.place, m.room, m.seq, m.text FROM missing AS n JOIN messages AS m ON m.room = n.room AND m.seq = n.seq
        WHERE n.place > $1 AND n.place <= $2 ORDER BY n.place";
    /// The place of a run.
    Place: BigInt = "SELECT nextval(pg_get_serial_sequence('search_waiting', 'place'))";
    Last: BigInt = "SELECT coalesce(max(place), 0) FROM missing";
    /// Where the extension put its operators.
    Schema: Text = "
        SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'pg_trgm'";
    /// Of an index that was not finished.
    Invalid: Text = "
        SELECT indexrelid::regclass::text FROM pg_index
        WHERE indrelid = 'search'::regclass AND NOT indisvalid";
}

/// Makes up for rows that are missing.
pub(crate) async fn fill(conn: &AsyncPgConnection) -> QueryResult<()> {
    let is_filled: bool = fixed::<IsFilled, _>(|query| query).get_result(&mut &*conn).await?;
    if is_filled {
        return Ok(());
    }
    plain::<Missing>(conn).await?;
    plain::<MissingPlace>(conn).await?;
    let last: i64 = fixed::<Last, _>(|query| query).get_result(&mut &*conn).await?;
    let mut done = 0;
    while done < last {
        slice(conn, done).await?;
        done += SLICE;
        if done % (SLICE * 50) == 0 {
            tracing::info!(messages = done, of = last, "the search takes up what was said before");
        }
    }
    plain::<NoneMissing>(conn).await?;
    plain::<Filled>(conn).await.map(drop)
}

/// Others may be indexing what is said meanwhile; not at the same time, because an edit would fall between the two.
async fn slice(conn: &AsyncPgConnection, done: i64) -> QueryResult<()> {
    plain::<Begin>(conn).await?;
    plain::<WaitForIndex>(conn).await?;
    let first: i64 = fixed::<Place, _>(|query| query).get_result(&mut &*conn).await?;
    let slice = fixed::<Slice, _>(|query| query.bind::<BigInt, _>(done).bind::<BigInt, _>(done + SLICE));
    let slice: Vec<(i64, uuid::Uuid, i64, Option<String>)> = slice.load(&mut &*conn).await?;
    let mut columns = Columns::default();
    for (nth, room, seq, text) in slice {
        if let Some(text) = text {
            columns.push(first + nth - done - 1, room, seq, &text);
        }
    }
    let mut pipeline = Pipeline::new(conn);
    columns.added(&mut pipeline);
    pipeline.finish().await?;
    plain::<Commit>(conn).await.map(drop)
}

/// Sees to it that there are all rows and an index. Answers whether parts of words are found, and not only whole words.
pub(crate) async fn prepare(conn: &mut AsyncPgConnection) -> QueryResult<bool> {
    fill(conn).await?;
    let missing: Vec<String> = fixed::<Invalid, _>(|query| query).load(&mut &*conn).await?;
    for index in missing {
        conn.batch_execute(&format!("DROP INDEX {index}")).await?;
    }
    match trigrams(conn).await? {
        Ok(schema) => {
            // Concurrently, because other nodes may be writing.
            let index = format!(
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS search_pieces ON search
                 USING gin (words, parts {schema}.gin_trgm_ops) WITH (gin_pending_list_limit = 1024)"
            );
            conn.batch_execute(&index).await?;
            conn.batch_execute("DROP INDEX IF EXISTS search_words").await?;
            Ok(true)
        }
        Err(why) => {
            tracing::warn!(
                %why,
                "the search finds whole words only, because the extension pg_trgm is missing; have an administrator run \
                 CREATE EXTENSION pg_trgm in this database and start again to find parts of words, too"
            );
            let index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS search_words ON search
                USING gin (words) WITH (gin_pending_list_limit = 1024)";
            conn.batch_execute(index).await?;
            Ok(false)
        }
    }
}

/// The schema of pg_trgm, which is installed if need be; or why it can't be.
async fn trigrams(conn: &mut AsyncPgConnection) -> QueryResult<Result<String, String>> {
    let installed = |found: Vec<String>| found.into_iter().next();
    if let Some(schema) = installed(fixed::<Schema, _>(|query| query).load(&mut &*conn).await?) {
        return Ok(Ok(schema));
    }
    if let Err(why) = conn.batch_execute("CREATE EXTENSION pg_trgm").await {
        return Ok(Err(why.to_string()));
    }
    let schema = installed(fixed::<Schema, _>(|query| query).load(&mut &*conn).await?);
    Ok(schema.ok_or_else(|| "it was installed and is not there".to_owned()))
}
