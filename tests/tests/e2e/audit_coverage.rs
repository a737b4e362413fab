//! Every change is recorded in the audit log.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{
    AuditEntry, Group, Incident, NewToken, Notification, Page, Recipient, Route, Session, User,
};
use tocsin_tests::{
    BrowserSession, Database, Options, Reply, Tocsin, Webhook, firing, on_both, workspace,
};

on_both!(every_change_is_audited);

const PASSWORD: &str = "seven purple tractors";
const NEW_PASSWORD: &str = "eight orange bicycles";

/// No body.
const NO_BODY: Value = Value::Null;

/// Write operations without an audit entry, and the reason.
const EXEMPT: &[(&str, &str, &str)] = &[
    (
        "post",
        "/api/v1/webhooks/alertmanager",
        "deliveries have their own log",
    ),
    (
        "put",
        "/api/v1/webhooks/alertmanager",
        "deliveries have their own log",
    ),
];

/// The newest audit entry.
async fn newest(tocsin: &Tocsin) -> AuditEntry {
    let page: Page<AuditEntry> = tocsin.get("/api/v1/audit?limit=1").await;
    page.items.into_iter().next().expect("an entry")
}

/// The operations requested so far.
struct Coverage<'a> {
    tocsin: &'a Tocsin,
    requested: BTreeSet<(String, String)>,
    /// Secrets that no audit entry may contain.
    secrets: Vec<String>,
}

impl Coverage<'_> {
    /// Sends a request as the harness's administrator. `operation` is the method and
    /// path template of the description: `PUT /api/v1/groups/{id}`.
    async fn request(&mut self, operation: &str, id: i64, body: &Value, action: &str) -> Reply {
        let before = newest(self.tocsin).await.id;
        let (method, path) = method_and_path(operation, id);
        let request = self.tocsin.request(method, &path);
        let request = match body {
            Value::Null => request,
            body => request.json(body),
        };
        let reply = request.send().await;
        self.expect_entry(operation, &reply, before, action).await;
        reply
    }

    /// Sends a request from a browser session.
    async fn request_as(
        &mut self,
        browser: &mut BrowserSession,
        operation: &str,
        id: i64,
        body: &Value,
        action: &str,
    ) -> Reply {
        let before = newest(self.tocsin).await.id;
        let (method, path) = method_and_path(operation, id);
        let reply = match body {
            Value::Null => browser.request(self.tocsin, method, &path).await,
            body => browser.send_json(self.tocsin, method, &path, body).await,
        };
        self.expect_entry(operation, &reply, before, action).await;
        let cookie = reply.header("set-cookie").split([';', '=']).nth(1);
        let secret = cookie.filter(|secret| !secret.is_empty());
        self.secrets.extend(secret.map(str::to_owned));
        reply
    }

    /// Asserts that the operation has succeeded and created an entry of this action after
    /// the entry `before`.
    async fn expect_entry(&mut self, operation: &str, reply: &Reply, before: i64, action: &str) {
        assert!(reply.status.is_success(), "{operation}: {}", reply.text());
        let entry = newest(self.tocsin).await;
        assert_ne!(entry.id, before, "{operation} has no audit entry");
        let context = format!("{operation}: {entry:?}");
        assert_eq!(entry.action, action, "{context}");
        assert!(!entry.object_kind.is_empty(), "{context}");
        assert!(!entry.actor_name.is_empty(), "{context}");
        assert_eq!(entry.address.as_deref(), Some("127.0.0.1"), "{context}");
        let (method, path) = operation.split_once(' ').unwrap();
        self.requested
            .insert((method.to_lowercase(), path.to_owned()));
    }
}

fn method_and_path(operation: &str, id: i64) -> (Method, String) {
    let (method, path) = operation.split_once(' ').unwrap();
    let path = path.replace("{id}", &id.to_string());
    (method.parse().unwrap(), path)
}

