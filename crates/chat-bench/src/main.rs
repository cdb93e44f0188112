//! chat-bench: measures and judges a chat server from outside.
//!
//! It speaks only the protocol (REST and WebSocket over plain HTTP) and uses no crate of the server, so that it can be
//! pointed at any deployment and shares no mistake with what it judges. Exit code 0: all well; 1: an anomaly was
//! found; 2: it could not be run.

mod account;
mod api;
mod backoff;
mod client;
mod cluster;
mod crowd;
mod cursor;
mod ears;
mod figures;
mod frame;
mod http;
mod process;
mod report;
mod scan;
mod spawn;
mod stage;
mod subject;
mod target;
mod text;
mod wire;
mod words;

mod cli;
mod durable;
mod idle;
mod judge;
mod limits;
mod load;
mod storm;
mod verify;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod runs;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code of a run that could not be made; clap uses the same for wrong usage.
const COULD_NOT_RUN: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let command = cli::Cli::parse().command;
    let markdown = command.common().markdown;
    let ran = tokio::select! {
        ran = run(command) => ran,
        // Dropping the run ends the server it started and removes its directory.
        e = interrupted() => Err(e),
    };
    match ran {
        Ok(report) => report.finish(markdown),
        Err(e) => complain(&e),
    }
}

async fn run(command: cli::Command) -> anyhow::Result<report::Report> {
    match command {
        cli::Command::Load(args) => load::run(args).await,
        cli::Command::Idle(args) => idle::run(args).await,
        cli::Command::Storm(args) => storm::run(args).await,
        cli::Command::Durable(args) => durable::run(args).await,
        cli::Command::Verify(args) => verify::run(args).await,
    }
}

/// Waits for SIGINT or SIGTERM; the error says so.
async fn interrupted() -> anyhow::Error {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            anyhow::anyhow!("interrupted")
        }
        Err(e) => e.into(),
    }
}

#[expect(clippy::print_stderr, reason = "the one sentence that says why it could not be run")]
fn complain(e: &anyhow::Error) -> ExitCode {
    eprintln!("chat-bench: {e:#}");
    ExitCode::from(COULD_NOT_RUN)
}
