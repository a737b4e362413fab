//! Who changed what, and of which version.

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
    each_change_is_told_with_what_was_and_is,
    what_changes_nothing_or_fails_is_not_told,
    of_two_admins_the_second_is_told_what_the_first_wrote,
    of_two_admins_at_once_one_wins,
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

/// What a line says was done, to what, and what it was like.
fn deed(line: &AuditView) -> (&str, Option<i64>, &str, Option<&Value>, Option<&Value>) {
    let (before, after) = (line.before.as_ref(), line.after.as_ref());
    (
        &line.action,
        line.object_id,
        &line.object_name,
        before,
        after,
    )
}

async fn each_change_is_told_with_what_was_and_is(db: &Db) {
    let who = &ann();
    let (mut draft, defaults) = kim();
    let made = create_recipient(db, who, None, &draft, &defaults, NOW).await;
    let made = made.unwrap();
    assert!(!made.replayed);
    let id = made.object.id;
    let was = snapshot_recipient(&made.object);
    assert_eq!(
        was,
        json!({"id": id, "name": "Kim", "email": "kim@example.com", "language": "zh",
            "timeZone": "UTC", "enabled": true, "groups": []})
    );
    draft.enabled = Some(false);
    let is = update_recipient(db, who, id, None, &draft, &defaults, NOW).await;
    let is = snapshot_recipient(&is.unwrap());
    delete_recipient(db, &bob(), id, None, NOW).await.unwrap();
    let lines = log(db).await;
    let said: Vec<_> = lines.iter().map(deed).collect();
    let id = Some(id);
    assert_eq!(
        said,
        [
            ("recipient.create", id, "Kim", None, Some(&was)),
            ("recipient.update", id, "Kim", Some(&was), Some(&is)),
            ("recipient.delete", id, "Kim", Some(&is), None),
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

    let fresh = lines.len();
    let first = GroupDraft {
        is_default: Some(true),
        ..group("ops")
    };
    let ops = create_group(db, who, None, &first, NOW)
        .await
        .unwrap()
        .object;
    let dba = create_group(db, who, None, &group("dba"), NOW).await;
    let dba = dba.unwrap().object;
    let second = GroupDraft {
        is_default: Some(true),
        ..group("dba")
    };
    update_group(db, who, dba.id, None, &second, NOW)
        .await
        .unwrap();
    delete_group(db, who, ops.id, None, NOW).await.unwrap();
    let lines = log(db).await;
    let said: Vec<_> = lines[fresh..].iter().map(deed).collect();
    assert_eq!(said.len(), 5);
    // The default moves: both groups say so.
    assert_eq!((said[2].0, said[2].1), ("group.update", Some(ops.id)));
    assert_eq!(said[2].3, Some(&snapshot_group(&ops)));
    assert_eq!(said[2].4.unwrap()["isDefault"], false);
    assert_eq!((said[3].0, said[3].1), ("group.update", Some(dba.id)));
    assert_eq!(said[3].4.unwrap()["isDefault"], true);
    assert_eq!(
        (said[4].0, said[4].2, said[4].4),
        ("group.delete", "ops", None)
    );

    let fresh = lines.len();
    let a = create_route(db, who, None, &route("a"), NOW).await.unwrap();
    let b = create_route(db, who, None, &route("b"), NOW).await.unwrap();
    let (a, b) = (a.object, b.object);
    reorder_routes(db, who, &[b.id, a.id], NOW).await.unwrap();
    update_route(db, who, a.id, None, &route("c"), NOW)
        .await
        .unwrap();
    delete_route(db, who, a.id, None, NOW).await.unwrap();
    let lines = log(db).await;
    let said: Vec<_> = lines[fresh..].iter().map(deed).collect();
    let actions: Vec<_> = said.iter().map(|line| line.0).collect();
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
    assert_eq!(said[0].4, Some(&snapshot_route(&a)));
    assert_eq!(said[2].3, Some(&json!({"ids": [a.id, b.id]})));
    assert_eq!(said[2].4, Some(&json!({"ids": [b.id, a.id]})));
    assert_eq!((said[2].1, said[2].2), (None, ""));
    assert_eq!(said[3].3.unwrap()["position"], 2);
    assert_eq!(said[3].4.unwrap()["name"], "c");
}

async fn what_changes_nothing_or_fails_is_not_told(db: &Db) {
    let who = &ann();
    let ops = create_group(db, who, None, &group("ops"), NOW)
        .await
        .unwrap();
    let one = create_route(db, who, None, &route("a"), NOW).await.unwrap();
    assert_eq!(log(db).await.len(), 2);
    let id = ops.object.id;
    update_group(db, who, id, None, &group(" ops "), NOW)
        .await
        .unwrap();
    reorder_routes(db, who, &[one.object.id], NOW)
        .await
        .unwrap();
    create_group(db, who, None, &group("ops"), NOW)
        .await
        .unwrap_err();
    update_group(db, who, id, None, &group(""), NOW)
        .await
        .unwrap_err();
    delete_group(db, who, 99, None, NOW).await.unwrap_err();
    assert_eq!(log(db).await.len(), 2);
}

/// What a change that came too late is answered.
fn current<T: std::fmt::Debug>(refused: Result<T, ChangeError>) -> Value {
    match refused.unwrap_err() {
        ChangeError::PreconditionFailed { current } => current,
        other => panic!("expected another version, not: {other}"),
    }
}

async fn of_two_admins_the_second_is_told_what_the_first_wrote(db: &Db) {
    let made = create_group(db, &ann(), None, &group("ops"), NOW).await;
    let seen = made.unwrap().object;
    let id = seen.id;
    let version = Some(Expected::OneOf(vec![etag(&snapshot_group(&seen))]));
    let first = update_group(db, &ann(), id, version.as_ref(), &group("ops 1"), NOW).await;
    let first = snapshot_group(&first.unwrap());
    let second = update_group(db, &bob(), id, version.as_ref(), &group("ops 2"), NOW).await;
    assert_eq!(current(second), first);
    let second = delete_group(db, &bob(), id, version.as_ref(), NOW).await;
    assert_eq!(current(second), first);
    assert_eq!(log(db).await.len(), 2);
    // A wrong field is told whatever the version; what is missing may be so
    // because of a newer one.
    let wrong = update_group(db, &bob(), id, version.as_ref(), &group(""), NOW).await;
    assert_eq!(fields(wrong), ["name"]);
    let missing = GroupDraft {
        recipient_ids: Some(vec![99]),
        ..group("ops 2")
    };
    let late = update_group(db, &bob(), id, version.as_ref(), &missing, NOW).await;
    assert_eq!(current(late), first);
    let again = Some(Expected::OneOf(vec!["\"x\"".to_owned(), etag(&first)]));
    let second = update_group(db, &bob(), id, again.as_ref(), &group("ops 2"), NOW).await;
    assert_eq!(second.unwrap().group.name, "ops 2");
    let any = Some(Expected::Any);
    delete_group(db, &bob(), id, any.as_ref(), NOW)
        .await
        .unwrap();
    let gone = delete_group(db, &bob(), id, any.as_ref(), NOW).await;
    assert!(matches!(gone, Err(ChangeError::NotFound { .. })));

    // A group's members are of its version, and so are a recipient's groups.
    let (draft, defaults) = kim();
    let kim = create_recipient(db, &ann(), None, &draft, &defaults, NOW).await;
    let kim = kim.unwrap().object;
    let version = Some(Expected::OneOf(vec![etag(&snapshot_recipient(&kim))]));
    let members = GroupDraft {
        recipient_ids: Some(vec![kim.id]),
        ..group("dba")
    };
    create_group(db, &ann(), None, &members, NOW).await.unwrap();
    let (who, seen) = (&bob(), version.as_ref());
    let late = update_recipient(db, who, kim.id, seen, &draft, &defaults, NOW).await;
    assert_eq!(current(late)["groups"][0]["name"], "dba");
    let late = delete_recipient(db, &bob(), kim.id, version.as_ref(), NOW).await;
    assert_eq!(current(late)["groups"][0]["name"], "dba");

    // A route's place is of its version.
    let a = create_route(db, &ann(), None, &route("a"), NOW)
        .await
        .unwrap();
    let b = create_route(db, &ann(), None, &route("b"), NOW)
        .await
        .unwrap();
    let version = Some(Expected::OneOf(vec![etag(&snapshot_route(&a.object))]));
    let (a, b) = (a.object.id, b.object.id);
    reorder_routes(db, &ann(), &[b, a], NOW).await.unwrap();
    let late = update_route(db, &bob(), a, version.as_ref(), &route("c"), NOW).await;
    assert_eq!(current(late)["position"], 2);
    let late = delete_route(db, &bob(), a, version.as_ref(), NOW).await;
    assert_eq!(current(late)["position"], 2);
}

async fn of_two_admins_at_once_one_wins(db: &Db) {
    let made = create_group(db, &ann(), None, &group("ops"), NOW).await;
    let seen = made.unwrap().object;
    let version = Some(Expected::OneOf(vec![etag(&snapshot_group(&seen))]));
    let (version, id) = (version.as_ref(), seen.id);
    let drafts = ["a", "b", "c", "d"].map(group);
    let (ann, bob) = (ann(), bob());
    let done = tokio::join!(
        update_group(db, &ann, id, version, &drafts[0], NOW),
        update_group(db, &bob, id, version, &drafts[1], NOW),
        update_group(db, &ann, id, version, &drafts[2], NOW),
        update_group(db, &bob, id, version, &drafts[3], NOW),
    );
    let (won, lost): (Vec<_>, Vec<_>) = [done.0, done.1, done.2, done.3]
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 3));
    let is = directory::get_group(db, id).await.unwrap().unwrap();
    assert_eq!(won[0].as_ref().unwrap(), &is);
    for late in lost {
        assert_eq!(current(late), snapshot_group(&is));
    }
    assert_eq!(log(db).await.len(), 2);
}
