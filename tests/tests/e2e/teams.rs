//! Restricted visibility: a caller who may see some alerts gets no data of others.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{
    Alert, Heatmap, Incident, IncidentDetail, Notification, Page, Summary, Timeline, Top,
};
use tocsin_tests::{Database, Options, Reply, Tocsin, Webhook, firing, on_both, resolved};

mod following;
mod walking;

on_both!(
    counts_include_visible_alerts_only,
    only_visible_incidents_can_be_acknowledged,
    notifications_of_other_teams_are_hidden,
);

/// A marker in all data of the other team's alerts, in some case.
const MARKER: &str = "zqxtheirs";

const PASSWORD: &str = "seven purple tractors";

fn ours(name: &str) -> tocsin_tests::TestAlert {
    firing(name)
        .team("ours")
        .severity("warning")
        .instance("host-1")
        .summary("one of ours")
}

fn theirs(name: &str) -> tocsin_tests::TestAlert {
    firing(&format!("Zqxtheirs{name}"))
        .team(MARKER)
        .severity(MARKER)
        .instance(&format!("{MARKER}-host"))
        .label(&format!("{MARKER}_label"), MARKER)
        .summary(&format!("one of {MARKER}"))
        .annotation("runbook", &format!("https://{MARKER}.example.com"))
}

/// A caller that may see our team's alerts only, with its authentication header.
struct Caller {
    name: &'static str,
    header: (&'static str, String),
}

impl Caller {
    fn as_header(&self) -> (&'static str, &str) {
        (self.header.0, &self.header.1)
    }

    async fn request(
        &self,
        tocsin: &Tocsin,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let mut request = tocsin.request(method, path).anonymous();
        request = request.header(self.header.0, &self.header.1);
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, tocsin: &Tocsin, path: &str) -> T {
        self.request(tocsin, Method::GET, path, None).await.json()
    }

    async fn all<T: serde::de::DeserializeOwned>(&self, tocsin: &Tocsin, path: &str) -> Vec<T> {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page<T> = self
                .get(tocsin, &format!("{path}{join}limit=3{cursor}"))
                .await;
            rows.extend(page.items);
            match page.next_cursor {
                None => return rows,
                Some(next) => cursor = format!("&cursor={next}"),
            }
        }
    }
}

async fn callers(tocsin: &Tocsin) -> Vec<Caller> {
    let only = "team=\"ours\"";
    let mut callers = Vec::new();
    for (name, role) in [
        ("a viewer's token", "viewer"),
        ("a responder's token", "responder"),
    ] {
        let token = tocsin
            .create_token(&["--role", role, "--matcher", only])
            .await;
        callers.push(Caller {
            name,
            header: ("authorization", format!("Bearer {token}")),
        });
    }
    callers.push(user(tocsin).await.1);
    callers
}

/// A signed-in responder who may see our team's alerts only, and the user's ID.
async fn user(tocsin: &Tocsin) -> (i64, Caller) {
    let body = json!({
        "name": "Kim", "email": "kim@example.com", "role": "responder",
        "matchers": ["team=\"ours\""], "password": PASSWORD,
    });
    let created = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    let created: Value = created.expect(201).json();
    let body = json!({"email": "kim@example.com", "password": PASSWORD});
    let request = tocsin.request(Method::POST, "/api/v1/sign-in").anonymous();
    let reply = request.json(&body).send().await.expect(200);
    let cookie = reply.header("set-cookie").split(';').next().unwrap();
    let caller = Caller {
        name: "a user",
        header: ("cookie", cookie.to_owned()),
    };
    (created["id"].as_i64().unwrap(), caller)
}

/// A program with alerts of both teams: in separate and in common deliveries,
/// notifications and e-mail threads. One group receives all notifications.
async fn start_with_two_teams(database: Database) -> Tocsin {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let group = json!({"name": "all", "isDefault": true});
    let group = tocsin.create_group(&group).await;
    let recipient =
        json!({"name": "On call", "email": "oncall@example.com", "groupIds": [group.id]});
    tocsin.create_recipient(&recipient).await;
    let their_group = format!("{{}}:{{{MARKER}}}");
    for webhook in [
        Webhook::of([ours("Down")]).group("{}:{ours}"),
        Webhook::of([theirs("Down"), theirs("Slow")]).group(&their_group),
        Webhook::of([ours("Full"), theirs("Full")]).group("{}:{both}"),
        // Their alert starts an e-mail thread that ours continues.
        Webhook::of([theirs("Shared")]).group("{}:{thread}"),
        Webhook::of([ours("Shared")]).group("{}:{thread}"),
        Webhook::of([resolved("Over").team("ours")]).group("{}:{ours}"),
        Webhook::of([theirs("Down").resolve(), theirs("Slow")]).group(&their_group),
    ] {
        tocsin.post(&webhook).await;
    }
    let source = format!("{MARKER}-source");
    let body = Webhook::of([theirs("Elsewhere")]).bytes();
    tocsin.post_to(&source, body).await;
    tocsin
        .deliver("/webhook", format!("{MARKER} is no JSON"))
        .await
        .problem(400);
    tocsin.wait_for_notifications().await;
    // Notes and names on their incidents must not be visible either.
    for incident in their_incidents(&tocsin).await {
        let acknowledge = json!({"known": true, "memo": format!("{MARKER} memo"), "by": format!("Ann of {MARKER}")});
        let path = format!("/api/v1/incidents/{}", incident.id);
        tocsin
            .send(Method::PATCH, &path, &acknowledge)
            .await
            .expect(200);
    }
    tocsin
}

