//! Deliveries to slightly wrong webhook paths.

use reqwest::Method;
use tocsin_api_types::IngestReport;
use tocsin_tests::{Options, Reply, Tocsin, Webhook, firing};

async fn send(tocsin: &Tocsin, path: &str, body: impl Into<Vec<u8>>) -> Reply {
    // Senders have no API credentials; on loopback they need none.
    let request = tocsin.request(Method::POST, path).anonymous();
    request.bytes(body).send().await
}

#[tokio::test]
async fn additional_slashes_are_accepted() {
    let tocsin = Tocsin::start(Options::default()).await;
    for (n, path) in [
        "/api/v1/webhooks/alertmanager/",
        "//api/v1/webhooks/alertmanager",
        "/api/v1//webhooks/alertmanager?source=east",
    ]
    .iter()
    .enumerate()
    {
        let body = Webhook::of([firing("Down").instance(&n.to_string())]).bytes();
        let report: IngestReport = send(&tocsin, path, body).await.json();
        assert_eq!(report.opened, 1, "{path}");
    }
    assert_eq!(
        tocsin
            .all::<tocsin_api_types::Incident>("incidents")
            .await
            .len(),
        3
    );
}

#[tokio::test]
async fn wrong_path_error_contains_the_right_path() {
    let tocsin = Tocsin::start(Options::default()).await;
    let body = Webhook::of([firing("Down")]).bytes();
    for path in [
        "/api/v1/webhook/alertmanager",
        "/webhooks/alertmanager",
        "/alertmanager",
    ] {
        let problem = send(&tocsin, path, body.clone()).await.problem(404);
        let detail = problem.detail;
        assert!(
            detail.contains("/api/v1/webhooks/alertmanager"),
            "{path}: {detail}"
        );
    }
    // A Prometheus server configured with this program as its Alertmanager.
    for path in ["/api/v2/alerts", "/tocsin/api/v2/alerts"] {
        let problem = send(&tocsin, path, "[]").await.problem(404);
        let detail = problem.detail;
        assert!(detail.contains("webhook_configs"), "{path}: {detail}");
    }
    // A GET is an ordinary 404.
    tocsin
        .request(Method::GET, "/api/v2/alerts")
        .send()
        .await
        .expect(404);
}
