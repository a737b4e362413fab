//! Every change leaves a line in the audit log.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{
    AuditEntry, Group, Incident, NewToken, Notification, Page, Recipient, Route, Session, User,
};
use tocsin_tests::{
    BrowserSession, Database, Options, Reply, Tocsin, Webhook, firing, on_both, workspace,
};

on_both!(every_change_leaves_a_line);

const PASSWORD: &str = "seven purple tractors";
const LATER: &str = "eight orange bicycles";

/// No body.
const NOTHING: Value = Value::Null;

/// Writing operations that leave no line, and why.
const EXEMPT: &[(&str, &str, &str)] = &[
    (
        "post",
        "/api/v1/webhooks/alertmanager",
        "deliveries are a log of their own",
    ),
    (
        "put",
        "/api/v1/webhooks/alertmanager",
        "deliveries are a log of their own",
    ),
];

/// The newest line.
async fn newest(tocsin: &Tocsin) -> AuditEntry {
    let page: Page<AuditEntry> = tocsin.get("/api/v1/audit?limit=1").await;
    page.items.into_iter().next().expect("a line")
}

/// What was asked so far, and what was written of it.
struct Walk<'a> {
    tocsin: &'a Tocsin,
    done: BTreeSet<(String, String)>,
    /// Secrets that no line may have.
    secrets: Vec<String>,
}

impl Walk<'_> {
    /// Asks as the harness's administrator. `operation` is as the description
    /// has it: `PUT /api/v1/groups/{id}`.
    async fn ask(&mut self, operation: &str, id: i64, body: &Value, action: &str) -> Reply {
        let before = newest(self.tocsin).await.id;
        let (method, path) = address(operation, id);
        let request = self.tocsin.request(method, &path);
        let request = match body {
            Value::Null => request,
            body => request.json(body),
        };
        let reply = request.send().await;
        self.left(operation, &reply, before, action).await;
        reply
    }

    /// Asks as somebody with a browser.
    async fn tell(
        &mut self,
        who: &mut BrowserSession,
        operation: &str,
        id: i64,
        body: &Value,
        action: &str,
    ) -> Reply {
        let before = newest(self.tocsin).await.id;
        let (method, path) = address(operation, id);
        let reply = match body {
            Value::Null => who.ask(self.tocsin, method, &path).await,
            body => who.tell(self.tocsin, method, &path, body).await,
        };
        self.left(operation, &reply, before, action).await;
        let cookie = reply.header("set-cookie").split([';', '=']).nth(1);
        let secret = cookie.filter(|secret| !secret.is_empty());
        self.secrets.extend(secret.map(str::to_owned));
        reply
    }

    /// That the answer to an operation left a line of this action, the newest
    /// before which was `before`.
    async fn left(&mut self, operation: &str, reply: &Reply, before: i64, action: &str) {
        assert!(reply.status.is_success(), "{operation}: {}", reply.text());
        let line = newest(self.tocsin).await;
        assert_ne!(line.id, before, "{operation} left no line");
        let place = format!("{operation}: {line:?}");
        assert_eq!(line.action, action, "{place}");
        assert!(!line.object_kind.is_empty(), "{place}");
        assert!(!line.actor_name.is_empty(), "{place}");
        assert_eq!(line.address.as_deref(), Some("127.0.0.1"), "{place}");
        let (method, path) = operation.split_once(' ').unwrap();
        self.done.insert((method.to_lowercase(), path.to_owned()));
    }
}

fn address(operation: &str, id: i64) -> (Method, String) {
    let (method, path) = operation.split_once(' ').unwrap();
    let path = path.replace("{id}", &id.to_string());
    (method.parse().unwrap(), path)
}

