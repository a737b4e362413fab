//! Recipients, groups and routes: creating, changing, validating and deleting them.

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{Delivery, Group, Language, Recipient, Route};
use tocsin_tests::{Database, Options, Reply, Tocsin, Webhook, firing, on_both, team};

on_both!(
    recipient_fields_are_validated,
    groups_have_recipients_and_one_default,
    routes_are_validated_and_ordered,
    first_route_leaves_team_routing_enabled,
    object_in_use_cannot_be_deleted,
);

const RECIPIENTS: &str = "/api/v1/recipients";
const GROUPS: &str = "/api/v1/groups";
const ROUTES: &str = "/api/v1/routes";

async fn post(tocsin: &Tocsin, path: &str, body: Value) -> Reply {
    tocsin.send(Method::POST, path, &body).await
}

async fn put(tocsin: &Tocsin, path: &str, id: i64, body: Value) -> Reply {
    tocsin
        .send(Method::PUT, &format!("{path}/{id}"), &body)
        .await
}

async fn delete(tocsin: &Tocsin, path: &str, id: i64) -> Reply {
    tocsin
        .request(Method::DELETE, &format!("{path}/{id}"))
        .send()
        .await
}

async fn recipient_fields_are_validated(database: Database) {
    let options = Options::on(database)
        .set("mail.default_language", "zh")
        .set("mail.default_time_zone", "Asia/Shanghai");
    let tocsin = Tocsin::start(options).await;
    let plain = tocsin
        .create_recipient(&json!({"name": " Ann ", "email": "ann@example.com"}))
        .await;
    assert_eq!(
        (&*plain.name, plain.language, &*plain.time_zone),
        ("Ann", Language::Zh, "Asia/Shanghai")
    );
    assert!(plain.enabled && plain.groups.is_empty());
    let full = json!({"name": "张伟", "email": "zhang@example.com", "language": "en", "timeZone": "Europe/Berlin", "enabled": false});
    let full = tocsin.create_recipient(&full).await;
    assert_eq!((full.language, full.enabled), (Language::En, false));

    let bad = json!({"name": "", "email": "no address", "timeZone": "Mars/Olympus"});
    assert_eq!(
        post(&tocsin, RECIPIENTS, bad.clone()).await.fields(400),
        ["name", "email", "timeZone"]
    );
    assert_eq!(
        put(&tocsin, RECIPIENTS, plain.id, bad).await.fields(400),
        ["name", "email", "timeZone"]
    );
    let bad = json!({"name": "Bob", "email": "bob@example.com", "groupIds": [77]});
    let rejected = post(&tocsin, RECIPIENTS, bad).await;
    assert_eq!(rejected.fields(409), ["groupIds"]);
    for email in [
        "a@b\r\nBcc: x@example.com",
        "a b@example.com",
        "@example.com",
        "a@",
        &format!("{}@example.com", "x".repeat(250)),
        "a@example.com, b@example.com",
        "<a@example.com>",
    ] {
        let body = json!({"name": "Bob", "email": email});
        assert_eq!(
            post(&tocsin, RECIPIENTS, body).await.fields(400),
            ["email"],
            "{email:?}"
        );
    }
    for name in ["a\nb", &"x".repeat(101)] {
        let body = json!({"name": name, "email": "bob@example.com"});
        assert_eq!(
            post(&tocsin, RECIPIENTS, body).await.fields(400),
            ["name"],
            "{name:?}"
        );
    }
    for (body, field) in [
        (json!({"name": "Bob"}), "email"),
        (json!({"name": 7, "email": "bob@example.com"}), "name"),
        (
            json!({"name": "Bob", "email": "bob@example.com", "language": "de"}),
            "language",
        ),
    ] {
        let problem = post(&tocsin, RECIPIENTS, body.clone()).await.problem(400);
        assert!(problem.detail.contains(field), "{body}: {}", problem.detail);
    }
    let duplicate = json!({"name": "Ann too", "email": "ANN@example.com"});
    let problem = post(&tocsin, RECIPIENTS, duplicate).await.problem(409);
    assert!(
        problem.errors.iter().any(|error| error.field == "email"),
        "{problem:?}"
    );

    let changed: Recipient = put(
        &tocsin,
        RECIPIENTS,
        plain.id,
        json!({"name": "Ann B", "email": "ann@example.com", "language": "zh"}),
    )
    .await
    .expect(200)
    .json();
    assert_eq!(
        (changed.id, &*changed.name, changed.language),
        (plain.id, "Ann B", Language::Zh)
    );
    put(
        &tocsin,
        RECIPIENTS,
        999,
        json!({"name": "N", "email": "n@example.com"}),
    )
    .await
    .problem(404);
    let created = post(
        &tocsin,
        RECIPIENTS,
        json!({"name": "Cy", "email": "cy@example.com"}),
    )
    .await
    .expect(201);
    let path = created.header("location").to_owned();
    assert_eq!(tocsin.get::<Recipient>(&path).await, created.json());
    assert_eq!(tocsin.all::<Recipient>("recipients").await.len(), 3);
    delete(&tocsin, RECIPIENTS, plain.id).await.expect(204);
    delete(&tocsin, RECIPIENTS, plain.id).await.problem(404);
    tocsin
        .get_reply(&format!("{RECIPIENTS}/{}", plain.id))
        .await
        .problem(404);
}

