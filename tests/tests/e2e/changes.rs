//! Concurrent changes: preconditions with `If-Match`, and idempotency keys.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Group, Incident, NewToken, Notification, Page};
use tocsin_tests::{Database, Options, Reply, Request, Tocsin, Webhook, firing, on_both, team};

on_both!(
    outdated_change_by_an_administrator_returns_both_versions,
    outdated_change_by_a_responder_returns_both_versions,
    if_match_is_parsed_as_the_standard_defines,
    retried_request_with_idempotency_key_creates_nothing,
    concurrent_requests_with_one_key_create_one_object,
    concurrent_changes_are_audited_in_order,
    notification_is_resent_once_per_idempotency_key,
);

const MISMATCH: &str = "urn:tocsin:problem:precondition-failed";
const REUSED: &str = "urn:tocsin:problem:idempotency-mismatch";

async fn start(database: Database) -> Tocsin {
    Tocsin::start(Options::on(database)).await
}

fn with_version<'a>(tocsin: &'a Tocsin, method: Method, path: &str, version: &str) -> Request<'a> {
    tocsin.request(method, path).header("if-match", version)
}

/// Objects that can be created and changed: path, body, and the changed body.
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

async fn outdated_change_by_an_administrator_returns_both_versions(database: Database) {
    let tocsin = start(database).await;
    for (list, body, first) in objects() {
        let path = format!("/api/v1/{list}");
        let created = tocsin.send(Method::POST, &path, &body).await.expect(201);
        let path = format!("{path}/{}", created.json::<Value>()["id"]);
        let read_tag = created.header("etag").to_owned();
        assert_eq!(read_tag.len(), 18, "{list}: {read_tag}");
        let read = tocsin.get_reply(&path).await;
        assert_eq!(read.header("etag"), read_tag, "{list}");

        // Both clients have read the same version; the first one's change is stored.
        let changed = with_version(&tocsin, Method::PUT, &path, &read_tag)
            .json(&first)
            .send();
        let changed = changed.await.expect(200);
        let stored_tag = changed.header("etag").to_owned();
        assert_ne!(stored_tag, read_tag, "{list}");
        // The second one gets the current version and its own.
        let second = with_version(&tocsin, Method::PUT, &path, &read_tag)
            .json(&body)
            .send();
        let second = second.await;
        let problem = second.problem(412);
        assert_eq!(problem.kind, MISMATCH);
        assert_eq!(second.header("etag"), stored_tag, "{list}");
        let yours = problem.yours.unwrap();
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&yours[name], value, "{list}: {name}");
        }
        let current = problem.current.unwrap();
        let stored: Value = tocsin.get(&path).await;
        for (name, value) in current.as_object().unwrap() {
            assert_eq!(&stored[name], value, "{list}: {name}");
        }
        let deleted = with_version(&tocsin, Method::DELETE, &path, &read_tag)
            .send()
            .await;
        let problem = deleted.problem(412);
        assert_eq!(problem.current, Some(current), "{list}");
        assert_eq!(problem.yours, None, "{list}");
        assert_eq!(
            tocsin.get_reply(&path).await.header("etag"),
            stored_tag,
            "{list}"
        );

        // With the current version the change is accepted.
        let second = with_version(&tocsin, Method::PUT, &path, &stored_tag)
            .json(&body)
            .send();
        let second = second.await.expect(200);
        assert_eq!(
            second.header("etag"),
            read_tag,
            "{list}: the original version"
        );
        let deleted = with_version(&tocsin, Method::DELETE, &path, &read_tag).send();
        deleted.await.expect(204);
    }
}

