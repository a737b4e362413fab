//! What is made once, however often the request is sent.

use tocsin_pipeline::directory::{
    create_group, create_recipient, create_route, delete_group, update_group,
};
use tocsin_pipeline::{Actor, ChangeError, IdempotentRequest};
use tocsin_storage::directory::{self, ByGroup};
use tocsin_storage::{Db, Order, PageRequest};

use crate::changes::{bob, group, kim, route};
use crate::{NOW, ann, log};

crate::on_both!(
    the_same_request_makes_one_object,
    the_same_request_at_once_makes_one_object,
    a_key_is_of_one_request_and_one_caller,
    what_fails_leaves_the_key_free,
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

async fn the_same_request_makes_one_object(db: &Db) {
    let who = &ann();
    let once = key(who, "k1", "ops");
    let first = create_group(db, who, Some(&once), &group("ops"), NOW).await;
    let first = first.unwrap();
    assert!(!first.replayed);
    let again = create_group(db, who, Some(&once), &group("ops"), NOW).await;
    let again = again.unwrap();
    assert!(again.replayed);
    assert_eq!(again.object, first.object);
    assert_eq!(names(db).await, ["ops"]);
    assert_eq!(log(db).await.len(), 1);
    // The object as it is now is told, and that it is gone.
    let id = first.object.id;
    update_group(db, who, id, None, &group("dba"), NOW)
        .await
        .unwrap();
    let again = create_group(db, who, Some(&once), &group("ops"), NOW).await;
    assert_eq!(again.unwrap().object.group.name, "dba");
    delete_group(db, who, id, None, NOW).await.unwrap();
    let again = create_group(db, who, Some(&once), &group("ops"), NOW).await;
    assert!(matches!(again, Err(ChangeError::InvalidState(_))));
    assert_eq!(names(db).await, [""; 0]);

    let (draft, defaults) = kim();
    let once = key(who, "k2", "kim");
    for replayed in [false, true] {
        let made = create_recipient(db, who, Some(&once), &draft, &defaults, NOW).await;
        assert_eq!(made.unwrap().replayed, replayed);
    }
    let once = key(who, "k3", "a");
    for replayed in [false, true] {
        let made = create_route(db, who, Some(&once), &route("a"), NOW).await;
        assert_eq!(made.unwrap().replayed, replayed);
    }
    assert_eq!(directory::route_order(db).await.unwrap().len(), 1);
}

async fn the_same_request_at_once_makes_one_object(db: &Db) {
    let who = &ann();
    let once = Some(key(who, "k", "ops"));
    let (once, draft) = (once.as_ref(), &group("ops"));
    let done = tokio::join!(
        create_group(db, who, once, draft, NOW),
        create_group(db, who, once, draft, NOW),
        create_group(db, who, once, draft, NOW),
        create_group(db, who, once, draft, NOW),
    );
    let made = [done.0, done.1, done.2, done.3].map(Result::unwrap);
    assert_eq!(made.iter().filter(|made| !made.replayed).count(), 1);
    assert!(made.iter().all(|one| one.object == made[0].object));
    assert_eq!(names(db).await, ["ops"]);
    assert_eq!(log(db).await.len(), 1);
}

async fn a_key_is_of_one_request_and_one_caller(db: &Db) {
    let (who, other) = (&ann(), &bob());
    let once = key(who, "k", "ops");
    create_group(db, who, Some(&once), &group("ops"), NOW)
        .await
        .unwrap();
    let reused = key(who, "k", "dba");
    let refused = create_group(db, who, Some(&reused), &group("dba"), NOW).await;
    assert!(
        matches!(refused, Err(ChangeError::KeyReused)),
        "{refused:?}"
    );
    // User 7 and token 7 are two.
    let theirs = key(other, "k", "dba");
    let made = create_group(db, other, Some(&theirs), &group("dba"), NOW).await;
    assert!(!made.unwrap().replayed);
    assert_eq!(names(db).await, ["ops", "dba"]);
    // The same bytes in other parts are another request.
    let (ab, ba) = ([&b"ab"[..], b"c"], [&b"a"[..], b"bc"]);
    assert_ne!(
        IdempotentRequest::new(who, "k", &ab),
        IdempotentRequest::new(who, "k", &ba)
    );
    // The request's hash says nothing without the key.
    assert_ne!(key(who, "k", "ops").request, key(who, "l", "ops").request);
}

async fn what_fails_leaves_the_key_free(db: &Db) {
    let who = &ann();
    create_group(db, who, None, &group("ops"), NOW)
        .await
        .unwrap();
    let once = key(who, "k", "ops");
    let refused = create_group(db, who, Some(&once), &group("ops"), NOW).await;
    assert!(matches!(refused, Err(ChangeError::Conflict { .. })));
    assert_eq!(log(db).await.len(), 1);
    let once = key(who, "k", "dba");
    let made = create_group(db, who, Some(&once), &group("dba"), NOW).await;
    assert!(!made.unwrap().replayed);
}