async fn every_change_is_audited(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let mut coverage = Coverage {
        tocsin: &tocsin,
        requested: BTreeSet::new(),
        secrets: vec![
            PASSWORD.to_owned(),
            NEW_PASSWORD.to_owned(),
            tocsin.admin().to_owned(),
        ],
    };
    accounts(&mut coverage).await;
    directory(&mut coverage).await;
    incidents(&mut coverage).await;

    let file = workspace().join("openapi/openapi.json");
    let text = std::fs::read_to_string(file).unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if !["post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let is_exempt = EXEMPT
                .iter()
                .any(|(exempt, at, _)| exempt == method && at == path);
            let is_requested = coverage.requested.contains(&(method.clone(), path.clone()));
            assert!(
                is_requested != is_exempt,
                "{method} {path}: request it in this test with the action of its audit entry, or add \
                     it to EXEMPT with a reason"
            );
        }
    }

    let lines = tocsin
        .get_reply("/api/v1/audit/export?format=jsonl")
        .await
        .expect(200);
    let lines = lines.text();
    for secret in &coverage.secrets {
        assert!(
            !lines.contains(secret.as_str()),
            "{secret} is in the audit log"
        );
    }
    for word in ["argon2", "\"password\":"] {
        assert!(!lines.contains(word), "{word} is in the audit log");
    }
}

async fn accounts(coverage: &mut Coverage<'_>) {
    let tocsin = coverage.tocsin;
    let link = tocsin.log();
    let link = link.lines().find_map(|line| line.split_once("/set-up#"));
    let token = link.expect("the set-up link").1.trim().to_owned();
    let mut ada = BrowserSession::new();
    let body =
        json!({"token": token, "name": "Ada", "email": "ada@example.com", "password": PASSWORD});
    coverage.secrets.push(token);
    coverage
        .request_as(&mut ada, "POST /api/v1/set-up", 0, &body, "set-up")
        .await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let mut second = BrowserSession::new();
    coverage
        .request_as(&mut second, "POST /api/v1/sign-in", 0, &body, "sign-in.ok")
        .await;
    let body = json!({"name": "Ada L.", "theme": "dark"});
    coverage
        .request_as(&mut ada, "PUT /api/v1/me", 0, &body, "user.update")
        .await;
    let sessions: Page<Session> = ada
        .request(tocsin, Method::GET, "/api/v1/me/sessions")
        .await
        .json();
    let other = sessions
        .items
        .iter()
        .find(|session| !session.current)
        .unwrap();
    coverage
        .request_as(
            &mut ada,
            "DELETE /api/v1/me/sessions/{id}",
            other.id,
            &NO_BODY,
            "session.revoke",
        )
        .await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    second
        .send_json(tocsin, Method::POST, "/api/v1/sign-in", &body)
        .await
        .expect(200);
    coverage
        .request_as(
            &mut ada,
            "DELETE /api/v1/me/sessions",
            0,
            &NO_BODY,
            "session.revoke",
        )
        .await;
    let body = json!({"current": PASSWORD, "new": NEW_PASSWORD});
    coverage
        .request_as(
            &mut ada,
            "PUT /api/v1/me/password",
            0,
            &body,
            "password.change",
        )
        .await;
    coverage
        .request_as(&mut ada, "POST /api/v1/sign-out", 0, &NO_BODY, "sign-out")
        .await;

    let body =
        json!({"name": "Bob", "email": "bob@example.com", "role": "viewer", "password": PASSWORD});
    let bob: User = coverage
        .request("POST /api/v1/users", 0, &body, "user.create")
        .await
        .json();
    let mut browser = BrowserSession::new();
    let body = json!({"email": "bob@example.com", "password": PASSWORD});
    browser
        .send_json(tocsin, Method::POST, "/api/v1/sign-in", &body)
        .await
        .expect(200);
    coverage
        .request(
            "DELETE /api/v1/users/{id}/sessions",
            bob.id,
            &NO_BODY,
            "session.revoke",
        )
        .await;
    let body = json!({"name": "Bob", "email": "bob@example.com", "role": "responder"});
    coverage
        .request("PUT /api/v1/users/{id}", bob.id, &body, "user.update")
        .await;
    coverage
        .request("DELETE /api/v1/users/{id}", bob.id, &NO_BODY, "user.delete")
        .await;

    let body = json!({"name": "deploy", "role": "responder"});
    let created = coverage
        .request("POST /api/v1/tokens", 0, &body, "token.create")
        .await;
    let created: NewToken = created.json();
    coverage.secrets.extend(created.secret);
    coverage
        .request(
            "DELETE /api/v1/tokens/{id}",
            created.token.id,
            &NO_BODY,
            "token.revoke",
        )
        .await;
}

