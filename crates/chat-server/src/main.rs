//! The binary. Everything it does stands in the library, so that tests can do it too.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    chat_server::run::run(chat_server::cli::Cli::parse())
}
