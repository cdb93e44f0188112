//! The live part: group commit, live rooms, fan-out, catch-up, presence

pub mod outbox;
pub mod wsframe;
