//! Users authenticated by an OpenID provider or a proxy.

use tocsin_pipeline::accounts::{ExternalError, ExternalIdentity, Method};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::{Role, SignInMethod};

use crate::{HOUR, SECOND, World, client, draft, root};

crate::on_both!(
    first_sign_in_creates_the_user,
    only_a_verified_address_links_an_existing_user,
    roles_follow_the_groups,
    disabled_user_cannot_sign_in,
    proxy_authenticates_each_request,
    invalid_names_are_replaced,
);

fn kim() -> ExternalIdentity {
    ExternalIdentity {
        issuer: "https://id.example.com".to_owned(),
        subject: "s-1".to_owned(),
        email: "kim@example.com".to_owned(),
        email_verified: true,
        name: "Kim".to_owned(),
        role: None,
    }
}

async fn first_sign_in_creates_the_user(world: &World) {
    let World { accounts, .. } = world;
    let method = SignInMethod::Oidc;
    let first = accounts
        .sign_in_from(&kim(), method, &client())
        .await
        .unwrap();
    let row = &first.user.user;
    assert_eq!((row.role, row.password.as_ref()), (Role::Viewer, None));
    assert_eq!(row.subject.as_deref(), Some("s-1"));
    let identity = accounts
        .identify_session(first.secret.as_str())
        .await
        .unwrap();
    assert_eq!(identity.method, Method::Oidc);
    // Identified by the subject, even if address and name have changed.
    let renamed = ExternalIdentity {
        email: "kim.new@example.com".to_owned(),
        name: "Kim N.".to_owned(),
        ..kim()
    };
    let again = accounts
        .sign_in_from(&renamed, method, &client())
        .await
        .unwrap();
    assert_eq!(again.user.id, first.user.id);
    assert_eq!(again.user.user.email, "kim@example.com");
    assert_eq!(
        world.actions().await,
        ["user.create", "sign-in.ok", "sign-in.ok"]
    );
    let no_email = ExternalIdentity {
        subject: "s-2".to_owned(),
        email: String::new(),
        ..kim()
    };
    let result = accounts.sign_in_from(&no_email, method, &client()).await;
    assert!(matches!(result, Err(ExternalError::NoEmail)), "{result:?}");
}

async fn only_a_verified_address_links_an_existing_user(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Admin).await;
    let unverified = ExternalIdentity {
        email_verified: false,
        ..kim()
    };
    let method = SignInMethod::Oidc;
    let result = accounts.sign_in_from(&unverified, method, &client()).await;
    assert!(
        matches!(result, Err(ExternalError::NotAllowed)),
        "{result:?}"
    );
    let linked = accounts
        .sign_in_from(&kim(), method, &client())
        .await
        .unwrap();
    assert_eq!(linked.user.id, user.id);
    assert_eq!(linked.user.user.role, Role::Admin);
    assert_eq!(linked.user.user.password, user.user.password);
    // The provider has reassigned the address to another user.
    let other = ExternalIdentity {
        subject: "s-2".to_owned(),
        ..kim()
    };
    let result = accounts.sign_in_from(&other, method, &client()).await;
    assert!(
        matches!(result, Err(ExternalError::NotAllowed)),
        "{result:?}"
    );
    // The same subject at another provider is a different user.
    let other_provider = ExternalIdentity {
        issuer: "https://other.example.com".to_owned(),
        email: "sam@example.com".to_owned(),
        ..kim()
    };
    let created = accounts
        .sign_in_from(&other_provider, method, &client())
        .await
        .unwrap();
    assert_ne!(created.user.id, user.id);
}

