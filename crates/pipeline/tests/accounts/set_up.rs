//! The first administrator.

use tocsin_pipeline::accounts::{Method, SetUpError};
use tocsin_storage::accounts as stored;
use tocsin_storage::enums::Role;

use crate::{PASSWORD, World, arrival};

crate::on_both!(
    a_link_makes_the_first_administrator,
    of_two_at_once_one_wins,
    what_is_no_link_makes_nobody,
    a_viewer_is_no_reason_to_be_locked_out,
);

async fn a_link_makes_the_first_administrator(world: &World) {
    let World { accounts, .. } = world;
    assert!(accounts.needs_set_up().await.unwrap());
    let first = accounts.setup_link().await.unwrap().unwrap();
    let second = world.elsewhere().setup_link().await.unwrap().unwrap();
    assert!(first.starts_with("tocsin_setup_") && first != second);
    for (name, email, password, field) in [
        ("", "kim@example.com", PASSWORD, "name"),
        ("\u{202E}mik", "kim@example.com", PASSWORD, "name"),
        ("Kim", "nobody", PASSWORD, "email"),
        ("Kim", "kim@example.com", "short", "password"),
        ("Kim", "kim@example.com", "kim@example.com", "password"),
    ] {
        match accounts
            .set_up(&first, name, email, password, &arrival())
            .await
        {
            Err(SetUpError::Invalid(issues) | SetUpError::Unfit(issues)) => {
                assert_eq!(issues[0].field, field);
            }
            other => panic!("{field}: {other:?}"),
        }
    }
    let signed_in = accounts
        .set_up(&first, "Kim", "kim@example.com", PASSWORD, &arrival())
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
        let refused = accounts
            .set_up(used, "Lou", "lou@example.com", PASSWORD, &arrival())
            .await;
        assert!(
            matches!(refused, Err(SetUpError::AlreadyDone)),
            "{refused:?}"
        );
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
        .sign_in("kim@example.com", PASSWORD, &arrival())
        .await
        .unwrap();
}

async fn of_two_at_once_one_wins(world: &World) {
    let (here, elsewhere) = (&world.accounts, world.elsewhere());
    let first = here.setup_link().await.unwrap().unwrap();
    let second = elsewhere.setup_link().await.unwrap().unwrap();
    let (from, email) = (arrival(), "kim@example.com");
    let (one, other) = tokio::join!(
        here.set_up(&first, "Kim", email, PASSWORD, &from),
        elsewhere.set_up(&second, "Lou", "lou@example.com", PASSWORD, &from),
    );
    let lost = match (one, other) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
        both => panic!("{both:?}"),
    };
    assert!(matches!(lost, SetUpError::AlreadyDone), "{lost:?}");
    assert_eq!(stored::count_users(&world.db).await.unwrap(), 1);
}

async fn what_is_no_link_makes_nobody(world: &World) {
    let World { accounts, .. } = world;
    let link = accounts.setup_link().await.unwrap().unwrap();
    let cut = &link[..link.len() - 1];
    let other = {
        let elsewhere = World::sqlite().await;
        elsewhere.accounts.setup_link().await.unwrap().unwrap()
    };
    for token in ["", "tocsin_setup_", cut, &other, "' OR 1=1 --"] {
        let refused = accounts
            .set_up(token, "Kim", "kim@example.com", PASSWORD, &arrival())
            .await;
        assert!(matches!(refused, Err(SetUpError::NotKnown)), "{refused:?}");
    }
    assert_eq!(stored::count_users(&world.db).await.unwrap(), 0);
}

async fn a_viewer_is_no_reason_to_be_locked_out(world: &World) {
    let World { accounts, .. } = world;
    world.user("kim", Role::Responder).await;
    assert!(accounts.needs_set_up().await.unwrap());
    let link = accounts.setup_link().await.unwrap().unwrap();
    // The address is taken, which only somebody with a link is told.
    match accounts
        .set_up(&link, "Kim", "KIM@example.com", PASSWORD, &arrival())
        .await
    {
        Err(SetUpError::Unfit(issues)) => assert_eq!(issues[0].field, "email"),
        other => panic!("{other:?}"),
    }
    accounts
        .set_up(&link, "Lou", "lou@example.com", PASSWORD, &arrival())
        .await
        .unwrap();
    assert!(!accounts.needs_set_up().await.unwrap());
}
