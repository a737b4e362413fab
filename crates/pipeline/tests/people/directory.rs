//! Recipients, groups and routes.

use tocsin_pipeline::ChangeError;
use tocsin_pipeline::directory::{self as changes, MailDefaults, RecipientDraft};
use tocsin_pipeline::directory::{GroupDraft, RouteDraft};
use tocsin_storage::Db;
use tocsin_storage::directory::{self, GroupView, RecipientView, RouteView};
use tocsin_storage::enums::Language;

use crate::{NOW, ann, fields, stale_fields};

crate::on_both!(
    all_invalid_fields_are_listed,
    references_must_exist,
    omitted_fields_are_default_or_unchanged,
    unique_fields_stay_unique_in_a_race,
    object_in_use_lists_its_users,
    routes_are_ordered_by_position,
    missing_objects_are_not_found,
    rejected_change_keeps_the_version,
);

fn defaults() -> MailDefaults {
    MailDefaults {
        language: Language::Zh,
        time_zone: "Asia/Shanghai".to_owned(),
    }
}

fn recipient(name: &str, email: &str) -> RecipientDraft {
    RecipientDraft {
        name: name.to_owned(),
        email: email.to_owned(),
        language: None,
        time_zone: None,
        enabled: None,
        group_ids: None,
    }
}

fn group(name: &str) -> GroupDraft {
    GroupDraft {
        name: name.to_owned(),
        is_default: None,
        recipient_ids: None,
    }
}

fn route(name: &str, matchers: &[&str], group_ids: &[i64], position: Option<i64>) -> RouteDraft {
    RouteDraft {
        name: name.to_owned(),
        matchers: matchers.iter().map(|text| (*text).to_owned()).collect(),
        group_ids: group_ids.to_vec(),
        go_on: false,
        repeat: true,
        position,
    }
}

// Changes by Ann, of any version.

async fn create_recipient(
    db: &Db,
    draft: &RecipientDraft,
    defaults: &MailDefaults,
) -> Result<RecipientView, ChangeError> {
    let created = changes::create_recipient(db, &ann(), None, draft, defaults, NOW).await;
    created.map(|created| created.object)
}

async fn update_recipient(
    db: &Db,
    id: i64,
    draft: &RecipientDraft,
    defaults: &MailDefaults,
) -> Result<RecipientView, ChangeError> {
    changes::update_recipient(db, &ann(), id, None, draft, defaults, NOW).await
}

async fn delete_recipient(db: &Db, id: i64) -> Result<(), ChangeError> {
    changes::delete_recipient(db, &ann(), id, None, NOW).await
}

async fn create_group(db: &Db, draft: &GroupDraft) -> Result<GroupView, ChangeError> {
    let created = changes::create_group(db, &ann(), None, draft, NOW).await;
    created.map(|created| created.object)
}

async fn update_group(db: &Db, id: i64, draft: &GroupDraft) -> Result<GroupView, ChangeError> {
    changes::update_group(db, &ann(), id, None, draft, NOW).await
}

async fn delete_group(db: &Db, id: i64) -> Result<(), ChangeError> {
    changes::delete_group(db, &ann(), id, None, NOW).await
}

async fn create_route(db: &Db, draft: &RouteDraft) -> Result<RouteView, ChangeError> {
    let created = changes::create_route(db, &ann(), None, draft, NOW).await;
    created.map(|created| created.object)
}

async fn update_route(db: &Db, id: i64, draft: &RouteDraft) -> Result<RouteView, ChangeError> {
    changes::update_route(db, &ann(), id, None, draft, NOW).await
}

async fn delete_route(db: &Db, id: i64) -> Result<(), ChangeError> {
    changes::delete_route(db, &ann(), id, None, NOW).await
}

async fn reorder_routes(db: &Db, ids: &[i64]) -> Result<(), ChangeError> {
    changes::reorder_routes(db, &ann(), ids, NOW).await
}

