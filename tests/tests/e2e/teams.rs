//! Somebody who sees only some alerts sees nothing of the others, anywhere.

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
    what_is_counted_is_their_own,
    only_their_own_is_acknowledged,
    mails_of_others_are_not_there,
);

/// What only the other team's alerts carry, in whatever case.
const MARK: &str = "zqxtheirs";

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
        .team(MARK)
        .severity(MARK)
        .instance(&format!("{MARK}-host"))
        .label(&format!("{MARK}_label"), MARK)
        .summary(&format!("one of {MARK}"))
        .annotation("runbook", &format!("https://{MARK}.example.com"))
}

/// Who sees only our team's alerts, by the header that says so.
struct Asker {
    name: &'static str,
    header: (&'static str, String),
}

impl Asker {
    fn as_str(&self) -> (&'static str, &str) {
        (self.header.0, &self.header.1)
    }

    async fn ask(&self, tocsin: &Tocsin, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = tocsin.request(method, path).anonymous();
        request = request.header(self.header.0, &self.header.1);
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, tocsin: &Tocsin, path: &str) -> T {
        self.ask(tocsin, Method::GET, path, None).await.json()
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

async fn askers(tocsin: &Tocsin) -> Vec<Asker> {
    let only = "team=\"ours\"";
    let mut askers = Vec::new();
    for (name, role) in [
        ("a viewer's token", "viewer"),
        ("a responder's token", "responder"),
    ] {
        let token = tocsin
            .make_token(&["--role", role, "--matcher", only])
            .await;
        askers.push(Asker {
            name,
            header: ("authorization", format!("Bearer {token}")),
        });
    }
    askers.push(user(tocsin).await.1);
    askers
}

/// A responder who sees only our team's alerts, signed in; with the number.
async fn user(tocsin: &Tocsin) -> (i64, Asker) {
    let body = json!({
        "name": "Kim", "email": "kim@example.com", "role": "responder",
        "matchers": ["team=\"ours\""], "password": PASSWORD,
    });
    let made = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    let made: Value = made.expect(201).json();
    let body = json!({"email": "kim@example.com", "password": PASSWORD});
    let request = tocsin.request(Method::POST, "/api/v1/sign-in").anonymous();
    let reply = request.json(&body).send().await.expect(200);
    let cookie = reply.header("set-cookie").split(';').next().unwrap();
    let asker = Asker {
        name: "a user",
        header: ("cookie", cookie.to_owned()),
    };
    (made["id"].as_i64().unwrap(), asker)
}

/// A program that was told of both teams: apart, in one delivery, in one mail
/// and in one thread of mails. One group gets all mail.
async fn told(database: Database) -> Tocsin {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let group = json!({"name": "everybody", "isDefault": true});
    let group = tocsin.create_group(&group).await;
    let person = json!({"name": "On call", "email": "oncall@example.com", "groupIds": [group.id]});
    tocsin.create_recipient(&person).await;
    let their_group = format!("{{}}:{{{MARK}}}");
    for webhook in [
        Webhook::of([ours("Down")]).group("{}:{ours}"),
        Webhook::of([theirs("Down"), theirs("Slow")]).group(&their_group),
        Webhook::of([ours("Full"), theirs("Full")]).group("{}:{both}"),
        // Theirs begin a thread of mails that ours goes on with.
        Webhook::of([theirs("Shared")]).group("{}:{thread}"),
        Webhook::of([ours("Shared")]).group("{}:{thread}"),
        Webhook::of([resolved("Over").team("ours")]).group("{}:{ours}"),
        Webhook::of([theirs("Down").over(), theirs("Slow")]).group(&their_group),
    ] {
        tocsin.post(&webhook).await;
    }
    let source = format!("{MARK}-source");
    let body = Webhook::of([theirs("Elsewhere")]).bytes();
    tocsin.post_to(&source, body).await;
    tocsin
        .deliver("/webhook", format!("{MARK} is no JSON"))
        .await
        .problem(400);
    tocsin.settled().await;
    // What people say of theirs is theirs, too.
    for incident in all_of_theirs(&tocsin).await {
        let said =
            json!({"known": true, "memo": format!("{MARK} memo"), "by": format!("Ann of {MARK}")});
        let path = format!("/api/v1/incidents/{}", incident.id);
        tocsin.send(Method::PATCH, &path, &said).await.expect(200);
    }
    tocsin
}

async fn all_of_theirs(tocsin: &Tocsin) -> Vec<Incident> {
    let mut all: Vec<Incident> = tocsin.all("incidents").await;
    // A test alert is of no team.
    all.retain(|incident| incident.team == MARK);
    all
}

fn is_told(reply: &Reply) -> bool {
    let headers = format!("{:?}", reply.headers).to_lowercase();
    reply.text().to_lowercase().contains(MARK) || headers.contains(MARK)
}

async fn what_is_counted_is_their_own(database: Database) {
    let tocsin = told(database).await;
    let alerts: Vec<Alert> = tocsin.all("alerts?team=ours").await;
    let incidents: Vec<Incident> = tocsin.all("incidents?team=ours").await;
    assert_eq!((alerts.len(), incidents.len()), (4, 4));
    let firing = alerts
        .iter()
        .filter(|alert| alert.ends_at.is_none())
        .count() as i64;
    let deliveries: BTreeSet<i64> = alerts.iter().map(|alert| alert.delivery_id).collect();
    for asker in askers(&tocsin).await {
        assert_eq!(asker.all::<Alert>(&tocsin, "/api/v1/alerts").await, alerts);
        assert_eq!(
            asker.all::<Incident>(&tocsin, "/api/v1/incidents").await,
            incidents
        );
        for list in ["alerts", "incidents"] {
            let page: Value = asker
                .get(&tocsin, &format!("/api/v1/{list}?count=true&limit=1"))
                .await;
            assert_eq!(page["count"], json!({"value": 4, "exact": true}), "{list}");
            let export = asker
                .ask(
                    &tocsin,
                    Method::GET,
                    &format!("/api/v1/{list}/export?format=jsonl"),
                    None,
                )
                .await;
            assert_eq!(export.text().lines().count(), 4, "{list}");
        }
        let summary: Summary = asker.get(&tocsin, "/api/v1/stats/summary").await;
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
        let top: Top = asker.get(&tocsin, "/api/v1/stats/top?by=team").await;
        assert_eq!(top.items.iter().map(|item| item.count).sum::<i64>(), 4);
        let timeline: Timeline = asker.get(&tocsin, "/api/v1/stats/timeline").await;
        let points = timeline.points.iter();
        assert_eq!(
            points
                .map(|point| point.firing + point.resolved)
                .sum::<i64>(),
            4
        );
        let heatmap: Heatmap = asker.get(&tocsin, "/api/v1/stats/heatmap").await;
        assert_eq!(heatmap.firing.iter().flatten().sum::<i64>(), firing);
        let status: Value = asker.get(&tocsin, "/api/v1/status").await;
        assert_eq!(status["mail"]["queued"], 0);
        for path in ["/api/v1/deliveries", "/api/v1/storage", "/metrics"] {
            asker
                .ask(&tocsin, Method::GET, path, None)
                .await
                .problem(403);
        }
    }
}

/// What is another team's is as if it were not there, to the letter.
async fn only_their_own_is_acknowledged(database: Database) {
    let tocsin = told(database).await;
    let theirs = all_of_theirs(&tocsin).await;
    let (_, kim) = user(&tocsin).await;
    let unknown = 987_654_321;
    let said = json!({"known": false, "memo": "mine"});
    for incident in &theirs {
        let detail: IncidentDetail = tocsin
            .get(&format!("/api/v1/incidents/{}", incident.id))
            .await;
        let entry = detail.entries.items[0].id;
        let mail = detail.notifications[0].id;
        for (method, path, id, body) in [
            (Method::GET, "/api/v1/incidents/{id}", incident.id, None),
            (
                Method::PATCH,
                "/api/v1/incidents/{id}",
                incident.id,
                Some(&said),
            ),
            (Method::GET, "/api/v1/alerts/{id}", entry, None),
            (Method::GET, "/api/v1/notifications/{id}", mail, None),
            (
                Method::POST,
                "/api/v1/notifications/{id}/resend",
                mail,
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
            let ask = async |id: i64| {
                let path = path.replace("{id}", &id.to_string());
                kim.ask(&tocsin, method.clone(), &path, body.cloned()).await
            };
            let (there, nowhere) = (ask(id).await, ask(unknown).await);
            there.problem(404);
            let text = nowhere
                .text()
                .replace(&unknown.to_string(), &id.to_string());
            assert_eq!(there.text(), text, "{method} {path}");
        }
    }
    let all: Vec<Incident> = tocsin.all("incidents").await;
    let ids: Vec<i64> = all.iter().map(|incident| incident.id).collect();
    for (which, changed) in [
        // One of ours has ended, and can be acknowledged all the same.
        (json!({"ids": ids, "known": true}), 4),
        (json!({"filter": {}, "known": false}), 4),
        (json!({"filter": {"team": [MARK]}, "known": false}), 0),
    ] {
        let path = "/api/v1/incidents/acknowledge";
        let result: Value = kim
            .ask(&tocsin, Method::POST, path, Some(which.clone()))
            .await
            .json();
        assert_eq!(result["changed"], changed, "{which}");
    }
    assert_eq!(all_of_theirs(&tocsin).await, theirs);
    // People sign with their own name.
    let own = all
        .iter()
        .find(|incident| incident.team == "ours")
        .unwrap()
        .id;
    let path = format!("/api/v1/incidents/{own}");
    let patch = async |body| kim.ask(&tocsin, Method::PATCH, &path, Some(body)).await;
    let forged = patch(json!({"known": true, "by": "Ann"})).await;
    assert_eq!(forged.fields(400), ["by"]);
    let known: Incident = patch(json!({"known": true})).await.json();
    assert_eq!(known.known_by.as_deref(), Some("Kim"));
    let known: Incident = patch(json!({"memo": "again", "by": "Kim"})).await.json();
    assert_eq!(known.memo, "again");
    let bot = tocsin.make_token(&["--role", "responder"]).await;
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
    let known: Incident = request.json(&json!({"known": true})).send().await.json();
    assert_eq!(known.known_by.as_deref(), Some("tests"));
}

/// A mail is shown where nothing in its whole thread is another team's: not one
/// that tells of both, nor one whose subject theirs gave it.
async fn mails_of_others_are_not_there(database: Database) {
    let tocsin = told(database).await;
    let all = tocsin.settled().await;
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
    for mail in &all {
        let mut teams = BTreeSet::new();
        for id in &mail.incident_ids {
            teams.insert(team_of(*id).await);
        }
        let only_ours = teams.iter().all(|team| team == "ours");
        let subject = mail.subject.to_lowercase();
        match only_ours && !subject.contains(MARK) {
            true => own.push(mail.clone()),
            false if teams.contains("ours") => shared += 1,
            false => {}
        }
    }
    assert_eq!((own.len(), shared), (2, 2), "{all:#?}");
    for asker in askers(&tocsin).await {
        let seen: Vec<Notification> = asker.all(&tocsin, "/api/v1/notifications").await;
        assert_eq!(seen, own, "{}", asker.name);
        for mail in &own {
            let one: Notification = asker
                .get(&tocsin, &format!("/api/v1/notifications/{}", mail.id))
                .await;
            assert_eq!(one, *mail);
        }
    }
    let bot = responder(&tocsin).await;
    let path = format!("/api/v1/notifications/{}/resend", own[0].id);
    bot.ask(&tocsin, Method::POST, &path, None)
        .await
        .expect(201);
}

/// A responder's token that sees only our team's alerts.
async fn responder(tocsin: &Tocsin) -> Asker {
    let args = ["--role", "responder", "--matcher", "team=\"ours\""];
    let token = tocsin.make_token(&args).await;
    Asker {
        name: "a responder's token",
        header: ("authorization", format!("Bearer {token}")),
    }
}
