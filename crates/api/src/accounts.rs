//! `tocsin user` and `tocsin token`: accounts from the command line, also beside
//! a running server, and as the way back in for whoever is locked out.

use std::fmt;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_pipeline::accounts::{Accounts, TokenDraft, UserDraft};
use tocsin_pipeline::{Actor, Clock, SystemClock};
use tocsin_storage::accounts::{self, ByToken, ByUser, TokenView, UserView};
use tocsin_storage::codes::{Access, Role};
use tocsin_storage::{Db, MAX_LIMIT, Order, PageRequest, Schema};

use crate::alone;
use crate::cli::{TokenCommand, UserArgs, UserCommand};
use crate::config::{ConfigError, Settings};
use crate::serve::{self, Failure};

/// The most bytes that are read of a password: more is no line.
const MAX_LINE: u64 = 64 * 1_024;

/// A server that has just started makes the schema meanwhile: so often it is
/// looked for,
const PATIENCE: usize = 100;
/// and so long after the time before.
const PAUSE: Duration = Duration::from_millis(100);

/// `tocsin user`.
///
/// # Errors
/// What was not done, and why.
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
                false => Some(ask_password().await?),
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
        UserCommand::List(settings) => with(&load(settings)?, async |_, db| users(&db).await).await,
        UserCommand::Password(UserArgs { email, settings }) => {
            let settings = load(settings)?;
            let password = ask_password().await?;
            with(&settings, async |accounts, db| {
                let user = find(&db, &email).await?;
                let actor = Actor::command_line();
                let user = accounts.set_password(&actor, user.id, &password).await?;
                say(&format!(
                    "{} has another password. All their sessions have ended.",
                    user.user.email
                ));
                Ok(())
            })
            .await
        }
        UserCommand::Disable(args) => switch(args, false, load).await,
        UserCommand::Enable(args) => switch(args, true, load).await,
    }
}

/// `tocsin token`.
///
/// # Errors
/// What was not done, and why.
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
                expires_at: expires_in.map(|span| SystemClock.now().plus(span)),
            };
            with(&settings, async |accounts, _| make(&accounts, &draft).await).await
        }
        TokenCommand::List(settings) => {
            with(&load(settings)?, async |_, db| tokens(&db).await).await
        }
        TokenCommand::Revoke { id, settings } => {
            with(&load(settings)?, async |accounts, _| {
                let actor = Actor::command_line();
                let token = accounts.revoke_token(&actor, id).await?.token;
                say(&format!(
                    "The token \"{}\" ({}…) opens nothing any more.",
                    token.name, token.hint
                ));
                Ok(())
            })
            .await
        }
    }
}

/// Does something with the settings' database.
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

/// Opens the database, which a server may be using: then its schema is the
/// server's affair.
async fn open(settings: &Settings) -> Result<Db, Failure> {
    settings.prepare_data_dir()?;
    let db = Db::connect(&serve::database(settings)).await?;
    for _ in 0..PATIENCE {
        let schema = db.schema().await?;
        if schema == Schema::Current {
            return Ok(db);
        }
        // Whoever holds it serves the database, or is about to.
        let alone = settings.sqlite_file().map(alone::take).transpose();
        match (alone, schema) {
            (Ok(Some(_)), _) | (Ok(None), Schema::Missing) => db.migrate().await?,
            (Err(_), Schema::Missing) => tokio::time::sleep(PAUSE).await,
            _ => break,
        }
    }
    db.close().await;
    let message = "the schema is of an earlier version; start this version's `tocsin serve`, or \
                   run `tocsin migrate`, first";
    Err(ConfigError::new("database.url", message).into())
}

async fn add(accounts: &Accounts, draft: &UserDraft) -> Result<(), Failure> {
    let actor = Actor::command_line();
    let user = accounts.create_user(&actor, None, draft).await?.object;
    say(&format!(
        "{} may sign in as {}.",
        user.user.email,
        role(user.user.role)
    ));
    Ok(())
}

async fn switch(
    args: UserArgs,
    enabled: bool,
    load: impl FnOnce(crate::cli::SettingsArgs) -> Result<Settings, Failure>,
) -> Result<(), Failure> {
    let UserArgs { email, settings } = args;
    with(&load(settings)?, async |accounts, db| {
        let user = find(&db, &email).await?;
        let actor = Actor::command_line();
        let user = accounts.set_enabled(&actor, user.id, enabled).await?.user;
        say(&match enabled {
            true => format!("{} may sign in.", user.email),
            false => format!("{} may not sign in any more.", user.email),
        });
        Ok(())
    })
    .await
}

async fn find(db: &Db, email: &str) -> Result<UserView, Failure> {
    let user = accounts::user_by_email(db, email.trim()).await?;
    user.ok_or_else(|| Failure::NoUser(email.trim().to_owned()))
}

