//! Creating, updating and deleting users.

use tocsin_pipeline::accounts::{UserDraft, snapshot_user};
use tocsin_pipeline::change::etag;
use tocsin_pipeline::{ChangeError, Expected, IdempotentRequest};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::Role;

use crate::{OTHER, PASSWORD, World, client, draft, fields, root};

crate::on_both!(
    user_is_created_updated_and_deleted,
    invalid_users_are_rejected,
    stale_version_is_not_overwritten,
    last_administrator_cannot_be_removed,
    two_administrators_cannot_delete_each_other,
    new_password_ends_the_sessions,
    retried_request_creates_one_user,
);

async fn user_is_created_updated_and_deleted(world: &World) {
    let World { accounts, db, .. } = world;
    let mut kim = draft("kim", Role::Viewer);
    kim.name = "  金 Kim ".to_owned();
    kim.matchers = vec!["team = infra".to_owned()];
    let created = accounts.create_user(&root(), None, &kim).await.unwrap();
    let created = created.object;
    assert_eq!(created.user.name, "金 Kim");
    assert_eq!(created.user.matchers, ["team=\"infra\""]);
    assert!(created.user.enabled && created.user.password.is_some());
    let changed = UserDraft {
        email: "KIM@example.com".to_owned(),
        role: Role::Responder,
        password: None,
        enabled: Some(false),
        ..draft("kim", Role::Viewer)
    };
    let after = accounts
        .update_user(&root(), created.id, None, &changed)
        .await
        .unwrap();
    assert_eq!(after.user.password, created.user.password);
    assert_eq!(
        (after.user.role, after.user.enabled),
        (Role::Responder, false)
    );
    assert!(after.user.matchers.is_empty());
    accounts
        .delete_user(&root(), created.id, None)
        .await
        .unwrap();
    assert_eq!(stored::get_user(db, created.id).await.unwrap(), None);
    for error in [
        accounts.delete_user(&root(), created.id, None).await.err(),
        accounts
            .update_user(&root(), created.id, None, &changed)
            .await
            .err(),
        accounts.set_enabled(&root(), created.id, true).await.err(),
    ] {
        assert!(
            matches!(error, Some(ChangeError::NotFound { .. })),
            "{error:?}"
        );
    }
    let log = world.log().await;
    assert_eq!(
        world.actions().await,
        ["user.create", "user.update", "user.delete"]
    );
    assert!(log.iter().all(|line| line.object_id == Some(created.id)));
    assert!(log.iter().all(|line| line.actor_name == "Root"));
    assert_eq!(log[1].before.as_ref(), Some(&snapshot_user(&created)));
    assert_eq!(log[1].after.as_ref(), Some(&snapshot_user(&after)));
    for line in &log {
        let line = format!("{line:?}");
        assert!(
            !line.contains("argon2") && !line.contains(PASSWORD),
            "{line}"
        );
    }
}

async fn invalid_users_are_rejected(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Viewer).await;
    let good = draft("lou", Role::Viewer);
    let with = |change: fn(&mut UserDraft)| {
        let mut draft = good.clone();
        change(&mut draft);
        draft
    };
    let cases = [
        (with(|draft| draft.name = " ".to_owned()), "name"),
        // With a right-to-left override it would read "admin".
        (
            with(|draft| draft.name = "\u{202E}nimda".to_owned()),
            "name",
        ),
        (with(|draft| draft.name = "a\u{2067}b".to_owned()), "name"),
        (with(|draft| draft.name = "a\nb".to_owned()), "name"),
        (with(|draft| draft.email = "invalid".to_owned()), "email"),
        (
            with(|draft| draft.email = "a\u{200F}@example.com".to_owned()),
            "email",
        ),
        (
            with(|draft| draft.matchers = vec!["team=~\"(\"".to_owned()]),
            "matchers[0]",
        ),
        (
            with(|draft| {
                draft.role = Role::Admin;
                draft.matchers = vec!["team=\"infra\"".to_owned()];
            }),
            "matchers",
        ),
        (
            with(|draft| draft.password = Some("short".to_owned())),
            "password",
        ),
        (
            with(|draft| draft.password = Some("password1234".to_owned())),
            "password",
        ),
        (
            with(|draft| draft.password = Some("lou@example.com".to_owned())),
            "password",
        ),
        (
            with(|draft| draft.password = Some("x".repeat(1_025))),
            "password",
        ),
    ];
    for (draft, field) in cases {
        let result = accounts.create_user(&root(), None, &draft).await;
        assert_eq!(fields(result), [field], "{}", draft.name);
    }
    let taken = UserDraft {
        email: "KIM@EXAMPLE.COM".to_owned(),
        ..good.clone()
    };
    let result = accounts.create_user(&root(), None, &taken).await.err();
    let is_conflict = matches!(result, Some(ChangeError::Conflict { field: "email", .. }));
    assert!(is_conflict, "{result:?}");
    // Right-to-left scripts are allowed, direction overrides are not; strings that look
    // like SQL or HTML are valid names.
    for (index, name) in [
        "محمد علی",
        "דוד",
        "'; DROP TABLE users; --",
        "<script>alert(1)</script>",
    ]
    .into_iter()
    .enumerate()
    {
        let draft = UserDraft {
            name: name.to_owned(),
            email: format!("user{index}@example.com"),
            ..good.clone()
        };
        let created = accounts.create_user(&root(), None, &draft).await.unwrap();
        assert_eq!(created.object.user.name, name);
    }
}

