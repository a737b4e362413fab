//! Changes of what people edit: of the version they saw, and made once.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Group, Incident, NewToken, Notification, Page};
use tocsin_tests::{Database, Options, Reply, Request, Tocsin, Webhook, firing, on_both, team};

on_both!(
    of_two_admins_the_second_sees_both_versions,
    of_two_responders_the_second_sees_both_versions,
    a_version_is_read_as_the_rules_write_it,
    a_request_sent_again_makes_nothing_new,
    the_same_request_many_times_at_once_makes_one_object,
    changes_at_once_are_told_in_their_order,
    a_mail_is_sent_again_once,
);

const MISMATCH: &str = "urn:tocsin:problem:precondition-failed";
const REUSED: &str = "urn:tocsin:problem:idempotency-mismatch";

async fn start(database: Database) -> Tocsin {
    Tocsin::start(Options::on(database)).await
}

fn of<'a>(tocsin: &'a Tocsin, method: Method, path: &str, version: &str) -> Request<'a> {
    tocsin.request(method, path).header("if-match", version)
}

/// What can be made and edited: where, what it is made of, and that changed.
fn objects() -> [(&'static str, Value, Value); 4] {
    let person = |name: &str| json!({"name": name, "email": "ann@example.com", "role": "viewer"});
    [
        (
            "recipients",
            json!({"name": "Ann", "email": "ann@example.com", "language": "zh"}),
            json!({"name": "Ann B", "email": "ann@example.com", "language": "zh"}),
        ),
        (
            "groups",
            json!({"name": "ops", "isDefault": true}),
            json!({"name": "ops 1", "isDefault": true}),
        ),
        (
            "routes",
            json!({"name": "all", "matchers": ["team=\"infra\""], "groupIds": [], "continue": true}),
            json!({"name": "all", "matchers": ["team=\"web\""], "groupIds": [], "continue": true}),
        ),
        ("users", person("Ann"), person("Ann B")),
    ]
}

async fn of_two_admins_the_second_sees_both_versions(database: Database) {
    let tocsin = start(database).await;
    for (list, body, first) in objects() {
        let path = format!("/api/v1/{list}");
        let made = tocsin.send(Method::POST, &path, &body).await.expect(201);
        let path = format!("{path}/{}", made.json::<Value>()["id"]);
        let seen = made.header("etag").to_owned();
        assert_eq!(seen.len(), 18, "{list}: {seen}");
        let looked = tocsin.look(&path).await;
        assert_eq!(looked.header("etag"), seen, "{list}");

        // Both saw the same; the first writes it.
        let changed = of(&tocsin, Method::PUT, &path, &seen).json(&first).send();
        let changed = changed.await.expect(200);
        let present = changed.header("etag").to_owned();
        assert_ne!(present, seen, "{list}");
        // The second is told what is there, and what they asked for.
        let second = of(&tocsin, Method::PUT, &path, &seen).json(&body).send();
        let second = second.await;
        let problem = second.problem(412);
        assert_eq!(problem.kind, MISMATCH);
        assert_eq!(second.header("etag"), present, "{list}");
        let yours = problem.yours.unwrap();
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&yours[name], value, "{list}: {name}");
        }
        let current = problem.current.unwrap();
        let is: Value = tocsin.get(&path).await;
        for (name, value) in current.as_object().unwrap() {
            assert_eq!(&is[name], value, "{list}: {name}");
        }
        let gone = of(&tocsin, Method::DELETE, &path, &seen).send().await;
        let problem = gone.problem(412);
        assert_eq!(problem.current, Some(current), "{list}");
        assert_eq!(problem.yours, None, "{list}");
        assert_eq!(tocsin.look(&path).await.header("etag"), present, "{list}");

        // With the present version it goes.
        let second = of(&tocsin, Method::PUT, &path, &present).json(&body).send();
        let second = second.await.expect(200);
        assert_eq!(second.header("etag"), seen, "{list}: as it was at first");
        let gone = of(&tocsin, Method::DELETE, &path, &seen).send();
        gone.await.expect(204);
    }
}

