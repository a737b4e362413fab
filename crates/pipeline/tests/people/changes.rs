//! Audit log entries and version checks of changes.

use serde_json::{Value, json};
use tocsin_pipeline::change::{Expected, etag};
use tocsin_pipeline::directory::{
    GroupDraft, MailDefaults, RecipientDraft, RouteDraft, create_group, create_recipient,
    create_route, delete_group, delete_recipient, delete_route, reorder_routes, snapshot_group,
    snapshot_recipient, snapshot_route, update_group, update_recipient, update_route,
};
use tocsin_pipeline::{Actor, ChangeError};
use tocsin_storage::Db;
use tocsin_storage::audit::AuditView;
use tocsin_storage::directory;
use tocsin_storage::enums::{ActorKind, Language};

use crate::{NOW, ann, fields, log};

crate::on_both!(
    each_change_is_logged_with_before_and_after,
    failed_and_empty_changes_are_not_logged,
    stale_version_returns_the_current_state,
    one_of_concurrent_updates_wins,
);

pub(crate) fn bob() -> Actor {
    Actor {
        kind: ActorKind::Token,
        id: Some(7),
        name: "deploy".to_owned(),
        address: None,
    }
}

pub(crate) fn group(name: &str) -> GroupDraft {
    GroupDraft {
        name: name.to_owned(),
        is_default: None,
        recipient_ids: None,
    }
}

pub(crate) fn route(name: &str) -> RouteDraft {
    RouteDraft {
        name: name.to_owned(),
        matchers: vec![r#"team="infra""#.to_owned()],
        group_ids: Vec::new(),
        go_on: true,
        repeat: false,
        position: None,
    }
}

pub(crate) fn kim() -> (RecipientDraft, MailDefaults) {
    let draft = RecipientDraft {
        name: "Kim".to_owned(),
        email: "kim@example.com".to_owned(),
        language: Some(Language::Zh),
        time_zone: None,
        enabled: None,
        group_ids: None,
    };
    let defaults = MailDefaults {
        language: Language::En,
        time_zone: "UTC".to_owned(),
    };
    (draft, defaults)
}

/// Action, object and snapshots of an audit log entry.
fn summary(line: &AuditView) -> (&str, Option<i64>, &str, Option<&Value>, Option<&Value>) {
    let (before, after) = (line.before.as_ref(), line.after.as_ref());
    (
        &line.action,
        line.object_id,
        &line.object_name,
        before,
        after,
    )
}

async fn each_change_is_logged_with_before_and_after(db: &Db) {
    let actor = &ann();
    let (mut draft, defaults) = kim();
    let created = create_recipient(db, actor, None, &draft, &defaults, NOW).await;
    let created = created.unwrap();
    assert!(!created.replayed);
    let id = created.object.id;
    let old = snapshot_recipient(&created.object);
    assert_eq!(
        old,
        json!({"id": id, "name": "Kim", "email": "kim@example.com", "language": "zh",
            "timeZone": "UTC", "enabled": true, "groups": []})
    );
    draft.enabled = Some(false);
    let new = update_recipient(db, actor, id, None, &draft, &defaults, NOW).await;
    let new = snapshot_recipient(&new.unwrap());
    delete_recipient(db, &bob(), id, None, NOW).await.unwrap();
    let lines = log(db).await;
    let entries: Vec<_> = lines.iter().map(summary).collect();
    let id = Some(id);
    assert_eq!(
        entries,
        [
            ("recipient.create", id, "Kim", None, Some(&old)),
            ("recipient.update", id, "Kim", Some(&old), Some(&new)),
            ("recipient.delete", id, "Kim", Some(&new), None),
        ]
    );
    let first = &lines[0];
    assert_eq!(
        (first.actor_kind, first.actor_id),
        (ActorKind::User, Some(7))
    );
    assert_eq!((first.actor_name.as_str(), first.at), ("Ann", NOW));
    assert_eq!(first.address.as_deref(), Some("192.0.2.1"));
    let last = &lines[2];
    assert_eq!(last.actor_kind, ActorKind::Token);
    assert_eq!((last.actor_name.as_str(), &last.address), ("deploy", &None));

    let before = lines.len();
    let first = GroupDraft {
        is_default: Some(true),
        ..group("ops")
    };
    let ops = create_group(db, actor, None, &first, NOW)
        .await
        .unwrap()
        .object;
    let dba = create_group(db, actor, None, &group("dba"), NOW).await;
    let dba = dba.unwrap().object;
    let second = GroupDraft {
        is_default: Some(true),
        ..group("dba")
    };
    update_group(db, actor, dba.id, None, &second, NOW)
        .await
        .unwrap();
    delete_group(db, actor, ops.id, None, NOW).await.unwrap();
    let lines = log(db).await;
    let entries: Vec<_> = lines[before..].iter().map(summary).collect();
    assert_eq!(entries.len(), 5);
    // The default moves: both groups are logged.
    assert_eq!((entries[2].0, entries[2].1), ("group.update", Some(ops.id)));
    assert_eq!(entries[2].3, Some(&snapshot_group(&ops)));
    assert_eq!(entries[2].4.unwrap()["isDefault"], false);
    assert_eq!((entries[3].0, entries[3].1), ("group.update", Some(dba.id)));
    assert_eq!(entries[3].4.unwrap()["isDefault"], true);
    assert_eq!(
        (entries[4].0, entries[4].2, entries[4].4),
        ("group.delete", "ops", None)
    );

    let before = lines.len();
    let a = create_route(db, actor, None, &route("a"), NOW)
        .await
        .unwrap();
    let b = create_route(db, actor, None, &route("b"), NOW)
        .await
        .unwrap();
    let (a, b) = (a.object, b.object);
    reorder_routes(db, actor, &[b.id, a.id], NOW).await.unwrap();
    update_route(db, actor, a.id, None, &route("c"), NOW)
        .await
        .unwrap();
    delete_route(db, actor, a.id, None, NOW).await.unwrap();
    let lines = log(db).await;
    let entries: Vec<_> = lines[before..].iter().map(summary).collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry.0).collect();
    assert_eq!(
        actions,
        [
            "route.create",
            "route.create",
            "route.reorder",
            "route.update",
            "route.delete"
        ]
    );
    assert_eq!(entries[0].4, Some(&snapshot_route(&a)));
    assert_eq!(entries[2].3, Some(&json!({"ids": [a.id, b.id]})));
    assert_eq!(entries[2].4, Some(&json!({"ids": [b.id, a.id]})));
    assert_eq!((entries[2].1, entries[2].2), (None, ""));
    assert_eq!(entries[3].3.unwrap()["position"], 2);
    assert_eq!(entries[3].4.unwrap()["name"], "c");
}

