//! API tokens: which are known, and which can be made.

use tocsin_pipeline::accounts::{AuthError, Method, TokenDraft};
use tocsin_pipeline::{ChangeError, IdempotentRequest};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::{Access, ActorKind, Role};

use crate::{HOUR, MINUTE, SECOND, World, fields, root};

crate::on_both!(
    a_token_is_known_by_its_secret,
    what_is_no_token_is_not_known,
    it_expires_and_is_revoked,
    the_last_use_is_noted_to_the_minute,
    the_webhook_knows_whether_it_is_closed,
    what_goes_together,
    a_request_that_is_sent_again_makes_no_other,
);

fn draft(opens: &[Access]) -> TokenDraft {
    TokenDraft {
        name: "ci".to_owned(),
        opens: opens.to_vec(),
        source: None,
        matchers: Vec::new(),
        expires_at: None,
    }
}

async fn make(world: &World, draft: &TokenDraft) -> (i64, String) {
    let made = world.accounts.create_token(&root(), None, draft).await;
    let made = made.unwrap().object;
    (made.view.id, made.secret.unwrap())
}

async fn a_token_is_known_by_its_secret(world: &World) {
    let mut ingest = draft(&[Access::Ingest]);
    ingest.source = Some("prod".to_owned());
    let (id, secret) = make(world, &ingest).await;
    let identity = world.accounts.identify_token(&secret).await.unwrap();
    assert_eq!((identity.id, identity.name.as_str()), (id, "ci"));
    assert_eq!(identity.actor_kind, ActorKind::Token);
    assert_eq!((identity.access, identity.role()), (Access::Ingest, None));
    assert_eq!(identity.method, Method::Token);
    assert_eq!(identity.source.as_deref(), Some("prod"));
    let mut some = draft(&[Access::Responder, Access::Viewer]);
    some.matchers = vec!["team = infra".to_owned()];
    let (id, secret) = make(world, &some).await;
    let identity = world.accounts.identify_token(&secret).await.unwrap();
    assert_eq!((identity.id, identity.role()), (id, Some(Role::Responder)));
    let view = stored::get_token(&world.db, id).await.unwrap().unwrap();
    assert_eq!(view.token.matchers, ["team=\"infra\""]);
    assert_eq!(view.token.created_by, "Root");
    assert!(secret.starts_with(&view.token.hint) && view.token.hint.len() == 11);
    for line in world.log().await {
        let line = format!("{line:?}");
        assert!(
            line.contains("token.create") && !line.contains(&secret),
            "{line}"
        );
    }
}

async fn what_is_no_token_is_not_known(world: &World) {
    let (_, secret) = make(world, &draft(&[Access::Admin])).await;
    let other = secret.chars().rev().collect::<String>();
    let short = &secret[..secret.len() - 1];
    for text in ["", "tocsin_", "ghp_0123456789", &other, short, "值班"] {
        let refused = world.accounts.identify_token(text).await.unwrap_err();
        assert!(matches!(refused, AuthError::Unknown), "{text}: {refused}");
        let refused = world.accounts.identify_session(text).await.unwrap_err();
        assert!(matches!(refused, AuthError::Unknown), "{text}: {refused}");
    }
    // Of another database: as it should be, and nobody's.
    let well_made = {
        let elsewhere = World::sqlite().await;
        make(&elsewhere, &draft(&[Access::Admin])).await.1
    };
    let refused = world.accounts.identify_token(&well_made).await.unwrap_err();
    assert!(matches!(refused, AuthError::Unknown), "{refused}");
}

async fn it_expires_and_is_revoked(world: &World) {
    let ends = world.now().plus(HOUR);
    let mut short = draft(&[Access::Viewer]);
    short.expires_at = Some(ends);
    let (_, short) = make(world, &short).await;
    let (id, long) = make(world, &draft(&[Access::Viewer])).await;
    let elsewhere = world.elsewhere();
    let identity = world.accounts.identify_token(&long).await.unwrap();
    elsewhere.identify_token(&long).await.unwrap();
    // To the microsecond, although what was read is held for a second.
    world.later(HOUR - SECOND / 2);
    world.accounts.identify_token(&short).await.unwrap();
    world.later(SECOND / 2);
    match world.accounts.identify_token(&short).await {
        Err(AuthError::Expired(at)) => assert_eq!(at, ends),
        other => panic!("{other:?}"),
    }
    elsewhere.identify_token(&long).await.unwrap();
    let revoked = world.accounts.revoke_token(&root(), id).await.unwrap();
    let at = world.now();
    assert_eq!(revoked.token.revoked_at, Some(at));
    assert!(!world.accounts.is_still(&identity).await);
    world.later(SECOND);
    for accounts in [&world.accounts, &elsewhere] {
        match accounts.identify_token(&long).await {
            Err(AuthError::Revoked(since)) => assert_eq!(since, at),
            other => panic!("{other:?}"),
        }
    }
    // Once more changes nothing.
    let again = world.accounts.revoke_token(&root(), id).await.unwrap();
    assert_eq!(again.token.revoked_at, Some(at));
    let missing = world.accounts.revoke_token(&root(), 99).await.unwrap_err();
    assert!(matches!(missing, ChangeError::NotFound { .. }), "{missing}");
    assert_eq!(
        world.actions().await,
        ["token.create", "token.create", "token.revoke"]
    );
}

