//! People whom an OpenID provider or a proxy vouches for.

use tocsin_pipeline::accounts::{ExternalError, ExternalIdentity, Method};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::{Role, SignInMethod};

use crate::{HOUR, SECOND, World, arrival, draft, root};

crate::on_both!(
    a_person_is_made_the_first_time,
    an_address_is_believed_if_it_is_known_to_be_theirs,
    roles_follow_the_groups,
    who_is_disabled_stays_out,
    a_proxy_vouches_with_each_request,
    names_that_cannot_be_shown,
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

async fn a_person_is_made_the_first_time(world: &World) {
    let World { accounts, .. } = world;
    let method = SignInMethod::Oidc;
    let first = accounts
        .sign_in_from(&kim(), method, &arrival())
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
    // Known by the subject, whatever the address and name are now.
    let renamed = ExternalIdentity {
        email: "kim.new@example.com".to_owned(),
        name: "Kim N.".to_owned(),
        ..kim()
    };
    let again = accounts
        .sign_in_from(&renamed, method, &arrival())
        .await
        .unwrap();
    assert_eq!(again.user.id, first.user.id);
    assert_eq!(again.user.user.email, "kim@example.com");
    assert_eq!(
        world.actions().await,
        ["user.create", "sign-in.ok", "sign-in.ok"]
    );
    let nobody = ExternalIdentity {
        subject: "s-2".to_owned(),
        email: String::new(),
        ..kim()
    };
    let refused = accounts.sign_in_from(&nobody, method, &arrival()).await;
    assert!(
        matches!(refused, Err(ExternalError::NoEmail)),
        "{refused:?}"
    );
}

async fn an_address_is_believed_if_it_is_known_to_be_theirs(world: &World) {
    let World { accounts, .. } = world;
    let user = world.user("kim", Role::Admin).await;
    let unsure = ExternalIdentity {
        email_verified: false,
        ..kim()
    };
    let method = SignInMethod::Oidc;
    let refused = accounts.sign_in_from(&unsure, method, &arrival()).await;
    assert!(
        matches!(refused, Err(ExternalError::NotAllowed)),
        "{refused:?}"
    );
    let linked = accounts
        .sign_in_from(&kim(), method, &arrival())
        .await
        .unwrap();
    assert_eq!(linked.user.id, user.id);
    assert_eq!(linked.user.user.role, Role::Admin);
    assert_eq!(linked.user.user.password, user.user.password);
    // The provider gave the address to somebody else since.
    let other = ExternalIdentity {
        subject: "s-2".to_owned(),
        ..kim()
    };
    let refused = accounts.sign_in_from(&other, method, &arrival()).await;
    assert!(
        matches!(refused, Err(ExternalError::NotAllowed)),
        "{refused:?}"
    );
    // The same subject of another provider is another person.
    let elsewhere = ExternalIdentity {
        issuer: "https://other.example.com".to_owned(),
        email: "sam@example.com".to_owned(),
        ..kim()
    };
    let made = accounts
        .sign_in_from(&elsewhere, method, &arrival())
        .await
        .unwrap();
    assert_ne!(made.user.id, user.id);
}

async fn roles_follow_the_groups(world: &World) {
    let World { accounts, .. } = world;
    let method = SignInMethod::Oidc;
    let with = |role| ExternalIdentity { role, ..kim() };
    for (told, role) in [
        (Some(Role::Responder), Role::Responder),
        (None, Role::Responder),
        (Some(Role::Admin), Role::Admin),
    ] {
        let signed_in = accounts.sign_in_from(&with(told), method, &arrival()).await;
        assert_eq!(signed_in.unwrap().user.user.role, role);
    }
    assert!(!accounts.needs_set_up().await.unwrap());
    // The last one too: the provider decides, and a new link is the way back.
    let signed_in = accounts
        .sign_in_from(&with(Some(Role::Viewer)), method, &arrival())
        .await
        .unwrap();
    assert_eq!(signed_in.user.user.role, Role::Viewer);
    assert!(accounts.setup_link().await.unwrap().is_some());
    // An administrator sees everything, and only what they saw before once they
    // are none again.
    let mut narrow = draft("kim", Role::Viewer);
    narrow.password = None;
    narrow.matchers = vec!["team=\"infra\"".to_owned()];
    accounts
        .update_user(&root(), signed_in.user.id, None, &narrow)
        .await
        .unwrap();
    for (role, everything) in [(Role::Admin, true), (Role::Viewer, false)] {
        let signed_in = accounts
            .sign_in_from(&with(Some(role)), method, &arrival())
            .await
            .unwrap();
        let secret = signed_in.secret.as_str();
        let identity = accounts.identify_session(secret).await.unwrap();
        assert_eq!(identity.visibility.is_everything(), everything, "{role:?}");
    }
}

async fn who_is_disabled_stays_out(world: &World) {
    let World { accounts, .. } = world;
    let method = SignInMethod::Oidc;
    let signed_in = accounts
        .sign_in_from(&kim(), method, &arrival())
        .await
        .unwrap();
    accounts
        .set_enabled(&root(), signed_in.user.id, false)
        .await
        .unwrap();
    let refused = accounts.sign_in_from(&kim(), method, &arrival()).await;
    assert!(
        matches!(refused, Err(ExternalError::Disabled)),
        "{refused:?}"
    );
    let proxy = ExternalIdentity {
        issuer: String::new(),
        subject: String::new(),
        ..kim()
    };
    let refused = accounts.external_user(&proxy, &arrival()).await;
    assert!(
        matches!(refused, Err(ExternalError::Disabled)),
        "{refused:?}"
    );
}

async fn a_proxy_vouches_with_each_request(world: &World) {
    let World { accounts, .. } = world;
    let proxy = ExternalIdentity {
        issuer: String::new(),
        subject: String::new(),
        role: Some(Role::Responder),
        ..kim()
    };
    let first = accounts.external_user(&proxy, &arrival()).await.unwrap();
    assert_eq!((first.method, first.session_id), (Method::Proxy, None));
    assert_eq!(first.role(), Some(Role::Responder));
    assert!(accounts.is_still(&first).await);
    for _ in 0..3 {
        world.later(SECOND);
        let again = accounts.external_user(&proxy, &arrival()).await.unwrap();
        assert_eq!(again.id, first.id);
    }
    // A visit is one line, not each request.
    assert_eq!(world.actions().await, ["user.create", "sign-in.ok"]);
    world.later(13 * HOUR);
    accounts.external_user(&proxy, &arrival()).await.unwrap();
    assert_eq!(world.actions().await.len(), 3);
    let promoted = ExternalIdentity {
        role: Some(Role::Admin),
        ..proxy
    };
    let now = accounts.external_user(&promoted, &arrival()).await.unwrap();
    assert_eq!((now.id, now.role()), (first.id, Some(Role::Admin)));
    assert!(!accounts.is_still(&first).await);
    let user = stored::get_user(&world.db, first.id).await.unwrap();
    assert_eq!(user.unwrap().user.role, Role::Admin);
}

async fn names_that_cannot_be_shown(world: &World) {
    let World { accounts, .. } = world;
    for (subject, name, called) in [
        ("a", "", "a"),
        ("b", "\u{202E}nimda", "b"),
        ("c", "  金 Kim ", "金 Kim"),
    ] {
        let who = ExternalIdentity {
            subject: subject.to_owned(),
            email: format!("{subject}@example.com"),
            name: name.to_owned(),
            ..kim()
        };
        let made = accounts
            .sign_in_from(&who, SignInMethod::Oidc, &arrival())
            .await
            .unwrap();
        assert_eq!(made.user.user.name, called);
    }
}