async fn roles_follow_the_groups(world: &World) {
    let World { accounts, .. } = world;
    let method = SignInMethod::Oidc;
    let with = |role| ExternalIdentity { role, ..kim() };
    for (reported, role) in [
        (Some(Role::Responder), Role::Responder),
        (None, Role::Responder),
        (Some(Role::Admin), Role::Admin),
    ] {
        let signed_in = accounts
            .sign_in_from(&with(reported), method, &client())
            .await;
        assert_eq!(signed_in.unwrap().user.user.role, role);
    }
    assert!(!accounts.needs_set_up().await.unwrap());
    // Even the last administrator: the provider decides, and a new set-up link is the
    // way back.
    let signed_in = accounts
        .sign_in_from(&with(Some(Role::Viewer)), method, &client())
        .await
        .unwrap();
    assert_eq!(signed_in.user.user.role, Role::Viewer);
    assert!(accounts.setup_link().await.unwrap().is_some());
    // An administrator sees all alerts, and a former one only those they saw before.
    let mut narrow = draft("kim", Role::Viewer);
    narrow.password = None;
    narrow.matchers = vec!["team=\"infra\"".to_owned()];
    accounts
        .update_user(&root(), signed_in.user.id, None, &narrow)
        .await
        .unwrap();
    for (role, everything) in [(Role::Admin, true), (Role::Viewer, false)] {
        let signed_in = accounts
            .sign_in_from(&with(Some(role)), method, &client())
            .await
            .unwrap();
        let secret = signed_in.secret.as_str();
        let identity = accounts.identify_session(secret).await.unwrap();
        assert_eq!(identity.visibility.is_everything(), everything, "{role:?}");
    }
}

async fn disabled_user_cannot_sign_in(world: &World) {
    let World { accounts, .. } = world;
    let method = SignInMethod::Oidc;
    let signed_in = accounts
        .sign_in_from(&kim(), method, &client())
        .await
        .unwrap();
    accounts
        .set_enabled(&root(), signed_in.user.id, false)
        .await
        .unwrap();
    let result = accounts.sign_in_from(&kim(), method, &client()).await;
    assert!(matches!(result, Err(ExternalError::Disabled)), "{result:?}");
    let proxy = ExternalIdentity {
        issuer: String::new(),
        subject: String::new(),
        ..kim()
    };
    let result = accounts.external_user(&proxy, &client()).await;
    assert!(matches!(result, Err(ExternalError::Disabled)), "{result:?}");
}

async fn proxy_authenticates_each_request(world: &World) {
    let World { accounts, .. } = world;
    let proxy = ExternalIdentity {
        issuer: String::new(),
        subject: String::new(),
        role: Some(Role::Responder),
        ..kim()
    };
    let first = accounts.external_user(&proxy, &client()).await.unwrap();
    assert_eq!((first.method, first.session_id), (Method::Proxy, None));
    assert_eq!(first.role(), Some(Role::Responder));
    assert!(accounts.is_still(&first).await);
    for _ in 0..3 {
        world.advance(SECOND);
        let again = accounts.external_user(&proxy, &client()).await.unwrap();
        assert_eq!(again.id, first.id);
    }
    // A sign-in is logged once, not for each request.
    assert_eq!(world.actions().await, ["user.create", "sign-in.ok"]);
    world.advance(13 * HOUR);
    accounts.external_user(&proxy, &client()).await.unwrap();
    assert_eq!(world.actions().await.len(), 3);
    let promoted = ExternalIdentity {
        role: Some(Role::Admin),
        ..proxy
    };
    let current = accounts.external_user(&promoted, &client()).await.unwrap();
    assert_eq!((current.id, current.role()), (first.id, Some(Role::Admin)));
    assert!(!accounts.is_still(&first).await);
    let user = stored::get_user(&world.db, first.id).await.unwrap();
    assert_eq!(user.unwrap().user.role, Role::Admin);
}

async fn invalid_names_are_replaced(world: &World) {
    let World { accounts, .. } = world;
    for (subject, name, expected) in [
        ("a", "", "a"),
        ("b", "\u{202E}nimda", "b"),
        ("c", "  金 Kim ", "金 Kim"),
    ] {
        let external = ExternalIdentity {
            subject: subject.to_owned(),
            email: format!("{subject}@example.com"),
            name: name.to_owned(),
            ..kim()
        };
        let created = accounts
            .sign_in_from(&external, SignInMethod::Oidc, &client())
            .await
            .unwrap();
        assert_eq!(created.user.user.name, expected);
    }
}
