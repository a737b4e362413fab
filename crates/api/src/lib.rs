//! The `tocsin` program: receives alerts, stores them, groups them into incidents, notifies people,
//! and shows everything in the browser.
//!
//! Start reading at `config` (settings), `serve` (startup) and `http` (endpoints). The rules are in
//! `tocsin-core` and `tocsin-pipeline`.
//!
//! All code is in this library, which compiles in parallel with the browser program; the binary
//! only adds the browser files. That is why [`main`] is not `async`: the body of an `async fn` is
//! compiled in the crate that polls it.

mod accounts;
mod banner;
mod cli;
mod config;
mod demo;
mod descriptors;
mod http;
mod import;
mod instance_lock;
mod logging;
mod metrics;
mod oidc;
mod private;
mod serve;
mod tls;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use std::io::Write as _;

use clap::Parser;
use tocsin_storage::Db;

pub use http::BrowserFiles;

use cli::{Cli, Command, SettingsArgs};
use config::{ConfigError, Flags, Settings};
use serve::Failure;

/// Exit code for an invalid setting.
const WRONG_SETTING: u8 = 2;

/// Runs the command from the command line.
pub fn main(files: BrowserFiles) -> ExitCode {
    private::set_umask();
    let command = Cli::parse().command;
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("starting threads"))
        .and_then(|runtime| runtime.block_on(run(command, files)));
    logging::finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed.
            let _ = writeln!(std::io::stderr(), "tocsin: {}", http::Chain(&error));
            match error {
                Failure::Config(_) => ExitCode::from(WRONG_SETTING),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

async fn run(command: Command, files: BrowserFiles) -> Result<(), Failure> {
    match command {
        Command::Serve { settings, demo } => {
            serve::serve(load(&settings.flags(demo))?, files).await
        }
        Command::Migrate(settings) => migrate(&load(&settings.flags(false))?).await,
        Command::Openapi => openapi(),
        Command::CheckConfig(settings) => check_config(&load(&settings.flags(false))?),
        Command::Backup { file, settings } => backup(&load(&settings.flags(false))?, &file).await,
        Command::Import {
            files,
            count,
            settings,
        } => import::import(&load(&settings.flags(false))?, &files, count).await,
        Command::User(command) => accounts::user(command, plain).await,
        Command::Token(command) => accounts::token(command, plain).await,
    }
}

/// The settings of a command without a demo mode.
fn plain(settings: SettingsArgs) -> Result<Settings, Failure> {
    load(&settings.flags(false))
}

/// Loads the settings, and starts logging.
fn load(flags: &Flags) -> Result<Settings, Failure> {
    // All our variables are valid Unicode.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = config::load(flags, variables)?;
    logging::start(&settings);
    Ok(settings)
}

async fn migrate(settings: &Settings) -> Result<(), Failure> {
    settings.prepare_data_dir()?;
    let db = Db::open(&serve::database(settings)).await?;
    db.close().await;
    println!(
        "The schema of {} is up to date.",
        settings.shown_database_url()
    );
    Ok(())
}

fn openapi() -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(http::description()).map_err(std::io::Error::other);
    println!("{}", json.map_err(Failure::system("describing the API"))?);
    Ok(())
}

fn check_config(settings: &Settings) -> Result<(), Failure> {
    settings.prepare_data_dir()?;
    let text = toml::to_string(&settings.sections).map_err(std::io::Error::other);
    print!(
        "{}",
        text.map_err(Failure::system("printing the settings"))?
    );
    Ok(())
}

async fn backup(settings: &Settings, file: &Path) -> Result<(), Failure> {
    // Opening would create one.
    if let Some(missing) = settings.sqlite_file().filter(|file| !file.is_file()) {
        let message = format!("no such database: {}", missing.display());
        return Err(ConfigError::new("database.url", message).into());
    }
    let db = Db::connect(&serve::database(settings)).await?;
    let result = copy(&db, file).await;
    db.close().await;
    result?;
    println!(
        "Copied the database to {} from {}.",
        file.display(),
        settings.shown_database_url()
    );
    Ok(())
}

/// Copies into a new file for its owner only, because it contains everything in the database.
async fn copy(db: &Db, file: &Path) -> Result<(), Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(Failure::system(format!("creating {}", file.display())))?;
    if let Err(error) = db.backup(file).await {
        // The file is unusable; leaving it behind does no harm.
        let _ = std::fs::remove_file(file);
        return Err(error.into());
    }
    Ok(())
}
