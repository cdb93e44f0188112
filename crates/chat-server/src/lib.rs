//! The house assembled: configuration, wiring, lifecycle, telemetry.

pub mod assembly;
pub mod cli;
mod clock;
pub mod config;
mod files;
pub mod healthcheck;
mod listeners;
pub mod run;
pub mod secret;
pub mod serve;
pub mod telemetry;
