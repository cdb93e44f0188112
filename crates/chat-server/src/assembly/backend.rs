//! Everything behind the doors: the record, the hub, the use cases.

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism, time::Duration};

use chat_auth::{BcryptPasswords, HashLimits, JwtTokens};
use chat_domain::{
    limits::Limits,
    ports::{Clock, LogStore},
    usecases::{Chat, Ports},
};
use chat_hub::{Hub, HubPorts};

use super::{between::Between, bounds, metered::Metered, record::Record};
use crate::{
    clock::SystemClock,
    config::{Registration, Settings, SettingsError},
    secret,
};

/// What the doors stand on.
#[derive(Clone)]
pub struct Backend {
    /// The use cases.
    pub chat: Chat,
    /// The live part.
    pub hub: Hub,
    /// For `/readyz`.
    pub log: Arc<dyn LogStore>,
}

/// Why the house can't be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// A setting, or something that a setting names.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The file can't be opened.
    #[error("store.url: {0}")]
    Sqlite(#[from] chat_sqlite::OpenError),
    /// The server can't be used.
    #[error("store.url: {0}")]
    Postgres(#[from] chat_postgres::OpenError),
    /// Redis can't be used.
    #[error("redis.url: {0}")]
    Redis(#[from] chat_redis::OpenError),
    /// A record in memory dies with its process.
    #[error("memory: holds nothing that could be copied")]
    NothingToCopy,
    /// A record in memory has a history for each process.
    #[error("store.url: memory: has no history that outlives its process")]
    NoHistory,
    /// The file is not there; making it would hide that the path is wrong.
    #[error("store.url: there is no database {0}")]
    NoRecord(String),
    /// A copy into the record was broken off.
    #[error(
        "store.url: a copy into this database was begun and not finished; finish it by the same `chat-server copy`"
    )]
    HalfCopied,
    /// The record did not answer at the start.
    #[error(transparent)]
    Unavailable(#[from] chat_domain::refusal::Unavailable),
    /// Tokens can't be signed.
    #[error(transparent)]
    Tokens(#[from] chat_auth::TokensRefused),
    /// Passwords can't be hashed.
    #[error(transparent)]
    Passwords(#[from] chat_auth::PasswordsRefused),
}

impl Backend {
    /// Opens the record, starts the hub on this runtime, and joins them by the use cases.
    ///
    /// # Errors
    /// [`AssemblyError`]: one sentence that names what is wrong.
    pub async fn assemble(settings: &Settings) -> Result<Self, AssemblyError> {
        let keys = secret::signing_keys(settings)?;
        let record = Record::open(settings).await?;
        let between = Between::open(settings, record.identity.as_deref()).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let hub_ports = HubPorts {
            accounts: Arc::clone(&record.accounts),
            sessions: Arc::clone(&record.sessions),
            rooms: Arc::clone(&record.rooms),
            log: Arc::clone(&record.log),
            bus: between.bus,
            tail: between.tail,
            presence: between.presence,
            clock: Arc::clone(&clock),
        };
        let hub = Hub::start(hub_ports, bounds::hub(settings), tokio::runtime::Handle::current());
        hub.load_ended().await?;
        let ports = Ports {
            accounts: record.accounts,
            sessions: record.sessions,
            rooms: record.rooms,
            log: Arc::clone(&record.log),
            webhooks: record.webhooks,
            journal: Arc::new(hub.clone()),
            tokens: Arc::new(JwtTokens::new(&keys, settings.auth.access_ttl_s)?),
            passwords: Arc::new(BcryptPasswords::new(hash_limits(settings))?),
            rates: Arc::new(Metered::over(between.rates)),
            clock,
        };
        let limits = Limits {
            text_chars: settings.limits.text_chars,
            webhooks_per_room: settings.limits.webhooks_per_room,
            registration_open: settings.auth.registration == Registration::Open,
            refresh_ttl_s: settings.auth.refresh_ttl_s,
        };
        Ok(Self { chat: Chat::new(ports, limits), hub, log: record.log })
    }
}

/// Opens the store once, which migrates it.
///
/// # Errors
/// [`AssemblyError`].
pub async fn migrate(settings: &Settings) -> Result<(), AssemblyError> {
    Record::open(settings).await.map(drop)
}

fn hash_limits(settings: &Settings) -> HashLimits {
    let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    HashLimits {
        cost: settings.auth.bcrypt_cost,
        threads: NonZeroUsize::new(settings.auth.hash_threads).unwrap_or(cores),
        queue: settings.auth.hash_queue,
        wait: Duration::from_secs(settings.auth.hash_wait_seconds),
    }
}

impl AssemblyError {
    /// Whether a setting is to blame, or what it names: exit code 2.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Settings(_)
            | Self::Sqlite(_)
            | Self::Redis(_)
            | Self::NothingToCopy
            | Self::NoHistory
            | Self::NoRecord(_)
            | Self::HalfCopied
            | Self::Tokens(_)
            | Self::Passwords(_) => true,
            Self::Postgres(error) => is_setting(error),
            Self::Unavailable(_) => false,
        }
    }
}

/// Whether the address is to blame, and not the server that it names.
fn is_setting(error: &chat_postgres::OpenError) -> bool {
    use chat_postgres::OpenError;
    matches!(error, OpenError::Url(_) | OpenError::Tls(_) | OpenError::Encoding { .. } | OpenError::Newer { .. })
}
