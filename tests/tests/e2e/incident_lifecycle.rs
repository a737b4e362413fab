//! How incidents end and do not end: stale copies, unusual times, users, and expiry.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{
    Alert, EndReason, EntryKind, EventKind, Incident, IncidentDetail, IncidentState, Notification,
    NotificationState,
};
use tocsin_tests::{
    Database, Options, SmtpServer, Tocsin, Webhook, ago, eventually, firing, on_both, team,
};

on_both!(
    stale_copy_with_one_external_url_opens_nothing_and_notifies_no_one,
    suspected_copy_is_notified_when_reported_again,
    unusual_times_end_an_incident,
    changed_annotations_are_shown_and_notify_no_one,
    closed_incident_is_followed_by_a_new_one_if_the_alert_goes_on,
    incidents_are_closed_by_filter,
    incident_without_updates_expires_after_expire_after,
    incident_stays_in_the_email_thread_of_its_opening,
);

async fn incidents(tocsin: &Tocsin) -> Vec<Incident> {
    tocsin.all("incidents?sort=startsAt&order=asc").await
}

async fn detail(tocsin: &Tocsin, id: i64) -> IncidentDetail {
    tocsin.get(&format!("/api/v1/incidents/{id}")).await
}

async fn notifications(tocsin: &Tocsin, state: &str) -> Vec<Notification> {
    tocsin.all(&format!("notifications?state={state}")).await
}

/// Two Alertmanagers with one `externalURL`, the second of which is one flush behind.
async fn stale_copy_with_one_external_url_opens_nothing_and_notifies_no_one(database: Database) {
    let server = SmtpServer::plain();
    let tocsin = Tocsin::start(Options::on(database).smtp(&server)).await;
    team(&tocsin, "infra").await;
    let alert = firing("Down").team("infra").starts(ago(300));
    let end = ago(20);
    let ends = |millis| alert.clone().ends(end + TimeDelta::milliseconds(millis));
    assert_eq!(tocsin.post(&Webhook::of([alert.clone()])).await.opened, 1);
    assert_eq!(tocsin.post(&Webhook::of([ends(0)])).await.resolved, 1);
    assert_eq!(tocsin.post(&Webhook::of([alert.clone()])).await.opened, 1);
    let shown: Vec<Incident> = tocsin.all("incidents?state=open").await;
    assert_eq!(shown.len(), 1, "a suspected copy is shown");
    assert_eq!(tocsin.post(&Webhook::of([ends(1)])).await.resolved, 1);
    assert_eq!(tocsin.post(&Webhook::of([ends(1)])).await.seen_again, 1);

    let incidents = incidents(&tocsin).await;
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].state, IncidentState::Resolved);
    assert_eq!(incidents[0].end_reason, Some(EndReason::Resolved));
    // The timeline contains the copy, without a duration.
    let copies = detail(&tocsin, incidents[0].id).await.episodes;
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].end_reason, Some(EndReason::Copy));
    assert_eq!(copies[0].ends_at, Some(copies[0].starts_at));
    tocsin.assert_stats_match_log().await;

    let mails = server.wait_for(2).await;
    assert!(mails[0].text.contains("[Firing]") && mails[1].text.contains("[Resolved]"));
    let canceled = notifications(&tocsin, "canceled").await;
    assert_eq!(canceled.len(), 1);
    assert_eq!(canceled[0].incident_ids, [copies[0].id]);
    assert!(canceled[0].attempts.is_empty());
    assert_eq!(notifications(&tocsin, "queued").await.len(), 0);
}

async fn suspected_copy_is_notified_when_reported_again(database: Database) {
    let server = SmtpServer::plain();
    let tocsin = Tocsin::start(Options::on(database).smtp(&server)).await;
    team(&tocsin, "infra").await;
    let alert = firing("Down").team("infra").starts(ago(300));
    tocsin.post(&Webhook::of([alert.clone()])).await;
    tocsin
        .post(&Webhook::of([alert.clone().ends(ago(20))]))
        .await;
    server.wait_for(2).await;
    tocsin.post(&Webhook::of([alert.clone()])).await;
    let held = notifications(&tocsin, "queued").await;
    assert_eq!(held.len(), 1);
    assert!(held[0].next_attempt_at > Some(held[0].created_at));
    // The alert is firing, and then ends.
    assert_eq!(
        tocsin.post(&Webhook::of([alert.clone()])).await.seen_again,
        1
    );
    assert!(server.wait_for(3).await[2].text.contains("[Firing]"));
    tocsin.post(&Webhook::of([alert.resolve()])).await;
    assert!(server.wait_for(4).await[3].text.contains("[Resolved]"));
    assert_eq!(incidents(&tocsin).await.len(), 2);
    tocsin.assert_stats_match_log().await;
}

