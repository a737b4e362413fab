//! Sign-in and sign-out.

use tocsin_pipeline::accounts::{
    AccountsSettings, AuthError, ClientInfo, MAX_PASSWORD_BYTES, Method, SignInError,
};
use tocsin_storage::accounts::{self as stored, UserRow};
use tocsin_storage::enums::Role;

use crate::{HOUR, MINUTE, OTHER, PASSWORD, SECOND, World, accounts, client, root};

crate::on_both!(
    password_creates_a_session,
    failed_sign_ins_are_indistinguishable,
    too_many_failures_lock_existing_and_unknown_accounts,
    lock_grows_and_is_reset,
    session_expires,
    session_permissions_follow_the_user,
    sessions_are_bounded,
    password_sign_in_can_be_disabled,
);

async fn password_creates_a_session(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Responder).await;
    let email = " Kim@Example.COM ";
    let signed_in = accounts.sign_in(email, PASSWORD, &client()).await.unwrap();
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
        let result = accounts.identify_session(secret).await.unwrap_err();
        assert!(matches!(result, AuthError::Unknown), "{result}");
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

async fn failed_sign_ins_are_indistinguishable(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Viewer).await;
    let disabled = world.user("lou", Role::Viewer).await;
    accounts
        .set_enabled(&root(), disabled.id, false)
        .await
        .unwrap();
    let attempts = [
        ("kim@example.com", OTHER),
        ("kim@example.com", " correct horse battery staple"),
        ("lou@example.com", PASSWORD),
        ("unknown@example.com", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        (PASSWORD, "kim@example.com"),
        ("值班\0", "\0"),
    ];
    for (email, password) in attempts {
        let result = accounts.sign_in(email, password, &client()).await;
        assert!(
            matches!(result, Err(SignInError::Wrong)),
            "{email}: {result:?}"
        );
    }
    let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    for (email, password, field) in [
        ("", PASSWORD, "email"),
        ("kim@example.com", "", "password"),
        ("kim@example.com", &long, "password"),
        ("unknown@example.com", &long, "password"),
    ] {
        match accounts.sign_in(email, password, &client()).await {
            Err(SignInError::Invalid(issues)) => assert_eq!(issues[0].field, field),
            other => panic!("{email}: {other:?}"),
        }
    }
    // Only e-mail addresses of users are logged: other input may be a password in the
    // wrong field.
    let mut log = world.log().await;
    log.retain(|line| line.action == "sign-in.failed");
    let names: Vec<&str> = log.iter().map(|line| line.object_name.as_str()).collect();
    let [kim, lou] = ["kim@example.com", "lou@example.com"];
    assert_eq!(names, [kim, kim, lou, "", "", "", ""]);
}

async fn too_many_failures_lock_existing_and_unknown_accounts(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Viewer).await;
    for email in ["kim@example.com", "unknown@example.com"] {
        for _ in 0..5 {
            let result = accounts.sign_in(email, OTHER, &client()).await;
            assert!(matches!(result, Err(SignInError::Wrong)), "{result:?}");
        }
        // The right password is rejected too, from any client and in any case.
        for email in [email.to_owned(), email.to_uppercase()] {
            let replica = world.replica();
            let from = ClientInfo::default();
            match replica.sign_in(&email, PASSWORD, &from).await {
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
    world.advance(30 * SECOND);
    let signed_in = accounts
        .sign_in("kim@example.com", PASSWORD, &client())
        .await;
    assert!(signed_in.is_ok());
}

async fn lock_grows_and_is_reset(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let fail = async || {
        let result = accounts.sign_in("kim@example.com", OTHER, &client()).await;
        match result {
            Err(SignInError::Wrong) => None,
            Err(SignInError::Locked { retry_after }) => Some(retry_after),
            other => panic!("{other:?}"),
        }
    };
    for _ in 0..5 {
        assert_eq!(fail().await, None);
    }
    assert_eq!(fail().await, Some(30 * SECOND));
    world.advance(30 * SECOND);
    assert_eq!(fail().await, None);
    assert_eq!(fail().await, Some(MINUTE));
    // The count is reset after a day.
    world.advance(25 * HOUR);
    for _ in 0..5 {
        assert_eq!(fail().await, None);
    }
    assert_eq!(fail().await, Some(30 * SECOND));
    // And by a new password.
    accounts
        .set_password(&root(), user.id, PASSWORD)
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(fail().await, None);
        let signed_in = accounts
            .sign_in("kim@example.com", PASSWORD, &client())
            .await;
        assert!(signed_in.is_ok());
    }
}

async fn session_expires(world: &World) {
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
        let last_seen = || async {
            let sessions = stored::sessions_of(&world.db, identity.id).await.unwrap();
            let session = sessions
                .iter()
                .find(|session| Some(session.id) == identity.session_id);
            session.unwrap().session.seen_at
        };
        // The time of use is stored in the background.
        while last_seen().await < world.now() {
            tokio::task::yield_now().await;
        }
        world.advance(8 * HOUR);
    }
    for (secret, at) in [
        (used.secret, ends),
        (idle.secret, used.user.user.created_at.plus(12 * HOUR)),
    ] {
        match accounts.identify_session(secret.as_str()).await {
            Err(AuthError::Expired(expired_at)) => assert_eq!(expired_at, at),
            other => panic!("{other:?}"),
        }
    }
}

