//! The house assembled: configuration, wiring, lifecycle, telemetry.

pub mod cli;
pub mod config;
pub mod healthcheck;
pub mod secret;
pub mod telemetry;
