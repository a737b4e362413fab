//! Event streams of callers with restricted visibility.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{ChangeEvent, Incident, Page};
use tocsin_tests::{Database, EventStream, Webhook, on_both};
use tokio::time::timeout;

use super::{ours, responder, start_with_two_teams, theirs, user};

const HALF_A_SECOND: Duration = Duration::from_millis(500);

on_both!(streams_include_visible_changes_and_end_with_access);

async fn streams_include_visible_changes_and_end_with_access(database: Database) {
    let tocsin = start_with_two_teams(database).await;
    let (user_id, kim) = user(&tocsin).await;
    let all: Vec<Incident> = tocsin.all("incidents").await;
    let earlier: BTreeSet<i64> = all.iter().map(|incident| incident.id).collect();
    let mut stream = tocsin.open_stream_as(kim.as_header(), None).await;
    tocsin
        .post(&Webhook::of([theirs("New")]).group("{}:{theirs new}"))
        .await;
    let both = Webhook::of([theirs("More"), ours("More"), theirs("Most")]).group("{}:{more}");
    let report = tocsin.post(&both).await;
    let is_report = |change: &ChangeEvent| matches!(change, ChangeEvent::Delivery(delivery) if delivery.id == report.delivery_id);
    let received = stream.until(is_report).await;
    let all: Vec<Incident> = tocsin.all("incidents").await;
    let is_new = |incident: &&Incident| !earlier.contains(&incident.id) && incident.team == "ours";
    let own = all.iter().find(is_new).unwrap().id;
    for event in &received {
        match &event.change {
            ChangeEvent::Incident(incident) => assert_eq!(incident.id, own),
            ChangeEvent::Delivery(delivery) => {
                assert_eq!((delivery.id, delivery.entries), (report.delivery_id, 1))
            }
            ChangeEvent::Notification(notification) => {
                panic!("a notification with alerts of both teams: {notification:?}")
            }
        }
    }
    assert_eq!(received.len(), 2, "{received:#?}");
    // A stream from the beginning is filtered too.
    let mut replayed = tocsin.open_stream_as(kim.as_header(), Some("0-0")).await;
    let events = replayed.until(is_report).await;
    for event in &events {
        if let ChangeEvent::Incident(change) = &event.change {
            let incident = all
                .iter()
                .find(|incident| incident.id == change.id)
                .unwrap();
            assert_eq!(incident.team, "ours");
        }
    }
    // Notifications of our team are streamed.
    tocsin
        .post(&Webhook::of([ours("Alone")]).group("{}:{alone}"))
        .await;
    stream
        .until(|change| matches!(change, ChangeEvent::Notification(_)))
        .await;
    // Streams of a disabled user and of a revoked token end.
    let token = responder(&tocsin).await;
    let mut with_token = tocsin.open_stream_as(token.as_header(), None).await;
    let path = format!("/api/v1/users/{user_id}");
    let body = json!({
        "name": "Kim", "email": "kim@example.com", "role": "responder",
        "matchers": ["team=\"ours\""], "enabled": false,
    });
    tocsin.send(Method::PUT, &path, &body).await.expect(200);
    let tokens: Page<Value> = tocsin.get("/api/v1/tokens").await;
    for token in tokens.items {
        if token["matchers"] != json!([]) {
            let path = format!("/api/v1/tokens/{}", token["id"]);
            let revoked = tocsin.request(Method::DELETE, &path).send().await;
            assert!(revoked.status.is_success(), "{}", revoked.text());
        }
    }
    for stream in [&mut stream, &mut replayed, &mut with_token] {
        // Access is checked before an event is sent, at most once a second.
        let began = Instant::now();
        let rest = async |stream: &mut EventStream| while stream.try_next().await.is_some() {};
        while timeout(HALF_A_SECOND, rest(stream)).await.is_err() {
            assert!(
                began.elapsed() < HALF_A_SECOND * 240,
                "the stream does not end"
            );
            tocsin.post(&Webhook::of([ours("Late")])).await;
        }
    }
    kim.request(&tocsin, Method::GET, "/api/v1/alerts", None)
        .await
        .problem(401);
}
