//! Idempotent creation of objects.

use tocsin_pipeline::directory::{
    create_group, create_recipient, create_route, delete_group, update_group,
};
use tocsin_pipeline::{Actor, ChangeError, IdempotentRequest};
use tocsin_storage::directory::{self, ByGroup};
use tocsin_storage::{Db, Order, PageRequest};

use crate::changes::{bob, group, kim, route};
use crate::{NOW, ann, log};

crate::on_both!(
    retried_request_creates_one_object,
    concurrent_retries_create_one_object,
    key_belongs_to_one_request_and_caller,
    failed_request_does_not_use_the_key,
);

fn key(actor: &Actor, key: &str, request: &str) -> IdempotentRequest {
    IdempotentRequest::new(
        actor,
        key,
        &[b"POST", b"/api/v1/groups", request.as_bytes()],
    )
}

async fn names(db: &Db) -> Vec<String> {
    let page = PageRequest::first(ByGroup, Order::Asc, 100);
    let found = directory::list_groups(db, &page).await.unwrap();
    found.items.into_iter().map(|row| row.group.name).collect()
}

async fn retried_request_creates_one_object(db: &Db) {
    let actor = &ann();
    let idempotent = key(actor, "k1", "ops");
    let first = create_group(db, actor, Some(&idempotent), &group("ops"), NOW).await;
    let first = first.unwrap();
    assert!(!first.replayed);
    let again = create_group(db, actor, Some(&idempotent), &group("ops"), NOW).await;
    let again = again.unwrap();
    assert!(again.replayed);
    assert_eq!(again.object, first.object);
    assert_eq!(names(db).await, ["ops"]);
    assert_eq!(log(db).await.len(), 1);
    // A retry returns the current object, or an error after it was deleted.
    let id = first.object.id;
    update_group(db, actor, id, None, &group("dba"), NOW)
        .await
        .unwrap();
    let again = create_group(db, actor, Some(&idempotent), &group("ops"), NOW).await;
    assert_eq!(again.unwrap().object.group.name, "dba");
    delete_group(db, actor, id, None, NOW).await.unwrap();
    let again = create_group(db, actor, Some(&idempotent), &group("ops"), NOW).await;
    assert!(matches!(again, Err(ChangeError::InvalidState(_))));
    assert_eq!(names(db).await, [""; 0]);

    let (draft, defaults) = kim();
    let idempotent = key(actor, "k2", "kim");
    for replayed in [false, true] {
        let created = create_recipient(db, actor, Some(&idempotent), &draft, &defaults, NOW).await;
        assert_eq!(created.unwrap().replayed, replayed);
    }
    let idempotent = key(actor, "k3", "a");
    for replayed in [false, true] {
        let created = create_route(db, actor, Some(&idempotent), &route("a"), NOW).await;
        assert_eq!(created.unwrap().replayed, replayed);
    }
    assert_eq!(directory::route_order(db).await.unwrap().len(), 1);
}

async fn concurrent_retries_create_one_object(db: &Db) {
    let actor = &ann();
    let idempotent = Some(key(actor, "k", "ops"));
    let (idempotent, draft) = (idempotent.as_ref(), &group("ops"));
    let results = tokio::join!(
        create_group(db, actor, idempotent, draft, NOW),
        create_group(db, actor, idempotent, draft, NOW),
        create_group(db, actor, idempotent, draft, NOW),
        create_group(db, actor, idempotent, draft, NOW),
    );
    let created = [results.0, results.1, results.2, results.3].map(Result::unwrap);
    assert_eq!(created.iter().filter(|result| !result.replayed).count(), 1);
    assert!(
        created
            .iter()
            .all(|result| result.object == created[0].object)
    );
    assert_eq!(names(db).await, ["ops"]);
    assert_eq!(log(db).await.len(), 1);
}

async fn key_belongs_to_one_request_and_caller(db: &Db) {
    let (actor, other) = (&ann(), &bob());
    let idempotent = key(actor, "k", "ops");
    create_group(db, actor, Some(&idempotent), &group("ops"), NOW)
        .await
        .unwrap();
    let reused = key(actor, "k", "dba");
    let result = create_group(db, actor, Some(&reused), &group("dba"), NOW).await;
    assert!(matches!(result, Err(ChangeError::KeyReused)), "{result:?}");
    // User 7 and token 7 are different callers.
    let theirs = key(other, "k", "dba");
    let created = create_group(db, other, Some(&theirs), &group("dba"), NOW).await;
    assert!(!created.unwrap().replayed);
    assert_eq!(names(db).await, ["ops", "dba"]);
    // The same bytes in other parts are a different request.
    let (ab, ba) = ([&b"ab"[..], b"c"], [&b"a"[..], b"bc"]);
    assert_ne!(
        IdempotentRequest::new(actor, "k", &ab),
        IdempotentRequest::new(actor, "k", &ba)
    );
    // The hash of the request depends on the key.
    assert_ne!(
        key(actor, "k", "ops").request,
        key(actor, "l", "ops").request
    );
}

async fn failed_request_does_not_use_the_key(db: &Db) {
    let actor = &ann();
    create_group(db, actor, None, &group("ops"), NOW)
        .await
        .unwrap();
    let idempotent = key(actor, "k", "ops");
    let result = create_group(db, actor, Some(&idempotent), &group("ops"), NOW).await;
    assert!(matches!(result, Err(ChangeError::Conflict { .. })));
    assert_eq!(log(db).await.len(), 1);
    let idempotent = key(actor, "k", "dba");
    let created = create_group(db, actor, Some(&idempotent), &group("dba"), NOW).await;
    assert!(!created.unwrap().replayed);
}