async fn groups_have_recipients_and_one_default(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let ann = tocsin
        .create_recipient(&json!({"name": "Ann", "email": "ann@example.com"}))
        .await;
    let one = tocsin
        .create_group(&json!({"name": "infra", "recipientIds": [ann.id], "isDefault": true}))
        .await;
    assert!(one.is_default);
    assert_eq!(one.recipients[0].name, "Ann");
    let two = tocsin
        .create_group(&json!({"name": "web", "isDefault": true}))
        .await;
    assert!(two.is_default);
    assert!(
        !tocsin
            .get::<Group>(&format!("{GROUPS}/{}", one.id))
            .await
            .is_default,
        "only one group is the default"
    );
    let kept: Group = put(&tocsin, GROUPS, two.id, json!({"name": "web team"}))
        .await
        .expect(200)
        .json();
    assert!(kept.is_default && kept.name == "web team");
    let unchanged: Group = put(&tocsin, GROUPS, one.id, json!({"name": "infra"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        unchanged.recipients.len(),
        1,
        "omitted fields keep their value"
    );
    let none: Group = put(
        &tocsin,
        GROUPS,
        one.id,
        json!({"name": "infra", "recipientIds": []}),
    )
    .await
    .expect(200)
    .json();
    assert!(none.recipients.is_empty());
    assert_eq!(
        post(&tocsin, GROUPS, json!({"name": ""})).await.fields(400),
        ["name"]
    );
    let rejected = post(&tocsin, GROUPS, json!({"name": "x", "recipientIds": [5]})).await;
    assert_eq!(rejected.fields(409), ["recipientIds"]);
    let problem = post(&tocsin, GROUPS, json!({"name": "infra"}))
        .await
        .problem(409);
    assert_eq!(problem.errors[0].field, "name");
    post(&tocsin, GROUPS, json!({"name": "x", "members": []}))
        .await
        .problem(400);
    // Membership can also be set on the recipient.
    let both = json!({"name": "Ann", "email": "ann@example.com", "groupIds": [one.id, two.id]});
    let ann: Recipient = put(&tocsin, RECIPIENTS, ann.id, both)
        .await
        .expect(200)
        .json();
    assert_eq!(ann.groups.len(), 2);
    assert_eq!(
        tocsin
            .get::<Group>(&format!("{GROUPS}/{}", two.id))
            .await
            .recipients
            .len(),
        1
    );
}

async fn routes_are_validated_and_ordered(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let group = tocsin.create_group(&json!({"name": "infra"})).await;
    let body = |name: &str| json!({"name": name, "matchers": ["team=\"infra\"", "severity=~critical|warning"], "groupIds": [group.id]});
    let (a, b, c) = (
        tocsin.create_route(&body("a")).await,
        tocsin.create_route(&body("b")).await,
        tocsin.create_route(&body("c")).await,
    );
    assert_eq!([a.position, b.position, c.position], [1, 2, 3]);
    assert!(a.repeat && !a.continue_);
    assert_eq!(
        a.matchers,
        ["team=\"infra\"", "severity=~\"critical|warning\""]
    );
    let order = async || -> String {
        let mut routes: Vec<Route> = tocsin.all("routes").await;
        routes.sort_by_key(|route| route.position);
        let positions: Vec<i64> = routes.iter().map(|route| route.position).collect();
        assert_eq!(positions, (1..=routes.len() as i64).collect::<Vec<_>>());
        routes.into_iter().map(|route| route.name).collect()
    };
    let reorder = async |ids: Vec<i64>| {
        tocsin
            .send(Method::PUT, "/api/v1/routes/order", &json!({"ids": ids}))
            .await
    };
    reorder(vec![c.id, a.id, b.id]).await.expect(204);
    assert_eq!(order().await, "cab");
    let duplicate = vec![a.id, b.id, b.id];
    assert_eq!(reorder(duplicate).await.fields(400), ["ids"]);
    for ids in [vec![a.id, b.id], vec![a.id, b.id, c.id, 99], vec![]] {
        assert_eq!(reorder(ids).await.fields(409), ["ids"]);
    }
    assert_eq!(order().await, "cab");
    let mut first = body("d");
    first["position"] = json!(1);
    tocsin.create_route(&first).await;
    assert_eq!(order().await, "dcab");
    delete(&tocsin, ROUTES, a.id).await.expect(204);
    assert_eq!(order().await, "dcb");

    let bad = json!({"name": " ", "groupIds": [], "matchers": ["team=infra", "severity=~\"(\"", "="], "position": 0});
    let mut fields = post(&tocsin, ROUTES, bad).await.fields(400);
    fields.sort_unstable();
    assert_eq!(fields, ["matchers[1]", "matchers[2]", "name", "position"]);
    let many = json!({"name": "many", "groupIds": [], "matchers": vec!["a=b"; 1_000]});
    assert_eq!(post(&tocsin, ROUTES, many).await.fields(400), ["matchers"]);
    let changed: Route = put(
        &tocsin,
        ROUTES,
        b.id,
        json!({"name": "b2", "matchers": [], "groupIds": [], "continue": true, "repeat": false}),
    )
    .await
    .expect(200)
    .json();
    assert!(
        changed.continue_
            && !changed.repeat
            && changed.groups.is_empty()
            && changed.matchers.is_empty()
    );
    assert_eq!(changed.position, 3);
    put(
        &tocsin,
        ROUTES,
        999,
        json!({"name": "x", "matchers": [], "groupIds": []}),
    )
    .await
    .problem(404);
}

/// A documented route, such as one that drops `Watchdog`, must not disable routing by team.
async fn first_route_leaves_team_routing_enabled(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    team(&tocsin, "infra").await;
    // `matchers` and `groupIds` are required, even if empty.
    for body in [
        json!({"name": "x"}),
        json!({"name": "x", "matchers": []}),
        json!({"name": "x", "groupIds": []}),
    ] {
        let problem = post(&tocsin, ROUTES, body).await.problem(400);
        assert!(
            problem.detail.contains("matchers") || problem.detail.contains("groupIds"),
            "{problem:?}"
        );
    }
    tocsin
        .create_route(&json!({"name": "drop", "matchers": ["alertname=Watchdog"]}))
        .await;
    let count_after = |alertname: &'static str| {
        let tocsin = &tocsin;
        async move {
            let webhook = Webhook::of([firing(alertname).team("infra")]);
            tocsin.post(&webhook).await;
            tocsin.wait_for_notifications().await.len()
        }
    };
    assert_eq!(count_after("Watchdog").await, 0);
    assert_eq!(count_after("DiskFull").await, 1);
    let path = "/api/v1/routes/team";
    let state = || async { tocsin.get::<Value>(path).await["enabled"].clone() };
    assert_eq!(state().await, true);
    let off = json!({"enabled": false});
    tocsin.send(Method::PUT, path, &off).await.expect(200);
    assert_eq!(state().await, false);
    assert_eq!(count_after("NodeDown").await, 1);
    let unrouted: Vec<Delivery> = tocsin.all("deliveries?unrouted=true").await;
    assert_eq!(unrouted.len(), 1);
}

async fn object_in_use_cannot_be_deleted(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let infra = team(&tocsin, "infra").await;
    let problem = delete(&tocsin, RECIPIENTS, infra.recipient.id)
        .await
        .problem(409);
    assert_eq!(problem.kind, "urn:tocsin:problem:in-use");
    assert!(problem.detail.contains("infra"), "{}", problem.detail);
    let route = tocsin
        .create_route(&json!({"name": "critical first", "groupIds": [infra.group.id]}))
        .await;
    let problem = delete(&tocsin, GROUPS, infra.group.id).await.problem(409);
    assert!(
        problem.detail.contains("critical first"),
        "{}",
        problem.detail
    );
    delete(&tocsin, ROUTES, route.id).await.expect(204);
    delete(&tocsin, GROUPS, infra.group.id).await.expect(204);
    delete(&tocsin, RECIPIENTS, infra.recipient.id)
        .await
        .expect(204);
}