async fn stale_version_is_not_overwritten(world: &World) {
    let World { accounts, .. } = world;
    let kim = world.user("kim", Role::Viewer).await;
    let tag = Expected::OneOf(vec![etag(&snapshot_user(&kim))]);
    let mut one = draft("kim", Role::Responder);
    one.password = None;
    let first = accounts
        .update_user(&root(), kim.id, Some(&tag), &one)
        .await
        .unwrap();
    one.role = Role::Viewer;
    let result = accounts
        .update_user(&root(), kim.id, Some(&tag), &one)
        .await;
    match result.err() {
        Some(ChangeError::PreconditionFailed { current }) => {
            assert_eq!(current, snapshot_user(&first))
        }
        other => panic!("{other:?}"),
    }
    let result = accounts.delete_user(&root(), kim.id, Some(&tag)).await;
    assert!(matches!(
        result,
        Err(ChangeError::PreconditionFailed { .. })
    ));
    accounts
        .delete_user(&root(), kim.id, Some(&Expected::Any))
        .await
        .unwrap();
}

async fn last_administrator_cannot_be_removed(world: &World) {
    let World { accounts, .. } = world;
    let last = world.user("kim", Role::Admin).await;
    let lou = world.user("lou", Role::Admin).await;
    accounts.set_enabled(&root(), lou.id, false).await.unwrap();
    let demoted = UserDraft {
        password: None,
        ..draft("kim", Role::Responder)
    };
    let disabled = UserDraft {
        password: None,
        enabled: Some(false),
        ..draft("kim", Role::Admin)
    };
    for error in [
        accounts.delete_user(&root(), last.id, None).await.err(),
        accounts.set_enabled(&root(), last.id, false).await.err(),
        accounts
            .update_user(&root(), last.id, None, &demoted)
            .await
            .err(),
        accounts
            .update_user(&root(), last.id, None, &disabled)
            .await
            .err(),
    ] {
        assert!(
            matches!(error, Some(ChangeError::InvalidState(_))),
            "{error:?}"
        );
    }
    accounts.set_enabled(&root(), lou.id, true).await.unwrap();
    accounts
        .update_user(&root(), last.id, None, &demoted)
        .await
        .unwrap();
}

async fn two_administrators_cannot_delete_each_other(world: &World) {
    let kim = world.user("kim", Role::Admin).await;
    let lou = world.user("lou", Role::Admin).await;
    let (here, replica) = (&world.accounts, world.replica());
    let actor = root();
    let (one, other) = tokio::join!(
        here.delete_user(&actor, lou.id, None),
        replica.delete_user(&actor, kim.id, None),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(world.accounts.has_admin().await.unwrap());
}

async fn new_password_ends_the_sessions(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let sign_in = async |password: &str| {
        accounts
            .sign_in("kim@example.com", password, &client())
            .await
            .unwrap()
    };
    let before = sign_in(PASSWORD).await;
    let mut reset = draft("kim", Role::Viewer);
    reset.password = Some(OTHER.to_owned());
    accounts
        .update_user(&root(), user.id, None, &reset)
        .await
        .unwrap();
    assert!(
        accounts
            .identify_session(before.secret.as_str())
            .await
            .is_err()
    );
    let before = sign_in(OTHER).await;
    accounts
        .set_password(&root(), user.id, PASSWORD)
        .await
        .unwrap();
    assert!(
        accounts
            .identify_session(before.secret.as_str())
            .await
            .is_err()
    );
    let after = sign_in(PASSWORD).await;
    assert!(
        accounts
            .identify_session(after.secret.as_str())
            .await
            .is_ok()
    );
    accounts.end_sessions_of(&root(), user.id).await.unwrap();
    assert!(
        accounts
            .identify_session(after.secret.as_str())
            .await
            .is_err()
    );
    let actions = world.actions().await;
    let changes = actions.iter().filter(|action| *action == "password.change");
    assert_eq!(changes.count(), 2);
    assert_eq!(actions.last().map(String::as_str), Some("session.revoke"));
}

async fn retried_request_creates_one_user(world: &World) {
    let World { accounts, .. } = world;
    let idempotent = IdempotentRequest::new(&root(), "key-1", &[b"a request"]);
    let kim = draft("kim", Role::Viewer);
    let first = accounts.create_user(&root(), Some(&idempotent), &kim).await;
    let first = first.unwrap();
    let again = accounts.create_user(&root(), Some(&idempotent), &kim).await;
    let again = again.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(again.object, first.object);
    accounts
        .delete_user(&root(), first.object.id, None)
        .await
        .unwrap();
    let result = accounts.create_user(&root(), Some(&idempotent), &kim).await;
    assert!(
        matches!(result, Err(ChangeError::InvalidState(_))),
        "{:?}",
        result.err()
    );
}
