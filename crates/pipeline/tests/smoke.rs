//! The pipeline against a real SQLite database.

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::judge::Rules;
use tocsin_mailer::{Address, MemoryMailer, Renderer};
use tocsin_pipeline::{IngestReport, Pipeline, PipelineSettings, SystemClock, Webhook};
use tocsin_storage::{Db, DbSettings};

fn fixture(name: &str) -> bytes::Bytes {
    let path = format!(
        "{}/../../tests/fixtures/payloads/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(path).expect("a fixture").into()
}

async fn pipeline(directory: &std::path::Path) -> Pipeline {
    let url = format!("sqlite://{}/tocsin.sqlite", directory.display());
    let connect_timeout = Duration::from_secs(5);
    let db = Db::open(&DbSettings {
        url,
        max_connections: 4,
        connect_timeout,
    })
    .await
    .expect("a database");
    let settings = PipelineSettings {
        rules: Rules {
            window: Duration::from_secs(300),
            stale_after: Duration::from_secs(32_400),
        },
        team_label: "team".to_owned(),
        queue_bytes: 1 << 26,
        body_retention: Duration::from_secs(86_400),
        refused_bytes: 1 << 20,
        from: Address::new("Tocsin", "tocsin@example.com"),
        public_url: None,
    };
    let mailer = Arc::new(MemoryMailer::default());
    let renderer = Renderer::new(None).expect("templates");
    Pipeline::start(db, mailer, renderer, Arc::new(SystemClock), settings)
        .await
        .expect("a start")
}

async fn deliver(pipeline: &Pipeline, name: &str) -> IngestReport {
    let webhook = Webhook {
        source: "alertmanager".to_owned(),
        body: fixture(name),
        space: pipeline.space(),
    };
    pipeline.ingest(webhook).await.expect("stored")
}

#[tokio::test(flavor = "multi_thread")]
async fn firing_repeat_and_resolved_are_one_incident() {
    let directory = tempfile::tempdir().expect("a directory");
    let pipeline = pipeline(directory.path()).await;
    let opened = deliver(&pipeline, "alertmanager-0.25-single-1-firing").await;
    assert_eq!((opened.opened, opened.alerts), (1, 1));
    let again = deliver(&pipeline, "alertmanager-0.25-single-2-repeat").await;
    assert_eq!(again.seen_again, 1);
    let resolved = deliver(&pipeline, "alertmanager-0.25-single-3-resolved").await;
    assert_eq!(resolved.resolved, 1);
    let big = deliver(&pipeline, "alertmanager-0.25-big-410").await;
    assert_eq!(big.opened, 410);
    pipeline.shutdown().await;
}
