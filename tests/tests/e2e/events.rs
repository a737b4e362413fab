//! The event stream, and resuming it after a broken connection.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{
    ChangeEvent, DeliveryChange, EventKind, Incident, IncidentChange, NotificationState,
};
use tocsin_tests::{
    Database, Event, Options, Tocsin, Webhook, eventually_within, firing, on_both, team,
};

on_both!(
    events_are_sent_immediately,
    broken_stream_resumes_without_gap_or_duplicate
);

fn is_delivery(change: &ChangeEvent) -> bool {
    matches!(change, ChangeEvent::Delivery(_))
}

async fn events_are_sent_immediately(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    team(&tocsin, "infra").await;
    let mut stream = tocsin.open_stream(None).await;
    let report = tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    let id = tocsin.all::<Incident>("incidents").await[0].id;
    // The notification's states arrive in order, between other events.
    let mut seen: Vec<ChangeEvent> = Vec::new();
    let is_written = |change: &ChangeEvent| matches!(change, ChangeEvent::Notification(notification) if notification.state == NotificationState::Written);
    seen.extend(
        stream
            .until(is_written)
            .await
            .into_iter()
            .map(|event| event.change),
    );
    let opened = ChangeEvent::Incident(IncidentChange {
        id,
        event: EventKind::Opened,
    });
    let stored = ChangeEvent::Delivery(DeliveryChange {
        id: report.delivery_id,
        source: "alertmanager".to_owned(),
        entries: 1,
        refused: false,
    });
    assert!(
        seen.contains(&opened) && seen.contains(&stored),
        "{seen:#?}"
    );
    assert!(
            seen.iter().any(|change| matches!(change, ChangeEvent::Notification(notification) if notification.state == NotificationState::Queued)),
        "{seen:#?}"
    );
    let body = json!({"known": true, "by": "Ann"});
    tocsin
        .send(Method::PATCH, &format!("/api/v1/incidents/{id}"), &body)
        .await
        .expect(200)
        .json::<Incident>();
    let acknowledged = ChangeEvent::Incident(IncidentChange {
        id,
        event: EventKind::Acknowledged,
    });
    assert_eq!(stream.next().await.change, acknowledged);
    tocsin.deliver("/webhook", "nonsense").await.problem(400);
    let rejected = stream.until(is_delivery).await.pop().unwrap().change;
    assert!(
        matches!(rejected, ChangeEvent::Delivery(delivery) if delivery.refused && delivery.entries == 0)
    );
}

async fn broken_stream_resumes_without_gap_or_duplicate(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    let mut uninterrupted = tocsin.open_stream(None).await;
    let mut broken = tocsin.open_stream(None).await;
    let post = async |tocsin: &Tocsin, n: u32| {
        tocsin
            .post(&Webhook::of([firing("Down").instance(&n.to_string())]))
            .await
    };
    post(&tocsin, 0).await;
    let first = broken.until(is_delivery).await;
    let last_id = first.last().unwrap().id.clone();
    drop(broken);
    for n in 1..300 {
        post(&tocsin, n).await;
    }
    let mut resumed = tocsin.open_stream(Some(&last_id)).await;
    let deliveries = |events: &[Event]| -> Vec<i64> {
        events
            .iter()
            .filter_map(|event| match &event.change {
                ChangeEvent::Delivery(delivery) => Some(delivery.id),
                _ => None,
            })
            .collect()
    };
    let mut missed = Vec::new();
    let mut all = Vec::new();
    for n in 0..300 {
        all.extend(uninterrupted.until(is_delivery).await);
        if n > 0 {
            missed.extend(resumed.until(is_delivery).await);
        }
    }
    assert_eq!(
        deliveries(&first)
            .into_iter()
            .chain(deliveries(&missed))
            .collect::<Vec<_>>(),
        deliveries(&all)
    );
    let distinct: std::collections::BTreeSet<i64> = deliveries(&all).into_iter().collect();
    assert_eq!(distinct.len(), 300);
    // Events are stored in a table, so they survive a restart.
    let last_id = all.last().unwrap().id.clone();
    let last = post(&tocsin, 300).await;
    tocsin.kill9();
    tocsin.restart().await;
    let mut resumed = tocsin.open_stream(Some(&last_id)).await;
    let found = resumed.until(is_delivery).await;
    assert_eq!(deliveries(&found), [last.delivery_id]);
}

#[tokio::test]
async fn streams_are_limited_and_end_with_the_program() {
    let mut tocsin = Tocsin::start(Options::default().set("server.max_event_streams", 2)).await;
    let mut one = tocsin.open_stream(None).await;
    let mut two = tocsin.open_stream(None).await;
    let reply = tocsin.get_reply("/api/v1/events").await;
    reply.problem(503);
    assert!(!reply.header("retry-after").is_empty());
    assert_eq!(tocsin.metrics().await.sum("tocsin_event_streams", &[]), 2.0);
    tocsin.terminate();
    for stream in [&mut one, &mut two] {
        assert_eq!(
            stream.try_next().await,
            None,
            "the stream ends with the program"
        );
    }
    assert_eq!(tocsin.wait_for_exit().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_stream_is_released_immediately() {
    let tocsin = Tocsin::start(Options::default().set("server.max_event_streams", 1)).await;
    let stream = tocsin.open_stream(None).await;
    drop(stream);
    // Sooner than the next heartbeat, after 15 seconds.
    eventually_within(Duration::from_secs(12), "the stream is closed", || async {
        let open = tocsin.metrics().await.sum("tocsin_event_streams", &[]);
        (open == 0.0).then_some(())
    })
    .await;
    tocsin.open_stream(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_of_other_replicas_are_streamed() {
    let one = Tocsin::start(Options::on(Database::postgres().await)).await;
    let two = one.replica().await;
    let mut stream = two.open_stream(None).await;
    let mut stored = Vec::new();
    for n in 0..40 {
        let tocsin = if n % 2 == 0 { &one } else { &two };
        let report = tocsin
            .post(&Webhook::of([firing("Down").instance(&n.to_string())]))
            .await;
        stored.push(report.delivery_id);
    }
    let mut received = Vec::new();
    for _ in 0..stored.len() {
        let event = stream.until(is_delivery).await.pop().unwrap();
        if let ChangeEvent::Delivery(delivery) = event.change {
            received.push(delivery.id);
        }
    }
    received.sort_unstable();
    stored.sort_unstable();
    assert_eq!(received, stored, "each delivery once");
}
