//! Users.

use tocsin_storage::accounts::{self, ByUser, UserRow};
use tocsin_storage::enums::{Language, Role, Theme};
use tocsin_storage::{Order, PageRequest, StorageError};

use crate::common::{TestDb, at};
use crate::fixtures::{put_user, user, wait_for_blocked_transaction};

crate::on_both!(
    user_round_trips,
    email_is_unique_ignoring_case,
    subject_is_unique_per_issuer,
    only_enabled_administrators_are_counted,
    deleting_a_user_deletes_their_sessions,
    unknown_user_cannot_be_updated,
    users_are_paged,
    concurrent_setups_are_serialized,
    any_string_is_stored_unchanged,
);

fn whole() -> UserRow {
    UserRow {
        matchers: vec![r#"team=~"a|\"b\"""#.to_owned(), "env!=dev".to_owned()],
        enabled: false,
        password: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        issuer: Some("https://id.example.com".to_owned()),
        subject: Some("248289761001".to_owned()),
        language: Some(Language::Zh),
        time_zone: Some("Asia/Shanghai".to_owned()),
        theme: Some(Theme::Dark),
        created_at: at(5),
        last_sign_in_at: Some(at(9)),
        ..user("Kim", Role::Responder)
    }
}

async fn user_round_trips(test: &TestDb) {
    let id = put_user(test, &whole()).await;
    let stored = accounts::get_user(&test.db, id).await.unwrap().unwrap();
    assert_eq!((stored.id, stored.user), (id, whole()));
    let bare = user("Ann", Role::Viewer);
    let tx = test.db.begin().await.unwrap();
    accounts::update_user(&tx, id, &bare).await.unwrap();
    tx.commit().await.unwrap();
    let stored = accounts::get_user(&test.db, id).await.unwrap().unwrap();
    assert_eq!(stored.user, bare);
    let tx = test.db.begin().await.unwrap();
    accounts::note_sign_in(&tx, id, at(77)).await.unwrap();
    tx.commit().await.unwrap();
    let stored = accounts::get_user(&test.db, id).await.unwrap().unwrap();
    let signed_in = UserRow {
        last_sign_in_at: Some(at(77)),
        ..bare
    };
    assert_eq!(stored.user, signed_in);
    assert_eq!(accounts::get_user(&test.db, id + 1).await.unwrap(), None);
}

async fn email_is_unique_ignoring_case(test: &TestDb) {
    let row = UserRow {
        email: "Jörg.ÄRGER@Example.com".to_owned(),
        ..user("Jörg", Role::Viewer)
    };
    let id = put_user(test, &row).await;
    for email in ["Jörg.ÄRGER@Example.com", "jörg.Ärger@EXAMPLE.COM"] {
        let found = accounts::user_by_email(&test.db, email).await.unwrap();
        assert_eq!(found.map(|user| user.id), Some(id), "{email}");
    }
    // Other letters are other mailboxes, even if they look alike.
    for email in ["jorg.arger@example.com", "jörg.ärger@example.com"] {
        let other = accounts::user_by_email(&test.db, email).await.unwrap();
        assert_eq!(other, None, "{email}");
    }
    let tx = test.db.begin().await.unwrap();
    let again = UserRow {
        email: "Jörg.ÄRGER@example.COM".to_owned(),
        ..row
    };
    let taken = accounts::insert_user(&tx, &again).await;
    assert!(matches!(taken, Err(StorageError::Conflict(_))), "{taken:?}");
}

async fn subject_is_unique_per_issuer(test: &TestDb) {
    let oidc_user = |issuer: &str, subject: &str, name: &str| UserRow {
        issuer: Some(issuer.to_owned()),
        subject: Some(subject.to_owned()),
        ..user(name, Role::Viewer)
    };
    let kim = put_user(test, &oidc_user("https://a.example.com", "1", "Kim")).await;
    let ann = put_user(test, &oidc_user("https://b.example.com", "1", "Ann")).await;
    // Users without a provider do not conflict with each other.
    put_user(test, &user("Bob", Role::Viewer)).await;
    put_user(test, &user("Eve", Role::Viewer)).await;
    let find = async |issuer: &str, subject: &str| {
        let found = accounts::user_by_subject(&test.db, issuer, subject).await;
        found.unwrap().map(|user| user.id)
    };
    assert_eq!(find("https://a.example.com", "1").await, Some(kim));
    assert_eq!(find("https://b.example.com", "1").await, Some(ann));
    assert_eq!(find("https://a.example.com", "2").await, None);
    let tx = test.db.begin().await.unwrap();
    let again = oidc_user("https://a.example.com", "1", "Mallory");
    let taken = accounts::insert_user(&tx, &again).await;
    assert!(matches!(taken, Err(StorageError::Conflict(_))), "{taken:?}");
}

async fn only_enabled_administrators_are_counted(test: &TestDb) {
    assert_eq!(accounts::count_users(&test.db).await.unwrap(), 0);
    assert_eq!(accounts::count_enabled_admins(&test.db).await.unwrap(), 0);
    put_user(test, &user("Ann", Role::Admin)).await;
    put_user(test, &user("Kim", Role::Responder)).await;
    let off = UserRow {
        enabled: false,
        ..user("Eve", Role::Admin)
    };
    put_user(test, &off).await;
    assert_eq!(accounts::count_users(&test.db).await.unwrap(), 3);
    assert_eq!(accounts::count_enabled_admins(&test.db).await.unwrap(), 1);
}

async fn deleting_a_user_deletes_their_sessions(test: &TestDb) {
    let id = put_user(test, &user("Ann", Role::Admin)).await;
    let tx = test.db.begin().await.unwrap();
    let session = crate::sessions::session(id, 1);
    accounts::insert_session(&tx, &session).await.unwrap();
    tx.commit().await.unwrap();
    let tx = test.db.begin().await.unwrap();
    assert!(accounts::delete_user(&tx, id).await.unwrap());
    assert!(!accounts::delete_user(&tx, id).await.unwrap());
    tx.commit().await.unwrap();
    let sessions = test.number("SELECT COUNT(*) FROM sessions", vec![]).await;
    assert_eq!(sessions, 0);
}

async fn unknown_user_cannot_be_updated(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    let stale = accounts::update_user(&tx, 7, &user("Ann", Role::Viewer)).await;
    assert!(matches!(stale, Err(StorageError::Stale(_))), "{stale:?}");
}

async fn users_are_paged(test: &TestDb) {
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(put_user(test, &user(name, Role::Viewer)).await);
    }
    let first = PageRequest::first(ByUser, Order::Asc, 2);
    let first = accounts::list_users(&test.db, &first).await.unwrap();
    let ids_of = |page: &[accounts::UserView]| page.iter().map(|u| u.id).collect::<Vec<_>>();
    assert_eq!(ids_of(&first.items), ids[..2]);
    let next = PageRequest::new(ByUser, Order::Asc, 2, first.next.as_deref()).unwrap();
    let next = accounts::list_users(&test.db, &next).await.unwrap();
    assert_eq!(ids_of(&next.items), ids[2..]);
    assert_eq!(next.next, None);
}

