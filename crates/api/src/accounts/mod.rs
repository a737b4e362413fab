//! `tocsin user` and `tocsin token`: manages accounts from the command line, also while a server is
//! running, and restores access for a locked-out administrator.

mod lists;
mod password;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tocsin_pipeline::accounts::{Accounts, TokenDraft, UserDraft};
use tocsin_pipeline::{Actor, Clock, SystemClock};
use tocsin_storage::accounts::{self, UserView};
use tocsin_storage::enums::{Access, Role};
use tocsin_storage::{Db, Schema};

use crate::cli::{TokenCommand, UserArgs, UserCommand};
use crate::config::{ConfigError, Settings};
use crate::instance_lock;
use crate::serve::{self, Failure};
use lists::{role, scope, time};

/// A server that is just starting creates the schema. Number of checks for it,
const SCHEMA_CHECKS: usize = 100;
/// and the pause between two checks.
const SCHEMA_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// `tocsin user`.
///
/// # Errors
/// The rejected change or the failed operation.
pub(crate) async fn user(
    command: UserCommand,
    load: impl FnOnce(crate::cli::SettingsArgs) -> Result<Settings, Failure>,
) -> Result<(), Failure> {
    match command {
        UserCommand::Add {
            email,
            name,
            role,
            team_matcher,
            no_password,
            settings,
        } => {
            let settings = load(settings)?;
            let password = match no_password {
                true => None,
                false => Some(password::ask().await?),
            };
            let before_at = email.split('@').next().unwrap_or_default();
            let draft = UserDraft {
                name: name.unwrap_or_else(|| before_at.to_owned()),
                email,
                role: role.into(),
                matchers: team_matcher,
                enabled: None,
                password,
            };
            with(&settings, async |accounts, _| add(&accounts, &draft).await).await
        }
        UserCommand::List(settings) => {
            with(&load(settings)?, async |_, db| lists::users(&db).await).await
        }
        UserCommand::Password(UserArgs { email, settings }) => {
            let settings = load(settings)?;
            let password = password::ask().await?;
            with(&settings, async |accounts, db| {
                let user = find(&db, &email).await?;
                let actor = Actor::command_line();
                let user = accounts.set_password(&actor, user.id, &password).await?;
                print(&format!(
                    "The password of {} is changed, and all sessions have ended.",
                    user.user.email
                ));
                Ok(())
            })
            .await
        }
        UserCommand::Disable(args) => set_enabled(args, false, load).await,
        UserCommand::Enable(args) => set_enabled(args, true, load).await,
    }
}

/// `tocsin token`.
///
/// # Errors
/// The rejected change or the failed operation.
pub(crate) async fn token(
    command: TokenCommand,
    load: impl FnOnce(crate::cli::SettingsArgs) -> Result<Settings, Failure>,
) -> Result<(), Failure> {
    match command {
        TokenCommand::Add {
            name,
            scope,
            role,
            source,
            matcher,
            expires_in,
            settings,
        } => {
            let settings = load(settings)?;
            let opens = match role {
                Some(role) => vec![Role::from(role).into()],
                None => scope.into_iter().map(Access::from).collect(),
            };
            let draft = TokenDraft {
                name,
                opens,
                source,
                matchers: matcher,
                expires_at: expires_in.map(|duration| SystemClock.now().plus(duration)),
            };
            with(&settings, async |accounts, _| {
                create(&accounts, &draft).await
            })
            .await
        }
        TokenCommand::List(settings) => {
            with(&load(settings)?, async |_, db| lists::tokens(&db).await).await
        }
        TokenCommand::Revoke { id, settings } => {
            with(&load(settings)?, async |accounts, _| {
                let actor = Actor::command_line();
                let token = accounts.revoke_token(&actor, id).await?.token;
                print(&format!(
                    "The token \"{}\" ({}…) is revoked.",
                    token.name, token.hint
                ));
                Ok(())
            })
            .await
        }
    }
}

/// Runs `work` with the configured database.
async fn with(
    settings: &Settings,
    work: impl AsyncFnOnce(Accounts, Db) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let db = open(settings).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let accounts = serve::accounts(settings, &db, &clock);
    let result = work(accounts, db.clone()).await;
    db.close().await;
    result
}

/// Opens the database, which a server may be using: then the server manages the schema.
async fn open(settings: &Settings) -> Result<Db, Failure> {
    settings.prepare_data_dir()?;
    let db = Db::connect(&serve::database(settings)).await?;
    for _ in 0..SCHEMA_CHECKS {
        let schema = db.schema().await?;
        if schema == Schema::Current {
            return Ok(db);
        }
        // A process that holds the lock serves the database, or is about to.
        let alone = settings.sqlite_file().map(instance_lock::take).transpose();
        match (alone, schema) {
            (Ok(Some(_)), _) | (Ok(None), Schema::Missing) => {
                if schema == Schema::Missing {
                    report_new_database(settings);
                }
                db.migrate().await?;
            }
            (Err(_), Schema::Missing) => tokio::time::sleep(SCHEMA_CHECK_INTERVAL).await,
            _ => break,
        }
    }
    db.close().await;
    let message = "the schema is of an earlier version; start this version's `tocsin serve`, or \
                   run `tocsin migrate`, first";
    Err(ConfigError::new("database.url", message).into())
}

/// Without this message, a user in the wrong directory would not notice that the server uses
/// another database.
fn report_new_database(settings: &Settings) {
    match settings.sqlite_file() {
        Some(file) => eprintln!(
            "Created a new database at {}. If a server uses another one, \
             pass its --config or --data-dir.",
            file.display()
        ),
        None => eprintln!("The database was empty; created its tables."),
    }
}

async fn add(accounts: &Accounts, draft: &UserDraft) -> Result<(), Failure> {
    let actor = Actor::command_line();
    let user = accounts.create_user(&actor, None, draft).await?.object;
    print(&format!(
        "Created user {} with role {}.",
        user.user.email,
        role(user.user.role)
    ));
    Ok(())
}

async fn set_enabled(
    args: UserArgs,
    enabled: bool,
    load: impl FnOnce(crate::cli::SettingsArgs) -> Result<Settings, Failure>,
) -> Result<(), Failure> {
    let UserArgs { email, settings } = args;
    with(&load(settings)?, async |accounts, db| {
        let user = find(&db, &email).await?;
        let actor = Actor::command_line();
        let user = accounts.set_enabled(&actor, user.id, enabled).await?.user;
        print(&match enabled {
            true => format!("Enabled user {}.", user.email),
            false => format!("Disabled user {}.", user.email),
        });
        Ok(())
    })
    .await
}

async fn find(db: &Db, email: &str) -> Result<UserView, Failure> {
    let user = accounts::user_by_email(db, email.trim()).await?;
    user.ok_or_else(|| Failure::NoUser(email.trim().to_owned()))
}

/// Only the secret goes to standard output, so that a script can read it.
async fn create(accounts: &Accounts, draft: &TokenDraft) -> Result<(), Failure> {
    let actor = Actor::command_line();
    let created = accounts.create_token(&actor, None, draft).await?.object;
    let token = &created.view.token;
    let expiry = token.expires_at.map_or_else(
        || "It does not expire.".to_owned(),
        |at| format!("It expires on {}.", time(at)),
    );
    eprintln!(
        "Created token {}, \"{}\", with scope {}. {expiry} Its secret, shown only once:",
        created.view.id,
        token.name,
        scope(token.access)
    );
    print(created.secret.as_deref().unwrap_or_default());
    Ok(())
}

/// Standard output may be closed; the change is committed regardless.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
