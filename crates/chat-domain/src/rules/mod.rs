//! The rules: what comes of a command, decided on facts that a store has loaded, without touching anything else.
//!
//! A store's whole part in a write is: load what [`Needs`] names, ask [`decide`] for each command in order, carry out the
//! [`Write`]s, commit. So every store behaves the same, and every "may she?" is answered in [`access`].

pub mod access;
mod decide;
mod facts;
mod membership;
mod posting;
mod rooming;

pub use decide::{Decision, decide};
pub use facts::{Existing, MemberFacts, Needs, Posted, RoomFacts, Write};