async fn the_last_use_is_noted_to_the_minute(world: &World) {
    let (id, secret) = make(world, &draft(&[Access::Viewer])).await;
    let used = async || {
        let view = stored::get_token(&world.db, id).await.unwrap();
        view.unwrap().token.used_at
    };
    assert_eq!(used().await, None);
    let first = world.now();
    world.accounts.identify_token(&secret).await.unwrap();
    while used().await != Some(first) {
        tokio::task::yield_now().await;
    }
    world.later(MINUTE - SECOND);
    world.accounts.identify_token(&secret).await.unwrap();
    world.later(SECOND);
    let second = world.now();
    world.accounts.identify_token(&secret).await.unwrap();
    while used().await != Some(second) {
        // Never in between.
        assert!([Some(first), Some(second)].contains(&used().await));
        tokio::task::yield_now().await;
    }
}

async fn the_webhook_knows_whether_it_is_closed(world: &World) {
    let World { accounts, .. } = world;
    assert!(!accounts.has_ingest_token().await.unwrap());
    make(world, &draft(&[Access::Admin])).await;
    assert!(!accounts.has_ingest_token().await.unwrap());
    let elsewhere = world.elsewhere();
    assert!(!elsewhere.has_ingest_token().await.unwrap());
    let mut ingest = draft(&[Access::Ingest]);
    ingest.expires_at = Some(world.now().plus(HOUR));
    let (id, _) = make(world, &ingest).await;
    assert!(accounts.has_ingest_token().await.unwrap());
    assert!(!elsewhere.has_ingest_token().await.unwrap());
    world.later(SECOND);
    assert!(elsewhere.has_ingest_token().await.unwrap());
    accounts.revoke_token(&root(), id).await.unwrap();
    assert!(!accounts.has_ingest_token().await.unwrap());
    make(world, &ingest).await;
    assert!(accounts.has_ingest_token().await.unwrap());
    world.later(HOUR);
    assert!(!accounts.has_ingest_token().await.unwrap());
}

async fn what_goes_together(world: &World) {
    let now = world.now();
    let mut drafts = Vec::new();
    let mut case = |opens: &[Access], change: fn(&mut TokenDraft), wrong: &[&str]| {
        let mut draft = draft(opens);
        change(&mut draft);
        let wrong: Vec<String> = wrong.iter().map(|field| (*field).to_owned()).collect();
        drafts.push((draft, wrong));
    };
    let infra = |draft: &mut TokenDraft| draft.matchers = vec!["team=\"infra\"".to_owned()];
    let source = |draft: &mut TokenDraft| draft.source = Some("prod".to_owned());
    case(&[], |_| (), &["scopes"]);
    case(&[Access::Ingest, Access::Viewer], |_| (), &["scopes"]);
    case(&[Access::Ingest], infra, &["matchers"]);
    case(&[Access::Admin], infra, &["matchers"]);
    case(&[Access::Viewer], source, &["source"]);
    case(
        &[Access::Ingest],
        |draft| draft.source = Some("a b".to_owned()),
        &["source"],
    );
    case(
        &[Access::Ingest],
        |draft| draft.source = Some(String::new()),
        &["source"],
    );
    case(
        &[Access::Viewer],
        |draft| draft.name = "\u{202E}ic".to_owned(),
        &["name"],
    );
    case(
        &[Access::Viewer],
        |draft| draft.matchers = vec!["team=~\"(\"".to_owned()],
        &["matchers[0]"],
    );
    for (mut draft, wrong) in drafts {
        let refused = world.accounts.create_token(&root(), None, &draft).await;
        assert_eq!(fields(refused), wrong, "{draft:?}");
        draft.expires_at = Some(now);
        let refused = world.accounts.create_token(&root(), None, &draft).await;
        assert!(!fields(refused).is_empty(), "{draft:?}");
    }
    let mut past = draft(&[Access::Viewer]);
    past.expires_at = Some(now);
    let refused = world.accounts.create_token(&root(), None, &past).await;
    assert_eq!(fields(refused), ["expiresAt"]);
    assert!(world.actions().await.is_empty());
}

async fn a_request_that_is_sent_again_makes_no_other(world: &World) {
    let once = IdempotentRequest::new(&root(), "key-1", &[b"a request"]);
    let draft = draft(&[Access::Viewer]);
    let World { accounts, .. } = world;
    let first = accounts.create_token(&root(), Some(&once), &draft).await;
    let first = first.unwrap();
    assert!(!first.replayed && first.object.secret.is_some());
    let again = accounts.create_token(&root(), Some(&once), &draft).await;
    let again = again.unwrap();
    assert!(again.replayed && again.object.secret.is_none());
    assert_eq!(again.object.view, first.object.view);
    let other = IdempotentRequest::new(&root(), "key-1", &[b"another"]);
    let refused = accounts.create_token(&root(), Some(&other), &draft).await;
    assert!(matches!(refused.err(), Some(ChangeError::KeyReused)));
    assert_eq!(world.actions().await, ["token.create"]);
}