async fn directory(coverage: &mut Coverage<'_>) {
    let body = json!({"name": "Kim", "email": "kim@example.com"});
    let created = coverage
        .request("POST /api/v1/recipients", 0, &body, "recipient.create")
        .await;
    let kim: Recipient = created.json();
    let body = json!({"name": "Kim", "email": "kim@example.com", "enabled": false});
    coverage
        .request(
            "PUT /api/v1/recipients/{id}",
            kim.id,
            &body,
            "recipient.update",
        )
        .await;
    coverage
        .request(
            "DELETE /api/v1/recipients/{id}",
            kim.id,
            &NO_BODY,
            "recipient.delete",
        )
        .await;

    let body = json!({"name": "ops"});
    let created = coverage
        .request("POST /api/v1/groups", 0, &body, "group.create")
        .await;
    let ops: Group = created.json();
    let body = json!({"name": "dba"});
    coverage
        .request("PUT /api/v1/groups/{id}", ops.id, &body, "group.update")
        .await;
    coverage
        .request(
            "DELETE /api/v1/groups/{id}",
            ops.id,
            &NO_BODY,
            "group.delete",
        )
        .await;

    let mut routes = Vec::new();
    for name in ["a", "b"] {
        let body = json!({"name": name, "matchers": [], "groupIds": []});
        let created = coverage
            .request("POST /api/v1/routes", 0, &body, "route.create")
            .await;
        routes.push(created.json::<Route>().id);
    }
    routes.reverse();
    let order = json!({"ids": routes});
    coverage
        .request("PUT /api/v1/routes/order", 0, &order, "route.reorder")
        .await;
    coverage
        .request(
            "PUT /api/v1/routes/{id}",
            routes[0],
            &json!({"name": "c", "matchers": [], "groupIds": []}),
            "route.update",
        )
        .await;
    let body = json!({"enabled": false});
    coverage
        .request("PUT /api/v1/routes/team", 0, &body, "route.team")
        .await;
    for id in routes {
        coverage
            .request("DELETE /api/v1/routes/{id}", id, &NO_BODY, "route.delete")
            .await;
    }
}

async fn incidents(coverage: &mut Coverage<'_>) {
    let tocsin = coverage.tocsin;
    let team = tocsin_tests::team(tocsin, "infra").await;
    tocsin
        .create_route(&json!({"name": "all", "groupIds": [team.group.id]}))
        .await;
    tocsin
        .post(&Webhook::of([firing("DiskFull"), firing("ApiSlow")]))
        .await;
    let found: Page<Incident> = tocsin.get("/api/v1/incidents").await;
    let id = found.items[0].id;
    coverage
        .request(
            "PATCH /api/v1/incidents/{id}",
            id,
            &json!({"known": true}),
            "incident.acknowledge",
        )
        .await;
    coverage
        .request(
            "PATCH /api/v1/incidents/{id}",
            id,
            &json!({"memo": "disk"}),
            "incident.memo",
        )
        .await;
    coverage
        .request(
            "PATCH /api/v1/incidents/{id}",
            id,
            &json!({"known": false}),
            "incident.unacknowledge",
        )
        .await;
    let entry = newest(tocsin).await;
    assert_eq!(
        (entry.object_id, &*entry.object_name),
        (Some(id), &*found.items[0].alertname)
    );
    assert_eq!(entry.before.unwrap()["memo"], "disk");
    let body =
        json!({"filter": {"alertname": ["DiskFull", "ApiSlow"]}, "known": true, "memo": "known"});
    coverage
        .request(
            "POST /api/v1/incidents/acknowledge",
            0,
            &body,
            "incident.acknowledge",
        )
        .await;
    let after = newest(tocsin).await.after.unwrap();
    assert_eq!(
        (&after["changed"], after["ids"].as_array().map(Vec::len)),
        (&json!(2), Some(2))
    );
    assert_eq!(
        after["filter"],
        json!({"alertname": ["DiskFull", "ApiSlow"]})
    );

    let body = json!({"filter": {"alertname": ["DiskFull"]}, "memo": "gone"});
    coverage
        .request("POST /api/v1/incidents/close", 0, &body, "incident.close")
        .await;
    let after = newest(tocsin).await.after.unwrap();
    assert_eq!(
        (&after["changed"], &after["memo"]),
        (&json!(1), &json!("gone"))
    );

    coverage
        .request("POST /api/v1/alerts/test", 0, &NO_BODY, "alert.test")
        .await;
    let notifications = tocsin.wait_for_notifications().await;
    let notification: &Notification = &notifications[0];
    coverage
        .request(
            "POST /api/v1/notifications/{id}/resend",
            notification.id,
            &NO_BODY,
            "notification.resend",
        )
        .await;
    let after = newest(tocsin).await.after.unwrap();
    assert_eq!(after["recipientEmail"], "infra@example.com");
}
