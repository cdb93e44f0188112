//! The port by which use cases write: one road into every log.

use std::{future::Future, pin::Pin};

use crate::{
    command::{Command, Outcome},
    event::Hint,
    ids::SessionId,
    refusal::Refusal,
};

/// The answer, once the batch it joined is durable.
pub type Pending = Pin<Box<dyn Future<Output = Result<Outcome, Refusal>> + Send>>;

/// The one road: whatever arrives while a transaction is under way becomes the next batch.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Journal: Send + Sync {
    /// Joins the next batch. Does so at once, before the answer is first polled: commands for one room get their numbers
    /// in the order of these calls. Dropping the answer cancels nothing.
    fn submit(&self, command: Command) -> Pending;

    /// Tells the world what another operation of a store committed: an account's deletion.
    fn publish(&self, outcomes: Vec<Outcome>);

    /// Tells a user's own sockets what another operation of a store committed: another display name.
    fn publish_hints(&self, hints: Vec<Hint>);

    /// Closes the sockets of these sessions, here and on every node, and refuses their access tokens from now on.
    fn end_sessions(&self, sessions: &[SessionId]);

    /// Whether the session has ended, as far as this node has heard (within seconds of its end on any node).
    fn has_ended(&self, session: SessionId) -> bool;
}
