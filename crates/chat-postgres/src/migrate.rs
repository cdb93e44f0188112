//! Bringing the tables up to date, by one node while the others wait.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use diesel::{dsl::insert_into, pg::Pg, prelude::*, sql_types::Bool};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    OpenError,
    connection::Opener,
    home,
    schema::meta,
    search,
    statement::{fixed, statements},
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Two looks at a lock that somebody else holds lie so far apart.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

statements! {
    /// An advisory lock of this database, held to the end of the connection. The number means nothing else to anybody.
    TryLock: Bool = "SELECT pg_try_advisory_lock(7163381027549401)";
    Encoding: diesel::sql_types::Text = "SHOW server_encoding";
}

/// What was found on the way.
pub(crate) struct Ready {
    /// Whether the search finds parts of words.
    pub(crate) finds_parts: bool,
    pub(crate) asks: home::Asks,
}

/// Brings the tables up to date and sees to it that there is an epoch, another one if the record was restored, and what the
/// search needs.
pub(crate) async fn migrate(opener: &Opener, patience: Duration) -> Result<Ready, OpenError> {
    let conn = opener.bare().await?;
    let failed = |cause: String| OpenError::Migrate { place: opener.place(), cause };
    let encoding = fixed::<Encoding, _>(|query| query).get_result::<String>(&mut &conn).await;
    let encoding = encoding.map_err(|error| failed(error.to_string()))?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { place: opener.place(), encoding });
    }
    lock(opener, &conn, patience).await?;
    // Diesel's migrations block their thread.
    let done = tokio::task::spawn_blocking(move || run_pending(AsyncMigrationHarness::new(conn))).await;
    let (mut conn, newer) = done.map_err(|_| failed("the migration panicked".to_owned()))?.map_err(failed)?;
    if let Some(Newer { version, newest_known }) = newer {
        let since = meta::table.select(meta::readable_since).get_result::<String>(&mut &conn).await.optional();
        let since = since.map_err(|error| failed(error.to_string()))?;
        if since.is_none_or(|since| since > newest_known) {
            return Err(OpenError::Newer { place: opener.place(), version });
        }
        tracing::warn!(version, "the database was migrated by a newer version, which left it readable for this one");
    }
    let first = insert_into(meta::table).values((meta::singleton.eq(true), meta::epoch.eq(random_epoch())));
    first.on_conflict_do_nothing().execute(&mut &conn).await.map_err(|error| failed(error.to_string()))?;
    let asks = home::arrive(&conn).await.map_err(|fault| failed(fault.to_string()))?;
    let finds_parts = search::prepare(&mut conn).await.map_err(|error| failed(error.to_string()))?;
    Ok(Ready { finds_parts, asks })
}

async fn lock(opener: &Opener, mut conn: &AsyncPgConnection, patience: Duration) -> Result<(), OpenError> {
    let begun = Instant::now();
    loop {
        let got = fixed::<TryLock, _>(|query| query).get_result(&mut conn).await;
        if got.map_err(|error| OpenError::Migrate { place: opener.place(), cause: error.to_string() })? {
            return Ok(());
        }
        if begun.elapsed() >= patience {
            return Err(OpenError::Busy { place: opener.place(), waited: begun.elapsed() });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What a newer version left.
struct Newer {
    /// The first migration that is not known here.
    version: String,
    /// The last one that is.
    newest_known: String,
}

/// Runs what is pending, unless there is something that a newer version left.
fn run_pending(
    mut harness: AsyncMigrationHarness<AsyncPgConnection>,
) -> Result<(AsyncPgConnection, Option<Newer>), String> {
    let known = diesel::migration::MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(|error| error.to_string())?;
    let applied = harness.applied_migrations().map_err(|error| error.to_string())?;
    let is_known = |version: &_| known.iter().any(|migration| migration.name().version() == *version);
    if let Some(newer) = applied.into_iter().find(|version| !is_known(version)) {
        let newest_known = known.iter().map(|migration| migration.name().version().to_string()).max();
        let newer = Newer { version: newer.to_string(), newest_known: newest_known.unwrap_or_default() };
        return Ok((harness.into_inner(), Some(newer)));
    }
    harness.run_pending_migrations(MIGRATIONS).map_err(|error| error.to_string())?;
    Ok((harness.into_inner(), None))
}

/// 128 random bits: no two histories ever share one.
pub(crate) fn random_epoch() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}