async fn all_invalid_fields_are_listed(db: &Db) {
    let draft = RecipientDraft {
        time_zone: Some("Mars/Olympus".to_owned()),
        group_ids: Some(vec![7, 8]),
        ..recipient("  ", "kim@@example com")
    };
    let result = create_recipient(db, &draft, &defaults()).await;
    assert_eq!(fields(result), ["name", "email", "timeZone"]);
    let result = create_group(db, &group("a\nb")).await;
    assert_eq!(fields(result), ["name"]);
    let matchers = [r#"team="infra""#, "team", r#"job=~"(""#];
    let draft = route("r", &matchers, &[9], Some(0));
    assert_eq!(
        fields(create_route(db, &draft).await),
        ["matchers[1]", "matchers[2]", "position"]
    );
    let error = create_route(db, &draft).await.unwrap_err().to_string();
    assert!(error.contains("matchers[1]: at character 5"), "{error}");
    assert_eq!(directory::route_order(db).await.unwrap(), [0; 0]);
}

async fn references_must_exist(db: &Db) {
    let draft = RecipientDraft {
        group_ids: Some(vec![7, 8]),
        ..recipient("Kim", "kim@example.com")
    };
    let result = create_recipient(db, &draft, &defaults()).await;
    assert_eq!(stale_fields(result), ["groupIds"]);
    let draft = GroupDraft {
        recipient_ids: Some(vec![1]),
        ..group("ops")
    };
    assert_eq!(
        stale_fields(create_group(db, &draft).await),
        ["recipientIds"]
    );
    let draft = route("r", &[], &[9], None);
    let error = create_route(db, &draft).await.unwrap_err().to_string();
    assert_eq!(error, "groupIds: there is no group 9");
}

async fn omitted_fields_are_default_or_unchanged(db: &Db) {
    let ops = create_group(db, &group(" ops ")).await.unwrap();
    assert_eq!(
        (ops.group.name.as_str(), ops.group.is_default),
        ("ops", false)
    );
    let draft = RecipientDraft {
        group_ids: Some(vec![ops.id, ops.id]),
        ..recipient("Kim", " Kim@Example.com ")
    };
    let kim = create_recipient(db, &draft, &defaults()).await.unwrap();
    assert_eq!(kim.recipient.email, "Kim@Example.com");
    assert_eq!(kim.recipient.language, Language::Zh);
    assert_eq!(kim.recipient.time_zone, "Asia/Shanghai");
    assert!(kim.recipient.enabled);
    assert_eq!(kim.groups.len(), 1);
    let draft = RecipientDraft {
        enabled: Some(false),
        ..recipient("Kim Li", "kim@example.com")
    };
    let kim = update_recipient(db, kim.id, &draft, &defaults())
        .await
        .unwrap();
    assert_eq!((kim.groups.len(), kim.recipient.enabled), (1, false));
    let draft = GroupDraft {
        is_default: Some(true),
        ..group("ops")
    };
    update_group(db, ops.id, &draft).await.unwrap();
    let ops = update_group(db, ops.id, &group("ops")).await.unwrap();
    assert_eq!((ops.group.is_default, ops.recipients.len()), (true, 1));
    let draft = GroupDraft {
        recipient_ids: Some(vec![]),
        ..group("ops")
    };
    let ops = update_group(db, ops.id, &draft).await.unwrap();
    assert_eq!(ops.recipients, []);
}

async fn unique_fields_stay_unique_in_a_race(db: &Db) {
    let drafts: Vec<RecipientDraft> = ["kim@example.com", "KIM@example.com", "Kim@EXAMPLE.com"]
        .iter()
        .map(|email| recipient("Kim", email))
        .collect();
    let defaults = defaults();
    let (one, two, three) = tokio::join!(
        create_recipient(db, &drafts[0], &defaults),
        create_recipient(db, &drafts[1], &defaults),
        create_recipient(db, &drafts[2], &defaults),
    );
    let results = [one, two, three];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        assert!(
            matches!(error, ChangeError::Conflict { field: "email", .. }),
            "{error}"
        );
    }
    let ops = create_group(db, &group("ops")).await.unwrap();
    let dba = create_group(db, &group("dba")).await.unwrap();
    let result = update_group(db, dba.id, &group("ops")).await.unwrap_err();
    assert!(
        matches!(result, ChangeError::Conflict { field: "name", .. }),
        "{result}"
    );
    update_group(db, ops.id, &group("ops")).await.unwrap();
}

