//! Where this record lives, and how it notices that it was put there out of a backup.
//!
//! A cursor is only worth something in the history it was given in. A restored database is another history under the old name,
//! and whoever restores it may forget to say so. So a row says where the record lives (server, database, timeline of the
//! write-ahead log) and which transaction wrote the row. PostgreSQL keeps the number of that transaction beside the row: a row
//! that came out of a dump has another one, wherever it was restored to. What a promotion or a recovery to a point in time
//! leaves behind is another timeline. When either tells of a move, another epoch begins in the same transaction that records the
//! new place; at the start, before anything is served, and afterwards with each new connection and every few seconds, because a
//! node may live through a failover.
//!
//! A copy of the server's files that goes on where it was (a snapshot of a disk) is the one thing that cannot be told from a
//! restart. After that an operator must say so: `chat-server new-epoch`.

use std::{sync::Arc, time::Duration};

use chat_domain::refusal::{Refusal, Unavailable};
use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
    sql_types::{Bool, Nullable, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::{
    Postgres,
    connection::Opener,
    fault::Fault,
    migrate::random_epoch,
    schema::meta,
    statement::{Begin, Commit, Statement, fixed, plain, statements},
};

/// A running node looks so often.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

macro_rules! recorded {
    ($lock:literal) => {
        concat!("SELECT system, database, timeline, written = xmin::text FROM home", $lock)
    };
}

type RecordedSql = (Nullable<Text>, Text, Nullable<Text>, Bool);

statements! {
    Database: Text = "SELECT oid::text FROM pg_database WHERE datname = current_database()";
    System: Text = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
    /// The first eight digits of a file of the log are its timeline.
    Timeline: Text = "SELECT left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8)";
    Look: RecordedSql = recorded!("");
    /// One node at a time.
    Hold: RecordedSql = recorded!(" FOR UPDATE");
    Record: () = "
        INSERT INTO home (singleton, system, database, timeline, written)
        VALUES (TRUE, $1, $2, $3, pg_current_xact_id()::xid::text)
        ON CONFLICT (singleton) DO UPDATE SET system = excluded.system, database = excluded.database,
            timeline = excluded.timeline, written = excluded.written";
}

/// Where a record lives, as far as it may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    system: Option<String>,
    database: String,
    timeline: Option<String>,
}

