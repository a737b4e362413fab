//! API tokens: authentication and creation.

use tocsin_pipeline::accounts::{AuthError, Method, TokenDraft};
use tocsin_pipeline::{ChangeError, IdempotentRequest};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::{Access, ActorKind, Role};

use crate::{HOUR, MINUTE, SECOND, World, fields, root};

crate::on_both!(
    token_is_identified_by_its_secret,
    invalid_tokens_are_unknown,
    token_expires_and_is_revoked,
    last_use_is_stored_once_per_minute,
    webhook_requires_a_token_if_one_exists,
    invalid_scope_combinations_are_rejected,
    retried_request_creates_one_token,
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

async fn create(world: &World, draft: &TokenDraft) -> (i64, String) {
    let created = world.accounts.create_token(&root(), None, draft).await;
    let created = created.unwrap().object;
    (created.view.id, created.secret.unwrap())
}

async fn token_is_identified_by_its_secret(world: &World) {
    let mut ingest = draft(&[Access::Ingest]);
    ingest.source = Some("prod".to_owned());
    let (id, secret) = create(world, &ingest).await;
    let identity = world.accounts.identify_token(&secret).await.unwrap();
    assert_eq!((identity.id, identity.name.as_str()), (id, "ci"));
    assert_eq!(identity.actor_kind, ActorKind::Token);
    assert_eq!((identity.access, identity.role()), (Access::Ingest, None));
    assert_eq!(identity.method, Method::Token);
    assert_eq!(identity.source.as_deref(), Some("prod"));
    let mut some = draft(&[Access::Responder, Access::Viewer]);
    some.matchers = vec!["team = infra".to_owned()];
    let (id, secret) = create(world, &some).await;
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

async fn invalid_tokens_are_unknown(world: &World) {
    let (_, secret) = create(world, &draft(&[Access::Admin])).await;
    let other = secret.chars().rev().collect::<String>();
    let short = &secret[..secret.len() - 1];
    for token in ["", "tocsin_", "ghp_0123456789", &other, short, "值班"] {
        let result = world.accounts.identify_token(token).await.unwrap_err();
        assert!(matches!(result, AuthError::Unknown), "{token}: {result}");
        let result = world.accounts.identify_session(token).await.unwrap_err();
        assert!(matches!(result, AuthError::Unknown), "{token}: {result}");
    }
    // Well-formed, but of another database.
    let well_formed = {
        let other_world = World::sqlite().await;
        create(&other_world, &draft(&[Access::Admin])).await.1
    };
    let result = world
        .accounts
        .identify_token(&well_formed)
        .await
        .unwrap_err();
    assert!(matches!(result, AuthError::Unknown), "{result}");
}

async fn token_expires_and_is_revoked(world: &World) {
    let ends = world.now().plus(HOUR);
    let mut short = draft(&[Access::Viewer]);
    short.expires_at = Some(ends);
    let (_, short) = create(world, &short).await;
    let (id, long) = create(world, &draft(&[Access::Viewer])).await;
    let replica = world.replica();
    let identity = world.accounts.identify_token(&long).await.unwrap();
    replica.identify_token(&long).await.unwrap();
    // Exact to the microsecond, although identities are cached for a second.
    world.advance(HOUR - SECOND / 2);
    world.accounts.identify_token(&short).await.unwrap();
    world.advance(SECOND / 2);
    match world.accounts.identify_token(&short).await {
        Err(AuthError::Expired(at)) => assert_eq!(at, ends),
        other => panic!("{other:?}"),
    }
    replica.identify_token(&long).await.unwrap();
    let revoked = world.accounts.revoke_token(&root(), id).await.unwrap();
    let at = world.now();
    assert_eq!(revoked.token.revoked_at, Some(at));
    assert!(!world.accounts.is_still(&identity).await);
    world.advance(SECOND);
    for accounts in [&world.accounts, &replica] {
        match accounts.identify_token(&long).await {
            Err(AuthError::Revoked(since)) => assert_eq!(since, at),
            other => panic!("{other:?}"),
        }
    }
    // Revoking it again has no effect.
    let again = world.accounts.revoke_token(&root(), id).await.unwrap();
    assert_eq!(again.token.revoked_at, Some(at));
    let missing = world.accounts.revoke_token(&root(), 99).await.unwrap_err();
    assert!(matches!(missing, ChangeError::NotFound { .. }), "{missing}");
    assert_eq!(
        world.actions().await,
        ["token.create", "token.create", "token.revoke"]
    );
}

async fn last_use_is_stored_once_per_minute(world: &World) {
    let (id, secret) = create(world, &draft(&[Access::Viewer])).await;
    let last_used = async || {
        let view = stored::get_token(&world.db, id).await.unwrap();
        view.unwrap().token.used_at
    };
    assert_eq!(last_used().await, None);
    let first = world.now();
    world.accounts.identify_token(&secret).await.unwrap();
    while last_used().await != Some(first) {
        tokio::task::yield_now().await;
    }
    world.advance(MINUTE - SECOND);
    world.accounts.identify_token(&secret).await.unwrap();
    world.advance(SECOND);
    let second = world.now();
    world.accounts.identify_token(&secret).await.unwrap();
    while last_used().await != Some(second) {
        // Never in between.
        assert!([Some(first), Some(second)].contains(&last_used().await));
        tokio::task::yield_now().await;
    }
}

async fn webhook_requires_a_token_if_one_exists(world: &World) {
    let World { accounts, .. } = world;
    assert!(!accounts.has_ingest_token().await.unwrap());
    create(world, &draft(&[Access::Admin])).await;
    assert!(!accounts.has_ingest_token().await.unwrap());
    let replica = world.replica();
    assert!(!replica.has_ingest_token().await.unwrap());
    let mut ingest = draft(&[Access::Ingest]);
    ingest.expires_at = Some(world.now().plus(HOUR));
    let (id, _) = create(world, &ingest).await;
    assert!(accounts.has_ingest_token().await.unwrap());
    assert!(!replica.has_ingest_token().await.unwrap());
    world.advance(SECOND);
    assert!(replica.has_ingest_token().await.unwrap());
    accounts.revoke_token(&root(), id).await.unwrap();
    assert!(!accounts.has_ingest_token().await.unwrap());
    create(world, &ingest).await;
    assert!(accounts.has_ingest_token().await.unwrap());
    world.advance(HOUR);
    assert!(!accounts.has_ingest_token().await.unwrap());
}

async fn invalid_scope_combinations_are_rejected(world: &World) {
    let now = world.now();
    let mut drafts = Vec::new();
    let mut case = |opens: &[Access], change: fn(&mut TokenDraft), invalid: &[&str]| {
        let mut draft = draft(opens);
        change(&mut draft);
        let invalid: Vec<String> = invalid.iter().map(|field| (*field).to_owned()).collect();
        drafts.push((draft, invalid));
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
    for (mut draft, invalid) in drafts {
        let result = world.accounts.create_token(&root(), None, &draft).await;
        assert_eq!(fields(result), invalid, "{draft:?}");
        draft.expires_at = Some(now);
        let result = world.accounts.create_token(&root(), None, &draft).await;
        assert!(!fields(result).is_empty(), "{draft:?}");
    }
    let mut past = draft(&[Access::Viewer]);
    past.expires_at = Some(now);
    let result = world.accounts.create_token(&root(), None, &past).await;
    assert_eq!(fields(result), ["expiresAt"]);
    assert!(world.actions().await.is_empty());
}

async fn retried_request_creates_one_token(world: &World) {
    let idempotent = IdempotentRequest::new(&root(), "key-1", &[b"a request"]);
    let draft = draft(&[Access::Viewer]);
    let World { accounts, .. } = world;
    let first = accounts
        .create_token(&root(), Some(&idempotent), &draft)
        .await;
    let first = first.unwrap();
    assert!(!first.replayed && first.object.secret.is_some());
    let again = accounts
        .create_token(&root(), Some(&idempotent), &draft)
        .await;
    let again = again.unwrap();
    assert!(again.replayed && again.object.secret.is_none());
    assert_eq!(again.object.view, first.object.view);
    let other = IdempotentRequest::new(&root(), "key-1", &[b"another"]);
    let result = accounts.create_token(&root(), Some(&other), &draft).await;
    assert!(matches!(result.err(), Some(ChangeError::KeyReused)));
    assert_eq!(world.actions().await, ["token.create"]);
}
