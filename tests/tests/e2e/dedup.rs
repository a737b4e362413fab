//! Deduplication through the API: deliveries that open, repeat or resolve an incident,
//! and duplicates.

use chrono::{TimeDelta, Timelike};
use tocsin_api_types::{Alert, Delivery, EntryKind, Incident, IncidentDetail, IncidentState};
use tocsin_tests::{
    Database, Options, Tocsin, Webhook, ago, eventually, firing, on_both, resolved,
};

on_both!(
    two_peers_report_one_incident,
    peers_with_different_batches_are_deduplicated_by_alert,
    refired_alert_opens_a_new_incident,
    out_of_order_delivery_changes_nothing,
    delivery_after_the_window_is_repeated,
    second_receiver_is_a_duplicate,
    stale_incident_expires_when_its_alert_fires_again,
    truncated_alerts_become_stale,
    alerts_are_separate_by_source,
    resolution_without_incident_creates_a_resolved_one,
);

async fn only_incident(tocsin: &Tocsin) -> Incident {
    let mut incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    incidents.remove(0)
}

async fn kinds(tocsin: &Tocsin) -> Vec<EntryKind> {
    let entries: Vec<Alert> = tocsin.all("alerts?order=asc").await;
    entries.iter().map(|entry| entry.kind).collect()
}

async fn two_peers_report_one_incident(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alert = firing("Down").instance("db-1").starts(ago(120));
    // Observed in practice: the end differs by a millisecond between two peers.
    let end = ago(10);
    let over = |millis| Webhook::of([alert.clone().ends(end + TimeDelta::milliseconds(millis))]);
    assert_eq!(tocsin.post(&Webhook::of([alert.clone()])).await.opened, 1);
    assert_eq!(
        tocsin
            .post(&Webhook::of([alert.clone()]).peer("b"))
            .await
            .seen_again,
        1
    );
    let incident = only_incident(&tocsin).await;
    assert_eq!((incident.senders, incident.occurrences), (2, 1));
    assert_eq!(tocsin.post(&over(0)).await.resolved, 1);
    assert_eq!(tocsin.post(&over(1).peer("b")).await.seen_again, 1);
    let incident = only_incident(&tocsin).await;
    assert_eq!(incident.state, IncidentState::Resolved);
    assert_eq!((incident.senders, incident.occurrences), (2, 1));
    assert_eq!(incident.ends_at, Some(end));
    assert_eq!(
        kinds(&tocsin).await,
        [EntryKind::Opened, EntryKind::Resolved]
    );
}

async fn peers_with_different_batches_are_deduplicated_by_alert(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alert = |name: &str| firing("Down").instance(name);
    let a = tocsin.post(&Webhook::of(["1", "2", "3"].map(alert))).await;
    assert_eq!((a.opened, a.seen_again), (3, 0));
    let b = tocsin.post(&Webhook::of(["2"].map(alert)).peer("b")).await;
    assert_eq!((b.opened, b.seen_again), (0, 1));
    let b = tocsin
        .post(&Webhook::of(["1", "2", "3", "4"].map(alert)).peer("b"))
        .await;
    assert_eq!((b.opened, b.seen_again), (1, 3));
    let a = tocsin
        .post(&Webhook::of([
            alert("1"),
            alert("2"),
            alert("3").resolve(),
            alert("4"),
        ]))
        .await;
    assert_eq!((a.resolved, a.seen_again), (1, 3));
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert!(
        incidents.iter().all(|incident| incident.senders == 2),
        "{incidents:#?}"
    );
    assert_eq!(tocsin.all::<Alert>("alerts").await.len(), 5);
}