async fn outdated_change_by_a_responder_returns_both_versions(database: Database) {
    let tocsin = start(database).await;
    let disk = firing("DiskFull");
    tocsin.post(&Webhook::of([disk.clone()])).await;
    let found: Page<Incident> = tocsin.get("/api/v1/incidents").await;
    let path = format!("/api/v1/incidents/{}", found.items[0].id);
    let seen = tocsin.get_reply(&path).await.header("etag").to_owned();
    let patch = async |version: &str, body: &Value| {
        let request = with_version(&tocsin, Method::PATCH, &path, version);
        request.json(body).send().await
    };
    let first = patch(&seen, &json!({"known": true, "memo": "disk ordered"})).await;
    let first = first.expect(200);
    let yours = json!({"memo": "looking"});
    let second = patch(&seen, &yours).await;
    let problem = second.problem(412);
    assert_eq!(problem.yours, Some(yours));
    let current = problem.current.unwrap();
    assert_eq!(current["memo"], "disk ordered");
    assert_eq!(
        (&current["known"], &current["knownBy"]),
        (&json!(true), &json!("tests"))
    );
    assert_eq!(second.header("etag"), first.header("etag"));
    // A resolution does not change the version: users do not edit it.
    tocsin.post(&Webhook::of([disk.resolve()])).await;
    let ended = tocsin.get_reply(&path).await;
    assert_eq!(ended.header("etag"), first.header("etag"));
    let second = patch(first.header("etag"), &json!({"memo": "disk changed"})).await;
    assert_eq!(second.expect(200).json::<Incident>().memo, "disk changed");
}

async fn if_match_is_parsed_as_the_standard_defines(database: Database) {
    let tocsin = start(database).await;
    let group = tocsin.create_group(&json!({"name": "ops"})).await;
    let path = format!("/api/v1/groups/{}", group.id);
    let tag = tocsin.get_reply(&path).await.header("etag").to_owned();
    let body = json!({"name": "ops"});
    let put = async |version: &str| {
        let request = with_version(&tocsin, Method::PUT, &path, version);
        request.json(&body).send().await
    };
    for good in ["*", &tag, &format!("\"x\", {tag} ,\"y\"")] {
        put(good).await.expect(200);
    }
    for other in ["\"x\"", &format!("W/{tag}"), "\"\""] {
        assert_eq!(put(other).await.problem(412).kind, MISMATCH, "{other}");
    }
    // An invalid entity tag matches no version.
    for bad in [tag.trim_matches('"'), "", "**", &format!("{tag} {tag}")] {
        assert_eq!(put(bad).await.problem(412).kind, MISMATCH, "{bad}");
    }
    // A missing object is 404, not 412.
    let missing = with_version(&tocsin, Method::PUT, "/api/v1/groups/99", &tag);
    missing.json(&body).send().await.problem(404);
}

/// Creates an object with an idempotency key.
async fn create(tocsin: &Tocsin, path: &str, key: &str, body: &Value) -> Reply {
    let request = tocsin.request(Method::POST, path);
    request
        .header("idempotency-key", key)
        .json(body)
        .send()
        .await
}

async fn retried_request_with_idempotency_key_creates_nothing(database: Database) {
    let tocsin = start(database).await;
    for (list, body, other) in objects() {
        let path = format!("/api/v1/{list}");
        let first = create(&tocsin, &path, list, &body).await.expect(201);
        assert_eq!(first.header("idempotency-replayed"), "");
        // White space does not change the request.
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
        let reused = create(&tocsin, &path, list, &other).await;
        assert_eq!(reused.problem(422).kind, REUSED, "{list}");
        let all: Page<Value> = tocsin.get(&path).await;
        assert_eq!(all.items.len(), 1, "{list}");
        // The object was deleted: a retry does not create it again.
        let deleted = format!("{path}/{}", first.json::<Value>()["id"]);
        let deleted = tocsin.request(Method::DELETE, &deleted).send();
        deleted.await.expect(204);
        let problem = create(&tocsin, &path, list, &body).await.problem(409);
        assert!(
            problem.detail.contains("deleted since"),
            "{}",
            problem.detail
        );
        let all: Page<Value> = tocsin.get(&path).await;
        assert!(all.items.is_empty(), "{list}");
    }
    // A token's secret is returned once.
    let body = json!({"name": "t", "role": "viewer"});
    let first = create(&tocsin, "/api/v1/tokens", "t", &body).await;
    let first: NewToken = first.expect(201).json();
    let again = create(&tocsin, "/api/v1/tokens", "t", &body)
        .await
        .expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let again: NewToken = again.json();
    assert!(first.secret.is_some() && again.secret.is_none());
    assert_eq!(again.token, first.token);
    // A key belongs to one path and one caller.
    let body = json!({"name": "ops"});
    let reused = create(&tocsin, "/api/v1/groups", "t", &body).await;
    assert_eq!(reused.problem(422).kind, REUSED);
    let other = tocsin.create_token(&["--role", "admin"]).await;
    let by_other = tocsin.request(Method::POST, "/api/v1/groups");
    let by_other = by_other
        .authorization(&format!("Bearer {other}"))
        .header("idempotency-key", "t");
    by_other.json(&body).send().await.expect(201);
    for bad in ["", "with space", &"k".repeat(256)] {
        let rejected = create(&tocsin, "/api/v1/groups", bad, &body).await;
        assert_eq!(rejected.fields(400), ["Idempotency-Key"], "{bad}");
    }
}

