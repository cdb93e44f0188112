//! How a connection is made, and the settings of its session that the promises rest on.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::sync::Notify;
use tokio_postgres::{NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    Settings,
    target::{Mode, Target, causes},
    tls,
};

/// Why the record could not be opened. Each reads as one sentence, and none shows a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL can't be read.
    #[error("the database URL is not valid: {0}")]
    Url(String),
    /// TLS can't be had as `sslmode` asks for it.
    #[error("TLS to the database is not possible: {0}")]
    Tls(String),
    /// The server does not let us in, or is not there.
    #[error("cannot connect to the database {place}: {cause}")]
    Connect {
        /// Hosts and database.
        place: String,
        /// What stood against it.
        cause: String,
    },
    /// A database that can't hold every text.
    #[error("the database {place} has the encoding {encoding}; it must be UTF8")]
    Encoding {
        /// Hosts and database.
        place: String,
        /// What it has.
        encoding: String,
    },
    /// Somebody else has been migrating for too long.
    #[error("the database {place} is still being migrated by another node after {} s", waited.as_secs())]
    Busy {
        /// Hosts and database.
        place: String,
        /// How long this node waited.
        waited: Duration,
    },
    /// The tables could not be brought up to date.
    #[error("cannot migrate the database {place}: {cause}")]
    Migrate {
        /// Hosts and database.
        place: String,
        /// What stood against it.
        cause: String,
    },
    /// The database was written by a later version of this program.
    #[error("the database {place} was written by a newer version (migration {version})")]
    Newer {
        /// Hosts and database.
        place: String,
        /// The first migration that is not known here.
        version: String,
    },
}

/// Makes connections to one database.
pub(crate) struct Opener {
    target: Target,
    tls: Option<MakeRustlsConnect>,
    connect_timeout: Duration,
    lock_timeout: Duration,
    idle_timeout: Duration,
    /// Another connection was made: perhaps to another server than those before.
    pub(crate) connected: Notify,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opener({})", self.target)
    }
}

impl Opener {
    /// Reads the URL and the certificates it needs; connects nowhere.
    pub(crate) fn new(url: &str, settings: &Settings) -> Result<Self, OpenError> {
        let mut target = Target::parse(url)?;
        let tls = tls::of(&target)?;
        target.config.ssl_mode(match target.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        let Settings { connect_timeout, lock_timeout, idle_timeout, .. } = *settings;
        Ok(Self { target, tls, connect_timeout, lock_timeout, idle_timeout, connected: Notify::new() })
    }

    /// Hosts and database.
    pub(crate) fn place(&self) -> String {
        self.target.to_string()
    }

    /// A connection with the server's own settings, for migrations: they may take their time.
    pub(crate) async fn bare(&self) -> Result<AsyncPgConnection, OpenError> {
        let failed = |cause: String| OpenError::Connect { place: self.place(), cause };
        match tokio::time::timeout(self.connect_timeout, self.establish()).await {
            Ok(connected) => connected.map_err(|error| failed(plain_words(&error))),
            Err(_) => Err(failed("it did not answer in time".to_owned())),
        }
    }

    /// A connection for jobs that may take as long as `patience`.
    pub(crate) async fn connect(&self, patience: Duration) -> Result<AsyncPgConnection, ConnectionError> {
        let mut conn = self.establish().await?;
        let session = session(patience, self.lock_timeout, self.idle_timeout);
        conn.batch_execute(&session).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        self.connected.notify_one();
        Ok(conn)
    }

    async fn establish(&self) -> Result<AsyncPgConnection, ConnectionError> {
        let failed = |error: tokio_postgres::Error| ConnectionError::BadConnection(causes(&error));
        match &self.tls {
            Some(tls) => {
                let (client, line) = self.target.config.connect(tls.clone()).await.map_err(failed)?;
                AsyncPgConnection::try_from_client_and_connection(client, line).await
            }
            None => {
                let (client, line) = self.target.config.connect(NoTls).await.map_err(failed)?;
                AsyncPgConnection::try_from_client_and_connection(client, line).await
            }
        }
    }
}

/// Without the kind that diesel puts in front of what happened.
fn plain_words(error: &ConnectionError) -> String {
    if let ConnectionError::BadConnection(cause) = error { cause.clone() } else { causes(error) }
}

/// What each connection asks of its session.
///
/// Every query here finds its rows by an index, whatever the tables hold. A plan that was made while they were empty, or on
/// old statistics, would read or hash whole tables, and would be kept for as long as the connection lives; so such plans are
/// ruled out, and one plan is made for each statement, not one for every execution.
fn session(patience: Duration, lock: Duration, idle: Duration) -> String {
    let [patience, lock, idle] = [patience, lock, idle].map(|limit| limit.as_millis());
    format!(
        "SET statement_timeout = {patience};
         SET lock_timeout = {lock};
         SET idle_in_transaction_session_timeout = {idle};
         SET default_transaction_isolation = 'read committed';
         SET plan_cache_mode = force_generic_plan;
         SET enable_seqscan = off;
         SET enable_hashjoin = off;
         SET enable_mergejoin = off;
         SET jit = off;
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
}