async fn object_in_use_lists_its_users(db: &Db) {
    let kim = create_recipient(db, &recipient("Kim", "kim@example.com"), &defaults()).await;
    let kim = kim.unwrap();
    let draft = GroupDraft {
        recipient_ids: Some(vec![kim.id]),
        ..group("ops")
    };
    let ops = create_group(db, &draft).await.unwrap();
    let all = create_route(db, &route("all", &[], &[ops.id], None))
        .await
        .unwrap();
    match delete_recipient(db, kim.id).await.unwrap_err() {
        ChangeError::InUse { detail, users } => {
            assert_eq!(users, ["ops"]);
            assert!(detail.contains("in the group \"ops\""), "{detail}");
        }
        other => panic!("expected InUse, not: {other}"),
    }
    match delete_group(db, ops.id).await.unwrap_err() {
        ChangeError::InUse { detail, users } => {
            assert_eq!(users, ["all"]);
            assert!(detail.contains("by the route \"all\""), "{detail}");
        }
        other => panic!("expected InUse, not: {other}"),
    }
    delete_route(db, all.id).await.unwrap();
    // Members do not prevent deletion: they are removed from the group.
    delete_group(db, ops.id).await.unwrap();
    delete_recipient(db, kim.id).await.unwrap();
}

async fn routes_are_ordered_by_position(db: &Db) {
    let mut ids = Vec::new();
    for (name, position) in [("b", None), ("d", Some(99)), ("a", Some(1)), ("c", Some(3))] {
        let matchers = ["team = infra", r#"job=~"api.*""#];
        let created = create_route(db, &route(name, &matchers, &[], position))
            .await
            .unwrap();
        assert_eq!(
            created.route.matchers,
            [r#"team="infra""#, r#"job=~"api.*""#]
        );
        ids.push(created.id);
    }
    let [b, d, a, c] = ids[..] else {
        panic!("four routes")
    };
    assert_eq!(directory::route_order(db).await.unwrap(), [a, b, c, d]);
    let moved = update_route(db, a, &route("a", &[], &[], Some(3)))
        .await
        .unwrap();
    assert_eq!(moved.position, 3);
    assert_eq!(directory::route_order(db).await.unwrap(), [b, c, a, d]);
    let unmoved = update_route(db, c, &route("c", &[], &[], None))
        .await
        .unwrap();
    assert_eq!(unmoved.position, 2);
    reorder_routes(db, &[d, c, b, a]).await.unwrap();
    assert_eq!(directory::route_order(db).await.unwrap(), [d, c, b, a]);
    let twice = [d, c, b, a, b];
    assert_eq!(fields(reorder_routes(db, &twice).await), ["ids"]);
    for wrong in [vec![d, c, b], vec![d, c, b, a, 99], vec![]] {
        assert_eq!(stale_fields(reorder_routes(db, &wrong).await), ["ids"]);
    }
}

async fn missing_objects_are_not_found(db: &Db) {
    let not_found = |error: ChangeError| matches!(error, ChangeError::NotFound { .. });
    let draft = recipient("Kim", "kim@example.com");
    let result = update_recipient(db, 1, &draft, &defaults()).await;
    assert!(not_found(result.unwrap_err()));
    assert!(not_found(
        update_group(db, 1, &group("ops")).await.unwrap_err()
    ));
    let result = update_route(db, 1, &route("all", &[], &[], None)).await;
    assert!(not_found(result.unwrap_err()));
    assert!(not_found(delete_recipient(db, 1).await.unwrap_err()));
    assert!(not_found(delete_group(db, 1).await.unwrap_err()));
    assert!(not_found(delete_route(db, 1).await.unwrap_err()));
}

async fn rejected_change_keeps_the_version(db: &Db) {
    create_group(db, &group("ops")).await.unwrap();
    assert_eq!(directory::version(db).await.unwrap(), 1);
    create_group(db, &group("ops")).await.unwrap_err();
    create_group(db, &group("")).await.unwrap_err();
    assert_eq!(directory::version(db).await.unwrap(), 1);
    create_group(db, &group("dba")).await.unwrap();
    assert_eq!(directory::version(db).await.unwrap(), 2);
}
