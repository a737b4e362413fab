//! Prints users and tokens as tables.

use std::fmt;

use tocsin_core::time::Timestamp;
use tocsin_pipeline::{Clock as _, SystemClock};
use tocsin_storage::accounts::{self, ByToken, ByUser, TokenView, UserView};
use tocsin_storage::enums::{Access, Role};
use tocsin_storage::{Db, MAX_LIMIT, Order, PageRequest, SortKey};

use super::print;
use crate::serve::Failure;

/// Prints the users.
///
/// # Errors
/// [`StorageError`](tocsin_storage::StorageError) from the database.
pub(super) async fn users(db: &Db) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "ID",
        "E-MAIL",
        "NAME",
        "ROLE",
        "STATE",
        "LAST SIGN-IN",
        "VISIBLE ALERTS",
    ]);
    let mut page = PageRequest::first(ByUser, Order::Asc, MAX_LIMIT);
    loop {
        let found = accounts::list_users(db, &page).await?;
        for UserView { id, user } in found.items {
            table.add(vec![
                id.to_string(),
                user.email,
                user.name,
                role(user.role).to_owned(),
                if user.enabled { "enabled" } else { "disabled" }.to_owned(),
                user.last_sign_in_at.map_or_else(never, time),
                visible_alerts(&user.matchers),
            ]);
        }
        match next_page(page.key(), found.next) {
            Some(next) => page = next,
            None => break,
        }
    }
    print(table.to_string().trim_end());
    Ok(())
}

/// Prints the tokens.
///
/// # Errors
/// [`StorageError`](tocsin_storage::StorageError) from the database.
pub(super) async fn tokens(db: &Db) -> Result<(), Failure> {
    let now = SystemClock.now();
    let mut table = Table::new(&[
        "ID",
        "NAME",
        "PREFIX",
        "SCOPE",
        "STATE",
        "EXPIRES",
        "LAST USED",
        "SOURCE",
        "VISIBLE ALERTS",
    ]);
    let mut page = PageRequest::first(ByToken, Order::Asc, MAX_LIMIT);
    loop {
        let found = accounts::list_tokens(db, &page).await?;
        for TokenView { id, token } in found.items {
            let has_expired = token.expires_at.is_some_and(|at| at <= now);
            let state = match (token.revoked_at, has_expired) {
                (Some(_), _) => "revoked",
                (None, true) => "expired",
                (None, false) => "active",
            };
            let visible = match token.access {
                Access::Ingest => "-".to_owned(),
                _ => visible_alerts(&token.matchers),
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
                visible,
            ]);
        }
        match next_page(page.key(), found.next) {
            Some(next) => page = next,
            None => break,
        }
    }
    print(table.to_string().trim_end());
    Ok(())
}

fn next_page<K: SortKey>(key: K, cursor: Option<String>) -> Option<PageRequest<K>> {
    // The cursor is from the same list.
    PageRequest::new(key, Order::Asc, MAX_LIMIT, Some(&cursor?)).ok()
}

/// Name of a role in the API.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Responder => "responder",
        Role::Admin => "admin",
    }
}

/// Name of a token's scope in the API.
pub(super) fn scope(access: Access) -> &'static str {
    match access {
        Access::Viewer => "read",
        Access::Responder => "respond",
        Access::Admin => "admin",
        Access::Ingest => "ingest",
    }
}

/// Formats a time for people and scripts.
pub(super) fn time(at: Timestamp) -> String {
    at.to_datetime()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn never() -> String {
    "never".to_owned()
}

fn visible_alerts(matchers: &[String]) -> String {
    match matchers {
        [] => "all alerts".to_owned(),
        matchers => matchers.join(", "),
    }
}

/// A table with aligned columns.
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
    fn columns_are_aligned() {
        let mut table = Table::new(&["ID", "NAME", "X"]);
        table.add(vec!["1".to_owned(), "值班".to_owned(), "-".to_owned()]);
        assert_eq!(table.to_string(), "ID  NAME  X\n1   值班    -\n");
    }
}
