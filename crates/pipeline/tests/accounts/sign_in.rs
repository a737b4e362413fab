//! In and out again.

use tocsin_pipeline::accounts::{
    AccountsSettings, AuthError, ClientInfo, MAX_PASSWORD_BYTES, Method, SignInError,
};
use tocsin_storage::accounts::{self as stored, UserRow};
use tocsin_storage::enums::Role;

use crate::{HOUR, MINUTE, OTHER, PASSWORD, SECOND, World, accounts, arrival, root};

crate::on_both!(
    a_password_opens_a_session,
    who_is_not_let_in_learns_nothing,
    too_many_failures_lock_any_account,
    a_lock_grows_and_is_forgotten,
    a_session_ends_by_itself,
    what_a_session_may_do_follows_its_user,
    sessions_are_bounded,
    passwords_can_be_turned_off,
);

async fn a_password_opens_a_session(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Responder).await;
    let email = " Kim@Example.COM ";
    let signed_in = accounts.sign_in(email, PASSWORD, &arrival()).await.unwrap();
    assert_eq!(signed_in.user.id, user.id);
    assert_eq!(signed_in.user.user.last_sign_in_at, Some(world.now()));
    let secret = signed_in.secret.as_str();
    let identity = accounts.identify_session(secret).await.unwrap();
    assert_eq!((identity.id, identity.method), (user.id, Method::Password));
    assert_eq!(identity.role(), Some(Role::Responder));
    assert_eq!(identity.session_id, Some(signed_in.session_id));
    assert_eq!(identity.email.as_deref(), Some("kim@example.com"));
    assert!(identity.visibility.is_everything());
    let sessions = stored::sessions_of(&world.db, user.id).await.unwrap();
    assert_eq!(sessions[0].session.address, "198.51.100.7");
    assert_eq!(sessions[0].session.user_agent, "Browser/1.0");
    accounts
        .sign_out(secret, &identity.actor(None))
        .await
        .unwrap();
    for _ in 0..2 {
        let refused = accounts.identify_session(secret).await.unwrap_err();
        assert!(matches!(refused, AuthError::Unknown), "{refused}");
        accounts.sign_out(secret, &root()).await.unwrap();
    }
    assert!(!accounts.is_still(&identity).await);
    assert_eq!(
        world.actions().await,
        ["user.create", "sign-in.ok", "sign-out"]
    );
    for line in world.log().await {
        let line = format!("{line:?}");
        assert!(
            !line.contains(PASSWORD) && !line.contains("argon2"),
            "{line}"
        );
        assert!(!line.contains(secret), "{line}");
    }
}

async fn who_is_not_let_in_learns_nothing(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Viewer).await;
    let disabled = world.user("lou", Role::Viewer).await;
    accounts
        .set_enabled(&root(), disabled.id, false)
        .await
        .unwrap();
    let tries = [
        ("kim@example.com", OTHER),
        ("kim@example.com", " correct horse battery staple"),
        ("lou@example.com", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        (PASSWORD, "kim@example.com"),
        ("值班\0", "\0"),
    ];
    for (email, password) in tries {
        let refused = accounts.sign_in(email, password, &arrival()).await;
        assert!(
            matches!(refused, Err(SignInError::Wrong)),
            "{email}: {refused:?}"
        );
    }
    let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    for (email, password, field) in [
        ("", PASSWORD, "email"),
        ("kim@example.com", "", "password"),
        ("kim@example.com", &long, "password"),
        ("nobody@example.com", &long, "password"),
    ] {
        match accounts.sign_in(email, password, &arrival()).await {
            Err(SignInError::Invalid(issues)) => assert_eq!(issues[0].field, field),
            other => panic!("{email}: {other:?}"),
        }
    }
    // Only addresses that are some user's are written down: others may be
    // passwords in the wrong field.
    let mut log = world.log().await;
    log.retain(|line| line.action == "sign-in.failed");
    let names: Vec<&str> = log.iter().map(|line| line.object_name.as_str()).collect();
    let [kim, lou] = ["kim@example.com", "lou@example.com"];
    assert_eq!(names, [kim, kim, lou, "", "", "", ""]);
}

async fn too_many_failures_lock_any_account(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Viewer).await;
    for email in ["kim@example.com", "nobody@example.com"] {
        for _ in 0..5 {
            let refused = accounts.sign_in(email, OTHER, &arrival()).await;
            assert!(matches!(refused, Err(SignInError::Wrong)), "{refused:?}");
        }
        // The right one neither, from anywhere, in any case.
        for email in [email.to_owned(), email.to_uppercase()] {
            let elsewhere = world.elsewhere();
            let from = ClientInfo::default();
            match elsewhere.sign_in(&email, PASSWORD, &from).await {
                Err(SignInError::Locked { retry_after }) => {
                    assert_eq!(retry_after, 30 * SECOND, "{email}");
                }
                other => panic!("{email}: {other:?}"),
            }
        }
    }
    let locked = world.actions().await;
    let locked = locked.iter().filter(|action| *action == "sign-in.locked");
    assert_eq!(locked.count(), 2);
    world.later(30 * SECOND);
    let signed_in = accounts
        .sign_in("kim@example.com", PASSWORD, &arrival())
        .await;
    assert!(signed_in.is_ok());
}

