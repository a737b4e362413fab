//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tocsin_storage::enums::{Access, Role};

use crate::config::{Flags, HumanDuration};

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
    /// Adds people who may sign in, and changes whether and how they may
    ///
    /// Also beside a running server, for which it counts within a second.
    #[command(subcommand)]
    User(UserCommand),
    /// Makes secrets for scripts and for those who deliver, and takes them back
    ///
    /// Also beside a running server, for which it counts within a second.
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Adds a person
    ///
    /// The password is asked for, or else read as one line from standard input.
    Add {
        /// The mail address to sign in with
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        /// What they are called [default: the address before the @]
        #[arg(long)]
        name: Option<String>,
        /// What they may do
        #[arg(long, value_enum, default_value_t = RoleArg::Viewer)]
        role: RoleArg,
        /// Shows them only alerts that match, such as 'team="infra"'; may be
        /// given several times, then all must match
        #[arg(long, value_name = "MATCHER")]
        team_matcher: Vec<String>,
        /// Without a password: they come by single sign-on
        #[arg(long)]
        no_password: bool,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Lists the people who may sign in
    List(SettingsArgs),
    /// Gives a person another password, and ends all their sessions
    ///
    /// The password is asked for, or else read as one line from standard input.
    Password(UserArgs),
    /// Lets a person in no more, and ends all their sessions
    Disable(UserArgs),
    /// Lets a person in again
    Enable(UserArgs),
}

/// Which person.
#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// The mail address that they sign in with
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Makes a token, and prints its secret, which is shown this once
    #[command(group = clap::ArgGroup::new("opens").required(true))]
    Add {
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it opens; may be given several times. `ingest` delivers alerts
        /// and stands alone; `admin` includes `respond`, which includes `read`
        #[arg(long, value_enum, value_delimiter = ',', group = "opens")]
        scope: Vec<ScopeArg>,
        /// In place of scopes: what that role may do
        #[arg(long, value_enum, group = "opens")]
        role: Option<RoleArg>,
        /// Of `ingest`: the source that deliveries belong to
        #[arg(long)]
        source: Option<String>,
        /// Of `read` and `respond`: shows only alerts that match, such as
        /// 'team="infra"'; may be given several times, then all must match
        #[arg(long)]
        matcher: Vec<String>,
        /// When it ends, such as 90d [default: never]
        #[arg(long, value_name = "SPAN", value_parser = span)]
        expires_in: Option<Duration>,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Lists the tokens
    List(SettingsArgs),
    /// Takes a token back, for good
    Revoke {
        /// Its number, as `tocsin token list` shows it
        id: i64,
        #[command(flatten)]
        settings: SettingsArgs,
    },
}

/// What a person or token may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleArg {
    /// Reads
    Viewer,
    /// Acknowledges, writes memos, sends mails again
    Responder,
    /// Changes recipients, routes, users and tokens
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Responder => Self::Responder,
            RoleArg::Admin => Self::Admin,
        }
    }
}

/// What a token opens.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Delivers alerts, and can read nothing
    Ingest,
    /// As a viewer
    Read,
    /// As a responder
    Respond,
    /// As an administrator
    Admin,
}

impl From<ScopeArg> for Access {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Ingest => Self::Ingest,
            ScopeArg::Read => Self::Viewer,
            ScopeArg::Respond => Self::Responder,
            ScopeArg::Admin => Self::Admin,
        }
    }
}

fn span(text: &str) -> Result<Duration, String> {
    HumanDuration::try_from(text.to_owned()).map(|span| span.0)
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
