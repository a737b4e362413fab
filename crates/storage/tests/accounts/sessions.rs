//! Sessions.

use tocsin_storage::StorageError;
use tocsin_storage::accounts::{self, SessionRow};
use tocsin_storage::enums::{Role, SignInMethod};

use crate::common::{TestDb, at};
use crate::fixtures::{hash, put_user, user};

crate::on_both!(
    session_is_found_by_secret_with_its_user,
    sessions_end_individually_or_all_others,
    users_cannot_end_sessions_of_others,
    last_use_never_moves_back,
    ended_sessions_are_deleted_in_batches,
);

/// A session of a user, with times derived from its number.
pub(crate) fn session(user_id: i64, number: u8) -> SessionRow {
    SessionRow {
        user_id,
        secret: hash(number),
        method: SignInMethod::Oidc,
        created_at: at(number.into()),
        seen_at: at(number.into()),
        expires_at: at(1_000 + i64::from(number)),
        address: "2001:db8::7".to_owned(),
        user_agent: "Browser/1.0".to_owned(),
    }
}

async fn put(test: &TestDb, user_id: i64, number: u8) -> i64 {
    let tx = test.db.begin().await.unwrap();
    let id = accounts::insert_session(&tx, &session(user_id, number))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn of(test: &TestDb, user_id: i64) -> Vec<i64> {
    let sessions = accounts::sessions_of(&test.db, user_id).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}

async fn session_is_found_by_secret_with_its_user(test: &TestDb) {
    let ann = put_user(test, &user("Ann", Role::Admin)).await;
    let id = put(test, ann, 1).await;
    let found = accounts::session_by_secret(&test.db, &hash(1)).await;
    let (found, owner) = found.unwrap().unwrap();
    assert_eq!((found.id, found.session), (id, session(ann, 1)));
    assert_eq!((owner.id, owner.user), (ann, user("Ann", Role::Admin)));
    let other = accounts::session_by_secret(&test.db, &hash(2)).await;
    assert_eq!(other.unwrap(), None);
    let tx = test.db.begin().await.unwrap();
    let orphan = accounts::insert_session(&tx, &session(ann + 1, 3)).await;
    assert!(matches!(orphan, Err(StorageError::Conflict(_))));
}

async fn sessions_end_individually_or_all_others(test: &TestDb) {
    let ann = put_user(test, &user("Ann", Role::Admin)).await;
    let kim = put_user(test, &user("Kim", Role::Viewer)).await;
    let mut ids = Vec::new();
    for number in 1..=4 {
        ids.push(put(test, ann, number).await);
    }
    let kims = put(test, kim, 9).await;
    let newest_first = [ids[3], ids[2], ids[1], ids[0]];
    assert_eq!(of(test, ann).await, newest_first);
    let tx = test.db.begin().await.unwrap();
    assert!(accounts::delete_session(&tx, ann, ids[0]).await.unwrap());
    assert!(!accounts::delete_session(&tx, ann, ids[0]).await.unwrap());
    let others = accounts::delete_sessions(&tx, ann, Some(ids[2])).await;
    assert_eq!(others.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(of(test, ann).await, [ids[2]]);
    let tx = test.db.begin().await.unwrap();
    let all = accounts::delete_sessions(&tx, ann, None).await.unwrap();
    assert_eq!(all, 1);
    tx.commit().await.unwrap();
    assert_eq!(of(test, ann).await, [0; 0]);
    assert_eq!(of(test, kim).await, [kims]);
}

async fn users_cannot_end_sessions_of_others(test: &TestDb) {
    let ann = put_user(test, &user("Ann", Role::Admin)).await;
    let kim = put_user(test, &user("Kim", Role::Viewer)).await;
    let anns = put(test, ann, 1).await;
    let tx = test.db.begin().await.unwrap();
    assert!(!accounts::delete_session(&tx, kim, anns).await.unwrap());
    assert_eq!(accounts::delete_sessions(&tx, kim, None).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!(of(test, ann).await, [anns]);
}

async fn last_use_never_moves_back(test: &TestDb) {
    let ann = put_user(test, &user("Ann", Role::Admin)).await;
    let id = put(test, ann, 1).await;
    for (used, noted) in [(60, 60), (120, 120), (90, 120)] {
        let tx = test.db.begin().await.unwrap();
        accounts::touch_session(&tx, id, at(used)).await.unwrap();
        tx.commit().await.unwrap();
        let sessions = accounts::sessions_of(&test.db, ann).await.unwrap();
        assert_eq!(sessions[0].session.seen_at, at(noted));
    }
}

async fn ended_sessions_are_deleted_in_batches(test: &TestDb) {
    let ann = put_user(test, &user("Ann", Role::Admin)).await;
    let mut ids = Vec::new();
    for number in 1..=9 {
        ids.push(put(test, ann, number).await);
    }
    // The first three are idle, the fourth to sixth have expired.
    let tx = test.db.begin().await.unwrap();
    for id in &ids[3..] {
        accounts::touch_session(&tx, *id, at(500)).await.unwrap();
    }
    tx.commit().await.unwrap();
    for (deleted, left) in [(4, 5), (2, 3), (0, 3)] {
        let tx = test.db.begin().await.unwrap();
        let removed = accounts::delete_ended_sessions(&tx, at(1_007), at(400), 4).await;
        assert_eq!(removed.unwrap(), deleted);
        tx.commit().await.unwrap();
        assert_eq!(of(test, ann).await.len(), left);
    }
    assert_eq!(of(test, ann).await, [ids[8], ids[7], ids[6]]);
}