async fn concurrent_setups_are_serialized(test: &TestDb) {
    let set_up = async |name: &str, begun: Option<tokio::sync::oneshot::Sender<()>>| {
        let tx = test.db.begin().await.unwrap();
        accounts::begin_change(&tx).await.unwrap();
        if let Some(begun) = begun {
            begun.send(()).unwrap();
            wait_for_blocked_transaction(test).await;
        }
        let is_first = accounts::count_users(&tx).await.unwrap() == 0;
        if is_first {
            let row = user(name, Role::Admin);
            accounts::insert_user(&tx, &row).await.unwrap();
        }
        tx.commit().await.unwrap();
        is_first
    };
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let second = async {
        has_begun.await.unwrap();
        set_up("Kim", None).await
    };
    let (first, second) = tokio::join!(set_up("Ann", Some(begun)), second);
    assert!(first && !second);
    assert_eq!(accounts::count_users(&test.db).await.unwrap(), 1);
}

async fn any_string_is_stored_unchanged(test: &TestDb) {
    for (number, text) in [
        "'; DROP TABLE users; --",
        "<script>alert(1)</script>",
        "\u{202e}nimda",
        "100%_?$1",
    ]
    .into_iter()
    .enumerate()
    {
        let row = UserRow {
            name: text.to_owned(),
            email: format!("{number}{text}@example.com"),
            matchers: vec![text.to_owned()],
            issuer: Some(text.to_owned()),
            subject: Some(text.to_owned()),
            ..user("", Role::Viewer)
        };
        let id = put_user(test, &row).await;
        let by_email = accounts::user_by_email(&test.db, &row.email).await.unwrap();
        assert_eq!(by_email.map(|user| user.user), Some(row));
        let by_subject = accounts::user_by_subject(&test.db, text, text).await;
        assert_eq!(by_subject.unwrap().map(|user| user.id), Some(id));
    }
    let row = UserRow {
        name: "a\0b".to_owned(),
        ..user("nul", Role::Viewer)
    };
    let id = put_user(test, &row).await;
    let stored = accounts::get_user(&test.db, id).await.unwrap().unwrap();
    assert_eq!(stored.user.name, "a\u{fffd}b");
}
