//! Resource limits of one request, one body and one alert.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{Alert, AlertDetail, Incident, IngestReport, Page};
use tocsin_tests::{Database, Options, Tocsin, Walk, Webhook, firing, on_both};

on_both!(
    matchers_are_limited_in_number_and_size,
    large_alert_is_truncated_and_its_payload_stored,
);

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

/// Maximum number of matchers in a request.
const MATCHERS: usize = 32;

/// A matcher whose compiled expression takes 256 KiB.
fn costly(n: usize) -> String {
    format!("a{n}=~\"\\pL{{5}}{n}\"")
}

async fn matchers_are_limited_in_number_and_size(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let request = async |path: &str, matchers: Vec<String>| {
        let walk = matchers
            .iter()
            .fold(Walk::of(path), |walk, matcher| walk.with("label", matcher));
        tocsin.get_reply(&walk.url()).await
    };
    let plain = |count: usize| (0..count).map(|n| format!("a{n}=\"\"")).collect();
    for path in ["alerts", "incidents", "alerts/export", "incidents/export"] {
        request(path, plain(MATCHERS)).await.expect(200);
        let rejected = request(path, plain(MATCHERS + 1)).await;
        assert_eq!(rejected.fields(400), ["label"], "{path}");
        request(path, (0..2).map(costly).collect())
            .await
            .expect(200);
        let rejected = request(path, (0..MATCHERS).map(costly).collect()).await;
        assert_eq!(rejected.fields(400), ["label"], "{path}");
        let detail = rejected.problem(400).detail;
        assert!(detail.contains("too large together"), "{detail}");
    }
    let of_many: Vec<String> = plain(MATCHERS + 1);
    for (path, body) in [
        (
            "/api/v1/incidents/acknowledge",
            json!({ "filter": { "label": of_many }, "known": true }),
        ),
        (
            "/api/v1/incidents/close",
            json!({ "filter": { "label": of_many } }),
        ),
    ] {
        let rejected = tocsin.send(Method::POST, path, &body).await;
        assert_eq!(rejected.fields(400), ["filter.label"]);
    }
    let route = json!({ "name": "Many", "matchers": of_many, "groupIds": [] });
    let user = json!({
        "name": "Many", "email": "many@example.com", "role": "viewer",
        "password": super::sign_in::PASSWORD, "matchers": of_many,
    });
    for (path, body) in [("/api/v1/routes", route), ("/api/v1/users", user)] {
        let rejected = tocsin.send(Method::POST, path, &body).await;
        assert_eq!(rejected.fields(400), ["matchers"]);
    }
}

async fn large_alert_is_truncated_and_its_payload_stored(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let huge = "x".repeat(1 << 20);
    let alerts = (0..15).map(|n| {
        firing("Huge")
            .instance(&n.to_string())
            .annotation("summary", &huge)
            .annotation("runbook_url", "https://example.com/runbook")
    });
    let body = Webhook::of(alerts).json().to_string();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body.as_bytes()).unwrap();
    let compressed = gzip.finish().unwrap();
    let request = tocsin.request(Method::POST, WEBHOOK);
    let reply = request.header("content-encoding", "gzip").bytes(compressed);
    let report: IngestReport = reply.send().await.json();
    assert_eq!(report.opened, 15);

    for path in ["/api/v1/alerts", "/api/v1/incidents"] {
        let page = tocsin.get_reply(path).await.expect(200);
        assert!(page.body.len() < 2 << 20, "{path}: {}", page.body.len());
        let page: Value = page.json();
        let row = &page["items"][0];
        assert_eq!(
            row["message"].as_str().map(|text| text.chars().count()),
            Some(501),
            "{path}: a list shows the beginning of a message"
        );
        assert_eq!(
            row["annotations"]["runbook_url"], "https://example.com/runbook",
            "{path}: short values are not truncated"
        );
    }
    let page: Page<Alert> = tocsin.get("/api/v1/alerts?limit=1").await;
    let detail: AlertDetail = tocsin
        .get(&format!("/api/v1/alerts/{}", page.items[0].id))
        .await;
    let summary = &detail.alert.annotations["summary"];
    assert!(summary.len() <= 64 << 10);
    assert!(summary.ends_with("… [cut, 1048576 bytes]"));
    assert_eq!(detail.alert.message, *summary);
    let raw = format!("/api/v1/deliveries/{}/raw", report.delivery_id);
    assert_eq!(tocsin.get_reply(&raw).await.body, body.as_bytes());

    // Pages are limited in bytes; paging through them returns every row.
    let alerts = (0..40).map(|n| {
        let alert = firing("Long").instance(&n.to_string());
        (0..3).fold(alert, |alert, n| {
            alert.annotation(&format!("text_{n}"), &huge[..60 << 10])
        })
    });
    for chunk in alerts.collect::<Vec<_>>().chunks(20) {
        let webhook = Webhook::of(chunk.to_vec()).group("long");
        assert_eq!(tocsin.post(&webhook).await.opened, 20);
    }
    let first: Page<Incident> = tocsin
        .get("/api/v1/incidents?alertname=Long&limit=500")
        .await;
    assert!(first.items.len() < 30, "{}", first.items.len());
    assert!(first.next_cursor.is_some());
    let walk = Walk::of("incidents").with("alertname", "Long");
    let all: Vec<Incident> = walk.with("limit", 500).all(&tocsin).await;
    let mut instances: Vec<u32> = all.iter().map(|i| i.instance.parse().unwrap()).collect();
    instances.sort_unstable();
    assert_eq!(instances, (0..40).collect::<Vec<_>>());
    let export = tocsin
        .get_reply("/api/v1/incidents/export?alertname=Long&format=jsonl")
        .await;
    let lines = export.expect(200).text();
    assert_eq!(lines.lines().count(), 40);
}

#[tokio::test]
async fn unauthenticated_bodies_have_a_smaller_limit() {
    let tocsin = Tocsin::start(Options::default()).await;
    let body =
        |length: usize| json!({ "email": "kim@example.com", "password": "x".repeat(length) });
    for path in [super::sign_in::SIGN_IN, "/api/v1/set-up"] {
        let request = tocsin.request(Method::POST, path).anonymous();
        request.json(&body(9_000)).send().await.problem(413);
    }
    let request = tocsin.request(Method::POST, super::sign_in::SIGN_IN);
    let reply = request.anonymous().json(&body(900)).send().await;
    assert_ne!(reply.status, 413);
}
