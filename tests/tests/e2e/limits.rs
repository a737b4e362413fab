//! Limits: of values, times, bodies, and of stored data.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{Alert, Delivery, Incident, IngestReport, Notification};
use tocsin_tests::{Database, Options, Tocsin, Webhook, ago, firing, on_both, team, wait_until};

on_both!(
    long_values_are_stored_in_every_field,
    fingerprints_are_normalized_or_computed,
    extreme_times_are_stored,
    old_bodies_are_deleted_and_the_log_is_kept,
    notifications_outlive_their_recipient,
);

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

/// Incompressible text.
fn noise(length: usize) -> String {
    (0..length)
        .map(|_| char::from(rand::random_range(b'a'..=b'z')))
        .collect()
}

async fn long_values_are_stored_in_every_field(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    team(&tocsin, "infra").await;
    let long = noise(10_240);
    for label in ["alertname", "instance", "severity", "team", "job", &long] {
        let alert = firing("Long").label(label, &long).annotation(label, &long);
        let webhook = Webhook::of([alert]);
        assert_eq!(tocsin.post(&webhook).await.opened, 1, "{label}");
        assert_eq!(tocsin.post(&webhook).await.seen_again, 1, "{label}");
        let newest: Vec<Alert> = tocsin.all("alerts").await;
        assert_eq!(newest[0].labels[label], long, "{label}");
    }
    for field in ["receiver", "groupKey", "externalURL", "version"] {
        let mut body = Webhook::of([firing("Long").team("infra").instance(field)]).json();
        body[field] = json!(long);
        body["alerts"][0]["generatorURL"] = json!(long);
        let report: IngestReport = tocsin.deliver(WEBHOOK, body.to_string()).await.json();
        assert_eq!(report.opened, 1, "{field}");
        tocsin
            .get::<Delivery>(&format!("/api/v1/deliveries/{}", report.delivery_id))
            .await;
    }
    let many = (0..1_000).fold(firing("Many").team("infra"), |alert, n| {
        alert.label(&format!("label_{n}"), &noise(20))
    });
    assert_eq!(tocsin.post(&Webhook::of([many])).await.opened, 1);
    tocsin.wait_for_notifications().await;
    let found: Vec<Incident> = tocsin.all(&format!("incidents?instance={long}")).await;
    assert_eq!(found.len(), 1);
    let found: Vec<Incident> = tocsin
        .all(&format!("incidents?label=job%3D~%22{}.*%22", &long[..50]))
        .await;
    assert_eq!(found.len(), 1);
    tocsin
        .get_reply("/api/v1/stats/top?by=instance")
        .await
        .expect(200);
}

async fn fingerprints_are_normalized_or_computed(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    // Valid fingerprints are stored in lower case.
    for (sent, kept) in [
        ("ABCDEF0123456789", "abcdef0123456789"),
        ("00000000000000ff", "00000000000000ff"),
    ] {
        let mut body = Webhook::of([firing("A")]).json();
        body["alerts"][0]["fingerprint"] = json!(sent);
        let report: IngestReport = tocsin.deliver(WEBHOOK, body.to_string()).await.json();
        assert_eq!(report.opened, 1, "{sent}");
        let newest: Vec<Alert> = tocsin.all("alerts").await;
        assert_eq!(newest[0].fingerprint, kept);
    }
    let mut computed = Vec::new();
    for sent in [
        json!(""),
        json!("xyz"),
        json!(17),
        json!(null),
        json!("abcdef012345678"),
        json!("ABCDEF012345678G"),
    ] {
        let mut body = Webhook::of([firing("B")]).json();
        body["alerts"][0]["fingerprint"] = sent.clone();
        let report: IngestReport = tocsin.deliver(WEBHOOK, body.to_string()).await.json();
        computed.push((report.opened, report.seen_again));
    }
    assert_eq!(computed[0], (1, 0));
    assert!(
        computed[1..].iter().all(|report| *report == (0, 1)),
        "{computed:?}"
    );
}

