//! A place for one connection on one thread: opened when it is needed, let go when it may be broken.
//!
//! After a failure nobody knows what state a connection is in (SQLite rolls some transactions back by itself, a disk may be
//! full for an hour), and a new one costs a millisecond. So recovery needs no cleverness: the next job opens anew.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chat_domain::refusal::{Refusal, Unavailable};
use diesel::{
    SqliteConnection,
    result::{DatabaseErrorKind, Error},
};

use crate::OpenError;

/// Why a job gave no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The rules say no; the transaction is undone, the connection is fine.
    Refused(Refusal),
    /// The database failed.
    Failed(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Fault {
    /// Whether a statement was wrong for the rows it met; the connection and the disk are fine then.
    pub(crate) fn is_constraint(&self) -> bool {
        use DatabaseErrorKind::{CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation};
        let Self::Failed(Error::DatabaseError(kind, _)) = self else { return false };
        matches!(kind, CheckViolation | ForeignKeyViolation | NotNullViolation | UniqueViolation)
    }
}

/// A transaction that writes from its start, so that it never has to give way in its middle. Its error is the cause, also
/// where SQLite has rolled back by itself (full disk, IO error) and the rollback that follows fails for want of anything
/// to undo.
pub(crate) fn immediate<T>(
    conn: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut cause = None;
    let done = conn.immediate_transaction(|conn| {
        work(conn).map_err(|fault| {
            cause = Some(fault);
            Error::RollbackTransaction
        })
    });
    done.map_err(|end| match (cause, end) {
        (Some(cause), Error::RollbackTransaction) | (Some(cause @ Fault::Failed(_)), _) => cause,
        (Some(Fault::Refused(_)) | None, end) => Fault::Failed(end),
    })
}

type Open = Box<dyn Fn() -> Result<SqliteConnection, OpenError> + Send>;

/// See the page's head.
pub(crate) struct Slot {
    open: Open,
    conn: Option<SqliteConnection>,
}

impl Slot {
    /// With a connection that is open already.
    pub(crate) fn new(
        conn: SqliteConnection,
        open: impl Fn() -> Result<SqliteConnection, OpenError> + Send + 'static,
    ) -> Self {
        Self { open: Box::new(open), conn: Some(conn) }
    }

    /// Runs a job; every failure is logged here, once, and becomes `Unavailable`. A panic in it ends the job, not the
    /// thread.
    pub(crate) fn run<T>(&mut self, job: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>) -> Result<T, Refusal> {
        let conn = match self.conn.take() {
            Some(conn) => Ok(conn),
            None => (self.open)(),
        };
        let mut conn = conn.map_err(|error| unavailable(&error))?;
        match catch_unwind(AssertUnwindSafe(|| job(&mut conn))) {
            Ok(Ok(value)) => {
                self.conn = Some(conn);
                Ok(value)
            }
            Ok(Err(Fault::Refused(refusal))) => {
                self.conn = Some(conn);
                Err(refusal)
            }
            Ok(Err(Fault::Failed(error))) => Err(unavailable(&error)),
            Err(_) => Err(unavailable(&"a job of the store panicked")),
        }
    }
}

fn unavailable(cause: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(%cause, "the database failed; its connection is opened anew");
    Unavailable::because(cause).into()
}

#[cfg(test)]
mod tests {
    use diesel::{Connection, RunQueryDsl, sql_query};

    use super::*;

    fn slot() -> Slot {
        let open = || Ok(SqliteConnection::establish(":memory:").unwrap());
        Slot::new(open().unwrap(), open)
    }

    #[test]
    fn a_panic_ends_the_job_and_the_next_one_runs_on_a_new_connection() {
        let mut slot = slot();
        let mark = slot.run(|conn| Ok(sql_query("CREATE TABLE mark (x INTEGER)").execute(conn)?));
        assert!(mark.is_ok());
        let silent = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let refused = slot.run::<()>(|_| panic!("on purpose"));
        std::panic::set_hook(silent);
        assert!(matches!(refused, Err(Refusal::Unavailable(_))));
        let again = slot.run(|conn| Ok(sql_query("CREATE TABLE mark (x INTEGER)").execute(conn)?));
        assert!(again.is_ok(), "a new connection to :memory: has no table yet");
    }

    #[test]
    fn a_refusal_keeps_the_connection_and_a_failure_lets_it_go() {
        let mut slot = slot();
        slot.run(|conn| Ok(sql_query("CREATE TABLE mark (x INTEGER)").execute(conn)?)).unwrap();
        assert_eq!(slot.run::<()>(|_| Err(Refusal::NotFound.into())), Err(Refusal::NotFound));
        assert!(slot.run(|conn| Ok(sql_query("INSERT INTO mark VALUES (1)").execute(conn)?)).is_ok());
        let failed = slot.run(|conn| Ok(sql_query("nonsense").execute(conn)?));
        assert!(matches!(failed, Err(Refusal::Unavailable(_))));
        assert!(slot.run(|conn| Ok(sql_query("INSERT INTO mark VALUES (1)").execute(conn)?)).is_err());
    }
}