async fn unusual_times_end_an_incident(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let start = ago(100);
    let odd = |name: &str, starts: Value, ends: Value| {
        let alert = |status: &str, ends: Value| {
            json!({"status": status, "labels": {"alertname": name}, "annotations": {},
                "startsAt": starts, "endsAt": ends, "generatorURL": "", "fingerprint": ""})
        };
        let body = |alert: Value| {
            json!({"version": "4", "groupKey": "k", "status": alert["status"], "receiver": "r",
                "externalURL": "http://am.example.com", "alerts": [alert]})
        };
        (
            body(alert("firing", json!("0001-01-01T00:00:00Z"))),
            body(alert("resolved", ends)),
        )
    };
    let after = |seconds: i64| json!(start + TimeDelta::seconds(seconds));
    let (year_one, unset) = (json!("0001-01-01T00:00:00Z"), Value::Null);
    for (name, starts, ends) in [
        ("EndIsStart", after(0), after(0)),
        ("NoStartAndAClockBehind", unset, after(80)),
        ("YearOne", year_one, after(80)),
        ("EndBeforeStart", after(0), after(-30)),
    ] {
        let (opens, closes) = odd(name, starts, ends);
        assert_eq!(
            tocsin
                .post_to("alertmanager", opens.to_string())
                .await
                .opened,
            1,
            "{name}"
        );
        assert_eq!(
            tocsin
                .post_to("alertmanager", closes.to_string())
                .await
                .resolved,
            1,
            "{name}"
        );
        assert_eq!(
            tocsin
                .post_to("alertmanager", closes.to_string())
                .await
                .seen_again,
            1,
            "{name}"
        );
    }
    let incidents = incidents(&tocsin).await;
    assert_eq!(incidents.len(), 4);
    for incident in incidents {
        assert_eq!(incident.state, IncidentState::Resolved);
        assert!(incident.ends_at >= Some(incident.starts_at), "{incident:?}");
    }
    tocsin.assert_stats_match_log().await;
}

async fn changed_annotations_are_shown_and_notify_no_one(database: Database) {
    let server = SmtpServer::plain();
    let tocsin = Tocsin::start(Options::on(database).smtp(&server)).await;
    team(&tocsin, "infra").await;
    let with_summary = |value: &str| {
        firing("DiskFull")
            .team("infra")
            .starts(ago(90))
            .summary(value)
    };
    let start = with_summary("91 %");
    tocsin.post(&Webhook::of([start])).await;
    let report = tocsin.post(&Webhook::of([with_summary("97 %")])).await;
    assert_eq!((report.updated, report.seen_again), (1, 0));
    let report = tocsin.post(&Webhook::of([with_summary("98 %")])).await;
    assert_eq!((report.updated, report.seen_again), (0, 1), "once a minute");
    let incident = incidents(&tocsin).await.remove(0);
    assert_eq!(incident.message, "98 %");
    assert_eq!(
        (incident.occurrences, incident.state),
        (1, IncidentState::Open)
    );
    let entries: Vec<Alert> = tocsin.all("alerts?order=asc").await;
    let kinds: Vec<(EntryKind, &str)> = entries.iter().map(|e| (e.kind, &*e.message)).collect();
    assert_eq!(
        kinds,
        [(EntryKind::Opened, "91 %"), (EntryKind::Updated, "97 %")]
    );
    assert_eq!(tocsin.wait_for_notifications().await.len(), 1);
    tocsin.assert_stats_match_log().await;
}

