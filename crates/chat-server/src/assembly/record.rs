//! The record that the settings name: opened, its schema brought up to date, shown by the faces that others need of it.

use std::sync::Arc;

use chat_domain::ports::{AccountStore, Archive, LogStore, RoomStore, SessionStore, WebhookStore};
use chat_memory::Memory;
use chat_postgres::Postgres;
use chat_sqlite::Sqlite;

use super::{AssemblyError, bounds};
use crate::config::{Settings, StoreUrl};

/// The five faces of one record.
pub(super) struct Record {
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) rooms: Arc<dyn RoomStore>,
    pub(super) log: Arc<dyn LogStore>,
    pub(super) webhooks: Arc<dyn WebhookStore>,
    /// What tells the nodes on this record from those on another; `None` for a record of one node.
    pub(super) identity: Option<String>,
}

impl Record {
    fn of<S>(store: &S) -> Self
    where
        S: AccountStore + SessionStore + RoomStore + LogStore + WebhookStore + Clone + 'static,
    {
        Self {
            accounts: Arc::new(store.clone()),
            sessions: Arc::new(store.clone()),
            rooms: Arc::new(store.clone()),
            log: Arc::new(store.clone()),
            webhooks: Arc::new(store.clone()),
            identity: None,
        }
    }

    /// Opens the store that the settings name; one that a copy has filled in part is not served.
    pub(super) async fn open(settings: &Settings) -> Result<Self, AssemblyError> {
        Ok(match &settings.store.url {
            StoreUrl::Memory => Self::of(&Memory::new()),
            StoreUrl::Sqlite(path) => Self::of(&whole(Sqlite::open(path, &bounds::sqlite(settings))?).await?),
            StoreUrl::Postgres(url) => {
                let url = url.expose().unwrap_or_default();
                let store = whole(Postgres::open(url, &bounds::postgres(settings)).await?).await?;
                Self { identity: Some(store.identity().await?), ..Self::of(&store) }
            }
        })
    }
}

async fn whole<S: Archive>(store: S) -> Result<S, AssemblyError> {
    if store.is_filling().await? { Err(AssemblyError::HalfCopied) } else { Ok(store) }
}

/// A record as rows.
pub(super) async fn archive(url: &StoreUrl, settings: &Settings) -> Result<Arc<dyn Archive>, AssemblyError> {
    Ok(match url {
        StoreUrl::Memory => return Err(AssemblyError::NothingToCopy),
        StoreUrl::Sqlite(path) => Arc::new(Sqlite::open(path, &bounds::sqlite(settings))?),
        StoreUrl::Postgres(url) => {
            let url = url.expose().unwrap_or_default();
            Arc::new(Postgres::open(url, &bounds::postgres(settings)).await?)
        }
    })
}
