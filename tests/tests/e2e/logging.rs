//! The program keeps working if its log is not read.

use tocsin_api_types::NotificationState;
use tocsin_tests::{Options, SmtpServer, Tocsin, Webhook, eventually, firing, team};

/// With a log line each, more than the pipe and the log queue hold.
const REQUESTS: usize = 1_000;

#[tokio::test]
async fn stalled_log_reader_blocks_nothing() {
    let server = SmtpServer::plain();
    let options = Options::default().smtp(&server).set("log.level", "trace");
    let mut tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    tocsin.stop_reading_log();
    eventually("lines are dropped and counted", || async {
        for _ in 0..REQUESTS {
            tocsin.get::<serde_json::Value>("/api/v1/status").await;
        }
        let metrics = tocsin.metrics().await;
        (metrics.sum("tocsin_log_lines_dropped_total", &[]) > 0.0).then_some(())
    })
    .await;
    for n in 0..3 {
        let alert = firing("Down").team("infra").instance(&n.to_string());
        assert_eq!(tocsin.post(&Webhook::of([alert])).await.opened, 1);
    }
    server.wait_for(3).await;
    let notifications = tocsin.wait_for_notifications().await;
    assert!(
        notifications
            .iter()
            .all(|notification| notification.state == NotificationState::Sent)
    );
    tocsin.terminate();
    assert!(tocsin.wait_for_exit().await.success(), "it exits normally");
}

#[tokio::test]
async fn closed_log_pipe_blocks_nothing() {
    let server = SmtpServer::plain();
    let mut tocsin = Tocsin::start(Options::default().smtp(&server)).await;
    team(&tocsin, "infra").await;
    tocsin.close_log();
    for n in 0..20 {
        let alert = firing("Down").team("infra").instance(&n.to_string());
        assert_eq!(tocsin.post(&Webhook::of([alert])).await.opened, 1);
    }
    server.wait_for(20).await;
    tocsin.terminate();
    assert!(tocsin.wait_for_exit().await.success(), "it exits normally");
}