async fn of_two_responders_the_second_sees_both_versions(database: Database) {
    let tocsin = start(database).await;
    let disk = firing("DiskFull");
    tocsin.post(&Webhook::of([disk.clone()])).await;
    let found: Page<Incident> = tocsin.get("/api/v1/incidents").await;
    let path = format!("/api/v1/incidents/{}", found.items[0].id);
    let seen = tocsin.look(&path).await.header("etag").to_owned();
    let say = async |version: &str, body: &Value| {
        let request = of(&tocsin, Method::PATCH, &path, version);
        request.json(body).send().await
    };
    let first = say(&seen, &json!({"known": true, "memo": "disk ordered"})).await;
    let first = first.expect(200);
    let yours = json!({"memo": "looking"});
    let second = say(&seen, &yours).await;
    let problem = second.problem(412);
    assert_eq!(problem.yours, Some(yours));
    let current = problem.current.unwrap();
    assert_eq!(current["memo"], "disk ordered");
    assert_eq!(
        (&current["known"], &current["knownBy"]),
        (&json!(true), &json!("tests"))
    );
    assert_eq!(second.header("etag"), first.header("etag"));
    // The end of an alert is nothing that people edit.
    tocsin.post(&Webhook::of([disk.over()])).await;
    let ended = tocsin.look(&path).await;
    assert_eq!(ended.header("etag"), first.header("etag"));
    let second = say(first.header("etag"), &json!({"memo": "disk changed"})).await;
    assert_eq!(second.expect(200).json::<Incident>().memo, "disk changed");
}

async fn a_version_is_read_as_the_rules_write_it(database: Database) {
    let tocsin = start(database).await;
    let group = tocsin.create_group(&json!({"name": "ops"})).await;
    let path = format!("/api/v1/groups/{}", group.id);
    let tag = tocsin.look(&path).await.header("etag").to_owned();
    let body = json!({"name": "ops"});
    let put = async |version: &str| {
        let request = of(&tocsin, Method::PUT, &path, version);
        request.json(&body).send().await
    };
    for good in ["*", &tag, &format!("\"x\", {tag} ,\"y\"")] {
        put(good).await.expect(200);
    }
    for other in ["\"x\"", &format!("W/{tag}"), "\"\""] {
        assert_eq!(put(other).await.problem(412).kind, MISMATCH, "{other}");
    }
    // What is no version is none that there is.
    for bad in [tag.trim_matches('"'), "", "**", &format!("{tag} {tag}")] {
        assert_eq!(put(bad).await.problem(412).kind, MISMATCH, "{bad}");
    }
    // Nothing is not another version.
    let missing = of(&tocsin, Method::PUT, "/api/v1/groups/99", &tag);
    missing.json(&body).send().await.problem(404);
}

/// Makes something with a key.
async fn make(tocsin: &Tocsin, path: &str, key: &str, body: &Value) -> Reply {
    let request = tocsin.request(Method::POST, path);
    request
        .header("idempotency-key", key)
        .json(body)
        .send()
        .await
}

async fn a_request_sent_again_makes_nothing_new(database: Database) {
    let tocsin = start(database).await;
    for (list, body, other) in objects() {
        let path = format!("/api/v1/{list}");
        let first = make(&tocsin, &path, list, &body).await.expect(201);
        assert_eq!(first.header("idempotency-replayed"), "");
        // White space makes no other request.
        let again = tocsin.request(Method::POST, &path);
        let again = again
            .header("idempotency-key", list)
            .header("content-type", "application/json")
            .bytes(serde_json::to_vec_pretty(&body).unwrap());
        let again = again.send().await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), "true", "{list}");
        for name in ["location", "etag"] {
            assert_eq!(again.header(name), first.header(name), "{list}");
        }
        assert_eq!(again.json::<Value>(), first.json::<Value>(), "{list}");
        let reused = make(&tocsin, &path, list, &other).await;
        assert_eq!(reused.problem(422).kind, REUSED, "{list}");
        let all: Page<Value> = tocsin.get(&path).await;
        assert_eq!(all.items.len(), 1, "{list}");
        // What was made is gone: it is not made again behind somebody's back.
        let gone = format!("{path}/{}", first.json::<Value>()["id"]);
        let gone = tocsin.request(Method::DELETE, &gone).send();
        gone.await.expect(204);
        let problem = make(&tocsin, &path, list, &body).await.problem(409);
        assert!(
            problem.detail.contains("deleted since"),
            "{}",
            problem.detail
        );
        let all: Page<Value> = tocsin.get(&path).await;
        assert!(all.items.is_empty(), "{list}");
    }
    // A token's secret is told once.
    let body = json!({"name": "t", "role": "viewer"});
    let first = make(&tocsin, "/api/v1/tokens", "t", &body).await;
    let first: NewToken = first.expect(201).json();
    let again = make(&tocsin, "/api/v1/tokens", "t", &body)
        .await
        .expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let again: NewToken = again.json();
    assert!(first.secret.is_some() && again.secret.is_none());
    assert_eq!(again.token, first.token);
    // A key is of one address, too, and of one caller.
    let body = json!({"name": "ops"});
    let reused = make(&tocsin, "/api/v1/groups", "t", &body).await;
    assert_eq!(reused.problem(422).kind, REUSED);
    let other = tocsin.make_token(&["--role", "admin"]).await;
    let theirs = tocsin.request(Method::POST, "/api/v1/groups");
    let theirs = theirs
        .authorization(&format!("Bearer {other}"))
        .header("idempotency-key", "t");
    theirs.json(&body).send().await.expect(201);
    for bad in ["", "with space", &"k".repeat(256)] {
        let refused = make(&tocsin, "/api/v1/groups", bad, &body).await;
        assert_eq!(refused.fields(400), ["Idempotency-Key"], "{bad}");
    }
}

