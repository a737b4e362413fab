//! Users, and waiting for a blocked transaction.

use tocsin_storage::Backend;
use tocsin_storage::accounts::{self, UserRow};
use tocsin_storage::enums::Role;

use crate::common::{TestDb, at};

/// A user with default settings.
pub(crate) fn user(name: &str, role: Role) -> UserRow {
    UserRow {
        name: name.to_owned(),
        email: format!("{name}@Example.com"),
        role,
        matchers: Vec::new(),
        enabled: true,
        password: None,
        issuer: None,
        subject: None,
        language: None,
        time_zone: None,
        theme: None,
        created_at: at(0),
        last_sign_in_at: None,
    }
}

/// Stores a user.
pub(crate) async fn put_user(test: &TestDb, row: &UserRow) -> i64 {
    let tx = test.db.begin().await.unwrap();
    let id = accounts::insert_user(&tx, row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// A hash consisting of `byte`.
pub(crate) fn hash(byte: u8) -> [u8; 32] {
    [byte; 32]
}

/// Returns when a transaction waits for the lock of another. On SQLite there is one writer,
/// and no transaction gets that far.
pub(crate) async fn wait_for_blocked_transaction(test: &TestDb) {
    if test.db.backend() == Backend::Sqlite {
        return;
    }
    let sql = "SELECT COUNT(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while test.number(sql, vec![]).await == 0 {
        tokio::task::yield_now().await;
    }
}