async fn closed_incident_is_followed_by_a_new_one_if_the_alert_goes_on(database: Database) {
    let server = SmtpServer::plain();
    let options = Options::on(database)
        .smtp(&server)
        .set("incidents.window", "1s");
    let tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    let webhook = Webhook::of([firing("Ghost").team("infra").starts(ago(300))]);
    tocsin.post(&webhook).await;
    let open = incidents(&tocsin).await.remove(0);
    let path = format!("/api/v1/incidents/{}", open.id);
    let body = json!({"state": "closed", "memo": "the host is gone", "by": "Ann"});
    let closed: Incident = tocsin
        .send(Method::PATCH, &path, &body)
        .await
        .expect(200)
        .json();
    assert_eq!(closed.state, IncidentState::Closed);
    assert_eq!(closed.end_reason, Some(EndReason::Person));
    assert_eq!(closed.memo, "the host is gone");
    assert!(closed.known && closed.known_by.is_none());
    assert!(closed.ends_at > Some(closed.starts_at));
    let mails = server.wait_for(2).await;
    assert!(mails[1].text.contains("[Closed]"), "{}", mails[1].text);
    assert_eq!(mails[0].references, mails[1].references, "one thread");
    let event = detail(&tocsin, open.id).await.events.remove(0);
    assert_eq!(
        (event.kind, event.by.as_deref(), event.memo.as_deref()),
        (EventKind::Closed, Some("Ann"), Some("the host is gone"))
    );
    // Closing an ended incident changes nothing.
    let again: Incident = tocsin
        .send(Method::PATCH, &path, &body)
        .await
        .expect(200)
        .json();
    assert_eq!(again.ends_at, closed.ends_at);
    for wrong in [json!({"state": "resolved"}), json!({"state": "open"})] {
        tocsin.send(Method::PATCH, &path, &wrong).await.expect(400);
    }
    tocsin.assert_stats_match_log().await;

    // The alert goes on firing: within the window nothing happens, then an incident opens.
    let opened = eventually("a new incident", || async {
        let report = tocsin.post(&webhook).await;
        (report.opened == 1).then_some(report)
    })
    .await;
    assert_eq!(opened.opened, 1);
    let open: Vec<Incident> = tocsin.all("incidents?state=open").await;
    assert_eq!(open[0].previous_id, Some(closed.id));
    assert!(Some(open[0].starts_at) >= closed.ends_at);
    tocsin.assert_stats_match_log().await;
}

async fn incidents_are_closed_by_filter(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alerts = ["1", "2", "3"].map(|name| firing("Down").instance(name));
    tocsin.post(&Webhook::of(alerts)).await;
    tocsin.post(&Webhook::of([firing("Other")])).await;
    let body = json!({"filter": {"alertname": ["Down"], "state": ["open"]}, "by": "Ann"});
    let result: Value = tocsin
        .send(Method::POST, "/api/v1/incidents/close", &body)
        .await
        .expect(200)
        .json();
    assert_eq!(result["changed"], 3);
    let closed: Vec<Incident> = tocsin.all("incidents?state=closed").await;
    assert_eq!(closed.len(), 3);
    let open: Vec<Incident> = tocsin.all("incidents?state=open").await;
    assert_eq!(open.len(), 1);
    // Resolutions after the incident was closed are duplicates.
    let resolves = ["1", "2"].map(|name| firing("Down").instance(name).resolve());
    let report = tocsin.post(&Webhook::of(resolves)).await;
    assert_eq!(report.seen_again, 2, "{report:?}");
    let closed: Vec<Incident> = tocsin.all("incidents?state=closed").await;
    assert_eq!(closed.len(), 3);
    tocsin.assert_stats_match_log().await;
}

async fn incident_without_updates_expires_after_expire_after(database: Database) {
    let server = SmtpServer::plain();
    let options = Options::on(database)
        .smtp(&server)
        .set("incidents.window", "200ms")
        .set("incidents.stale_after", "500ms")
        .set("incidents.expire_after", "1s");
    let tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Gone").team("infra")]))
        .await;
    let expired = eventually("the incident expires", || async {
        let expired: Vec<Incident> = tocsin.all("incidents?state=expired").await;
        expired.into_iter().next()
    })
    .await;
    assert_eq!(expired.end_reason, Some(EndReason::NotSeen));
    assert_eq!(expired.ends_at, Some(expired.last_seen_at));
    assert!(server.wait_for(2).await[1].text.contains("[Expired]"));
    let sent = notifications(&tocsin, "sent").await;
    assert!(
        sent.iter()
            .all(|notification| notification.state == NotificationState::Sent)
    );
    tocsin.assert_stats_match_log().await;
}

/// `continue: true` sends one alert through two receivers.
async fn incident_stays_in_the_email_thread_of_its_opening(database: Database) {
    let server = SmtpServer::plain();
    let tocsin = Tocsin::start(Options::on(database).smtp(&server)).await;
    team(&tocsin, "infra").await;
    let alert = firing("Down").team("infra").starts(ago(300));
    let ends = alert.resolve();
    let to = |receiver: &str, alert| Webhook::of([alert]).receiver(receiver);
    tocsin.post(&to("a", alert.clone())).await;
    tocsin.post(&to("b", alert)).await;
    server.wait_for(1).await;
    assert_eq!(tocsin.post(&to("b", ends.clone())).await.resolved, 1);
    assert_eq!(tocsin.post(&to("a", ends)).await.seen_again, 1);
    let mails = server.wait_for(2).await;
    assert!(mails[1].text.contains("[Resolved]"), "{}", mails[1].text);
    assert_eq!(mails[0].references, mails[1].references);
    assert_eq!(mails[0].subject, mails[1].subject);
    assert_eq!(tocsin.wait_for_notifications().await.len(), 2);
}
