//! The model compares what it is told to compare: two memories agree, and a store that errs is found out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::Arc;

use async_trait::async_trait;
use chat_contract::{Stores, model};
use chat_domain::{
    ids::{SessionId, UserId},
    objects::Session,
    pages::{Page, PageOf},
    ports::{Digest, NewSession, Rotation, SessionStore},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
};
use chat_memory::Memory;

fn stores() -> Stores {
    Stores::of(Memory::new())
}

#[tokio::test]
async fn memory_agrees_with_itself() {
    for seed in 0..20 {
        model::agree(seed, 400, &stores(), &stores()).await;
    }
}

/// Presents every token as if it were the successor's: reuse is never seen.
struct Careless(Memory);

#[async_trait]
impl SessionStore for Careless {
    async fn open(&self, session: NewSession) -> Result<(), Refusal> {
        self.0.open(session).await
    }

    async fn rotate(
        &self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Unavailable> {
        match self.0.rotate(presented, successor, at, expires_at).await? {
            Rotation::Reused { .. } => Ok(Rotation::Unknown),
            right @ (Rotation::Rotated { .. } | Rotation::Ended | Rotation::Unknown) => Ok(right),
        }
    }

    async fn list(
        &self,
        user: UserId,
        at: Timestamp,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Unavailable> {
        self.0.list(user, at, page).await
    }

    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Refusal> {
        self.0.end(user, session, at).await
    }

    async fn end_others(&self, user: UserId, keep: SessionId, at: Timestamp) -> Result<Vec<SessionId>, Unavailable> {
        self.0.end_others(user, keep, at).await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>, Unavailable> {
        self.0.ended_since(since).await
    }
}

#[tokio::test]
#[should_panic(expected = "the stores differ after")]
async fn a_store_that_errs_is_found_out() {
    for seed in 0..20 {
        let memory = Memory::new();
        let careless = Stores { sessions: Arc::new(Careless(memory.clone())), ..Stores::of(memory) };
        model::agree(seed, 400, &stores(), &careless).await;
    }
}
