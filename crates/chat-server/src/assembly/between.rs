//! What stands between nodes: by Redis, by the record alone, or, for a node that is alone, in process.

use std::sync::Arc;

use chat_domain::ports::{Bus, Presence, RateLimits, Tail};
use chat_memory::{MemoryBus, MemoryPresence, MemoryRates, NoTail, SilentBus};
use chat_redis::Redis;

use super::{AssemblyError, bounds};
use crate::config::{Settings, StoreUrl};

/// One node's ends of everything that nodes share beside the record.
pub(super) struct Between {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) tail: Arc<dyn Tail>,
    pub(super) presence: Arc<dyn Presence>,
    pub(super) rates: Arc<dyn RateLimits>,
}

impl Between {
    /// As the settings say. A Redis that is away is no error: the node serves by the record alone until it is back.
    /// Nodes hear those only who share their record, also where another chat's nodes use the same Redis by mistake: numbers of
    /// a copied database look like one's own.
    pub(super) async fn open(settings: &Settings, identity: Option<&str>) -> Result<Self, AssemblyError> {
        let Some(url) = settings.redis.url.expose() else {
            return Ok(Self::without_redis(settings));
        };
        let redis = Redis::open(url, &bounds::redis(settings, identity)).await?;
        Ok(Self {
            bus: Arc::new(redis.clone()),
            tail: Arc::new(redis.clone()),
            presence: Arc::new(redis.clone()),
            rates: Arc::new(redis),
        })
    }

    fn without_redis(settings: &Settings) -> Self {
        let bus: Arc<dyn Bus> = match settings.store.url {
            // There may be other nodes on this record, and nothing carries to them: every node looks at the record each second.
            StoreUrl::Postgres(_) => Arc::new(SilentBus),
            StoreUrl::Sqlite(_) | StoreUrl::Memory => Arc::new(MemoryBus::new().node()),
        };
        Self {
            bus,
            tail: Arc::new(NoTail),
            presence: Arc::new(MemoryPresence::new().node()),
            rates: Arc::new(MemoryRates::new(bounds::rates(settings))),
        }
    }
}
