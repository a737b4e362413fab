//! Test alerts.

use std::time::Duration;

use serde_json::json;
use tocsin_core::routing::TestTarget;
use tocsin_pipeline::{TestAlert, Webhook};

use crate::Ingest;

crate::on_both!(test_alert_notifies_its_target_and_is_resolved);

async fn test_alert_notifies_its_target_and_is_resolved(ingest: &Ingest) {
    ingest.add_recipient().await;
    // There is no default group, so other alerts have no recipient.
    ingest
        .run("UPDATE recipient_groups SET is_default = FALSE")
        .await;
    ingest
        .run("UPDATE meta SET value = '78' WHERE name = 'directory_version'")
        .await;
    let recipient = ingest.number("SELECT MAX(id) FROM recipients").await;
    let alert = TestAlert {
        source: "alertmanager".to_owned(),
        labels: json!({"alertname": "TocsinTest"}),
        annotations: json!({}),
        target: Some(TestTarget::Recipient([recipient])),
    };
    let body = alert
        .begin(ingest.db(), ingest.pipeline.now())
        .await
        .unwrap();
    let webhook = Webhook {
        source: alert.source.clone(),
        body: body.into(),
        space: ingest.pipeline.queue_permit(),
        target: alert.target,
    };
    assert_eq!(ingest.pipeline.ingest(webhook).await.unwrap().opened, 1);
    let pending = "SELECT COUNT(*) FROM meta WHERE name LIKE 'test!_alert.%' ESCAPE '!'";
    assert_eq!(ingest.number(pending).await, 1);
    let notifications = "SELECT COUNT(*) FROM notifications";
    assert_eq!(ingest.number(notifications).await, 1);
    ingest.minutes_pass(1);
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    while ingest.number(pending).await > 0 {
        assert!(
            tokio::time::Instant::now() < until,
            "the test alert was not resolved"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let open = "SELECT COUNT(*) FROM incidents WHERE state = 0";
    assert_eq!(ingest.number(open).await, 0);
    assert_eq!(ingest.number(notifications).await, 2);
}