async fn their_incidents(tocsin: &Tocsin) -> Vec<Incident> {
    let mut all: Vec<Incident> = tocsin.all("incidents").await;
    // The test alert belongs to no team.
    all.retain(|incident| incident.team == MARKER);
    all
}

fn contains_marker(reply: &Reply) -> bool {
    let headers = format!("{:?}", reply.headers).to_lowercase();
    reply.text().to_lowercase().contains(MARKER) || headers.contains(MARKER)
}

async fn counts_include_visible_alerts_only(database: Database) {
    let tocsin = start_with_two_teams(database).await;
    let alerts: Vec<Alert> = tocsin.all("alerts?team=ours").await;
    let incidents: Vec<Incident> = tocsin.all("incidents?team=ours").await;
    assert_eq!((alerts.len(), incidents.len()), (4, 4));
    let firing = alerts
        .iter()
        .filter(|alert| alert.ends_at.is_none())
        .count() as i64;
    let deliveries: BTreeSet<i64> = alerts.iter().map(|alert| alert.delivery_id).collect();
    for caller in callers(&tocsin).await {
        assert_eq!(caller.all::<Alert>(&tocsin, "/api/v1/alerts").await, alerts);
        assert_eq!(
            caller.all::<Incident>(&tocsin, "/api/v1/incidents").await,
            incidents
        );
        for list in ["alerts", "incidents"] {
            let page: Value = caller
                .get(&tocsin, &format!("/api/v1/{list}?count=true&limit=1"))
                .await;
            assert_eq!(page["count"], json!({"value": 4, "exact": true}), "{list}");
            let export = caller
                .request(
                    &tocsin,
                    Method::GET,
                    &format!("/api/v1/{list}/export?format=jsonl"),
                    None,
                )
                .await;
            assert_eq!(export.text().lines().count(), 4, "{list}");
        }
        let summary: Summary = caller.get(&tocsin, "/api/v1/stats/summary").await;
        assert_eq!(
            (summary.log_entries, summary.incidents, summary.open),
            (4, 4, 3)
        );
        assert_eq!(
            (summary.unacknowledged, summary.deliveries),
            (3, deliveries.len() as i64)
        );
        let values: Vec<_> = summary
            .by_team
            .iter()
            .map(|team| team.value.as_str())
            .collect();
        assert_eq!(values, ["ours"]);
        let top: Top = caller.get(&tocsin, "/api/v1/stats/top?by=team").await;
        assert_eq!(top.items.iter().map(|item| item.count).sum::<i64>(), 4);
        let timeline: Timeline = caller.get(&tocsin, "/api/v1/stats/timeline").await;
        let points = timeline.points.iter();
        assert_eq!(
            points
                .map(|point| point.firing + point.resolved)
                .sum::<i64>(),
            4
        );
        let heatmap: Heatmap = caller.get(&tocsin, "/api/v1/stats/heatmap").await;
        assert_eq!(heatmap.firing.iter().flatten().sum::<i64>(), firing);
        let status: Value = caller.get(&tocsin, "/api/v1/status").await;
        assert_eq!(status["mail"]["queued"], 0);
        for path in ["/api/v1/deliveries", "/api/v1/storage", "/metrics"] {
            caller
                .request(&tocsin, Method::GET, path, None)
                .await
                .problem(403);
        }
    }
}