async fn the_same_request_many_times_at_once_makes_one_object(database: Database) {
    let tocsin = start(database).await;
    let body = json!({"name": "ops"});
    let all = (0..12).map(|_| make(&tocsin, "/api/v1/groups", "k", &body));
    let all = futures::future::join_all(all).await;
    let made: BTreeSet<i64> = all.iter().map(|reply| reply.json::<Group>().id).collect();
    assert_eq!(made.len(), 1);
    let new = |reply: &&Reply| reply.header("idempotency-replayed").is_empty();
    assert_eq!(all.iter().filter(new).count(), 1);
    let lines: Page<AuditEntry> = tocsin.get("/api/v1/audit?action=group.create").await;
    assert_eq!(lines.items.len(), 1);
}

/// What two people change at once of one object: as many lines as changes that
/// were made, each beginning where the one before ended.
async fn changes_at_once_are_told_in_their_order(database: Database) {
    let tocsin = start(database).await;
    let group = tocsin.create_group(&json!({"name": "ops"})).await;
    let path = format!("/api/v1/groups/{}", group.id);
    let all = (0..12).map(async |n| {
        let version = tocsin.look(&path).await.header("etag").to_owned();
        let request = of(&tocsin, Method::PUT, &path, &version);
        let body = json!({"name": format!("ops {n}")});
        request.json(&body).send().await.status.as_u16()
    });
    let all = futures::future::join_all(all).await;
    let made = all.iter().filter(|status| **status == 200).count();
    let late = all.iter().filter(|status| **status == 412).count();
    assert!(made >= 1 && made + late == 12, "{all:?}");
    let lines: Vec<AuditEntry> = tocsin.all("audit?action=group.update&order=asc").await;
    assert_eq!(lines.len(), made);
    for two in lines.windows(2) {
        assert_eq!(two[0].after, two[1].before);
    }
    let is: Value = tocsin.get(&path).await;
    assert_eq!(lines.last().unwrap().after, Some(is));
}

async fn a_mail_is_sent_again_once(database: Database) {
    let tocsin = start(database).await;
    let team = team(&tocsin, "infra").await;
    let route = json!({"name": "all", "groupIds": [team.group.id]});
    tocsin.create_route(&route).await;
    tocsin.post(&Webhook::of([firing("DiskFull")])).await;
    let first = tocsin.settled().await[0].id;
    let again = async |id: i64, key: &str| {
        let path = format!("/api/v1/notifications/{id}/resend");
        let request = tocsin.request(Method::POST, &path);
        request.header("idempotency-key", key).send().await
    };
    let made = again(first, "one").await.expect(201);
    let made: Notification = made.json();
    let replayed = again(first, "one").await.expect(201);
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    assert_eq!(replayed.json::<Notification>().id, made.id);
    tocsin.settled().await;
    let other = again(made.id, "one").await;
    assert_eq!(other.problem(422).kind, REUSED);
    assert_eq!(tocsin.settled().await.len(), 2);
}
