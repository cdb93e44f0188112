//! Presence of nodes that live in one process: leases that run out by themselves.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chat_domain::{
    ids::UserId,
    ports::{Presence, Status},
    refusal::Unavailable,
};
use tokio::time::Instant;

/// A user's leases, by node.
type Leases = HashMap<u64, (Status, Instant)>;

/// All leases of all nodes. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct MemoryPresence {
    users: Arc<Mutex<HashMap<UserId, Leases>>>,
    nodes: Arc<AtomicU64>,
}

/// One node's leases, and a view of all.
#[derive(Clone, Debug)]
pub struct NodePresence {
    shared: MemoryPresence,
    node: u64,
}

impl MemoryPresence {
    /// Nobody is there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more node.
    #[must_use]
    pub fn node(&self) -> NodePresence {
        NodePresence { shared: self.clone(), node: self.nodes.fetch_add(1, Ordering::Relaxed) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Leases>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Presence for NodePresence {
    async fn lease(&self, users: &[(UserId, Status)], ttl: Duration) -> Result<(), Unavailable> {
        let now = Instant::now();
        let mut all = self.shared.lock();
        for (user, status) in users {
            let leases = all.entry(*user).or_default();
            match status {
                Status::Offline => leases.remove(&self.node),
                Status::Away | Status::Online => leases.insert(self.node, (*status, now + ttl)),
            };
        }
        // A node renews all it holds at once, so what ran out is swept at the pace of renewals.
        all.retain(|_, leases| {
            leases.retain(|_, (_, end)| *end > now);
            !leases.is_empty()
        });
        Ok(())
    }

    async fn status(&self, users: &[UserId]) -> Result<Vec<Status>, Unavailable> {
        let now = Instant::now();
        let all = self.shared.lock();
        let best = |user| {
            let leases = all.get(user).into_iter().flat_map(HashMap::values);
            leases.filter(|(_, end)| *end > now).map(|(status, _)| *status).max().unwrap_or(Status::Offline)
        };
        Ok(users.iter().map(best).collect())
    }
}
