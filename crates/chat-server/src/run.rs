//! What each job of the binary does, and the exit code it ends with.

use std::{net::SocketAddr, process::ExitCode};

use chat_domain::usecases::copying::Tally;

use crate::{
    assembly::{self, AssemblyError, BackupRefused, CopyError},
    cli::{Backup, Cli, Command, Copy},
    config::{Loaded, Sources},
    healthcheck, serve, telemetry,
};

/// A setting is wrong (protocol §7).
const WRONG_SETTING: u8 = 2;

/// Does what the command line asks.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let command = cli.command();
    let loaded = match Sources::of_process(cli.config).load() {
        Ok(loaded) => loaded,
        Err(error) => return refuse(&error, WRONG_SETTING),
    };
    match command {
        Command::Serve => serve(&loaded),
        Command::Migrate => on_engine(async { conclude(assembly::migrate(&loaded.settings).await) }),
        Command::Copy(wanted) => copy(&loaded, &wanted),
        Command::Backup(wanted) => backup(&loaded, &wanted),
        Command::NewEpoch => new_epoch(&loaded),
        Command::Healthcheck => check(loaded.settings.http.listen),
        Command::Config => {
            print(&loaded.to_toml());
            ExitCode::SUCCESS
        }
    }
}

fn serve(loaded: &Loaded) -> ExitCode {
    let settings = &loaded.settings;
    let traces = match telemetry::observe(&settings.log, &settings.trace, &settings.node.name) {
        Ok(traces) => traces,
        Err(error) => return refuse(&error, 1),
    };
    match serve::serve(settings, traces) {
        Ok(()) => ExitCode::SUCCESS,
        Err(serve::ServeError::Assembly(error)) => conclude(Err(error)),
        Err(error) => refuse(&error, error.exit_code()),
    }
}

/// Adapters live on a multi-thread runtime.
fn on_engine(job: impl Future<Output = ExitCode>) -> ExitCode {
    match serve::engine() {
        Ok(engine) => engine.block_on(job),
        Err(error) => refuse(&error, 1),
    }
}

fn copy(loaded: &Loaded, Copy { from, to }: &Copy) -> ExitCode {
    if let Err(error) = telemetry::log_to_stderr(&loaded.settings.log) {
        return refuse(&error, 1);
    }
    let settings = &loaded.settings;
    on_engine(async {
        match assembly::copy(from, to.as_ref().unwrap_or(&settings.store.url), settings).await {
            Ok(tallies) => {
                for Tally { kind, rows, checksum } in tallies {
                    print(&format!("{:12} {rows:>12}  sha256 {checksum}", kind.word()));
                }
                print("copied and verified");
                ExitCode::SUCCESS
            }
            Err(CopyError::Assembly(error)) => conclude(Err(error)),
            Err(error @ (CopyError::InUse(_) | CopyError::Refused(_))) => refuse(&error, 1),
        }
    })
}

fn backup(loaded: &Loaded, Backup { to }: &Backup) -> ExitCode {
    match assembly::backup(&loaded.settings.store.url, to) {
        Ok(bytes) => {
            print(&format!("backed up and verified: {}, {bytes} bytes", to.display()));
            ExitCode::SUCCESS
        }
        Err(error @ BackupRefused::NotAFile(_)) => refuse(&error, WRONG_SETTING),
        Err(error @ BackupRefused::Failed(_)) => refuse(&error, 1),
    }
}

fn new_epoch(loaded: &Loaded) -> ExitCode {
    if let Err(error) = telemetry::log_to_stderr(&loaded.settings.log) {
        return refuse(&error, 1);
    }
    on_engine(async {
        match assembly::new_epoch(&loaded.settings).await {
            Ok(epoch) => {
                print(&epoch.to_string());
                ExitCode::SUCCESS
            }
            Err(error) => conclude(Err(error)),
        }
    })
}

fn conclude(result: Result<(), AssemblyError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error, if error.is_setting() { WRONG_SETTING } else { 1 }),
    }
}

fn check(address: SocketAddr) -> ExitCode {
    match healthcheck::healthcheck(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error, 1),
    }
}

#[expect(clippy::print_stderr, reason = "the one sentence that tells why the process ends")]
fn refuse(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("chat-server: {error}");
    ExitCode::from(code)
}

#[expect(clippy::print_stdout, reason = "asked for by the command line")]
fn print(text: &str) {
    println!("{text}");
}