async fn refired_alert_opens_a_new_incident(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let first = firing("Flap").starts(ago(300));
    tocsin.post(&Webhook::of([first.clone()])).await;
    tocsin
        .post(&Webhook::of([first.clone().ends(ago(200))]))
        .await;
    assert_eq!(
        tocsin
            .post(&Webhook::of([firing("Flap").starts(ago(100))]))
            .await
            .opened,
        1
    );
    // The sender has resolved the alert itself, so it fires again, even with the old start.
    tocsin
        .post(&Webhook::of([firing("Flap")
            .starts(ago(100))
            .ends(ago(50))]))
        .await;
    assert_eq!(tocsin.post(&Webhook::of([first])).await.opened, 1);
    let incidents: Vec<Incident> = tocsin.all("incidents?sort=startsAt&order=asc").await;
    assert_eq!(incidents.len(), 3);
    assert_eq!(incidents[1].previous_id, Some(incidents[0].id));
    assert_eq!(incidents[2].previous_id, Some(incidents[1].id));
    assert_eq!(incidents[2].state, IncidentState::Open);
    assert!(
        incidents[2].starts_at >= incidents[1].ends_at.unwrap(),
        "{incidents:#?}"
    );
    let detail: IncidentDetail = tocsin
        .get(&format!("/api/v1/incidents/{}", incidents[1].id))
        .await;
    let mut others: Vec<i64> = detail.episodes.iter().map(|incident| incident.id).collect();
    others.sort_unstable();
    assert_eq!(others, [incidents[0].id, incidents[2].id]);
    assert_eq!(detail.entries.items.len(), 2);
    tocsin.assert_stats_match_log().await;
}

async fn out_of_order_delivery_changes_nothing(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alert = firing("Down").starts(ago(300));
    tocsin.post(&Webhook::of([alert.clone()])).await;
    tocsin
        .post(&Webhook::of([alert.clone().ends(ago(60))]))
        .await;
    let before = only_incident(&tocsin).await;
    // The other peer's copy of the firing alert, after the resolution that the peer has not sent.
    let late = tocsin.post(&Webhook::of([alert.clone()]).peer("b")).await;
    assert_eq!((late.late, late.opened), (1, 0));
    assert_eq!(
        tocsin
            .post(&Webhook::of([alert]).peer("b"))
            .await
            .seen_again,
        1,
        "its retry"
    );
    let after = only_incident(&tocsin).await;
    assert_eq!(after.state, IncidentState::Resolved);
    assert_eq!(
        (after.ends_at, after.occurrences),
        (before.ends_at, before.occurrences)
    );
    assert_eq!(
        kinds(&tocsin).await,
        [EntryKind::Opened, EntryKind::Resolved, EntryKind::Late]
    );
    tocsin.assert_stats_match_log().await;
}

async fn delivery_after_the_window_is_repeated(database: Database) {
    let tocsin = Tocsin::start(Options::on(database).set("incidents.window", "1s")).await;
    let webhook = Webhook::of([firing("Full")]);
    assert_eq!(tocsin.post(&webhook).await.opened, 1);
    // Duplicates do not extend the window.
    let repeated = eventually("the window's end", || async {
        let report = tocsin.post(&webhook).await;
        assert_eq!(report.seen_again + report.refreshed, 1, "{report:?}");
        (report.refreshed == 1).then_some(report)
    })
    .await;
    let entries: Vec<Alert> = tocsin.all("alerts?order=asc").await;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].kind, EntryKind::Refreshed);
    assert_eq!(entries[1].delivery_id, repeated.delivery_id);
    let interval = entries[1].received_at - entries[0].received_at;
    assert!(interval >= TimeDelta::seconds(1), "{interval}");
    let incident = only_incident(&tocsin).await;
    assert_eq!((incident.occurrences, incident.senders), (2, 1));
    assert_eq!(
        incident.last_seen_at.with_nanosecond(0),
        entries[1].received_at.with_nanosecond(0)
    );
}

async fn second_receiver_is_a_duplicate(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alert = firing("Down");
    tocsin
        .post(&Webhook::of([alert.clone()]).receiver("a").group("{}:{a}"))
        .await;
    let copy = tocsin
        .post(&Webhook::of([alert]).receiver("b").group("{}:{b}"))
        .await;
    assert_eq!(copy.seen_again, 1);
    let incident = only_incident(&tocsin).await;
    assert_eq!((incident.senders, incident.occurrences), (1, 1));
}