/// Objects of another team are indistinguishable from missing ones.
async fn only_visible_incidents_can_be_acknowledged(database: Database) {
    let tocsin = start_with_two_teams(database).await;
    let theirs = their_incidents(&tocsin).await;
    let (_, kim) = user(&tocsin).await;
    let unknown = 987_654_321;
    let update = json!({"known": false, "memo": "mine"});
    for incident in &theirs {
        let detail: IncidentDetail = tocsin
            .get(&format!("/api/v1/incidents/{}", incident.id))
            .await;
        let entry = detail.entries.items[0].id;
        let notification = detail.notifications[0].id;
        for (method, path, id, body) in [
            (Method::GET, "/api/v1/incidents/{id}", incident.id, None),
            (
                Method::PATCH,
                "/api/v1/incidents/{id}",
                incident.id,
                Some(&update),
            ),
            (Method::GET, "/api/v1/alerts/{id}", entry, None),
            (
                Method::GET,
                "/api/v1/notifications/{id}",
                notification,
                None,
            ),
            (
                Method::POST,
                "/api/v1/notifications/{id}/resend",
                notification,
                None,
            ),
            (
                Method::GET,
                "/api/v1/deliveries/{id}",
                detail.entries.items[0].delivery_id,
                None,
            ),
            (
                Method::GET,
                "/api/v1/deliveries/{id}/raw",
                detail.entries.items[0].delivery_id,
                None,
            ),
        ] {
            let request = async |id: i64| {
                let path = path.replace("{id}", &id.to_string());
                kim.request(&tocsin, method.clone(), &path, body.cloned())
                    .await
            };
            let (hidden, missing) = (request(id).await, request(unknown).await);
            hidden.problem(404);
            let text = missing
                .text()
                .replace(&unknown.to_string(), &id.to_string());
            assert_eq!(hidden.text(), text, "{method} {path}");
        }
    }
    let all: Vec<Incident> = tocsin.all("incidents").await;
    let ids: Vec<i64> = all.iter().map(|incident| incident.id).collect();
    for (body, changed) in [
        // One of our incidents has ended, and can be acknowledged nevertheless.
        (json!({"ids": ids, "known": true}), 4),
        (json!({"filter": {}, "known": false}), 4),
        (json!({"filter": {"team": [MARKER]}, "known": false}), 0),
    ] {
        let path = "/api/v1/incidents/acknowledge";
        let result: Value = kim
            .request(&tocsin, Method::POST, path, Some(body.clone()))
            .await
            .json();
        assert_eq!(result["changed"], changed, "{body}");
    }
    assert_eq!(their_incidents(&tocsin).await, theirs);
    // Users acknowledge under their own name.
    let own = all
        .iter()
        .find(|incident| incident.team == "ours")
        .unwrap()
        .id;
    let path = format!("/api/v1/incidents/{own}");
    let patch = async |body| kim.request(&tocsin, Method::PATCH, &path, Some(body)).await;
    let forged = patch(json!({"known": true, "by": "Ann"})).await;
    assert_eq!(forged.fields(400), ["by"]);
    let incident: Incident = patch(json!({"known": true})).await.json();
    assert_eq!(incident.known_by.as_deref(), Some("Kim"));
    let incident: Incident = patch(json!({"memo": "again", "by": "Kim"})).await.json();
    assert_eq!(incident.memo, "again");
    let bot = tocsin.create_token(&["--role", "responder"]).await;
    let request = tocsin
        .request(Method::PATCH, &path)
        .authorization(&format!("Bearer {bot}"));
    request
        .json(&json!({"known": false}))
        .send()
        .await
        .expect(200);
    let request = tocsin
        .request(Method::PATCH, &path)
        .authorization(&format!("Bearer {bot}"));
    let incident: Incident = request.json(&json!({"known": true})).send().await.json();
    assert_eq!(incident.known_by.as_deref(), Some("tests"));
}

/// A notification is visible if its whole thread contains no data of another team: no
/// alerts of both teams, and no subject set by their alert.
async fn notifications_of_other_teams_are_hidden(database: Database) {
    let tocsin = start_with_two_teams(database).await;
    let all = tocsin.wait_for_notifications().await;
    let team_of = |id: i64| {
        let tocsin = &tocsin;
        async move {
            tocsin
                .get::<IncidentDetail>(&format!("/api/v1/incidents/{id}"))
                .await
                .incident
                .team
        }
    };
    let mut own = Vec::new();
    let mut shared = 0;
    for notification in &all {
        let mut teams = BTreeSet::new();
        for id in &notification.incident_ids {
            teams.insert(team_of(*id).await);
        }
        let only_ours = teams.iter().all(|team| team == "ours");
        let subject = notification.subject.to_lowercase();
        match only_ours && !subject.contains(MARKER) {
            true => own.push(notification.clone()),
            false if teams.contains("ours") => shared += 1,
            false => {}
        }
    }
    assert_eq!((own.len(), shared), (2, 2), "{all:#?}");
    for caller in callers(&tocsin).await {
        let seen: Vec<Notification> = caller.all(&tocsin, "/api/v1/notifications").await;
        assert_eq!(seen, own, "{}", caller.name);
        for notification in &own {
            let one: Notification = caller
                .get(
                    &tocsin,
                    &format!("/api/v1/notifications/{}", notification.id),
                )
                .await;
            assert_eq!(one, *notification);
        }
    }
    let bot = responder(&tocsin).await;
    let path = format!("/api/v1/notifications/{}/resend", own[0].id);
    bot.request(&tocsin, Method::POST, &path, None)
        .await
        .expect(201);
}

/// A responder's token that permits our team's alerts only.
async fn responder(tocsin: &Tocsin) -> Caller {
    let args = ["--role", "responder", "--matcher", "team=\"ours\""];
    let token = tocsin.create_token(&args).await;
    Caller {
        name: "a responder's token",
        header: ("authorization", format!("Bearer {token}")),
    }
}