/// What the row says.
#[derive(Clone, Debug)]
struct Recorded {
    place: Place,
    /// It was written here, and not copied.
    is_original: bool,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing: all is where it was.
    Stays,
    /// The place is known for the first time, or better than before.
    Record(Place),
    /// It was moved, as this tells: what it holds may be less than what was told.
    Moved(&'static str),
}

fn judge(recorded: Option<Recorded>, now: &Place) -> Verdict {
    let Some(Recorded { place: was, is_original }) = recorded else { return Verdict::Record(now.clone()) };
    // What one of two nodes may not ask is no difference.
    let differ = |was: &Option<String>, is: &Option<String>| was.is_some() && is.is_some() && was != is;
    if !is_original {
        return Verdict::Moved("its rows came out of a dump");
    }
    if differ(&was.system, &now.system) {
        return Verdict::Moved("it lives on another server");
    }
    if was.database != now.database {
        return Verdict::Moved("it lives in another database");
    }
    if differ(&was.timeline, &now.timeline) {
        return Verdict::Moved("the server was recovered to a point in time, or a standby took over");
    }
    let known = Place {
        system: now.system.clone().or_else(|| was.system.clone()),
        timeline: now.timeline.clone().or_else(|| was.timeline.clone()),
        database: now.database.clone(),
    };
    if known == was { Verdict::Stays } else { Verdict::Record(known) }
}

/// What a server answers; `None` when it may not be asked, or has no such thing.
async fn told<S: Statement<Row = Text>>(mut conn: &AsyncPgConnection) -> QueryResult<Option<String>> {
    match fixed::<S, _>(|query| query).get_result(&mut conn).await {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::DatabaseError(kind, about)) if is_answer(&kind, about.message()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a refusal is about the question, and would be given again. What was broken off or came too late is no answer; it is
/// known by its message, because diesel passes no code.
fn is_answer(kind: &DatabaseErrorKind, message: &str) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    let is_broken_off = message.starts_with("canceling statement") || message.starts_with("terminating connection");
    !is_broken_off && !matches!(kind, ClosedConnection | UnableToSendCommand)
}

/// What is worth asking: each question that fails is a line in the server's log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks {
    system: bool,
    timeline: bool,
}

/// Must stand in no transaction, because a question may fail.
async fn place(mut conn: &AsyncPgConnection, asks: Asks) -> QueryResult<Place> {
    let database = fixed::<Database, _>(|query| query).get_result(&mut conn).await?;
    let system = if asks.system { told::<System>(conn).await? } else { None };
    let timeline = if asks.timeline { told::<Timeline>(conn).await? } else { None };
    Ok(Place { system, database, timeline })
}

async fn recorded<S: Statement<Row = RecordedSql>>(mut conn: &AsyncPgConnection) -> QueryResult<Option<Recorded>> {
    type Row = (Option<String>, String, Option<String>, bool);
    let row = fixed::<S, _>(|query| query).get_result::<Row>(&mut conn).await.optional()?;
    Ok(row.map(|(system, database, timeline, is_original)| {
        let place = Place { system, database, timeline };
        Recorded { place, is_original }
    }))
}

/// Records the place, and begins another history when the record was moved; both or neither, in the transaction around it.
/// Answers why, if it did.
async fn settle(mut conn: &AsyncPgConnection, now: Place) -> Result<Option<&'static str>, Fault> {
    let (place, mut why) = match judge(recorded::<Hold>(conn).await?, &now) {
        Verdict::Stays => return Ok(None),
        Verdict::Record(place) => (place, None),
        Verdict::Moved(why) => (now, Some(why)),
    };
    if why.is_some() {
        match meta::table.select(meta::filling).get_result(&mut conn).await.optional()? {
            // A restore that is under way: the epoch is still to come.
            None => return Ok(None),
            // Nobody has a cursor of it yet, and the end of a copy compares every row.
            Some(true) => why = None,
            Some(false) => {
                diesel::update(meta::table).set(meta::epoch.eq(random_epoch())).execute(&mut conn).await?;
            }
        }
    }
    let record = fixed::<Record, _>(|query| {
        let query = query.bind::<Nullable<Text>, _>(place.system).bind::<Text, _>(place.database);
        query.bind::<Nullable<Text>, _>(place.timeline)
    });
    record.execute(&mut conn).await?;
    Ok(why)
}

fn tell(why: Option<&'static str>) {
    if let Some(why) = why {
        tracing::warn!(why, "the record was restored or moved: another history begins, and all clients load anew");
    }
}

/// At the start, on a connection of one's own, while other nodes wait.
/// Answers what is worth asking again.
pub(crate) async fn arrive(conn: &AsyncPgConnection) -> Result<Asks, Fault> {
    let now = place(conn, Asks { system: true, timeline: true }).await?;
    let asks = Asks { system: now.system.is_some(), timeline: now.timeline.is_some() };
    if !asks.system || !asks.timeline {
        tracing::info!(
            asks.system,
            asks.timeline,
            "not all that tells of a restore may be asked here; after one, run `chat-server new-epoch`"
        );
    }
    plain::<Begin>(conn).await?;
    let why = settle(conn, now).await?;
    plain::<Commit>(conn).await?;
    tell(why);
    Ok(asks)
}

/// Starts the task of a handle that goes on looking, at once when a new connection was made. It holds no handle while it sleeps,
/// so it ends with the last one.
pub(crate) fn keep_looking(store: &Postgres, opener: Arc<Opener>, asks: Asks) {
    let again = store.weak();
    drop(store.runtime().spawn(async move {
        loop {
            // Woken or not: both are a reason to look.
            drop(timeout(LOOK_AGAIN, opener.connected.notified()).await);
            let Some(store) = again() else { return };
            // A failure was logged where it happened.
            drop(store.look(asks).await);
        }
    }));
}

