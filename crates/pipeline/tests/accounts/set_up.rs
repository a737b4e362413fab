//! The first administrator.

use tocsin_pipeline::accounts::{Method, SetUpError};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::Role;

use crate::{PASSWORD, World, client};

crate::on_both!(
    set_up_link_creates_the_first_administrator,
    one_of_concurrent_set_ups_wins,
    invalid_setup_token_creates_no_user,
    set_up_is_possible_while_there_is_no_administrator,
);

async fn set_up_link_creates_the_first_administrator(world: &World) {
    let World { accounts, .. } = world;
    assert!(accounts.needs_set_up().await.unwrap());
    let first = accounts.setup_link().await.unwrap().unwrap();
    let second = world.replica().setup_link().await.unwrap().unwrap();
    assert!(first.starts_with("tocsin_setup_") && first != second);
    for (name, email, password, field) in [
        ("", "kim@example.com", PASSWORD, "name"),
        ("\u{202E}mik", "kim@example.com", PASSWORD, "name"),
        ("Kim", "invalid", PASSWORD, "email"),
        ("Kim", "kim@example.com", "short", "password"),
        ("Kim", "kim@example.com", "kim@example.com", "password"),
    ] {
        match accounts
            .set_up(&first, name, email, password, &client())
            .await
        {
            Err(SetUpError::Invalid(issues) | SetUpError::Unprocessable(issues)) => {
                assert_eq!(issues[0].field, field);
            }
            other => panic!("{field}: {other:?}"),
        }
    }
    let signed_in = accounts
        .set_up(&first, "Kim", "kim@example.com", PASSWORD, &client())
        .await
        .unwrap();
    assert_eq!(signed_in.user.user.role, Role::Admin);
    let identity = accounts
        .identify_session(signed_in.secret.as_str())
        .await
        .unwrap();
    assert_eq!(
        (identity.role(), identity.method),
        (Some(Role::Admin), Method::Password)
    );
    assert!(!accounts.needs_set_up().await.unwrap());
    assert_eq!(accounts.setup_link().await.unwrap(), None);
    for used in [&first, &second] {
        let result = accounts
            .set_up(used, "Lou", "lou@example.com", PASSWORD, &client())
            .await;
        assert!(matches!(result, Err(SetUpError::AlreadyDone)), "{result:?}");
    }
    assert_eq!(
        world.actions().await,
        ["user.create", "set-up", "sign-in.ok"]
    );
    for line in world.log().await {
        let line = format!("{line:?}");
        assert!(!line.contains(&first) && !line.contains(PASSWORD), "{line}");
    }
    accounts
        .sign_in("kim@example.com", PASSWORD, &client())
        .await
        .unwrap();
}

async fn one_of_concurrent_set_ups_wins(world: &World) {
    let (here, replica) = (&world.accounts, world.replica());
    let first = here.setup_link().await.unwrap().unwrap();
    let second = replica.setup_link().await.unwrap().unwrap();
    let (from, email) = (client(), "kim@example.com");
    let (one, other) = tokio::join!(
        here.set_up(&first, "Kim", email, PASSWORD, &from),
        replica.set_up(&second, "Lou", "lou@example.com", PASSWORD, &from),
    );
    let lost = match (one, other) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
        both => panic!("{both:?}"),
    };
    assert!(matches!(lost, SetUpError::AlreadyDone), "{lost:?}");
    assert_eq!(stored::count_users(&world.db).await.unwrap(), 1);
}

async fn invalid_setup_token_creates_no_user(world: &World) {
    let World { accounts, .. } = world;
    let link = accounts.setup_link().await.unwrap().unwrap();
    let truncated = &link[..link.len() - 1];
    let other = {
        let other_world = World::sqlite().await;
        other_world.accounts.setup_link().await.unwrap().unwrap()
    };
    for token in ["", "tocsin_setup_", truncated, &other, "' OR 1=1 --"] {
        let result = accounts
            .set_up(token, "Kim", "kim@example.com", PASSWORD, &client())
            .await;
        assert!(matches!(result, Err(SetUpError::NotKnown)), "{result:?}");
    }
    assert_eq!(stored::count_users(&world.db).await.unwrap(), 0);
}

async fn set_up_is_possible_while_there_is_no_administrator(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Responder).await;
    assert!(accounts.needs_set_up().await.unwrap());
    let link = accounts.setup_link().await.unwrap().unwrap();
    // The e-mail address is in use, which is only revealed to the owner of a link.
    match accounts
        .set_up(&link, "Kim", "KIM@example.com", PASSWORD, &client())
        .await
    {
        Err(SetUpError::Unprocessable(issues)) => assert_eq!(issues[0].field, "email"),
        other => panic!("{other:?}"),
    }
    accounts
        .set_up(&link, "Lou", "lou@example.com", PASSWORD, &client())
        .await
        .unwrap();
    assert!(!accounts.needs_set_up().await.unwrap());
}