async fn a_lock_grows_and_is_forgotten(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let fail = async || {
        let refused = accounts.sign_in("kim@example.com", OTHER, &arrival()).await;
        match refused {
            Err(SignInError::Wrong) => None,
            Err(SignInError::Locked { retry_after }) => Some(retry_after),
            other => panic!("{other:?}"),
        }
    };
    for _ in 0..5 {
        assert_eq!(fail().await, None);
    }
    assert_eq!(fail().await, Some(30 * SECOND));
    world.later(30 * SECOND);
    assert_eq!(fail().await, None);
    assert_eq!(fail().await, Some(MINUTE));
    // A day later nothing is left of it.
    world.later(25 * HOUR);
    for _ in 0..5 {
        assert_eq!(fail().await, None);
    }
    assert_eq!(fail().await, Some(30 * SECOND));
    // Nor after a new password.
    accounts
        .set_password(&root(), user.id, PASSWORD)
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(fail().await, None);
        let signed_in = accounts
            .sign_in("kim@example.com", PASSWORD, &arrival())
            .await;
        assert!(signed_in.is_ok());
    }
}

async fn a_session_ends_by_itself(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Viewer).await;
    let from = ClientInfo::default();
    let sign_in = || accounts.sign_in("kim@example.com", PASSWORD, &from);
    let used = sign_in().await.unwrap();
    let idle = sign_in().await.unwrap();
    let ends = used.expires_at;
    assert_eq!(ends.since(world.now()), 14 * 24 * HOUR);
    while world.now() < ends {
        let identity = accounts.identify_session(used.secret.as_str()).await;
        let identity = identity.unwrap();
        let seen = || async {
            let sessions = stored::sessions_of(&world.db, identity.id).await.unwrap();
            let session = sessions
                .iter()
                .find(|session| Some(session.id) == identity.session_id);
            session.unwrap().session.seen_at
        };
        // It is noted beside the request.
        while seen().await < world.now() {
            tokio::task::yield_now().await;
        }
        world.later(8 * HOUR);
    }
    for (secret, at) in [
        (used.secret, ends),
        (idle.secret, used.user.user.created_at.plus(12 * HOUR)),
    ] {
        match accounts.identify_session(secret.as_str()).await {
            Err(AuthError::Expired(ended)) => assert_eq!(ended, at),
            other => panic!("{other:?}"),
        }
    }
}

async fn what_a_session_may_do_follows_its_user(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Responder).await;
    let signed_in = accounts
        .sign_in("kim@example.com", PASSWORD, &arrival())
        .await
        .unwrap();
    let secret = signed_in.secret.as_str();
    let elsewhere = world.elsewhere();
    let before = accounts.identify_session(secret).await.unwrap();
    elsewhere.identify_session(secret).await.unwrap();
    let mut draft = crate::draft("kim", Role::Viewer);
    draft.password = None;
    draft.matchers = vec!["team=\"infra\"".to_owned()];
    accounts
        .update_user(&root(), user.id, None, &draft)
        .await
        .unwrap();
    // At once here, and a second later on another replica.
    let after = accounts.identify_session(secret).await.unwrap();
    assert_eq!(after.role(), Some(Role::Viewer));
    assert_eq!(after.visibility.matchers().len(), 1);
    assert!(!accounts.is_still(&before).await && accounts.is_still(&after).await);
    let cached = elsewhere.identify_session(secret).await.unwrap();
    assert_eq!(cached.role(), Some(Role::Responder));
    world.later(SECOND);
    let read = elsewhere.identify_session(secret).await.unwrap();
    assert_eq!(read.role(), Some(Role::Viewer));
    accounts.set_enabled(&root(), user.id, false).await.unwrap();
    let refused = accounts.identify_session(secret).await.unwrap_err();
    assert!(matches!(refused, AuthError::Unknown), "{refused}");
    // It does not come back with the user.
    accounts.set_enabled(&root(), user.id, true).await.unwrap();
    let refused = accounts.identify_session(secret).await.unwrap_err();
    assert!(matches!(refused, AuthError::Unknown), "{refused}");
    // Disabled by another version of this program, which leaves sessions.
    let signed_in = accounts
        .sign_in("kim@example.com", PASSWORD, &arrival())
        .await
        .unwrap();
    let row = UserRow {
        enabled: false,
        ..signed_in.user.user
    };
    let tx = world.db.begin().await.unwrap();
    stored::update_user(&tx, user.id, &row).await.unwrap();
    tx.commit().await.unwrap();
    let secret = signed_in.secret.as_str();
    let refused = accounts.identify_session(secret).await.unwrap_err();
    assert!(matches!(refused, AuthError::Disabled), "{refused}");
}

async fn sessions_are_bounded(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let first = accounts
        .sign_in("kim@example.com", PASSWORD, &arrival())
        .await
        .unwrap();
    for _ in 0..100 {
        world.later(SECOND);
        accounts
            .sign_in("kim@example.com", PASSWORD, &arrival())
            .await
            .unwrap();
    }
    let sessions = stored::sessions_of(&world.db, user.id).await.unwrap();
    assert_eq!(sessions.len(), 100);
    assert!(
        sessions
            .iter()
            .all(|session| session.id != first.session_id)
    );
}

async fn passwords_can_be_turned_off(world: &World) {
    world.user("kim", Role::Admin).await;
    let settings = AccountsSettings {
        password_sign_in: false,
        ..AccountsSettings::default()
    };
    let off = accounts(&world.db, &world.clock, settings);
    let refused = off.sign_in("kim@example.com", PASSWORD, &arrival()).await;
    assert!(matches!(refused, Err(SignInError::Off)), "{refused:?}");
    assert_eq!(off.setup_link().await.unwrap(), None);
    assert!(!off.needs_set_up().await.unwrap());
}
