//! Tokens and setup links.

use tocsin_storage::accounts::{self, ByToken, TokenRow};
use tocsin_storage::enums::Access;
use tocsin_storage::{Order, PageRequest, StorageError};

use crate::common::{TestDb, at};
use crate::fixtures::hash;

crate::on_both!(
    token_round_trips,
    token_secrets_are_unique,
    token_is_revoked_once_and_kept,
    last_use_never_moves_back,
    webhook_requires_a_valid_ingest_token,
    all_setup_links_are_deleted_together,
);

fn token(number: u8) -> TokenRow {
    TokenRow {
        name: format!("token {number}"),
        secret: hash(number),
        hint: "tocsin_AbCd".to_owned(),
        access: Access::Ingest,
        source: None,
        matchers: Vec::new(),
        created_at: at(number.into()),
        created_by: "Ann".to_owned(),
        expires_at: None,
        used_at: None,
        revoked_at: None,
    }
}

async fn put(test: &TestDb, row: &TokenRow) -> i64 {
    let tx = test.db.begin().await.unwrap();
    let id = accounts::insert_token(&tx, row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn stored(test: &TestDb, id: i64) -> TokenRow {
    let view = accounts::get_token(&test.db, id).await.unwrap().unwrap();
    assert_eq!(view.id, id);
    view.token
}

async fn token_round_trips(test: &TestDb) {
    let whole = TokenRow {
        access: Access::Responder,
        source: Some("eu".to_owned()),
        matchers: vec![r#"team="in'fra""#.to_owned()],
        expires_at: Some(at(90)),
        used_at: Some(at(80)),
        revoked_at: Some(at(85)),
        ..token(1)
    };
    let first = put(test, &whole).await;
    let second = put(test, &token(2)).await;
    assert_eq!(stored(test, first).await, whole);
    assert_eq!(stored(test, second).await, token(2));
    let found = accounts::token_by_secret(&test.db, &hash(1)).await.unwrap();
    assert_eq!(found.map(|found| found.id), Some(first));
    let unknown = accounts::token_by_secret(&test.db, &hash(3)).await;
    assert_eq!(unknown.unwrap(), None);
    assert_eq!(accounts::get_token(&test.db, 99).await.unwrap(), None);
    let page = PageRequest::first(ByToken, Order::Asc, 1);
    let page = accounts::list_tokens(&test.db, &page).await.unwrap();
    assert_eq!(page.items[0].id, first);
    let page = PageRequest::new(ByToken, Order::Asc, 1, page.next.as_deref()).unwrap();
    let page = accounts::list_tokens(&test.db, &page).await.unwrap();
    assert_eq!((page.items[0].id, page.next), (second, None));
}

async fn token_secrets_are_unique(test: &TestDb) {
    put(test, &token(1)).await;
    let tx = test.db.begin().await.unwrap();
    let again = accounts::insert_token(&tx, &token(1)).await;
    assert!(matches!(again, Err(StorageError::Conflict(_))), "{again:?}");
}

async fn token_is_revoked_once_and_kept(test: &TestDb) {
    let id = put(test, &token(1)).await;
    let tx = test.db.begin().await.unwrap();
    assert!(accounts::revoke_token(&tx, id, at(50)).await.unwrap());
    assert!(!accounts::revoke_token(&tx, id, at(60)).await.unwrap());
    assert!(!accounts::revoke_token(&tx, id + 1, at(60)).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(stored(test, id).await.revoked_at, Some(at(50)));
}

async fn last_use_never_moves_back(test: &TestDb) {
    let id = put(test, &token(1)).await;
    for (used, noted) in [(60, 60), (120, 120), (90, 120)] {
        let tx = test.db.begin().await.unwrap();
        accounts::touch_token(&tx, id, at(used)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(stored(test, id).await.used_at, Some(at(noted)));
    }
}

async fn webhook_requires_a_valid_ingest_token(test: &TestDb) {
    let open = async |now: i64| {
        let has = accounts::has_ingest_token(&test.db, at(now)).await;
        has.unwrap()
    };
    let of_admin = TokenRow {
        access: Access::Admin,
        ..token(1)
    };
    put(test, &of_admin).await;
    assert!(!open(0).await);
    let short = TokenRow {
        expires_at: Some(at(100)),
        ..token(2)
    };
    put(test, &short).await;
    assert!(open(99).await);
    assert!(!open(100).await);
    let id = put(test, &token(3)).await;
    assert!(open(100).await);
    let tx = test.db.begin().await.unwrap();
    accounts::revoke_token(&tx, id, at(100)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!open(101).await);
}

async fn all_setup_links_are_deleted_together(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    for number in [1, 2] {
        let link = accounts::insert_setup_link(&tx, &hash(number), at(0)).await;
        link.unwrap();
    }
    tx.commit().await.unwrap();
    let is_link = async |number| {
        let is = accounts::is_setup_link(&test.db, &hash(number)).await;
        is.unwrap()
    };
    assert!(is_link(1).await && is_link(2).await && !is_link(3).await);
    let tx = test.db.begin().await.unwrap();
    accounts::delete_setup_links(&tx).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!is_link(1).await && !is_link(2).await);
}