async fn stale_incident_expires_when_its_alert_fires_again(database: Database) {
    let options = Options::on(database)
        .set("incidents.window", "200ms")
        .set("incidents.stale_after", "1s");
    let tocsin = Tocsin::start(options).await;
    let alert = firing("Quiet").starts(ago(600));
    tocsin.post(&Webhook::of([alert.clone()])).await;
    assert!(!only_incident(&tocsin).await.stale);
    let stale = eventually("the incident is stale", || async {
        let stale: Vec<Incident> = tocsin.all("incidents?stale=true").await;
        stale.into_iter().next()
    })
    .await;
    assert!(stale.stale && stale.state == IncidentState::Open && !stale.known);
    assert_eq!(stale.ends_at, None);
    assert!(
        tocsin
            .all::<Incident>("incidents?stale=false")
            .await
            .is_empty()
    );
    // The incident is acknowledged; the next one is not.
    let body = serde_json::json!({"known": true, "by": "Ann"});
    tocsin
        .send(
            reqwest::Method::PATCH,
            &format!("/api/v1/incidents/{}", stale.id),
            &body,
        )
        .await
        .expect(200)
        .json::<Incident>();
    assert_eq!(tocsin.post(&Webhook::of([alert])).await.opened, 1);
    let incidents: Vec<Incident> = tocsin.all("incidents?sort=startsAt&order=asc").await;
    assert_eq!(incidents.len(), 2);
    let (expired, new) = (&incidents[0], &incidents[1]);
    assert_eq!(
        (expired.id, expired.state),
        (stale.id, IncidentState::Expired)
    );
    assert!(expired.ends_at.is_some() && !expired.stale);
    assert_eq!(
        (new.state, new.previous_id, new.known),
        (IncidentState::Open, Some(expired.id), false)
    );
    assert!(new.starts_at >= expired.ends_at.unwrap());
    let listed: Vec<Incident> = tocsin.all("incidents?state=expired").await;
    assert_eq!(listed.len(), 1);
    tocsin.assert_stats_match_log().await;
}

async fn truncated_alerts_become_stale(database: Database) {
    let options = Options::on(database)
        .set("incidents.window", "200ms")
        .set("incidents.stale_after", "1s");
    let tocsin = Tocsin::start(options).await;
    let (shown, hidden) = (firing("Shown"), firing("Hidden"));
    tocsin.post(&Webhook::of([shown.clone(), hidden])).await;
    // Alertmanager keeps sending, but `max_alerts` drops the second alert.
    let report = eventually("only the hidden one is stale", || async {
        let report = tocsin
            .post(&Webhook::of([shown.clone()]).truncated(1))
            .await;
        let stale: Vec<Incident> = tocsin.all("incidents?stale=true").await;
        let names: Vec<&str> = stale.iter().map(|incident| &*incident.alertname).collect();
        (names == ["Hidden"]).then_some(report)
    })
    .await;
    let delivery: Delivery = tocsin
        .get(&format!("/api/v1/deliveries/{}", report.delivery_id))
        .await;
    assert_eq!((delivery.alerts, delivery.truncated_alerts), (1, 1));
    let hidden: Vec<Incident> = tocsin.all("incidents?alertname=Hidden").await;
    assert_eq!(
        hidden[0].state,
        IncidentState::Open,
        "absence is not resolution"
    );
}

async fn alerts_are_separate_by_source(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let body = Webhook::of([firing("Down")]).bytes();
    assert_eq!(tocsin.post_to("east", body.clone()).await.opened, 1);
    assert_eq!(tocsin.post_to("west", body.clone()).await.opened, 1);
    assert_eq!(tocsin.post_to("east", body).await.seen_again, 1);
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), 2);
    assert_eq!(incidents[0].fingerprint, incidents[1].fingerprint);
    assert_eq!(
        tocsin.all::<Incident>("incidents?source=west").await.len(),
        1
    );
    assert_eq!(
        tocsin
            .all::<Incident>("incidents?source=west&source=east")
            .await
            .len(),
        2
    );
}

async fn resolution_without_incident_creates_a_resolved_one(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let webhook = Webhook::of([resolved("Missed").starts(ago(900))]);
    assert_eq!(tocsin.post(&webhook).await.resolved, 1);
    assert_eq!(tocsin.post(&webhook).await.seen_again, 1);
    let incident = only_incident(&tocsin).await;
    assert_eq!(incident.state, IncidentState::Resolved);
    assert!(incident.known && incident.known_by.is_none());
    assert!(incident.ends_at.unwrap() > incident.starts_at);
    tocsin.assert_stats_match_log().await;
}