async fn every_change_leaves_a_line(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let mut walk = Walk {
        tocsin: &tocsin,
        done: BTreeSet::new(),
        secrets: vec![
            PASSWORD.to_owned(),
            LATER.to_owned(),
            tocsin.admin().to_owned(),
        ],
    };
    accounts(&mut walk).await;
    directory(&mut walk).await;
    incidents(&mut walk).await;

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
            let is_done = walk.done.contains(&(method.clone(), path.clone()));
            assert!(
                is_done != is_exempt,
                "{method} {path}: let the test make that change and name its line, or say why \
                 it has none"
            );
        }
    }

    let lines = tocsin
        .look("/api/v1/audit/export?format=jsonl")
        .await
        .expect(200);
    let lines = lines.text();
    for secret in &walk.secrets {
        assert!(
            !lines.contains(secret.as_str()),
            "{secret} is in the audit log"
        );
    }
    for word in ["argon2", "\"password\":"] {
        assert!(!lines.contains(word), "{word} is in the audit log");
    }
}

async fn accounts(walk: &mut Walk<'_>) {
    let tocsin = walk.tocsin;
    let link = tocsin.log();
    let link = link.lines().find_map(|line| line.split_once("/set-up#"));
    let token = link.expect("the set-up link").1.trim().to_owned();
    let mut ada = BrowserSession::new();
    let body =
        json!({"token": token, "name": "Ada", "email": "ada@example.com", "password": PASSWORD});
    walk.secrets.push(token);
    walk.tell(&mut ada, "POST /api/v1/set-up", 0, &body, "set-up")
        .await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let mut again = BrowserSession::new();
    walk.tell(&mut again, "POST /api/v1/sign-in", 0, &body, "sign-in.ok")
        .await;
    let body = json!({"name": "Ada L.", "theme": "dark"});
    walk.tell(&mut ada, "PUT /api/v1/me", 0, &body, "user.update")
        .await;
    let sessions: Page<Session> = ada
        .ask(tocsin, Method::GET, "/api/v1/me/sessions")
        .await
        .json();
    let other = sessions
        .items
        .iter()
        .find(|session| !session.current)
        .unwrap();
    walk.tell(
        &mut ada,
        "DELETE /api/v1/me/sessions/{id}",
        other.id,
        &NOTHING,
        "session.revoke",
    )
    .await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    again
        .tell(tocsin, Method::POST, "/api/v1/sign-in", &body)
        .await
        .expect(200);
    walk.tell(
        &mut ada,
        "DELETE /api/v1/me/sessions",
        0,
        &NOTHING,
        "session.revoke",
    )
    .await;
    let body = json!({"current": PASSWORD, "new": LATER});
    walk.tell(
        &mut ada,
        "PUT /api/v1/me/password",
        0,
        &body,
        "password.change",
    )
    .await;
    walk.tell(&mut ada, "POST /api/v1/sign-out", 0, &NOTHING, "sign-out")
        .await;

    let body =
        json!({"name": "Bob", "email": "bob@example.com", "role": "viewer", "password": PASSWORD});
    let bob: User = walk
        .ask("POST /api/v1/users", 0, &body, "user.create")
        .await
        .json();
    let mut visitor = BrowserSession::new();
    let body = json!({"email": "bob@example.com", "password": PASSWORD});
    visitor
        .tell(tocsin, Method::POST, "/api/v1/sign-in", &body)
        .await
        .expect(200);
    walk.ask(
        "DELETE /api/v1/users/{id}/sessions",
        bob.id,
        &NOTHING,
        "session.revoke",
    )
    .await;
    let body = json!({"name": "Bob", "email": "bob@example.com", "role": "responder"});
    walk.ask("PUT /api/v1/users/{id}", bob.id, &body, "user.update")
        .await;
    walk.ask("DELETE /api/v1/users/{id}", bob.id, &NOTHING, "user.delete")
        .await;

    let body = json!({"name": "deploy", "role": "responder"});
    let made = walk
        .ask("POST /api/v1/tokens", 0, &body, "token.create")
        .await;
    let made: NewToken = made.json();
    walk.secrets.extend(made.secret);
    walk.ask(
        "DELETE /api/v1/tokens/{id}",
        made.token.id,
        &NOTHING,
        "token.revoke",
    )
    .await;
}