/// The secret alone goes to standard output, so that a script can take it.
async fn make(accounts: &Accounts, draft: &TokenDraft) -> Result<(), Failure> {
    let actor = Actor::command_line();
    let made = accounts.create_token(&actor, None, draft).await?.object;
    let token = &made.view.token;
    let ends = token.expires_at.map_or_else(
        || "It does not expire.".to_owned(),
        |at| format!("It expires on {}.", time(at)),
    );
    eprintln!(
        "Token {}, \"{}\", opens {}. {ends} This is its secret, which is not shown again:",
        made.view.id,
        token.name,
        scope(token.access)
    );
    say(made.secret.as_deref().unwrap_or_default());
    Ok(())
}

async fn users(db: &Db) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "ID",
        "E-MAIL",
        "NAME",
        "ROLE",
        "STATE",
        "LAST SIGN-IN",
        "SEES",
    ]);
    let mut cursor = None;
    loop {
        // The cursor is the list's own.
        let Ok(page) = PageRequest::new(ByUser, Order::Asc, MAX_LIMIT, cursor.as_deref()) else {
            break;
        };
        let found = accounts::list_users(db, &page).await?;
        for UserView { id, user } in found.items {
            table.add(vec![
                id.to_string(),
                user.email,
                user.name,
                role(user.role).to_owned(),
                if user.enabled { "enabled" } else { "disabled" }.to_owned(),
                user.last_sign_in_at.map_or_else(never, time),
                seen(&user.matchers),
            ]);
        }
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    say(table.to_string().trim_end());
    Ok(())
}

async fn tokens(db: &Db) -> Result<(), Failure> {
    let now = SystemClock.now();
    let mut table = Table::new(&[
        "ID",
        "NAME",
        "BEGINS",
        "OPENS",
        "STATE",
        "EXPIRES",
        "LAST USED",
        "SOURCE",
        "SEES",
    ]);
    let mut cursor = None;
    loop {
        let Ok(page) = PageRequest::new(ByToken, Order::Asc, MAX_LIMIT, cursor.as_deref()) else {
            break;
        };
        let found = accounts::list_tokens(db, &page).await?;
        for TokenView { id, token } in found.items {
            let has_expired = token.expires_at.is_some_and(|at| at <= now);
            let state = match (token.revoked_at, has_expired) {
                (Some(_), _) => "revoked",
                (None, true) => "expired",
                (None, false) => "active",
            };
            let sees = match token.access {
                Access::Ingest => "-".to_owned(),
                _ => seen(&token.matchers),
            };
            table.add(vec![
                id.to_string(),
                token.name,
                token.hint,
                scope(token.access).to_owned(),
                state.to_owned(),
                token.expires_at.map_or_else(never, time),
                token.used_at.map_or_else(never, time),
                token.source.unwrap_or_else(|| "-".to_owned()),
                sees,
            ]);
        }
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    say(table.to_string().trim_end());
    Ok(())
}

/// Asks for a password twice where a person sits there, else reads one line.
async fn ask_password() -> Result<String, Failure> {
    let asked = tokio::task::spawn_blocking(|| match std::io::stdin().is_terminal() {
        true => {
            let first = rpassword::prompt_password("Password: ")?;
            if rpassword::prompt_password("Again: ")? != first {
                return Err(std::io::Error::other("the two are not the same"));
            }
            Ok(first)
        }
        false => read_line(std::io::stdin().lock()),
    });
    let asked = asked.await.map_err(std::io::Error::other);
    asked
        .and_then(|password| password)
        .map_err(Failure::system("reading the password"))
}

fn read_line(input: impl std::io::Read) -> std::io::Result<String> {
    let mut line = String::new();
    let mut input = std::io::BufReader::new(input.take(MAX_LINE));
    input.read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(std::io::Error::other(
            "expected it as one line on standard input",
        ));
    }
    Ok(line.to_owned())
}

/// Standard output may be closed; what was done stays done.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Responder => "responder",
        Role::Admin => "admin",
    }
}

fn scope(access: Access) -> &'static str {
    match access {
        Access::Viewer => "read",
        Access::Responder => "respond",
        Access::Admin => "admin",
        Access::Ingest => "ingest",
    }
}

fn time(at: Timestamp) -> String {
    at.to_datetime()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn never() -> String {
    "never".to_owned()
}

fn seen(matchers: &[String]) -> String {
    match matchers {
        [] => "all alerts".to_owned(),
        matchers => matchers.join(", "),
    }
}

/// Columns side by side.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|cell| (*cell).to_owned()).collect()])
    }

    fn add(&mut self, row: Vec<String>) {
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                let gap = width.saturating_sub(cell.chars().count()) + 2;
                line.extend(std::iter::repeat_n(' ', gap));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        for (input, password) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\nmore\n", "secret"),
            ("  two words \n", "  two words "),
        ] {
            assert_eq!(read_line(input.as_bytes()).unwrap(), password);
        }
        for input in ["", "\n", "\r\n"] {
            assert!(read_line(input.as_bytes()).is_err());
        }
        assert!(read_line(&b"\xff\n"[..]).is_err());
    }

    #[test]
    fn columns_stand_side_by_side() {
        let mut table = Table::new(&["ID", "NAME", "X"]);
        table.add(vec!["1".to_owned(), "值班".to_owned(), "-".to_owned()]);
        assert_eq!(table.to_string(), "ID  NAME  X\n1   值班    -\n");
    }
}
