//! Statements whose text never changes: each is parsed once per connection and kept there.
//!
//! What diesel can say is said in diesel, and is kept as well. This is for the rest: joins with `unnest`, which do for a whole
//! batch what would else be a round trip per row.

use std::marker::PhantomData;

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId, SqlQuery},
    sql_query,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::BoxFuture;

/// A text with `$1`, `$2` …, and the SQL types of the columns it gives.
pub(crate) trait Statement: 'static {
    const SQL: &'static str;
    type Row: 'static;
}

/// A [`Statement`] with its values.
pub(crate) struct Fixed<S, Q> {
    query: Q,
    statement: PhantomData<fn() -> S>,
}

/// The statement `S` with the values that `bind` gives it, in order.
pub(crate) fn fixed<S: Statement, Q>(bind: impl FnOnce(SqlQuery) -> Q) -> Fixed<S, Q> {
    Fixed { query: bind(sql_query(S::SQL)), statement: PhantomData }
}

impl<S: Statement, Q: QueryFragment<Pg>> QueryFragment<Pg> for Fixed<S, Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }

    /// The text is a constant.
    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<S: Statement, Q> QueryId for Fixed<S, Q> {
    type QueryId = Fixed<S, ()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S: Statement, Q> Query for Fixed<S, Q> {
    type SqlType = S::Row;
}

/// Declares statements: a name, the SQL types of a row, the text.
macro_rules! statements {
    ($($(#[$doc:meta])* $vis:vis $name:ident: $row:ty = $sql:expr;)*) => {$(
        $(#[$doc])*
        $vis struct $name;

        impl $crate::statement::Statement for $name {
            const SQL: &'static str = $sql;
            type Row = $row;
        }
    )*};
}
pub(crate) use statements;

statements! {
    /// The statements after it are one transaction; each sees what was committed before it began.
    pub(crate) Begin: () = "BEGIN ISOLATION LEVEL READ COMMITTED";
    /// The statements after it see one state of the record.
    pub(crate) BeginSnapshot: () = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    pub(crate) Commit: () = "COMMIT";
    pub(crate) Rollback: () = "ROLLBACK";
}

/// Carries out a statement without values.
pub(crate) fn plain<S: Statement>(mut conn: &AsyncPgConnection) -> BoxFuture<'_, QueryResult<usize>> {
    fixed::<S, _>(|query| query).execute(&mut conn)
}

/// Statements that are sent one behind the other without waiting for answers: one round trip for all. The server carries them
/// out in this order.
pub(crate) struct Pipeline<'c> {
    conn: &'c AsyncPgConnection,
    sent: Vec<BoxFuture<'c, QueryResult<usize>>>,
}

impl<'c> Pipeline<'c> {
    pub(crate) fn new(conn: &'c AsyncPgConnection) -> Self {
        Self { conn, sent: Vec::new() }
    }

    /// Adds a statement.
    pub(crate) fn push(&mut self, query: impl QueryFragment<Pg> + QueryId + Send) {
        let mut conn = self.conn;
        self.sent.push(query.execute(&mut conn));
    }

    /// Sends all, and waits for every answer, so that nothing is under way when this returns. The first failure counts: what
    /// follows one in a transaction fails too, and `COMMIT` then rolls back.
    pub(crate) async fn finish(self) -> QueryResult<()> {
        in_order(self.sent).await.into_iter().collect::<QueryResult<Vec<usize>>>().map(drop)
    }
}

/// Waits for all. Unlike other joins it promises to poll them in order every time, because the first poll is what sends, or
/// what queues for the connection's cache of statements (which is fair).
async fn in_order<T: Send>(futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(futures_util::future::maybe_done).collect();
    std::future::poll_fn(|cx| {
        let mut ready = true;
        for future in &mut waiting {
            ready &= std::future::Future::poll(std::pin::Pin::new(future), cx).is_ready();
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.iter_mut().filter_map(|done| std::pin::Pin::new(done).take_output()).collect()
}