async fn look(conn: &AsyncPgConnection, asks: Asks) -> QueryResult<(Place, Option<Recorded>)> {
    Ok((place(conn, asks).await?, recorded::<Look>(conn).await?))
}

async fn name(conn: &AsyncPgConnection) -> QueryResult<String> {
    let Place { system, database, .. } = place(conn, Asks { system: true, timeline: false }).await?;
    Ok(format!("{}-{database}", system.as_deref().unwrap_or("unknown")))
}

impl Postgres {
    async fn look(&self, asks: Asks) -> Result<(), Refusal> {
        let (now, recorded) = self.read("upkeep.home", move |conn| look(conn, asks).boxed()).await?;
        if judge(recorded, &now) != Verdict::Stays {
            tell(self.aside("upkeep.home", move |conn| settle(conn, now).boxed()).await?);
        }
        Ok(())
    }

    /// A short name of this very database: the same for every node that uses it, as long as it lives, and another for every
    /// other database, also for one that was made of it by `CREATE DATABASE … TEMPLATE` on the same server. So a node can tell
    /// whether others that it meets elsewhere (on a bus) share its record.
    ///
    /// It is the server's `system_identifier` and the database's oid. Where `pg_control_system()` may not be called, the first
    /// is `unknown` and two servers may have one name; so let all nodes sign in with the same rights. A copy of the whole
    /// server (a standby, a base backup, an image of its disk) has the name of what it was made of; what is dumped and restored
    /// has a name of its own.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn identity(&self) -> Result<String, Unavailable> {
        self.read("upkeep.identity", |conn| name(conn).boxed()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(system: Option<&str>, database: &str, timeline: Option<&str>) -> Place {
        Place {
            system: system.map(str::to_owned),
            database: database.to_owned(),
            timeline: timeline.map(str::to_owned),
        }
    }

    fn written_at(place: Place) -> Option<Recorded> {
        Some(Recorded { place, is_original: true })
    }

    #[test]
    fn a_record_that_is_where_it_was_keeps_its_history() {
        let here = at(Some("7"), "5", Some("00000001"));
        assert_eq!(judge(written_at(here.clone()), &here), Verdict::Stays);
        assert_eq!(judge(None, &here), Verdict::Record(here.clone()), "nothing is known yet");
    }

    #[test]
    fn each_trace_of_a_move_begins_another_history() {
        let here = at(Some("7"), "5", Some("00000001"));
        for there in [
            at(Some("8"), "5", Some("00000001")),
            at(Some("7"), "6", Some("00000001")),
            at(Some("7"), "5", Some("00000002")),
            at(None, "6", None),
        ] {
            assert!(matches!(judge(written_at(here.clone()), &there), Verdict::Moved(_)), "{there:?}");
        }
        let copied = Some(Recorded { place: here.clone(), is_original: false });
        assert!(matches!(judge(copied, &here), Verdict::Moved(_)), "restored into the place it came from");
    }

    #[test]
    fn what_came_too_late_does_not_count_as_what_may_not_be_asked() {
        use DatabaseErrorKind::{ClosedConnection, Unknown};
        assert!(is_answer(&Unknown, "permission denied for function pg_control_system"));
        assert!(is_answer(&Unknown, "recovery is in progress"));
        assert!(!is_answer(&Unknown, "canceling statement due to statement timeout"));
        assert!(!is_answer(&Unknown, "terminating connection due to administrator command"));
        assert!(!is_answer(&ClosedConnection, "server closed the connection unexpectedly"));
    }

    #[test]
    fn what_one_node_may_not_ask_is_no_move_and_what_another_learns_is_kept() {
        let (little, much) = (at(None, "5", Some("00000001")), at(Some("7"), "5", None));
        let all = at(Some("7"), "5", Some("00000001"));
        assert_eq!(judge(written_at(all.clone()), &little), Verdict::Stays);
        assert_eq!(judge(written_at(all.clone()), &much), Verdict::Stays);
        assert_eq!(judge(written_at(little), &much), Verdict::Record(all));
    }
}
