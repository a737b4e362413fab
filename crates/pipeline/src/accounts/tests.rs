//! Tests of internals: sign-ins of unknown accounts do the same work as others.

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
async fn each_failed_sign_in_computes_one_hash() {
    let directory = tempfile::tempdir().unwrap();
    let accounts = accounts(&directory).await;
    user(&accounts, "kim", Some(PASSWORD), true).await;
    user(&accounts, "lou", Some(PASSWORD), false).await;
    user(&accounts, "sam", None, true).await;
    let computed = &accounts.shared.hasher.computed;
    for email in [
        "kim@example.com",
        "lou@example.com",
        "sam@example.com",
        "unknown@example.com",
        &format!("{}@example.com", "x".repeat(1_000)),
    ] {
        let before = computed.load(Ordering::Relaxed);
        let result = accounts
            .sign_in(email, "another password", &ClientInfo::default())
            .await;
        assert!(matches!(result, Err(SignInError::Wrong)), "{result:?}");
        assert_eq!(computed.load(Ordering::Relaxed), before + 1, "{email}");
    }
}

#[tokio::test]
async fn locked_account_computes_no_hash_whether_it_exists_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let accounts = accounts(&directory).await;
    user(&accounts, "kim", Some(PASSWORD), true).await;
    let computed = &accounts.shared.hasher.computed;
    for email in ["kim@example.com", "unknown@example.com"] {
        let mut before = 0;
        for attempt in 1..=8 {
            let result = accounts
                .sign_in(email, "another password", &ClientInfo::default())
                .await;
            let is_locked = matches!(result, Err(SignInError::Locked { .. }));
            assert_eq!(is_locked, attempt > 5, "{email}: {result:?}");
            if attempt == 5 {
                before = computed.load(Ordering::Relaxed);
            }
        }
        assert_eq!(computed.load(Ordering::Relaxed), before, "{email}");
    }
}

#[tokio::test]
async fn too_many_concurrent_sign_ins_are_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let accounts = accounts(&directory).await;
    user(&accounts, "kim", Some(PASSWORD), true).await;
    let client = ClientInfo::default();
    let all = accounts.shared.hasher.fill();
    for email in ["kim@example.com", "unknown@example.com"] {
        let result = accounts.sign_in(email, PASSWORD, &client).await;
        assert!(matches!(result, Err(SignInError::Busy)), "{result:?}");
    }
    drop(all);
    let signed_in = accounts.sign_in("kim@example.com", PASSWORD, &client);
    assert!(signed_in.await.is_ok());
}