async fn failed_and_empty_changes_are_not_logged(db: &Db) {
    let actor = &ann();
    let ops = create_group(db, actor, None, &group("ops"), NOW)
        .await
        .unwrap();
    let one = create_route(db, actor, None, &route("a"), NOW)
        .await
        .unwrap();
    assert_eq!(log(db).await.len(), 2);
    let id = ops.object.id;
    update_group(db, actor, id, None, &group(" ops "), NOW)
        .await
        .unwrap();
    reorder_routes(db, actor, &[one.object.id], NOW)
        .await
        .unwrap();
    create_group(db, actor, None, &group("ops"), NOW)
        .await
        .unwrap_err();
    update_group(db, actor, id, None, &group(""), NOW)
        .await
        .unwrap_err();
    delete_group(db, actor, 99, None, NOW).await.unwrap_err();
    assert_eq!(log(db).await.len(), 2);
}

/// Current snapshot from a failed version check.
fn current<T: std::fmt::Debug>(result: Result<T, ChangeError>) -> Value {
    match result.unwrap_err() {
        ChangeError::PreconditionFailed { current } => current,
        other => panic!("expected another version, not: {other}"),
    }
}

async fn stale_version_returns_the_current_state(db: &Db) {
    let created = create_group(db, &ann(), None, &group("ops"), NOW).await;
    let group_read = created.unwrap().object;
    let id = group_read.id;
    let version = Some(Expected::OneOf(vec![etag(&snapshot_group(&group_read))]));
    let first = update_group(db, &ann(), id, version.as_ref(), &group("ops 1"), NOW).await;
    let first = snapshot_group(&first.unwrap());
    let second = update_group(db, &bob(), id, version.as_ref(), &group("ops 2"), NOW).await;
    assert_eq!(current(second), first);
    let second = delete_group(db, &bob(), id, version.as_ref(), NOW).await;
    assert_eq!(current(second), first);
    assert_eq!(log(db).await.len(), 2);
    // Invalid fields are reported regardless of the version; missing references are
    // not, because a newer version may be the cause.
    let invalid = update_group(db, &bob(), id, version.as_ref(), &group(""), NOW).await;
    assert_eq!(fields(invalid), ["name"]);
    let missing = GroupDraft {
        recipient_ids: Some(vec![99]),
        ..group("ops 2")
    };
    let result = update_group(db, &bob(), id, version.as_ref(), &missing, NOW).await;
    assert_eq!(current(result), first);
    let again = Some(Expected::OneOf(vec!["\"x\"".to_owned(), etag(&first)]));
    let second = update_group(db, &bob(), id, again.as_ref(), &group("ops 2"), NOW).await;
    assert_eq!(second.unwrap().group.name, "ops 2");
    let any = Some(Expected::Any);
    delete_group(db, &bob(), id, any.as_ref(), NOW)
        .await
        .unwrap();
    let deleted = delete_group(db, &bob(), id, any.as_ref(), NOW).await;
    assert!(matches!(deleted, Err(ChangeError::NotFound { .. })));

    // Members are part of a group's version, and groups of a recipient's.
    let (draft, defaults) = kim();
    let kim = create_recipient(db, &ann(), None, &draft, &defaults, NOW).await;
    let kim = kim.unwrap().object;
    let version = Some(Expected::OneOf(vec![etag(&snapshot_recipient(&kim))]));
    let members = GroupDraft {
        recipient_ids: Some(vec![kim.id]),
        ..group("dba")
    };
    create_group(db, &ann(), None, &members, NOW).await.unwrap();
    let (actor, expected) = (&bob(), version.as_ref());
    let result = update_recipient(db, actor, kim.id, expected, &draft, &defaults, NOW).await;
    assert_eq!(current(result)["groups"][0]["name"], "dba");
    let result = delete_recipient(db, &bob(), kim.id, version.as_ref(), NOW).await;
    assert_eq!(current(result)["groups"][0]["name"], "dba");

    // The position is part of a route's version.
    let a = create_route(db, &ann(), None, &route("a"), NOW)
        .await
        .unwrap();
    let b = create_route(db, &ann(), None, &route("b"), NOW)
        .await
        .unwrap();
    let version = Some(Expected::OneOf(vec![etag(&snapshot_route(&a.object))]));
    let (a, b) = (a.object.id, b.object.id);
    reorder_routes(db, &ann(), &[b, a], NOW).await.unwrap();
    let result = update_route(db, &bob(), a, version.as_ref(), &route("c"), NOW).await;
    assert_eq!(current(result)["position"], 2);
    let result = delete_route(db, &bob(), a, version.as_ref(), NOW).await;
    assert_eq!(current(result)["position"], 2);
}

async fn one_of_concurrent_updates_wins(db: &Db) {
    let created = create_group(db, &ann(), None, &group("ops"), NOW).await;
    let group_read = created.unwrap().object;
    let version = Some(Expected::OneOf(vec![etag(&snapshot_group(&group_read))]));
    let (version, id) = (version.as_ref(), group_read.id);
    let drafts = ["a", "b", "c", "d"].map(group);
    let (ann, bob) = (ann(), bob());
    let results = tokio::join!(
        update_group(db, &ann, id, version, &drafts[0], NOW),
        update_group(db, &bob, id, version, &drafts[1], NOW),
        update_group(db, &ann, id, version, &drafts[2], NOW),
        update_group(db, &bob, id, version, &drafts[3], NOW),
    );
    let (won, lost): (Vec<_>, Vec<_>) = [results.0, results.1, results.2, results.3]
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 3));
    let stored = directory::get_group(db, id).await.unwrap().unwrap();
    assert_eq!(won[0].as_ref().unwrap(), &stored);
    for result in lost {
        assert_eq!(current(result), snapshot_group(&stored));
    }
    assert_eq!(log(db).await.len(), 2);
}
