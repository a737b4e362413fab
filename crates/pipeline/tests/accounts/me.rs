//! Changes that users make to their own account.

use tocsin_pipeline::ChangeError;
use tocsin_pipeline::accounts::{MeDraft, PasswordError, SignInError, SignedIn};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::{Language, Role, Theme};

use crate::{OTHER, PASSWORD, World, client, draft, fields, root};

crate::on_both!(
    user_updates_the_own_account,
    password_change_requires_the_current_one,
    wrong_current_passwords_lock_the_account,
    sessions_are_listed_and_ended,
);

async fn sign_in(world: &World, password: &str) -> SignedIn {
    let signed_in = world
        .accounts
        .sign_in("kim@example.com", password, &client())
        .await;
    signed_in.unwrap()
}

fn field(error: PasswordError) -> Vec<String> {
    match error {
        PasswordError::Change(error) => fields::<()>(Err(error)),
        other => panic!("{other:?}"),
    }
}

async fn user_updates_the_own_account(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let mut me = MeDraft {
        name: "Kim K.".to_owned(),
        language: Some(Language::Zh),
        time_zone: Some("Asia/Shanghai".to_owned()),
        theme: Some(Theme::Dark),
    };
    let after = accounts.update_me(&root(), user.id, &me).await.unwrap();
    let row = &after.user;
    assert_eq!(
        (row.name.as_str(), row.language),
        ("Kim K.", Some(Language::Zh))
    );
    assert_eq!(row.time_zone.as_deref(), Some("Asia/Shanghai"));
    assert_eq!((row.theme, row.role), (Some(Theme::Dark), Role::Viewer));
    assert_eq!(row.password, user.user.password);
    me.name = "\u{202E}nimda".to_owned();
    me.time_zone = Some("Mars/Olympus".to_owned());
    let result = accounts.update_me(&root(), user.id, &me).await;
    assert_eq!(fields(result), ["name", "timeZone"]);
    let missing = accounts
        .update_me(
            &root(),
            99,
            &MeDraft {
                name: "x".to_owned(),
                language: None,
                time_zone: None,
                theme: None,
            },
        )
        .await;
    assert!(matches!(missing, Err(ChangeError::NotFound { .. })));
    assert_eq!(world.actions().await, ["user.create", "user.update"]);
}

async fn password_change_requires_the_current_one(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let here = sign_in(world, PASSWORD).await;
    let there = sign_in(world, PASSWORD).await;
    let keep = Some(here.session_id);
    let change = async |current: &str, new: &str| {
        accounts
            .change_password(&root(), user.id, current, new, keep)
            .await
    };
    for (current, new, expected) in [
        (OTHER, OTHER, vec!["new"]),
        (PASSWORD, PASSWORD, vec!["new"]),
        (PASSWORD, "kim@example.com", vec!["new"]),
        (PASSWORD, "short", vec!["new"]),
        ("", OTHER, vec!["current"]),
        ("another one of them", OTHER, vec!["current"]),
    ] {
        assert_eq!(
            field(change(current, new).await.unwrap_err()),
            expected,
            "{new}"
        );
    }
    assert!(
        accounts
            .identify_session(there.secret.as_str())
            .await
            .is_ok()
    );
    change(PASSWORD, OTHER).await.unwrap();
    assert!(
        accounts
            .identify_session(here.secret.as_str())
            .await
            .is_ok()
    );
    assert!(
        accounts
            .identify_session(there.secret.as_str())
            .await
            .is_err()
    );
    let result = accounts
        .sign_in("kim@example.com", PASSWORD, &client())
        .await;
    assert!(matches!(result, Err(SignInError::Wrong)));
    sign_in(world, OTHER).await;
    let actions = world.actions().await;
    assert!(
        actions.contains(&"password.change".to_owned()),
        "{actions:?}"
    );
    // A user without a password cannot set one.
    let mut lou = draft("lou", Role::Viewer);
    lou.password = None;
    let lou = accounts.create_user(&root(), None, &lou).await.unwrap();
    let id = lou.object.id;
    let result = accounts
        .change_password(&root(), id, PASSWORD, OTHER, None)
        .await;
    assert_eq!(field(result.unwrap_err()), ["current"]);
}

async fn wrong_current_passwords_lock_the_account(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    for _ in 0..5 {
        let result = accounts
            .change_password(&root(), user.id, "a wrong password", OTHER, None)
            .await;
        assert_eq!(field(result.unwrap_err()), ["current"]);
    }
    let result = accounts
        .change_password(&root(), user.id, PASSWORD, OTHER, None)
        .await;
    assert!(
        matches!(result, Err(PasswordError::Locked { .. })),
        "{result:?}"
    );
}

async fn sessions_are_listed_and_ended(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let lou = world.user("lou", Role::Viewer).await;
    let [here, there, elsewhere] = [
        sign_in(world, PASSWORD).await,
        sign_in(world, PASSWORD).await,
        sign_in(world, PASSWORD).await,
    ];
    // Not a session of another user.
    let result = accounts
        .revoke_session(&root(), lou.id, there.session_id)
        .await;
    assert!(matches!(result, Err(ChangeError::NotFound { .. })));
    accounts
        .identify_session(there.secret.as_str())
        .await
        .unwrap();
    accounts
        .revoke_session(&root(), user.id, there.session_id)
        .await
        .unwrap();
    assert!(
        accounts
            .identify_session(there.secret.as_str())
            .await
            .is_err()
    );
    let ended = accounts
        .revoke_other_sessions(&root(), user.id, Some(here.session_id))
        .await;
    assert_eq!(ended.unwrap(), 1);
    assert!(
        accounts
            .identify_session(elsewhere.secret.as_str())
            .await
            .is_err()
    );
    assert!(
        accounts
            .identify_session(here.secret.as_str())
            .await
            .is_ok()
    );
    let remaining = stored::sessions_of(&world.db, user.id).await.unwrap();
    assert_eq!(remaining.len(), 1);
    // Nothing changed, so nothing is logged.
    let before = world.actions().await;
    let ended = accounts
        .revoke_other_sessions(&root(), user.id, Some(here.session_id))
        .await;
    assert_eq!(ended.unwrap(), 0);
    assert_eq!(world.actions().await, before);
}
