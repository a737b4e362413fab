//! Live events, and going on where a connection broke off.

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
    what_happens_is_told_at_once,
    a_broken_stream_goes_on_without_gap_or_repeat
);

fn is_delivery(change: &ChangeEvent) -> bool {
    matches!(change, ChangeEvent::Delivery(_))
}

async fn what_happens_is_told_at_once(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    team(&tocsin, "infra").await;
    let mut stream = tocsin.follow(None).await;
    let report = tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    let id = tocsin.all::<Incident>("incidents").await[0].id;
    // The mail's states come in their order, among the others.
    let mut seen: Vec<ChangeEvent> = Vec::new();
    let written = |change: &ChangeEvent| matches!(change, ChangeEvent::Notification(mail) if mail.state == NotificationState::Written);
    seen.extend(
        stream
            .until(written)
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
        seen.iter().any(|change| matches!(change, ChangeEvent::Notification(mail) if mail.state == NotificationState::Queued)),
        "{seen:#?}"
    );
    let body = json!({"known": true, "by": "Ann"});
    tocsin
        .send(Method::PATCH, &format!("/api/v1/incidents/{id}"), &body)
        .await
        .expect(200)
        .json::<Incident>();
    let known = ChangeEvent::Incident(IncidentChange {
        id,
        event: EventKind::Acknowledged,
    });
    assert_eq!(stream.next().await.change, known);
    tocsin.deliver("/webhook", "nonsense").await.problem(400);
    let refused = stream.until(is_delivery).await.pop().unwrap().change;
    assert!(
        matches!(refused, ChangeEvent::Delivery(delivery) if delivery.refused && delivery.entries == 0)
    );
}

async fn a_broken_stream_goes_on_without_gap_or_repeat(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    let mut whole = tocsin.follow(None).await;
    let mut broken = tocsin.follow(None).await;
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
    let mut resumed = tocsin.follow(Some(&last_id)).await;
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
        all.extend(whole.until(is_delivery).await);
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
    // Over a restart as well: the feed is a table.
    let last_id = all.last().unwrap().id.clone();
    let last = post(&tocsin, 300).await;
    tocsin.kill9();
    tocsin.restart().await;
    let mut resumed = tocsin.follow(Some(&last_id)).await;
    let found = resumed.until(is_delivery).await;
    assert_eq!(deliveries(&found), [last.delivery_id]);
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_the_program() {
    let mut tocsin = Tocsin::start(Options::default().set("server.max_event_streams", 2)).await;
    let mut one = tocsin.follow(None).await;
    let mut two = tocsin.follow(None).await;
    let reply = tocsin.look("/api/v1/events").await;
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
    assert_eq!(tocsin.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_leaves_makes_room_at_once() {
    let tocsin = Tocsin::start(Options::default().set("server.max_event_streams", 1)).await;
    let left = tocsin.follow(None).await;
    drop(left);
    // Sooner than the next heartbeat would find out, after 15 seconds.
    eventually_within(Duration::from_secs(12), "a free place", || async {
        let taken = tocsin.metrics().await.sum("tocsin_event_streams", &[]);
        (taken == 0.0).then_some(())
    })
    .await;
    tocsin.follow(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_program_stored_is_told_too() {
    let one = Tocsin::start(Options::on(Database::postgres().await)).await;
    let two = one.replica().await;
    let mut stream = two.follow(None).await;
    let mut stored = Vec::new();
    for n in 0..40 {
        let tocsin = if n % 2 == 0 { &one } else { &two };
        let report = tocsin
            .post(&Webhook::of([firing("Down").instance(&n.to_string())]))
            .await;
        stored.push(report.delivery_id);
    }
    let mut told = Vec::new();
    for _ in 0..stored.len() {
        let event = stream.until(is_delivery).await.pop().unwrap();
        if let ChangeEvent::Delivery(delivery) = event.change {
            told.push(delivery.id);
        }
    }
    told.sort_unstable();
    stored.sort_unstable();
    assert_eq!(told, stored, "each once");
}