async fn extreme_times_are_stored(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    for (n, (start, end)) in [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z"),
        (
            "2026-01-01T00:00:00.123456789+14:00",
            "0001-01-01T00:00:00Z",
        ),
        ("2026-06-30T23:59:60Z", "0001-01-01T00:00:00Z"),
        ("2999-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z"),
        ("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
    ]
    .into_iter()
    .enumerate()
    {
        for status in ["firing", "resolved"] {
            let mut body = Webhook::of([firing(status).instance(&n.to_string())]).json();
            body["alerts"][0]["status"] = json!(status);
            body["alerts"][0]["startsAt"] = json!(start);
            body["alerts"][0]["endsAt"] = json!(end);
            let report: IngestReport = tocsin.deliver(WEBHOOK, body.to_string()).await.json();
            let accepted = report.alerts - report.rejected.len();
            let counted = report.opened
                + report.resolved
                + report.refreshed
                + report.seen_again
                + report.late;
            assert_eq!(
                (report.alerts, counted),
                (1, accepted),
                "{status} {start} {end}: {report:?}"
            );
        }
    }
    // Every stored row can be listed, in every order.
    for list in [
        "alerts",
        "incidents",
        "incidents?sort=duration",
        "incidents?sort=startsAt&order=asc",
    ] {
        assert!(!tocsin.all::<serde_json::Value>(list).await.is_empty());
    }
    tocsin
        .get_reply("/api/v1/stats/timeline?bucket=day")
        .await
        .expect(200);
    tocsin
        .get_reply("/api/v1/stats/summary?from=0001-01-01T00:00:00Z&to=9999-12-31T00:00:00Z")
        .await
        .expect(200);
}

async fn old_bodies_are_deleted_and_the_log_is_kept(database: Database) {
    let options = Options::on(database)
        .set("retention.raw_bodies", "1s")
        .set("retention.refused_bytes", "2KiB");
    let mut tocsin = Tocsin::start(options).await;
    let report = tocsin.post(&Webhook::of([firing("Old")])).await;
    let path = format!("/api/v1/deliveries/{}", report.delivery_id);
    assert!(tocsin.get::<Delivery>(&path).await.raw_available);
    // Bodies of rejected deliveries are limited in size; the oldest are deleted first.
    for _ in 0..20 {
        tocsin.deliver(WEBHOOK, noise(500)).await.problem(400);
    }
    let rejected: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert_eq!(rejected.len(), 20);
    let kept: Vec<bool> = rejected
        .iter()
        .map(|delivery| delivery.raw_available)
        .collect();
    let count = kept.iter().filter(|kept| **kept).count();
    assert!(
        (2..=6).contains(&count) && kept[..count].iter().all(|kept| *kept),
        "{kept:?}"
    );
    let received = tocsin.get::<Delivery>(&path).await.received_at;
    wait_until("the body is older than its retention", || async {
        ago(2) > received
    })
    .await;
    // Retention runs at the start, and then every hour.
    tocsin.terminate();
    tocsin.wait_for_exit().await;
    tocsin.restart().await;
    wait_until("the old body is deleted", || async {
        !tocsin.get::<Delivery>(&path).await.raw_available
    })
    .await;
    let problem = tocsin.get_reply(&format!("{path}/raw")).await.problem(404);
    assert!(
        problem.detail.contains("retention.raw_bodies"),
        "{}",
        problem.detail
    );
    assert_eq!(tocsin.all::<Alert>("alerts").await.len(), 1);
}

async fn notifications_outlive_their_recipient(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let infra = team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    let before = tocsin.wait_for_notifications().await;
    let no_members = json!({"name": "infra", "recipientIds": []});
    let group = format!("/api/v1/groups/{}", infra.group.id);
    tocsin
        .send(Method::PUT, &group, &no_members)
        .await
        .expect(200)
        .json::<serde_json::Value>();
    for path in [group, format!("/api/v1/recipients/{}", infra.recipient.id)] {
        let reply = tocsin
            .request(Method::DELETE, &path)
            .send()
            .await
            .expect(204);
        assert!(reply.body.is_empty());
    }
    let after: Vec<Notification> = tocsin.all("notifications").await;
    assert_eq!(
        (after[0].recipient_id, &after[0].recipient_email),
        (None, &before[0].recipient_email)
    );
    assert_eq!(after[0].recipient_name, "On call of infra");
    let resend = format!("/api/v1/notifications/{}/resend", after[0].id);
    let resent: Notification = tocsin
        .request(Method::POST, &resend)
        .send()
        .await
        .expect(201)
        .json();
    assert_eq!(resent.recipient_email, "infra@example.com");
    assert_eq!(tocsin.wait_for_notifications().await.len(), 2);
    assert_eq!(
        tocsin
            .post(&Webhook::of([firing("Up").team("infra")]))
            .await
            .opened,
        1
    );
    assert_eq!(
        tocsin
            .all::<Delivery>("deliveries?unrouted=true")
            .await
            .len(),
        1
    );
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_bodies_are_limited_after_decompression() {
    // Created first: it takes longer than the keep-alive timeout.
    let bomb = gzip(&vec![b' '; 100 << 20]);
    let tocsin = Tocsin::start(Options::default()).await;
    let send = |body: Vec<u8>, encoding: &'static str| {
        tocsin
            .request(Method::POST, WEBHOOK)
            .header("content-encoding", encoding)
            .bytes(body)
            .send()
    };
    let plain = Webhook::of([firing("A")]).bytes();
    let report: IngestReport = send(gzip(&plain), "gzip").await.json();
    assert_eq!(report.opened, 1);
    let raw = tocsin
        .get_reply(&format!("/api/v1/deliveries/{}/raw", report.delivery_id))
        .await;
    assert_eq!(raw.body, plain);
    send(bomb, "gzip").await.problem(413);
    send(plain.clone(), "gzip").await.problem(400);
    send(plain, "br").await.problem(415);
}

#[tokio::test]
async fn chunked_body_is_limited() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let tocsin = Tocsin::start(Options::default().set("server.body_limit", "64KiB")).await;
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", tocsin.port()))
        .await
        .unwrap();
    let head = "POST /webhook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"4000\r\n".to_vec(), vec![b' '; 0x4000], b"\r\n".to_vec()].concat();
    for _ in 0..8 {
        // The response may arrive, and the connection close, before everything is sent.
        if connection.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut answer = vec![0; 1_024];
    let read = connection.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
