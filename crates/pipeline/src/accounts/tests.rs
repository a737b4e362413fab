//! What cannot be seen from outside: that nothing is left out for an account
//! that is not there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tocsin_storage::enums::Role;
use tocsin_storage::{Db, DbSettings};

use super::{Accounts, AccountsSettings, ClientInfo, SignInError, UserDraft};
use crate::{Actor, SystemClock};

const PASSWORD: &str = "correct horse battery staple";

async fn accounts(directory: &tempfile::TempDir) -> Accounts {
    let settings = DbSettings {
        url: format!("sqlite://{}/test.sqlite", directory.path().display()),
        max_connections: 2,
        connect_timeout: Duration::from_secs(10),
    };
    let db = Db::open(&settings).await.unwrap();
    Accounts::new(db, Arc::new(SystemClock), AccountsSettings::default())
}

async fn user(accounts: &Accounts, name: &str, password: Option<&str>, enabled: bool) {
    let draft = UserDraft {
        name: name.to_owned(),
        email: format!("{name}@example.com"),
        role: Role::Viewer,
        matchers: Vec::new(),
        enabled: Some(enabled),
        password: password.map(str::to_owned),
    };
    let actor = Actor::command_line();
    accounts.create_user(&actor, None, &draft).await.unwrap();
}

#[tokio::test]
async fn every_failure_reckons_one_hash() {
    let directory = tempfile::tempdir().unwrap();
    let accounts = accounts(&directory).await;
    user(&accounts, "kim", Some(PASSWORD), true).await;
    user(&accounts, "lou", Some(PASSWORD), false).await;
    user(&accounts, "sam", None, true).await;
    let reckoned = &accounts.shared.hasher.reckoned;
    for email in [
        "kim@example.com",
        "lou@example.com",
        "sam@example.com",
        "nobody@example.com",
        &format!("{}@example.com", "x".repeat(1_000)),
    ] {
        let before = reckoned.load(Ordering::Relaxed);
        let refused = accounts
            .sign_in(email, "another password", &ClientInfo::default())
            .await;
        assert!(matches!(refused, Err(SignInError::Wrong)), "{refused:?}");
        assert_eq!(reckoned.load(Ordering::Relaxed), before + 1, "{email}");
    }
}

#[tokio::test]
async fn a_locked_account_reckons_none_known_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let accounts = accounts(&directory).await;
    user(&accounts, "kim", Some(PASSWORD), true).await;
    let reckoned = &accounts.shared.hasher.reckoned;
    for email in ["kim@example.com", "nobody@example.com"] {
        let mut before = 0;
        for attempt in 1..=8 {
            let refused = accounts
                .sign_in(email, "another password", &ClientInfo::default())
                .await;
            let is_locked = matches!(refused, Err(SignInError::Locked { .. }));
            assert_eq!(is_locked, attempt > 5, "{email}: {refused:?}");
            if attempt == 5 {
                before = reckoned.load(Ordering::Relaxed);
            }
        }
        assert_eq!(reckoned.load(Ordering::Relaxed), before, "{email}");
    }
}

#[tokio::test]
async fn too_many_at_once_are_sent_away() {
    let directory = tempfile::tempdir().unwrap();
    let accounts = accounts(&directory).await;
    user(&accounts, "kim", Some(PASSWORD), true).await;
    let arrival = ClientInfo::default();
    let all = accounts.shared.hasher.fill();
    for email in ["kim@example.com", "nobody@example.com"] {
        let refused = accounts.sign_in(email, PASSWORD, &arrival).await;
        assert!(matches!(refused, Err(SignInError::Busy)), "{refused:?}");
    }
    drop(all);
    let signed_in = accounts.sign_in("kim@example.com", PASSWORD, &arrival);
    assert!(signed_in.await.is_ok());
}
