//! What an adapter brings to be tested.

use std::sync::Arc;

use async_trait::async_trait;
use chat_domain::{
    ids::{RoomId, Seq},
    ports::{AccountStore, LogStore, RoomStore, SessionStore, WebhookStore},
};

/// The five faces of one record.
#[derive(Clone)]
pub struct Stores {
    pub accounts: Arc<dyn AccountStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub rooms: Arc<dyn RoomStore>,
    pub log: Arc<dyn LogStore>,
    pub webhooks: Arc<dyn WebhookStore>,
}

impl Stores {
    /// Of a handle that implements all five.
    pub fn of<S>(store: S) -> Self
    where
        S: AccountStore + SessionStore + RoomStore + LogStore + WebhookStore + 'static,
    {
        let store = Arc::new(store);
        Self {
            accounts: store.clone(),
            sessions: store.clone(),
            rooms: store.clone(),
            log: store.clone(),
            webhooks: store,
        }
    }
}

/// A fresh, empty record, and what no port can make happen to it. Dropping it may remove the record.
#[async_trait]
pub trait Fixture: Send + Sync {
    fn stores(&self) -> Stores;

    /// Lets retention purge the room's log up to `floor`.
    async fn raise_floor(&self, room: RoomId, floor: Seq);

    /// Begins another history, as a restore from a backup does.
    async fn new_epoch(&self);
}