async fn session_permissions_follow_the_user(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Responder).await;
    let signed_in = accounts
        .sign_in("kim@example.com", PASSWORD, &client())
        .await
        .unwrap();
    let secret = signed_in.secret.as_str();
    let replica = world.replica();
    let before = accounts.identify_session(secret).await.unwrap();
    replica.identify_session(secret).await.unwrap();
    let mut draft = crate::draft("kim", Role::Viewer);
    draft.password = None;
    draft.matchers = vec!["team=\"infra\"".to_owned()];
    accounts
        .update_user(&root(), user.id, None, &draft)
        .await
        .unwrap();
    // Immediately here, and a second later on another replica.
    let after = accounts.identify_session(secret).await.unwrap();
    assert_eq!(after.role(), Some(Role::Viewer));
    assert_eq!(after.visibility.matchers().len(), 1);
    assert!(!accounts.is_still(&before).await && accounts.is_still(&after).await);
    let cached = replica.identify_session(secret).await.unwrap();
    assert_eq!(cached.role(), Some(Role::Responder));
    world.advance(SECOND);
    let read = replica.identify_session(secret).await.unwrap();
    assert_eq!(read.role(), Some(Role::Viewer));
    accounts.set_enabled(&root(), user.id, false).await.unwrap();
    let result = accounts.identify_session(secret).await.unwrap_err();
    assert!(matches!(result, AuthError::Unknown), "{result}");
    // Enabling the user does not restore the session.
    accounts.set_enabled(&root(), user.id, true).await.unwrap();
    let result = accounts.identify_session(secret).await.unwrap_err();
    assert!(matches!(result, AuthError::Unknown), "{result}");
    // Disabled by another version of the program, which keeps sessions.
    let signed_in = accounts
        .sign_in("kim@example.com", PASSWORD, &client())
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
    let result = accounts.identify_session(secret).await.unwrap_err();
    assert!(matches!(result, AuthError::Disabled), "{result}");
}

async fn sessions_are_bounded(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Viewer).await;
    let first = accounts
        .sign_in("kim@example.com", PASSWORD, &client())
        .await
        .unwrap();
    for _ in 0..100 {
        world.advance(SECOND);
        accounts
            .sign_in("kim@example.com", PASSWORD, &client())
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

async fn password_sign_in_can_be_disabled(world: &World) {
    world.user("kim", Role::Admin).await;
    let settings = AccountsSettings {
        password_sign_in: false,
        ..AccountsSettings::default()
    };
    let disabled = accounts(&world.db, &world.clock, settings);
    let result = disabled
        .sign_in("kim@example.com", PASSWORD, &client())
        .await;
    assert!(matches!(result, Err(SignInError::Off)), "{result:?}");
    assert_eq!(disabled.setup_link().await.unwrap(), None);
    assert!(!disabled.needs_set_up().await.unwrap());
}
