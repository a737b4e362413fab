//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Flags;

/// A self-hosted alert inbox for Prometheus.
#[derive(Debug, Parser)]
#[command(name = "tocsin", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Takes alerts in, serves the pages and the API, and sends mail
    Serve {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Shows made-up history, in a database of its own and on loopback only
        #[arg(long)]
        demo: bool,
    },
    /// Brings the database's schema up to date, and ends
    Migrate(SettingsArgs),
    /// Prints the description of the API (OpenAPI, JSON)
    Openapi,
    /// Checks the settings, and prints those in force, without secrets
    CheckConfig(SettingsArgs),
    /// Writes a consistent copy of the SQLite database, which may be in use
    Backup {
        /// The file to write; it must not exist yet
        file: PathBuf,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Reads archived history (retention.archive_dir) back into the database
    ///
    /// What is there already is passed over, so importing twice changes
    /// nothing. An SQLite database must not be in use; a PostgreSQL may be.
    Import {
        /// Files of an archive, compressed (.jsonl.zst) or not (.jsonl)
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Counts entries in the statistics that this database archived itself:
        /// for one that was since set back to a backup
        #[arg(long)]
        count: bool,
        #[command(flatten)]
        settings: SettingsArgs,
    },
}

/// Where settings come from. Each wins over the TOCSIN_* variables, which win
/// over the file.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// The settings file [default: ./tocsin.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where everything is kept [default: ./data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// sqlite://PATH or postgres://… [default: SQLite in the data directory]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl SettingsArgs {
    /// What was said of the settings.
    pub(crate) fn flags(self, demo: bool) -> Flags {
        let Self {
            config,
            listen,
            data_dir,
            database_url,
        } = self;
        Flags {
            config,
            listen,
            data_dir,
            database_url,
            demo,
        }
    }
}