async fn directory(walk: &mut Walk<'_>) {
    let body = json!({"name": "Kim", "email": "kim@example.com"});
    let made = walk
        .ask("POST /api/v1/recipients", 0, &body, "recipient.create")
        .await;
    let kim: Recipient = made.json();
    let body = json!({"name": "Kim", "email": "kim@example.com", "enabled": false});
    walk.ask(
        "PUT /api/v1/recipients/{id}",
        kim.id,
        &body,
        "recipient.update",
    )
    .await;
    walk.ask(
        "DELETE /api/v1/recipients/{id}",
        kim.id,
        &NOTHING,
        "recipient.delete",
    )
    .await;

    let body = json!({"name": "ops"});
    let made = walk
        .ask("POST /api/v1/groups", 0, &body, "group.create")
        .await;
    let ops: Group = made.json();
    let body = json!({"name": "dba"});
    walk.ask("PUT /api/v1/groups/{id}", ops.id, &body, "group.update")
        .await;
    walk.ask(
        "DELETE /api/v1/groups/{id}",
        ops.id,
        &NOTHING,
        "group.delete",
    )
    .await;

    let mut routes = Vec::new();
    for name in ["a", "b"] {
        let body = json!({"name": name, "matchers": [], "groupIds": []});
        let made = walk
            .ask("POST /api/v1/routes", 0, &body, "route.create")
            .await;
        routes.push(made.json::<Route>().id);
    }
    routes.reverse();
    let order = json!({"ids": routes});
    walk.ask("PUT /api/v1/routes/order", 0, &order, "route.reorder")
        .await;
    walk.ask(
        "PUT /api/v1/routes/{id}",
        routes[0],
        &json!({"name": "c", "matchers": [], "groupIds": []}),
        "route.update",
    )
    .await;
    let body = json!({"enabled": false});
    walk.ask("PUT /api/v1/routes/team", 0, &body, "route.team")
        .await;
    for id in routes {
        walk.ask("DELETE /api/v1/routes/{id}", id, &NOTHING, "route.delete")
            .await;
    }
}

async fn incidents(walk: &mut Walk<'_>) {
    let tocsin = walk.tocsin;
    let team = tocsin_tests::team(tocsin, "infra").await;
    tocsin
        .create_route(&json!({"name": "all", "groupIds": [team.group.id]}))
        .await;
    tocsin
        .post(&Webhook::of([firing("DiskFull"), firing("ApiSlow")]))
        .await;
    let found: Page<Incident> = tocsin.get("/api/v1/incidents").await;
    let id = found.items[0].id;
    walk.ask(
        "PATCH /api/v1/incidents/{id}",
        id,
        &json!({"known": true}),
        "incident.acknowledge",
    )
    .await;
    walk.ask(
        "PATCH /api/v1/incidents/{id}",
        id,
        &json!({"memo": "disk"}),
        "incident.memo",
    )
    .await;
    walk.ask(
        "PATCH /api/v1/incidents/{id}",
        id,
        &json!({"known": false}),
        "incident.unacknowledge",
    )
    .await;
    let line = newest(tocsin).await;
    assert_eq!(
        (line.object_id, &*line.object_name),
        (Some(id), &*found.items[0].alertname)
    );
    assert_eq!(line.before.unwrap()["memo"], "disk");
    let body =
        json!({"filter": {"alertname": ["DiskFull", "ApiSlow"]}, "known": true, "memo": "known"});
    walk.ask(
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
    walk.ask("POST /api/v1/incidents/close", 0, &body, "incident.close")
        .await;
    let after = newest(tocsin).await.after.unwrap();
    assert_eq!(
        (&after["changed"], &after["memo"]),
        (&json!(1), &json!("gone"))
    );

    walk.ask("POST /api/v1/alerts/test", 0, &NOTHING, "alert.test")
        .await;
    let mails = tocsin.settled().await;
    let mail: &Notification = &mails[0];
    walk.ask(
        "POST /api/v1/notifications/{id}/resend",
        mail.id,
        &NOTHING,
        "notification.resend",
    )
    .await;
    let after = newest(tocsin).await.after.unwrap();
    assert_eq!(after["recipientEmail"], "infra@example.com");
}
