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
    /// Receives alerts, serves the pages and the API, and sends e-mail
    Serve {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Shows generated sample data, in a separate database and on loopback only
        #[arg(long)]
        demo: bool,
    },
    /// Upgrades the database schema to this version, and exits
    Migrate(SettingsArgs),
    /// Prints the OpenAPI description of the API (JSON)
    Openapi,
    /// Checks the settings, and prints the effective values without secrets
    CheckConfig(SettingsArgs),
    /// Writes a consistent copy of the SQLite database, which may be in use
    Backup {
        /// Path of the new file; must not exist yet
        file: PathBuf,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Imports archived history (retention.archive_dir) into the database
    ///
    /// Existing entries are skipped, so importing a file twice changes nothing. An SQLite database
    /// must not be in use; a PostgreSQL database may be.
    Import {
        /// Archive files, compressed (.jsonl.zst) or not (.jsonl)
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Also counts entries that this database archived itself in the statistics: for a database
        /// that was restored from a backup
        #[arg(long)]
        count: bool,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Manages the users who may sign in
    ///
    /// A running server applies changes within a second.
    #[command(subcommand)]
    User(UserCommand),
    /// Manages API and ingest tokens
    ///
    /// A running server applies changes within a second.
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Adds a user
    ///
    /// Prompts for the password, or reads it as one line from standard input.
    Add {
        /// E-mail address to sign in with
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        /// Display name; by default the part of the e-mail address before the @
        #[arg(long)]
        name: Option<String>,
        /// Role of the user
        #[arg(long, value_enum, default_value_t = RoleArg::Viewer)]
        role: RoleArg,
        /// Restricts the visible alerts to those that match, such as 'team="infra"'; if given
        /// several times, all must match
        #[arg(long, value_name = "MATCHER")]
        team_matcher: Vec<String>,
        /// Creates the user without a password, for single sign-on
        #[arg(long)]
        no_password: bool,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Lists the users
    List(SettingsArgs),
    /// Sets a new password for a user, and ends all their sessions
    ///
    /// Prompts for the password, or reads it as one line from standard input.
    Password(UserArgs),
    /// Disables a user, and ends all their sessions
    Disable(UserArgs),
    /// Enables a disabled user
    Enable(UserArgs),
}

/// The user.
#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// E-mail address of the user
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Creates a token, and prints its secret, which is shown only once
    #[command(group = clap::ArgGroup::new("access").required(true))]
    Add {
        /// Name of the token
        #[arg(long)]
        name: String,
        /// Scope of the token; may be given several times. `ingest` delivers alerts and cannot be
        /// combined; `admin` includes `respond`, which includes `read`
        #[arg(long, value_enum, value_delimiter = ',', group = "access")]
        scope: Vec<ScopeArg>,
        /// Instead of scopes: the permissions of this role
        #[arg(long, value_enum, group = "access")]
        role: Option<RoleArg>,
        /// For `ingest`: source of the deliveries
        #[arg(long)]
        source: Option<String>,
        /// For `read` and `respond`: restricts the visible alerts to those that match, such as
        /// 'team="infra"'; if given several times, all must match
        #[arg(long)]
        matcher: Vec<String>,
        /// Validity, such as 90d [default: unlimited]
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        expires_in: Option<Duration>,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Lists the tokens
    List(SettingsArgs),
    /// Revokes a token permanently
    Revoke {
        /// ID of the token, as `tocsin token list` shows it
        id: i64,
        #[command(flatten)]
        settings: SettingsArgs,
    },
}

/// Role of a user or token.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleArg {
    /// Read access
    Viewer,
    /// Acknowledges, writes notes, resends notifications
    Responder,
    /// Manages recipients, routes, users and tokens
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

/// Scope of a token.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Delivers alerts, without read access
    Ingest,
    /// Permissions of a viewer
    Read,
    /// Permissions of a responder
    Respond,
    /// Permissions of an administrator
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

fn duration(text: &str) -> Result<Duration, String> {
    HumanDuration::try_from(text.to_owned()).map(|duration| duration.0)
}

/// Sources of the settings. Flags override the TOCSIN_* variables, which override the file.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Settings file [default: ./tocsin.toml if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Directory of all stored data [default: ./data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// sqlite://PATH or postgres://… [default: SQLite in the data directory]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl SettingsArgs {
    /// The settings given as flags.
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
