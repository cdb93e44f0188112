//! The command line: which part of the house to run, and where its settings file is.
//!
//! Settings themselves never come from here: arguments are visible to every process of the machine (security D2).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::StoreUrl;

/// What was typed. A wrong argument is answered by clap on stderr with exit code 2.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "chat-server", version, about = "A chat backend: one file to start, many nodes to grow")]
pub struct Cli {
    /// Settings file in TOML; `CHAT_<SECTION>__<KEY>` in the environment overrides it
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do; `serve` when nothing is said
    #[command(subcommand)]
    command: Option<Command>,
}

/// One job of the binary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve until told to stop (the default)
    #[default]
    Serve,
    /// Bring the store's schema up to date, then exit
    Migrate,
    /// Ask the server of these settings whether it is ready: exit 0 or 1
    Healthcheck,
    /// Copy a whole record into another and verify it: how an embedded chat moves into PostgreSQL
    ///
    /// The server of the source must be stopped. Broken off, the same command goes on where it ended.
    Copy(Copy),
    /// Copy the embedded record to a file while the server runs, whole and verified
    ///
    /// Put in the place of the record, the file begins another history. PostgreSQL has pg_dump for this.
    Backup(Backup),
    /// Begin another history of the record: every client loads anew
    ///
    /// To be run after a restore that the record cannot notice by itself, such as from a snapshot of a disk. Servers may be
    /// running.
    NewEpoch,
    /// Print the effective settings as TOML, secrets redacted
    Config,
}

/// From where to where. A URL with a password is better left to `store.url` (or `DATABASE_URL`): arguments are visible.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Copy {
    /// The record to read, such as sqlite:data/chat.db
    #[arg(long, value_name = "URL", value_parser = store_url)]
    pub from: StoreUrl,
    /// The record to fill, such as postgres://chat@db/chat; the one of the settings when nothing is said
    #[arg(long, value_name = "URL", value_parser = store_url)]
    pub to: Option<StoreUrl>,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Backup {
    /// The file to write; it must not be there
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

fn store_url(text: &str) -> Result<StoreUrl, String> {
    StoreUrl::try_from(text.to_owned())
}

impl Cli {
    /// The job that was asked for.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serve_is_the_default_and_the_file_may_stand_on_either_side() {
        let bare = Cli::try_parse_from(["chat-server"]).unwrap();
        assert_eq!((bare.command(), bare.config), (Command::Serve, None));
        for words in [["chat-server", "--config", "a.toml", "config"], ["chat-server", "config", "--config", "a.toml"]]
        {
            let cli = Cli::try_parse_from(words).unwrap();
            assert_eq!((cli.command(), cli.config), (Command::Config, Some("a.toml".into())));
        }
    }

    #[test]
    fn a_copy_goes_from_one_record_into_another_or_into_that_of_the_settings() {
        let copy =
            |words: &[&str]| Cli::try_parse_from([&["chat-server", "copy"], words].concat()).map(|cli| cli.command());
        let from = StoreUrl::Sqlite("a.db".into());
        let command = copy(&["--from", "sqlite:a.db"]).unwrap();
        assert_eq!(command, Command::Copy(Copy { from: from.clone(), to: None }));
        let Command::Copy(both) = copy(&["--from", "sqlite:a.db", "--to", "postgres://db/chat"]).unwrap() else {
            panic!()
        };
        assert!(matches!(both.to, Some(StoreUrl::Postgres(_))));
        for wrong in [&["--to", "sqlite:b.db"][..], &["--from", "mysql://db"], &["--from", "a.db"]] {
            assert_eq!(copy(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn a_backup_needs_a_file_and_a_new_epoch_needs_nothing() {
        let command = |words: &[&str]| Cli::try_parse_from([&["chat-server"], words].concat()).map(|cli| cli.command());
        assert_eq!(command(&["backup", "--to", "a.db"]).unwrap(), Command::Backup(Backup { to: "a.db".into() }));
        assert_eq!(command(&["new-epoch"]).unwrap(), Command::NewEpoch);
        for wrong in [&["backup"][..], &["backup", "a.db"], &["new-epoch", "e1"]] {
            assert_eq!(command(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn d2_no_secret_is_taken_from_the_command_line() {
        for word in ["--secret=k1:AAAA", "--auth.secret=k1:AAAA", "k1:AAAA"] {
            let error = Cli::try_parse_from(["chat-server", word]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{word}");
        }
    }
}
