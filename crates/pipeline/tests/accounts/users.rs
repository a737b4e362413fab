//! Making, changing and deleting users.

use tocsin_pipeline::accounts::{UserDraft, snapshot_user};
use tocsin_pipeline::change::etag;
use tocsin_pipeline::{ChangeError, Expected, IdempotentRequest};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::Role;

use crate::{OTHER, PASSWORD, World, arrival, draft, fields, root};

crate::on_both!(
    a_user_is_made_changed_and_deleted,
    what_cannot_be_a_user,
    nobody_overwrites_what_they_have_not_seen,
    somebody_stays_who_may_change_users,
    two_administrators_cannot_take_each_other_away,
    a_new_password_ends_the_sessions,
    a_request_that_is_sent_again_makes_no_other,
);

async fn a_user_is_made_changed_and_deleted(world: &World) {
    let World { accounts, db, .. } = world;
    let mut kim = draft("kim", Role::Viewer);
    kim.name = "  金 Kim ".to_owned();
    kim.matchers = vec!["team = infra".to_owned()];
    let made = accounts.create_user(&root(), None, &kim).await.unwrap();
    let made = made.object;
    assert_eq!(made.user.name, "金 Kim");
    assert_eq!(made.user.matchers, ["team=\"infra\""]);
    assert!(made.user.enabled && made.user.password.is_some());
    let changed = UserDraft {
        email: "KIM@example.com".to_owned(),
        role: Role::Responder,
        password: None,
        enabled: Some(false),
        ..draft("kim", Role::Viewer)
    };
    let after = accounts
        .update_user(&root(), made.id, None, &changed)
        .await
        .unwrap();
    assert_eq!(after.user.password, made.user.password);
    assert_eq!(
        (after.user.role, after.user.enabled),
        (Role::Responder, false)
    );
    assert!(after.user.matchers.is_empty());
    accounts.delete_user(&root(), made.id, None).await.unwrap();
    assert_eq!(stored::get_user(db, made.id).await.unwrap(), None);
    for gone in [
        accounts.delete_user(&root(), made.id, None).await.err(),
        accounts
            .update_user(&root(), made.id, None, &changed)
            .await
            .err(),
        accounts.set_enabled(&root(), made.id, true).await.err(),
    ] {
        assert!(
            matches!(gone, Some(ChangeError::NotFound { .. })),
            "{gone:?}"
        );
    }
    let log = world.log().await;
    assert_eq!(
        world.actions().await,
        ["user.create", "user.update", "user.delete"]
    );
    assert!(log.iter().all(|line| line.object_id == Some(made.id)));
    assert!(log.iter().all(|line| line.actor_name == "Root"));
    assert_eq!(log[1].before.as_ref(), Some(&snapshot_user(&made)));
    assert_eq!(log[1].after.as_ref(), Some(&snapshot_user(&after)));
    for line in &log {
        let line = format!("{line:?}");
        assert!(
            !line.contains("argon2") && !line.contains(PASSWORD),
            "{line}"
        );
    }
}

async fn what_cannot_be_a_user(world: &World) {
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
        // Shown from right to left it would read "admin".
        (
            with(|draft| draft.name = "\u{202E}nimda".to_owned()),
            "name",
        ),
        (with(|draft| draft.name = "a\u{2067}b".to_owned()), "name"),
        (with(|draft| draft.name = "a\nb".to_owned()), "name"),
        (with(|draft| draft.email = "nobody".to_owned()), "email"),
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
        let refused = accounts.create_user(&root(), None, &draft).await;
        assert_eq!(fields(refused), [field], "{}", draft.name);
    }
    let taken = UserDraft {
        email: "KIM@EXAMPLE.COM".to_owned(),
        ..good.clone()
    };
    let refused = accounts.create_user(&root(), None, &taken).await.err();
    let is_conflict = matches!(refused, Some(ChangeError::Conflict { field: "email", .. }));
    assert!(is_conflict, "{refused:?}");
    // From right to left is no reason, only turning the direction is; and what
    // looks like SQL or HTML is a name like any other.
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
        let made = accounts.create_user(&root(), None, &draft).await.unwrap();
        assert_eq!(made.object.user.name, name);
    }
}

async fn nobody_overwrites_what_they_have_not_seen(world: &World) {
    let World { accounts, .. } = world;
    let seen = world.user("kim", Role::Viewer).await;
    let tag = Expected::OneOf(vec![etag(&snapshot_user(&seen))]);
    let mut one = draft("kim", Role::Responder);
    one.password = None;
    let first = accounts
        .update_user(&root(), seen.id, Some(&tag), &one)
        .await
        .unwrap();
    one.role = Role::Viewer;
    let refused = accounts
        .update_user(&root(), seen.id, Some(&tag), &one)
        .await;
    match refused.err() {
        Some(ChangeError::PreconditionFailed { current }) => {
            assert_eq!(current, snapshot_user(&first))
        }
        other => panic!("{other:?}"),
    }
    let refused = accounts.delete_user(&root(), seen.id, Some(&tag)).await;
    assert!(matches!(
        refused,
        Err(ChangeError::PreconditionFailed { .. })
    ));
    accounts
        .delete_user(&root(), seen.id, Some(&Expected::Any))
        .await
        .unwrap();
}

async fn somebody_stays_who_may_change_users(world: &World) {
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
    for refused in [
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
            matches!(refused, Some(ChangeError::InvalidState(_))),
            "{refused:?}"
        );
    }
    accounts.set_enabled(&root(), lou.id, true).await.unwrap();
    accounts
        .update_user(&root(), last.id, None, &demoted)
        .await
        .unwrap();
}

async fn two_administrators_cannot_take_each_other_away(world: &World) {
    let kim = world.user("kim", Role::Admin).await;
    let lou = world.user("lou", Role::Admin).await;
    let (here, elsewhere) = (&world.accounts, world.elsewhere());
    let actor = root();
    let (one, other) = tokio::join!(
        here.delete_user(&actor, lou.id, None),
        elsewhere.delete_user(&actor, kim.id, None),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(world.accounts.has_admin().await.unwrap());
}

async fn a_new_password_ends_the_sessions(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let sign_in = async |password: &str| {
        accounts
            .sign_in("kim@example.com", password, &arrival())
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

async fn a_request_that_is_sent_again_makes_no_other(world: &World) {
    let World { accounts, .. } = world;
    let once = IdempotentRequest::new(&root(), "key-1", &[b"a request"]);
    let kim = draft("kim", Role::Viewer);
    let first = accounts.create_user(&root(), Some(&once), &kim).await;
    let first = first.unwrap();
    let again = accounts.create_user(&root(), Some(&once), &kim).await;
    let again = again.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(again.object, first.object);
    accounts
        .delete_user(&root(), first.object.id, None)
        .await
        .unwrap();
    let gone = accounts.create_user(&root(), Some(&once), &kim).await;
    assert!(
        matches!(gone, Err(ChangeError::InvalidState(_))),
        "{:?}",
        gone.err()
    );
}