async fn concurrent_requests_with_one_key_create_one_object(database: Database) {
    let tocsin = start(database).await;
    let body = json!({"name": "ops"});
    let all = (0..12).map(|_| create(&tocsin, "/api/v1/groups", "k", &body));
    let all = futures::future::join_all(all).await;
    let ids: BTreeSet<i64> = all.iter().map(|reply| reply.json::<Group>().id).collect();
    assert_eq!(ids.len(), 1);
    let is_new = |reply: &&Reply| reply.header("idempotency-replayed").is_empty();
    assert_eq!(all.iter().filter(is_new).count(), 1);
    let entries: Page<AuditEntry> = tocsin.get("/api/v1/audit?action=group.create").await;
    assert_eq!(entries.items.len(), 1);
}

/// Concurrent changes of one object: each accepted change has an audit entry that
/// starts from the result of the previous one.
async fn concurrent_changes_are_audited_in_order(database: Database) {
    let tocsin = start(database).await;
    let group = tocsin.create_group(&json!({"name": "ops"})).await;
    let path = format!("/api/v1/groups/{}", group.id);
    let all = (0..12).map(async |n| {
        let version = tocsin.get_reply(&path).await.header("etag").to_owned();
        let request = with_version(&tocsin, Method::PUT, &path, &version);
        let body = json!({"name": format!("ops {n}")});
        request.json(&body).send().await.status.as_u16()
    });
    let all = futures::future::join_all(all).await;
    let accepted = all.iter().filter(|status| **status == 200).count();
    let conflicts = all.iter().filter(|status| **status == 412).count();
    assert!(accepted >= 1 && accepted + conflicts == 12, "{all:?}");
    let entries: Vec<AuditEntry> = tocsin.all("audit?action=group.update&order=asc").await;
    assert_eq!(entries.len(), accepted);
    for two in entries.windows(2) {
        assert_eq!(two[0].after, two[1].before);
    }
    let stored: Value = tocsin.get(&path).await;
    assert_eq!(entries.last().unwrap().after, Some(stored));
}

async fn notification_is_resent_once_per_idempotency_key(database: Database) {
    let tocsin = start(database).await;
    let team = team(&tocsin, "infra").await;
    let route = json!({"name": "all", "groupIds": [team.group.id]});
    tocsin.create_route(&route).await;
    tocsin.post(&Webhook::of([firing("DiskFull")])).await;
    let first = tocsin.wait_for_notifications().await[0].id;
    let resend = async |id: i64, key: &str| {
        let path = format!("/api/v1/notifications/{id}/resend");
        let request = tocsin.request(Method::POST, &path);
        request.header("idempotency-key", key).send().await
    };
    let resent = resend(first, "one").await.expect(201);
    let resent: Notification = resent.json();
    let replayed = resend(first, "one").await.expect(201);
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    assert_eq!(replayed.json::<Notification>().id, resent.id);
    tocsin.wait_for_notifications().await;
    let other = resend(resent.id, "one").await;
    assert_eq!(other.problem(422).kind, REUSED);
    assert_eq!(tocsin.wait_for_notifications().await.len(), 2);
}
