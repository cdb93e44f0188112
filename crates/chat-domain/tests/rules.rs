//! The rules, asked without any store: who may do what, and what holds whatever is done.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "tests"
)]

#[path = "rules/matrix.rs"]
mod matrix;
#[path = "rules/sequences.rs"]
mod sequences;
#[path = "rules/stage.rs"]
mod stage;
